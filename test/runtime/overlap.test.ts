/** Overlapping calls: how many run at once, limits, refusals, and how runs with open calls end. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import type { Handler } from "../../gateway/handlers.ts";
import type { CallStart } from "../../gateway/observers.ts";
import { parsePolicy } from "../../policy/parse.ts";
import { readLog } from "../../replay/log/log-reader.ts";
import { replayRun } from "../../replay/replay.ts";
import { verifyLog } from "../../replay/verify.ts";
import { execute, type Execution, type RunOptions } from "../../runtime/execute.ts";
import { resume } from "../../runtime/resume.ts";
import { kindOf } from "../error-kind.ts";
import { policyOf, startTestServer, type TestServer } from "../gateway/handlers/support.ts";
import { recordingTracing } from "../gateway/tracing.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "boruna-overlap-"));
});
afterEach(() => rmSync(folder, { recursive: true }));
const pathOf = (name: string): string => join(folder, name);

const FETCHES = compile({
  name: "fetches.ax",
  text: `fn main(count: Int) -> Int !{net.fetch} {
    let pages = par.map(list.range(0, count), fn(n) { net.fetch("http://x/" ++ int.to_string(n)) })
    list.sum(list.map(pages, string.len))
}`,
});

const run = (options: RunOptions, count = 10): Promise<Execution> =>
  execute(FETCHES, { policy: "allow-all", live: true, tracing: false, runId: "r", args: { count }, ...options });

/** Returns a handler whose calls wait until `expected` of them run at once, and the largest number that did. */
function gate(expected: number): { readonly handler: Handler; most: number } {
  let waiting: (() => void)[] = [];
  const state = {
    most: 0,
    handler: async (): Promise<string> => {
      const opened = new Promise<void>((resolve) => waiting.push(resolve));
      state.most = Math.max(state.most, waiting.length);
      if (waiting.length === expected) {
        for (const open of waiting) open();
        waiting = [];
      }
      await opened;
      return "page";
    },
  };
  return state;
}

/** A handler that ends only when its call is aborted. */
const untilAborted =
  (aborted: string[]): Handler =>
  ([url], { signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        aborted.push(String(url));
        reject(new Error("aborted"));
      });
    });

describe("overlapping calls", () => {
  test.each([1, 3, 16])("%s handlers run at once", async (maxParallelCalls) => {
    const state = gate(maxParallelCalls);
    const result = await run({ handlers: { "net.fetch": state.handler }, maxParallelCalls }, 48);
    expect(result).toMatchObject({ outcome: "success", value: 48 * 4, counters: { total: 48, dispatched: 48, failed: 0 } });
    expect(state.most).toBe(maxParallelCalls);
  });

  test.each([0, 1.5, -1, "16"])("maxParallelCalls %s is refused", async (maxParallelCalls) => {
    const options: object = { maxParallelCalls };
    expect(await kindOf(() => run(options))).toBe("usage");
  });

  test("the spans of the calls overlap, and each ends when its answer arrives", async () => {
    const tracing = recordingTracing();
    const order: string[] = [];
    let openFirst = (): void => undefined;
    const handler: Handler = async ([url]) => {
      if (url === "http://x/0")
        await new Promise<void>((resolve) => {
          openFirst = resolve;
        });
      else queueMicrotask(() => openFirst());
      order.push(String(url));
      return "page";
    };
    const result = await run({ handlers: { "net.fetch": handler }, tracing }, 2);
    expect(result.outcome).toBe("success");
    expect(order).toEqual(["http://x/1", "http://x/0"]);
    expect(tracing.calls.map(({ end }) => end.length)).toEqual([1, 1]);
  });

  test("no further handler starts while answers that are not yet used take 64 MiB", async () => {
    const begun: number[] = [];
    let first = (): void => undefined;
    const big = "x".repeat(40 * 1024 * 1024);
    const handler: Handler = async ([url]) => {
      const n = Number(String(url).slice(-1));
      begun.push(n);
      if (n === 2) queueMicrotask(() => queueMicrotask(() => setImmediate(() => first())));
      if (n === 0)
        await new Promise<void>((resolve) => {
          first = resolve;
        });
      // The answers of calls 1 and 2 are together over the limit, so call 3 starts only after the program has taken answers.
      if (n === 3) expect(begun).toEqual([0, 1, 2, 3]);
      return n === 1 || n === 2 ? big : "page";
    };
    const result = await run({ handlers: { "net.fetch": handler }, maxParallelCalls: 3 }, 4);
    expect(result).toMatchObject({ outcome: "success", value: 2 * big.length + 8 });
  });
});

