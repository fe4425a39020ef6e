/**
 * A persistent vector: a 16-way tree of full leaves, and a tail of at most 16 elements (after Bagwell and Hickey). Narrow, since
 * a program may make versions that each copy a path of the tree, for the charge of a push.
 * Indices stay below 2^26 (`MAX_LIST_LENGTH`), so at most seven levels; all recursion is by level.
 */
import type { Value } from "./value.ts";

const BITS = 4;
/** Elements of a leaf, and children of a node at most. */
export const WIDTH: number = 1 << BITS;
const MASK = WIDTH - 1;
/** Levels of nodes above the leaves, at most. */
export const MAX_HEIGHT = 6;

export interface Inner {
  readonly children: readonly Tree[];
}
export interface Leaf {
  readonly items: readonly Value[];
}
export type Tree = Inner | Leaf;

export interface Trie {
  readonly count: number;
  /** Bits above the leaf level; 0 where the root is a leaf. Undefined root: all is in the tail. */
  readonly shift: number;
  /** What it holds after the elements that are not in the tail is of no meaning. */
  readonly root: Tree | undefined;
  readonly tail: readonly Value[];
}

export const EMPTY_TRIE: Trie = { count: 0, shift: 0, root: undefined, tail: [] };

const treeCount = (trie: Trie): number => trie.count - trie.tail.length;

/** Of a tree that is `height` levels high. */
export const trieOf = (root: Tree | undefined, height: number, size: number, tail: readonly Value[]): Trie => ({
  count: size + tail.length,
  shift: height * BITS,
  root,
  tail,
});

export function trieFrom(items: readonly Value[], count: number): Trie {
  return trieAppend(EMPTY_TRIE, items, 0, count);
}

/** What elements are copied from. */
export interface Source {
  slice(from: number, to: number): readonly Value[];
}

/** With `items[from…to)` at the end; whole leaves at a time. */
export function trieAppend(trie: Trie, items: Source, from: number, to: number): Trie {
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

export function triePush(trie: Trie, value: Value): Trie {
  const base = trieWithRoom(trie);
  // `concat` makes an array of just that size, which a spread or a push does not.
  return { count: base.count + 1, shift: base.shift, root: base.root, tail: base.tail.concat([value]) };
}

/** The same elements, with room in the tail. */
export function trieWithRoom(trie: Trie): Trie {
  return trie.tail.length === WIDTH ? withLeaf(trie) : trie;
}

/** Moves the full tail into the tree. */
function withLeaf(trie: Trie): Trie {
  const leaf: Leaf = { items: trie.tail };
  const { root, shift } = trie;
  if (root === undefined) return { count: trie.count, shift: 0, root: leaf, tail: [] };
  const held = treeCount(trie);
  if (held === WIDTH << shift) {
    const grown: Inner = { children: [root, spine(leaf, shift)] };
    return { count: trie.count, shift: shift + BITS, root: grown, tail: [] };
  }
  return { count: trie.count, shift, root: insertLeaf(root, shift, held, leaf), tail: [] };
}

function spine(leaf: Leaf, shift: number): Tree {
  return shift === 0 ? leaf : { children: [spine(leaf, shift - BITS)] };
}

/** In the place of all that lies from `index` on, which is that of the leaf's first element. */
function insertLeaf(tree: Tree, shift: number, index: number, leaf: Leaf): Tree {
  if ("items" in tree) return leaf;
  const slot = (index >>> shift) & MASK;
  const child = tree.children[slot];
  const inserted = child === undefined ? spine(leaf, shift - BITS) : insertLeaf(child, shift - BITS, index, leaf);
  return { children: tree.children.slice(0, slot).concat([inserted]) };
}

/** The leaf or tail that holds an index in range, where `index % WIDTH` is the place. */
export function trieChunk(trie: Trie, index: number): readonly Value[] {
  if (index >= treeCount(trie)) return trie.tail;
  let tree = trie.root;
  for (let shift = trie.shift; tree !== undefined; shift -= BITS) {
    if ("items" in tree) return tree.items;
    tree = tree.children[(index >>> shift) & MASK];
  }
  return [];
}

export function trieGet(trie: Trie, index: number): Value | undefined {
  return index < trie.count ? trieChunk(trie, index)[index & MASK] : undefined;
}

/** The first `count` elements, 0 … `trie.count`. Copies no path: what lies after them leaves the tree with the next leaf. */
export function trieTake(trie: Trie, count: number): Trie {
  if (count === trie.count) return trie;
  if (count === 0) return EMPTY_TRIE;
  const last = count - 1;
  const tail = trieChunk(trie, last).slice(0, (last & MASK) + 1);
  return tail.length === count ? { count, shift: 0, root: undefined, tail } : { count, shift: trie.shift, root: trie.root, tail };
}

/** The tree with its own elements alone; the same one where it has no others. Undefined when all is in the tail. */
export function ownTree(trie: Trie): Tree | undefined {
  const held = treeCount(trie);
  return trie.root === undefined ? undefined : cut(trie.root, trie.shift, held - 1);
}

/** Without what lies after the leaf of index `last`. */
function cut(tree: Tree, shift: number, last: number): Tree {
  if ("items" in tree) return tree;
  const slot = (last >>> shift) & MASK;
  const child = tree.children[slot];
  const own = child === undefined ? child : cut(child, shift - BITS, last);
  if (own === undefined || (own === child && tree.children.length === slot + 1)) return tree;
  return { children: tree.children.slice(0, slot).concat([own]) };
}
