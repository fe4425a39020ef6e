/**
 * Chooses values of a log that a bundle leaves out. A value can be left out if it is in a blob: the log then names only its hash. In a log
 * that was recorded with `redactable`, every value is, with a salt.
 */
import { sha256Hex } from "../../gateway/digest.ts";
import { BorunaError } from "../../vm/error.ts";
import { valueToTaggedJson } from "../../vm/json/tagged-json.ts";
import { BlobRef, jsonText, loadValue, type ValueOrBlob } from "../log/blob-values.ts";
import type { RecordedEvent } from "../log/event-json.ts";
import type { RunLog } from "../log/log-reader.ts";
import type { BlobReader } from "../log/memory-blobs.ts";
import { signatureOf } from "../entries.ts";
import { recordedRegistry } from "../replay.ts";

/** Where a value is in a log: the number of its event, or one more than the last for the end record, and its name there. */
export interface ValuePlace {
  readonly event: number;
  /** As in the record: `args[0]`, `result`, `message`, `payload`, `tree`, `value`. */
  readonly value: string;
}

export interface RedactedValue extends ValuePlace {
  readonly sha256: string;
}

interface LoggedValue extends ValuePlace {
  /** The number of the call that it belongs to, and its name there: that of a parameter, or `result`. */
  readonly call: number | undefined;
  readonly name: string;
  readonly content: ValueOrBlob;
}

/** Yields every value of the log that may be in a blob, in order. */
function* valuesOf(log: RunLog): Generator<LoggedValue, void> {
  const registry = recordedRegistry(log);
  const open: number[] = [];
  let calls = 0;
  for (const { n, event } of log.events) {
    if (event.type === "CapCall") {
      calls += 1;
      open.push(calls);
      const params = signatureOf(event, registry)?.params ?? [];
      for (const [i, content] of event.args.entries()) {
        const value = `args[${i}]`;
        yield { event: n, value, call: calls, name: params[i]?.name ?? value, content };
      }
    } else if (event.type === "CapResult" || event.type === "CapError") {
      const call = open.shift();
      for (const [value, content] of contentsOf(event)) yield { event: n, value, call, name: "result", content };
    } else for (const [value, content] of contentsOf(event)) yield { event: n, value, call: undefined, name: value, content };
  }
  const { value, error } = log.end ?? {};
  const texts = [
    ["value", value],
    ["message", error?.message],
    ...(error?.counterexample ?? []).map((text, i) => [`counterexample[${i}]`, text] as const),
  ] as const;
  for (const [name, content] of texts) {
    if (content !== undefined) yield { event: log.eventCount + 1, value: name, call: undefined, name, content };
  }
}

/** Returns the values of an event that is no call, by name. */
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

/** Returns every place of the log whose value is in one of these blobs. */
export function placesOf(log: RunLog, redacted: ReadonlySet<string>): readonly RedactedValue[] {
  if (redacted.size === 0) return [];
  const places: RedactedValue[] = [];
  for (const { event, value, content } of valuesOf(log))
    if (content instanceof BlobRef && redacted.has(content.sha256)) places.push({ event, value, sha256: content.sha256 });
  return places;
}

const SELECTOR = /^(?:(?<call>[1-9]\d{0,15})(?:\.(?<name>[^.]+))?|event:(?<event>[1-9]\d{0,15})|(?<end>end))$/;

/** Returns a function that says whether a value is chosen by `2`, `2.url`, `2.result`, `event:5` or `end`. Throws `usage`. */
function readSelector(text: string, endEvent: number): (value: LoggedValue) => boolean {
  const { call, name, event, end } = SELECTOR.exec(text)?.groups ?? {};
  if (end !== undefined) return (value) => value.event === endEvent;
  if (event !== undefined) return (value) => value.event === Number(event);
  if (call !== undefined) return (value) => value.call === Number(call) && (name === undefined || name === value.name);
  throw new BorunaError("usage", `redact ${text}: expected a call (2), a value of a call (2.url, 2.result), an event (event:5) or end`, {
    hint: "boruna log show LOG --call N shows a call with the names of its values.",
  });
}

