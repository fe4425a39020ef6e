/** The native builtins of the module `string`. */
import { BYTES, slotsCharge, UNITS } from "../cost.ts";
import { ListValue } from "../value/list.ts";
import { type Meter, typeTrap, WorkMeter } from "../meter.ts";
import { chunksOf, TextBuilder } from "../value/text-chunks.ts";
import {
  charactersOf,
  codePointsOf,
  countCodePoints,
  countOccurrences,
  createSearcher,
  lastOccurrence,
  splitText,
  trimAscii,
  trimEndAscii,
  trimStartAscii,
} from "./text-search.ts";
import { compareUtf8 } from "../value/utf8.ts";
import { type IntValue, SomeValue, NONE, type Value } from "../value/value.ts";
import { type BuiltinCode, code, expectInt, expectList, expectString } from "./code.ts";

/** Charges for reading `readUnits` code units and making a String of `units` code units. */
function chargeText(meter: Meter, readUnits: number, units: number): void {
  meter.charge((readUnits + units) * UNITS.codeUnit);
  meter.allocateString(units);
}

/** Charges for a list of `count` Strings with `units` code units in total. */
function allocatePieces(meter: Meter, count: number, units: number): void {
  meter.allocateList(count, slotsCharge(count) + count * BYTES.stringHeader + units * BYTES.codeUnit);
}

/** Charges for `string.chars`. Returns the number of characters. */
export function chargeCharacters(meter: Meter, source: string): number {
  const work = new WorkMeter(meter);
  work.add(source.length * UNITS.codeUnit);
  const count = countCodePoints(source);
  work.add(count * UNITS.value);
  allocatePieces(meter, count, source.length);
  return count;
}

function characters(meter: Meter, source: string): Value {
  return ListValue.of(charactersOf(source, chargeCharacters(meter, source)));
}

/** Charges for `string.codepoints`. Returns the number of code points. */
export function chargeCodePoints(meter: Meter, source: string): number {
  const work = new WorkMeter(meter);
  work.add(source.length * UNITS.codeUnit);
  const count = countCodePoints(source);
  work.add(count * UNITS.value);
  meter.allocateList(count);
  return count;
}

function split(meter: Meter, source: string, separator: string): Value {
  if (separator.length === 0) return characters(meter, source);
  const work = new WorkMeter(meter);
  work.add((source.length + separator.length) * UNITS.codeUnit);
  const separatorCount = countOccurrences(source, separator);
  work.add((separatorCount + 1) * UNITS.value);
  allocatePieces(meter, separatorCount + 1, source.length - separatorCount * separator.length);
  return ListValue.of(splitText(source, separator));
}

function lines(meter: Meter, source: string): Value {
  const work = new WorkMeter(meter);
  work.add(source.length * UNITS.codeUnit);
  const ends = countOccurrences(source, "\n");
  const count = source.length === 0 || source.endsWith("\n") ? ends : ends + 1;
  work.add(count * UNITS.value);
  allocatePieces(meter, count, source.length - ends);
  const parts = splitText(source, "\n");
  return ListValue.of(parts.slice(0, count).map((line, i) => (i < ends && line.endsWith("\r") ? line.slice(0, -1) : line)));
}

function join(meter: Meter, parts: ListValue, separator: string): Value {
  const work = new WorkMeter(meter);
  const texts: string[] = [];
  let units = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts.get(i);
    if (typeof part !== "string") throw typeTrap("String", part);
    work.add(UNITS.value);
    units += part.length;
    texts.push(part);
  }
  units += Math.max(0, texts.length - 1) * separator.length;
  work.add(units * UNITS.codeUnit);
  meter.allocateString(units);
  return texts.join(separator);
}

function replace(meter: Meter, source: string, from: string, to: string): Value {
  const work = new WorkMeter(meter);
  work.add((source.length + from.length) * UNITS.codeUnit);
  const occurrences = from.length === 0 ? countCodePoints(source) + 1 : countOccurrences(source, from);
  const units = source.length + occurrences * (to.length - from.length);
  work.add(units * UNITS.codeUnit);
  meter.allocateString(units);
  if (occurrences === 0) return source;
  chargePieces(meter, units);
  return from.length === 0 ? interleave(source, to) : replaceOccurrences(source, from, to);
}

/** Charges for the pieces that a String of `units` code units is joined from. They exist at the same time as the String. */
function chargePieces(meter: Meter, units: number): void {
  meter.allocate(units * BYTES.codeUnit);
}

function replaceOccurrences(source: string, from: string, to: string): string {
  const searcher = createSearcher(source, from);
  const result = new TextBuilder();
  let start = 0;
  for (let at = searcher.next(0); at >= 0; at = searcher.next(start)) {
    result.add(source.slice(start, at));
    result.add(to);
    start = at + from.length;
  }
  result.add(source.slice(start));
  return result.toString();
}

