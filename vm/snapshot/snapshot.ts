/**
 * A suspended run as bytes: "BRNS", u16 LE version, SHA-256 of the rest; module hash; the run's counters and actors as
 * `writeState` orders them. The digest tells accidents, not forgers: who may write the bytes may make them any state of
 * the program, so they must come from a store that is trusted as much as the program's host. A forged state still is
 * a state: reading checks all that the machine relies on, and its limits can be capped.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { hexToBytes } from "@noble/hashes/utils.js";
import { accumulatorsOf } from "../bytecode/string-append.ts";
import { type Actor, hasMail, newActor, type PendingMessage, type Waiting } from "../interpreter/actor.ts";
import { chargeSerialization } from "../value/serialization-cost.ts";
import { CAPABILITY_IDS } from "../interpreter/host-calls.ts";
import { BorunaError } from "../error.ts";
import { LIMIT_NAMES, type LimitField, type Limits, LIMITS, limitsFrom, MACHINE_LIMITS } from "../limits.ts";
import { MachineTrap, Meter } from "../meter.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { reserveSlots, setSlot, slotValue } from "../interpreter/stack-slots.ts";
import { CODE_STRIDE, stackHeights, UNSEEN } from "../bytecode/stack-heights.ts";
import { badState, ByteReader, ByteWriter, MAX_STATE_BYTES, tooLarge } from "./bytes.ts";
import { ValueReader } from "./value-reader.ts";
import { ValueWriter } from "./value-writer.ts";
import { ActorIdValue, type Value } from "../value/value.ts";

const MAGIC = [0x42, 0x52, 0x4e, 0x53] as const;
const VERSION = 4;
const VERSION_AT = 4;
const DIGEST_AT = 6;
const DIGEST_BYTES = 32;
const BODY_AT = DIGEST_AT + DIGEST_BYTES;

const STATUSES = ["runnable", "blocked", "completed", "failed"] as const;

/** All that a run is between a call and its answer. */
export interface RunState {
  readonly limits: Limits;
  readonly scheduled: boolean;
  readonly steps: number;
  readonly allocBytes: number;
  readonly nextActor: number;
  readonly round: number;
  /** The step at which the slice of the first in `queue` ends. */
  readonly sliceEnd: number;
  readonly actors: readonly Actor[];
  /** Who has a turn in this round still, in id order; the first waits for an answer. */
  readonly queue: readonly number[];
  readonly pending: readonly PendingMessage[];
}

/** Throws `state.too_large`. */
export function encodeState(program: Program, state: RunState): Uint8Array {
  const values = new ValueWriter();
  const run = new ByteWriter();
  writeState(program, run, values, state);
  const body = new ByteWriter();
  body.raw(hashBytes(program));
  values.writeTables(body);
  body.raw(run.written());
  const written = body.written();
  const bytes = new Uint8Array(BODY_AT + written.length);
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint16(VERSION_AT, VERSION, true);
  bytes.set(sha256(written), DIGEST_AT);
  bytes.set(written, BODY_AT);
  return bytes;
}

/**
 * Reads the state of a run of this very program. Work and memory are bounded by the bytes; see the head of this file for
 * whom to take them from. `caps` are the highest limits that the state may have.
 * Throws `state.bad_magic`, `state.version`, `state.damaged`, `state.too_large`, `state.module` (of another program),
 * `state.limits` (over `caps`), and `state.form`.
 */
export function decodeState(program: Program, bytes: Uint8Array, caps?: Limits): RunState {
  const reader = new ByteReader(bodyOf(bytes));
  if (!sameBytes(reader.raw(DIGEST_BYTES), hashBytes(program))) {
    throw new BorunaError("state.module", "the state belongs to another module", {
      hint: `resume it with the module that was suspended; this one is ${program.moduleHash}`,
    });
  }
  const values = new ValueReader(
    reader,
    program.functions.map(({ def }) => def.arity),
  );
  const state = new StateReader(program, reader, values).read(caps);
  reader.end();
  return state;
}

function bodyOf(bytes: Uint8Array): Uint8Array {
  if (MAGIC.some((byte, i) => bytes[i] !== byte))
    throw new BorunaError("state.bad_magic", 'not a suspended run: it does not begin with "BRNS"');
  if (bytes.length < BODY_AT + DIGEST_BYTES) throw new BorunaError("state.damaged", "the state is cut short");
  const version = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint16(VERSION_AT, true);
  if (version !== VERSION) throw new BorunaError("state.version", `state format version ${version}; this machine reads version ${VERSION}`);
  if (bytes.length - BODY_AT > MAX_STATE_BYTES) throw tooLarge();
  const body = bytes.subarray(BODY_AT);
  if (!sameBytes(sha256(body), bytes.subarray(DIGEST_AT, BODY_AT)))
    throw new BorunaError("state.damaged", "the state is damaged: its digest is another");
  return body;
}

