/** Compares our engines with hand-written JavaScript, QuickJS and Lua on sets of programs. The peers do not count steps or allocation. */
import { textForm } from "../vm/value/display.ts";
import type { Value } from "../vm/value/value.ts";
import { type Engine, ENGINES, programFrom, runOn } from "./engines.ts";
import { JAVASCRIPT } from "./peers/javascript.ts";
import { LUA } from "./peers/lua.ts";
import type { Main, Peer } from "./peers/peer.ts";
import { QUICKJS } from "./peers/quickjs.ts";
import { type WarmContender, sampleAll, warmUp } from "./race.ts";
import type { Row, Table } from "./report.ts";
import { figureOf, geometricMeans, ratios } from "./statistics.ts";

export interface BenchProgram {
  readonly name: string;
  /** The path in `bench/` without suffix. Each file has a `main(n)`: `.ax`, `.mjs` and, if Lua is among the peers, `.lua`. All return the same. */
  readonly file: string;
  readonly n: number;
}

/** Programs that are measured together, and who runs them. */
export interface ProgramSet {
  readonly title: string;
  readonly programs: readonly BenchProgram[];
  readonly engines: readonly Engine[];
  readonly peers: readonly Peer[];
  readonly rounds: number;
}

export const EIGHT: ProgramSet = {
  title: "The eight programs",
  programs: [
    { name: "fib(27)", file: "programs/fib", n: 27 },
    { name: "sum loop 3M", file: "programs/sum", n: 3_000_000 },
    { name: "record update 300k", file: "programs/record", n: 300_000 },
    { name: "list 20k", file: "programs/list", n: 20_000 },
    { name: "list 200k", file: "programs/list", n: 200_000 },
    { name: "enum match 300k", file: "programs/enum", n: 300_000 },
    { name: "string 20k", file: "programs/string", n: 20_000 },
    { name: "float loop", file: "programs/float", n: 1_000_000 },
  ],
  engines: ENGINES,
  peers: [JAVASCRIPT, QUICKJS, LUA],
  rounds: 9,
};

/** The milliseconds of one run, by contender, then by program, then by round. */
export type Times = ReadonlyMap<string, readonly (readonly number[])[]>;

/** Returns a result as JavaScript's `String` shows it. */
export const answerText = (value: Value): string => (typeof value === "string" ? value : textForm(value));

/** Returns all contenders for one program, warmed up. Throws if their answers differ. */
function contendersOf({ name, file, n }: BenchProgram, engines: readonly Engine[], mains: ReadonlyMap<string, Main>): WarmContender[] {
  // Each engine gets its own copy of the program, because compiled code is cached for each program.
  const engineContenders = engines.map((engine) => {
    const program = programFrom(`${file}.ax`);
    return { name: engine.name, run: () => runOn(engine, program, n) };
  });
  const peerContenders = [...mains].map(([peer, main]) => ({ name: peer, run: () => main(n) }));
  const answers = [...engineContenders.map(({ run }) => answerText(run())), ...[...mains.values()].map((main) => String(main(n)))];
  if (new Set(answers).size !== 1) throw new Error(`${name}: the answers differ: ${answers.join(", ")}`);
  return [...engineContenders, ...peerContenders].map(warmUp);
}

/** Measures all programs in this process. A round runs each program on each contender. */
export async function programTimes({ programs, engines, peers, rounds }: ProgramSet): Promise<Times> {
  const loaders = await Promise.all(peers.map(async ({ name, start }) => ({ name, load: await start() })));
  const races: WarmContender[][] = [];
  for (const program of programs) {
    const mains = await Promise.all(loaders.map(async ({ name, load }) => [name, await load(program.file)] as const));
    races.push(contendersOf(program, engines, new Map(mains)));
  }
  for (let round = 0; round < rounds; round++) {
    for (const contenders of races) sampleAll(contenders, round);
  }
  const names = [...engines, ...peers].map(({ name }) => name);
  return new Map(
    names.map((name) => [name, races.map((contenders) => contenders.find((contender) => contender.name === name)?.times ?? [])]),
  );
}

/** Returns the time of `over` divided by the time of `under`, by program, then by round. Undefined if one of the two did not run. */
export function ratiosOf(times: Times, over: string, under: string): readonly (readonly number[])[] | undefined {
  const [overTimes, underTimes] = [times.get(over), times.get(under)];
  if (overTimes === undefined || underTimes === undefined) return undefined;
  return overTimes.map((series, program) => ratios(series, underTimes[program] ?? []));
}

/** Returns the table of one contender: its times, its ratios to others, and the geometric means in the last row. */
function comparison(
  { title, programs }: ProgramSet,
  times: Times,
  name: string,
  columns: readonly { title: string; over: string; under: string }[],
): Table {
  const ratioSeries = columns.map(({ over, under }) => ratiosOf(times, over, under) ?? []);
  const rows: Row[] = programs.map((program, programIndex) => ({
    what: program.name,
    cells: [figureOf(times.get(name)?.[programIndex] ?? []), ...ratioSeries.map((series) => figureOf(series[programIndex] ?? []))],
  }));
  return {
    title: `${title}: ${name}`,
    columns: ["ms", ...columns.map((column) => column.title)],
    rows: [...rows, { what: "geometric mean", cells: [undefined, ...ratioSeries.map((series) => figureOf(geometricMeans(series)))] }],
  };
}

export function programTables(set: ProgramSet, times: Times): Table[] {
  const others = set.peers.filter(({ name }) => name !== JAVASCRIPT.name);
  const engineTables = set.engines.map(({ name }) => ({
    ...comparison(set, times, name, [
      { title: "times the time of JavaScript", over: name, under: JAVASCRIPT.name },
      ...others.map((peer) => ({ title: `times as fast as ${peer.name}`, over: peer.name, under: name })),
    ]),
    note: "JavaScript is written by hand. QuickJS and Lua run as WebAssembly. None of the three counts anything. All contenders are warmed up.",
  }));
  const peerTables = others.map(({ name }) =>
    comparison(set, times, name, [{ title: "times the time of JavaScript", over: name, under: JAVASCRIPT.name }]),
  );
  return [...engineTables, ...peerTables];
}
