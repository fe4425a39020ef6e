/** `boruna view` and `boruna trace` as a user runs them: beside real runs that send spans and write logs. */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import type { EventDetail, RunDetail, RunsAnswer, SpansAnswer } from "../../viewer/api.ts";
import { temporaryFolder } from "../after-file.ts";
import { DEEP, someOf } from "../cases.ts";
import { boruna, environment, MAIN } from "./boruna.ts";

const folder = temporaryFolder();
const logs = join(folder, "logs");
mkdirSync(logs);
writeFileSync(join(folder, "a.txt"), "text");
writeFileSync(join(folder, "app.ax"), 'fn main() -> Int !{fs.read} { string.len(fs.read("a.txt")) }\n');
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

interface Viewer {
  readonly page: string;
  readonly env: Readonly<Record<string, string>>;
  /** Sends SIGTERM. Returns the exit code. */
  stop(): Promise<number | null>;
  ask<T>(path: string): Promise<T>;
}

/** Starts `boruna view --json` and waits for its line. */
async function startView(args: readonly string[]): Promise<Viewer> {
  const child = spawn(process.execPath, [MAIN, "view", "--port", "0", "--json", ...args], {
    cwd: folder,
    env: environment(),
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const line = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.endsWith("\n")) resolve(text);
    });
    child.once("exit", (code) => reject(new Error(`boruna view ended with ${code}: ${text}`)));
  });
  const { page, endpoint, headers }: { page: string; endpoint: string; headers: string } = JSON.parse(line);
  const authorization = `Bearer ${page.slice(page.indexOf("=") + 1)}`;
  return {
    page,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers },
    stop: () =>
      new Promise((resolve) => {
        child.once("exit", resolve);
        child.kill("SIGTERM");
      }),
    ask: async <T>(path: string): Promise<T> => {
      const response = await fetch(endpoint + path, { headers: { authorization } });
      const answer: T = JSON.parse(await response.text());
      return answer;
    },
  };
}

const RUN = ["run", "app.ax", "--allow-read", ".", "--live"];

