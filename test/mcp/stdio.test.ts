/** Three kinds of clients and hostile input against `boruna mcp` on stdio. */
import { spawn } from "node:child_process";
import { setMaxListeners } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP, someOf } from "../cases.ts";
import { boruna, environment, MAIN } from "../cli/boruna.ts";
import { connect, CLIENT_KINDS, type TestClient } from "./clients.ts";
import { expectValid, driveEveryTool, ENDLESS, FETCHES } from "./drive.ts";

const folder = temporaryFolder();
const POLICY = join(folder, "policy.json");
writeFileSync(
  POLICY,
  JSON.stringify({
    rules: { "net.fetch": { allow: true, budget: 5 }, "fs.read": { allow: true }, "time.now": { allow: true, approval: "required" } },
    fs_policy: { read: [folder] },
    limits: { max_steps: 1_000_000_000_000, max_wall_ms: 600_000 },
  }),
);
writeFileSync(join(folder, "note.txt"), "hello");

const open: TestClient[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
});
async function connectClient(kind: (typeof CLIENT_KINDS)[number], ...args: readonly string[]): Promise<TestClient> {
  const connected = await connect(kind, { args });
  open.push(connected);
  return connected;
}

describe.each(someOf(CLIENT_KINDS))("a client of %s", (kind) => {
  // `http.test.ts` drives every tool in npm test.
  test.runIf(DEEP)("drives every tool", async () => {
    await driveEveryTool(await connectClient(kind, "--policy", POLICY, "--logs", join(folder, "logs")));
  });

  test.runIf(DEEP)("gets a typed error for a forbidden request, and for one that makes no sense", async () => {
    const { call } = await connectClient(kind, "--policy", POLICY);
    const error = async (name: string, args: Readonly<Record<string, unknown>>): Promise<unknown> => {
      const answer = expectValid(name, await call(name, args));
      expect(answer.isError).toBe(true);
      return answer.content["error"];
    };
    expect(await error("boruna_run", {})).toMatchObject({ kind: "usage", message: "arguments.source: is missing" });
    expect(await error("boruna_run", { source: 1 })).toMatchObject({ message: "arguments.source: expected string, found integer" });
    expect(await error("boruna_run", { source: "", what: 1 })).toMatchObject({ message: "arguments.what: is not in the schema" });
    expect(await error("boruna_run", { source: FETCHES, args: { n: 1 }, live: true })).toMatchObject({
      message: expect.stringContaining("no real calls"),
    });
    expect(await error("boruna_run", { source: FETCHES, args: { n: 1 }, allow: ["fs.write"] })).toMatchObject({
      kind: "policy.not_within",
      hint: expect.stringContaining("net.fetch"),
    });
    expect(await error("boruna_run", { source: FETCHES, args: { n: "x" } })).toMatchObject({
      kind: expect.stringMatching(/^(usage|value\.form)$/),
    });
    expect(await error("boruna_run", { source: "fn main() -> Int { 1 }", output_schema: { type: "text" } })).toMatchObject({
      kind: "schema.form",
    });
    expect(await error("boruna_check", { source: "", files: { "../x.ax": "" } })).toMatchObject({
      message: expect.stringContaining("relative path"),
    });
    for (const log of ["../policy.json", "/etc/passwd", "x.jsonl/../y.jsonl", "missing.jsonl"])
      expect(await error("boruna_log_show", { log })).not.toMatchObject({ message: expect.stringContaining(folder) });
    expect(await error("boruna_docs", { page: "../package" })).toMatchObject({ kind: "usage" });
  });
});

