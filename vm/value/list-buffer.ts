import { Pages } from "./paged-array.ts";
import { EMPTY_TRIE, type Trie, trieAppend } from "./trie.ts";

/** Limit on the length to which the first array grows by push. V8 copies an array as it grows, so a longer list continues in pages. */
export const MAX_HEAD_LENGTH = 1 << 20;

/**
 * A growing array that several versions of a list share. Its elements are in one array (`head`) and then in pages. `length` is the
 * length of the longest version. `trie` returns a trie of the first elements, for versions that branch off.
 */
export class ListBuffer<T> {
  /** The first elements: at most `MAX_HEAD_LENGTH`, unless the array that the constructor got is longer. */
  readonly head: T[];
  #pages: Pages<T> | undefined = undefined;
  #trie: Trie<T> = EMPTY_TRIE;

  /** Takes ownership of `items`. */
  constructor(items: T[]) {
    this.head = items;
  }

  get length(): number {
    return this.#pages === undefined ? this.head.length : this.head.length + this.#pages.length;
  }

  get(index: number): T | undefined {
    const head = this.head;
    return index < head.length ? head[index] : this.#pages?.get(index - head.length);
  }

  push(value: T): void {
    if (this.head.length < MAX_HEAD_LENGTH) this.head.push(value);
    else {
      this.#pages ??= new Pages();
      this.#pages.push(value);
    }
  }

  /** Replaces an element. No version of a list but the caller's may use this buffer. */
  set(index: number, value: T): void {
    const head = this.head;
    if (index < head.length) head[index] = value;
    else this.#pages?.set(index - head.length, value);
  }

  /** Removes the last element. */
  pop(): void {
    if (this.#pages === undefined || this.#pages.length === 0) this.head.pop();
    else this.#pages.pop();
  }

  /** Returns a new array with the elements from index `from` up to, but not including, index `to`. */
  slice(from: number, to: number): T[] {
    const items = this.head.slice(from, to);
    for (let i = Math.max(from, this.head.length); i < to; i++) {
      const value = this.get(i);
      if (value !== undefined) items.push(value);
    }
    return items;
  }

  /** Returns a trie that has the elements up to `end`, and perhaps more. Each element is copied into the trie once, even if several versions ask. */
  trie(end: number): Trie<T> {
    if (this.#trie.count < end) this.#trie = trieAppend(this.#trie, this, this.#trie.count, end);
    return this.#trie;
  }
}
