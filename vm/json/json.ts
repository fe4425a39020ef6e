/**
 * Reads and writes lossless JSON, for all formats of the machine. `JSON.parse` rounds large integers and does not distinguish `1.0` from
 * `1`. Here, an integer keeps its value, a number with a fraction or exponent is a Float, and an object is a Map. For example,
 * `{"a":1,"b":1.0}` is `new Map([["a", 1], ["b", new FloatValue(1)]])`.
 *
 * `parseJson` reads `JsonData` and `canonicalJson` writes it. `tagged-json.ts` and `typed-json.ts` convert between `JsonData` and values
 * of the language, `js-interop.ts` between `JsonData` and an embedder's JavaScript values. All three use the conversion in `fold.ts`.
 */
import { BorunaError, type ErrorPlace } from "../error.ts";
import { compareUtf8 } from "../value/utf8.ts";
import { FloatValue, intFromBigInt, replaceLoneSurrogates } from "../value/value.ts";

/** A JSON scalar. A number is a safe integer, and a bigint is any other integer. A `FloatValue` was written with `.`, `e` or `E`. */
export type JsonScalar = null | boolean | number | bigint | FloatValue | string;
/** One level of JSON data: a scalar, or an array or object whose parts have the type `D`. */
export type JsonNode<D> = JsonScalar | readonly D[] | JsonMembers<D>;
/** The members of an object: a JavaScript `Map` or a `MapValue`. */
export type JsonMembers<D> = Pick<ReadonlyMap<string, D>, "size" | "get" | "keys" | "entries">;
export type JsonData = JsonScalar | readonly JsonData[] | ReadonlyMap<string, JsonData>;

/** A part of `WritableJson` that is canonical JSON already. */
export class WrittenJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Data that `canonicalJson` writes. */
export type WritableJson = JsonScalar | WrittenJson | readonly WritableJson[] | ReadonlyMap<string, WritableJson>;

export function isJsonArray(data: JsonData): data is readonly JsonData[] {
  return Array.isArray(data);
}

export function isJsonObject(data: JsonData): data is ReadonlyMap<string, JsonData> {
  return data instanceof Map;
}

export const jsonObjectOf = (...members: readonly (readonly [string, JsonData])[]): JsonData => new Map(members);

interface ParseJsonOptions {
  /** Limit on the nesting of arrays and objects. The default is 256. */
  readonly maxDepth?: number;
  /** What to do if a name occurs twice in an object. The default is "reject". "last" uses the last member, like `JSON.parse`. */
  readonly duplicateKeys?: "reject" | "last";
  /** How to read `-0` without a fraction. The default is "int", which reads it as 0. "float" keeps the sign. */
  readonly readMinusZeroAs?: "int" | "float";
  /** Limit on the approximate size of the result in memory. The default is 512 MiB. */
  readonly maxBytes?: number;
}

const DEFAULT_MAX_DEPTH = 256;
const DEFAULT_MAX_BYTES = 512 * 1024 * 1024;
/** Longer integers are rejected, because converting them takes more than linear time. */
const MAX_INTEGER_DIGITS = 400;
/** Sizes of a Map, an array, a boxed number and an element in bytes, measured on 64-bit Node 20 and rounded up. */
export const PARSER_BYTES = { object: 208, array: 64, scalar: 32, slot: 16 } as const;

/** An array or object that is being read. */
interface Container {
  readonly list: JsonData[] | undefined;
  readonly map: Map<string, JsonData> | undefined;
  /** The name of the member of `map` that is read now. */
  key: string;
}

/**
 * Parses a JSON text (RFC 8259). Replaces lone surrogates with U+FFFD.
 * Throws `json.syntax`, `json.depth`, `json.duplicate_key`, `json.number` or `json.too_large`, with line and column.
 */
export function parseJson(text: string, options: ParseJsonOptions = {}): JsonData {
  return new Parser(text, options).parse();
}

