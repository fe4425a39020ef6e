/** Formats what `boruna log show` prints: the run, a table of its calls or events, one call in full, the end. */
import type { CapabilityRegistry } from "../../vm/capabilities.ts";
import type { SourceLocation, TypeDef } from "../../vm/bytecode/module.ts";
import { canonicalJson, isJsonObject, type JsonData } from "../../vm/json/json.ts";
import { valueToTypedJson } from "../../vm/json/typed-json.ts";
import { replaceUnsafe } from "../../vm/terminal-text.ts";
import { typedText } from "../../vm/value/display.ts";
import type { Approval } from "../../gateway/approval.ts";
import { waitingText } from "../approvals.ts";
import { type LoggedAnswer, type LoggedCall, type LocatedEntry, type LocatedEvent, signatureOf } from "../entries.ts";
import { BlobRef, readPresent, readPresentText, type TextOrBlob, type ValueOrBlob } from "../log/blob-values.ts";
import type { BlobReader } from "../log/memory-blobs.ts";
import { loadEnd, type RecordedEnd } from "../log/end-record.ts";
import { eventToJson } from "../log/event-json.ts";
import { jsonObject } from "../log/json-fields.ts";
import { LOG_LIMITS } from "../log/log-limits.ts";
import type { ParsedLog } from "../log/log-reader.ts";
import { cut, cutStart, pad, type Paint, paintNothing } from "./columns.ts";
import { endText, eventText, excerpt, valueText } from "./format-values.ts";
import { locationJson, plural } from "./replay-report.ts";
import { framedStackLines, type SourceFrame } from "./source-frame.ts";

export interface TableOptions {
  /** Columns of the terminal. Undefined: cells are not cut, and tabs separate them. */
  readonly width: number | undefined;
  readonly paint: Paint;
  readonly types: readonly TypeDef[];
  /** Whether the first column numbers events instead of calls. */
  readonly numbersEvents: boolean;
}

/** Formats the table line by line. The widths of the columns are known before the first row, so no row stays in memory. */
export interface LogTable {
  readonly head: string;
  row(entry: LocatedEntry): string;
}

// Widths are in columns of the terminal.
const OUTCOME_WIDTH = 10;
const PLACE_WIDTH = 22;
const GAP = "  ";
const MIN_COLUMN_WIDTH = 10;

export function logTable(log: Pick<ParsedLog, "eventCount">, options: TableOptions): LogTable {
  const { width, paint, numbersEvents } = options;
  const numberWidth = Math.max(5, String(log.eventCount).length);
  const rest = (width ?? 0) - numberWidth - OUTCOME_WIDTH - PLACE_WIDTH - 4 * GAP.length;
  const callWidth = Math.max(MIN_COLUMN_WIDTH, Math.ceil(rest * 0.6));
  const resultWidth = Math.max(MIN_COLUMN_WIDTH, rest - callWidth);
  const line = ([number, call, result, place, outcome]: Cells, style: Paint): string => {
    if (width === undefined) return [number, call, result, place, outcome].map((cell) => replaceUnsafe(cell)).join("\t");
    const cells = [
      number.padStart(numberWidth),
      pad(cut(call, callWidth), callWidth),
      pad(cut(result, resultWidth), resultWidth),
      style(pad(cutStart(place, PLACE_WIDTH), PLACE_WIDTH), "dim"),
      outcome === "ok" || outcome === "" ? outcome : style(cut(outcome, OUTCOME_WIDTH), "error"),
    ];
    return cells.join(GAP).trimEnd();
  };
  return {
    head: paint(line([numbersEvents ? "event" : "call", numbersEvents ? "what" : "", "result", "place", "outcome"], paintNothing), "head"),
    row: (entry) => line(cellsOf(entry, options), paint),
  };
}

/** The table shows values of up to this many bytes. It shows the length and the hash of a longer value. */
const MAX_SHOWN_BYTES = LOG_LIMITS.inlineBytes;

