/** What several rounds come to. */

/** Median and quartiles. */
export interface Figure {
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
}

/** The value below which the part `q` of the sorted values lies, between two of them in proportion. */
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

/** Round by round, so that what slows one round falls on both sides. */
export function ratios(over: readonly number[], under: readonly number[]): readonly number[] {
  return over.map((value, round) => value / (under[round] ?? Number.NaN));
}

/** The geometric mean of each round over several series of equal length. */
export function geometricMeans(series: readonly (readonly number[])[]): readonly number[] {
  const rounds = series[0]?.length ?? 0;
  return Array.from({ length: rounds }, (_, round) => {
    const logs = series.map((values) => Math.log(values[round] ?? Number.NaN));
    return Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
  });
}
