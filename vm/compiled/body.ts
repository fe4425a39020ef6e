/**
 * The JavaScript text of one function while it is being written: the lines so far, and a symbolic operand stack. A push of a local or a
 * constant writes no line. It only puts an expression on the symbolic stack. The results of instructions go into variables.
 */
import { analyzeOwnership } from "../bytecode/ownership.ts";
import { type AppendAnalysis, analyzeAppends } from "../bytecode/string-append.ts";
import { BYTES, MAX_STRING_UNITS } from "../cost.ts";
import type { TypeDef } from "../bytecode/module.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import type { VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import type { UpdatePath } from "../bytecode/update-path.ts";
import { EnumValue, FloatValue, UNIT, UnitValue, type Value, WIDE_FIELDS } from "../value/value.ts";
import { isBoxed, kindOf, type ValueKind } from "./kinds.ts";
import { DEOPTIMIZED, type MarkedTag } from "./runtime.ts";
import { type FunctionVersion, type Guesses, SITE, SITES, trackedLists } from "./type-inference.ts";
import { NO_UNIQUE_LISTS, type UniqueLists } from "./unique-lists.ts";

/** The limit on the nesting of JavaScript blocks. V8's parser allows deeper nesting. */
const MAX_NESTING = 400;

/**
 * Thrown if a compilation unit cannot be compiled: it is too large, nests too deep, has a loop with several entries, or uses an instruction
 * without a compiled form.
 */
export class Unsupported extends Error {}

const MINUS_ZERO = Symbol("-0");
const POOL_NAME = /^const\d+$/;

/** The values that the text of a compilation unit refers to by name: constants, builtins, and enum values without payload. */
export class ConstantPool {
  readonly values: unknown[] = [];
  readonly #names = new Map<unknown, string>();
  readonly #variants = new Map<string, EnumValue>();

  /** Returns the name of an enum value without payload. Equal values have the same name. */
  emptyVariant(type: number, variant: number): string {
    const key = `${type}:${variant}`;
    const value = this.#variants.get(key) ?? new EnumValue(type, variant, UNIT);
    this.#variants.set(key, value);
    return this.nameOf(value);
  }

  /** Returns the value of a name; undefined if the name is not from the pool. */
  valueOf(name: string): unknown {
    return POOL_NAME.test(name) ? this.values[Number(name.slice("const".length))] : undefined;
  }

  nameOf(value: unknown): string {
    // A Map treats -0 and 0 as the same key.
    const key = Object.is(value, -0) ? MINUS_ZERO : value;
    const existingName = this.#names.get(key);
    if (existingName !== undefined) return existingName;
    const name = `const${this.values.length}`;
    this.values.push(value);
    this.#names.set(key, name);
    return name;
  }

  /** The names of all values, in the same order. */
  get names(): readonly string[] {
    return this.values.map((_, i) => `const${i}`);
  }
}

export interface Operand {
  /** A JavaScript expression without effects: a variable, a constant, or a comparison that the next instruction consumes. */
  readonly code: string;
  /** What type inference knows about the value (see `kinds.ts`). */
  readonly kind: ValueKind;
  /** The number of the local, if the expression is the variable of a local; otherwise -1. */
  readonly local: number;
  /** For a Float that was read from a list, record or other value: the variable that holds the boxed Float. */
  readonly boxed?: string;
  /** An expression for the uniqueness of the value, if the operand takes it over from a local or a call (see `uniqueness.ts`). */
  readonly uniqueness?: string;
  /** Whether the expression is a bare option (see `bare-options.ts`). */
  readonly isBare?: true;
}

/** What all functions of a compilation unit use while they are written. */
export interface UnitScope {
  readonly pool: ConstantPool;
  readonly constants: readonly Value[];
  readonly types: readonly TypeDef[];
  /** Returns the number that compiled code throws if a guess at a site is wrong. */
  wrongGuess(guesses: Guesses, site: number): number;
  /** Returns the path of an `Update`, given the index of its constant. */
  updatePath(constant: number): UpdatePath | undefined;
}

/** A function with at most this many instructions adds its steps and bytes to the meter only when it returns. */
const SMALL_FUNCTION = 60;
const ALLOCATING: ReadonlySet<number> = new Set(
  [OPCODES.MakeRecord, OPCODES.MakeEnum, OPCODES.MakeClosure, OPCODES.Wrap, OPCODES.MakeList].map((row) => row.tag),
);

