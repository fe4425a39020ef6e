/**
 * Derives the log of a run from its row and steps: executes the program again with the kept answers, and records it. The database stores no
 * log, because that would hold each answer a second time. The log has the same bytes as that of a local run with the same run id and the same
 * answers.
 *
 * The log of a run in progress has no end record. The log of a run that was ended from outside, such as a canceled run, ends where its worker
 * stopped it. If that is unknown, it ends at the first call without a kept answer, because that call may have been made.
 */
import type { DurableCall, DurableCalls } from "../gateway/durable-calls.ts";
import type { Handlers } from "../gateway/handlers.ts";
import type { Arrival } from "../gateway/open-calls.ts";
import { executeProgram, type RunResult } from "../gateway/run.ts";
import type { RunEnd } from "../replay/log/end-record.ts";
import { describeRun, type RunDescription } from "../replay/log/run-description.ts";
import { closeLog, handlersFor } from "../runtime/execute.ts";
import type { FinishedLog, Recorder } from "../replay/log/recorder.ts";
import { BorunaError } from "../vm/error.ts";
import type { Outcome, TrapKind } from "../vm/outcome.ts";
import type { KeptStep } from "./engine.ts";
import { givenAnswer, givenDecision, objectOf, programOptions } from "./execution.ts";
import type { StoredProgram } from "./programs.ts";
import { arrivalOf, stepName } from "./recorded-calls.ts";
import type { DecisionRow, RunOptionsRow } from "./store.ts";

/** The stored data from which the log of a run is derived. */
export interface RunHistory {
  readonly id: string;
  readonly options: RunOptionsRow;
  readonly outcome: string | undefined;
  /** The parsed `result` of the row. */
  readonly result: unknown;
  /** Whether a worker has begun the run. */
  readonly hasBegun: boolean;
  readonly decisions: readonly DecisionRow[];
  readonly steps: readonly KeptStep[];
}

/** Records the run. `open` opens the recorder. Throws `log.divergence` if the steps do not fit the program, and what recording throws. */
export async function deriveLog(
  stored: StoredProgram,
  history: RunHistory,
  open: (run: RunDescription) => Recorder,
): Promise<FinishedLog | undefined> {
  const { program, policy } = stored;
  const { id, options } = history;
  const handlers = await servedHandlers(stored);
  const { limits } = programOptions(stored, options);
  const interruption = interruptionOf(history);
  const maxSteps = interruption === undefined ? undefined : await stepsUntil(interruption, stored, history, handlers);
  const served = new Set(handlers.keys());
  const recorder = open(describeRun(program, { policy, args: objectOf(options.args), limits, mode: "live", served, runId: id }));
  try {
    const { result, isIncomplete } = await executeAgain(stored, history, handlers, { sink: recorder, maxSteps });
    if (interruption !== undefined) return recorder.finish(interruptedEnd(result, interruption));
    return isIncomplete ? undefined : closeLog(recorder, result);
  } finally {
    recorder.abandon();
  }
}

interface DerivedExecution {
  readonly result: RunResult;
  /** Whether the run stopped at a call without a kept answer. */
  readonly isIncomplete: boolean;
}

/** Runs the program with the kept answers, up to `maxSteps` steps. Throws `log.divergence` if the steps do not fit the program. */
async function executeAgain(
  stored: StoredProgram,
  history: RunHistory,
  handlers: Handlers,
  { sink, maxSteps }: { readonly sink?: Recorder; readonly maxSteps: number | undefined },
): Promise<DerivedExecution> {
  const { program } = stored;
  const { id, options, decisions } = history;
  const decided = new Map(decisions.map((row) => [`${row.kind} ${row.call}`, row]));
  const calls = new KeptCalls(history.steps, (call) => givenAnswer(decided.get(`answer ${call.number}`), call, program.module.types));
  const settings = programOptions(stored, options);
  const { limits } = settings;
  const result = await executeProgram(program, {
    ...settings,
    limits: maxSteps === undefined ? limits : { ...limits, max_steps: Math.min(limits.max_steps, Math.max(1, maxSteps)) },
    // A run that no worker has begun stops before its first step.
    signal: maxSteps === 0 ? AbortSignal.abort() : undefined,
    handlers,
    durable: calls,
    sink,
    approve: ({ call }) => givenDecision(decided.get(`approval ${call}`)),
    runId: id,
    // The clock does not advance, so no time limit ends the derivation.
    clock: () => 0,
  });
  if (calls.mismatch !== undefined)
    throw new BorunaError("log.divergence", `the steps of run ${id} do not fit its program: ${calls.mismatch}`);
  return { result, isIncomplete: calls.isIncomplete };
}