describe("a run", () => {
  test("stays within what the operator allowed, whatever the client asks for", async () => {
    const { call } = await connectClient("2026", "--policy", POLICY);
    const run = async (args: Readonly<Record<string, unknown>>): Promise<unknown> =>
      expectValid("boruna_run", await call("boruna_run", args)).content;
    expect(await run({ source: FETCHES, args: { n: 6 }, allow: ["net.fetch=99"] })).toMatchObject({
      outcome: "budget_exceeded",
      counters: { dispatched: 5 },
    });
    expect(await run({ source: FETCHES, args: { n: 3 }, allow: ["net.fetch=2"] })).toMatchObject({
      outcome: "budget_exceeded",
      counters: { dispatched: 2 },
    });
    expect(await run({ source: FETCHES, args: { n: 3 }, allow: [] })).toMatchObject({ outcome: "denied" });
    expect(await run({ source: ENDLESS, limits: { max_steps: 1000 } })).toMatchObject({ outcome: "limit_exceeded" });
    expect(await run({ source: "fn main() -> Int { 7 }", output_schema: { maximum: 6 } })).toMatchObject({
      outcome: "output_mismatch",
      value: null,
      error: { path: "value" },
    });
  });

  test.runIf(DEEP)("that is live reaches only what the operator opened", async () => {
    const { call } = await connectClient("2026", "--policy", POLICY, "--live");
    const source = "fn main(path: String) -> String !{fs.read} { fs.read(path) }";
    const read = async (path: string): Promise<unknown> => (await call("boruna_run", { source, args: { path }, live: true })).content;
    expect(await read(join(folder, "note.txt"))).toMatchObject({ outcome: "success", value: "hello" });
    expect(await read("/etc/passwd")).toMatchObject({ outcome: "denied", value: null });
  });

  test.runIf(DEEP)("stores a value that is too long in its log, from which a client reads it in parts", async () => {
    const { call } = await connectClient("2026", "--policy", POLICY);
    const { content } = await call("boruna_run", { source: 'fn main() -> String { string.repeat("ab", 5000) }', max_result_bytes: 300 });
    expect(content).toMatchObject({ outcome: "success", value: null, cut: { members: ["value"], bytes: 10_002, max_result_bytes: 300 } });
    const part = await call("boruna_log_show", { log: content["log"], value: true, start: 9_900, max_result_bytes: 300 });
    expect(part.content).toMatchObject({ value_json: `b${"ab".repeat(50)}"`, value_length: 10_002 });
  });

  test("that waits for a person names its log; the operator approves the call and resumes the run", async () => {
    const logs = join(folder, "waiting");
    const { call } = await connectClient("2026", "--policy", POLICY, "--logs", logs);
    const { content } = await call("boruna_run", { source: "fn main() -> Int !{time.now} { time.now() }" });
    expect(content).toMatchObject({ outcome: "suspended", suspended: { call: 1, capability: "time.now", waits_for: "approval" } });
    const log = join(logs, String(content["log"]));
    expect(readdirSync(logs)).toContain(content["log"]);
    expect(await boruna(["approve", log, "--call", "1"])).toMatchObject({ code: 0 });
    expect(await boruna(["resume", log])).toMatchObject({ code: 0 });
  });

  test.runIf(DEEP)("that only computes can be canceled, and other calls are answered meanwhile", async () => {
    const { call } = await connectClient("2026", "--policy", POLICY);
    const abort = new AbortController();
    const running = call("boruna_run", { source: ENDLESS }, { signal: abort.signal }).catch(String);
    expect((await call("boruna_explain", { code: "E001" })).content).toMatchObject({ code: "E001" });
    expect((await call("boruna_run", { source: "fn main() -> Int { 7 }" })).content).toMatchObject({ value: 7 });
    abort.abort();
    expect(await running).toMatch(/abort/i);
    expect((await call("boruna_run", { source: "fn main() -> Int { 8 }" })).content).toMatchObject({ value: 8 });
  });

  test.runIf(DEEP)("is refused if too many run at once", async () => {
    const { call } = await connectClient("2026", "--policy", POLICY);
    const abort = new AbortController();
    setMaxListeners(0, abort.signal);
    const running = Array.from({ length: 17 }, () => call("boruna_run", { source: ENDLESS }, { signal: abort.signal }));
    const refused = await Promise.race(running);
    expect(refused.content).toMatchObject({ error: { kind: "mcp.busy" } });
    abort.abort();
    await Promise.allSettled(running);
  });
});

/** Sends lines to the server, and returns what it printed, when it has ended. */
async function talk(
  chunks: readonly (string | Buffer)[],
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly lines: readonly unknown[]; readonly stderr: string }> {
  const child = spawn(process.execPath, [MAIN, "mcp", ...args], { env: environment() });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    // The last request has the id 99.
    if (stdout.includes('"id":99')) child.stdin.end();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.on("error", () => undefined);
  for (const chunk of chunks) child.stdin.write(chunk);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const lines = stdout.split("\n").filter((line) => line !== "");
  return { code, lines: lines.map((line): unknown => JSON.parse(line)), stderr };
}

const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
  "io.modelcontextprotocol/clientInfo": { name: "t", version: "1" },
};
const requestLine = (id: number, method: string, params: object = {}): string =>
  `${JSON.stringify({ jsonrpc: "2.0", id, method, params: { ...params, _meta: META } })}\n`;

test("progress reports calls before the answer", async () => {
  const _meta = { ...META, progressToken: "p" };
  const params = { name: "boruna_run", arguments: { source: FETCHES, args: { n: 3 } }, _meta };
  const { lines } = await talk(
    ['{"jsonrpc":"2.0","id":99,"method":"tools/call","params":'.concat(JSON.stringify(params), "}\n")],
    "--policy",
    POLICY,
  );
  // Calls that follow each other quickly are reported together.
  expect(lines[0]).toMatchObject({
    method: "notifications/progress",
    params: { progressToken: "p", message: "call 1 of net.fetch: ok" },
  });
  expect(lines.at(-1)).toMatchObject({ id: 99, result: { structuredContent: { outcome: "success" } } });
});

describe("hostile input on stdio", () => {
  test("a line that is not a request is ignored, and the next one is answered", async () => {
    const { lines, code } = await talk([
      requestLine(1, "server/discover"),
      "not json\n",
      "{}\n",
      "[]\n",
      "null\n",
      '{"jsonrpc":"2.0","id":{},"method":1}\n',
      Buffer.from([0xff, 0xfe, 0x0a]),
      `${"[".repeat(100_000)}\n`,
      requestLine(99, "tools/call", { name: "boruna_explain", arguments: { code: "E007" } }),
    ]);
    expect(code).toBe(0);
    expect(lines.at(-1)).toMatchObject({ id: 99, result: { structuredContent: { code: "E007" } } });
  });

  test.runIf(DEEP)("a message of more than 10 MB ends the connection cleanly", async () => {
    const { code, stderr } = await talk([requestLine(1, "server/discover"), "x".repeat(11 * 1024 * 1024)]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^mcp: [^\n]+\n$/);
  });
});
