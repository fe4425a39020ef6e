import { analyzeAppends } from "../bytecode/string-append.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE, stackHeights, UNREACHABLE } from "../bytecode/stack-heights.ts";
import { CAPABILITY_IDS } from "../capabilities.ts";
import { BorunaError } from "../error.ts";
import { type Actor, hasMail, newActor, type UndeliveredMessage, type Waiting } from "../interpreter/actor.ts";
import { reserveSlots, setSlot } from "../interpreter/stack-slots.ts";
import { LIMIT_NAMES, type LimitField, type Limits, LIMITS, limitsFrom, MACHINE_LIMITS } from "../limits.ts";
import { MachineTrap, Meter } from "../meter.ts";
import { chargeSerialization } from "../value/serialization-cost.ts";
import { ActorIdValue, type Value } from "../value/value.ts";
import { badState, type ByteReader } from "./bytes.ts";
import { hasEnded, type RunState, STATUSES } from "./state-writer.ts";
import type { ValueReader } from "./value-reader.ts";

/** Reads what `writeState` writes. Checks everything that the engines rely on. Throws `state.form` and `state.limits`. */
export class StateReader {
  readonly #program: Program;
  readonly #bytes: ByteReader;
  readonly #values: ValueReader;
  /** For each actor, the stack slots of pending Strings (see `string-append.ts`). */
  readonly #pendingSlots = new Map<Actor, readonly number[]>();
  /** Counts payloads again. The run has charged them under the limit, so going over it shows a forgery. Set when the limits are read. */
  #payloadMeter: Meter = new Meter(0, 0);
  /** The stack heights of statically stacked functions, cached. */
  readonly #heights = new Map<VerifiedFunction, Int32Array>();

  constructor(program: Program, bytes: ByteReader, values: ValueReader) {
    this.#program = program;
    this.#bytes = bytes;
    this.#values = values;
  }

