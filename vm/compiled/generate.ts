/**
 * JavaScript for the functions of one group. Their control flow is structured again from the dominator tree (N. Ramsey,
 * "Beyond Relooper", 2022), locals and operands become variables. The text holds identifiers and integers of ours only;
 * every value of the program comes in through `Pool`.
 *
 * Nothing in a group has an effect, so order within a block is free, and whatever is out of the ordinary (a trap, a
 * limit, an Int leaving the safe range where none was expected) throws the work away by `bail` or `wide`: the interpreter
 * runs the call again. Only a run to the end must have counted right.
 */
import { BUILTIN_CODE } from "../builtin-code.ts";
import { BUILTIN_BY_ID } from "../builtins.ts";
import { BYTES, MAX_STRING_UNITS, slotsBytes, UNITS, UNITS_PER_STEP } from "../cost.ts";
import { OPCODES } from "../opcodes.ts";
import { CODE_STRIDE } from "../stack-heights.ts";
import { EnumValue, FnRefValue, RecordValue, UNIT, UnitValue, type Value } from "../value.ts";
import type { Exit } from "./flow.ts";
import { arithmeticKind, builtinKind, concatKind, type Entry, type Kind, kindOf, negationKind, type Part } from "./kinds.ts";

const MAX_SAFE = Number.MAX_SAFE_INTEGER;
/** JavaScript blocks inside one another; the host's parser takes more. */
const MAX_NESTING = 400;

/** The group cannot be written as structured code of bounded depth. */
export class Unsupported extends Error {}

/** Values that the generated text names. */
export class Pool {
  readonly values: unknown[] = [];
  readonly #names = new Map<unknown, string>();

  name(value: unknown): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    const name = `k${this.values.length}`;
    this.values.push(value);
    this.#names.set(value, name);
    return name;
  }
}

interface Operand {
  /** An expression without effect: a variable, a constant, or a comparison that the next instruction takes. */
  readonly code: string;
  readonly kind: Kind;
  /** The local it is another name of; -1 for none. */
  readonly local: number;
}

const ALLOCATING: ReadonlySet<number> = new Set([
  OPCODES.MakeRecord.tag,
  OPCODES.MakeEnum.tag,
  OPCODES.MakeClosure.tag,
  OPCODES.Wrap.tag,
  OPCODES.MakeList.tag,
  OPCODES.Concat.tag,
  OPCODES.Add.tag,
]);
const CALLING: ReadonlySet<number> = new Set([OPCODES.Call.tag, OPCODES.CallIndirect.tag]);
const TAKES_CONDITION: ReadonlySet<number> = new Set([OPCODES.JmpIf.tag, OPCODES.JmpIfNot.tag, OPCODES.Not.tag]);
const GENERIC: ReadonlyMap<number, string> = new Map([
  [OPCODES.Add.tag, "add"],
  [OPCODES.Sub.tag, "sub"],
  [OPCODES.Mul.tag, "mul"],
  [OPCODES.Div.tag, "div"],
  [OPCODES.Mod.tag, "mod"],
]);
const SIGNS: ReadonlyMap<number, string> = new Map([
  [OPCODES.Add.tag, "+"],
  [OPCODES.Sub.tag, "-"],
  [OPCODES.Mul.tag, "*"],
]);
const ORDERS: ReadonlyMap<number, { readonly sign: string; readonly generic: string }> = new Map([
  [OPCODES.Lt.tag, { sign: "<", generic: "lt" }],
  [OPCODES.Lte.tag, { sign: "<=", generic: "lte" }],
  [OPCODES.Gt.tag, { sign: ">", generic: "gt" }],
  [OPCODES.Gte.tag, { sign: ">=", generic: "gte" }],
]);
const LEGACY_BUILTINS: ReadonlyMap<number, string> = new Map(
  Object.values(OPCODES).flatMap((row) => ("builtin" in row ? [[row.tag, row.builtin] as const] : [])),
);
const ARITY: ReadonlyMap<number, number> = new Map(Object.values(OPCODES).map((row) => [row.tag, row.pops] as const));
const BUILTIN_IDS: ReadonlyMap<string, number> = new Map([...BUILTIN_BY_ID].map(([id, b]) => [b.name, id] as const));

/** What the writer of one function asks of its group. */
export interface GroupNames {
  readonly pool: Pool;
  readonly constants: readonly Value[];
  /** The part that calls of a function go to. */
  part(functionIndex: number): Part;
}

