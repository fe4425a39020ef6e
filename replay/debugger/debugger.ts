/**
 * The debugger for recorded runs. It repeats a run with the answers of its log. At any time it is at one place of the run: before an
 * instruction, or after the end. `move` goes to another place, forward or back. All other methods show the state of the run at that place.
 *
 *     const debug = await Debugger.open(fileSource("run.jsonl"));
 *     await debug.move("over");
 *     debug.stack(debug.task);    // frames with source locations
 *     await debug.move("back");   // the state before
 *
 * The engine is the interpreter (`vm/scheduler/pausable.ts`) behind the gateway (`recorded-run.ts`). `timeline.ts` finds places and goes back
 * by snapshots. `setAnswer` replaces a recorded answer, which makes the rest of the run a what-if. The log is never written, and no call
 * reaches the outside world.
 */
import type { CapabilityDecl } from "../../vm/capabilities.ts";
import type { Program, VerifiedFunction } from "../../vm/bytecode/program.ts";
import { BorunaError } from "../../vm/error.ts";
import { type Actor, hasEnded, type Tasks } from "../../vm/interpreter/actor.ts";
import { slotValue } from "../../vm/interpreter/stack-slots.ts";
import type { JsonData } from "../../vm/json/json.ts";
import type { Value } from "../../vm/value/value.ts";
import type { LogSource } from "../log/log-source.ts";
import { readAnswer } from "../recorded-calls.ts";
import type { ReplayLimits } from "../replay-limits.ts";
import { LineTable } from "./line-table.ts";
import { type Edits, openRecording, type RecordedRun, type Recording } from "./recorded-run.ts";
import { type Hit, type Stop, Timeline, type TimelineOptions } from "./timeline.ts";
import { endOfRun, type EndView, type FrameView, framesOf, type NextCallView, nextCallOf, type TaskView, tasksOf } from "./views.ts";

export interface DebuggerOptions extends TimelineOptions {
  /** Limits on each run of the program, as for a replay. */
  readonly limits?: ReplayLimits | undefined;
}

/** Whether a condition holds. `local` returns the value of a local by its name. Throws `BorunaError` if it cannot be evaluated. */
export type Condition = (local: (name: string) => Value | undefined) => boolean;

/** Stops before a line, or before the calls of a capability. With a condition, stops only where the condition holds. */
export type Breakpoint = { readonly condition?: Condition | undefined } & (
  | { readonly file: string; readonly line: number }
  | { readonly capability: string }
);

interface MoveSpec {
  readonly help: string;
  readonly isBack: boolean;
  /** Whether a breakpoint ends the move. */
  readonly stopsAtBreakpoints: boolean;
  /** Whether a move from `from` ends at `stop`. `from` is undefined if the move begins at the end of the run. Only some moves need the tasks. */
  readonly hits: (stop: Stop, from: Stop | undefined, tasks: Tasks | undefined) => boolean;
}

const hitsNothing = (): boolean => false;
const isLine = ({ line }: Stop): boolean => line > 0;
const isGone = (task: Actor | undefined): boolean => task === undefined || hasEnded(task) || task.depth === 0;
/** Whether a line begins at `stop`, in the task of `from` and in its frame or an outer one. If that task has ended, any line will do. */
const isOver = (stop: Stop, from: Stop | undefined, tasks: Tasks | undefined): boolean =>
  isLine(stop) && (from === undefined || (stop.task === from.task ? stop.depth <= from.depth : isGone(tasks?.get(from.task))));
/** As `isOver`, but only in an outer frame. */
const isOut = (stop: Stop, from: Stop | undefined, tasks: Tasks | undefined): boolean =>
  isLine(stop) && (from === undefined || (stop.task === from.task ? stop.depth < from.depth : isGone(tasks?.get(from.task))));
/** Whether the task begins at this stop. */
const isFirst = ({ depth, pc }: Stop): boolean => depth === 1 && pc === 0;
/** Like `isOver`, for moves back. A move that begins at the start of a task ends at the previous line of any task. */
const isBackOver = (stop: Stop, from: Stop | undefined): boolean =>
  isLine(stop) && (from === undefined || isFirst(from) || (stop.task === from.task && stop.depth <= from.depth));
