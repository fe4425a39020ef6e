/**
 * Keeps spans in memory, by trace, up to a limit of bytes. When the limit is reached, the least recently changed traces are deleted. If a
 * single trace exceeds the limit, only its first spans are kept.
 */
import type { StoredSpan } from "./stored-span.ts";

/** An estimate of the memory that a span takes in addition to its texts. */
const SPAN_BYTES = 1_000;
const TRACE_BYTES = 1_000;
const MAX_CAPABILITIES = 32;

/** The spans of one trace, in order of arrival. */
export interface Trace {
  readonly traceId: string;
  readonly spans: readonly StoredSpan[];
  readonly byId: ReadonlyMap<string, StoredSpan>;
  /** The `boruna.run` spans. */
  readonly executions: readonly StoredSpan[];
  /** The earliest span without a parent. If all spans have a parent, the earliest span. Undefined if there are no spans. */
  readonly root: StoredSpan | undefined;
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** Capabilities that were called, at most 32. */
  readonly capabilities: readonly string[];
  /** Number of spans of capability calls, and how many of these were refused. */
  readonly calls: number;
  readonly denials: number;
  /** Number of spans that did not fit. */
  readonly dropped: number;
  /** Grows with every added span. */
  readonly version: number;
}

interface GrowingTrace extends Trace {
  readonly spans: StoredSpan[];
  readonly byId: Map<string, StoredSpan>;
  readonly executions: StoredSpan[];
  readonly capabilities: string[];
  root: StoredSpan | undefined;
  startNs: bigint;
  endNs: bigint;
  calls: number;
  denials: number;
  dropped: number;
  version: number;
  bytes: number;
}

export interface SpanStoreOptions {
  readonly limitBytes: number;
  /** Called once for each `add`, with the traces that have changed and those that were deleted. */
  readonly onChange: (changed: ReadonlySet<Trace>, deleted: readonly Trace[]) => void;
}

export class SpanStore {
  readonly limitBytes: number;
  readonly #onChange: SpanStoreOptions["onChange"];
  /** Least recently changed trace first. */
  readonly #traces = new Map<string, GrowingTrace>();
  #bytes = 0;
  #spans = 0;
  #dropped = 0;

  constructor({ limitBytes, onChange }: SpanStoreOptions) {
    this.limitBytes = limitBytes;
    this.#onChange = onChange;
  }

  get bytes(): number {
    return this.#bytes;
  }
  get spanCount(): number {
    return this.#spans;
  }
  get droppedCount(): number {
    return this.#dropped;
  }
  get traces(): ReadonlyMap<string, Trace> {
    return this.#traces;
  }

  /** Yields all spans. Those of the least recently changed trace come first. */
  *allSpans(): Generator<StoredSpan, void> {
    for (const { spans } of this.#traces.values()) yield* spans;
  }

  /** Adds spans. Ignores known spans, because senders repeat requests. Returns the added spans, and the number of spans that did not fit. */
  add(spans: readonly StoredSpan[]): { readonly added: readonly StoredSpan[]; readonly dropped: number } {
    const added: StoredSpan[] = [];
    const changed = new Set<GrowingTrace>();
    const deleted: Trace[] = [];
    const droppedBefore = this.#dropped;
    for (const span of spans) {
      const trace = this.#traceOf(span.traceId);
      if (trace.byId.has(span.spanId)) continue;
      const bytes = bytesOf(span) + (trace.spans.length === 0 ? TRACE_BYTES : 0);
      while (this.#bytes + bytes > this.limitBytes) {
        const oldest = this.#oldestExcept(trace);
        if (oldest === undefined) break;
        this.#delete(oldest);
        changed.delete(oldest);
        deleted.push(oldest);
      }
      changed.add(trace);
      if (this.#bytes + bytes > this.limitBytes) {
        trace.dropped += 1;
        this.#dropped += 1;
        continue;
      }
      this.#put(trace, span, bytes);
      added.push(span);
    }
    if (changed.size > 0 || deleted.length > 0) this.#onChange(changed, deleted);
    return { added, dropped: this.#dropped - droppedBefore };
  }

  /** Returns the trace, which becomes the most recently changed one. Creates it if needed. */
  #traceOf(traceId: string): GrowingTrace {
    const trace = this.#traces.get(traceId) ?? emptyTrace(traceId);
    this.#traces.delete(traceId);
    this.#traces.set(traceId, trace);
    return trace;
  }

  #oldestExcept(trace: GrowingTrace): GrowingTrace | undefined {
    for (const oldest of this.#traces.values()) return oldest === trace ? undefined : oldest;
    return undefined;
  }

  #put(trace: GrowingTrace, span: StoredSpan, bytes: number): void {
    trace.spans.push(span);
    trace.byId.set(span.spanId, span);
    if (span.execution !== undefined) trace.executions.push(span);
    if (span.capability !== undefined) {
      trace.calls += 1;
      if (span.refused) trace.denials += 1;
      if (trace.capabilities.length < MAX_CAPABILITIES && !trace.capabilities.includes(span.capability))
        trace.capabilities.push(span.capability);
    }
    if (trace.root === undefined || isBefore(span, trace.root)) trace.root = span;
    if (trace.spans.length === 1 || span.startNs < trace.startNs) trace.startNs = span.startNs;
    if (span.endNs > trace.endNs) trace.endNs = span.endNs;
    trace.version += 1;
    trace.bytes += bytes;
    this.#bytes += bytes;
    this.#spans += 1;
  }

  #delete(trace: GrowingTrace): void {
    this.#traces.delete(trace.traceId);
    this.#bytes -= trace.bytes;
    this.#spans -= trace.spans.length;
  }
}

function emptyTrace(traceId: string): GrowingTrace {
  return {
    traceId,
    spans: [],
    byId: new Map(),
    executions: [],
    capabilities: [],
    root: undefined,
    startNs: 0n,
    endNs: 0n,
    calls: 0,
    denials: 0,
    dropped: 0,
    version: 0,
    bytes: 0,
  };
}

/** Whether `a` is a better root than `b`. A span without a parent is better than one with a parent, otherwise the earlier span is. */
function isBefore(a: StoredSpan, b: StoredSpan): boolean {
  if ((a.parentSpanId === undefined) !== (b.parentSpanId === undefined)) return a.parentSpanId === undefined;
  return a.startNs < b.startNs;
}

function bytesOf(span: StoredSpan): number {
  return SPAN_BYTES + span.detail.length + span.name.length + span.label.length;
}
