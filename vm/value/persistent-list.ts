import { ListBuffer, MAX_FIRST_ARRAY_LENGTH } from "./list-buffer.ts";
import type { ChangeLog, Owned, Owner } from "./owner.ts";
import { EMPTY_TRIE, trieAppend, trieChunk, trieGet, triePush, trieSet, trieTake, trieWithTailRoom, type Trie, WIDTH } from "./trie.ts";

const NO_ITEMS: never[] = [];
/** An empty array for numbers. V8 reads it like one with Floats. */
const NO_NUMBERS: number[] = [0.5];
NO_NUMBERS.pop();

/**
 * A persistent list. It has one of three forms:
 *
 *     form      firstArray                       #buffer     #trie
 *     array     the elements                     undefined   undefined
 *     buffer    the first array of the buffer    set         undefined until a version branches off
 *     trie      NO_ITEMS                         undefined   set
 *
 * The owner of a list stands for the variable that may change the list in place (`owner.ts`).
 *
 * Versions that follow from one another by `push` share one growing buffer:
 *
 *     a = [1, 2]       buffer [1, 2]        a.length 2
 *     b = a.push(3)    buffer [1, 2, 3]     b.length 3, the same buffer
 *     c = a.push(4)    array [1, 2, 4]      the slot after a is occupied, so c branches off: a short list as a copy, a longer one as a trie
 *
 * `copyWith` and `toArray` copy the list. `slice` returns a view, and `concat` takes time in proportion to the length of the second list.
 * `push` takes constant time in a buffer. In a trie, `push` takes O(log n), and so does `set` on a long list. When a version first branches
 * off from a buffer, the elements are copied to a trie, which all later branches share.
 *
 * `push` also copies a list that has dropped most of its front. It copies the remaining elements to a new array, and also occupies the next
 * slot of the old buffer. A second push to the same version finds that slot occupied and branches off.
 */
export class PersistentList<T> implements Owned {
  static readonly EMPTY: PersistentList<never> = new PersistentList<never>(NO_ITEMS, undefined, undefined, 0, 0);
  /** The number of elements. Only `grow`, `shorten` and `restore` change the length. */
  length: number;
  /** The index of the first element in `storage`. */
  offset: number;
  /**
   * The elements, or the first array of the buffer. May also hold elements before `offset` and after the end. `NO_ITEMS` for a list in a trie.
   * Outside of this class, only the engines read `firstArray`, and `gateway/answer.ts` checks that it is a data property.
   */
  firstArray: T[];
  /**
   * The first array if it holds no elements but those of the list, each at its index; otherwise `NO_ITEMS`. So what is found at an index is
   * the element. A list is given `NO_ITEMS` when another version may add elements to the array. Outside of this class, only the compiled
   * engine reads it.
   */
  exactArray: T[];
  /**
   * The numbers of the elements in `exactArray`, if these are Floats that compiled code has often read; otherwise `NO_NUMBERS`. A change in place drops
   * them. Only the compiled engine uses this field and the next.
   */
  numbers: number[] = NO_NUMBERS;
  /** How often compiled code has read an element as a number since `numbers` was dropped. */
  numberReads: number = 0;
  /** The mark of the variable that may change this version in place. */
  owner: Owner | undefined = undefined;
  /** Number of changes that are still to be charged, see `owner.ts`. */
  unpaidChanges: number = 0;
  /** Number of changes that were charged since nothing but one variable of compiled code holds the list (`interpreter/update.ts`). */
  paidChanges: number = 0;
  /**
   * What `restore` needs: the length and, for each page changed in place since the owner's log began, its elements as they were then; and whether
   * other versions may have got the storage since.
   */
  #saved: { readonly length: number; readonly pages: T[][]; isShared: boolean } | undefined = undefined;
  /**
   * The buffer with the elements. Undefined in a trie, in the empty list, and in an array, for which `#shared` makes the buffer when another
   * version needs it. The buffer or trie may also hold elements before `offset` and after the end.
   */
  #buffer: ListBuffer<T> | undefined;
  /**
   * In a list in a trie, the elements. Otherwise undefined until a version branches off from this one, and then the trie that all such
   * versions share.
   */
  #trie: Trie<T> | undefined;
  private constructor(firstArray: T[], buffer: ListBuffer<T> | undefined, trie: Trie<T> | undefined, offset: number, length: number) {
    this.length = length;
    this.offset = offset;
    this.firstArray = firstArray;
    this.exactArray = offset === 0 && firstArray.length <= length ? firstArray : NO_ITEMS;
    this.#buffer = buffer;
    this.#trie = trie;
  }

