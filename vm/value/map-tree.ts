/** A persistent map as an AVL tree in key order. The tree is at most 1.44 log2(n) levels deep, so recursion by level is safe. */
import { commonUnits, compareUnits, compareUtf8 } from "./utf8.ts";

/** A tree, given by its root. The heights of its two subtrees differ by at most one. Changes only if one map alone uses it (see `PersistentMap`). */
export class MapNode<T> {
  readonly key: string;
  value: T;
  left: MapNode<T> | null;
  right: MapNode<T> | null;
  height: number;
  /** The number of entries. 0 in a node that is in no tree (see `updateTree`). */
  size: number;
  /** Makes a node. The caller is responsible for key order and balance, and for height and size if it passes these. */
  constructor(
    key: string,
    value: T,
    left: MapNode<T> | null,
    right: MapNode<T> | null,
    levels: number = Math.max(height(left), height(right)) + 1,
    size: number = treeSize(left) + treeSize(right) + 1,
  ) {
    this.key = key;
    this.value = value;
    this.left = left;
    this.right = right;
    this.height = levels;
    this.size = size;
  }
  copy(): MapNode<T> {
    return new MapNode(this.key, this.value, this.left, this.right);
  }
  /** Takes the value of a copy. */
  assign({ value }: MapNode<T>): void {
    this.value = value;
  }
}

const height = (node: MapNode<unknown> | null): number => (node === null ? 0 : node.height);
export const treeSize = (node: MapNode<unknown> | null): number => (node === null ? 0 : node.size);

/**
 * Returns the node with the key. On the way, `below` and `above` are how many code units the key has in common at its start with the closest
 * keys found so far, below it and above it. Every key between those two has at least the smaller number in common with it, so a comparison
 * begins after that.
 */
export function treeNode<T>(root: MapNode<T> | null, key: string): MapNode<T> | undefined {
  let node = root;
  let below = 0;
  let above = 0;
  while (node !== null) {
    const common = commonUnits(key, node.key, below < above ? below : above);
    const order = compareUnits(key, node.key, common);
    if (order === 0) return node;
    if (order < 0) {
      above = common;
      node = node.left;
    } else {
      below = common;
      node = node.right;
    }
  }
  return undefined;
}

export const treeGet = <T>(root: MapNode<T> | null, key: string): T | undefined => treeNode(root, key)?.value;

/** Returns a tree with the same entries that shares no nodes with this one. */
export function treeCopy<T>(node: MapNode<T> | null): MapNode<T> | null {
  return node === null ? null : new MapNode(node.key, node.value, treeCopy(node.left), treeCopy(node.right));
}

/**
 * Returns the tree with the key set to the value. `below` and `above` are how many code units the key has in common with the closest keys below and
 * above this tree (see `treeNode`).
 */
export function treeSet<T>(node: MapNode<T> | null, key: string, value: T, below = 0, above = 0): MapNode<T> {
  if (node === null) return new MapNode(key, value, null, null, 1, 1);
  const { left, right, height: levels, size } = node;
  const common = commonUnits(key, node.key, Math.min(below, above));
  const order = compareUnits(key, node.key, common);
  if (order === 0) return new MapNode(key, value, left, right, levels, size);
  const oldChild = order < 0 ? left : right;
  const newChild = order < 0 ? treeSet(left, key, value, below, common) : treeSet(right, key, value, common, above);
  const [newLeft, newRight] = order < 0 ? [newChild, right] : [left, newChild];
  // A subtree of the same height needs no rotation.
  if (oldChild === null || newChild.height !== oldChild.height) return balance(node, newLeft, newRight, withChildren);
  return new MapNode(node.key, node.value, newLeft, newRight, levels, size + newChild.size - oldChild.size);
}

/** Makes a node with the key and value of this one, and other subtrees. */
type Link = <T>(node: MapNode<T>, left: MapNode<T> | null, right: MapNode<T> | null) => MapNode<T>;

const withChildren: Link = ({ key, value }, left, right) => new MapNode(key, value, left, right);

/** Changes the subtrees of a node in place. */
const relink: Link = (node, left, right) => {
  node.left = left;
  node.right = right;
  node.height = Math.max(height(left), height(right)) + 1;
  node.size = treeSize(left) + treeSize(right) + 1;
  return node;
};

