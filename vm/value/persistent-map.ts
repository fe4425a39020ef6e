import { MapHistory } from "./map-history.ts";
import {
  MapNode,
  treeCopy,
  treeEntries,
  treeGet,
  treeNode,
  treeOf,
  treeRemove,
  treeSet,
  treeSize,
  updateTree,
  visitTree,
} from "./map-tree.ts";
import { FlatEntries, MAX_FLAT_SIZE } from "./flat-entries.ts";
import { compareUtf8 } from "./utf8.ts";
import type { ChangeLog, Owned, Owner } from "./owner.ts";

/**
 * A map with fewer entries than this never starts a history. For such a map, lookups in a tree are faster than in a history, and a tree
 * takes no more memory.
 */
export const MIN_HISTORY_SIZE = 128;
/** A map with fewer entries than this has no index: it would take more memory than the map is charged for. */
const MIN_INDEX_SIZE = 3;

/** The state when an owner's log began. */
interface SavedState<T> {
  readonly root: MapNode<T> | null | undefined;
  readonly history: MapHistory<T> | undefined;
  readonly length: number;
  readonly size: number;
  /** The values in the history that were replaced since then. */
  readonly replaced: { readonly entry: number; readonly value: T | undefined }[];
}

/** Whether each key is greater than the one before it. */
export const isAscending = (keys: readonly string[]): boolean => keys.every((key, i) => i === 0 || compareUtf8(keys[i - 1] ?? "", key) < 0);

/**
 * A persistent map with String keys in UTF-8 byte order. A map has one or both of two forms:
 *
 * - a tree in key order (`map-tree.ts`). All small maps have a tree, or two arrays from which the tree is made when it is needed.
 * - a prefix of a history (`map-history.ts`), which is a log of changes that successive versions share, with a hash index. Each change
 *   of the newest version adds an entry. The tree of such a version is made when the entries are first needed in key order.
 *
 * A change of a version that is not the newest of its history makes a tree. That tree starts a history of its own only
 * after as many changes in a row as it has entries. So a change of any version takes O(log n) time and memory, including
 * the work of starting histories.
 *
 * A version that is owned and paid for (`owner.ts`), or that nothing else refers to (`setUnique`), changes in place. In a history, it replaces
 * the values of entries that no other version sees. In a small tree, it first copies the nodes that other maps may use. A small tree whose nodes
 * no other map uses also gets an index, a JavaScript `Map`. Chosen keys may collide there, but an index has fewer than 128. Then a change only
 * changes the index, and the tree follows when it is needed.
 */
export class PersistentMap<T> implements Owned {
  static readonly EMPTY: PersistentMap<never> = new PersistentMap<never>(null, undefined, 0, 0);
  /** The number of entries. Only changes in place and `restore` change it. */
  size: number;
  /** The owner of this version, and the changes that are still to be charged; see `owner.ts`. */
  owner: Owner | undefined = undefined;
  unpaidChanges: number = 0;
  /** Undefined in a version of a history if its tree has not been needed yet. */
  #root: MapNode<T> | null | undefined;
  /** The entries of a small map whose tree has not been needed yet. */
  #flat: FlatEntries<T> | undefined = undefined;
  #history: MapHistory<T> | undefined;
  /**
   * With a history: the number of its entries that this version sees. Without a history: the number of changes that count towards starting
   * one. The first map made from this version gets that number plus one. The number of this version is then set to 0, so that no change
   * counts twice.
   */
  #length: number;
  /** The number of the history's entries that other versions may see. */
  #sharedLength: number;
  /** The state when the owner's log began, if this version has changed since. */
  #saved: SavedState<T> | undefined = undefined;
  /** An index of the tree: its nodes by key. Null if too few lookups have paid for one. Undefined if another map may use nodes of the tree. */
  #nodes: Map<string, MapNode<T>> | null | undefined = undefined;
  /** The nodes that were added to the index or removed from it, if the tree has not followed yet (see `updateTree`). Else undefined. */
  #changed: MapNode<T>[] | undefined = undefined;
  /** The number of lookups in the tree since its last index was made, if no other map uses its nodes. */
  #lookups = 0;
  /** The key that `ownNode` looked for last, and what it found. An assignment looks for a key that the program has often just tested or read. */
  #lastKey: string | undefined = undefined;
  #lastNode: MapNode<T> | undefined = undefined;

