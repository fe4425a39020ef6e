import { Pages } from "./paged-array.ts";
import { EMPTY_TRIE, type Trie, trieAppend } from "./trie.ts";

/** Elements of the first array that grows by push. V8 moves longer arrays to its large-object space and copies them as they grow. */
const MAX_HEAD = 8_192;

/**
 * A growing array that several versions of a list share: one array, then pages. `length` is the length of the longest
 * version. `trie` holds a prefix of the same elements for the versions that branch off.
 */
export class ListBuffer<T> {
  /** As long as the array given to the constructor, or else at most `MAX_HEAD`. */
  readonly #head: T[];
  #pages: Pages<T> | undefined = undefined;
  #trie: Trie<T> = EMPTY_TRIE;

  /** Takes ownership of `items`. */
  constructor(items: T[]) {
    this.#head = items;
  }

  get length(): number {
    return this.#pages === undefined ? this.#head.length : this.#head.length + this.#pages.length;
  }

  get(index: number): T | undefined {
    const head = this.#head;
    return index < head.length ? head[index] : this.#pages?.get(index - head.length);
  }

  push(value: T): void {
    if (this.#head.length < MAX_HEAD) this.#head.push(value);
    else {
      this.#pages ??= new Pages();
      this.#pages.push(value);
    }
  }

  /** A new array. */
  slice(from: number, to: number): T[] {
    const items = this.#head.slice(from, to);
    for (let i = Math.max(from, this.#head.length); i < to; i++) {
      const value = this.get(i);
      if (value !== undefined) items.push(value);
    }
    return items;
  }

  /** The elements up to `end`, and perhaps more, as a trie. Each element is copied into it once, whatever versions ask. */
  trie(end: number): Trie<T> {
    if (this.#trie.count < end) this.#trie = trieAppend(this.#trie, this, this.#trie.count, end);
    return this.#trie;
  }
}
