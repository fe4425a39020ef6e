/**
 * The scheduler: starts and resumes runs, and runs their actors in rounds. Steps 1 and 2 make up a round; step 3 decides whether
 * the run ends:
 *
 * 1. Every runnable actor, in the order of ids, runs one slice of `MACHINE_LIMITS.sliceSteps` steps. At the end of the slice,
 *    the actors that it spawned are created, and the messages that it sent wait for delivery. If the actor trapped in the
 *    slice, it fails instead, together with its descendants, and its parent gets the reason as a message.
 * 2. The waiting messages are delivered, and blocked actors that received one become runnable.
 * 3. If no actor is runnable and no message is waiting, the run ends: with the root's value, or with a deadlock if the root
 *    is blocked. A trap of the root, or a trap in `RUN_ENDING`, ends the run at once.
 *
 * A program without actors consists of the root actor only, and the scheduler logs no events for it. The order of slices
 * depends only on ids and steps, never on time, so a replay schedules the actors in the same order.
 *
 * A slice may stop at a host call whose answer is a promise. Then the run waits, and no other actor of the run continues. If
 * the host suspends the run instead, the state is written to a snapshot for `resumeMachine`.
 */
import { Engine, type EngineChoice } from "../compiled/engine.ts";
import {
  type Actor,
  type Frames,
  newActor,
  type UndeliveredMessage,
  locationsOf,
  dropStack,
  unreceivedFailures,
} from "../interpreter/actor.ts";
import { BYTES, UNITS } from "../cost.ts";
import { HostTrap, log, poll, type Run, RUN_ENDING, applyAnswer, SUSPEND_ANSWER, SUSPEND_PROMISE } from "../interpreter/host-calls.ts";
import { BorunaError } from "../error.ts";
import type { RunEvent } from "../events.ts";
import type { CapabilityAnswer, Host, SuspendingHost } from "../host.ts";
import { type Limits, LOG_NOT_CHARGED, MACHINE_LIMITS } from "../limits.ts";
import { FlowTracker } from "../interpreter/flow-tracker.ts";
import { pushFrame } from "../interpreter/frames.ts";
import { interpret, type Signal } from "../interpreter/interpreter.ts";
import { MachineTrap, Meter } from "../meter.ts";
import type { SourceLocation } from "../bytecode/module.ts";
import { expectDefined } from "../interpreter/operations.ts";
import { elementaryFunctionsAreLoaded, loadElementaryFunctions } from "../value/elementary.ts";
import { checkSerializable } from "../value/serializable.ts";
import type { MachineEnd, Program } from "../bytecode/program.ts";
import { reserveSlots, setSlot, trimSlots } from "../interpreter/stack-slots.ts";
import { slotsOf, totalSlots } from "./slots.ts";
import { decodeState, encodeState } from "../snapshot/snapshot.ts";
import { SavedStacks } from "../interpreter/saved-stacks.ts";
import { ErrValue, UNIT, type Value } from "../value/value.ts";

export interface MachineOptions {
  readonly limits: Limits;
  /** The entry's arguments. Missing arguments are Unit; extra arguments are dropped. */
  readonly args: readonly Value[];
  /** Whether actors are scheduled. Default: `program.usesActors`. */
  readonly actors?: boolean;
  /** The choice of engine. It does not affect the results. Default: `auto`. A traced run is always interpreted. */
  readonly engine?: EngineChoice;
  /** Receives one line of text before each instruction. */
  readonly trace?: (line: string) => void;
}

export interface ResumeOptions {
  /** Caps on the snapshot's limits; a snapshot limit above its cap throws `state.limits`. Default: the limits in the snapshot. */
  readonly limits?: Limits;
  /** `engine` and `trace` have the same meanings as in `MachineOptions`. */
  readonly engine?: EngineChoice;
  readonly trace?: (line: string) => void;
}

/** A suspended run. It waits for the answer of one call, and its snapshot can be resumed any number of times. */
export interface Suspended {
  readonly status: "suspended";
  /** The snapshot, for `resumeMachine`. */
  readonly state: Uint8Array;
  readonly steps: number;
  readonly allocBytes: number;
  readonly actors: number;
}

