/**
 * Writes a function version as a JavaScript function. Bytecode has jumps, but JavaScript only has nested blocks. The dominator
 * tree of the control-flow graph decides how the blocks are nested (N. Ramsey, "Beyond Relooper", 2022). `engine.ts` shows an example.
 *
 * The names in the text:
 *
 *   f12_0_1           version 1 of function 12, which starts at instruction 0
 *   meter, depth      the first parameters of each function: the run's meter, and the call depth of this frame
 *   local0, stack0    local 0; the operand at position 0 of the operand stack
 *   const0            value 0 of the constant pool
 *   steps, bytes      the steps and bytes that the function has not yet added to the meter
 *   temp              an intermediate result within one instruction
 *   round3: for (;;)  a loop whose header is block 3; `continue round3` jumps back to block 3
 *   loop3: for (;;)   around `round3`, with the checks of limits; `continue loop3` makes them, and then jumps back to block 3
 *   to5: { … }        the code before block 5; `break to5` jumps forward to block 5
 *   pending0          1 if local 0 holds a pending String, otherwise 0 (`bytecode/string-append.ts`)
 *   index0            the index of the tuple that local 0 is for (`enumerations.ts`)
 *   zipped0           the second list of `list.zip`, if local 0 is for its result
 *   first0, second0   the elements of the tuple of `list.zip` that local 0 is for
 *   unique0, flag0    uniqueness of the list in local 0, and of the list in operand 0 (`unique-lists.ts`)
 *
 * All other names are functions and classes of `runtime.ts`. The text contains only names and integers that the generator
 * chooses. It refers to values of the program through `ConstantPool`.
 *
 * Within a block the code has no effects, so it may do the work in any order. If something unusual happens, such as a trap, a
 * limit or an Int outside the safe range, the code throws a number, and the work since the last effect is discarded. The steps
 * and bytes have to be exact only when the function returns, leaves its frame or executes an effect.
 */
import { UNITS_PER_STEP } from "../cost.ts";
import { opcodeOf, OPCODES } from "../bytecode/opcodes.ts";
import { CODE_STRIDE, popCount } from "../bytecode/stack-heights.ts";
import { MATCH_TAGS } from "../bytecode/tags.ts";
import { NONE } from "../value/value.ts";
import {
  toBoxed,
  toKind,
  FunctionBody,
  hasClass,
  hasNotClass,
  hasOpcode,
  notOfKind,
  type Operand,
  truthOf,
  Unsupported,
  type UnitScope,
} from "./body.ts";
import type { Exit } from "./control-flow-graph.ts";
import { CALLS, type Counts, countLine, ENTRY, firstCalls, NO_COUNTS, returnCountLine } from "./counts.ts";
import { trackedParams, versionName, writeInstruction } from "./instructions.ts";
import { isBoxed, mayBeUnique, type ValueKind } from "./kinds.ts";
import { DEOPTIMIZED } from "./runtime.ts";
import { type FunctionVersion, guessedPart, matchedKind, SITE, wrongGuesses } from "./type-inference.ts";

/**
 * A loop adds its steps or bytes to the meter when these exceed `UNCOUNTED_STEPS` or `UNCOUNTED_BYTES`. So it may exceed a
 * limit by that much before it notices. That only costs time, since the work is then discarded.
 */
const UNCOUNTED_STEPS = 1_000;
const UNCOUNTED_BYTES = 1_000;
const SETS_LOCAL: ReadonlySet<number> = new Set([OPCODES.StoreLocal.tag, OPCODES.Update.tag]);

/** Returns the text of one function. */
export function writeFunction(version: FunctionVersion, scope: UnitScope): string {
  return new FunctionWriter(version, scope).write();
}

