import { analyzeAppends } from "../bytecode/string-append.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE, UNREACHABLE } from "../bytecode/stack-heights.ts";
import { CAPABILITY_IDS } from "../capabilities.ts";
import { BorunaError } from "../error.ts";
import type { CapabilityAnswer } from "../host.ts";
import { type Actor, hasEnded, hasMail, type Join, newActor, type UndeliveredMessage, type AwaitedCall } from "../interpreter/actor.ts";
import { PENDING_MARK, reserveSlots, setSlot } from "../interpreter/stack-slots.ts";
import { LIMIT_FIELDS, type LimitField, type Limits, LIMITS, limitsFrom, MACHINE_LIMITS } from "../limits.ts";
import { MachineTrap, Meter } from "../meter.ts";
import { chargeSerialization } from "../value/serialization-cost.ts";
import { ActorIdValue, type Value } from "../value/value.ts";
import { failState, type ByteReader } from "./bytes.ts";
import { ANSWER_TRAPS, type SavedCall, PAUSED, type RunState, SCHEDULED, STATUSES } from "./state-writer.ts";
import type { ValueReader } from "./value-reader.ts";

/** Reads what `writeState` writes. Checks everything that the engines rely on. Throws `state.form` or `state.limits`. */
export class StateReader {
  readonly #program: Program;
  readonly #bytes: ByteReader;
  readonly #values: ValueReader;
  /** For each actor, the stack slots with pending Strings, whose first read is still to be charged (`string-append.ts`). */
  readonly #pendingSlots = new Map<Actor, readonly number[]>();
  /**
   * Counts the bytes of all payloads. The suspended run has charged its payloads and stayed within `max_alloc_bytes`, so a snapshot whose
   * payloads exceed it is refused. `read` sets this meter once it knows the limits.
   */
  #payloadMeter: Meter = new Meter(0, 0);

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
    const flags = bytes.readVarintUpTo(SCHEDULED + PAUSED, "the flags");
    const scheduled = (flags & SCHEDULED) !== 0;
    const isPaused = (flags & PAUSED) !== 0;
    const steps = bytes.readVarintUpTo(limits.max_steps, "steps");
    const allocBytes = bytes.readVarintUpTo(limits.max_alloc_bytes, "allocated bytes");
    // Calls of different tasks may overlap, except in older modules.
    const overlaps = scheduled && this.#program.module.tasks !== undefined;
    const maxTasks = overlaps ? Number.MAX_SAFE_INTEGER : MACHINE_LIMITS.actors;
    const nextActor = bytes.readVarintUpTo(maxTasks, "actor");
    const tasksMade = bytes.readVarintUpTo(maxTasks, "task");
    // In each round, at least one actor takes a step or ends.
    const round = bytes.readVarintUpTo(steps + MACHINE_LIMITS.actors, "round");
    const sliceEnd = bytes.varint();
    const tasks = this.#readTasks(scheduled ? tasksMade : 1, overlaps, limits);
    const byId = new Map(tasks.map((task) => [task.id, task]));
    const queue = this.#readQueue(byId);
    const undelivered = this.#readMessages(tasksMade);
    const openCalls = this.#readOpenCalls(byId, steps);
    if (openCalls.length > 0 && !overlaps) return failState("open calls in a module without tasks");
    /** The task in the middle of its slice, where it waits for an answer or a debugger paused it. Undefined between rounds. */
    const current = byId.get(queue[0] ?? -1);
    /** What `current` has begun: the actors that it spawned in its slice, and the values that its answer will push. */
    const begun = { spawned: 0, pushes: 0 };
    if (current === undefined) {
      if (openCalls.length === 0 || isPaused) return failState("no actor waits for an answer");
    } else {
      if (current.status !== "runnable" || current.depth === 0) return failState("no actor waits for an answer");
      const { waiting, pushes } = isPaused ? { waiting: undefined, pushes: 0 } : this.#readWaiting(current);
      current.awaitedCall = waiting;
      current.spawned = this.#readIndices(bytes.readCount("actors spawned"), this.#program.functions.length, "function");
      for (let n = bytes.readCount("messages sent"); n > 0; n--)
        current.sent.push({ from: current.owner, to: this.#readActorId(), payload: this.#readPayload() });
      if (!scheduled && current.spawned.length + current.sent.length > 0) return failState("its actors do not add up");
      begun.spawned = current.spawned.length;
      begun.pushes = pushes;
    }
    if (scheduled && current !== undefined && nextActor !== tasksMade + begun.spawned) return failState("its actors do not add up");
    for (const task of tasks)
      this.#checkFrames(task, task === current ? begun.pushes : task.awaitedCall !== undefined || task.join !== undefined ? 1 : 0);
    return { isPaused, limits, scheduled, steps, allocBytes, nextActor, tasksMade, round, sliceEnd, tasks, queue, undelivered, openCalls };
  }

  /** Reads the open calls. Each task that waits for an answer has exactly one. */
  #readOpenCalls(tasks: ReadonlyMap<number, Actor>, steps: number): readonly SavedCall[] {
    const bytes = this.#bytes;
    const calls: SavedCall[] = [];
    const waiting = new Set([...tasks.values()].flatMap(({ id, status }) => (status === "waiting" ? [id] : [])));
    for (let n = bytes.readCount("open calls"); n > 0; n--) {
      // The task of an open call may have ended.
      const task = bytes.varint();
      const step = bytes.readVarintUpTo(steps, "step");
      const actor = tasks.get(task);
      if (actor?.status === "waiting" && waiting.delete(task)) {
        if (actor.depth === 0) return failState("no actor waits for an answer");
        actor.awaitedCall = this.#readWaiting(actor).waiting;
        if (actor.awaitedCall.kind !== "capability") return failState("an open call that is no capability call");
      } else if (actor !== undefined && actor.status !== "failed") return failState("an open call of a task that does not wait");
      calls.push({ task, step, answer: this.#readAnswer() });
    }
    return waiting.size === 0 ? calls : failState("a task that waits without an open call");
  }

  #readAnswer(): CapabilityAnswer | undefined {
    const form = this.#bytes.readVarintUpTo(2, "answer");
    if (form === 0) return undefined;
    // The run charges an answer when its task takes it.
    if (form === 1) return { ok: true, value: this.#values.readValue() };
    const trap = ANSWER_TRAPS[this.#bytes.readIndex(ANSWER_TRAPS.length, "trap")] ?? "internal";
    const message = this.#values.readValue();
    return typeof message === "string" ? { ok: false, trap, message } : failState("a message that is no String");
  }

  #readLimits(caps: Limits | undefined): Limits {
    const limits = limitsFrom((field) => this.#bytes.readVarintUpTo(LIMITS[field].max, field));
    const over = caps === undefined ? undefined : LIMIT_FIELDS.find((field) => effectiveLimit(field, limits) > effectiveLimit(field, caps));
    if (over !== undefined) throw new BorunaError("state.limits", `the state's ${over} is ${limits[over]}; ${caps?.[over]} is allowed`);
    return limits;
  }

  #readTasks(tasksMade: number, overlaps: boolean, limits: Limits): readonly Actor[] {
    const count = this.#bytes.readCount("actors", tasksMade);
    const tasks = new Map<number, Actor>();
    let last = -1;
    for (let i = 0; i < count; i++) {
      const id = this.#bytes.readIndex(tasksMade, "actor");
      if (id <= last || (i === 0 && id > 0) || (!overlaps && id !== i)) failState("actors that are not in order");
      last = id;
      const parent = this.#bytes.readVarintUpTo(id, "parent") - 1;
      const branch = this.#bytes.readVarintUpTo(overlaps ? tasksMade : 0, "branch") - 1;
      if (parent < 0 !== (id === 0)) failState("an actor without a parent that is not the root");
      const outer = tasks.get(parent);
      if (parent >= 0 && outer === undefined) failState("an actor whose parent is not there");
      outer?.children.add(id);
      const task = this.#readActor({
        id,
        parent,
        branch: branch < 0 ? undefined : branch,
        owner: branch < 0 ? id : (outer?.owner ?? id),
        tasksMade,
        limits,
      });
      if (task.branch !== undefined) checkBranch(task.branch, outer?.join);
      if (!overlaps && (task.status === "waiting" || task.status === "joining")) failState("no such status");
      tasks.set(id, task);
    }
    if (count === 0 || (!overlaps && count !== tasksMade)) failState("its actors do not add up");
    this.#checkJoins(tasks);
    return [...tasks.values()];
  }