/** The state of a run. The actors' part of it is plain data that a snapshot can hold. */
interface Scheduler {
  readonly run: Run;
  readonly engine: Engine | undefined;
  readonly actors: Actor[];
  undelivered: UndeliveredMessage[];
  /** How many messages of `undelivered` this round has delivered so far. */
  delivered: number;
  /**
   * The number of the round, from 0; -1 before the first round. In each round some actor uses a step or ends, so the step
   * limit of the run also limits the rounds.
   */
  round: number;
  /** The ids of all runnable actors. This set makes a round take no time for blocked actors. */
  readonly runnable: Set<number>;
  /** The ids of the actors that run in this round, ascending. */
  queue: number[];
  /** The index in `queue` of the actor that runs now. */
  queueIndex: number;
  /** The number of steps, counted from the start of the run, at which the current slice ends. */
  sliceEnd: number;
  /** The sum of `countedSlots` of all actors. */
  countedSlots: number;
}

/** What a run waits for: the answer of a call, or undefined after a pause for the host's event loop. */
type Wait = Promise<CapabilityAnswer | undefined>;

/** In a program without actors: the steps between two points at which the host may pause the run. */
const UNSCHEDULED_SLICE_STEPS = 100_000;
/**
 * After a slice with more than `MANY_CALLS` host calls, the next slice has only `CALLING_SLICE_STEPS` steps, because a call
 * takes much longer than its steps. In a program with actors, the host may pause the run after `SLICES_PER_PAUSE` slices.
 */
const MANY_CALLS = 250;
const CALLING_SLICE_STEPS = 5_000;
const SLICES_PER_PAUSE = 16;

/** Runs a program to its end. Returns a promise only if some host call returned one, or if code that the program uses was not loaded yet. */
export function runMachine(program: Program, host: Host, options: MachineOptions): MachineEnd | Promise<MachineEnd> {
  const end = startMachine(program, host, options);
  return end instanceof Promise ? end.then(assertNotSuspended) : assertNotSuspended(end);
}

function assertNotSuspended(end: MachineEnd | Suspended): MachineEnd {
  if (end.status === "suspended") throw new BorunaError("internal", "the host suspended a run that was not started by startMachine");
  return end;
}

const mustLoad = (program: Program): boolean => program.usesElementaryFunctions && !elementaryFunctionsAreLoaded();

/**
 * Runs a program until it ends or until the host answers a call with "suspend". The real answer then goes to
 * `resumeMachine`, in this process or another. Throws `state.too_large` if the snapshot would be too large.
 */
export function startMachine(
  program: Program,
  host: SuspendingHost,
  options: MachineOptions,
): MachineEnd | Suspended | Promise<MachineEnd | Suspended> {
  if (mustLoad(program)) return loadElementaryFunctions().then(() => startMachine(program, host, options));
  const { limits } = options;
  const scheduled = options.actors ?? program.usesActors;
  const run: Run = {
    program,
    host,
    limits,
    meter: meterFor(limits),
    scheduled,
    trace: options.trace,
    stacks: savedStacksFor(host),
    flow: flowTrackerFor(program, host),
    // As in the Rust machine (the earlier implementation), ids start at 0 without a scheduler.
    nextActor: scheduled ? 1 : 0,
    nextPoll: 0,
    calls: 0,
  };
  pollFromMeter(run);
  const engine = engineFor(program, options);
  const scheduler: Scheduler = {
    run,
    engine,
    actors: [],
    undelivered: [],
    delivered: 0,
    round: -1,
    runnable: new Set([0]),
    queue: [],
    queueIndex: 0,
    sliceEnd: Number.POSITIVE_INFINITY,
    countedSlots: 0,
  };
  return drive(scheduler, () => {
    scheduler.actors.push(createActor(run, 0, -1, program.module.entry, options.args));
    return advance(scheduler);
  });
}

/**
 * Resumes a suspended run of the same module, under its original limits, with the answer of the call that the run waits
 * for. Value, steps, allocation and events are the same as in a run that was never suspended. The snapshot must come from a
 * trusted store, because a forged snapshot can contain any state of the program (see `snapshot.ts`). Throws the errors of
 * `startMachine`, and the `state.…` errors of `decodeState`.
 */
