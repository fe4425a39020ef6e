/**
 * Writes the values of a snapshot. Values form a graph without cycles, and one value may be part of many. So each String and each node is
 * written once, after its parts, and a reference is the index of something already written. A node is a value that contains others, an
 * entry of a map's tree, or a node of a list's trie. So versions of a list or map that share storage in memory also share it in the
 * snapshot.
 *
 * The layout is: the number of Strings, then each String as byte length and UTF-8; the number of nodes, then each node as a kind
 * (`NODE`) and its fields. After these tables, a value is a tag (`TAG`) and at most one number.
 *
 * An element of a buffer may itself be a list in that buffer, for example after `xs = list.push(xs, old)` with an earlier `xs` as
 * `old`. So a buffer is written in pieces: before each version of a list come the elements that this version needs and that are not
 * written yet. Elements that no version in this run reaches are not written, because they may belong to another run.
 */
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { BorunaError, unreachable } from "../error.ts";
import { partsOf, isContainer } from "../value/children.ts";
import { ListValue } from "../value/list.ts";
import { ListBuffer } from "../value/list-buffer.ts";
import { MapValue } from "../value/map.ts";
import type { MapNode } from "../value/map-tree.ts";
import { isOwned, type Owner } from "../value/owner.ts";
import { type Tree, type Trie, versionTree } from "../value/trie.ts";
import { ActorIdValue, type ObjectValue, FloatValue, FnRefValue, type IntValue, RecordValue, type Value } from "../value/value.ts";
import { ByteWriter } from "./bytes.ts";
import { StringTable } from "./string-table.ts";

export const TAG = {
  unit: 0,
  none: 1,
  false: 2,
  true: 3,
  emptyList: 4,
  emptyMap: 5,
  /** A varint. */
  int: 6,
  /** The absolute value as a varint. */
  negativeInt: 7,
  /** 64 bits, for an Int that is not a safe integer. */
  wideInt: 8,
  float: 9,
  /** The index in the table of Strings. */
  string: 10,
  fnRef: 11,
  actorId: 12,
  wideActorId: 13,
  /** The index among the nodes that are values. */
  node: 14,
} as const;

/** Node kinds. The comments list the fields; each count precedes the things it counts. */
export const NODE = {
  /** value */
  some: 0,
  ok: 1,
  err: 2,
  /** type id, count, fields */
  record: 3,
  /** type id, variant, payload */
  enum: 4,
  /** function, count, captured values */
  closure: 5,
  /** A list in a buffer: buffer, offset, length */
  list: 6,
  /** A map: entry at the root */
  map: 7,
  /** More elements of a list buffer: index of the buffer (for a new buffer, the number of buffers so far), count, values */
  buffer: 8,
  /**
   * An entry of a map's tree: key, value, left child, right child. A child is its entry index + 1, or 0 for none. Entries are numbered
   * separately from other nodes.
   */
  entry: 9,
  /** A full leaf of a list's trie: values. Leaves and inner nodes are numbered in one sequence. */
  leaf: 10,
  /** An inner node of a list's trie: count, leaves or inner nodes */
  inner: 11,
  /** A list in a trie: index + 1 of the root or 0 for none, count, values of the tail, offset, length */
  trieList: 12,
  /**
   * The value just before this node has an owner that is alive (see `value/owner.ts`): number of the owner (for a new owner, the number of
   * owners so far), unpaid changes
   */
  owned: 13,
} as const;

type ListTree = Tree<Value>;
type MapEntry = MapNode<Value>;
/** Anything that a reference can point to. */
type Node = ObjectValue | MapEntry | ListTree;
/** The parts of a node. `at` returns the part at an index, or undefined after the last part. */
interface Parts {
  at(index: number): Value | Node | undefined;
}

/**
 * Returns the parts of a node. For a list, the parts start at index 0 of its storage, even if the list starts at a later offset.
 * `versionTreeOf` returns the tree of a trie, without elements that only other versions of the list have.
 */
function nodeParts(node: Node, versionTreeOf: (trie: Trie<Value>) => ListTree | undefined): Parts {
  if (!("tag" in node)) {
    if ("items" in node) return node.items;
    if ("children" in node) return node.children;
    return [node.value, ...(node.left === null ? [] : [node.left]), ...(node.right === null ? [] : [node.right])];
  }
  if (node instanceof ListValue) {
    const { storage, offset, length } = node;
    if (storage instanceof ListBuffer) return { at: (index) => (index < offset + length ? storage.get(index) : undefined) };
    const tree = versionTreeOf(storage);
    return tree === undefined ? storage.tail : [tree, ...storage.tail];
  }
  if (node instanceof MapValue) return node.root === null ? [] : [node.root];
  return partsOf(node);
}

/** How much of a list buffer has been written. */
interface Progress {
  /** The index of the buffer, or undefined before the first of its elements is written. */
  index: number | undefined;
  /** The number of elements all of whose parts have been written. */
  ready: number;
  /** The number of elements that have been written. */
  written: number;
}

