/** The module as data: the payload of an `.axbc` file (bytecode 1.1) with Boruna's optional members. */
import type { Value } from "../value/value.ts";
import type { OpName } from "./opcodes.ts";

/** An instruction. Its operands are in the order that the table `OPCODES` gives. */
export interface Instruction {
  readonly op: OpName;
  readonly operands: readonly number[];
}

export type TypeDef =
  | { readonly name: string; readonly kind: "record"; readonly fields: readonly TypeField[]; readonly params?: readonly string[] }
  | { readonly name: string; readonly kind: "enum"; readonly variants: readonly TypeVariant[]; readonly params?: readonly string[] };
/** A field of a record type. `type` is the text form of a type (see `vm/value/type.ts`). */
export interface TypeField {
  readonly name: string;
  readonly type: string;
}
/**
 * Returns whether a record has its fields by position: `0`, `1`, and so on. Tuples are such records. They are written `(1, 2)`, and
 * in JSON as arrays.
 */
export const isPositional = (fields: readonly { readonly name: string }[]): boolean => fields[0]?.name === "0";

/** A variant of an enum. `type` is null for a variant without payload. The payload of a struct variant has the record type `Enum::Variant`. */
interface TypeVariant {
  readonly name: string;
  readonly type: string | null;
}

/** An arm of a match table. `Match` jumps to the instruction `target` if the matched value has the tag (see `MATCH_TAGS`). */
export interface MatchArm {
  readonly tag: number;
  readonly target: number;
}

export interface FunctionDef {
  readonly name: string;
  readonly arity: number;
  readonly locals: number;
  readonly code: readonly Instruction[];
  /** The ids of the declared capabilities. In JSON, the ids 0 to 10 are names like "NetFetch", and a host's own are dotted names. */
  readonly capabilities: readonly number[];
  readonly intent: string | null;
  readonly matchTables: readonly (readonly MatchArm[])[];
}

/** The entry function's parameters and result, with types in text form. Modules of bytecode 1.1 have no signature. */
export interface Signature {
  readonly params: readonly { readonly name: string; readonly type: string }[];
  readonly result: string;
}

/** Source locations and names. Only messages use debug info. It is not in bytecode 1.1, and not part of the module hash. */
export interface DebugInfo {
  /** The source files. `name` is the relative path. */
  readonly files: readonly { readonly name: string; readonly text: string }[];
  /** The debug info of each function, in the order of the module's functions. */
  readonly functions: readonly FunctionDebug[];
}
export interface FunctionDebug {
  /** The index into `files`; -1 for a source builtin. */
  readonly file: number;
  /** The names of the locals, parameters first. A local that the compiler added has the name "". */
  readonly locals: readonly string[];
  /**
   * The source ranges of the instructions, sorted by `pc`. Each span applies up to the `pc` of the next span. Lines and columns
   * start at 1, columns count code points, and ends are exclusive.
   */
  readonly spans: readonly DebugSpan[];
  /** The constructs of control flow, for spans. Absent if the function declares no capability or an older compiler made the module. */
  readonly flow?: FlowDebug;
}
export interface FlowDebug {
  /** The line on which the function is declared. */
  readonly line: number;
  /** The constructs, ordered by `start`. If two start at the same instruction, the outer one comes first. */
  readonly constructs: readonly FlowConstruct[];
}
/**
 * `if` has no `else`, and `if_else` has one. Each covers a complete chain of `else if`. In a module file, a kind is the index of its name
 * in this list.
 */
export const FLOW_KINDS = ["if", "if_else", "match", "while", "for"] as const;
export type FlowKind = (typeof FLOW_KINDS)[number];
/**
 * A construct of control flow, which consists of the instructions from `start` up to, but not including, `end`. Constructs nest: each
 * lies completely inside or outside of every other construct, and of every part of it.
 */
export interface FlowConstruct {
  readonly kind: FlowKind;
  readonly line: number;
  readonly start: number;
  readonly end: number;
  /** The local that a `for` sets in each iteration; -1 for the other kinds. */
  readonly local: number;
  /** The branches (the `else` last), the arms, or the body of the loop. They are in order, not empty, and do not overlap. */
  readonly parts: readonly FlowPart[];
}
/** A part of a construct as `[start, end]`, in which `end` is exclusive. */
export type FlowPart = readonly [number, number];
/** One span as `[pc, line, column, endLine, endColumn]`. */
export type DebugSpan = readonly [number, number, number, number, number];

export interface Module {
  readonly name: string;
  readonly constants: readonly Value[];
  readonly globals: readonly string[];
  readonly types: readonly TypeDef[];
  readonly functions: readonly FunctionDef[];
  readonly entry: number;
  readonly signature?: Signature;
  /** Present if the calls of tasks may overlap. Modules of bytecode 1.1 lack this member; the scheduler gives them shorter slices. */
  readonly tasks?: 1;
  readonly debug?: DebugInfo;
}

/** The source location of an instruction. `file` is the relative path in the debug info, and absent without debug info. */
export interface SourceLocation {
  readonly function: string;
  readonly pc: number;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
}

/** The source location of a capability call. */
export interface CallPlace extends SourceLocation {
  /** The location of the innermost frame in the program's own files, if the call is in a library. Absent without debug info. */
  readonly caller?: SourceLocation;
}

const LIBRARY = /^(?:std|libs)\/[^/]+\//;

/** Returns the folder of the library that a file of the debug info belongs to; undefined for a file of the program. */
export function libraryOf(file: string): string | undefined {
  return LIBRARY.exec(file)?.[0];
}

/** Returns the source location of one instruction. Without debug info, the location consists of function and pc only. */
export function locationOf(module: Module, functionIndex: number, pc: number): SourceLocation {
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
