import { compareUtf8 } from "./utf8.ts";
import type { Value } from "./value.ts";

interface Node {
  readonly key: string;
  readonly value: Value;
  readonly left: Node | null;
  readonly right: Node | null;
  readonly height: number;
  readonly size: number;
}

const height = (node: Node | null): number => (node === null ? 0 : node.height);
const size = (node: Node | null): number => (node === null ? 0 : node.size);

function make(key: string, value: Value, left: Node | null, right: Node | null): Node {
  return { key, value, left, right, height: Math.max(height(left), height(right)) + 1, size: size(left) + size(right) + 1 };
}

/** Makes a node of two AVL trees whose heights differ by at most two. */
function balance(key: string, value: Value, left: Node | null, right: Node | null): Node {
  const tilt = height(left) - height(right);
  if (tilt > 1 && left !== null) {
    if (height(left.left) >= height(left.right) || left.right === null) {
      return make(left.key, left.value, left.left, make(key, value, left.right, right));
    }
    const middle = left.right;
    return make(middle.key, middle.value, make(left.key, left.value, left.left, middle.left), make(key, value, middle.right, right));
  }
  if (tilt < -1 && right !== null) {
    if (height(right.right) >= height(right.left) || right.left === null) {
      return make(right.key, right.value, make(key, value, left, right.left), right.right);
    }
    const middle = right.left;
    return make(middle.key, middle.value, make(key, value, left, middle.left), make(right.key, right.value, middle.right, right.right));
  }
  return make(key, value, left, right);
}

function insert(node: Node | null, key: string, value: Value): Node {
  if (node === null) return make(key, value, null, null);
  const order = compareUtf8(key, node.key);
  if (order === 0) return make(key, value, node.left, node.right);
  return order < 0
    ? balance(node.key, node.value, insert(node.left, key, value), node.right)
    : balance(node.key, node.value, node.left, insert(node.right, key, value));
}

function removeFirst(node: Node): { first: Node; rest: Node | null } {
  if (node.left === null) return { first: node, rest: node.right };
  const { first, rest } = removeFirst(node.left);
  return { first, rest: balance(node.key, node.value, rest, node.right) };
}

function remove(node: Node | null, key: string): Node | null {
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
  readonly #root: Node | null;

  private constructor(root: Node | null) {
    this.#root = root;
  }

  /** A later entry with the same key wins. */
  static from(entries: Iterable<readonly [string, Value]>): MapValue {
    let root: Node | null = null;
    for (const [key, value] of entries) root = insert(root, key, value);
    return root === null ? MapValue.EMPTY : new MapValue(root);
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
    const path: Node[] = [];
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
