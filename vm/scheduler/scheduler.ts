/**
 * A run: the actor scheduler and the loop that drives it. Rounds: every runnable actor, in id order, runs a slice; then
 * pending messages are delivered and blocked actors with mail wake. A run without actors is the root alone, in one slice.
 */
import { Engine, type EngineChoice } from "../compiled/engine.ts";
import { type Actor, type Frames, newActor, type PendingMessage, placesOf, release, unreceivedFailures } from "../interpreter/actor.ts";
import { BYTES, UNITS } from "../cost.ts";
import { HostTrap, log, poll, type Run, RUN_ENDING, settle, SUSPENDED, SUSPENSION } from "../interpreter/host-calls.ts";
import { BorunaError } from "../error.ts";
import type { RunEvent } from "../events.ts";
import type { CapabilityAnswer, Host, SuspendingHost } from "../host.ts";
import { type Limits, LOG_NOT_CHARGED, MACHINE_LIMITS } from "../limits.ts";
import { pushFrame } from "../interpreter/frames.ts";
import { interpret, type Signal } from "../interpreter/interpreter.ts";
import { MachineTrap, Meter } from "../meter.ts";
import type { CodePlace } from "../bytecode/module.ts";
import { present } from "../interpreter/operations.ts";
import { checkSerializable } from "../value/serializable.ts";
import type { MachineEnd, Program } from "../bytecode/program.ts";
import { reserveSlots, setSlot, trimSlots } from "../interpreter/stack-slots.ts";
import { decodeState, encodeState } from "../snapshot/snapshot.ts";
import { Stacks } from "../interpreter/saved-stacks.ts";
import { ErrValue, UNIT, type Value } from "../value/value.ts";

export interface MachineOptions {
  readonly limits: Limits;
  /** The entry's arguments; missing ones are Unit, extra ones dropped. */
  readonly args: readonly Value[];
  /** Whether the scheduler runs; `program.usesActors` unless said. */
  readonly actors?: boolean;
  /** Which engines may run the program; the results are the same. Default: auto. A traced run is interpreted. */
  readonly engine?: EngineChoice;
  /** One line for each instruction about to be executed. */
  readonly trace?: (line: string) => void;
}

export interface ResumeOptions {
  /** The highest limits to accept from the state; a higher one is `state.limits`. Default: whatever it says. */
  readonly limits?: Limits;
  /** As in `MachineOptions`. */
  readonly engine?: EngineChoice;
  readonly trace?: (line: string) => void;
}

/** A run that waits for the answer of a call, written down. It may be resumed any number of times, each from here. */
export interface Suspended {
  readonly status: "suspended";
  /** For `resumeMachine`. */
  readonly state: Uint8Array;
  readonly steps: number;
  readonly allocBytes: number;
  readonly actors: number;
}

/** The state of the scheduler: plain data, like that of the actors. */
interface System {
  readonly run: Run;
  readonly engine: Engine | undefined;
  readonly actors: Actor[];
  pending: PendingMessage[];
  /** Messages of `pending` that this round has delivered so far. */
  delivered: number;
  /** From 0; -1 before the first. In each some actor makes a step or ends, so steps bound them. */
  round: number;
  /** Ids of all runnable actors, so that a round costs nothing for those that wait. */
  readonly runnable: Set<number>;
  /** Actors of this round in id order, and how many have had their turn. */
  queue: number[];
  turn: number;
  /** The step at which the slice of the actor whose turn it is ends. */
  sliceEnd: number;
  /** Of all actors, as `Actor.held`. */
  held: number;
}

/** What the run waits for: a call's answer, or nothing where the host only wants a turn. */
type Suspension = Promise<CapabilityAnswer | undefined>;

/** Steps of a program without actors between two chances for the host to have a turn. */
const UNSCHEDULED_SLICE_STEPS = 100_000;

/** Runs a program to its end. A promise only where some host call gave one. */
export function runMachine(program: Program, host: Host, options: MachineOptions): MachineEnd | Promise<MachineEnd> {
  const end = startMachine(program, host, options);
  return end instanceof Promise ? end.then(neverSuspended) : neverSuspended(end);
}

