/**
 * The verifier checks a module before it runs and returns it as a `Program`. It checks sizes, the entry and the entry's
 * signature. Then it checks every function: each instruction must have the operands of its opcode, and every index, jump and
 * count must be in range. Finally `stackHeights` decides whether the function is statically stacked, which means that the height
 * of the operand stack before every instruction is known. The verifier uses no recursion and takes time linear in the size of the module.
 *
 * Both engines rely on the verifier. They use indices of constants, locals, functions and jump targets without checking them.
 */
import { BUILTIN_BY_ID, BUILTINS } from "../builtins/builtin-table.ts";
import { BUILTIN_REGISTRY, type CapabilityRegistry, REGISTRY_HINT } from "../capabilities.ts";
import { moduleHash } from "./codec.ts";
import { BorunaError } from "../error.ts";
import { lazily } from "../lazy.ts";
import { MACHINE_LIMITS, MODULE_LIMITS } from "../limits.ts";
import { messageType } from "../interpreter/message-types.ts";
import type { FunctionDef, Instruction, Module, TypeDef } from "./module.ts";
import { type OpcodeRow, OPCODES, type OperandKind, opcode, type OpName } from "./opcodes.ts";
import { childrenOf, isContainer, isObjectValue } from "../value/children.ts";
import { checkSerializable } from "../value/serializable.ts";
import type { Program, VerifiedFunction } from "./program.ts";
import { CODE_STRIDE, stackHeights } from "./stack-heights.ts";
import { CONTRACT_KINDS, WRAPPERS } from "./tags.ts";
import { updatePath } from "./update-path.ts";
import { WordSpace } from "./word-space.ts";
import { LEGACY_OPTION_TYPE, LEGACY_RESULT_TYPE } from "../value/display.ts";
import { GENERIC_TYPE_ARITY, parseType, type Type, typeToString } from "../value/type.ts";
import { FnRefValue, type Value } from "../value/value.ts";

/** Instructions that need scheduled actors. */
const ACTOR_OPS: ReadonlySet<OpName> = new Set<OpName>(["SpawnActor", "SendMsg", "ReceiveMsg", "ReceiveAs", "ParMap", "Par"]);
/** Instructions that only a module with `tasks` may have. */
const BRANCH_OPS: ReadonlySet<OpName> = new Set<OpName>(["ParMap", "Par"]);
const ACTOR_TAGS: ReadonlySet<number> = new Set([...ACTOR_OPS].map((name) => opcode(name).tag));
const isElementary = (builtinId: number | undefined): boolean => BUILTIN_BY_ID.get(builtinId ?? -1)?.isElementary === true;
const U8_MAX = 0xff;
const I32_MAX = 0x7fff_ffff;

/** The second part of an error's kind: `module.bad_entry`. */
type Kind =
  | "bad_entry"
  | "bad_arity"
  | "bad_operand"
  | "bad_jump"
  | "bad_constant"
  | "bad_signature"
  | "unknown_capability"
  | "unknown_builtin"
  | "too_large";

function fail(kind: Kind, message: string): never {
  throw new BorunaError(`module.${kind}`, message, { hint: kind === "unknown_capability" ? REGISTRY_HINT : undefined });
}

/** The number of parameters of each native builtin, by id. */
const builtinParamCount = lazily(
  (): ReadonlyMap<number, number> =>
    new Map(
      BUILTINS.filter((b) => b.source === undefined).map((b) => {
        const type = parseType(b.type, new Set(b.typeParams));
        return [b.id, (type.kind === "fn" ? type.params.length : 0) + (b.convertsJson ? 1 : 0)] as const;
      }),
    ),
);

/**
 * Checks a module and returns it as a program. Throws `module.` and one of: `bad_entry`, `bad_arity`, `bad_operand`,
 * `bad_jump`, `bad_constant`, `bad_signature`, `unknown_capability`, `unknown_builtin`, `too_large`. Field indices and the
 * types of values are checked at run time.
 */
