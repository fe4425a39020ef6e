/** The embedding entry: one run from its program and options to its result and log. */
import { executeProgram, type ExecuteOptions as GatewayOptions, type RunError, type RunResult } from "../gateway/run.ts";
import type { Observers } from "../gateway/gateway.ts";
import type { Handler, Handlers } from "../gateway/handlers.ts";
import { mockHandlers } from "../gateway/mock.ts";
import { limitsOption, policyOption } from "../gateway/options.ts";
import type { OwnFiles } from "../gateway/own-files.ts";
import { effectiveLimits, type Policy } from "../policy/policy.ts";
import type { CallCounters, Tracing } from "../telemetry/tracing.ts";
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import type { EngineChoice } from "../vm/compiled/engine.ts";
import { BorunaError } from "../vm/error.ts";
import { isJsonObject, type JsonData } from "../vm/json/json.ts";
import { lazily } from "../vm/lazy.ts";
import type { Limits } from "../vm/limits.ts";
import type { Module } from "../vm/bytecode/module.ts";
import type { Outcome } from "../vm/outcome.ts";
import { jsonFromJs, jsonToJs } from "../vm/json/js-interop.ts";
import { valueToTypedJson } from "../vm/json/typed-json.ts";
import type { Program } from "../vm/bytecode/program.ts";
import type { Value } from "../vm/value/value.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { chosenTracing } from "../telemetry/default-tracing.ts";
import { checkRunId, describeRun, freshRunId, type RunDescription } from "../replay/log/run-description.ts";
import { openRecorder, type FinishedLog, type Recorder, type RecorderOptions } from "../replay/log/recorder.ts";
import { runEnd } from "../replay/log/run-end.ts";

/** What `compile` gives, a module, or a program already verified. */
export type Runnable = Program | Module | { readonly module: Module };

export interface RecordOptions extends RecorderOptions {
  readonly path: string;
}

export interface RunOptions {
  /** Default: deny-all. It must not change while the run lasts. */
  readonly policy?: Policy | "allow-all" | "deny-all";
  /** Calls reach the world; without it every capability answers its mock. */
  readonly live?: boolean;
  /** By capability name; each takes the place of the live one or the mock. */
  readonly handlers?: Readonly<Record<string, Handler>> | Handlers;
  /** By parameter name, in the JSON forms of values. */
  readonly args?: Readonly<Record<string, unknown>> | ReadonlyMap<string, JsonData>;
  /** What `step_input` gives, by name. */
  readonly inputs?: Readonly<Record<string, unknown>> | ReadonlyMap<string, JsonData>;
  readonly limits?: Partial<Limits>;
  /** The log: a path, a path with options, or a recorder of the caller's. */
  readonly record?: string | RecordOptions | ((run: RunDescription) => Recorder);
  readonly signal?: AbortSignal;
  /** W3C trace context of the caller. */
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** W3C baggage of the caller, for handlers' own instrumentation. */
  readonly baggage?: string;
  /** Default: the OpenTelemetry API's. */
  readonly tracing?: Tracing | false;
  readonly on?: Observers;
  /**
   * The log's id, and what idempotency keys follow from: 1 to 128 printable ASCII characters without spaces. Default: a
   * fresh random one with `live`; else one that follows from program, policy, arguments and limits, the same each time.
   * So give a unique one where handlers of your own run without `live` and send their keys to a service.
   */
  readonly runId?: string;
  /** Text of `debug`. */
  readonly onDebug?: (text: string) => void;
  /** Which engines may run the program. It changes nothing but the time. Default: auto. */
  readonly engine?: EngineChoice;
  /** Each instruction. */
  readonly trace?: (line: string) => void;
  /** Capabilities that `program` was compiled with, where it is a module. */
  readonly registry?: CapabilityRegistry;
  /** Where live handlers look for their settings. Default: the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Execution {
  readonly outcome: Outcome;
  /** The JSON form of the value, when the program completed. */
  readonly value?: unknown;
  readonly error?: RunError;
  readonly steps: number;
  readonly allocBytes: number;
  readonly counters: CallCounters;
  /** Emitted trees in their JSON form. */
  readonly ui: readonly unknown[];
  readonly runId: string;
  readonly log?: FinishedLog;
  readonly program: Program;
  /** With the values as the machine has them. */
  readonly result: RunResult;
}

/**
 * Runs a program. How the program ends is the result's `outcome`; throws `BorunaError` for what keeps it from
 * running or being recorded: `usage` and `policy.*` (options), `module.*`, `value.*` (arguments), `log.*`. A handler that
 * fails, in whatever way, ends its call and not this function.
 */
