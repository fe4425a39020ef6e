/** A persistent map as a tree in key order: an AVL tree, so at most 1.44 log2(n) deep; all recursion is by level. */
import { compareUtf8 } from "./utf8.ts";
import type { Value } from "./value.ts";

/** A tree of entries in key order whose two sides differ by at most one in height. */
export interface MapNode {
  readonly key: string;
  readonly value: Value;
  readonly left: MapNode | null;
  readonly right: MapNode | null;
  readonly height: number;
  readonly size: number;
}

const height = (node: MapNode | null): number => (node === null ? 0 : node.height);
export const treeSize = (node: MapNode | null): number => (node === null ? 0 : node.size);

/** The caller sees to order and balance. */
export function mapNode(key: string, value: Value, left: MapNode | null, right: MapNode | null): MapNode {
  return { key, value, left, right, height: Math.max(height(left), height(right)) + 1, size: treeSize(left) + treeSize(right) + 1 };
}

/** Makes a node of two AVL trees whose heights differ by at most two. */
function balance(key: string, value: Value, left: MapNode | null, right: MapNode | null): MapNode {
  const tilt = height(left) - height(right);
  if (tilt > 1 && left !== null) {
    if (height(left.left) >= height(left.right) || left.right === null) {
      return mapNode(left.key, left.value, left.left, mapNode(key, value, left.right, right));
    }
    const middle = left.right;
    return mapNode(
      middle.key,
      middle.value,
      mapNode(left.key, left.value, left.left, middle.left),
      mapNode(key, value, middle.right, right),
    );
  }
  if (tilt < -1 && right !== null) {
    if (height(right.right) >= height(right.left) || right.left === null) {
      return mapNode(right.key, right.value, mapNode(key, value, left, right.left), right.right);
    }
    const middle = right.left;
    return mapNode(
      middle.key,
      middle.value,
      mapNode(key, value, left, middle.left),
      mapNode(right.key, right.value, middle.right, right.right),
    );
  }
  return mapNode(key, value, left, right);
}

export function treeGet(root: MapNode | null, key: string): Value | undefined {
  let node = root;
  while (node !== null) {
    const order = compareUtf8(key, node.key);
    if (order === 0) return node.value;
    node = order < 0 ? node.left : node.right;
  }
  return undefined;
}

export function treeSet(node: MapNode | null, key: string, value: Value): MapNode {
  if (node === null) return mapNode(key, value, null, null);
  const order = compareUtf8(key, node.key);
  if (order === 0) return mapNode(key, value, node.left, node.right);
  return order < 0
    ? balance(node.key, node.value, treeSet(node.left, key, value), node.right)
    : balance(node.key, node.value, node.left, treeSet(node.right, key, value));
}

function removeFirst(node: MapNode): { first: MapNode; rest: MapNode | null } {
  if (node.left === null) return { first: node, rest: node.right };
  const { first, rest } = removeFirst(node.left);
  return { first, rest: balance(node.key, node.value, rest, node.right) };
}

/** Copies the path to the key's place even where the key is not there. */
export function treeRemove(node: MapNode | null, key: string): MapNode | null {
  if (node === null) return null;
  const order = compareUtf8(key, node.key);
  if (order < 0) return balance(node.key, node.value, treeRemove(node.left, key), node.right);
  if (order > 0) return balance(node.key, node.value, node.left, treeRemove(node.right, key));
  if (node.left === null) return node.right;
  if (node.right === null) return node.left;
  const { first, rest } = removeFirst(node.right);
  return balance(first.key, first.value, node.left, rest);
}

/** Of entries in key order, no key twice. */
export function treeOf(entries: readonly (readonly [string, Value])[], from: number = 0, to: number = entries.length): MapNode | null {
  const middle = from + Math.floor((to - from) / 2);
  const entry = entries[middle];
  if (from >= to || entry === undefined) return null;
  return mapNode(entry[0], entry[1], treeOf(entries, from, middle), treeOf(entries, middle + 1, to));
}

/** In key order. */
export function* treeEntries(root: MapNode | null): IterableIterator<[string, Value]> {
  const path: MapNode[] = [];
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
