/**
 * Runs programs as tasks. A host receives an envelope: data that names an action and holds its arguments. `runTask` opens the span of
 * the task, reads the envelope, asks the host for the program of the action, and runs the program. The host then answers the sender.
 */
import { isProxy } from "node:util/types";
import { defaultTaskSpan } from "../telemetry/default-tracing.ts";
import type { RunnerTelemetry } from "../telemetry/runner-telemetry.ts";
import type { SamplingPriority, TaskOrigin, TaskSpan } from "../telemetry/task-span.ts";
import { BorunaError } from "../vm/error.ts";
import { isJsonObject, type JsonData } from "../vm/json/json.ts";
import { jsonFromJs } from "../vm/json/js-interop.ts";
import type { Outcome } from "../vm/outcome.ts";
import { execute, type Execution, type Runnable, type RunOptions } from "./execute.ts";

/** The form of an envelope. Other fields are ignored, so a host may keep its own beside these. */
export interface TaskEnvelope {
  /** 1 to 128 printable ASCII characters without spaces. */
  readonly id: string;
  /** Full name of the action: up to 128 letters, digits and `_ . : / @ -`. */
  readonly action: string;
  /** Arguments of `main` by parameter name, as JavaScript values in the form of typed JSON. Default: none. */
  readonly args?: Readonly<Record<string, unknown>> | undefined;
  /**
   * W3C trace context of the sender, and its sampling priority: −1 and 0 drop the trace, 1 and 2 keep it, whatever the
   * sampler says. Malformed values are ignored. Nothing of it reaches the program, the run id, the log or a hash. If you sign
   * envelopes, leave `trace` out, because proxies may change it.
   */
  readonly trace?: {
    readonly traceparent?: string | undefined;
    readonly tracestate?: string | undefined;
    readonly samplingPriority?: SamplingPriority | undefined;
  };
}

/** A task that has been read from a well-formed envelope. */
export interface Task {
  readonly id: string;
  readonly action: string;
}

/** The program of an action, and the options of its run. `traceDetail` overrides the variable `BORUNA_TRACE_DETAIL`, which `telemetry` reads. */
export interface TaskProgram extends Omit<RunOptions, "args" | "traceparent" | "tracestate" | "tracing" | "genAiSpans"> {
  readonly program: Runnable;
}

/** Options of `runTask`. */
export interface TaskOptions {
  /** Returns the program of the task's action, or undefined if there is none. Throws to refuse the task. */
  readonly find: (task: Task) => TaskProgram | undefined | Promise<TaskProgram | undefined>;
  /** Where spans and metrics go. Default: the providers that are registered with the OpenTelemetry API. */
  readonly telemetry?: RunnerTelemetry | undefined;
  /** As in `RunOptions`. With `telemetry`, the variable `OTEL_SEMCONV_STABILITY_OPT_IN` decides instead. */
  readonly genAiSpans?: boolean | undefined;
}

/** How a task ended. It has an `execution` if the program ran, otherwise an `error`. */
export interface TaskResult {
  /** The outcome of the run. `rejected` if no program ran; `fatal` also if the run could not be recorded or Boruna has a bug. */
  readonly outcome: Outcome | "rejected";
  readonly execution?: Execution;
  /**
   * Why the program did not run: `task.malformed`, `task.unknown_action`, `task.refused` (`cause` is what `find` threw), or
   * what `execute` throws, such as `usage` for a missing argument.
   */
  readonly error?: BorunaError;
}

const TASK_ID = /^[\x21-\x7e]{1,128}$/;
const ACTION = /^[A-Za-z0-9_][A-Za-z0-9_.:/@-]{0,127}$/;
const ENVELOPE_HINT = 'An envelope looks like {"id": "order-4711", "action": "billing.total", "args": {"customer": "Ada"}}.';

