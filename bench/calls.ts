/** Measures the cost of a capability call whose handler does nothing. */
import { compile } from "../compiler/compile.ts";
import { executeProgram } from "../gateway/run.ts";
import type { EventSink } from "../gateway/run-events.ts";
import { ALLOW_ALL, policyFromJson } from "../policy/policy.ts";
import { memoryRecorder } from "../replay/log/recorder.ts";
import { execute } from "../runtime/execute.ts";
import type { RunEvent } from "../vm/events.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { parseJson } from "../vm/json/json.ts";
import { LIMITS, METERED } from "./engines.ts";
import type { Table } from "./report.ts";
import { type Figure, figureOf } from "./statistics.ts";

const ROUNDS = 7;
const WARM_UP_ROUNDS = 5;
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

/**
 * What is measured: runs that keep their events in memory, and runs that write a log in memory. Such a log computes its hash only if asked;
 * `hashed log` asks. `plain handler` keeps events in memory, too, but an embedder's handler answers with plain data, and the policy has a
 * budget and a condition on the argument.
 */
const LOGS = ["events in memory", "plain handler", "log in memory", "hashed log"] as const;
type LogKind = (typeof LOGS)[number];

const PLAIN = {
  policy: policyFromJson(parseJson(`{"rules": {"time.now": {"allow": true, "budget": ${CALLS}, "where": {"unit": {"in": ["s", "ms"]}}}}}`)),
  handlers: new Map([["time.now", () => 1_700_000_000]]),
};

/** The measured cost of a call that goes through policy, budget and log to a synchronous mock, without a tracer. */
export interface CallCost {
  readonly engine: string;
  readonly log: LogKind;
  /** The time of one call, in microseconds. */
  readonly perCall: Figure;
}

async function run(program: Program, options: (typeof METERED)[number]["options"], log: LogKind): Promise<void> {
  if (log === "log in memory" || log === "hashed log") {
    const common = { policy: ALLOW_ALL, limits: LIMITS, args: { n: CALLS }, tracing: false } as const;
    const { log: finished } = await execute(program, { ...common, record: (description) => memoryRecorder(description), ...options });
    if (log === "hashed log" && finished?.head === undefined) throw new Error("the log has no hash");
    return;
  }
  const events: RunEvent[] = [];
  const sink: EventSink = {
    append: (event) => {
      events.push(event);
      return undefined;
    },
  };
  const common = { limits: LIMITS, args: new Map([["n", CALLS]]), sink, runId: "bench", ...options };
  await executeProgram(program, log === "plain handler" ? { ...common, ...PLAIN } : { ...common, policy: ALLOW_ALL });
}

export async function callCosts(): Promise<readonly CallCost[]> {
  const program = verifyModule(compile({ name: "calls.ax", text: SOURCE }).module);
  const times = METERED.flatMap((engine) => LOGS.map((log) => ({ engine, log, perCall: Array<number>() })));
  // Rounds below 0 are the warm-up.
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const { engine, log, perCall } of times) {
      const start = performance.now();
      await run(program, engine.options, log);
      if (round >= 0) perCall.push(((performance.now() - start) * 1_000) / CALLS);
    }
  }
  return times.map(({ engine, log, perCall }) => ({ engine: engine.name, log, perCall: figureOf(perCall) }));
}

export function callTable(costs: readonly CallCost[]): Table {
  return {
    title: "Capability calls",
    note: "A call passes policy, budget and log and ends in a synchronous mock; there is no tracer. A log in memory computes its hash on demand.",
    columns: ["µs"],
    rows: costs.map(({ engine, log, perCall }) => ({ what: `${engine}, ${log}`, cells: [perCall] })),
  };
}
