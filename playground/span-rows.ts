/** Spans as rows: each span stands below its parent, indented. */
import type { MemorySpan } from "../telemetry/memory-tracing.ts";
import type { SpanRow } from "./messages.ts";

/** The attributes that the page shows, in this order. */
const SHOWN = [
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
const MAX_TEXT = 200;

/** Returns the rows in the order of a walk through the tree of spans. The spans are in the order of their starts, so parents come first. */
export function spanRows(spans: readonly MemorySpan[]): readonly SpanRow[] {
  const children = new Map<string | undefined, MemorySpan[]>();
  for (const span of spans) {
    const siblings = children.get(span.parentId);
    if (siblings === undefined) children.set(span.parentId, [span]);
    else siblings.push(span);
  }
  const start = spans[0]?.startMs ?? 0;
  const rows: SpanRow[] = [];
  const open = (children.get(undefined) ?? []).toReversed().map((span) => ({ span, depth: 0 }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { span, depth } = next;
    const { name, startMs, endMs = startMs, isError } = span;
    rows.push({ depth, name, detail: detailOf(span), startMs: startMs - start, durationMs: endMs - startMs, isError });
    for (const child of (children.get(span.id) ?? []).toReversed()) open.push({ span: child, depth: depth + 1 });
  }
  return rows;
}

function detailOf({ attributes }: MemorySpan): string {
  const texts = SHOWN.flatMap((name) => (attributes[name] === undefined ? [] : [`${name}=${String(attributes[name])}`]));
  return texts.join(" ").slice(0, MAX_TEXT);
}
