/**
 * One connection to an MCP server. Only this file uses the SDK. Every error becomes a `ServerFailure`. Logs, notifications and requests
 * from the server are dropped.
 */
import {
  type CallToolResult,
  Client,
  deserializeMessage,
  type JSONRPCMessage,
  type JsonSchemaValidatorResult,
  ProtocolError,
  SdkError,
  SdkErrorCode,
  serializeMessage,
  StreamableHTTPClientTransport,
  type Transport,
} from "@modelcontextprotocol/client";
import { jsonFromJs } from "../../vm/json/js-interop.ts";
import { VERSION } from "../../vm/version.ts";
import type { ToolServerSettings } from "../declaration.ts";
import type { ListedTool } from "../pins.ts";
import { boundedFetch } from "./bounded-fetch.ts";
import { ServerFailure } from "./server-failure.ts";
import { ServerProcess } from "./server-process.ts";
import { settlesWithin } from "./settles-within.ts";

/** The answer of a tool. */
export interface ToolAnswer {
  readonly content: unknown;
  /** Undefined if the answer has none. */
  readonly structuredContent: unknown;
  readonly isError: boolean;
}

export interface CallOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** An open connection to a server. */
export interface Connection {
  /** The version of MCP that both sides speak. */
  readonly protocol: string;
  /** The name that the server reports. */
  readonly serverName: string;
  /** Why the connection ended. Undefined while it is open. */
  readonly ended: ServerFailure | undefined;
  /** The last characters that a child process has written to stderr. */
  readonly stderr: string;
  /** Lists all tools. Throws `ServerFailure`. */
  listTools(timeoutMs: number): Promise<readonly ListedTool[]>;
  /** Calls a tool. Throws `ServerFailure`. */
  callTool(tool: string, args: Readonly<Record<string, unknown>>, options: CallOptions): Promise<ToolAnswer>;
  close(): Promise<void>;
}

/** Where to connect, and with which secrets. */
export interface ConnectOptions extends Omit<ToolServerSettings, "protocol"> {
  /** The version of MCP to speak. Undefined: negotiate it. */
  readonly protocol: string | undefined;
  /** The folder in which a command starts. */
  readonly cwd: string;
  /**
   * The environment, such as `process.env`. A command gets only the variables that its declaration names and those without private data. A
   * URL gets only the variables that its declaration sends as headers.
   */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the connection, or the attempt to connect. */
  readonly signal?: AbortSignal;
}

/** MCP has no handshake (`initialize`) from this version on. */
const FIRST_MODERN_VERSION = "2026-07-28";
/** How long a server over HTTP may take to end its session, in milliseconds. */
const SESSION_END_MS = 1_000;
/** Limits on what a server lists. */
const MAX_PAGES = 64;
const MAX_TOOLS = 2_000;

/** Connects to a server. Throws `ServerFailure`, also if a declared variable is not set. */
export async function connect(options: ConnectOptions): Promise<Connection> {
  if (options.protocol !== undefined)
    return connectOnce(options, options.protocol < FIRST_MODERN_VERSION ? "legacy" : { pin: options.protocol });
  try {
    return await connectOnce(options, "auto");
  } catch (error) {
    if (!(error instanceof ServerFailure)) throw error;
    // An old server may exit when it receives a message of the newer protocol. So connect again with the old one.
    return connectOnce(options, "legacy");
  }
}

/** Connects once. `mode` is an option of the SDK: `auto` negotiates the version, `legacy` uses the old handshake, `pin` is the version to use. */
async function connectOnce(options: ConnectOptions, mode: "auto" | "legacy" | { pin: string }): Promise<Connection> {
  const link = linkTo(options);
  const client = new Client(
    { name: "boruna", version: VERSION },
    {
      versionNegotiation: { mode },
      inputRequired: { autoFulfill: false },
      jsonSchemaValidator: { getValidator: () => acceptAll },
    },
  );
  client.onerror = () => undefined;
  const connection = new McpConnection(options, client, link);
  options.signal?.addEventListener("abort", () => link.onEnd(new ServerFailure(`the server of ${options.name} was closed`)), {
    once: true,
  });
  try {
    await connection.answerOf(client.connect(link.transport, { timeout: options.startTimeoutMs }), options.startTimeoutMs);
  } catch (error) {
    await connection.close();
    if (error instanceof ServerFailure) error.stderr = connection.stderr;
    throw error;
  }
  return connection;
}

