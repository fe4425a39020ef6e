/** Measures whether the time about doubles if the size doubles. */
import type { Program } from "../vm/bytecode/program.ts";
import { type Engine, METERED, programFrom, runOn } from "./engines.ts";
import { sampleAll, warmUp } from "./race.ts";
import type { Row, Table } from "./report.ts";
import { type Figure, figureOf, ratios } from "./statistics.ts";

/** The programs. Each is `growth/FILE.ax` with a function `main(n)`. It runs with `largest` as n, and with 1/2, 1/4 and 1/8 of `largest`. */
const SUBJECTS: readonly { readonly name: string; readonly file: string; readonly largest: number }[] = [
  { name: "list, built by push", file: "list-build", largest: 200_000 },
  { name: "list, push onto older versions", file: "list-old-version", largest: 200_000 },
  { name: "list, read by index", file: "list-index", largest: 200_000 },
  { name: "lists, elements updated", file: "element-update", largest: 200_000 },
  { name: "list, updated and every version kept", file: "update-old-version", largest: 100_000 },
  { name: "map, entries updated", file: "map-update", largest: 100_000 },
  { name: "string, built by `++`", file: "string-append", largest: 200_000 },
  { name: "string, joined", file: "string-join", largest: 200_000 },
  { name: "map, built by set", file: "map-build", largest: 50_000 },
  { name: "map, read by get", file: "map-read", largest: 50_000 },
  { name: "sort", file: "sort", largest: 200_000 },
  { name: "sort_by", file: "sort-by", largest: 200_000 },
];

const ROUNDS = 9;

/** The measured growth of the time with the size, for one program and engine. */
export interface Growth {
  readonly engine: string;
  readonly name: string;
  readonly largest: number;
  /** The time at the largest size, in milliseconds. */
  readonly time: Figure;
  /** For each size but the largest, in ascending order: the time at twice the size divided by the time at that size. */
  readonly ratios: readonly Figure[];
}

function measureGrowth(engine: Engine, name: string, program: Program, largest: number): Growth {
  const sizes = [largest / 8, largest / 4, largest / 2, largest];
  const contenders = sizes.map((n) => warmUp({ name: String(n), run: () => runOn(engine, program, n) }));
  for (let round = 0; round < ROUNDS; round++) sampleAll(contenders, round);
  const series = contenders.map(({ times }) => times);
  const growth = series.slice(1).map((times, sizeIndex) => figureOf(ratios(times, series[sizeIndex] ?? [])));
  return { engine: engine.name, name, largest, time: figureOf(series.at(-1) ?? []), ratios: growth };
}

export function growths(): Growth[] {
  return SUBJECTS.flatMap(({ name, file, largest }) => {
    const program = programFrom(`growth/${file}.ax`);
    return METERED.map((engine) => measureGrowth(engine, name, program, largest));
  });
}

export function growthTables(growthResults: readonly Growth[]): Table[] {
  return METERED.map((engine) => {
    const rows: Row[] = growthResults
      .filter((growth) => growth.engine === engine.name)
      .map((growth) => ({ what: `${growth.name}, N = ${growth.largest}`, cells: [growth.time, ...growth.ratios] }));
    return { title: `Growth: ${engine.name}`, columns: ["ms at N", "N/4 to N/8", "N/2 to N/4", "N to N/2"], rows };
  });
}
