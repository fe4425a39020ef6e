/** Servers that misbehave: each causes one clear failure of the call, and leaves no process behind. */
import { existsSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { ToolDeclaration } from "../../mcp-tools/declaration.ts";
import { temporaryFolder } from "../after-file.ts";
import { DEEP, someOf } from "../cases.ts";
import { serverCommand, importFrom, inMemory, openTools, type TestTools, traceOf, writeDeclaration } from "./fixtures.ts";
import { isAlive, until } from "../until.ts";

const ASK = 'Ok(json.from(t_ask(t_ask_args("hi"))?.text))';
const COUNT = "Ok(json.from(t_count(t_count_args())?.n))";

let declaration: ToolDeclaration;
let text: string;
beforeAll(async () => {
  const { made } = await importFrom(serverCommand("good"));
  ({ declaration, text } = made);
});

/** Returns tools that were imported from a good server, which now misbehaves: `behavior` is the first argument of `server.mjs`. */
async function withBehavior(behavior: string, settings: Partial<ToolDeclaration> = {}, traces = ""): Promise<TestTools> {
  const folder = temporaryFolder();
  writeFileSync(`${folder}/mcp_t.ax`, text);
  const server = serverCommand(behavior, ...(traces === "" ? [] : [traces]));
  writeDeclaration(folder, { ...declaration, server, ...settings });
  return openTools(folder);
}

/** Whether the server has written a line that begins with the word. */
const hasTrace = (folder: string, word = "started"): boolean =>
  existsSync(`${folder}/trace`) && traceOf(folder).some((line) => line.startsWith(word));

const pidIn = (lines: readonly string[], word: string): number => Number(lines.find((line) => line.startsWith(word))?.split(" ")[1]);

describe("each becomes one failure that the program can catch: a server that", () => {
  test.each(
    someOf<[string, string, string, Partial<ToolDeclaration>]>([
      ["never answers a call", "hang", "the server of mcp_t did not answer within 100 ms", { timeoutMs: 100 }],
      ["never answers at all", "mute", "the server of mcp_t did not answer within 100 ms", { startTimeoutMs: 100 }],
      ["dies during a call", "die", "the server of mcp_t ended (exit code 3)", {}],
      ["dies at once", "stillborn", "the server of mcp_t ended (exit code 5)", {}],
      ["floods with notifications", "flood", "the server of mcp_t sent more than 100000 bytes", { maxAnswerBytes: 100_000 }],
      ["sends a line without end", "endless", "the server of mcp_t sent more than 100000 bytes", { maxAnswerBytes: 100_000 }],
      ["answers with megabytes", "megabytes", "the server of mcp_t sent more than 4194304 bytes", {}],
      ["answers with something other than MCP", "malformed", "the server of mcp_t sent an answer that is not one of MCP", {}],
      ["answers with an error of the tool", "error", "no such thing", {}],
      ["refuses the request", "refuse", "the server of mcp_t refused the request: not today", {}],
      [
        "answers with half a character",
        "surrogate",
        "mcp_t.ask answered something else than Json (answer.content[0].text is text with a lone surrogate)",
        {},
      ],
    ]),
  )("a server that %s", async (_, behavior, message, settings) => {
    const tools = await withBehavior(behavior, settings);
    const run = await tools.run(ASK);
    expect([run.outcome, run.value, run.error]).toEqual(["success", { err: message }, undefined]);
    expect(tools.warnings).toEqual(
      behavior === "stillborn" ? ["the server of mcp_t has ended; the end of its stderr:\ncannot open the database\n"] : [],
    );
    expect(run.counters).toMatchObject({ total: 1, failed: 1 });
    await tools.tools.close();
  });

  test("sends an answer that is too long for one call, while others are open", async () => {
    const tools = await withBehavior("large", { maxAnswerBytes: 100_000 });
    const run = await tools.run('Ok(json.from(list.map(par.map([1, 2, 3, 4], fn(_) { t_ask(t_ask_args("hi")) }), result.is_ok)))');
    expect(run.value).toEqual({ ok: [false, false, false, false] });
  });

  test("sends an answer that is nested too deeply", async () => {
    const tools = await withBehavior("deep");
    const run = await tools.run(ASK);
    expect(run.value).toMatchObject({ err: expect.stringMatching(/^mcp_t\.ask answered a value that is too large/) });
  });

  test("sends an answer that does not fit the tool's output schema", async () => {
    const untyped = await withBehavior("untyped");
    expect((await untyped.run(COUNT)).value).toEqual({
      err: "mcp_t.count answered something else than its schema declares: $.n: expected Int, found String",
    });
    const unstructured = await withBehavior("unstructured");
    expect((await unstructured.run(COUNT)).value).toEqual({
      err: "mcp_t.count answered without the structured content that its schema declares",
    });
    // An integer that JavaScript would round is no Int.
    const rounded = await withBehavior("rounded");
    expect((await rounded.run(COUNT)).value).toEqual({
      err: "mcp_t.count answered something else than its schema declares: $.n: expected Int, found Float",
    });
  });

  test("uses names that are special in JavaScript, which are ordinary names here", async () => {
    const tools = await withBehavior("proto");
    const run = await tools.run('Ok(option.unwrap_or(t_ask(t_ask_args("hi"))?.json, Json::Null))');
    expect(run.outcome).toBe("success");
    expect({}).not.toHaveProperty("polluted");
    expect(JSON.stringify(run.value)).toContain("constructor");
  });

  test("has a command that does not exist", async () => {
    const tools = await withBehavior("good", { server: { command: ["boruna-no-such-server"], variableNames: [] } });
    expect((await tools.run(ASK)).value).toEqual({
      err: "the server of mcp_t could not be started: boruna-no-such-server: there is no such command",
    });
  });
});

test("equal failures make equal logs", async () => {
  const records: string[] = [];
  for (const _ of [1, 2]) {
    const tools = await withBehavior("die");
    const memory = inMemory();
    await tools.run(ASK, { record: memory.record, runId: "same" });
    records.push(memory.text());
  }
  expect(records[0]).toContain("ended (exit code 3)");
  expect(records[1]).toBe(records[0]);
});

describe("a tool that has changed since the import", () => {
  test.each([
    ["changed", "the tool of mcp_t.ask has changed since it was imported; import it again"],
    ["removed", "the server of mcp_t no longer has the tool of mcp_t.ask; import it again"],
  ])("a tool that was %s is refused, and `try` does not catch it", async (behavior, message) => {
    const tools = await withBehavior(behavior);
    const run = await tools.run(ASK);
    expect([run.outcome, run.error?.kind, run.error?.message]).toEqual(["runtime_error", "host_fault", message]);
    // The server's other tool has not changed, so it can be called.
    expect((await tools.run(COUNT)).value).toEqual({ ok: 1 });
  });

  test("whose description has changed causes a warning, once per connection", async () => {
    const tools = await withBehavior("redescribed");
    expect((await tools.run(ASK)).value).toEqual({ ok: "hi" });
    expect((await tools.run(ASK)).value).toEqual({ ok: "hi" });
    expect(tools.warnings).toEqual(["the server describes mcp_t.ask otherwise than when it was imported"]);
  });
});

describe("the process", () => {
  test("serves several runs, also at the same time, and ends at close", async () => {
    const traces = temporaryFolder();
    const tools = await withBehavior("good", {}, traces);
    const runs = await Promise.all([tools.run(COUNT), tools.run(COUNT), tools.run(ASK)]);
    expect(runs.map(({ outcome }) => outcome)).toEqual(["success", "success", "success"]);
    await tools.tools.close();
    const lines = traceOf(traces);
    expect(lines.filter((line) => line.startsWith("started"))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith("call"))).toHaveLength(3);
    expect(isAlive(pidIn(lines, "started"))).toBe(false);
    expect((await tools.run(ASK)).value).toEqual({ err: "the server of mcp_t was closed" });
  });

  test("is not started by a run that makes no call, or that is not live", async () => {
    const traces = temporaryFolder();
    const tools = await withBehavior("good", {}, traces);
    expect((await tools.run("Ok(Json::Null)")).outcome).toBe("success");
    expect((await tools.run(ASK, { live: false })).value).toEqual({ ok: "mock answer of mcp_t.ask" });
    expect((await tools.run(COUNT, { live: false })).value).toEqual({ ok: 0 });
    expect((await tools.run(ASK, { policy: "deny-all" })).outcome).toBe("denied");
    expect(() => traceOf(traces)).toThrow("ENOENT");
  });

  test("is ended by close while it starts", async () => {
    const traces = temporaryFolder();
    const tools = await withBehavior("mute", { startTimeoutMs: 86_400_000 }, traces);
    const run = tools.run(ASK);
    await until(() => hasTrace(traces));
    await tools.tools.close();
    expect((await run).value).toEqual({ err: "the server of mcp_t was closed" });
    await until(() => !isAlive(pidIn(traceOf(traces), "started")));
  });

  test.runIf(DEEP)("that ignores signals and the end of its input is killed", async () => {
    const traces = temporaryFolder();
    const tools = await withBehavior("stubborn", {}, traces);
    expect((await tools.run(ASK)).value).toEqual({ ok: "hi" });
    await tools.tools.close();
    await until(() => !isAlive(pidIn(traceOf(traces), "started")));
  });

  test.runIf(DEEP)("ends together with the processes that it has started", async () => {
    const traces = temporaryFolder();
    const tools = await withBehavior("orphan", {}, traces);
    expect((await tools.run(ASK)).value).toEqual({ ok: "started" });
    await tools.tools.close();
    await until(() => !isAlive(pidIn(traceOf(traces), "child")));
  });

  test.runIf(DEEP)("counts as ended even if it leaves a process behind", async () => {
    const traces = temporaryFolder();
    const tools = await withBehavior("abandon", {}, traces);
    expect((await tools.run(ASK)).value).toEqual({ err: "the server of mcp_t ended (exit code 6)" });
    await until(() => !isAlive(pidIn(traceOf(traces), "child")));
  });

  test("that ends between two calls makes the next call fail, and is started again for the one after it", async () => {
    const traces = temporaryFolder();
    const tools = await withBehavior("once", {}, traces);
    expect((await tools.run(ASK)).value).toEqual({ ok: "hi" });
    await until(() => !isAlive(pidIn(traceOf(traces), "started")));
    expect((await tools.run(ASK)).value).toEqual({ err: "the server of mcp_t ended (exit code 4)" });
    expect((await tools.run(ASK)).value).toEqual({ ok: "hi" });
    expect(traceOf(traces).filter((line) => line.startsWith("started"))).toHaveLength(2);
  });

  test("gets a cancellation when a run is aborted, and serves the other runs", async () => {
    const traces = temporaryFolder();
    const tools = await withBehavior("hang", {}, traces);
    const controller = new AbortController();
    const run = tools.run(ASK, { signal: controller.signal });
    await until(() => hasTrace(traces, "call"));
    controller.abort();
    expect((await run).outcome).toBe("canceled");
    await until(() => traceOf(traces).includes("cancelled"));
    await tools.tools.close();
  });
});

