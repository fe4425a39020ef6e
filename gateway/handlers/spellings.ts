/**
 * How a server may spell a secret that it sends back. These two tables are all that is searched for;
 * `docs/guide/threat-model.md` lists their doc lines.
 */
import { Buffer } from "node:buffer";

/** A way of writing single characters: each match of `pattern` is one character. */
interface Escape {
  readonly name: string;
  readonly doc: string;
  readonly pattern: RegExp;
  /** The character's code; undefined where the match is no escape after all. */
  readonly decode: (match: RegExpExecArray) => number | undefined;
  /** Applied first; keeps the length. */
  readonly prepare?: (text: string) => string;
}

const JSON_LETTERS: ReadonlyMap<string, number> = new Map([
  ["b", 8],
  ["t", 9],
  ["n", 10],
  ["f", 12],
  ["r", 13],
]);

/** The names that HTML gives to ASCII characters (html.spec.whatwg.org, named character references). */
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
/** How many of the escapes may lie one inside the other. */
export const MAX_ESCAPES = 2;

/** A text to search for. `partial`: the characters at its ends that hold some bits of the secret, and some of what is beside it. */
export interface SpelledText {
  readonly text: string;
  readonly partial?: { readonly before: number; readonly after: number };
}

/** A way of writing the secret as a whole. */
interface Encoding {
  readonly name: string;
  readonly doc: string;
  readonly spell: (value: string) => readonly SpelledText[];
}

const BASE64_BITS = 6;
/** Of a secret whose first byte stands at `offset` modulo 3: the characters that no other byte has a part in. */
function base64Texts(value: string, offset: 0 | 1 | 2): readonly SpelledText[] {
  const bits = 8 * (offset + value.length);
  const first = Math.ceil((8 * offset) / BASE64_BITS);
  const end = Math.floor(bits / BASE64_BITS);
  const whole = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]).toString("base64");
  const text = whole.slice(first, end);
  const partial = { before: offset === 0 ? 0 : 1, after: bits % BASE64_BITS === 0 ? 0 : 1 };
  return [text, text.replaceAll("+", "-").replaceAll("/", "_")].map((each) => ({ text: each, partial }));
}

export const ENCODINGS: readonly Encoding[] = [
  { name: "plain", doc: "as it is", spell: (text) => [{ text }] },
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
/** Characters of a secret from which on it is searched for in other encodings than plain: a shorter one would be found by chance. */
export const MIN_ENCODED = 4;

/** Every text that the secret may be written as, before escapes. */
export function spelledTexts(value: string): readonly SpelledText[] {
  const encodings = value.length < MIN_ENCODED ? ENCODINGS.slice(0, 1) : ENCODINGS;
  return encodings.flatMap(({ spell }) => spell(value));
}

/** A text without one kind of escape, and where its characters stood. */
export interface Unescaped {
  readonly text: string;
  /** The place in the escaped text of a place in this one. */
  readonly sourceOf: (at: number) => number;
}

/** Undefined where the text has no such escape. */
export function unescaped({ pattern, decode, prepare }: Escape, given: string): Unescaped | undefined {
  const text = prepare === undefined ? given : prepare(given);
  const parts: string[] = [];
  // Where each escape ends, here and there.
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
  if (ends.length === 0) return text === given ? undefined : { text, sourceOf: (at) => at };
  parts.push(text.slice(last));
  return {
    text: parts.join(""),
    sourceOf: (at) => {
      const escape = lastAtMost(ends, at);
      return escape === -1 ? at : (sourceEnds[escape] ?? 0) + at - (ends[escape] ?? 0);
    },
  };
}

/** Index of the last number that is not above `limit`, in a rising list; -1 where there is none. */
function lastAtMost(rising: readonly number[], limit: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rising[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
