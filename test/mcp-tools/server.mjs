/**
 * A server over stdio that knows just enough of MCP (2025-11-25) to misbehave. The first argument names its behavior, the second a folder
 * for traces. It has the tool `ask`, with the argument `text`, which answers with a text, and the tool `count`, which answers with a number.
 */
import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [behavior = "good", traces = ""] = process.argv.slice(2);
const trace = (text) => traces !== "" && appendFileSync(`${traces}/trace`, `${text}\n`);
trace(`started ${process.pid}`);

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const answer = (id, result) => send({ id, result });
const text = (value) => ({ content: [{ type: "text", text: value }] });

const ask = {
  name: "ask",
  description: behavior === "redescribed" ? "Answers, and more." : "Answers.",
  inputSchema: {
    type: "object",
    properties: { text: { type: "string" }, ...(behavior === "changed" ? { loud: { type: "boolean" } } : {}) },
    required: ["text"],
  },
};
const count = {
  name: "count",
  description: "Counts.",
  inputSchema: { type: "object", properties: { n: { type: "integer" } } },
  outputSchema: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] },
};
const tools = behavior === "removed" ? [count] : [ask, count];

let calls = 0;

/** How the server answers a call, by the behavior in its first argument. */
const CALLS = {
  hang: () => undefined,
  second: (id, args) => (calls === 1 ? answer(id, text(args.text)) : undefined),
  die: () => process.exit(3),
  once: (id, args) => {
    answer(id, text(args.text));
    process.stdout.write("", () => process.exit(4));
  },
  flood: () => {
    const line = `${JSON.stringify({ jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: "x".repeat(1000) } })}\n`;
    const more = () => {
      while (process.stdout.write(line));
      process.stdout.once("drain", more);
    };
    more();
  },
  endless: () => {
    const more = () => {
      while (process.stdout.write("x".repeat(10_000)));
      process.stdout.once("drain", more);
    };
    more();
  },
  megabytes: (id) => answer(id, text("x".repeat(10_000_000))),
  large: (id) => answer(id, text("x".repeat(150_000))),
  deep: (id) =>
    process.stdout.write(
      `{"jsonrpc":"2.0","id":${id},"result":{"content":[],"structuredContent":{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}}}\n`,
    ),
  surrogate: (id) => process.stdout.write(`{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"\\ud800"}]}}\n`),
  proto: (id) =>
    process.stdout.write(
      `{"jsonrpc":"2.0","id":${id},"result":{"content":[],"structuredContent":{"__proto__":{"polluted":1},"constructor":2}}}\n`,
    ),
  malformed: (id) => answer(id, { content: 5 }),
  unstructured: (id) => answer(id, text("5")),
  untyped: (id) => answer(id, { content: [], structuredContent: { n: "five" } }),
  rounded: (id) =>
    process.stdout.write(`{"jsonrpc":"2.0","id":${id},"result":{"content":[],"structuredContent":{"n":9007199254740993}}}\n`),
  error: (id) => answer(id, { ...text("no such thing"), isError: true }),
  refuse: (id) => send({ id, error: { code: -32000, message: "not today" } }),
  noisy: (id, args) => {
    process.stderr.write("private noise\n".repeat(100_000));
    process.stdout.write("a careless print\n");
    send({ method: "notifications/message", params: { level: "error", data: "log of the server" } });
    send({ method: "notifications/tools/list_changed" });
    send({ id: "mine", method: "sampling/createMessage", params: { messages: [], maxTokens: 1 } });
    answer(id, text(args.text));
  },
  environment: (id) => answer(id, text(JSON.stringify(process.env))),
  // Ends, and leaves a process behind that holds its pipes.
  abandon: () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)"], { stdio: "inherit" });
    trace(`child ${child.pid}`);
    process.exit(6);
  },
  orphan: (id) => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)"], { stdio: "ignore" });
    trace(`child ${child.pid}`);
    answer(id, text("started"));
  },
};

if (behavior === "stubborn") for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => undefined);
if (behavior === "stubborn") setInterval(() => undefined, 1000);
if (behavior === "stillborn") {
  process.stderr.write("cannot open the database\n");
  process.exit(5);
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (behavior === "mute") return;
  if (method === "notifications/cancelled") trace("cancelled");
  if (id === undefined || method === undefined) return;
  if (method === "initialize")
    return answer(id, {
      protocolVersion: "2025-11-25",
      capabilities: { tools: {} },
      serverInfo: { name: "mcp-test-server", version: "1" },
    });
  if (method === "tools/list") return answer(id, { tools });
  if (method !== "tools/call") return send({ id, error: { code: -32601, message: "unknown method" } });
  calls += 1;
  trace(`call ${calls}`);
  const call = CALLS[behavior];
  if (call !== undefined) return call(id, params.arguments);
  if (params.name === "count") return answer(id, { content: [], structuredContent: { n: params.arguments.n ?? calls } });
  return answer(id, text(params.arguments.text));
});
