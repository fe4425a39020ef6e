/** Measures small programs, whose time is that of starting and ending a run: from source to result, and from a verified program to result. */
import { compile } from "../compiler/compile.ts";
import { execute } from "../runtime/execute.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import type { Table } from "./report.ts";
import { type Figure, figureOf } from "./statistics.ts";

const ROUNDS = 9;
/** A sample runs the program this often; a sample of the long program is a tenth of that. */
const RUNS = 500;

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

export interface SmallPrograms {
  /** Times in microseconds. */
  readonly line: Figure;
  readonly program: Figure;
  readonly hundred: Figure;
}

export async function smallPrograms(): Promise<SmallPrograms> {
  const source = (text: string) => ({ name: "small.ax", text });
  const verified = verifyModule(compile(source(LINE)).module);
  const hundred = hundredLines();
  const contenders = [
    { runs: RUNS, run: () => execute(compile(source(LINE))), times: Array<number>() },
    { runs: RUNS, run: () => execute(verified), times: Array<number>() },
    { runs: RUNS / 10, run: () => execute(compile(source(hundred))), times: Array<number>() },
  ] as const;
  // Rounds below 0 are the warm-up.
  for (let round = -ROUNDS; round < ROUNDS; round++) {
    for (const { runs, run, times } of contenders) {
      const start = performance.now();
      for (let i = 0; i < runs; i++) await run();
      if (round >= 0) times.push(((performance.now() - start) * 1_000) / runs);
    }
  }
  const [line, program, long] = contenders;
  return { line: figureOf(line.times), program: figureOf(program.times), hundred: figureOf(long.times) };
}

export function smallTable({ line, program, hundred }: SmallPrograms): Table {
  return {
    title: "Small programs",
    note: "Warm, without a log and without a tracer provider. The one line maps a list with a lambda and sums it.",
    columns: ["µs"],
    rows: [
      { what: "one line, source to result", cells: [line] },
      { what: "one line, verified program to result", cells: [program] },
      { what: "100 lines, source to result", cells: [hundred] },
    ],
  };
}
