/** Prints how a run ended: its value, or its error with what to do next. */
import type { SuspendedCall } from "../gateway/call.ts";
import type { RunError } from "../gateway/run.ts";
import { stackLines } from "../replay/report/source-frame.ts";
import type { Execution } from "../runtime/execute.ts";
import { executionJson } from "../runtime/execution-json.ts";
import { typedText } from "../vm/value/display.ts";
import { approvalRequestLines } from "./approval.ts";
import { withFlagNames } from "./hints.ts";
import { failureLines } from "./run-error.ts";
import type { CommandSession } from "./session.ts";
import { printJson, withoutControlCharacters } from "./terminal.ts";

const NEXT_STEPS: Readonly<Record<string, string>> = {
  capability_denied: "`--policy FILE` or `--allow …` says what the program may do; `--explain` shows each decision",
  capability_budget_exceeded: "raise the rule's budget in the policy, or let the program call less often",
  step_limit: "raise it with `--max-steps N` or in the policy's limits, if the program is meant to run that long",
  alloc_limit: "raise max_alloc_bytes in the policy's limits, if the program is meant to need that much",
  log_limit: "raise max_log_bytes in the policy's limits, if the program is meant to log that much",
  unknown_capability: "a run without `--live` asks the mock of a capability, a live run its handler; this capability has none",
  in_doubt:
    "find out whether it was carried out; then `boruna resume LOG --in-doubt retry` makes it again, `--in-doubt fail` gives the program an error that `try` catches",
  timeout: "raise it with `--max-wall-ms N` or in the policy's limits",
};

/** Returns what to print about a run that did not complete. `stack` has the lines that show where the run stopped. */
export function errorText(execution: Execution, error: RunError, stack: readonly string[]): string {
  const { program, outcome, suspended } = execution;
  const lines = [`${outcome.replaceAll("_", " ")}: ${withFlagNames(error.message)}`, ...stack];
  if (error.rule !== undefined) lines.push(`  rule: ${error.rule}`);
  const isOwn = program.registry.own.some(({ name }) => name === error.capability);
  // Shows what the user's own code threw. What a built-in handler threw is not shown, because it could contain a secret of the policy.
  if (error.kind === "host_fault" && isOwn && error.cause instanceof Error && error.cause.message !== error.message)
    lines.push(`  cause: ${error.cause.name}: ${error.cause.message}`);
  if (suspended !== undefined) lines.push(...approvalRequestLines(suspended).slice(1));
  const nextStep = suspended === undefined ? errorStep(error) : suspendedStep(suspended, execution.log?.path);
  if (nextStep !== undefined) lines.push(`  help: ${nextStep}`);
  return withoutControlCharacters(lines.join("\n"));
}

/** Returns what to do about an error, if there is something. A person's refusal needs no advice. */
function errorStep({ kind, rule }: RunError): string | undefined {
  return rule?.endsWith(".approval") === true ? undefined : NEXT_STEPS[kind];
}

/** Returns what to do about a run that waits. */
function suspendedStep({ call, waitsFor, keys }: SuspendedCall, log: string | undefined): string {
  if (log === undefined) return "without `--record` the run cannot go on: record it, and it can";
  if (waitsFor === "answer") return "when its answer is there, the host resumes the log with it";
  const key = keys.length === 0 ? "" : " --key FILE";
  return `\`boruna approve ${log} --call ${call}${key}\` approves it, with \`--deny\` it is refused; then \`boruna resume ${log}\` goes on`;
}

interface PrintOptions {
  /** Whether the command printed each value of an `emit` statement during the run. If not, a note counts them. */
  readonly printsTrees?: boolean;
  /** Members of the JSON object besides those of every run. */
  readonly json?: Readonly<Record<string, unknown>>;
}

/** Prints the value or the error of a run. With `--json`, prints one object with everything. */
export function printExecution({ terminal, json }: CommandSession, execution: Execution, options: PrintOptions = {}): void {
  const { result, program } = execution;
  // A value that does not match the output schema is not printed.
  const value = execution.outcome === "success" ? result.value : undefined;
  const text = value === undefined ? undefined : typedText(value, result.resultType, program.module.types);
  if (json) {
    printJson(terminal, { ...executionJson(execution), ...options.json });
    return;
  }
  const { ui } = execution;
  if (text !== undefined) terminal.out(withoutControlCharacters(text));
  const { error } = execution;
  if (error !== undefined) terminal.err(errorText(execution, error, stackLines(program.module, error.stack)));
  for (const line of failureLines(result.unreceived)) terminal.err(withoutControlCharacters(`note: ${line}`));
  if (options.printsTrees !== true && ui.length > 0)
    terminal.err(`note: ${ui.length} emitted ${ui.length === 1 ? "value" : "values"}; --ui json shows ${ui.length === 1 ? "it" : "them"}`);
}
