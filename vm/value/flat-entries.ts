/** The entries of a small map that has not changed since it was made, as two arrays. Most small maps, such as JSON objects, are only read. */
import { type MapNode, treeOf, treeSet } from "./map-tree.ts";

/** Up to so many keys, comparing with one key after the other takes no longer than a search in a tree. */
export const MAX_FLAT_SIZE = 8;

export class FlatEntries<T> {
  readonly keys: readonly string[];
  readonly values: readonly T[];
  /** Whether the keys are in ascending order. Otherwise they are in the order in which a program has added them. */
  readonly isAscending: boolean;

  /** Each key must occur once. */
  constructor(keys: readonly string[], values: readonly T[], isAscending: boolean) {
    this.keys = keys;
    this.values = values;
    this.isAscending = isAscending;
  }

  get(key: string): T | undefined {
    const { keys } = this;
    for (let i = 0; i < keys.length; i++) if (keys[i] === key) return this.values[i];
    return undefined;
  }

  /** Returns the entries as a tree. Its form is that of a map to which the program has added the keys one by one, because a snapshot shows it. */
  tree(): MapNode<T> | null {
    if (this.isAscending) return treeOf(this.keys, this.values);
    let root: MapNode<T> | null = null;
    for (let i = 0; i < this.keys.length; i++) {
      const value = this.values[i];
      if (value !== undefined) root = treeSet(root, this.keys[i] ?? "", value);
    }
    return root;
  }
}
