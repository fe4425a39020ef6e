/**
 * Reads the events that logs have most: calls and answers with short scalars only. Such an event is read from the text itself, without a
 * tree of JSON. A test compares the result with `eventFromJson`.
 */
import type { Value } from "../../vm/value/value.ts";
import type { RecordedEvent } from "./event-json.ts";

/** A scalar exactly as the recorder writes it: an Int of at most 15 digits, a String without escapes, control characters and lone surrogates, or a Bool. */
const SCALAR = /\{"(?:Int":(0|-?[1-9][0-9]{0,14})|String":"([^"\\\p{Cc}\p{Cs}]*)"|Bool":(true|false))\}/uy;
const CAPABILITY = /[a-z0-9_.]+/y;

const CALL = '{"CapCall":{"args":[';
const CALL_CAPABILITY = '],"capability":"';
const RESULT = '{"CapResult":{"capability":"';
const RESULT_VALUE = '","result":';
const END_AFTER_NAME = '"}}';
const END = "}}";

/** Reads the event from `start` to `end` of a text. Returns undefined if it is another event, or not written as the recorder writes it. */
export function readScalarEvent(text: string, start: number, end: number): RecordedEvent | undefined {
  return text.startsWith(RESULT, start)
    ? readResult(text, start, end)
    : text.startsWith(CALL, start)
      ? readCall(text, start, end)
      : undefined;
}

function readResult(text: string, start: number, end: number): RecordedEvent | undefined {
  const capability = capabilityAt(text, start + RESULT.length);
  const valueAt = start + RESULT.length + capability.length;
  if (capability === "" || !text.startsWith(RESULT_VALUE, valueAt)) return undefined;
  SCALAR.lastIndex = valueAt + RESULT_VALUE.length;
  const result = scalarOf(SCALAR.exec(text));
  if (result === undefined || SCALAR.lastIndex + END.length !== end || !text.startsWith(END, SCALAR.lastIndex)) return undefined;
  return { type: "CapResult", capability, result };
}

function readCall(text: string, start: number, end: number): RecordedEvent | undefined {
  const args: Value[] = [];
  let at = start + CALL.length;
  while (!text.startsWith(CALL_CAPABILITY, at)) {
    if (args.length > 0 && text[at] !== ",") return undefined;
    SCALAR.lastIndex = args.length > 0 ? at + 1 : at;
    const arg = scalarOf(SCALAR.exec(text));
    if (arg === undefined) return undefined;
    args.push(arg);
    at = SCALAR.lastIndex;
  }
  const nameAt = at + CALL_CAPABILITY.length;
  const capability = capabilityAt(text, nameAt);
  const nameEnd = nameAt + capability.length;
  if (capability === "" || nameEnd + END_AFTER_NAME.length !== end || !text.startsWith(END_AFTER_NAME, nameEnd)) return undefined;
  return { type: "CapCall", capability, args };
}

/** Returns the characters of a capability's name at the position; empty if there are none. */
function capabilityAt(text: string, at: number): string {
  CAPABILITY.lastIndex = at;
  return CAPABILITY.exec(text)?.[0] ?? "";
}

function scalarOf(match: RegExpExecArray | null): Value | undefined {
  if (match === null) return undefined;
  const [, int, string, bool] = match;
  return int === undefined ? (string ?? bool === "true") : Number(int);
}
