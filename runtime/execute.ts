/**
 * The entry for embedders: one run, from a program and options to a result and a log.
 *
 * `execute` checks the options, chooses the handlers (mocks or live ones, then the embedder's), opens the log, runs the
 * program behind the gateway, writes the log's end record, and converts the values to JavaScript.
 */
import { addRunId, executeProgram, type RunError, type RunResult } from "../gateway/run.ts";
import { type Handler, type Handlers, MachineHandler } from "../gateway/handlers.ts";
import { mockHandlers } from "../gateway/mock.ts";
import type { Approver } from "../gateway/approval.ts";
import type { SuspendedCall } from "../gateway/call.ts";
import type { Observers } from "../gateway/observers.ts";
import { limitsOption, maxParallelCallsOption, policyOption, traceDetailOption } from "../gateway/options.ts";
import { ownHandlers } from "../gateway/own-capabilities.ts";
import type { ProtectedFiles } from "../gateway/protected-files.ts";
import { auditPolicy } from "../policy/audit.ts";
import type { PolicyInput } from "../policy/policy-fields.ts";
import { asksForApprovals, effectiveLimits } from "../policy/policy.ts";
import type { CallCounters, TraceDetail, Tracing } from "../telemetry/tracing.ts";
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import type { EngineChoice } from "../vm/compiled/engine.ts";
import { BorunaError } from "../vm/error.ts";
import { isJsonObject, type JsonData } from "../vm/json/json.ts";
import { lazily } from "../vm/lazy.ts";
import { type JsonSchema, readSchema } from "../vm/json-schema/schema.ts";
import type { Limits } from "../vm/limits.ts";
import type { Module } from "../vm/bytecode/module.ts";
import type { Outcome } from "../vm/outcome.ts";
import { jsonFromJs, jsonToJs } from "../vm/json/js-interop.ts";
import { valueToTypedJson } from "../vm/json/typed-json.ts";
import type { Program } from "../vm/bytecode/program.ts";
import type { Type } from "../vm/value/type.ts";
import type { Value } from "../vm/value/value.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { chosenTracing } from "../telemetry/default-tracing.ts";
import { checkRunId, describeRun, freshRunId, type RunDescription } from "../replay/log/run-description.ts";
import { type SigningKey, signingKeyOf } from "../gateway/signing.ts";
import { openRecorder } from "../replay/log/file-recorder.ts";
import type { FinishedLog, Recorder, RecorderOptions } from "../replay/log/recorder.ts";

/** What `compile` returns, a module, or a verified program. A verified program is not verified again for each run. */
export type Runnable = Program | Module | { readonly module: Module };

/** Where and how to write the log of a run. */
export interface RecordOptions extends Omit<RecorderOptions, "key"> {
  readonly path: string;
  /** The text of a PEM file with an Ed25519 private key, which signs the log when the run ends. Not for the format `eventlog`. */
  readonly sign?: string | undefined;
  /**
   * Whether each value of the log goes into a file of its own, with a random salt. It can then be redacted later, and the log still
   * verifies. The logs of equal runs then have different bytes. Not for the format `eventlog`. Default: false.
   */
  readonly redactable?: boolean | undefined;
}

