import { MapIndex } from "./map-index.ts";
import { type MapNode, treeOf, treeRemove, treeSet, treeSize } from "./map-tree.ts";
import { Pages } from "./paged-array.ts";
import { compareUtf8 } from "./utf8.ts";
import type { Value } from "./value.ts";

type Entry = readonly [string, Value];

/** Entries of one key followed back from the newest. */
const MAX_WALK = 64;
/** Dead entries that a line may have beside as many as there are live ones. */
const SLACK = 32;

/**
 * What the versions of a map in one line of changes share: a log of its entries, of which a version sees those below its
 * length, with a hash index of the newest entry of each key and, from there, the entry of the same key before.
 */
export class MapLine {
  readonly #index: MapIndex;
  /** Of each entry; where the key was removed, none. */
  readonly #values: Pages<Value | undefined> = new Pages();
  #closed = false;
  /** Entries that were there when the line began: each key once. No version is shorter. */
  #base = 0;
  /** The tree of the longest version that was asked for its tree. */
  #newest: { root: MapNode | null; length: number };
  /** Trees of the versions of length base, base + 1, …, once one older than `#newest` was asked for. */
  readonly #roots: (MapNode | null)[] = [];

  private constructor(keys: number, root: MapNode | null) {
    this.#index = new MapIndex(keys);
    this.#newest = { root, length: 0 };
  }

  /** Undefined where too many hashes are alike. */
  static ofTree(root: MapNode | null): MapLine | undefined {
    const line = new MapLine(treeSize(root), root);
    return line.#putTree(root) ? line.#begun(root) : undefined;
  }

  /** Of entries no key of which comes twice, and their tree if there is one. Undefined where too many hashes are alike. */
  static ofEntries(entries: readonly Entry[], root: MapNode | null): MapLine | undefined {
    const line = new MapLine(entries.length, root);
    return entries.every(([key, value]) => line.put(key, value) !== undefined) ? line.#begun(root) : undefined;
  }

  /** Length of the newest version. */
  get count(): number {
    return this.#values.length;
  }

  /** Whether the version of this length may be changed by `put`. */
  isOpenAt(length: number): boolean {
    return this.#values.length === length && !this.#closed;
  }

  /** Whether, with `size` keys alive, so much of the log is dead that a new line should take over. */
  isWornAt(size: number): boolean {
    return this.#values.length >= 2 * size + SLACK;
  }

  /** No version of this line is changed in it any more. */
  close(): void {
    this.#closed = true;
  }

  /** The value that the version of this length has, undefined for none, null where the entries of the key are too many. */
  get(key: string, length: number): Value | undefined | null {
    let entry = this.#index.find(key);
    for (let walk = 0; entry > length; walk++) {
      if (walk === MAX_WALK) return null;
      entry = this.#index.before(entry);
    }
    return entry === 0 ? undefined : this.#values.get(entry - 1);
  }

  /**
   * One more entry; without a value it removes the key, which must be there. Gives by how much the keys alive change;
   * undefined, and the line is closed, where the key finds no place.
   */
  put(key: string, value: Value | undefined): -1 | 0 | 1 | undefined {
    const before = this.#index.add(key);
    if (before < 0) {
      this.#closed = true;
      return undefined;
    }
    this.#values.push(value);
    if (value === undefined) return -1;
    return before > 0 && this.#values.get(before - 1) !== undefined ? 0 : 1;
  }

  /** The entries of the version of this length, as they came. */
  entriesAt(length: number): Entry[] {
    const replaced = this.#index.replaced(length);
    const entries: Entry[] = [];
    for (let entry = 1; entry <= length; entry++) {
      const value = this.#values.get(entry - 1);
      if (replaced[entry] === 0 && value !== undefined) entries.push([this.#index.keyOf(entry), value]);
    }
    return entries;
  }

  /**
   * The tree of the version of this length. Each entry goes into trees at most twice, whatever versions are asked for in
   * whatever order: once as versions get longer, and once for all that are older than one already asked for. The nodes
   * kept are those that its changes were charged for.
   */
  rootAt(length: number): MapNode | null {
    const newest = this.#newest;
    if (length >= newest.length) {
      newest.root = this.#replayed(newest.root, newest.length, length);
      newest.length = length;
      return newest.root;
    }
    const roots = this.#roots;
    if (roots.length === 0) roots.push(this.#treeAt(this.#base));
    for (let at = this.#base + roots.length; at <= length; at++) roots.push(this.#changed(roots.at(-1) ?? null, at));
    return roots[length - this.#base] ?? null;
  }

  #putTree(node: MapNode | null): boolean {
    return node === null || (this.#putTree(node.left) && this.put(node.key, node.value) !== undefined && this.#putTree(node.right));
  }

  #begun(root: MapNode | null): this {
    this.#base = this.count;
    if (root !== null) this.#newest.length = this.count;
    return this;
  }

  #replayed(root: MapNode | null, from: number, to: number): MapNode | null {
    // So many changes cost less when all is sorted anew.
    if (4 * (to - from) > treeSize(root)) return this.#treeAt(to);
    let result = root;
    for (let entry = from + 1; entry <= to; entry++) result = this.#changed(result, entry);
    return result;
  }

  #treeAt(length: number): MapNode | null {
    return treeOf(this.entriesAt(length).sort(([a], [b]) => compareUtf8(a, b)));
  }

  #changed(root: MapNode | null, entry: number): MapNode | null {
    const value = this.#values.get(entry - 1);
    return value === undefined ? treeRemove(root, this.#index.keyOf(entry)) : treeSet(root, this.#index.keyOf(entry), value);
  }
}
