/**
 * The child process of `small.ts`. It runs one small program until V8 has optimized all that the program needs, and then prints the
 * microseconds of processor time of one run, for each round, as JSON.
 */
import { compile } from "../compiler/compile.ts";
import { execute } from "../runtime/execute.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { cpuMs } from "./thread-time.ts";

const ROUNDS = 15;
const ROUND_MS = 200;
/** V8 still compiles code of the compiler after three seconds of runs. */
const WARM_UP_MS = 5_000;

const LINE = "fn main() -> Int { list.sum(list.map([1, 2, 3], fn(x) { x * 2 })) }";

/** A program of 100 lines: 16 functions that call each other. */
function hundredLines(): string {
  const functions = Array.from(
    { length: 16 },
    (_, i) => `fn f${i}(n: Int, s: String) -> Int {
    let m = if n > ${i} { n * 2 + ${i} } else { string.len(s) - n }
    let numbers = list.map([m, n], fn(x) { x + ${i} })
    match m % 3 { 0 => m, 1 => ${i === 0 ? "m" : `f${i - 1}(m, s)`}, _ => list.sum(numbers) }
}

`,
  );
  return `${functions.join("")}fn main() -> Int {\n    let text = "x"\n    f15(1, text)\n}\n`;
}

const source = (text: string) => ({ name: "small.ax", text });
const verified = verifyModule(compile(source(LINE)).module);
const hundred = hundredLines();
const programs = new Map<string, () => Promise<unknown>>([
  ["line", () => execute(compile(source(LINE)))],
  ["program", () => execute(verified)],
  ["hundred", () => execute(compile(source(hundred)))],
]);

/** Runs a program for some processor time. Returns the microseconds of one run. */
async function sample(run: () => Promise<unknown>, ms: number): Promise<number> {
  const start = cpuMs();
  let end = start;
  let runs = 0;
  while (end - start < ms) {
    for (let i = 0; i < 10; i++) await run();
    runs += 10;
    end = cpuMs();
  }
  return ((end - start) * 1_000) / runs;
}

const program = programs.get(process.argv[2] ?? "");
if (program === undefined) throw new Error(`the programs are ${[...programs.keys()].join(", ")}`);
await sample(program, WARM_UP_MS);
const times: number[] = [];
for (let round = 0; round < ROUNDS; round++) times.push(await sample(program, ROUND_MS));
process.stdout.write(JSON.stringify(times));
