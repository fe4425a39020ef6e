/**
 * Receives traces over OTLP/HTTP on the loopback interface. It is the entry point of this folder:
 *
 *   POST /v1/traces ──► receiver.ts (limits, gzip) ──► otlp.ts ──► otlp-protobuf.ts or otlp-json.ts ──► `onSpans`
 *
 * `onSpans` gets `DecodedSpan`s (span-data.ts), which `spanTree` (telemetry/span-tree.ts) can print. The rest of Boruna
 * only sends spans. This folder only receives them. The news-digest example uses it, and a viewer of traces will use it.
 *
 * Input is untrusted. So the size of requests, compressed and decompressed, the number of items, the nesting and the number
 * of connections are limited. A request that cannot be decoded is answered with 400.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { startServer } from "../telemetry/http-server.ts";
import { BorunaError } from "../vm/error.ts";
import { decodeTraceRequest, type OtlpForm, otlpForm } from "./otlp.ts";
import { type DecodedSpan, OTLP_LIMITS } from "./span-data.ts";

interface ReceiverOptions {
  /** The port to listen on. Default: 0, which means any free port. */
  readonly port?: number;
  /** Called once for each valid request. If this function throws, the request is answered with 500. */
  readonly onSpans: (spans: readonly DecodedSpan[]) => void;
}

export interface Receiver {
  readonly port: number;
  /** The value for `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  /** Stops listening and closes open connections. */
  close(): Promise<void>;
}

const HOST = "127.0.0.1";
const PATH = "/v1/traces";
/** The `google.rpc.Code` in the body of an error response, by HTTP status. */
const RPC_CODES: Readonly<Record<number, number>> = { 400: 3, 404: 5, 405: 12, 413: 8, 415: 3, 500: 13 };
const unzip = promisify(gunzip);

/** An error for the client. The response has this HTTP status and message. */
class HttpError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Starts listening. Throws `telemetry.receiver_unavailable` if the port is not available. */
export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const { port, close } = await startServer((request, response) => void handleRequest(request, response, options), {
    host: HOST,
    port: options.port ?? 0,
    unavailable: "telemetry.receiver_unavailable",
    hint: "Choose another port, or 0 for any free one.",
  });
  return { port, url: `http://${HOST}:${port}`, close };
}

async function handleRequest(request: IncomingMessage, response: ServerResponse, options: ReceiverOptions): Promise<void> {
  const form = otlpForm(request.headers["content-type"]);
  try {
    if (request.url?.split("?", 1)[0] !== PATH) throw new HttpError(404, `only ${PATH} is served`);
    if (request.method !== "POST") throw new HttpError(405, "only POST is served");
    if (form === undefined) throw new HttpError(415, "application/x-protobuf and application/json are understood");
    options.onSpans(decodeTraceRequest(await bodyOf(request), form));
    // An empty ExportTraceServiceResponse: all spans were accepted.
    send(response, 200, form, form === "json" ? "{}" : "");
  } catch (error) {
    const { status, message } = errorResponse(error);
    if (request.destroyed && !request.complete) return;
    if (!request.complete) response.setHeader("connection", "close");
    send(response, status, form ?? "json", statusBody(form ?? "json", status, message));
    request.resume();
  }
}

function errorResponse(error: unknown): { status: number; message: string } {
  if (error instanceof HttpError) return { status: error.status, message: error.message };
  if (error instanceof BorunaError && error.kind === "telemetry.otlp_malformed") return { status: 400, message: error.message };
  return { status: 500, message: "the receiver failed" };
}

/** Reads and decompresses the body. `OTLP_LIMITS.requestBytes` limits both the compressed and the decompressed size. */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip") throw new HttpError(415, "only gzip and identity are understood");
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (!(chunk instanceof Buffer)) throw new HttpError(500, "a body that is not bytes");
    size += chunk.length;
    if (size > OTLP_LIMITS.requestBytes) throw tooLargeError();
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  return encoding === "gzip" ? gunzipBody(body) : body;
}

async function gunzipBody(body: Buffer): Promise<Uint8Array> {
  try {
    return await unzip(body, { maxOutputLength: OTLP_LIMITS.requestBytes });
  } catch (error) {
    if (error instanceof RangeError) throw tooLargeError();
    throw new HttpError(400, "the body is not gzip");
  }
}

function tooLargeError(): HttpError {
  return new HttpError(413, `more than ${OTLP_LIMITS.requestBytes} bytes`);
}

function send(response: ServerResponse, status: number, form: OtlpForm, body: string | Uint8Array): void {
  response.writeHead(status, { "content-type": form === "json" ? "application/json" : "application/x-protobuf" });
  response.end(body);
}

/** Returns a `google.rpc.Status`, which OTLP requires in an error response. In protobuf, `code` is field 1 and `message` field 2. */
function statusBody(form: OtlpForm, status: number, message: string): string | Uint8Array {
  const code = RPC_CODES[status] ?? 2;
  if (form === "json") return JSON.stringify({ code, message });
  const text = Buffer.from(message.slice(0, 100).replace(/[^\x20-\x7e]/g, "?"), "latin1");
  return Buffer.concat([Buffer.from([0x08, code, 0x12, text.length]), text]);
}