/** The variable that holds a part's function. */
export const partName = (part: Part): string => `f${part.fn.index}_${part.start}`;

export function boxed(code: string, kind: Kind): string {
  return kind === "float" ? `new F(${code})` : code;
}

/** The text of one function; `resumable`: a loop of the interpreter's own frame, which may pause at its start. */
export function writeFunction(part: Part, group: GroupNames, resumable: boolean): string {
  return new Writer(part, group, resumable).write();
}

class Writer {
  readonly #part: Part;
  readonly #group: GroupNames;
  readonly #resumable: boolean;
  readonly #out: string[] = [];
  readonly #tasks: (() => void)[] = [];
  /** Steps are kept in a variable where there are loops; else they are counted in the meter itself. */
  readonly #cached: boolean;
  readonly #allocates: boolean;
  #nesting = 0;
  #slots = 0;
  /** Of the block being written. */
  #stack: Operand[] = [];
  #locals: Kind[] = [];
  #extraSteps = 0;
  #bytes = 0;

  constructor(part: Part, group: GroupNames, resumable: boolean) {
    this.#part = part;
    this.#group = group;
    this.#resumable = resumable;
    this.#cached = part.flow.some((block) => block.isLoop);
    const { code } = part.fn;
    let allocates = false;
    for (let at = 0; at < code.length; at += CODE_STRIDE) if (ALLOCATING.has(code[at] ?? 0)) allocates = true;
    this.#allocates = allocates;
  }

  write(): string {
    const { fn, start, entry } = this.#part;
    const { arity, locals } = fn.def;
    this.#sequence([() => this.#tree(0)]);
    for (let task = this.#tasks.pop(); task !== undefined; task = this.#tasks.pop()) task();
    const params = start === 0 ? range(arity, "l") : [...range(locals, "l"), ...range(entry.stack.length, "s")];
    const variables = [
      ...(start === 0
        ? range(locals, "l")
            .slice(arity)
            .map((name) => `${name} = U`)
        : []),
      ...range(this.#slots, "s").slice(start === 0 ? 0 : entry.stack.length),
      "t",
      ...(this.#cached ? ["S = m.steps"] : []),
    ];
    return [
      `function ${partName(this.#part)}(${["m", "d", ...params].join(", ")}) {`,
      `let ${variables.join(", ")};`,
      ...this.#entry(),
      ...this.#out,
      "}",
    ].join("\n");
  }

  /** Depth and limits, and the kinds of the arguments as the first block has them. */
  #entry(): readonly string[] {
    const { fn, start, entry, blocks, live } = this.#part;
    const lines: string[] = [];
    if (start === 0) {
      lines.push("if (d > m.maxDepth) bail();");
      let calls = false;
      for (let at = 0; at < fn.code.length; at += CODE_STRIDE) if (CALLING.has(fn.code[at] ?? 0)) calls = true;
      if (calls && !this.#cached) lines.push("if (m.steps > m.checkAt) over(m);");
      if (calls && this.#allocates) lines.push("if (m.allocBytes > m.maxAllocBytes) bail();");
    }
    const first = blocks[0];
    const convert = (name: string, from: Kind | undefined, to: Kind | undefined): void => {
      if (from === "float" && to !== "float") lines.push(`${name} = new F(${name});`);
    };
    entry.locals.forEach((kind, i) => {
      if (live[0]?.[i] === 1) convert(`l${i}`, kind, first?.locals[i]);
    });
    entry.stack.forEach((kind, i) => convert(`s${i}`, kind, first?.stack[i]));
    return lines;
  }

  get #steps(): string {
    return this.#cached ? "S" : "m.steps";
  }

  #line(text: string): void {
    this.#out.push(text);
  }

  #open(text: string): void {
    this.#nesting += 1;
    if (this.#nesting > MAX_NESTING) throw new Unsupported("blocks nest too deep");
    this.#line(text);
  }

  #close(text = "}"): void {
    this.#nesting -= 1;
    this.#line(text);
  }

  /** To be done one after the other, before what waits already. */
  #sequence(tasks: readonly (() => void)[]): void {
    for (let i = tasks.length - 1; i >= 0; i--) {
      const task = tasks[i];
      if (task !== undefined) this.#tasks.push(task);
    }
  }

