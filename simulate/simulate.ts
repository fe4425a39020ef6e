/**
 * A simulation looks for answers with which a program goes wrong. A seed decides the answers of each run (`world.ts`). Most answers are
 * ordinary: they consist of words in the program (`vocabulary.ts`). Others have faults (`faults.ts`). A run fails by a trap, a contract, a call
 * that the policy refuses, too many calls, or an invariant (`invariant.ts`). The first failing run is made simpler (`shrink.ts`) and recorded.
 *
 * The same program, options and seed make the same runs, on both engines and on every computer. No run reaches the outside world.
 */
import { limitsOption, policyOption } from "../gateway/options.ts";
import { executeProgram, type RunError, type RunResult } from "../gateway/run.ts";
import { ALLOW_ALL, effectiveLimits, type Policy } from "../policy/policy.ts";
import { checkLogName } from "../replay/log/log-file.ts";
import type { FinishedLog } from "../replay/log/recorder.ts";
import { executeWith, objectOption, type RecordOptions } from "../runtime/execute.ts";
import type { Program } from "../vm/bytecode/program.ts";
import type { EngineChoice } from "../vm/compiled/engine.ts";
import { BorunaError } from "../vm/error.ts";
import type { JsonData } from "../vm/json/json.ts";
import type { Limits } from "../vm/limits.ts";
import { type Outcome, type TrapKind, TRAPS } from "../vm/outcome.ts";
import { parseType } from "../vm/value/type.ts";
import type { Script } from "./choices.ts";
import type { Fault } from "./faults.ts";
import { checkInvariant, checkRun } from "./invariant.ts";
import { type Candidate, shrink } from "./shrink.ts";
import { type ChoiceSource, type SimulatedCall, type World, WorldMaker } from "./world.ts";

/** Options of `simulate`. All are optional. */
export interface SimulateOptions {
  /** What the program may do. A call that the policy refuses makes a run fail. Default: everything. */
  readonly policy?: Policy | "allow-all" | "deny-all" | undefined;
  /** Arguments of `main` by parameter name, as JavaScript values in the form of typed JSON. The simulation chooses the others. */
  readonly args?: Readonly<Record<string, unknown>> | ReadonlyMap<string, JsonData> | undefined;
  /** From 0 to 2^32 - 1. Default: 1. */
  readonly seed?: number | undefined;
  /** Maximum number of runs. Default: 1000. */
  readonly runs?: number | undefined;
  /** A program whose `main` takes a `Run` of `std-simulate`. A run fails if the invariant returns `false` or traps. */
  readonly invariant?: Program | undefined;
  /** Traps that do not count as failures. Default: `capability_failed`, the trap of a program that does not catch the failure of a call. */
  readonly accept?: readonly TrapKind[] | undefined;
  /** Maximum number of calls of one run. A run fails if it makes more. Default: 1000. */
  readonly maxCalls?: number | undefined;
  /** Limits of each run. Default: those of the policy, and at most `SIMULATION_LIMITS`. `max_wall_ms` has no effect. */
  readonly limits?: Partial<Limits> | undefined;
  /** Where to write the log of the failing run. Default: nowhere. */
  readonly record?: string | Pick<RecordOptions, "path" | "force"> | undefined;
  /** The engines that may run the program. The choice affects only how long the simulation takes. Default: auto. */
  readonly engine?: EngineChoice | undefined;
  /** Stops the simulation when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Called after every run. */
  readonly onProgress?: ((progress: SimulationProgress) => void) | undefined;
}

export interface SimulationProgress {
  /** The number of finished runs, not counting those that shrink a failing run. */
  readonly runs: number;
  /** How many runs have been made to shrink the failing run. Undefined until a run fails. */
  readonly shrinkRuns: number | undefined;
}