  private constructor(
    root: MapNode<T> | null | undefined,
    history: MapHistory<T> | undefined,
    length: number,
    size: number,
    sharedLength: number = length,
  ) {
    this.#root = root;
    this.#history = history;
    this.#length = length;
    this.size = size;
    this.#sharedLength = sharedLength;
  }

  /** Returns a map of the entries. If a key occurs several times, its last entry counts. */
  static from<T>(entries: Iterable<readonly [string, T]>): PersistentMap<T> {
    const keys: string[] = [];
    const values: T[] = [];
    for (const [key, value] of entries) {
      keys.push(key);
      values.push(value);
    }
    return PersistentMap.ofKeys(keys, values);
  }

  /** Returns a map from each key to the value at the same index. If a key occurs several times, its last value counts. */
  static ofKeys<T>(keys: readonly string[], values: readonly T[]): PersistentMap<T> {
    if (keys.length >= MIN_HISTORY_SIZE) {
      let result: PersistentMap<T> = PersistentMap.EMPTY;
      values.forEach((value, i) => {
        result = result.set(keys[i] ?? "", value);
      });
      return result;
    }
    if (isAscending(keys)) return PersistentMap.ofAscendingKeys(keys, values);
    // The sort is stable, so the last of several entries with one key comes last.
    const sorted = values
      .map((value, i) => [keys[i] ?? "", value] as const)
      .sort((a, b) => compareUtf8(a[0], b[0]))
      .filter(([key], i, others) => key !== others[i + 1]?.[0]);
    const map = PersistentMap.ofAscendingKeys(
      sorted.map(([key]) => key),
      sorted.map(([, value]) => value),
    );
    map.#length = keys.length;
    return map;
  }

  /** Does the same as `ofKeys` for fewer than `MIN_HISTORY_SIZE` keys in ascending order, each of which occurs once. */
  static ofAscendingKeys<T>(keys: readonly string[], values: readonly T[]): PersistentMap<T> {
    const { length } = keys;
    if (length === 0) return PersistentMap.EMPTY;
    if (length <= MAX_FLAT_SIZE) return PersistentMap.ofFlat(new FlatEntries(keys, values, true));
    const map = new PersistentMap(treeOf(keys, values), undefined, length, length);
    map.#nodes = null;
    return map;
  }

  /** Returns a map of at least one entry. */
  static ofFlat<T>(flat: FlatEntries<T>): PersistentMap<T> {
    const { length } = flat.keys;
    const map = new PersistentMap<T>(undefined, undefined, length, length);
    map.#flat = flat;
    map.#nodes = null;
    return map;
  }

  /** Returns a map that wraps a tree. Several maps may share the tree. */
  static ofRoot<T>(root: MapNode<T>): PersistentMap<T> {
    return new PersistentMap<T>(root, undefined, 0, root.size);
  }

  /** Returns whether this class made the object, whatever prototype the object has. */
  static isMap(value: object): value is PersistentMap<unknown> {
    return #history in value;
  }

