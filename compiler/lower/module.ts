/**
 * Lowers a checked program to a module. The module contains the functions of the root file, all functions that they refer
 * to, and the constants and types of these functions. The input is the IR of each function (`ir.ts`), the output is a
 * `Module` (`vm/bytecode/module.ts`). The files of this folder make these parts:
 *
 *     module.ts     which functions, types and constants the module has, and their indexes
 *     function.ts   the body of one function: expressions and statements
 *     patterns.ts   `match`
 *     emitter.ts    instructions, labels, stack slots, source positions
 *
 * For example, `fn inc(n: Int) -> Int { n + 1 }` becomes `LoadLocal 0; PushConst 0; Add; Ret`, and constant 0 is 1.
 */
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import type { CapabilityRegistry } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { MODULE_LIMITS } from "../../vm/limits.ts";
import type { FunctionDebug, FunctionDef, Module, TypeDef } from "../../vm/bytecode/module.ts";
import { ANY_TYPE } from "../../vm/interpreter/message-types.ts";
import { isTupleName, MAX_TYPE_DEPTH, type Type, typeToString } from "../../vm/value/type.ts";
import type { ObjectValue, Value } from "../../vm/value/value.ts";
import type { CheckedProgram } from "../check/program.ts";
import type { Callable, CheckedBody } from "../ir.ts";
import { lineTable, type LineTable, type SourceFile } from "../source.ts";
import { ACTOR_ID, type CheckedType, declarationsIn, type FieldInfo, partsOf, prune, toModuleType, type TypeDecl } from "../check-types.ts";
import { capabilitiesOf, type Row } from "../rows.ts";
import { type Emitter, FunctionTooLarge } from "./emitter.ts";
import { builtinWrapper, FunctionLowering, type ModulePool } from "./function.ts";

/** Returns the key under which equal constants share an entry of the constant pool, or null if the constant is not shared. */
function constantKey(value: ObjectValue): string | null {
  if (value.tag === "Float") return Object.is(value.value, -0) ? "f-0" : `f${value.value}`;
  if (value.tag === "FnRef") return `r${value.index}`;
  return value.tag === "Unit" || value.tag === "None" ? value.tag : null;
}

/** The line tables of the source builtins, by their texts. All programs share them. */
const BUILTIN_LINES = new Map<string, LineTable>();

function linesOfBuiltin(text: string): LineTable {
  const lines = BUILTIN_LINES.get(text) ?? lineTable(text);
  BUILTIN_LINES.set(text, lines);
  return lines;
}

/** Collects the parts of a module. A function gets its index when code first refers to it, and is lowered later. */
class ModuleBuilder implements ModulePool {
  readonly constants: Value[] = [];
  readonly functions: (FunctionDef | null)[] = [];
  readonly debug: FunctionDebug[] = [];
  readonly types: TypeDef[] = [];
  readonly #registry: CapabilityRegistry;
  readonly #files: readonly SourceFile[];
  /** The indexes of constants that are strings, numbers or Bools. */
  readonly #primitiveIndex = new Map<Value, number>();
  /** The indexes of other constants, by `constantKey`. */
  readonly #objectIndex = new Map<string, number>();
  readonly #functionIndex = new Map<Callable, number>();
  /** The indexes of `builtinFunction`, by the name of the builtin and its type argument. */
  readonly #builtinIndex = new Map<string, number>();
  readonly #typeIndex = new Map<string, number>();
  readonly #lines = new Map<SourceFile, LineTable>();
  readonly #unlowered: { readonly callable: Callable; readonly index: number }[] = [];

  constructor(registry: CapabilityRegistry, files: readonly SourceFile[]) {
    this.#registry = registry;
    this.#files = files;
  }

  constant(value: Value): number {
    if (typeof value !== "object") {
      const index = this.#primitiveIndex.get(value) ?? this.#addConstant(value);
      this.#primitiveIndex.set(value, index);
      return index;
    }
    const key = constantKey(value);
    if (key === null) return this.#addConstant(value);
    const index = this.#objectIndex.get(key) ?? this.#addConstant(value);
    this.#objectIndex.set(key, index);
    return index;
  }

