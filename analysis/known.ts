/**
 * Defines `Known`: what is known about a value before the program runs. `undefined` means that nothing is known.
 *
 *     "notes/" ++ name                  a text that begins with "notes/"
 *     0..3                              a list of at most 3 Ints from 0 to 2
 *     [fs.read, trimmed]                a list of at most 2 functions, each one of these two
 *     Request { url: "a", method: m }   a record whose first field is "a"
 *     { "Accept": "text/html" }         a map with this entry and no other
 *
 * A `Known` is an upper bound: a text is one of the possible texts, and a list may be shorter than its known length. Its size is limited, so
 * joining many of them stays cheap.
 */
import type { Callable } from "../compiler/ir.ts";
import { ListValue } from "../vm/value/list.ts";
import { MapValue } from "../vm/value/map.ts";
import type { Value } from "../vm/value/value.ts";

/** A text, or the beginning of one if `isExact` is false. */
export interface KnownText {
  readonly text: string;
  readonly isExact: boolean;
}

export type Known =
  | undefined
  /** One of these texts. */
  | { readonly kind: "text"; readonly texts: readonly KnownText[] }
  /** An Int from `min` to `max`. */
  | { readonly kind: "int"; readonly min: number; readonly max: number }
  /** Another constant, such as `true` or the empty map. */
  | { readonly kind: "constant"; readonly value: Value }
  /** A list of at most `length` elements. */
  | { readonly kind: "list"; readonly length: number; readonly element: Known }
  | { readonly kind: "record"; readonly fields: readonly Known[] }
  /** A map with text keys. If `isOpen`, it may have other entries. */
  | { readonly kind: "map"; readonly entries: ReadonlyMap<string, KnownEntry>; readonly isOpen: boolean }
  /** One of these functions. */
  | { readonly kind: "functions"; readonly targets: ReadonlySet<Callable> }
  /** There is no value, because the program never gets past this expression. */
  | { readonly kind: "never" };

/** An entry of a map. It may be missing if `isCertain` is false. */
export interface KnownEntry {
  readonly value: Known;
  readonly isCertain: boolean;
}

export const NEVER: Known = { kind: "never" };

/** Receives functions that the analysis stops tracking: any code may call them. */
export type Escape = (targets: Iterable<Callable>) => void;
/** Does nothing with the lost functions: for joins that lose none, or whose result is only compared. */
export const IGNORE_LOST: Escape = () => undefined;

/** Limit on the possible texts of a value, for example of the URLs in a list. */
const MAX_TEXTS = 64;
/** Limit on the known entries of a map. */
const MAX_MAP_ENTRIES = 64;
/** Limit on a known text, in UTF-16 code units. */
const MAX_TEXT_UNITS = 4_096;
/** Limit on the functions that a value may be. */
const MAX_FUNCTIONS = 16;
/** Limit on the nesting of lists, records and maps when two values are joined. */
const MAX_NESTING = 4;

export const ANY_TEXT: KnownText = { text: "", isExact: false };

const shorten = ({ text, isExact }: KnownText): KnownText =>
  text.length > MAX_TEXT_UNITS ? { text: text.slice(0, MAX_TEXT_UNITS), isExact: false } : { text, isExact };

/** Whether `a` describes every text that `b` describes. */
export const coversText = (a: KnownText, b: KnownText): boolean => (a.isExact ? b.isExact && a.text === b.text : b.text.startsWith(a.text));

/** Returns what is known about a value that is one of the given texts. Drops a text that another text covers. */
export function knownTexts(candidates: readonly KnownText[]): Known {
  const texts: KnownText[] = [];
  for (const next of candidates.map(shorten)) {
    if (texts.some((text) => coversText(text, next))) continue;
    if (!next.isExact) texts.splice(0, texts.length, ...texts.filter((text) => !coversText(next, text)));
    texts.push(next);
    if (texts.length > MAX_TEXTS || (next.text === "" && !next.isExact)) return undefined;
  }
  return { kind: "text", texts };
}

/** Returns what is known about a constant of the program. */
export function knownConstant(value: Value): Known {
  if (typeof value === "string") return knownTexts([{ text: value, isExact: true }]);
  if (typeof value === "number") return { kind: "int", min: value, max: value };
  if (value instanceof ListValue && value.length === 0) return { kind: "list", length: 0, element: undefined };
  return { kind: "constant", value };
}

/** Returns what is known about the concatenation of two texts. */
export function knownConcat(a: Known, b: Known): Known {
  if (a?.kind !== "text") return undefined;
  const seconds = b?.kind === "text" ? b.texts : [ANY_TEXT];
  const isLong = a.texts.length * seconds.length > MAX_TEXTS;
  return knownTexts(
    a.texts.flatMap((first) => {
      if (!first.isExact) return [first];
      if (isLong) return [{ text: first.text, isExact: false }];
      return seconds.map((second) => ({ text: first.text + second.text, isExact: second.isExact }));
    }),
  );
}

/** Returns the functions that the value may be or contain. Records and maps contain none, because a function that is put there escapes. */
export function functionsIn(known: Known): Iterable<Callable> {
  if (known?.kind === "functions") return known.targets;
  return known?.kind === "list" ? functionsIn(known.element) : [];
}

/** Returns what is known about a value, leaving out the functions in it. */
export function withoutFunctions(known: Known): Known {
  if (known?.kind === "functions") return undefined;
  if (known?.kind !== "list") return known;
  const element = withoutFunctions(known.element);
  return element === known.element ? known : { ...known, element };
}

const NO_ENTRIES: ReadonlyMap<string, KnownEntry> = new Map();