/** How something outside of the program ended the run. */
interface Interruption {
  readonly outcome: Outcome;
  readonly kind: TrapKind;
  readonly message: string;
  /** The steps of the run when its worker stopped it. Undefined if no worker executed it then. */
  readonly steps: number | undefined;
}

/** The trap of each outcome with which something outside of the program ends a run. */
const TRAP_OF = { canceled: "canceled", timeout: "timeout", fatal: "internal" } as const satisfies Partial<Record<Outcome, TrapKind>>;

function interruptionOf({ outcome, result }: RunHistory): Interruption | undefined {
  if (outcome !== "canceled" && outcome !== "timeout" && outcome !== "fatal") return undefined;
  const { error, steps } = isRecord(result) ? result : {};
  const message = isRecord(error) && typeof error["message"] === "string" ? error["message"] : "the run was interrupted";
  return { outcome, kind: TRAP_OF[outcome], message, steps: typeof steps === "number" ? steps : undefined };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Returns the most steps that the interrupted run can have made. Undefined if the derived run stops by itself, at a call that has no answer. */
async function stepsUntil(
  { steps }: Interruption,
  stored: StoredProgram,
  history: RunHistory,
  handlers: Handlers,
): Promise<number | undefined> {
  if (!history.hasBegun) return 0;
  if (steps !== undefined) return steps;
  const { result, isIncomplete } = await executeAgain(stored, history, handlers, { maxSteps: undefined });
  // The program was interrupted before its last step, because otherwise it would have ended by itself.
  return isIncomplete || result.suspended !== undefined ? undefined : result.steps - 1;
}

/** Returns the end record of the interrupted run: its own outcome and message, with the counts of the derived execution. */
function interruptedEnd(result: RunResult, { outcome, kind, message }: Interruption): RunEnd {
  const { steps, allocBytes, counters, events, error } = result;
  return { outcome, error: { kind, message, step: error?.step ?? steps }, steps, allocBytes, counters, events };
}

/** Returns a handler for each capability that the run's worker served. None of them is called. */
async function servedHandlers({ program }: StoredProgram): Promise<Handlers> {
  const live = await handlersFor(program, { live: true, env: {} }, () => undefined);
  const never = (): never => {
    throw new BorunaError("internal", "a derived log makes no call");
  };
  return new Map([...live.keys(), ...program.registry.own.map(({ name }) => name)].map((name) => [name, never]));
}

/** Serves the kept answers. The run stops at the first call without one. */
class KeptCalls implements DurableCalls {
  /** The text of each step, by the step's name. */
  readonly #texts: ReadonlyMap<string, string>;
  /** The numbers of the calls that have a step. */
  readonly #callNumbers: ReadonlySet<string>;
  readonly #answerOf: (call: DurableCall) => Arrival | undefined;
  /** Whether the run reached a call without an answer. */
  isIncomplete = false;
  /** How the steps do not fit the program. Undefined if they fit. */
  mismatch: string | undefined;

  constructor(steps: readonly KeptStep[], answerOf: (call: DurableCall) => Arrival | undefined) {
    this.#texts = new Map(steps.map(({ name, text }) => [name, text]));
    this.#callNumbers = new Set(steps.map(({ name }) => name.split(" ", 1)[0] ?? ""));
    this.#answerOf = answerOf;
  }

  /** The gateway asks this to decide about spans, and a derivation has none. */
  isKept(): boolean {
    return false;
  }

  async carryOut(call: DurableCall): Promise<Arrival> {
    const text = this.#texts.get(stepName(call));
    if (text !== undefined) {
      const arrival = arrivalOf(text);
      // If the handler answers later, its answer is not in the step.
      return "later" in arrival ? (this.#answerOf(call) ?? arrival) : arrival;
    }
    if (this.#callNumbers.has(String(call.number)))
      this.mismatch ??= `call ${call.number} was of another capability than ${call.capability.name}`;
    this.isIncomplete = true;
    return { stop: { trap: "canceled", message: "the call has no answer yet" } };
  }
}
