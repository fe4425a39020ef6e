/**
 * Reads the standard OpenTelemetry environment variables that Boruna supports. This file imports no OpenTelemetry
 * package, so that a process without spans does not load any.
 */
import { printable } from "../vm/terminal-text.ts";
import { type Environment, readVariable, type VariableName, VARIABLES } from "./variables.ts";

type Exporter = "otlp" | "console";
type Protocol = "http/protobuf" | "http/json";
type Compression = "gzip" | "none";

/** Limits on the queue of ended spans. */
export interface BatchSettings {
  /** Maximum number of spans in the queue, not counting those in flight. A run span may exceed it by one. */
  readonly maxQueueSize: number;
  /** Maximum number of spans in one request. */
  readonly maxExportBatchSize: number;
  /** How long a span waits for its batch to fill, in milliseconds. */
  readonly scheduledDelayMillis: number;
  readonly exportTimeoutMillis: number;
}

/** How to reach the collector. */
export interface OtlpSettings {
  /** URL for traces, including the path. */
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
  readonly propagators: { readonly tracecontext: boolean; readonly baggage: boolean };
  /** One line for each setting that was not understood and was replaced by its default. */
  readonly notices: readonly string[];
}

type SettingsResult = { readonly on: false } | TelemetrySettings | { readonly problem: string };

const TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" satisfies VariableName;
/** The path that is appended to the general endpoint. */
const TRACES_PATH = "v1/traces";
const SUPPORTED_PROTOCOLS = "http/protobuf and http/json";
/** The longest delay that a timer of Node accepts, in milliseconds. */
const MAX_MS = 2_147_483_647;
const MAX_QUEUE_SIZE = 1_000_000;
const RUN_CONTINUES = "The run goes on without spans.";

/**
 * Reads the settings. If they contain an error that turns spans off, `problem` describes it in one line for stderr.
 * Values that are empty or white space count as unset, because the OpenTelemetry specification says so.
 */
