/**
 * Sends spans or metrics to a collector over OTLP/HTTP 1.x. Each attempt is one request. Its result says what the collector
 * did. The caller (`delivery.ts` for spans, `metric-export.ts` for metrics) is responsible for retries, time limits and counts.
 */
import { readFileSync } from "node:fs";
import type { Agent, IncomingMessage, RequestOptions } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { ISerializer } from "@opentelemetry/otlp-transformer";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-node";
import { VERSION } from "../vm/version.ts";
import { socketLookup } from "./lookup.ts";
import type { OtlpSettings, Protocol, SignalName } from "./settings.ts";
import { type Environment, readVariable, type VariableName } from "./variables.ts";
import { errorCode } from "../vm/error.ts";

/** The result of one request. */
export type SendResult =
  | {
      readonly kind: "accepted";
      /** Number of spans or data points that the collector rejected although it accepted the request. */
      readonly rejected: number;
    }
  | {
      readonly kind: "failed";
      /** What the collector did. It contains no text of the response, because that could hold a URL or a credential. */
      readonly reason: string;
      /** Whether the specification allows sending the same data again. */
      readonly retry: boolean;
      /** Milliseconds to wait before a retry, if the collector sent `Retry-After`. */
      readonly retryAfterMs?: number | undefined;
      /** Whether the connection was refused because nothing listens at the endpoint. */
      readonly connectionRefused: boolean;
    };

/** Makes one request. Each call sends the same data. Never rejects. Aborting `signal` closes the connection. */
export type Attempt = (signal: AbortSignal) => Promise<SendResult>;

export interface OtlpSender<T> {
  /** Prepares a request. The returned function sends it, and may be called several times. */
  attempt(data: T): Attempt;
  /** Closes idle connections. */
  close(): void;
}

/** Limit on a response. A collector needs far less, because a successful response holds only a count and a message. */
const MAX_RESPONSE_BYTES = 65_536;
const RETRYABLE_STATUSES: readonly number[] = [429, 502, 503, 504];
/** Error codes of Node for a connection that failed or was lost. */
const RETRYABLE_ERRORS: readonly string[] = [
  "ECONNRESET",
  "ECONNREFUSED",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "ENOTFOUND",
  "ENETUNREACH",
  "EHOSTUNREACH",
];

type OtlpTransformer = typeof import("@opentelemetry/otlp-transformer");

/** What differs between requests with spans and requests with metrics. In OpenTelemetry's words, spans are one signal and metrics another. */
interface OtlpSignal<T> {
  readonly name: SignalName;
  /** The field of a response's partial success that counts what the collector rejected. */
  readonly rejectedField: "rejectedSpans" | "rejectedDataPoints";
  serializer(transformer: OtlpTransformer, protocol: Protocol): ISerializer<T, unknown>;
}

export const SPANS_SIGNAL: OtlpSignal<ReadableSpan[]> = {
  name: "TRACES",
  rejectedField: "rejectedSpans",
  serializer: (transformer, protocol) => (protocol === "http/json" ? transformer.JsonTraceSerializer : transformer.ProtobufTraceSerializer),
};

export const METRICS_SIGNAL: OtlpSignal<ResourceMetrics> = {
  name: "METRICS",
  rejectedField: "rejectedDataPoints",
  serializer: (transformer, protocol) =>
    protocol === "http/json" ? transformer.JsonMetricsSerializer : transformer.ProtobufMetricsSerializer,
};

/** Creates a sender. Calls `note` with one line for each certificate file that cannot be read. */
export async function createOtlpSender<T>(
  signal: OtlpSignal<T>,
  settings: OtlpSettings,
  environment: Environment,
  note: (message: string) => void,
): Promise<OtlpSender<T>> {
  const [transformer, { parseKeyPairsIntoRecord, suppressTracing }, api] = await Promise.all([
    import("@opentelemetry/otlp-transformer"),
    import("@opentelemetry/core"),
    import("@opentelemetry/api"),
  ]);
  const serializer = signal.serializer(transformer, settings.protocol);
  const headers = {
    ...parseKeyPairsIntoRecord(readVariable(environment, "OTEL_EXPORTER_OTLP_HEADERS")),
    ...parseKeyPairsIntoRecord(readVariable(environment, `OTEL_EXPORTER_OTLP_${signal.name}_HEADERS`)),
    "User-Agent": `boruna/${VERSION}`,
    "Content-Type": settings.protocol === "http/json" ? "application/json" : "application/x-protobuf",
    ...(settings.compression === "gzip" ? { "Content-Encoding": "gzip" } : {}),
  };
  const url = new URL(settings.endpoint);
  const { request, agent } = await clientOf(signal.name, url, environment, note);

  const exchange = (body: Uint8Array, abortSignal: AbortSignal): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const options: RequestOptions = {
        method: "POST",
        headers: { ...headers, "Content-Length": body.length },
        agent,
        signal: abortSignal,
      };
      // Suppress tracing. Otherwise HTTP instrumentation would create spans for these requests, and sending these would need more requests.
      api.context.with(suppressTracing(api.context.active()), () => request(url, options, resolve).on("error", reject).end(body));
    });

  const encode = async (data: T): Promise<Uint8Array> => {
    const bytes = serializer.serializeRequest(data) ?? new Uint8Array();
    return settings.compression === "gzip" ? promisify(gzip)(bytes) : bytes;
  };

  return {
    attempt: (data) => {
      let body: Promise<Uint8Array> | undefined;
      return async (abortSignal) => {
        try {
          body ??= encode(data);
          const response = await exchange(await body, abortSignal);
          const decode = (bytes: Uint8Array): unknown => serializer.deserializeResponse(bytes);
          return resultOf(response, await bodyOf(response), decode, signal.rejectedField);
        } catch (error) {
          return failureOf(error);
        }
      };
    },
    close: () => agent.destroy(),
  };
}