class FunctionWriter {
  readonly #version: FunctionVersion;
  readonly #body: FunctionBody;
  /** The locals that the version sets. */
  readonly #written: ReadonlySet<number>;
  /** The blocks that begin with checks of depth and limits. */
  readonly #checkedBlocks: ReadonlySet<number>;
  /**
   * The tasks that remain, the next one last. A list is used instead of recursion, because the code may nest deeper than the
   * JavaScript stack allows.
   */
  readonly #tasks: (() => void)[] = [];
  /**
   * If counts are deferred (`FunctionBody.defersCounts`): for each block written so far, the steps and bytes that have not been counted at
   * its end.
   */
  readonly #deferred = new Map<number, Counts>();
  /** The lines that count before a `return`, and the deferred steps and bytes. */
  readonly #returns: ({ readonly line: number } & Counts)[] = [];

  constructor(version: FunctionVersion, scope: UnitScope) {
    this.#version = version;
    this.#body = new FunctionBody(version, scope);
    this.#written = version.isFrame ? writtenLocals(version) : new Set();
    this.#checkedBlocks = this.#body.hasLoop ? new Set([ENTRY]) : firstCalls(version.fn, version.graph);
  }

  write(): string {
    const { fn, isFrame, entry } = this.#version;
    const { arity, locals } = fn.def;
    this.#sequence([() => this.#subtree(0)]);
    for (let task = this.#tasks.pop(); task !== undefined; task = this.#tasks.pop()) task();
    /** The variables that say which Strings are pending. */
    const flags = this.#body.appends.targets.map((local) => `pending${local}`);
    const uniqueParams = trackedParams(this.#version).map((local) => `unique${local}`);
    const params = isFrame
      ? [...range(locals, "local"), ...range(entry.stack.length, "stack"), ...flags]
      : [...range(arity, "local"), ...uniqueParams];
    const isRead = (local: number): boolean => this.#version.live[0]?.[local] === 1;
    const isCounted = this.#body.countsSteps;
    for (const { line, steps, bytes } of this.#returns)
      this.#body.lines[line] = returnCountLine(isCounted, this.#body.allocates, { steps, bytes });
    const variables = [
      ...(isFrame ? [] : range(locals, "local").flatMap((name, i) => (i < arity ? [] : [isRead(i) ? `${name} = UNIT` : name]))),
      ...range(this.#body.operandVariables, "stack").slice(isFrame ? entry.stack.length : 0),
      ...(isFrame ? [] : flags.map((name) => `${name} = 0`)),
      ...[...this.#body.tracked]
        .map((local) => `unique${local}`)
        .filter((name) => !uniqueParams.includes(name))
        .map((name) => `${name} = 0`),
      ...range(this.#body.flagVariables, "flag").map((name) => `${name} = 0`),
      ...[...new Set(this.#version.enumerations.gets.values())].flatMap(({ list, tuple, isZip }) =>
        isZip ? [`zipped${list}`, `first${tuple}`, `second${tuple}`] : [`index${tuple} = 0`],
      ),
      "temp",
      ...(isCounted ? ["steps = 0"] : []),
      ...(isCounted && this.#body.allocates ? ["bytes = 0"] : []),
    ];
    return [
      `function ${versionName(this.#version)}(${["meter", "depth", ...params].join(", ")}) {`,
      // V8 needs no code for a `var` without a value.
      `var ${variables.join(", ")};`,
      ...this.#entry(),
      ...this.#body.lines,
      "}",
    ].join("\n");
  }

  /** Returns the lines that check depth and limits, and convert the arguments to the kinds that the first block expects. */
  #entry(): readonly string[] {
    const { isFrame, entry, blocks, live, fn } = this.#version;
    const lines: string[] = [];
    if (this.#checkedBlocks.has(ENTRY)) lines.push(...this.#checks());
    const first = blocks[0];
    const convert = (name: string, from: ValueKind | undefined, to: ValueKind | undefined): void => {
      if (from === "float" && to !== "float") lines.push(`${name} = new FloatValue(${name});`);
    };
    entry.locals.forEach((kind, i) => {
      if (live[0]?.[i] !== 1) return;
      // The `+` tells V8 that the parameter is a number. See `asNumber`.
      const isParameter = isFrame || i < fn.def.arity;
      if (this.#body.hasLoop && isParameter && (kind === "safeInt" || kind === "float")) lines.push(`local${i} = +local${i};`);
      convert(`local${i}`, kind, first?.locals[i]);
    });
    entry.stack.forEach((kind, i) => convert(`stack${i}`, kind, first?.stack[i]));
    return lines;
  }

  /** Returns the lines that check depth and limits. */
  #checks(): readonly string[] {
    const { fn, isFrame } = this.#version;
    const lines: string[] = [];
    const mayRecurse = hasOpcode(fn, CALLS);
    // Checks the depth of the functions that this one calls, so that those without calls need no check.
    if (mayRecurse) lines.push(`if (depth >= meter.maxDepth) throw ${DEOPTIMIZED};`);
    if (isFrame) return lines;
    // A function that may recurse checks the limits here. A loop checks the limits in its header.
    if (mayRecurse) lines.push("if (meter.steps > meter.checkAt) checkLimits(meter);");
    if (this.#body.allocates && (mayRecurse || this.#body.isLarge))
      lines.push(`if (meter.allocBytes > meter.maxAllocBytes) throw ${DEOPTIMIZED};`);
    return lines;
  }

  /** Schedules tasks to run in this order, before all other tasks. */
  #sequence(tasks: readonly (() => void)[]): void {
    for (let i = tasks.length - 1; i >= 0; i--) {
      const task = tasks[i];
      if (task !== undefined) this.#tasks.push(task);
    }
  }

  /** Writes a block and all blocks that it dominates. A merge block comes after a labeled block; a `break` leads to the merge block. */
  #subtree(index: number): void {
    const block = this.#version.graph[index];
    if (block === undefined) return;
    const merges = block.children.filter((child) => this.#isMerge(child));
    if (block.isLoopHeader) {
      this.#body.open(`loop${index}: for (;;) {`);
      if (this.#setKinds(index)) this.#loopChecks(index);
      this.#body.open(`round${index}: for (;;) {`);
    }
    for (const merge of [...merges].reverse()) this.#body.open(`to${merge}: {`);
    this.#sequence([
      () => this.#block(index),
      ...merges.flatMap((merge) => [() => this.#body.close(), () => this.#subtree(merge)]),
      ...(block.isLoopHeader ? [() => this.#body.close(), () => this.#body.close()] : []),
    ]);
  }

  #block(index: number): void {
    const { graph, fn } = this.#version;
    const block = graph[index];
    if (block === undefined) return;
    if (!this.#setKinds(index)) {
      this.#body.line(`throw ${DEOPTIMIZED};`);
      return;
    }
    if (this.#checkedBlocks.has(index)) this.#body.lines.push(...this.#checks());
    this.#body.extraSteps = 0;
    this.#body.fixedBytes = 0;
    const lineNumber = this.#body.lines.length;
    if (!this.#body.defersCounts) this.#body.line("");
    const { exit } = block;
    const last = block.end - 1;
    // `CODE_STRIDE` is the number of words per instruction.
    const bodyEnd = exit.kind === "jump" && fn.code[last * CODE_STRIDE] !== OPCODES.Jmp.tag ? block.end : Math.max(block.start, last);
    for (let pc = block.start; pc < bodyEnd; pc++) writeInstruction(this.#body, pc, pc + 1 < block.end);
    // Reaching the end of the code counts as one step.
    const count = block.start === block.end ? 1 : block.end - block.start - (exit.kind === "leave" || exit.kind === "effect" ? 1 : 0);
    const steps = count + this.#body.extraSteps;
    if (this.#body.defersCounts) this.#defer(index, steps, this.#body.fixedBytes);
    else this.#body.lines[lineNumber] = countLine({ steps, bytes: this.#body.fixedBytes });
    this.#exit(index, exit, last);
  }

  /** Sets the operands and locals to those with which a block begins. Returns whether the block can be reached. */
  #setKinds(index: number): boolean {
    const entry = this.#version.blocks[index];
    if (entry === undefined) return false;
    this.#body.stack = entry.stack.map((kind, i) => ({
      code: this.#body.operandName(i),
      kind,
      local: -1,
      ...(this.#isTracked(kind) ? { uniqueness: this.#body.flagName(i) } : {}),
    }));
    this.#body.locals = entry.locals.slice();
    return true;
  }

  /** Adds the steps and bytes of a block to those that the blocks before it left to this one. */
  #defer(index: number, steps: number, bytes: number): void {
    const before = this.#deferred.get(index) ?? NO_COUNTS;
    this.#deferred.set(index, { steps: before.steps + steps, bytes: before.bytes + bytes });
  }

  /**
   * Writes the checks of limits at the start of a loop. A later round returns to them only if there are many uncounted steps or bytes.
   * The inner `for` has no other work, so V8 keeps its variables in registers: a tight loop takes 10 to 40 % less time.
   */
  #loopChecks(index: number): void {
    // A frame of a pure function pauses only at the loop header at which it begins, because each such point takes much text.
    if (this.#version.leaves || (this.#version.isFrame && index === 0)) {
      this.#body.line(
        `if (steps > ${UNCOUNTED_STEPS}) { meter.steps += steps; steps = 0; if (meter.allocBytes > meter.maxAllocBytes) throw ${DEOPTIMIZED}; if (meter.steps > meter.checkAt && mustPause(meter)) {`,
      );
      this.#leave(this.#version.graph[index]?.start ?? 0, this.#version.live[index]);
      this.#body.line("} }");
    } else {
      // Only this check covers the bytes that callees have added to the meter.
      const bytes = hasOpcode(this.#version.fn, CALLS) ? ` if (meter.allocBytes > meter.maxAllocBytes) throw ${DEOPTIMIZED};` : "";
      this.#body.line(
        `if (steps > ${UNCOUNTED_STEPS}) { meter.steps += steps; steps = 0; if (meter.steps > meter.checkAt) checkLimits(meter);${bytes} }`,
      );
    }
    if (this.#body.allocates)
      this.#body.line(
        `if (bytes > ${UNCOUNTED_BYTES}) { meter.allocBytes += bytes; bytes = 0; if (meter.allocBytes > meter.maxAllocBytes) throw ${DEOPTIMIZED}; }`,
      );
  }

  /** Writes the code that leaves the frame before the instruction at `pc`. */
  #leave(pc: number, live: Uint8Array | undefined): void {
    this.#storeFrame(live);
    this.#body.line(`meter.leftAt = ${pc}; return LEFT;`);
  }

  /**
   * Writes the code that stores operands and live locals in their slots. The slot of a dead local keeps an older value. But a local that is
   * still an expression on the symbolic stack is stored too, because the interpreter may have elided that load.
   */
  #storeFrame(live: Uint8Array | undefined): void {
    const { locals, stack, appends } = this.#body;
    this.#body.line(`meter.steps += steps;${this.#body.allocates ? " meter.allocBytes += bytes;" : ""}`);
    // Nothing may be stored if the work is discarded.
    this.#body.line(`if (meter.steps > meter.stopStep || meter.allocBytes > meter.maxAllocBytes) throw ${DEOPTIMIZED};`);
    this.#body.line("const { stack: slots, numbers } = meter.frame, base = meter.frameBase;");
    const loaded = new Set(stack.map((operand) => operand.local));
    locals.forEach((kind, i) => {
      if (!(live?.[i] === 1 || loaded.has(i))) return;
      if (this.#written.has(i)) this.#storeSlot(i, { code: `local${i}`, kind, local: i });
      if (appends.isAppendTarget[i] === 1)
        this.#body.line(`if (typeof slots[base + ${i}] === "string") numbers[base + ${i}] = pending${i};`);
    });
    stack.forEach((operand, i) => this.#storeSlot(locals.length + i, operand));
  }

  #storeSlot(index: number, operand: Operand): void {
    const { code, kind } = operand;
    const slot = `slots[base + ${index}]`;
    if (kind === "safeInt" || kind === "float") {
      this.#body.line(`${slot} = ${kind === "safeInt" ? "undefined" : "null"}; numbers[base + ${index}] = ${code};`);
    } else if (kind === "string" || kind === "bool") this.#body.line(`${slot} = ${code};`);
    else this.#body.line(`setSlot(slots, numbers, base + ${index}, ${toBoxed(operand)});`);
  }

  #exit(index: number, exit: Exit, last: number): void {
    switch (exit.kind) {
      case "return":
        return this.#return(index);
      case "leave":
        this.#countDeferred(index);
        this.#body.open("{");
        this.#leave(exit.pc, exit.live);
        return this.#body.close();
      case "effect":
        this.#countDeferred(index);
        return this.#effect(index, exit);
      case "jump":
        return this.#sequence([() => this.#move(exit.to), ...this.#goto(index, exit.to)]);
      case "branch":
        return this.#branch(index, exit.ifTrue, exit.ifFalse);
      case "tail":
        return this.#tail(index, exit.to, this.#version.fn.code[last * CODE_STRIDE + 2] ?? 0);
      case "match":
        return this.#match(index, exit.arms);
    }
  }

  /** Writes an effect. After it, the interpreter's frame refers to all values too, so none of them is unique. */
  #effect(index: number, { pc, live, to }: Extract<Exit, { kind: "effect" }>): void {
    const { fn } = this.#version;
    const opcode = opcodeOf(fn.code[pc * CODE_STRIDE] ?? 0);
    if (opcode === undefined) throw new Unsupported("an effect without an opcode");
    this.#body.open("{");
    this.#storeFrame(live);
    this.#body.close();
    const args = this.#body.popMany(popCount(opcode, fn.code, pc * CODE_STRIDE)).map(toBoxed);
    this.#body.line(`temp = meter.effects.execute(${pc}, ${this.#body.stack.length}, [${args.join(", ")}]);`);
    this.#body.line("if (temp === undefined) return LEFT;");
    this.#body.line(`steps = 0;${this.#body.allocates ? " bytes = 0;" : ""}`);
    for (const local of this.#body.tracked) this.#body.line(`unique${local} = 0;`);
    this.#body.stack = this.#body.stack.map((operand) => ({ ...operand, uniqueness: "0" }));
    if (opcode.pushes > 0) this.#body.push("temp", "any");
    this.#sequence([() => this.#move(to), ...this.#goto(index, to)]);
  }

  #return(index: number): void {
    const block = this.#version.graph[index];
    const value = block !== undefined && block.end > block.start ? this.#body.stack.at(-1) : undefined;
    const { steps, bytes } = this.#deferred.get(index) ?? NO_COUNTS;
    this.#returns.push({ line: this.#body.lines.length, steps, bytes });
    this.#body.line("");
    if (mayBeUnique(this.#version.types, this.#version.result)) this.#body.line(`meter.returnedUniqueness = ${value?.uniqueness ?? 0};`);
    this.#body.line(`return ${value === undefined ? "UNIT" : toKind(value, this.#version.result)};`);
  }

  /** Returns the tasks that continue with a block: those of its code if no other block leads to it, otherwise a jump. */
  #goto(from: number, to: number): readonly (() => void)[] {
    const { steps, bytes } = this.#deferred.get(from) ?? NO_COUNTS;
    const count = (): void => this.#count(steps, bytes);
    if (to <= from) return [count, () => this.#nextRound(to)];
    if (this.#isMerge(to)) return [count, () => this.#body.line(`break to${to};`)];
    if (this.#version.graph[to]?.isLoopHeader === true) return [count, () => this.#subtree(to)];
    const defer = (): void => void this.#deferred.set(to, { steps, bytes });
    return [defer, () => this.#subtree(to)];
  }

  /** Whether several blocks jump to a block. A block that only returns is written in the place of each jump. */
  #isMerge(index: number): boolean {
    const block = this.#version.graph[index];
    return block !== undefined && block.isMerge && !(block.exit.kind === "return" && block.end - block.start === 1);
  }

  #count(steps: number, bytes: number): void {
    if (steps === 0) return;
    this.#body.line(countLine({ steps, bytes }));
    this.#body.countsSteps = true;
  }

  /** Counts what a block has deferred, because after the block the counts have to be exact. */
  #countDeferred(index: number): void {
    const { steps, bytes } = this.#deferred.get(index) ?? NO_COUNTS;
    this.#count(steps, bytes);
    this.#deferred.delete(index);
  }

  #nextRound(header: number): void {
    this.#body.line(`if (steps > ${UNCOUNTED_STEPS}) continue loop${header};`);
    if (this.#body.allocates) this.#body.line(`if (bytes > ${UNCOUNTED_BYTES}) continue loop${header};`);
    this.#body.line(`continue round${header};`);
  }

  /** Whether operands of a kind keep their uniqueness from one block to the next. */
  #isTracked(kind: ValueKind | undefined): boolean {
    return kind !== undefined && mayBeUnique(this.#version.types, kind);
  }

  /** Returns the line that sets the uniqueness of an operand for the next block; none if that is not tracked, or is set already. */
  #flagMove(i: number, { uniqueness = "0" }: Operand, kind: ValueKind | undefined): readonly string[] {
    return this.#isTracked(kind) && uniqueness !== this.#body.flagName(i) ? [`flag${i} = ${uniqueness};`] : [];
  }

  /** Returns the lines that convert operands and locals to the kinds that the next block expects. */
  #moves(to: number, count = this.#body.stack.length): readonly string[] {
    const target = this.#version.blocks[to];
    const lines: string[] = [];
    for (let i = count - 1; i >= 0; i--) {
      const operand = this.#body.stack[i];
      if (operand === undefined) continue;
      const code = toKind(operand, target?.stack[i] ?? "any");
      if (code !== this.#body.operandName(i)) lines.push(`stack${i} = ${code};`);
      lines.push(...this.#flagMove(i, operand, target?.stack[i]));
    }
    const live = this.#version.live[to];
    this.#body.locals.forEach((kind, i) => {
      if (live?.[i] === 1 && kind === "float" && target?.locals[i] !== "float") lines.push(`local${i} = new FloatValue(local${i});`);
    });
    return lines;
  }

  #move(to: number): void {
    for (const line of this.#moves(to)) this.#body.line(line);
  }

  #branch(index: number, ifTrue: number, ifFalse: number): void {
    const condition = truthOf(this.#body.pop());
    const ifTrueMoves = this.#moves(ifTrue);
    const ifFalseMoves = this.#moves(ifFalse);
    this.#sequence([
      () => this.#body.open(`if (${condition}) {`),
      () => this.#body.lines.push(...ifTrueMoves),
      ...this.#goto(index, ifTrue),
      () => this.#body.line("} else {"),
      () => this.#body.lines.push(...ifFalseMoves),
      ...this.#goto(index, ifFalse),
      () => this.#body.close(),
    ]);
  }

  /** Writes a tail call. The arguments become the parameters, and all other locals become Unit. */
  #tail(index: number, to: number, count: number): void {
    const { fn, blocks } = this.#version;
    const { arity, locals } = fn.def;
    const args = this.#body.popMany(count);
    const target = blocks[to];
    const values: string[] = [];
    const uniqueness = new Map<number, string>();
    // The last argument comes first, because an argument's expression may be the variable of an earlier position.
    for (let i = Math.min(arity, args.length) - 1; i >= 0; i--) {
      const arg = args[i];
      if (arg === undefined) continue;
      const variable = this.#body.operandName(this.#body.stack.length + i);
      const code = toKind(arg, target?.locals[i] ?? "any");
      if (code !== variable) this.#body.line(`${variable} = ${code};`);
      values[i] = variable;
      if (arg.uniqueness !== undefined && this.#body.tracked.has(i))
        uniqueness.set(i, this.#body.toFlag(arg.uniqueness, this.#body.stack.length + i));
    }
    for (let i = 0; i < locals; i++) this.#body.line(`local${i} = ${values[i] ?? "UNIT"};`);
    for (const local of this.#body.appends.targets) this.#body.line(`pending${local} = 0;`);
    for (const local of this.#body.tracked) this.#body.line(`unique${local} = ${uniqueness.get(local) ?? 0};`);
    this.#sequence(this.#goto(index, to));
  }

  /** Writes a match. Tags from 0 are variants, -1 is the wildcard, and -2 to -5 are None, Some, Ok and Err. */
  #match(index: number, arms: readonly { readonly tag: number; readonly to: number }[]): void {
    const value = this.#body.pop();
    const variable = this.#body.operandName();
    /** The first arm of each tag. `skipped` is the number of arms before it, which are charged. */
    const armByTag = new Map<number, { readonly to: number; readonly skipped: number }>();
    for (const [skipped, arm] of arms.entries()) {
      if (!armByTag.has(arm.tag)) armByTag.set(arm.tag, { to: arm.to, skipped });
      if (arm.tag === MATCH_TAGS.any) break;
    }
    const code = toBoxed(value);
    if (code !== variable) this.#body.line(`${variable} = ${code};`);
    const tags = [...armByTag];
    const pc = (this.#version.graph[index]?.end ?? 1) - 1;
    const isGuess =
      isBoxed(value.kind) && wrongGuesses(this.#version, pc, SITE.operands) === 0 && tags.every(([tag]) => tag >= MATCH_TAGS.any);
    const top = this.#body.stack.length;
    const body = (tag: number, to: number, skipped: number): readonly (() => void)[] => {
      const moves = this.#moves(to, this.#body.stack.length);
      const chargedSteps = Math.floor(skipped / UNITS_PER_STEP);
      return [
        () => {
          if (chargedSteps > 0) this.#body.addSteps(String(chargedSteps));
          const part = isGuess ? `${variable}.payload` : value.isBare === true ? this.#barePayload(tag, variable) : payload(tag, variable);
          this.#body.line(`${variable} = ${part};`);
          const kind = guessedPart(this.#version, pc, matchedKind(this.#body.scope.types, value.kind, tag));
          if (this.#version.blocks[to]?.stack[top] === kind) {
            const failure = notOfKind(variable, kind);
            if (failure !== undefined) this.#body.checkGuess(pc, SITE.part, [failure]);
            if (kind === "float") this.#body.line(`${variable} = ${variable}.value;`);
          }
          this.#body.lines.push(...moves, ...this.#flagMove(top, value, this.#version.blocks[to]?.stack[top]));
        },
        ...this.#goto(index, to),
      ];
    };
    if (tags.every(([tag]) => tag >= MATCH_TAGS.any)) this.#matchVariants(variable, tags, body, isGuess ? pc : undefined);
    else this.#matchTests(variable, tags, body, value.isBare === true ? hasBareTag : hasTag);
  }

  /** Returns an expression for the value that a match pushes for a bare option (see `bare-options.ts`). */
  #barePayload(tag: number, variable: string): string {
    const none = this.#body.scope.pool.nameOf(NONE);
    if (tag === MATCH_TAGS.Some) return variable;
    return tag === MATCH_TAGS.None ? none : `${variable} === undefined ? ${none} : ${variable}`;
  }

  /**
   * Writes a match on variants. If `guessPc` is the pc of the match, the value is guessed to be an enum value. No other value has a
   * `variant`, so only the default arm has to check the guess.
   */
  #matchVariants(
    variable: string,
    tags: readonly (readonly [number, { to: number; skipped: number }])[],
    body: ArmBody,
    guessPc: number | undefined,
  ): void {
    const isEnum = guessPc !== undefined;
    const check = (): void => {
      if (isEnum) this.#body.checkGuess(guessPc, SITE.operands, [hasNotClass(variable, "Enum")]);
    };
    this.#sequence([
      () =>
        this.#body.open(
          `switch (${isEnum ? `${variable}.variant` : `${hasClass(variable, "Enum")} ? ${variable}.variant : matchTag(${variable})`}) {`,
        ),
      ...tags.flatMap(([tag, { to, skipped }]) => [
        () => this.#body.line(tag === MATCH_TAGS.any ? "default: {" : `case ${tag}: {`),
        ...(tag === MATCH_TAGS.any ? [check] : []),
        ...body(tag, to, skipped),
        () => this.#body.line("}"),
      ]),
      ...(tags.some(([tag]) => tag === MATCH_TAGS.any)
        ? []
        : [() => this.#body.line("default: {"), check, () => this.#body.line(`throw ${DEOPTIMIZED}; }`)]),
      () => this.#body.close("}"),
    ]);
  }

  /** Writes a match with tags for None, Some, Ok or Err as a chain of `if` statements. */
  #matchTests(
    variable: string,
    tags: readonly (readonly [number, { to: number; skipped: number }])[],
    body: ArmBody,
    test: typeof hasTag,
  ): void {
    this.#sequence([
      ...tags.flatMap(([tag, { to, skipped }], i) => [
        () => (i === 0 ? this.#body.open(`if (${test(tag, variable)}) {`) : this.#body.line(`} else if (${test(tag, variable)}) {`)),
        ...body(tag, to, skipped),
      ]),
      () => this.#body.close(`} else throw ${DEOPTIMIZED};`),
    ]);
  }
}

function writtenLocals({ fn, graph }: FunctionVersion): ReadonlySet<number> {
  // A tail call sets all locals.
  if (graph.some(({ exit }) => exit.kind === "tail")) return new Set(Array.from({ length: fn.def.locals }, (_, i) => i));
  const written = new Set<number>();
  for (const { start, end } of graph)
    for (let pc = start; pc < end; pc++)
      if (SETS_LOCAL.has(fn.code[pc * CODE_STRIDE] ?? 0)) written.add(fn.code[pc * CODE_STRIDE + 1] ?? 0);
  return written;
}

type ArmBody = (tag: number, to: number, skipped: number) => readonly (() => void)[];

/** Returns an expression for the value that the match pushes. */
function payload(tag: number, variable: string): string {
  if (tag === MATCH_TAGS.None) return variable;
  if (tag < MATCH_TAGS.None) return `${variable}.value`;
  return tag === MATCH_TAGS.any ? `matchPayload(${variable})` : `(${hasClass(variable, "Enum")} ? ${variable}.payload : ${variable})`;
}

/** Returns an expression that is true if a bare option has this tag. */
const hasBareTag: typeof hasTag = (tag, variable) =>
  tag === MATCH_TAGS.any ? "true" : `${variable} ${tag === MATCH_TAGS.Some ? "!==" : "==="} undefined`;

function hasTag(tag: number, variable: string): string {
  switch (tag) {
    case MATCH_TAGS.any:
      return "true";
    case MATCH_TAGS.None:
      return hasClass(variable, "None");
    case MATCH_TAGS.Some:
      return hasClass(variable, "Some");
    case MATCH_TAGS.Ok:
      return hasClass(variable, "Ok");
    case MATCH_TAGS.Err:
      return hasClass(variable, "Err");
    default:
      return `matchTag(${variable}) === ${tag}`;
  }
}

const range = (count: number, prefix: string): readonly string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