/** A type assertion that checks nothing. The `.ax` module that `boruna import mcp` wrote checks the data. */
const isAssumed = <T>(_data: unknown): _data is T => true;

/** Replaces the SDK's validator, which would evaluate the schemas of an untrusted server. Accepts everything. */
function acceptAll<T>(data: unknown): JsonSchemaValidatorResult<T> {
  return isAssumed<T>(data) ? { valid: true, data, errorMessage: undefined } : { valid: false, data: undefined, errorMessage: "" };
}

/** A transport of the SDK, with callbacks and the stderr of the server. */
interface Link {
  readonly transport: Transport;
  /** Called when the connection ends. */
  onEnd: (why: ServerFailure) => void;
  readonly stderr: () => string;
  /** Called when no request waits for an answer. */
  readonly onIdle: () => void;
  close(): Promise<void>;
}

function linkTo(options: ConnectOptions): Link {
  return "url" in options.server ? httpLink(options, options.server) : processLink(options, options.server);
}

function processLink(
  options: ConnectOptions,
  server: { readonly command: readonly string[]; readonly variableNames: readonly string[] },
): Link {
  const { name, cwd, env, maxAnswerBytes } = options;
  const variables = new Map(server.variableNames.map((variable) => [variable, variableOf(variable, options)]));
  const child = new ServerProcess(name, { command: server.command, cwd, variables, env, maxAnswerBytes });
  let hasStarted = false;
  const transport: Transport = {
    // The SDK calls `start` again after it has negotiated the version. The process must not start twice.
    start: async () => {
      if (!hasStarted) await child.start();
      hasStarted = true;
    },
    // A message with a method and an id is a request. The server may write more bytes for each request.
    send: async (message) => child.send(serializeMessage(message).trimEnd(), "method" in message && "id" in message),
    close: async () => {
      await child.close();
      transport.onclose?.();
    },
  };
  const link: Link = {
    transport,
    onEnd: () => undefined,
    stderr: () => child.stderr,
    onIdle: () => child.resetByteAllowance(),
    close: () => child.close(),
  };
  child.onLine = (line) => {
    const message = messageOf(line);
    if (message !== undefined) transport.onmessage?.(message);
  };
  child.onEnd = (why) => {
    link.onEnd(why);
    transport.onclose?.();
  };
  return link;
}

/** Parses a line. Returns undefined for a line that is not a message, such as debug output of the server. */
function messageOf(line: string): JSONRPCMessage | undefined {
  try {
    return deserializeMessage(line);
  } catch {
    // The line is dropped, so the SDK's error is of no use.
    return undefined;
  }
}

function httpLink(options: ConnectOptions, server: { readonly url: string; readonly headerVariables: ReadonlyMap<string, string> }): Link {
  const headers = Object.fromEntries([...server.headerVariables].map(([header, variable]) => [header, variableOf(variable, options)]));
  const transport = new StreamableHTTPClientTransport(new URL(server.url), {
    requestInit: { headers },
    fetch: boundedFetch(options.maxAnswerBytes, () =>
      link.onEnd(new ServerFailure(`the server of ${options.name} sent more than ${options.maxAnswerBytes} bytes`)),
    ),
    reconnectionOptions: { maxRetries: 0, initialReconnectionDelay: 1_000, maxReconnectionDelay: 1_000, reconnectionDelayGrowFactor: 1 },
  });
  const link: Link = {
    transport,
    onEnd: () => undefined,
    stderr: () => "",
    onIdle: () => undefined,
    close: async () => {
      // Lets the server delete the session.
      if (transport.sessionId !== undefined)
        await settlesWithin(
          transport.terminateSession().catch(() => undefined),
          SESSION_END_MS,
        );
      await transport.close();
    },
  };
  return link;
}

function variableOf(variable: string, { env, name }: ConnectOptions): string {
  const value = Object.hasOwn(env, variable) ? env[variable] : undefined;
  if (value !== undefined && value !== "") return value;
  throw new ServerFailure(`the server of ${name} needs the environment variable ${variable}, which is not set`);
}

class McpConnection implements Connection {
  readonly #options: ConnectOptions;
  readonly #client: Client;
  readonly #link: Link;
  #ended: ServerFailure | undefined;
  /** Functions that reject the open requests. */
  readonly #waiting = new Set<(why: ServerFailure) => void>();

