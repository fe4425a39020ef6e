/** What is written of one function so far: its lines, and the operand stack and locals of the block at hand. */
import { type AppendAnalysis, analyzeAppends } from "../bytecode/string-append.ts";
import { BYTES, MAX_STRING_UNITS } from "../cost.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { EnumValue, FloatValue, UNIT, UnitValue, type Value } from "../value/value.ts";
import { type Kind, kindOf, type Part } from "./type-inference.ts";
import { type OwnedLists, ownedLists } from "./unique-lists.ts";

/** JavaScript blocks inside one another; the host's parser takes more. */
const MAX_NESTING = 400;

/** The group cannot be written as structured code of bounded depth. */
export class Unsupported extends Error {}

const MINUS_ZERO = Symbol("-0");

/** Values that the generated text names. */
export class Pool {
  readonly values: unknown[] = [];
  readonly #names = new Map<unknown, string>();
  readonly #variants = new Map<string, EnumValue>();

  /** Variants without payload are all alike: one for the whole group. */
  bareVariant(type: number, variant: number): string {
    const key = `${type}:${variant}`;
    const value = this.#variants.get(key) ?? new EnumValue(type, variant, UNIT);
    this.#variants.set(key, value);
    return this.name(value);
  }

  /** What a name stands for; undefined for one that is not of the pool. */
  named(name: string): unknown {
    return /^k\d+$/.test(name) ? this.values[Number(name.slice(1))] : undefined;
  }

  name(value: unknown): string {
    // A Map takes -0 and 0 for one key.
    const key = Object.is(value, -0) ? MINUS_ZERO : value;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = `k${this.values.length}`;
    this.values.push(value);
    this.#names.set(key, name);
    return name;
  }
}

export interface Operand {
  /** An expression without effect: a variable, a constant, or a comparison that the next instruction takes. */
  readonly code: string;
  readonly kind: Kind;
  /** The local it is another name of; -1 for none. */
  readonly local: number;
}

/** What the writer of one function asks of its group. */
export interface GroupNames {
  readonly pool: Pool;
  readonly constants: readonly Value[];
  /** The part that calls of a function go to. */
  part(functionIndex: number): Part;
}

/** Most instructions of a function that tells the meter what it has counted when it returns only. */
const SMALL_FUNCTION = 60;
const ALLOCATING: ReadonlySet<number> = new Set(
  [OPCODES.MakeRecord, OPCODES.MakeEnum, OPCODES.MakeClosure, OPCODES.Wrap, OPCODES.MakeList].map((row) => row.tag),
);

/** One function's text as far as it is written. */
export class Body {
  readonly part: Part;
  readonly group: GroupNames;
  readonly out: string[] = [];
  readonly appends: AppendAnalysis;
  readonly owned: OwnedLists;
  readonly hasLoop: boolean;
  /** Some instruction makes a value of fixed size; their bytes are counted in a variable. */
  readonly allocates: boolean;
  /** What it counts before a call is too much to be told afterwards: ten thousand frames may wait so. */
  readonly isLarge: boolean;
  stack: Operand[] = [];
  locals: Kind[] = [];
  /** Variables for operands. */
  slots = 0;
  /** What the block charges beside a step for each instruction. */
  extraSteps = 0;
  bytes = 0;
  #nesting = 0;

  constructor(part: Part, group: GroupNames) {
    this.part = part;
    this.group = group;
    this.appends = analyzeAppends(part.fn);
    this.owned = ownedLists(part.fn);
    this.hasLoop = part.flow.some((block) => block.isLoop);
    const { code } = part.fn;
    let makes = false;
    for (let at = 0; at < code.length; at += CODE_STRIDE) if (ALLOCATING.has(code[at] ?? 0)) makes = true;
    this.allocates = makes;
    this.isLarge = code.length > SMALL_FUNCTION * CODE_STRIDE;
  }

  get top(): string {
    return this.stack.at(-1)?.code ?? "U";
  }