/**
 * A product of Ints, or its sum with a number, that may be too large for a safe Int. If the next instruction computes the remainder,
 * `remainderOfProduct` replaces the product.
 */
export interface Product {
  readonly factors: readonly [Operand, Operand];
  /** The number that was added, as an expression. */
  readonly added: string;
  /** The variable that holds the result. The lines from `from` up to, but not including, `to` compute it. */
  readonly variable: string;
  readonly from: number;
  readonly to: number;
}

export class FunctionBody {
  /** The function, compiled for one entry point and one set of value kinds. */
  readonly version: FunctionVersion;
  readonly scope: UnitScope;
  readonly lines: string[] = [];
  readonly appends: AppendAnalysis;
  readonly uniqueLists: UniqueLists;
  /** The locals that have a variable for the uniqueness of their value (see `trackedLists`). */
  readonly tracked: ReadonlySet<number>;
  /** The ownership roles of the instructions (see `bytecode/ownership.ts`). */
  readonly roles: Uint8Array;
  readonly hasLoop: boolean;
  /** Whether an instruction makes a value of fixed size. The variable `bytes` then counts these bytes. */
  readonly allocates: boolean;
  /**
   * Whether the function must add its steps and bytes to the meter before each call. Ten thousand frames may be in progress at
   * once, so if large functions kept their counts in local variables, the meter would be far too low.
   */
  readonly isLarge: boolean;
  /**
   * Whether a block may leave its steps and bytes for the next block to count, if no other block leads there. A small function then often
   * counts only when it returns, and needs no variables for that. A round of a loop often counts once.
   */
  readonly defersCounts: boolean;
  /** Whether the function has a variable for its steps. Every other function counts all its steps before it returns. */
  countsSteps: boolean;
  /** The operands and the kinds of the locals before the next instruction to be written. */
  stack: Operand[] = [];
  locals: ValueKind[] = [];
  /** The number of variables that the function needs for operands, and for their uniqueness. */
  operandVariables = 0;
  flagVariables = 0;
  /** The steps that the current block charges in addition to one for each instruction, and its bytes of fixed size. */
  extraSteps = 0;
  fixedBytes = 0;
  /** The texts of the list that was made last, and the number of the line that makes it. */
  texts: { readonly line: number; readonly operands: readonly Operand[] } | undefined = undefined;
  /** The product that was made last, or its sum with a number. See `Product`. */
  product: Product | undefined = undefined;
  /** The pcs of instructions that need no text. */
  readonly skipped = new Set<number>();
  #nesting = 0;

  constructor(version: FunctionVersion, scope: UnitScope) {
    this.version = version;
    this.scope = scope;
    this.appends = analyzeAppends(version.fn);
    this.tracked = trackedLists(version);
    this.uniqueLists = this.tracked.size === 0 ? NO_UNIQUE_LISTS : version.uniqueLists();
    this.roles = analyzeOwnership(version.fn).roles;
    this.hasLoop = version.graph.some((block) => block.isLoopHeader);
    this.allocates = hasOpcode(version.fn, ALLOCATING);
    // `CODE_STRIDE` is the number of words per instruction.
    this.isLarge = version.fn.code.length > SMALL_FUNCTION * CODE_STRIDE;
    this.defersCounts = this.hasLoop || !this.isLarge;
    this.countsSteps = this.hasLoop || this.isLarge || version.leaves;
  }

  get top(): string {
    return this.stack.at(-1)?.code ?? "UNIT";
  }

  line(text: string): void {
    this.lines.push(text);
  }

  /** Writes a line that adds to the steps of the function in addition to those of its instructions. */
  addSteps(count: string): void {
    this.line(`steps += ${count};`);
    this.countsSteps = true;
  }

