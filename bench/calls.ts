/** What a capability call costs that does nothing. */
import { compile } from "../compiler/compile.ts";
import { ALLOW_ALL } from "../policy/policy.ts";
import { memoryRecorder } from "../replay/record.ts";
import { execute } from "../replay/run.ts";
import { verifyModule } from "../vm/verifier.ts";
import { LIMITS, METERED } from "./engines.ts";
import { type Figure, figureOf } from "./statistics.ts";

const ROUNDS = 7;
const CALLS = 50_000;

const SOURCE = `fn main(n: Int) -> Int !{time.now} {
    let mut total = 0
    let mut i = 0
    while i < n {
        total = total + time.now() % 2
        i = i + 1
    }
    total
}
`;

/** Microseconds a call by engine: policy, budget and log in memory, a synchronous mock, no tracer. */
export async function callCosts(): Promise<ReadonlyMap<string, Figure>> {
  const program = verifyModule(compile({ name: "calls.ax", text: SOURCE }).module);
  const times = METERED.map((engine) => ({ engine, perCall: Array<number>() }));
  // The first round only warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { engine, perCall } of times) {
      const start = performance.now();
      await execute(program, {
        policy: ALLOW_ALL,
        limits: LIMITS,
        args: { n: CALLS },
        tracing: false,
        record: (run) => memoryRecorder(run),
        ...engine.options,
      });
      if (round > 0) perCall.push(((performance.now() - start) * 1_000) / CALLS);
    }
  }
  return new Map(times.map(({ engine, perCall }) => [engine.name, figureOf(perCall)]));
}