function resultOf(
  response: IncomingMessage,
  body: Uint8Array,
  decode: (body: Uint8Array) => unknown,
  rejectedField: OtlpSignal<unknown>["rejectedField"],
): SendResult {
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return { kind: "accepted", rejected: rejectedCount(body, decode, rejectedField) };
  return {
    kind: "failed",
    reason: `the collector answered ${status}`,
    retry: RETRYABLE_STATUSES.includes(status),
    retryAfterMs: retryAfter(response.headers["retry-after"]),
    connectionRefused: false,
  };
}

async function bodyOf(response: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early destroys the response.
  for await (const chunk of response) {
    if (!(chunk instanceof Uint8Array)) break;
    size += chunk.length;
    if (size > MAX_RESPONSE_BYTES) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Returns how many items the response's `partial_success` counts as rejected, or 0 if the body has no such count. */
function rejectedCount(body: Uint8Array, decode: (body: Uint8Array) => unknown, field: string): number {
  const member = (data: unknown, name: string): unknown =>
    typeof data === "object" && data !== null ? Reflect.get(data, name) : undefined;
  let response: unknown;
  try {
    response = decode(body);
  } catch (error) {
    if (error instanceof Error) return 0;
    throw error;
  }
  const rejected = member(member(response, "partialSuccess"), field);
  // OTLP JSON encodes an int64 as a string.
  const count = typeof rejected === "string" ? Number(rejected) : rejected;
  return typeof count === "number" && count > 0 ? count : 0;
}

/** Parses `Retry-After`, which is in seconds or an HTTP date. Returns milliseconds from now, or undefined if it is neither. */
function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  if (/^[0-9]{1,10}$/.test(header)) return Number(header) * 1_000;
  const retryTime = Date.parse(header);
  return Number.isNaN(retryTime) ? undefined : Math.max(0, retryTime - Date.now());
}

function failureOf(error: unknown): SendResult {
  const code = errorCode(error);
  const errorName = /^[A-Z][A-Z0-9_]{2,40}$/.test(code) ? code : undefined;
  return {
    kind: "failed",
    reason: reasonOf(errorName),
    retry: errorName !== undefined && RETRYABLE_ERRORS.includes(errorName),
    connectionRefused: errorName === "ECONNREFUSED",
  };
}

/** Causes of a failed connection, each with a pattern for Node's error code. Any other code means that the collector cannot be reached. */
const CONNECTION_PROBLEMS: readonly (readonly [RegExp, string])[] = [
  [/^HPE_/, "the endpoint does not speak HTTP/1.1; a port for gRPC, such as 4317, does not"],
  [/^(EPROTO$|ERR_SSL_)/, "the TLS handshake failed; a port for http does not speak https"],
  [/CERT|LEAF_SIGNATURE/, "the collector's certificate is not trusted; OTEL_EXPORTER_OTLP_CERTIFICATE can name its authority"],
  [/^ERR_INVALID_(HTTP_TOKEN|CHAR)$/, "OTEL_EXPORTER_OTLP_HEADERS has a character that no header can have"],
];

function reasonOf(errorName: string | undefined): string {
  if (errorName === undefined) return "they could not be sent";
  const problem = CONNECTION_PROBLEMS.find(([code]) => code.test(errorName))?.[1] ?? "the collector cannot be reached";
  return `${problem} (${errorName})`;
}

type Request = typeof import("node:http").request;

async function clientOf(
  signal: SignalName,
  url: URL,
  environment: Environment,
  note: (message: string) => void,
): Promise<{ request: Request; agent: Agent }> {
  const tls = {
    ...fileOption(signal, "ca", "CERTIFICATE", environment, note),
    ...fileOption(signal, "cert", "CLIENT_CERTIFICATE", environment, note),
    ...fileOption(signal, "key", "CLIENT_KEY", environment, note),
  };
  const { request, Agent } = url.protocol === "https:" ? await import("node:https") : await import("node:http");
  return { request, agent: new Agent({ keepAlive: true, lookup: socketLookup(), ...tls }) };
}

function fileOption(
  signal: SignalName,
  option: "ca" | "cert" | "key",
  suffix: "CERTIFICATE" | "CLIENT_CERTIFICATE" | "CLIENT_KEY",
  environment: Environment,
  note: (message: string) => void,
): Record<string, Buffer> {
  const names: readonly VariableName[] = [`OTEL_EXPORTER_OTLP_${signal}_${suffix}`, `OTEL_EXPORTER_OTLP_${suffix}`];
  const name = names.find((key) => readVariable(environment, key) !== undefined);
  const file = name === undefined ? undefined : readVariable(environment, name);
  if (name === undefined || file === undefined) return {};
  try {
    return { [option]: readFileSync(file) };
  } catch (error) {
    note(`${name}: the file cannot be read (${errorCode(error) || "unknown error"}).`);
    return {};
  }
}
