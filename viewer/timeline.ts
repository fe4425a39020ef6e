/**
 * Orders the spans of a trace as rows: each span once, children after their parent, siblings by start. Parents may be missing, or form cycles
 * or long chains. The work is O(n log n), without recursion.
 */
import type { SpanRow } from "./api.ts";
import type { Trace } from "./span-store.ts";
import type { StoredSpan } from "./stored-span.ts";

/** The spans of a trace in the order of their rows. Each array has one element for each row. */
export interface Rows {
  readonly spans: readonly StoredSpan[];
  /** For each row, the row of its parent, or -1. */
  readonly parentRow: Int32Array;
  readonly depth: Uint32Array;
  /** For each row, the number of rows below it in the tree. They follow it. */
  readonly descendants: Uint32Array;
  /** The lane of each row, from 0, and the number of lanes of the row and its siblings. Siblings that overlap in time are in different lanes. */
  readonly lane: Uint8Array;
  readonly lanes: Uint8Array;
  /** The task that each row belongs to. */
  readonly tasks: readonly (string | undefined)[];
  readonly rowOf: ReadonlyMap<StoredSpan, number>;
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/** Maximum number of lanes of siblings. Spans in the last lane may overlap. */
const MAX_LANES = 64;

const cache = new WeakMap<Trace, { readonly version: number; readonly rows: Rows }>();

/** Returns the rows of a trace. They are cached until the trace changes. */
export function rowsOf(trace: Trace): Rows {
  const cached = cache.get(trace);
  if (cached?.version === trace.version) return cached.rows;
  const rows = arrangeRows(trace);
  cache.set(trace, { version: trace.version, rows });
  return rows;
}

function arrangeRows(trace: Trace): Rows {
  const sorted = [...trace.spans].sort(byStart);
  const children = new Map<StoredSpan, StoredSpan[]>();
  const roots: StoredSpan[] = [];
  for (const span of sorted) {
    const parent = span.parentSpanId === undefined ? undefined : trace.byId.get(span.parentSpanId);
    if (parent === undefined) roots.push(span);
    else {
      const siblings = children.get(parent);
      if (siblings === undefined) children.set(parent, [span]);
      else siblings.push(span);
    }
  }
  const size = sorted.length;
  const builder = new RowBuilder(size, children);
  builder.addTrees(roots);
  // A span that has no row yet is in or below a cycle of parents. The earliest such span becomes a root.
  for (const span of sorted) if (!builder.rowOf.has(span)) builder.addTrees([span]);
  const startNs = sorted[0]?.startNs ?? 0n;
  const endNs = sorted.reduce((latest, span) => (span.endNs > latest ? span.endNs : latest), startNs);
  return { ...builder.rows(), startNs, endNs };
}

/** Fills the fields of `Rows` row by row. Its own fields have the same names. */
class RowBuilder {
  readonly rowOf = new Map<StoredSpan, number>();
  readonly #children: ReadonlyMap<StoredSpan, readonly StoredSpan[]>;
  readonly #spans: StoredSpan[] = [];
  readonly #parentRow: Int32Array;
  readonly #depth: Uint32Array;
  readonly #descendants: Uint32Array;
  readonly #lane: Uint8Array;
  readonly #lanes: Uint8Array;
  readonly #tasks: (string | undefined)[] = [];
  /** The lanes chosen for spans that have no row yet. Lacks spans whose siblings do not overlap: they all get lane 0. */
  readonly #laneOf = new Map<StoredSpan, { readonly lane: number; readonly lanes: number }>();

  constructor(size: number, children: ReadonlyMap<StoredSpan, readonly StoredSpan[]>) {
    this.#children = children;
    this.#parentRow = new Int32Array(size);
    this.#depth = new Uint32Array(size);
    this.#descendants = new Uint32Array(size);
    this.#lane = new Uint8Array(size);
    this.#lanes = new Uint8Array(size);
  }