  line(text: string): void {
    this.out.push(text);
  }

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
    return this.stack.pop() ?? { code: "U", kind: "any", local: -1 };
  }

  drop(count: number): readonly Operand[] {
    return this.stack.splice(this.stack.length - count, count);
  }

  /** The variable of an operand's place; of the next one to be pushed where none is named. */
  slot(index: number = this.stack.length): string {
    this.slots = Math.max(this.slots, index + 1);
    return `s${index}`;
  }

  /** Into the variable of the operand's place. */
  push(expression: string, kind: Kind): void {
    const slot = this.slot();
    this.line(`${slot} = ${expression};`);
    this.stack.push({ code: slot, kind, local: -1 });
  }

  /** A call: what was counted before it is told before it where that is much. */
  pushCall(expression: string, kind: Kind): void {
    // The steps of a loop are left to its start, which looks at the limits once enough have come together.
    const steps = this.hasLoop ? "" : "m.steps += S; S = 0; ";
    const bytes = this.allocates ? "m.allocBytes += A; A = 0;" : "";
    if (this.isLarge && steps + bytes !== "") this.line(steps + bytes);
    this.push(expression, kind);
  }

  pushConstant(index: number): void {
    const value = this.group.constants[index] ?? UNIT;
    const kind = kindOf(value);
    this.stack.push({ code: this.#literal(value), kind, local: -1 });
  }

  #literal(value: Value): string {
    if (typeof value === "number") return value < 0 ? `(${value})` : String(value);
    if (typeof value === "boolean") return String(value);
    if (value instanceof UnitValue) return "U";
    return this.group.pool.name(value instanceof FloatValue ? value.value : value);
  }

  /** What is guessed holds from here on; where it does not, the function is compiled again without guesses. */
  guess(failures: readonly string[]): void {
    if (failures.length > 0) this.line(`if (${failures.join(" || ")}) unguess(${this.part.fn.index});`);
  }

  /** A variable with the value, for an expression that is used twice. */
  named(expression: string): string {
    if (/^\w+$/.test(expression)) return expression;
    this.line(`t = ${expression};`);
    return "t";
  }

  joinStrings(a: Operand, b: Operand): void {
    this.line(`t = ${a.code}.length + ${b.code}.length;`);
    this.line(`if (t > ${MAX_STRING_UNITS}) bail();`);
    // At once, since a text may be as large as the limit.
    this.line(`if ((m.allocBytes += ${BYTES.stringHeader} + ${BYTES.codeUnit} * t) > m.maxAllocBytes) bail();`);
    this.push(`${a.code} + ${b.code}`, "str");
  }

  #lengthOf({ code }: Operand): string {
    const constant = this.group.pool.named(code);
    return typeof constant === "string" ? String(constant.length) : `${code}.length`;
  }

  /** As `joinStrings`, where a local is appended to. */
  appendString(a: Operand, b: Operand): void {
    const [first, second] = [this.#lengthOf(a), this.#lengthOf(b)];
    this.line(`if (${first} + ${second} > ${MAX_STRING_UNITS}) bail();`);
    const shorter = `Math.min(${first}, ${second})`;
    this.line(`if ((m.allocBytes += ${BYTES.stringHeader} + ${BYTES.codeUnit} * ${shorter}) > m.maxAllocBytes) bail();`);
    this.push(`${a.code} + ${b.code}`, "str");
  }

  /** Whether a local may be pending, as a flag in a variable says: 1 where it is. */
  mayBePending(local: number): boolean {
    const kind = this.locals[local];
    return this.appends.isAppendTarget[local] === 1 && (kind === "str" || kind === "any");
  }
}

/** Whether a value is truthy, as an expression. */
export function truth({ code, kind }: Operand): string {
  switch (kind) {
    case "bool":
      return code;
    case "num":
    case "float":
      return `(${code} !== 0)`;
    case "str":
      return `(${code}.length > 0)`;
    default:
      return `(${code} === true || (${code} !== false && truthy(${code})))`;
  }
}

/** The sign tells the host that a value is a number where it cannot know: a loop would box it each time. */
export function asNumber({ code, kind }: Operand): string {
  return (kind === "num" || kind === "float") && /^k\d+$/.test(code) ? `+${code}` : code;
}

/** As the interpreter holds it. */
export function boxed({ code, kind }: Operand): string {
  return kind === "float" ? `new F(${code})` : code;
}

export function converted(operand: Operand, to: Kind): string {
  return to === "float" ? operand.code : boxed(operand);
}
