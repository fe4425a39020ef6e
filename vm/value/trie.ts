/**
 * A persistent vector (after Bagwell and Hickey): a 16-way tree of full leaves, and a tail of at most 16 elements that are not
 * yet in the tree. Nodes are narrow because a program may make many versions, each of which copies a path of the tree at the
 * charge of one push. Lists have fewer than 2^26 elements (`MAX_LIST_LENGTH`), so the tree has at most seven levels and
 * recursion by level is safe.
 */

const BITS = 4;
/** Elements of a leaf, and the most children of an inner node. */
export const WIDTH: number = 1 << BITS;
const MASK = WIDTH - 1;
/** Most levels of inner nodes above the leaves. */
export const MAX_HEIGHT = 6;

export interface Inner<T> {
  readonly children: readonly Tree<T>[];
}
export interface Leaf<T> {
  readonly items: readonly T[];
}
export type Tree<T> = Inner<T> | Leaf<T>;

export interface Trie<T> {
  readonly count: number;
  /** Bits of an index below the root's level; 0 where the root is a leaf. */
  readonly shift: number;
  /** Undefined when all elements are in the tail. May hold elements of other versions after the `count - tail.length` of this one. */
  readonly root: Tree<T> | undefined;
  readonly tail: readonly T[];
}

export const EMPTY_TRIE: Trie<never> = { count: 0, shift: 0, root: undefined, tail: [] };

/** How many elements are in the tree. */
const treeCount = (trie: Trie<unknown>): number => trie.count - trie.tail.length;

/** A trie from a tree of `size` elements that is `height` levels high, and a tail. */
export const trieOf = <T>(root: Tree<T> | undefined, height: number, size: number, tail: readonly T[]): Trie<T> => ({
  count: size + tail.length,
  shift: height * BITS,
  root,
  tail,
});

export function trieGet<T>(trie: Trie<T>, index: number): T | undefined {
  return index < trie.count ? trieChunk(trie, index)[index & MASK] : undefined;
}

export function triePush<T>(trie: Trie<T>, value: T): Trie<T> {
  const base = trieWithRoom(trie);
  // `concat` allocates an array of exactly this size; a spread or a push would not.
  return { count: base.count + 1, shift: base.shift, root: base.root, tail: base.tail.concat([value]) };
}

/** Where `trieAppend` copies elements from: an array or a `ListBuffer`. */
export interface Source<T> {
  slice(from: number, to: number): readonly T[];
}

/** Appends `items[from…to)`, a full leaf at a time. */
export function trieAppend<T>(trie: Trie<T>, items: Source<T>, from: number, to: number): Trie<T> {
  let result = trie;
  let at = from;
  while (at < to) {
    const base = trieWithRoom(result);
    const next = Math.min(to, at + (WIDTH - base.tail.length));
    const tail = base.tail.concat(items.slice(at, next));
    result = { count: base.count + next - at, shift: base.shift, root: base.root, tail };
    at = next;
  }
  return result;
}

/** The leaf or tail that holds the element at `index`, which is in range; the element is at `index % WIDTH` in it. */
export function trieChunk<T>(trie: Trie<T>, index: number): readonly T[] {
  if (index >= treeCount(trie)) return trie.tail;
  let tree = trie.root;
  for (let shift = trie.shift; tree !== undefined; shift -= BITS) {
    if ("items" in tree) return tree.items;
    tree = tree.children[(index >>> shift) & MASK];
  }
  return [];
}

/** The first `count` elements; `count` is at most `trie.count`. Copies no path: the next leaf added replaces the elements cut off. */
export function trieTake<T>(trie: Trie<T>, count: number): Trie<T> {
  if (count === trie.count) return trie;
  if (count === 0) return EMPTY_TRIE;
  const last = count - 1;
  const tail = trieChunk(trie, last).slice(0, (last & MASK) + 1);
  return tail.length === count ? { count, shift: 0, root: undefined, tail } : { count, shift: trie.shift, root: trie.root, tail };
}

/** The same elements, with room in the tail. */
export function trieWithRoom<T>(trie: Trie<T>): Trie<T> {
  return trie.tail.length === WIDTH ? withLeaf(trie) : trie;
}

/** Moves the full tail into the tree. */
function withLeaf<T>(trie: Trie<T>): Trie<T> {
  const leaf: Leaf<T> = { items: trie.tail };
  const { root, shift } = trie;
  if (root === undefined) return { count: trie.count, shift: 0, root: leaf, tail: [] };
  const inTree = treeCount(trie);
  if (inTree === WIDTH << shift) {
    const grown: Inner<T> = { children: [root, spine(leaf, shift)] };
    return { count: trie.count, shift: shift + BITS, root: grown, tail: [] };
  }
  return { count: trie.count, shift, root: insertLeaf(root, shift, inTree, leaf), tail: [] };
}

/** A tree of one leaf, with inner nodes of one child above it. */
function spine<T>(leaf: Leaf<T>, shift: number): Tree<T> {
  return shift === 0 ? leaf : { children: [spine(leaf, shift - BITS)] };
}

/** Inserts the leaf whose first element has this index, and drops all elements from there on. */
function insertLeaf<T>(tree: Tree<T>, shift: number, index: number, leaf: Leaf<T>): Tree<T> {
  if ("items" in tree) return leaf;
  const slot = (index >>> shift) & MASK;
  const child = tree.children[slot];
  const inserted = child === undefined ? spine(leaf, shift - BITS) : insertLeaf(child, shift - BITS, index, leaf);
  return { children: tree.children.slice(0, slot).concat([inserted]) };
}

/** The tree without elements of other versions; the same object where there are none. Undefined when all elements are in the tail. */
export function ownTree<T>(trie: Trie<T>): Tree<T> | undefined {
  return trie.root === undefined ? undefined : cutAfter(trie.root, trie.shift, treeCount(trie) - 1);
}

/** The tree up to the leaf that holds index `last`. */
function cutAfter<T>(tree: Tree<T>, shift: number, last: number): Tree<T> {
  if ("items" in tree) return tree;
  const slot = (last >>> shift) & MASK;
  const child = tree.children[slot];
  const own = child === undefined ? child : cutAfter(child, shift - BITS, last);
  if (own === undefined || (own === child && tree.children.length === slot + 1)) return tree;
  return { children: tree.children.slice(0, slot).concat([own]) };
}
