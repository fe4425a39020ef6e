/** Measures calls that overlap: what one costs, and how long ten slow ones take together. */
import { setTimeout as sleep } from "node:timers/promises";
import { compile } from "../compiler/compile.ts";
import { execute } from "../runtime/execute.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { LIMITS } from "./engines.ts";
import type { Table } from "./report.ts";
import { type Figure, figureOf } from "./statistics.ts";

const ROUNDS = 7;
const WARM_UP_ROUNDS = 3;
const CALLS = 5_000;
const SLOW_CALLS = 10;
const SLOW_MS = 100;

const source = (map: string): string => `fn main(n: Int) -> Int !{time.now} {
    list.sum(${map}(list.range(0, n), fn(i) { i + time.now() % 2 }))
}
`;
const programOf = (map: string): Program => verifyModule(compile({ name: "overlap.ax", text: source(map) }).module);

const run = (program: Program, n: number, handler: () => unknown): Promise<unknown> =>
  execute(program, { policy: "allow-all", limits: LIMITS, args: { n }, tracing: false, live: true, handlers: { "time.now": handler } });

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export interface OverlapCosts {
  /** Microseconds of one call in `par.map`, with a synchronous handler. */
  readonly together: Figure;
  /** The same in `list.map`, which makes one call after the other. */
  readonly alone: Figure;
  /** The time of ten calls of 100 ms in `par.map`, divided by the time of one such call. */
  readonly slow: Figure;
  /** The same for ten promises of 100 ms in `Promise.all`, without Boruna. */
  readonly bare: Figure;
}

export async function overlapCosts(): Promise<OverlapCosts> {
  const [together, alone] = [programOf("par.map"), programOf("list.map")];
  const times = { together: Array<number>(), alone: Array<number>(), slow: Array<number>(), bare: Array<number>() };
  const slow = async (): Promise<number> => (await sleep(SLOW_MS), 1);
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const perCall = async (program: Program): Promise<number> => ((await milliseconds(() => run(program, CALLS, () => 1))) * 1_000) / CALLS;
    const measured = {
      together: await perCall(together),
      alone: await perCall(alone),
      one: await milliseconds(() => run(alone, 1, slow)),
      ten: await milliseconds(() => run(together, SLOW_CALLS, slow)),
      bare: await milliseconds(() => Promise.all(Array.from({ length: SLOW_CALLS }, slow))),
    };
    if (round < 0) continue;
    times.together.push(measured.together);
    times.alone.push(measured.alone);
    times.slow.push(measured.ten / measured.one);
    times.bare.push(measured.bare / measured.one);
  }
  const { together: t, alone: a, slow: s, bare } = times;
  return { together: figureOf(t), alone: figureOf(a), slow: figureOf(s), bare: figureOf(bare) };
}

export function overlapTables({ together, alone, slow, bare }: OverlapCosts): readonly Table[] {
  return [
    {
      title: "Calls that overlap: cost",
      note: `${CALLS} calls with a synchronous handler that does nothing, through \`execute\`; one branch for each under \`par.map\`.`,
      columns: ["µs"],
      rows: [
        { what: "par.map", cells: [together] },
        { what: "list.map, one after the other", cells: [alone] },
      ],
    },
    {
      title: "Calls that overlap: latency",
      note: `${SLOW_CALLS} calls of ${SLOW_MS} ms, as a multiple of one.`,
      columns: ["times"],
      rows: [
        { what: "par.map", cells: [slow] },
        { what: "Promise.all, without Boruna", cells: [bare] },
      ],
    },
  ];
}