function neverSuspended(end: MachineEnd | Suspended): MachineEnd {
  if (end.status === "suspended") throw new BorunaError("internal", "the host suspended a run that was not started by startMachine");
  return end;
}

/**
 * Runs a program until it ends or the host suspends it by answering a call with "suspend". The answer is then given to
 * `resumeMachine`, in this process or another. Throws `state.too_large` where the state is too large to be written.
 */
export function startMachine(
  program: Program,
  host: SuspendingHost,
  options: MachineOptions,
): MachineEnd | Suspended | Promise<MachineEnd | Suspended> {
  const { limits } = options;
  const scheduled = options.actors ?? program.usesActors;
  const run: Run = {
    program,
    host,
    limits,
    meter: meterFor(limits),
    scheduled,
    trace: options.trace,
    stacks: stacksFor(host),
    // Outside a system the older machine counts spawned actors from 0.
    nextActor: scheduled ? 1 : 0,
    nextPoll: 0,
  };
  meterAsks(run);
  const engine = engineFor(program, options);
  const system: System = {
    run,
    engine,
    actors: [],
    pending: [],
    delivered: 0,
    round: -1,
    runnable: new Set([0]),
    queue: [],
    turn: 0,
    sliceEnd: Number.POSITIVE_INFINITY,
    held: 0,
  };
  return drive(system, () => {
    system.actors.push(createActor(run, 0, -1, program.module.entry, options.args));
    return advance(system);
  });
}

/**
 * Goes on with a suspended run of the same module, under the limits it was started with, as if the call it waits at had
 * just been answered with `answer`: value, steps, allocation and events are those of a run that was never suspended.
 * The bytes must come from a trusted store: forged ones can be any state of the program (see `snapshot.ts`).
 * Throws, besides what `startMachine` throws, the `state.…` errors of `decodeState`.
 */
export function resumeMachine(
  program: Program,
  host: SuspendingHost,
  state: Uint8Array,
  answer: CapabilityAnswer,
  options: ResumeOptions = {},
): MachineEnd | Suspended | Promise<MachineEnd | Suspended> {
  const { limits, scheduled, steps, allocBytes, nextActor, actors, pending, round, queue, sliceEnd } = decodeState(
    program,
    state,
    options.limits,
  );
  const meter = meterFor(limits);
  meter.steps = steps;
  meter.allocBytes = allocBytes;
  const run: Run = { program, host, limits, meter, scheduled, trace: options.trace, stacks: stacksFor(host), nextActor, nextPoll: 0 };
  meterAsks(run);
  const engine = engineFor(program, options);
  const runnable = new Set(actors.filter((actor) => actor.status === "runnable").map((actor) => actor.id));
  const system: System = {
    run,
    engine,
    actors: [...actors],
    pending: [...pending],
    delivered: 0,
    round,
    runnable,
    queue: [...queue],
    turn: 0,
    sliceEnd,
    held: 0,
  };
  for (const actor of system.actors) {
    actor.held = heldBy(actor, slotsOf(program, actor));
    system.held += actor.held;
  }
  return drive(system, () => advance(system, answer));
}

const stacksFor = (host: SuspendingHost): Stacks | undefined => (host.locatesEvents === true ? new Stacks() : undefined);

function meterFor(limits: Limits): Meter {
  const meter = new Meter(limits.max_steps, limits.max_alloc_bytes);
  if (limits.max_log_bytes === LOG_NOT_CHARGED) meter.loggedUnit = 0;
  return meter;
}

function meterAsks(run: Run): void {
  run.meter.interrupt = () => poll(run);
}

function engineFor(program: Program, { engine, trace }: { readonly engine?: EngineChoice; readonly trace?: unknown }): Engine | undefined {
  return trace === undefined ? Engine.for(program, engine ?? "auto") : undefined;
}

