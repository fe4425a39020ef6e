/**
 * Links the spans of calls to the events of these calls in the log. A span has the number of its call among all calls of the run. A log
 * numbers only calls that reach a handler. The two numbers differ if the program also spawns, sends or emits, because the machine itself
 * carries out these calls.
 */
import type { RunEventType } from "../vm/events.ts";
import { executionId, type ExecutionRef } from "./catalogue.ts";
import type { LogIndex } from "./log-index.ts";
import type { StoredSpan } from "./stored-span.ts";
import { rowsOf } from "./timeline.ts";

interface Links {
  /** The number of the event of each span's call. */
  readonly eventOf: ReadonlyMap<StoredSpan, number>;
  /** The row of the span of each call, by the number of the call's event. */
  readonly rowOf: ReadonlyMap<number, number>;
}

/** Events of calls that the machine itself carries out. */
const INTERNAL_CALLS: readonly RunEventType[] = ["ActorSpawn", "MessageSend", "UiEmit"];

const cache = new WeakMap<StoredSpan, { readonly log: LogIndex; readonly versions: string; readonly links: Links }>();

/** Returns the links between the spans of an execution and the log. Cached until the trace or the log changes. */
export function callLinks(execution: ExecutionRef, log: LogIndex): Links {
  const { span, trace } = execution;
  const versions = `${trace.version} ${log.version}`;
  const cached = cache.get(span);
  if (cached?.log === log && cached.versions === versions) return cached.links;
  const links = findLinks(execution, log);
  cache.set(span, { log, versions, links });
  return links;
}

function findLinks({ span: root, trace }: ExecutionRef, log: LogIndex): Links {
  const rows = rowsOf(trace);
  const first = rows.rowOf.get(root) ?? 0;
  const calls = rows.spans
    .slice(first, first + (rows.descendants[first] ?? 0) + 1)
    .filter((span) => span.call !== undefined && !span.refused);
  const eventOf = INTERNAL_CALLS.some((type) => log.typeCounts.has(type)) ? matchByCapability(calls, log) : matchByNumber(calls, log);
  const rowOf = new Map<number, number>();
  for (const [span, event] of eventOf) rowOf.set(event, rows.rowOf.get(span) ?? 0);
  return { eventOf, rowOf };
}

/** Matches the spans with the events of the calls that have the same numbers. This is right only if no call is internal. */
function matchByNumber(calls: readonly StoredSpan[], log: LogIndex): ReadonlyMap<StoredSpan, number> {
  const eventOf = new Map<StoredSpan, number>();
  for (const span of calls) {
    const event = log.capabilityOfCall(span.call ?? 0) === span.capability ? log.eventOfCall(span.call ?? 0) : undefined;
    if (event !== undefined) eventOf.set(span, event);
  }
  return eventOf;
}

/**
 * Matches the spans of each capability with its events, in the order of the calls. If a span of a capability was lost, none of its spans
 * gets an event.
 */
function matchByCapability(calls: readonly StoredSpan[], log: LogIndex): ReadonlyMap<StoredSpan, number> {
  const spansOf = new Map<string, StoredSpan[]>();
  for (const span of calls.toSorted((a, b) => (a.call ?? 0) - (b.call ?? 0))) {
    const list = spansOf.get(span.capability ?? "");
    if (list === undefined) spansOf.set(span.capability ?? "", [span]);
    else list.push(span);
  }
  const eventOf = new Map<StoredSpan, number>();
  for (let call = 1; call <= log.callCount; call++) {
    const capability = log.capabilityOfCall(call) ?? "";
    const spans = spansOf.get(capability);
    if (spans === undefined || spans.length !== log.capabilities.get(capability)?.calls) continue;
    const span = spans[log.ordinalInCapability(call) - 1];
    const event = log.eventOfCall(call);
    if (span !== undefined && event !== undefined) eventOf.set(span, event);
  }
  return eventOf;
}

/** Returns the span of one call in each execution of a run. `event` is the number of the call's event. */
export function spansOfCall(
  executions: readonly ExecutionRef[],
  log: LogIndex,
  event: number,
): readonly { readonly execution: string; readonly spanId: string; readonly row: number }[] {
  return executions.flatMap((execution) => {
    const row = callLinks(execution, log).rowOf.get(event);
    const span = row === undefined ? undefined : rowsOf(execution.trace).spans[row];
    return row === undefined || span === undefined ? [] : [{ execution: executionId(execution.span), spanId: span.spanId, row }];
  });
}