export async function execute(runnable: Runnable, options: RunOptions = {}): Promise<Execution> {
  const program = programOf(runnable, options.registry ?? BUILTIN_REGISTRY);
  const policy = policyOption(options.policy);
  const args = plainObject(options.args, "args");
  const limits = effectiveLimits(policy, limitsOption(options.limits));
  const mode = options.live === true ? "live" : "mock";
  const handlers = await handlersOf(program, policy, options, () => recorder?.own);
  const tracing = await chosenTracing(options.tracing);
  if (options.runId !== undefined) checkRunId(options.runId);
  const runId = options.runId ?? (mode === "live" ? freshRunId() : undefined);
  // Only a log, and what asks for a mock run's id, needs the module's bytes and their hash.
  const described = lazily(() =>
    describeRun(program, {
      policy,
      args,
      limits,
      mode,
      served: new Set(handlers.keys()),
      ...(runId === undefined ? {} : { runId }),
    }),
  );
  const recorder = recorderOf(described, options.record);
  try {
    const result = await executeProgram(program, {
      ...passedOn(options),
      ...(recorder === undefined ? {} : { sink: recorder }),
      ...(tracing === undefined ? {} : { tracing }),
      policy,
      handlers,
      mode,
      args,
      limits,
      get runId() {
        return runId ?? described().header.runId;
      },
    });
    const log = recorder?.finish(runEnd(result));
    return executionOf(program, result, log);
  } finally {
    recorder?.abandon();
  }
}

/** Throws `module.*`. */
export function programOf(runnable: Runnable, registry: CapabilityRegistry): Program {
  if ("moduleHash" in runnable) return runnable;
  return verifyModule("module" in runnable ? runnable.module : runnable, registry);
}

function plainObject(data: RunOptions["args"], what: string): ReadonlyMap<string, JsonData> {
  const plain = jsonFromJs(data ?? {});
  if (!isJsonObject(plain)) throw new BorunaError("value.form", `${what}: expected an object`);
  return plain;
}

/** Live handlers are loaded only when they are asked for: they bring an HTTP client along. */
async function handlersOf(program: Program, policy: Policy, options: RunOptions, ownLog: OwnLog): Promise<Handlers> {
  const inputs = plainObject(options.inputs, "inputs");
  const base = options.live === true ? await liveOnes(policy, inputs, options, ownLog) : mockHandlers(program.registry, { inputs });
  const own = ownHandlers(options.handlers);
  for (const name of own.keys()) {
    if (!program.registry.byName.has(name)) throw new BorunaError("capability.unknown", `there is no capability ${name} to handle`);
  }
  return new Map([...base, ...own]);
}

function ownHandlers(handlers: RunOptions["handlers"] = {}): Handlers {
  const isMap = (given: typeof handlers): given is Handlers => given instanceof Map;
  const own = isMap(handlers) ? handlers : new Map(Object.entries(handlers));
  for (const [name, handler] of own) {
    if (typeof handler !== "function") throw new BorunaError("usage", `handlers[${JSON.stringify(name)}]: expected a function`);
  }
  return own;
}

/** The handlers are made before the log, whose header says which there are. */
type OwnLog = () => OwnFiles | undefined;

async function liveOnes(policy: Policy, inputs: ReadonlyMap<string, JsonData>, options: RunOptions, own: OwnLog): Promise<Handlers> {
  const { liveHandlers } = await import("../gateway/live.ts");
  return liveHandlers({ policy, inputs, env: options.env ?? process.env, own });
}

function recorderOf(described: () => RunDescription, record: RunOptions["record"]): Recorder | undefined {
  if (record === undefined) return undefined;
  if (typeof record === "function") return record(described());
  return typeof record === "string" ? openRecorder(record, described()) : openRecorder(record.path, described(), record);
}

function passedOn(
  options: RunOptions,
): Pick<GatewayOptions, "signal" | "traceparent" | "tracestate" | "baggage" | "on" | "onDebug" | "engine" | "trace"> {
  const { signal, traceparent, tracestate, baggage, on, onDebug, engine, trace } = options;
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
    ...(baggage === undefined ? {} : { baggage }),
    ...(on === undefined ? {} : { on }),
    ...(onDebug === undefined ? {} : { onDebug }),
    ...(engine === undefined ? {} : { engine }),
    ...(trace === undefined ? {} : { trace }),
  };
}

function executionOf(program: Program, result: RunResult, log: FinishedLog | undefined): Execution {
  const { types } = program.module;
  const host = (value: Value, type?: RunResult["resultType"]): unknown => jsonToJs(valueToTypedJson(value, type, types));
  return {
    outcome: result.outcome,
    ...(result.value === undefined ? {} : { value: host(result.value, result.resultType) }),
    ...(result.error === undefined ? {} : { error: result.error }),
    steps: result.steps,
    allocBytes: result.allocBytes,
    counters: result.counters,
    ui: result.ui.map((tree) => host(tree)),
    get runId() {
      return result.runId;
    },
    ...(log === undefined ? {} : { log }),
    program,
    result,
  };
}