const isCall = ({ call }: Stop): boolean => call >= 0;

/** The moves of the debugger. */
export const MOVES = {
  in: { help: "to the next line that anything runs", isBack: false, stopsAtBreakpoints: false, hits: isLine },
  over: { help: "to the next line of this task, over what it calls", isBack: false, stopsAtBreakpoints: true, hits: isOver },
  out: { help: "to the next line of the caller", isBack: false, stopsAtBreakpoints: true, hits: isOut },
  call: { help: "to the next capability call", isBack: false, stopsAtBreakpoints: false, hits: isCall },
  continue: { help: "to the next breakpoint, or to the end", isBack: false, stopsAtBreakpoints: true, hits: hitsNothing },
  end: { help: "to the end of the run", isBack: false, stopsAtBreakpoints: false, hits: hitsNothing },
  back: { help: "to the line that ran before", isBack: true, stopsAtBreakpoints: false, hits: isLine },
  "back-over": { help: "to the line before in this task, over what it called", isBack: true, stopsAtBreakpoints: true, hits: isBackOver },
  "back-call": { help: "to the capability call before", isBack: true, stopsAtBreakpoints: false, hits: isCall },
  reverse: { help: "back to the breakpoint before, or to the start", isBack: true, stopsAtBreakpoints: true, hits: hitsNothing },
  start: { help: "to the start of the run", isBack: true, stopsAtBreakpoints: false, hits: hitsNothing },
} as const satisfies Readonly<Record<string, MoveSpec>>;

export type Move = keyof typeof MOVES;

export const isMove = (name: string): name is Move => Object.hasOwn(MOVES, name);

/**
 * Why a move has ended. `breakpoints` are the indices of the breakpoints at the new place. After `interrupted`, the debugger is where it was
 * before the move.
 */
export interface Moved {
  readonly reason: "step" | "breakpoint" | "start" | "end" | "interrupted";
  readonly breakpoints: readonly number[];
}

interface ResolvedBreakpoint {
  readonly index: number;
  readonly condition: Condition | undefined;
  readonly matches: (stop: Stop) => boolean;
}

export class Debugger {
  readonly #recording: Recording;
  readonly #lines: LineTable;
  readonly #options: DebuggerOptions;
  #edits: Edits = new Map();
  #timeline: Timeline;
  /** The place of the debugger. Undefined at the end of the run. */
  #currentStop: Stop | undefined;
  #breakpoints: readonly ResolvedBreakpoint[] = [];

  private constructor(recording: Recording, options: DebuggerOptions) {
    this.#recording = recording;
    this.#options = options;
    this.#lines = new LineTable(recording.program);
    this.#timeline = this.#newTimeline();
  }

  /**
   * Opens a log and goes to the first line of its program. Throws `log.*`, `module.*`, `policy.*` if the log cannot be trusted, and `usage` if
   * it has no program or its program has no lines.
   */
  static async open(source: LogSource, options: DebuggerOptions = {}): Promise<Debugger> {
    const recording = await openRecording(source, options.limits);
    if (recording.program.module.debug === undefined) {
      throw new BorunaError("usage", `the program of ${source.name} has no debug information, so it has no lines to stop at`, {
        hint: "Record the run from the source text of the program.",
      });
    }
    const debug = new Debugger(recording, options);
    debug.#currentStop = await debug.#timeline.next(-1, { hit: isLine, needsState: false, signal: NEVER });
    return debug;
  }

  #newTimeline(): Timeline {
    return new Timeline(this.#recording, this.#edits, this.#lines, this.#options);
  }

