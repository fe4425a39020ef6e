/** Summarizes the measurements of several rounds. */

/** The median and the quartiles of several measurements. */
export interface Figure {
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
}

/** Returns the quantile `q` of sorted values by linear interpolation. `q` is between 0 and 1. */
function quantile(sorted: readonly number[], q: number): number {
  const position = (sorted.length - 1) * q;
  const lowerValue = sorted[Math.floor(position)] ?? Number.NaN;
  const upperValue = sorted[Math.ceil(position)] ?? Number.NaN;
  return lowerValue + (upperValue - lowerValue) * (position % 1);
}

export function figureOf(values: readonly number[]): Figure {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), lower: quantile(sorted, 0.25), upper: quantile(sorted, 0.75) };
}

/** Returns the ratios of two series, round by round, because whatever slows a round affects both series. */
export function ratios(numerators: readonly number[], denominators: readonly number[]): readonly number[] {
  return numerators.map((value, round) => value / (denominators[round] ?? Number.NaN));
}

/** Returns, for each round, the geometric mean over several series. The series must have the same length. */
export function geometricMeans(series: readonly (readonly number[])[]): readonly number[] {
  const rounds = series[0]?.length ?? 0;
  return Array.from({ length: rounds }, (_, round) => {
    const logs = series.map((values) => Math.log(values[round] ?? Number.NaN));
    return Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
  });
}
