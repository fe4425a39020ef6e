/** Formats spans as a tree, in text for a terminal. */
import { replaceUnsafe } from "../vm/terminal-text.ts";

/** The value of an attribute. An int64 outside the safe integers is a bigint; doubles and ints are not distinguished. */
export type SpanValue = string | number | bigint | boolean | null | Uint8Array | readonly SpanValue[] | ReadonlyMap<string, SpanValue>;

export interface TreeSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string | undefined;
  readonly name: string;
  /** Nanoseconds since 1970. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: ReadonlyMap<string, SpanValue>;
  /** 0 unset, 1 ok, 2 error. */
  readonly status: { readonly code: number };
}

/** Deeper spans are not indented further. Otherwise the output for a long chain of spans would grow quadratically. */
const MAX_DEPTH = 32;
/** Longer texts are cut. In UTF-16 code units. */
const MAX_TEXT_LENGTH = 200;
/** Maximum number of spans to show. If there are more, a last line says how many are left. */
const MAX_SPANS = 1_000;

/**
 * The attributes shown after the name of a span. Of the labels, the first that is set is shown; of the details, all that are set. Each
 * detail is the name of an attribute and the text shown before its value.
 */
const LABELS = ["action.fqn", "boruna.program.name", "cap.name", "flow.construct", "code.function.name"] as const;
const DETAILS = [
  ["action.outcome", ""],
  ["boruna.run.outcome", ""],
  ["boruna.run.limit", "limit="],
  ["boruna.run.mode", ""],
  ["cap.mode", ""],
  ["boruna.run.calls.total", "calls="],
  ["boruna.run.steps", "steps="],
  ["bytes_in", "in="],
  ["bytes_out", "out="],
  ["cap.budget_remaining", "budget_left="],
  ["variable_name", ""],
  ["index", "#"],
  ["branch_taken", "branch="],
  ["arm_taken", "arm="],
  ["iteration_count", "iterations="],
  ["broke_early", "broke_early="],
  ["boruna.run.spans_dropped", "dropped="],
] as const;

interface Entry {
  readonly span: TreeSpan;
  readonly depth: number;
  /** The lines of the tree to the left of this span's `├─` or `└─`. */
  readonly prefix: string;
  readonly isLast: boolean;
}

/**
 * Formats one line for each span. Children follow their parent, in the order in which they started. A span whose parent is
 * missing is a root. Each span is shown once, even if the parent links form a cycle.
 */
export function spanTree(spans: readonly TreeSpan[]): string {
  const sortedSpans = [...spans].sort(byStart);
  const knownKeys = new Set(sortedSpans.map(keyOf));
  const children = new Map<string, TreeSpan[]>();
  const roots: TreeSpan[] = [];
  for (const span of sortedSpans) {
    const parent = span.parentSpanId === undefined ? undefined : `${span.traceId}/${span.parentSpanId}`;
    if (parent === undefined || !knownKeys.has(parent)) {
      roots.push(span);
      continue;
    }
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [span]);
    else siblings.push(span);
  }
  const lines: string[] = [];
  const visited = new Set<TreeSpan>();
  const walk = (root: TreeSpan): void => {
    const stack: Entry[] = [{ span: root, depth: 0, prefix: "", isLast: true }];
    for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
      if (visited.has(entry.span)) continue;
      visited.add(entry.span);
      if (lines.length < MAX_SPANS) lines.push(lineOf(entry));
      const childPrefix = entry.depth === 0 ? "" : entry.prefix + (entry.isLast ? "   " : "│  ");
      const depth = Math.min(entry.depth + 1, MAX_DEPTH);
      const prefix = depth === entry.depth ? entry.prefix : childPrefix;
      const childSpans = children.get(keyOf(entry.span)) ?? [];
      for (let i = childSpans.length - 1; i >= 0; i--) {
        const span = childSpans[i];
        if (span !== undefined) stack.push({ span, depth, prefix, isLast: i === childSpans.length - 1 });
      }
    }
  };
  for (const root of roots) walk(root);
  for (const span of sortedSpans) if (!visited.has(span)) walk(span);
  if (visited.size > lines.length) lines.push(`… ${visited.size - lines.length} more spans`);
  return lines.join("\n");
}

/** Formats a span as one line: name, label, duration, error, details, source location. */
export function spanLine(span: TreeSpan): string {
  const read = (name: string): string | undefined => {
    const value = span.attributes.get(name);
    return value === undefined ? undefined : valueText(value);
  };
  const label = LABELS.map(read).find((text) => text !== undefined);
  const details = DETAILS.flatMap(([name, before]) => {
    const text = read(name);
    return text === undefined ? [] : [before + text];
  });
  const kind = read("error.kind") ?? (span.status.code === 2 ? (read("error.type") ?? "error") : undefined);
  const failure = kind === undefined ? [] : [span.status.code === 2 ? `ERROR ${kind}` : kind];
  const placeOf = (prefix: string, preposition: string): readonly string[] => {
    const file = read(`${prefix}.file.path`);
    const line = read(`${prefix}.line.number`);
    return file === undefined ? [] : [preposition + (line === undefined ? file : `${file}:${line}`)];
  };
  return [
    toTerminalText(span.name),
    ...(label === undefined ? [] : [label]),
    duration(span.endNs - span.startNs),
    ...failure,
    ...details,
    ...placeOf("code", ""),
    ...placeOf("code.caller", "from "),
  ].join("  ");
}

/** Formats a duration with three significant digits: `850 ns`, `12.3 µs`, `4.56 ms`, `61.2 s`. */
export function duration(ns: bigint): string {
  if (ns < 0n) return "0 ns";
  if (ns < 1_000n) return `${ns} ns`;
  const [divisor, unit] =
    ns < 999_500n ? ([1_000, "µs"] as const) : ns < 999_500_000n ? ([1_000_000, "ms"] as const) : ([1_000_000_000, "s"] as const);
  const value = Number(ns) / divisor;
  return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${unit}`;
}

function lineOf(entry: Entry): string {
  const branch = entry.depth === 0 ? "" : entry.isLast ? "└─ " : "├─ ";
  return `${entry.prefix}${branch}${spanLine(entry.span)}`;
}

function valueText(value: SpanValue): string {
  if (value === null || typeof value === "string") return toTerminalText(value ?? "");
  return typeof value === "object" ? "…" : String(value);
}

/** Shortens a text. Replaces control characters, line separators and direction overrides, which could change what a terminal shows. */
function toTerminalText(text: string): string {
  const short = text.length <= MAX_TEXT_LENGTH ? text : `${text.slice(0, MAX_TEXT_LENGTH)}…`;
  return replaceUnsafe(short, () => "?");
}

function keyOf(span: TreeSpan): string {
  return `${span.traceId}/${span.spanId}`;
}

function byStart(a: TreeSpan, b: TreeSpan): number {
  if (a.startNs !== b.startNs) return a.startNs < b.startNs ? -1 : 1;
  const callOf = (span: TreeSpan): number => {
    const call = span.attributes.get("cap.call");
    return typeof call === "number" ? call : -1;
  };
  return callOf(a) - callOf(b) || (a.spanId < b.spanId ? -1 : a.spanId > b.spanId ? 1 : 0);
}
