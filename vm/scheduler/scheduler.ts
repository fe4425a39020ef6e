/**
 * The scheduler: starts and resumes runs, and runs their tasks in rounds. A task is `main`, an actor, or a branch of a `par`:
 *
 * 1. Every task that is runnable when the round begins, in the order of ids, runs one slice. Then the actors that it spawned and the
 *    branches of its `par` are made, and the messages that it sent wait for delivery. If the task trapped, its actor fails instead, with
 *    its branches and descendants. The parent gets the reason as a message.
 * 2. The waiting messages are delivered, and blocked actors that received one become runnable.
 * 3. If no task is runnable, the machine waits for the answer of the earliest open call, and its task becomes runnable.
 * 4. If there is no open call either, the run ends: with the value of `main`, or with a deadlock if `main` is blocked. A trap of
 *    `main`, or a trap in `RUN_ENDING`, ends the run at once.
 *
 * Calls overlap: a capability call only begins when a task makes it, and ends the task's slice. Answers are taken one by one, in the
 * order of the calls, whatever the order in which they arrive. So the order of events depends only on the program and the answers, not on
 * time. A replay schedules the tasks in the same order. For example, main spawns two actors, and each makes one call:
 *
 *     round  who runs       log
 *     1      0              ActorSpawn 1, ActorSpawn 2
 *     2      1, then 2      CapCall (of 1), CapCall (of 2)      both handlers run now
 *     3      1              CapResult (of 1)                    also if the answer to 2 arrived first
 *     4      2              CapResult (of 2)
 *
 * A slice of a task ends at its first effect (a call, a spawn, a message, …) after `MACHINE_LIMITS.taskSliceSteps` steps. What a task
 * does between two effects cannot be observed, so it need not be divided, and compiled code runs as fast as without a scheduler.
 * If an open call is older than so many steps, the machine waits for its answer even if tasks are runnable.
 *
 * Modules without `tasks`, which only other compilers make, keep the rules of the Rust machine (`Run.exactSlices`). A slice ends after
 * exactly `MACHINE_LIMITS.sliceSteps` steps, and logs a `SchedulerTick`. After a call, it goes on only when it has the answer.
 *
 * A program without actors and branches has `main` as its only task, and the scheduler logs no events for it. A slice may also stop at a
 * host call whose answer is a promise, if nothing else can happen before that answer. If the host suspends the run at a call, the state is
 * written to a snapshot for `resumeMachine`.
 */
import { Engine, type EngineChoice } from "../compiled/engine.ts";
import { type Actor, hasEnded, locationsOf, ownerOf, unreceivedFailures } from "../interpreter/actor.ts";
import {
  applyAnswer,
  RepliedCall,
  HostPoller,
  type Run,
  RUN_ENDING,
  SUSPEND_ANSWER,
  SUSPEND_PROMISE,
  type TaskCall,
} from "../interpreter/host-calls.ts";
import { BorunaError } from "../error.ts";
import type { CallReply, CapabilityAnswer, Host, OpenCall, SuspendingHost } from "../host.ts";
import { type Limits, LOG_NOT_CHARGED, MACHINE_LIMITS } from "../limits.ts";
import { FlowTracker } from "../interpreter/flow-tracker.ts";
import { interpret, type Signal } from "../interpreter/interpreter.ts";
import { MachineTrap, Meter } from "../meter.ts";
import type { SourceLocation } from "../bytecode/module.ts";
import { expectDefined } from "../interpreter/operations.ts";
import { elementaryFunctionsAreLoaded, loadElementaryFunctions } from "../value/elementary.ts";
import { checkSerializable } from "../value/serializable.ts";
import type { MachineEnd, Program } from "../bytecode/program.ts";
import { slotsOf, totalSlots } from "./slots.ts";
import { decodeState, encodeState } from "../snapshot/snapshot.ts";
import type { SavedCall, RunState } from "../snapshot/state-writer.ts";
import { SavedStacks } from "../interpreter/saved-stacks.ts";
import type { Value } from "../value/value.ts";
import { actorTrap, logAt, logMessage, RunTrap, stackOf } from "./run-trap.ts";
import { empty, endSlice, failActor, startMain, type TaskState } from "./tasks.ts";

