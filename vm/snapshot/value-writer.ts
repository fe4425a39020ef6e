/**
 * Values in a state's bytes. They form a graph without circles: one value may be part of many. So each String and each
 * compound part is written once, parts before what holds them, and a reference is a number that points back. Versions of
 * a list that share their elements share them here too, and so do versions of a map that share entries.
 *
 * What versions of a list share may hold a version that is older than itself. So it is written as far as each version
 * needs it, and what no version of the run reaches, which may be another run's, is not written.
 *
 * Strings: count, then each as byte length and UTF-8. Nodes: count, then each as a kind (`NODE`) and its fields. A value,
 * wherever one stands, is a tag (`TAG`) and at most one number.
 */
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { BorunaError, unreachable } from "../error.ts";
import { ListValue } from "../value/list.ts";
import { ListBuffer } from "../value/list-buffer.ts";
import { MapValue } from "../value/map.ts";
import type { MapNode } from "../value/map-tree.ts";
import { ownTree, type Tree, type Trie } from "../value/trie.ts";
import {
  ActorIdValue,
  type CompoundValue,
  FloatValue,
  FnRefValue,
  type IntValue,
  NoneValue,
  UnitValue,
  type Value,
} from "../value/value.ts";
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
  /** A varint: what the Int is below 0. */
  negativeInt: 7,
  /** 64 bits, for an Int outside the safe integers. */
  wideInt: 8,
  float: 9,
  /** A number of the string table. */
  string: 10,
  fnRef: 11,
  actorId: 12,
  wideActorId: 13,
  /** A number of the node table, counting values only. */
  node: 14,
} as const;

export const NODE = {
  some: 0,
  ok: 1,
  err: 2,
  /** type, number of fields, fields */
  record: 3,
  /** type, variant, payload */
  enum: 4,
  /** function, number of captured values, captured values */
  closure: 5,
  /** storage, offset, length: a list in a buffer */
  list: 6,
  /** entry */
  map: 7,
  /** More elements that versions of a list share: which of them, or their number so far for new ones; count, values. */
  storage: 8,
  /** A map's entry, with the trees on its sides: string, value, two entries + 1 or 0 for none. Counted on their own. */
  entry: 9,
  /** Elements that versions of a list share, as many as a leaf of a trie has. Counted with `inner`. */
  leaf: 10,
  /** Number of children, leaves or inner nodes. */
  inner: 11,
  /** leaf or inner node + 1 or 0 for none; number of elements after those in it, these; offset, length: a list in a trie */
  branch: 12,
} as const;

/** What can be referred to. */
type Node = CompoundValue | MapNode | Tree;
/** Undefined after the last. */
interface Parts {
  at(index: number): Value | Node | undefined;
}

/** Of a list: from the beginning of its storage, wherever it begins itself. `own` gives the tree of a trie, without what is not its own. */
function partsOf(node: Node, own: (trie: Trie) => Tree | undefined): Parts {
  if (!("tag" in node)) {
    if ("items" in node) return node.items;
    if ("children" in node) return node.children;
    return [node.value, ...(node.left === null ? [] : [node.left]), ...(node.right === null ? [] : [node.right])];
  }
  switch (node.tag) {
    case "Some":
    case "Ok":
    case "Err":
      return [node.value];
    case "Record":
      return node.fields;
    case "Enum":
      return [node.payload];
    case "Closure":
      return node.captured;
    case "List": {
      const { storage, offset, length } = node;
      if (storage instanceof ListBuffer) return { at: (index) => (index < offset + length ? storage.get(index) : undefined) };
      const tree = own(storage);
      return tree === undefined ? storage.tail : [tree, ...storage.tail];
    }
    case "Map":
      return node.root === null ? [] : [node.root];
    case "Unit":
    case "None":
    case "Float":
    case "ActorId":
    case "FnRef":
      return [];
  }
}

/** How far the elements of a buffer have come. */
interface Progress {
  /** Undefined as long as none is written. */
  number: number | undefined;
  /** Elements whose parts are all written. */
  entered: number;
  /** Elements that are written. */
  written: number;
}