/** Returns the entry with its short values read from their blobs: in a redactable log, every value is in a blob. A missing blob stays a `BlobRef`. */
export function withShortValues(entry: LocatedEntry, blobs: BlobReader): LocatedEntry {
  const value = (v: ValueOrBlob): ValueOrBlob => readPresent(v, blobs, MAX_SHOWN_BYTES);
  if (entry.type === "event") {
    const { content } = entry;
    if (content.type === "UiEmit") return { ...entry, content: { ...content, tree: value(content.tree) } };
    if (content.type === "MessageSend" || content.type === "MessageReceive")
      return { ...entry, content: { ...content, payload: value(content.payload) } };
    if (content.type === "GuardCheck")
      return { ...entry, content: { ...content, label: readPresentText(content.label, blobs, MAX_SHOWN_BYTES) } };
    return entry;
  }
  const { answer } = entry;
  const read: LoggedAnswer | undefined =
    answer?.outcome === "ok"
      ? { ...answer, result: value(answer.result) }
      : answer && { ...answer, message: readPresentText(answer.message, blobs, MAX_SHOWN_BYTES) };
  return { ...entry, args: entry.args.map(value), answer: read };
}

type Cells = readonly [number: string, call: string, result: string, place: string, outcome: string];

function cellsOf(entry: LocatedEntry, { types, numbersEvents }: TableOptions): Cells {
  if (entry.type === "event") return [String(entry.event), entryText(entry, types), "", "", ""];
  const { answer, approval, place } = entry;
  const answered = answer === undefined ? "" : answer.outcome === "ok" ? shortText(answer.result, types) : shortMessage(answer.message);
  const result = approval === undefined ? answered : `${approvalText(approval)}${answered === "" ? "" : `: ${answered}`}`;
  return [
    String(numbersEvents ? entry.event : entry.call),
    entryText(entry, types),
    result,
    place === undefined ? "" : placeText(place.caller ?? place),
    outcomeText(answer),
  ];
}

const approvalText = ({ decision, by, signature }: Approval): string => `${decision} by ${by}${signature === "" ? " (not signed)" : ""}`;

function placeText({ file, line, function: name }: SourceLocation): string {
  return file === undefined || line === undefined ? name : `${file}:${line}`;
}

export function outcomeText(answer: LoggedAnswer | undefined): string {
  if (answer === undefined) return "no answer";
  if (answer.outcome === "ok") return "ok";
  return answer.kind === "runtime_error" ? "failed" : answer.kind;
}

const missingText = ({ sha256 }: BlobRef): string => `(redacted or lost, sha256 ${sha256})`;
const blobText = ({ bytes, sha256 }: BlobRef): string =>
  `(${bytes <= MAX_SHOWN_BYTES ? "redacted or lost" : `${bytes} bytes`}, sha256 ${sha256.slice(0, 8)}…)`;
const shortText = (value: ValueOrBlob, types: readonly TypeDef[]): string =>
  value instanceof BlobRef ? blobText(value) : valueText(value, types);
const shortMessage = (message: TextOrBlob): string => (message instanceof BlobRef ? blobText(message) : excerpt(message));

function entryText(entry: LocatedEntry, types: readonly TypeDef[]): string {
  if (entry.type === "call") return `${entry.capability}(${entry.args.map((arg) => shortText(arg, types)).join(", ")})`;
  const { content } = entry;
  switch (content.type) {
    case "MessageSend":
    case "MessageReceive":
      return content.payload instanceof BlobRef
        ? `${content.type} ${blobText(content.payload)}`
        : eventText({ ...content, payload: content.payload }, types);
    case "UiEmit":
      return content.tree instanceof BlobRef ? `emit ${blobText(content.tree)}` : eventText({ ...content, tree: content.tree }, types);
    case "GuardCheck":
      return content.label instanceof BlobRef ? `guard ${blobText(content.label)}` : eventText({ ...content, label: content.label }, types);
    default:
      return eventText(content, types);
  }
}