describe("boruna view", () => {
  test("shows a run from both sides, and boruna trace prints it", async () => {
    const store = join(folder, "spans.jsonl");
    const viewer = await startView([logs, "--store", store]);
    const options = { cwd: folder, env: viewer.env };
    const recorded = await boruna([...RUN, "--record", join(logs, "run.jsonl")], options);
    expect(recorded).toMatchObject({ code: 0, stdout: "4\n", stderr: expect.stringMatching(/^recorded: .*\n$/) });
    const denied = await boruna(["run", "app.ax"], options);
    expect(denied.code).toBe(3);

    const hasLog = ({ runs }: RunsAnswer): boolean => runs.some(({ log }) => log?.state === "ended");
    while (!hasLog(await viewer.ask<RunsAnswer>("/api/runs"))) continue;
    const live = ["--viewer", viewer.page];
    const list = await boruna(["trace", "list", ...live, "--json"]);
    const { runs, total }: RunsAnswer = JSON.parse(list.stdout);
    expect(total).toBe(2);
    const joined = runs.find((run) => run.log !== undefined);
    expect(joined).toMatchObject({ program: "app", outcome: "success", mode: "live", calls: 1, executions: 1, spans: 2, timeFrom: "span" });
    expect(runs.find((run) => run.log === undefined)).toMatchObject({ outcome: "denied", denials: 1, mode: "mock" });
    const { spans } = await viewer.ask<SpansAnswer>(`/api/runs/${joined?.id}/spans`);
    expect(spans).toMatchObject([{ name: "boruna.run" }, { name: "boruna.cap", label: "fs.read", call: 1, event: 1, depth: 1 }]);

    const shown = await boruna(["trace", "show", joined?.id ?? "", ...live]);
    expect(shown.stdout).toMatch(/^20\S+ {2}success {2}live {2}app {2}1 call /);
    expect(shown.stdout).toMatch(
      /\nboruna\.run {2}app {2}[\d.]+ \S?s {2}boruna\n {2}boruna\.cap {2}fs\.read {2}[\d.]+ \S?s {2}call 1 {2}boruna\n$/,
    );
    expect(await viewer.stop()).toBe(0);

    // The file has the spans. Its runs are not joined with logs.
    const fromFile: RunsAnswer = JSON.parse((await boruna(["trace", "list", "--store", store, "--json"])).stdout);
    expect(fromFile.runs.map(({ outcome }) => outcome)).toEqual(["denied", "success"]);
    const detail: RunDetail & SpansAnswer = JSON.parse(
      (await boruna(["trace", "show", joined?.traceId ?? "", "--store", store, "--json"])).stdout,
    );
    expect(detail).toMatchObject({ run: { outcome: "success" }, spans: [{}, { label: "fs.read" }], spans_total: 2 });
  });

  test.runIf(DEEP)("a span of a run with actors has the event of its own call", async () => {
    const program = `fn worker() receives Int !{fs.read} {
    let n = receive
    let _n = n + string.len(fs.read("a.txt"))
}

fn main() -> Int receives Result<Unit, String> !{actor.spawn, actor.send, fs.read, time.now} {
    let w = spawn worker
    send w 1
    let t = time.now()
    let _a = fs.read("a.txt")
    t
}
`;
    writeFileSync(join(folder, "actors.ax"), program);
    const viewer = await startView([logs]);
    const run = ["run", "actors.ax", "--policy", "allow-all", "--record", join(logs, "actors.jsonl")];
    expect((await boruna(run, { cwd: folder, env: viewer.env })).code).toBe(0);
    const isWhole = ({ runs }: RunsAnswer): boolean =>
      runs.some(({ program: name, log, spans }) => name === "actors" && log?.state === "ended" && spans > 0);
    while (!isWhole(await viewer.ask<RunsAnswer>("/api/runs"))) continue;
    const id = (await viewer.ask<RunsAnswer>("/api/runs?program=actors")).runs[0]?.id;
    const { spans } = await viewer.ask<SpansAnswer>(`/api/runs/${id}/spans`);
    const calls = spans.filter(({ name }) => name === "boruna.cap");
    expect(calls.filter(({ label }) => label.startsWith("actor.")).map(({ event }) => event)).toEqual([undefined, undefined]);
    const logged = calls.filter(({ label }) => !label.startsWith("actor."));
    expect(logged.map(({ label }) => label).toSorted()).toEqual(["fs.read", "fs.read", "time.now"]);
    for (const { label, event, spanId } of logged) {
      const detail = await viewer.ask<EventDetail>(`/api/runs/${id}/events/${event}`);
      expect(detail).toMatchObject({ event: { type: "CapCall", capability: label }, spans: [{ spanId }] });
    }
    expect(await viewer.stop()).toBe(0);
  });

  test.runIf(DEEP)("a sender with a wrong token delivers nothing, and says so", async () => {
    const viewer = await startView([]);
    const env = { ...viewer.env, OTEL_EXPORTER_OTLP_HEADERS: "Authorization=Bearer%20wrong" };
    const { code, stderr } = await boruna(RUN, { cwd: folder, env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("401") });
    expect((await viewer.ask<RunsAnswer>("/api/runs")).all).toBe(0);
    expect(await viewer.stop()).toBe(0);
  });

  test("prints the address of the page and what a sender needs", async () => {
    const { code, stdout } = await boruna(["view", "--port", "0"], { signalAfter: { text: "HEADERS", signal: "SIGINT" } });
    expect(code).toBe(0);
    expect(stdout.split("\n")).toEqual([
      expect.stringMatching(/^page: http:\/\/127\.0\.0\.1:\d+\/#token=[0-9a-f]{32}$/),
      "to send spans to it:",
      expect.stringMatching(/^ {2}export OTEL_EXPORTER_OTLP_ENDPOINT=http:\/\/127\.0\.0\.1:\d+$/),
      expect.stringMatching(/^ {2}export OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20[0-9a-f]{32}$/),
      "",
    ]);
  });

  test.each(
    someOf([
      [["view", "missing.jsonl"], "there is no file or folder missing.jsonl"],
      [["view", "--port", "x"], "--port x: expected a whole number from 0 to 65535"],
      [["view", "--store-limit", "0"], "--store-limit 0: expected a whole number from 1 to 65536"],
      [["view", "--port", "0", "--store", "app.ax"], "app.ax is not a file of boruna view --store"],
      [["trace", "list"], "where are the spans?"],
      [["trace", "list", "--store", "missing.jsonl"], "cannot read missing.jsonl"],
      [["trace", "list", "--viewer", "http://127.0.0.1:1/"], "--viewer: expected the address that boruna view prints"],
      [["trace", "list", "--viewer", "http://127.0.0.1:1/#token=00"], "no viewer answers at http://127.0.0.1:1"],
      [["trace", "list", "--store", "app.ax", "--count", "0"], "--count 0: expected a number from 1 to 1000"],
    ]),
  )("%j is an error", async (args, message) => {
    const { code, stderr } = await boruna(args, { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("    at ");
  });

  test("control characters of a stored span do not reach the terminal", async () => {
    const store = join(folder, "evil.jsonl");
    copyFileSync(join(folder, "spans.jsonl"), store);
    writeFileSync(
      store,
      readFileSync(store, "utf8")
        .replaceAll('"label":"app"', '"label":"\\u001b[2J\\u202e"')
        .replaceAll('"program":"app"', '"program":"\\u001b[2J"'),
    );
    const list = await boruna(["trace", "list", "--store", store]);
    const { runs }: RunsAnswer = JSON.parse((await boruna(["trace", "list", "--store", store, "--json"])).stdout);
    const show = await boruna(["trace", "show", runs[0]?.id ?? "", "--store", store]);
    for (const character of ["\u001b", "\u202e"]) expect(list.stdout + show.stdout).not.toContain(character);
    expect(list.stdout).toContain("\\u{1b}[2J");
  });

  test.runIf(DEEP)(
    "traces of another program: an HTTP server under OpenTelemetry's own instrumentation, and the run that it makes",
    async () => {
      const viewer = await startView([]);
      const script = fileURLToPath(new URL("http-server.ts", import.meta.url));
      const child = spawn(process.execPath, ["--import", "tsx", script], {
        cwd: fileURLToPath(new URL("../..", import.meta.url)),
        env: environment(viewer.env),
        stdio: ["ignore", "inherit", "inherit"],
      });
      expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(0);
      const { runs } = await viewer.ask<RunsAnswer>("/api/runs");
      expect(runs).toMatchObject([{ program: "price", service: "shop", outcome: "success", capabilities: ["time.now"], spans: 6 }]);
      const { spans } = await viewer.ask<SpansAnswer>(`/api/runs/${runs[0]?.id}/spans`);
      expect(spans.map(({ depth, name, label, kind }) => `${"  ".repeat(depth)}${name} ${label} ${kind}`)).toEqual([
        "GET  client",
        "  GET /checkout server",
        "    GET  client",
        "      GET /stock server",
        "    boruna.run price internal",
        "      boruna.cap time.now internal",
      ]);
      expect(await viewer.stop()).toBe(0);
    },
  );

  test("other commands load nothing of the viewer", () => {
    const files = fileURLToPath(new URL("../../dist/bin/", import.meta.url));
    const texts = ["boruna.js", "core.js"].map((file) => readFileSync(join(files, file), "utf8"));
    for (const text of texts) expect(text).not.toContain("boruna_spans");
  });
});