describe("limits and refusals", () => {
  test("a budget is counted when the call is logged, and ends the run", async () => {
    const policy = parsePolicy('{"schema_version": 1, "default_allow": false, "rules": {"net.fetch": {"allow": true, "budget": 5}}}', {
      file: "p.json",
      jsonc: false,
    });
    const reached: string[] = [];
    const logs = new Set<string>();
    for (const maxParallelCalls of [1, 2, 16]) {
      reached.length = 0;
      const path = pathOf(`budget-${maxParallelCalls}.jsonl`);
      const handler: Handler = async ([url]) => (reached.push(String(url)), "page");
      const result = await run({ policy, handlers: { "net.fetch": handler }, record: path, maxParallelCalls });
      expect(result).toMatchObject({ outcome: "budget_exceeded", counters: { total: 6, dispatched: 5, budget_exceeded: 1, failed: 5 } });
      expect(reached.length).toBeLessThanOrEqual(5);
      expect(await verifyLog(path, { replay: true })).toMatchObject({ ok: true });
      logs.add(readFileSync(path, "utf8"));
    }
    expect(logs.size).toBe(1);
  });

  test("10,000 branches end, and one more is a limit", async () => {
    const handlers = { "net.fetch": () => "" };
    expect(await run({ handlers }, 9_999)).toMatchObject({ outcome: "success", value: 0 });
    const over = await run({ handlers }, 10_000);
    expect(over).toMatchObject({ outcome: "limit_exceeded", error: { kind: "task_limit", limit: "tasks" } });
    expect(await run({ handlers, limits: { max_tasks: 3 } }, 2)).toMatchObject({ outcome: "success" });
    expect(await run({ handlers, limits: { max_tasks: 3 } }, 3)).toMatchObject({ error: { kind: "task_limit" } });
  });

  test("an event log of a program with branches is refused", async () => {
    expect(await kindOf(() => run({ record: { path: pathOf("old.json"), format: "eventlog" } }))).toBe("usage");
  });

  test("a failure in one branch ends the run of main, and aborts the others", async () => {
    const aborted: string[] = [];
    const handler: Handler = (args, context) => {
      if (args[0] !== "http://x/0") return untilAborted(aborted)(args, context);
      throw context.failure("refused");
    };
    const result = await run({ handlers: { "net.fetch": handler }, record: pathOf("failed.jsonl") }, 4);
    expect(result).toMatchObject({
      outcome: "runtime_error",
      error: { kind: "capability_failed", message: "refused", stack: [{ function: "main.lambda1" }, { function: "main" }] },
      counters: { total: 4, dispatched: 4, failed: 4 },
    });
    expect(aborted.sort()).toEqual(["http://x/1", "http://x/2", "http://x/3"]);
    expect(await replayRun(readLog(pathOf("failed.jsonl")), { tracing: false })).toMatchObject({ status: "identical" });
  });
});