export function resumeMachine(
  program: Program,
  host: SuspendingHost,
  state: Uint8Array,
  answer: CapabilityAnswer,
  options: ResumeOptions = {},
): MachineEnd | Suspended | Promise<MachineEnd | Suspended> {
  if (mustLoad(program)) return loadElementaryFunctions().then(() => resumeMachine(program, host, state, answer, options));
  const { limits, scheduled, steps, allocBytes, nextActor, actors, undelivered, round, queue, sliceEnd } = decodeState(
    program,
    state,
    options.limits,
  );
  const meter = meterFor(limits);
  meter.steps = steps;
  meter.allocBytes = allocBytes;
  const run: Run = {
    program,
    host,
    limits,
    meter,
    scheduled,
    trace: options.trace,
    stacks: savedStacksFor(host),
    flow: flowTrackerFor(program, host),
    nextActor,
    nextPoll: 0,
    calls: 0,
  };
  pollFromMeter(run);
  const engine = engineFor(program, options);
  const runnable = new Set(actors.filter((actor) => actor.status === "runnable").map((actor) => actor.id));
  const scheduler: Scheduler = {
    run,
    engine,
    actors: [...actors],
    undelivered: [...undelivered],
    delivered: 0,
    round,
    runnable,
    queue: [...queue],
    queueIndex: 0,
    sliceEnd,
    countedSlots: 0,
  };
  for (const actor of scheduler.actors) {
    // `totalSlots` adds frames and globals.
    actor.countedSlots = totalSlots(actor, slotsOf(program, actor));
    scheduler.countedSlots += actor.countedSlots;
  }
  return drive(scheduler, () => advance(scheduler, answer));
}

/** Returns a `SavedStacks` if the host needs source locations for the events of actors. */
const savedStacksFor = (host: SuspendingHost): SavedStacks | undefined => (host.locatesEvents === true ? new SavedStacks() : undefined);

const flowTrackerFor = (program: Program, { flow }: SuspendingHost): FlowTracker | undefined =>
  flow === undefined ? undefined : new FlowTracker(program, flow);

function meterFor(limits: Limits): Meter {
  const meter = new Meter(limits.max_steps, limits.max_alloc_bytes);
  // The log of this replay was recorded before logging was charged.
  if (limits.max_log_bytes === LOG_NOT_CHARGED) meter.loggedUnit = 0;
  return meter;
}

function pollFromMeter(run: Run): void {
  run.meter.interrupt = () => poll(run);
}

function engineFor(program: Program, { engine, trace }: { readonly engine?: EngineChoice; readonly trace?: unknown }): Engine | undefined {
  return trace === undefined ? Engine.for(program, engine ?? "auto") : undefined;
}

/** Runs a run to its end or suspension. Returns a promise only if the run had to wait. */
function drive(scheduler: Scheduler, begin: () => MachineEnd | Wait): MachineEnd | Suspended | Promise<MachineEnd | Suspended> {
  const first = runToTrap(scheduler, begin);
  // A call that suspends the run returns this one promise, which is compared by identity.
  if (first === SUSPEND_PROMISE) return suspend(scheduler);
  return first instanceof Promise ? driveAsync(scheduler, first) : first;
}

/** Awaits the promises of a run in one loop, so that these promises do not form a growing chain. */
async function driveAsync(scheduler: Scheduler, first: Wait): Promise<MachineEnd | Suspended> {
  let wait = first;
  for (;;) {
    let answer: CapabilityAnswer | undefined;
    try {
      answer = await wait;
    } catch (error) {
      return endFlowAndThrow(scheduler, error);
    }
    if (answer === SUSPEND_ANSWER) return suspend(scheduler);
    // Another run may have used up this event-loop turn, so let the host pause.
    const pause = answer === undefined ? undefined : scheduler.run.host.pause?.();
    if (pause !== undefined) await pause;
    const next = runToTrap(scheduler, () => advance(scheduler, answer));
    if (!(next instanceof Promise)) return next;
    wait = next;
  }
}

function suspend({ run, actors, undelivered, round, queue, queueIndex, sliceEnd }: Scheduler): Suspended {
  const { program, limits, scheduled, nextActor, meter } = run;
  const { steps, allocBytes } = meter;
  const remainingQueue = queue.slice(queueIndex);
  run.flow?.endRun(undefined);
  const state = encodeState(program, {
    limits,
    scheduled,
    steps,
    allocBytes,
    nextActor,
    round,
    sliceEnd,
    actors,
    queue: remainingQueue,
    undelivered,
  });
  return { status: "suspended", state, steps, allocBytes, actors: actors.length };
}

