const CHUNK_UNITS = 8_192;

/**
 * Splits a text into chunks of some thousand code units, without splitting a surrogate pair. Use this function if processing needs many
 * times the memory of the text.
 */
export function* chunksOf(text: string): IterableIterator<string> {
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + CHUNK_UNITS);
    const unitAfterEnd = text.charCodeAt(end);
    if (unitAfterEnd >= 0xdc00 && unitAfterEnd <= 0xdfff) end += 1;
    yield text.slice(start, end);
    start = end;
  }
}

/** `TextBuilder` joins its parts when it has this many. */
const MAX_PARTS = 8_192;

/**
 * Builds a text from any number of parts. Joins the parts in batches, because repeated `+=` would make V8 keep every part
 * in a rope, and an array of all parts could exceed the maximum length of an array.
 */
export class TextBuilder {
  #joined = "";
  #parts: string[] = [];
  /** UTF-16 code units added so far. */
  length: number = 0;

  add(part: string): void {
    this.length += part.length;
    this.#parts.push(part);
    if (this.#parts.length < MAX_PARTS) return;
    this.#joined += this.#parts.join("");
    this.#parts = [];
  }

  toString(): string {
    return this.#joined + this.#parts.join("");
  }
}
