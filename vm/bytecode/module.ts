/** A module as data: the payload of an `.axbc` file (bytecode 1.1) with Boruna's optional members. */
import type { Value } from "../value/value.ts";
import type { OpName } from "./opcodes.ts";

/** One instruction. The operands are in the order of the table `OPCODES`. */
export interface Instruction {
  readonly op: OpName;
  readonly operands: readonly number[];
}

export type TypeDef =
  | { readonly name: string; readonly kind: "record"; readonly fields: readonly TypeField[]; readonly params?: readonly string[] }
  | { readonly name: string; readonly kind: "enum"; readonly variants: readonly TypeVariant[]; readonly params?: readonly string[] };
/** `type` is the text form of a type (see `vm/value/type.ts`). */
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
  /** Capability ids. JSON writes the ids 0 to 10 as variant names ("NetFetch"), a host's own as dotted names. */
  readonly capabilities: readonly number[];
  readonly intent: string | null;
  readonly matchTables: readonly (readonly MatchArm[])[];
}

/** The entry function's parameters and result; types in text form. Not in bytecode 1.1, so absent in older modules. */
export interface Signature {
  readonly params: readonly { readonly name: string; readonly type: string }[];
  readonly result: string;
}

/** Source positions and names, for messages only. Not in bytecode 1.1, and not part of the module hash. */
export interface DebugInfo {
  /** The source files: relative path and text. */
  readonly files: readonly { readonly name: string; readonly text: string }[];
  /** One entry per function, in the same order. */
  readonly functions: readonly FunctionDebug[];
}
export interface FunctionDebug {
  /** Index into `files`; -1 for a builtin written in the language. */
  readonly file: number;
  /** The names of the locals, parameters first; "" for a local that the compiler added. */
  readonly locals: readonly string[];
  /** Sorted by `pc`; each span applies until the next one. Lines and columns start at 1, columns count code points, ends are exclusive. */
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

/** The source location of an instruction. `file` is the relative path in the debug info; absent without debug info. */
export interface CodePlace {
  readonly function: string;
  readonly pc: number;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
}

/** The source location of a capability call. */
export interface CallPlace extends CodePlace {
  /** If the call is in a library: the innermost frame in the program's own files. Absent without debug info. */
  readonly caller?: CodePlace;
}

const LIBRARY = /^(?:std|libs)\/[^/]+\//;

/** The folder of the library that a file of the debug info belongs to; undefined for a file of the program. */
export function libraryOf(file: string): string | undefined {
  return LIBRARY.exec(file)?.[0];
}

/** The source location of one instruction; only function and pc without debug info. */
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
