/** Spans as rows: each span stands below its parent, indented. */
import type { MemorySpan } from "../telemetry/memory-tracing.ts";
import type { SpanRow } from "./messages.ts";

/** The attributes that the page shows, in this order. */
const SHOWN_ATTRIBUTES = [
  "cap.name",
  "cap.call",
  "cap.allowed",
  "error.kind",
  "flow.construct",
  "code.function.name",
  "code.line.number",
  "iteration_count",
  "boruna.run.outcome",
];
/** Maximum UTF-16 code units of the attributes of one row. */
const MAX_DETAIL_CHARS = 200;

/** Returns the rows: children after their parent, siblings in the order of `spans`, which is the order of their starts. */
export function spanRows(spans: readonly MemorySpan[]): readonly SpanRow[] {
  const children = new Map<string | undefined, MemorySpan[]>();
  for (const span of spans) {
    const siblings = children.get(span.parentId);
    if (siblings === undefined) children.set(span.parentId, [span]);
    else siblings.push(span);
  }
  const start = spans[0]?.startMs ?? 0;
  const rows: SpanRow[] = [];
  const stack = (children.get(undefined) ?? []).toReversed().map((span) => ({ span, depth: 0 }));
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { span, depth } = next;
    const { name, startMs, endMs = startMs, isError } = span;
    rows.push({ depth, name, detail: detailOf(span), startMs: startMs - start, durationMs: endMs - startMs, isError });
    for (const child of (children.get(span.id) ?? []).toReversed()) stack.push({ span: child, depth: depth + 1 });
  }
  return rows;
}

function detailOf({ attributes }: MemorySpan): string {
  const texts = SHOWN_ATTRIBUTES.flatMap((name) => (attributes[name] === undefined ? [] : [`${name}=${String(attributes[name])}`]));
  return texts.join(" ").slice(0, MAX_DETAIL_CHARS);
}
