/**
 * Parses URLs so that a host name outside ASCII means the same host in every version of Node. The URL parsers of Node 20 and 24 disagree on
 * labels `xn--…` that do not decode, on characters that a later Unicode version maps differently, and on right-to-left names. This file
 * refuses such names. Node's URL parser decides about all others.
 */

/** Parses a URL. Returns undefined if the WHATWG parser refuses the text, or if versions of Node disagree on its host. */
export function parseUrl(text: string, base?: string): URL | undefined {
  const url = tryParseUrl(text, base);
  return url !== undefined && isVersionIndependent(writtenHost(text)) && hasValidPunycode(url.hostname) ? url : undefined;
}

/** Parses a URL. Does not use `URL.canParse`, which in Node 20 and 22 refuses Latin-1 text once V8 has optimized the caller. */
function tryParseUrl(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Whether each label `xn--…` decodes to a name which every version of Node encodes to the same label. */
export function hasValidPunycode(hostname: string): boolean {
  if (!/(?:^|\.)xn--/.test(hostname)) return true;
  const labels = hostname.split(".").map((label) => (label.startsWith("xn--") ? decodePunycode(label.slice(4)) : label));
  const name = labels.every((label) => label !== undefined) ? labels.join(".") : undefined;
  if (name === undefined || !isVersionIndependent(name)) return false;
  return tryParseUrl(`http://${name}/`)?.hostname === hostname;
}

/** Returns the host as the text has it, without port and with percent escapes decoded: "" if there is none, undefined if an escape is invalid. */
function writtenHost(text: string): string | undefined {
  const [, authority = ""] = /^(?:[a-z][a-z0-9+.-]*:[\\/]*|[\\/]{2,})([^\\/?#]*)/i.exec(text.replace(/^[\0-\x20]+|[\t\n\r]/g, "")) ?? [];
  const host = authority.slice(authority.lastIndexOf("@") + 1).replace(/:[0-9]*$/, "");
  try {
    return decodeURIComponent(host);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

type CodeRange = readonly [first: number, last: number];
const isInRanges = (ranges: readonly CodeRange[], code: number): boolean => ranges.some(([first, last]) => code >= first && code <= last);
const rangesOf = (text: string): readonly CodeRange[] =>
  text.split(" ").map((range) => {
    const [first = "", last = first] = range.split("-");
    return [Number.parseInt(first, 16), Number.parseInt(last, 16)];
  });

/**
 * Code points that versions of Node may map differently. Node 20.19 (Unicode 15.1) and Node 24 (Unicode 17) differ on some of them. Others
 * are combining marks and jamo, which Node 20 does not always compose correctly, right-to-left scripts, and everything above U+FFFF. The
 * two tables below list exceptions.
 */
const VERSION_DEPENDENT = rangesOf(
  "300-36f 4c0 590-8ff c5c cdc 10a0-10c5 1100-11ff 17b4-17b5 1806 180e 1acf-1add 1ae0-1aeb 1b4e-1b4f 1b7f 1c89-1c8a 1dc0-1dff 1e9e " +
    "2061-2063 206a-206f 20c1 20d0-20ff 2132 2183 2427-2429 2b96 2de0-2dff 3099-309a 3164 31e4-31e5 a7cb-a7cf a7d2 a7d4 a7da-a7dc a7f1 " +
    "fb1d-fdff fe20-fe2f fe70-feff ffa0 10000-10ffff",
);
/** Exceptions to `VERSION_DEPENDENT`: emoji and older ideographs. */
const VERSION_INDEPENDENT = rangesOf("1f300-1f64f 1f680-1f6d7 1f900-1f9ff 20000-2a6df");
/** Exceptions in labels that pass `isPlainBidiLabel`: Hebrew and Arabic letters. */
const RIGHT_TO_LEFT = rangesOf("5d0-5ea 620-64a 66e-66f 671-6d3 6d5 6ee-6ef 6fa-6fc 6ff");

/** Whether all versions of Node agree on the name: they map it to the same host, or all refuse it. */
function isVersionIndependent(name: string | undefined): boolean {
  if (name === undefined) return false;
  if (!/[^\0-\x7f]/.test(name)) return true;
  const codes = [...name].map((character) => character.codePointAt(0) ?? 0);
  const isLetter = (code: number): boolean => isInRanges(RIGHT_TO_LEFT, code);
  if (codes.some((code) => isInRanges(VERSION_DEPENDENT, code) && !isInRanges(VERSION_INDEPENDENT, code) && !isLetter(code))) return false;
  return !codes.some(isLetter) || name.split(/[.\u3002\uff0e\uff61]/).every(isPlainBidiLabel);
}

/**
 * Whether all versions of Node agree on a label of a right-to-left name. They do on ASCII labels that begin with a letter, and on labels of
 * right-to-left letters, which may have digits and joiners after the first character.
 */
function isPlainBidiLabel(label: string): boolean {
  const [first = 0, ...rest] = [...label].map((character) => character.codePointAt(0) ?? 0);
  if (!isInRanges(RIGHT_TO_LEFT, first)) return /^(?:[A-Za-z][A-Za-z0-9-]*)?$/.test(label);
  return rest.every((code) => isInRanges(RIGHT_TO_LEFT, code) || code === 0x200c || (code >= 0x30 && code <= 0x39));
}

/** The limit of DNS on a label, in characters. Longer ones are not decoded, because decoding takes time quadratic in the length. */
const MAX_LABEL_LENGTH = 63;
const BASE = 36;
const MAX_CODE_POINT = 0x10ffff;

/** Decodes the part after `xn--` (RFC 3492, section 6.2). Returns undefined if it is invalid. */
function decodePunycode(label: string): string | undefined {
  if (label === "" || label.length + "xn--".length > MAX_LABEL_LENGTH) return undefined;
  const hyphen = label.lastIndexOf("-");
  const output = Array.from(label.slice(0, Math.max(hyphen, 0)), (character) => character.charCodeAt(0));
  let code = 128;
  let bias = 72;
  let index = 0;
  for (let offset = hyphen + 1; offset < label.length; ) {
    const before = index;
    for (let weight = 1, k = BASE; ; k += BASE) {
      const digit = Number.parseInt(toRadixDigit(label[offset++] ?? ""), BASE);
      if (Number.isNaN(digit)) return undefined;
      index += digit * weight;
      const threshold = Math.min(Math.max(k - bias, 1), 26);
      if (digit < threshold) break;
      weight *= BASE - threshold;
    }
    const count = output.length + 1;
    bias = adaptedBias(index - before, count, before === 0);
    code += Math.floor(index / count);
    if (code > MAX_CODE_POINT || (code >= 0xd800 && code <= 0xdfff)) return undefined;
    index %= count;
    output.splice(index, 0, code);
    index += 1;
  }
  return String.fromCodePoint(...output);
}

/** Converts a digit of Punycode (a to z, then 0 to 9) to a digit of `parseInt` (0 to 9, then a to z). */
function toRadixDigit(digit: string): string {
  if (/^[0-9]$/.test(digit)) return (26 + Number(digit)).toString(BASE);
  return /^[a-z]$/.test(digit) ? (digit.charCodeAt(0) - 97).toString(BASE) : "";
}

/** Returns the next bias (RFC 3492, section 6.1). */
function adaptedBias(delta: number, count: number, isFirst: boolean): number {
  let rest = isFirst ? Math.floor(delta / 700) : Math.floor(delta / 2);
  rest += Math.floor(rest / count);
  let k = 0;
  for (; rest > 455; k += BASE) rest = Math.floor(rest / 35);
  return k + Math.floor((36 * rest) / (rest + 38));
}