const HASH_PREFIX = "sha256:";
const hashBytes = ({ moduleHash }: Program): Uint8Array => hexToBytes(moduleHash.slice(HASH_PREFIX.length));
const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

const hasEnded = ({ status }: Actor): boolean => status === "completed" || status === "failed";

interface Unread {
  /** Locals with Strings that appends have made and nobody has read, ascending. */
  readonly pending: readonly number[];
  /** Code units of these, and of the operands of the functions that append. */
  readonly units: number;
}

function unreadOf({ functions }: Program, actor: Actor): Unread {
  const pending: number[] = [];
  let units = 0;
  const unitsAt = (slot: number): number => {
    const text = actor.stack[slot];
    return typeof text === "string" ? text.length : 0;
  };
  for (let i = 0; i < actor.depth && !hasEnded(actor); i++) {
    const fn = functions[actor.frameFunction[i] ?? 0];
    const base = actor.frameBase[i] ?? 0;
    const locals = fn === undefined ? [] : accumulatorsOf(fn).locals;
    if (fn === undefined || locals.length === 0) continue;
    for (const local of locals) {
      if (typeof actor.stack[base + local] !== "string" || actor.numbers[base + local] !== 1) continue;
      pending.push(base + local);
      units += unitsAt(base + local);
    }
    // What an append has joined so far.
    const end = i === actor.depth - 1 ? actor.sp : (actor.frameBase[i + 1] ?? 0);
    for (let slot = base + fn.def.locals; slot < end; slot++) units += unitsAt(slot);
  }
  return { pending, units };
}

function writeState(program: Program, out: ByteWriter, values: ValueWriter, state: RunState): void {
  for (const field of LIMIT_NAMES) out.varint(state.limits[field]);
  out.u8(state.scheduled ? 1 : 0);
  for (const n of [state.steps, state.allocBytes, state.nextActor, state.round, state.sliceEnd]) out.varint(n);
  out.varint(state.actors.length);
  const unread = state.actors.map((actor) => unreadOf(program, actor));
  // Writing lays these Strings out in memory, though nobody has paid for it.
  if (unread.reduce((sum, { units }) => sum + units, 0) > MAX_STATE_BYTES) throw tooLarge();
  for (const [i, actor] of state.actors.entries()) writeActor(out, values, actor, unread[i]?.pending ?? []);
  out.varint(state.queue.length);
  for (const id of state.queue) out.varint(id);
  out.varint(state.pending.length);
  for (const { from, to, payload } of state.pending) {
    out.varint(from);
    values.write(out, new ActorIdValue(to));
    values.write(out, payload);
  }
  const current = state.actors[state.queue[0] ?? 0];
  if (current === undefined) return;
  writeWaiting(out, values, current.waiting);
  // Without a scheduler nobody ever asks for them.
  const { spawned, sent } = state.scheduled ? current : { spawned: [], sent: [] };
  out.varint(spawned.length);
  for (const index of spawned) out.varint(index);
  out.varint(sent.length);
  for (const { to, payload } of sent) {
    values.write(out, new ActorIdValue(to));
    values.write(out, payload);
  }
}

/** One that has ended keeps its place, and its mail if it did not fail: failures that nobody received are told in the end. */
function writeActor(out: ByteWriter, values: ValueWriter, actor: Actor, pending: readonly number[]): void {
  out.varint(actor.parent + 1);
  out.u8(STATUSES.indexOf(actor.status));
  const ended = hasEnded(actor);
  if (!ended) {
    out.varint(actor.depth);
    for (let i = 0; i < actor.depth; i++) {
      out.varint(actor.frameFunction[i] ?? 0);
      out.varint(actor.framePc[i] ?? 0);
      out.varint(actor.frameBase[i] ?? 0);
    }
    const slots = actor.depth === 0 ? 0 : actor.sp;
    out.varint(slots);
    for (let i = 0; i < slots; i++) values.write(out, slotValue(actor.stack, actor.numbers, i));
    out.varint(pending.length);
    for (const slot of pending) out.varint(slot);
    for (const value of actor.globals) values.write(out, value);
  }
  if (actor.status !== "failed") {
    out.varint(actor.mailbox.length - actor.mailboxTaken);
    for (let i = actor.mailboxTaken; i < actor.mailbox.length; i++) {
      const message = actor.mailbox[i];
      if (message === undefined) continue;
      out.varint(message.from);
      values.write(out, message.payload);
    }
  }
  if (actor.id === 0 && (ended || actor.depth === 0)) values.write(out, actor.result);
}