  constructor(options: ConnectOptions, client: Client, link: Link) {
    this.#options = options;
    this.#client = client;
    this.#link = link;
    link.onEnd = (why) => {
      this.#ended ??= why;
      for (const reject of this.#waiting) reject(why);
    };
  }

  get protocol(): string {
    return this.#client.getNegotiatedProtocolVersion() ?? "";
  }

  get serverName(): string {
    return this.#client.getServerVersion()?.name ?? "";
  }

  get ended(): ServerFailure | undefined {
    return this.#ended;
  }

  get stderr(): string {
    return this.#link.stderr();
  }

  async listTools(timeoutMs: number): Promise<readonly ListedTool[]> {
    const { name } = this.#options;
    if (this.#client.getServerCapabilities()?.tools === undefined) throw new ServerFailure(`the server of ${name} has no tools`);
    const tools: ListedTool[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const params = cursor === undefined ? {} : { cursor };
      const result = await this.answerOf(this.#client.request({ method: "tools/list", params }, { timeout: timeoutMs }), timeoutMs);
      tools.push(...result.tools.map(listedTool));
      cursor = result.nextCursor;
      if (tools.length > MAX_TOOLS) break;
      if (cursor === undefined) return tools;
    }
    throw new ServerFailure(`the server of ${name} lists too many tools`);
  }

  async callTool(tool: string, args: Readonly<Record<string, unknown>>, { signal, timeoutMs }: CallOptions): Promise<ToolAnswer> {
    const options = { signal, timeout: timeoutMs, maxTotalTimeout: timeoutMs };
    const result: CallToolResult = await this.answerOf(this.#client.callTool({ name: tool, arguments: { ...args } }, options), timeoutMs);
    return { content: result.content, structuredContent: result.structuredContent, isError: result.isError === true };
  }

  /** Waits for the server's answer. Rejects only with `ServerFailure`: for an error of the SDK, or if the connection ends first. */
  async answerOf<T>(answer: Promise<T>, timeoutMs: number): Promise<T> {
    if (this.#ended !== undefined) {
      answer.catch(() => undefined);
      throw this.#ended;
    }
    let reject: (why: ServerFailure) => void = () => undefined;
    const end = new Promise<never>((_, rejectEnd) => {
      reject = rejectEnd;
    });
    this.#waiting.add(reject);
    try {
      return await Promise.race([answer, end]);
    } catch (error) {
      // If the connection has ended, its reason says more than the SDK's error.
      throw this.#ended ?? this.#failure(error, timeoutMs);
    } finally {
      this.#waiting.delete(reject);
      if (this.#waiting.size === 0) this.#link.onIdle();
    }
  }

  #failure(error: unknown, timeoutMs: number): ServerFailure {
    const { name } = this.#options;
    if (error instanceof ServerFailure) return error;
    if (error instanceof ProtocolError) return new ServerFailure(`the server of ${name} refused the request: ${error.message}`);
    if (error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout)
      return new ServerFailure(`the server of ${name} did not answer within ${timeoutMs} ms`);
    if (error instanceof SdkError && error.code === SdkErrorCode.ConnectionClosed) return new ServerFailure(`the server of ${name} ended`);
    if (error instanceof SdkError && error.code === SdkErrorCode.UnsupportedResultType)
      return new ServerFailure(`the server of ${name} asked for input, which nobody can give during a run`);
    if (error instanceof SdkError && error.code === SdkErrorCode.InvalidResult)
      return new ServerFailure(`the server of ${name} sent an answer that is not one of MCP`);
    return new ServerFailure(`the server of ${name} could not be reached`);
  }

  async close(): Promise<void> {
    this.#link.onEnd(new ServerFailure(`the server of ${this.#options.name} was closed`));
    await this.#link.close();
    await this.#client.close().catch(() => undefined);
  }
}

type SdkTool = Awaited<ReturnType<Client["listTools"]>>["tools"][number];

function listedTool(tool: SdkTool): ListedTool {
  const { name, description = "", inputSchema, outputSchema, annotations } = tool;
  return {
    name,
    description,
    inputSchema: jsonFromJs(inputSchema),
    outputSchema: outputSchema === undefined ? undefined : jsonFromJs(outputSchema),
    mayRepeat: annotations?.readOnlyHint === true || annotations?.idempotentHint === true,
    isTaskOnly: "execution" in tool && isTaskOnly(tool.execution),
  };
}

/** Whether the tool can only be called as a task, MCP's form of a call whose answer is fetched later. */
function isTaskOnly(execution: unknown): boolean {
  return typeof execution === "object" && execution !== null && "taskSupport" in execution && execution.taskSupport === "required";
}
