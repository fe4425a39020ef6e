/**
 * A run for a debugger. It goes on to a chosen step and pauses there, before an instruction. Its state can be saved and restored.
 * Pauses change nothing: result, steps, allocation and calls are those of a run that never pauses. Only the interpreter executes it.
 *
 * The position of a paused run is its number of steps. No two instructions of a run are executed at the same number, because each counts
 * at least one step. An instruction that charges for work counts several steps, so some numbers are not positions. A run that should go to
 * such a number pauses at the next position.
 */
import type { MachineEnd, Program } from "../bytecode/program.ts";
import { BorunaError } from "../error.ts";
import type { Host, OpenCall } from "../host.ts";
import type { Actor, Tasks } from "../interpreter/actor.ts";
import type { Watch } from "../interpreter/host-calls.ts";
import { decodeState, encodeState } from "../snapshot/snapshot.ts";
import type { SavedCall } from "../snapshot/state-writer.ts";
import { loadElementaryFunctions } from "../value/elementary.ts";
import {
  advance,
  type MachineOptions,
  meterFor,
  mustLoad,
  newScheduler,
  PAUSED,
  restoredScheduler,
  runToTrap,
  type Scheduler,
  stateOf,
} from "./scheduler.ts";
import { startMain } from "./tasks.ts";

/** A host that answers every call at once, and never pauses the run itself. */
export type ImmediateHost = Omit<Host, "pause" | "flow">;

const INTERPRETED = { engine: "interpreter" } as const;

/** Loads what the program needs. Call it once before its runs are made. */
export async function prepare(program: Program): Promise<void> {
  if (mustLoad(program)) await loadElementaryFunctions();
}

export class PausableRun {
  readonly #scheduler: Scheduler;
  #end: MachineEnd | undefined;

  private constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Starts a run and pauses it before its first instruction. */
  static start(program: Program, host: ImmediateHost, { limits, args }: Pick<MachineOptions, "limits" | "args">): PausableRun {
    const { usesActors: scheduled } = program;
    const scheduler = newScheduler({ program, host, limits, scheduled, meter: meterFor(limits), options: INTERPRETED });
    const run = new PausableRun(scheduler);
    run.#advance(0, () => startMain(scheduler, args));
    return run;
  }

  /** Restores the run from the bytes that `state` returned. Calls `openCall` for each open call, oldest first. Throws `state.…`. */
  static restore(program: Program, host: ImmediateHost, state: Uint8Array, openCall: (held: SavedCall) => OpenCall): PausableRun {
    const decoded = decodeState(program, state);
    if (!decoded.isPaused) throw new BorunaError("state.form", "the state of a run that is not paused");
    const scheduler = restoredScheduler(program, host, decoded, INTERPRETED, openCall);
    scheduler.inSlice = true;
    return new PausableRun(scheduler);
  }

  /** How the run has ended; undefined while it is paused. */
  get end(): MachineEnd | undefined {
    return this.#end;
  }
  /** The number of steps so far. */
  get step(): number {
    return this.#scheduler.run.meter.steps;
  }
  get allocBytes(): number {
    return this.#scheduler.run.meter.allocBytes;
  }
  get tasks(): Tasks {
    return this.#scheduler.tasks;
  }
  /** The task whose instruction is next. Undefined at the end. */
  get current(): Actor | undefined {
    const { tasks, queue, queueIndex } = this.#scheduler;
    return this.#end === undefined ? tasks.get(queue[queueIndex] ?? -1) : undefined;
  }

  /** Goes on to the first position at or after `step`, or to the end. `watch` sees the instructions on the way. Throws what the host throws. */
  runTo(step: number, watch?: Watch): void {
    if (this.#end !== undefined || step <= this.step) return;
    this.#scheduler.run.watch = watch;
    this.#advance(step, () => undefined);
  }

  #advance(step: number, begin: () => void): void {
    const scheduler = this.#scheduler;
    scheduler.pauseStep = step;
    const out = runToTrap(scheduler, () => {
      begin();
      return advance(scheduler);
    });
    if (out === PAUSED) return;
    if (out instanceof Promise) throw new BorunaError("internal", "the host of a paused run answered later");
    this.#end = out;
  }

  /** Returns the state of the paused run. Throws `state.too_large`. */
  state(): Uint8Array {
    const scheduler = this.#scheduler;
    const openCalls = scheduler.run.openCalls.map((call) => ({ task: call.task, step: call.step, answer: undefined }));
    return encodeState(scheduler.run.program, stateOf(scheduler, openCalls, true));
  }
}
