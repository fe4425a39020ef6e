import { MapIndex } from "./map-index.ts";
import { type MapNode, treeOf, treeRemove, treeSet, treeSize } from "./map-tree.ts";
import { Pages } from "./paged-array.ts";
import { compareUtf8 } from "./utf8.ts";

type Entry<T> = readonly [string, T];

/** `get` goes back at most this many entries of one key, from the newest entry. */
const MAX_WALK = 64;
/** Limit on how many more dead entries than live entries a history may have (`MapHistory` says which entries are dead). */
const MAX_EXTRA_DEAD = 32;

/**
 * The log of changes that successive versions of a large map share. Each version sees a prefix of it:
 *
 *     entry         1: a = 1    2: b = 2    3: a = 7    4: remove b
 *     length 2      {a: 1, b: 2}
 *     length 3      {a: 7, b: 2}
 *     length 4      {a: 7}
 *
 * A hash index finds the newest entry of a key, and for each entry the previous entry of the same key. For one
 * version, an entry is dead if it removes its key, or if the version sees a later entry of the key.
 */
export class MapHistory<T> {
  readonly #index: MapIndex;
  /** The value of each entry; undefined if the entry removes its key. */
  readonly #values: Pages<T | undefined> = new Pages();
  /** Whether no further entry may be added. */
  #closed = false;
  /** The tree and the length of the longest version whose tree has been requested. */
  #newest: { root: MapNode<T> | null; length: number };
  /** The lengths of the versions that may still be in use, apart from the newest, in ascending order. */
  readonly #lengths: number[] = [];
  /** Trees of the first versions in `#lengths`, by length. Empty until the tree of a version older than `#newest` is requested. */
  readonly #roots = new Map<number, MapNode<T> | null>();

  private constructor(keys: number, root: MapNode<T> | null) {
    this.#index = new MapIndex(keys);
    this.#newest = { root, length: 0 };
  }

  /** Makes a history whose first version is the tree. Returns undefined if too many hashes of keys collide. */
  static ofTree<T>(root: MapNode<T> | null): MapHistory<T> | undefined {
    const history = new MapHistory<T>(treeSize(root), root);
    return history.#putTree(root) ? history.#markFirstVersion(root) : undefined;
  }

  /**
   * Makes a history whose first version has these entries, which must have distinct keys. `root` is their tree, if one exists. Returns
   * undefined if too many hashes of keys collide.
   */
  static ofEntries<T>(entries: readonly Entry<T>[], root: MapNode<T> | null): MapHistory<T> | undefined {
    const history = new MapHistory<T>(entries.length, root);
    return entries.every(([key, value]) => history.put(key, value) !== undefined) ? history.#markFirstVersion(root) : undefined;
  }

  /** The length of the newest version. */
  get count(): number {
    return this.#values.length;
  }

  /** The number of the last entry that a tree may contain. The values up to this entry must not be replaced. */
  get treeLength(): number {
    return this.#newest.length;
  }

  /** Returns whether `put` may be called for the version of this length: it must be the newest, and the history must not be closed. */
  isOpenAt(length: number): boolean {
    return this.#values.length === length && !this.#closed;
  }

  /** Returns whether so many entries are dead, for a version with `size` keys, that a new history should start. */
  isMostlyDead(size: number): boolean {
    return this.#values.length >= 2 * size + MAX_EXTRA_DEAD;
  }

  /** Closes the history, so that no further entry may be added. */
  close(): void {
    this.#closed = true;
  }

  /**
   * Returns the value of the key in the version of this length. Returns undefined if that version does not have the key, and null if later
   * versions changed the key too often for a search.
   */
  get(key: string, length: number): T | undefined | null {
    let entry = this.#index.find(key);
    for (let walk = 0; entry > length; walk++) {
      if (walk === MAX_WALK) return null;
      entry = this.#index.previous(entry);
    }
    return entry === 0 ? undefined : this.#values.get(entry - 1);
  }

