/**
 * One execution of a run, from its beginning.
 *
 * `executeRun` runs the program with its recorded calls (`recorded-calls.ts`) and returns how the run ended. `worker.ts` reads and writes the
 * run's row. The first execution makes every call. A later one, after a crash or a wait, gets the kept answers and continues after them.
 *
 * To the worker's engine (`engine.ts`), a run is a workflow. If a run must wait, its workflow ends, and the run needs no process until
 * somebody has decided. If a draining worker hands a run over, the workflow ends too, and the run is queued again.
 */
import type { Decision } from "../gateway/approval.ts";
import { isDecision } from "../gateway/approval.ts";
import type { DurableCall } from "../gateway/durable-calls.ts";
import type { Arrival } from "../gateway/open-calls.ts";
import { plainAnswer } from "../gateway/plain-values.ts";
import type { ProtectedFiles } from "../gateway/protected-files.ts";
import { executeProgram, type ExecuteOptions, type RunResult } from "../gateway/run.ts";
import { effectiveLimits } from "../policy/policy.ts";
import { executionJson } from "../runtime/execution-json.ts";
import { executionOf, handlersFor, schemaOption } from "../runtime/execute.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { signatureFor } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import { isJsonObject, type JsonData, parseJson } from "../vm/json/json.ts";
import type { Limits } from "../vm/limits.ts";
import { jsonToJs } from "../vm/json/js-interop.ts";
import type { RunStep } from "./engine.ts";
import type { StoredProgram } from "./programs.ts";
import { RecordedCalls, type RecordedCallsOptions } from "./recorded-calls.ts";
import type { BegunRun, DecisionRow, ExecutionEnd, RunOptionsRow } from "./store.ts";

/** Why an execution is stopped from outside. `drained`: the worker ends, and another one continues the run. */
export type StopCause = "canceled" | "deadline" | "drained";

/** What an execution needs of its worker. */
export interface ExecutionHost extends Pick<RecordedCallsOptions, "intent" | "kept" | "takeOver" | "token" | "untilLeased" | "isDraining"> {
  readonly step: RunStep;
  /** Aborted with a `StopCause`. */
  readonly signal: AbortSignal;
  /** Settings and secrets of live handlers. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly protectedFiles: ProtectedFiles | undefined;
  readonly tracing: Tracing | undefined;
  /** Stops this execution of the run, because the engine failed. */
  readonly onEngineFailure: () => void;
}

export const MISSED_DEADLINE = { kind: "deadline", message: "the deadline passed before the run ended" } as const;

/** The engine failed. Another execution owns the run, or a later one will. */
export class EngineFailure extends Error {}

/** Runs the program of a begun run. Returns how it ended. Throws `EngineFailure`, and what `executeProgram` throws. */
export async function executeRun(id: string, run: BegunRun, stored: StoredProgram, host: ExecutionHost): Promise<ExecutionEnd> {
  const { program, policy } = stored;
  const { options, decisions } = run;
  const decided = new Map(decisions.map((row) => [`${row.kind} ${row.call}`, row]));
  const calls = new RecordedCalls({
    ...host,
    policy,
    inDoubt: options.inDoubt,
    maxParallelCalls: options.maxParallelCalls,
    answerOf: (call) => givenAnswer(decided.get(`answer ${call.number}`), call, program.module.types),
  });
  const handlers = await handlersFor(program, { live: true, inputs: objectOf(options.inputs), env: host.env }, () => host.protectedFiles);
  const result = await executeProgram(program, {
    ...programOptions(stored, options),
    handlers,
    durable: calls,
    approve: ({ call }) => givenDecision(decided.get(`approval ${call}`)),
    signal: host.signal,
    tracing: host.tracing,
    runId: id,
  });
  if (calls.engineFailure !== undefined) throw new EngineFailure("the engine failed", { cause: calls.engineFailure.error });
  return endOf(stored, result, calls, host.signal);
}

/**
 * Returns the options that determine the actions of a run and so the bytes of its log. They do not limit the number of parallel calls: the
 * gateway then starts handlers in the order of the log, and `RecordedCalls` limits how many run at once.
 */