/** Options of `execute`. All are optional. */
export interface RunOptions {
  /** What the program may do: a loaded policy, or the same as plain data. The object must not change during the run. Default: deny-all. */
  readonly policy?: PolicyInput | "allow-all" | "deny-all" | undefined;
  /** Whether calls reach the outside world. Default: no; every capability answers with its mock. */
  readonly live?: boolean | undefined;
  /**
   * Whether a live run allows calls that the rules of the policy refuse. The observer `callEnd` receives what the policy would have decided.
   * Scopes still apply, and private networks and secrets stay closed. The log has the mode `audit`. Default: false.
   */
  readonly audit?: boolean | undefined;
  /**
   * Handlers of your own, by capability name. Each replaces the live handler or the mock. A handler works with plain data, unless
   * `machineHandler` made it.
   */
  readonly handlers?: Readonly<Record<string, Handler | MachineHandler>> | Handlers | undefined;
  /** Decides about calls whose rule asks for an approval. Default: such a call suspends the run, and `approve` decides later. */
  readonly approve?: Approver | undefined;
  /** Arguments of `main` by parameter name, as JavaScript values in the form of typed JSON. */
  readonly args?: Readonly<Record<string, unknown>> | ReadonlyMap<string, JsonData> | undefined;
  /** Answers of `step.input` by input name, as JavaScript values. */
  readonly inputs?: Readonly<Record<string, unknown>> | ReadonlyMap<string, JsonData> | undefined;
  /** Limits that override those of the policy. */
  readonly limits?: Partial<Limits> | undefined;
  /** Where the log goes: a path, a path with options, or a function that returns a recorder. Default: no log. */
  readonly record?: string | RecordOptions | ((run: RunDescription) => Recorder) | undefined;
  /** How many handlers may run at once, if calls overlap. It affects only how long the run takes. Default: 16. */
  readonly maxParallelCalls?: number | undefined;
  /**
   * A JSON Schema (2020-12 or draft-07) that the program's value must match, as a JavaScript value. The schema sees the value in the form of
   * `value`, with exact Ints. If the value does not match, the outcome is `output_mismatch`, and the error has the path.
   */
  readonly outputSchema?: unknown;
  /** Cancels the run when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How much of the control flow becomes spans and reaches the observers `flowStart` and `flowEnd`. `cap`: none of it. `call`: the calls
   * of functions that declare a capability. `flow`: also the constructs in these functions, which then run slower. Default: cap.
   */
  readonly traceDetail?: TraceDetail | undefined;
  /** W3C trace context of the caller. */
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  /** W3C baggage of the caller. Handlers can read it; no span contains it. */
  readonly baggage?: string | undefined;
  /** Where spans go; `false` turns spans and metrics off. Default: spans and metrics go to the providers that are registered with the OpenTelemetry API. */
  readonly tracing?: Tracing | false | undefined;
  /**
   * Whether each `llm.call` also has a span of OpenTelemetry's GenAI conventions, which are in development. Has no effect on a
   * `tracing` of your own. Default: false.
   */
  readonly genAiSpans?: boolean | undefined;
  /** Callbacks that watch the run. */
  readonly on?: Observers | undefined;
  /**
   * The id of the run: 1 to 128 printable ASCII characters without spaces. The log records it, and idempotency keys are
   * derived from it. Default: random with `live`; otherwise derived from the header of the log, so equal runs have equal
   * ids. If a run without `live` has handlers of yours that send idempotency keys to a service, set a unique id.
   */
  readonly runId?: string | undefined;
  /** Receives each text of `debug`. */
  readonly onDebug?: ((text: string) => void) | undefined;
  /** The engines that may run the program. The choice affects only how long the run takes. Default: auto. */
  readonly engine?: EngineChoice | undefined;
  /** Receives each instruction as a line of text. */
  readonly trace?: ((line: string) => void) | undefined;
  /**
   * The capabilities that `runnable` was compiled with, if it is not a verified program. Default: the built-in ones. Calls of own
   * capabilities are answered by their handlers with `live`, otherwise by their mocks.
   */
  readonly registry?: CapabilityRegistry | undefined;
  /** The settings and secrets of live handlers. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** What `execute` returns. */
export interface Execution {
  readonly outcome: Outcome;
  /** The program's value as a JavaScript value in the form of typed JSON; absent unless the outcome is `success`. */
  readonly value?: unknown;
  /** Why the program did not complete; absent if the outcome is `success`. */
  readonly error?: RunError;
  readonly steps: number;
  /** Total bytes of all values that the run created. */
  readonly allocBytes: number;
  readonly counters: CallCounters;
  /** The values that the program emitted (`emit`), as JavaScript values, in order. */
  readonly ui: readonly unknown[];
  readonly runId: string;
  /** The call at which the run waits; absent unless the outcome is `suspended`. */
  readonly suspended?: SuspendedCall;
  /** Other calls that wait for their answers too; absent if there are none. */
  readonly alsoWaiting?: readonly SuspendedCall[];
  /** The finished log; absent without `record`. */
  readonly log?: FinishedLog;
  readonly program: Program;
  /** The result with values in their form inside the machine. */
  readonly result: RunResult;
}

/**
 * Runs a program once. The result's `outcome` says how the program ended, even if a handler failed. Throws `BorunaError`
 * if the run cannot start or be recorded: `usage` and `policy.*` for options, `schema.*`, `capability.unknown` for a handler without a
 * capability, `module.*`, `value.*` for arguments, `log.*`.
 */
export async function execute(runnable: Runnable, options: RunOptions = {}): Promise<Execution> {
  const program = programOf(runnable, options.registry ?? BUILTIN_REGISTRY);
  const { result, log } = await executeWith(program, options, (protectedFiles) => handlersFor(program, options, protectedFiles));
  return executionOf(program, result, log);
}

/** The options of `execute`, without those that choose the handlers. An option that is undefined counts as absent. */
export type ChosenOptions = {
  readonly [K in Exclude<keyof RunOptions, "handlers" | "inputs" | "registry" | "env">]?: RunOptions[K] | undefined;
};

/**
 * Runs a program once, with the handlers that `handlersOf` returns. Its parameter `protectedFiles` returns the files of the log as soon as
 * the log is open. Throws what `execute` throws.
 */
export async function executeWith(
  program: Program,
  options: ChosenOptions,
  handlersOf: (protectedFiles: () => ProtectedFiles | undefined) => Handlers | Promise<Handlers>,
): Promise<{ readonly result: RunResult; readonly log: FinishedLog | undefined }> {
  const givenPolicy = policyOption(options.policy, program.registry);
  if (options.audit === true && options.live !== true) throw new BorunaError("usage", "audit needs live: mocks reach nothing to audit");
  const policy = options.audit === true ? auditPolicy(givenPolicy) : givenPolicy;
  const args = objectOption("args", options.args);
  const limits = effectiveLimits(policy, limitsOption(options.limits));
  const outputSchema = schemaOption(options.outputSchema);
  const mode = options.live === true ? "live" : "mock";
  // The log is opened after the handlers are known, because its header names them.
  const handlers = await handlersOf(() => recorder?.ownFiles);
  const tracing = await chosenTracing(options.tracing, options.genAiSpans);
  const traceDetail = traceDetailOption(options.traceDetail);
  if (options.runId !== undefined) checkRunId(options.runId);
  const runId = options.runId ?? (mode === "live" ? freshRunId() : undefined);
  // Encoding and hashing the module takes time, so it is done only for a log or when a mock run's id is read.
  const described = lazily(() =>
    describeRun(program, {
      policy: givenPolicy,
      args,
      limits,
      mode: options.audit === true ? "audit" : mode,
      served: new Set(handlers.keys()),
      runId,
      redactable: typeof options.record === "object" && options.record.redactable === true,
    }),
  );
  if (typeof options.record === "object" && options.record.format === "eventlog" && options.audit === true)
    throw new BorunaError("usage", "an event log cannot say that a run was an audit", { hint: 'leave out the format "eventlog"' });
  if (typeof options.record === "object" && options.record.format === "eventlog" && asksForApprovals(policy)) {
    throw new BorunaError("usage", "an event log has no place for approvals, and the policy asks for some", {
      hint: 'leave out the format "eventlog"',
    });
  }
  if (
    typeof options.record === "object" &&
    options.record.format === "eventlog" &&
    program.usesActors &&
    program.module.tasks !== undefined
  ) {
    throw new BorunaError("usage", "an event log cannot hold calls that overlap, and the program has actors or a par", {
      hint: 'leave out the format "eventlog"',
    });
  }
  const key = typeof options.record === "object" ? signOption(options.record.sign) : undefined;
  if (key !== undefined && typeof options.record === "object" && options.record.format === "eventlog")
    throw new BorunaError("usage", "an event log has no place for a signature", { hint: 'leave out the format "eventlog"' });
  if (typeof options.record === "object" && options.record.redactable === true && options.record.format === "eventlog")
    throw new BorunaError("usage", "an event log has no values that can be redacted", { hint: 'leave out the format "eventlog"' });
  const recorder = openRecord(described, options.record, key);
  try {
    const maxParallelCalls = maxParallelCallsOption(options.maxParallelCalls);
    const { approve, signal, traceparent, tracestate, baggage, on, onDebug, engine, trace } = options;
    const result = await executeProgram(program, {
      policy,
      audited: options.audit === true ? givenPolicy : undefined,
      handlers,
      mode,
      args,
      limits,
      sink: recorder,
      approve,
      maxParallelCalls,
      outputSchema,
      signal,
      traceparent,
      tracestate,
      baggage,
      tracing,
      traceDetail,
      on,
      runId: runId ?? (() => described().header.runId),
      onDebug,
      engine,
      trace,
    });
    return { result, log: recorder === undefined ? undefined : closeLog(recorder, result) };
  } finally {
    recorder?.abandon();
  }
}

/** Returns the program of a runnable. Verifies a module. Throws `module.*`. */
function programOf(runnable: Runnable, registry: CapabilityRegistry): Program {
  if ("moduleHash" in runnable) return runnable;
  return verifyModule("module" in runnable ? runnable.module : runnable, registry);
}

const NO_ENTRIES: ReadonlyMap<string, JsonData> = new Map();

export function objectOption(name: string, given: RunOptions["args"]): ReadonlyMap<string, JsonData> {
  if (given === undefined) return NO_ENTRIES;
  const data = jsonFromJs(given ?? {});
  if (!isJsonObject(data)) throw new BorunaError("value.form", `${name}: expected an object`);
  return data;
}

/** Reads the option `outputSchema`. Throws `schema.*`, `value.*`. */
export function schemaOption(given: unknown): JsonSchema | undefined {
  return given === undefined ? undefined : readSchema(jsonFromJs(given), { name: "schema" });
}

/** Returns the handlers of a run. Throws `value.form`, `usage`, and `capability.unknown` for a handler without a capability. */
export async function handlersFor(
  { registry }: Pick<Program, "registry">,
  options: Pick<RunOptions, "live" | "inputs" | "env" | "handlers">,
  protectedFiles: () => ProtectedFiles | undefined,
): Promise<Handlers> {
  const inputs = objectOption("inputs", options.inputs);
  // Live handlers load an HTTP client, so they are loaded on demand.
  const base =
    options.live === true
      ? new Map([
          ...(await import("../gateway/live.ts")).liveHandlers({ inputs, env: options.env ?? process.env, protectedFiles }),
          ...ownHandlers(registry),
        ])
      : mockHandlers(registry, { inputs });
  const replacements = replacementsFor(registry, options.handlers);
  return replacements.size === 0 ? base : new Map([...base, ...replacements]);
}

/** Reads the option `handlers`. Throws `usage`, and `capability.unknown` for a handler without a capability. */
export function replacementsFor(registry: CapabilityRegistry, given: RunOptions["handlers"]): Handlers {
  const replacements = handlersOption(given);
  for (const name of replacements.keys()) {
    if (!registry.byName.has(name)) throw new BorunaError("capability.unknown", `there is no capability ${name} to handle`);
  }
  return replacements;
}

export function handlersOption(given: RunOptions["handlers"] = {}): Handlers {
  const isMap = (handlers: typeof given): handlers is Handlers => handlers instanceof Map;
  const handlers = isMap(given) ? given : new Map(Object.entries(given));
  for (const [name, handler] of handlers) {
    if (typeof handler !== "function" && !(handler instanceof MachineHandler))
      throw new BorunaError("usage", `handlers[${JSON.stringify(name)}]: expected a function`);
  }
  return handlers;
}

/** Reads the option `sign`. Throws `usage`. */
export function signOption(pem: string | undefined): SigningKey | undefined {
  if (pem === undefined) return undefined;
  const key = signingKeyOf(pem);
  if (key !== undefined) return key;
  throw new BorunaError("usage", "sign: the key is not an Ed25519 private key in PEM form, without a passphrase", {
    hint: "boruna keygen FILE makes one.",
  });
}

function openRecord(described: () => RunDescription, record: RunOptions["record"], key: SigningKey | undefined): Recorder | undefined {
  if (record === undefined) return undefined;
  if (typeof record === "function") return record(described());
  if (typeof record === "string") return openRecorder(record, described());
  const { path, sign: _sign, redactable: _redactable, ...options } = record;
  return openRecorder(path, described(), key === undefined ? options : { ...options, key });
}

/** Closes the log of a run. A run that waits gets no end record. Throws the errors of `Recorder.finish`. */
export function closeLog(recorder: Recorder, result: RunResult): FinishedLog {
  const { suspended } = result;
  return suspended === undefined ? recorder.finish(result) : recorder.suspend({ answersLater: suspended.waitsFor === "answer" });
}

/** Returns what `execute` returns. */
export function executionOf(program: Program, result: RunResult, log: FinishedLog | undefined): Execution {
  return Object.assign(executionWithTypes(program.module.types, result, log), { program });
}

/** Like `executionOf`, for a caller that has only the types of the program. */
export function executionWithTypes(types: Module["types"], result: RunResult, log: FinishedLog | undefined): Omit<Execution, "program"> {
  const { resultType, outputError, suspended, alsoWaiting, steps, allocBytes, counters } = result;
  const { outcome, value, error } =
    outputError === undefined ? result : { outcome: "output_mismatch" as const, value: undefined, error: outputError };
  const toJs = (machineValue: Value, type?: Type): unknown => jsonToJs(valueToTypedJson(machineValue, type, types));
  const execution = {
    outcome,
    ...(value === undefined ? {} : { value: toJs(value, resultType) }),
    ...(error === undefined ? {} : { error }),
    ...(suspended === undefined ? {} : { suspended }),
    ...(alsoWaiting === undefined ? {} : { alsoWaiting }),
    steps,
    allocBytes,
    counters,
    ui: result.ui.map((tree) => toJs(tree)),
  };
  addRunId(execution, () => result.runId);
  return Object.assign(execution, log === undefined ? { result } : { log, result });
}