/** Returns `source` with `to` inserted before, between and after all characters. */
function interleave(source: string, to: string): string {
  let result = to;
  for (const chunk of chunksOf(source)) result += Array.from(chunk).join(to) + to;
  return result;
}

function slice(meter: Meter, source: string, from: IntValue, to: IntValue): Value {
  // A code unit takes at most three bytes, so a larger offset is out of range.
  if (from < 0 || to < from || to > source.length * 3) return "";
  const end = Number(to);
  meter.charge(Math.min(end, source.length) * UNITS.codeUnit);
  const last = meter.byteOffsets.toUnitIndex(source, end);
  // If they are equal, all characters before are ASCII.
  const first = last === end ? Number(from) : meter.byteOffsets.toUnitIndex(source, Number(from));
  if (first < 0 || last < 0) return "";
  meter.allocateString(last - first);
  return source.slice(first, last);
}

function repeat(meter: Meter, source: string, times: IntValue): Value {
  if (times <= 0 || source.length === 0) return "";
  const units = source.length * Number(times);
  chargeText(meter, 0, units);
  return source.repeat(Number(times));
}

/** Returns repetitions of `filler`, the last one cut, that bring the text to `width` characters. Charges for the padded text too. */
function padding(meter: Meter, source: string, width: IntValue, filler: string): string {
  const work = new WorkMeter(meter);
  work.add((source.length + filler.length) * UNITS.codeUnit);
  const missingCharacters = Number(width) - countCodePoints(source);
  if (missingCharacters <= 0 || filler.length === 0) return "";
  const fillerCharacters = countCodePoints(filler);
  const fullFillers = Math.floor(missingCharacters / fillerCharacters);
  let restUnits = 0;
  for (let characters = missingCharacters % fillerCharacters; characters > 0; characters--)
    restUnits += (filler.codePointAt(restUnits) ?? 0) > 0xffff ? 2 : 1;
  const units = fullFillers * filler.length + restUnits + source.length;
  work.add(units * UNITS.codeUnit);
  meter.allocateString(units);
  return filler.repeat(fullFillers) + filler.slice(0, restUnits);
}

/** Returns Some of a part of a text, and charges for both. */
function somePart(meter: Meter, part: string): Value {
  chargeText(meter, 0, part.length);
  meter.allocate(BYTES.wrapper);
  return new SomeValue(part);
}

