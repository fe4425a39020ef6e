/**
 * Reads the records that logs have most: calls and answers with scalars only. Such a record is read from its bytes, without a text and
 * without a tree of JSON. A test compares the result with the general reading of records.
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

/** Reads one record after the other. */
export class ScalarRecords {
  /** Where the member with the hash starts in the record that was read last. */
  hashMemberAt = 0;
  #bytes: Uint8Array = END;
  #at = 0;
  /** The capability of the record before: an answer mostly has the capability of its call. */
  #name = "";
  #nameBytes: Uint8Array = END;

  /**
   * Returns the event of a record that is exactly what the recorder would write for event `n`; the hash may be any 64 bytes. Returns undefined
   * for every other record.
   */
  read(record: Uint8Array, n: number): RecordedEvent | undefined {
    this.#bytes = record;
    this.#at = 0;
    const event = this.#skip(RESULT) ? this.#result() : this.#skip(CALL) ? this.#call() : undefined;
    this.hashMemberAt = this.#at;
    if (event === undefined || !this.#skip(HASH)) return undefined;
    this.#at += CHAIN_START.length;
    if (!this.#skip(NUMBER) || this.#int() !== n) return undefined;
    return record[this.#at] === CLOSING_BRACE && this.#at + 1 === record.length ? event : undefined;
  }

  /** Whether the hash of the record is `hash`, 64 hexadecimal digits. */
  hasHash(hash: string): boolean {
    const start = this.hashMemberAt + HASH.length;
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
      if (args.length > 0 && this.#bytes[this.#at++] !== COMMA) return undefined;
      const arg = this.#scalar();
      if (arg === undefined) return undefined;
      args.push(arg);
    }
    const capability = this.#capability();
    return capability === undefined || !this.#skip(END_AFTER_NAME) ? undefined : { type: "CapCall", capability, args };
  }

  /** Returns the name at the current position, whose characters are lower-case letters, digits, `_` and `.`. */
  #capability(): string | undefined {
    const start = this.#at;
    if (this.#skip(this.#nameBytes) && this.#bytes[this.#at] === QUOTE) return this.#name;
    this.#at = start;
    while (isNameCharacter(this.#bytes[this.#at])) this.#at += 1;
    if (this.#at === start) return undefined;
    this.#nameBytes = this.#bytes.slice(start, this.#at);
    this.#name = String.fromCharCode(...this.#nameBytes);
    return this.#name;
  }

  /** Returns an Int of at most 15 digits, a String without escapes, a Bool or Unit. */
  #scalar(): Value | undefined {
    if (this.#skip(INT)) {
      const int = this.#int();
      return this.#bytes[this.#at++] === CLOSING_BRACE ? int : undefined;
    }
    if (this.#skip(STRING)) {
      const text = this.#text();
      return this.#skip(STRING_END) ? text : undefined;
    }
    if (this.#skip(TRUE)) return true;
    if (this.#skip(FALSE)) return false;
    return this.#skip(UNIT_TEXT) ? UNIT : undefined;
  }

  /** Returns an integer without leading zeros. */
  #int(): number | undefined {
    const isNegative = this.#bytes[this.#at] === MINUS;
    const start = isNegative ? this.#at + 1 : this.#at;
    let at = start;
    let value = 0;
    for (let digit = digitAt(this.#bytes, at); digit >= 0 && at - start <= MAX_INT_DIGITS; digit = digitAt(this.#bytes, at)) {
      value = value * 10 + digit;
      at += 1;
    }
    const digits = at - start;
    this.#at = at;
    if (digits === 0 || digits > MAX_INT_DIGITS || (digitAt(this.#bytes, start) === 0 && (digits > 1 || isNegative))) return undefined;
    return isNegative ? -value : value;
  }

  /** Returns the text up to the next quotation mark. */
  #text(): string | undefined {
    const start = this.#at;
    let byte = this.#bytes[start] ?? 0;
    while (byte !== QUOTE) {
      if (byte < SPACE || byte === BACKSLASH) return undefined;
      this.#at += 1;
      byte = this.#bytes[this.#at] ?? 0;
    }
    return utf8Text(this.#bytes.subarray(start, this.#at));
  }

  /** If `expected` is at the current position, goes to its end. */
  #skip(expected: Uint8Array): boolean {
    for (let i = 0; i < expected.length; i += 1) if (this.#bytes[this.#at + i] !== expected[i]) return false;
    this.#at += expected.length;
    return true;
  }
}

/** Returns the value of the decimal digit at a position; -1 if there is none. */
function digitAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] ?? 0;
  return byte >= ZERO && byte <= NINE ? byte - ZERO : -1;
}

function isNameCharacter(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= A && byte <= Z) || (byte >= ZERO && byte <= NINE) || byte === DOT || byte === UNDERSCORE);
}