/** What the instruction that called does not say itself. */
function writeWaiting(out: ByteWriter, values: ValueWriter, waiting: Waiting | undefined): void {
  if (waiting?.kind === "emit") values.write(out, waiting.tree);
  else if (waiting?.kind === "send") {
    values.write(out, new ActorIdValue(waiting.target));
    values.write(out, waiting.payload);
  }
}

class StateReader {
  readonly #program: Program;
  readonly #bytes: ByteReader;
  readonly #values: ValueReader;
  /** Slots that are said to be pending, by actor. */
  readonly #pendingSlots = new Map<Actor, readonly number[]>();
  /** All values on their way out have been charged for, under the limit; known once that is. */
  #crossing: Meter = new Meter(0, 0);
  /** Stack heights of the regular functions met so far. */
  readonly #heights = new Map<VerifiedFunction, Int32Array>();

  constructor(program: Program, bytes: ByteReader, values: ValueReader) {
    this.#program = program;
    this.#bytes = bytes;
    this.#values = values;
  }

  read(caps: Limits | undefined): RunState {
    const bytes = this.#bytes;
    const limits = this.#limits(caps);
    this.#crossing = new Meter(Number.MAX_SAFE_INTEGER, limits.max_alloc_bytes);
    const scheduled = bytes.upTo(1, "the scheduler flag") === 1;
    const steps = bytes.upTo(limits.max_steps, "steps");
    const allocBytes = bytes.upTo(limits.max_alloc_bytes, "allocated bytes");
    const nextActor = bytes.upTo(MACHINE_LIMITS.actors, "actor");
    // In each round some actor has made a step or ended.
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
    const over = caps === undefined ? undefined : LIMIT_NAMES.find((field) => sizeOf(field, limits) > sizeOf(field, caps));
    if (over !== undefined) throw new BorunaError("state.limits", `the state's ${over} is ${limits[over]}; ${caps?.[over]} is allowed`);
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

  #pending(actorCount: number): readonly PendingMessage[] {
    const pending: PendingMessage[] = [];
    for (let left = this.#bytes.count("messages"); left > 0; left--) {
      pending.push({ from: this.#bytes.index(actorCount, "actor"), to: this.#actorId(), payload: this.#payload() });
    }
    return pending;
  }

  /** A value on its way out, where it will be written down. */
  #payload(): Value {
    const value = this.#values.value();
    try {
      chargeSerialization(value, this.#crossing);
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

  /** The call before the next instruction, and what its answer will push. */
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

  /** The engines rely on it: frames one above the other, room for each, and the heights that a regular function has. */
  #checkFrames(actor: Actor, owed: number): void {
    if (actor.depth === 0 && actor.sp > 0) badState("a stack without frames");
    const pending = this.#pendingSlots.get(actor) ?? [];
    let marked = 0;
    for (let i = 0; i < actor.depth; i++) {
      const { fn, pc, base } = this.#frame(actor, i);
      const isInnermost = i === actor.depth - 1;
      const operandBase = base + fn.def.locals;
      // With what the call or the answer is about to push.
      const height = (isInnermost ? actor.sp : (actor.frameBase[i + 1] ?? 0)) - operandBase + (isInnermost ? owed : 1);
      const room = fn.regular ? fn.maxStack : MACHINE_LIMITS.frameSlots;
      if (i === 0 && base !== 0) badState("a stack that begins above its frames");
      if (height < (isInnermost ? owed : 1) || height > room || operandBase + room > MACHINE_LIMITS.stackSlots)
        badState("a frame that does not fit");
      // An irregular function's next instruction makes room for itself, but the answer is pushed before.
      reserveSlots(actor, operandBase + Math.max(fn.maxStack, height));
      for (const local of accumulatorsOf(fn).locals) {
        if (pending[marked] !== base + local) continue;
        if (typeof actor.stack[base + local] !== "string") badState("a pending value that is no String");
        actor.numbers[base + local] = 1;
        marked += 1;
      }
      if (!isInnermost && !isCall(fn.code[(pc - 1) * CODE_STRIDE])) badState("a frame that has not called the next");
      const known = fn.regular ? this.#heightsOf(fn)[pc] : undefined;
      if (known !== undefined && known !== height)
        badState(known === UNSEEN ? "an instruction that nothing reaches" : "a frame of the wrong height");
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

/** No wall-clock limit is 0. */
const sizeOf = (field: LimitField, limits: Limits): number =>
  (field === "max_wall_ms" || field === "max_log_bytes") && limits[field] === 0 ? Number.POSITIVE_INFINITY : limits[field];