describe("the end of a run with open calls", () => {
  test("a canceled run aborts its 16 handlers", async () => {
    const aborted: string[] = [];
    const abort = new AbortController();
    const waiting = untilAborted(aborted);
    // The run may pause between two calls, so it is canceled only after the last of them.
    const on = { callStart: ({ call }: CallStart) => void (call === 40 && setImmediate(() => abort.abort())) };
    const result = await run({ handlers: { "net.fetch": waiting }, signal: abort.signal, record: pathOf("c.jsonl"), on }, 40);
    expect(result).toMatchObject({ outcome: "canceled", counters: { total: 40, dispatched: 40, failed: 40 } });
    expect(aborted).toHaveLength(16);
    const resumed = await resume(pathOf("c.jsonl"), { tracing: false, inDoubt: "retry", handlers: { "net.fetch": () => "page" } });
    expect(resumed).toMatchObject({ outcome: "success", value: 160 });
  });

  test("a handler that ignores its signal does not hold up the end", async () => {
    const abort = new AbortController();
    const handler: Handler = () => {
      setImmediate(() => abort.abort());
      return new Promise(() => undefined);
    };
    expect(await run({ handlers: { "net.fetch": handler }, signal: abort.signal }, 2)).toMatchObject({ outcome: "canceled" });
  });

  test("a branch that never returns ends at the step limit or at the time limit", async () => {
    const text = `fn main() -> (Int, String) !{net.fetch} {
    par { { let mut n = 1
        while n > 0 { n = n % 7 + 1 }
        n }, net.fetch("http://x/") }
}`;
    const program = compile({ name: "endless.ax", text });
    const options: RunOptions = { policy: "allow-all", live: true, tracing: false, handlers: { "net.fetch": async () => "page" } };
    for (const engine of ["interpreter", "compiled"] as const)
      expect(await execute(program, { ...options, engine })).toMatchObject({
        outcome: "limit_exceeded",
        error: { kind: "step_limit" },
        steps: 10_000_000,
      });
    const timed = await execute(program, { ...options, limits: { max_wall_ms: 20, max_steps: Number.MAX_SAFE_INTEGER } });
    expect(timed).toMatchObject({ outcome: "timeout" });
  });

  test("if main waits for a message and no call is open, the run is a deadlock; with an open call it is not", async () => {
    const text = `fn worker() -> Unit !{net.fetch} { let _page = net.fetch("http://x/")
    panic("done") }
fn main() -> String !{actor.spawn, net.fetch} {
    let _w = spawn worker
    let failed: Result<Unit, String> = receive
    match failed { Ok(_) => "", Err(text) => text }
}`;
    const options: RunOptions = { policy: "allow-all", live: true, tracing: false, handlers: { "net.fetch": async () => "page" } };
    expect(await execute(compile({ name: "waits.ax", text }), options)).toMatchObject({ value: "panic: done" });
    const silent = text.replace('panic("done")', "()");
    expect(await execute(compile({ name: "silent.ax", text: silent }), options)).toMatchObject({ error: { kind: "deadlock" } });
  });
});

describe("several calls whose answers come later", () => {
  const later: Handler = (_, context) => context.later();

  test("take their answers in any order, and the log has the bytes of a run that never waited", async () => {
    const path = pathOf("later.jsonl");
    const suspended = await run({ handlers: { "net.fetch": later }, record: path }, 3);
    expect(suspended).toMatchObject({ outcome: "suspended", suspended: { call: 1 }, alsoWaiting: [{ call: 2 }, { call: 3 }] });
    const resumeWith = (answer: Parameters<typeof resume>[1]): ReturnType<typeof resume> =>
      resume(path, { tracing: false, handlers: { "net.fetch": later }, ...answer });
    expect(await kindOf(() => resumeWith({ answer: { call: 9, value: "x" } }))).toBe("log.other_call");
    expect(await resumeWith({ answer: { call: 3, value: "three" } })).toMatchObject({ outcome: "suspended", suspended: { call: 1 } });
    expect(
      await resumeWith({
        answer: [
          { call: 2, value: "two!" },
          { call: 1, value: "one" },
        ],
      }),
    ).toMatchObject({ outcome: "success", value: 12 });
    const undisturbed = pathOf("undisturbed.jsonl");
    const answers = ["one", "two!", "three"];
    await run({ handlers: { "net.fetch": ([url]) => answers[Number(String(url).slice(-1))] }, record: undisturbed }, 3);
    expect(readFileSync(path).equals(readFileSync(undisturbed))).toBe(true);
  });

  test("answers that had arrived are kept, and their calls are not made again", async () => {
    const path = pathOf("kept.jsonl");
    const made: string[] = [];
    const handler: Handler = ([url], context) => {
      made.push(String(url));
      return url === "http://x/0" ? context.later() : "page";
    };
    expect(await run({ handlers: { "net.fetch": handler }, record: path }, 3)).toMatchObject({ outcome: "suspended" });
    expect(made).toHaveLength(3);
    const resumed = await resume(path, { tracing: false, handlers: { "net.fetch": handler }, answer: { call: 1, value: "" } });
    expect(resumed).toMatchObject({ outcome: "success", value: 8 });
    expect(made).toHaveLength(3);
  });
});

