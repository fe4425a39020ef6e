import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { MAX_FLOW_SPANS } from "../../gateway/flow.ts";
import type { CallStart, FlowEnd, FlowStart } from "../../gateway/observers.ts";
import { executeProgram, type ExecuteOptions, type RunResult } from "../../gateway/run.ts";
import { ALLOW_ALL } from "../../policy/policy.ts";
import type { FlowTracing, Tracing } from "../../telemetry/tracing.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { recordingTracing } from "./tracing.ts";

const programOf = (text: string): Program => verifyModule(compile({ name: "main.ax", text }).module);

const run = (text: string, options: Partial<ExecuteOptions>): Promise<RunResult> =>
  executeProgram(programOf(text), { policy: ALLOW_ALL, runId: "run", traceDetail: "flow", ...options });

const SOURCE = `fn ask(n: Int) -> Int !{time.now} {
    if n > 0 { time.now() } else { 0 }
}
fn main() -> Int !{time.now} {
    let mut sum = 0
    for n in [0, 1] { sum = sum + ask(n) % 2 }
    sum
}
`;

const manySpans = (iterations: number): string =>
  `fn main() -> Int !{time.now} { for n in list.range(0, ${iterations}) { if n == ${iterations - 1} { time.now() } } 0 }`;

describe("observers", () => {
  test("see the same structure without a tracer", async () => {
    const seen: (FlowStart | FlowEnd | Pick<CallStart, "call" | "parentId">)[] = [];
    await run(SOURCE, {
      on: {
        flowStart: (start) => void seen.push(start),
        flowEnd: (end) => void seen.push(end),
        callStart: ({ call, parentId }) => void seen.push({ call, parentId }),
      },
    });
    const at = (line: number): object => ({ "code.file.path": "main.ax", "code.line.number": line });
    const call = { name: "boruna.call", actorId: 0 };
    const flow = { name: "boruna.flow", actorId: 0 };
    expect(seen).toEqual([
      { id: 1, parentId: undefined, ...call, attributes: { "code.function.name": "main", "call.argument_count": 0, ...at(4) } },
      { id: 2, parentId: 1, ...flow, attributes: { "flow.construct": "for", variable_name: "n", ...at(6) } },
      { id: 3, parentId: 2, ...flow, attributes: { "flow.construct": "for.iteration", index: 0, ...at(6) } },
      { id: 4, parentId: 3, ...call, attributes: { "code.function.name": "ask", "call.argument_count": 1, ...at(1) } },
      { id: 5, parentId: 4, ...flow, attributes: { "flow.construct": "if", branch_count: 1, ...at(2) } },
      { id: 5, attributes: { branch_taken: -1 } },
      { id: 4, attributes: {} },
      { id: 3, attributes: {} },
      { id: 6, parentId: 2, ...flow, attributes: { "flow.construct": "for.iteration", index: 1, ...at(6) } },
      { id: 7, parentId: 6, ...call, attributes: { "code.function.name": "ask", "call.argument_count": 1, ...at(1) } },
      { id: 8, parentId: 7, ...flow, attributes: { "flow.construct": "if", branch_count: 1, ...at(2) } },
      { call: 1, parentId: 8 },
      { id: 8, attributes: { branch_taken: 0 } },
      { id: 7, attributes: {} },
      { id: 6, attributes: {} },
      { id: 2, attributes: { iteration_count: 2, broke_early: false } },
      { id: 1, attributes: {} },
    ]);
  });

  test("one that throws is reported once and changes nothing", async () => {
    const errors: unknown[] = [];
    const broken = (): never => {
      throw new Error("broken");
    };
    const plain = await run(SOURCE, { traceDetail: "cap" });
    const watched = await run(SOURCE, { on: { flowStart: broken, flowEnd: broken }, onObserverError: (error) => errors.push(error) });
    expect(errors).toHaveLength(1);
    expect({ ...watched, runId: "" }).toEqual({ ...plain, runId: "" });
  });
});

describe("limits", () => {
  test(`a run has at most ${MAX_FLOW_SPANS} spans; the children of a dropped span belong to the nearest span around it`, async () => {
    const tracing = recordingTracing();
    const parents: (number | undefined)[] = [];
    const ids = new Set<number>();
    const open = new Set<number>();
    await run(manySpans(6_000), {
      tracing,
      on: {
        flowStart: ({ id }) => void (ids.add(id), open.add(id)),
        flowEnd: ({ id }) => void open.delete(id),
        callStart: ({ parentId }) => void parents.push(parentId),
      },
    });
    // The program has spans for main, the for, 6,000 iterations and an if in each. The for is span 2, the parent of the call.
    expect(ids.size).toBe(MAX_FLOW_SPANS);
    expect(open.size).toBe(0);
    expect(tracing.runs[0]?.end).toMatchObject([{ spansDropped: 2 + 12_000 - MAX_FLOW_SPANS }]);
    expect(parents).toEqual([2]);
    expect(tracing.calls).toHaveLength(1);
  });

  test("a long chain of tail calls is bounded and ends completely", async () => {
    let open = 0;
    const source =
      "fn down(n: Int) -> Int !{time.now} { if n == 0 { time.now() } else { down(n - 1) } }\nfn main() -> Int !{time.now} { down(50000) }";
    const result = await run(source, { on: { flowStart: () => void (open += 1), flowEnd: () => void (open -= 1) } });
    expect(result.outcome).toBe("success");
    expect(open).toBe(0);
  });
});

describe("a full queue of spans", () => {
  /** A queue with room for 3 spans. It becomes empty when `backpressure` settles. */
  function smallQueue(): { readonly tracing: Tracing; readonly sizes: number[] } {
    const base = recordingTracing();
    const sizes: number[] = [];
    let size = 0;
    const flow: FlowTracing = {
      end: () => {
        size += 1;
        sizes.push(size);
      },
    };
    const startRun: Tracing["startRun"] = (start) => ({
      ...base.startRun(start),
      startFlow: () => flow,
      backpressure: () =>
        size < 3
          ? undefined
          : Promise.resolve().then(() => {
              size = 0;
            }),
    });
    return { tracing: { startRun }, sizes };
  }

  test("delays the run until there is room, so that no span is lost", async () => {
    const { tracing, sizes } = smallQueue();
    await run(manySpans(50), { tracing });
    expect(sizes).toHaveLength(2 + 2 * 50);
    expect(Math.max(...sizes)).toBe(3);
  });

  test("does not delay a run with a wall-clock limit", async () => {
    const { tracing, sizes } = smallQueue();
    await run(manySpans(50), { tracing, limits: { max_wall_ms: 60_000 } });
    expect(sizes.length).toBe(2 + 2 * 50);
    expect(Math.max(...sizes)).toBeGreaterThan(3);
  });

  test("does not delay a canceled run", async () => {
    const { tracing } = smallQueue();
    const controller = new AbortController();
    const never: Tracing = {
      startRun: (start) => ({ ...tracing.startRun(start), backpressure: () => new Promise(() => setImmediate(() => controller.abort())) }),
    };
    const source = "fn main() -> Int !{time.now} { for n in [1, 2, 3] {} 0 }";
    const result = await run(source, { tracing: never, signal: controller.signal });
    expect(result.outcome).toBe("success");
  });
});