  /** Adds the rows of these spans and of all spans below them. */
  addTrees(roots: readonly StoredSpan[]): void {
    const first = this.#spans.length;
    this.#chooseLanes(roots);
    const stack = roots.toReversed().map((span) => ({ span, parent: -1 }));
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (this.rowOf.has(next.span)) continue;
      const row = this.#addRow(next.span, next.parent);
      const children = this.#children.get(next.span) ?? [];
      this.#chooseLanes(children);
      for (let i = children.length - 1; i >= 0; i--) {
        const span = children[i];
        if (span !== undefined) stack.push({ span, parent: row });
      }
    }
    for (let row = this.#spans.length - 1; row > first; row--) {
      const parent = this.#parentRow[row] ?? -1;
      if (parent >= 0) this.#descendants[parent] = (this.#descendants[parent] ?? 0) + (this.#descendants[row] ?? 0) + 1;
    }
  }

  #addRow(span: StoredSpan, parent: number): number {
    const row = this.#spans.length;
    this.#spans.push(span);
    this.rowOf.set(span, row);
    this.#parentRow[row] = parent;
    this.#depth[row] = parent < 0 ? 0 : (this.#depth[parent] ?? 0) + 1;
    this.#tasks.push(span.task ?? this.#tasks[parent]);
    const { lane, lanes } = this.#laneOf.get(span) ?? { lane: 0, lanes: 1 };
    this.#laneOf.delete(span);
    this.#lane[row] = lane;
    this.#lanes[row] = lanes;
    return row;
  }

  /** Spreads siblings over lanes so that spans in one lane do not overlap: each gets the first lane whose last span has ended. */
  #chooseLanes(siblings: readonly StoredSpan[]): void {
    const laneEnds: bigint[] = [];
    const chosen = siblings.map((span) => {
      const free = laneEnds.findIndex((end) => end <= span.startNs);
      const lane = free >= 0 ? free : Math.min(laneEnds.length, MAX_LANES - 1);
      laneEnds[lane] = span.endNs;
      return lane;
    });
    if (laneEnds.length < 2) return;
    for (const [i, span] of siblings.entries()) this.#laneOf.set(span, { lane: chosen[i] ?? 0, lanes: laneEnds.length });
  }

  rows(): Omit<Rows, "startNs" | "endNs"> {
    return {
      spans: this.#spans,
      parentRow: this.#parentRow,
      depth: this.#depth,
      descendants: this.#descendants,
      lane: this.#lane,
      lanes: this.#lanes,
      tasks: this.#tasks,
      rowOf: this.rowOf,
    };
  }
}

function byStart(a: StoredSpan, b: StoredSpan): number {
  if (a.startNs !== b.startNs) return a.startNs < b.startNs ? -1 : 1;
  return (a.call ?? -1) - (b.call ?? -1) || (a.spanId < b.spanId ? -1 : a.spanId > b.spanId ? 1 : 0);
}

/** Returns one row for the API. `eventOf` returns the event of the span's call in the log of the run. */
export function rowJson(rows: Rows, row: number, eventOf: (span: StoredSpan) => number | undefined): SpanRow | undefined {
  const span = rows.spans[row];
  if (span === undefined) return undefined;
  const parent = rows.parentRow[row] ?? -1;
  return {
    row,
    spanId: span.spanId,
    parentRow: parent < 0 ? undefined : parent,
    depth: rows.depth[row] ?? 0,
    descendants: rows.descendants[row] ?? 0,
    name: span.name,
    label: span.label,
    service: span.service,
    kind: span.kind,
    startNs: Number(span.startNs - rows.startNs),
    durationNs: Number(span.endNs - span.startNs),
    status: span.status,
    error: span.error,
    lane: rows.lane[row] ?? 0,
    lanes: Math.max(1, rows.lanes[row] ?? 1),
    task: rows.tasks[row],
    call: span.call,
    event: eventOf(span),
    budgetLeft: span.budgetLeft,
  };
}