describe("the limits on tokens of models", () => {
  let server: TestServer | undefined;
  afterEach(() => server?.close());

  test("overlapping calls use no more than the limit, as the endpoint counts, and their logs are equal", async () => {
    const program = compile({
      name: "models.ax",
      text: `fn main() -> List<Bool> !{llm.call} {
    par.map(list.range(0, 12), fn(n) { result.is_ok(try llm.call("question " ++ int.to_string(n), "m")) })
}`,
    });
    let used = 0;
    let requests = 0;
    server = await startTestServer((_, response) => {
      requests += 1;
      used += 60;
      const usage = { prompt_tokens: 50, completion_tokens: 10 };
      const answer = JSON.stringify({ choices: [{ message: { content: "yes" } }], usage });
      // The answers arrive in another order than the requests.
      const turns = (requests * 5) % 7;
      const later = (left: number): void => (left === 0 ? void response.end(answer) : void setImmediate(() => later(left - 1)));
      later(turns);
    });
    const limit = 1_600;
    const policy = policyOf({ llm_policy: { max_output_tokens: 10, max_total_tokens: limit } });
    const env = { BORUNA_LLM_URL: `http://127.0.0.1:${server.port}` };
    const logs = new Set<string>();
    for (const maxParallelCalls of [1, 2, 16]) {
      used = 0;
      const record = pathOf(`models-${maxParallelCalls}.jsonl`);
      const result = await execute(program, { policy, live: true, env, runId: "m", tracing: false, maxParallelCalls, record });
      expect(result.outcome).toBe("success");
      expect(used).toBeGreaterThan(0);
      expect(used).toBeLessThanOrEqual(limit);
      logs.add(readFileSync(record, "utf8"));
    }
    expect(logs.size).toBe(1);
  });
});

test("at detail flow, a par has a span with one child for each branch", async () => {
  const starts: string[] = [];
  const names = new Map<number, string>();
  const ended: number[] = [];
  const result = await run(
    {
      handlers: { "net.fetch": async () => "page" },
      traceDetail: "flow",
      on: {
        flowStart: ({ id, parentId, name, attributes }) => {
          const construct = String(attributes["flow.construct"] ?? attributes["code.function.name"]);
          names.set(id, construct);
          const counts = [attributes.branch_count, attributes.index].filter((count) => count !== undefined).join(" ");
          starts.push(`${name} ${construct}${counts === "" ? "" : ` ${counts}`} in ${names.get(parentId ?? 0) ?? "nothing"}`);
        },
        flowEnd: ({ id }) => void ended.push(id),
      },
    },
    2,
  );
  expect(result.outcome).toBe("success");
  expect(starts).toEqual([
    "boruna.call main in nothing",
    "boruna.flow par 2 in main",
    "boruna.flow par.branch 0 in par",
    "boruna.flow par.branch 1 in par",
    "boruna.call main.lambda1 in par.branch",
    "boruna.call main.lambda1 in par.branch",
  ]);
  expect(ended.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
});