/** Returns the lines above the table: which run, with which arguments. */
export function runLines(log: ParsedLog): readonly string[] {
  if (log.format === "eventlog") return [`event log of the older form, ${log.eventCount} events`];
  const { runId, program, mode, args, policyHash } = log.header;
  const lines = [`run ${runId} of ${program.name} (${mode}), ${log.eventCount} events`, `policy ${policyHash}`];
  for (const [name, data] of args) lines.push(`${name} = ${excerpt(canonicalJson(data))}`);
  return lines.map((line) => replaceUnsafe(line));
}

/** Returns the lines below the table: how the run ended, and whether the file is complete. */
export function endLines(log: ParsedLog, types: readonly TypeDef[]): readonly string[] {
  if (log.format === "eventlog") return [];
  const cutNote = log.cut === undefined ? [] : [`the file is cut inside line ${log.cut.line}`];
  if (log.end === undefined) {
    const waits = waitingText(log);
    const reason = waits === undefined ? "the run was killed or still goes on, or the file was cut" : `the run is suspended, ${waits}`;
    return [replaceUnsafe(`no end record: ${reason}`), ...cutNote];
  }
  const { steps, allocBytes, counters } = log.end;
  const refusedCount = counters.denied + counters.budget_exceeded;
  const refused = refusedCount === 0 ? "" : `, ${plural(refusedCount, "call")} refused`;
  return [replaceUnsafe(`ended with ${loggedEndText(log, log.end, types)}`), `${steps} steps, ${allocBytes} bytes allocated${refused}`];
}

function loggedEndText(log: ParsedLog, end: RecordedEnd, types: readonly TypeDef[]): string {
  const value = end.value === undefined ? undefined : readPresent(end.value, log.blobs, MAX_SHOWN_BYTES);
  const message = end.error === undefined ? undefined : readPresentText(end.error.message, log.blobs, Number.POSITIVE_INFINITY);
  const missing = value instanceof BlobRef ? value : message instanceof BlobRef ? message : undefined;
  return missing === undefined ? endText(loadEnd(end, log.blobs), types) : `${end.outcome}: ${blobText(missing)}`;
}

/** Everything that is known about one call. */
export interface CallDetails {
  readonly call: LoggedCall;
  /** Number of calls of the capability in the log, up to and including this call. */
  readonly callsOfCapability: number;
  /** The budget that the policy sets for the capability. */
  readonly budget: number | undefined;
  readonly located: LocatedEvent;
  readonly frame: SourceFrame | undefined;
}

/** Returns the budget of a capability in the policy of a log's header. */
export function recordedBudget(log: ParsedLog, capability: string): number | undefined {
  const policy = log.format === "log" && isJsonObject(log.header.policy) ? log.header.policy : undefined;
  const rules = policy?.get("rules");
  const rule = rules !== undefined && isJsonObject(rules) ? rules.get(capability) : undefined;
  const budget = rule !== undefined && isJsonObject(rule) ? rule.get("budget") : undefined;
  return typeof budget === "number" && budget > 0 ? budget : undefined;
}

/** Returns the lines that show one call in full: arguments, answer, budget, place. Throws `log.blob_*`. */
export function callLines(
  details: CallDetails,
  blobs: BlobReader,
  types: readonly TypeDef[],
  registry: CapabilityRegistry,
): readonly string[] {
  const { call, located, frame, budget } = details;
  const params = signatureOf(call, registry)?.params ?? [];
  const value = (v: ValueOrBlob): string => {
    const read = readPresent(v, blobs, Number.POSITIVE_INFINITY);
    return read instanceof BlobRef ? missingText(read) : replaceUnsafe(typedText(read, undefined, types));
  };
  const text = (t: TextOrBlob): string => {
    const read = readPresentText(t, blobs, Number.POSITIVE_INFINITY);
    return read instanceof BlobRef ? missingText(read) : replaceUnsafe(read);
  };
  const lines = [replaceUnsafe(`call ${call.call} (event ${call.event}): ${call.capability}`)];
  for (const [i, arg] of call.args.entries()) lines.push(`  ${params[i]?.name ?? `argument ${i + 1}`} = ${value(arg)}`);
  const { approval, answer } = call;
  if (approval !== undefined) lines.push(replaceUnsafe(approvalText(approval)));
  if (answer === undefined) lines.push("no answer: the run waits, or was stopped during the call");
  else if (answer.outcome === "ok") lines.push(`result ${value(answer.result)}`);
  else lines.push(`failed (${replaceUnsafe(answer.kind)}): ${text(answer.message)}`);
  if (budget !== undefined) lines.push(replaceUnsafe(`budget: call ${details.callsOfCapability} of ${budget} of ${call.capability}`));
  if (located.reason !== undefined) lines.push(`place not known: ${replaceUnsafe(located.reason)}`);
  return [...lines, ...framedStackLines(frame, located.stack)];
}

