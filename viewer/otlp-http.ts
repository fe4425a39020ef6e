/**
 * Answers OTLP/HTTP requests. Input is untrusted, so there are limits on the size of a request (compressed and decompressed), on the number
 * of items, and on nesting. A request that cannot be decoded gets status 400.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { BorunaError } from "../vm/error.ts";
import { decodeTraceRequest, type OtlpForm, otlpForm } from "./otlp.ts";
import { type DecodedSpan, OTLP_LIMITS } from "./span-data.ts";

const TRACES = "/v1/traces";
/** Signals that are accepted but dropped, so that a sender of all three signals reports no errors. */
const DROPPED_PATHS: readonly (string | undefined)[] = ["/v1/metrics", "/v1/logs"];
/** The `google.rpc.Code` in the body of an error response, by HTTP status. */
const RPC_CODES: Readonly<Record<number, number>> = { 400: 3, 404: 5, 405: 12, 413: 8, 415: 3, 500: 13 };
const unzip = promisify(gunzip);

/** An error whose HTTP status and message the client gets. */
class HttpError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Answers one OTLP request. `onSpans` returns how many spans did not fit and were rejected. If it throws, the status is 500. Decoding 4 MiB
 * blocks the event loop for a while, so it waits for the promise of `turn` first.
 */
export async function answerOtlp(
  request: IncomingMessage,
  response: ServerResponse,
  onSpans: (spans: readonly DecodedSpan[]) => number,
  turn: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const form = otlpForm(request.headers["content-type"]);
  const path = request.url?.split("?", 1)[0];
  try {
    if (path !== TRACES && !DROPPED_PATHS.includes(path)) throw new HttpError(404, `only ${TRACES} is served`);
    if (request.method !== "POST") throw new HttpError(405, "only POST is served");
    if (form === undefined) throw new HttpError(415, "application/x-protobuf and application/json are understood");
    const body = await bodyOf(request);
    await turn();
    if (path !== TRACES) send(response, 200, form, partialSuccess(form, 0, "only spans are kept"));
    else {
      const rejected = onSpans(decodeTraceRequest(body, form));
      send(response, 200, form, rejected === 0 ? success(form) : partialSuccess(form, rejected, "no room for more spans of this trace"));
    }
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

/** Returns an empty `ExportTraceServiceResponse`: all spans were accepted. */
const success = (form: OtlpForm): string => (form === "json" ? "{}" : "");

/**
 * Returns an `ExportTraceServiceResponse` that says how many spans were rejected. In protobuf, `partial_success` is field 1; in it, the
 * number is field 1 and the message field 2. Responses for metrics and logs have the same form.
 */
function partialSuccess(form: OtlpForm, rejected: number, message: string): string | Uint8Array {
  if (form === "json")
    return JSON.stringify({ partialSuccess: { ...(rejected > 0 && { rejectedSpans: String(rejected) }), errorMessage: message } });
  const text = Buffer.from(message, "latin1");
  const inner = Buffer.concat([Buffer.from([0x08, ...varint(rejected), 0x12, text.length]), text]);
  return Buffer.concat([Buffer.from([0x0a, inner.length]), inner]);
}

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 0x80);
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