describe("privacy", () => {
  test("logs, notifications, requests and stderr of a server are dropped", async () => {
    const tools = await withBehavior("noisy");
    const memory = inMemory();
    const debug: string[] = [];
    const run = await tools.run(ASK, { record: memory.record, onDebug: (line) => debug.push(line) });
    expect(run.value).toEqual({ ok: "hi" });
    expect([debug, tools.warnings]).toEqual([[], []]);
    expect(memory.text()).not.toMatch(/noise|careless|log of the server/);
  });

  test("a server gets harmless variables and the declared ones, and the values of these are kept out of answers", async () => {
    const env = { PATH: process.env["PATH"], HOME: "/home/ada", API_KEY: "k-123456", OTHER_KEY: "k-654321" };
    const folder = temporaryFolder();
    writeFileSync(`${folder}/mcp_t.ax`, text);
    writeDeclaration(folder, { ...declaration, server: { ...serverCommand("environment"), variableNames: ["API_KEY"] } });
    const run = await openTools(folder, env).run('Ok(option.unwrap_or(t_ask(t_ask_args("hi"))?.json, Json::Null))');
    expect(run.value).toEqual({ ok: { PATH: env.PATH, HOME: "/home/ada", API_KEY: "{{env:API_KEY}}" } });
    const missing = await openTools(folder, { PATH: env.PATH }).run(ASK);
    expect(missing.value).toEqual({ err: "the server of mcp_t needs the environment variable API_KEY, which is not set" });
  });
});

test("an Int beyond 2^53 and a Float that is not finite are not sent", async () => {
  const tools = await withBehavior("good");
  const call = (n: string): string => `Ok(json.from(t_count(TCountArgs { n: Some(${n}) })?.n))`;
  expect((await tools.run(call("9007199254740991"))).value).toEqual({ ok: 9007199254740991 });
  expect((await tools.run(call("9007199254740993"))).value).toEqual({
    err: "the Int 9007199254740993 is beyond 2^53, so a server would round it",
  });
  const raw = 'Ok(try mcp_t.count(Json::Object({ "n": Json::Float(1.0 / 0.0) }))?)';
  expect((await tools.run(raw)).value).toEqual({ err: "Infinity is no number of JSON" });
  expect((await tools.run("Ok(try mcp_t.count(Json::Null)?)")).value).toEqual({ err: "the arguments of a tool must be an object" });
});
