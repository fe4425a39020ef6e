/** Compares the measurements with the targets of the project. */
import type { AnalysisTimes } from "./analysis.ts";
import type { CallCost } from "./calls.ts";
import type { OverlapCosts } from "./overlap.ts";
import type { Compiling } from "./compiling.ts";
import { METERED, NOT_METERED } from "./engines.ts";
import type { Growth } from "./growth.ts";
import { ratiosOf, type Times } from "./programs.ts";
import { figureText, markdown } from "./report.ts";
import type { LogCosts } from "./logs.ts";
import type { SmallPrograms } from "./small.ts";
import type { SpanRatios } from "./spans.ts";
import { type Figure, figureOf, geometricMeans } from "./statistics.ts";

type Bound = "at most" | "at least";

interface Target {
  readonly what: string;
  readonly unit: string;
  readonly bound: Bound;
  readonly limit: number;
  /** A better value than `limit`, which is not demanded. */
  readonly stretch: number | undefined;
  /** The measured figure; undefined if the engine did not run. */
  readonly measured: Figure | undefined;
  /** Whether the median reaches the target. */
  readonly met: "yes" | "yes, stretch too" | "no" | "not measured";
}

interface Measured {
  readonly times: Times;
  readonly corpus: Times;
  readonly growths: readonly Growth[];
  readonly calls: readonly CallCost[];
  readonly overlap: OverlapCosts;
  readonly logs: LogCosts;
  readonly small: SmallPrograms;
  readonly start: Figure;
  readonly compiling: Compiling;
  readonly spans: SpanRatios;
  readonly analysis: AnalysisTimes;
}

function target(what: string, unit: string, bound: Bound, limits: readonly [number, number?], measured: Figure | undefined): Target {
  const [limit, stretch] = limits;
  const isReached = (value: number): boolean =>
    measured !== undefined && (bound === "at most" ? measured.median <= value : measured.median >= value);
  const metText = isReached(limit) ? (stretch !== undefined && isReached(stretch) ? "yes, stretch too" : "yes") : "no";
  return { what, unit, bound, limit, stretch, measured, met: measured === undefined ? "not measured" : metText };
}

/** Returns the growth ratio with the highest median on an engine. */
function worstGrowth(growths: readonly Growth[], engine: string): { readonly name: string; readonly ratio: Figure } | undefined {
  const allRatios = growths
    .filter((growth) => growth.engine === engine)
    .flatMap(({ name, ratios }) => ratios.map((ratio) => ({ name, ratio })));
  return allRatios.toSorted((a, b) => b.ratio.median - a.ratio.median)[0];
}

const meanRatio = (times: Times, over: string, under: string): Figure | undefined => {
  const series = ratiosOf(times, over, under);
  return series === undefined ? undefined : figureOf(geometricMeans(series));
};

export function corpusTargets(times: Times): Target[] {
  const toJavaScript = (ratiosOf(times, "compiled", "JavaScript") ?? []).map(figureOf);
  const worst = toJavaScript.toSorted((a, b) => b.median - a.median)[0];
  return [
    target(
      "compiled engine to hand-written JavaScript, the corpus",
      "times",
      "at most",
      [2, 1.6],
      meanRatio(times, "compiled", "JavaScript"),
    ),
    target("compiled engine to hand-written JavaScript, the worst of the corpus", "times", "at most", [4, 3], worst),
    target("interpreter against QuickJS, the corpus", "times as fast", "at least", [1.5], meanRatio(times, "QuickJS", "interpreter")),
  ];
}

export function targetsOf({ times, corpus, growths, calls, overlap, logs, small, start, compiling, spans, analysis }: Measured): Target[] {
  return [
    ...corpusTargets(corpus),
    target(
      "compiled engine to hand-written JavaScript, the eight",
      "times",
      "at most",
      [1.4, 1.2],
      meanRatio(times, "compiled", "JavaScript"),
    ),
    target("compiled engine against QuickJS", "times as fast", "at least", [10, 20], meanRatio(times, "QuickJS", "compiled")),
    target("compiled engine against Lua", "times as fast", "at least", [6, 12], meanRatio(times, "Lua", "compiled")),
    target("interpreter against QuickJS", "times as fast", "at least", [1.5, 2.5], meanRatio(times, "QuickJS", "interpreter")),
    target("metering on against off", "times", "at most", [1.15, 1.1], meanRatio(times, "compiled", NOT_METERED)),
    ...METERED.map(({ name }) => {
      const worst = worstGrowth(growths, name);
      return target(`doubling N, ${name}, the worst ratio: ${worst?.name ?? "none"}`, "times", "at most", [2.3], worst?.ratio);
    }),
    ...calls.flatMap(({ engine, log, perCall }) =>
      log === "hashed log" ? [] : [target(`a trivial capability call, ${engine}, ${log}`, "µs", "at most", [1.5, 0.7], perCall)],
    ),
    target("ten calls of 100 ms that overlap, to one", "times", "at most", [1.5, 1.1], overlap.slow),
    target("a trivial call through execute, with policy and budget", "µs", "at most", [1, 0.5], logs.call),
    target("processor time of recording a call", "µs", "at most", [7, 5], logs.recording),
    target("verify", "events a second", "at least", [400_000], logs.verified),
    target("replay", "events a second", "at least", [300_000], logs.replayed),
    target("one line, source to result, warm", "µs", "at most", [60, 20], small.line),
    target("one line, verified program to result, warm", "µs", "at most", [15], small.program),
    target("100 lines, source to result, warm", "µs", "at most", [600], small.hundred),
    target("`boruna run hello.ax` to `node -e 0`", "times", "at most", [1.5, 1.3], start),
    target("a traced call to a bare span", "times", "at most", [1.2], spans.call),
    target("a span of control flow to a bare span", "times", "at most", [1.3], spans.flow),
    target("compiling 1 MB of source", "s", "at most", [3, 1], compiling.megabyte),
    target("compiling 1 MB to 0.5 MB", "times", "at most", [2.3], compiling.doubled[0]),
    target("compiling 2 MB in two files to 1 MB", "times", "at most", [2.3], compiling.doubled[1]),
    target("`policy check` of 1 MB to compiling it", "times", "at most", [2], analysis.check),
    target("`policy diff` of two programs of 1 MB to compiling both", "times", "at most", [2], analysis.diff),
    target("`policy suggest` with 1 MB to compiling it", "times", "at most", [2], analysis.suggest),
  ];
}

export function targetsText(targets: readonly Target[]): string {
  const rows = targets.map(({ what, unit, bound, limit, stretch, measured, met }) => [
    what,
    `${bound} ${limit} ${unit}`,
    stretch === undefined ? "" : String(stretch),
    measured === undefined ? "" : figureText(measured),
    met,
  ]);
  return `## Targets\n\n${markdown(["", "target", "stretch", "measured", "met"], rows)}\n`;
}