export function readTelemetrySettings(environment: Environment): SettingsResult {
  const read: Reader = (name) => readVariable(environment, name);
  if (read("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return { on: false };
  const exporterNames = listOf(read("OTEL_TRACES_EXPORTER") ?? VARIABLES.OTEL_TRACES_EXPORTER.default);
  const unknownName = exporterNames.find((name) => !["otlp", "console", "none"].includes(name));
  if (unknownName !== undefined)
    return { problem: `OTEL_TRACES_EXPORTER: ${quote(unknownName)} is not supported; otlp, console and none are. ${RUN_CONTINUES}` };
  const endpointName = firstSet(read, TRACES_ENDPOINT, "OTEL_EXPORTER_OTLP_ENDPOINT");
  const exporters: Exporter[] = [];
  if (exporterNames.includes("otlp") && endpointName !== undefined) exporters.push("otlp");
  if (exporterNames.includes("console")) exporters.push("console");
  if (exporterNames.includes("none") || exporters.length === 0) return { on: false };

  const protocolName = firstSet(read, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL");
  const protocol = protocolOf(protocolName === undefined ? VARIABLES.OTEL_EXPORTER_OTLP_PROTOCOL.default : read(protocolName));
  if (exporters.includes("otlp")) {
    if (protocol === undefined && protocolName !== undefined) {
      return {
        problem: `${protocolName}: ${quote(read(protocolName))} is not supported; ${SUPPORTED_PROTOCOLS} are. ${RUN_CONTINUES}`,
      };
    }
    // The value may hold credentials, so the message names only the variable.
    if (endpointName !== undefined && !isHttpUrl(read(endpointName)))
      return { problem: `${endpointName} is not an http or https URL. ${RUN_CONTINUES}` };
  }
  const endpointText = endpointName === undefined || !exporters.includes("otlp") ? undefined : read(endpointName);
  const endpoint =
    endpointText === undefined || endpointName === TRACES_ENDPOINT
      ? endpointText
      : `${endpointText}${endpointText.endsWith("/") ? "" : "/"}${TRACES_PATH}`;
  return settingsOf(read, exporters, endpoint, protocol ?? VARIABLES.OTEL_EXPORTER_OTLP_PROTOCOL.default);
}

type Reader = (name: VariableName) => string | undefined;

function firstSet(read: Reader, ...names: readonly VariableName[]): VariableName | undefined {
  return names.find((name) => read(name) !== undefined);
}

function settingsOf(read: Reader, exporters: readonly Exporter[], endpoint: string | undefined, protocol: Protocol): TelemetrySettings {
  const notices: string[] = [];
  const compressionName = firstSet(read, "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION");
  const compression = compressionName === undefined ? "none" : read(compressionName);
  if (compressionName !== undefined && compression !== "gzip" && compression !== "none")
    notices.push(`${compressionName}: ${quote(compression)} is not supported; gzip and none are.`);
  const readCount = (name: VariableName, fallback: number, min: number, max: number): number => {
    const text = read(name);
    if (text === undefined) return fallback;
    const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min) return Math.min(value, max);
    notices.push(`${name}: ${quote(text)} is not a whole number from ${min} up; ${fallback} is used.`);
    return fallback;
  };
  const {
    BORUNA_OTEL_SHUTDOWN_MS: shutdown,
    OTEL_EXPORTER_OTLP_TIMEOUT: timeout,
    OTEL_BSP_EXPORT_TIMEOUT: exportTimeout,
    OTEL_BSP_MAX_QUEUE_SIZE: queueSize,
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: batchSize,
    OTEL_BSP_SCHEDULE_DELAY: delay,
  } = VARIABLES;
  const shutdownMs = readCount("BORUNA_OTEL_SHUTDOWN_MS", shutdown.default, 0, MAX_MS);
  const generalTimeout = readCount("OTEL_EXPORTER_OTLP_TIMEOUT", timeout.default, 1, MAX_MS);
  const exportMs = readCount("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", generalTimeout, 1, MAX_MS);
  const exportTimeoutMillis = readCount("OTEL_BSP_EXPORT_TIMEOUT", exportTimeout.default, 1, MAX_MS);
  const maxQueueSize = readCount("OTEL_BSP_MAX_QUEUE_SIZE", queueSize.default, 1, MAX_QUEUE_SIZE);
  const propagators = listOf(read("OTEL_PROPAGATORS") ?? VARIABLES.OTEL_PROPAGATORS.default);
  for (const name of propagators) {
    if (!["tracecontext", "baggage", "none"].includes(name))
      notices.push(`OTEL_PROPAGATORS: ${quote(name)} is not supported; tracecontext, baggage and none are.`);
  }
  const propagates = (name: string): boolean => propagators.includes(name) && !propagators.includes("none");
  return {
    on: true,
    exporters,
    otlp: endpoint === undefined ? undefined : { endpoint, protocol, compression: compression === "gzip" ? "gzip" : "none" },
    batch: {
      maxQueueSize,
      maxExportBatchSize: Math.min(maxQueueSize, readCount("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", batchSize.default, 1, MAX_QUEUE_SIZE)),
      scheduledDelayMillis: readCount("OTEL_BSP_SCHEDULE_DELAY", delay.default, 0, MAX_MS),
      exportTimeoutMillis,
    },
    exportMs: Math.min(exportMs, exportTimeoutMillis),
    shutdownMs,
    propagators: { tracecontext: propagates("tracecontext"), baggage: propagates("baggage") },
    notices,
  };
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

function isHttpUrl(text: string | undefined): boolean {
  if (text === undefined || !URL.canParse(text)) return false;
  return ["http:", "https:"].includes(new URL(text).protocol);
}

/** Quotes a value of the environment for a line on a terminal. Shortens it and replaces control characters. */
function quote(text: string | undefined): string {
  return printable(JSON.stringify((text ?? "").slice(0, 60)), () => "?");
}
