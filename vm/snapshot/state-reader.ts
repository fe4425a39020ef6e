import { analyzeAppends } from "../bytecode/string-append.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE, stackHeights, UNREACHABLE } from "../bytecode/stack-heights.ts";
import { CAPABILITY_IDS } from "../capabilities.ts";
import { BorunaError } from "../error.ts";
import { type Actor, hasMail, newActor, type UndeliveredMessage, type Waiting } from "../interpreter/actor.ts";
import { PENDING_MARK, reserveSlots, setSlot } from "../interpreter/stack-slots.ts";
import { LIMIT_NAMES, type LimitField, type Limits, LIMITS, limitsFrom, MACHINE_LIMITS } from "../limits.ts";
import { MachineTrap, Meter } from "../meter.ts";
import { chargeSerialization } from "../value/serialization-cost.ts";
import { ActorIdValue, type Value } from "../value/value.ts";
import { failState, type ByteReader } from "./bytes.ts";
import { hasEnded, type RunState, STATUSES } from "./state-writer.ts";
import type { ValueReader } from "./value-reader.ts";

/** Reads what `writeState` writes. Checks everything that the engines rely on. Throws `state.form` or `state.limits`. */
export class StateReader {
  readonly #program: Program;
  readonly #bytes: ByteReader;
  readonly #values: ValueReader;
  /** For each actor, the stack slots with a pending String: its first read is still to be charged (see `string-append.ts`). */
  readonly #pendingSlots = new Map<Actor, readonly number[]>();
  /**
   * Charges each payload a second time. The original run charged the same payloads within `max_alloc_bytes`, so a snapshot that
   * exceeds it here is forged. `read` sets this meter once it knows the limits.
   */
  #payloadMeter: Meter = new Meter(0, 0);
  /** A cache of the stack heights of statically stacked functions, in which the height before every instruction is known. */
  readonly #heights = new Map<VerifiedFunction, Int32Array>();

  constructor(program: Program, bytes: ByteReader, values: ValueReader) {
    this.#program = program;
    this.#bytes = bytes;
    this.#values = values;
  }

