/** Measures logs of calls whose handler does nothing: recording, verifying and replaying them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../compiler/compile.ts";
import { parsePolicy } from "../policy/parse.ts";
import { readLog } from "../replay/log/log-reader.ts";
import { replayRun } from "../replay/replay.ts";
import { verifyLog } from "../replay/verify.ts";
import { execute } from "../runtime/execute.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { LIMITS } from "./engines.ts";
import type { Table } from "./report.ts";
import { sourceText } from "./sources.ts";
import { type Figure, figureOf } from "./statistics.ts";

const ROUNDS = 9;
const WARM_UP_ROUNDS = 3;
const CALLS = 20_000;
const EVENTS = 2 * CALLS;
const POLICY = `{"schema_version": 1, "rules": {"time.now": {"allow": true, "budget": ${CALLS}}}}`;

export interface LogCosts {
  /** The time of one call through `execute`, with a policy and a budget, in microseconds. Its events are counted but not kept. */
  readonly call: Figure;
  /** The processor time of one recorded call less that of the same call without a log, in microseconds. */
  readonly recording: Figure;
  /** Events of a log in a file, a second. A replay reads the log twice. */
  readonly verified: Figure;
  readonly replayed: Figure;
}

/** Returns the microseconds of processor time and of time that `body` takes. */
async function costOf(body: () => Promise<unknown>): Promise<{ readonly cpu: number; readonly time: number }> {
  const before = process.cpuUsage();
  const start = performance.now();
  await body();
  const time = (performance.now() - start) * 1_000;
  const { user, system } = process.cpuUsage(before);
  return { cpu: user + system, time };
}

export async function logCosts(): Promise<LogCosts> {
  const program = verifyModule(compile({ name: "calls.ax", text: sourceText("calls.ax") }).module);
  const options = { policy: parsePolicy(POLICY, { file: "policy.json", jsonc: false }), args: { calls: CALLS }, limits: LIMITS };
  const folder = mkdtempSync(join(tmpdir(), "boruna-bench-"));
  const path = join(folder, "run.jsonl");
  const rounds: { readonly call: number; readonly recording: number; readonly verified: number; readonly replayed: number }[] = [];
  try {
    // Rounds below 0 are the warm-up.
    for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
      const plain = await costOf(() => execute(program, options));
      const recorded = await costOf(() => execute(program, { ...options, record: { path, force: true } }));
      const verify = await costOf(() => verifyLog(path));
      const replay = await costOf(() => replayRun(readLog(path), { limits: LIMITS }));
      if (round < 0) continue;
      const perSecond = (time: number): number => (EVENTS / time) * 1_000_000;
      rounds.push({
        call: plain.time / CALLS,
        recording: (recorded.cpu - plain.cpu) / CALLS,
        verified: perSecond(verify.time),
        replayed: perSecond(replay.time),
      });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return {
    call: figureOf(rounds.map((r) => r.call)),
    recording: figureOf(rounds.map((r) => r.recording)),
    verified: figureOf(rounds.map((r) => r.verified)),
    replayed: figureOf(rounds.map((r) => r.replayed)),
  };
}

export function logTables({ call, recording, verified, replayed }: LogCosts): readonly Table[] {
  return [
    {
      title: "Recording a call",
      note: "Through `execute`, with a policy and a budget. A recorded call is two records, each with its hash and a system call.",
      columns: ["µs"],
      rows: [
        { what: "a call without a log", cells: [call] },
        { what: "processor time of recording it", cells: [recording] },
      ],
    },
    {
      title: "Reading a log",
      note: "A replay reads the log twice.",
      columns: ["events a second"],
      rows: [
        { what: "verify", cells: [verified] },
        { what: "replay", cells: [replayed] },
      ],
    },
  ];
}
