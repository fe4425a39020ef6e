/**
 * Chooses the values of a log that a bundle leaves out. Only a value in a blob can be left out: the log itself has just the hash of the blob,
 * so it stays the same. In a log that was recorded with `redactable`, every value is in a blob, with a salt.
 */
import { sha256Hex } from "../../gateway/digest.ts";
import { BorunaError } from "../../vm/error.ts";
import { BlobRef, loadValue, type ValueOrBlob, valueText } from "../log/blob-values.ts";
import type { RecordedEvent } from "../log/event-json.ts";
import type { RunLog } from "../log/log-reader.ts";
import type { BlobReader } from "../log/memory-blobs.ts";
import { signatureOf } from "../entries.ts";
import { recordedRegistry } from "../replay.ts";

/** Where a value is in a log. */
export interface ValuePlace {
  /** Number of the event. For the end record, the number of the last event plus 1. */
  readonly event: number;
  /** The name of the value in its record: `args[0]`, `result`, `message`, `payload`, `tree`, `label`, `value`, `counterexample[0]`. */
  readonly value: string;
}

export interface RedactedValue extends ValuePlace {
  readonly sha256: string;
}

interface LoggedValue {
  readonly event: number;
  readonly valueName: string;
  /** The call that has the value as an argument or an answer; undefined for any other value. */
  readonly call: number | undefined;
  /** The name of the value in a selector: that of its parameter, or `result`. */
  readonly selectorName: string;
  readonly content: ValueOrBlob;
}

/** Yields every value of the log that may be in a blob, in order. */
function* valuesOf(log: RunLog): Generator<LoggedValue, void> {
  const registry = recordedRegistry(log);
  // Answers are logged in the order of the calls.
  const unansweredCalls: number[] = [];
  let calls = 0;
  for (const { n, event } of log.events) {
    if (event.type === "CapCall") {
      calls += 1;
      unansweredCalls.push(calls);
      const params = signatureOf(event, registry)?.params ?? [];
      for (const [i, content] of event.args.entries()) {
        const valueName = `args[${i}]`;
        yield { event: n, valueName, call: calls, selectorName: params[i]?.name ?? valueName, content };
      }
    } else if (event.type === "CapResult" || event.type === "CapError") {
      const call = unansweredCalls.shift();
      for (const [valueName, content] of contentsOf(event)) yield { event: n, valueName, call, selectorName: "result", content };
    } else
      for (const [valueName, content] of contentsOf(event))
        yield { event: n, valueName, call: undefined, selectorName: valueName, content };
  }
  const { value, error } = log.end ?? {};
  const texts = [
    ["value", value],
    ["message", error?.message],
    ...(error?.counterexample ?? []).map((text, i) => [`counterexample[${i}]`, text] as const),
  ] as const;
  for (const [name, content] of texts) {
    if (content !== undefined) yield { event: log.eventCount + 1, valueName: name, call: undefined, selectorName: name, content };
  }
}

/** Returns the values of an event other than a call, each with its name in the record. */
function contentsOf(event: RecordedEvent): readonly (readonly [name: string, content: ValueOrBlob])[] {
  switch (event.type) {
    case "CapResult":
      return [["result", event.result]];
    case "CapError":
      return [["message", event.message]];
    case "MessageSend":
    case "MessageReceive":
      return [["payload", event.payload]];
    case "UiEmit":
      return [["tree", event.tree]];
    case "GuardCheck":
      return [["label", event.label]];
    default:
      return [];
  }
}

/** Returns every place in the log whose value is in a redacted blob. */
export function placesOf(log: RunLog, redacted: ReadonlySet<string>): readonly RedactedValue[] {
  if (redacted.size === 0) return [];
  const places: RedactedValue[] = [];
  for (const { event, valueName, content } of valuesOf(log))
    if (content instanceof BlobRef && redacted.has(content.sha256)) places.push({ event, value: valueName, sha256: content.sha256 });
  return places;
}

const SELECTOR = /^(?:(?<call>[1-9]\d{0,15})(?:\.(?<name>[^.]+))?|event:(?<event>[1-9]\d{0,15})|(?<end>end))$/;

/** Reads a selector: `2`, `2.url`, `2.result`, `event:5` or `end`. Returns a function that says whether it selects a value. Throws `usage`. */
function readSelector(text: string, endEvent: number): (value: LoggedValue) => boolean {
  const { call, name, event, end } = SELECTOR.exec(text)?.groups ?? {};
  if (end !== undefined) return (value) => value.event === endEvent;
  if (event !== undefined) return (value) => value.event === Number(event);
  if (call !== undefined) return (value) => value.call === Number(call) && (name === undefined || name === value.selectorName);
  throw new BorunaError("usage", `redact ${text}: expected a call (2), a value of a call (2.url, 2.result), an event (event:5) or end`, {
    hint: "boruna log show LOG --call N shows a call with the names of its values.",
  });
}