/** A trap that ends the run. It comes from an actor or from the scheduler itself. */
class RunTrap extends Error {
  override readonly name: string = "RunTrap";
  readonly trap: MachineTrap;
  readonly actor: Actor | undefined;
  /** The call stack to report, if it is not the actor's current one. */
  readonly callStack: readonly SourceLocation[] | undefined;
  constructor(trap: MachineTrap, actor: Actor | undefined, callStack?: readonly SourceLocation[]) {
    super(trap.message);
    this.trap = trap;
    this.actor = actor;
    this.callStack = callStack;
  }
}

/** Logs an event of the scheduler. If the host stops the run at this event, the trap has the call stack that `where` returns. */
function logAt(run: Run, event: RunEvent, actor: Actor | undefined, where: () => readonly SourceLocation[]): void {
  try {
    log(run, event);
  } catch (error) {
    if (error instanceof HostTrap) throw new RunTrap(error, actor, where());
    throw error;
  }
}

const locationsOfFrames = (run: Run, frames: Frames | undefined): readonly SourceLocation[] =>
  frames === undefined ? [] : locationsOf(run.program, frames, /* atNext */ false);

/** Runs `body` and returns its result. If a trap ends the run, returns that as the end of the run. */
function runToTrap(scheduler: Scheduler, body: () => MachineEnd | Wait): MachineEnd | Wait {
  const { host } = scheduler.run;
  // `enter` and `leave` tell the host when the machine uses the thread.
  host.enter?.();
  try {
    return body();
  } catch (error) {
    if (error instanceof RunTrap) return trappedEnd(scheduler, error.trap, error.actor, error.callStack);
    if (error instanceof MachineTrap) return trappedEnd(scheduler, error, scheduler.actors[0]);
    return endFlowAndThrow(scheduler, error);
  } finally {
    host.leave?.();
  }
}

/** Ends all spans of control flow and throws the error. Used for errors that are not traps, such as a log that cannot be written. */
function endFlowAndThrow({ run }: Scheduler, error: unknown): never {
  run.flow?.endRun("internal");
  throw error;
}

function trappedEnd(
  { run, actors }: Scheduler,
  trap: MachineTrap,
  actor: Actor | undefined,
  stack?: readonly SourceLocation[],
): MachineEnd {
  run.flow?.endRun(trap.kind);
  return {
    status: "trapped",
    trap: {
      kind: trap.kind,
      message: trap.message,
      stack: stack ?? (actor === undefined ? [] : locationsOf(run.program, actor, actor.status === "blocked")),
      step: run.meter.steps,
      actorId: actor?.id ?? 0,
      ...trap.detail,
    },
    steps: run.meter.steps,
    allocBytes: run.meter.allocBytes,
    actors: Math.max(1, actors.length),
    unreceived: unreceivedFailures(actors),
  };
}

function createActor(run: Run, id: number, parent: number, functionIndex: number, args: readonly Value[]): Actor {
  const actor = newActor(id, parent);
  reserveSlots(actor, args.length);
  for (const [i, arg] of args.entries()) setSlot(actor.stack, actor.numbers, i, arg);
  for (let i = run.program.module.globals.length; i > 0; i--) actor.globals.push(UNIT);
  pushFrame(run, actor, expectDefined(run.program.functions[functionIndex]), 0, args.length);
  return actor;
}

/** Runs actors until the run ends or has to wait. `answer` completes the open host call of the current actor. */
function advance(scheduler: Scheduler, answer?: CapabilityAnswer): MachineEnd | Wait {
  let resumeWith = answer;
  for (;;) {
    while (scheduler.queueIndex < scheduler.queue.length) {
      const actor = expectDefined(scheduler.actors[expectDefined(scheduler.queue[scheduler.queueIndex])]);
      // The actor may have failed with an ancestor since the round began.
      if (actor.status === "runnable") {
        if (resumeWith === undefined) beginSlice(scheduler, actor);
        const signal = runSlice(scheduler, actor, resumeWith);
        resumeWith = undefined;
        if (signal instanceof Promise) return signal;
        endSlice(scheduler, actor, signal);
      }
      scheduler.queueIndex += 1;
      if (scheduler.queueIndex % SLICES_PER_PAUSE > 0) continue;
      const pause = scheduler.run.host.pause?.();
      if (pause !== undefined) return pause;
    }
    const deliveryPause = scheduler.round < 0 ? undefined : deliver(scheduler);
    if (deliveryPause !== undefined) return deliveryPause.then(() => undefined);
    const end = nextRound(scheduler);
    if (end !== undefined) return end;
    const pause = scheduler.run.host.pause?.();
    if (pause !== undefined) return pause;
  }
}

