/**
 * Measures the debugger for recorded runs: `npm run bench:debugger`.
 *
 * - A step back at random places of a log of 100,000 calls, with the frames and locals that are shown after it.
 * - A million moves, forward and back, with the bytes of the snapshots and the memory of the process.
 *
 * CPU time is shown beside the time that passed, because other work on the machine does not change it.
 */
import { compile } from "../compiler/compile.ts";
import { Debugger, type Move } from "../replay/debugger/debugger.ts";
import { shortText } from "../replay/debugger/views.ts";
import { memoryRecorder, type MemoryRecorder } from "../replay/log/recorder.ts";
import { memorySource } from "../replay/log/log-source.ts";
import { execute } from "../runtime/execute.ts";
import { readCondition } from "../runtime/debug-expression.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { markdown } from "./report.ts";

const CALLS = 100_000;
const PLACES = 40;
const BACKS_PER_PLACE = 10;
const MOVES = 1_000_000;
const WALK = 1_000;

/** The state grows with the run: it keeps every answer. */
const SOURCE = `fn main(calls: Int) -> Int !{time.now} {
    let mut seen: List<Int> = []
    let mut i = 0
    while i < calls {
        let now = time.now()
        seen = list.push(seen, now + i)
        i = i + 1
    }
    list.len(seen)
}
`;
const MIB = 1024 * 1024;

async function recordedDebugger(calls: number): Promise<Debugger> {
  const program = verifyModule(compile({ name: "calls.ax", text: SOURCE }).module);
  const made: MemoryRecorder[] = [];
  const limits = { max_steps: 1_000_000_000, max_alloc_bytes: 1_000_000_000_000, max_log_bytes: 1_000_000_000_000 };
  const record = (facts: Parameters<typeof memoryRecorder>[0]): MemoryRecorder => {
    const recorder = memoryRecorder(facts);
    made.push(recorder);
    return recorder;
  };
  await execute(program, { policy: "allow-all", args: { calls }, tracing: false, limits, record });
  const [recorder] = made;
  if (recorder === undefined) throw new Error("nothing was recorded");
  return Debugger.open(memorySource(recorder.bytes(), recorder.blobs), { limits });
}

/** Reads what an editor shows after a move. */
function show(debug: Debugger): number {
  const { types } = debug.program.module;
  let units = 0;
  for (const { id } of debug.tasks())
    for (const { locals } of debug.stack(id).frames) for (const { value } of locals) units += shortText(value, types).length;
  debug.nextCall();
  return units;
}

interface Times {
  readonly wall: number;
  readonly cpu: number;
}

async function timed(work: () => Promise<unknown>): Promise<Times> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { wall: performance.now() - start, cpu: (user + system) / 1_000 };
}

const percentile = (times: readonly Times[], key: keyof Times, share: number): string => {
  const sorted = times.map((time) => time[key]).toSorted((a, b) => a - b);
  return (sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN).toFixed(1);
};

async function stepBack(): Promise<readonly string[]> {
  const debug = await recordedDebugger(CALLS);
  const toEnd = await timed(() => debug.move("end"));
  const times: Times[] = [];
  for (let place = 0; place < PLACES; place++) {
    // Places all over the run, in a scattered order.
    const call = Math.floor(((place * 7_919) % PLACES) * (CALLS / PLACES)) + 17;
    const condition = readCondition(`i == ${call}`, debug.program.module.types);
    debug.setBreakpoints([{ capability: "time.now", condition }]);
    await debug.move("start");
    await debug.move("continue");
    if (debug.currentStop === undefined) throw new Error(`no place at call ${call}`);
    debug.setBreakpoints([]);
    for (let i = 0; i < BACKS_PER_PLACE; i++) {
      times.push(
        await timed(async () => {
          await debug.move("back");
          show(debug);
        }),
      );
    }
  }
  const { now, peak } = debug.snapshotBytes;
  return [
    `${CALLS} calls: to the end in ${toEnd.wall.toFixed(0)} ms (${toEnd.cpu.toFixed(0)} ms CPU); ${(now / MIB).toFixed(1)} MiB of snapshots, at most ${(peak / MIB).toFixed(1)}`,
    markdown(
      ["a step back", "median ms", "p95 ms", "most ms"],
      (["wall", "cpu"] as const).map((key) => [key, percentile(times, key, 0.5), percentile(times, key, 0.95), percentile(times, key, 1)]),
    ),
  ];
}

async function manyMoves(): Promise<readonly string[]> {
  const debug = await recordedDebugger(10_000);
  let moves = 0;
  let places = 0;
  const walk = async (move: Move, count: number): Promise<void> => {
    for (let i = 0; i < count && (await debug.move(move)).reason === "step"; i++) {
      moves += 1;
      if (moves % 100 === 0) places += show(debug) > 0 ? 1 : 0;
    }
  };
  const time = await timed(async () => {
    while (moves < MOVES) {
      await walk("in", WALK);
      await walk("back", Math.floor(WALK * 0.9));
    }
  });
  const { peak } = debug.snapshotBytes;
  const rss = process.memoryUsage.rss();
  return [
    `${moves} moves forward and back, ${places} states shown: ${(time.wall / 1_000).toFixed(0)} s (${(time.cpu / 1_000).toFixed(0)} s CPU); at most ${(peak / MIB).toFixed(1)} MiB of snapshots; ${(rss / MIB).toFixed(0)} MiB RSS at the end`,
  ];
}

const only = process.argv[2];
if (only !== "moves") for (const line of await stepBack()) process.stdout.write(`${line}\n`);
if (only !== "back") for (const line of await manyMoves()) process.stdout.write(`${line}\n`);
