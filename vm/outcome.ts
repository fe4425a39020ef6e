/**
 * Defines the ways in which a run can end: traps, outcomes and exit codes. The CLI, the spans, the log's end record and the docs use these
 * tables.
 */
export const OUTCOMES = {
  success: { exitCode: 0, spanError: false, doc: "the program completed, whatever its value" },
  program_error: { exitCode: 1, spanError: true, doc: "the program trapped" },
  runtime_error: { exitCode: 1, spanError: true, doc: "a capability's handler failed" },
  denied: { exitCode: 3, spanError: false, doc: "the policy, or a missing declaration, refused a call" },
  budget_exceeded: { exitCode: 3, spanError: false, doc: "a call went over its budget" },
  limit_exceeded: { exitCode: 4, spanError: true, doc: "a limit on steps, allocation, depth, output, the log or tasks was reached" },
  timeout: { exitCode: 4, spanError: true, doc: "the wall-clock limit was reached" },
  canceled: { exitCode: 130, spanError: true, doc: "the run was interrupted" },
  divergence: { exitCode: 5, spanError: true, doc: "a replay did something other than what the log records, or two logs differ" },
  incomplete: { exitCode: 6, spanError: false, doc: "a replay reproduced a log that has no end record" },
  suspended: { exitCode: 7, spanError: false, doc: "the run waits for an approval or for an answer; `resume` goes on with it" },
  in_doubt: {
    exitCode: 8,
    spanError: false,
    doc: "a resumed run stopped at a call that was open when its process ended and may not be repeated",
  },
  output_mismatch: {
    exitCode: 9,
    spanError: true,
    doc: "the program completed, but its value does not match the output schema; a log says `success`, because the schema is the caller's",
  },
  fatal: { exitCode: 70, spanError: true, doc: "a bug in Boruna" },
} as const satisfies Record<string, { exitCode: number; spanError: boolean; doc: string }>;

export type Outcome = keyof typeof OUTCOMES;

/** Exit codes of CLI commands that do not end with a run's outcome. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  verificationFailed: 6,
  internal: 70,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

export const EXIT_DOCS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: "the command succeeded",
  failed:
    "a test or a simulated run failed, `fmt --check` found a file that is not formatted, one of several logs cannot be replayed, `policy check` found a call that is always denied, or `policy diff` that the authority grows or may grow",
  usage: "the command line, a source, a policy, a module or a file is wrong",
  verificationFailed: "a log does not verify, or a replay has no end record to compare with",
  internal: "a bug in Boruna",
  hungUp: "SIGHUP",
  interrupted: "SIGINT",
  terminated: "SIGTERM; `worker` exits with 0 after the first one, and with this after a second",
};

/** The names of limits in spans and JSON output. */
export const LIMIT_WORDS = ["steps", "alloc", "output", "log", "depth", "tasks"] as const;
export type LimitWord = (typeof LIMIT_WORDS)[number];

interface TrapInfo {
  readonly outcome: Outcome;
  readonly limit?: LimitWord;
  readonly doc: string;
  /**
   * What in a source program can cause the trap, for the table in `docs/reference/language.md`. Absent if no program from the compiler can
   * end with the trap.
   */
  readonly where?: string;
}