  read(caps: Limits | undefined): RunState {
    const bytes = this.#bytes;
    const limits = this.#limits(caps);
    this.#payloadMeter = new Meter(Number.MAX_SAFE_INTEGER, limits.max_alloc_bytes);
    const scheduled = bytes.upTo(1, "the scheduler flag") === 1;
    const steps = bytes.upTo(limits.max_steps, "steps");
    const allocBytes = bytes.upTo(limits.max_alloc_bytes, "allocated bytes");
    const nextActor = bytes.upTo(MACHINE_LIMITS.actors, "actor");
    // In each round, at least one actor takes a step or ends.
    const round = bytes.upTo(steps + MACHINE_LIMITS.actors, "round");
    const sliceEnd = bytes.varint();
    const actors = this.#actors(scheduled ? MACHINE_LIMITS.actors : 1, limits);
    const queue = this.#queue(actors.length);
    const pending = this.#pending(actors.length);
    const current = actors[queue[0] ?? 0];
    if (current?.status !== "runnable" || current.depth === 0) return badState("nobody waits for an answer");
    const { waiting, pushes } = this.#waiting(current);
    current.waiting = waiting;
    current.spawned = this.#numbers(bytes.count("actors spawned"), this.#program.functions.length, "function");
    for (let left = bytes.count("messages sent"); left > 0; left--) current.sent.push({ to: this.#actorId(), payload: this.#payload() });
    if (scheduled ? nextActor !== actors.length + current.spawned.length : current.spawned.length + current.sent.length > 0)
      return badState("its actors do not add up");
    for (const actor of actors) this.#checkFrames(actor, actor === current ? pushes : 0);
    return { limits, scheduled, steps, allocBytes, nextActor, round, sliceEnd, actors, queue, pending };
  }

  #limits(caps: Limits | undefined): Limits {
    const limits = limitsFrom((field) => this.#bytes.upTo(LIMITS[field].max, field));
    const over = caps === undefined ? undefined : LIMIT_NAMES.find((field) => effectiveLimit(field, limits) > effectiveLimit(field, caps));
    if (over !== undefined) throw new BorunaError("state.limits", `the state's ${over} is ${limits[over]}; ${caps?.[over]} is allpushes`);
    return limits;
  }

  #actors(max: number, limits: Limits): readonly Actor[] {
    const count = this.#bytes.count("actors", max);
    const actors: Actor[] = [];
    for (let id = 0; id < count; id++) {
      const parent = this.#bytes.upTo(id, "parent") - 1;
      if (parent < 0 !== (id === 0)) badState("an actor without parent that is not the root");
      actors[parent]?.children.push(id);
      actors.push(this.#actor(id, parent, count, limits));
    }
    return actors;
  }

  #actor(id: number, parent: number, actorCount: number, limits: Limits): Actor {
    const bytes = this.#bytes;
    const actor = newActor(id, parent);
    actor.status = STATUSES[bytes.u8()] ?? badState("no such status");
    if (!hasEnded(actor)) {
      actor.depth = bytes.count("frames", limits.max_call_depth);
      for (let i = 0; i < actor.depth; i++) {
        const index = bytes.index(this.#program.functions.length, "function");
        actor.frameFunction.push(index);
        actor.framePc.push(bytes.upTo(this.#program.functions[index]?.def.code.length ?? 0, "instruction"));
        actor.frameBase.push(bytes.upTo(MACHINE_LIMITS.stackSlots, "slot"));
      }
      actor.sp = bytes.count("slots", MACHINE_LIMITS.stackSlots);
      reserveSlots(actor, actor.sp);
      for (let i = 0; i < actor.sp; i++) setSlot(actor.stack, actor.numbers, i, this.#values.value());
      this.#pendingSlots.set(actor, this.#numbers(bytes.count("pending Strings", actor.sp), actor.sp, "slot"));
      for (let i = this.#program.module.globals.length; i > 0; i--) actor.globals.push(this.#values.value());
    }
    if (actor.status !== "failed") {
      for (let left = bytes.count("messages"); left > 0; left--) {
        actor.mailbox.push({ from: bytes.index(actorCount, "actor"), payload: this.#values.value() });
      }
      if (actor.status === "blocked" && hasMail(actor)) badState("an actor that waits though it has mail");
    }
    if (id === 0 && actor.depth === 0) actor.result = this.#values.value();
    return actor;
  }

  #queue(actorCount: number): readonly number[] {
    const queue = this.#numbers(this.#bytes.count("turns", actorCount), actorCount, "actor");
    return queue.every((id, i) => id > (queue[i - 1] ?? -1)) ? queue : badState("turns that are not in order");
  }

  #numbers(count: number, size: number, what: string): number[] {
    const numbers: number[] = [];
    for (let i = 0; i < count; i++) numbers.push(this.#bytes.index(size, what));
    return numbers;
  }

  #pending(actorCount: number): readonly UndeliveredMessage[] {
    const pending: UndeliveredMessage[] = [];
    for (let left = this.#bytes.count("messages"); left > 0; left--) {
      pending.push({ from: this.#bytes.index(actorCount, "actor"), to: this.#actorId(), payload: this.#payload() });
    }
    return pending;
  }

  /** Reads a value that will leave the machine. */
  #payload(): Value {
    const value = this.#values.value();
    try {
      chargeSerialization(value, this.#payloadMeter);
    } catch (error) {
      if (error instanceof MachineTrap) badState("a message that the program could not have sent");
      throw error;
    }
    return value;
  }

  #actorId(): number | bigint {
    const id = this.#values.value();
    return id instanceof ActorIdValue ? id.id : badState("a message to something else than an actor");
  }

  /** The call that waits, which is the instruction before the next one, and how many values its answer pushes. */
  #waiting(actor: Actor): { readonly waiting: Waiting; readonly pushes: number } {
    const { fn, pc } = this.#frame(actor, actor.depth - 1);
    const at = (pc - 1) * CODE_STRIDE;
    const first = fn.code[at + 1] ?? 0;
    const tag = fn.code[at];
    switch (tag) {
      case OPCODES.CapCall.tag:
      case OPCODES.TryCapCall.tag: {
        const declared = fn.capabilities.has(first);
        return { waiting: { kind: "capability", capability: first, declared, caught: tag === OPCODES.TryCapCall.tag }, pushes: 1 };
      }
      case OPCODES.EmitUi.tag:
        return { waiting: { kind: "emit", capability: CAPABILITY_IDS.uiRender, tree: this.#payload() }, pushes: 0 };
      case OPCODES.SpawnActor.tag:
        return { waiting: { kind: "spawn", capability: CAPABILITY_IDS.actorSpawn, functionIndex: first }, pushes: 1 };
      case OPCODES.SendMsg.tag: {
        const target = this.#actorId();
        return { waiting: { kind: "send", capability: CAPABILITY_IDS.actorSend, target, payload: this.#payload() }, pushes: 0 };
      }
      default:
        return badState("nobody waits for an answer");
    }
  }

  #frame(actor: Actor, i: number): { readonly fn: VerifiedFunction; readonly pc: number; readonly base: number } {
    const fn = this.#program.functions[actor.frameFunction[i] ?? 0] ?? badState("function is not there");
    return { fn, pc: actor.framePc[i] ?? 0, base: actor.frameBase[i] ?? 0 };
  }

  /**
   * Checks what the engines rely on: frames follow one another on the stack, each has room, and in a statically stacked function the
   * height of the stack is the one the verifier computed. `pushes` is how many values the answer pushes onto the innermost frame.
   */
  #checkFrames(actor: Actor, pushes: number): void {
    if (actor.depth === 0 && actor.sp > 0) badState("a stack without frames");
    const pending = this.#pendingSlots.get(actor) ?? [];
    let marked = 0;
    for (let i = 0; i < actor.depth; i++) {
      const { fn, pc, base } = this.#frame(actor, i);
      const isInnermost = i === actor.depth - 1;
      const operandBase = base + fn.def.locals;
      // Includes the values that the callee or the answer will push.
      const height = (isInnermost ? actor.sp : (actor.frameBase[i + 1] ?? 0)) - operandBase + (isInnermost ? pushes : 1);
      const room = fn.staticallyStacked ? fn.maxStack : MACHINE_LIMITS.frameSlots;
      if (i === 0 && base !== 0) badState("a stack that begins above its frames");
      if (height < (isInnermost ? pushes : 1) || height > room || operandBase + room > MACHINE_LIMITS.stackSlots)
        badState("a frame that does not fit");
      // In a dynamically stacked function the next instruction reserves its own slots, but the answer is pushed first.
      reserveSlots(actor, operandBase + Math.max(fn.maxStack, height));
      for (const local of analyzeAppends(fn).locals) {
        if (pending[marked] !== base + local) continue;
        if (typeof actor.stack[base + local] !== "string") badState("a pending value that is no String");
        actor.numbers[base + local] = 1;
        marked += 1;
      }
      if (!isInnermost && !isCall(fn.code[(pc - 1) * CODE_STRIDE])) badState("a frame that has not called the next");
      const known = fn.staticallyStacked ? this.#heightsOf(fn)[pc] : undefined;
      if (known !== undefined && known !== height)
        badState(known === UNREACHABLE ? "an instruction that nothing reaches" : "a frame of the wrong height");
    }
    if (marked < pending.length) badState("a pending String that nothing appends to");
  }

  #heightsOf(fn: VerifiedFunction): Int32Array {
    const seen = this.#heights.get(fn);
    if (seen !== undefined) return seen;
    const heights = stackHeights(fn.code, fn.def.matchTables)?.heights ?? badState("a function that is not regular");
    this.#heights.set(fn, heights);
    return heights;
  }
}

const isCall = (tag: number | undefined): boolean => tag === OPCODES.Call.tag || tag === OPCODES.CallIndirect.tag;

/** A limit for comparison: 0 means no limit for `max_wall_ms` and `max_log_bytes`. */
const effectiveLimit = (field: LimitField, limits: Limits): number =>
  (field === "max_wall_ms" || field === "max_log_bytes") && limits[field] === 0 ? Number.POSITIVE_INFINITY : limits[field];
