/**
 * The MCP server over HTTP on loopback. A request needs the token, and a Host and Origin of this machine. So neither another program nor a
 * page in a browser reaches the tools. 2025 and 2026 are the two protocol versions that clients speak; the SDK calls 2025 legacy.
 *
 *     request ──Host, Origin, token, path──► 2026: a server for the request · 2025: a session, whose runs can be canceled
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type NodeIncomingMessageLike, NodeStreamableHTTPServerTransport, toNodeHandler, toWebRequest } from "@modelcontextprotocol/node";
import { createMcpHandler, isInitializeRequest, isLegacyRequest, type McpServerFactory } from "@modelcontextprotocol/server";
import { type RunningServer, startServer } from "../telemetry/http-server.ts";
import { isSameText } from "../telemetry/same-text.ts";

export interface HttpOptions {
  /** An address of this machine. */
  readonly host: string;
  /** 0 means any free port. */
  readonly port: number;
  readonly token: string;
  readonly onNotice: (line: string) => void;
}

const PATH = "/mcp";
/** Maximum bytes of a request: enough for a program of 1 MiB with its files. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Maximum number of sessions of 2025 clients. One more ends the oldest. */
const MAX_SESSIONS = 64;
const LOCAL_NAMES: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

export interface HttpServer extends RunningServer {
  readonly url: string;
}

/** Starts the server. Throws `mcp.unavailable` if the port is taken. */
export async function serveHttp(factory: McpServerFactory, options: HttpOptions): Promise<HttpServer> {
  const { host, port, token, onNotice } = options;
  const onerror = (error: Error): void => onNotice(`mcp: ${error.message}`);
  const limits = { maxRequestBodySize: MAX_BODY_BYTES };
  const modern = createMcpHandler(factory, { legacy: "reject", onerror, ...limits });
  const serveModern = toNodeHandler(modern, { onerror, ...limits });
  const sessions = new Sessions(factory);
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refusal = refusalOf(request, token);
    if (refusal !== undefined) return refuse(response, ...refusal);
    if (request.method !== "POST") return sessions.serve(request, response, undefined);
    const body = await readBody(request);
    if (body === undefined) return refuse(response, 413, `the body is longer than ${MAX_BODY_BYTES} bytes`);
    const parsed = tryParseJson(body);
    if (parsed === undefined) return refuse(response, 400, "the body is not JSON", PARSE_ERROR);
    const head = headOf(request);
    const isLegacy = await isLegacyRequest(await toWebRequest(head, parsed.data), parsed.data);
    return isLegacy ? sessions.serve(request, response, parsed.data) : serveModern(head, response, parsed.data);
  };
  const server = await startServer(
    (request, response) => {
      handle(request, response).catch((error: unknown) => {
        onNotice(`mcp: ${error instanceof Error ? error.message : String(error)}`);
        if (!response.headersSent) refuse(response, 500, "a bug in Boruna");
        else response.destroy();
      });
    },
    { host, port, unavailable: "mcp.unavailable", hint: "choose another with --port, or 0 for any free port" },
  );
  return {
    port: server.port,
    url: `http://${host.includes(":") ? `[${host}]` : host}:${server.port}${PATH}`,
    close: async () => {
      await Promise.all([modern.close(), sessions.close()]);
      await server.close();
    },
  };
}

const PARSE_ERROR = -32_700;
const INVALID_REQUEST = -32_600;

/** Decides about a request before its body is read. Returns the status and the reason if it is refused. */
function refusalOf(request: IncomingMessage, token: string): readonly [status: number, message: string] | undefined {
  const { host, origin, authorization } = request.headers;
  if (!isLocal(`http://${host ?? ""}`)) return [403, "the header Host names another machine"];
  if (origin !== undefined && !isLocal(origin)) return [403, "the header Origin names another site"];
  if (!isToken(authorization, token)) return [401, "expected the header Authorization: Bearer TOKEN, with the token of this server"];
  if (!["GET", "POST", "DELETE"].includes(request.method ?? "")) return [405, "expected POST"];
  return request.url?.split("?")[0] === PATH ? undefined : [404, `expected the path ${PATH}`];
}

function isLocal(origin: string): boolean {
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  return url !== undefined && url.username === "" && LOCAL_NAMES.has(url.hostname);
}

function isToken(header: string | undefined, token: string): boolean {
  const [, given] = /^Bearer +(\S+) *$/i.exec(header ?? "") ?? [];
  return given !== undefined && isSameText(given, token);
}

/** Answers with a JSON-RPC error and closes the connection, because the body of the request may be unread. */
function refuse(response: ServerResponse, status: number, message: string, code: number = INVALID_REQUEST): void {
  const body = JSON.stringify({ jsonrpc: "2.0", id: null, error: { code, message } });
  const headers = { "content-type": "application/json", connection: "close", ...(status === 401 ? { "www-authenticate": "Bearer" } : {}) };
  response.writeHead(status, headers).end(body);
}

/** Converts the head of a request to the SDK's type, which allows no undefined properties. */
function headOf(request: IncomingMessage): NodeIncomingMessageLike {
  const { method = "", url = "", headers } = request;
  return { method, url, headers: { ...headers }, [Symbol.asyncIterator]: () => request[Symbol.asyncIterator]() };
}

/** Returns undefined if the body is too long. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Buffer)) continue;
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Returns undefined if the body is not JSON. */
function tryParseJson(body: Buffer): { readonly data: unknown } | undefined {
  try {
    return { data: JSON.parse(body.toString("utf8")) };
  } catch {
    return undefined;
  }
}

/** The sessions of 2025 clients. Such a client cancels a call with a second request, so its server must outlive the first request. */
class Sessions {
  readonly #factory: McpServerFactory;
  readonly #transports = new Map<string, NodeStreamableHTTPServerTransport>();

  constructor(factory: McpServerFactory) {
    this.#factory = factory;
  }

  async serve(request: IncomingMessage, response: ServerResponse, body: unknown): Promise<void> {
    const id = request.headers["mcp-session-id"];
    const session = typeof id === "string" ? this.#transports.get(id) : undefined;
    if (session !== undefined) return session.handleRequest(request, response, body);
    if (id !== undefined) return refuse(response, 404, "there is no such session");
    const messages: readonly unknown[] = Array.isArray(body) ? body : [body];
    if (!messages.some((message) => isInitializeRequest(message)))
      return refuse(response, 400, "expected initialize, or the header Mcp-Session-Id");
    const transport = await this.#open();
    return transport.handleRequest(request, response, body);
  }

  /** Begins a session. Ends the oldest one if there are too many. */
  async #open(): Promise<NodeStreamableHTTPServerTransport> {
    const [oldest] = this.#transports.keys();
    if (this.#transports.size >= MAX_SESSIONS && oldest !== undefined) await this.#end(oldest);
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void this.#transports.set(id, transport),
      onsessionclosed: (id) => void this.#transports.delete(id),
    });
    const server = await this.#factory({ era: "legacy" });
    await server.connect(transport);
    return transport;
  }

  async #end(id: string): Promise<void> {
    const transport = this.#transports.get(id);
    this.#transports.delete(id);
    await transport?.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#transports.keys()].map((id) => this.#end(id)));
  }
}
