/** Servers over HTTP, of both generations of the protocol, on loopback. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { contractPin } from "../../mcp-tools/pins.ts";
import { jsonFromJs } from "../../vm/json/js-interop.ts";
import { temporaryFolder } from "../after-file.ts";
import { importFrom, openTools, writeDeclaration } from "./fixtures.ts";

interface RpcRequest {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: { readonly name?: string; readonly arguments?: Readonly<Record<string, unknown>> };
}

type Answer = (request: RpcRequest, response: ServerResponse, incoming: IncomingMessage) => void;

const TOOL = {
  name: "ask",
  description: "Answers.",
  inputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
};
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Starts a server. `answer` answers what `legacy` or `modern` does not. Returns its URL. */
function serve(answer: Answer, redirectTo?: string): Promise<string> {
  const server = createServer((incoming, response) => {
    if (redirectTo !== undefined) {
      response.writeHead(307, { location: redirectTo }).end();
      return;
    }
    let body = "";
    incoming.on("data", (chunk: Buffer) => {
      body += chunk.toString("utf8");
    });
    incoming.on("end", () => answer(parseRequest(body), response, incoming));
  });
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(`http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/mcp`);
    });
  });
}

function parseRequest(body: string): RpcRequest {
  const data: unknown = body === "" ? {} : JSON.parse(body);
  const isRequest = (given: unknown): given is RpcRequest => typeof given === "object" && given !== null;
  return isRequest(data) ? data : {};
}

function reply(response: ServerResponse, id: RpcRequest["id"], result: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id, result }));
}

/** Answers as a server of 2025 does. */
function server2025(call: Answer): Answer {
  return (request, response, incoming) => {
    const { id, method } = request;
    if (id === undefined) return void response.writeHead(202).end();
    if (method === "initialize")
      return reply(response, id, { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "web", version: "1" } });
    if (method === "tools/list") return reply(response, id, { tools: [TOOL] });
    if (method === "tools/call") return call(request, response, incoming);
    response.writeHead(400, { "content-type": "application/json" });
    response.end(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "unknown method" } }));
  };
}

/** Answers as a server of 2026 does, which knows no handshake. */
function server2026(call: Answer): Answer {
  const serverInfo = { name: "web", version: "2" };
  return (request, response, incoming) => {
    const { id, method } = request;
    if (id === undefined) return void response.writeHead(202).end();
    const head = { resultType: "complete", _meta: { "io.modelcontextprotocol/serverInfo": serverInfo } };
    const cached = { ttlMs: 0, cacheScope: "private" };
    if (method === "server/discover")
      return reply(response, id, { ...head, ...cached, supportedVersions: ["2026-07-28"], capabilities: { tools: {} }, serverInfo });
    if (method === "tools/list") return reply(response, id, { ...head, ...cached, tools: [TOOL] });
    if (method === "tools/call") return call(request, response, incoming);
    response.writeHead(404, { "content-type": "application/json" });
    response.end(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "unknown method" } }));
  };
}

const echo: Answer = ({ id, params }, response) =>
  reply(response, id, { resultType: "complete", content: [{ type: "text", text: `you said ${String(params?.arguments?.["text"])}` }] });

const ASK = 'Ok(json.from(t_ask(t_ask_args("hi"))?.text))';

describe.each([
  ["2025", server2025, "2025-11-25"],
  ["2026", server2026, "2026-07-28"],
] as const)("a server of %s", (_, generation, protocol) => {
  test("can be imported, and several runs can call it", async () => {
    const methods: (string | undefined)[] = [];
    const answer = generation(echo);
    const url = await serve((request, response, incoming) => {
      methods.push(request.method);
      answer(request, response, incoming);
    });
    const { folder, made } = await importFrom({ url, headerVariables: new Map() });
    expect(made.declaration.protocol).toBe(protocol);
    methods.length = 0;
    const tools = openTools(folder);
    expect(methods).toEqual([]);
    const runs = await Promise.all([tools.run(ASK), tools.run(ASK)]);
    expect(runs.map(({ value }) => value)).toEqual([{ ok: "you said hi" }, { ok: "you said hi" }]);
    // The declaration names the version of MCP, so the client does not try the other one first.
    const expected =
      protocol === "2025-11-25" ? ["initialize", "notifications/initialized", "tools/list"] : ["server/discover", "tools/list"];
    expect(methods.filter((method) => method !== undefined)).toEqual([...expected, "tools/call", "tools/call"]);
    await tools.tools.close();
  });

  test.each<[string, Answer, string]>([
    [
      "answers with megabytes",
      ({ id }, response) => reply(response, id, { content: [{ type: "text", text: "x".repeat(200_000) }] }),
      "the server of mcp_t sent more than 100000 bytes",
    ],
    ["never answers", () => undefined, "the server of mcp_t did not answer within 200 ms"],
    ["hangs up", (_request, response) => response.destroy(), "the server of mcp_t could not be reached"],
    [
      "answers with half a message",
      (_request, response) => response.writeHead(200, { "content-type": "application/json" }).end('{"jsonrpc":'),
      "the server of mcp_t could not be reached",
    ],
    [
      "answers with a page",
      (_request, response) => response.writeHead(500, { "content-type": "text/html" }).end("<h1>no</h1>"),
      "the server of mcp_t could not be reached",
    ],
    [
      "streams without end",
      (_request, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        const more = (): void => {
          while (
            response.write(
              `data: ${JSON.stringify({ jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: "x" } })}\n\n`,
            )
          );
          response.once("drain", more);
        };
        more();
      },
      "the server of mcp_t sent more than 100000 bytes",
    ],
  ])("that %s ends as one failure, and serves again when it is well", async (_behavior, misbehave, message) => {
    let isWell = false;
    const url = await serve(generation((request, response, incoming) => (isWell ? echo : misbehave)(request, response, incoming)));
    const { folder, made } = await importFrom({ url, headerVariables: new Map() });
    writeDeclaration(folder, { ...made.declaration, timeoutMs: message.includes("200 ms") ? 200 : 60_000, maxAnswerBytes: 100_000 });
    const tools = openTools(folder);
    expect((await tools.run(ASK)).value).toEqual({ err: message });
    isWell = true;
    writeDeclaration(folder, { ...made.declaration });
    expect((await openTools(folder).run(ASK)).value).toEqual({ ok: "you said hi" });
  });
});

