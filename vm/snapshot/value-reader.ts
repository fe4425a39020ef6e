/** Reads the values that `value-writer.ts` writes, in one pass. The bytes may be forged, so every number is checked. */
import { MAX_LIST_LENGTH } from "../cost.ts";
import { ListValue } from "../value/list.ts";
import { ListBuffer } from "../value/list-buffer.ts";
import { MapValue } from "../value/map.ts";
import { MapNode } from "../value/map-tree.ts";
import { Owner } from "../value/owner.ts";
import { MAX_HEIGHT, type Tree, trieOf, WIDTH } from "../value/trie.ts";
import { compareUtf8 } from "../value/utf8.ts";
import {
  ActorIdValue,
  ClosureValue,
  EnumValue,
  ErrValue,
  FloatValue,
  FnRefValue,
  intFromBigInt,
  NONE,
  OkValue,
  RecordValue,
  SomeValue,
  UNIT,
  type Value,
} from "../value/value.ts";
import { failState, type ByteReader } from "./bytes.ts";
import { NODE, TAG } from "./value-writer.ts";

const U32_MAX = 0xffff_ffff;

/** A tree or subtree of a map, with the ranks of its first and last keys (their positions among all Strings in UTF-8 order). */
interface MapTree {
  readonly node: MapNode<Value>;
  readonly first: number;
  readonly last: number;
}

/** A tree of list elements. All its leaves are full. */
interface ListTree {
  readonly tree: Tree<Value>;
  readonly height: number;
  readonly size: number;
}

export class ValueReader {
  readonly #bytes: ByteReader;
  /** The number of parameters of each function. */
  readonly #arities: readonly number[];
  readonly #strings: readonly string[];
  // The nodes read so far. Later nodes refer to them by index. For each list buffer, `#buffers` holds the list of all its elements.
  readonly #values: Value[] = [];
  readonly #buffers: ListValue[] = [];
  readonly #mapTrees: MapTree[] = [];
  readonly #listTrees: ListTree[] = [];
  readonly #owners: Owner[] = [];
  /** The buffers of the lists that have an owner and no unpaid changes. */
  readonly #ownedBuffers = new Set<ListBuffer<Value>>();
  /** The rank of each String in UTF-8 order. Computed when the first map is read. */
  #ranks: Uint32Array | undefined;

  /** Reads the tables of Strings and nodes. Like every method, throws `state.form` if the bytes are invalid. */
  constructor(bytes: ByteReader, arities: readonly number[]) {
    this.#bytes = bytes;
    this.#arities = arities;
    this.#strings = readStrings(bytes);
    const nodes = bytes.readCount("nodes");
    for (let i = 0; i < nodes; i++) this.#readNode();
  }

