import { Pages } from "./paged-array.ts";
import { EMPTY_TRIE, type Trie, trieAppend } from "./trie.ts";
import type { Value } from "./value.ts";

/** A longer array would be kept apart by the host, and each time it grows be copied there. */
const HEAD = 8_192;

/**
 * A growing array that several list versions share: one array, then pages. `length` is how many slots some version has
 * claimed; `trie` holds the same elements, as many as it has been asked for; it is there for versions that leave the
 * shared line.
 */
export class ListBuffer {
  /** As long as it was given, or else `HEAD` at most. */
  readonly #head: Value[];
  #pages: Pages<Value> | undefined = undefined;
  #trie: Trie = EMPTY_TRIE;

  /** Takes ownership of `items`. */
  constructor(items: Value[]) {
    this.#head = items;
  }

  get length(): number {
    return this.#pages === undefined ? this.#head.length : this.#head.length + this.#pages.length;
  }

  get(index: number): Value | undefined {
    const head = this.#head;
    return index < head.length ? head[index] : this.#pages?.get(index - head.length);
  }

  push(value: Value): void {
    if (this.#head.length < HEAD) this.#head.push(value);
    else {
      this.#pages ??= new Pages();
      this.#pages.push(value);
    }
  }

  /** A fresh array. */
  slice(from: number, to: number): Value[] {
    const items = this.#head.slice(from, to);
    for (let i = Math.max(from, this.#head.length); i < to; i++) {
      const value = this.get(i);
      if (value !== undefined) items.push(value);
    }
    return items;
  }

  /** Elements `0…end` at least. Extended for the versions that still follow, so that an element moves over once. */
  trie(end: number): Trie {
    if (this.#trie.count < end) this.#trie = trieAppend(this.#trie, this, this.#trie.count, end);
    return this.#trie;
  }
}
