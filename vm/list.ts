import { ListBuffer } from "./list-buffer.ts";
import { EMPTY_TRIE, trieAppend, trieChunk, trieGet, triePush, trieTake, type Trie } from "./trie.ts";
import type { Value } from "./value.ts";

/**
 * A persistent list. The usual case is a shared append: pushing onto the newest version writes the next free slot of
 * the shared buffer. A version that something was pushed onto already goes on as a trie, made once for all versions of
 * the buffer. So no operation copies a long list, whatever version it starts from: push takes O(log n) at worst and
 * constant time as a rule, tail and slice are views, concat costs the length of its second list.
 */
export class ListValue {
  static readonly EMPTY: ListValue = new ListValue(undefined, undefined, 0, 0);
  /** Changes in `grow` only. */
  length: number;
  /** One of the two is there, but in `EMPTY`: nothing can grow that. Either may hold elements before `#offset` and after the end of this version. */
  readonly #buffer: ListBuffer | undefined;
  readonly #trie: Trie | undefined;
  readonly #offset: number;

  private constructor(buffer: ListBuffer | undefined, trie: Trie | undefined, offset: number, length: number) {
    this.#buffer = buffer;
    this.#trie = trie;
    this.#offset = offset;
    this.length = length;
  }

  /** Takes ownership of `items`: the caller must not touch the array again. */
  static of(items: Value[]): ListValue {
    return items.length === 0 ? ListValue.EMPTY : new ListValue(new ListBuffer(items), undefined, 0, items.length);
  }

  get tag(): "List" {
    return "List";
  }

  /** `undefined` when out of range; `index` is a whole number. */
  get(index: number): Value | undefined {
    if (!(index >= 0 && index < this.length)) return undefined;
    if (this.#buffer !== undefined) return this.#buffer.get(this.#offset + index);
    return this.#trie === undefined ? undefined : trieGet(this.#trie, this.#offset + index);
  }

  push(value: Value): ListValue {
    if (this.length === 0) return ListValue.of([value]);
    const buffer = this.#buffer;
    if (buffer !== undefined && buffer.length === this.#offset + this.length) {
      buffer.push(value);
      return new ListValue(buffer, undefined, this.#offset, this.length + 1);
    }
    return new ListValue(undefined, triePush(this.#asTrie(), value), this.#offset, this.length + 1);
  }

  /**
   * As `push`, for the only holder of this version, which is the longer one then where that takes no copy. What `push`
   * gives is such a version; what `slice` and `concat` give may be one that others hold.
   */
  grow(value: Value): ListValue {
    const buffer = this.#buffer;
    if (buffer === undefined || buffer.length !== this.#offset + this.length) return this.push(value);
    buffer.push(value);
    this.length += 1;
    return this;
  }

  concat(other: ListValue): ListValue {
    if (other.length === 0) return this;
    if (this.length === 0) return other;
    const added = other.toArray();
    const length = this.length + added.length;
    const buffer = this.#buffer;
    if (buffer !== undefined && buffer.length === this.#offset + this.length) {
      for (const value of added) buffer.push(value);
      return new ListValue(buffer, undefined, this.#offset, length);
    }
    return new ListValue(undefined, trieAppend(this.#asTrie(), added, 0, added.length), this.#offset, length);
  }

  /** Both bounds clamped to 0…length; empty when `from >= to`. A view: shares the elements. */
  slice(from: number, to: number): ListValue {
    const start = Math.max(0, from);
    const end = Math.min(to, this.length);
    if (start >= end) return ListValue.EMPTY;
    return end - start === this.length ? this : new ListValue(this.#buffer, this.#trie, this.#offset + start, end - start);
  }

  /** A fresh array, the caller's own. */
  toArray(): Value[] {
    if (this.#buffer !== undefined) return this.#buffer.slice(this.#offset, this.#offset + this.length);
    return [...this];
  }

  /** What keeps the elements: one object for all versions that share them, so that they can be written down once. */
  get storage(): ListBuffer | Trie {
    return this.#buffer ?? this.#trie ?? EMPTY_TRIE;
  }

  /** Where in `storage` this version begins. */
  get offset(): number {
    return this.#offset;
  }

  *[Symbol.iterator](): IterableIterator<Value> {
    const end = this.#offset + this.length;
    if (this.#trie === undefined) {
      for (let at = this.#offset; at < end; at++) {
        const value = this.#buffer?.get(at);
        if (value !== undefined) yield value;
      }
      return;
    }
    for (let at = this.#offset; at < end; ) {
      const chunk = trieChunk(this.#trie, at);
      const base = at - (at % CHUNK);
      const stop = Math.min(end, base + chunk.length);
      if (stop <= at) return;
      for (; at < stop; at++) {
        const value = chunk[at - base];
        if (value !== undefined) yield value;
      }
    }
  }

  /** The elements up to this version's end, those before the offset included. */
  #asTrie(): Trie {
    const end = this.#offset + this.length;
    return trieTake(this.#trie ?? this.#buffer?.trie(end) ?? EMPTY_TRIE, end);
  }
}

/** Elements of a leaf. */
const CHUNK = 32;
