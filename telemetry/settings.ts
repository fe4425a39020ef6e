/**
 * Reads the standard OpenTelemetry environment variables that Boruna supports. This file imports no OpenTelemetry
 * package, so a process that does not export spans does not load any.
 */
import { printable } from "../vm/terminal-text.ts";

export type Environment = Readonly<Record<string, string | undefined>>;
export type Exporter = "otlp" | "console";
export type Protocol = "http/protobuf" | "http/json";
export type Compression = "gzip" | "none";

/** Limits of the queue of ended spans. */
export interface BatchSettings {
  /** Spans that may wait for a request, not counting those in flight. A run span may exceed this by one. */
  readonly maxQueueSize: number;
  /** Spans in one request. */
  readonly maxExportBatchSize: number;
  /** How long a span waits for its batch to fill. */
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
  /** At least one. */
  readonly exporters: readonly Exporter[];
  /** Undefined if no spans go to a collector. */
  readonly otlp: OtlpSettings | undefined;
  readonly batch: BatchSettings;
  /** Time for one batch, including retries. */
  readonly exportMs: number;
  /** Time for flush and shutdown together. */
  readonly shutdownMs: number;
  readonly propagators: { readonly tracecontext: boolean; readonly baggage: boolean };
  /** One line for each setting that was not understood and replaced by its default. */
  readonly notices: readonly string[];
}

export type SettingsResult = { readonly on: false } | TelemetrySettings | { readonly problem: string };

const TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/** Appended to the general endpoint. */
const TRACES_PATH = "v1/traces";
const DEFAULT_PROTOCOL: Protocol = "http/protobuf";
const SUPPORTED_PROTOCOLS = "http/protobuf and http/json";
/** The longest delay that a timer of Node takes. */
const MAX_MS = 2_147_483_647;
const MAX_QUEUE = 1_000_000;
const GOES_ON = "The run goes on without spans.";

/**
 * Returns the settings if spans are on. A `problem` is one line for stderr; the run continues without spans.
 * Empty and white-space values count as unset, as the OpenTelemetry specification says.
 */
export function readTelemetrySettings(environment: Environment): SettingsResult {
  const read = (name: string): string | undefined => environment[name]?.trim() || undefined;
  if (read("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return { on: false };
  const listed = listOf(read("OTEL_TRACES_EXPORTER") ?? "otlp");
  const unknown = listed.find((name) => !["otlp", "console", "none"].includes(name));
  if (unknown !== undefined)
    return { problem: `OTEL_TRACES_EXPORTER: ${quoted(unknown)} is not supported; otlp, console and none are. ${GOES_ON}` };
  const endpointName = [TRACES_ENDPOINT, "OTEL_EXPORTER_OTLP_ENDPOINT"].find((name) => read(name) !== undefined);
  const exporters: Exporter[] = [];
  if (listed.includes("otlp") && endpointName !== undefined) exporters.push("otlp");
  if (listed.includes("console")) exporters.push("console");
  if (listed.includes("none") || exporters.length === 0) return { on: false };

  const protocolName = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"].find((name) => read(name) !== undefined);
  const protocol = protocolName === undefined ? DEFAULT_PROTOCOL : protocolOf(read(protocolName));
  if (exporters.includes("otlp")) {
    if (protocol === undefined) {
      return { problem: `${protocolName}: ${quoted(read(protocolName ?? ""))} is not supported; ${SUPPORTED_PROTOCOLS} are. ${GOES_ON}` };
    }
    // The value may hold credentials, so the message names only the variable.
    if (endpointName !== undefined && !isHttpUrl(read(endpointName)))
      return { problem: `${endpointName} is not an http or https URL. ${GOES_ON}` };
  }
  const given = endpointName === undefined || !exporters.includes("otlp") ? undefined : read(endpointName);
  const endpoint =
    given === undefined || endpointName === TRACES_ENDPOINT ? given : `${given}${given.endsWith("/") ? "" : "/"}${TRACES_PATH}`;
  return settingsOf(read, exporters, endpoint, protocol ?? DEFAULT_PROTOCOL);
}

function settingsOf(
  read: (name: string) => string | undefined,
  exporters: readonly Exporter[],
  endpoint: string | undefined,
  protocol: Protocol,
): TelemetrySettings {
  const notices: string[] = [];
  const compressionName = ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"].find(
    (name) => read(name) !== undefined,
  );
  const compression = compressionName === undefined ? "none" : read(compressionName);
  if (compressionName !== undefined && compression !== "gzip" && compression !== "none")
    notices.push(`${compressionName}: ${quoted(compression)} is not supported; gzip and none are.`);
  const count = (name: string, fallback: number, min: number, max: number): number => {
    const text = read(name);
    if (text === undefined) return fallback;
    const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min) return Math.min(value, max);
    notices.push(`${name}: ${quoted(text)} is not a whole number from ${min} up; ${fallback} is used.`);
    return fallback;
  };
  const shutdownMs = count("BORUNA_OTEL_SHUTDOWN_MS", 5_000, 0, MAX_MS);
  const exportMs = count("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", count("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000, 1, MAX_MS), 1, MAX_MS);
  const exportTimeoutMillis = count("OTEL_BSP_EXPORT_TIMEOUT", 30_000, 1, MAX_MS);
  const maxQueueSize = count("OTEL_BSP_MAX_QUEUE_SIZE", 2_048, 1, MAX_QUEUE);
  const propagators = listOf(read("OTEL_PROPAGATORS") ?? "tracecontext,baggage");
  for (const name of propagators) {
    if (!["tracecontext", "baggage", "none"].includes(name))
      notices.push(`OTEL_PROPAGATORS: ${quoted(name)} is not supported; tracecontext, baggage and none are.`);
  }
  const propagates = (name: string): boolean => propagators.includes(name) && !propagators.includes("none");
  return {
    on: true,
    exporters,
    otlp: endpoint === undefined ? undefined : { endpoint, protocol, compression: compression === "gzip" ? "gzip" : "none" },
    batch: {
      maxQueueSize,
      maxExportBatchSize: Math.min(maxQueueSize, count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, 1, MAX_QUEUE)),
      scheduledDelayMillis: count("OTEL_BSP_SCHEDULE_DELAY", 5_000, 0, MAX_MS),
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

/** Quotes a value of the environment for a line on a terminal: shortened, without control characters. */
function quoted(text: string | undefined): string {
  return printable(JSON.stringify((text ?? "").slice(0, 60)), () => "?");
}