/** Returns the tree without the key. Copies the path to the key's position even if the tree does not have the key. */
export function treeRemove<T>(node: MapNode<T> | null, key: string, link: Link = withChildren): MapNode<T> | null {
  if (node === null) return null;
  const order = compareUtf8(key, node.key);
  if (order < 0) return balance(node, treeRemove(node.left, key, link), node.right, link);
  if (order > 0) return balance(node, node.left, treeRemove(node.right, key, link), link);
  if (node.left === null) return node.right;
  if (node.right === null) return node.left;
  const { first, rest } = removeFirst(node.right, link);
  return balance(first, node.left, rest, link);
}

function removeFirst<T>(node: MapNode<T>, link: Link): { first: MapNode<T>; rest: MapNode<T> | null } {
  if (node.left === null) return { first: node, rest: node.right };
  const { first, rest } = removeFirst(node.left, link);
  return { first, rest: balance(node, rest, node.right, link) };
}

/** Makes a balanced node with the key and value of `node` of two AVL trees whose heights differ by at most two. */
function balance<T>(node: MapNode<T>, left: MapNode<T> | null, right: MapNode<T> | null, link: Link): MapNode<T> {
  const heightDifference = height(left) - height(right);
  if (heightDifference > 1 && left !== null) {
    const { left: outer, right: inner } = left;
    if (height(outer) >= height(inner) || inner === null) return link(left, outer, link(node, inner, right));
    const { left: innerLeft, right: innerRight } = inner;
    return link(inner, link(left, outer, innerLeft), link(node, innerRight, right));
  }
  if (heightDifference < -1 && right !== null) {
    const { left: inner, right: outer } = right;
    if (height(outer) >= height(inner) || inner === null) return link(right, link(node, left, inner), outer);
    const { left: innerLeft, right: innerRight } = inner;
    return link(inner, link(node, left, innerLeft), link(right, innerRight, outer));
  }
  return link(node, left, right);
}

/**
 * Changes a tree in place. Adds or removes each of the nodes, in this order: a node in the tree is removed, and one that is in no tree is added. The
 * result has the same form as one of `treeSet` and `treeRemove`, because a snapshot shows it.
 */
export function updateTree<T>(root: MapNode<T> | null, changed: readonly MapNode<T>[]): MapNode<T> | null {
  let tree = root;
  for (const node of changed) {
    if (node.size === 0) tree = insert(tree, relink(node, null, null));
    else {
      tree = treeRemove(tree, node.key, relink);
      node.size = 0;
    }
  }
  return tree;
}

/** Adds a node, whose key the tree lacks. Changes the tree in place. `below` and `above` are those of `treeSet`. */
function insert<T>(tree: MapNode<T> | null, node: MapNode<T>, below = 0, above = 0): MapNode<T> {
  if (tree === null) return node;
  const common = commonUnits(node.key, tree.key, Math.min(below, above));
  return compareUnits(node.key, tree.key, common) < 0
    ? balance(tree, insert(tree.left, node, below, common), tree.right, relink)
    : balance(tree, tree.left, insert(tree.right, node, common, above), relink);
}

/** Returns a tree from each key to the value at the same index. The keys must be in ascending order, and each occur once. */
export function treeOf<T>(keys: readonly string[], values: readonly T[], from: number = 0, to: number = values.length): MapNode<T> | null {
  const middle = (from + to) >>> 1;
  const value = values[middle];
  if (from >= to || value === undefined) return null;
  return new MapNode(keys[middle] ?? "", value, treeOf(keys, values, from, middle), treeOf(keys, values, middle + 1, to));
}

/** Calls `visit` with each node in key order. Takes less time than an iterator. */
export function visitTree<T>(node: MapNode<T> | null, visit: (node: MapNode<T>) => void): void {
  if (node === null) return;
  visitTree(node.left, visit);
  visit(node);
  visitTree(node.right, visit);
}

/** Yields the entries in key order. */
export function* treeEntries<T>(root: MapNode<T> | null): IterableIterator<[string, T]> {
  const path: MapNode<T>[] = [];
  let node = root;
  while (node !== null || path.length > 0) {
    while (node !== null) {
      path.push(node);
      node = node.left;
    }
    const top = path.pop();
    if (top === undefined) return;
    yield [top.key, top.value];
    node = top.right;
  }
}