  get program(): Program {
    return this.#recording.program;
  }
  get runId(): string {
    return this.#recording.log.header.runId;
  }
  /** The place of the debugger; undefined at the end of the run. */
  get currentStop(): Stop | undefined {
    return this.#currentStop;
  }
  /** The number of the task that runs next; at the end of the run, that of `main`. */
  get task(): number {
    return this.#currentStop?.task ?? 0;
  }
  /** Bytes of all snapshots, now and at most. */
  get snapshotBytes(): { readonly now: number; readonly peak: number } {
    return { now: this.#timeline.bytes, peak: this.#timeline.peakBytes };
  }
  /** The numbers in the log of the calls whose answers were replaced. */
  get editedCalls(): readonly number[] {
    return [...this.#edits.keys()];
  }

  /** Goes to another place. Throws `log.*` if the log cannot be read any more. */
  async move(kind: Move, signal: AbortSignal = NEVER): Promise<Moved> {
    const { isBack, stopsAtBreakpoints, hits }: MoveSpec = MOVES[kind];
    const from = this.#currentStop;
    const breakpoints = stopsAtBreakpoints ? this.#breakpoints : [];
    const hit: Hit = (stop, tasks) =>
      hits(stop, from, tasks) || breakpoints.some((breakpoint) => this.#holds(breakpoint, stop, tasks?.get(stop.task)));
    const needsTasks = hits === isOver || hits === isOut;
    const needsState = needsTasks || breakpoints.some(({ condition }) => condition !== undefined);
    const found = await this.#find(isBack, hit, needsState, hits === hitsNothing && breakpoints.length === 0, signal);
    if (signal.aborted) return { reason: "interrupted", breakpoints: [] };
    if (found !== undefined) {
      this.#currentStop = found;
      const tasks = needsTasks ? this.#timeline.at(found.step).machine.tasks : undefined;
      return { reason: hits(found, from, tasks) ? "step" : "breakpoint", breakpoints: this.#breakpointsAt(found) };
    }
    this.#currentStop = isBack ? await this.#first() : undefined;
    return { reason: isBack ? "start" : "end", breakpoints: [] };
  }

  async #find(isBack: boolean, hit: Hit, needsState: boolean, hasNoHits: boolean, signal: AbortSignal): Promise<Stop | undefined> {
    const search = { hit, needsState, signal };
    const step = this.#currentStop?.step;
    if (isBack) return hasNoHits ? undefined : this.#timeline.previous(step ?? Number.POSITIVE_INFINITY, search);
    if (step === undefined) return undefined;
    // A move without hits needs no search, so the run continues to its end.
    const found = hasNoHits ? undefined : await this.#timeline.next(step, search);
    if (found === undefined) await this.#timeline.toEnd(signal);
    return found;
  }

  #first(): Promise<Stop | undefined> {
    return this.#timeline.next(-1, { hit: isLine, needsState: false, signal: NEVER });
  }

  /** Replaces the breakpoints. Returns the line of each breakpoint: 0 for a breakpoint of a capability, undefined if nothing can stop there. */
  setBreakpoints(breakpoints: readonly Breakpoint[]): readonly (number | undefined)[] {
    const resolved = breakpoints.map((breakpoint, index) => this.#resolve(breakpoint, index));
    this.#breakpoints = resolved.flatMap((entry) => (entry === undefined ? [] : [entry.breakpoint]));
    return resolved.map((entry) => entry?.line);
  }

  /** Finds the line or the capability of a breakpoint. Undefined if the program has none. */
  #resolve(breakpoint: Breakpoint, index: number): { readonly line: number; readonly breakpoint: ResolvedBreakpoint } | undefined {
    const { condition } = breakpoint;
    if ("capability" in breakpoint) {
      const id = this.program.registry.byName.get(breakpoint.capability)?.id;
      return id === undefined ? undefined : { line: 0, breakpoint: { index, condition, matches: ({ call }) => call === id } };
    }
    const file = this.program.module.debug?.files.findIndex(({ name }) => name === breakpoint.file) ?? -1;
    const line = file < 0 ? undefined : this.#lines.linesOf(file).find((candidate) => candidate >= breakpoint.line);
    if (line === undefined) return undefined;
    return { line, breakpoint: { index, condition, matches: (stop) => stop.line === line && this.#lines.fileIndexOf(stop.fn) === file } };
  }

  /** Whether the breakpoint is at this stop, and its condition is true there. */
  #holds({ matches, condition }: ResolvedBreakpoint, stop: Stop, task: Actor | undefined): boolean {
    if (!matches(stop)) return false;
    if (condition === undefined || task === undefined) return true;
    const fn = this.#functionOf(stop);
    const base = task.frameBase[stop.depth - 1] ?? 0;
    const locals = fn === undefined ? [] : this.#lines.localsAt(fn, stop.pc);
    try {
      return condition((name) => {
        const local = locals.find((candidate) => candidate.name === name);
        return local === undefined ? undefined : slotValue(task.stack, task.numbers, base + local.slot);
      });
    } catch (error) {
      if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
      // Stop where the condition cannot be evaluated, so that the user can see why.
      return true;
    }
  }

  #breakpointsAt(stop: Stop): readonly number[] {
    if (this.#breakpoints.length === 0) return [];
    const task = this.#timeline.at(stop.step).machine.tasks.get(stop.task);
    return this.#breakpoints.filter((breakpoint) => this.#holds(breakpoint, stop, task)).map(({ index }) => index);
  }

  #functionOf({ fn }: Stop): VerifiedFunction | undefined {
    return this.program.functions[fn];
  }

  /** Returns the run in its state at the current place. */
  #run(): RecordedRun {
    return this.#currentStop === undefined ? this.#timeline.last : this.#timeline.at(this.#currentStop.step);
  }

  /** Returns `main`, and the other tasks that have not ended. */
  tasks(): readonly TaskView[] {
    return tasksOf(this.program, this.#run().machine.tasks);
  }

  /** Returns the frames of a task, innermost first, at most `count` from the index `start` on. */
  stack(task: number, start = 0, count = 64): { readonly frames: readonly FrameView[]; readonly total: number } {
    const { machine } = this.#run();
    return framesOf(this.program, this.#lines, machine.tasks.get(task), start, count);
  }

  /** Returns the next call of the log, with the answer that the program will get. Undefined if no call follows, or at the end of the run. */
  nextCall(): NextCallView | undefined {
    if (this.#currentStop === undefined) return undefined;
    const run = this.#run();
    return nextCallOf(this.#recording, run, this.#edits);
  }

  /** Returns how the run ended. Undefined unless the debugger is at the end of the run. */
  end(): EndView | undefined {
    return this.#currentStop === undefined ? endOfRun(this.#recording, this.#timeline.last, this.#edits) : undefined;
  }

  /** Returns the steps and events of the run so far, and the bytes that it has allocated. */
  progress(): { readonly step: number; readonly events: number; readonly allocBytes: number } {
    const run = this.#run();
    return { step: run.machine.step, events: run.events, allocBytes: run.machine.allocBytes };
  }

  /**
   * Replaces the answer of the next call. The rest of the run becomes a what-if. `data` is typed JSON of the capability's result type, or
   * `{"CapError": …}` for a failure. Throws `usage` if there is no next call, or if `data` has neither form.
   */
  setAnswer(data: JsonData): void {
    const stop = this.#currentStop;
    const call = stop === undefined ? undefined : this.#run().nextCall;
    if (stop === undefined || call === undefined) {
      throw new BorunaError("usage", "the log has no further call whose answer could be replaced", { hint: "Go back first." });
    }
    const { module, registry } = this.program;
    const answer = readAnswer(call, data, module.types, registry);
    this.#edits = new Map(this.#edits).set(call.call, answer);
    this.#timeline = this.#timeline.fork(stop.step, this.#edits);
  }

  /** Drops all replaced answers. Stays at the current place if that is before the first of them, otherwise goes to the start. */
  async resetAnswers(): Promise<void> {
    if (this.#edits.size === 0) return;
    const first = Math.min(...this.#edits.keys());
    const next = this.#currentStop === undefined ? undefined : this.#run().nextCall;
    const isBefore = next !== undefined && next.call <= first;
    this.#edits = new Map();
    const stop = this.#currentStop;
    this.#timeline = stop !== undefined && isBefore ? this.#timeline.fork(stop.step, this.#edits) : this.#newTimeline();
    if (!isBefore) this.#currentStop = await this.#first();
  }

  /** Returns the capabilities at whose calls a breakpoint can stop. */
  capabilities(): readonly CapabilityDecl[] {
    return this.program.registry.all.filter(({ internal }) => internal !== true);
  }
}

const NEVER: AbortSignal = new AbortController().signal;
