/** Searches text and converts UTF-8 offsets, in time linear in the length of the text and the pattern. */
import { utf8Length } from "../value/utf8.ts";

/** The maximum pattern length, in UTF-16 code units, for which `indexOf` is used. For longer patterns its time could be quadratic. */
const NATIVE_PATTERN_UNITS = 32;

interface Searcher {
  /** Returns the index of the first occurrence at or after `from`, in code units; -1 if the pattern does not occur there. */
  next(from: number): number;
}

/** Returns a searcher for a pattern that is not empty. For long patterns it uses the algorithm of Knuth, Morris and Pratt. */
export function createSearcher(text: string, pattern: string): Searcher {
  if (pattern.length <= NATIVE_PATTERN_UNITS) return { next: (from) => text.indexOf(pattern, from) };
  if (pattern.length > text.length) return { next: () => -1 };
  const failure = failureFunction(pattern);
  return {
    next(from) {
      let matched = 0;
      for (let i = from; i < text.length; i++) {
        matched = extendMatch(pattern, failure, matched, text.charCodeAt(i));
        if (matched === pattern.length) return i + 1 - matched;
      }
      return -1;
    },
  };
}

/** Returns the failure function of Knuth, Morris and Pratt: for each prefix of the pattern, the length of its longest border (a proper prefix that is also its suffix). */
function failureFunction(pattern: string): Int32Array {
  const failure = new Int32Array(pattern.length);
  let matched = 0;
  for (let i = 1; i < pattern.length; i++) {
    matched = extendMatch(pattern, failure, matched, pattern.charCodeAt(i));
    failure[i] = matched;
  }
  return failure;
}

/** Returns how many code units of the pattern match the text that ends with `unit`. `matched` of them match without `unit`. */
function extendMatch(pattern: string, failure: Int32Array, matched: number, unit: number): number {
  let length = matched;
  while (length > 0 && pattern.charCodeAt(length) !== unit) length = failure[length - 1] ?? 0;
  return pattern.charCodeAt(length) === unit ? length + 1 : length;
}

/** Returns the index of the last occurrence, in code units; -1 if there is none. An empty pattern occurs at the end. */
export function lastOccurrence(text: string, pattern: string): number {
  if (pattern.length <= NATIVE_PATTERN_UNITS) return text.lastIndexOf(pattern);
  if (pattern.length > text.length) return -1;
  const failure = failureFunction(pattern);
  let matched = 0;
  let last = -1;
  for (let i = 0; i < text.length; i++) {
    matched = extendMatch(pattern, failure, matched, text.charCodeAt(i));
    if (matched < pattern.length) continue;
    last = i + 1 - matched;
    matched = failure[matched - 1] ?? 0;
  }
  return last;
}

/** Returns the number of occurrences, without overlaps. */
export function countOccurrences(text: string, pattern: string): number {
  const searcher = createSearcher(text, pattern);
  let count = 0;
  for (let at = searcher.next(0); at >= 0; at = searcher.next(at + pattern.length)) count += 1;
  return count;
}

/** Returns the parts of the text between the occurrences. There is one part more than occurrences. */
export function splitText(text: string, pattern: string): string[] {
  const searcher = createSearcher(text, pattern);
  const parts: string[] = [];
  let start = 0;
  for (let at = searcher.next(0); at >= 0; at = searcher.next(start)) {
    parts.push(text.slice(start, at));
    start = at + pattern.length;
  }
  parts.push(text.slice(start));
  return parts;
}

/** Returns whether a code unit is a space or U+0009 to U+000D. */
function isAsciiSpace(unit: number): boolean {
  return unit === 32 || (unit >= 9 && unit <= 13);
}

export function trimStartAscii(text: string): string {
  let start = 0;
  while (start < text.length && isAsciiSpace(text.charCodeAt(start))) start += 1;
  return text.slice(start);
}