  /** Returns a list of the items. Takes ownership of `items`, so the caller must not use the array again. */
  static of<T>(items: T[]): PersistentList<T> {
    return items.length === 0 ? PersistentList.EMPTY : new PersistentList(items, undefined, undefined, 0, items.length);
  }

  /** Returns a list of `length` elements of a trie, starting at index `offset`. The trie must have these elements. `length` is at least 1. */
  static fromTrie<T>(trie: Trie<T>, offset: number, length: number): PersistentList<T> {
    return new PersistentList<T>(NO_ITEMS, undefined, trie, offset, length);
  }

  /** Returns whether this class made the object, whatever prototype the object has. */
  static isList(value: object): value is PersistentList<unknown> {
    return #buffer in value;
  }

  get tag(): "List" {
    return "List";
  }

  /** Returns the element at `index`, a whole number, or undefined if the index is out of range. */
  get(index: number): T | undefined {
    if (!(index >= 0 && index < this.length)) return undefined;
    const value = this.firstArray[this.offset + index];
    if (value !== undefined) return value;
    if (this.#buffer !== undefined) return this.#buffer.get(this.offset + index);
    return this.#trie === undefined ? undefined : trieGet(this.#trie, this.offset + index);
  }

  push(value: T): PersistentList<T> {
    if (this.length === 0) return PersistentList.of([value]);
    const buffer = this.#shared();
    if (buffer !== undefined && buffer.length === this.offset + this.length) {
      this.exactArray = NO_ITEMS;
      buffer.push(value);
      const pushed = new PersistentList(buffer.firstArray, buffer, undefined, this.offset, this.length + 1);
      return this.offset > this.length + MAX_EXTRA_DROPPED ? PersistentList.of(pushed.toArray()) : pushed;
    }
    if (buffer !== undefined && this.length < WIDTH) {
      // A trie would copy as much.
      const items = buffer.slice(this.offset, this.offset + this.length);
      items.push(value);
      return PersistentList.of(items);
    }
    return new PersistentList<T>(NO_ITEMS, undefined, triePush(this.#asTrie(), value), this.offset, this.length + 1);
  }

  /**
   * Appends like `push`, but may change this list in place. Only the caller may refer to this version. That is true for the result of
   * `push`, but `slice` and `concat` may return a list that something else refers to.
   */
  grow(value: T): PersistentList<T> {
    const { firstArray, length, owner } = this;
    if (this.numbers !== NO_NUMBERS) this.#dropNumbers();
    if (
      this.#buffer === undefined &&
      firstArray.length === length &&
      firstArray !== NO_ITEMS &&
      length < MAX_FIRST_ARRAY_LENGTH &&
      this.offset === 0
    ) {
      if (owner !== undefined && owner.log !== undefined) this.#save(owner.log, length - 1);
      firstArray.push(value);
    } else {
      if (!this.fillsStorage) return this.push(value);
      if (owner !== undefined && owner.log !== undefined) this.#save(owner.log, length - 1);
      this.#shared()?.push(value);
    }
    this.length = length + 1;
    return this;
  }

  /**
   * Appends in place, if that takes least time: the list has an array that is neither empty nor long, and no owner. Returns whether it did. Nothing else
   * may refer to this list or use its storage.
   */
  pushInArray(value: T): boolean {
    const { firstArray, length } = this;
    // Short, so that V8 inlines it in compiled code.
    if (firstArray.length !== length || length === 0 || length >= MAX_FIRST_ARRAY_LENGTH || this.owner !== undefined) return false;
    if (this.numbers !== NO_NUMBERS) this.#dropNumbers();
    firstArray.push(value);
    this.length = length + 1;
    return true;
  }

  /**
   * Replaces the element at `index` in place, if the index is in range, the owner is alive and no change is unpaid. Returns whether it did.
   * No other version shares the buffer of such a version.
   */
  setInPlace(index: number, value: T): boolean {
    const { owner, exactArray } = this;
    if (owner === undefined || !owner.isAlive || this.unpaidChanges > 0 || !(index >= 0)) return false;
    // For an element of the exact array, this is the only test of a length, and nothing asks for the buffer.
    const isExact = index < exactArray.length;
    if (!isExact && !(index < this.length)) return false;
    if (owner.log !== undefined) this.#save(owner.log, index);
    if (this.numbers !== NO_NUMBERS) this.#dropNumbers();
    if (isExact) exactArray[index] = value;
    else this.#put(index, value);
    return true;
  }

  /** Whether the list has an array or a buffer that begins and ends where the list does. Other lists may still use it, unless the list is new. */
  get fillsStorage(): boolean {
    return this.offset === 0 && this.firstArray !== NO_ITEMS && (this.#buffer ?? this.firstArray).length === this.length;
  }

  /** Whether the elements of the list, and no others, are in an array. Other versions of a list share a buffer or a trie instead. */
  get ownsArray(): boolean {
    return this.#buffer === undefined && this.fillsStorage;
  }

  /**
   * Replaces the element at `index`, which is in range, in place. No other version may use the storage. Returns whether it did. It does not if an
   * owner's log has begun, even if that owner is dead: the log would not know of the change, nor of a new owner.
   */
  setUnique(index: number, value: T): boolean {
    if (!this.fillsStorage || this.owner?.log !== undefined) return false;
    this.#put(index, value);
    return true;
  }

  #dropNumbers(): void {
    this.numbers = NO_NUMBERS;
    this.numberReads = 0;
  }

  #put(index: number, value: T): void {
    this.#dropNumbers();
    if (this.firstArray === NO_ITEMS) this.#own(this.toArray());
    if (this.#buffer === undefined) this.firstArray[index] = value;
    else this.#buffer.set(index, value);
  }

  /** Returns the buffer with the elements, so that other versions can share it; undefined if the list is empty or in a trie. */
  #shared(): ListBuffer<T> | undefined {
    if (this.owner !== undefined && this.owner.log !== undefined && this.firstArray !== NO_ITEMS)
      this.#startSaving(this.owner.log).isShared = true;
    if (this.#buffer === undefined && this.firstArray !== NO_ITEMS) this.#buffer = new ListBuffer(this.firstArray);
    return this.#buffer;
  }

  #startSaving(log: ChangeLog): { readonly pages: T[][]; isShared: boolean } {
    if (this.#saved !== undefined) return this.#saved;
    log.add(this);
    const saved = { length: this.length, pages: [], isShared: false };
    this.#saved = saved;
    return saved;
  }

  /** Replaces the storage by an array of the elements that no other version uses. */
  #own(items: T[]): void {
    this.offset = 0;
    this.firstArray = items;
    this.exactArray = items;
    this.#buffer = undefined;
    this.#trie = undefined;
  }

  /**
   * Copies the elements into an array that no other version uses. Nothing else may refer to this version. A list that is too long to grow in one array
   * stays as it is, and so does one whose changes may be undone.
   */
  takeArray(): void {
    if (this.length < MAX_FIRST_ARRAY_LENGTH && this.owner?.log === undefined) this.#own(this.toArray());
  }

  /** Saves the elements around `index` before a change in place, unless they are saved. */
  #save(log: ChangeLog, index: number): void {
    const { pages } = this.#startSaving(log);
    const page = index >>> SAVED_BITS;
    pages[page] ??= (this.#buffer ?? this.firstArray).slice(page << SAVED_BITS, Math.min(this.length, (page + 1) << SAVED_BITS));
  }

  /** Undoes the changes in place since the first `#save`. */
  restore(): void {
    const { length, pages, isShared } = this.#saved ?? { length: this.length, pages: [], isShared: false };
    if (isShared) {
      // The discarded versions may have added elements to the storage, or have made its trie.
      this.length = length;
      this.#own(this.toArray());
    }
    this.#dropNumbers();
    for (; this.length > length; this.length--) (this.#buffer ?? this.firstArray).pop();
    // `forEach` skips the pages that were not saved.
    pages.forEach((items, page) => {
      for (const [i, value] of items.entries()) {
        const index = (page << SAVED_BITS) + i;
        if (index < length) this.#put(index, value);
      }
    });
  }

  forget(): void {
    this.#saved = undefined;
  }

  /** Returns a list with another value at `index`, which must be in range. */
  set(index: number, value: T): PersistentList<T> {
    if (this.length > MAX_COPIED)
      return new PersistentList<T>(NO_ITEMS, undefined, trieSet(this.#asTrie(), this.offset + index, value), this.offset, this.length);
    return this.copyWith(index, value);
  }

  /** Does the same as `set`. The result has a buffer of its own, so this takes time in proportion to the length. */
  copyWith(index: number, value: T): PersistentList<T> {
    const items = this.toArray();
    items[index] = value;
    return PersistentList.of(items);
  }

  concat(other: PersistentList<T>): PersistentList<T> {
    if (other.length === 0) return this;
    if (this.length === 0) return other;
    const added = other.toArray();
    const length = this.length + added.length;
    const buffer = this.#shared();
    if (buffer !== undefined && buffer.length === this.offset + this.length) {
      this.exactArray = NO_ITEMS;
      for (const value of added) buffer.push(value);
      return new PersistentList(buffer.firstArray, buffer, undefined, this.offset, length);
    }
    return new PersistentList<T>(NO_ITEMS, undefined, trieAppend(this.#asTrie(), added, 0, added.length), this.offset, length);
  }

  /** Returns a view that shares the elements. Both bounds are clamped to 0…length. The result is empty if `from >= to`. */
  slice(from: number, to: number): PersistentList<T> {
    const start = Math.max(0, from);
    const end = Math.min(to, this.length);
    if (start >= end) return PersistentList.EMPTY;
    if (end - start === this.length) return this;
    const buffer = this.#shared();
    // A slice that ends where this list ends may add elements to the array.
    if (end === this.length) this.exactArray = NO_ITEMS;
    return new PersistentList(this.firstArray, buffer, buffer === undefined ? this.#trie : undefined, this.offset + start, end - start);
  }

  /** Does the same as `slice(0, length)`, but may shorten this list in place. Nothing else may refer to this list or use its storage. */
  shorten(length: number): PersistentList<T> {
    const isPlain = this.#buffer === undefined && this.owner?.log === undefined && this.fillsStorage;
    if (!isPlain || length >= this.length) return this.slice(0, length);
    this.#dropNumbers();
    this.length = Math.max(0, length);
    truncate(this.firstArray, this.length);
    if (this.length > 0) return this;
    // No empty list has an owner.
    this.owner = undefined;
    this.unpaidChanges = 0;
    return this;
  }

  /** Does the same as `slice(0, length)`. If this list is a plain array, so is the result, and `claimStorage` can be called on it. */
  prefixOfArray(length: number): PersistentList<T> {
    if (this.#buffer !== undefined || !this.fillsStorage || length >= this.length) return this.slice(0, length);
    return new PersistentList(this.firstArray, undefined, undefined, 0, Math.max(0, length));
  }

  /** Drops the elements of the array after the end of this list. Nothing else may use the array. Returns whether the list then fills its storage. */
  claimStorage(): boolean {
    if (this.#buffer === undefined) {
      truncate(this.firstArray, this.length);
      if (this.offset === 0) this.exactArray = this.firstArray;
    }
    return this.fillsStorage;
  }

  /** Returns a new array, which the caller may change. */
  toArray(): T[] {
    if (this.firstArray !== NO_ITEMS) return (this.#buffer ?? this.firstArray).slice(this.offset, this.offset + this.length);
    const items: T[] = [];
    for (let index = 0; index < this.length; ) {
      const from = (this.offset + index) % WIDTH;
      const chunk = this.#trie === undefined ? [] : trieChunk(this.#trie, this.offset + index);
      const to = Math.min(chunk.length, from + this.length - index);
      if (to <= from) break;
      for (let i = from; i < to; i++) {
        const value = chunk[i];
        if (value !== undefined) items.push(value);
      }
      index += to - from;
    }
    return items;
  }

  /** The object that holds the elements. Versions that share their elements return the same object, so a snapshot writes it once. */
  get storage(): ListBuffer<T> | Trie<T> {
    return this.length === 0 ? EMPTY_TRIE : (this.#shared() ?? this.#trie ?? EMPTY_TRIE);
  }

  *[Symbol.iterator](): IterableIterator<T> {
    const end = this.offset + this.length;
    if (this.#trie === undefined || this.firstArray !== NO_ITEMS) {
      for (let index = 0; index < this.length; index++) {
        const value = this.get(index);
        if (value !== undefined) yield value;
      }
      return;
    }
    for (let position = this.offset; position < end; ) {
      const chunk = trieChunk(this.#trie, position);
      const base = position - (position % WIDTH);
      const stop = Math.min(end, base + chunk.length);
      if (stop <= position) return;
      for (; position < stop; position++) {
        const value = chunk[position - base];
        if (value !== undefined) yield value;
      }
    }
  }

  /** Returns a trie of the elements up to the end of this version, including the elements before the offset. */
  #asTrie(): Trie<T> {
    const end = this.offset + this.length;
    const trie = trieWithTailRoom(trieTake(this.#trie ?? this.#shared()?.trie(end) ?? EMPTY_TRIE, end));
    // The trie is stored, so that all versions that branch off here share one path of the tree.
    this.#trie = trie;
    return trie;
  }
}

/** Shortens an array to a length, if it is longer. V8 removes a few elements fastest one by one. */
function truncate(items: unknown[], length: number): void {
  if (items.length - length > MAX_POPPED) items.length = length;
  while (items.length > length) items.pop();
}

/** `truncate` removes up to this many elements one by one. */
const MAX_POPPED = 8;
/** The length up to which `set` copies the list. At this length, the copy takes about as many bytes as are charged for a change in a tree. */
const MAX_COPIED = 96;
/** Before a change in place, `#save` saves a block of 2 ** SAVED_BITS elements. */
const SAVED_BITS = 10;
/** A list moves to a new buffer if the number of elements it has dropped exceeds its length by more than this. */
const MAX_EXTRA_DROPPED = 1_024;