  readValue(): Value {
    const bytes = this.#bytes;
    const tag = bytes.u8();
    switch (tag) {
      case TAG.unit:
        return UNIT;
      case TAG.none:
        return NONE;
      case TAG.false:
        return false;
      case TAG.true:
        return true;
      case TAG.emptyList:
        return ListValue.EMPTY;
      case TAG.emptyMap:
        return MapValue.EMPTY;
      case TAG.int:
        return bytes.varint();
      case TAG.negativeInt: {
        const magnitude = bytes.varint();
        return magnitude > 0 ? -magnitude : failState("an Int of -0");
      }
      case TAG.wideInt:
        return requireWide(bytes.i64());
      case TAG.float:
        return new FloatValue(bytes.f64());
      case TAG.string:
        return readReference(this.#strings, bytes, "String");
      case TAG.fnRef:
        return new FnRefValue(bytes.readVarintUpTo(U32_MAX, "function"));
      case TAG.actorId:
        return new ActorIdValue(bytes.varint());
      case TAG.wideActorId:
        return new ActorIdValue(requireWide(bytes.u64()));
      case TAG.node:
        return readReference(this.#values, bytes, "value");
      default:
        return failState(`no kind of value ${tag}`);
    }
  }

  /** Reads `count` values. */
  readValues(count: number): Value[] {
    const values: Value[] = [];
    for (let i = 0; i < count; i++) values.push(this.readValue());
    return values;
  }

  #readNode(): void {
    const kind = this.#bytes.u8();
    if (kind === NODE.buffer) this.#readElements();
    else if (kind === NODE.entry) this.#mapTrees.push(this.#readMapTree());
    else if (kind === NODE.leaf) this.#listTrees.push({ tree: { items: this.readValues(WIDTH) }, height: 0, size: WIDTH });
    else if (kind === NODE.inner) this.#listTrees.push(this.#readInnerNode());
    else if (kind === NODE.owned) this.#readOwner();
    else this.#values.push(this.#readValueNode(kind));
  }

  #readValueNode(kind: number): Value {
    const bytes = this.#bytes;
    switch (kind) {
      case NODE.some:
        return new SomeValue(this.readValue());
      case NODE.ok:
        return new OkValue(this.readValue());
      case NODE.err:
        return new ErrValue(this.readValue());
      case NODE.record: {
        const type = bytes.readVarintUpTo(U32_MAX, "type");
        return RecordValue.of(type, this.readValues(bytes.readCount("fields")));
      }
      case NODE.enum: {
        const type = bytes.readVarintUpTo(U32_MAX, "type");
        const variant = bytes.readVarintUpTo(U32_MAX, "variant");
        return new EnumValue(type, variant, this.readValue());
      }
      case NODE.closure: {
        const index = bytes.readIndex(this.#arities.length, "function");
        // A call copies the captured values, but charges only for the parameters, so there may be no more captured values than parameters.
        return new ClosureValue(index, this.readValues(bytes.readCount("captured values", this.#arities[index])));
      }
      case NODE.list: {
        const buffer = readReference(this.#buffers, bytes, "storage");
        const offset = bytes.readIndex(buffer.length, "element");
        const length = bytes.readVarintUpTo(buffer.length - offset, "the length of a list");
        return buffer.slice(offset, offset + length);
      }
      case NODE.trieList:
        return this.#readTrieList();
      case NODE.map:
        return MapValue.ofRoot(readReference(this.#mapTrees, bytes, "entry").node);
      default:
        return failState(`no kind of node ${kind}`);
    }
  }

  /** Appends elements to a buffer. Lists already read from the buffer keep their length. */
  #readElements(): void {
    const index = this.#bytes.readIndex(this.#buffers.length + 1, "storage");
    const before = this.#buffers[index] ?? ListValue.EMPTY;
    const more = this.readValues(this.#bytes.readCount("elements", MAX_LIST_LENGTH - before.length));
    this.#buffers[index] = before.concat(ListValue.of(more));
  }

  #readInnerNode(): ListTree {
    const children: Tree<Value>[] = [];
    let size = 0;
    let height = 0;
    for (let remaining = this.#bytes.readCount("children", WIDTH); remaining > 0; remaining--) {
      const child = readReference(this.#listTrees, this.#bytes, "elements");
      if (children.length > 0 && (child.height !== height || size !== children.length * WIDTH ** (height + 1)))
        failState("elements that are no tree");
      children.push(child.tree);
      size += child.size;
      height = child.height;
    }
    if (children.length === 0 || height >= MAX_HEIGHT) failState("elements that are no tree");
    return { tree: { children }, height: height + 1, size };
  }

  /** Gives an owner to the last value. */
  #readOwner(): void {
    const number = this.#bytes.readIndex(this.#owners.length + 1, "owner");
    const unpaid = this.#bytes.readVarintUpTo(MAX_LIST_LENGTH, "unpaid changes");
    const owner = this.#owners[number] ?? new Owner();
    this.#owners[number] = owner;
    let value = this.#values.pop();
    if (value instanceof ListValue && unpaid === 0) value = this.#withOwnBuffer(value);
    if (value instanceof ListValue || value instanceof MapValue) value.unpaidChanges = unpaid;
    else if (!(value instanceof RecordValue) || unpaid > 0) return failState("a value that cannot have an owner");
    value.owner = owner;
    this.#values.push(value);
  }

  /** Returns a list that alone uses its buffer. Each buffer is copied only once, so the work is linear in the bytes. */
  #withOwnBuffer(list: ListValue): ListValue {
    const { storage } = list;
    if (!(storage instanceof ListBuffer) || this.#ownedBuffers.has(storage)) return failState("a list that shares its elements");
    this.#ownedBuffers.add(storage);
    return ListValue.of(list.toArray());
  }

  #readTrieList(): Value {
    const bytes = this.#bytes;
    const indexPlusOne = bytes.readIndex(this.#listTrees.length + 1, "elements");
    const root = indexPlusOne === 0 ? undefined : this.#listTrees[indexPlusOne - 1];
    const tail = this.readValues(bytes.readCount("elements", WIDTH));
    const trie = trieOf(root?.tree, root?.height ?? 0, root?.size ?? 0, tail);
    if (trie.count === 0 || trie.count > MAX_LIST_LENGTH) failState("a list of no such length");
    const offset = bytes.readIndex(trie.count, "element");
    const length = bytes.readVarintUpTo(trie.count - offset, "the length of a list");
    return length === 0 ? failState("a list of no such length") : ListValue.fromTrie(trie, offset, length);
  }

  #readMapTree(): MapTree {
    const bytes = this.#bytes;
    const key = bytes.readIndex(this.#strings.length, "String");
    const value = this.readValue();
    const left = this.#readSubtree();
    const right = this.#readSubtree();
    this.#ranks ??= ranksOf(this.#strings);
    const rank = this.#ranks[key] ?? 0;
    const inOrder = (left === undefined || left.last < rank) && (right === undefined || rank < right.first);
    if (!inOrder) return failState("a map whose keys are not in order");
    if (Math.abs((left?.node.height ?? 0) - (right?.node.height ?? 0)) > 1) return failState("a map that is not balanced");
    const node = new MapNode(this.#strings[key] ?? "", value, left?.node ?? null, right?.node ?? null);
    return { node, first: left?.first ?? rank, last: right?.last ?? rank };
  }

  #readSubtree(): MapTree | undefined {
    const indexPlusOne = this.#bytes.readIndex(this.#mapTrees.length + 1, "entry");
    return indexPlusOne === 0 ? undefined : this.#mapTrees[indexPlusOne - 1];
  }
}

function readReference<T>(table: readonly T[], bytes: ByteReader, what: string): T {
  return table[bytes.readIndex(table.length, what)] ?? failState(`${what} is not there`);
}

function readStrings(bytes: ByteReader): readonly string[] {
  const count = bytes.readCount("Strings");
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const strings: string[] = [];
  for (let i = 0; i < count; i++) {
    const utf8 = bytes.raw(bytes.varint());
    try {
      strings.push(decoder.decode(utf8));
    } catch {
      failState("a String that is not UTF-8");
    }
  }
  return strings;
}

/** Returns the rank of each String in UTF-8 order. Sorting all Strings once makes checking the order of two keys a comparison of two numbers. */
function ranksOf(strings: readonly string[]): Uint32Array {
  const order = strings.map((text, index) => ({ text, index })).sort((a, b) => compareUtf8(a.text, b.text));
  const ranks = new Uint32Array(strings.length);
  let rank = 0;
  order.forEach(({ text, index }, i) => {
    if (text !== order[i - 1]?.text) rank += 1;
    ranks[index] = rank;
  });
  return ranks;
}

/** Returns a 64-bit number. Rejects a safe integer, because the writer uses the shorter form for it. */
function requireWide(value: bigint): bigint {
  const canonical = intFromBigInt(value);
  return typeof canonical === "bigint" ? canonical : failState("a number wider than it need be");
}