/** Begins the next round. Returns the end of the run if no actor is runnable and no message is waiting for delivery. */
function nextRound(scheduler: Scheduler): MachineEnd | undefined {
  const root = expectDefined(scheduler.actors[0]);
  scheduler.round += 1;
  scheduler.queue = [...scheduler.runnable].sort((a, b) => a - b);
  scheduler.queueIndex = 0;
  if (scheduler.queue.length === 0 && scheduler.undelivered.length === 0) {
    if (root.status === "completed") return completedEnd(scheduler, root);
    throw new RunTrap(new MachineTrap("deadlock", "deadlock: all actors blocked with no pending messages"), root);
  }
  return undefined;
}

function beginSlice(scheduler: Scheduler, actor: Actor): void {
  const { run } = scheduler;
  if (!run.scheduled) {
    scheduler.sliceEnd = run.meter.steps + (run.calls > MANY_CALLS ? CALLING_SLICE_STEPS : UNSCHEDULED_SLICE_STEPS);
    run.calls = 0;
    return;
  }
  const tick = { type: "SchedulerTick", round: scheduler.round, active_actor: actor.id } as const;
  logAt(run, tick, actor, () => locationsOf(run.program, actor, true));
  run.nextActor = scheduler.actors.length;
  // The Rust machine uses the last step of a slice to notice that the slice has ended.
  scheduler.sliceEnd = run.meter.steps + MACHINE_LIMITS.sliceSteps - 1;
}

function runSlice(scheduler: Scheduler, actor: Actor, answer: CapabilityAnswer | undefined): Signal | MachineTrap {
  try {
    if (answer !== undefined) applyAnswer(scheduler.run, actor, answer);
    return interpret(scheduler.run, actor, scheduler.sliceEnd, scheduler.engine);
  } catch (error) {
    if (!(error instanceof MachineTrap)) throw asRunTrap(error, actor);
    if (error instanceof HostTrap || RUN_ENDING.has(error.kind) || actor.id === 0) throw new RunTrap(error, actor);
    return error;
  }
}

/**
 * Returns a `RangeError` as a trap that ends the run, and any other error unchanged. A `RangeError` means that V8 ran out of
 * stack or memory. The program must not be able to handle that.
 */
function asRunTrap(error: unknown, actor: Actor): unknown {
  return error instanceof RangeError ? new RunTrap(new MachineTrap("internal", error.message), actor) : error;
}

function endSlice(scheduler: Scheduler, actor: Actor, signal: "done" | "blocked" | "yielded" | MachineTrap): void {
  if (signal instanceof MachineTrap) {
    failActor(scheduler, actor, signal);
    return;
  }
  if (signal === "done") actor.status = "completed";
  else if (signal === "blocked") actor.status = "blocked";
  if (signal !== "yielded") scheduler.runnable.delete(actor.id);
  if (!scheduler.run.scheduled) return;
  recountSlots(scheduler, actor);
  collectEffects(scheduler, actor);
}

/**
 * Counts the slots that an actor needs, trims its stack to that size, and traps if all actors together need too many slots.
 * Stacks are not charged as allocation, so this limit restricts their memory. It is checked between slices, because at that
 * point both engines need the same slots. Counting is charged, since an actor may have many frames and use few steps.
 */
function recountSlots(scheduler: Scheduler, actor: Actor): void {
  const { program, meter } = scheduler.run;
  const slotsBefore = actor.countedSlots;
  if (actor.status === "completed" || actor.status === "failed") dropStack(actor);
  chargeFrameWalk(meter, actor);
  const slots = slotsOf(program, actor);
  // Keep one extra slot: a call's result is pushed before a dynamically stacked caller (stack height not known in advance) reserves room.
  trimSlots(actor, slots + 1);
  actor.countedSlots = totalSlots(actor, slots);
  scheduler.countedSlots += actor.countedSlots - slotsBefore;
  if (scheduler.countedSlots > MACHINE_LIMITS.actorSlots) {
    const message = `the actors hold more than ${MACHINE_LIMITS.actorSlots} slots of stacks and globals together`;
    throw new RunTrap(new MachineTrap("alloc_limit", message), actor);
  }
}

