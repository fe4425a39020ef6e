/**
 * JavaScript for the functions of one group. Their control flow is structured again from the dominator tree (N. Ramsey,
 * "Beyond Relooper", 2022), locals and operands become variables. The text holds identifiers and integers of ours only;
 * every value of the program comes in through `Pool`.
 *
 * Nothing in a group has an effect, so order within a block is free, and whatever is out of the ordinary (a trap, a
 * limit, an Int leaving the safe range where none was expected) throws the work away by `bail` or `unguess`: the
 * interpreter runs the call again. Only a run to the end must have counted right.
 */
import { UNITS_PER_STEP } from "../cost.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { MATCH_TAGS } from "../bytecode/tags.ts";
import { Body, boxed, converted, type GroupNames, truth } from "./body.ts";
import type { Exit } from "./control-flow-graph.ts";
import { partName, writeInstruction } from "./instructions.ts";
import type { Entry, Kind, Part } from "./type-inference.ts";

/**
 * What a function has counted and not yet told the meter, at most, when it loops. A limit is noticed so much later,
 * which costs nothing but the time: what went beyond it is thrown away.
 */
const PENDING_STEPS = 1_000;
const PENDING_BYTES = 1_000;
const CALLING: ReadonlySet<number> = new Set([OPCODES.Call.tag, OPCODES.CallIndirect.tag]);

/** The text of one function; `resumable`: a loop of the interpreter's own frame, which may pause at its start. */
export function writeFunction(part: Part, group: GroupNames, resumable: boolean): string {
  return new Writer(part, group, resumable).write();
}

class Writer {
  readonly #part: Part;
  readonly #body: Body;
  readonly #resumable: boolean;
  readonly #tasks: (() => void)[] = [];
  /** Some instruction makes a value of fixed size; their bytes are counted in a variable of their own. */
  readonly #allocates: boolean;

  constructor(part: Part, group: GroupNames, resumable: boolean) {
    this.#part = part;
    this.#body = new Body(part, group);
    this.#resumable = resumable;
    this.#allocates = this.#body.allocates;
  }

