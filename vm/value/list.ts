import { ListBuffer } from "./list-buffer.ts";
import { EMPTY_TRIE, trieAppend, trieChunk, trieGet, triePush, trieTake, trieWithRoom, type Trie, WIDTH } from "./trie.ts";
import type { Value } from "./value.ts";

/**
 * A persistent list. The usual case is a shared append: pushing onto the newest version writes the next free slot of
 * the shared buffer. A version that something was pushed onto already goes on as a trie, made once for all versions of
 * the buffer. So no operation copies a long list, whatever version it starts from: push takes O(log n) at worst and
 * constant time as a rule, tail and slice are views, concat costs the length of its second list. A list that has lost
 * most of its elements in front, as a queue does, moves to a buffer of its own with the next push: the old one is claimed
 * by that push, so no second version moves.
 */
export class ListValue {
  static readonly EMPTY: ListValue = new ListValue(undefined, undefined, 0, 0);
  /** Changes in `grow` only. */
  length: number;
  /** Where there is none, the elements are in the trie; `EMPTY` has neither. Both may hold elements before `#offset` and after the end. */
  readonly #buffer: ListBuffer | undefined;
  /** Beside a buffer: what the versions that branch off share, once there are some. */
  #trie: Trie | undefined;
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

  /** The elements `offset … offset + length` of a trie that has them, one at least. */
  static within(trie: Trie, offset: number, length: number): ListValue {
    return new ListValue(undefined, trie, offset, length);
  }

  /** Whether a host's object really is a list, whatever its prototype says. */
  static isList(value: object): value is ListValue {
    return #buffer in value;
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
      const pushed = new ListValue(buffer, undefined, this.#offset, this.length + 1);
      return this.#offset > this.length + LEFT_BEHIND ? ListValue.of(pushed.toArray()) : pushed;
    }
    return new ListValue(undefined, triePush(this.#asTrie(), value), this.#offset, this.length + 1);
  }

  /**
   * As `push`, for the only holder of this version, which is the longer one then where that takes no copy. What `push`
   * gives is such a version; what `slice` and `concat` give may be one that others hold.
   */
  grow(value: Value): ListValue {
    const buffer = this.#buffer;
    if (buffer === undefined || this.#offset > 0 || buffer.length !== this.length) return this.push(value);
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
    return end - start === this.length
      ? this
      : new ListValue(this.#buffer, this.#buffer === undefined ? this.#trie : undefined, this.#offset + start, end - start);
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
    if (this.#trie === undefined || this.#buffer !== undefined) {
      for (let at = this.#offset; at < end; at++) {
        const value = this.#buffer?.get(at);
        if (value !== undefined) yield value;
      }
      return;
    }
    for (let at = this.#offset; at < end; ) {
      const chunk = trieChunk(this.#trie, at);
      const base = at - (at % WIDTH);
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
    const trie = trieWithRoom(trieTake(this.#trie ?? this.#buffer?.trie(end) ?? EMPTY_TRIE, end));
    // Made once, or each version that branches off here would have a path of the tree for itself.
    this.#trie = trie;
    return trie;
  }
}

/** Elements that a version may have left behind, beside as many as it has. */
const LEFT_BEHIND = 1_024;
