/**
 * Reads the standard OpenTelemetry environment variables that Boruna supports. This file imports no OpenTelemetry
 * package, so that a process without spans does not load any.
 */
import { replaceUnsafe } from "../vm/terminal-text.ts";
import { GEN_AI_OPT_IN } from "./gen-ai.ts";
import { TRACE_DETAILS, type TraceDetail } from "./tracing.ts";
import { type Environment, readVariable, type VariableName, VARIABLES } from "./variables.ts";

type Exporter = "otlp" | "console";
export type Protocol = "http/protobuf" | "http/json";
type Compression = "gzip" | "none";

/** Limits on the queue of ended spans. */
export interface BatchSettings {
  /** Maximum number of spans in the queue, not counting those in flight. A run span may exceed it by one. */
  readonly maxQueueSize: number;
  /** Maximum number of spans in one request. */
  readonly maxExportBatchSize: number;
  /** How long a span waits for its batch to fill, in milliseconds. */
  readonly scheduledDelayMillis: number;
  /** Milliseconds for one export to the console. It is also an upper bound on `exportMs`. */
  readonly exportTimeoutMillis: number;
}

/** How to reach the collector. */
export interface OtlpSettings {
  /** URL of the signal, including the path. */
  readonly endpoint: string;
  readonly protocol: Protocol;
  readonly compression: Compression;
}

export interface TelemetrySettings {
  readonly on: true;
  /** The enabled exporters, at least one. */
  readonly exporters: readonly Exporter[];
  /** Undefined if no spans go to a collector. */
  readonly otlp: OtlpSettings | undefined;
  readonly batch: BatchSettings;
  /** Milliseconds for one batch, including retries. */
  readonly exportMs: number;
  /** Milliseconds for flush and shutdown together. */
  readonly shutdownMs: number;
  readonly traceDetail: TraceDetail;
  readonly propagators: { readonly tracecontext: boolean; readonly baggage: boolean };
  /** Whether each `llm.call` also has a span of the GenAI conventions. */
  readonly genAiSpans: boolean;
  /** One line for each setting that was not understood and was replaced by its default. */
  readonly warnings: readonly string[];
}

interface Problem {
  readonly problem: string;
}

type SettingsResult = { readonly on: false } | TelemetrySettings | Problem;

export interface MetricSettings {
  readonly on: true;
  readonly otlp: OtlpSettings;
  /** Milliseconds between two exports. */
  readonly intervalMs: number;
  /** Milliseconds for one export. */
  readonly exportMs: number;
  /** Milliseconds for flush and shutdown together. */
  readonly shutdownMs: number;
  /** One line for each setting that was not understood and was replaced by its default. */
  readonly warnings: readonly string[];
}

/** The signals that have their own settings, by the name in their variables. `path` is appended to the general endpoint. */
const SIGNALS = {
  TRACES: { path: "v1/traces", noun: "spans" },
  METRICS: { path: "v1/metrics", noun: "metrics" },
} as const;
export type SignalName = keyof typeof SIGNALS;

const SUPPORTED_PROTOCOLS = "http/protobuf and http/json";
/** The longest delay that a timer of Node accepts, in milliseconds. */
const MAX_MS = 2_147_483_647;
const MAX_QUEUE_SIZE = 1_000_000;

/**
 * Reads the settings of spans. If they contain an error that turns spans off, `problem` describes it in one line for stderr.
 * Values that are empty or white space count as unset, because the OpenTelemetry specification says so.
 */
