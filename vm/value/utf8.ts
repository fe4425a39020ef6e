/** Computes the UTF-8 order and the UTF-8 length of strings without encoding them. */

/** Compares strings by their UTF-8 bytes, which is the order of code points. Returns a negative number, zero or a positive number. */
export function compareUtf8(a: string, b: string): number {
  return compareUnits(a, b, commonUnits(a, b, 0));
}

/** Returns how many code units two strings have in common at their start. The caller knows that these are at least `from`. */
export function commonUnits(a: string, b: string, from: number): number {
  const length = Math.min(a.length, b.length);
  let i = from;
  while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  return i;
}

/** Does the same as `compareUtf8`, given how many code units the strings have in common. */
export function compareUnits(a: string, b: string, common: number): number {
  if (common === a.length || common === b.length) return a.length - b.length;
  let x = a.charCodeAt(common);
  let y = b.charCodeAt(common);
  // In UTF-16, surrogates (code points from U+10000) sort below U+E000…U+FFFF. The next two lines move them above.
  if (x >= 0xd800 && y >= 0xd800) {
    x = x >= 0xe000 ? x - 0x800 : x + 0x2000;
    y = y >= 0xe000 ? y - 0x800 : y + 0x2000;
  }
  return x - y;
}

/** For strings shorter than this, a loop is faster than a regular expression. */
const MIN_SEARCH_LENGTH = 32;
const NOT_ASCII = /[\x80-\uffff]/;
/** Strings longer than this are encoded, which is faster for them. */
const MAX_SEARCH_LENGTH = 1_024;
const CHUNK_UNITS = 8_192;
const MAX_UNIT_BYTES = 3;
const encoder = new TextEncoder();
const buffer = new Uint8Array(CHUNK_UNITS * MAX_UNIT_BYTES);

/** Yields the text as UTF-8 in chunks. Each chunk is overwritten by the next one. */
export function* utf8Chunks(text: string): IterableIterator<Uint8Array> {
  for (let start = 0; start < text.length; ) {
    const end = cutBeforePair(text, start + CHUNK_UNITS);
    yield buffer.subarray(0, encoder.encodeInto(text.slice(start, end), buffer).written);
    start = end;
  }
}

/** Returns `index`, or the index before it if `index` is inside a surrogate pair. */
export function cutBeforePair(text: string, index: number): number {
  const next = text.charCodeAt(index);
  const before = text.charCodeAt(index - 1);
  return next >= 0xdc00 && next <= 0xdfff && before >= 0xd800 && before <= 0xdbff ? index - 1 : index;
}

/** Returns the number of bytes of a well-formed text in UTF-8. */
export function utf8Length(text: string): number {
  if (text.length > MAX_SEARCH_LENGTH) {
    let sum = 0;
    for (const chunk of utf8Chunks(text)) sum += chunk.length;
    return sum;
  }
  let bytes = text.length;
  const firstNonAscii = bytes < MIN_SEARCH_LENGTH ? 0 : text.search(NOT_ASCII);
  if (firstNonAscii < 0) return bytes;
  for (let i = firstNonAscii; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) {
      if (unit < 0x800) bytes += 1;
      else if (unit >= 0xd800 && unit <= 0xdbff) {
        bytes += 2;
        i += 1;
      } else bytes += 2;
    }
  }
  return bytes;
}