export interface MachineOptions {
  readonly limits: Limits;
  /** The entry's arguments. Missing arguments are Unit; extra arguments are dropped. */
  readonly args: readonly Value[];
  /** Whether actors are scheduled. Default: `program.usesActors`. */
  readonly actors?: boolean | undefined;
  /** The choice of engine. It does not affect the results. Default: `auto`. A traced run is always interpreted. */
  readonly engine?: EngineChoice | undefined;
  /** Receives one line of text before each instruction. */
  readonly trace?: ((line: string) => void) | undefined;
}

export interface ResumeOptions {
  /** Caps on the snapshot's limits; a snapshot limit above its cap throws `state.limits`. Default: the limits in the snapshot. */
  readonly limits?: Limits | undefined;
  /** `engine` and `trace` have the same meanings as in `MachineOptions`. */
  readonly engine?: EngineChoice | undefined;
  readonly trace?: ((line: string) => void) | undefined;
}

/** A suspended run. It waits for the answer of one call, and its snapshot can be resumed any number of times. */
export interface Suspended {
  readonly status: "suspended";
  /** The snapshot, for `resumeMachine`. */
  readonly state: Uint8Array;
  /** The `step` of the request whose answer the run needs. If calls overlap, this need not be the latest request. */
  readonly callStep: number;
  readonly steps: number;
  readonly allocBytes: number;
  readonly actors: number;
}

/** The state of a run. The tasks are plain data that a snapshot can hold. */
export interface Scheduler extends TaskState {
  readonly engine: Engine | undefined;
  /** How many messages of `undelivered` this round has delivered so far. */
  delivered: number;
  /**
   * The number of the round, from 0; -1 before the first round. In each round some task uses a step, ends or gets an answer, so the
   * step limit of the run also limits the rounds.
   */
  round: number;
  /** The ids of the tasks that run in this round, ascending. */
  queue: number[];
  /** The index in `queue` of the task that runs now. */
  queueIndex: number;
  /** Whether the task at `queueIndex` is in the middle of its slice. */
  inSlice: boolean;
  /** The step at which `interpret` returns: the end of the slice for `exactSlices`, otherwise a point at which the host may pause the run. */
  stopStep: number;
  /** Whether the run waits for the answer of the earliest open call. */
  awaitsOpenCall: boolean;
  /** At or after this step, `advance` returns `PAUSED`. Infinity unless a debugger moves the run. */
  pauseStep: number;
}

/** What `advance` returns at `Scheduler.pauseStep`; compared by identity. The current task is then before an instruction. */
export const PAUSED: Promise<undefined> = Promise.resolve(undefined);

/** What a run waits for: the answer of a call, or undefined after a pause for the host's event loop. */
export type Wait = Promise<CapabilityAnswer | undefined>;

/**
 * Unless slices are exact, the host may pause the run in a slice after the steps that `Meter.pauseSteps` returns, or `CALLING_PAUSE_STEPS` if
 * the slice has just made more than `MANY_CALLS` host calls, which take long. Between slices, it may pause after every `SLICES_PER_PAUSE` slices.
 */
const MANY_CALLS = 250;
const CALLING_PAUSE_STEPS = 5_000;
const SLICES_PER_PAUSE = 16;

/** Runs a program to its end. Returns a promise only if a call or `Host.pause` returned one, or if code that the program uses was not loaded. */
export function runMachine(program: Program, host: Host, options: MachineOptions): MachineEnd | Promise<MachineEnd> {
  const end = startMachine(program, host, options);
  return end instanceof Promise ? end.then(assertNotSuspended) : assertNotSuspended(end);
}

function assertNotSuspended(end: MachineEnd | Suspended): MachineEnd {
  if (end.status === "suspended") throw new BorunaError("internal", "the host suspended a run that was not started by startMachine");
  return end;
}

/** Whether the elementary functions (exp, sin and the like) must be loaded before the program runs. */
export const mustLoad = (program: Program): boolean => program.usesElementaryFunctions && !elementaryFunctionsAreLoaded();

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
  const scheduler = newScheduler({ program, host, limits, scheduled, meter: meterFor(limits), options });
  return drive(scheduler, () => {
    startMain(scheduler, options.args);
    return advance(scheduler);
  });
}

/**
 * Resumes a suspended run of the same module, under its original limits. `answer` is that of the call which the run waits
 * for. Value, steps, allocation and events are the same as in a run that was never suspended. If other calls are open too, the run is
 * suspended again when it needs their answers. The snapshot must come from a trusted store, because a forged snapshot can contain any
 * state of the program (see `snapshot.ts`). Throws the errors of `startMachine`, and the `state.…` errors of `decodeState`.
 */
