/** Formats times, durations, sizes and outcomes for people. */

const MS = 1_000_000;
const UNITS: readonly (readonly [ns: number, name: string])[] = [
  [3_600_000 * MS, "h"],
  [60_000 * MS, "min"],
  [1_000 * MS, "s"],
  [MS, "ms"],
  [1_000, "µs"],
  [1, "ns"],
];

/** Formats nanoseconds in the largest unit in which the number is at least 1: `1.25 ms`. */
export function formatDuration(ns: number): string {
  if (ns === 0) return "0 ms";
  const sign = ns < 0 ? "−" : "";
  const size = Math.abs(ns);
  const [unit, name] = UNITS.find(([unitNs]) => size >= unitNs) ?? [1, "ns"];
  return `${sign}${shortNumber(size / unit)} ${name}`;
}

function shortNumber(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2).replace(/\.?0+$/, "");
}

/** Formats milliseconds since 1970 as local time: `2026-11-29 20:44:03`. Accepts any number, because times in spans are untrusted. */
export function formatTime(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return "?";
  const two = (n: number): string => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Groups the digits of a count by thousands with narrow spaces: `1 000 000`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${shortNumber(bytes / 1024)} KiB` : `${shortNumber(bytes / 1024 / 1024)} MiB`;
}

/** Returns `1 call` or `2 calls`. */
export function plural(count: number, word: string, words = `${word}s`): string {
  return `${formatCount(count)} ${count === 1 ? word : words}`;
}

/** Returns round times for the marks of an axis from `from` to `to`, at most `most` of them. */
export function axisMarks(from: number, to: number, most: number): readonly number[] {
  const rough = Math.max((to - from) / most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const marks: number[] = [];
  for (let mark = Math.ceil(from / step) * step; mark <= to && marks.length <= most; mark += step) marks.push(mark);
  return marks;
}
