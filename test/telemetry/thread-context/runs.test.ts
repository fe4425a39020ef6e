/** Several runs share a thread: what is published always belongs to the run that the machine executes. */
import { setImmediate } from "node:timers/promises";
import { context, trace } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { afterAll, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { executeProgram } from "../../../gateway/run.ts";
import { ALLOW_ALL } from "../../../policy/policy.ts";
import { otelTracing } from "../../../telemetry/otel.ts";
import { RECORD_BYTES } from "../../../telemetry/thread-context/slot.ts";
import type { ThreadContext } from "../../../telemetry/thread-context/slot.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";

new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new InMemorySpanExporter())] }).register();
afterAll(() => {
  trace.disable();
  context.disable();
});

/** The trace id that is published now. */
let published: string | undefined;
const threadContext: ThreadContext = {
  enter: (record) => {
    expect(record.length).toBe(RECORD_BYTES);
    expect(published).toBeUndefined();
    published = Buffer.from(record).toString("hex", 0, 16);
  },
  leave: () => {
    published = undefined;
  },
};

const PROGRAM = `fn worker() -> Unit !{time.now} {
    for i in [1, 2, 3, 4, 5] {
        let _ = debug("running")
        let _ = time.now()
    }
}

fn main() -> Unit !{time.now, actor.spawn} {
    let _ = spawn worker
    let mut i = 0
    while i < 50000 { i = i + 1 }
    worker()
}
`;

test("runs that take turns and wait for handlers publish their own ids, and handlers see none", async () => {
  const program = verifyModule(compile({ name: "runs.ax", text: PROGRAM }).module);
  const seen: string[] = [];
  const run = async (i: number): Promise<void> => {
    const traceId = (i + 1).toString(16).padStart(32, "0");
    const result = await executeProgram(program, {
      policy: ALLOW_ALL,
      runId: `run-${i}`,
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      tracing: otelTracing({ threadContext }),
      onDebug: () => void seen.push(published === traceId ? "own" : `${published} instead of ${traceId}`),
      handlers: new Map([
        [
          "time.now",
          // Some answers come at once, some in a later turn of the event loop.
          (_, { callNumber }) => {
            seen.push(published ?? "none");
            return (callNumber + i) % 3 === 0 ? 1 : setImmediate(1);
          },
        ],
      ]),
    });
    expect(result).toMatchObject({ outcome: "success" });
  };
  await Promise.all(Array.from({ length: 8 }, (_, i) => run(i)));
  expect(published).toBeUndefined();
  expect(new Set(seen)).toEqual(new Set(["own", "none"]));
  expect(seen).toHaveLength(8 * 2 * 2 * 5);
});
