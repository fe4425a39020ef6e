/**
 * The spellings in which a server may send a secret back: the secret in one of the `ENCODINGS`, and around that up to
 * `MAX_ESCAPES` of the `ESCAPES`, one inside the other. Other spellings are not found. `docs/guide/threat-model.md` lists the
 * doc lines of both tables.
 */
import { Buffer } from "node:buffer";

/** An escape syntax for single characters: each match of `pattern` is the escape of one character. */
interface Escape {
  readonly name: string;
  readonly doc: string;
  readonly pattern: RegExp;
  /** Returns the code of the character, or undefined if the match is not an escape. */
  readonly decode: (match: RegExpExecArray) => number | undefined;
  /** Changes the text before it is matched. The result must have the same length. */
  readonly prepare?: (text: string) => string;
}

const JSON_LETTERS: ReadonlyMap<string, number> = new Map([
  ["b", 8],
  ["t", 9],
  ["n", 10],
  ["f", 12],
  ["r", 13],
]);

/** Codes of ASCII characters by their HTML names (html.spec.whatwg.org, named character references). */
const HTML_NAMES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    "\t": "Tab",
    "!": "excl",
    '"': "quot QUOT",
    "#": "num",
    $: "dollar",
    "%": "percnt",
    "&": "amp AMP",
    "'": "apos",
    "(": "lpar",
    ")": "rpar",
    "*": "ast midast",
    "+": "plus",
    ",": "comma",
    ".": "period",
    "/": "sol",
    ":": "colon",
    ";": "semi",
    "<": "lt LT",
    "=": "equals",
    ">": "gt GT",
    "?": "quest",
    "@": "commat",
    "[": "lsqb lbrack",
    "\\": "bsol",
    "]": "rsqb rbrack",
    "^": "Hat",
    _: "lowbar UnderBar",
    "`": "grave DiacriticalGrave",
    "{": "lcub lbrace",
    "|": "verbar vert VerticalLine",
    "}": "rcub rbrace",
  }).flatMap(([character, names]) => names.split(" ").map((name) => [name, character.charCodeAt(0)] as const)),
);

const hexadecimal = (digits: string | undefined): number | undefined => (digits === undefined ? undefined : Number.parseInt(digits, 16));
const PERCENT = { pattern: /%([0-7][0-9A-Fa-f])/g, decode: ([, digits]: RegExpExecArray) => hexadecimal(digits) };

export const ESCAPES: readonly Escape[] = [
  {
    name: "JSON",
    doc: 'the escapes of JSON and JavaScript strings, such as `\\/`, `\\"`, `\\u002f`, `\\x2F`, on any of its characters',
    pattern: /\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([^]))/g,
    decode: ([, unit, byte, letter = ""]) => hexadecimal(unit ?? byte) ?? JSON_LETTERS.get(letter) ?? letter.charCodeAt(0),
  },
  { name: "URL", doc: "percent escapes of URLs, such as `%2F` and `%2f`, on any of its characters", ...PERCENT },
  {
    name: "form",
    doc: "percent escapes of forms, where `+` is a space",
    ...PERCENT,
    prepare: (text) => text.replaceAll("+", " "),
  },
  {
    name: "HTML",
    doc: "the character references of HTML and XML, such as `&quot;`, `&#34;`, `&#x22;`, on any of its characters",
    pattern: /&(?:#([0-9]{1,9})|#[xX]([0-9A-Fa-f]{1,8})|([A-Za-z]{2,16}));/g,
    decode: ([, decimal, digits, name = ""]) => {
      const code = decimal === undefined ? (hexadecimal(digits) ?? HTML_NAMES.get(name)) : Number(decimal);
      return code === undefined || code > 0xffff ? undefined : code;
    },
  },
];
/** At most this many nested escapes are undone, one inside the other. */
export const MAX_ESCAPES = 2;