test("a header has the value of its variable, which stays out of files, answers and messages", async () => {
  const env = { ...process.env, TICKETS_TOKEN: "Bearer t0k3n-123" };
  const url = await serve((request, response, incoming) => {
    const { authorization = "none" } = incoming.headers;
    if (authorization !== "Bearer t0k3n-123") return void response.writeHead(401).end();
    return server2025(({ id }, answer) => reply(answer, id, { content: [{ type: "text", text: `token ${authorization}` }] }))(
      request,
      response,
      incoming,
    );
  });
  const folder = temporaryFolder();
  process.env["TICKETS_TOKEN"] = env.TICKETS_TOKEN;
  try {
    await importFrom({ url, headerVariables: new Map([["Authorization", "TICKETS_TOKEN"]]) }, folder);
  } finally {
    delete process.env["TICKETS_TOKEN"];
  }
  const tools = openTools(folder, env);
  expect((await tools.run(ASK)).value).toEqual({ ok: "token {{env:TICKETS_TOKEN}}" });
  expect((await openTools(folder, { ...env, TICKETS_TOKEN: "wrong" }).run(ASK)).value).toEqual({
    err: expect.stringMatching(/^the server of mcp_t/),
  });
});

test("a call to a server of 2026 that asks for input fails", async () => {
  const asks: Answer = ({ id }, response) =>
    reply(response, id, {
      resultType: "input_required",
      inputRequests: { a: { method: "elicitation/create", params: { message: "who?" } } },
    });
  const { folder } = await importFrom({ url: await serve(server2026(asks)), headerVariables: new Map() });
  expect((await openTools(folder).run(ASK)).value).toEqual({
    err: "the server of mcp_t asked for input, which nobody can give during a run",
  });
});

test("the session of a server of 2025 is ended", async () => {
  const ended: unknown[] = [];
  const answer = server2025(echo);
  const url = await serve((request, response, incoming) => {
    if (request.method === "initialize") response.setHeader("mcp-session-id", "s-1");
    if (incoming.method !== "DELETE") return answer(request, response, incoming);
    ended.push(incoming.headers["mcp-session-id"]);
    response.writeHead(200).end();
  });
  const { folder } = await importFrom({ url, headerVariables: new Map() });
  expect(ended).toEqual(["s-1"]);
  const tools = openTools(folder);
  expect((await tools.run(ASK)).value).toEqual({ ok: "you said hi" });
  await tools.tools.close();
  expect(ended).toEqual(["s-1", "s-1"]);
});

test("a pin is computed from the schemas as the server sends them", async () => {
  const inputSchema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: { a: { $ref: "#/$defs/A", "x-order": 1, default: null }, b: true },
    $defs: { A: { enum: ["x", null, 1.5], examples: [{ deep: [1, {}] }] } },
    additionalProperties: { not: {} },
    "x-own": { keep: "me" },
  };
  const outputSchema = {
    type: "object",
    properties: { n: { type: "integer", minimum: 0 } },
    required: ["n"],
    title: "Out",
    "x-own": [null],
  };
  const tool = { name: "a", inputSchema, outputSchema, annotations: { readOnlyHint: true, idempotentHint: false } };
  const answer = server2025(echo);
  const url = await serve((request, response, incoming) =>
    request.method === "tools/list" ? reply(response, request.id, { tools: [tool] }) : answer(request, response, incoming),
  );
  const { made } = await importFrom({ url, headerVariables: new Map() });
  const listed = {
    name: "a",
    description: "",
    inputSchema: jsonFromJs(inputSchema),
    outputSchema: jsonFromJs(outputSchema),
    mayRepeat: true,
    isTaskOnly: false,
  };
  expect(made.declaration.tools).toMatchObject([{ pin: contractPin(listed), mayRepeat: true }]);
});

test("a redirect to another server is refused", async () => {
  let visited = 0;
  const other = await serve((request, response, incoming) => {
    visited += 1;
    server2025(echo)(request, response, incoming);
  });
  const good = await serve(server2025(echo));
  const { folder, made } = await importFrom({ url: good, headerVariables: new Map() });
  const moved = await serve(server2025(echo), other);
  writeDeclaration(folder, { ...made.declaration, server: { url: moved, headerVariables: new Map() } });
  expect((await openTools(folder).run(ASK)).value).toEqual({ err: "the server of mcp_t could not be reached" });
  expect(visited).toBe(0);
});
