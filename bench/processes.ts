/** Measures the start of the command and cold engines, which need a new process for each measurement. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { childTimes } from "./child.ts";
import { METERED } from "./engines.ts";
import { timed } from "./race.ts";
import type { Table } from "./report.ts";
import { sourceUrl } from "./sources.ts";
import { type Figure, figureOf, ratios } from "./statistics.ts";

const ROUNDS = 9;
/** The number of starts to measure. It is high because a start is short, so that other work on the computer disturbs it much. */
const STARTS = 40;

/** Returns the time of `boruna run hello.ax` divided by that of `node -e 0`. The two commands alternate. */
export function startRatio(): Figure {
  const command = fileURLToPath(new URL("../bin/boruna.js", import.meta.url));
  const hello = fileURLToPath(sourceUrl("hello.ax"));
  const run = (args: readonly string[]): number =>
    timed(() => {
      const { status } = spawnSync(process.execPath, args, { stdio: "ignore" });
      if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}`);
    });
  const rounds = Array.from({ length: STARTS }, () => ({ borunaMs: run([command, "run", hello]), nodeMs: run(["-e", "0"]) }));
  return figureOf(
    ratios(
      rounds.map((round) => round.borunaMs),
      rounds.map((round) => round.nodeMs),
    ),
  );
}

const COLUMNS = ["ms to load the engine", "ms to read the program", "ms to run it", "ms in all"];

/** Measures every engine and peer in turn, each in a new process, and returns the table. */
export function coldTable(): Table {
  const names = [...METERED.map((engine) => engine.name), "JavaScript", "QuickJS", "Lua"];
  const rounds = Array.from({ length: ROUNDS }, () => new Map(names.map((name) => [name, childTimes("cold-start", name)])));
  const rows = names.map((name) => ({
    what: name,
    cells: COLUMNS.map((_, part) => figureOf(rounds.map((round) => round.get(name)?.[part] ?? Number.NaN))),
  }));
  return {
    title: "Cold start: 1,000 steps in a fresh process",
    columns: COLUMNS,
    rows,
    note: "Loading imports the modules or prepares the WebAssembly instance. Our engines read the program with the compiler; running includes the verifier.",
  };
}