  /** Checks that the state has all branches that a `par` still waits for, each of them once. */
  #checkJoins(tasks: ReadonlyMap<number, Actor>): void {
    for (const task of tasks.values()) {
      if ((task.status === "joining") !== (task.join !== undefined)) failState("a task that waits for no branches");
      if (task.branch !== undefined && hasEnded(task)) failState("a branch that has ended");
      if (task.join === undefined) continue;
      const { fn, pc } = this.#frame(task, task.depth - 1);
      const tag = fn.code[(pc - 1) * CODE_STRIDE];
      if (task.depth === 0 || (tag !== OPCODES.ParMap.tag && tag !== OPCODES.Par.tag)) failState("a task that waits for no branches");
      const branches = [...task.children].flatMap((id) => tasks.get(id)?.branch ?? []);
      if (new Set(branches).size !== branches.length || branches.length !== task.join.remaining) failState("branches that do not add up");
    }
  }

  #readJoin(): Join {
    const results: (Value | undefined)[] = [];
    for (let n = this.#bytes.readCount("branches"); n > 0; n--)
      results.push(this.#bytes.readVarintUpTo(1, "result") === 1 ? this.#values.readValue() : undefined);
    return { calls: [], results, remaining: results.filter((result) => result === undefined).length };
  }

  #readActor({ id, parent, branch, owner, tasksMade, limits }: TaskHead): Actor {
    const bytes = this.#bytes;
    const actor = newActor(id, parent, branch, owner);
    actor.status = STATUSES[bytes.u8()] ?? failState("no such status");
    if (actor.status === "joining") actor.join = this.#readJoin();
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
        actor.mailbox.push({ from: bytes.readIndex(tasksMade, "actor"), payload: this.#values.readValue() });
      }
      if (actor.status === "blocked" && hasMail(actor)) failState("an actor that waits though it has mail");
    }
    if (id === 0 && actor.depth === 0) actor.result = this.#values.readValue();
    return actor;
  }

  #readQueue(tasks: ReadonlyMap<number, Actor>): readonly number[] {
    const queue: number[] = [];
    for (let n = this.#bytes.readCount("turns", tasks.size); n > 0; n--) queue.push(this.#bytes.varint());
    if (queue.some((id) => !tasks.has(id))) return failState("a turn of no actor");
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

  /** Reads a message or an emitted tree, and charges it as the run does. Throws `state.form` if the run could not contain it. */
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
   * Reads the call whose answer the actor waits for. Its instruction is at `pc - 1`, because `pc` is the next one. `pushes` is the number
   * of values that the answer pushes onto the stack.
   */
  #readWaiting(actor: Actor): { readonly waiting: AwaitedCall; readonly pushes: number } {
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
   * Checks what the engines rely on, and marks the slots of pending Strings. Frames must not overlap on the stack. The locals and operands of
   * each frame must fit within the limits of the stack. Every outer frame must be at a call. In a statically stacked function, the operand
   * stack must have the height that the verifier computed. `pushes` is the number of values that the answer pushes onto the innermost frame.
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
      for (const local of analyzeAppends(fn).targets) {
        if (pendingSlots[markedCount] !== base + local) continue;
        if (typeof actor.stack[base + local] !== "string") failState("a pending value that is no String");
        actor.numbers[base + local] = PENDING_MARK;
        markedCount += 1;
      }
      if (!isInnermost && !isCall(fn.code[(pc - 1) * CODE_STRIDE])) failState("a frame that has not called the next");
      const verifiedHeight = fn.staticallyStacked ? fn.heights[pc] : undefined;
      if (verifiedHeight !== undefined && verifiedHeight !== height)
        failState(verifiedHeight === UNREACHABLE ? "an instruction that nothing reaches" : "a frame of the wrong height");
    }
    if (markedCount < pendingSlots.length) failState("a pending String that nothing appends to");
  }
}

/** The part of a task that is read first. */
interface TaskHead {
  readonly id: number;
  readonly parent: number;
  readonly branch: number | undefined;
  readonly owner: number;
  readonly tasksMade: number;
  readonly limits: Limits;
}

function checkBranch(branch: number, join: Join | undefined): void {
  if (join === undefined || branch >= join.results.length || join.results[branch] !== undefined) failState("a branch of no par");
}

const isCall = (tag: number | undefined): boolean => tag === OPCODES.Call.tag || tag === OPCODES.CallIndirect.tag;

/** Returns a limit for comparison. For `max_wall_ms` and `max_log_bytes`, 0 means no limit. */
const effectiveLimit = (field: LimitField, limits: Limits): number =>
  (field === "max_wall_ms" || field === "max_log_bytes") && limits[field] === 0 ? Number.POSITIVE_INFINITY : limits[field];