/** Returns whether a value is written directly instead of as a reference to a node. */
function isInline(node: Node): boolean {
  if (!("tag" in node)) return false;
  if (node instanceof ListValue) return node.length === 0;
  return node instanceof MapValue ? node.size === 0 : !isContainer(node);
}

/** A node, some of whose parts are not written yet. */
interface OpenNode {
  readonly node: Node;
  readonly parts: Parts;
  /** The index of the next part. */
  next: number;
  /** The buffer, if the node is a list in a buffer. */
  readonly buffer: ListBuffer<Value> | undefined;
}

/** Writes references to values, and collects the tables that the references point into. */
export class ValueWriter {
  readonly #strings = new ByteWriter();
  readonly #nodes = new ByteWriter();
  readonly #stringTable = new StringTable();
  /** The index of each node in the table, counted separately for each of the four kinds below. */
  readonly #indices = new Map<Node, number>();
  readonly #progress = new Map<ListBuffer<Value>, Progress>();
  /** The results of `versionTree`. */
  readonly #versionTrees = new Map<Trie<Value>, ListTree | undefined>();
  /** The owners that are alive, with their numbers. */
  readonly #owners = new Map<Owner, number>();
  /** How many nodes have an index: values, list buffers, entries of maps, and trees of lists. Each of the four is numbered separately. */
  #valueCount = 0;
  #bufferCount = 0;
  #entryCount = 0;
  #treeCount = 0;
  /** How many nodes are in the table. */
  #nodeCount = 0;

  /** Adds the new Strings and nodes of the value to the tables, then writes a reference to the value to `out`. Throws `state.too_large`. */
  write(out: ByteWriter, value: Value): void {
    this.#addNodes(value);
    this.#writeReference(out, value);
  }

