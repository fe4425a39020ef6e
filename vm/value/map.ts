import { MapLine } from "./map-history.ts";
import { type MapNode, treeEntries, treeGet, treeRemove, treeSet, treeSize } from "./map-tree.ts";
import type { Value } from "./value.ts";

/** Entries from which a map may begin a line. A smaller one is found faster in its tree, and takes no more memory. */
const LINE_SIZE = 128;

/**
 * A persistent map with String keys in UTF-8 byte order. The usual case of a large one is a line (`map-line.ts`): each
 * change of the newest version adds an entry to a log that all its versions share, and a key is found by its hash. The
 * tree (`map-tree.ts`) of such a version is made when its order is asked for. A version that was changed already goes
 * on as a tree, and as a line again only after as many changes in a row as it has entries: so whatever version a change
 * starts from, it takes O(log n) of time and memory, the work of beginning lines included.
 */
export class MapValue {
  static readonly EMPTY: MapValue = new MapValue(null, undefined, 0, 0);
  readonly size: number;
  /** Undefined as long as a version of a line was not asked for it. */
  #root: MapNode | null | undefined;
  #line: MapLine | undefined;
  /**
   * Of a line's version, the entries of the log that it sees. Of a tree, the changes in a row that led to it, each the
   * first of its version, since the last line: they pay for the next.
   */
  #length: number;

  private constructor(root: MapNode | null | undefined, line: MapLine | undefined, length: number, size: number) {
    this.#root = root;
    this.#line = line;
    this.#length = length;
    this.size = size;
  }

  /** A later entry with the same key wins. */
  static from(entries: Iterable<readonly [string, Value]>): MapValue {
    let result = MapValue.EMPTY;
    for (const [key, value] of entries) result = result.set(key, value);
    return result;
  }

  /** Of nodes made by `mapNode`: shared with other versions, so that they can be written down once. */
  static ofRoot(root: MapNode): MapValue {
    return new MapValue(root, undefined, 0, root.size);
  }

  /** Whether a host's object really is a map, whatever its prototype says. */
  static isMap(value: object): value is MapValue {
    return #line in value;
  }

  get root(): MapNode | null {
    if (this.#root === undefined) this.#root = this.#line?.rootAt(this.#length) ?? null;
    return this.#root;
  }

  get tag(): "Map" {
    return "Map";
  }

  get(key: string): Value | undefined {
    if (this.#line !== undefined) {
      const found = this.#line.get(key, this.#length);
      if (found !== null) return found;
    }
    return treeGet(this.root, key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  set(key: string, value: Value): MapValue {
    if (this.#line === undefined && (this.size < LINE_SIZE || !this.beginLine())) return this.treeVersion(treeSet(this.root, key, value));
    return this.put(key, value) ?? this.treeVersion(treeSet(this.root, key, value));
  }

  delete(key: string): MapValue {
    if (!this.has(key)) return this;
    return this.put(key, undefined) ?? this.treeVersion(treeRemove(this.root, key));
  }

  /** In key order. */
  entries(): IterableIterator<[string, Value]> {
    return treeEntries(this.root);
  }

  *keys(): IterableIterator<string> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): IterableIterator<Value> {
    for (const [, value] of this.entries()) yield value;
  }

  // `private` and not `#`: TypeScript 7.0 writes a wrong class where a `#` method names it and a static field makes one.
  private treeVersion(root: MapNode | null): MapValue {
    const paid = this.#line === undefined ? this.#length + 1 : 1;
    if (this.#line === undefined) this.#length = 0;
    return new MapValue(root, undefined, paid, treeSize(root));
  }

  /** Makes this version, a tree, the first of a line, if that is paid for. */
  private beginLine(): boolean {
    if (this.#length < this.size) return false;
    this.#length = 0;
    const line = MapLine.ofTree(this.root);
    if (line === undefined) return false;
    this.#line = line;
    this.#length = line.count;
    return true;
  }

  /** As the line's newest version. Undefined where this one is in none or not the newest, or where the line takes no more. */
  private put(key: string, value: Value | undefined): MapValue | undefined {
    const line = this.#line;
    if (line === undefined || !line.isOpenAt(this.#length)) return undefined;
    if (line.isWornAt(this.size)) {
      const renewed = this.renewed(line);
      return value === undefined ? renewed.delete(key) : renewed.set(key, value);
    }
    const change = line.put(key, value);
    return change === undefined ? undefined : new MapValue(undefined, line, line.count, this.size + change);
  }

  /** The same map where nothing is dead; a tree where it became small. */
  private renewed(line: MapLine): MapValue {
    line.close();
    const fresh = this.size < LINE_SIZE ? undefined : MapLine.ofEntries(line.entriesAt(this.#length), this.#root ?? null);
    return fresh === undefined ? new MapValue(this.root, undefined, 0, this.size) : new MapValue(this.#root, fresh, fresh.count, this.size);
  }
}
