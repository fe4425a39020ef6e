/**
 * Receives usage events over HTTP, for a team that keeps them on its own machine. Input is untrusted: the size of
 * requests and the number of connections are limited, and an event that does not fit the table in event.ts is refused.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isIPv4 } from "node:net";
import { startServer } from "../http-server.ts";
import { MAX_EVENT_BYTES, parseUsageEvent, type UsageEvent } from "./event.ts";
import { isSameText } from "../same-text.ts";

export interface SinkOptions {
  /** The address or name of the interface to listen on. */
  readonly host: string;
  /** 0 means any free port. */
  readonly port: number;
  /** The bearer token that each request must have. Undefined if requests need none. */
  readonly token: string | undefined;
  /** Called with each valid event. If it throws, the response has status 500. */
  readonly onEvent: (event: UsageEvent) => void;
  /** Called after each refused request with the status of the answer. */
  readonly onRefused: (status: number, problem: string) => void;
}

export interface Sink {
  /** The value for `BORUNA_TELEMETRY_URL`. */
  readonly url: string;
  /** Stops listening and closes open connections. */
  close(): Promise<void>;
}

/** Thrown to answer a request with the given status. The message contains no text of the request. */
class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Starts listening. Throws `telemetry.sink_unavailable` if the address is not available. */
export async function startUsageSink(options: SinkOptions): Promise<Sink> {
  const { host } = options;
  const { port, close } = await startServer((request, response) => void answer(request, response, options), {
    host,
    port: options.port,
    unavailable: "telemetry.sink_unavailable",
    hint: "Choose another port, or 0 for any free one, and a host that names an interface of this machine.",
  });
  return { url: `http://${host.includes(":") ? `[${host}]` : host}:${port}/`, close };
}

/** Whether only this machine can reach a server that listens on the host. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

async function answer(request: IncomingMessage, response: ServerResponse, options: SinkOptions): Promise<void> {
  try {
    rejectUnfitRequest(request, options.token);
    const parsed = parseUsageEvent(await textOf(request));
    if ("problem" in parsed) throw new Refusal(400, parsed.problem);
    options.onEvent(parsed.event);
    response.writeHead(204).end();
  } catch (error) {
    // The client has gone away.
    if (request.destroyed && !request.complete) return;
    const { status, message } = error instanceof Refusal ? error : { status: 500, message: "the event could not be stored" };
    if (!request.complete) response.setHeader("Connection", "close");
    if (status === 401) response.setHeader("WWW-Authenticate", "Bearer");
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify({ error: message }));
    request.resume();
    options.onRefused(status, message);
  }
}

/**
 * Throws a `Refusal` for a request that lacks the token or is not a POST of JSON. Any web page can make a browser send other
 * requests to this server, but a POST of JSON needs the server's permission.
 */
function rejectUnfitRequest(request: IncomingMessage, token: string | undefined): void {
  if (token !== undefined && !isSameText(request.headers.authorization ?? "", `Bearer ${token}`))
    throw new Refusal(401, "the bearer token is missing or wrong");
  if (request.method !== "POST") throw new Refusal(405, "only POST is served");
  const type = request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/json") throw new Refusal(415, "the content type is not application/json");
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (!(chunk instanceof Buffer)) throw new Refusal(400, "the body is not bytes");
    size += chunk.length;
    if (size > MAX_EVENT_BYTES) throw new Refusal(413, `the body has more than ${MAX_EVENT_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