  /** Reads a state, whose fields `RunState` describes. Throws `state.limits` if a limit is above `caps`. */
  read(caps: Limits | undefined): RunState {
    const bytes = this.#bytes;
    const limits = this.#readLimits(caps);
    this.#payloadMeter = new Meter(Number.MAX_SAFE_INTEGER, limits.max_alloc_bytes);
    const scheduled = bytes.readVarintUpTo(1, "the scheduler flag") === 1;
    const steps = bytes.readVarintUpTo(limits.max_steps, "steps");
    const allocBytes = bytes.readVarintUpTo(limits.max_alloc_bytes, "allocated bytes");
    const nextActor = bytes.readVarintUpTo(MACHINE_LIMITS.actors, "actor");
    // In each round, at least one actor takes a step or ends.
    const round = bytes.readVarintUpTo(steps + MACHINE_LIMITS.actors, "round");
    const sliceEnd = bytes.varint();
    const actors = this.#readActors(scheduled ? MACHINE_LIMITS.actors : 1, limits);
    const queue = this.#readQueue(actors.length);
    const undelivered = this.#readMessages(actors.length);
    /** The actor whose call waits for the answer. */
    const current = actors[queue[0] ?? 0];
    if (current?.status !== "runnable" || current.depth === 0) return failState("no actor waits for an answer");
    const { waiting, pushes } = this.#readWaiting(current);
    current.waiting = waiting;
    current.spawned = this.#readIndices(bytes.readCount("actors spawned"), this.#program.functions.length, "function");
    for (let n = bytes.readCount("messages sent"); n > 0; n--) current.sent.push({ to: this.#readActorId(), payload: this.#readPayload() });
    if (scheduled ? nextActor !== actors.length + current.spawned.length : current.spawned.length + current.sent.length > 0)
      return failState("its actors do not add up");
    for (const actor of actors) this.#checkFrames(actor, actor === current ? pushes : 0);
    return { limits, scheduled, steps, allocBytes, nextActor, round, sliceEnd, actors, queue, undelivered };
  }

  #readLimits(caps: Limits | undefined): Limits {
    const limits = limitsFrom((field) => this.#bytes.readVarintUpTo(LIMITS[field].max, field));
    const over = caps === undefined ? undefined : LIMIT_NAMES.find((field) => effectiveLimit(field, limits) > effectiveLimit(field, caps));
    if (over !== undefined) throw new BorunaError("state.limits", `the state's ${over} is ${limits[over]}; ${caps?.[over]} is allowed`);
    return limits;
  }

  #readActors(max: number, limits: Limits): readonly Actor[] {
    const count = this.#bytes.readCount("actors", max);
    const actors: Actor[] = [];
    for (let id = 0; id < count; id++) {
      const parent = this.#bytes.readVarintUpTo(id, "parent") - 1;
      if (parent < 0 !== (id === 0)) failState("an actor without a parent that is not the root");
      actors[parent]?.children.push(id);
      actors.push(this.#readActor(id, parent, count, limits));
    }
    return actors;
  }

  #readActor(id: number, parent: number, actorCount: number, limits: Limits): Actor {
    const bytes = this.#bytes;
    const actor = newActor(id, parent);
    actor.status = STATUSES[bytes.u8()] ?? failState("no such status");
    if (!hasEnded(actor)) {
      actor.depth = bytes.readCount("frames", limits.max_call_depth);
      for (let i = 0; i < actor.depth; i++) {
        const index = bytes.readIndex(this.#program.functions.length, "function");
        actor.frameFunction.push(index);
        actor.framePc.push(bytes.readVarintUpTo(this.#program.functions[index]?.def.code.length ?? 0, "instruction"));
        actor.frameBase.push(bytes.readVarintUpTo(MACHINE_LIMITS.stackSlots, "slot"));
      }
      actor.sp = bytes.readCount("slots", MACHINE_LIMITS.stackSlots);
      reserveSlots(actor, actor.sp);
      for (let i = 0; i < actor.sp; i++) setSlot(actor.stack, actor.numbers, i, this.#values.readValue());
      this.#pendingSlots.set(actor, this.#readIndices(bytes.readCount("pending Strings", actor.sp), actor.sp, "slot"));
      for (let i = this.#program.module.globals.length; i > 0; i--) actor.globals.push(this.#values.readValue());
    }
    if (actor.status !== "failed") {
      for (let remaining = bytes.readCount("messages"); remaining > 0; remaining--) {
        actor.mailbox.push({ from: bytes.readIndex(actorCount, "actor"), payload: this.#values.readValue() });
      }
      if (actor.status === "blocked" && hasMail(actor)) failState("an actor that waits though it has mail");
    }
    if (id === 0 && actor.depth === 0) actor.result = this.#values.readValue();
    return actor;
  }

  #readQueue(actorCount: number): readonly number[] {
    const queue = this.#readIndices(this.#bytes.readCount("turns", actorCount), actorCount, "actor");
    return queue.every((id, i) => id > (queue[i - 1] ?? -1)) ? queue : failState("turns that are not in order");
  }

  #readIndices(count: number, size: number, what: string): number[] {
    const numbers: number[] = [];
    for (let i = 0; i < count; i++) numbers.push(this.#bytes.readIndex(size, what));
    return numbers;
  }

  #readMessages(actorCount: number): readonly UndeliveredMessage[] {
    const messages: UndeliveredMessage[] = [];
    for (let remaining = this.#bytes.readCount("messages"); remaining > 0; remaining--) {
      messages.push({ from: this.#bytes.readIndex(actorCount, "actor"), to: this.#readActorId(), payload: this.#readPayload() });
    }
    return messages;
  }

  /** Reads a message or an emitted tree, and charges it as the run did. Throws `state.form` if the program could not have sent it. */
  #readPayload(): Value {
    const value = this.#values.readValue();
    try {
      chargeSerialization(value, this.#payloadMeter);
    } catch (error) {
      if (error instanceof MachineTrap) failState("a message that the program could not have sent");
      throw error;
    }
    return value;
  }

  #readActorId(): number | bigint {
    const id = this.#values.readValue();
    return id instanceof ActorIdValue ? id.id : failState("a message to something other than an actor");
  }

  /**
   * Reads the call that waits for an answer: the instruction at `pc - 1`, because `pc` is the next instruction. `pushes` is the
   * number of values that the answer pushes onto the stack.
   */
  #readWaiting(actor: Actor): { readonly waiting: Waiting; readonly pushes: number } {
    const { fn, pc } = this.#frame(actor, actor.depth - 1);
    // `CODE_STRIDE` is the number of words per instruction.
    const codeIndex = (pc - 1) * CODE_STRIDE;
    const operand = fn.code[codeIndex + 1] ?? 0;
    const tag = fn.code[codeIndex];
    switch (tag) {
      case OPCODES.CapCall.tag:
      case OPCODES.TryCapCall.tag: {
        const declared = fn.capabilities.has(operand);
        return { waiting: { kind: "capability", capability: operand, declared, caught: tag === OPCODES.TryCapCall.tag }, pushes: 1 };
      }
      case OPCODES.EmitUi.tag:
        return { waiting: { kind: "emit", capability: CAPABILITY_IDS.uiRender, tree: this.#readPayload() }, pushes: 0 };
      case OPCODES.SpawnActor.tag:
        return { waiting: { kind: "spawn", capability: CAPABILITY_IDS.actorSpawn, functionIndex: operand }, pushes: 1 };
      case OPCODES.SendMsg.tag: {
        const target = this.#readActorId();
        return { waiting: { kind: "send", capability: CAPABILITY_IDS.actorSend, target, payload: this.#readPayload() }, pushes: 0 };
      }
      default:
        return failState("no actor waits for an answer");
    }
  }

  #frame(actor: Actor, i: number): { readonly fn: VerifiedFunction; readonly pc: number; readonly base: number } {
    const fn = this.#program.functions[actor.frameFunction[i] ?? 0] ?? failState("function is not there");
    return { fn, pc: actor.framePc[i] ?? 0, base: actor.frameBase[i] ?? 0 };
  }

  /**
   * Checks what the engines rely on, and marks the pending Strings. Frames must not overlap on the stack. The locals and operands of
   * each frame must fit within the limits of the stack. Every outer frame must be at a call. In a statically stacked function, the
   * operand stack must have the height that the verifier computed. `pushes` is the number of values that the answer pushes onto the innermost frame.
   */
  #checkFrames(actor: Actor, pushes: number): void {
    if (actor.depth === 0 && actor.sp > 0) failState("a stack without frames");
    const pendingSlots = this.#pendingSlots.get(actor) ?? [];
    let markedCount = 0;
    for (let i = 0; i < actor.depth; i++) {
      const { fn, pc, base } = this.#frame(actor, i);
      const isInnermost = i === actor.depth - 1;
      const operandBase = base + fn.def.locals;
      // This height includes the values that the callee or the answer will push.
      const height = (isInnermost ? actor.sp : (actor.frameBase[i + 1] ?? 0)) - operandBase + (isInnermost ? pushes : 1);
      const room = fn.staticallyStacked ? fn.maxStack : MACHINE_LIMITS.frameSlots;
      if (i === 0 && base !== 0) failState("a stack that begins above its frames");
      if (height < (isInnermost ? pushes : 1) || height > room || operandBase + room > MACHINE_LIMITS.stackSlots)
        failState("a frame that does not fit");
      // In a dynamically stacked function each instruction reserves its own slots. The answer is pushed before the next
      // instruction runs, so its slot must be reserved here.
      reserveSlots(actor, operandBase + Math.max(fn.maxStack, height));
      for (const local of analyzeAppends(fn).locals) {
        if (pendingSlots[markedCount] !== base + local) continue;
        if (typeof actor.stack[base + local] !== "string") failState("a pending value that is no String");
        actor.numbers[base + local] = PENDING_MARK;
        markedCount += 1;
      }
      if (!isInnermost && !isCall(fn.code[(pc - 1) * CODE_STRIDE])) failState("a frame that has not called the next");
      const verifiedHeight = fn.staticallyStacked ? this.#heightsOf(fn)[pc] : undefined;
      if (verifiedHeight !== undefined && verifiedHeight !== height)
        failState(verifiedHeight === UNREACHABLE ? "an instruction that nothing reaches" : "a frame of the wrong height");
    }
    if (markedCount < pendingSlots.length) failState("a pending String that nothing appends to");
  }

  #heightsOf(fn: VerifiedFunction): Int32Array {
    const knownHeights = this.#heights.get(fn);
    if (knownHeights !== undefined) return knownHeights;
    const heights = stackHeights(fn.code, fn.def.matchTables)?.heights ?? failState("a function that is not regular");
    this.#heights.set(fn, heights);
    return heights;
  }
}

const isCall = (tag: number | undefined): boolean => tag === OPCODES.Call.tag || tag === OPCODES.CallIndirect.tag;

/** Returns a limit for comparison. For `max_wall_ms` and `max_log_bytes`, 0 means no limit. */
const effectiveLimit = (field: LimitField, limits: Limits): number =>
  (field === "max_wall_ms" || field === "max_log_bytes") && limits[field] === 0 ? Number.POSITIVE_INFINITY : limits[field];