export interface Redaction {
  /** The SHA-256 of the blobs to leave out. */
  readonly blobs: ReadonlySet<string>;
  /** Where the log has the value of one of them in another place, which is not left out, also inside a longer text. Short values are not searched. */
  readonly repeated: readonly ValuePlace[];
}

/** A shorter value, in characters of JSON, appears again by chance. */
const MIN_REPEATED_CHARACTERS = 16;
const MAX_REPEATED = 100;
/** The most texts, and the most characters of one, that are looked for inside longer texts. */
const MAX_NEEDLES = 100;
const MAX_NEEDLE_CHARACTERS = 64 * 1024;

/**
 * Finds the chosen values. `blobs` has the values themselves. Throws `usage` if a selector chooses nothing, or a value that is not in a blob or
 * that an approval needs.
 */
export function chooseValues(log: RunLog, selectors: readonly string[], blobs: BlobReader): Redaction {
  if (selectors.length === 0) return { blobs: new Set(), repeated: [] };
  const chosen = selectors.map((text) => ({ text, matches: readSelector(text, log.eventCount + 1), count: 0 }));
  const found = new Set<string>();
  const texts = new RedactedTexts();
  for (const value of valuesOf(log)) {
    const by = chosen.filter(({ matches }) => matches(value));
    for (const selector of by) selector.count += 1;
    const [first] = by;
    if (first === undefined) continue;
    if (!(value.content instanceof BlobRef)) throw inlineError(log, value, first.text);
    found.add(value.content.sha256);
    texts.add(value.content, blobs);
  }
  const nothing = chosen.find(({ count }) => count === 0);
  if (nothing !== undefined) throw new BorunaError("usage", `redact ${nothing.text}: ${log.file} has no such value`);
  return { blobs: found, repeated: repeatedIn(log, found, texts, blobs) };
}

function repeatedIn(log: RunLog, found: ReadonlySet<string>, texts: RedactedTexts, blobs: BlobReader): readonly ValuePlace[] {
  const repeated: ValuePlace[] = [];
  for (const { event, value, content } of valuesOf(log)) {
    if (repeated.length === MAX_REPEATED) break;
    if (content instanceof BlobRef && found.has(content.sha256)) continue;
    if (texts.areIn(content, blobs)) repeated.push({ event, value });
  }
  return repeated;
}

/** The redacted values, as far as they are looked for elsewhere: the SHA-256 of their JSON, and the texts of the first Strings. */
class RedactedTexts {
  readonly #hashes = new Set<string>();
  readonly #needles = new Set<string>();

  add(content: ValueOrBlob, blobs: BlobReader): void {
    const value = loadValue(content, blobs);
    const text = jsonText(valueToTaggedJson(value));
    if (text.length < MIN_REPEATED_CHARACTERS) return;
    this.#hashes.add(sha256Hex(text));
    if (typeof value !== "string" || value.length > MAX_NEEDLE_CHARACTERS || this.#needles.size === MAX_NEEDLES) return;
    const needle = value.trim();
    if (needle.length >= MIN_REPEATED_CHARACTERS) this.#needles.add(JSON.stringify(needle).slice(1, -1));
  }

  /** Whether the content is one of the values, or has the text of one inside it. */
  areIn(content: ValueOrBlob, blobs: BlobReader): boolean {
    const text = jsonText(valueToTaggedJson(loadValue(content, blobs)));
    if (text.length < MIN_REPEATED_CHARACTERS) return false;
    return this.#hashes.has(sha256Hex(text)) || [...this.#needles].some((needle) => text.includes(needle));
  }
}

const inlineError = (log: RunLog, { event, value }: LoggedValue, selector: string): BorunaError =>
  new BorunaError("usage", `redact ${selector}: ${value} of event ${event} is in ${log.file} itself, so that its hash chain needs it`, {
    hint: "Only a run that was recorded as redactable has each value beside its log.",
  });