function chargeFrameWalk(meter: Meter, actor: Actor): void {
  try {
    meter.charge(actor.depth * UNITS.value);
  } catch (error) {
    throw error instanceof MachineTrap ? new RunTrap(error, actor) : error;
  }
}

/** Creates the actors that an actor spawned in its slice, and queues the messages that it sent. */
function collectEffects(scheduler: Scheduler, actor: Actor): void {
  const { run, actors } = scheduler;
  const { spawned, sent, spawnedAt } = actor;
  dropEffects(actor);
  for (const [i, functionIndex] of spawned.entries()) {
    const id = actors.length;
    const spawn = { type: "ActorSpawn", actor_id: id, function: run.program.module.functions[functionIndex]?.name ?? "?" } as const;
    logAt(run, spawn, actor, () => locationsOfFrames(run, spawnedAt[i]));
    const child = createActor(run, id, actor.id, functionIndex, []);
    actors.push(child);
    scheduler.runnable.add(id);
    actor.children.push(id);
    recountSlots(scheduler, child);
  }
  for (const { to, payload, sentAt } of sent) scheduler.undelivered.push({ from: actor.id, to, payload, sentAt });
}

function dropEffects(actor: Actor): void {
  actor.spawned = [];
  actor.sent = [];
  actor.spawnedAt = [];
}

/** Marks the actor and its descendants as failed, and sends the reason to the actor's parent. */
function failActor(scheduler: Scheduler, actor: Actor, trap: MachineTrap): void {
  const { meter } = scheduler.run;
  dropEffects(actor);
  const sentAt = scheduler.run.stacks?.save(actor);
  const failedActors = [actor];
  for (let next = failedActors.pop(); next !== undefined; next = failedActors.pop()) {
    next.status = "failed";
    scheduler.run.flow?.endActor(next.id, trap.kind);
    scheduler.runnable.delete(next.id);
    recountSlots(scheduler, next);
    for (const child of next.children) failedActors.push(expectDefined(scheduler.actors[child]));
  }
  meter.allocate(BYTES.message + BYTES.wrapper);
  meter.allocateString(trap.message.length);
  scheduler.undelivered.push({ from: actor.id, to: actor.parent, payload: new ErrValue(trap.message), sentAt });
}

/**
 * Delivers the waiting messages and makes their blocked receivers runnable. The order is by target, then by sender, then as
 * sent. Delivery can take long, so the host may pause the run after each message. If it does, `deliver` returns a promise and
 * must be called again after that.
 */
function deliver(scheduler: Scheduler): Promise<void> | undefined {
  const { run, actors, undelivered } = scheduler;
  undelivered.sort((a, b) => (a.to < b.to ? -1 : a.to > b.to ? 1 : a.from - b.from));
  for (let message = undelivered[scheduler.delivered]; message !== undefined; message = undelivered[scheduler.delivered]) {
    const { from, to, payload, sentAt } = message;
    const target = actors[Number(to)];
    logAt(run, { type: "MessageSend", from, to: Number(to), payload }, actors[from], () => locationsOfFrames(run, sentAt));
    if (target !== undefined && target.status !== "failed") {
      // The receiver's call stack; the sender's if the receiver has ended.
      const receiverLocations = (): readonly SourceLocation[] =>
        target.depth > 0 ? locationsOf(run.program, target, true) : locationsOfFrames(run, sentAt);
      logAt(run, { type: "MessageReceive", actor_id: target.id, payload }, target, receiverLocations);
      target.mailbox.push({ from, payload });
      if (target.status === "blocked") {
        target.status = "runnable";
        scheduler.runnable.add(target.id);
      }
    }
    scheduler.delivered += 1;
    const pause = run.host.pause?.();
    if (pause !== undefined) return pause;
  }
  scheduler.undelivered = [];
  scheduler.delivered = 0;
  return undefined;
}

function completedEnd(scheduler: Scheduler, root: Actor): MachineEnd {
  const { run, actors } = scheduler;
  try {
    checkSerializable(root.result);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    const kind = error.kind === "value.not_portable" ? "type_error" : error.kind === "value.too_deep" ? "invalid_value" : "alloc_limit";
    throw new RunTrap(new MachineTrap(kind, error.message), root);
  }
  run.flow?.endRun(undefined);
  return {
    status: "completed",
    value: root.result,
    steps: run.meter.steps,
    allocBytes: run.meter.allocBytes,
    actors: actors.length,
    unreceived: unreceivedFailures(actors),
  };
}