function drive(system: System, begin: () => MachineEnd | Suspension): MachineEnd | Suspended | Promise<MachineEnd | Suspended> {
  const first = guarded(system, begin);
  if (first === SUSPENSION) return suspended(system);
  return first instanceof Promise ? driveAsync(system, first) : first;
}

/** One loop over all the promises of a run, so that they do not pile up. */
async function driveAsync(system: System, first: Suspension): Promise<MachineEnd | Suspended> {
  let pending = first;
  for (;;) {
    const answer = await pending;
    if (answer === SUSPENDED) return suspended(system);
    const next = guarded(system, () => advance(system, answer));
    if (!(next instanceof Promise)) return next;
    pending = next;
  }
}

function suspended({ run, actors, pending, round, queue, turn, sliceEnd }: System): Suspended {
  const { program, limits, scheduled, nextActor, meter } = run;
  const { steps, allocBytes } = meter;
  const left = queue.slice(turn);
  const state = encodeState(program, { limits, scheduled, steps, allocBytes, nextActor, round, sliceEnd, actors, queue: left, pending });
  return { status: "suspended", state, steps, allocBytes, actors: actors.length };
}

/** A trap that ends the run, thrown outside any actor's own execution or passed on from one. */
class RunTrap extends Error {
  override readonly name: string = "RunTrap";
  readonly trap: MachineTrap;
  readonly actor: Actor | undefined;
  /** Where the trap arose, if that is not where the actor stands. */
  readonly places: readonly CodePlace[] | undefined;
  constructor(trap: MachineTrap, actor: Actor | undefined, places?: readonly CodePlace[]) {
    super(trap.message);
    this.trap = trap;
    this.actor = actor;
    this.places = places;
  }
}

/** Logs an event that no instruction of the running actor makes; where the host stops the run at it, `where` tells the place. */
function logAt(run: Run, event: RunEvent, actor: Actor | undefined, where: () => readonly CodePlace[]): void {
  try {
    log(run, event);
  } catch (error) {
    if (error instanceof HostTrap) throw new RunTrap(error, actor, where());
    throw error;
  }
}

const placesAt = (run: Run, frames: Frames | undefined): readonly CodePlace[] =>
  frames === undefined ? [] : placesOf(run.program, frames, false);

function guarded(system: System, body: () => MachineEnd | Suspension): MachineEnd | Suspension {
  try {
    return body();
  } catch (error) {
    if (error instanceof RunTrap) return trapped(system, error.trap, error.actor, error.places);
    if (error instanceof MachineTrap) return trapped(system, error, system.actors[0]);
    throw error;
  }
}

