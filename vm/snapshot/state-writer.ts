import { analyzeAppends } from "../bytecode/string-append.ts";
import type { Program } from "../bytecode/program.ts";
import type { CapabilityAnswer } from "../host.ts";
import { type Actor, hasEnded, type UndeliveredMessage, type AwaitedCall } from "../interpreter/actor.ts";
import { PENDING_MARK, slotValue } from "../interpreter/stack-slots.ts";
import { localsInSnapshot } from "../compiled/eligible.ts";
import { LIMIT_FIELDS, type Limits } from "../limits.ts";
import { type TrapKind, TRAPS } from "../outcome.ts";
import { ActorIdValue, UNIT, type Value } from "../value/value.ts";
import { type ByteWriter, MAX_STATE_BYTES, tooLarge } from "./bytes.ts";
import type { ValueWriter } from "./value-writer.ts";

/** An open call of a task, as a snapshot holds it. */
export interface SavedCall {
  readonly task: number;
  /** The step at which the call was made. */
  readonly step: number;
  /** The answer, if the host gave it before it was the call's turn. */
  readonly answer: CapabilityAnswer | undefined;
}

/**
 * The state of a run. Unless `isPaused`, the run waits for the answer of a call. That is the call of the first task in `queue`. Between
 * rounds, when `queue` is empty, it is the first of `openCalls`.
 */
export interface RunState {
  /** Whether a debugger paused the run: the first task in `queue` is before an instruction of its slice, and waits for nothing. */
  readonly isPaused: boolean;
  readonly limits: Limits;
  /** Whether actors are scheduled. If not, the run has only the task `main`; see `Run.scheduled`. */
  readonly scheduled: boolean;
  readonly steps: number;
  readonly allocBytes: number;
  /** The id that the next spawned actor gets. */
  readonly nextActor: number;
  /** How many tasks were made. */
  readonly tasksMade: number;
  /** The number of the scheduler's current round, from 0. */
  readonly round: number;
  /** The step, counted from the start of the run, at which the slice of the first actor in `queue` ends. */
  readonly sliceEnd: number;
  /** The tasks, in ascending order of ids. Branches that have ended are missing. */
  readonly tasks: readonly Actor[];
  /** The ids of the tasks that still have a slice in this round, ascending. */
  readonly queue: readonly number[];
  /** The open calls, oldest first. */
  readonly openCalls: readonly SavedCall[];
  /** The messages that were sent but not yet delivered, from slices that have ended. */
  readonly undelivered: readonly UndeliveredMessage[];
}

/** The flags of a state. */
export const SCHEDULED = 1;
export const PAUSED = 2;

export const STATUSES = ["runnable", "blocked", "waiting", "joining", "completed", "failed"] as const;

const isTrapKind = (name: string): name is TrapKind => Object.hasOwn(TRAPS, name);
/** The kinds of traps of answers, by their number in a snapshot. */
export const ANSWER_TRAPS: readonly TrapKind[] = Object.keys(TRAPS).filter(isTrapKind);

/** Writes the state of a run. Throws `state.too_large`. */
export function writeState(program: Program, out: ByteWriter, values: ValueWriter, state: RunState): void {
  for (const field of LIMIT_FIELDS) out.varint(state.limits[field]);
  out.u8((state.scheduled ? SCHEDULED : 0) + (state.isPaused ? PAUSED : 0));
  for (const n of [state.steps, state.allocBytes, state.nextActor, state.tasksMade, state.round, state.sliceEnd]) out.varint(n);
  out.varint(state.tasks.length);
  const dead = state.tasks.map((actor) => deadSlotsOf(program, actor, state.isPaused));
  const pendingStrings = state.tasks.map((actor, i) => pendingStringsOf(program, actor, dead[i] ?? NO_SLOTS));
  // Writing a pending String makes V8 copy it, and the run has not been charged for that copy, so their total is limited.
  if (pendingStrings.reduce((sum, { units }) => sum + units, 0) > MAX_STATE_BYTES) throw tooLarge();
  for (const [i, actor] of state.tasks.entries()) writeActor(out, values, actor, dead[i] ?? NO_SLOTS, pendingStrings[i]?.slots ?? []);
  out.varint(state.queue.length);
  for (const id of state.queue) out.varint(id);
  out.varint(state.undelivered.length);
  for (const { from, to, payload } of state.undelivered) {
    out.varint(from);
    values.write(out, new ActorIdValue(to));
    values.write(out, payload);
  }
  out.varint(state.openCalls.length);
  for (const { task, step, answer } of state.openCalls) {
    out.varint(task);
    out.varint(step);
    writeAnswer(out, values, answer);
  }
  const current = state.tasks.find(({ id }) => id === state.queue[0]);
  if (current === undefined) return;
  writeWaiting(out, values, current.awaitedCall);
  // Without a scheduler, nothing reads these two lists.
  const { spawned, sent } = state.scheduled ? current : { spawned: [], sent: [] };
  out.varint(spawned.length);
  for (const index of spawned) out.varint(index);
  out.varint(sent.length);
  for (const { to, payload } of sent) {
    values.write(out, new ActorIdValue(to));
    values.write(out, payload);
  }
}