  #addConstant(value: Value): number {
    this.constants.push(value);
    if (this.constants.length > MODULE_LIMITS.constants) throw new FunctionTooLarge(`more than ${MODULE_LIMITS.constants} constants`);
    return this.constants.length - 1;
  }

  functionIndex(target: Callable): number {
    const existing = this.#functionIndex.get(target);
    if (existing !== undefined) return existing;
    const index = this.#reserveIndex();
    this.#functionIndex.set(target, index);
    this.#unlowered.push({ callable: target, index });
    return index;
  }

  /** Adds an empty entry for a function and returns its index. */
  #reserveIndex(): number {
    this.functions.push(null);
    this.debug.push({ file: -1, locals: [], spans: [] });
    if (this.functions.length > MODULE_LIMITS.functions) throw new FunctionTooLarge(`more than ${MODULE_LIMITS.functions} functions`);
    return this.functions.length - 1;
  }

  builtinFunction(builtin: BuiltinDecl, arity: number, typeArg: CheckedType | null): number {
    const typeText = typeArg === null ? null : this.typeText(typeArg);
    const key = typeText === null ? builtin.name : `${builtin.name} ${typeText}`;
    const existing = this.#builtinIndex.get(key);
    if (existing !== undefined) return existing;
    const index = this.#reserveIndex();
    this.#builtinIndex.set(key, index);
    this.#setFunction(index, builtinWrapper(builtin, arity, typeText === null ? null : this.constant(typeText), lineTable("")), {
      name: builtin.name,
      arity,
      row: [],
      intent: null,
      file: -1,
      offset: 0,
    });
    return index;
  }

  /** `offset` is the position of the function's declaration in its file. */
  #setFunction(
    index: number,
    emitter: Emitter,
    f: { name: string; arity: number; row: Row; intent: string | null; file: number; offset: number },
  ): void {
    const ids: number[] = [];
    for (const name of capabilitiesOf(f.row)) {
      const capability = this.#registry.byName.get(name);
      if (capability !== undefined) ids.push(capability.id);
    }
    ids.sort((a, b) => a - b);
    const { def, debug } = emitter.finish(f.name, f.arity, ids, f.intent, f.file, emitter.lineAt(f.offset));
    this.functions[index] = def;
    this.debug[index] = debug;
  }

  typeIndex(decl: TypeDecl): number {
    const existing = this.#typeIndex.get(decl.moduleName);
    if (existing !== undefined) return existing;
    const index = this.types.length;
    this.#typeIndex.set(decl.moduleName, index);
    const params = decl.params.length === 0 ? {} : { params: decl.params.map((p) => p.name) };
    if (decl.kind === "record") {
      this.types.push({ name: decl.moduleName, kind: "record", fields: fieldDefs(decl.fields), ...params });
      for (const field of decl.fields) this.addTuples(field.type);
      return index;
    }
    const variants = decl.variants.map((v) => {
      if (v.payload === null) return { name: v.name, type: null };
      if (v.payload.kind === "single") return { name: v.name, type: typeToString(toModuleType(v.payload.type)) };
      const args = decl.params.length === 0 ? "" : `<${decl.params.map((p) => p.name).join(", ")}>`;
      return { name: v.name, type: `${decl.moduleName}::${v.name}${args}` };
    });
    this.types.push({ name: decl.moduleName, kind: "enum", variants, ...params });
    for (const v of decl.variants) {
      if (v.payload?.kind !== "struct") continue;
      this.#typeIndex.set(`${decl.moduleName}::${v.name}`, this.types.length);
      this.types.push({ name: `${decl.moduleName}::${v.name}`, kind: "record", fields: fieldDefs(v.payload.fields), ...params });
    }
    for (const type of partsOf(decl)) this.addTuples(type);
    return index;
  }

  /**
   * Adds the tuple types in a type to the module. The machine needs them when such a value enters it as an argument or answer, even if no
   * instruction refers to them.
   */
  addTuples(type: CheckedType): void {
    for (const decl of declarationsIn(type)) if (isTupleName(decl.name)) this.typeIndex(decl);
  }

  variantTypeIndex(decl: TypeDecl, variant: number): number {
    this.typeIndex(decl);
    const name = `${decl.moduleName}::${decl.variants[variant]?.name ?? ""}`;
    const index = this.#typeIndex.get(name);
    if (index === undefined) throw new BorunaError("internal", `no type for the variant ${name}`);
    return index;
  }

  messageType(type: CheckedType): string | null {
    const messageType = this.#messageType(type, 0);
    return messageType === ANY_TYPE ? null : typeToString(messageType);
  }

  typeText(type: CheckedType): string {
    return typeToString(this.#messageType(type, 0));
  }

  /** Returns the message type for a type, with `ANY_TYPE` for type parameters, undecided types and parts that are nested too deep. */
  #messageType(type: CheckedType, depth: number): Type {
    // `prune` follows bound type variables.
    const t = prune(type);
    const inner = (part: CheckedType): Type => this.#messageType(part, depth + 1);
    if (depth >= MAX_TYPE_DEPTH) return ANY_TYPE;
    switch (t.kind) {
      case "primitive":
        return t;
      case "builtin":
        if (t.name === "ActorId") return ACTOR_ID;
        return { kind: "named", name: t.name, args: t.args.map(inner) };
      case "declared":
        this.typeIndex(t.decl);
        return { kind: "named", name: t.decl.moduleName, args: t.args.map(inner) };
      case "fn":
        return { kind: "fn", params: t.params.map(inner), result: inner(t.result), row: capabilitiesOf(t.row) };
      case "param":
      case "var":
      case "never":
      case "error":
        return ANY_TYPE;
    }
  }

  /** Lowers all functions that have an index but no code, including those that get an index while others are lowered. */
  lowerReferenced(): void {
    for (let next = this.#unlowered.shift(); next !== undefined; next = this.#unlowered.shift()) {
      const { callable, index } = next;
      if (callable.body === null) throw new BorunaError("internal", `the function ${callable.name} was never checked`);
      const lowering = this.#lower(callable, callable.body);
      const file = this.#files.indexOf(callable.file);
      this.#setFunction(index, lowering.emitter, {
        name: callable.name,
        arity: callable.body.params.length,
        row: callable.row,
        intent: callable.body.intent,
        file,
        offset: callable.item?.name.span.start ?? callable.body.value.span.start,
      });
    }
  }

  #lower(callable: Callable, body: CheckedBody): FunctionLowering {
    return rethrowWithFunction(callable, () => {
      const lowering = new FunctionLowering(this, callable, body, this.#linesOf(callable.file));
      lowering.run();
      return lowering;
    });
  }

  #linesOf(file: SourceFile): LineTable {
    if (!this.#files.includes(file)) return linesOfBuiltin(file.text);
    const lines = this.#lines.get(file) ?? lineTable(file.text);
    this.#lines.set(file, lines);
    return lines;
  }
}