  /** A block and all that it dominates. What several blocks lead to stands behind, and is reached by leaving labels. */
  #tree(index: number): void {
    const block = this.#part.flow[index];
    if (block === undefined) return;
    const merges = block.children.filter((child) => this.#part.flow[child]?.isMerge === true);
    if (block.isLoop) this.#open(`L${index}: for (;;) {`);
    for (const merge of [...merges].reverse()) this.#open(`B${merge}: {`);
    this.#sequence([
      () => this.#block(index),
      ...merges.flatMap((merge) => [() => this.#close(), () => this.#tree(merge)]),
      ...(block.isLoop ? [() => this.#close()] : []),
    ]);
  }

  #block(index: number): void {
    const { flow, fn, blocks } = this.#part;
    const block = flow[index];
    const entry = blocks[index];
    if (block === undefined) return;
    if (entry === undefined) {
      this.#line("bail();");
      return;
    }
    this.#stack = entry.stack.map((kind, i): Operand => ({ code: `s${i}`, kind, local: -1 }));
    this.#slots = Math.max(this.#slots, entry.stack.length);
    this.#locals = entry.locals.slice();
    if (block.isLoop) this.#loopHead(index, entry);
    this.#extraSteps = 0;
    this.#bytes = 0;
    const counted = this.#out.length;
    this.#line("");
    const { exit } = block;
    const last = block.end - 1;
    const bodyEnd = exit.kind === "jump" && !isJump(fn.code[last * CODE_STRIDE]) ? block.end : Math.max(block.start, last);
    for (let pc = block.start; pc < bodyEnd; pc++) this.#instruction(pc, pc + 1 < block.end);
    // Running off the end of the code is a step too.
    const steps = (block.start === block.end ? 1 : block.end - block.start) + this.#extraSteps;
    this.#out[counted] = `${this.#steps} += ${steps};${this.#bytes > 0 ? ` m.allocBytes += ${this.#bytes};` : ""}`;
    this.#exit(index, exit, last);
  }

  #loopHead(index: number, entry: Entry): void {
    const pause = this.#resumable && index === 0;
    if (pause) {
      const values = [...entry.locals.map((kind, i) => this.#saved(i, kind)), ...entry.stack.map((kind, i) => boxed(`s${i}`, kind))];
      this.#line(`if (S > m.checkAt) { m.steps = S; if (over(m)) { m.saved = [${values.join(", ")}]; return P; } S = m.steps; }`);
    } else this.#line("if (S > m.checkAt) { m.steps = S; over(m); S = m.steps; }");
    if (this.#allocates) this.#line("if (m.allocBytes > m.maxAllocBytes) bail();");
  }

  /** What is dead may hold anything. */
  #saved(local: number, kind: Kind): string {
    return this.#part.live[0]?.[local] === 1 ? boxed(`l${local}`, kind) : "U";
  }

  #pop(): Operand {
    return this.#stack.pop() ?? { code: "U", kind: "any", local: -1 };
  }

  #drop(count: number): readonly Operand[] {
    return this.#stack.splice(this.#stack.length - count, count);
  }