class Parser {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #rejectDuplicates: boolean;
  readonly #keepsMinusZero: boolean;
  readonly #stack: Container[] = [];
  #offset = 0;
  #bytesLeft: number;

  constructor(text: string, options: ParseJsonOptions) {
    this.#text = text;
    this.#maxDepth = options.maxDepth ?? DEFAULT_MAX_DEPTH;
    this.#rejectDuplicates = options.duplicateKeys !== "last";
    this.#keepsMinusZero = options.readMinusZeroAs === "float";
    this.#bytesLeft = options.maxBytes ?? DEFAULT_MAX_BYTES;
  }

  parse(): JsonData {
    for (;;) {
      const complete = this.#readStart();
      if (complete === undefined) continue;
      let value = complete;
      for (;;) {
        const top = this.#stack.at(-1);
        this.#skipSpace();
        if (top === undefined) {
          if (this.#offset < this.#text.length) this.#fail("syntax", "unexpected text after the value");
          return value;
        }
        this.#charge(PARSER_BYTES.slot);
        const delimiter = this.#text[this.#offset];
        if (top.list !== undefined) {
          top.list.push(value);
          if (delimiter !== "," && delimiter !== "]") this.#fail("syntax", "expected ',' or ']'");
          this.#offset += 1;
          if (delimiter === ",") break;
          value = top.list;
        } else if (top.map !== undefined) {
          top.map.set(top.key, value);
          if (delimiter !== "," && delimiter !== "}") this.#fail("syntax", "expected ',' or '}'");
          this.#offset += 1;
          if (delimiter === ",") {
            this.#readKey(top, top.map);
            break;
          }
          value = top.map;
        }
        this.#stack.pop();
      }
    }
  }

  /** Reads a scalar or an empty container and returns it, or enters another container and returns `undefined`. */
  #readStart(): JsonData | undefined {
    this.#skipSpace();
    switch (this.#text[this.#offset] ?? "") {
      case "{": {
        const map = new Map<string, JsonData>();
        this.#charge(PARSER_BYTES.object);
        if (this.#enterContainer("}")) return map;
        const container: Container = { list: undefined, map, key: "" };
        this.#stack.push(container);
        this.#readKey(container, map);
        return undefined;
      }
      case "[": {
        const list: JsonData[] = [];
        this.#charge(PARSER_BYTES.array);
        if (this.#enterContainer("]")) return list;
        this.#stack.push({ list, map: undefined, key: "" });
        return undefined;
      }
      case '"':
        return this.#readString();
      case "t":
        return this.#readWord("true", true);
      case "f":
        return this.#readWord("false", false);
      case "n":
        return this.#readWord("null", null);
      default:
        return this.#readNumber();
    }
  }

  #enterContainer(end: string): boolean {
    if (this.#stack.length >= this.#maxDepth) this.#fail("depth", `nested deeper than ${this.#maxDepth}`);
    this.#offset += 1;
    this.#skipSpace();
    if (this.#text[this.#offset] !== end) return false;
    this.#offset += 1;
    return true;
  }

  #readKey(container: Container, map: ReadonlyMap<string, JsonData>): void {
    this.#skipSpace();
    const start = this.#offset;
    if (this.#text[start] !== '"') this.#fail("syntax", "expected a member name in quotes");
    container.key = this.#readString();
    if (this.#rejectDuplicates && map.has(container.key)) this.#fail("duplicate_key", "a member name stands twice", start);
    this.#skipSpace();
    if (this.#text[this.#offset] !== ":") this.#fail("syntax", "expected ':'");
    this.#offset += 1;
  }

  #readWord<T extends JsonData>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#offset)) this.#fail("syntax", "expected a value");
    this.#offset += word.length;
    return value;
  }

  #readString(): string {
    const text = this.#text;
    const start = this.#offset;
    let end = start + 1;
    let escaped = false;
    let ascii = true;
    for (;;) {
      const unit = text.charCodeAt(end);
      if (unit === 0x22) break;
      if (unit === 0x5c) {
        escaped = true;
        end += 1;
      } else if (!(unit >= 0x20)) {
        this.#fail("syntax", end < text.length ? "a control character in a string" : "a string without end", end);
      } else if (unit > 0x7f) ascii = false;
      end += 1;
    }
    this.#offset = end + 1;
    this.#charge(PARSER_BYTES.scalar + (escaped ? 2 : 1) * (end - start));
    if (!escaped) {
      const raw = text.slice(start + 1, end);
      return ascii ? raw : replaceLoneSurrogates(raw);
    }
    return replaceLoneSurrogates(this.#unescape(start + 1, end));
  }

  #unescape(start: number, end: number): string {
    const text = this.#text;
    let result = "";
    let from = start;
    for (let backslash = text.indexOf("\\", start); backslash !== -1 && backslash < end; backslash = text.indexOf("\\", from)) {
      const simple = SIMPLE_ESCAPES.get(text[backslash + 1]);
      let escapeEnd = backslash + 2;
      let unit = simple;
      if (text[backslash + 1] === "u") {
        const hex = text.slice(backslash + 2, backslash + 6);
        if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.#fail("syntax", "expected four hexadecimal digits", backslash);
        unit = String.fromCharCode(Number.parseInt(hex, 16));
        escapeEnd = backslash + 6;
      }
      if (unit === undefined) return this.#fail("syntax", "an unknown escape", backslash);
      result += text.slice(from, backslash) + unit;
      from = escapeEnd;
    }
    return result + text.slice(from, end);
  }

  #readNumber(): JsonData {
    const text = this.#text;
    const start = this.#offset;
    let end = start;
    const digits = (): number => {
      const digitsStart = end;
      while (text.charCodeAt(end) >= 0x30 && text.charCodeAt(end) <= 0x39) end += 1;
      return end - digitsStart;
    };
    if (text[end] === "-") end += 1;
    const wholePart = end;
    const count = digits();
    if (count === 0) this.#fail("syntax", start < text.length ? "expected a value" : "the text ends where a value should stand", start);
    if (count > 1 && text[wholePart] === "0") this.#fail("syntax", "a number with a leading zero", start);
    let isFloat = false;
    if (text[end] === ".") {
      isFloat = true;
      end += 1;
      if (digits() === 0) this.#fail("syntax", "expected a digit", end);
    }
    if (text[end] === "e" || text[end] === "E") {
      isFloat = true;
      end += 1;
      if (text[end] === "+" || text[end] === "-") end += 1;
      if (digits() === 0) this.#fail("syntax", "expected a digit", end);
    }
    this.#offset = end;
    if (!isFloat && count <= 15) {
      const value = Number(text.slice(start, end));
      return this.#keepsMinusZero && Object.is(value, -0) ? new FloatValue(value) : value + 0;
    }
    this.#charge(PARSER_BYTES.scalar);
    if (isFloat) {
      const value = Number(text.slice(start, end));
      if (!Number.isFinite(value)) this.#fail("number", "a number beyond the range of a Float", start);
      return new FloatValue(value);
    }
    if (count > MAX_INTEGER_DIGITS) this.#fail("number", `an integer of more than ${MAX_INTEGER_DIGITS} digits`, start);
    return intFromBigInt(BigInt(text.slice(start, end)));
  }

  #skipSpace(): void {
    const text = this.#text;
    for (;;) {
      const unit = text.charCodeAt(this.#offset);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#offset += 1;
    }
  }

  #charge(bytes: number): void {
    this.#bytesLeft -= bytes;
    if (this.#bytesLeft < 0) this.#fail("too_large", "too many values");
  }

  /** Throws an error at a position. `json.parse` returns the messages to programs, so their text must not change. */
  #fail(kind: "syntax" | "depth" | "duplicate_key" | "number" | "too_large", message: string, offset = this.#offset): never {
    const place = placeAt(this.#text, offset);
    throw new BorunaError(`json.${kind}`, `${message} (line ${place.line}, column ${place.column})`, { place });
  }
}

const SIMPLE_ESCAPES: ReadonlyMap<string | undefined, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/** Returns the line and the column of a UTF-16 offset. The column counts code points. */
function placeAt(text: string, offset: number): ErrorPlace & { line: number; column: number } {
  let line = 1;
  let lineStart = 0;
  for (let end = text.indexOf("\n"); end !== -1 && end < offset; end = text.indexOf("\n", end + 1)) {
    line += 1;
    lineStart = end + 1;
  }
  let column = 1;
  for (let i = lineStart; i < offset; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xdc00 || unit > 0xdfff) column += 1;
  }
  return { line, column };
}

/** Returns whether keys are already sorted. They are in most objects, and this check is cheaper than sorting. */
function isSorted(keys: readonly string[]): boolean {
  for (let i = 1; i < keys.length; i++) if (compareUtf8(keys[i - 1] ?? "", keys[i] ?? "") > 0) return false;
  return true;
}

function sortedKeys(map: ReadonlyMap<string, unknown>): string[] {
  const keys = [...map.keys()];
  return isSorted(keys) ? keys : keys.sort(compareUtf8);
}

/** An array or object that is being written. */
interface OpenContainer {
  readonly keys: readonly string[] | undefined;
  readonly list: readonly WritableJson[] | undefined;
  readonly map: ReadonlyMap<string, WritableJson> | undefined;
  /** The index of the next member or element. */
  next: number;
}

/**
 * Writes canonical JSON. Members are sorted by the UTF-8 bytes of their names, there is no white space, and integers are exact. A Float
 * has the fewest digits that read back as the same Float, and never the form of an integer (`1.0`, `-0.0`, `1e21`). Strings must
 * not contain lone surrogates. Throws `value.not_finite` for a Float that is not finite.
 */
export function canonicalJson(data: WritableJson): string {
  const stack: OpenContainer[] = [];
  let out = "";
  let current: WritableJson | undefined = data;
  while (current !== undefined) {
    if (isWritableArray(current)) {
      out += "[";
      stack.push({ keys: undefined, list: current, map: undefined, next: 0 });
    } else if (isWritableObject(current)) {
      out += "{";
      stack.push({ keys: sortedKeys(current), list: undefined, map: current, next: 0 });
    } else out += current instanceof WrittenJson ? current.text : scalarText(current);
    current = undefined;
    for (let top = stack.at(-1); top !== undefined && current === undefined; top = stack.at(-1)) {
      const index = top.next;
      top.next += 1;
      if (top.keys === undefined) {
        current = top.list?.[index];
        if (current !== undefined && index > 0) out += ",";
      } else {
        const key = top.keys[index];
        current = key === undefined ? undefined : top.map?.get(key);
        if (key !== undefined) out += `${index > 0 ? "," : ""}${JSON.stringify(key)}:`;
      }
      if (current !== undefined) break;
      out += top.keys === undefined ? "]" : "}";
      stack.pop();
    }
  }
  return out;
}

const isWritableArray = (data: WritableJson): data is readonly WritableJson[] => Array.isArray(data);
const isWritableObject = (data: WritableJson): data is ReadonlyMap<string, WritableJson> => data instanceof Map;

/** Writes a scalar as `canonicalJson` does. */
export function scalarText(data: JsonScalar): string {
  if (typeof data === "string") return JSON.stringify(data);
  if (data instanceof FloatValue) return floatJson(data.value);
  if (typeof data === "number" && !Number.isInteger(data)) throw new BorunaError("internal", "a fraction outside a FloatValue");
  return String(data);
}

function floatJson(value: number): string {
  if (!Number.isFinite(value)) throw new BorunaError("value.not_finite", "JSON has no form for inf, -inf and NaN");
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value).replace("e+", "e");
  return /[.e]/.test(text) ? text : `${text}.0`;
}
