/** The module as data, just as the `.axbc` payload says it (bytecode 1.1), plus what is ours. */
import type { Value } from "../value/value.ts";
import type { OpName } from "./opcodes.ts";

export type ContractKind = "Requires" | "Ensures";

/** One instruction: its name and its operands in table order, as plain numbers (see `OPCODES`). */
export interface Instruction {
  readonly op: OpName;
  readonly operands: readonly number[];
}

export type TypeDef =
  | { readonly name: string; readonly kind: "record"; readonly fields: readonly TypeField[]; readonly params?: readonly string[] }
  | { readonly name: string; readonly kind: "enum"; readonly variants: readonly TypeVariant[]; readonly params?: readonly string[] };
/** `type` is the text form of `types.ts`. */
export interface TypeField {
  readonly name: string;
  readonly type: string;
}
/** `type` is null for a variant without payload. A struct variant's payload is the record type `Enum::Variant`. */
export interface TypeVariant {
  readonly name: string;
  readonly type: string | null;
}

export interface MatchArm {
  readonly tag: number;
  readonly target: number;
}

export interface FunctionDef {
  readonly name: string;
  readonly arity: number;
  readonly locals: number;
  readonly code: readonly Instruction[];
  /** Capability ids. In JSON: variant names for 0 to 10 ("NetFetch"), dotted names for a host's own. */
  readonly capabilities: readonly number[];
  readonly intent: string | null;
  readonly matchTables: readonly (readonly MatchArm[])[];
}

/** Ours: what the entry takes and gives, in the text form of `types.ts`. Absent in older modules. */
export interface Signature {
  readonly params: readonly { readonly name: string; readonly type: string }[];
  readonly result: string;
}

/** Ours: for people, never for meaning. The module hash leaves it out. */
export interface DebugInfo {
  /** Source files as the module names them (relative paths), with their text. */
  readonly files: readonly { readonly name: string; readonly text: string }[];
  /** One per function, in order. */
  readonly functions: readonly FunctionDebug[];
}
export interface FunctionDebug {
  /** Index into `files`; -1 for a builtin written in the language. */
  readonly file: number;
  /** Names of the locals, arguments first; "" for one the compiler made. */
  readonly locals: readonly string[];
  /** Sorted by `pc`; an entry holds until the next. Lines and columns are 1-based, columns in code points, `end` exclusive. */
  readonly spans: readonly DebugSpan[];
}
/** [pc, line, column, endLine, endColumn] */
export type DebugSpan = readonly [number, number, number, number, number];

export interface Module {
  readonly name: string;
  readonly constants: readonly Value[];
  readonly globals: readonly string[];
  readonly types: readonly TypeDef[];
  readonly functions: readonly FunctionDef[];
  readonly entry: number;
  readonly signature?: Signature;
  readonly debug?: DebugInfo;
}

/** Where an instruction came from. `file` is relative, as the module names it; absent without debug info. */
export interface CodePlace {
  readonly function: string;
  readonly pc: number;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
}

/** Where a call is made. */
export interface CallPlace extends CodePlace {
  /** The innermost frame in the program's own files, when the call is made in a library. Absent without debug info. */
  readonly caller?: CodePlace;
}

const LIBRARY = /^(?:std|libs)\/[^/]+\//;

/** The folder of the library that a file belongs to, by its name in the debug info; undefined for a file of the program. */
export function libraryOf(file: string): string | undefined {
  return LIBRARY.exec(file)?.[0];
}

/** The place of one instruction, from the debug info where there is some. */
export function placeOf(module: Module, functionIndex: number, pc: number): CodePlace {
  const name = module.functions[functionIndex]?.name ?? "?";
  const debug = module.debug?.functions[functionIndex];
  const file = debug === undefined ? undefined : module.debug?.files[debug.file]?.name;
  if (debug === undefined || file === undefined) return { function: name, pc };
  let low = 0;
  let high = debug.spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const span = debug.spans[middle];
    if (span !== undefined && span[0] <= pc) low = middle + 1;
    else high = middle;
  }
  const span = debug.spans[low - 1];
  if (span === undefined) return { function: name, pc, file };
  return { function: name, pc, file, line: span[1], column: span[2], endLine: span[3], endColumn: span[4] };
}