export function resumeMachine(
  program: Program,
  host: SuspendingHost,
  state: Uint8Array,
  answer: CapabilityAnswer,
  options: ResumeOptions = {},
): MachineEnd | Suspended | Promise<MachineEnd | Suspended> {
  if (mustLoad(program)) return loadElementaryFunctions().then(() => resumeMachine(program, host, state, answer, options));
  const decoded = decodeState(program, state, options.limits);
  if (decoded.isPaused) throw new BorunaError("state.form", "the state of a run that waits for no answer");
  const scheduler = restoredScheduler(program, host, decoded, options, ({ answer: kept }) => new RepliedCall(kept ?? "suspend"));
  // Between rounds, the run waits for the answer of the earliest open call. Within a round, it waits for the answer of the current task's call.
  scheduler.awaitsOpenCall = decoded.queue.length === 0;
  scheduler.inSlice = !scheduler.awaitsOpenCall;
  return drive(scheduler, () => advance(scheduler, answer));
}

/** Returns the scheduler of a run that goes on from a state. Calls `openCall` for each open call of the state, oldest first. */
export function restoredScheduler(
  program: Program,
  host: SuspendingHost,
  { limits, scheduled, steps, allocBytes, nextActor, tasksMade, tasks, undelivered, round, queue, sliceEnd, openCalls }: RunState,
  options: ResumeOptions,
  openCall: (held: SavedCall) => OpenCall,
): Scheduler {
  const meter = meterFor(limits);
  meter.steps = steps;
  meter.allocBytes = allocBytes;
  const scheduler = newScheduler({ program, host, limits, scheduled, meter, options });
  const { run } = scheduler;
  run.nextActor = nextActor;
  if (run.overlaps) run.sliceEnd = sliceEnd;
  run.openCalls.push(...openCalls.map((held) => ({ task: held.task, step: held.step, call: openCall(held) })));
  const stopStep = run.exactSlices ? sliceEnd : steps;
  Object.assign(scheduler, { tasksMade, undelivered: [...undelivered], round, queue: [...queue], stopStep });
  for (const task of tasks) {
    scheduler.tasks.set(task.id, task);
    if (task.status === "runnable") scheduler.runnable.add(task.id);
    if (!hasEnded(task)) run.livingTasks += 1;
    task.countedSlots = totalSlots(task, slotsOf(program, task));
    scheduler.countedSlots += task.countedSlots;
  }
  return scheduler;
}

interface NewScheduler {
  readonly program: Program;
  readonly host: SuspendingHost;
  readonly limits: Limits;
  readonly scheduled: boolean;
  readonly meter: Meter;
  readonly options: ResumeOptions;
}

export function newScheduler({ program, host, limits, scheduled, meter, options }: NewScheduler): Scheduler {
  const hasTasks = program.module.tasks !== undefined;
  const run: Run = {
    program,
    host,
    limits,
    meter,
    scheduled,
    exactSlices: scheduled && !hasTasks,
    overlaps: scheduled && hasTasks,
    openCalls: [],
    isAlone: alwaysAlone,
    sliceEnd: Number.POSITIVE_INFINITY,
    livingTasks: 0,
    trace: options.trace,
    watch: undefined,
    savedStacks: savedStacksFor(host),
    flow: flowTrackerFor(program, host),
    // As in the Rust machine (the earlier implementation), ids start at 0 without a scheduler.
    nextActor: scheduled ? 1 : 0,
    nextPoll: 0,
    callsSincePause: 0,
    latePauses: undefined,
  };
  run.meter.poller = new HostPoller(run);
  const scheduler: Scheduler = {
    run,
    engine: engineFor(program, options),
    tasks: new Map(),
    tasksMade: 0,
    undelivered: [],
    delivered: 0,
    round: -1,
    runnable: new Set(),
    queue: [],
    queueIndex: 0,
    inSlice: false,
    stopStep: Number.POSITIVE_INFINITY,
    awaitsOpenCall: false,
    pauseStep: Number.POSITIVE_INFINITY,
    countedSlots: 0,
  };
  if (run.overlaps) trackAlone(scheduler);
  return scheduler;
}

const alwaysAlone = (): boolean => true;

