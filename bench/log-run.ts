/**
 * The child process of `logs.ts`. It measures one part of the work on logs. For each round, it prints the microseconds of processor time of
 * one call, or of one event that is read, as JSON.
 */
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
import { sourceText } from "./sources.ts";
import { cpuMs } from "./thread-time.ts";

const ROUNDS = 15;
const WARM_UP_ROUNDS = 15;
const CALLS = 20_000;
const EVENTS = 2 * CALLS;
const POLICY = `{"schema_version": 1, "rules": {"time.now": {"allow": true, "budget": ${CALLS}}}}`;

/** Returns the microseconds of processor time that `body` takes. */
async function costOf(body: () => Promise<unknown>): Promise<number> {
  const start = cpuMs();
  await body();
  return (cpuMs() - start) * 1_000;
}

const folder = mkdtempSync(join(tmpdir(), "boruna-bench-"));
const path = join(folder, "run.jsonl");
const program = verifyModule(compile({ name: "calls.ax", text: sourceText("calls.ax") }).module);
const options = { policy: parsePolicy(POLICY, { file: "policy.json", jsonc: false }), args: { calls: CALLS }, limits: LIMITS };
const plain = () => execute(program, options);
const recorded = () => execute(program, { ...options, record: { path, force: true } });

const parts = new Map<string, () => Promise<number>>([
  ["call", async () => (await costOf(plain)) / CALLS],
  ["recording", async () => (-(await costOf(plain)) + (await costOf(recorded))) / CALLS],
  ["verify", async () => (await costOf(() => verifyLog(path))) / EVENTS],
  ["replay", async () => (await costOf(() => replayRun(readLog(path), { limits: LIMITS }))) / EVENTS],
]);
const part = parts.get(process.argv[2] ?? "");
if (part === undefined) throw new Error(`the parts are ${[...parts.keys()].join(", ")}`);
try {
  await recorded();
  const times: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const time = await part();
    if (round >= 0) times.push(time);
  }
  process.stdout.write(JSON.stringify(times));
} finally {
  rmSync(folder, { recursive: true });
}
