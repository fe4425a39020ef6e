/** Prints a verified module for people: the output of `boruna inspect`. */
import { BUILTIN_BY_ID } from "../builtins/builtin-table.ts";
import { type Instruction, locationOf, type Module, type Signature, type TypeDef } from "./module.ts";
import { type OperandKind, opcode } from "./opcodes.ts";
import type { Program, VerifiedFunction } from "./program.ts";
import { replaceUnsafe } from "../terminal-text.ts";
import { CONTRACT_KINDS, WRAPPERS } from "./tags.ts";
import { textForm } from "../value/display.ts";

/** The maximum length of a constant in the listing, in UTF-16 code units. */
const MAX_CONSTANT_UNITS = 60;
/** The column at which the notes beside the code begin. */
const NOTE_COLUMN = 32;

function shorten(text: string): string {
  return text.length <= MAX_CONSTANT_UNITS
    ? replaceUnsafe(text)
    : `${replaceUnsafe(text.slice(0, MAX_CONSTANT_UNITS).replace(/[\ud800-\udbff]$/, ""))}…`;
}

/**
 * Returns a listing of the types, the constants and the code of every function. A note beside an instruction names its
 * operands and, if the module has debug info, its source line. The listing is safe to print, because control characters are
 * escaped and long constants are cut.
 */
export function disassemble(program: Program): string {
  const { module } = program;
  const constants = module.constants.map((constant) => shorten(textForm(constant)));
  const lines = [
    `module ${replaceUnsafe(module.name)}`,
    `hash ${program.moduleHash}`,
    `entry ${functionLabel(module, module.entry)}`,
    `${module.functions.length} functions, ${module.constants.length} constants, ${module.types.length} types, ${module.globals.length} globals`,
  ];
  if (module.signature !== undefined) lines.push(`signature ${replaceUnsafe(signatureText(module.signature))}`);
  if (program.usesActors) lines.push("uses actors");
  if (module.types.length > 0) lines.push("", ...module.types.map((type, i) => `type ${i} ${replaceUnsafe(typeText(type))}`));
  if (constants.length > 0) lines.push("", ...constants.map((constant, i) => `const ${i} ${constant}`));
  const sections = program.functions.map((fn) => functionLines(fn, program, constants).join("\n"));
  return `${[lines.join("\n"), ...sections].join("\n\n")}\n`;
}

function functionLabel(module: Module, index: number): string {
  return `fn ${index} ${replaceUnsafe(module.functions[index]?.name ?? "?")}`;
}

function signatureText(signature: Signature): string {
  return `(${signature.params.map((p) => `${p.name}: ${p.type}`).join(", ")}) -> ${signature.result}`;
}

function typeText(type: TypeDef): string {
  const params = type.params === undefined || type.params.length === 0 ? "" : `<${type.params.join(", ")}>`;
  const parts =
    type.kind === "record"
      ? type.fields.map((f) => `${f.name}: ${f.type}`)
      : type.variants.map((v) => (v.type === null ? v.name : `${v.name}(${v.type})`));
  return `${type.kind} ${type.name}${params} { ${parts.join(", ")} }`;
}

function capabilityName(program: Program, id: number): string {
  return program.registry.byId.get(id)?.name ?? String(id);
}

function functionLines(fn: VerifiedFunction, program: Program, constants: readonly string[]): string[] {
  const { def, index } = fn;
  const capabilities = [...fn.capabilities].map((id) => capabilityName(program, id));
  const stack = fn.staticallyStacked ? `stack ${fn.maxStack}` : "dynamically stacked";
  const effects = capabilities.length === 0 ? "" : ` !{${capabilities.join(", ")}}`;
  const lines = [`${functionLabel(program.module, index)}: ${def.arity} arguments, ${def.locals} locals, ${stack}${effects}`];
  if (def.intent !== null) lines.push(`  intent ${shorten(def.intent)}`);
  let line: number | undefined;
  def.code.forEach((instruction, pc) => {
    const location = locationOf(program.module, index, pc);
    const source = location.line === undefined || location.line === line ? [] : [`${replaceUnsafe(location.file ?? "?")}:${location.line}`];
    line = location.line;
    const notes = [...notesOf(instruction, { program, constants, fn }), ...source];
    const text = `${String(pc).padStart(6)}  ${[instruction.op, ...instruction.operands].join(" ")}`;
    lines.push(notes.length === 0 ? text : `${text.padEnd(NOTE_COLUMN)}  ; ${notes.join(" · ")}`);
  });
  def.matchTables.forEach((table, i) => lines.push(`  table ${i}: ${table.map((arm) => `${arm.tag} → ${arm.target}`).join(", ")}`));
  return lines;
}

interface NoteContext {
  readonly program: Program;
  readonly constants: readonly string[];
  readonly fn: VerifiedFunction;
}

function notesOf({ op, operands }: Instruction, context: NoteContext): string[] {
  const kinds: readonly OperandKind[] = opcode(op).operands;
  return kinds.flatMap((kind, i) => noteOf(kind, operands[i] ?? 0, operands, context) ?? []);
}

/** Returns a note for one operand; undefined if the number needs no note. */
function noteOf(
  kind: OperandKind,
  operand: number,
  operands: readonly number[],
  { program, constants, fn }: NoteContext,
): string | undefined {
  const { module } = program;
  switch (kind) {
    case "constant":
    case "type_text":
    case "update_path":
      return constants[operand];
    case "local": {
      const name = module.debug?.functions[fn.index]?.locals[operand];
      return name === undefined || name === "" ? undefined : replaceUnsafe(name);
    }
    case "global":
      return replaceUnsafe(module.globals[operand] ?? "?");
    case "function":
      return replaceUnsafe(module.functions[operand]?.name ?? "?");
    case "type":
      return replaceUnsafe(module.types[operand]?.name ?? "?");
    case "variant": {
      const type = module.types[operands[0] ?? -1];
      return type?.kind === "enum" ? replaceUnsafe(type.variants[operand]?.name ?? "?") : undefined;
    }
    case "capability":
      return capabilityName(program, operand);
    case "builtin":
      return BUILTIN_BY_ID.get(operand)?.name ?? "?";
    case "contract_kind":
      return CONTRACT_KINDS[operand]?.toLowerCase();
    case "wrap_kind":
      return WRAPPERS[operand];
    case "jump":
    case "match_table":
    case "field":
    case "count":
    case "clause":
      return undefined;
  }
}