/** How a run failed. */
export interface SimulationFailure {
  /** The number of the run, from 1. */
  readonly run: number;
  /**
   * The kind of the trap. Or `invariant`: the invariant does not hold; `max_calls`: the run made too many calls; `actor_failed`: an actor
   * failed, and no other actor received its failure.
   */
  readonly kind: TrapKind | "invariant" | "max_calls" | "actor_failed";
  readonly message: string;
  /** The trap of the program or of the invariant. Undefined if neither trapped. */
  readonly error: RunError | undefined;
  /** The arguments of `main` that the simulation chose, as typed JSON. */
  readonly args: ReadonlyMap<string, JsonData>;
  /** The calls of the shrunk run. */
  readonly calls: readonly SimulatedCall[];
  /** How many answers of the shrunk run are not the simplest ones. */
  readonly chosenAnswers: number;
  /** How many runs were made to shrink the failing run. */
  readonly shrinkRuns: number;
  /** How the shrunk run ended. */
  readonly result: RunResult;
  readonly log: FinishedLog | undefined;
}

export interface Simulation {
  readonly seed: number;
  /** The finished runs. */
  readonly runs: number;
  /** How many of these runs did nothing, because a `requires` of `main` refused the chosen arguments. */
  readonly discarded: number;
  /** The calls of all runs. */
  readonly calls: number;
  /** How many calls had each fault. */
  readonly faults: ReadonlyMap<Fault, number>;
  /** How many runs ended in each way. */
  readonly outcomes: ReadonlyMap<Outcome, number>;
  /** Undefined if no run failed. */
  readonly failure: SimulationFailure | undefined;
  /** Whether the signal ended the simulation. */
  readonly isCanceled: boolean;
}

/** Limits of each simulated run. They are low because a simulation makes many runs. */
export const SIMULATION_LIMITS = { max_steps: 1_000_000, max_alloc_bytes: 268_435_456 } as const;
export const DEFAULT_SEED = 1;
export const DEFAULT_RUNS = 1_000;
export const DEFAULT_MAX_CALLS = 1_000;
export const MAX_SEED = 0xffff_ffff;
const MAX_RUNS = 0xffff_ffff;
const MAX_MAX_CALLS = 100_000;
/** How long the simulation may keep the thread before signals and timers have a turn, in milliseconds. */
const TURN_MS = 20;

interface FoundFailure {
  readonly kind: SimulationFailure["kind"];
  readonly message: string;
  readonly error: RunError | undefined;
}

interface FinishedRun {
  readonly world: World;
  readonly result: RunResult;
  /** How the run failed. Undefined if it passed. */
  readonly foundFailure: FoundFailure | undefined;
  /** Whether the run does not count, because a `requires` of main refused the arguments that were chosen for it. */
  readonly isDiscarded: boolean;
}

/** Runs the program until a run fails or `runs` runs are done. Throws `usage`, `policy.*`, `value.*`, `log.*`. */
export async function simulate(program: Program, options: SimulateOptions = {}): Promise<Simulation> {
  const { seed = DEFAULT_SEED, runs = DEFAULT_RUNS, signal, onProgress } = options;
  checkCount("seed", seed, 0, MAX_SEED);
  checkCount("runs", runs, 1, MAX_RUNS);
  const simulator = new Simulator(program, options);
  const takeTurn = turns();
  const faults = new Map<Fault, number>();
  const outcomes = new Map<Outcome, number>();
  let calls = 0;
  let discarded = 0;
  let done = 0;
  let failure: SimulationFailure | undefined;
  while (done < runs && failure === undefined && signal?.aborted !== true) {
    const run = await simulator.run({ script: [], random: { seed, run: done } });
    done += 1;
    calls += run.world.calls.length;
    if (run.isDiscarded) discarded += 1;
    for (const fault of run.world.faults()) faults.set(fault, (faults.get(fault) ?? 0) + 1);
    outcomes.set(run.result.outcome, (outcomes.get(run.result.outcome) ?? 0) + 1);
    const report = (shrinkRuns: number | undefined): Promise<void> => {
      onProgress?.({ runs: done, shrinkRuns });
      return takeTurn();
    };
    await report(undefined);
    if (run.foundFailure !== undefined) failure = await simulator.explain(`simulated-${seed}-${done}`, done, run, run.foundFailure, report);
  }
  return { seed, runs: done, discarded, calls, faults, outcomes, failure, isCanceled: signal?.aborted === true };
}

