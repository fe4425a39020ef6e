/** Aligns two runs row by row: their log events by the differences that the server found, or their spans by the numbers of the calls. */
import type { CompareAnswer, Difference, SpanRow } from "../api.ts";

/** Consecutive rows of the same sort: all show pairs of equal events, or all show events of the same difference. */
export interface Segment {
  /** The first row of the segment. */
  readonly row: number;
  /** Number of rows. */
  readonly rows: number;
  /** For runs A and B: the number of the event in the first row. Undefined if the run has no events in this segment. */
  readonly a: number | undefined;
  readonly b: number | undefined;
  readonly difference: Difference | undefined;
}

export interface AlignedEvents {
  readonly segments: readonly Segment[];
  readonly rows: number;
}

/** `eventsA` and `eventsB` are how many events each log has. */
export function alignEvents({ differences, total }: CompareAnswer, eventsA: number, eventsB: number): AlignedEvents {
  const segments: Segment[] = [];
  let [row, nextA, nextB] = [0, 1, 1];
  const add = (rows: number, a: number | undefined, b: number | undefined, difference?: Difference): void => {
    if (rows <= 0) return;
    segments.push({ row, rows, a, b, difference });
    row += rows;
    if (a !== undefined) nextA = a + rows;
    if (b !== undefined) nextB = b + rows;
  };
  for (const difference of differences) {
    const { a, b } = difference;
    if (a === undefined && b === undefined) continue;
    // Between two differences, both logs have equally many equal events. If one log has more events here, the others are the rest of a call
    // of which the other log has no decision or no answer.
    const [beforeA, beforeB] = [a && a.event - nextA, b && b.event - nextB];
    const equal = Math.max(Math.min(beforeA ?? Infinity, beforeB ?? Infinity), 0);
    if (beforeA !== undefined) add(beforeA - equal, nextA, undefined, difference);
    if (beforeB !== undefined) add(beforeB - equal, undefined, nextB, difference);
    add(equal, nextA, nextB);
    add(difference.events ?? 1, a?.event, b?.event, difference);
  }
  if (total <= differences.length) {
    add(Math.min(eventsA - nextA, eventsB - nextB) + 1, nextA, nextB);
    add(eventsA - nextA + 1, nextA, undefined);
    add(eventsB - nextB + 1, undefined, nextB);
  }
  return { segments, rows: row };
}

/** Finds the segment of a row by bisection. */
export function segmentOf({ segments }: AlignedEvents, row: number): Segment | undefined {
  let [low, high] = [0, segments.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const segment = segments[middle];
    if (segment !== undefined && segment.row + segment.rows <= row) low = middle + 1;
    else high = middle;
  }
  return segments[low];
}

export type Mark = "same" | "changed" | "only_a" | "only_b";

export interface AlignedCall {
  readonly a: SpanRow | undefined;
  readonly b: SpanRow | undefined;
  readonly mark: Mark;
}

/** Aligns the capability calls of two executions by their numbers. Times are not compared. */
export function alignCalls(a: readonly SpanRow[], b: readonly SpanRow[]): readonly AlignedCall[] {
  const byCall = (spans: readonly SpanRow[]): ReadonlyMap<number, SpanRow> =>
    new Map(spans.flatMap((span) => (span.call === undefined ? [] : [[span.call, span] as const])));
  const [callsA, callsB] = [byCall(a), byCall(b)];
  return [...new Set([...callsA.keys(), ...callsB.keys()])]
    .toSorted((left, right) => left - right)
    .map((call) => {
      const [spanA, spanB] = [callsA.get(call), callsB.get(call)];
      return { a: spanA, b: spanB, mark: markOf(spanA, spanB) };
    });
}

function markOf(a: SpanRow | undefined, b: SpanRow | undefined): Mark {
  if (a === undefined) return "only_b";
  if (b === undefined) return "only_a";
  return a.label === b.label && a.error === b.error && a.status === b.status ? "same" : "changed";
}