function fieldDefs(fields: readonly FieldInfo[]): { name: string; type: string }[] {
  return fields.map((f) => ({ name: f.name, type: typeToString(toModuleType(f.type)) }));
}

/** Thrown if a function of a correct program is too large for the module format. It is reported as E015. */
export class ProgramTooLarge extends Error {
  readonly callable: Callable;
  /** The limit that is exceeded: "more than 1048576 constants". */
  readonly excess: string;
  constructor(callable: Callable, excess: string) {
    super(excess);
    this.callable = callable;
    this.excess = excess;
  }
}

/** Runs `body`. Turns a `FunctionTooLarge` from it into a `ProgramTooLarge` that names the function. */
function rethrowWithFunction<R>(callable: Callable, body: () => R): R {
  try {
    return body();
  } catch (error) {
    if (error instanceof FunctionTooLarge) throw new ProgramTooLarge(callable, error.excess);
    throw error;
  }
}

export interface Lowered {
  readonly module: Module;
  /** Returns the index in the module of a function that was lowered. */
  readonly indexOf: (callable: Callable) => number;
}

/** Lowers the functions of the root file and the `additional` functions. `main` is the entry. Throws `ProgramTooLarge`. */
export function lowerProgram(
  program: CheckedProgram,
  main: Callable,
  registry: CapabilityRegistry,
  additional: readonly Callable[] = [],
): Lowered {
  const builder = new ModuleBuilder(registry, program.units);
  const entry = rethrowWithFunction(main, () => {
    for (const callable of [...program.functions, ...additional]) builder.functionIndex(callable);
    for (const decl of program.root.types.values()) builder.typeIndex(decl);
    for (const type of [...main.params, main.result]) builder.addTuples(type);
    return builder.functionIndex(main);
  });
  builder.lowerReferenced();
  if (builder.types.length > MODULE_LIMITS.types) throw new ProgramTooLarge(main, `more than ${MODULE_LIMITS.types} types`);
  const functions = builder.functions.filter((f) => f !== null);
  const module: Module = {
    name: program.root.name.replace(/^.*\//, "").replace(/\.ax$/, ""),
    constants: builder.constants,
    globals: [],
    types: builder.types,
    functions,
    entry,
    signature: {
      params: (main.item?.params ?? []).map((p, i) => ({
        name: p.name.text,
        type: typeToString(toModuleType(main.params[i] ?? { kind: "error" })),
      })),
      result: typeToString(toModuleType(main.result)),
    },
    tasks: 1,
    debug: { files: program.units.map((u) => ({ name: u.name, text: u.text })), functions: builder.debug },
  };
  return { module, indexOf: (callable) => builder.functionIndex(callable) };
}
