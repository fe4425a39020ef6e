/** The time range that the waterfall shows, in nanoseconds since the start of the trace. */

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** The shortest range, in nanoseconds. */
const MIN_RANGE_NS = 100;

export function fullRange(durationNs: number): Range {
  return { from: 0, to: Math.max(durationNs, MIN_RANGE_NS) };
}

/** Returns the range made `factor` times as long, with `center` at the same place on the screen. */
export function zoomRange({ from, to }: Range, center: number, factor: number, all: Range): Range {
  const size = Math.min(Math.max((to - from) * factor, MIN_RANGE_NS), all.to - all.from);
  const share = (center - from) / (to - from);
  return clampRange({ from: center - share * size, to: center + (1 - share) * size }, all);
}

/** Returns the range moved by a fraction of its length. */
export function shiftRange({ from, to }: Range, share: number, all: Range): Range {
  const distance = share * (to - from);
  return clampRange({ from: from + distance, to: to + distance }, all);
}

function clampRange({ from, to }: Range, all: Range): Range {
  const size = to - from;
  const start = Math.min(Math.max(from, all.from), all.to - size);
  return { from: start, to: start + size };
}