  /** Writes a line that opens a JavaScript block, which `close` closes. */
  open(text: string): void {
    this.#nesting += 1;
    if (this.#nesting > MAX_NESTING) throw new Unsupported("blocks nest too deep");
    this.line(text);
  }

  close(text = "}"): void {
    this.#nesting -= 1;
    this.line(text);
  }

  pop(): Operand {
    return this.stack.pop() ?? { code: "UNIT", kind: "any", local: -1 };
  }

  popMany(count: number): readonly Operand[] {
    return this.stack.splice(this.stack.length - count, count);
  }

  /** Returns the variable for the operand at a stack position; by default, at the position of the next push. */
  operandName(index: number = this.stack.length): string {
    this.operandVariables = Math.max(this.operandVariables, index + 1);
    return `stack${index}`;
  }

  /** Writes the expression's value into the variable of the next stack position, and pushes that variable. */
  push(expression: string, kind: ValueKind): void {
    const variable = this.operandName();
    this.line(`${variable} = ${expression};`);
    this.stack.push({ code: variable, kind, local: -1 });
  }

  /** Sets the uniqueness of the top operand. A constant needs no variable. */
  setUnique(expression: string): void {
    const top = this.pop();
    this.stack.push({ ...top, uniqueness: this.toFlag(expression, this.stack.length) });
  }

  /** Returns the variable for the uniqueness of the operand at a stack position. */
  flagName(index: number): string {
    this.flagVariables = Math.max(this.flagVariables, index + 1);
    return `flag${index}`;
  }

  /** Writes the expression's value into the variable for the uniqueness of the operand at a stack position. Returns that variable or the constant. */
  toFlag(expression: string, index: number): string {
    const flag = this.flagName(index);
    if (/^\d$/.test(expression) || expression === flag) return expression;
    this.line(`${flag} = ${expression};`);
    return flag;
  }

  /** Pushes the result of a call. A large function first adds its steps and bytes to the meter. */
  pushCall(expression: string, kind: ValueKind): void {
    // In a function with a loop, the loop header adds the steps when there are enough to check the limits.
    const steps = this.hasLoop ? "" : "meter.steps += steps; steps = 0; ";
    const bytes = this.allocates ? "meter.allocBytes += bytes; bytes = 0;" : "";
    if (this.isLarge && steps + bytes !== "") this.line(steps + bytes);
    this.push(expression, kind);
  }

  pushConstant(index: number): void {
    const value = this.scope.constants[index] ?? UNIT;
    const kind = kindOf(value, this.scope.types);
    this.stack.push({ code: this.#literal(value), kind, local: -1 });
  }

  #literal(value: Value): string {
    if (typeof value === "number") return value < 0 ? `(${value})` : String(value);
    if (typeof value === "boolean") return String(value);
    if (value instanceof UnitValue) return "UNIT";
    return this.scope.pool.nameOf(value instanceof FloatValue ? value.value : value);
  }

  /** Writes the check of a guess at a site of an instruction. At run time, the guess is wrong if one of the expressions is true. */
  checkGuess(pc: number, site: number, failures: readonly string[]): void {
    if (failures.length > 0) this.line(`if (${failures.join(" || ")}) ${this.wrongGuess(pc, site)};`);
  }

  /** Returns the statement that reports a wrong guess at a site of an instruction. */
  wrongGuess(pc: number, site: number): string {
    return `throw ${this.scope.wrongGuess(this.version.guesses, pc * SITES + site)}`;
  }

  /** Writes the check that the value in a variable has the base kind that was guessed, and pushes it. Any other kind needs no check. */
  pushPart(variable: string, kind: ValueKind, pc: number): void {
    const failure = notOfKind(variable, kind);
    if (failure !== undefined) this.checkGuess(pc, SITE.part, [failure]);
    this.stack.push(
      kind === "float" ? { code: `${variable}.value`, kind, local: -1, boxed: variable } : { code: variable, kind, local: -1 },
    );
  }

  /** Returns a variable with the expression's value, so that the value can be used twice. */
  toVariable(expression: string): string {
    if (/^\w+$/.test(expression)) return expression;
    this.line(`temp = ${expression};`);
    return "temp";
  }

  /** Saves the operands whose code is the local's variable, before that variable is overwritten. */
  saveOperandsOf(local: number): void {
    this.stack.forEach((operand, i) => {
      if (operand.local !== local) return;
      const variable = this.operandName(i);
      this.line(`${variable} = ${operand.code};`);
      this.stack[i] = { code: variable, kind: operand.kind, local: -1 };
    });
  }

  joinStrings(a: Operand, b: Operand): void {
    this.line(`temp = ${a.code}.length + ${b.code}.length;`);
    this.line(`if (temp > ${MAX_STRING_UNITS}) throw ${DEOPTIMIZED};`);
    this.allocateString("temp");
    this.push(`${a.code} + ${b.code}`, "string");
  }

  /** Writes the charge for a String of this length. The bytes go to the meter at once, because one String may be as large as the limit. */
  allocateString(length: string): void {
    this.line(
      `if ((meter.allocBytes += ${BYTES.stringHeader} + ${BYTES.codeUnit} * ${length}) > meter.maxAllocBytes) throw ${DEOPTIMIZED};`,
    );
  }

  lengthOf({ code }: Operand): string {
    const constant = this.scope.pool.valueOf(code);
    return typeof constant === "string" ? String(constant.length) : `${code}.length`;
  }

  /** Like `joinStrings`, but for an append to a local, which costs less. See `bytecode/string-append.ts`. */
  appendString(a: Operand, b: Operand): void {
    const [first, second] = [this.lengthOf(a), this.lengthOf(b)];
    this.line(`if (${first} + ${second} > ${MAX_STRING_UNITS}) throw ${DEOPTIMIZED};`);
    const shorter = `Math.min(${first}, ${second})`;
    this.line(
      `if ((meter.allocBytes += ${BYTES.stringHeader} + ${BYTES.codeUnit} * ${shorter}) > meter.maxAllocBytes) throw ${DEOPTIMIZED};`,
    );
    this.push(`${a.code} + ${b.code}`, "string");
  }

  /** Returns whether the local may hold a pending String. At run time, the local's variable `pending…` says whether it does. */
  mayBePending(local: number): boolean {
    const kind = this.locals[local];
    return this.appends.isAppendTarget[local] === 1 && kind !== undefined && (kind === "string" || isBoxed(kind));
  }
}

/**
 * Returns an expression that is true if a boxed value is of the class with this tag (see `markClasses`). For this expression V8 compares
 * hidden classes. That takes less time than `instanceof`, which follows the prototypes of the value. The value must not be undefined.
 */
export const hasClass = (code: string, tag: MarkedTag): string => `${code}.is${tag}`;
export const hasNotClass = (code: string, tag: MarkedTag): string => `!${code}.is${tag}`;

/** Returns the part of an expression that reads a field of a record. */
export const fieldName = (index: number): string => (index < WIDE_FIELDS ? `f${index}` : `all[${index}]`);

/** Returns the part of an expression that reads a field of a `FloatRecord`. It is undefined for any other record. */
export const floatName = (index: number): string => `floats[${index + 1}]`;

/** Returns an expression that is true if a boxed value does not have a base kind; undefined for a kind that needs no check. */
export function notOfKind(code: string, kind: ValueKind): string | undefined {
  switch (kind) {
    case "safeInt":
      return `typeof ${code} !== "number"`;
    case "string":
      return `typeof ${code} !== "string"`;
    case "bool":
      return `typeof ${code} !== "boolean"`;
    case "float":
      return hasNotClass(code, "Float");
    default:
      return undefined;
  }
}

export function hasOpcode({ code }: VerifiedFunction, tags: ReadonlySet<number>): boolean {
  for (let at = 0; at < code.length; at += CODE_STRIDE) if (tags.has(code[at] ?? 0)) return true;
  return false;
}

/** Returns an expression that is true if the operand is truthy. */
export function truthOf({ code, kind }: Operand): string {
  switch (kind) {
    case "bool":
      return code;
    case "safeInt":
    case "float":
      return `(${code} !== 0)`;
    case "string":
      return `(${code}.length > 0)`;
    default:
      return `(${code} === true || (${code} !== false && isTruthy(${code})))`;
  }
}

/**
 * Returns the operand's expression, with a `+` in front if it is a number from the constant pool. V8 does not know the type of
 * such a constant. Without the `+`, a loop would box the number in every iteration.
 */
export function asNumber({ code, kind }: Operand): string {
  return (kind === "safeInt" || kind === "float") && POOL_NAME.test(code) ? `+${code}` : code;
}

/** Returns an expression for the operand in the interpreter's representation. */
export function toBoxed({ code, kind, boxed }: Operand): string {
  return kind === "float" ? (boxed ?? `new FloatValue(${code})`) : code;
}

/** Returns an expression for the operand in the representation of a kind. */
export function toKind(operand: Operand, to: ValueKind): string {
  return to === "float" ? operand.code : toBoxed(operand);
}

export const kindOfOperand = ({ kind }: Operand): ValueKind => kind;
