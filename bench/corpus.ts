/**
 * The corpus: programs that ordinary people write, in `.ax` and as a JavaScript developer writes them. No part of the machine may be
 * made for one of them; the figures that count are the mean and the worst.
 */
import { METERED } from "./engines.ts";
import { JAVASCRIPT } from "./peers/javascript.ts";
import { QUICKJS } from "./peers/quickjs.ts";
import type { BenchProgram, ProgramSet } from "./programs.ts";

/** The name of each program in `corpus/`, its argument in the benchmark, and a small argument for tests. */
const ROWS: readonly (readonly [name: string, n: number, small: number])[] = [
  ["ackermann", 200, 30],
  ["bank", 5_000, 40],
  ["binary_trees", 14, 6],
  ["blur", 100, 9],
  ["brackets", 3_000, 40],
  ["caesar", 1_000, 4],
  ["calculator", 700, 4],
  ["common_subsequence", 250, 20],
  ["csv", 4_000, 80],
  ["dijkstra", 2_500, 60],
  ["edit_distance", 22, 2],
  ["flood_fill", 150, 14],
  ["inventory", 20_000, 90],
  ["json_records", 1_500, 20],
  ["json_report", 3_000, 40],
  ["knapsack", 250, 20],
  ["life", 60, 8],
  ["log_lines", 5_000, 60],
  ["mandelbrot", 130, 12],
  ["matrix", 80, 9],
  ["memo", 4_000, 60],
  ["merge_sort", 10_000, 90],
  ["modpow", 1_500, 20],
  ["nbody", 5_000, 30],
  ["orders", 15_000, 120],
  ["palindromes", 30_000, 300],
  ["permutations", 7, 5],
  ["pipeline", 15_000, 100],
  ["queens", 8, 5],
  ["queue_simulation", 10_000, 90],
  ["run_length", 10_000, 60],
  ["search_tree", 4_000, 80],
  ["sieve", 80_000, 400],
  ["spectral_norm", 130, 9],
  ["stack_machine", 20_000, 60],
  ["statistics", 15_000, 90],
  ["sudoku", 4, 1],
  ["template", 3_000, 20],
  ["text_wrap", 1_500, 12],
  ["tokenizer", 800, 5],
  ["topological", 3_000, 60],
  ["union_find", 40_000, 200],
  ["validation", 2_000, 90],
  ["word_count", 15_000, 120],
];

export const CORPUS_PROGRAMS: readonly (BenchProgram & { readonly small: number })[] = ROWS.map(([name, n, small]) => ({
  name: name.replaceAll("_", " "),
  file: `corpus/${name}`,
  n,
  small,
}));

export const CORPUS: ProgramSet = {
  title: "The corpus",
  programs: CORPUS_PROGRAMS,
  engines: METERED,
  peers: [JAVASCRIPT, QUICKJS],
  rounds: 5,
};
