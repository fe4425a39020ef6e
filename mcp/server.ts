/**
 * The MCP server: one factory of servers for all transports, and for clients of both protocol versions (2025 and 2026). Only this file and
 * `http.ts` use the SDK.
 *
 *     client ──stdio or HTTP──► McpServer ──callTool──► answers.ts, or a thread (threads.ts, thread.ts, programs.ts)
 */
import { McpServer, type McpServerFactory, type ServerContext, type StandardSchemaWithJSON } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { startToolSpan } from "../telemetry/mcp-span.ts";
import { incomingContext } from "../telemetry/context.ts";
import { BorunaError } from "../vm/error.ts";
import { jsonFromJs } from "../vm/json/js-interop.ts";
import { type JsonSchema, readSchema } from "../vm/json-schema/schema.ts";
import { VERSION } from "../vm/version.ts";
import { ANSWERS, errorAnswer } from "./answers.ts";
import { docsPages, docsText, COMPACT_DOCS_PAGE } from "./docs.ts";
import type { McpSettings, ToolAnswer, ToolArgs } from "./settings.ts";
import type { ThreadAnswer, Threads } from "./threads.ts";
import { PROTOCOL_VERSION, TOOLS, type ToolSpec } from "./tool-table.ts";

export type Transport = "pipe" | "tcp";

export interface McpOptions {
  readonly settings: McpSettings;
  readonly threads: Threads;
  readonly transport: Transport;
  /** Receives one line for each error that is not the client's: of a thread, of the connection, or a bug. */
  readonly onNotice: (line: string) => void;
}

/**
 * Converts a JSON Schema to the SDK's form. Clients see `schema`. The SDK validates arguments only against `checked`: `callTool` validates
 * those of tools, because the SDK's errors have no structured content.
 */
const toSdkSchema = (schema: ToolSpec["inputSchema"], checked?: JsonSchema): StandardSchemaWithJSON<ToolArgs, ToolArgs> => ({
  "~standard": {
    version: 1,
    vendor: "boruna",
    validate: (value) => {
      if (typeof value !== "object" || value === null) return { issues: [{ message: "expected an object" }] };
      const wrong = checked?.mismatchOf(jsonFromJs(value), "arguments");
      if (wrong !== undefined) return { issues: [{ message: `${wrong.path}: ${wrong.message}` }] };
      return { value: Object.fromEntries(Object.entries(value)) };
    },
    jsonSchema: { input: () => ({ ...schema }), output: () => ({ ...schema }) },
  },
});

const INSTRUCTIONS =
  "Boruna runs programs in .ax, a small typed language, under a policy. Read boruna_docs once, write one program that does all steps, check it with boruna_check until it is ok, then run it with boruna_run.";

/** Returns the factory that the SDK calls for each connection, or for each request over HTTP. */
export function mcpFactory(options: McpOptions): McpServerFactory {
  const tools = TOOLS.filter(({ needsTools }) => needsTools !== true || options.settings.tools.length > 0);
  const schemas = new Map(tools.map((tool) => [tool.name, readSchema(jsonFromJs(tool.inputSchema))]));
  return () => {
    const server = new McpServer({ name: "boruna", version: VERSION }, { instructions: INSTRUCTIONS });
    for (const tool of tools) registerTool(server, tool, schemas.get(tool.name), options);
    for (const name of docsPages().keys()) {
      const uri = `boruna://docs/${name}`;
      const mimeType = name === COMPACT_DOCS_PAGE ? "text/plain" : "text/markdown";
      server.registerResource(name, uri, { mimeType }, () => ({ contents: [{ uri, mimeType, text: docsText(name) }] }));
    }
    registerPrompt(server);
    // By default the SDK declares that these lists may change. They never do.
    server.server.registerCapabilities({
      tools: { listChanged: false },
      resources: { listChanged: false },
      prompts: { listChanged: false },
    });
    return server;
  };
}

function registerTool(server: McpServer, tool: ToolSpec, schema: JsonSchema | undefined, options: McpOptions): void {
  const { name, title, description, readOnly } = tool;
  server.registerTool(
    name,
    {
      title,
      description,
      inputSchema: toSdkSchema(tool.inputSchema),
      outputSchema: toSdkSchema(tool.outputSchema),
      annotations: { readOnlyHint: readOnly, destructiveHint: !readOnly, idempotentHint: readOnly, openWorldHint: !readOnly },
    },
    async (args, context) => {
      const { answer, isError } = await callTool(tool, args, schema, context, options);
      const structuredContent = { protocol_version: PROTOCOL_VERSION, ...answer };
      return { content: [{ type: "text", text: JSON.stringify(structuredContent) }], structuredContent, ...(isError ? { isError } : {}) };
    },
  );
}

