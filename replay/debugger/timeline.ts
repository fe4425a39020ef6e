/**
 * The timeline of a recorded run: finds the places at which a debugger can stop, forward and back, and restores the run at any of them.
 *
 * The timeline explores the run: it runs it forward and takes a snapshot every few thousand steps. To show an earlier place, it restores the
 * last snapshot before that place and runs on from there. If the snapshots become too many or too large, it drops those that are close to
 * their neighbors but far from the place that was requested last. So snapshots are dense near that place and sparse far from it.
 *
 *     snapshots   0        4096     8192     12288          explored
 *                 |--------|--------|--------|--------------|
 *     segments       0         1        2          3
 */
import type { VerifiedFunction } from "../../vm/bytecode/program.ts";
import { OPCODES } from "../../vm/bytecode/opcodes.ts";
import { CODE_STRIDE } from "../../vm/bytecode/stack-heights.ts";
import { BorunaError } from "../../vm/error.ts";
import type { Tasks } from "../../vm/interpreter/actor.ts";
import type { LineTable } from "./line-table.ts";
import { type Edits, interruptedAt, RecordedRun, type Recording, type Snapshot } from "./recorded-run.ts";

/** A place at which the debugger can stop: the run is before this instruction. */
export interface Stop {
  /** The number of steps of the run so far. Identifies the stop. */
  readonly step: number;
  readonly task: number;
  /** How many frames the task has. */
  readonly depth: number;
  /** Index of the function, and its next instruction. */
  readonly fn: number;
  readonly pc: number;
  /** The line that begins here; 0 if the stop is in the middle of a line. */
  readonly line: number;
  /** The id of the capability that is called next; -1 if the instruction is no call. */
  readonly call: number;
}

/** Whether a search ends at a stop. `tasks` has the run's tasks in their state at the stop; undefined unless the search has `needsState`. */
export type Hit = (stop: Stop, tasks: Tasks | undefined) => boolean;

export interface Search {
  readonly hit: Hit;
  /** Whether `hit` needs the state of the run at each stop. */
  readonly needsState: boolean;
  /** Ends the search, which then finds nothing. */
  readonly signal: AbortSignal;
}

export interface TimelineOptions {
  /** Maximum bytes of all snapshots together. Default: 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** The steps between two snapshots in a short run. Default: 4096. */
  readonly interval?: number | undefined;
}

/** The part of another timeline, up to a step, that a new timeline copies. */
interface Explored {
  readonly snapshots: readonly Snapshot[];
  /** The step up to which the run is explored. */
  readonly step: number;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
const DEFAULT_INTERVAL = 4_096;
/** The steps between two snapshots are at least the explored steps divided by this. */
const INTERVAL_DIVISOR = 512;
const MAX_SNAPSHOTS = 2_048;
/** The stops of a segment stay in memory if it has at most this many intervals. `previous` first divides a longer one with snapshots. */
const KEPT_INTERVALS = 4;
/** At most this many segments have their stops in memory. */
const KEPT_SEGMENTS = 8;
/** How long a search uses the thread before it lets other work run. */
const TURN_MS = 20;

/** The opcodes that call a capability. */
const CALLS: ReadonlySet<number> = new Set([OPCODES.CapCall.tag, OPCODES.TryCapCall.tag]);

export class Timeline {
  readonly #recording: Recording;
  readonly #edits: Edits;
  readonly #lines: LineTable;
  readonly #options: TimelineOptions;
  readonly #interval: number;
  readonly #maxBytes: number;
  /** Ascending. The first is at the start of the run. */
  readonly #snapshots: Snapshot[];
  #bytes = 0;
  /** The run in the last state that was explored. */
  readonly #frontier: RecordedRun;
  /** Whether the whole run is explored. */
  #isComplete = false;
  /** The error at which the exploration ended. Exploring further throws it again. */
  #failure: Error | undefined;
  /** The run in the state that was requested last. */
  #cursor: RecordedRun | undefined;
  /** The step near which snapshots are dense. */
  #focus = 0;
  /**
   * The stops of the segments that are in memory, by the step of the segment's snapshot. `end` is the step at which the segment ended then.
   * The most recently used segment is the last.
   */
  readonly #stops = new Map<number, { readonly end: number; readonly stops: readonly Stop[] }>();
  /** The highest value of `bytes` so far. */
  peakBytes = 0;

