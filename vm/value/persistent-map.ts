import { MapHistory } from "./map-history.ts";
import { type MapNode, treeEntries, treeGet, treeRemove, treeSet, treeSize } from "./map-tree.ts";

/** Entries from which a map may start a history. Lookups in a smaller map are faster in its tree, which takes no more memory. */
const MIN_HISTORY_SIZE = 128;

/**
 * A persistent map with String keys in UTF-8 byte order. It has one or both of two forms:
 *
 * - a tree in key order (`map-tree.ts`). All small maps are trees;
 * - a prefix of a history (`map-history.ts`): a log of changes that successive versions share, with a hash index. Each change
 *   of the newest version adds an entry. The tree of such a version is made when something asks for key order.
 *
 * A change of a version that is not the newest of its history makes a tree. That tree starts a history of its own only
 * after as many changes in a row as it has entries. So a change of any version takes O(log n) time and memory, the work of
 * starting histories included.
 */
export class PersistentMap<T> {
  static readonly EMPTY: PersistentMap<never> = new PersistentMap<never>(null, undefined, 0, 0);
  readonly size: number;
  /** Undefined in a version of a history whose tree was not asked for yet. */
  #root: MapNode<T> | null | undefined;
  #history: MapHistory<T> | undefined;
  /**
   * With a history: how many of its entries this version sees. Without one: how many changes in a row, each the first of its
   * version, led to this tree since the last history. They pay for the next one.
   */
  #length: number;

  private constructor(root: MapNode<T> | null | undefined, history: MapHistory<T> | undefined, length: number, size: number) {
    this.#root = root;
    this.#history = history;
    this.#length = length;
    this.size = size;
  }

  /** A later entry with the same key wins. */
  static from<T>(entries: Iterable<readonly [string, T]>): PersistentMap<T> {
    let result: PersistentMap<T> = PersistentMap.EMPTY;
    for (const [key, value] of entries) result = result.set(key, value);
    return result;
  }

  /** Wraps a tree, which several maps may share. */
  static ofRoot<T>(root: MapNode<T>): PersistentMap<T> {
    return new PersistentMap<T>(root, undefined, 0, root.size);
  }

  /** Whether the object was made by this class, whatever its prototype. */
  static isMap(value: object): value is PersistentMap<unknown> {
    return #history in value;
  }

  /** The entries as a tree in key order. */
  get root(): MapNode<T> | null {
    if (this.#root === undefined) this.#root = this.#history?.rootAt(this.#length) ?? null;
    return this.#root;
  }

  get tag(): "Map" {
    return "Map";
  }

  get(key: string): T | undefined {
    if (this.#history !== undefined) {
      const found = this.#history.get(key, this.#length);
      if (found !== null) return found;
    }
    return treeGet(this.root, key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  set(key: string, value: T): PersistentMap<T> {
    if (this.#history === undefined && (this.size < MIN_HISTORY_SIZE || !this.startHistory()))
      return this.treeVersion(treeSet(this.root, key, value));
    return this.put(key, value) ?? this.treeVersion(treeSet(this.root, key, value));
  }

  delete(key: string): PersistentMap<T> {
    if (!this.has(key)) return this;
    return this.put(key, undefined) ?? this.treeVersion(treeRemove(this.root, key));
  }

  /** The entries in key order. */
  entries(): IterableIterator<[string, T]> {
    return treeEntries(this.root);
  }

  *keys(): IterableIterator<string> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): IterableIterator<T> {
    for (const [, value] of this.entries()) yield value;
  }

  // `private` instead of `#`: TypeScript 7.0 emits a wrong class for a `#` method that names a class with a static field of its own type.
  private treeVersion(root: MapNode<T> | null): PersistentMap<T> {
    const paid = this.#history === undefined ? this.#length + 1 : 1;
    if (this.#history === undefined) this.#length = 0;
    return new PersistentMap(root, undefined, paid, treeSize(root));
  }

  /** Makes this tree the first version of a history, if enough changes have paid for it. Returns whether it did. */
  private startHistory(): boolean {
    if (this.#length < this.size) return false;
    this.#length = 0;
    const history = MapHistory.ofTree(this.root);
    if (history === undefined) return false;
    this.#history = history;
    this.#length = history.count;
    return true;
  }

  /** Adds a change to the history. Returns undefined when there is none, or it is closed, or this version is not its newest. */
  private put(key: string, value: T | undefined): PersistentMap<T> | undefined {
    const history = this.#history;
    if (history === undefined || !history.isOpenAt(this.#length)) return undefined;
    if (history.isMostlyDead(this.size)) {
      const renewed = this.renewed(history);
      return value === undefined ? renewed.delete(key) : renewed.set(key, value);
    }
    const change = history.put(key, value);
    return change === undefined ? undefined : new PersistentMap<T>(undefined, history, history.count, this.size + change);
  }

  /** The same map in a history without dead entries, or as a tree when it has become small. */
  private renewed(history: MapHistory<T>): PersistentMap<T> {
    history.close();
    const fresh = this.size < MIN_HISTORY_SIZE ? undefined : MapHistory.ofEntries(history.entriesAt(this.#length), this.#root ?? null);
    return fresh === undefined
      ? new PersistentMap(this.root, undefined, 0, this.size)
      : new PersistentMap(this.#root, fresh, fresh.count, this.size);
  }
}
