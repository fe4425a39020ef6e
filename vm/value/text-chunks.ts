const CHUNK_UNITS = 8_192;

/** Whole characters, some thousand at a time: for work whose memory is many times that of the text. */
export function* chunksOf(text: string): IterableIterator<string> {
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + CHUNK_UNITS);
    const next = text.charCodeAt(end);
    if (next >= 0xdc00 && next <= 0xdfff) end += 1;
    yield text.slice(start, end);
    start = end;
  }
}

/** Parts that are held before they are made one text. */
const MANY = 8_192;

/**
 * A text put together from parts, however many and small: grown part by part it would keep all of them in the host's
 * memory, and so would an array of them all, until the host cannot make it any longer.
 */
export class TextParts {
  #done = "";
  #parts: string[] = [];
  /** UTF-16 units so far. */
  length: number = 0;

  add(part: string): void {
    this.length += part.length;
    this.#parts.push(part);
    if (this.#parts.length < MANY) return;
    this.#done += this.#parts.join("");
    this.#parts = [];
  }

  toString(): string {
    return this.#done + this.#parts.join("");
  }
}
