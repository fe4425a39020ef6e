/**
 * An OpenTelemetry collector for tests. It keeps the bytes of every request and can misbehave. It decodes with protobufjs
 * and JSON.parse, not with `viewer/otlp.ts`, so that the two decoders check each other.
 */
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { gunzipSync } from "node:zlib";
import protobuf from "protobufjs";

export type Behavior =
  /** Answers 200. */
  | "healthy"
  /** Accepts the request and never answers. */
  | "hang"
  /** Resets the connection on each request. */
  | "reset"
  /** Answers 500. */
  | "error"
  /** Answers 503, which a client may retry. */
  | "unavailable"
  /** Answers one byte per second. */
  | "drip"
  /** Reads one byte per second and never answers. */
  | "slow-read"
  | RawAnswer
  | Script;

/** The bytes that a server writes when a request arrives, and whether it then ends the connection. They may be invalid HTTP. */
interface RawAnswer {
  readonly raw: string;
  readonly ends: boolean;
}

/** Called with each request; answers it now, later or never. */
type Script = (request: CollectedRequest, answer: (status: number, options?: AnswerOptions) => void) => void;

interface AnswerOptions {
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string | Uint8Array;
}

type CollectedValue = string | number | boolean | bigint | null | readonly CollectedValue[] | { readonly [key: string]: CollectedValue };

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root span. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: { readonly [key: string]: CollectedValue };
  readonly status: { readonly code: number; readonly message: string };
  readonly eventCount: number;
  readonly resource: { readonly [key: string]: CollectedValue };
  readonly scope: string;
}

export interface CollectedRequest {
  readonly path: string;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  /** Decompressed. */
  readonly body: Buffer;
  readonly spans: readonly CollectedSpan[];
}

export interface Collector {
  /** The value for `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly requests: readonly CollectedRequest[];
  /** The spans of all requests, in order of arrival. */
  spans(): readonly CollectedSpan[];
  /** Returns whether the text occurs in a body or header. */
  sent(text: string): boolean;
  /** Number of connections opened. */
  connections(): number;
  close(): Promise<void>;
}

const ROOT = protobuf.parse(`
  syntax = "proto3";
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7; } }
  message ArrayValue { repeated AnyValue values = 1; }
  message KeyValueList { repeated KeyValue values = 1; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message InstrumentationScope { string name = 1; string version = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
  message Link { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; repeated KeyValue attributes = 4; }
  message Status { string message = 2; int32 code = 3; }
  message Span { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5; int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9; uint32 dropped_attributes_count = 10; repeated Event events = 11; uint32 dropped_events_count = 12; repeated Link links = 13; uint32 dropped_links_count = 14; Status status = 15; fixed32 flags = 16; }
  message ScopeSpans { InstrumentationScope scope = 1; repeated Span spans = 2; string schema_url = 3; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
  message ExportTracePartialSuccess { int64 rejected_spans = 1; string error_message = 2; }
  message ExportTraceServiceResponse { ExportTracePartialSuccess partial_success = 1; }
  message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
`).root;

/** The message type, for tests that build requests. */
export const REQUEST_TYPE = ROOT.lookupType("ExportTraceServiceRequest");

/** The body of a response that rejects some spans. */
export function partialSuccess(form: "protobuf" | "json", rejectedSpans: number | string): string | Uint8Array {
  const answer = { partialSuccess: { rejectedSpans, errorMessage: "SENTINEL" } };
  if (form === "json") return JSON.stringify(answer);
  const type = ROOT.lookupType("ExportTraceServiceResponse");
  return type.encode(type.fromObject(answer)).finish();
}

type Json = { readonly [key: string]: unknown };
const isObject = (data: unknown): data is Json => typeof data === "object" && data !== null && !Array.isArray(data);
const asObjects = (data: unknown): readonly Json[] => (Array.isArray(data) ? data.filter(isObject) : []);
const asObject = (data: unknown): Json => (isObject(data) ? data : {});
const asText = (data: unknown): string => (typeof data === "string" ? data : "");
const asCount = (data: unknown): number => (typeof data === "number" ? data : 0);
const asNanos = (data: unknown): bigint => (typeof data === "string" || typeof data === "number" ? BigInt(data) : 0n);