  constructor(recording: Recording, edits: Edits, lines: LineTable, options: TimelineOptions, from?: Explored) {
    this.#recording = recording;
    this.#edits = edits;
    this.#lines = lines;
    this.#options = options;
    this.#interval = options.interval ?? DEFAULT_INTERVAL;
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    const last = from?.snapshots.at(-1);
    if (from === undefined || last === undefined) {
      this.#frontier = RecordedRun.start(recording, edits);
      this.#snapshots = [];
      if (this.#frontier.machine.end === undefined) this.#add(this.#frontier);
      else this.#isComplete = true;
    } else {
      this.#frontier = RecordedRun.restore(recording, edits, last);
      this.#frontier.machine.runTo(from.step);
      this.#snapshots = [...from.snapshots];
      this.#bytes = from.snapshots.reduce((sum, { bytes }) => sum + bytes, 0);
    }
  }

  /** Bytes of all snapshots. */
  get bytes(): number {
    return this.#bytes;
  }
  get snapshots(): number {
    return this.#snapshots.length;
  }

  /** Returns a timeline with the same run up to `step`, and with other answers after that. */
  fork(step: number, edits: Edits): Timeline {
    const snapshots = this.#snapshots.filter((snapshot) => snapshot.step <= step);
    return new Timeline(this.#recording, edits, this.#lines, this.#options, { snapshots, step });
  }

  /** Returns the first hit after a step, exploring the run as far as necessary. Undefined if the rest of the run has no hit. */
  async next(after: number, search: Search): Promise<Stop | undefined> {
    const turn = new Turn(search.signal);
    let from = after;
    for (let i = this.#segmentOf(Math.max(0, after)); await turn.mayContinue(); ) {
      this.#focus = Math.max(from, 0);
      const end = this.#endStepOf(i);
      if (from < end) {
        const found = this.#firstHit(i, from, search);
        if (found !== undefined) return found;
      }
      from = Math.max(from, end - 1);
      if (i < this.#snapshots.length - 1) i += 1;
      else if (this.#isComplete) return undefined;
      else {
        this.#explore();
        i = this.#segmentOf(end);
      }
    }
    return undefined;
  }

  /** Returns the last hit before a step. The run must have been explored up to that step. */
  async previous(before: number, search: Search): Promise<Stop | undefined> {
    const turn = new Turn(search.signal);
    for (let i = this.#segmentOf(before - 1); i >= 0 && (await turn.mayContinue()); i--) {
      const end = Math.min(before, this.#endStepOf(i));
      this.#focus = end;
      this.#refine(i);
      // `#refine` adds and drops snapshots, which changes the indices.
      i = this.#segmentOf(end - 1);
      const found = this.#lastHit(i, before, search);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Explores the run to its end. Returns whether the end was reached before the signal. */
  async toEnd(signal: AbortSignal): Promise<boolean> {
    const turn = new Turn(signal);
    while (!this.#isComplete && (await turn.mayContinue())) this.#explore();
    return this.#isComplete;
  }

  /** Returns the run in the state of a stop. The next call of any method may change that state. */
  at(step: number): RecordedRun {
    this.#focus = step;
    const snapshot = this.#snapshots[this.#segmentOf(step)];
    const cursor = this.#cursor;
    const isBehind = cursor === undefined || cursor.machine.end !== undefined || cursor.machine.step > step;
    if (snapshot === undefined) throw new BorunaError("internal", "a run without a snapshot");
    const run = isBehind || snapshot.step > cursor.machine.step ? this.#restore(snapshot) : cursor;
    this.#cursor = undefined;
    run.machine.runTo(step);
    this.#cursor = run;
    return run;
  }

  /** Returns the run in its last state. Call `toEnd` first. */
  get last(): RecordedRun {
    return this.#frontier;
  }

  #restore(snapshot: Snapshot): RecordedRun {
    return RecordedRun.restore(this.#recording, this.#edits, snapshot);
  }

  /** Returns the index of the last snapshot at or before a step; -1 if there is none. */
  #segmentOf(step: number): number {
    let low = 0;
    let high = this.#snapshots.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#snapshots[middle]?.step ?? 0) <= step) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Returns the step at which a segment ends. */
  #endStepOf(segment: number): number {
    return this.#snapshots[segment + 1]?.step ?? this.#frontier.machine.step;
  }

  /** Explores one more interval, and takes a snapshot at its end. */
  #explore(): void {
    // After an error in the log, the run cannot continue.
    if (this.#failure !== undefined) throw this.#failure;
    try {
      this.#exploreOn();
    } catch (error) {
      this.#failure = error instanceof Error ? error : new BorunaError("internal", String(error));
      throw error;
    }
  }

  /** Explores the next interval of the run. Takes a snapshot at its end, unless the whole run is explored then. */
  #exploreOn(): void {
    const { machine } = this.#frontier;
    const last = interruptedAt(this.#recording);
    const stopAt = last === undefined || this.#edits.size > 0 ? Number.POSITIVE_INFINITY : last;
    const step = machine.step + Math.max(this.#interval, Math.floor(machine.step / INTERVAL_DIVISOR));
    machine.runTo(Math.min(step, stopAt));
    this.#focus = machine.step;
    this.#isComplete = machine.end !== undefined || machine.step >= stopAt;
    if (!this.#isComplete) this.#add(this.#frontier);
  }

  /** Returns the first hit of a segment after a step. */
  #firstHit(segment: number, after: number, { hit, needsState }: Search): Stop | undefined {
    const cached = needsState ? undefined : this.#keptStops(segment);
    if (cached !== undefined) {
      for (let i = firstAfter(cached, after); i < cached.length; i++) {
        const stop = cached[i];
        if (stop !== undefined && hit(stop, undefined)) return stop;
      }
      return undefined;
    }
    let found: Stop | undefined;
    this.#visit(segment, (stop, tasks) => {
      if (found === undefined && stop.step > after && hit(stop, tasks)) found = stop;
    });
    return found;
  }

  /** Returns the last hit of a segment before a step. */
  #lastHit(segment: number, before: number, { hit, needsState }: Search): Stop | undefined {
    const cached = needsState ? undefined : this.#keptStops(segment);
    if (cached !== undefined) {
      for (let i = firstAfter(cached, before - 1) - 1; i >= 0; i--) {
        const stop = cached[i];
        if (stop !== undefined && hit(stop, undefined)) return stop;
      }
      return undefined;
    }
    let found: Stop | undefined;
    this.#visit(segment, (stop, tasks) => {
      if (stop.step < before && hit(stop, tasks)) found = stop;
    });
    return found;
  }

  /** Returns the stops of a segment if they are in memory. */
  #keptStops(segment: number): readonly Stop[] | undefined {
    const step = this.#snapshots[segment]?.step ?? -1;
    const kept = this.#stops.get(step);
    if (kept === undefined || kept.end !== this.#endStepOf(segment)) return undefined;
    this.#keepStops(step, kept);
    return kept.stops;
  }

  /** Runs through a segment and visits its stops in order. */
  #visit(segment: number, visit: (stop: Stop, tasks: Tasks) => void): void {
    const snapshot = this.#snapshots[segment];
    if (snapshot === undefined) return;
    const end = this.#endStepOf(segment);
    const isKept = end - snapshot.step <= KEPT_INTERVALS * this.#interval;
    const stops: Stop[] = [];
    const { machine } = this.#restore(snapshot);
    machine.runTo(end, (task, fn, pc, depth, step) => {
      const line = this.#lines.lineAt(fn, pc);
      const call = callAt(fn, pc);
      if (line === 0 && call < 0) return;
      const stop = { step, task: task.id, depth, fn: fn.index, pc, line, call };
      if (isKept) stops.push(stop);
      visit(stop, machine.tasks);
    });
    if (isKept) this.#keepStops(snapshot.step, { end, stops });
  }

  /** Keeps the stops of a segment in memory, and drops those of the least recently used one. */
  #keepStops(step: number, segment: { readonly end: number; readonly stops: readonly Stop[] }): void {
    this.#stops.delete(step);
    this.#stops.set(step, segment);
    const [oldest] = this.#stops.keys();
    if (this.#stops.size > KEPT_SEGMENTS && oldest !== undefined) this.#stops.delete(oldest);
  }

  /** Takes snapshots inside a long segment. */
  #refine(segment: number): void {
    const snapshot = this.#snapshots[segment];
    const end = this.#endStepOf(segment);
    if (snapshot === undefined || end - snapshot.step <= KEPT_INTERVALS * this.#interval) return;
    const run = this.#restore(snapshot);
    const stride = Math.max(this.#interval, Math.ceil((end - snapshot.step) / (2 * KEPT_INTERVALS)));
    for (let step = snapshot.step + stride; step < end; step += stride) {
      run.machine.runTo(step);
      if (run.machine.end !== undefined || run.machine.step >= end) break;
      this.#add(run);
    }
  }

  /** Takes a snapshot, unless this step already has one or the state is too large. */
  #add(run: RecordedRun): void {
    const { step } = run.machine;
    const index = this.#segmentOf(step);
    if (this.#snapshots[index]?.step === step) return;
    const snapshot = snapshotOf(run);
    if (snapshot === undefined) return;
    this.#snapshots.splice(index + 1, 0, snapshot);
    this.#bytes += snapshot.bytes;
    while (this.#snapshots.length > 1 && (this.#bytes > this.#maxBytes || this.#snapshots.length > MAX_SNAPSHOTS)) this.#dropOne();
    this.peakBytes = Math.max(this.peakBytes, this.#bytes);
  }

  /**
   * Drops one snapshot, but never the first: the one for which the gap between its neighbors is smallest in relation to its distance from
   * `#focus`.
   */
  #dropOne(): void {
    let victim = this.#snapshots.length - 1;
    let smallest = Number.POSITIVE_INFINITY;
    for (let i = 1; i < this.#snapshots.length; i++) {
      const step = this.#snapshots[i]?.step ?? 0;
      const gap = this.#endStepOf(i) - (this.#snapshots[i - 1]?.step ?? 0);
      const weight = gap / (Math.abs(step - this.#focus) + this.#interval);
      if (weight >= smallest) continue;
      smallest = weight;
      victim = i;
    }
    const [dropped] = this.#snapshots.splice(victim, 1);
    this.#bytes -= dropped?.bytes ?? 0;
  }
}

/** Takes a snapshot of the run. Returns undefined if the state is too large. */
function snapshotOf(run: RecordedRun): Snapshot | undefined {
  try {
    return run.snapshot();
  } catch (error) {
    if (error instanceof BorunaError && error.kind === "state.too_large") return undefined;
    throw error;
  }
}

/** Returns the index of the first stop after a step. */
function firstAfter(stops: readonly Stop[], step: number): number {
  let low = 0;
  let high = stops.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((stops[middle]?.step ?? 0) <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns the id of the capability that an instruction calls, or -1. */
function callAt(fn: VerifiedFunction, pc: number): number {
  const at = pc * CODE_STRIDE;
  return CALLS.has(fn.code[at] ?? -1) ? (fn.code[at + 1] ?? -1) : -1;
}

/** Says when a long search must let other work of the process run: every `TURN_MS`. */
class Turn {
  readonly #signal: AbortSignal;
  #since = Date.now();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Returns false if the work must stop. */
  async mayContinue(): Promise<boolean> {
    if (Date.now() - this.#since >= TURN_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#since = Date.now();
    }
    return !this.#signal.aborted;
  }
}
