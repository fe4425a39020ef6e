/** Before each call, a run waits until the span queue has room. Only the run's duration changes. */
import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { executeProgram, type ExecuteOptions, type RunResult } from "../../gateway/run.ts";
import type { Handler } from "../../gateway/handlers.ts";
import { ALLOW_ALL } from "../../policy/policy.ts";
import type { RunEvent } from "../../vm/events.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { recordingTracing } from "./tracing.ts";

const CALLS = "fn main() -> Int !{time.now} { let mut sum = 0\n for _i in [0, 1, 2, 3, 4] { sum = sum + time.now() }\n sum }";
const program = verifyModule(compile({ name: "main.ax", text: CALLS }).module);

interface Seen {
  readonly result: RunResult;
  readonly events: readonly RunEvent[];
}

/** Runs a program that calls `time.now`, and returns what happened. */
async function run(handler: Handler, options: Partial<ExecuteOptions> = {}): Promise<Seen> {
  const events: RunEvent[] = [];
  const sink = { append: (event: RunEvent) => void events.push(event) };
  const handlers = new Map([["time.now", handler] as const]);
  const result = await executeProgram(program, { policy: ALLOW_ALL, runId: "r", handlers, sink, ...options });
  return { result, events };
}

describe.each(["at once", "later"] as const)("a handler that answers %s", (when) => {
  const answer: Handler = () => (when === "later" ? Promise.resolve(7) : 7);

  test("is called once there is room", async () => {
    const plain = await run(answer);
    const seen: string[] = [];
    const tracing = recordingTracing(() => {
      seen.push("full");
      return Promise.resolve().then(() => void seen.push("room"));
    });
    const waited = await run(
      (...call) => {
        seen.push("call");
        return answer(...call);
      },
      { tracing },
    );
    expect(seen.join(" ")).toBe(Array(5).fill("full room call").join(" "));
    expect(waited).toEqual(plain);
    expect(tracing.calls).toHaveLength(5);
  });

  test("is not called by a run that is canceled while it waits", async () => {
    const abort = new AbortController();
    let asked = 0;
    const tracing = recordingTracing(() => {
      asked += 1;
      if (asked < 3) return undefined;
      setImmediate(() => abort.abort());
      return new Promise(() => undefined);
    });
    const { result, events } = await run(answer, { tracing, signal: abort.signal });
    expect(result).toMatchObject({ outcome: "canceled", error: { message: "the run was canceled" }, counters: { total: 2, failed: 0 } });
    expect(events.map((event) => event.type)).toEqual(["CapCall", "CapResult", "CapCall", "CapResult"]);
    expect(tracing.calls).toHaveLength(2);
    expect(tracing.runs[0]?.end).toMatchObject([{ outcome: "canceled" }]);
  });

  test("does not wait under a wall-clock limit", async () => {
    const tracing = recordingTracing(() => expect.fail("asked for room"));
    expect((await run(answer, { tracing, limits: { max_wall_ms: 600_000 } })).result).toMatchObject({ outcome: "success", value: 35 });
  });
});