export function programOptions(
  { policy }: StoredProgram,
  options: RunOptionsRow,
): Pick<ExecuteOptions, "policy" | "mode" | "args" | "outputSchema" | "maxParallelCalls"> & { readonly limits: Limits } {
  const schema = options.outputSchema === null ? undefined : jsonToJs(parseJson(options.outputSchema));
  return {
    policy,
    mode: "live",
    args: objectOf(options.args),
    limits: effectiveLimits(policy, options.limits),
    outputSchema: schemaOption(schema),
    maxParallelCalls: Number.MAX_SAFE_INTEGER,
  };
}

export function objectOf(text: string): ReadonlyMap<string, JsonData> {
  const data = parseJson(text);
  if (!isJsonObject(data)) throw new BorunaError("internal", "a row holds something else than an object");
  return data;
}

/** Returns the decision that a person gave to a call. Undefined if there is none. */
export function givenDecision(row: DecisionRow | undefined): Decision | undefined {
  if (row === undefined) return undefined;
  const given: unknown = JSON.parse(row.body);
  if (!isDecision(given)) throw new BorunaError("internal", "a row holds something else than a decision");
  return given;
}

/** Returns the answer that a client gave to a call (`Client.answer`), checked like the answer of a handler. Undefined if there is none. */
export function givenAnswer(
  row: DecisionRow | undefined,
  { capability, request }: Pick<DurableCall, "capability" | "request">,
  types: StoredProgram["program"]["module"]["types"],
): Arrival | undefined {
  if (row === undefined) return undefined;
  const given = objectOf(row.body);
  const failure = given.get("failure");
  if (typeof failure === "string") return { failure: "runtime_error", message: failure, cause: undefined };
  const result = signatureFor(capability, request.args.length)?.result;
  if (result === undefined) return undefined;
  const checked = plainAnswer(jsonToJs(given.get("value") ?? null), result, types);
  if (!("problem" in checked)) return checked;
  return { failure: "host_fault", message: `the handler of ${capability.name} answered ${checked.problem}`, cause: checked.cause };
}

function endOf({ program }: StoredProgram, result: RunResult, calls: RecordedCalls, signal: AbortSignal): ExecutionEnd {
  if (isHandedOver(result, calls, signal)) return { state: "queued", outcome: undefined, result: undefined, waiting: undefined };
  const execution = executionOf(program, result, undefined);
  const missedDeadline = execution.outcome === "canceled" && signal.reason === "deadline";
  const outcome = missedDeadline ? "timeout" : execution.outcome;
  const json = executionJson(execution);
  const text = JSON.stringify({ ...json, ...(missedDeadline ? { outcome, error: MISSED_DEADLINE } : {}), log: undefined });
  if (result.suspended !== undefined) {
    const suspended = [result.suspended, ...(result.alsoWaiting ?? [])];
    return { state: "suspended", outcome, result: text, waiting: { suspended, doubt: undefined } };
  }
  if (calls.callInDoubt !== undefined && outcome === "in_doubt")
    return { state: "in_doubt", outcome, result: text, waiting: { suspended: [], doubt: calls.callInDoubt } };
  return { state: "ended", outcome, result: text, waiting: undefined };
}

/** Whether another worker must continue the run, because this one drains: the run stopped at its next call, or the drain took too long. */
function isHandedOver({ outcome, suspended }: RunResult, calls: RecordedCalls, signal: AbortSignal): boolean {
  return (
    (calls.isHandedOver && outcome === "suspended" && suspended === undefined) || (signal.reason === "drained" && outcome === "canceled")
  );
}

/** Returns the end of a run whose program is not run: it was canceled, missed its deadline, lost too many workers, or cannot run here. */
export function endWithout(id: string, outcome: "canceled" | "timeout" | "fatal", kind: string, message: string): ExecutionEnd {
  const result = JSON.stringify({ outcome, value: null, run_id: id, error: { kind, message } });
  return { state: "ended", outcome, result, waiting: undefined };
}