export function trimEndAscii(text: string): string {
  let end = text.length;
  while (end > 0 && isAsciiSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

export const trimAscii = (text: string): string => trimEndAscii(trimStartAscii(text));

/** For fewer code units than this, looking at each takes less time than comparing the text with the remembered one. */
const MIN_REMEMBERED_UNITS = 16;
/**
 * A text is compared with the remembered one only if this share of its code units or more is needed. So the comparison takes no longer than
 * looking at these code units.
 */
const MIN_REMEMBERED_SHARE = 1 / 64;

/** Converts UTF-8 byte offsets. Remembers the ASCII prefix of the last long text, so that reading an ASCII text piece by piece is fast. */
export class ByteOffsets {
  #text = "";
  /** The number of code units at the start of `#text` that are known to be ASCII. */
  #asciiUnits = 0;

  /** Converts a UTF-8 byte offset to a code unit index. Returns -1 if the offset is out of range or inside a character. */
  toUnitIndex(text: string, offset: number): number {
    const ascii = this.#asciiPrefix(text, Math.min(offset, text.length));
    return ascii === offset ? offset : unitIndexOfByte(text, offset, ascii);
  }

  /** Returns the number of bytes of the text in UTF-8. */
  byteLength(text: string): number {
    const { length } = text;
    if (length < MIN_REMEMBERED_UNITS) return utf8Length(text);
    if (this.#asciiUnits === length && text === this.#text) return length;
    const bytes = utf8Length(text);
    if (bytes === length) {
      this.#text = text;
      this.#asciiUnits = length;
    }
    return bytes;
  }

  /** Converts the code unit index of a character to a UTF-8 byte offset. */
  ofUnitIndex(text: string, index: number): number {
    const ascii = this.#asciiPrefix(text, index);
    return ascii === index ? index : ascii + utf8Length(text.slice(ascii, index));
  }

  /** Returns how many of the first `units` code units come before the first one that is not ASCII. */
  #asciiPrefix(text: string, units: number): number {
    if (units < MIN_REMEMBERED_UNITS || units < text.length * MIN_REMEMBERED_SHARE) return asciiUnits(text, 0, units);
    if (text !== this.#text) {
      this.#text = text;
      this.#asciiUnits = 0;
    }
    if (this.#asciiUnits < units) this.#asciiUnits = asciiUnits(text, this.#asciiUnits, units);
    return Math.min(units, this.#asciiUnits);
  }
}

/** Returns the index of the first code unit from `from` on that is not ASCII, but at most `to`. */
function asciiUnits(text: string, from: number, to: number): number {
  let at = from;
  while (at < to && text.charCodeAt(at) < 0x80) at += 1;
  return at;
}

/** Does the same as `toUnitIndex`. The first `asciiUnits` code units of the text are ASCII; `asciiUnits` is at most `offset`. */
function unitIndexOfByte(text: string, offset: number, asciiUnits: number): number {
  let bytes = asciiUnits;
  let at = asciiUnits;
  while (bytes < offset && at < text.length) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit >= 0xd800 && unit <= 0xdbff) {
      bytes += 4;
      at += 1;
    } else bytes += 3;
    at += 1;
  }
  return bytes === offset ? at : -1;
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;

/** Returns the characters of a text without lone surrogates. `count` is their number. */
export function charactersOf(text: string, count: number): string[] {
  if (count === text.length && count >= MIN_SPLIT_UNITS) return text.split("");
  const characters = arrayOf<string>(count);
  for (let i = 0, at = 0; at < count; at++) {
    const units = isHighSurrogate(text.charCodeAt(i)) ? 2 : 1;
    characters[at] = units === 1 ? text.charAt(i) : text.slice(i, i + units);
    i += units;
  }
  return characters;
}

/** Returns an array with room for a number of elements. Growing an array would take most of the time. */
// oxlint-disable-next-line unicorn/no-new-array -- V8 makes room at once
const arrayOf = <T>(count: number): T[] => new Array<T>(count);

/** From this length on, V8 splits a text into code units faster than a loop does. */
const MIN_SPLIT_UNITS = 12;

/** Returns the code points of a text without lone surrogates. `count` is their number. */
export function codePointsOf(text: string, count: number): number[] {
  const points = arrayOf<number>(count);
  for (let i = 0, at = 0; at < count; at++) {
    const unit = text.charCodeAt(i);
    if (isHighSurrogate(unit)) {
      points[at] = (unit - 0xd800) * 0x400 + text.charCodeAt(i + 1) - 0xdc00 + 0x10000;
      i += 2;
    } else {
      points[at] = unit;
      i += 1;
    }
  }
  return points;
}

/** For texts shorter than this, a loop is faster than a regular expression. V8 does not search a text with one byte for each code unit. */
const MIN_SURROGATE_SEARCH_UNITS = 32;
const HIGH_SURROGATE = /[\ud800-\udbff]/;

export function countCodePoints(text: string): number {
  let count = text.length;
  if (count >= MIN_SURROGATE_SEARCH_UNITS && !HIGH_SURROGATE.test(text)) return count;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit <= 0xdbff) count -= 1;
  }
  return count;
}
