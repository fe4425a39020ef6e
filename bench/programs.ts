/** Compares our engines with hand-written JavaScript, QuickJS and Lua on eight programs. The peers do not count steps or allocation. */
import { textForm } from "../vm/value/display.ts";
import { ENGINES, programFrom, runOn } from "./engines.ts";
import { JAVASCRIPT } from "./peers/javascript.ts";
import { LUA } from "./peers/lua.ts";
import type { Main } from "./peers/peer.ts";
import { QUICKJS } from "./peers/quickjs.ts";
import { type Entrant, sampleAll, warmedUp } from "./race.ts";
import type { Row, Table } from "./report.ts";
import { figureOf, geometricMeans, ratios } from "./statistics.ts";

interface BenchProgram {
  readonly name: string;
  /** The base name of the program's files `programs/FILE.ax`, `.mjs` and `.lua`. Each has a `main(n)`; all three return the same. */
  readonly file: string;
  readonly n: number;
}

const PROGRAMS: readonly BenchProgram[] = [
  { name: "fib(27)", file: "fib", n: 27 },
  { name: "sum loop 3M", file: "sum", n: 3_000_000 },
  { name: "record update 300k", file: "record", n: 300_000 },
  { name: "list 20k", file: "list", n: 20_000 },
  { name: "list 200k", file: "list", n: 200_000 },
  { name: "enum match 300k", file: "enum", n: 300_000 },
  { name: "string 20k", file: "string", n: 20_000 },
  { name: "float loop", file: "float", n: 1_000_000 },
];

const PEERS = [JAVASCRIPT, QUICKJS, LUA];
const ROUNDS = 9;

/** The milliseconds of one run, by contender, then by program, then by round. */
export type Times = ReadonlyMap<string, readonly (readonly number[])[]>;

/** Returns all contenders for one program, warmed up. Throws if their answers differ. */
function entrantsOf({ name, file, n }: BenchProgram, mains: ReadonlyMap<string, Main>): Entrant[] {
  // Each engine gets its own copy of the program, because compiled code is cached for each program.
  const engineContenders = ENGINES.map((engine) => {
    const program = programFrom(`programs/${file}.ax`);
    return { name: engine.name, run: () => runOn(engine, program, n) };
  });
  const peerContenders = [...mains].map(([peer, main]) => ({ name: peer, run: () => main(n) }));
  const answers = [...engineContenders.map(({ run }) => textForm(run())), ...[...mains.values()].map((main) => String(main(n)))];
  if (new Set(answers).size !== 1) throw new Error(`${name}: the answers differ: ${answers.join(", ")}`);
  return [...engineContenders, ...peerContenders].map(warmedUp);
}

/** Measures all programs in this process. A round runs each program on each contender. */
export async function programTimes(): Promise<Times> {
  const loaders = await Promise.all(PEERS.map(async ({ name, start }) => ({ name, load: await start() })));
  const races: Entrant[][] = [];
  for (const program of PROGRAMS) {
    const mains = await Promise.all(loaders.map(async ({ name, load }) => [name, await load(program.file)] as const));
    races.push(entrantsOf(program, new Map(mains)));
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const entrants of races) sampleAll(entrants, round);
  }
  const names = [...ENGINES, ...PEERS].map(({ name }) => name);
  return new Map(names.map((name) => [name, races.map((entrants) => entrants.find((entrant) => entrant.name === name)?.times ?? [])]));
}

/** Returns the time of `over` divided by the time of `under`, by program, then by round. Undefined if one of the two did not run. */
export function ratiosOf(times: Times, over: string, under: string): readonly (readonly number[])[] | undefined {
  const [overTimes, underTimes] = [times.get(over), times.get(under)];
  if (overTimes === undefined || underTimes === undefined) return undefined;
  return overTimes.map((series, program) => ratios(series, underTimes[program] ?? []));
}

/** Returns the table of one contender: its times, its ratios to others, and the geometric means in the last row. */
function comparison(times: Times, name: string, columns: readonly { title: string; over: string; under: string }[]): Table {
  const ratioSeries = columns.map(({ over, under }) => ratiosOf(times, over, under) ?? []);
  const rows: Row[] = PROGRAMS.map((program, programIndex) => ({
    what: program.name,
    cells: [figureOf(times.get(name)?.[programIndex] ?? []), ...ratioSeries.map((series) => figureOf(series[programIndex] ?? []))],
  }));
  return {
    title: `The eight programs: ${name}`,
    columns: ["ms", ...columns.map(({ title }) => title)],
    rows: [...rows, { what: "geometric mean", cells: [undefined, ...ratioSeries.map((series) => figureOf(geometricMeans(series)))] }],
  };
}

export function programTables(times: Times): Table[] {
  const engineTables = ENGINES.map(({ name }) => ({
    ...comparison(times, name, [
      { title: "times the time of JavaScript", over: name, under: "JavaScript" },
      { title: "times as fast as QuickJS", over: "QuickJS", under: name },
      { title: "times as fast as Lua", over: "Lua", under: name },
    ]),
    note: "JavaScript is written by hand. QuickJS and Lua run as WebAssembly. None of the three counts anything. All contenders are warmed up.",
  }));
  const peerTables = PEERS.filter(({ name }) => name !== "JavaScript").map(({ name }) =>
    comparison(times, name, [{ title: "times the time of JavaScript", over: name, under: "JavaScript" }]),
  );
  return [...engineTables, ...peerTables];
}
