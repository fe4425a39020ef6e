/** The traps that end a run, and the call stacks that they report. */
import type { SourceLocation } from "../bytecode/module.ts";
import type { RunEvent } from "../events.ts";
import { type Actor, type Frames, locationsOf, type Tasks, type UndeliveredMessage } from "../interpreter/actor.ts";
import { HostTrap, logEvent, type Run, RUN_ENDING } from "../interpreter/host-calls.ts";
import { MachineTrap } from "../meter.ts";

/** A trap that ends the run. It comes from a task or from the scheduler itself. */
export class RunTrap extends Error {
  override readonly name: string = "RunTrap";
  readonly trap: MachineTrap;
  readonly task: Actor | undefined;
  /** The call stack to report, if it is not the task's current one. */
  readonly callStack: readonly SourceLocation[] | undefined;
  constructor(trap: MachineTrap, task: Actor | undefined, callStack?: readonly SourceLocation[]) {
    super(trap.message);
    this.trap = trap;
    this.task = task;
    this.callStack = callStack;
  }
}

/**
 * Returns the trap that a task threw, if only the task's actor fails with it. Throws `RunTrap` if the trap ends the run. Throws any other
 * error as `asRunTrap` returns it. `owner` is the task's actor.
 */
export function actorTrap(error: unknown, task: Actor, owner: Actor): MachineTrap {
  if (!(error instanceof MachineTrap)) throw asRunTrap(error, task);
  if (error instanceof HostTrap || RUN_ENDING.has(error.kind) || owner.id === 0) throw new RunTrap(error, task);
  return error;
}

/**
 * Returns a `RangeError` as a trap that ends the run, and any other error unchanged. A `RangeError` means that V8 ran out of
 * stack or memory. The program must not be able to handle that.
 */
function asRunTrap(error: unknown, task: Actor): unknown {
  return error instanceof RangeError ? new RunTrap(new MachineTrap("internal", error.message), task) : error;
}

/** Logs an event of the scheduler. If the host stops the run at this event, the trap has the call stack that `where` returns. */
export function logAt(run: Run, event: RunEvent, task: Actor | undefined, where: () => readonly SourceLocation[]): void {
  try {
    logEvent(run, event);
  } catch (error) {
    throw stoppedAt(error, task, where);
  }
}

/** Logs the events of a message that is delivered. `receiver` is undefined if nobody gets it. */
export function logMessage(run: Run, tasks: Tasks, message: UndeliveredMessage, receiver: Actor | undefined): void {
  const { from, to, payload } = message;
  let task: Actor | undefined;
  try {
    logEvent(run, { type: "MessageSend", from, to: Number(to), payload });
    task = receiver;
    if (receiver !== undefined) logEvent(run, { type: "MessageReceive", actor_id: receiver.id, payload });
  } catch (error) {
    throw stoppedAt(error, task ?? tasks.get(from), () => messageLocations(run, message, task));
  }
}

/** Returns what to throw if `logEvent` threw `error`. */
const stoppedAt = (error: unknown, task: Actor | undefined, where: () => readonly SourceLocation[]): unknown =>
  error instanceof HostTrap ? new RunTrap(error, task, where()) : error;

export const locationsOfFrames = (run: Run, frames: Frames | undefined): readonly SourceLocation[] =>
  frames === undefined ? [] : locationsOf(run.program, frames, /* atNext */ false);

/** Returns the call stack of the receiver of a message if it has one, else that of the sender at the send. */
const messageLocations = (run: Run, { sentAt }: UndeliveredMessage, receiver: Actor | undefined): readonly SourceLocation[] =>
  receiver !== undefined && receiver.depth > 0 ? locationsOf(run.program, receiver, true) : locationsOfFrames(run, sentAt);

/** The maximum number of locations in the call stack of a trap. */
const MAX_LOCATIONS = 64;

/** Returns the call stack of a task. The call stack of a branch continues with that of the task that waits for the branch. */
export function stackOf(run: Run, tasks: Tasks, task: Actor): readonly SourceLocation[] {
  const locations = [...locationsOf(run.program, task, task.status === "blocked")];
  let inner = task;
  while (inner.branch !== undefined && locations.length < MAX_LOCATIONS) {
    const outer = tasks.get(inner.parent);
    if (outer === undefined) break;
    locations.push(...locationsOf(run.program, outer, false));
    inner = outer;
  }
  return locations.slice(0, MAX_LOCATIONS);
}