/** Returns an entry as `--json` prints it: values in blobs stay references. */
export function entryJson(entry: LocatedEntry, types: readonly TypeDef[]): JsonData {
  if (entry.type === "event") return jsonObject({ event: entry.event, content: eventToJson(entry.content, Number.POSITIVE_INFINITY) });
  const value = (v: ValueOrBlob): JsonData => (v instanceof BlobRef ? refJson(v) : valueToTypedJson(v, undefined, types));
  const text = (t: TextOrBlob): JsonData => (t instanceof BlobRef ? refJson(t) : t);
  const { place } = entry;
  return jsonObject({
    ...callFields(entry, value, text),
    place: place === undefined ? null : locationJson(place),
    caller: place?.caller === undefined ? undefined : locationJson(place.caller),
  });
}

/** Returns the object that `--call N --json` prints. Throws `log.blob_*`. */
export function callJson(details: CallDetails, blobs: BlobReader, types: readonly TypeDef[]): JsonData {
  const value = (v: ValueOrBlob): JsonData => {
    const read = readPresent(v, blobs, Number.POSITIVE_INFINITY);
    return read instanceof BlobRef ? refJson(read) : valueToTypedJson(read, undefined, types);
  };
  const text = (t: TextOrBlob): JsonData => {
    const read = readPresentText(t, blobs, Number.POSITIVE_INFINITY);
    return read instanceof BlobRef ? refJson(read) : read;
  };
  return jsonObject({
    ...callFields(details.call, value, text),
    calls_of_capability: details.callsOfCapability,
    budget: details.budget ?? null,
    stack: details.located.stack.map(locationJson),
    source: details.frame?.lines.at(-1)?.text,
    unlocated: details.located.reason,
  });
}

function callFields(
  { call, event, capability, args, approval, answer }: LoggedCall,
  value: (value: ValueOrBlob) => JsonData,
  text: (text: TextOrBlob) => JsonData,
): Parameters<typeof jsonObject>[0] {
  return {
    call,
    event,
    capability,
    args: args.map(value),
    approval:
      approval === undefined ? undefined : jsonObject({ decision: approval.decision, by: approval.by, signature: approval.signature }),
    outcome: answer?.outcome ?? null,
    result: answer?.outcome === "ok" ? value(answer.result) : undefined,
    error: answer?.outcome === "failed" ? jsonObject({ kind: answer.kind, message: text(answer.message) }) : undefined,
  };
}

const refJson = ({ sha256, bytes }: BlobRef): JsonData => jsonObject({ blob: jsonObject({ sha256, bytes }) });

/** Returns the JSON object that describes the run. */
export function runJson(log: ParsedLog, types: readonly TypeDef[]): JsonData {
  if (log.format === "eventlog") return jsonObject({ log: log.file, format: log.format, events: log.eventCount });
  const { runId, program, mode, args, policyHash } = log.header;
  const { end } = log;
  return jsonObject({
    log: log.file,
    format: log.format,
    run_id: runId,
    program: jsonObject({ name: program.name, module_hash: program.moduleHash }),
    policy_hash: policyHash,
    mode,
    args,
    events: log.eventCount,
    outcome: end?.outcome ?? null,
    end: end === undefined ? null : loggedEndText(log, end, types),
    steps: end?.steps,
    alloc_bytes: end?.allocBytes,
  });
}
