/**
 * Reads the most frequent records of logs: calls and answers with scalars only. Decodes these records directly from their bytes, which is
 * faster than making a text and a tree of JSON. A test compares the result with that of the general reader.
 */
import { UNIT, type Value } from "../../vm/value/value.ts";
import type { RecordedEvent } from "./event-json.ts";
import { CHAIN_START, EVENT_MEMBER, HASH_MEMBER } from "./hash-chain.ts";
import { utf8Text } from "./utf8-text.ts";

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

const CALL = bytesOf(`${EVENT_MEMBER}{"CapCall":{"args":[`);
const CALL_CAPABILITY = bytesOf('],"capability":"');
const RESULT = bytesOf(`${EVENT_MEMBER}{"CapResult":{"capability":"`);
const RESULT_VALUE = bytesOf('","result":');
const END_AFTER_NAME = bytesOf('"}}');
const END = bytesOf("}}");
const HASH = bytesOf(HASH_MEMBER);
const NUMBER = bytesOf('","n":');
const INT = bytesOf('{"Int":');
const STRING = bytesOf('{"String":"');
const STRING_END = bytesOf('"}');
const TRUE = bytesOf('{"Bool":true}');
const FALSE = bytesOf('{"Bool":false}');
const UNIT_TEXT = bytesOf('"Unit"');

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const UNDERSCORE = 0x5f;
const CLOSING_BRACE = 0x7d;
const [ZERO, NINE] = [0x30, 0x39];
const [A, Z] = [0x61, 0x7a];
const MAX_INT_DIGITS = 15;

/** Reads records one by one. */
export class ScalarRecords {
  /** The offset of the member `,"hash":…` in the record that was read last. */
  hashMemberOffset = 0;
  /** The record that is being read, and the offset up to which it was read. */
  #bytes: Uint8Array = END;
  #offset = 0;
  /** The capability of the previous record. An answer often follows its call, so its name is compared with this one first. */
  #name = "";
  #nameBytes: Uint8Array = END;

  /**
   * Returns the event of a record, if the bytes are exactly what the recorder would write for event `n` with any hash. Returns undefined for
   * every other record.
   */
  read(record: Uint8Array, n: number): RecordedEvent | undefined {
    this.#bytes = record;
    this.#offset = 0;
    const event = this.#skip(RESULT) ? this.#result() : this.#skip(CALL) ? this.#call() : undefined;
    this.hashMemberOffset = this.#offset;
    if (event === undefined || !this.#skip(HASH)) return undefined;
    this.#offset += CHAIN_START.length;
    if (!this.#skip(NUMBER) || this.#int() !== n) return undefined;
    return record[this.#offset] === CLOSING_BRACE && this.#offset + 1 === record.length ? event : undefined;
  }

  /** Whether the record that was read last has the hash `hash`, 64 hexadecimal digits. */
  hasHash(hash: string): boolean {
    const start = this.hashMemberOffset + HASH.length;
    for (let i = 0; i < hash.length; i += 1) if (this.#bytes[start + i] !== hash.charCodeAt(i)) return false;
    return true;
  }

  #result(): RecordedEvent | undefined {
    const capability = this.#capability();
    if (capability === undefined || !this.#skip(RESULT_VALUE)) return undefined;
    const result = this.#scalar();
    return result === undefined || !this.#skip(END) ? undefined : { type: "CapResult", capability, result };
  }

  #call(): RecordedEvent | undefined {
    const args: Value[] = [];
    while (!this.#skip(CALL_CAPABILITY)) {
      if (args.length > 0 && this.#bytes[this.#offset++] !== COMMA) return undefined;
      const arg = this.#scalar();
      if (arg === undefined) return undefined;
      args.push(arg);
    }
    const capability = this.#capability();
    return capability === undefined || !this.#skip(END_AFTER_NAME) ? undefined : { type: "CapCall", capability, args };
  }

  /** Returns the capability name at the current offset: lower-case letters, digits, `_` and `.`. */
  #capability(): string | undefined {
    const start = this.#offset;
    if (this.#skip(this.#nameBytes) && this.#bytes[this.#offset] === QUOTE) return this.#name;
    this.#offset = start;
    while (isNameCharacter(this.#bytes[this.#offset])) this.#offset += 1;
    if (this.#offset === start) return undefined;
    this.#nameBytes = this.#bytes.slice(start, this.#offset);
    this.#name = String.fromCharCode(...this.#nameBytes);
    return this.#name;
  }

  /** Returns an Int of at most 15 digits, a String without escapes, a Bool or Unit. Undefined for any other value. */
  #scalar(): Value | undefined {
    if (this.#skip(INT)) {
      const int = this.#int();
      return this.#bytes[this.#offset++] === CLOSING_BRACE ? int : undefined;
    }
    if (this.#skip(STRING)) {
      const text = this.#text();
      return this.#skip(STRING_END) ? text : undefined;
    }
    if (this.#skip(TRUE)) return true;
    if (this.#skip(FALSE)) return false;
    return this.#skip(UNIT_TEXT) ? UNIT : undefined;
  }

  /** Returns an integer of at most 15 digits, without leading zeros. Undefined for any other text. */
  #int(): number | undefined {
    const isNegative = this.#bytes[this.#offset] === MINUS;
    const start = isNegative ? this.#offset + 1 : this.#offset;
    let at = start;
    let value = 0;
    for (let digit = digitAt(this.#bytes, at); digit >= 0 && at - start <= MAX_INT_DIGITS; digit = digitAt(this.#bytes, at)) {
      value = value * 10 + digit;
      at += 1;
    }
    const digits = at - start;
    this.#offset = at;
    if (digits === 0 || digits > MAX_INT_DIGITS || (digitAt(this.#bytes, start) === 0 && (digits > 1 || isNegative))) return undefined;
    return isNegative ? -value : value;
  }

  /** Returns the text up to the next quotation mark. Undefined if it contains an escape or is not UTF-8. */
  #text(): string | undefined {
    const start = this.#offset;
    let byte = this.#bytes[start] ?? 0;
    while (byte !== QUOTE) {
      if (byte < SPACE || byte === BACKSLASH) return undefined;
      this.#offset += 1;
      byte = this.#bytes[this.#offset] ?? 0;
    }
    return utf8Text(this.#bytes.subarray(start, this.#offset));
  }

  /** If `expected` is at the current offset, moves the offset behind it and returns true. */
  #skip(expected: Uint8Array): boolean {
    for (let i = 0; i < expected.length; i += 1) if (this.#bytes[this.#offset + i] !== expected[i]) return false;
    this.#offset += expected.length;
    return true;
  }
}

/** Returns the value of the decimal digit at an offset, or -1 if the byte is not a digit. */
function digitAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] ?? 0;
  return byte >= ZERO && byte <= NINE ? byte - ZERO : -1;
}

function isNameCharacter(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= A && byte <= Z) || (byte >= ZERO && byte <= NINE) || byte === DOT || byte === UNDERSCORE);
}
