/**
 * The module as data. An `.axbc` file holds it as JSON with the members of bytecode 1.1, the format of the earlier Rust toolchain, and
 * Boruna's optional members.
 */
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
/** Returns whether the fields of a record are named `0`, `1`, and so on. Tuples are such records. JSON shows them as arrays. */
export const isPositional = (fields: readonly { readonly name: string }[]): boolean => fields[0]?.name === "0";

/** A variant of an enum. `type` is null for a variant without payload. The payload of a struct variant has the record type `Enum::Variant`. */
interface TypeVariant {
  readonly name: string;
  readonly type: string | null;
}

/** An arm of a match table. `Match` jumps to the instruction `target` if the value has the match tag `tag` (see `MATCH_TAGS`). */
export interface MatchArm {
  readonly tag: number;
  readonly target: number;
}

export interface FunctionDef {
  readonly name: string;
  /** The number of parameters. */
  readonly arity: number;
  /** The number of locals, with the parameters. */
  readonly locals: number;
  readonly code: readonly Instruction[];
  /** The ids of the declared capabilities. JSON has names instead: "NetFetch" for a built-in one, the dotted name for a host's own. */
  readonly capabilities: readonly number[];
  /** A text that says what the function is for; null if there is none. */
  readonly intent: string | null;
  readonly matchTables: readonly (readonly MatchArm[])[];
}

/** The entry function's parameters and result, with types in text form. Modules of bytecode 1.1 have no signature. */
export interface Signature {
  readonly params: readonly { readonly name: string; readonly type: string }[];
  readonly result: string;
}

/** Source locations and names, for messages and trace spans. Bytecode 1.1 has no debug info, and the module hash does not cover it. */
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
   * The source ranges of the instructions, sorted by `pc`. Each range applies up to the `pc` of the next one. Lines and columns
   * start at 1, columns count code points, and ends are exclusive.
   */
  readonly spans: readonly DebugSpan[];
  /** The control flow, for trace spans. Absent if the function declares no capability or an older compiler made the module. */
  readonly flow?: FlowDebug;
}
/** The constructs of control flow in a function: each `if`, `match`, `while` and `for`. */
export interface FlowDebug {
  /** The line on which the function is declared. */
  readonly line: number;
  /** The constructs, ordered by `start`. If two start at the same instruction, the outer one comes first. */
  readonly constructs: readonly FlowConstruct[];
}
/**
 * The kinds of constructs. `if_else` is an `if` with an `else`. A chain of `else if` is one construct. A module file holds a kind as its
 * index in this list.
 */
export const FLOW_KINDS = ["if", "if_else", "match", "while", "for"] as const;
export type FlowKind = (typeof FLOW_KINDS)[number];
/**
 * A construct of control flow: the instructions from `start` to `end`, which is exclusive. Constructs and their parts nest: if two of them
 * share an instruction, one contains the other.
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
/** A source range as `[pc, line, column, endLine, endColumn]`. */
export type DebugSpan = readonly [number, number, number, number, number];

export interface Module {
  readonly name: string;
  readonly constants: readonly Value[];
  readonly globals: readonly string[];
  readonly types: readonly TypeDef[];
  readonly functions: readonly FunctionDef[];
  /** The index of the function that a run calls. */
  readonly entry: number;
  readonly signature?: Signature;
  /**
   * Present if capability calls of different tasks (`main`, actors, branches of a `par`) may overlap. Modules of bytecode 1.1 lack this member,
   * and the scheduler gives their actors shorter slices.
   */
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