export function verifyModule(module: Module, registry: CapabilityRegistry = BUILTIN_REGISTRY): Program {
  checkSizes(module);
  if (module.functions[module.entry] === undefined)
    fail("bad_entry", `the entry is function ${module.entry}; the module has ${module.functions.length}`);
  module.constants.forEach((constant, index) => checkConstant(constant, index, module));
  const types: DeclaredTypes = { arity: lazily(() => arityOf(module.types)), problems: new Map() };
  checkSignature(module, types);
  const instructionCount = module.functions.reduce((sum, { code }) => sum + code.length, 0);
  // `CODE_STRIDE` is the number of words per instruction. One more word is for the height before it.
  const words = new WordSpace(instructionCount * (CODE_STRIDE + 1));
  const functions = module.functions.map((def, index) => verifyFunction({ module, registry, types, words, def, index }));
  for (const constant of module.constants) if (typeof constant === "string" || isContainer(constant)) checkSerializable(constant);
  return new VerifiedProgram(module, registry, functions);
}

/** A class, because V8 makes and collects an object slowly if its literal contains a getter. */
class VerifiedProgram implements Program {
  readonly module: Module;
  readonly registry: CapabilityRegistry;
  readonly functions: readonly VerifiedFunction[];
  readonly usesActors: boolean;
  readonly usesElementaryFunctions: boolean;
  readonly kept: unknown[] = [];
  #hash: string | undefined;

  constructor(module: Module, registry: CapabilityRegistry, functions: readonly VerifiedFunction[]) {
    this.module = module;
    this.registry = registry;
    this.functions = functions;
    let usesActors = false;
    let usesElementaryFunctions = false;
    for (const { code } of functions) {
      for (let at = 0; at < code.length; at += CODE_STRIDE) {
        const tag = code[at] ?? 0;
        if (ACTOR_TAGS.has(tag)) usesActors = true;
        else if (tag === OPCODES.Builtin.tag && isElementary(code[at + 1])) usesElementaryFunctions = true;
      }
    }
    this.usesActors = usesActors;
    this.usesElementaryFunctions = usesElementaryFunctions;
  }

  /** Computed at the first access, because hashing takes longer than a short run. */
  get moduleHash(): string {
    this.#hash ??= moduleHash(this.module, this.registry);
    return this.#hash;
  }
}

function checkSizes(module: Module): void {
  const sizes = [
    ["functions", module.functions.length, MODULE_LIMITS.functions],
    ["constants", module.constants.length, MODULE_LIMITS.constants],
    ["globals", module.globals.length, MODULE_LIMITS.globals],
    ["types", module.types.length, MODULE_LIMITS.types],
  ] as const;
  for (const [what, size, max] of sizes) if (size > max) fail("too_large", `the module has ${size} ${what}; the limit is ${max}`);
}

/** Checks that every function in a constant exists. */
function checkConstant(constant: Value, index: number, module: Module): void {
  if (!isObjectValue(constant)) return;
  const pending: Value[] = [constant];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (!isObjectValue(value)) continue;
    if (value instanceof FnRefValue && module.functions[value.index] === undefined)
      fail("bad_constant", `constant ${index} is function ${value.index}, which is not there`);
    for (const child of childrenOf(value)) if (isObjectValue(child)) pending.push(child);
  }
}

/** The types that the module declares, and the results of checking its type texts. */
interface DeclaredTypes {
  /** Returns the number of type parameters of each type that the module may name. */
  readonly arity: () => ReadonlyMap<string, number>;
  /** What is wrong with each constant that an instruction uses as a type; undefined if it is valid. */
  readonly problems: Map<number, string | undefined>;
}

function arityOf(types: readonly TypeDef[]): ReadonlyMap<string, number> {
  return new Map([...types.map((t) => [t.name, t.params?.length ?? 0] as const), ...GENERIC_TYPE_ARITY]);
}

function checkSignature(module: Module, { arity }: DeclaredTypes): void {
  const { signature } = module;
  if (signature === undefined) return;
  const entry = module.functions[module.entry];
  if (entry?.arity !== signature.params.length)
    fail("bad_signature", `the signature has ${signature.params.length} parameters, the entry ${entry?.arity ?? 0}`);
  if (new Set(signature.params.map((p) => p.name)).size !== signature.params.length) fail("bad_signature", "two parameters have one name");
  for (const text of [...signature.params.map((p) => p.type), signature.result]) checkSignatureType(text, arity);
}

function checkSignatureType(text: string, arity: DeclaredTypes["arity"]): void {
  const unknown = unknownType(parseSignatureType(text), arity);
  if (unknown !== undefined) fail("bad_signature", `the signature names a type that the module does not have: ${unknown}`);
}

