/**
 * Reads usual JSON text into values in one pass. The reader charges nothing: it counts, and `json.parse` then charges. It gives up at
 * anything unusual, such as an error, a limit, a duplicate key or a very large number. Then `parseExactly` starts from the beginning.
 */
import { mapCharge, slotsCharge, stringCharge } from "../cost.ts";
import { PARSER_BYTES } from "../json/json.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { isAscending, MIN_HISTORY_SIZE } from "../value/persistent-map.ts";
import { compareUtf8 } from "../value/utf8.ts";
import { FloatValue, UNIT, type Value, replaceLoneSurrogates } from "../value/value.ts";

/** Limits on the code units, the nesting and the digits of a number. The reader gives up beyond them. */
const MAX_UNITS = 2 ** 24;
const MAX_DEPTH = 200;
const MAX_SAFE_DIGITS = 15;

const [SPACE, QUOTE, MINUS, ZERO, NINE, BACKSLASH] = [0x20, 0x22, 0x2d, 0x30, 0x39, 0x5c];
const [COMMA, COLON, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x2c, 0x3a, 0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Returns the value, the bytes to charge for it, and the bytes of data that the parser of `parseExactly` would have made. Returns undefined
 * if it gives up.
 */
export function readUsualJson(text: string): { readonly value: Value; readonly bytes: number; readonly parserBytes: number } | undefined {
  if (text.length > MAX_UNITS) return undefined;
  const reader = new Reader(text);
  const value = reader.value(0);
  return value === undefined || !reader.isAtEnd() ? undefined : { value, bytes: reader.bytes, parserBytes: reader.parserBytes };
}

/** A key, its usual text with the quotes and the colon, and the counts of that text. */
interface KnownKey {
  readonly key: string;
  readonly json: string;
  readonly parserBytes: number;
  readonly bytes: number;
}

function knownKey(key: string): KnownKey | undefined {
  const isEscaped = JSON.stringify(key).length > key.length + 2;
  if (isEscaped) return undefined;
  return { key, json: `"${key}":`, parserBytes: PARSER_BYTES.scalar + key.length + 1, bytes: stringCharge(key.length) };
}

/** The keys of an object, in the order in which they are written. */
class ObjectKeys {
  /** The same keys with what makes reading them faster. Empty until a second object has the same keys. */
  members: readonly (KnownKey | undefined)[] = [];
  readonly #keys: readonly string[];
  /** The index of each key, in ascending order of the keys. Undefined if that is the order in which they are written. */
  readonly #order: readonly number[] | undefined;
  readonly #ascending: readonly string[];

  private constructor(keys: readonly string[], order: readonly number[] | undefined, ascending: readonly string[]) {
    this.#keys = keys;
    this.#order = order;
    this.#ascending = ascending;
  }

  /** Returns undefined if a key occurs twice. */
  static of(keys: readonly string[]): ObjectKeys | undefined {
    if (isAscending(keys)) return new ObjectKeys(keys, undefined, keys);
    const order = [...keys.keys()].sort((a, b) => compareUtf8(keys[a] ?? "", keys[b] ?? ""));
    const ascending = order.map((index) => keys[index] ?? "");
    return isAscending(ascending) ? new ObjectKeys(keys, order, ascending) : undefined;
  }

  /** Whether another object has the same keys in the same order. */
  isSame(keys: readonly string[]): boolean {
    if (keys.length !== this.#keys.length) return false;
    for (let i = 0; i < keys.length; i++) if (keys[i] !== this.#keys[i]) return false;
    if (this.members.length === 0) this.members = this.#keys.map(knownKey);
    return true;
  }

  /** Returns the map from each key to the value at the same index. */
  mapOf(values: readonly Value[]): MapValue {
    return MapValue.ofAscendingKeys(this.#ascending, this.#order?.map((index) => values[index] ?? UNIT) ?? values);
  }
}

class Reader {
  readonly #text: string;
  #at = 0;
  bytes: number = 0;
  parserBytes: number = 0;
  /** The keys of the last object at each depth. Objects in one list usually have the same keys. */
  readonly #lastKeys: (ObjectKeys | undefined)[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    return Number.isNaN(this.#next());
  }

  /** Skips white space and returns the code unit after it; NaN at the end. */
  #next(): number {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== SPACE && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return unit;
      this.#at += 1;
    }
  }

  value(depth: number): Value | undefined {
    const unit = this.#next();
    if (unit === QUOTE) return this.#string();
    if (unit === OPEN_OBJECT) return depth < MAX_DEPTH ? this.#object(depth) : undefined;
    if (unit === OPEN_LIST) return depth < MAX_DEPTH ? this.#list(depth) : undefined;
    if (unit === MINUS || (unit >= ZERO && unit <= NINE)) return this.#number();
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    return undefined;
  }

  #list(depth: number): Value | undefined {
    const items: Value[] = [];
    this.parserBytes += PARSER_BYTES.array;
    this.#at += 1;
    if (this.#next() === CLOSE_LIST) this.#at += 1;
    else {
      for (;;) {
        const item = this.value(depth + 1);
        if (item === undefined) return undefined;
        items.push(item);
        this.parserBytes += PARSER_BYTES.slot;
        const unit = this.#next();
        this.#at += 1;
        if (unit === CLOSE_LIST) break;
        if (unit !== COMMA) return undefined;
      }
    }
    this.bytes += slotsCharge(items.length);
    // Copy the array, because V8 gives a growing array more slots than it needs, 17 even to a short one.
    return ListValue.of(items.slice());
  }

  #object(depth: number): Value | undefined {
    const lastKeys = this.#lastKeys[depth];
    const keys: string[] = [];
    const values: Value[] = [];
    this.parserBytes += PARSER_BYTES.object;
    this.#at += 1;
    if (this.#next() === CLOSE_OBJECT) this.#at += 1;
    else {
      for (;;) {
        const key = this.#key(lastKeys?.members[keys.length]);
        if (key === undefined) return undefined;
        const value = this.value(depth + 1);
        if (value === undefined) return undefined;
        keys.push(key);
        values.push(value);
        this.parserBytes += PARSER_BYTES.slot;
        const unit = this.#next();
        this.#at += 1;
        if (unit === CLOSE_OBJECT) break;
        if (unit !== COMMA) return undefined;
      }
    }
    this.bytes += mapCharge(keys.length);
    if (keys.length >= MIN_HISTORY_SIZE) return new Set(keys).size < keys.length ? undefined : MapValue.ofKeys(keys, values);
    const objectKeys = lastKeys?.isSame(keys) === true ? lastKeys : ObjectKeys.of(keys);
    this.#lastKeys[depth] = objectKeys;
    return objectKeys?.mapOf(values);
  }

  /** Reads a key and the colon after it. `expected` is the key that is probably there. */
  #key(expected: KnownKey | undefined): string | undefined {
    const isQuoted = this.#next() === QUOTE;
    if (expected !== undefined && this.#text.startsWith(expected.json, this.#at)) {
      this.#at += expected.json.length;
      this.parserBytes += expected.parserBytes;
      this.bytes += expected.bytes;
      return expected.key;
    }
    const key = isQuoted ? this.#string() : undefined;
    if (key === undefined || this.#next() !== COLON) return undefined;
    this.#at += 1;
    return key;
  }

  #string(): string | undefined {
    const text = this.#text;
    const start = this.#at + 1;
    let end = start;
    let isAscii = true;
    let isEscaped = false;
    for (;;) {
      const unit = text.charCodeAt(end);
      if (unit === QUOTE) break;
      if (unit === BACKSLASH) {
        isEscaped = true;
        end += 1;
      } else if (!(unit >= SPACE)) return undefined;
      else if (unit > 0x7f) isAscii = false;
      end += 1;
    }
    this.#at = end + 1;
    this.parserBytes += PARSER_BYTES.scalar + (isEscaped ? 2 : 1) * (end - start + 1);
    let result = text.slice(start, end);
    if (isEscaped) {
      const unescaped = unescape(text.slice(start - 1, end + 1));
      if (unescaped === undefined) return undefined;
      result = unescaped;
    }
    if (isEscaped || !isAscii) result = replaceLoneSurrogates(result);
    this.bytes += stringCharge(result.length);
    return result;
  }

  #number(): Value | undefined {
    const text = this.#text;
    const start = this.#at;
    let at = text.charCodeAt(start) === MINUS ? start + 1 : start;
    const first = at;
    let value = 0;
    for (; isDigit(text.charCodeAt(at)); at++) value = value * 10 + text.charCodeAt(at) - ZERO;
    const digits = at - first;
    if (digits === 0 || digits > MAX_SAFE_DIGITS || (digits > 1 && text.charCodeAt(first) === ZERO)) return undefined;
    const unit = text.charCodeAt(at);
    if (unit !== 0x2e && unit !== 0x65 && unit !== 0x45) {
      this.#at = at;
      return first > start ? 0 - value : value;
    }
    if (unit === 0x2e) {
      const fraction = at + 1;
      for (at = fraction; isDigit(text.charCodeAt(at)); ) at += 1;
      if (at === fraction || text.charCodeAt(at) === 0x65 || text.charCodeAt(at) === 0x45) return undefined;
      this.#at = at;
      this.parserBytes += PARSER_BYTES.scalar;
      return new FloatValue(Number(text.slice(start, at)));
    }
    return undefined;
  }
}

const WORDS: readonly (readonly [string, Value])[] = [
  ["true", true],
  ["false", false],
  ["null", UNIT],
];

const isDigit = (unit: number): boolean => unit >= ZERO && unit <= NINE;

/** Returns the text of a JSON string with escapes; undefined if an escape is wrong. */
function unescape(json: string): string | undefined {
  try {
    const text: unknown = JSON.parse(json);
    return typeof text === "string" ? text : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