function checkCount(name: string, value: number, min: number, max: number): void {
  if (!Number.isSafeInteger(value) || value < min || value > max)
    throw new BorunaError("usage", `${name}: expected a whole number from ${min} to ${max}`);
}

/** Returns a function that lets timers and signals run, at most every `TURN_MS`. */
function turns(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last <= TURN_MS) return;
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    last = performance.now();
  };
}

class Simulator {
  readonly #program: Program;
  readonly #options: SimulateOptions;
  readonly #policy: Policy;
  readonly #limits: Partial<Limits>;
  readonly #args: ReadonlyMap<string, JsonData>;
  readonly #worlds: WorldMaker;
  readonly #maxCalls: number;
  /** The traps that do not count as failures. */
  readonly #accepted: ReadonlySet<string>;
  readonly #record: Pick<RecordOptions, "path" | "force"> | undefined;

  constructor(program: Program, options: SimulateOptions) {
    this.#program = program;
    this.#options = options;
    this.#policy = policyOption(options.policy ?? ALLOW_ALL, program.registry);
    const limits = effectiveLimits(this.#policy, {});
    this.#limits = {
      max_steps: Math.min(limits.max_steps, SIMULATION_LIMITS.max_steps),
      max_alloc_bytes: Math.min(limits.max_alloc_bytes, SIMULATION_LIMITS.max_alloc_bytes),
      ...limitsOption(options.limits),
      // A limit on time would make a run depend on the computer.
      max_wall_ms: 0,
    };
    this.#args = objectOption("args", options.args);
    this.#maxCalls = options.maxCalls ?? DEFAULT_MAX_CALLS;
    checkCount("maxCalls", this.#maxCalls, 1, MAX_MAX_CALLS);
    if (options.invariant !== undefined) checkInvariant(options.invariant);
    this.#accepted = acceptOption(options.accept);
    this.#record = typeof options.record === "string" ? { path: options.record } : options.record;
    if (this.#record !== undefined) checkLogName(this.#record.path, this.#record.force === true);
    const params = program.module.signature?.params ?? [];
    const freeParams = params.filter(({ name }) => !this.#args.has(name)).map(({ name, type }) => ({ name, type: parseType(type) }));
    this.#worlds = new WorldMaker(program, this.#maxCalls, freeParams);
  }

  /** Executes the program once, in a world that answers by these choices. */
  async run(source: ChoiceSource): Promise<FinishedRun> {
    const world = this.#worlds.open(source);
    const { handlers, approve } = world;
    const result = await executeProgram(this.#program, {
      policy: this.#policy,
      limits: this.#limits,
      handlers,
      approve,
      args: this.#argsOf(world),
      runId: "simulated",
      engine: this.#options.engine,
    });
    const { error } = result;
    // If a handler throws a `BorunaError`, the simulation could not make an answer.
    if (error?.kind === "host_fault" && error.cause instanceof BorunaError) throw error.cause;
    const isDiscarded = world.args.size > 0 && world.calls.length === 0 && failsOnEntry(error);
    return { world, result, isDiscarded, foundFailure: isDiscarded ? undefined : await this.#judge(world, result) };
  }

  #argsOf(world: World): ReadonlyMap<string, JsonData> {
    return new Map([...this.#args, ...world.args]);
  }

  /** Returns how the run failed, or undefined. */
  async #judge(world: World, result: RunResult): Promise<FoundFailure | undefined> {
    const { error } = result;
    if (world.hasTooManyCalls) return { kind: "max_calls", message: `the run made more than ${this.#maxCalls} calls`, error };
    if (error !== undefined && !this.#isAccepted(error.kind, world)) return { kind: error.kind, message: error.message, error };
    const actor = result.unreceived.find(({ message }) => !this.#accepted.has("capability_failed") || !world.quotesFailedCall(message));
    if (actor !== undefined)
      return { kind: "actor_failed", message: `an actor that runs ${actor.functionName} failed: ${actor.message}`, error: undefined };
    const { invariant } = this.#options;
    if (invariant === undefined) return undefined;
    const broken = await checkRun(invariant, this.#program, { args: this.#argsOf(world), calls: world.calls, result });
    if (broken === undefined) return undefined;
    const message = broken.error === undefined ? `${invariant.module.name} returned false` : broken.error.message;
    return { kind: "invariant", message, error: broken.error };
  }

  /** Whether the trap is no failure: the options accept it, the run waits for an approval, or the simulated person refused a call. */
  #isAccepted(kind: TrapKind, world: World): boolean {
    return kind === "suspended" || (kind === "capability_denied" && world.wasRefused) || this.#accepted.has(kind);
  }

  /** Shrinks a failing run, records the shrunk run if a log is requested, and describes it. `report` is called after every run. */
  async explain(
    runId: string,
    run: number,
    first: FinishedRun,
    found: FoundFailure,
    report: (shrinkRuns: number) => Promise<void>,
  ): Promise<SimulationFailure> {
    const identity = identityOf(found);
    let shrinkRuns = 0;
    const tryScript = async (script: Script): Promise<Candidate> => {
      const candidate = candidateOf(await this.run({ script, random: undefined }), identity);
      shrinkRuns += 1;
      await report(shrinkRuns);
      return candidate;
    };
    const { script } = await shrink(candidateOf(first, identity), tryScript, () => this.#options.signal?.aborted === true);
    const { world, result, foundFailure: shrunk } = await this.run({ script, random: undefined });
    const { kind, message, error } = shrunk ?? found;
    return {
      run,
      kind,
      message,
      error,
      args: world.args,
      calls: world.calls,
      chosenAnswers: script.slice(1).filter((choices) => choices.length > 0).length,
      shrinkRuns,
      result,
      log: this.#record === undefined ? undefined : await this.#recordRun(runId, script, this.#record),
    };
  }

  /** Makes the run once more, and records it. */
  async #recordRun(runId: string, script: Script, record: Pick<RecordOptions, "path" | "force">): Promise<FinishedLog | undefined> {
    const world = this.#worlds.open({ script, random: undefined });
    const { handlers, approve } = world;
    const args = this.#argsOf(world);
    const options = { policy: this.#policy, limits: this.#limits, approve, args, runId, record, tracing: false } as const;
    const { log } = await executeWith(this.#program, options, () => handlers);
    return log;
  }
}

function acceptOption(given: readonly string[] = ["capability_failed"]): ReadonlySet<string> {
  const unknown = given.find((trap) => !Object.hasOwn(TRAPS, trap));
  if (unknown !== undefined)
    throw new BorunaError("usage", `accept: there is no trap ${JSON.stringify(unknown)}`, {
      hint: "docs/reference/language.md lists the traps",
    });
  return new Set(given);
}

function candidateOf({ world, result, foundFailure: found }: FinishedRun, identity: string): Candidate {
  const isSame = found !== undefined && identityOf(found) === identity;
  return { isSame, steps: result.steps, script: world.script(), calls: world.calls.length };
}

/** Whether a `requires` of `main` refused the arguments. */
const failsOnEntry = (error: RunError | undefined): boolean =>
  error?.kind === "contract_violation" && error.stack.length === 1 && /^"precondition \d+ failed in `main`:/.test(error.message);

/** Two failures with the same identity count as the same bug. */
function identityOf({ kind, error }: FoundFailure): string {
  const [place] = error?.stack ?? [];
  return `${kind} ${error?.kind ?? ""} ${place?.file ?? ""}:${place?.line ?? ""}:${place?.column ?? ""}`;
}