export function readTelemetrySettings(environment: Environment): SettingsResult {
  const read: Reader = (name) => readVariable(environment, name);
  if (isDisabled(read)) return { on: false };
  const exporterNames = listOf(read("OTEL_TRACES_EXPORTER") ?? VARIABLES.OTEL_TRACES_EXPORTER.default);
  const unknownName = exporterNames.find((name) => !["otlp", "console", "none"].includes(name));
  if (unknownName !== undefined)
    return problemOf("TRACES", `OTEL_TRACES_EXPORTER: ${quote(unknownName)} is not supported; otlp, console and none are.`);
  const exporters: Exporter[] = [];
  if (exporterNames.includes("otlp") && endpointVariable(read, "TRACES") !== undefined) exporters.push("otlp");
  if (exporterNames.includes("console")) exporters.push("console");
  if (exporterNames.includes("none") || exporters.length === 0) return { on: false };

  const warnings = firstWarnings(read);
  const otlp = exporters.includes("otlp") ? readOtlpSettings(read, "TRACES", warnings) : undefined;
  if (otlp !== undefined && "problem" in otlp) return otlp;
  const readCount = countReader(read, warnings);
  const {
    OTEL_BSP_EXPORT_TIMEOUT: exportTimeout,
    OTEL_BSP_MAX_QUEUE_SIZE: queueSize,
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: batchSize,
    OTEL_BSP_SCHEDULE_DELAY: delay,
  } = VARIABLES;
  const shutdownMs = readShutdownMs(readCount);
  const exportMs = readExportMs(readCount, "TRACES");
  const exportTimeoutMillis = readCount("OTEL_BSP_EXPORT_TIMEOUT", exportTimeout.default, 1, MAX_MS);
  const maxQueueSize = readCount("OTEL_BSP_MAX_QUEUE_SIZE", queueSize.default, 1, MAX_QUEUE_SIZE);
  return {
    on: true,
    exporters,
    otlp,
    batch: {
      maxQueueSize,
      maxExportBatchSize: Math.min(maxQueueSize, readCount("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", batchSize.default, 1, MAX_QUEUE_SIZE)),
      scheduledDelayMillis: readCount("OTEL_BSP_SCHEDULE_DELAY", delay.default, 0, MAX_MS),
      exportTimeoutMillis,
    },
    exportMs: Math.min(exportMs, exportTimeoutMillis),
    shutdownMs,
    traceDetail: readTraceDetail(read, warnings),
    propagators: readPropagators(read, warnings),
    genAiSpans: listOf(read("OTEL_SEMCONV_STABILITY_OPT_IN") ?? "").includes(GEN_AI_OPT_IN),
    warnings,
  };
}

/** Reads the settings of metrics, as `readTelemetrySettings` reads those of spans. */
export function readMetricSettings(environment: Environment): { readonly on: false } | MetricSettings | Problem {
  const read: Reader = (name) => readVariable(environment, name);
  const exporterNames = listOf(read("OTEL_METRICS_EXPORTER") ?? VARIABLES.OTEL_METRICS_EXPORTER.default);
  if (isDisabled(read) || exporterNames.includes("none") || endpointVariable(read, "METRICS") === undefined) return { on: false };
  const unknownName = exporterNames.find((name) => name !== "otlp");
  if (unknownName !== undefined)
    return problemOf("METRICS", `OTEL_METRICS_EXPORTER: ${quote(unknownName)} is not supported; otlp and none are.`);
  const warnings = firstWarnings(read);
  const otlp = readOtlpSettings(read, "METRICS", warnings);
  if ("problem" in otlp) return otlp;
  const readCount = countReader(read, warnings);
  const { OTEL_METRIC_EXPORT_INTERVAL: interval, OTEL_METRIC_EXPORT_TIMEOUT: timeout } = VARIABLES;
  const intervalMs = readCount("OTEL_METRIC_EXPORT_INTERVAL", interval.default, 1, MAX_MS);
  const timeoutMs = readCount("OTEL_METRIC_EXPORT_TIMEOUT", timeout.default, 1, MAX_MS);
  return {
    on: true,
    otlp,
    intervalMs,
    exportMs: Math.min(intervalMs, timeoutMs, readExportMs(readCount, "METRICS")),
    shutdownMs: readShutdownMs(readCount),
    warnings,
  };
}

type Reader = (name: VariableName) => string | undefined;
/**
 * Reads a whole number and reduces it to `max` if it is larger. Returns `fallback` if the variable is unset. If the value is malformed or
 * below `min`, returns `fallback` too and adds a warning.
 */
type CountReader = (name: VariableName, fallback: number, min: number, max: number) => number;

function isDisabled(read: Reader): boolean {
  return read("OTEL_SDK_DISABLED")?.toLowerCase() === "true";
}

/** Returns a warning if `OTEL_SDK_DISABLED` is neither true nor false. Such a value counts as false. */
function firstWarnings(read: Reader): string[] {
  const text = read("OTEL_SDK_DISABLED");
  if (text === undefined || ["true", "false"].includes(text.toLowerCase())) return [];
  return [`OTEL_SDK_DISABLED: ${quote(text)} is not true or false; false is used.`];
}

function problemOf(signal: SignalName, message: string): Problem {
  return { problem: `${message} The run goes on without ${SIGNALS[signal].noun}.` };
}

function firstSet(read: Reader, ...names: readonly VariableName[]): VariableName | undefined {
  return names.find((name) => read(name) !== undefined);
}

function endpointVariable(read: Reader, signal: SignalName): VariableName | undefined {
  return firstSet(read, `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`, "OTEL_EXPORTER_OTLP_ENDPOINT");
}