  /** The entries as a tree in key order. */
  get root(): MapNode<T> | null {
    if (this.#root === undefined) {
      this.#root = this.#flat === undefined ? (this.#history?.rootAt(this.#length) ?? null) : this.#flat.tree();
      this.#flat = undefined;
    }
    if (this.#changed !== undefined) this.#root = updateTree(this.#root, this.#changed);
    this.#changed = undefined;
    return this.#root;
  }

  get tag(): "Map" {
    return "Map";
  }

  get(key: string): T | undefined {
    if (this.#nodes instanceof Map) {
      // A comparison with the last key would take longer than this search.
      const node = this.#nodes.get(key);
      this.#lastKey = key;
      this.#lastNode = node;
      return node?.value;
    }
    if (this.#flat !== undefined) return this.#flat.get(key);
    if (this.#history !== undefined) {
      const value = this.#history.get(key, this.#length);
      if (value !== null) return value;
    }
    return this.#nodes === undefined ? treeGet(this.root, key) : this.ownNode(key)?.value;
  }

  /** Returns the node with the key in a tree whose nodes no other map uses. */
  private ownNode(key: string): MapNode<T> | undefined {
    if (key !== this.#lastKey) {
      this.#lastNode = this.findOwnNode(key);
      this.#lastKey = key;
    }
    return this.#lastNode;
  }

  private findOwnNode(key: string): MapNode<T> | undefined {
    if (this.#nodes instanceof Map) return this.#nodes.get(key);
    this.#lookups += 1;
    if (this.#lookups > this.size && this.size >= MIN_INDEX_SIZE) {
      const nodes = new Map<string, MapNode<T>>();
      visitTree(this.root, (node) => nodes.set(node.key, node));
      this.#nodes = nodes;
      this.#lookups = 0;
    }
    return treeNode(this.root, key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  set(key: string, value: T): PersistentMap<T> {
    if (this.#history === undefined && (this.size < MIN_HISTORY_SIZE || !this.startHistory())) {
      const version = this.treeVersion(treeSet(this.root, key, value));
      if (this.size === 0) version.#nodes = null;
      return version;
    }
    return this.put(key, value) ?? this.treeVersion(treeSet(this.root, key, value));
  }

  /** Sets a key in place. Nothing else may refer to this version. Takes no more time and memory than `set`, amortized. */
  setUnique(key: string, value: T): void {
    const history = this.#history;
    if (history === undefined) {
      const node = this.#nodes === undefined ? undefined : this.ownNode(key);
      if (node !== undefined) node.value = value;
      else if (!this.#addToIndex(key, value)) this.become(this.set(key, value));
    } else if (!history.isOpenAt(this.#length) || !this.putInPlace(history, key, value)) this.become(this.set(key, value));
  }

  /** Returns the index, if keys may be added and removed in the index only. The tree of a saved state must not change. */
  #freeIndex(): Map<string, MapNode<T>> | undefined {
    return this.#nodes instanceof Map && this.#saved === undefined && this.owner?.log === undefined ? this.#nodes : undefined;
  }

  /** Adds a key in the index only, if that is possible. Returns whether it did. */
  #addToIndex(key: string, value: T): boolean {
    const nodes = this.size < MIN_HISTORY_SIZE - 1 ? this.#freeIndex() : undefined;
    if (nodes === undefined) return false;
    const node = new MapNode(key, value, null, null, 0, 0);
    nodes.set(key, node);
    this.size += 1;
    this.#noteChange(node);
    this.#lastKey = key;
    this.#lastNode = node;
    return true;
  }

  /** Notes a node that was added to the index or removed from it. Limits the number of changes that the tree has not followed. */
  #noteChange(node: MapNode<T>): void {
    this.#length += 1;
    if (this.#changed === undefined) this.#changed = [node];
    else if (this.#changed.push(node) > this.size) void this.root;
  }

  /** Removes a key in place. Nothing else may refer to this version. */
  deleteUnique(key: string): void {
    const nodes = this.#freeIndex();
    const node = nodes?.get(key);
    if (node !== undefined) {
      nodes?.delete(key);
      this.size -= 1;
      this.#noteChange(node);
      this.#lastKey = undefined;
      return;
    }
    const version = this.delete(key);
    if (version !== this) this.become(version);
  }

  /** Takes over the storage of a new version that was made from this one. Only the caller may refer to these two versions. */
  private become(version: PersistentMap<T>): void {
    const ownedTree = version.#history === undefined && (this.#nodes !== undefined || version.#nodes !== undefined);
    const becomesSmall = this.size >= MIN_HISTORY_SIZE && version.size < MIN_HISTORY_SIZE;
    this.#root = version.#root;
    this.#changed = undefined;
    // In the same history, only this version sees the entries that it has added.
    if (this.#history !== version.#history) this.#sharedLength = version.#sharedLength;
    this.#history = version.#history;
    this.#length = version.#length;
    this.size = version.size;
    this.#lastKey = undefined;
    if (!ownedTree) this.#lookups = 0;
    this.#nodes = ownedTree && this.size < MIN_HISTORY_SIZE ? null : undefined;
    // The changes that have paid for the nodes also pay for a history.
    if (ownedTree && this.size >= MIN_HISTORY_SIZE) this.#length = this.size;
    // Otherwise a map whose size swings around the minimum would copy its nodes at every second change.
    if (becomesSmall && this.#history === undefined) this.#length = 0;
    if (this.#history !== undefined || this.#nodes !== undefined || this.size >= MIN_HISTORY_SIZE || this.#length < this.size) return;
    // These changes have paid for nodes that no other map uses.
    this.#root = treeCopy(this.root);
    this.#length = 0;
    this.#nodes = null;
  }

  /** Sets a key in place, if this version has a history or is small. The version must be owned and paid for. Returns whether it did. */
  setInPlace(key: string, value: T): boolean {
    const history = this.#history;
    if (history === undefined) return this.setInTree(key, value);
    if (!history.isOpenAt(this.#length)) return false;
    if (this.owner?.log !== undefined) this.#save(this.owner.log);
    return this.putInPlace(history, key, value);
  }

  /** Sets a key in the history and in this version, which must be the newest of the history. Returns false if a new history should start. */
  private putInPlace(history: MapHistory<T>, key: string, value: T): boolean {
    const entry = history.replaceable(key, Math.max(this.#sharedLength, history.treeLength));
    if (entry > 0 && this.#mayReplace(history, entry)) {
      history.replace(entry, value);
      this.#root = undefined;
      return true;
    }
    const sizeChange = history.isMostlyDead(this.size) ? undefined : history.put(key, value);
    if (sizeChange === undefined) return false;
    this.#root = undefined;
    this.#length = history.count;
    this.size += sizeChange;
    return true;
  }

  private setInTree(key: string, value: T): boolean {
    if (this.size >= MIN_HISTORY_SIZE) return false;
    if (this.#nodes === undefined) {
      this.#root = treeCopy(this.root);
      this.#nodes = null;
      this.#lastKey = undefined;
    }
    const log = this.owner?.log;
    const node = this.ownNode(key);
    if (node !== undefined) {
      log?.save(node);
      node.value = value;
      return true;
    }
    if (this.#addToIndex(key, value)) return true;
    if (log !== undefined) this.#save(log);
    this.#root = treeSet(this.root, key, value);
    this.#nodes = null;
    this.#lastKey = undefined;
    this.#length += 1;
    this.size += 1;
    return true;
  }

  /**
   * Saves the value of an entry, if `restore` will need it. Returns false if as many values are saved as the map has entries. Then a change adds an
   * entry, so that the memory for saved values is bounded.
   */
  #mayReplace(history: MapHistory<T>, entry: number): boolean {
    const saved = this.#saved;
    if (saved === undefined || saved.history !== history || entry > saved.length) return true;
    if (saved.replaced.length >= this.size) return false;
    saved.replaced.push({ entry, value: history.valueOf(entry) });
    return true;
  }

  /** Saves the state before a change in place, unless it is saved. */
  #save(log: ChangeLog): void {
    if (this.#saved !== undefined) return;
    this.#saved = {
      root: this.#history === undefined ? this.root : this.#root,
      history: this.#history,
      length: this.#length,
      size: this.size,
      replaced: [],
    };
    this.#history?.keepNewest();
    log.add(this);
  }

  /** Undoes the changes in place since the first `#save`. */
  restore(): void {
    if (this.#saved === undefined) return;
    const { root, history, length, size, replaced } = this.#saved;
    if (replaced.length > 0) history?.dropTree();
    for (const { entry, value } of replaced.reverse()) history?.replace(entry, value);
    this.#root = root;
    this.#history = history;
    this.#length = length;
    this.size = size;
    this.#nodes = undefined;
    this.#changed = undefined;
    this.#lastKey = undefined;
  }

  forget(): void {
    this.#saved = undefined;
  }

  delete(key: string): PersistentMap<T> {
    if (!this.has(key)) return this;
    return this.put(key, undefined) ?? this.treeVersion(treeRemove(this.root, key));
  }

  /** Returns the entries in key order. */
  entries(): IterableIterator<[string, T]> {
    return treeEntries(this.root);
  }

  *keys(): IterableIterator<string> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): IterableIterator<T> {
    for (const [, value] of this.entries()) yield value;
  }

  /** Calls `visit` with each entry, in the order of the keys. Takes less time than an iterator. */
  forEach(visit: (key: string, value: T) => void): void {
    const flat = this.#flat;
    if (flat?.isAscending !== true) visitTree(this.root, ({ key, value }) => visit(key, value));
    else flat.values.forEach((value, i) => visit(flat.keys[i] ?? "", value));
  }

  /** Returns what `part` makes of each entry, in the order of the keys. Takes less time than an iterator. */
  toArray<U>(part: (key: string, value: T) => U): U[] {
    const parts: U[] = [];
    this.forEach((key, value) => parts.push(part(key, value)));
    return parts;
  }

  // `private` instead of `#`: TypeScript 7.0 emits a wrong class for a `#` method that names a class with a static field of its own type.
  private treeVersion(root: MapNode<T> | null): PersistentMap<T> {
    const paidChanges = this.#history === undefined ? this.#length + 1 : 1;
    if (this.#history === undefined) this.#length = 0;
    return new PersistentMap(root, undefined, paidChanges, treeSize(root));
  }

  /** Makes this tree the first version of a history if enough changes have paid for that. Returns whether this map now has a history. */
  private startHistory(): boolean {
    if (this.#length < this.size) return false;
    this.#length = 0;
    const history = MapHistory.ofTree(this.root);
    if (history === undefined) return false;
    this.#history = history;
    this.#length = history.count;
    this.#nodes = undefined;
    this.#lastKey = undefined;
    return true;
  }

  /**
   * Adds a change to the history. Returns undefined if there is no history, the history is closed, or this version is not the newest of its
   * history.
   */
  private put(key: string, value: T | undefined): PersistentMap<T> | undefined {
    const history = this.#history;
    if (history === undefined || !history.isOpenAt(this.#length)) return undefined;
    if (history.isMostlyDead(this.size)) {
      const renewedMap = this.restartHistory(history);
      if (value === undefined) return renewedMap.delete(key);
      return renewedMap.setInPlace(key, value) ? renewedMap : renewedMap.set(key, value);
    }
    history.keepNewest();
    const sizeChange = history.put(key, value);
    return sizeChange === undefined
      ? undefined
      : new PersistentMap<T>(undefined, history, history.count, this.size + sizeChange, this.#length);
  }

  /** Returns the same map in a new history without dead entries, or as a tree if the map has become small. */
  private restartHistory(history: MapHistory<T>): PersistentMap<T> {
    history.close();
    const newHistory = this.size < MIN_HISTORY_SIZE ? undefined : MapHistory.ofEntries(history.entriesAt(this.#length), this.#root ?? null);
    return newHistory === undefined
      ? new PersistentMap(this.root, undefined, 0, this.size)
      : new PersistentMap(this.#root, newHistory, newHistory.count, this.size, 0);
  }
}