  /**
   * Adds an entry that sets the key or, without a value, removes it. To remove a key, the newest version must have it. Returns
   * the change in the number of keys. If the index has no slot for the key, closes the history and returns undefined.
   */
  put(key: string, value: T | undefined): -1 | 0 | 1 | undefined {
    const previous = this.#index.add(key);
    if (previous < 0) {
      this.#closed = true;
      return undefined;
    }
    this.#values.push(value);
    if (value === undefined) return -1;
    return previous > 0 && this.#values.get(previous - 1) !== undefined ? 0 : 1;
  }

  /**
   * Returns the number of the newest entry of the key, if that is above `after` and the entry does not remove the key; otherwise 0. Only the
   * caller's version may see entries above `after`, so that it may replace their values.
   */
  replaceable(key: string, after: number): number {
    const entry = this.#index.find(key);
    return entry > after && this.#values.get(entry - 1) !== undefined ? entry : 0;
  }

  valueOf(entry: number): T | undefined {
    return this.#values.get(entry - 1);
  }

  replace(entry: number, value: T | undefined): void {
    this.#values.set(entry - 1, value);
  }

  /** Drops the newest tree, because values that it contains are about to be replaced by older ones. */
  dropTree(): void {
    this.#newest = { root: null, length: 0 };
  }

  /** Returns the live entries of the version of this length, oldest first. */
  entriesAt(length: number): Entry<T>[] {
    const replaced = this.#index.flagReplaced(length);
    const entries: Entry<T>[] = [];
    for (let entry = 1; entry <= length; entry++) {
      const value = this.#values.get(entry - 1);
      if (replaced[entry] === 0 && value !== undefined) entries.push([this.#index.keyOf(entry), value]);
    }
    return entries;
  }

  /** Records that the newest version stays in use after the next `put`. */
  keepNewest(): void {
    if (this.#lengths.at(-1) !== this.count) this.#lengths.push(this.count);
  }

  /**
   * Returns the tree of the version of this length. Whatever the order of such requests, each entry is applied to a tree at most twice: once
   * for `#newest` and once for `#roots`. The charges for the changes cover all nodes that stay in memory. A change in place is charged less,
   * so the trees between two versions do not stay in memory.
   */
  rootAt(length: number): MapNode<T> | null {
    const newest = this.#newest;
    if (length >= newest.length) {
      newest.root = this.#applyEntries(newest.root, newest.length, length);
      newest.length = length;
      return newest.root;
    }
    const [lengths, roots] = [this.#lengths, this.#roots];
    for (let end = lengths[roots.size]; end !== undefined && end <= length; end = lengths[roots.size]) {
      const from = lengths[roots.size - 1];
      roots.set(end, from === undefined ? this.#treeAt(end) : this.#applyEntries(roots.get(from) ?? null, from, end));
    }
    return roots.get(length) ?? this.#treeAt(length);
  }

  #putTree(node: MapNode<T> | null): boolean {
    return node === null || (this.#putTree(node.left) && this.put(node.key, node.value) !== undefined && this.#putTree(node.right));
  }

  /** Makes the entries added so far the first version. */
  #markFirstVersion(root: MapNode<T> | null): this {
    if (root !== null) this.#newest.length = this.count;
    return this;
  }

  /** Returns the tree with the entries after number `from`, up to number `to`, applied. */
  #applyEntries(root: MapNode<T> | null, from: number, to: number): MapNode<T> | null {
    // Beyond this many changes, sorting all entries is cheaper.
    if (4 * (to - from) > treeSize(root)) return this.#treeAt(to);
    let result = root;
    for (let entry = from + 1; entry <= to; entry++) result = this.#applyEntry(result, entry);
    return result;
  }

  #treeAt(length: number): MapNode<T> | null {
    const entries = this.entriesAt(length).sort(([a], [b]) => compareUtf8(a, b));
    return treeOf(
      entries.map(([key]) => key),
      entries.map(([, value]) => value),
    );
  }

  #applyEntry(root: MapNode<T> | null, entry: number): MapNode<T> | null {
    const value = this.#values.get(entry - 1);
    return value === undefined ? treeRemove(root, this.#index.keyOf(entry)) : treeSet(root, this.#index.keyOf(entry), value);
  }
}
