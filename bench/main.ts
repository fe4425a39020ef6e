/**
 * `npm run bench`, from the built package as users run it: the machine beside hand-written JavaScript, interleaved in one process; a trivial capability call;
 * the start of the command line beside bare Node; compile time and its growth. Ratios of medians. `--json`; `--write` keeps
 * the table in bench/RESULTS.md.
 */
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compile } from "../compiler/compile.ts";
import { ALLOW_ALL } from "../policy/policy.ts";
import { memoryRecorder } from "../replay/record.ts";
import { execute } from "../replay/run.ts";
import type { Host } from "../vm/host.ts";
import { DEFAULT_LIMITS, type Limits } from "../vm/limits.ts";
import type { Program } from "../vm/program.ts";
import { runMachine } from "../vm/system.ts";
import { textForm } from "../vm/text.ts";
import { verifyModule } from "../vm/verifier.ts";
import { PROGRAMS } from "./programs.ts";

interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Lowest and highest of the rounds. */
  readonly spread: readonly [number, number];
}

const ROUNDS = 7;
const LIMITS: Limits = { ...DEFAULT_LIMITS, max_steps: Number.MAX_SAFE_INTEGER, max_alloc_bytes: Number.MAX_SAFE_INTEGER };
const NO_HOST: Host = {
  call: () => ({ ok: false, trap: "capability_denied", message: "no capabilities here" }),
  event: () => undefined,
  debug: () => undefined,
  interrupted: () => undefined,
};

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

function timed(body: () => void): number {
  const start = performance.now();
  body();
  return performance.now() - start;
}

function runText(program: Program): string {
  const end = runMachine(program, NO_HOST, { limits: LIMITS, args: [] });
  if (end instanceof Promise) throw new Error("the program waited");
  return end.status === "completed" ? textForm(end.value) : end.trap.kind;
}

/** Both sides in turn, round by round, so that whatever else the machine does falls on both. */
function machineRows(): Row[] {
  return PROGRAMS.map(({ name, source, handWritten }) => {
    const program = verifyModule(compile({ name: "bench.ax", text: source }).module);
    const [ours, theirs] = [runText(program), handWritten()];
    if (ours !== theirs) throw new Error(`${name}: ${ours} is not ${theirs}`);
    const ratios = Array.from({ length: ROUNDS }, () => {
      const repeats = 5;
      const machine = timed(() => void runText(program));
      const plain = timed(() => {
        for (let i = 0; i < repeats; i++) handWritten();
      });
      return (machine * repeats) / plain;
    });
    return {
      what: `${name}, interpreter to hand-written JavaScript`,
      value: median(ratios),
      unit: "times",
      spread: [Math.min(...ratios), Math.max(...ratios)],
    };
  });
}

async function callRow(): Promise<Row> {
  const calls = 100_000;
  const text = `fn main() -> Int !{time.now} {\n    let mut n = 0\n    let mut i = 0\n    while i < ${calls} { n = n + time.now() % 2  i = i + 1 }\n    n\n}\n`;
  const program = verifyModule(compile({ name: "calls.ax", text }).module);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await execute(program, { policy: ALLOW_ALL, limits: LIMITS, tracing: false, record: (run) => memoryRecorder(run) });
    times.push(((performance.now() - start) * 1_000) / calls);
  }
  return {
    what: "a trivial capability call, mock, log in memory, no tracer",
    value: median(times),
    unit: "µs",
    spread: [Math.min(...times), Math.max(...times)],
  };
}

function startRow(): Row {
  const cli = fileURLToPath(new URL("../bin/boruna.js", import.meta.url));
  const hello = fileURLToPath(new URL("../../bench/hello.ax", import.meta.url));
  const run = (args: readonly string[]): number => timed(() => void spawnSync(process.execPath, args, { stdio: "ignore" }));
  const ratios = Array.from({ length: ROUNDS }, () => run([cli, "run", hello]) / run(["-e", "0"]));
  return {
    what: "`boruna run hello.ax` to `node -e 0`",
    value: median(ratios),
    unit: "times",
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
}

/** About so many bytes of functions that call each other. */
function sourceOf(bytes: number): string {
  const one = (i: number): string =>
    `fn f${i}(n: Int, s: String) -> Int {\n    let m = if n > ${i} { n * 2 + ${i} } else { string.len(s) - n }\n    match m % 3 { 0 => m, 1 => ${i === 0 ? "m" : `f${i - 1}(m, s)`}, _ => m + 1 }\n}\n`;
  let text = "";
  for (let i = 0; text.length < bytes; i++) text += one(i);
  return `${text}fn main() -> Int { f0(1, "x") }\n`;
}

function compileRows(): Row[] {
  const [half, whole] = [sourceOf(500_000), sourceOf(1_000_000)];
  const time = (text: string): number => timed(() => void compile({ name: "large.ax", text }));
  time(half);
  const rounds = Array.from({ length: 5 }, () => ({ half: time(half), whole: time(whole) }));
  const seconds = rounds.map((r) => r.whole / 1_000);
  const growth = rounds.map((r) => r.whole / r.half);
  return [
    { what: "compiling 1 MB of source", value: median(seconds), unit: "s", spread: [Math.min(...seconds), Math.max(...seconds)] },
    { what: "compiling twice the source", value: median(growth), unit: "times", spread: [Math.min(...growth), Math.max(...growth)] },
  ];
}

const rows = [...machineRows(), await callRow(), startRow(), ...compileRows()];
const host = `Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} × ${cpus()[0]?.model ?? "?"}`;
if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify({ host, rows })}\n`);
else {
  const table = [
    "| what | median | lowest to highest |",
    "|---|---|---|",
    ...rows.map((r) => `| ${r.what} | ${r.value.toPrecision(3)} ${r.unit} | ${r.spread.map((v) => v.toPrecision(3)).join(" to ")} |`),
  ].join("\n");
  process.stdout.write(`${host}\n\n${table}\n`);
  if (process.argv.includes("--write")) {
    const date = new Date().toISOString().slice(0, 10);
    writeFileSync(
      fileURLToPath(new URL("../../bench/RESULTS.md", import.meta.url)),
      `# Results\n\n${date}, ${host}. Made by \`npm run bench -- --write\`.\n\n${table}\n`,
    );
  }
}