/** Starts an OTLP collector on a free port, which keeps all requests. */
export async function startCollector(behavior: Behavior = "healthy"): Promise<Collector> {
  const requests: CollectedRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server =
    typeof behavior === "object" || behavior === "hang" || behavior === "reset" || behavior === "drip" || behavior === "slow-read"
      ? tcpServer(behavior)
      : httpServer(
          typeof behavior === "function" ? behavior : answeringWith({ healthy: 200, error: 500, unavailable: 503 }[behavior]),
          requests,
        );
  server.on("connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    spans: () => requests.flatMap((request) => request.spans),
    sent: (wanted) => requests.some((request) => request.body.includes(wanted) || JSON.stringify(request.headers).includes(wanted)),
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** Resolves to a loopback URL that refuses connections. */
export async function refusingUrl(): Promise<string> {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** Lets the server listen on loopback and resolves to the port. */
export function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(portOf(server.address())));
  });
}

export function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Returns a script that answers every request with this status. */
export function answeringWith(status: number, options?: AnswerOptions): Script {
  return (_request, answer) => answer(status, options);
}

function httpServer(script: Script, requests: CollectedRequest[]): Server {
  return createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const wire = Buffer.concat(chunks);
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(wire) : wire;
      const spans = request.url?.endsWith("/v1/metrics") === true ? [] : spansOf(body, request.headers["content-type"]);
      const collected = { path: request.url ?? "", headers: request.headers, body, spans };
      requests.push(collected);
      script(collected, (status, options = {}) => {
        response.writeHead(status, options.headers);
        response.end(options.body ?? "");
      });
    });
  });
}

function tcpServer(behavior: "hang" | "reset" | "drip" | "slow-read" | RawAnswer): Server {
  return createTcpServer({ pauseOnConnect: behavior === "slow-read" }, (socket) => {
    socket.on("error", () => undefined);
    if (behavior === "slow-read") {
      const timer = setInterval(() => void socket.read(1), 1_000);
      socket.on("close", () => clearInterval(timer));
      return;
    }
    socket.on("data", () => {
      if (behavior === "reset") socket.resetAndDestroy();
      if (typeof behavior === "object" && socket.writable) {
        socket.write(behavior.raw);
        if (behavior.ends) socket.end();
      }
      if (behavior !== "drip" || socket.bytesWritten > 0) return;
      const answer = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
      let at = 0;
      const writeOne = (): void => void socket.write(answer.charAt(at++));
      writeOne();
      const timer = setInterval(writeOne, 1_000);
      socket.on("close", () => clearInterval(timer));
    });
  });
}

/** Decodes an export request. */
export function spansOf(body: Buffer, type: string | undefined): readonly CollectedSpan[] {
  const isJson = type === "application/json";
  const data: unknown = isJson
    ? JSON.parse(body.toString("utf8"))
    : REQUEST_TYPE.toObject(REQUEST_TYPE.decode(body), { longs: String, bytes: String, arrays: true });
  const id = (value: unknown): string => (isJson ? asText(value) : Buffer.from(asText(value), "base64").toString("hex"));
  return asObjects(asObject(data)["resourceSpans"]).flatMap((resourceSpans) =>
    asObjects(resourceSpans["scopeSpans"]).flatMap((scopeSpans) =>
      asObjects(scopeSpans["spans"]).map((span) => ({
        traceId: id(span["traceId"]),
        spanId: id(span["spanId"]),
        parentSpanId: id(span["parentSpanId"]),
        traceState: asText(span["traceState"]),
        name: asText(span["name"]),
        kind: asCount(span["kind"]),
        startNs: asNanos(span["startTimeUnixNano"]),
        endNs: asNanos(span["endTimeUnixNano"]),
        attributes: attributesOf(span["attributes"]),
        status: { code: asCount(asObject(span["status"])["code"]), message: asText(asObject(span["status"])["message"]) },
        eventCount: asObjects(span["events"]).length,
        resource: attributesOf(asObject(resourceSpans["resource"])["attributes"]),
        scope: asText(asObject(scopeSpans["scope"])["name"]),
      })),
    ),
  );
}

function attributesOf(data: unknown): { [key: string]: CollectedValue } {
  return Object.fromEntries(asObjects(data).map((pair) => [asText(pair["key"]), valueOf(asObject(pair["value"]))]));
}

function valueOf(value: Json): CollectedValue {
  if (typeof value["stringValue"] === "string") return value["stringValue"];
  if (typeof value["boolValue"] === "boolean") return value["boolValue"];
  if (typeof value["doubleValue"] === "number") return value["doubleValue"];
  if (value["intValue"] !== undefined) {
    const exact = asNanos(value["intValue"]);
    return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
  }
  if (value["arrayValue"] !== undefined) return asObjects(asObject(value["arrayValue"])["values"]).map(valueOf);
  if (value["kvlistValue"] !== undefined) return attributesOf(asObject(value["kvlistValue"])["values"]);
  return null;
}
