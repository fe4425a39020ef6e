import { appendFileSync, copyFileSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { loadPolicy } from "../../policy/load.ts";
import { execute } from "../../runtime/execute.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import type { LiveMessage, RunSummary } from "../../viewer/api.ts";
import { temporaryFolder } from "../after-file.ts";
import { spanId, type TestViewer, testViewer, traceId, traceRequest } from "./test-viewer.ts";

const GOLDEN = new URL("../replay/golden/", import.meta.url);
const SOURCE = 'fn main(path: String) -> String !{fs.read} {\n    let a = fs.read(path)\n    let b = fs.read("b.txt")\n    a ++ b\n}\n';
const PROGRAM: Program = verifyModule(compile({ name: "app.ax", text: SOURCE }).module);
const ALLOW_READ = { schema_version: 1, rules: { "fs.read": { allow: true, budget: 1 } }, fs_policy: { read: ["."] } };

const folder = temporaryFolder();
const pathOf = (name: string): string => join(folder, name);

const recordRun = (file: string, options: { runId?: string; policy?: string; path?: string } = {}): Promise<unknown> =>
  execute(PROGRAM, {
    policy: loadPolicy(options.policy ?? "allow-all"),
    args: { path: options.path ?? "a.txt" },
    tracing: false,
    record: file,
    ...(options.runId === undefined ? {} : { runId: options.runId }),
  });

interface RunSpan {
  readonly trace: number;
  readonly runId: string;
  readonly mode?: string;
  readonly outcome?: string;
  readonly program?: string;
  readonly calls?: number;
  readonly denied?: number;
  readonly start?: number;
  readonly took?: number;
}

/** A run with one call. */
const runSpans = ({
  trace,
  runId,
  mode = "live",
  outcome = "success",
  program = "app",
  calls = 1,
  denied = 0,
  start = 0,
  took = 10,
}: RunSpan) => [
  {
    traceId: traceId(trace),
    spanId: spanId(1),
    name: "boruna.run",
    start,
    end: start + took,
    attributes: {
      "boruna.run.id": runId,
      "boruna.program.name": program,
      "boruna.run.mode": mode,
      "boruna.run.outcome": outcome,
      "boruna.run.calls.total": calls,
      "boruna.run.calls.denied": denied,
    },
  },
  {
    traceId: traceId(trace),
    spanId: spanId(2),
    parentSpanId: spanId(1),
    name: "boruna.cap",
    start: start + 1,
    end: start + 2,
    attributes: { "cap.name": "fs.read", "cap.call": 1, "cap.allowed": true, "code.file.path": "app.ax", "code.line.number": 2 },
  },
];

const listRuns = async (viewer: TestViewer, query = ""): Promise<readonly RunSummary[]> =>
  (await viewer.read("GET /api/runs", `/api/runs?count=1000&${query}`)).runs;

describe("runs", () => {
  test("a log is joined with every execution of its run; a replay is not a separate run", async () => {
    await recordRun(pathOf("joined.jsonl"), { runId: "joined" });
    const viewer = await testViewer({ logs: [pathOf("joined.jsonl")] });
    const [before] = await listRuns(viewer);
    expect(before).toMatchObject({ runId: "joined", timeFrom: "file", executions: 0, calls: 2, log: { events: 4, state: "ended" } });
    await viewer.send(traceRequest(runSpans({ trace: 1, runId: "joined", start: 1_000 })));
    await viewer.send(traceRequest(runSpans({ trace: 2, runId: "joined", mode: "replay", start: 9_000 })));
    await viewer.send(traceRequest(runSpans({ trace: 3, runId: "other" })));
    const runs = await listRuns(viewer);
    expect(runs.map(({ runId, executions }) => [runId, executions])).toEqual([
      ["joined", 2],
      ["other", 1],
    ]);
    const run = await viewer.read("GET /api/runs/RUN", `/api/runs/${before?.id}`);
    expect(run.run).toMatchObject({ id: before?.id, traceId: traceId(1), timeFrom: "span" });
    expect(run.executions.map(({ mode }) => mode)).toEqual(["live", "replay"]);
    const path = `/api/runs/${before?.id}`;
    expect(await viewer.read("GET /api/runs/RUN/spans", `${path}/spans`)).toMatchObject({ total: 2, spans: [{}, { call: 1, event: 1 }] });
    expect(await viewer.read("GET /api/runs/RUN/events/N", `${path}/events/1`)).toMatchObject({
      event: { type: "CapCall", text: "fs.read", call: 1, partner: 2 },
      values: [{ name: "path" }],
      command: `boruna log show ${pathOf("joined.jsonl")} --call 1`,
      spans: [{ execution: `${traceId(1)}-${spanId(1)}`, spanId: spanId(2), row: 1 }, { execution: `${traceId(2)}-${spanId(1)}` }],
    });
    const replay = await viewer.read("GET /api/runs/RUN", `${path}?execution=${traceId(2)}-${spanId(1)}`);
    expect(replay.timeline?.traceId).toBe(traceId(2));
    // The id of an execution, a trace or a run leads to the row that it was joined to.
    for (const id of [`${traceId(1)}-${spanId(1)}`, traceId(2), "joined"])
      expect((await viewer.read("GET /api/runs/RUN", `/api/runs/${id}`)).run.id).toBe(before?.id);
  });

  test("spans of a run in progress form a row, which later becomes the row of the run", async () => {
    const viewer = await testViewer();
    const [run, call] = runSpans({ trace: 1, runId: "later" });
    if (run === undefined || call === undefined) throw new Error("no spans");
    await viewer.send(traceRequest([call]));
    expect(await listRuns(viewer)).toMatchObject([{ id: traceId(1), outcome: "running", program: "boruna.cap fs.read" }]);
    await viewer.send(traceRequest([run]));
    expect(await listRuns(viewer)).toMatchObject([{ id: `${traceId(1)}-${spanId(1)}`, outcome: "success", runId: "later" }]);
    expect((await viewer.read("GET /api/runs/RUN", `/api/runs/${traceId(1)}`)).run.runId).toBe("later");
  });

  test("1,000 runs: every filter, every order, pages", async () => {
    const viewer = await testViewer();
    const all = Array.from({ length: 1_000 }, (_, i) => ({
      trace: i + 1,
      runId: `run-${i}`,
      program: `p${i % 10}`,
      outcome: i % 4 === 0 ? "denied" : "success",
      calls: i,
      denied: i % 4 === 0 ? 1 : 0,
      start: i * 1_000_000,
      took: (1_000 - i) * 1_000_000,
    }));
    for (let from = 0; from < all.length; from += 250) await viewer.send(traceRequest(all.slice(from, from + 250).flatMap(runSpans)));
    const numbers = async (query: string): Promise<readonly number[]> => (await listRuns(viewer, query)).map((run) => run.calls);
    const expected = (keep: (i: number) => boolean): readonly number[] =>
      all
        .map((_, i) => i)
        .filter(keep)
        .toReversed();
    expect(await numbers("")).toEqual(expected(() => true));
    expect(await numbers("order=asc")).toEqual(expected(() => true).toReversed());
    expect(await numbers("sort=duration&order=asc")).toEqual(expected(() => true));
    expect(await numbers("sort=calls")).toEqual(expected(() => true));
    expect((await numbers("sort=program&order=asc")).slice(0, 100).every((i) => i % 10 === 0)).toBe(true);
    expect((await numbers("sort=outcome&order=asc")).slice(0, 250).every((i) => i % 4 === 0)).toBe(true);
    expect(await numbers("outcome=denied")).toEqual(expected((i) => i % 4 === 0));
    expect(await numbers("program=p3")).toEqual(expected((i) => i % 10 === 3));
    expect(await numbers("minDenials=1&minCalls=500")).toEqual(expected((i) => i % 4 === 0 && i >= 500));
    expect(await numbers("minDurationMs=990")).toEqual(expected((i) => i <= 10));
    expect(await numbers("text=RUN-99")).toEqual(expected((i) => `run-${i}`.includes("run-99")));
    expect(await numbers("capability=fs.read")).toHaveLength(1_000);
    expect(await numbers("capability=net.fetch")).toEqual([]);
    const [newest] = await listRuns(viewer);
    expect(await numbers(`sinceMs=${(newest?.timeMs ?? 0) - 9.5}`)).toEqual(expected((i) => i >= 990));
    expect(await numbers(`untilMs=${(newest?.timeMs ?? 0) - 989.5}`)).toEqual(expected((i) => i < 10));
    const page = await viewer.read("GET /api/runs", "/api/runs?from=990&count=100&program=p1");
    expect([page.runs.length, page.total, page.all]).toEqual([0, 100, 1_000]);
    expect(page.facets.outcomes).toEqual([
      { value: "success", count: 750 },
      { value: "denied", count: 250 },
    ]);
    expect((await viewer.read("GET /api/runs", "/api/runs")).runs).toHaveLength(100);
  });
});

describe("a log", () => {
  let viewer: TestViewer;
  const idOf = async (file: string): Promise<string> => (await listRuns(viewer)).find(({ log }) => log?.file.endsWith(file))?.id ?? "none";
  const runPath = async (file: string): Promise<string> => `/api/runs/${await idOf(file)}`;

  beforeAll(async () => {
    const logs = pathOf("logs");
    cpSync(GOLDEN, logs, { recursive: true });
    await recordRun(join(logs, "a.jsonl"));
    await recordRun(join(logs, "b.jsonl"), { path: "other.txt" });
    writeFileSync(pathOf("read-once.json"), JSON.stringify(ALLOW_READ));
    await recordRun(join(logs, "once.jsonl"), { policy: pathOf("read-once.json") });
    writeFileSync(
      pathOf("ask.json"),
      JSON.stringify({ schema_version: 1, rules: { "fs.read": { allow: true, approval: "required" } }, fs_policy: { read: ["."] } }),
    );
    await recordRun(join(logs, "it's.jsonl"), { policy: pathOf("ask.json") });
    viewer = await testViewer({ logs: [logs] });
  });

  test("a refused call shows its rule and the line of the rule in the policy", async () => {
    const path = await runPath("once.jsonl");
    const detail = await viewer.read("GET /api/runs/RUN", path);
    expect(detail.failure).toMatchObject({ kind: "capability_budget_exceeded", capability: "fs.read", rule: 'rules["fs.read"].budget' });
    expect(detail.budgets).toEqual([{ capability: "fs.read", budget: 1, used: 1 }]);
    const policy = await viewer.read("GET /api/runs/RUN/policy", `${path}/policy`);
    expect(policy.text.split("\n")[(detail.failure?.ruleLine ?? 0) - 1]).toContain('"budget": 1');
    const { events } = await viewer.read("GET /api/runs/RUN/events", `${path}/events`);
    expect(events.map(({ type, budgetLeft }) => [type, budgetLeft])).toEqual([
      ["CapCall", 0],
      ["CapResult", undefined],
    ]);
  });

  test("a suspended run says what it waits for, and the command that approves it", async () => {
    const { run, waiting } = await viewer.read("GET /api/runs/RUN", await runPath("it's.jsonl"));
    expect(run.outcome).toBe("suspended");
    const word = `'${join(pathOf("logs"), "it'\\''s.jsonl")}'`;
    expect(waiting).toEqual({
      for: "approval",
      call: 1,
      event: 1,
      capability: "fs.read",
      commands: [`boruna approve ${word} --call 1`, `boruna approve ${word} --call 1 --deny`],
    });
  });

  test("values, places and sources are separate answers", async () => {
    const path = await runPath("a.jsonl");
    const rows = await viewer.get(`${path}/events`);
    expect(rows.text).not.toContain("a.txt");
    expect(await viewer.read("GET /api/runs/RUN/events/N/values", `${path}/events/1/values`)).toEqual({
      values: [{ name: "path", value: { text: "a.txt", chars: 5, cut: false } }],
    });
    const values = async (n: number) => (await viewer.read("GET /api/runs/RUN/events/N/values", `${path}/events/${n}/values`)).values;
    expect(await values(0)).toMatchObject([{ name: "path", value: { text: '"a.txt"' } }]);
    expect(await values(5)).toMatchObject([{ name: "value" }]);
    expect((await viewer.get(`${path}/events/6/values`)).status).toBe(404);
    const place = await viewer.read("GET /api/runs/RUN/events/N/place", `${path}/events/3/place`);
    expect(place.stack[0]).toMatchObject({ function: "main", file: "app.ax", line: 3 });
    expect(await viewer.read("GET /api/runs/RUN/source", `${path}/source?file=app.ax`)).toEqual({ file: "app.ax", text: SOURCE });
    expect((await viewer.get(`${path}/source?file=/etc/passwd`)).status).toBe(404);
  });

  test("filters of events", async () => {
    const path = await runPath("effects.jsonl");
    const { total } = await viewer.read("GET /api/runs/RUN/events", `${path}/events`);
    const failed = await viewer.read("GET /api/runs/RUN/events", `${path}/events?type=CapError`);
    expect(failed.events.every(({ type, failed: isFailed }) => type === "CapError" && isFailed)).toBe(true);
    const fetches = await viewer.read("GET /api/runs/RUN/events", `${path}/events?capability=net.fetch&count=3`);
    expect(fetches.events).toHaveLength(3);
    expect(fetches.total).toBeLessThan(total);
    expect(await viewer.read("GET /api/runs/RUN/events", `${path}/events?type=None`)).toEqual({ events: [], total: 0 });
    expect(await viewer.read("GET /api/runs/RUN/events", `${path}/events?from=1000000`)).toEqual({ events: [], total });
  });

  test("what-if: each call judged by another policy, with the line of its rule, and a replay", async () => {
    const path = `${await runPath("a.jsonl")}/what-if`;
    const ask = (body: unknown) => viewer.read("POST /api/runs/RUN/what-if", path, body);
    expect(await ask({})).toMatchObject({ refusals: { judged: 2, refused: 0 }, replay: { status: "same", answeredCalls: 2 } });
    const budget = await ask({ policy: JSON.stringify(ALLOW_READ, null, 2) });
    expect(budget.refusals).toMatchObject({
      judged: 2,
      refused: 1,
      calls: [{ call: 2, event: 3, kind: "budget", rule: 'rules["fs.read"].budget', ruleLine: 6 }],
    });
    expect(budget.replay).toMatchObject({ status: "changed", answeredCalls: 1, stop: { reason: "refused" } });
    expect((await ask({ policy: "deny-all" })).refusals).toMatchObject({
      refused: 2,
      calls: [{ kind: "refused", rule: "default_allow" }, {}],
    });
    const edited = await ask({ edits: [{ call: 1, answer: "X" }] });
    expect(edited.replay).toMatchObject({ status: "changed", end: expect.stringContaining('"X') });
    for (const body of [{ policy: "{" }, { policy: 3 }, { edits: 1 }, { edits: [{}] }, { edits: [{ call: 9, answer: 1 }] }, [], "x"])
      expect([body, (await viewer.post(path, body)).status]).toEqual([body, 400]);
  });

  test("compares two runs", async () => {
    const [a, b] = [await idOf("a.jsonl"), await idOf("b.jsonl")];
    const same = await viewer.read("GET /api/compare", `/api/compare?a=${a}&b=${a}`);
    expect(same).toEqual({ same: true, equal: 2, total: 0, differences: [] });
    const other = await viewer.read("GET /api/compare", `/api/compare?a=${a}&b=${b}`);
    expect(other.differences.map(({ kind, a: left }) => [kind, left?.call])).toContainEqual(["arguments", 1]);
    expect((await viewer.get(`/api/compare?a=${a}&b=none`)).status).toBe(404);
  });

  test("the rest of a folder is read even if one log is broken", async () => {
    const logs = temporaryFolder();
    cpSync(GOLDEN, logs, { recursive: true });
    writeFileSync(join(logs, "broken.jsonl"), readFileSync(join(logs, "effects.jsonl"), "utf8").replace("effects", "other  "));
    rmSync(join(logs, "values.jsonl.blobs"), { recursive: true });
    const other = await testViewer({ logs: [logs] });
    const runs = await listRuns(other);
    expect(runs.length).toBeGreaterThan(6);
    expect(runs.find(({ log }) => log?.file.endsWith("broken.jsonl"))).toMatchObject({
      outcome: "unknown",
      log: { state: "broken", problem: expect.stringMatching(/^line 1: /) },
    });
    for (const { id } of runs) {
      const detail = await other.read("GET /api/runs/RUN", `/api/runs/${id}`);
      for (const more of ["events", "events/1", "events/1/values", "policy", "source?file=x", "events/1/place"])
        expect([200, 404, 422]).toContain((await other.get(`/api/runs/${id}/${more}`)).status);
      expect(detail.run.id).toBe(id);
    }
  });
});

/** Reads messages of `/api/live` until one meets the condition. */
function live(
  viewer: TestViewer,
  isWanted: (message: LiveMessage) => boolean,
): { readonly connected: Promise<void>; readonly message: Promise<LiveMessage> } {
  let connect: () => void = () => undefined;
  const connected = new Promise<void>((resolve) => {
    connect = resolve;
  });
  const message = new Promise<LiveMessage>((resolve, reject) => {
    const request = get(`${viewer.url}/api/live`, { headers: { authorization: `Bearer ${viewer.pageToken}` } }, (response) => {
      let text = "";
      response.once("close", () => reject(new Error("the stream has ended")));
      response.setEncoding("utf8").on("data", (chunk: string) => {
        connect();
        text += chunk;
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          const data = /^event: runs\ndata: (.*)$/.exec(text.slice(0, end))?.[1];
          text = text.slice(end + 2);
          const parsed: LiveMessage | undefined = data === undefined ? undefined : JSON.parse(data);
          if (parsed === undefined || !isWanted(parsed)) continue;
          request.destroy();
          resolve(parsed);
        }
      });
    });
    request.once("error", reject);
  });
  return { connected, message };
}

