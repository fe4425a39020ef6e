/** Three kinds of clients and hostile requests against `boruna mcp --port 0`. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { scaledRuns, someOf } from "../cases.ts";
import { environment, MAIN } from "../cli/boruna.ts";
import { connect, CLIENT_KINDS } from "./clients.ts";
import { driveEveryTool, ENDLESS, POLICY_JSON } from "./drive.ts";

const TOKEN = "test-token";
const folder = temporaryFolder();
let child: ChildProcess;
let url = "";
let stderr = "";

beforeAll(async () => {
  const policy = join(folder, "policy.json");
  writeFileSync(policy, POLICY_JSON);
  child = spawn(process.execPath, [MAIN, "mcp", "--port", "0", "--policy", policy], {
    env: environment({ BORUNA_MCP_TOKEN: TOKEN }),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const started = new Promise<void>((resolve) => {
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      if (stderr.includes("\n")) resolve();
    });
  });
  await started;
  url = /http:\S+/.exec(stderr)?.[0] ?? "";
});
afterAll(async () => {
  child.kill("SIGTERM");
  await once(child, "close");
});

test("the line on stderr has the URL, and not the token that the caller chose", () => {
  expect(stderr).toBe(`listening on ${url}\n`);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/);
});

describe.each(someOf(CLIENT_KINDS))("a client of %s", (kind) => {
  test("drives every tool", async () => {
    const client = await connect(kind, { url, token: TOKEN });
    await driveEveryTool(client);
    await client.close();
  });

  test("cancels a run that only computes, and gets other answers meanwhile", async () => {
    const client = await connect(kind, { url, token: TOKEN });
    // Cancels each run when the server has answered another call, so that it is really running.
    for (let i = 0; i < scaledRuns(100); i++) {
      const abort = new AbortController();
      const running = client.call("boruna_run", { source: ENDLESS }, { signal: abort.signal }).catch(String);
      expect((await client.call("boruna_run", { source: "fn main() -> Int { 7 }" })).content).toMatchObject({ value: 7 });
      abort.abort();
      expect(await running).toMatch(/abort/i);
    }
    await client.close();
  });
});

interface Reply {
  readonly status: number;
  readonly body: string;
}

function send(
  headers: Readonly<Record<string, string>>,
  body: string | Buffer = "",
  options: { method?: string; path?: string } = {},
): Promise<Reply> {
  const { port } = new URL(url);
  const all = {
    host: `127.0.0.1:${port}`,
    authorization: `Bearer ${TOKEN}`,
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
  };
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port, method: options.method ?? "POST", path: options.path ?? "/mcp", headers: { ...all, ...headers } },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.once("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    sent.once("error", reject);
    sent.end(body);
  });
}

describe("a request is refused with a typed error", () => {
  test.each<[string, Readonly<Record<string, string>>, string | Buffer, number]>([
    ["without the token", { authorization: "" }, "{}", 401],
    ["with another token", { authorization: "Bearer other" }, "{}", 401],
    ["with another scheme", { authorization: `Basic ${TOKEN}` }, "{}", 401],
    ["for another Host", { host: "evil.example" }, "{}", 403],
    ["for a Host that only begins with the server's address", { host: "127.0.0.1.evil.example" }, "{}", 403],
    ["from a page of another site", { origin: "https://evil.example" }, "{}", 403],
    ["from a page without an origin", { origin: "null" }, "{}", 403],
    ["that is not JSON", {}, "{", 400],
    ["that is not UTF-8", {}, Buffer.from([0xff, 0xfe]), 400],
    ["that is not a request", {}, "{}", 400],
    ["that is null", {}, "null", 400],
    ["that is an empty list", {}, "[]", 400],
    ["that is nested deeply", {}, "[".repeat(1_000_000), 400],
    ["of an unknown session", { "mcp-session-id": "x" }, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}', 404],
    ["that is too long", {}, "x".repeat(4 * 1024 * 1024 + 1), 413],
  ])("%s", async (_, headers, body, status) => {
    const reply = await send(headers, body);
    expect(reply.status).toBe(status);
    expect(JSON.parse(reply.body)).toMatchObject({ jsonrpc: "2.0", error: { code: expect.any(Number), message: expect.any(String) } });
    expect(reply.body).not.toMatch(/ at |node_modules/);
  });

  test("for a wrong path or method", async () => {
    expect((await send({}, "{}", { path: "/" })).status).toBe(404);
    expect((await send({}, "", { method: "PUT" })).status).toBe(405);
    expect((await send({}, "", { method: "GET" })).status).toBe(400);
  });
});

test("after all these requests the server still answers, and has reported no bug", async () => {
  const client = await connect("2026", { url, token: TOKEN });
  expect((await client.call("boruna_explain", { code: "E001" })).content).toMatchObject({ code: "E001" });
  await client.close();
  expect(stderr).not.toContain("internal");
});
