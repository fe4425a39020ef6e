/** Converts a decoded span to the viewer's form: fields that lists show, and one JSON text with all other details. */
import type { SpanValue } from "../telemetry/span-tree.ts";
import type { Attribute, SpanDetail, SpanKind, ValueText } from "./api.ts";
import type { DecodedSpan, SpanValues } from "./span-data.ts";

/** The run's data in a `boruna.run` span. */
export interface ExecutionFacts {
  readonly runId: string;
  readonly program: string;
  readonly mode: string;
  readonly outcome: string;
  readonly calls: number;
  readonly denials: number;
}

/** A span as the store and its file hold it. */
export interface StoredSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly label: string;
  readonly service: string;
  readonly kind: SpanKind;
  /** Nanoseconds since 1970. */
  readonly startNs: bigint;
  /** Not before `startNs`. */
  readonly endNs: bigint;
  readonly status: "unset" | "ok" | "error";
  /** The attribute `error.kind`, or else `error.type`. */
  readonly error: string | undefined;
  /** The task that this span and the spans below it belong to, such as `branch 2`. Only the span of the branch itself has it. */
  readonly task: string | undefined;
  /** The capability of the call. Defined for a `boruna.cap` span, as the next two. */
  readonly capability: string | undefined;
  /** Number of the call among all calls of its run. */
  readonly call: number | undefined;
  /** Calls still allowed after this one, if the capability has a budget. */
  readonly budgetLeft: number | undefined;
  /** Whether the call was refused. */
  readonly refused: boolean;
  /** Defined for a `boruna.run` span. */
  readonly execution: ExecutionFacts | undefined;
  /** `StoredDetail` as JSON. */
  readonly detail: string;
}

/** The part of a span that only the view of this span shows. */
export type StoredDetail = Omit<SpanDetail, "span" | "traceId" | "events"> & {
  readonly events: readonly { readonly name: string; readonly timeNs: string; readonly attributes: readonly Attribute[] }[];
};

/** Limits in UTF-16 code units: on a name or label, on the text of one value, and on all details of a span. */
const MAX_NAME_CHARS = 256;
const MAX_VALUE_CHARS = 16 * 1024;
const MAX_DETAIL_CHARS = 256 * 1024;

const KINDS: readonly SpanKind[] = ["unspecified", "internal", "server", "client", "producer", "consumer"];
/** Attributes that can be the label of a span. The first one that the span has is used. */
const LABELS = [
  "action.fqn",
  "boruna.program.name",
  "cap.name",
  "flow.construct",
  "code.function.name",
  "http.route",
  "url.path",
  "http.target",
];

export function storedSpan(span: DecodedSpan): StoredSpan {
  const { attributes } = span;
  const text = (name: string): string | undefined => {
    const value = attributes.get(name);
    return typeof value === "string" ? short(value) : undefined;
  };
  const count = (name: string): number | undefined => {
    const value = attributes.get(name);
    return typeof value === "number" && value >= 0 ? value : undefined;
  };
  const service = span.resource.get("service.name");
  const isCall = span.name === "boruna.cap";
  const isRun = span.name === "boruna.run";
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: short(span.name),
    label: LABELS.map(text).find((label) => label !== undefined) ?? "",
    service: typeof service === "string" ? short(service) : "",
    kind: KINDS[span.kind] ?? "unspecified",
    startNs: span.startNs,
    endNs: span.endNs < span.startNs ? span.startNs : span.endNs,
    status: span.status.code === 2 ? "error" : span.status.code === 1 ? "ok" : "unset",
    error: text("error.kind") ?? text("error.type"),
    task: text("flow.construct") === "par.branch" ? `branch ${count("index") ?? "?"}` : undefined,
    capability: isCall ? text("cap.name") : undefined,
    call: isCall ? count("cap.call") : undefined,
    budgetLeft: isCall ? count("cap.budget_remaining") : undefined,
    refused: isCall && attributes.get("cap.allowed") === false,
    execution: isRun
      ? {
          runId: text("boruna.run.id") ?? "",
          program: text("boruna.program.name") ?? "",
          mode: text("boruna.run.mode") ?? "",
          outcome: text("boruna.run.outcome") ?? "unknown",
          calls: count("boruna.run.calls.total") ?? 0,
          denials: (count("boruna.run.calls.denied") ?? 0) + (count("boruna.run.calls.budget_exceeded") ?? 0),
        }
      : undefined,
    detail: detailText(span),
  };
}