  #slot(): string {
    const index = this.#stack.length;
    this.#slots = Math.max(this.#slots, index + 1);
    return `s${index}`;
  }

  /** Into the variable of the operand's place. */
  #push(expression: string, kind: Kind): void {
    const slot = this.#slot();
    this.#line(`${slot} = ${expression};`);
    this.#stack.push({ code: slot, kind, local: -1 });
  }

  /** What may charge steps counts in the meter. */
  #charging(expression: string): string {
    return this.#cached ? `(m.steps = S, t = ${expression}, S = m.steps, t)` : expression;
  }

  #pushCharging(expression: string, kind: Kind): void {
    if (this.#cached) this.#line("m.steps = S;");
    this.#push(expression, kind);
    if (this.#cached) this.#line("S = m.steps;");
  }

  #constant(index: number): Operand {
    const value = this.#group.constants[index] ?? UNIT;
    const kind = kindOf(value);
    const named = (of: unknown): string => this.#group.pool.name(of);
    if (typeof value === "number") return { code: integer(value), kind, local: -1 };
    if (typeof value === "boolean") return { code: String(value), kind, local: -1 };
    if (value instanceof UnitValue) return { code: "U", kind: "any", local: -1 };
    if (typeof value === "object" && "value" in value && kind === "float") return { code: named(value.value), kind, local: -1 };
    return { code: named(value), kind, local: -1 };
  }

  #instruction(pc: number, hasNext: boolean): void {
    const { code } = this.#part.fn;
    const at = pc * CODE_STRIDE;
    const tag = code[at] ?? 0;
    const first = code[at + 1] ?? 0;
    const second = code[at + 2] ?? 0;
    const lazily = hasNext && TAKES_CONDITION.has(code[at + CODE_STRIDE] ?? 0);
    switch (tag) {
      case OPCODES.PushConst.tag:
        this.#stack.push(this.#constant(first));
        return;
      case OPCODES.LoadLocal.tag:
        this.#stack.push({ code: `l${first}`, kind: this.#locals[first] ?? "any", local: first });
        return;
      case OPCODES.StoreLocal.tag:
        return this.#store(first);
      case OPCODES.Pop.tag:
        this.#pop();
        return;
      case OPCODES.Dup.tag:
        return this.#duplicate();
      case OPCODES.Nop.tag:
        return;
      case OPCODES.Add.tag:
      case OPCODES.Sub.tag:
      case OPCODES.Mul.tag:
      case OPCODES.Div.tag:
      case OPCODES.Mod.tag:
      case OPCODES.FDiv.tag:
        return this.#arithmetic(tag);
      case OPCODES.Neg.tag:
        return this.#negate();
      case OPCODES.Concat.tag:
        return this.#concat();
      case OPCODES.Lt.tag:
      case OPCODES.Lte.tag:
      case OPCODES.Gt.tag:
      case OPCODES.Gte.tag:
        return this.#condition(this.#order(tag), lazily);
      case OPCODES.Eq.tag:
      case OPCODES.Neq.tag:
        return this.#condition(this.#equality(tag === OPCODES.Eq.tag), lazily);
      case OPCODES.Not.tag:
        return this.#condition(`!${this.#truth(this.#pop())}`, lazily);
      case OPCODES.And.tag:
      case OPCODES.Or.tag: {
        const b = this.#truth(this.#pop());
        const a = this.#truth(this.#pop());
        return this.#push(`(${a} ${tag === OPCODES.And.tag ? "&&" : "||"} ${b})`, "bool");
      }
      case OPCODES.Call.tag:
        return this.#call(first, second);
      case OPCODES.CallIndirect.tag:
        return this.#callIndirect(first);
      default:
        this.#making(tag, first, second);
    }
  }

  #making(tag: number, first: number, second: number): void {
    switch (tag) {
      case OPCODES.MakeRecord.tag: {
        const fields = this.#drop(second).map((f) => boxed(f.code, f.kind));
        this.#bytes += slotsBytes(second);
        const { pool } = this.#group;
        return this.#push(second === 0 ? pool.name(new RecordValue(first, [])) : `new R(${first}, [${fields.join(", ")}])`, "any");
      }
      case OPCODES.MakeEnum.tag: {
        const payload = this.#pop();
        this.#bytes += BYTES.enumValue;
        const bare = payload.code === "U";
        return this.#push(
          bare ? this.#bareVariant(first, second) : `new E(${first}, ${second}, ${boxed(payload.code, payload.kind)})`,
          "any",
        );
      }
      case OPCODES.GetField.tag: {
        const record = this.#pop();
        this.#push(`${boxed(record.code, record.kind)}.fields[${first}]`, "any");
        return this.#line(`if (${this.#top} === undefined) bail();`);
      }
      case OPCODES.MakeClosure.tag: {
        const captured = this.#drop(second).map((c) => boxed(c.code, c.kind));
        this.#bytes += slotsBytes(second);
        if (second === 0) return this.#push(this.#group.pool.name(new FnRefValue(first)), "any");
        return this.#push(`new C(${first}, [${captured.join(", ")}])`, "any");
      }
      case OPCODES.Wrap.tag: {
        const value = this.#pop();
        this.#bytes += BYTES.wrapper;
        return this.#push(`new ${["Some", "Ok", "Err"][first] ?? "Some"}(${boxed(value.code, value.kind)})`, "any");
      }
      case OPCODES.MakeList.tag: {
        const items = this.#drop(first).map((i) => boxed(i.code, i.kind));
        this.#bytes += slotsBytes(first);
        this.#extraSteps += Math.floor((first * UNITS.slot) / UNITS_PER_STEP);
        return this.#push(first === 0 ? "L.EMPTY" : `L.of([${items.join(", ")}])`, "any");
      }
      case OPCODES.MakeMap.tag: {
        const flat = this.#drop(first).map((i) => boxed(i.code, i.kind));
        return this.#pushCharging(`makeMap(m, [${flat.join(", ")}])`, "any");
      }
      case OPCODES.JsonKind.tag: {
        const value = this.#pop();
        return this.#push(`jsonKind(${boxed(value.code, value.kind)})`, "num");
      }
      case OPCODES.ListGet.tag:
        return this.#element();
      case OPCODES.Builtin.tag:
        return this.#builtin(first, this.#drop(second));
      default: {
        const id = BUILTIN_IDS.get(LEGACY_BUILTINS.get(tag) ?? "");
        if (id === undefined) throw new Unsupported(`the instruction ${tag}`);
        this.#builtin(id, this.#drop(ARITY.get(tag) ?? 0));
      }
    }
  }

  get #top(): string {
    return this.#stack.at(-1)?.code ?? "U";
  }

  /** Variants without payload are all alike: one for the whole group. */
  #bareVariant(type: number, variant: number): string {
    const key = type * 65_536 + variant;
    const known = bareVariants.get(key) ?? new EnumValue(type, variant, UNIT);
    bareVariants.set(key, known);
    return this.#group.pool.name(known);
  }

  #store(local: number): void {
    const value = this.#pop();
    // Operands that stand for the old value are read before it goes.
    this.#stack.forEach((operand, i) => {
      if (operand.local !== local) return;
      this.#line(`s${i} = ${operand.code};`);
      this.#slots = Math.max(this.#slots, i + 1);
      this.#stack[i] = { code: `s${i}`, kind: operand.kind, local: -1 };
    });
    if (value.local !== local) this.#line(`l${local} = ${value.code};`);
    this.#locals[local] = value.kind;
  }

  #duplicate(): void {
    const top = this.#pop();
    this.#stack.push(top, top);
  }

  #condition(expression: string, lazily: boolean): void {
    if (lazily) this.#stack.push({ code: `(${expression})`, kind: "bool", local: -1 });
    else this.#push(expression, "bool");
  }

  #truth({ code, kind }: Operand): string {
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

  #arithmetic(tag: number): void {
    const b = this.#pop();
    const a = this.#pop();
    const { wide } = this.#part;
    const kind = arithmeticKind(tag, a.kind, b.kind, wide);
    if (a.kind === "num" && b.kind === "num" && tag !== OPCODES.FDiv.tag) return this.#intArithmetic(tag, a, b, kind);
    if (kind === "float") return this.#floatArithmetic(tag, a, b);
    if (kind === "str" && a.kind === "str" && b.kind === "str") return this.#joinStrings(a, b);
    const generic = `${GENERIC.get(tag) ?? ""}(m, ${boxed(a.code, a.kind)}, ${boxed(b.code, b.kind)})`;
    const sign = SIGNS.get(tag);
    const isNumber = [a, b].flatMap((o) => (o.kind === "num" ? [] : [`typeof ${o.code} === "number"`]));
    if (sign === undefined || kind === "str" || a.kind === "bool" || b.kind === "bool" || isNumber.length === 0)
      return this.#push(generic, kind);
    const zero = tag === OPCODES.Mul.tag ? " + 0" : "";
    this.#push(
      `(${isNumber.join(" && ")} && (t = ${a.code} ${sign} ${b.code}${zero}) <= ${MAX_SAFE} && t >= -${MAX_SAFE}) ? t : ${generic}`,
      kind,
    );
  }

  #intArithmetic(tag: number, a: Operand, b: Operand, kind: Kind): void {
    const sign = SIGNS.get(tag);
    if (sign === undefined) {
      if (!isLiteral(b) || b.code === "0") this.#line(`if (${b.code} === 0) bail();`);
      this.#push(tag === OPCODES.Div.tag ? `Math.trunc(${a.code} / ${b.code}) + 0` : `${a.code} % ${b.code} + 0`, "num");
      return;
    }
    const expression = `${a.code} ${sign} ${b.code}${tag === OPCODES.Mul.tag ? " + 0" : ""}`;
    if (kind !== "num") {
      const checked = `${GENERIC.get(tag) ?? ""}(m, ${a.code}, ${b.code})`;
      return this.#push(`((t = ${expression}) <= ${MAX_SAFE} && t >= -${MAX_SAFE}) ? t : ${checked}`, kind);
    }
    this.#push(expression, "num");
    const tests: string[] = [];
    const rises = tag === OPCODES.Mul.tag || canBe(tag === OPCODES.Sub.tag ? "negative" : "positive", b);
    const falls = tag === OPCODES.Mul.tag || canBe(tag === OPCODES.Sub.tag ? "positive" : "negative", b);
    if (rises) tests.push(`${this.#top} > ${MAX_SAFE}`);
    if (falls) tests.push(`${this.#top} < -${MAX_SAFE}`);
    this.#line(`if (${tests.join(" || ")}) wide(${this.#part.fn.index});`);
  }

  #floatArithmetic(tag: number, a: Operand, b: Operand): void {
    const x = numeric(a);
    const y = numeric(b);
    if (tag === OPCODES.Div.tag) {
      const divisor = this.#named(y);
      this.#line(`if (${divisor} === 0) bail();`);
      return this.#push(`${x} / ${divisor}`, "float");
    }
    const sign = tag === OPCODES.FDiv.tag ? "/" : (SIGNS.get(tag) ?? "+");
    this.#push(`${x} ${sign} ${y}`, "float");
  }

  /** A variable with the value, for an expression that is used twice. */
  #named(expression: string): string {
    if (/^\w+$/.test(expression)) return expression;
    this.#line(`t = ${expression};`);
    return "t";
  }

  #negate(): void {
    const a = this.#pop();
    if (a.kind === "num") this.#push(`0 - ${a.code}`, "num");
    else if (a.kind === "float") this.#push(`-${a.code}`, "float");
    else this.#push(`neg(${a.code})`, negationKind(a.kind));
  }

  #concat(): void {
    const b = this.#pop();
    const a = this.#pop();
    if (a.kind === "str" && b.kind === "str") return this.#joinStrings(a, b);
    this.#pushCharging(`concat(m, ${boxed(a.code, a.kind)}, ${boxed(b.code, b.kind)})`, concatKind(a.kind, b.kind));
  }

  #joinStrings(a: Operand, b: Operand): void {
    this.#line(`t = ${a.code}.length + ${b.code}.length;`);
    this.#line(`if (t > ${MAX_STRING_UNITS}) bail();`);
    this.#line(`m.allocBytes += ${BYTES.stringHeader} + ${BYTES.codeUnit} * t;`);
    this.#push(`${a.code} + ${b.code}`, "str");
  }

  #order(tag: number): string {
    const b = this.#pop();
    const a = this.#pop();
    const { sign, generic } = ORDERS.get(tag) ?? { sign: "<", generic: "lt" };
    if (a.kind === b.kind && (a.kind === "num" || a.kind === "float")) return `${a.code} ${sign} ${b.code}`;
    const slow = this.#charging(`${generic}(m, ${boxed(a.code, a.kind)}, ${boxed(b.code, b.kind)})`);
    const unsure = [a, b].filter((o) => o.kind !== "num");
    if (unsure.some((o) => o.kind !== "any")) return slow;
    return `(${unsure.map((o) => `typeof ${o.code} === "number"`).join(" && ")}) ? ${a.code} ${sign} ${b.code} : ${slow}`;
  }

  #equality(equal: boolean): string {
    const b = this.#pop();
    const a = this.#pop();
    const same = equal ? "===" : "!==";
    const bare = (kind: Kind): boolean => kind === "num" || kind === "bool";
    if (a.kind === "float" && b.kind === "float") return `${a.code} ${same} ${b.code}`;
    // An Int or a Bool is equal to nothing but itself, and neither form of an Int is an object.
    if (bare(a.kind) || bare(b.kind)) return `${boxed(a.code, a.kind)} ${same} ${boxed(b.code, b.kind)}`;
    const slow = this.#charging(`equal(m, ${boxed(a.code, a.kind)}, ${boxed(b.code, b.kind)})`);
    return equal ? slow : `!${slow}`;
  }

  #call(index: number, count: number): void {
    const callee = this.#group.part(index);
    const given = this.#drop(count);
    const args = callee.entry.locals.slice(0, callee.fn.def.arity).map((kind, i) => {
      const arg = given[i];
      return arg === undefined ? "U" : converted(arg, kind);
    });
    const kind = callee.result === "never" ? "any" : callee.result;
    this.#pushCharging(`${partName(callee)}(${["m", "d + 1", ...args].join(", ")})`, kind);
  }

  #callIndirect(count: number): void {
    const target = this.#pop();
    const args = this.#drop(count).map((arg) => boxed(arg.code, arg.kind));
    const name = count <= 3 ? `invoke${count}` : "invoke";
    const list = count <= 3 ? args : [`[${args.join(", ")}]`];
    this.#pushCharging(`${name}(${["m", "d + 1", boxed(target.code, target.kind), ...list].join(", ")})`, "any");
  }

  #element(): void {
    const index = this.#pop();
    const list = this.#pop();
    const whole = index.kind === "num" ? "" : ` && typeof ${index.code} === "number"`;
    const slow = `elementAt(${boxed(list.code, list.kind)}, ${boxed(index.code, index.kind)})`;
    this.#line(`t = ${list.code} instanceof L${whole} ? ${list.code}.get(${index.code}) : undefined;`);
    this.#push(`t === undefined ? ${slow} : t`, "any");
  }

  #builtin(id: number, given: readonly Operand[]): void {
    const decl = BUILTIN_BY_ID.get(id);
    const code = BUILTIN_CODE.get(decl?.name ?? "");
    if (decl === undefined || code === undefined) throw new Unsupported(`the builtin ${id}`);
    const [a] = given;
    if (decl.name === "int.to_float" && a?.kind === "num") return this.#push(a.code, "float");
    if (decl.name === "float.sqrt" && a?.kind === "float") return this.#push(`Math.sqrt(${a.code})`, "float");
    const args = [0, 1, 2].map((i) => {
      const arg = given[i];
      return arg === undefined ? "U" : boxed(arg.code, arg.kind);
    });
    const call = `${this.#group.pool.name(code.run)}(m, ${args.join(", ")})`;
    const kind = builtinKind(id);
    if (decl.name === "list.len" && a !== undefined) return this.#push(`${a.code} instanceof L ? ${a.code}.length : ${call}`, "num");
    this.#pushCharging(kind === "float" ? `${call}.value` : call, kind);
  }

  #exit(index: number, exit: Exit, last: number): void {
    switch (exit.kind) {
      case "return":
        return this.#return(index);
      case "jump":
        return this.#sequence([() => this.#move(exit.to), ...this.#goto(index, exit.to)]);
      case "branch":
        return this.#branch(index, exit.ifTrue, exit.ifFalse);
      case "tail":
        return this.#tail(index, exit.to, this.#part.fn.code[last * CODE_STRIDE + 2] ?? 0);
      case "match":
        return this.#match(index, exit.arms);
    }
  }

  #return(index: number): void {
    const block = this.#part.flow[index];
    const value = block !== undefined && block.end > block.start ? this.#stack.at(-1) : undefined;
    if (this.#cached) this.#line("m.steps = S;");
    this.#line(`return ${value === undefined ? "U" : converted(value, this.#part.result)};`);
  }

  /** Goes on with a block: as a part of this one where only this one leads to it. */
  #goto(from: number, to: number): readonly (() => void)[] {
    if (to <= from) return [() => this.#line(`continue L${to};`)];
    if (this.#part.flow[to]?.isMerge === true) return [() => this.#line(`break B${to};`)];
    return [() => this.#tree(to)];
  }

  /** Operands and locals as the block that follows has them. */
  #moves(to: number, count = this.#stack.length): readonly string[] {
    const target = this.#part.blocks[to];
    const lines: string[] = [];
    for (let i = count - 1; i >= 0; i--) {
      const operand = this.#stack[i];
      if (operand === undefined) continue;
      const code = converted(operand, target?.stack[i] ?? "any");
      if (code !== `s${i}`) lines.push(`s${i} = ${code};`);
      this.#slots = Math.max(this.#slots, i + 1);
    }
    const live = this.#part.live[to];
    this.#locals.forEach((kind, i) => {
      if (live?.[i] === 1 && kind === "float" && target?.locals[i] !== "float") lines.push(`l${i} = new F(l${i});`);
    });
    return lines;
  }

  #move(to: number): void {
    for (const line of this.#moves(to)) this.#line(line);
  }

  #branch(index: number, ifTrue: number, ifFalse: number): void {
    const condition = this.#truth(this.#pop());
    const yes = this.#moves(ifTrue);
    const no = this.#moves(ifFalse);
    this.#sequence([
      () => this.#open(`if (${condition}) {`),
      () => this.#out.push(...yes),
      ...this.#goto(index, ifTrue),
      () => this.#line("} else {"),
      () => this.#out.push(...no),
      ...this.#goto(index, ifFalse),
      () => this.#close(),
    ]);
  }

  /** The arguments become the parameters, all other locals Unit. */
  #tail(index: number, to: number, count: number): void {
    const { fn, blocks } = this.#part;
    const { arity, locals } = fn.def;
    const args = this.#drop(count);
    const target = blocks[to];
    const values: string[] = [];
    args.slice(0, arity).forEach((arg, i) => {
      const slot = `s${this.#stack.length + i}`;
      const code = converted(arg, target?.locals[i] ?? "any");
      if (code !== slot) this.#line(`${slot} = ${code};`);
      this.#slots = Math.max(this.#slots, this.#stack.length + i + 1);
      values.push(slot);
    });
    for (let i = 0; i < locals; i++) this.#line(`l${i} = ${values[i] ?? "U"};`);
    this.#sequence(this.#goto(index, to));
  }

  #match(index: number, arms: readonly { readonly tag: number; readonly to: number }[]): void {
    const value = this.#pop();
    const slot = this.#slot();
    const first = new Map<number, { readonly to: number; readonly passed: number }>();
    for (const [passed, arm] of arms.entries()) {
      if (!first.has(arm.tag)) first.set(arm.tag, { to: arm.to, passed });
      if (arm.tag === -1) break;
    }
    const named = boxed(value.code, value.kind);
    if (named !== slot) this.#line(`${slot} = ${named};`);
    const body = (tag: number, to: number, passed: number): readonly (() => void)[] => {
      const moves = this.#moves(to, this.#stack.length);
      const charged = Math.floor(passed / UNITS_PER_STEP);
      return [
        () => {
          if (charged > 0) this.#line(`${this.#steps} += ${charged};`);
          this.#line(`${slot} = ${payload(tag, slot)};`);
          this.#out.push(...moves);
        },
        ...this.#goto(index, to),
      ];
    };
    const tags = [...first];
    if (tags.every(([tag]) => tag >= -1)) this.#matchVariants(slot, tags, body);
    else this.#matchTests(slot, tags, body);
  }

  #matchVariants(slot: string, tags: readonly (readonly [number, { to: number; passed: number }])[], body: ArmBody): void {
    this.#sequence([
      () => this.#open(`switch (${slot} instanceof E ? ${slot}.variant : tagOf(${slot})) {`),
      ...tags.flatMap(([tag, { to, passed }]) => [
        () => this.#line(tag === -1 ? "default: {" : `case ${tag}: {`),
        ...body(tag, to, passed),
        () => this.#line("}"),
      ]),
      () => this.#close(tags.some(([tag]) => tag === -1) ? "}" : "default: bail(); }"),
    ]);
  }

  #matchTests(slot: string, tags: readonly (readonly [number, { to: number; passed: number }])[], body: ArmBody): void {
    this.#nesting += 1;
    this.#sequence([
      ...tags.flatMap(([tag, { to, passed }], i) => [
        () => this.#line(`${i > 0 ? "} else " : ""}if (${hasTag(tag, slot)}) {`),
        ...body(tag, to, passed),
      ]),
      () => this.#close("} else bail();"),
    ]);
  }
}