/** Returns the text of the first type inside `root` that the module does not declare. */
function unknownType(root: Type, arity: DeclaredTypes["arity"]): string | undefined {
  const pending: Type[] = [root];
  for (let type = pending.pop(); type !== undefined; type = pending.pop()) {
    if (type.kind === "fn") pending.push(...type.params, type.result);
    if (type.kind !== "named") continue;
    if (arity().get(type.name) !== type.args.length) return typeToString(type).slice(0, 80);
    pending.push(...type.args);
  }
  return undefined;
}

function parseSignatureType(text: string): Type {
  try {
    return parseType(text);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new BorunaError("module.bad_signature", `the signature: ${error.message}`, { cause: error });
  }
}

interface FunctionContext {
  readonly module: Module;
  readonly registry: CapabilityRegistry;
  readonly types: DeclaredTypes;
  readonly words: WordSpace;
  readonly def: FunctionDef;
  readonly index: number;
}

const NO_HEIGHTS = new Int32Array();
const NO_CAPABILITIES: ReadonlySet<number> = new Set();

function verifyFunction(context: FunctionContext): VerifiedFunction {
  const { def, index, registry } = context;
  if (def.code.length > MODULE_LIMITS.codeLength)
    fail("too_large", `${functionName(context)} has ${def.code.length} instructions; the limit is ${MODULE_LIMITS.codeLength}`);
  if (def.locals > MODULE_LIMITS.locals)
    fail("too_large", `${functionName(context)} has ${def.locals} locals; the limit is ${MODULE_LIMITS.locals}`);
  if (def.arity > U8_MAX || def.arity > def.locals)
    fail("bad_arity", `${functionName(context)} takes ${def.arity} arguments and has ${def.locals} locals`);
  for (const id of def.capabilities)
    if (!registry.byId.has(id)) fail("unknown_capability", `${functionName(context)} declares capability ${id}, which is not there`);
  def.matchTables.forEach((table, i) => {
    if (table.length > MODULE_LIMITS.matchArms)
      fail("too_large", `match table ${i} of ${functionName(context)} has ${table.length} arms; the limit is ${MODULE_LIMITS.matchArms}`);
    // A target may be the end of the code, which returns Unit. Older compilers use that.
    const outsideArm = table.find(({ target }) => !Number.isInteger(target) || target < 0 || target > def.code.length);
    if (outsideArm !== undefined)
      fail(
        "bad_jump",
        `match table ${i} of ${functionName(context)} goes to ${outsideArm.target}; the code has ${def.code.length} instructions`,
      );
  });
  const code = context.words.take(def.code.length * CODE_STRIDE);
  let at = 0;
  for (const instruction of def.code) {
    const { operands } = instruction;
    code[at] = checkInstruction(context, at / CODE_STRIDE, instruction);
    for (let i = 0; i < operands.length; i++) code[at + 1 + i] = operands[i] ?? 0;
    at += CODE_STRIDE;
  }
  const stack = stackHeights(code, def.matchTables, context.words.take(def.code.length));
  return {
    index,
    def,
    staticallyStacked: stack !== undefined,
    maxStack: stack?.highest ?? 0,
    heights: stack?.heights ?? NO_HEIGHTS,
    code,
    capabilities: def.capabilities.length === 0 ? NO_CAPABILITIES : new Set(def.capabilities),
    kept: [],
  };
}

function functionName({ def, index }: FunctionContext): string {
  return `function ${index} (${JSON.stringify(def.name.slice(0, 80))})`;
}

function failAt(kind: Kind, context: FunctionContext, pc: number, message: string): never {
  return fail(kind, `${context.def.code[pc]?.op} at ${pc} in ${functionName(context)}: ${message}`);
}

/** Checks the instruction at `pc` and returns the tag of its opcode. */
function checkInstruction(context: FunctionContext, pc: number, instruction: Instruction): number {
  const { op, operands } = instruction;
  const row: OpcodeRow = opcode(op);
  if (operands.length !== row.operands.length)
    failAt("bad_operand", context, pc, `has ${operands.length} operands instead of ${row.operands.length}`);
  for (let i = 0; i < operands.length; i++) {
    const operand = operands[i] ?? -1;
    const kind = row.operands[i];
    if (!Number.isInteger(operand) || operand < 0 || operand > I32_MAX)
      failAt("bad_operand", context, pc, `${kind} ${operand} is out of range`);
    if (kind !== undefined) checkOperand(kind, operand, context, pc, instruction);
  }
  if (row.popsCount === true) checkCount(row, context, pc, instruction);
  if (context.module.tasks === undefined && BRANCH_OPS.has(op)) failAt("bad_operand", context, pc, "needs a module with `tasks`");
  return row.tag;
}