/** A text to search for. */
export interface SpelledText {
  readonly text: string;
  /** Number of characters before and after `text` that encode bits of the secret together with bits of the text around it. */
  readonly partial?: { readonly before: number; readonly after: number };
}

/** An encoding of the whole secret. */
interface Encoding {
  readonly name: string;
  readonly doc: string;
  readonly spell: (value: string) => readonly SpelledText[];
}

/** Bits that one character of base64 encodes. */
const BASE64_BITS = 6;
/** Returns the base64 characters that depend only on the secret, if longer data holds it from a byte on whose index modulo 3 is `offset`. */
function base64Texts(value: string, offset: 0 | 1 | 2): readonly SpelledText[] {
  const bits = 8 * (offset + value.length);
  const first = Math.ceil((8 * offset) / BASE64_BITS);
  const end = Math.floor(bits / BASE64_BITS);
  const encoded = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]).toString("base64");
  const text = encoded.slice(first, end);
  const partial = { before: offset === 0 ? 0 : 1, after: bits % BASE64_BITS === 0 ? 0 : 1 };
  return [text, text.replaceAll("+", "-").replaceAll("/", "_")].map((spelling) => ({ text: spelling, partial }));
}

export const ENCODINGS: readonly Encoding[] = [
  { name: "plain", doc: "unchanged", spell: (text) => [{ text }] },
  {
    name: "hex",
    doc: "hexadecimal of its bytes without separators, in small or in capital letters",
    spell: (value) => {
      const text = Buffer.from(value).toString("hex");
      return [{ text }, { text: text.toUpperCase() }];
    },
  },
  {
    name: "base64",
    doc: "base64 and base64url, also as a part of a longer text, whichever byte it begins at, in one line",
    spell: (value) => ([0, 1, 2] as const).flatMap((offset) => base64Texts(value, offset)),
  },
];
/** Minimum length of a secret, in characters, to be searched for in other encodings than plain. Shorter ones would match by chance. */
export const MIN_ENCODED_LENGTH = 4;

/** Returns every text that encodes the secret, without escapes. */
export function spelledTexts(value: string): readonly SpelledText[] {
  const encodings = value.length < MIN_ENCODED_LENGTH ? ENCODINGS.slice(0, 1) : ENCODINGS;
  return encodings.flatMap(({ spell }) => spell(value));
}

/** A text in which one kind of escape is undone. */
interface UnescapedText {
  readonly text: string;
  /** Maps an index of `text` to the index in the escaped text. */
  readonly sourceIndexOf: (index: number) => number;
}

/** Undoes one kind of escape. Returns undefined if the text has no such escape. */
export function undoEscape({ pattern, decode, prepare }: Escape, escapedText: string): UnescapedText | undefined {
  const text = prepare === undefined ? escapedText : prepare(escapedText);
  const parts: string[] = [];
  // Where each escape ends in the result, and in the source.
  const ends: number[] = [];
  const sourceEnds: number[] = [];
  const escapes = new RegExp(pattern);
  let last = 0;
  let length = 0;
  for (let match = escapes.exec(text); match !== null; match = escapes.exec(text)) {
    const code = decode(match);
    if (code === undefined) continue;
    parts.push(text.slice(last, match.index), String.fromCharCode(code));
    length += match.index - last + 1;
    last = escapes.lastIndex;
    ends.push(length);
    sourceEnds.push(last);
  }
  if (ends.length === 0) return text === escapedText ? undefined : { text, sourceIndexOf: (index) => index };
  parts.push(text.slice(last));
  return {
    text: parts.join(""),
    sourceIndexOf: (index) => {
      const escape = lastIndexAtMost(ends, index);
      return escape === -1 ? index : (sourceEnds[escape] ?? 0) + index - (ends[escape] ?? 0);
    },
  };
}

/** Returns the index of the last number in a sorted list that is at most `limit`, or -1. Binary search. */
function lastIndexAtMost(sorted: readonly number[], limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
