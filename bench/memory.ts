/**
 * Measures the peak memory of the commands that write and read logs, for logs of growing length (`npm run bench:memory`). Each command is a
 * process of its own. Prints a table; with `--write` also writes it to `bench/MEMORY.md`. Takes minutes and some GB under the folder for
 * temporary files. Memory does not depend on how busy the computer is.
 */
import { spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readPeakMemory, reportPeakMemory } from "./peak-memory.ts";
import { markdown } from "./report.ts";
import { sourceUrl } from "./sources.ts";

/** Each call is two events. */
const EVENTS = [50_000, 500_000, 5_000_000];
const COMMAND = fileURLToPath(new URL("../bin/boruna.js", import.meta.url));
const PROGRAM = fileURLToPath(sourceUrl("calls.ax"));
/** A limit that 5 million events do not reach. */
const HIGH_LIMIT = "1000000000000";
/** Longer than the last record of a log. */
const TAIL_BYTES = 4_096;

/** Runs a command. Returns its peak memory in MiB. */
function peakMiB(args: readonly string[]): number {
  const { status, stderr, output } = spawnSync(process.execPath, [...reportPeakMemory(3), COMMAND, ...args], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`boruna ${args.join(" ")} ended with ${status}: ${stderr}`);
  return (readPeakMemory(output[3] ?? "") ?? Number.NaN) / 1_048_576;
}

/** Removes the end record, so that the log is that of a run that was killed just before its end. */
function removeEnd(log: string): void {
  const file = openSync(log, "r+");
  try {
    const { size } = fstatSync(file);
    const tail = new Uint8Array(TAIL_BYTES);
    const length = readSync(file, tail, 0, TAIL_BYTES, Math.max(0, size - TAIL_BYTES));
    const end = tail.subarray(0, length - 1).lastIndexOf(0x0a) + 1;
    ftruncateSync(file, size - (length - end));
  } finally {
    closeSync(file);
  }
}

/** The commands, in the order in which they run. Each leaves a complete log. */
const COMMANDS: readonly (readonly [string, (folder: string, calls: number) => number])[] = [
  [
    "run --record",
    (folder, calls) => {
      const policy = join(folder, "policy.json");
      const limits = { max_steps: Number(HIGH_LIMIT), max_alloc_bytes: Number(HIGH_LIMIT), max_log_bytes: Number(HIGH_LIMIT) };
      writeFileSync(policy, JSON.stringify({ schema_version: 1, default_allow: true, limits }));
      return peakMiB(["run", PROGRAM, "--policy", policy, "--arg", `calls=${calls}`, "--record", logIn(folder)]);
    },
  ],
  ["replay", (folder) => peakMiB(["replay", logIn(folder), ...REPLAY_LIMITS])],
  ["verify", (folder) => peakMiB(["verify", logIn(folder)])],
  ["verify --replay", (folder) => peakMiB(["verify", logIn(folder), "--replay", ...REPLAY_LIMITS])],
  [
    "resume",
    (folder) => {
      removeEnd(logIn(folder));
      return peakMiB(["resume", logIn(folder)]);
    },
  ],
];

const REPLAY_LIMITS = ["--max-steps", HIGH_LIMIT, "--max-alloc-bytes", HIGH_LIMIT];

const logIn = (folder: string): string => join(folder, "run.jsonl");

function measure(events: number): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "boruna-bench-"));
  try {
    const peaks = COMMANDS.map(([name, run]) => {
      const peak = run(folder, events / 2).toFixed(0);
      process.stderr.write(`${events} events, ${name}: ${peak} MiB\n`);
      return peak;
    });
    return [events.toLocaleString("en-US"), (statSync(logIn(folder)).size / 1_048_576).toFixed(0), ...peaks];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const table = markdown(["events", "MiB of log", ...COMMANDS.map(([name]) => name)], EVENTS.map(measure));
const text = `# Memory for long logs

Written by \`npm run bench:memory -- --write\` with Node ${process.version} on ${process.platform} ${process.arch}. Peak memory of the process in MiB.

${table}
`;
process.stdout.write(text);
if (process.argv.includes("--write")) writeFileSync(sourceUrl("MEMORY.md"), text);