export interface Redaction {
  /** The SHA-256 of the blobs to leave out. */
  readonly blobs: ReadonlySet<string>;
  /** Places that still show a redacted value, also inside a longer text. Short values are not searched for. */
  readonly repeated: readonly ValuePlace[];
}

/** The log is searched for a redacted value only if its own JSON has at least this many UTF-16 code units. A shorter one could appear elsewhere by chance. */
const MIN_REPEATED_CHARACTERS = 16;
/** Maximum number of places in `repeated`. */
const MAX_REPEATED = 100;
/** Inside longer texts, at most this many redacted Strings are searched for, each of at most `MAX_NEEDLE_CHARACTERS` UTF-16 code units. */
const MAX_NEEDLES = 100;
const MAX_NEEDLE_CHARACTERS = 64 * 1024;

/**
 * Finds the values that the selectors choose, and reads them from `blobs`. Throws `usage` if a selector chooses nothing, or chooses a value that
 * is not in a blob. Throws what `loadValue` throws.
 */
export function chooseValues(log: RunLog, selectors: readonly string[], blobs: BlobReader): Redaction {
  if (selectors.length === 0) return { blobs: new Set(), repeated: [] };
  const readSelectors = selectors.map((text) => ({ text, matches: readSelector(text, log.eventCount + 1), count: 0 }));
  const found = new Set<string>();
  const texts = new RedactedTexts();
  for (const value of valuesOf(log)) {
    const matching = readSelectors.filter(({ matches }) => matches(value));
    for (const selector of matching) selector.count += 1;
    const [first] = matching;
    if (first === undefined) continue;
    if (!(value.content instanceof BlobRef)) throw inlineError(log, value, first.text);
    found.add(value.content.sha256);
    texts.add(value.content, blobs);
  }
  const unmatched = readSelectors.find(({ count }) => count === 0);
  if (unmatched !== undefined) throw new BorunaError("usage", `redact ${unmatched.text}: ${log.file} has no such value`);
  return { blobs: found, repeated: repeatedIn(log, found, texts, blobs) };
}

/** Returns the places that still show one of the redacted texts. */
function repeatedIn(log: RunLog, found: ReadonlySet<string>, texts: RedactedTexts, blobs: BlobReader): readonly ValuePlace[] {
  const repeated: ValuePlace[] = [];
  for (const { event, valueName, content } of valuesOf(log)) {
    if (repeated.length === MAX_REPEATED) break;
    if (content instanceof BlobRef && found.has(content.sha256)) continue;
    if (texts.areIn(content, blobs)) repeated.push({ event, value: valueName });
  }
  return repeated;
}

/**
 * The redacted values for which the rest of the log is searched: the SHA-256 of their JSON, and the trimmed texts of up to
 * `MAX_NEEDLES` Strings.
 */
class RedactedTexts {
  readonly #hashes = new Set<string>();
  readonly #needles = new Set<string>();

  add(content: ValueOrBlob, blobs: BlobReader): void {
    const value = loadValue(content, blobs);
    const text = valueText(value);
    if (text.length < MIN_REPEATED_CHARACTERS) return;
    this.#hashes.add(sha256Hex(text));
    if (typeof value !== "string" || value.length > MAX_NEEDLE_CHARACTERS || this.#needles.size === MAX_NEEDLES) return;
    const needle = value.trim();
    if (needle.length >= MIN_REPEATED_CHARACTERS) this.#needles.add(JSON.stringify(needle).slice(1, -1));
  }

  /** Whether the content equals a redacted value, or contains the text of one. */
  areIn(content: ValueOrBlob, blobs: BlobReader): boolean {
    const text = valueText(loadValue(content, blobs));
    if (text.length < MIN_REPEATED_CHARACTERS) return false;
    return this.#hashes.has(sha256Hex(text)) || [...this.#needles].some((needle) => text.includes(needle));
  }
}

const inlineError = (log: RunLog, { event, valueName }: LoggedValue, selector: string): BorunaError =>
  new BorunaError("usage", `redact ${selector}: ${valueName} of event ${event} is in ${log.file} itself, so its hash chain needs it`, {
    hint: "Only a run that was recorded as redactable has each value beside its log.",
  });