describe("live", () => {
  test("reports new spans, and a log that is new, grows or is deleted", async () => {
    const logs = temporaryFolder();
    await recordRun(pathOf("growing.jsonl"), { runId: "growing" });
    const bytes = readFileSync(pathOf("growing.jsonl"));
    const file = join(logs, "growing.jsonl");
    const viewer = await testViewer({ logs: [logs] });
    const steps: [(message: LiveMessage) => boolean, () => unknown][] = [
      [({ runs }) => runs.some((run) => run.runId === "spans"), () => viewer.send(traceRequest(runSpans({ trace: 1, runId: "spans" })))],
      [
        ({ runs }) => runs.some((run) => run.log?.state === "open" && run.log.events === 0),
        () => writeFileSync(file, bytes.subarray(0, bytes.indexOf("\n") + 30)),
      ],
      [
        ({ runs }) => runs.some((run) => run.log?.state === "ended" && run.log.events === 4),
        () => appendFileSync(file, bytes.subarray(bytes.indexOf("\n") + 30)),
      ],
      [
        ({ runs }) => runs.some((run) => run.log !== undefined && run.executions === 1),
        () => viewer.send(traceRequest(runSpans({ trace: 2, runId: "growing" }))),
      ],
      [({ gone }) => gone.length === 1, () => rmSync(file)],
    ];
    for (const [isWanted, change] of steps) {
      const { connected, message } = live(viewer, isWanted);
      await connected;
      await change();
      await message;
    }
    expect((await listRuns(viewer)).map((run) => run.runId)).toEqual(expect.arrayContaining(["growing", "spans"]));
    expect((await listRuns(viewer)).every((run) => run.log === undefined)).toBe(true);
  });

  test("many changes at once ask the page to load the list again", async () => {
    const viewer = await testViewer();
    const { connected, message } = live(viewer, ({ reload }) => reload);
    await connected;
    await viewer.send(traceRequest(Array.from({ length: 300 }, (_, i) => runSpans({ trace: i + 1, runId: `r${i}` })).flat()));
    expect((await message).runs.length).toBeLessThanOrEqual(100);
  });

  test("a limited number of pages may watch", async () => {
    const viewer = await testViewer();
    const open = Array.from({ length: 32 }, () => live(viewer, () => false));
    await Promise.all(open.map(({ connected }) => connected));
    expect((await viewer.get("/api/live")).status).toBe(429);
    await Promise.all([viewer.close(), ...open.map(({ message }) => message.catch(() => undefined))]);
  });

  test("a copied log is a separate run", async () => {
    await recordRun(pathOf("original.jsonl"), { runId: "twice" });
    copyFileSync(pathOf("original.jsonl"), pathOf("copy.jsonl"));
    const viewer = await testViewer({ logs: [pathOf("original.jsonl"), pathOf("copy.jsonl")] });
    await viewer.send(traceRequest(runSpans({ trace: 1, runId: "twice" })));
    expect((await listRuns(viewer, "order=asc")).map(({ executions }) => executions).toSorted((a, b) => a - b)).toEqual([0, 1]);
  });
});