  /** Writes the tables. Call it after the last `write`. A reader needs the tables before the references. */
  writeTables(out: ByteWriter): void {
    out.varint(this.#stringTable.size);
    out.raw(this.#strings.written());
    out.varint(this.#nodeCount);
    out.raw(this.#nodes.written());
  }

  /** Adds the nodes of a value, depth first. The explicit stack allows chains of values of any length. */
  #addNodes(value: Value): void {
    const open: OpenNode[] = [];
    this.#enter(value, open);
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const part = top.parts.at(top.next);
      if (top.buffer !== undefined) this.#progressOf(top.buffer).ready = top.next;
      if (part === undefined) {
        open.pop();
        this.#writeNode(top.node);
      } else {
        top.next += 1;
        this.#enter(part, open);
      }
    }
  }

  /** Adds a part to the open nodes, unless it needs no node or has one. */
  #enter(part: Value | Node, open: OpenNode[]): void {
    if (typeof part !== "object" || isInline(part) || this.#indices.has(part)) return;
    const buffer = part instanceof ListValue && part.storage instanceof ListBuffer ? part.storage : undefined;
    const next = buffer === undefined ? 0 : this.#progressOf(buffer).ready;
    open.push({ node: part, parts: nodeParts(part, (trie) => this.#versionTree(trie)), next, buffer });
  }

  /** Returns how far the buffer has been written. */
  #progressOf(buffer: ListBuffer<Value>): Progress {
    const progress = this.#progress.get(buffer);
    if (progress !== undefined) return progress;
    const noProgress = { index: undefined, ready: 0, written: 0 };
    this.#progress.set(buffer, noProgress);
    return noProgress;
  }

  /** Returns the tree of a trie without the elements that only other versions of the list have. */
  #versionTree(trie: Trie<Value>): ListTree | undefined {
    if (!this.#versionTrees.has(trie)) this.#versionTrees.set(trie, versionTree(trie));
    return this.#versionTrees.get(trie);
  }

  /** Writes the elements of a buffer that are ready and not yet written. Returns the index of the buffer. */
  #writeElements(buffer: ListBuffer<Value>): number {
    const progress = this.#progressOf(buffer);
    const { written, ready } = progress;
    progress.index ??= this.#bufferCount++;
    if (written === ready) return progress.index;
    const out = this.#nodes;
    this.#nodeCount += 1;
    out.u8(NODE.buffer);
    out.varint(progress.index);
    out.varint(ready - written);
    for (let i = written; i < ready; i++) {
      const item = buffer.get(i);
      if (item !== undefined) this.#writeReference(out, item);
    }
    progress.written = ready;
    return progress.index;
  }

  #stringIndex(text: string): number {
    const sizeBefore = this.#stringTable.size;
    const index = this.#stringTable.intern(text);
    if (index < sizeBefore) return index;
    const bytes = utf8ToBytes(text);
    this.#strings.varint(bytes.length);
    this.#strings.raw(bytes);
    return index;
  }

  /** Writes a node and gives it an index. Its parts must have been written. */
  #writeNode(node: Node): void {
    this.#nodeCount += 1;
    if ("tag" in node) {
      this.#writeValue(node);
      this.#indices.set(node, this.#valueCount++);
      if (node instanceof ListValue || node instanceof MapValue || node instanceof RecordValue) this.#writeOwner(node);
      return;
    }
    const out = this.#nodes;
    if ("items" in node) {
      this.#indices.set(node, this.#treeCount++);
      out.u8(NODE.leaf);
      for (const item of node.items) this.#writeReference(out, item);
      return;
    }
    if ("children" in node) {
      this.#indices.set(node, this.#treeCount++);
      out.u8(NODE.inner);
      out.varint(node.children.length);
      for (const child of node.children) out.varint(this.#indexOf(child));
      return;
    }
    this.#indices.set(node, this.#entryCount++);
    out.u8(NODE.entry);
    out.varint(this.#stringIndex(node.key));
    this.#writeReference(out, node.value);
    out.varint(node.left === null ? 0 : this.#indexOf(node.left) + 1);
    out.varint(node.right === null ? 0 : this.#indexOf(node.right) + 1);
  }

  #writeValue(value: ObjectValue): void {
    const out = this.#nodes;
    switch (value.tag) {
      case "Some":
      case "Ok":
      case "Err":
        out.u8(value.tag === "Some" ? NODE.some : value.tag === "Ok" ? NODE.ok : NODE.err);
        this.#writeReference(out, value.value);
        return;
      case "Record":
        out.u8(NODE.record);
        out.varint(value.typeId);
        this.#writeReferences(out, value.fields);
        return;
      case "Enum":
        out.u8(NODE.enum);
        out.varint(value.typeId);
        out.varint(value.variant);
        this.#writeReference(out, value.payload);
        return;
      case "Closure":
        out.u8(NODE.closure);
        out.varint(value.index);
        this.#writeReferences(out, value.captured);
        return;
      case "List": {
        const { storage } = value;
        if (storage instanceof ListBuffer) {
          const buffer = this.#writeElements(storage);
          out.u8(NODE.list);
          out.varint(buffer);
        } else {
          const tree = this.#versionTree(storage);
          out.u8(NODE.trieList);
          out.varint(tree === undefined ? 0 : this.#indexOf(tree) + 1);
          this.#writeReferences(out, storage.tail);
        }
        out.varint(value.offset);
        out.varint(value.length);
        return;
      }
      case "Map":
        out.u8(NODE.map);
        if (value.root !== null) out.varint(this.#indexOf(value.root));
        return;
      case "Unit":
      case "None":
      case "Float":
      case "ActorId":
      case "FnRef":
        // Inline values are not nodes.
        return;
      default:
        unreachable(value, "value");
    }
  }

  #writeOwner(value: ListValue | MapValue | RecordValue): void {
    if (value.owner === undefined || !isOwned(value)) return;
    const number = this.#owners.get(value.owner) ?? this.#owners.size;
    this.#owners.set(value.owner, number);
    this.#nodeCount += 1;
    this.#nodes.u8(NODE.owned);
    this.#nodes.varint(number);
    this.#nodes.varint(value instanceof RecordValue ? 0 : value.unpaidChanges);
  }

  #writeReferences(out: ByteWriter, values: readonly Value[]): void {
    out.varint(values.length);
    for (const value of values) this.#writeReference(out, value);
  }

  #indexOf(node: Node): number {
    const index = this.#indices.get(node);
    if (index === undefined) throw new BorunaError("internal", "a part that was not written before what contains it");
    return index;
  }

  #writeReference(out: ByteWriter, value: Value): void {
    if (typeof value === "number" || typeof value === "bigint") writeInt(out, value);
    else if (typeof value === "boolean") out.u8(value ? TAG.true : TAG.false);
    else if (typeof value === "string") writeTagged(out, TAG.string, this.#stringIndex(value));
    else if (value instanceof FloatValue) {
      out.u8(TAG.float);
      // Every NaN is written with one bit pattern, because V8 does not keep the other patterns reliably.
      out.f64(Number.isNaN(value.value) ? Number.NaN : value.value);
    } else if (value instanceof FnRefValue) writeTagged(out, TAG.fnRef, value.index);
    else if (value instanceof ActorIdValue) {
      if (typeof value.id === "number") writeTagged(out, TAG.actorId, value.id);
      else writeTaggedWide(out, TAG.wideActorId, value.id);
    } else if (value.tag === "Unit") out.u8(TAG.unit);
    else if (value.tag === "None") out.u8(TAG.none);
    else if (value instanceof ListValue && value.length === 0) out.u8(TAG.emptyList);
    else if (value instanceof MapValue && value.size === 0) out.u8(TAG.emptyMap);
    else writeTagged(out, TAG.node, this.#indexOf(value));
  }
}

function writeTagged(out: ByteWriter, tag: number, value: number): void {
  out.u8(tag);
  out.varint(value);
}

function writeTaggedWide(out: ByteWriter, tag: number, value: bigint): void {
  out.u8(tag);
  out.u64(value);
}

function writeInt(out: ByteWriter, value: IntValue): void {
  if (typeof value === "bigint") writeTaggedWide(out, TAG.wideInt, value);
  else if (value < 0) writeTagged(out, TAG.negativeInt, -value);
  else writeTagged(out, TAG.int, value);
}
