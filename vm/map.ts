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
const size = (node: MapNode | null): number => (node === null ? 0 : node.size);

/** The caller sees to order and balance. */
export function mapNode(key: string, value: Value, left: MapNode | null, right: MapNode | null): MapNode {
  return { key, value, left, right, height: Math.max(height(left), height(right)) + 1, size: size(left) + size(right) + 1 };
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

function insert(node: MapNode | null, key: string, value: Value): MapNode {
  if (node === null) return mapNode(key, value, null, null);
  const order = compareUtf8(key, node.key);
  if (order === 0) return mapNode(key, value, node.left, node.right);
  return order < 0
    ? balance(node.key, node.value, insert(node.left, key, value), node.right)
    : balance(node.key, node.value, node.left, insert(node.right, key, value));
}

function removeFirst(node: MapNode): { first: MapNode; rest: MapNode | null } {
  if (node.left === null) return { first: node, rest: node.right };
  const { first, rest } = removeFirst(node.left);
  return { first, rest: balance(node.key, node.value, rest, node.right) };
}

function remove(node: MapNode | null, key: string): MapNode | null {
  if (node === null) return null;
  const order = compareUtf8(key, node.key);
  if (order < 0) return balance(node.key, node.value, remove(node.left, key), node.right);
  if (order > 0) return balance(node.key, node.value, node.left, remove(node.right, key));
  if (node.left === null) return node.right;
  if (node.right === null) return node.left;
  const { first, rest } = removeFirst(node.right);
  return balance(first.key, first.value, node.left, rest);
}

/** A persistent map with String keys in UTF-8 byte order: an AVL tree, so at most 1.44 log2(n) deep. */
export class MapValue {
  static readonly EMPTY: MapValue = new MapValue(null);
  readonly #root: MapNode | null;

  private constructor(root: MapNode | null) {
    this.#root = root;
  }

  /** A later entry with the same key wins. */
  static from(entries: Iterable<readonly [string, Value]>): MapValue {
    let root: MapNode | null = null;
    for (const [key, value] of entries) root = insert(root, key, value);
    return root === null ? MapValue.EMPTY : new MapValue(root);
  }

  /** Of nodes made by `mapNode`: shared with other versions, so that they can be written down once. */
  static ofRoot(root: MapNode): MapValue {
    return new MapValue(root);
  }

  get root(): MapNode | null {
    return this.#root;
  }

  get tag(): "Map" {
    return "Map";
  }

  get size(): number {
    return size(this.#root);
  }

  get(key: string): Value | undefined {
    let node = this.#root;
    while (node !== null) {
      const order = compareUtf8(key, node.key);
      if (order === 0) return node.value;
      node = order < 0 ? node.left : node.right;
    }
    return undefined;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  set(key: string, value: Value): MapValue {
    return new MapValue(insert(this.#root, key, value));
  }

  delete(key: string): MapValue {
    return this.has(key) ? new MapValue(remove(this.#root, key)) : this;
  }

  /** In key order. */
  *entries(): IterableIterator<[string, Value]> {
    const path: MapNode[] = [];
    let node = this.#root;
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

  *keys(): IterableIterator<string> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): IterableIterator<Value> {
    for (const [, value] of this.entries()) yield value;
  }
}