/** Lets the interpreter ask, in the middle of a slice, whether nothing but this task can happen next. */
function trackAlone(scheduler: Scheduler): void {
  const { run } = scheduler;
  run.isAlone = (task) =>
    scheduler.runnable.size === 1 &&
    run.openCalls.length === 0 &&
    scheduler.undelivered.length === 0 &&
    task.spawned.length === 0 &&
    task.sent.length === 0;
}

/** Returns a `SavedStacks` if the host needs source locations for the events of actors. */
const savedStacksFor = (host: SuspendingHost): SavedStacks | undefined => (host.locatesEvents === true ? new SavedStacks() : undefined);

const flowTrackerFor = (program: Program, { flow }: SuspendingHost): FlowTracker | undefined =>
  flow === undefined ? undefined : new FlowTracker(program, flow);

export function meterFor(limits: Limits): Meter {
  const meter = new Meter(limits.max_steps, limits.max_alloc_bytes);
  // The log of this replay was recorded before logging was charged.
  if (limits.max_log_bytes === LOG_NOT_CHARGED) meter.loggedUnit = 0;
  return meter;
}

function engineFor(program: Program, { engine, trace }: Pick<ResumeOptions, "engine" | "trace">): Engine | undefined {
  return trace === undefined ? Engine.for(program, engine ?? "auto") : undefined;
}

/** Drives a run until it ends or is suspended. Returns a promise only if the run had to wait. */
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

/** Writes the state to a snapshot. Waits for the answers that are on their way, so that no call is made again. */
function suspend(scheduler: Scheduler): Suspended | Promise<Suspended> {
  const { openCalls } = scheduler.run;
  const promises = openCalls.flatMap(({ call }) => (call instanceof RepliedCall && call.reply instanceof Promise ? [call.reply] : []));
  if (promises.length === 0) return suspendWith(scheduler, openCalls.map(heldCall));
  const replies = openCalls.map(async ({ task, step, call }) => {
    const reply = call instanceof RepliedCall ? await call.reply : "suspend";
    return heldCall({ task, step, call: new RepliedCall(reply) });
  });
  return Promise.all(replies).then((held) => suspendWith(scheduler, held));
}

function heldCall({ task, step, call }: TaskCall): SavedCall {
  const reply = call instanceof RepliedCall ? call.reply : "suspend";
  return { task, step, answer: reply === "suspend" || reply instanceof Promise ? undefined : reply };
}

function suspendWith(scheduler: Scheduler, openCalls: readonly SavedCall[]): Suspended {
  const { run, tasksMade, queue, queueIndex } = scheduler;
  const { steps, allocBytes } = run.meter;
  run.flow?.endRun(undefined);
  const state = encodeState(run.program, stateOf(scheduler, openCalls, false));
  const callStep = queueIndex < queue.length ? steps : (openCalls[0]?.step ?? steps);
  return { status: "suspended", state, callStep, steps, allocBytes, actors: tasksMade };
}

export function stateOf(scheduler: Scheduler, openCalls: readonly SavedCall[], isPaused: boolean): RunState {
  const { run, tasksMade, undelivered, round, queue, queueIndex, stopStep } = scheduler;
  const { limits, scheduled, nextActor, meter, exactSlices } = run;
  const { steps, allocBytes } = meter;
  return {
    isPaused,
    limits,
    scheduled,
    steps,
    allocBytes,
    nextActor,
    tasksMade,
    round,
    sliceEnd: exactSlices ? stopStep : Number.isFinite(run.sliceEnd) ? run.sliceEnd : steps,
    tasks: [...scheduler.tasks.values()],
    queue: queue.slice(queueIndex),
    undelivered,
    openCalls,
  };
}