/** Runs the task that `envelope` describes, which may come from a stranger. Never rejects: the result says what happened. */
export async function runTask(envelope: unknown, options: TaskOptions): Promise<TaskResult> {
  const fields = ownFields(envelope);
  const action = matching(fields.get("action"), ACTION);
  const id = matching(fields.get("id"), TASK_ID);
  const start = { origin: originOf(fields.get("trace")), action, taskId: id };
  const span = options.telemetry?.startTask(start) ?? (await defaultTaskSpan(start, { genAiSpans: options.genAiSpans }));
  let result: TaskResult;
  try {
    result = await executeTask(readTask(action, id, fields.get("args")), options, span);
  } catch (error) {
    result = failedTask(error);
  }
  span?.end({ outcome: result.outcome, errorType: result.error?.kind });
  return result;
}

/** A task with the arguments of its envelope. */
interface ReadTask extends Task {
  readonly args: ReadonlyMap<string, JsonData>;
}

async function executeTask({ args, ...task }: ReadTask, options: TaskOptions, span: TaskSpan | undefined): Promise<TaskResult> {
  const found = await findProgram(task, options);
  const { program, ...runOptions } = found;
  const traceDetail = runOptions.traceDetail ?? span?.traceDetail ?? "cap";
  const execution = await execute(program, { ...runOptions, args, traceDetail, tracing: span?.tracing ?? false });
  return { outcome: execution.outcome, execution };
}

async function findProgram(task: Task, options: TaskOptions): Promise<TaskProgram> {
  let found: TaskProgram | undefined;
  try {
    found = await options.find(task);
  } catch (cause) {
    throw new BorunaError("task.refused", "the host refused the task", { cause });
  }
  if (found === undefined) throw new BorunaError("task.unknown_action", `there is no action ${JSON.stringify(task.action)}`);
  return found;
}

/** The kinds of errors that are not the sender's fault: the run could not be recorded, or Boruna has a bug. */
const FATAL_ERROR = /^(log\.|internal$)/;

function failedTask(error: unknown): TaskResult {
  if (!(error instanceof BorunaError)) {
    return { outcome: "fatal", error: new BorunaError("internal", "the task failed with an unexpected error", { cause: error }) };
  }
  return { outcome: FATAL_ERROR.test(error.kind) ? "fatal" : "rejected", error };
}

function readTask(action: string | undefined, id: string | undefined, args: unknown): ReadTask {
  const malformed = (message: string, cause?: unknown): BorunaError =>
    new BorunaError("task.malformed", message, { hint: ENVELOPE_HINT, cause });
  if (id === undefined) throw malformed("the envelope's id is not 1 to 128 printable ASCII characters without spaces");
  if (action === undefined) throw malformed("the envelope's action is not up to 128 letters, digits and _ . : / @ -");
  let data: JsonData;
  try {
    data = jsonFromJs(args ?? {});
  } catch (cause) {
    throw malformed("the envelope's args are not JSON", cause);
  }
  if (!isJsonObject(data)) throw malformed("the envelope's args are not an object");
  return { id, action, args: data };
}

/** Reads the `trace` of an envelope. A value that is missing or has the wrong form becomes undefined. */
function originOf(data: unknown): TaskOrigin {
  const fields = ownFields(data);
  const text = (name: string): string | undefined => {
    const value = fields.get(name);
    return typeof value === "string" ? value : undefined;
  };
  const priority = fields.get("samplingPriority");
  const isPriority = (value: unknown): value is SamplingPriority => value === -1 || value === 0 || value === 1 || value === 2;
  return {
    traceparent: text("traceparent"),
    tracestate: text("tracestate"),
    samplingPriority: isPriority(priority) ? priority : undefined,
  };
}

/** Returns the own fields of an object, without calling getters or proxy traps. Empty for anything else. */
function ownFields(data: unknown): ReadonlyMap<string, unknown> {
  if (typeof data !== "object" || data === null || isProxy(data)) return new Map();
  return new Map(
    Object.entries(Object.getOwnPropertyDescriptors(data)).flatMap(([name, { value }]) => (value === undefined ? [] : [[name, value]])),
  );
}

function matching(value: unknown, form: RegExp): string | undefined {
  return typeof value === "string" && form.test(value) ? value : undefined;
}
