/** Clients of three kinds for the built command: the v2 SDK with the protocol versions 2026 and 2025, and the 1.x SDK. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as OldStdio } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as OldHttp } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { environment, MAIN } from "../cli/boruna.ts";

/** The versions of clients: of the two protocols, and of the SDK 1.x. */
export const CLIENT_KINDS = ["2026", "2025", "1.x"] as const;
export type ClientKind = (typeof CLIENT_KINDS)[number];

export interface Answer {
  readonly isError: boolean;
  readonly content: Readonly<Record<string, unknown>>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onprogress?: (progress: { readonly progress: number; readonly message?: string | undefined }) => void;
  readonly meta?: Readonly<Record<string, string>>;
}

export interface TestClient {
  readonly call: (name: string, args: Readonly<Record<string, unknown>>, options?: CallOptions) => Promise<Answer>;
  readonly tools: () => Promise<readonly { readonly name: string; readonly outputSchema?: unknown }[]>;
  readonly resources: () => Promise<readonly string[]>;
  readonly read: (uri: string) => Promise<string>;
  readonly prompt: (task: string | undefined) => Promise<string>;
  readonly close: () => Promise<void>;
}

interface Connection {
  /** Arguments of `boruna mcp`, for stdio. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** For HTTP. */
  readonly url?: string;
  readonly token?: string;
}

const INFO = { name: "test", version: "1" };

/** Connects over HTTP if the place has a URL, otherwise starts the command and connects over stdio. */
export async function connect(kind: ClientKind, connection: Connection): Promise<TestClient> {
  const { args = [], env = {}, url, token = "" } = connection;
  const stdio = { command: process.execPath, args: [MAIN, "mcp", ...args], env: strings(environment(env)) };
  const http = { requestInit: { headers: { authorization: `Bearer ${token}` } } };
  if (kind === "1.x") {
    const client = new OldClient(INFO);
    // The type of the transport does not fit exactOptionalPropertyTypes.
    const transport: unknown = url === undefined ? new OldStdio(stdio) : new OldHttp(new URL(url), http);
    await client.connect(asTransport<Parameters<OldClient["connect"]>[0]>(transport));
    return testClient(client);
  }
  const client = new Client(INFO, kind === "2026" ? { versionNegotiation: { mode: "auto" } } : {});
  await client.connect(url === undefined ? new StdioClientTransport(stdio) : new StreamableHTTPClientTransport(new URL(url), http));
  return testClient(client);
}

function asTransport<T>(transport: unknown): T {
  const isTransport = (value: unknown): value is T => typeof value === "object" && value !== null && "start" in value;
  if (!isTransport(transport)) throw new Error("no transport");
  return transport;
}

const strings = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));

function testClient(client: Client | OldClient): TestClient {
  return {
    call: async (name, args, { meta, ...options } = {}) => {
      const params = { name, arguments: { ...args }, ...(meta === undefined ? {} : { _meta: meta }) };
      const result =
        client instanceof OldClient ? await client.callTool(params, undefined, options) : await client.callTool(params, options);
      const content: unknown = result.structuredContent;
      if (typeof content !== "object" || content === null) throw new Error(`no structured content: ${JSON.stringify(result)}`);
      return { isError: result.isError === true, content: Object.fromEntries(Object.entries(content)) };
    },
    tools: async () => (await client.listTools()).tools,
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    read: async (uri) => {
      const [content] = (await client.readResource({ uri })).contents;
      return content !== undefined && "text" in content ? String(content.text) : "";
    },
    prompt: async (task) =>
      JSON.stringify((await client.getPrompt({ name: "write_program", arguments: task === undefined ? {} : { task } })).messages),
    close: () => client.close(),
  };
}