/** Whether a reference says it in full. */
function isInline(node: Node): boolean {
  if (node instanceof ListValue) return node.length === 0;
  if (node instanceof MapValue) return node.size === 0;
  if (node instanceof FloatValue || node instanceof FnRefValue || node instanceof ActorIdValue) return true;
  return node instanceof UnitValue || node instanceof NoneValue;
}

interface OpenNode {
  readonly node: Node;
  readonly parts: Parts;
  next: number;
  /** Of a list in one. */
  readonly buffer: ListBuffer | undefined;
}

/** Collects values and writes the tables of their parts. */
export class ValueWriter {
  readonly #strings = new ByteWriter();
  readonly #nodes = new ByteWriter();
  readonly #stringTable = new StringTable();
  readonly #numbers = new Map<Node, number>();
  readonly #progress = new Map<ListBuffer, Progress>();
  readonly #own = new Map<Trie, Tree | undefined>();
  #values = 0;
  #storages = 0;
  #entries = 0;
  #trees = 0;
  #records = 0;

  /** Writes a reference to `out`, and to the tables what they lack. Throws `state.too_large`. */
  write(out: ByteWriter, value: Value): void {
    this.#addNodes(value);
    this.#reference(out, value);
  }

  /** Once all values are written: what a reader must have before the references. */
  writeTables(out: ByteWriter): void {
    out.varint(this.#stringTable.size);
    out.raw(this.#strings.written());
    out.varint(this.#records);
    out.raw(this.#nodes.written());
  }

  /** Depth first with a stack of its own, since a chain of values may be as long as memory. */
  #addNodes(value: Value): void {
    const open: OpenNode[] = [];
    this.#enter(value, open);
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const part = top.parts.at(top.next);
      if (top.buffer !== undefined) this.#progressOf(top.buffer).entered = top.next;
      if (part === undefined) {
        open.pop();
        this.#writeNode(top.node);
      } else {
        top.next += 1;
        this.#enter(part, open);
      }
    }
  }

  #enter(part: Value | Node, open: OpenNode[]): void {
    if (typeof part !== "object" || isInline(part) || this.#numbers.has(part)) return;
    const buffer = part instanceof ListValue && part.storage instanceof ListBuffer ? part.storage : undefined;
    const next = buffer === undefined ? 0 : this.#progressOf(buffer).entered;
    open.push({ node: part, parts: partsOf(part, (trie) => this.#ownTree(trie)), next, buffer });
  }

  #progressOf(buffer: ListBuffer): Progress {
    const known = this.#progress.get(buffer);
    if (known !== undefined) return known;
    const none = { number: undefined, entered: 0, written: 0 };
    this.#progress.set(buffer, none);
    return none;
  }

  #ownTree(trie: Trie): Tree | undefined {
    if (!this.#own.has(trie)) this.#own.set(trie, ownTree(trie));
    return this.#own.get(trie);
  }

  /** Those that are entered and not yet written. Gives the number of their buffer. */
  #writeElements(buffer: ListBuffer): number {
    const progress = this.#progressOf(buffer);
    const { written, entered } = progress;
    progress.number ??= this.#storages++;
    if (written === entered) return progress.number;
    const out = this.#nodes;
    this.#records += 1;
    out.u8(NODE.storage);
    out.varint(progress.number);
    out.varint(entered - written);
    for (let i = written; i < entered; i++) {
      const item = buffer.get(i);
      if (item !== undefined) this.#reference(out, item);
    }
    progress.written = entered;
    return progress.number;
  }

  #string(text: string): number {
    const known = this.#stringTable.size;
    const number = this.#stringTable.add(text);
    if (number < known) return number;
    const bytes = utf8ToBytes(text);
    this.#strings.varint(bytes.length);
    this.#strings.raw(bytes);
    return number;
  }

  /** Its parts are written. */
  #writeNode(node: Node): void {
    this.#records += 1;
    if ("tag" in node) {
      this.#writeValue(node);
      this.#numbers.set(node, this.#values++);
      return;
    }
    const out = this.#nodes;
    if ("items" in node) {
      this.#numbers.set(node, this.#trees++);
      out.u8(NODE.leaf);
      for (const item of node.items) this.#reference(out, item);
      return;
    }
    if ("children" in node) {
      this.#numbers.set(node, this.#trees++);
      out.u8(NODE.inner);
      out.varint(node.children.length);
      for (const child of node.children) out.varint(this.#numberOf(child));
      return;
    }
    this.#numbers.set(node, this.#entries++);
    out.u8(NODE.entry);
    out.varint(this.#string(node.key));
    this.#reference(out, node.value);
    out.varint(node.left === null ? 0 : this.#numberOf(node.left) + 1);
    out.varint(node.right === null ? 0 : this.#numberOf(node.right) + 1);
  }

  #writeValue(value: CompoundValue): void {
    const out = this.#nodes;
    switch (value.tag) {
      case "Some":
      case "Ok":
      case "Err":
        out.u8(value.tag === "Some" ? NODE.some : value.tag === "Ok" ? NODE.ok : NODE.err);
        this.#reference(out, value.value);
        return;
      case "Record":
        out.u8(NODE.record);
        out.varint(value.typeId);
        this.#references(out, value.fields);
        return;
      case "Enum":
        out.u8(NODE.enum);
        out.varint(value.typeId);
        out.varint(value.variant);
        this.#reference(out, value.payload);
        return;
      case "Closure":
        out.u8(NODE.closure);
        out.varint(value.index);
        this.#references(out, value.captured);
        return;
      case "List": {
        const { storage } = value;
        if (storage instanceof ListBuffer) {
          const number = this.#writeElements(storage);
          out.u8(NODE.list);
          out.varint(number);
        } else {
          const tree = this.#ownTree(storage);
          out.u8(NODE.branch);
          out.varint(tree === undefined ? 0 : this.#numberOf(tree) + 1);
          this.#references(out, storage.tail);
        }
        out.varint(value.offset);
        out.varint(value.length);
        return;
      }
      case "Map":
        out.u8(NODE.map);
        if (value.root !== null) out.varint(this.#numberOf(value.root));
        return;
      case "Unit":
      case "None":
      case "Float":
      case "ActorId":
      case "FnRef":
        // Written in full where it stands.
        return;
      default:
        unreachable(value, "value");
    }
  }

  #references(out: ByteWriter, values: readonly Value[]): void {
    out.varint(values.length);
    for (const value of values) this.#reference(out, value);
  }

  #numberOf(node: Node): number {
    const number = this.#numbers.get(node);
    if (number === undefined) throw new BorunaError("internal", "a part that was not written before what holds it");
    return number;
  }

  #reference(out: ByteWriter, value: Value): void {
    if (typeof value === "number" || typeof value === "bigint") writeInt(out, value);
    else if (typeof value === "boolean") out.u8(value ? TAG.true : TAG.false);
    else if (typeof value === "string") numbered(out, TAG.string, this.#string(value));
    else if (value instanceof FloatValue) {
      out.u8(TAG.float);
      // One bit pattern for NaN, since hosts keep others apart only by chance.
      out.f64(Number.isNaN(value.value) ? Number.NaN : value.value);
    } else if (value instanceof FnRefValue) numbered(out, TAG.fnRef, value.index);
    else if (value instanceof ActorIdValue) {
      if (typeof value.id === "number") numbered(out, TAG.actorId, value.id);
      else wide(out, TAG.wideActorId, value.id);
    } else if (value.tag === "Unit") out.u8(TAG.unit);
    else if (value.tag === "None") out.u8(TAG.none);
    else if (value instanceof ListValue && value.length === 0) out.u8(TAG.emptyList);
    else if (value instanceof MapValue && value.size === 0) out.u8(TAG.emptyMap);
    else numbered(out, TAG.node, this.#numberOf(value));
  }
}

function numbered(out: ByteWriter, tag: number, value: number): void {
  out.u8(tag);
  out.varint(value);
}

function wide(out: ByteWriter, tag: number, value: bigint): void {
  out.u8(tag);
  out.u64(value);
}

function writeInt(out: ByteWriter, value: IntValue): void {
  if (typeof value === "bigint") wide(out, TAG.wideInt, value);
  else if (value < 0) numbered(out, TAG.negativeInt, -value);
  else numbered(out, TAG.int, value);
}
