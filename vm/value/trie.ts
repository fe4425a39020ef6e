/**
 * A persistent vector (after Bagwell and Hickey). It consists of a 16-way tree of full leaves and a tail of at most 16 elements that
 * are not yet in the tree. Nodes are narrow, because a new version may copy a path of the tree but is charged for only one push.
 * Lists have at most 2^26 elements (`MAX_LIST_LENGTH`), so the tree has at most seven levels and recursion by level is safe.
 */

const BITS = 4;
/** The number of elements of a leaf and the maximum number of children of an inner node. */
export const WIDTH: number = 1 << BITS;
const MASK = WIDTH - 1;
/** Limit on the levels of inner nodes above the leaves. */
export const MAX_HEIGHT = 6;

interface Inner<T> {
  readonly children: readonly Tree<T>[];
}
interface Leaf<T> {
  readonly items: readonly T[];
}
export type Tree<T> = Inner<T> | Leaf<T>;

export interface Trie<T> {
  readonly count: number;
  /** The number of index bits that the levels below the root use. It is 0 if the root is a leaf. */
  readonly shift: number;
  /**
   * Undefined if all elements are in the tail. After the `count - tail.length` elements of this version, the tree may hold elements of
   * other versions.
   */
  readonly root: Tree<T> | undefined;
  readonly tail: readonly T[];
}

export const EMPTY_TRIE: Trie<never> = { count: 0, shift: 0, root: undefined, tail: [] };

/** Returns how many elements are in the tree. */
const treeCount = (trie: Trie<unknown>): number => trie.count - trie.tail.length;

/** Returns a trie made of a tail and a tree with `size` elements and `height` levels of inner nodes. */
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
  const base = trieWithTailRoom(trie);
  // `concat` allocates an array of exactly this size; a spread or a push would not.
  return { count: base.count + 1, shift: base.shift, root: base.root, tail: base.tail.concat([value]) };
}

/** Returns a trie with another value at `index`, which must be in range. */
export function trieSet<T>(trie: Trie<T>, index: number, value: T): Trie<T> {
  const { count, shift, root, tail } = trie;
  if (root === undefined || index >= treeCount(trie)) return { count, shift, root, tail: withItem(tail, index & MASK, value) };
  return { count, shift, root: setInTree(root, shift, index, value), tail };
}

function setInTree<T>(tree: Tree<T>, shift: number, index: number, value: T): Tree<T> {
  if ("items" in tree) return { items: withItem(tree.items, index & MASK, value) };
  const slot = (index >>> shift) & MASK;
  const child = tree.children[slot];
  return child === undefined ? tree : { children: withItem(tree.children, slot, setInTree(child, shift - BITS, index, value)) };
}

function withItem<T>(items: readonly T[], index: number, value: T): readonly T[] {
  const copy = items.slice();
  copy[index] = value;
  return copy;
}

/** What `trieAppend` copies elements from. It is an array or a `ListBuffer`. */
interface Source<T> {
  slice(from: number, to: number): readonly T[];
}

/** Appends the items from index `from` up to, but not including, index `to`, one leaf at a time. Builds a new trie level by level, without copies of paths. */
export function trieAppend<T>(trie: Trie<T>, items: Source<T>, from: number, to: number): Trie<T> {
  if (trie.count === 0 && to > from) return trieFrom(items, from, to);
  let result = trie;
  let position = from;
  while (position < to) {
    const base = trieWithTailRoom(result);
    const end = Math.min(to, position + (WIDTH - base.tail.length));
    const tail = base.tail.concat(items.slice(position, end));
    result = { count: base.count + end - position, shift: base.shift, root: base.root, tail };
    position = end;
  }
  return result;
}

/** Returns a trie of the items from index `from` up to, but not including, index `to`, which is greater. */
function trieFrom<T>(items: Source<T>, from: number, to: number): Trie<T> {
  const end = to - 1 - ((to - 1 - from) & MASK);
  let level: Tree<T>[] = [];
  for (let at = from; at < end; at += WIDTH) level.push({ items: items.slice(at, at + WIDTH) });
  let height = 0;
  for (; level.length > 1; height++) {
    const parents: Tree<T>[] = [];
    for (let i = 0; i < level.length; i += WIDTH) parents.push({ children: level.slice(i, i + WIDTH) });
    level = parents;
  }
  return trieOf(level[0], height, end - from, items.slice(end, to));
}