function registerPrompt(server: McpServer): void {
  const schema: ToolSpec["inputSchema"] = {
    type: "object",
    properties: { task: { type: "string", description: "what the program is for" } },
    required: ["task"],
  };
  const argsSchema = toSdkSchema(schema, readSchema(jsonFromJs(schema)));
  server.registerPrompt(
    "write_program",
    { title: "Write a program", description: "Everything needed to write a program for a task", argsSchema },
    ({ task }) => ({
      messages: [
        {
          role: "user",
          content: {
            type: "text",
            text: `${docsText(COMPACT_DOCS_PAGE)}\n\nWrite a program for this task, check it with boruna_check until it is ok, and run it with boruna_run:\n\n${String(task)}`,
          },
        },
      ],
    }),
  );
}

/** Calls a tool. Never rejects: errors become answers. */
async function callTool(
  tool: ToolSpec,
  args: ToolArgs,
  schema: JsonSchema | undefined,
  context: ServerContext,
  options: McpOptions,
): Promise<ThreadAnswer> {
  const caller = incomingContext(callerOf(context), {});
  const span = startToolSpan({ tool: tool.name, transport: options.transport, requestId: String(context.mcpReq.id), caller });
  let ended: ThreadAnswer;
  try {
    const wrong = schema?.mismatchOf(jsonFromJs(args), "arguments");
    if (wrong !== undefined)
      throw new BorunaError("usage", `${wrong.path}: ${wrong.message}`, { hint: `the input schema of ${tool.name} says what it takes` });
    ended = tool.inThread
      ? await options.threads.run(
          { tool: tool.name, args, settings: options.settings, caller: span?.context ?? caller },
          context.mcpReq.signal,
          (progress) => sendProgress(context, progress.calls, progress.message),
        )
      : { answer: answerHere(tool.name, args, options.settings), isError: false };
  } catch (error) {
    ended = { answer: failureAnswer(error, options), isError: true };
  }
  span?.end(ended.isError ? kindOf(ended.answer) : undefined);
  return ended;
}

function answerHere(name: string, args: ToolArgs, settings: McpSettings): ToolAnswer {
  const answer = ANSWERS.get(name);
  if (answer === undefined) throw new BorunaError("internal", `no tool ${name}`);
  return answer(args, settings);
}

/** Returns the trace context in the reserved keys of `_meta`. `incomingContext` ignores malformed values. */
function callerOf({ mcpReq }: ServerContext): { traceparent?: string; tracestate?: string; baggage?: string } {
  const meta: Readonly<Record<string, unknown>> = mcpReq._meta ?? {};
  const given = (["traceparent", "tracestate", "baggage"] as const).flatMap((key) => {
    const value = meta[key];
    return typeof value === "string" ? [[key, value] as const] : [];
  });
  return Object.fromEntries(given);
}

/** Sends progress, if the client has asked for it with a token. */
function sendProgress(context: ServerContext, progress: number, message: string): void {
  const progressToken = context.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  // If the client is gone, this fails. The signal of its request cancels the run then.
  context.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, message } }).catch(() => undefined);
}

function failureAnswer(error: unknown, { onNotice }: McpOptions): ToolAnswer {
  if (error instanceof BorunaError && error.kind !== "internal") {
    if (error.kind === "mcp.thread") onNotice(`mcp: ${error.message}${error.cause instanceof Error ? `: ${error.cause.message}` : ""}`);
    return errorAnswer(error);
  }
  onNotice(`mcp: internal error: ${error instanceof Error ? error.message : String(error)}`);
  return { error: { kind: "internal", message: "a bug in Boruna" } };
}

function kindOf({ error }: ToolAnswer): string {
  return typeof error === "object" && error !== null && "kind" in error ? String(error.kind) : "tool_error";
}

/** Serves a client on stdin and stdout. Resolves when the client closes stdin or stops reading stdout, or the signal aborts. */
export async function serveOnStdio(options: McpOptions, signal: AbortSignal): Promise<void> {
  const handle = serveStdio(mcpFactory(options), { onerror: (error) => options.onNotice(`mcp: ${error.message}`) });
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
    process.stdin.once("end", resolve).once("close", resolve);
    process.stdout.once("error", () => resolve());
  });
  await handle.close();
}