function charAt(meter: Meter, source: string, index: IntValue): Value {
  // A character has at most two code units.
  if (index < 0 || index >= source.length) return NONE;
  meter.charge(Math.min(source.length, 2 * (Number(index) + 1)) * UNITS.codeUnit);
  let at = 0;
  for (let i = 0; i < index; i++) at += (source.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  const point = source.codePointAt(at);
  if (point === undefined) return NONE;
  meter.allocateString(2);
  meter.allocate(BYTES.wrapper);
  return new SomeValue(String.fromCodePoint(point));
}

function reverse(meter: Meter, source: string): Value {
  chargeText(meter, source.length, source.length);
  chargePieces(meter, source.length);
  let result = "";
  for (const chunk of chunksOf(source)) result = Array.from(chunk).toReversed().join("") + result;
  return result;
}

/** Returns an Option of the byte offset of a code unit index; None if the index is negative. */
function byteOffset(meter: Meter, source: string, at: number): Value {
  if (at < 0) return NONE;
  meter.allocate(BYTES.wrapper);
  return new SomeValue(meter.byteOffsets.ofUnitIndex(source, at));
}

/** Changes the case of the ASCII letters that `letters` matches. If the text is all ASCII, calls `change` with the whole text. */
function mapCase(meter: Meter, source: string, letters: RegExp, change: (run: string) => string): Value {
  chargeText(meter, source.length, source.length);
  if (isAscii(source)) return change(source);
  chargePieces(meter, source.length);
  let done = "";
  for (const chunk of chunksOf(source)) done += chunk.replace(letters, change);
  return done;
}

function isAscii(source: string): boolean {
  for (let i = 0; i < source.length; i++) if (source.charCodeAt(i) >= 0x80) return false;
  return true;
}

const toUpper = (run: string): string => run.toUpperCase();
const toLower = (run: string): string => run.toLowerCase();

/** Charges for a search and returns the index of the first occurrence; -1 if the pattern does not occur. An empty pattern occurs at 0. */
function find(meter: Meter, source: string, pattern: string): number {
  meter.charge((source.length + pattern.length) * UNITS.codeUnit);
  return pattern.length === 0 ? 0 : createSearcher(source, pattern).next(0);
}

/** Returns the implementation of a builtin that removes white space at the ends of a text. */
const trimBuiltin = (trim: (source: string) => string): BuiltinCode =>
  code(1, (meter, a) => {
    const source = expectString(a);
    chargeText(meter, source.length, source.length);
    return trim(source);
  });

const REPLACEMENT = "\uFFFD";

export const STRING_CODE: readonly (readonly [string, BuiltinCode])[] = [
  [
    "string.len",
    code(1, (meter, a) => {
      const source = expectString(a);
      meter.charge(source.length * UNITS.codeUnit);
      return meter.byteOffsets.byteLength(source);
    }),
  ],
  ["string.chars", code(1, (meter, a) => characters(meter, expectString(a)))],
  ["string.contains", code(2, (meter, a, b) => find(meter, expectString(a), expectString(b)) >= 0)],
  [
    "string.starts_with",
    code(2, (meter, a, b) => {
      const source = expectString(a);
      const prefix = expectString(b);
      meter.charge(prefix.length * UNITS.codeUnit);
      return source.startsWith(prefix);
    }),
  ],
  [
    "string.ends_with",
    code(2, (meter, a, b) => {
      const source = expectString(a);
      const suffix = expectString(b);
      meter.charge(suffix.length * UNITS.codeUnit);
      return source.endsWith(suffix);
    }),
  ],
  [
    "string.index_of",
    code(2, (meter, a, b) => {
      const source = expectString(a);
      return byteOffset(meter, source, find(meter, source, expectString(b)));
    }),
  ],
  ["string.to_upper", code(1, (meter, a) => mapCase(meter, expectString(a), /[a-z]+/g, toUpper))],
  ["string.to_lower", code(1, (meter, a) => mapCase(meter, expectString(a), /[A-Z]+/g, toLower))],
  [
    "string.last_index_of",
    code(2, (meter, a, b) => {
      const source = expectString(a);
      const pattern = expectString(b);
      meter.charge((source.length + pattern.length) * UNITS.codeUnit);
      return byteOffset(meter, source, lastOccurrence(source, pattern));
    }),
  ],
  ["string.trim", trimBuiltin(trimAscii)],
  ["string.trim_start", trimBuiltin(trimStartAscii)],
  ["string.trim_end", trimBuiltin(trimEndAscii)],
  [
    "string.strip_prefix",
    code(2, (meter, a, b) => {
      const source = expectString(a);
      const prefix = expectString(b);
      meter.charge(prefix.length * UNITS.codeUnit);
      return source.startsWith(prefix) ? somePart(meter, source.slice(prefix.length)) : NONE;
    }),
  ],
  [
    "string.strip_suffix",
    code(2, (meter, a, b) => {
      const source = expectString(a);
      const suffix = expectString(b);
      meter.charge(suffix.length * UNITS.codeUnit);
      return source.endsWith(suffix) ? somePart(meter, source.slice(0, source.length - suffix.length)) : NONE;
    }),
  ],
  ["string.char_at", code(2, (meter, a, b) => charAt(meter, expectString(a), expectInt(b)))],
  ["string.reverse", code(1, (meter, a) => reverse(meter, expectString(a)))],
  ["string.split", code(2, (meter, a, b) => split(meter, expectString(a), expectString(b)))],
  ["string.join", code(2, (meter, a, b) => join(meter, expectList(a), expectString(b)))],
  ["string.replace", code(3, (meter, a, b, c) => replace(meter, expectString(a), expectString(b), expectString(c)))],
  ["string.slice", code(3, (meter, a, b, c) => slice(meter, expectString(a), expectInt(b), expectInt(c)))],
  ["string.repeat", code(2, (meter, a, b) => repeat(meter, expectString(a), expectInt(b)))],
  ["string.pad_start", code(3, (meter, a, b, c) => padding(meter, expectString(a), expectInt(b), expectString(c)) + expectString(a))],
  ["string.pad_end", code(3, (meter, a, b, c) => expectString(a) + padding(meter, expectString(a), expectInt(b), expectString(c)))],
  [
    "string.compare",
    code(2, (meter, a, b) => {
      const x = expectString(a);
      const y = expectString(b);
      meter.charge(Math.min(x.length, y.length) * UNITS.codeUnit);
      return Math.sign(compareUtf8(x, y));
    }),
  ],
  ["string.lines", code(1, (meter, a) => lines(meter, expectString(a)))],
  [
    "string.from_codepoint",
    code(1, (meter, a) => {
      const point = expectInt(a);
      meter.allocateString(2);
      const valid = typeof point === "number" && point >= 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
      return valid ? (point <= 0xffff ? String.fromCharCode(point) : String.fromCodePoint(point)) : REPLACEMENT;
    }),
  ],
  [
    "string.codepoints",
    code(1, (meter, a) => {
      const source = expectString(a);
      return ListValue.of(codePointsOf(source, chargeCodePoints(meter, source)));
    }),
  ],
];