/** Returns the exclusive upper bound of an operand; undefined if the operand is checked elsewhere or at run time. */
function operandBound(kind: OperandKind, operand: number, { module, def }: FunctionContext, instruction: Instruction): number | undefined {
  switch (kind) {
    case "constant":
    case "type_text":
    case "update_path":
      return module.constants.length;
    case "local":
      return def.locals;
    case "global":
      return module.globals.length;
    case "function":
      return module.functions.length;
    case "jump":
      return def.code.length + 1;
    case "match_table":
      return def.matchTables.length;
    case "type": {
      const isLegacy = instruction.op === "MakeEnum" && (operand === LEGACY_OPTION_TYPE || operand === LEGACY_RESULT_TYPE);
      return isLegacy ? undefined : module.types.length;
    }
    case "variant": {
      const type = module.types[instruction.operands[0] ?? -1];
      return type?.kind === "enum" ? type.variants.length : undefined;
    }
    case "contract_kind":
      return CONTRACT_KINDS.length;
    case "wrap_kind":
      return WRAPPERS.length;
    case "capability":
    case "builtin":
    case "field":
    case "clause":
    case "count":
      return undefined;
  }
}

function checkOperand(kind: OperandKind, operand: number, context: FunctionContext, pc: number, instruction: Instruction): void {
  const size = operandBound(kind, operand, context, instruction);
  if (size !== undefined && operand >= size) {
    failAt(kind === "jump" ? "bad_jump" : "bad_operand", context, pc, `${kind} ${operand} is not there; there are ${size}`);
  }
  if (kind === "capability" && !context.registry.byId.has(operand))
    failAt("unknown_capability", context, pc, `capability ${operand} is not there`);
  if (kind === "builtin" && !builtinParamCount().has(operand)) failAt("unknown_builtin", context, pc, `builtin ${operand} is not there`);
  if (kind === "type_text") checkTypeText(operand, context, pc);
  if (kind === "update_path") checkUpdatePath(operand, context, pc, instruction);
}

/** Checks that the constant is the text of an update path, and that the instruction pops the path's indices and one value. */
function checkUpdatePath(operand: number, context: FunctionContext, pc: number, { operands }: Instruction): void {
  const { indexCount } = updatePath(context.module, operand) ?? failAt("bad_operand", context, pc, `constant ${operand} is no update path`);
  const count = operands[2] ?? 0;
  if (count !== indexCount + 1) failAt("bad_arity", context, pc, `pops ${count} values for a path with ${indexCount} indices`);
}

/** Checks that the constant is the text of a type and that the module declares every type in it. */
function checkTypeText(operand: number, context: FunctionContext, pc: number): void {
  const { module, types } = context;
  if (!types.problems.has(operand)) types.problems.set(operand, typeProblemOf(module, operand, types.arity));
  const problem = types.problems.get(operand);
  if (problem !== undefined) failAt("bad_operand", context, pc, `constant ${operand} ${problem}`);
}

function typeProblemOf(module: Module, constant: number, arity: DeclaredTypes["arity"]): string | undefined {
  try {
    const type = messageType(module, constant);
    if (type === undefined) return "is no String";
    const unknown = unknownType(type, arity);
    return unknown === undefined ? undefined : `names a type that the module does not have: ${unknown}`;
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    return `is no type: ${error.message}`;
  }
}

function checkCount(row: OpcodeRow, context: FunctionContext, pc: number, { op, operands }: Instruction): void {
  const count = operands[row.operands.indexOf("count")] ?? 0;
  // Bytecode 1.1 stores counts as u8. MakeMap is an extension, so only the size of a stack limits its count.
  const max = op === "MakeMap" ? MACHINE_LIMITS.stackSlots : U8_MAX;
  if (count > max) failAt("bad_operand", context, pc, `count ${count} is over ${max}`);
  if (op === "MakeMap" && count % 2 !== 0) failAt("bad_operand", context, pc, `count ${count} is odd`);
  if (op !== "MakeClosure" && op !== "Builtin") return;
  const target = operands[0] ?? 0;
  const arity = op === "MakeClosure" ? context.module.functions[target]?.arity : builtinParamCount().get(target);
  if (op === "MakeClosure" && count > (arity ?? 0))
    failAt("bad_arity", context, pc, `captures ${count} values for a function of ${arity} parameters`);
  if (op === "Builtin" && arity !== count) failAt("bad_arity", context, pc, `builtin ${target} takes ${arity} arguments`);
}