/** Reads how to reach the collector. Called only if an endpoint is set. */
function readOtlpSettings(read: Reader, signal: SignalName, warnings: string[]): OtlpSettings | Problem {
  const protocolName = firstSet(read, `OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`) ?? "OTEL_EXPORTER_OTLP_PROTOCOL";
  const protocol = protocolOf(read(protocolName) ?? VARIABLES.OTEL_EXPORTER_OTLP_PROTOCOL.default);
  if (protocol === undefined)
    return problemOf(
      signal,
      `${protocolName}: ${quote(read(protocolName))} is not supported; ${SUPPORTED_PROTOCOLS} are, on port 4318 of most collectors.`,
    );
  const endpointName = endpointVariable(read, signal) ?? "OTEL_EXPORTER_OTLP_ENDPOINT";
  const text = read(endpointName);
  const isGeneral = endpointName === "OTEL_EXPORTER_OTLP_ENDPOINT";
  const { path } = SIGNALS[signal];
  // The value may hold credentials, so the message names only the variable.
  if (text === undefined || !isHttpUrl(text)) {
    const example = `http://127.0.0.1:4318${isGeneral ? "" : `/${path}`}`;
    return problemOf(signal, `${endpointName} is not an http or https URL (such as ${example}).`);
  }
  const compressionName = firstSet(read, `OTEL_EXPORTER_OTLP_${signal}_COMPRESSION`, "OTEL_EXPORTER_OTLP_COMPRESSION");
  const compression = compressionName === undefined ? "none" : read(compressionName);
  if (compressionName !== undefined && compression !== "gzip" && compression !== "none")
    warnings.push(`${compressionName}: ${quote(compression)} is not supported; gzip and none are. none is used.`);
  return {
    endpoint: isGeneral ? text.replace(/\/?(?=[?#]|$)/, `/${path}`) : text,
    protocol,
    compression: compression === "gzip" ? "gzip" : "none",
  };
}

function countReader(read: Reader, warnings: string[]): CountReader {
  return (name, fallback, min, max) => {
    const text = read(name);
    if (text === undefined) return fallback;
    const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min) return Math.min(value, max);
    warnings.push(`${name}: ${quote(text)} is not a whole number from ${min} up; ${fallback} is used.`);
    return fallback;
  };
}

function readShutdownMs(readCount: CountReader): number {
  return readCount("BORUNA_OTEL_SHUTDOWN_MS", VARIABLES.BORUNA_OTEL_SHUTDOWN_MS.default, 0, MAX_MS);
}

function readExportMs(readCount: CountReader, signal: SignalName): number {
  const general = readCount("OTEL_EXPORTER_OTLP_TIMEOUT", VARIABLES.OTEL_EXPORTER_OTLP_TIMEOUT.default, 1, MAX_MS);
  return readCount(`OTEL_EXPORTER_OTLP_${signal}_TIMEOUT`, general, 1, MAX_MS);
}

function readPropagators(read: Reader, warnings: string[]): TelemetrySettings["propagators"] {
  const propagators = listOf(read("OTEL_PROPAGATORS") ?? VARIABLES.OTEL_PROPAGATORS.default);
  for (const name of propagators) {
    if (!["tracecontext", "baggage", "none"].includes(name))
      warnings.push(`OTEL_PROPAGATORS: ${quote(name)} is not supported; tracecontext, baggage and none are. It is ignored.`);
  }
  const propagates = (name: string): boolean => propagators.includes(name) && !propagators.includes("none");
  return { tracecontext: propagates("tracecontext"), baggage: propagates("baggage") };
}

function readTraceDetail(read: Reader, warnings: string[]): TraceDetail {
  const fallback = VARIABLES.BORUNA_TRACE_DETAIL.default;
  const text = read("BORUNA_TRACE_DETAIL") ?? fallback;
  const detail = TRACE_DETAILS.find((name) => name === text.toLowerCase());
  if (detail === undefined)
    warnings.push(`BORUNA_TRACE_DETAIL: ${quote(text)} is not supported; cap, call and flow are. ${fallback} is used.`);
  return detail ?? fallback;
}

function listOf(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== "");
}

function protocolOf(text: string | undefined): Protocol | undefined {
  return text === "http/protobuf" || text === "http/json" ? text : undefined;
}

function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  return ["http:", "https:"].includes(new URL(text).protocol);
}

/** Quotes a value of the environment for a line on a terminal. Shortens it and replaces control characters. */
function quote(text: string | undefined): string {
  return replaceUnsafe(JSON.stringify((text ?? "").slice(0, 60)), () => "?");
}
