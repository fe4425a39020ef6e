import { Pages } from "./paged-array.ts";
import { EMPTY_TRIE, type Trie, trieAppend } from "./trie.ts";

/**
 * The maximum length to which `ListBuffer.push` grows `firstArray`. V8 copies an array as it grows, so a longer list continues in pages.
 */
export const MAX_FIRST_ARRAY_LENGTH = 1 << 20;

/**
 * A growing array that several versions of a list share. Its elements are in one array (`firstArray`) and then in pages. `length` is the
 * length of the longest version. `trie` returns a trie of the first elements, for versions that branch off.
 */
export class ListBuffer<T> {
  /** The first elements: `MAX_FIRST_ARRAY_LENGTH` at most, unless the array that the constructor got is longer. */
  readonly firstArray: T[];
  #pages: Pages<T> | undefined = undefined;
  #trie: Trie<T> = EMPTY_TRIE;

  /** Takes ownership of `items`. */
  constructor(items: T[]) {
    this.firstArray = items;
  }

  get length(): number {
    return this.#pages === undefined ? this.firstArray.length : this.firstArray.length + this.#pages.length;
  }

  get(index: number): T | undefined {
    const firstArray = this.firstArray;
    return index < firstArray.length ? firstArray[index] : this.#pages?.get(index - firstArray.length);
  }

  push(value: T): void {
    if (this.firstArray.length < MAX_FIRST_ARRAY_LENGTH) this.firstArray.push(value);
    else {
      this.#pages ??= new Pages();
      this.#pages.push(value);
    }
  }

  /** Replaces an element. Only the caller's version of the list may use this buffer. */
  set(index: number, value: T): void {
    const firstArray = this.firstArray;
    if (index < firstArray.length) firstArray[index] = value;
    else this.#pages?.set(index - firstArray.length, value);
  }

  /** Removes the last element. */
  pop(): void {
    if (this.#pages === undefined || this.#pages.length === 0) this.firstArray.pop();
    else this.#pages.pop();
  }

  /** Returns a new array with the elements from index `from` up to, but not including, index `to`. */
  slice(from: number, to: number): T[] {
    const items = this.firstArray.slice(from, to);
    for (let i = Math.max(from, this.firstArray.length); i < to; i++) {
      const value = this.get(i);
      if (value !== undefined) items.push(value);
    }
    return items;
  }

  /** Returns a trie with at least the first `end` elements. All versions get the same trie, so each element is copied once. */
  trie(end: number): Trie<T> {
    if (this.#trie.count < end) this.#trie = trieAppend(this.#trie, this, this.#trie.count, end);
    return this.#trie;
  }
}
