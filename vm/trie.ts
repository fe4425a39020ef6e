/**
 * A persistent vector: a 32-way tree of full leaves, and a tail of 1 to 32 elements (after Bagwell and Hickey).
 * Indices stay below 2^26 (`MAX_LIST_LENGTH`), so at most six levels; all recursion is by level.
 */
import type { Value } from "./value.ts";

const BITS = 5;
const WIDTH = 1 << BITS;
const MASK = WIDTH - 1;

interface Inner {
  readonly children: readonly Tree[];
}
interface Leaf {
  readonly items: readonly Value[];
}
type Tree = Inner | Leaf;

export interface Trie {
  readonly count: number;
  /** Bits above the leaf level; 0 where the root is a leaf. Undefined root: all is in the tail. */
  readonly shift: number;
  readonly root: Tree | undefined;
  readonly tail: readonly Value[];
}

export const EMPTY_TRIE: Trie = { count: 0, shift: 0, root: undefined, tail: [] };

const treeCount = (trie: Trie): number => trie.count - trie.tail.length;

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
    const room = WIDTH - result.tail.length;
    const base = room === 0 ? withLeaf(result) : result;
    const next = Math.min(to, at + (WIDTH - base.tail.length));
    const tail = base.tail.concat(items.slice(at, next));
    result = { count: base.count + next - at, shift: base.shift, root: base.root, tail };
    at = next;
  }
  return result;
}

export function triePush(trie: Trie, value: Value): Trie {
  const base = trie.tail.length === WIDTH ? withLeaf(trie) : trie;
  // `concat` makes an array of just that size, which a spread or a push does not.
  return { count: base.count + 1, shift: base.shift, root: base.root, tail: base.tail.concat([value]) };
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

/** `index` is that of the leaf's first element. */
function insertLeaf(tree: Tree, shift: number, index: number, leaf: Leaf): Tree {
  if ("items" in tree) return leaf;
  const slot = (index >>> shift) & MASK;
  const children = tree.children.slice();
  const child = children[slot];
  children[slot] = child === undefined ? spine(leaf, shift - BITS) : insertLeaf(child, shift - BITS, index, leaf);
  return { children };
}

/** The leaf or tail that holds an index in range, where `index & 31` is the place. */
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

export function trieItems(trie: Trie): Value[] {
  const items: Value[] = [];
  while (items.length < trie.count) for (const item of trieChunk(trie, items.length)) items.push(item);
  return items;
}

/** The first `count` elements, 0 … `trie.count`; only the paths at the cut are copied. */
export function trieTake(trie: Trie, count: number): Trie {
  if (count === trie.count) return trie;
  if (count === 0) return EMPTY_TRIE;
  const last = count - 1;
  const tail = trieChunk(trie, last).slice(0, (last & MASK) + 1);
  const held = last - (last & MASK);
  if (held === 0 || trie.root === undefined) return { count, shift: 0, root: undefined, tail };
  let root = held === treeCount(trie) ? trie.root : cut(trie.root, trie.shift, held - 1);
  let shift = trie.shift;
  while ("children" in root && root.children.length === 1 && root.children[0] !== undefined) {
    root = root.children[0];
    shift -= BITS;
  }
  return { count, shift, root, tail };
}

/** Without what lies after the leaf of index `last`. */
function cut(tree: Tree, shift: number, last: number): Tree {
  if ("items" in tree) return tree;
  const slot = (last >>> shift) & MASK;
  const children = tree.children.slice(0, slot + 1);
  const child = children[slot];
  if (child !== undefined) children[slot] = cut(child, shift - BITS, last);
  return { children };
}