function short(text: string): string {
  return text.length <= MAX_NAME_CHARS ? text : `${text.slice(0, MAX_NAME_CHARS)}…`;
}

/** Returns the text cut to at most `max` code units. */
export function valueText(text: string, max = MAX_VALUE_CHARS): ValueText {
  return { text: text.length <= max ? text : text.slice(0, max), chars: text.length, cut: text.length > max };
}

/** How many UTF-16 code units the details of a span may still have, and how many items were dropped. */
interface DetailBudget {
  chars: number;
  dropped: number;
}

function detailText(span: DecodedSpan): string {
  const left: DetailBudget = { chars: MAX_DETAIL_CHARS, dropped: span.droppedCount };
  const { attributes } = span;
  const read = (name: string): string | undefined => {
    const value = attributes.get(name);
    return typeof value === "string" ? short(value) : undefined;
  };
  const line = (name: string): number | undefined => {
    const value = attributes.get(name);
    return typeof value === "number" && value >= 1 ? value : undefined;
  };
  const file = read("code.file.path");
  const callerFile = read("code.caller.file.path");
  const caller =
    callerFile === undefined
      ? undefined
      : { file: callerFile, line: line("code.caller.line.number") ?? 1, function: read("code.caller.function.name") };
  const detail: Omit<StoredDetail, "dropped"> = {
    attributes: attributeList(span.attributes, left),
    resource: attributeList(span.resource, left),
    scope: { name: short(span.scope.name), version: short(span.scope.version) },
    statusMessage: valueText(span.status.message, 4 * MAX_NAME_CHARS).text,
    events: convertFitting(span.events, left, ({ name, timeNs, attributes: own }) => ({
      name: short(name),
      timeNs: String(timeNs),
      attributes: attributeList(own, left),
    })),
    links: convertFitting(span.links, left, ({ traceId, spanId, attributes: own }) => ({
      traceId,
      spanId,
      attributes: attributeList(own, left),
    })),
    place: file === undefined ? undefined : { file, line: line("code.line.number") ?? 1, function: read("code.function.name"), caller },
  };
  return JSON.stringify({ ...detail, dropped: left.dropped });
}

function attributeList(values: SpanValues, left: DetailBudget): readonly Attribute[] {
  return convertFitting([...values], left, ([name, value]) => {
    const attribute: Attribute = { name: short(name), type: typeOf(value), value: valueText(textOf(value)) };
    left.chars -= attribute.value.text.length + attribute.name.length;
    return attribute;
  });
}

/** Converts as many items as fit into `left`. Counts the others as dropped. */
function convertFitting<A, B>(items: readonly A[], left: DetailBudget, convert: (item: A) => B): readonly B[] {
  const converted: B[] = [];
  for (const item of items) {
    // About what an item takes beside its texts.
    left.chars -= 64;
    if (left.chars < 0) {
      left.dropped += items.length - converted.length;
      break;
    }
    converted.push(convert(item));
  }
  return converted;
}

function typeOf(value: SpanValue): Attribute["type"] {
  if (value === null) return "null";
  if (value instanceof Uint8Array) return "bytes";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "object") return value instanceof Map ? "map" : "list";
  return "number";
}

/** Returns a string unchanged, and any other value as JSON. The decoder has limited the nesting. */
function textOf(value: SpanValue): string {
  return typeof value === "string" ? value : (JSON.stringify(plain(value)) ?? "");
}

function plain(value: SpanValue): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (isMap(value)) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
  return isList(value) ? value.map(plain) : value;
}

function isMap(value: SpanValue): value is SpanValues {
  return value instanceof Map;
}

function isList(value: SpanValue): value is readonly SpanValue[] {
  return Array.isArray(value);
}
