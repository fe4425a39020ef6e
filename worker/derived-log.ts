/**
 * The log of a run, derived from its row and steps: the program is executed again with the kept answers, and recorded. So the database holds
 * each answer once, and the log has the same bytes as that of a local run with the same run id and the same answers.
 *
 * The log of a run that goes on, or was ended from outside, has no end record: what its program would do next is not known.
 */
import type { DurableCall, DurableCalls } from "../gateway/durable-calls.ts";
import type { Handlers } from "../gateway/handlers.ts";
import type { Arrival } from "../gateway/open-calls.ts";
import { executeProgram } from "../gateway/run.ts";
import { describeRun, type RunDescription } from "../replay/log/run-description.ts";
import { closeLog, handlersFor } from "../runtime/execute.ts";
import type { FinishedLog, Recorder } from "../replay/log/recorder.ts";
import { BorunaError } from "../vm/error.ts";
import type { KeptStep } from "./engine.ts";
import { givenAnswer, givenDecision, objectOf, programOptions } from "./execution.ts";
import type { StoredProgram } from "./programs.ts";
import { arrivalOf, stepName } from "./recorded-calls.ts";
import type { DecisionRow, RunOptionsRow } from "./store.ts";

/** The stored data of a run that its log is derived from. */
export interface RunHistory {
  readonly id: string;
  readonly options: RunOptionsRow;
  readonly outcome: string | undefined;
  readonly decisions: readonly DecisionRow[];
  readonly steps: readonly KeptStep[];
}

/** The outcomes that something outside of the program decided. */
const FROM_OUTSIDE: ReadonlySet<string> = new Set(["canceled", "timeout", "fatal"]);

/** Records the run. `open` opens the recorder. Throws `log.divergence` if the steps do not fit the program, and what recording throws. */
export async function deriveLog(
  stored: StoredProgram,
  history: RunHistory,
  open: (run: RunDescription) => Recorder,
): Promise<FinishedLog | undefined> {
  const { program, policy } = stored;
  const { id, options, decisions, outcome } = history;
  const decided = new Map(decisions.map((row) => [`${row.kind} ${row.call}`, row]));
  const calls = new KeptCalls(history.steps, (call) => givenAnswer(decided.get(`answer ${call.number}`), call, program.module.types));
  const handlers = await servedHandlers(stored);
  const settings = programOptions(stored, options);
  const recorder = open(
    describeRun(program, {
      policy,
      args: objectOf(options.args),
      limits: settings.limits,
      mode: "live",
      served: new Set(handlers.keys()),
      runId: id,
    }),
  );
  try {
    const result = await executeProgram(program, {
      ...settings,
      handlers,
      durable: calls,
      sink: recorder,
      approve: ({ call }) => givenDecision(decided.get(`approval ${call}`)),
      runId: id,
      // A derivation does not wait for anything, so no time limit ends it.
      clock: () => 0,
    });
    if (calls.problem !== undefined)
      throw new BorunaError("log.divergence", `the steps of run ${id} do not fit its program: ${calls.problem}`);
    const isWhole = !calls.isIncomplete && (outcome === undefined || !FROM_OUTSIDE.has(outcome));
    return isWhole ? closeLog(recorder, result) : undefined;
  } finally {
    recorder.abandon();
  }
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
  readonly #texts: ReadonlyMap<string, string>;
  readonly #numbers: ReadonlySet<string>;
  readonly #answerOf: (call: DurableCall) => Arrival | undefined;
  /** Whether the run reached a call without an answer. */
  isIncomplete = false;
  problem: string | undefined;

  constructor(steps: readonly KeptStep[], answerOf: (call: DurableCall) => Arrival | undefined) {
    this.#texts = new Map(steps.map(({ name, text }) => [name, text]));
    this.#numbers = new Set(steps.map(({ name }) => name.split(" ", 1)[0] ?? ""));
    this.#answerOf = answerOf;
  }

  /** Nobody sees the spans of a derived log. */
  isKept(): boolean {
    return false;
  }

  async carryOut(call: DurableCall): Promise<Arrival> {
    const text = this.#texts.get(stepName(call));
    if (text !== undefined) {
      const arrival = arrivalOf(text);
      return "later" in arrival ? (this.#answerOf(call) ?? arrival) : arrival;
    }
    if (this.#numbers.has(String(call.number)))
      this.problem ??= `call ${call.number} was of another capability than ${call.capability.name}`;
    this.isIncomplete = true;
    return { stop: { trap: "canceled", message: "the call has no answer yet" } };
  }
}