/** Returns the leaf or tail that holds the element at `index`, which must be in range. Inside the result, the element is at `index % WIDTH`. */
export function trieChunk<T>(trie: Trie<T>, index: number): readonly T[] {
  if (index >= treeCount(trie)) return trie.tail;
  let tree = trie.root;
  for (let shift = trie.shift; tree !== undefined; shift -= BITS) {
    if ("items" in tree) return tree.items;
    tree = tree.children[(index >>> shift) & MASK];
  }
  return [];
}

/**
 * Returns a trie of the first `count` elements. `count` is at most `trie.count`. Copies no path, because the next leaf that is added
 * replaces the removed elements.
 */
export function trieTake<T>(trie: Trie<T>, count: number): Trie<T> {
  if (count === trie.count) return trie;
  if (count === 0) return EMPTY_TRIE;
  const lastIndex = count - 1;
  const tail = trieChunk(trie, lastIndex).slice(0, (lastIndex & MASK) + 1);
  return tail.length === count ? { count, shift: 0, root: undefined, tail } : { count, shift: trie.shift, root: trie.root, tail };
}

/** Returns a trie with the same elements whose tail has room for at least one more. */
export function trieWithTailRoom<T>(trie: Trie<T>): Trie<T> {
  return trie.tail.length === WIDTH ? moveTailIntoTree(trie) : trie;
}

/** Returns the trie with its full tail moved into the tree. */
function moveTailIntoTree<T>(trie: Trie<T>): Trie<T> {
  const leaf: Leaf<T> = { items: trie.tail };
  const { root, shift } = trie;
  if (root === undefined) return { count: trie.count, shift: 0, root: leaf, tail: [] };
  const inTree = treeCount(trie);
  if (inTree === WIDTH << shift) {
    const newRoot: Inner<T> = { children: [root, spine(leaf, shift)] };
    return { count: trie.count, shift: shift + BITS, root: newRoot, tail: [] };
  }
  return { count: trie.count, shift, root: insertLeaf(root, shift, inTree, leaf), tail: [] };
}

/** Returns a tree with one leaf below a chain of inner nodes. */
function spine<T>(leaf: Leaf<T>, shift: number): Tree<T> {
  return shift === 0 ? leaf : { children: [spine(leaf, shift - BITS)] };
}

/** Inserts the leaf whose first element has this index, and drops all elements from this index on. */
function insertLeaf<T>(tree: Tree<T>, shift: number, index: number, leaf: Leaf<T>): Tree<T> {
  if ("items" in tree) return leaf;
  const slot = (index >>> shift) & MASK;
  const child = tree.children[slot];
  const inserted = child === undefined ? spine(leaf, shift - BITS) : insertLeaf(child, shift - BITS, index, leaf);
  return { children: tree.children.slice(0, slot).concat([inserted]) };
}

/**
 * Returns the trie's tree without the elements that only other versions have. Returns the same object if there are no such
 * elements, and undefined if all elements of the trie are in its tail.
 */
export function versionTree<T>(trie: Trie<T>): Tree<T> | undefined {
  return trie.root === undefined ? undefined : cutAfter(trie.root, trie.shift, treeCount(trie) - 1);
}

/** Returns the tree up to the leaf that holds the element at index `last`. */
function cutAfter<T>(tree: Tree<T>, shift: number, last: number): Tree<T> {
  if ("items" in tree) return tree;
  const slot = (last >>> shift) & MASK;
  const child = tree.children[slot];
  const cutChild = child === undefined ? child : cutAfter(child, shift - BITS, last);
  if (cutChild === undefined || (cutChild === child && tree.children.length === slot + 1)) return tree;
  return { children: tree.children.slice(0, slot).concat([cutChild]) };
}