/** Writes 0 for no answer, 1 and a value, or 2 and a failure. */
function writeAnswer(out: ByteWriter, values: ValueWriter, answer: CapabilityAnswer | undefined): void {
  out.u8(answer === undefined ? 0 : answer.ok ? 1 : 2);
  if (answer?.ok === true) values.write(out, answer.value);
  if (answer?.ok !== false) return;
  out.varint(ANSWER_TRAPS.indexOf(answer.trap));
  values.write(out, answer.message);
}

/**
 * Writes a task, even an actor that has ended. Writes its mailbox unless the actor failed, because the end of the run reports the failures
 * that are still in mailboxes.
 */
function writeActor(out: ByteWriter, values: ValueWriter, actor: Actor, isDead: Uint8Array, pendingSlots: readonly number[]): void {
  out.varint(actor.id);
  out.varint(actor.parent + 1);
  out.varint(actor.branch === undefined ? 0 : actor.branch + 1);
  out.u8(STATUSES.indexOf(actor.status));
  if (actor.join !== undefined) writeJoin(out, values, actor.join.results);
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
    for (let i = 0; i < slots; i++) values.write(out, isDead[i] === 1 ? UNIT : slotValue(actor.stack, actor.numbers, i));
    out.varint(pendingSlots.length);
    for (const slot of pendingSlots) out.varint(slot);
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

/** Writes the results of the branches that have ended. */
function writeJoin(out: ByteWriter, values: ValueWriter, results: readonly (Value | undefined)[]): void {
  out.varint(results.length);
  for (const result of results) {
    out.u8(result === undefined ? 0 : 1);
    if (result !== undefined) values.write(out, result);
  }
}

/** Writes what the call's instruction does not tell the reader: the tree of an `emit`, the target and message of a `send`. */
function writeWaiting(out: ByteWriter, values: ValueWriter, waiting: AwaitedCall | undefined): void {
  if (waiting?.kind === "emit") values.write(out, waiting.tree);
  else if (waiting?.kind === "send") {
    values.write(out, new ActorIdValue(waiting.target));
    values.write(out, waiting.payload);
  }
}

const NO_SLOTS = new Uint8Array();

/**
 * Returns 1 for each slot of a dead local, whose value the program cannot read any more. The snapshot holds Unit in its place. A debugger shows
 * these values, so its snapshots hold them.
 */
function deadSlotsOf({ functions }: Program, actor: Actor, isPaused: boolean): Uint8Array {
  if (isPaused || hasEnded(actor)) return NO_SLOTS;
  const isDead = new Uint8Array(actor.sp);
  for (let i = 0; i < actor.depth; i++) {
    const fn = functions[actor.frameFunction[i] ?? 0];
    const live = fn === undefined ? undefined : localsInSnapshot(fn, actor.framePc[i] ?? 0);
    live?.forEach((isLive, local) => (isDead[(actor.frameBase[i] ?? 0) + local] = 1 - isLive));
  }
  return isDead;
}

/** The pending Strings of one actor: their first read is still to be charged (see `bytecode/string-append.ts`). */
interface PendingStrings {
  /** Their stack slots, in ascending order. */
  readonly slots: readonly number[];
  /** The code units of these Strings and of all String operands in functions with appends. */
  readonly units: number;
}

function pendingStringsOf({ functions }: Program, actor: Actor, isDead: Uint8Array): PendingStrings {
  const slots: number[] = [];
  let units = 0;
  const unitsAt = (slot: number): number => {
    const text = actor.stack[slot];
    return typeof text === "string" ? text.length : 0;
  };
  for (let i = 0; i < actor.depth && !hasEnded(actor); i++) {
    const fn = functions[actor.frameFunction[i] ?? 0];
    const base = actor.frameBase[i] ?? 0;
    const locals = fn === undefined ? [] : analyzeAppends(fn).targets;
    if (fn === undefined || locals.length === 0) continue;
    for (const local of locals) {
      if (isDead[base + local] === 1) continue;
      if (typeof actor.stack[base + local] !== "string" || actor.numbers[base + local] !== PENDING_MARK) continue;
      slots.push(base + local);
      units += unitsAt(base + local);
    }
    // Operands may be the results of appends that are not stored yet.
    const end = i === actor.depth - 1 ? actor.sp : (actor.frameBase[i + 1] ?? 0);
    for (let slot = base + fn.def.locals; slot < end; slot++) units += unitsAt(slot);
  }
  return { slots, units };
}
