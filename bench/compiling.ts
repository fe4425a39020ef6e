/** Measures the time of the compiler, and whether it doubles if the source doubles. */
import { compile } from "../compiler/compile.ts";
import { timed } from "./race.ts";
import { type Figure, figureOf, ratios } from "./statistics.ts";

const ROUNDS = 5;

interface Generated {
  readonly text: string;
  /** The name of the last function. It reaches all others, so the compiler drops none of them. */
  readonly last: string;
}

/** Returns the source of functions that call each other. The text is about `bytes` long. */
function functionsOf(bytes: number, letter: string): Generated {
  const functionText = (i: number): string => {
    const previousCall = i === 0 ? "m" : `${letter}${i - 1}(m, s)`;
    return `fn ${letter}${i}(n: Int, s: String) -> Int {\n    let m = if n > ${i} { n * 2 + ${i} } else { string.len(s) - n }\n    match m % 3 { 0 => m, 1 => ${previousCall}, _ => m + 1 }\n}\n`;
  };
  const parts: string[] = [];
  for (let length = 0; length < bytes; ) {
    const part = functionText(parts.length);
    parts.push(part);
    length += part.length;
  }
  return { text: parts.join(""), last: `${letter}${parts.length - 1}` };
}

const mainOf = (files: readonly Generated[]): string => `fn main() -> Int { ${files.map(({ last }) => `${last}(1, "x")`).join(" + ")} }\n`;

export interface Compiling {
  /** The time for 1 MB of source in one file, in seconds. */
  readonly megabyte: Figure;
  /** The time for 1 MB divided by that for 0.5 MB, and the time for 2 MB in two files divided by that for 1 MB. */
  readonly doubled: readonly [Figure, Figure];
}

export function compileTimes(): Compiling {
  const [half, whole, other] = [functionsOf(500_000, "f"), functionsOf(1_000_000, "f"), functionsOf(1_000_000, "g")];
  const resolve = () => ({ name: "other.ax", text: other.text });
  const time = (text: string): number => timed(() => void compile({ name: "large.ax", text }, { resolve })) / 1_000;
  const sources = {
    half: half.text + mainOf([half]),
    whole: whole.text + mainOf([whole]),
    twice: `import "./other.ax"\n${whole.text}${mainOf([whole, other])}`,
  };
  time(sources.half);
  const rounds = Array.from({ length: ROUNDS }, () => ({
    half: time(sources.half),
    whole: time(sources.whole),
    twice: time(sources.twice),
  }));
  const series = { half: rounds.map((r) => r.half), whole: rounds.map((r) => r.whole), twice: rounds.map((r) => r.twice) };
  return {
    megabyte: figureOf(series.whole),
    doubled: [figureOf(ratios(series.whole, series.half)), figureOf(ratios(series.twice, series.whole))],
  };
}