  write(): string {
    const { fn, start, entry } = this.#part;
    const { arity, locals } = fn.def;
    this.#sequence([() => this.#tree(0)]);
    for (let task = this.#tasks.pop(); task !== undefined; task = this.#tasks.pop()) task();
    const flags = this.#body.appends.locals.map((local) => `c${local}`);
    const params = start === 0 ? range(arity, "l") : [...range(locals, "l"), ...range(entry.stack.length, "s"), ...flags];
    const variables = [
      ...(start === 0
        ? range(locals, "l")
            .slice(arity)
            .map((name) => `${name} = U`)
        : []),
      ...range(this.#body.slots, "s").slice(start === 0 ? 0 : entry.stack.length),
      ...(start === 0 ? flags.map((name) => `${name} = 0`) : []),
      ...[...this.#body.owned.locals].map((local) => `o${local} = 0`),
      "t",
      "S = 0",
      ...(this.#allocates ? ["A = 0"] : []),
    ];
    return [
      `function ${partName(this.#part)}(${["m", "d", ...params].join(", ")}) {`,
      `let ${variables.join(", ")};`,
      ...this.#entry(),
      ...this.#body.out,
      "}",
    ].join("\n");
  }

  /** Depth and limits, and the kinds of the arguments as the first block has them. */
  #entry(): readonly string[] {
    const { fn, start, entry, blocks, live } = this.#part;
    const lines: string[] = [];
    if (start === 0) {
      lines.push("if (d > m.maxDepth) bail();");
      // What recurses looks at the limits here, what loops at the start of each round.
      const recurses = has(this.#part, CALLING);
      if (recurses) lines.push("if (m.steps > m.checkAt) over(m);");
      if (this.#allocates && (recurses || this.#body.isLarge)) lines.push("if (m.allocBytes > m.maxAllocBytes) bail();");
    }
    const first = blocks[0];
    const convert = (name: string, from: Kind | undefined, to: Kind | undefined): void => {
      if (from === "float" && to !== "float") lines.push(`${name} = new F(${name});`);
    };
    entry.locals.forEach((kind, i) => {
      if (live[0]?.[i] !== 1) return;
      // As for constants: what the host does not know to be a number, a loop would box each time.
      const isParameter = start > 0 || i < fn.def.arity;
      if (this.#body.hasLoop && isParameter && (kind === "num" || kind === "float")) lines.push(`l${i} = +l${i};`);
      convert(`l${i}`, kind, first?.locals[i]);
    });
    entry.stack.forEach((kind, i) => convert(`s${i}`, kind, first?.stack[i]));
    return lines;
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
    if (block.isLoop) this.#body.open(`L${index}: for (;;) {`);
    for (const merge of [...merges].reverse()) this.#body.open(`B${merge}: {`);
    this.#sequence([
      () => this.#block(index),
      ...merges.flatMap((merge) => [() => this.#body.close(), () => this.#tree(merge)]),
      ...(block.isLoop ? [() => this.#body.close()] : []),
    ]);
  }

  #block(index: number): void {
    const { flow, fn, blocks } = this.#part;
    const block = flow[index];
    const entry = blocks[index];
    if (block === undefined) return;
    if (entry === undefined) {
      this.#body.line("bail();");
      return;
    }
    this.#body.stack = entry.stack.map((kind, i) => ({ code: this.#body.slot(i), kind, local: -1 }));
    this.#body.locals = entry.locals.slice();
    if (block.isLoop) this.#loopHead(index, entry);
    this.#body.extraSteps = 0;
    this.#body.bytes = 0;
    const counted = this.#body.out.length;
    this.#body.line("");
    const { exit } = block;
    const last = block.end - 1;
    const bodyEnd = exit.kind === "jump" && !isJump(fn.code[last * CODE_STRIDE]) ? block.end : Math.max(block.start, last);
    for (let pc = block.start; pc < bodyEnd; pc++) writeInstruction(this.#body, pc, pc + 1 < block.end);
    // Running off the end of the code is a step too.
    const steps = (block.start === block.end ? 1 : block.end - block.start) + this.#body.extraSteps;
    this.#body.out[counted] = `S += ${steps};${this.#body.bytes > 0 ? ` A += ${this.#body.bytes};` : ""}`;
    this.#exit(index, exit, last);
  }

  #loopHead(index: number, entry: Entry): void {
    const pause = this.#resumable && index === 0;
    if (pause) {
      const values = [
        ...entry.locals.map((kind, i) => this.#saved(i, kind)),
        ...entry.stack.map((kind, i) => boxed({ code: `s${i}`, kind, local: -1 })),
        ...this.#body.appends.locals.map((local) => `c${local}`),
      ];
      this.#body.line(
        `if (S > ${PENDING_STEPS}) { m.steps += S; S = 0; if (m.allocBytes > m.maxAllocBytes) bail(); if (m.steps > m.checkAt && over(m)) {`,
      );
      this.#body.line(`${this.#allocates ? "m.allocBytes += A; " : ""}m.saved = [${values.join(", ")}]; return P; } }`);
    } else {
      // What the callees have allocated shows here only.
      const bytes = has(this.#part, CALLING) ? " if (m.allocBytes > m.maxAllocBytes) bail();" : "";
      this.#body.line(`if (S > ${PENDING_STEPS}) { m.steps += S; S = 0; if (m.steps > m.checkAt) over(m);${bytes} }`);
    }
    if (this.#allocates)
      this.#body.line(`if (A > ${PENDING_BYTES}) { m.allocBytes += A; A = 0; if (m.allocBytes > m.maxAllocBytes) bail(); }`);
  }

  /** What is dead may hold anything. */
  #saved(local: number, kind: Kind): string {
    return this.#part.live[0]?.[local] === 1 ? boxed({ code: `l${local}`, kind, local }) : "U";
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
    const value = block !== undefined && block.end > block.start ? this.#body.stack.at(-1) : undefined;
    this.#body.line(`m.steps += S;${this.#allocates ? " m.allocBytes += A;" : ""}`);
    this.#body.line(`return ${value === undefined ? "U" : converted(value, this.#part.result)};`);
  }

  /** Goes on with a block: as a part of this one where only this one leads to it. */
  #goto(from: number, to: number): readonly (() => void)[] {
    if (to <= from) return [() => this.#body.line(`continue L${to};`)];
    if (this.#part.flow[to]?.isMerge === true) return [() => this.#body.line(`break B${to};`)];
    return [() => this.#tree(to)];
  }

  /** Operands and locals as the block that follows has them. */
  #moves(to: number, count = this.#body.stack.length): readonly string[] {
    const target = this.#part.blocks[to];
    const lines: string[] = [];
    for (let i = count - 1; i >= 0; i--) {
      const operand = this.#body.stack[i];
      if (operand === undefined) continue;
      const code = converted(operand, target?.stack[i] ?? "any");
      if (code !== this.#body.slot(i)) lines.push(`s${i} = ${code};`);
    }
    const live = this.#part.live[to];
    this.#body.locals.forEach((kind, i) => {
      if (live?.[i] === 1 && kind === "float" && target?.locals[i] !== "float") lines.push(`l${i} = new F(l${i});`);
    });
    return lines;
  }

  #move(to: number): void {
    for (const line of this.#moves(to)) this.#body.line(line);
  }

  #branch(index: number, ifTrue: number, ifFalse: number): void {
    const condition = truth(this.#body.pop());
    const yes = this.#moves(ifTrue);
    const no = this.#moves(ifFalse);
    this.#sequence([
      () => this.#body.open(`if (${condition}) {`),
      () => this.#body.out.push(...yes),
      ...this.#goto(index, ifTrue),
      () => this.#body.line("} else {"),
      () => this.#body.out.push(...no),
      ...this.#goto(index, ifFalse),
      () => this.#body.close(),
    ]);
  }

  /** The arguments become the parameters, all other locals Unit. */
  #tail(index: number, to: number, count: number): void {
    const { fn, blocks } = this.#part;
    const { arity, locals } = fn.def;
    const args = this.#body.drop(count);
    const target = blocks[to];
    const values: string[] = [];
    // From the last on: an operand may stand for the one below it.
    for (let i = Math.min(arity, args.length) - 1; i >= 0; i--) {
      const arg = args[i];
      if (arg === undefined) continue;
      const slot = this.#body.slot(this.#body.stack.length + i);
      const code = converted(arg, target?.locals[i] ?? "any");
      if (code !== slot) this.#body.line(`${slot} = ${code};`);
      values[i] = slot;
    }
    for (let i = 0; i < locals; i++) this.#body.line(`l${i} = ${values[i] ?? "U"};`);
    for (const local of this.#body.appends.locals) this.#body.line(`c${local} = 0;`);
    for (const local of this.#body.owned.locals) this.#body.line(`o${local} = 0;`);
    this.#sequence(this.#goto(index, to));
  }

  #match(index: number, arms: readonly { readonly tag: number; readonly to: number }[]): void {
    const value = this.#body.pop();
    const slot = this.#body.slot();
    const first = new Map<number, { readonly to: number; readonly passed: number }>();
    for (const [passed, arm] of arms.entries()) {
      if (!first.has(arm.tag)) first.set(arm.tag, { to: arm.to, passed });
      if (arm.tag === MATCH_TAGS.any) break;
    }
    const named = boxed(value);
    if (named !== slot) this.#body.line(`${slot} = ${named};`);
    const tags = [...first];
    const guessed = value.kind === "any" && !this.#part.generic && tags.every(([tag]) => tag >= MATCH_TAGS.any);
    const body = (tag: number, to: number, passed: number): readonly (() => void)[] => {
      const moves = this.#moves(to, this.#body.stack.length);
      const charged = Math.floor(passed / UNITS_PER_STEP);
      return [
        () => {
          if (charged > 0) this.#body.line(`S += ${charged};`);
          this.#body.line(`${slot} = ${guessed ? `${slot}.payload` : payload(tag, slot)};`);
          this.#body.out.push(...moves);
        },
        ...this.#goto(index, to),
      ];
    };
    if (tags.every(([tag]) => tag >= MATCH_TAGS.any)) this.#matchVariants(slot, tags, body, guessed);
    else this.#matchTests(slot, tags, body);
  }

  /** `isEnum`: it is guessed to be an enum's value. Nothing else has a variant, so only the last arm has to look. */
  #matchVariants(slot: string, tags: readonly (readonly [number, { to: number; passed: number }])[], body: ArmBody, isEnum: boolean): void {
    const check = (): void => {
      if (isEnum) this.#body.guess([`!(${slot} instanceof E)`]);
    };
    this.#sequence([
      () => this.#body.open(`switch (${isEnum ? `${slot}.variant` : `${slot} instanceof E ? ${slot}.variant : tagOf(${slot})`}) {`),
      ...tags.flatMap(([tag, { to, passed }]) => [
        () => this.#body.line(tag === MATCH_TAGS.any ? "default: {" : `case ${tag}: {`),
        ...(tag === MATCH_TAGS.any ? [check] : []),
        ...body(tag, to, passed),
        () => this.#body.line("}"),
      ]),
      ...(tags.some(([tag]) => tag === MATCH_TAGS.any)
        ? []
        : [() => this.#body.line("default: {"), check, () => this.#body.line("bail(); }")]),
      () => this.#body.close("}"),
    ]);
  }

  #matchTests(slot: string, tags: readonly (readonly [number, { to: number; passed: number }])[], body: ArmBody): void {
    this.#sequence([
      ...tags.flatMap(([tag, { to, passed }], i) => [
        () => (i === 0 ? this.#body.open(`if (${hasTag(tag, slot)}) {`) : this.#body.line(`} else if (${hasTag(tag, slot)}) {`)),
        ...body(tag, to, passed),
      ]),
      () => this.#body.close("} else bail();"),
    ]);
  }
}

type ArmBody = (tag: number, to: number, passed: number) => readonly (() => void)[];

function payload(tag: number, slot: string): string {
  if (tag === MATCH_TAGS.None) return slot;
  if (tag < MATCH_TAGS.None) return `${slot}.value`;
  return tag === MATCH_TAGS.any ? `payloadOf(${slot})` : `(${slot} instanceof E ? ${slot}.payload : ${slot})`;
}

function hasTag(tag: number, slot: string): string {
  switch (tag) {
    case MATCH_TAGS.any:
      return "true";
    case MATCH_TAGS.None:
      return `${slot} instanceof None`;
    case MATCH_TAGS.Some:
      return `${slot} instanceof Some`;
    case MATCH_TAGS.Ok:
      return `${slot} instanceof Ok`;
    case MATCH_TAGS.Err:
      return `${slot} instanceof Err`;
    default:
      return `tagOf(${slot}) === ${tag}`;
  }
}

function has({ fn: { code } }: Part, tags: ReadonlySet<number>): boolean {
  for (let at = 0; at < code.length; at += CODE_STRIDE) if (tags.has(code[at] ?? 0)) return true;
  return false;
}

const range = (count: number, prefix: string): readonly string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

function isJump(tag: number | undefined): boolean {
  return tag === OPCODES.Jmp.tag;
}