function trapped({ run, actors }: System, trap: MachineTrap, actor: Actor | undefined, places?: readonly CodePlace[]): MachineEnd {
  return {
    status: "trapped",
    trap: {
      kind: trap.kind,
      message: trap.message,
      stack: places ?? (actor === undefined ? [] : placesOf(run.program, actor, actor.status === "blocked")),
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
  pushFrame(run, actor, present(run.program.functions[functionIndex]), 0, args.length);
  return actor;
}

/** Goes on until the run ends or an actor waits for the host. `answer` is for the actor whose turn it is. */
function advance(system: System, answer?: CapabilityAnswer): MachineEnd | Suspension {
  let resumeWith = answer;
  for (;;) {
    while (system.turn < system.queue.length) {
      const actor = present(system.actors[present(system.queue[system.turn])]);
      // One that failed with an ancestor since the round began has no turn.
      if (actor.status === "runnable") {
        if (resumeWith === undefined) beginSlice(system, actor);
        const signal = runSlice(system, actor, resumeWith);
        resumeWith = undefined;
        if (signal instanceof Promise) return signal;
        endSlice(system, actor, signal);
      }
      system.turn += 1;
    }
    const rest = system.round < 0 ? undefined : deliver(system);
    if (rest !== undefined) return rest.then(() => undefined);
    const end = nextRound(system);
    if (end !== undefined) return end;
    const pause = system.run.host.pause?.();
    if (pause !== undefined) return pause.then(() => undefined);
  }
}

/** Chooses who runs. An end when nobody can and nothing is on its way. */
function nextRound(system: System): MachineEnd | undefined {
  const root = present(system.actors[0]);
  system.round += 1;
  system.queue = [...system.runnable].sort((a, b) => a - b);
  system.turn = 0;
  if (system.queue.length === 0 && system.pending.length === 0) {
    if (root.status === "completed") return completed(system, root);
    throw new RunTrap(new MachineTrap("deadlock", "deadlock: all actors blocked with no pending messages"), root);
  }
  return undefined;
}

function beginSlice(system: System, actor: Actor): void {
  const { run } = system;
  if (!run.scheduled) {
    system.sliceEnd = run.meter.steps + UNSCHEDULED_SLICE_STEPS;
    return;
  }
  const tick = { type: "SchedulerTick", round: system.round, active_actor: actor.id } as const;
  logAt(run, tick, actor, () => placesOf(run.program, actor, true));
  run.nextActor = system.actors.length;
  // The older machine spends the last step of a slice on noticing its end.
  system.sliceEnd = run.meter.steps + MACHINE_LIMITS.sliceSteps - 1;
}

function runSlice(system: System, actor: Actor, answer: CapabilityAnswer | undefined): Signal | MachineTrap {
  try {
    if (answer !== undefined) settle(system.run, actor, answer);
    return interpret(system.run, actor, system.sliceEnd, system.engine);
  } catch (error) {
    if (!(error instanceof MachineTrap)) throw asRunTrap(error, actor);
    if (error instanceof HostTrap || RUN_ENDING.has(error.kind) || actor.id === 0) throw new RunTrap(error, actor);
    return error;
  }
}

/** An exhausted host (`RangeError`) is a fault of ours that the program must not see as anything else. */
function asRunTrap(error: unknown, actor: Actor): unknown {
  return error instanceof RangeError ? new RunTrap(new MachineTrap("internal", error.message), actor) : error;
}

function endSlice(system: System, actor: Actor, signal: "done" | "blocked" | "yielded" | MachineTrap): void {
  if (signal instanceof MachineTrap) {
    failActor(system, actor, signal);
    return;
  }
  if (signal === "done") actor.status = "completed";
  else if (signal === "blocked") actor.status = "blocked";
  if (signal !== "yielded") system.runnable.delete(actor.id);
  if (!system.run.scheduled) return;
  hold(system, actor);
  collect(system, actor);
}

/** What any of its frames may still use: an outer one can have more operands than all that was called from it. */
function slotsOf(program: Program, actor: Actor): number {
  let slots = actor.depth === 0 ? 0 : actor.sp;
  for (let i = 0; i < actor.depth; i++) {
    const fn = present(program.functions[actor.frameFunction[i] ?? 0]);
    slots = Math.max(slots, (actor.frameBase[i] ?? 0) + fn.def.locals + fn.maxStack);
  }
  return slots;
}

/** Slots that a frame counts for beside its own. */
const FRAME_ROOM = 4;

const heldBy = (actor: Actor, slots: number): number => slots + FRAME_ROOM * actor.depth + actor.globals.length;

/**
 * Counts what an actor needs until its next slice, and takes away the room that it does not need. Nobody is charged for
 * stacks, so all together are bounded; here, where what an actor needs is the same on every engine.
 * Looking at its frames is charged, since it may have many and a slice may be short.
 */
function hold(system: System, actor: Actor): void {
  const { program, meter } = system.run;
  const before = actor.held;
  if (actor.status === "completed" || actor.status === "failed") release(actor);
  chargeTurn(meter, actor);
  const slots = slotsOf(program, actor);
  // One more: a call's result is put down before an irregular caller makes room.
  trimSlots(actor, slots + 1);
  actor.held = heldBy(actor, slots);
  system.held += actor.held - before;
  if (system.held > MACHINE_LIMITS.actorSlots) {
    const message = `the actors hold more than ${MACHINE_LIMITS.actorSlots} slots of stacks and globals together`;
    throw new RunTrap(new MachineTrap("alloc_limit", message), actor);
  }
}

function chargeTurn(meter: Meter, actor: Actor): void {
  try {
    meter.charge(actor.depth * UNITS.value);
  } catch (error) {
    throw error instanceof MachineTrap ? new RunTrap(error, actor) : error;
  }
}

/** What the actor spawned and sent in its slice. */
function collect(system: System, actor: Actor): void {
  const { run, actors } = system;
  const { spawned, sent, spawnedAt } = actor;
  dropEffects(actor);
  for (const [i, functionIndex] of spawned.entries()) {
    const id = actors.length;
    const spawn = { type: "ActorSpawn", actor_id: id, function: run.program.module.functions[functionIndex]?.name ?? "?" } as const;
    logAt(run, spawn, actor, () => placesAt(run, spawnedAt[i]));
    const child = createActor(run, id, actor.id, functionIndex, []);
    actors.push(child);
    system.runnable.add(id);
    actor.children.push(id);
    hold(system, child);
  }
  for (const { to, payload, sentAt } of sent) system.pending.push({ from: actor.id, to, payload, sentAt });
}

function dropEffects(actor: Actor): void {
  actor.spawned = [];
  actor.sent = [];
  actor.spawnedAt = [];
}

/** The actor and its descendants fail; its parent gets the reason as a message. */
function failActor(system: System, actor: Actor, trap: MachineTrap): void {
  const { meter } = system.run;
  dropEffects(actor);
  const sentAt = system.run.stacks?.keep(actor);
  const failing = [actor];
  for (let next = failing.pop(); next !== undefined; next = failing.pop()) {
    next.status = "failed";
    system.runnable.delete(next.id);
    hold(system, next);
    for (const child of next.children) failing.push(present(system.actors[child]));
  }
  meter.allocate(BYTES.message + BYTES.wrapper);
  meter.allocateString(trap.message.length);
  system.pending.push({ from: actor.id, to: actor.parent, payload: new ErrValue(trap.message), sentAt });
}

/**
 * Delivers in the order (target, sender), stable in sending order, and wakes actors with mail. Messages can be long and
 * many, so the host is asked after each whether it wants a turn: then the result is a promise, after which this must be
 * called again.
 */
function deliver(system: System): Promise<void> | undefined {
  const { run, actors, pending } = system;
  pending.sort((a, b) => (a.to < b.to ? -1 : a.to > b.to ? 1 : a.from - b.from));
  for (let message = pending[system.delivered]; message !== undefined; message = pending[system.delivered]) {
    const { from, to, payload, sentAt } = message;
    const target = actors[Number(to)];
    logAt(run, { type: "MessageSend", from, to: Number(to), payload }, actors[from], () => placesAt(run, sentAt));
    if (target !== undefined && target.status !== "failed") {
      // Where it waits, or goes on; one that has ended receives nowhere, and the sender must do.
      const received = (): readonly CodePlace[] => (target.depth > 0 ? placesOf(run.program, target, true) : placesAt(run, sentAt));
      logAt(run, { type: "MessageReceive", actor_id: target.id, payload }, target, received);
      target.mailbox.push({ from, payload });
      if (target.status === "blocked") {
        target.status = "runnable";
        system.runnable.add(target.id);
      }
    }
    system.delivered += 1;
    const turn = run.host.pause?.();
    if (turn !== undefined) return turn;
  }
  system.pending = [];
  system.delivered = 0;
  return undefined;
}

function completed(system: System, root: Actor): MachineEnd {
  const { run, actors } = system;
  try {
    checkSerializable(root.result);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    const kind = error.kind === "value.not_portable" ? "type_error" : error.kind === "value.too_deep" ? "invalid_value" : "alloc_limit";
    throw new RunTrap(new MachineTrap(kind, error.message), root);
  }
  return {
    status: "completed",
    value: root.result,
    steps: run.meter.steps,
    allocBytes: run.meter.allocBytes,
    actors: actors.length,
    unreceived: unreceivedFailures(actors),
  };
}