/** Runs `body` and returns its result. If a trap ends the run, returns that end. */
export function runToTrap(scheduler: Scheduler, body: () => MachineEnd | Wait): MachineEnd | Wait {
  const { host } = scheduler.run;
  // `enter` and `leave` tell the host when the machine uses the thread.
  host.enter?.();
  try {
    return body();
  } catch (error) {
    if (error instanceof RunTrap) return trappedEnd(scheduler, error.trap, error.task, error.callStack);
    if (error instanceof MachineTrap) return trappedEnd(scheduler, error, scheduler.tasks.get(0));
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
  { run, tasks, tasksMade }: Scheduler,
  trap: MachineTrap,
  task: Actor | undefined,
  stack?: readonly SourceLocation[],
): MachineEnd {
  run.flow?.endRun(trap.kind);
  return {
    status: "trapped",
    trap: {
      kind: trap.kind,
      message: trap.message,
      stack: stack ?? (task === undefined ? [] : stackOf(run, tasks, task)),
      step: run.meter.steps,
      actorId: task === undefined ? 0 : ownerOf(tasks, task).id,
      ...trap.detail,
    },
    steps: run.meter.steps,
    allocBytes: run.meter.allocBytes,
    actors: Math.max(1, tasksMade),
    unreceived: unreceivedFailures(tasks),
  };
}

/** Runs tasks until the run ends or has to wait. If the run waits for the answer of a call, `answer` is that answer. */
export function advance(scheduler: Scheduler, answer?: CapabilityAnswer): MachineEnd | Wait {
  const { run } = scheduler;
  let resumeWith = answer;
  if (scheduler.awaitsOpenCall && resumeWith !== undefined) {
    giveAnswer(scheduler, resumeWith);
    resumeWith = undefined;
    beginRound(scheduler);
  }
  for (;;) {
    while (scheduler.queueIndex < scheduler.queue.length) {
      const task = scheduler.tasks.get(expectDefined(scheduler.queue[scheduler.queueIndex]));
      // The task may have failed with another one since the round began.
      if (task?.status === "runnable") {
        if (!scheduler.inSlice) beginSlice(scheduler, task);
        const signal = runSlice(scheduler, task, resumeWith);
        resumeWith = undefined;
        if (signal instanceof Promise) return signal;
        if (signal === "yielded" && !(run.exactSlices && run.meter.steps >= scheduler.stopStep)) {
          if (run.meter.steps >= scheduler.pauseStep && task.depth > 0) return PAUSED;
          setPausePoint(scheduler);
          const pause = run.host.pause?.();
          if (pause !== undefined) return pause;
          continue;
        }
        scheduler.inSlice = false;
        endSlice(scheduler, task, signal);
      }
      scheduler.queueIndex += 1;
      if (scheduler.queueIndex % SLICES_PER_PAUSE > 0) continue;
      const pause = run.host.pause?.();
      if (pause !== undefined) return pause;
    }
    const deliveryPause = scheduler.round < 0 ? undefined : deliver(scheduler);
    if (deliveryPause !== undefined) return deliveryPause.then(() => undefined);
    const wait = takeAnswer(scheduler);
    if (wait !== undefined) return wait;
    const end = nextRound(scheduler);
    if (end !== undefined) return end;
    const pause = run.host.pause?.();
    if (pause !== undefined) return pause;
  }
}

/** Takes the answer of the earliest open call, if it is due. Returns a promise if the run has to wait for the answer. */
function takeAnswer(scheduler: Scheduler): Wait | undefined {
  const { run, runnable } = scheduler;
  const earliest = run.openCalls[0];
  const isDue = earliest !== undefined && (runnable.size === 0 || run.meter.steps - earliest.step >= MACHINE_LIMITS.taskSliceSteps);
  if (!isDue) return undefined;
  scheduler.awaitsOpenCall = true;
  const reply = earliest.call.answer();
  if (reply === "suspend") return SUSPEND_PROMISE;
  if (reply instanceof Promise) return reply.then(answerOfReply);
  giveAnswer(scheduler, reply);
  return undefined;
}

const answerOfReply = (reply: CallReply): CapabilityAnswer => (reply === "suspend" ? SUSPEND_ANSWER : reply);

/** Gives the earliest open call its answer. If the task has failed, the answer is dropped, unless the answer ends the run. */
function giveAnswer(scheduler: Scheduler, answer: CapabilityAnswer): void {
  const { run, tasks, runnable } = scheduler;
  scheduler.awaitsOpenCall = false;
  const open = expectDefined(run.openCalls.shift());
  const task = tasks.get(open.task);
  if (task?.status !== "waiting") {
    if (!answer.ok && RUN_ENDING.has(answer.trap)) throw new RunTrap(new MachineTrap(answer.trap, answer.message), task);
    return;
  }
  task.status = "runnable";
  runnable.add(task.id);
  try {
    applyAnswer(run, task, answer);
  } catch (error) {
    failActor(scheduler, task, actorTrap(error, task, ownerOf(tasks, task)));
  }
}

/** Begins the next round. Returns the end of the run if no task is runnable, and no message or answer is on its way. */
function nextRound(scheduler: Scheduler): MachineEnd | undefined {
  const main = expectDefined(scheduler.tasks.get(0));
  beginRound(scheduler);
  if (scheduler.queue.length > 0 || scheduler.undelivered.length > 0 || scheduler.run.openCalls.length > 0) return undefined;
  if (main.status === "completed") return completedEnd(scheduler, main);
  throw new RunTrap(new MachineTrap("deadlock", "deadlock: all actors blocked with no pending messages"), main);
}

function beginRound(scheduler: Scheduler): void {
  if (scheduler.run.exactSlices || scheduler.round < 0) scheduler.round += 1;
  scheduler.queue = [...scheduler.runnable];
  if (scheduler.queue.length > 1) scheduler.queue.sort((a, b) => a - b);
  scheduler.queueIndex = 0;
}

function beginSlice(scheduler: Scheduler, task: Actor): void {
  const { run } = scheduler;
  scheduler.inSlice = true;
  if (run.scheduled) run.nextActor = scheduler.tasksMade;
  if (run.overlaps) run.sliceEnd = run.meter.steps + MACHINE_LIMITS.taskSliceSteps;
  setPausePoint(scheduler);
  if (!run.exactSlices) return;
  const tick = { type: "SchedulerTick", round: scheduler.round, active_actor: task.id } as const;
  logAt(run, tick, task, () => locationsOf(run.program, task, true));
  // The Rust machine uses the last step of a slice to notice that the slice has ended.
  scheduler.stopStep = run.meter.steps + MACHINE_LIMITS.sliceSteps - 1;
}

function setPausePoint(scheduler: Scheduler): void {
  const { run } = scheduler;
  if (run.exactSlices) return;
  const { meter } = run;
  scheduler.stopStep =
    meter.steps + Math.min(meter.pauseSteps(), run.callsSincePause > MANY_CALLS ? CALLING_PAUSE_STEPS : Number.POSITIVE_INFINITY);
  run.latePauses?.hasPaused();
  run.callsSincePause = 0;
}

function runSlice(scheduler: Scheduler, task: Actor, answer: CapabilityAnswer | undefined): Signal | MachineTrap {
  const { run, engine, tasks } = scheduler;
  try {
    if (answer !== undefined) applyAnswer(run, task, answer);
    return interpret(run, task, Math.min(scheduler.stopStep, scheduler.pauseStep), engine);
  } catch (error) {
    return actorTrap(error, task, ownerOf(tasks, task));
  }
}

/**
 * Delivers the waiting messages and makes their blocked receivers runnable. The order is by target, then by sender, then as
 * sent. Delivery can take long, so the host may pause the run after each message. If it does, `deliver` returns a promise and
 * must be called again after that.
 */
function deliver(scheduler: Scheduler): Promise<void> | undefined {
  const { run, tasks, undelivered } = scheduler;
  if (undelivered.length > 1) undelivered.sort((a, b) => (a.to < b.to ? -1 : a.to > b.to ? 1 : a.from - b.from));
  for (let message = undelivered[scheduler.delivered]; message !== undefined; message = undelivered[scheduler.delivered]) {
    const target = tasks.get(Number(message.to));
    const receiver = target?.branch === undefined && target?.status !== "failed" ? target : undefined;
    logMessage(run, tasks, message, receiver);
    if (receiver !== undefined) {
      receiver.mailbox.push(message);
      if (receiver.status === "blocked") {
        receiver.status = "runnable";
        scheduler.runnable.add(receiver.id);
      }
    }
    scheduler.delivered += 1;
    const pause = run.host.pause?.();
    if (pause !== undefined) return pause;
  }
  empty(undelivered);
  scheduler.delivered = 0;
  return undefined;
}

function completedEnd(scheduler: Scheduler, main: Actor): MachineEnd {
  const { run, tasks, tasksMade } = scheduler;
  try {
    checkSerializable(main.result);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    const kind = error.kind === "value.not_portable" ? "type_error" : error.kind === "value.too_deep" ? "invalid_value" : "alloc_limit";
    throw new RunTrap(new MachineTrap(kind, error.message), main);
  }
  run.flow?.endRun(undefined);
  return {
    status: "completed",
    value: main.result,
    steps: run.meter.steps,
    allocBytes: run.meter.allocBytes,
    actors: tasksMade,
    unreceived: unreceivedFailures(tasks),
  };
}
