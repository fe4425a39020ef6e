/** Summarizes the measurements of several rounds. */

/** Median and quartiles. */
export interface Figure {
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
}

/** The quantile `q`, 0 to 1, of sorted values, by linear interpolation. */
function quantile(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at % 1);
}

export function figureOf(values: readonly number[]): Figure {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), lower: quantile(sorted, 0.25), upper: quantile(sorted, 0.75) };
}

/** The ratios of two series, round by round: whatever slows a round affects both sides. */
export function ratios(over: readonly number[], under: readonly number[]): readonly number[] {
  return over.map((value, round) => value / (under[round] ?? Number.NaN));
}

/** The geometric mean over several series of equal length, for each round. */
export function geometricMeans(series: readonly (readonly number[])[]): readonly number[] {
  const rounds = series[0]?.length ?? 0;
  return Array.from({ length: rounds }, (_, round) => {
    const logs = series.map((values) => Math.log(values[round] ?? Number.NaN));
    return Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
  });
}