type ArmBody = (tag: number, to: number, passed: number) => readonly (() => void)[];

const bareVariants = new Map<number, EnumValue>();

function payload(tag: number, slot: string): string {
  if (tag === -2) return slot;
  if (tag < -2) return `${slot}.value`;
  return tag === -1 ? `payloadOf(${slot})` : `(${slot} instanceof E ? ${slot}.payload : ${slot})`;
}

function hasTag(tag: number, slot: string): string {
  switch (tag) {
    case -1:
      return "true";
    case -2:
      return `${slot} instanceof None`;
    case -3:
      return `${slot} instanceof Some`;
    case -4:
      return `${slot} instanceof Ok`;
    case -5:
      return `${slot} instanceof Err`;
    default:
      return `tagOf(${slot}) === ${tag}`;
  }
}

const range = (count: number, prefix: string): readonly string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

const integer = (value: number): string => (value < 0 ? `(${value})` : String(value));

const isLiteral = ({ code }: Operand): boolean => /^(\d+|\(-\d+\))$/.test(code);

function canBe(sign: "positive" | "negative", operand: Operand): boolean {
  if (!isLiteral(operand)) return true;
  return operand.code.startsWith("(") === (sign === "negative");
}

function converted(operand: Operand, to: Kind): string {
  return to === "float" ? operand.code : boxed(operand.code, operand.kind);
}

/** The operand as a bare number. */
function numeric({ code, kind }: Operand): string {
  return kind === "float" || kind === "num" ? code : `numeric(${code})`;
}

function isJump(tag: number | undefined): boolean {
  return tag === OPCODES.Jmp.tag;
}