export const TRAPS = {
  stack_underflow: { outcome: "program_error", doc: "an instruction needs more operands than the stack has" },
  stack_overflow: {
    outcome: "limit_exceeded",
    limit: "depth",
    doc: "too many frames, or too many stack slots in use",
    where: "more than `max_call_depth` calls in progress",
  },
  type_error: {
    outcome: "program_error",
    doc: "an operand or argument of the wrong type",
    where: "a received message of another type; a lambda with captures as the result of `main`",
  },
  division_by_zero: { outcome: "program_error", doc: "an Int divided by zero", where: "Int arithmetic and the builtins that say so" },
  arithmetic_overflow: {
    outcome: "program_error",
    doc: "a result that does not fit its type",
    where: "Int arithmetic and the builtins that say so",
  },
  invalid_constant: { outcome: "program_error", doc: "a constant index outside the pool" },
  invalid_local: { outcome: "program_error", doc: "a local index outside the frame" },
  invalid_global: { outcome: "program_error", doc: "a global index outside the module" },
  invalid_function: { outcome: "program_error", doc: "a function index outside the module" },
  invalid_jump: { outcome: "program_error", doc: "a jump outside the function" },
  invalid_field: { outcome: "program_error", doc: "a field index outside the record" },
  invalid_match_table: { outcome: "program_error", doc: "a match table index outside the function" },
  invalid_actor: { outcome: "program_error", doc: "a message to an actor that does not exist", where: "actors" },
  invalid_value: {
    outcome: "program_error",
    doc: "a value that an operation cannot take",
    where:
      "`int.pow` with a negative exponent, a wrong pattern of the `regex` builtins, a value nested too deep for `json.stringify` or for leaving the machine",
  },
  index_out_of_bounds: {
    outcome: "program_error",
    doc: "a list index outside the list, or an assignment inside the value of a missing key",
    where: "`xs[i]`, `m[k]`, `list_get`, `list.set`, `xs[i] = v`, `m[k] += v`",
  },
  match_exhausted: { outcome: "program_error", doc: "no arm of a match matches" },
  assertion_failed: { outcome: "program_error", doc: "a guard failed, or the program called panic", where: "`guard`, `panic`" },
  contract_violation: { outcome: "program_error", doc: "a requires or ensures clause is false", where: "`requires`, `ensures`" },
  step_limit: { outcome: "limit_exceeded", limit: "steps", doc: "the next step would exceed max_steps", where: "the limits of the run" },
  alloc_limit: {
    outcome: "limit_exceeded",
    limit: "alloc",
    doc: "the next value would exceed max_alloc_bytes",
    where: "the limits of the run",
  },
  output_limit: {
    outcome: "limit_exceeded",
    limit: "output",
    doc: "emitted trees and debug text exceed max_output_bytes",
    where: "the limits of the run",
  },
  log_limit: {
    outcome: "limit_exceeded",
    limit: "log",
    doc: "the records of the events exceed max_log_bytes",
    where: "the limits of the run",
  },
  task_limit: {
    outcome: "limit_exceeded",
    limit: "tasks",
    doc: "more than max_tasks actors and branches live at once",
    where: "the limits of the run",
  },
  invalid_receive: { outcome: "program_error", doc: "a branch of a `par` has no mailbox to receive from", where: "`receive` in a `par`" },
  timeout: { outcome: "timeout", doc: "max_wall_ms has passed", where: "the limits of the run" },
  canceled: { outcome: "canceled", doc: "the host canceled the run", where: "an interrupted run" },
  capability_denied: { outcome: "denied", doc: "the function does not declare it, or the policy refuses it", where: "capability calls" },
  capability_budget_exceeded: { outcome: "budget_exceeded", doc: "the rule's budget is used up", where: "capability calls" },
  capability_failed: {
    outcome: "runtime_error",
    doc: "the handler reported a failure",
    where: "capability calls",
  },
  host_fault: {
    outcome: "runtime_error",
    doc: "a mistake of the handler: it threw an error of another class than CapabilityFailure, or its answer does not have the declared type",
    where: "capability calls",
  },
  unknown_capability: { outcome: "runtime_error", doc: "no handler serves the capability", where: "capability calls" },
  divergence: { outcome: "divergence", doc: "a replay left the recorded path", where: "a replay" },
  log_end: { outcome: "incomplete", doc: "a replay reached the end of a log that the recorded run did not finish", where: "a replay" },
  suspended: {
    outcome: "suspended",
    doc: "the call waits for an approval, or its handler answers later",
    where: "capability calls",
  },
  in_doubt: {
    outcome: "in_doubt",
    doc: "the call was open when the process of the run ended, and may not be repeated",
    where: "a resumed run",
  },
  output_mismatch: {
    outcome: "output_mismatch",
    doc: "the value does not match the output schema, or takes too many steps to check",
    where: "a run with an output schema",
  },
  deadlock: { outcome: "program_error", doc: "every actor waits for a message and no message is in transit", where: "actors" },
  max_rounds: { outcome: "limit_exceeded", limit: "steps", doc: "in logs of versions that limited the scheduler's rounds" },
  internal: { outcome: "fatal", doc: "a bug in Boruna" },
} as const satisfies Record<string, TrapInfo>;

export type TrapKind = keyof typeof TRAPS;

/** Returns the outcome of a run that trapped. `limit` is present if the run reached a limit. */
export function outcomeOfTrap(kind: TrapKind): { outcome: Outcome; limit?: LimitWord } {
  const info: TrapInfo = TRAPS[kind];
  return info.limit === undefined ? { outcome: info.outcome } : { outcome: info.outcome, limit: info.limit };
}

/** Returns the kind of a failure in words, and its message. Leaves out the kind if the message begins with it: `division by zero`. */
export function failureText(kind: string, message: string): string {
  const words = kind.replaceAll("_", " ");
  return message === words || message.startsWith(`${words}: `) ? message : `${words}: ${message}`;
}