/** Returns what is known about a map. Returns an open map without entries if nothing is known. */
export function asMap(known: Known): { readonly entries: ReadonlyMap<string, KnownEntry>; readonly isOpen: boolean } {
  if (known?.kind === "map") return known;
  const isEmpty = known?.kind === "constant" && known.value instanceof MapValue && known.value.size === 0;
  return { entries: NO_ENTRIES, isOpen: !isEmpty };
}

/** Returns what is known about a map after the entry is set. */
export function withEntry(map: Known, key: Known, value: Known): Known {
  const { entries, isOpen } = asMap(map);
  const keys = key?.kind === "text" && key.texts.every(({ isExact }) => isExact) ? key.texts : undefined;
  if (keys === undefined || entries.size + keys.length > MAX_MAP_ENTRIES) {
    // An unknown key may have replaced any entry. With too many entries, none is kept.
    return { kind: "map", entries: NO_ENTRIES, isOpen: true };
  }
  const after = new Map(entries);
  for (const { text } of keys) {
    const before = entries.get(text);
    const isCertain = keys.length === 1;
    if (isCertain) after.set(text, { value, isCertain });
    else
      after.set(text, {
        value: before === undefined ? value : joinKnown(before.value, value, IGNORE_LOST),
        isCertain: before?.isCertain === true,
      });
  }
  return { kind: "map", entries: after, isOpen };
}

/** Returns what is known about a map after some entry is removed. */
export function withoutEntry(map: Known): Known {
  const { entries, isOpen } = asMap(map);
  return { kind: "map", entries: new Map([...entries].map(([key, { value }]) => [key, { value, isCertain: false }])), isOpen };
}

function joinMaps(a: Known & { readonly kind: "map" }, b: ReturnType<typeof asMap>, depth: number): Known {
  const entries = new Map<string, KnownEntry>();
  for (const key of new Set([...a.entries.keys(), ...b.entries.keys()])) {
    const [first, second] = [a.entries.get(key), b.entries.get(key)];
    // Only one map names this entry. If the other map is open, it may have any value for the same key.
    const other = first === undefined ? a : b;
    const value =
      first !== undefined && second !== undefined
        ? joinKnown(first.value, second.value, IGNORE_LOST, depth + 1)
        : other.isOpen
          ? undefined
          : (first ?? second)?.value;
    entries.set(key, { value, isCertain: first?.isCertain === true && second?.isCertain === true });
  }
  const isOpen = a.isOpen || b.isOpen;
  if (entries.size > MAX_MAP_ENTRIES) return { kind: "map", entries: NO_ENTRIES, isOpen: true };
  const isSame =
    isOpen === a.isOpen &&
    entries.size === a.entries.size &&
    [...entries].every(([key, entry]) => entry.value === a.entries.get(key)?.value && entry.isCertain === a.entries.get(key)?.isCertain);
  return isSame ? a : { kind: "map", entries, isOpen };
}

/** Returns what is known about a value that may be `a` or `b`. Passes to `onLost` the functions that the result no longer contains. */
export function joinKnown(a: Known, b: Known, onLost: Escape, depth = 0): Known {
  if (a === b) return a;
  const forget = (): undefined => {
    onLost(functionsIn(a));
    onLost(functionsIn(b));
    return undefined;
  };
  if (a?.kind === "never") return b;
  if (b?.kind === "never") return a;
  if (a === undefined || b === undefined || depth > MAX_NESTING) return forget();
  if (a.kind === "text" && b.kind === "text") return beforeIfEqual(a, knownTexts([...a.texts, ...b.texts]));
  if (a.kind === "int" && b.kind === "int")
    return beforeIfEqual(a, { kind: "int", min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) });
  if (a.kind === "list" && b.kind === "list") {
    const element = a.length === 0 ? b.element : b.length === 0 ? a.element : joinKnown(a.element, b.element, onLost, depth + 1);
    return beforeIfEqual(a, { kind: "list", length: Math.max(a.length, b.length), element });
  }
  if (a.kind === "record" && b.kind === "record" && a.fields.length === b.fields.length) {
    const fields = a.fields.map((field, i) => joinKnown(field, b.fields[i], onLost, depth + 1));
    return fields.every((field, i) => field === a.fields[i]) ? a : { kind: "record", fields };
  }
  if (a.kind === "map") return joinMaps(a, asMap(b), depth);
  if (b.kind === "map") return joinMaps({ kind: "map", ...asMap(a) }, b, depth);
  if (a.kind === "constant" && b.kind === "constant" && a.value === b.value) return a;
  if (a.kind === "functions" && b.kind === "functions") {
    const targets = new Set([...a.targets, ...b.targets]);
    return targets.size > MAX_FUNCTIONS ? forget() : targets.size === a.targets.size ? a : { kind: "functions", targets };
  }
  return forget();
}

/** Returns `before` if `after` equals it, so that callers can detect a change by comparing identities. */
function beforeIfEqual(before: Known, after: Known): Known {
  if (before?.kind === "text" && after?.kind === "text") {
    const isSame = before.texts.length === after.texts.length && before.texts.every((t, i) => sameText(t, after.texts[i]));
    return isSame ? before : after;
  }
  if (before?.kind === "int" && after?.kind === "int") return before.min === after.min && before.max === after.max ? before : after;
  if (before?.kind === "list" && after?.kind === "list")
    return before.length === after.length && before.element === after.element ? before : after;
  return after;
}

const sameText = (a: KnownText, b: KnownText | undefined): boolean => a.text === b?.text && a.isExact === b.isExact;
