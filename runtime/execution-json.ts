/** The JSON form of how a run ended, for `--json` and for MCP. */
import type { SuspendedCall } from "../gateway/call.ts";
import type { ActorFailure, RunError } from "../gateway/run.ts";
import { textForm, typedText } from "../vm/value/display.ts";
import type { Execution } from "./execute.ts";

/** Returns the members of the JSON object of a run. Members that are undefined are left out when it is printed. */
export function executionJson(execution: Execution): Readonly<Record<string, unknown>> {
  const { result, program, error, suspended } = execution;
  // A value that does not match the output schema is left out.
  const value = execution.outcome === "success" ? result.value : undefined;
  return {
    outcome: execution.outcome,
    value: execution.value ?? null,
    text: value === undefined ? null : typedText(value, result.resultType, program.module.types),
    display: value === undefined ? null : textForm(value),
    steps: execution.steps,
    alloc_bytes: execution.allocBytes,
    counters: execution.counters,
    ui: execution.ui,
    run_id: execution.runId,
    log: execution.log?.path ?? null,
    suspended: suspended === undefined ? undefined : suspendedJson(suspended),
    error: error === undefined ? null : errorJson(error),
    ...failuresJson(result.unreceived),
  };
}

/** Returns the value of the member `suspended`. */
export function suspendedJson({ call, capability, args, hash, waitsFor, keys }: SuspendedCall): Readonly<Record<string, unknown>> {
  return { call, capability, args, hash, waits_for: waitsFor, keys };
}

/** Returns an object with the member `actor_failures`, or an empty object if there are no failures. */
export function failuresJson(unreceived: readonly ActorFailure[]): Readonly<Record<string, unknown>> {
  if (unreceived.length === 0) return {};
  return { actor_failures: unreceived.map(({ actorId, functionName, message }) => ({ actor: actorId, function: functionName, message })) };
}

/** Returns the value of the member `error`. */
export function errorJson(error: RunError): Readonly<Record<string, unknown>> {
  const [first] = error.stack;
  const location = first?.line === undefined ? null : { file: first.file, line: first.line, column: first.column };
  return {
    kind: error.kind,
    message: error.message,
    capability: error.capability,
    rule: error.rule,
    location,
    stack: error.stack.map((p) => ({ function: p.function, pc: p.pc, file: p.file, line: p.line, column: p.column })),
    path: error.path,
    limit: error.limit,
    counterexample: error.counterexample,
    step: error.step,
  };
}
