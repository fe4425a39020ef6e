/** Reads the values that `value-writer.ts` writes, in one pass. The bytes may be forged, so every number is checked. */
import { MAX_LIST_LENGTH } from "../cost.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { type MapNode, mapNode } from "../value/map-tree.ts";
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
import { badState, type ByteReader } from "./bytes.ts";
import { NODE, TAG } from "./value-writer.ts";

const U32_MAX = 0xffff_ffff;

/** A map's tree, with the ranks of its first and last key in the sorted table of Strings. */
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
  readonly #values: Value[] = [];
  readonly #buffers: ListValue[] = [];
  readonly #entries: MapTree[] = [];
  readonly #trees: ListTree[] = [];
  /** The rank of each String in UTF-8 order; made when the first map is read. */
  #ranks: Uint32Array | undefined;

  /** Reads the tables. Throws `state.form`, as all methods do. */
  constructor(bytes: ByteReader, arities: readonly number[]) {
    this.#bytes = bytes;
    this.#arities = arities;
    this.#strings = readStrings(bytes);
    const nodes = bytes.count("nodes");
    for (let i = 0; i < nodes; i++) this.#readNode();
  }

  value(): Value {
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
        const below = bytes.varint();
        return below > 0 ? -below : badState("an Int of -0");
      }
      case TAG.wideInt:
        return wideNumber(bytes.i64());
      case TAG.float:
        return new FloatValue(bytes.f64());
      case TAG.string:
        return at(this.#strings, bytes, "String");
      case TAG.fnRef:
        return new FnRefValue(bytes.upTo(U32_MAX, "function"));
      case TAG.actorId:
        return new ActorIdValue(bytes.varint());
      case TAG.wideActorId:
        return new ActorIdValue(wideNumber(bytes.u64()));
      case TAG.node:
        return at(this.#values, bytes, "value");
      default:
        return badState(`no kind of value ${tag}`);
    }
  }

  /** Reads `count` values. */
  list(count: number): Value[] {
    const values: Value[] = [];
    for (let i = 0; i < count; i++) values.push(this.value());
    return values;
  }

  #readNode(): void {
    const kind = this.#bytes.u8();
    if (kind === NODE.buffer) this.#readElements();
    else if (kind === NODE.entry) this.#entries.push(this.#mapTree());
    else if (kind === NODE.leaf) this.#trees.push({ tree: { items: this.list(WIDTH) }, height: 0, size: WIDTH });
    else if (kind === NODE.inner) this.#trees.push(this.#inner());
    else this.#values.push(this.#node(kind));
  }

  #node(kind: number): Value {
    const bytes = this.#bytes;
    switch (kind) {
      case NODE.some:
        return new SomeValue(this.value());
      case NODE.ok:
        return new OkValue(this.value());
      case NODE.err:
        return new ErrValue(this.value());
      case NODE.record: {
        const type = bytes.upTo(U32_MAX, "type");
        return new RecordValue(type, this.list(bytes.count("fields")));
      }
      case NODE.enum: {
        const type = bytes.upTo(U32_MAX, "type");
        const variant = bytes.upTo(U32_MAX, "variant");
        return new EnumValue(type, variant, this.value());
      }
      case NODE.closure: {
        const index = bytes.index(this.#arities.length, "function");
        // A call copies the captured values; the steps charged for it allow no more than the arity.
        return new ClosureValue(index, this.list(bytes.count("captured values", this.#arities[index])));
      }
      case NODE.list: {
        const buffer = at(this.#buffers, bytes, "storage");
        const offset = bytes.index(buffer.length, "element");
        const length = bytes.upTo(buffer.length - offset, "the length of a list");
        return buffer.slice(offset, offset + length);
      }
      case NODE.trieList:
        return this.#trieList();
      case NODE.map:
        return MapValue.ofRoot(at(this.#entries, bytes, "entry").node);
      default:
        return badState(`no kind of node ${kind}`);
    }
  }

  /** Appends elements to a buffer. Lists that were read from it before keep their length. */
  #readElements(): void {
    const index = this.#bytes.index(this.#buffers.length + 1, "storage");
    const before = this.#buffers[index] ?? ListValue.EMPTY;
    const more = this.list(this.#bytes.count("elements", MAX_LIST_LENGTH - before.length));
    this.#buffers[index] = before.concat(ListValue.of(more));
  }

  #inner(): ListTree {
    const children: Tree<Value>[] = [];
    let size = 0;
    let height = 0;
    for (let left = this.#bytes.count("children", WIDTH); left > 0; left--) {
      const child = at(this.#trees, this.#bytes, "elements");
      if (children.length > 0 && (child.height !== height || size !== children.length * WIDTH ** (height + 1)))
        badState("elements that are no tree");
      children.push(child.tree);
      size += child.size;
      height = child.height;
    }
    if (children.length === 0 || height >= MAX_HEIGHT) badState("elements that are no tree");
    return { tree: { children }, height: height + 1, size };
  }

  #trieList(): Value {
    const bytes = this.#bytes;
    const number = bytes.index(this.#trees.length + 1, "elements");
    const own = number === 0 ? undefined : this.#trees[number - 1];
    const tail = this.list(bytes.count("elements", WIDTH));
    const trie = trieOf(own?.tree, own?.height ?? 0, own?.size ?? 0, tail);
    if (trie.count === 0 || trie.count > MAX_LIST_LENGTH) badState("a list of no such length");
    const offset = bytes.index(trie.count, "element");
    const length = bytes.upTo(trie.count - offset, "the length of a list");
    return length === 0 ? badState("a list of no such length") : ListValue.within(trie, offset, length);
  }

  #mapTree(): MapTree {
    const bytes = this.#bytes;
    const key = bytes.index(this.#strings.length, "String");
    const value = this.value();
    const left = this.#side();
    const right = this.#side();
    this.#ranks ??= ranksOf(this.#strings);
    const rank = this.#ranks[key] ?? 0;
    const inOrder = (left === undefined || left.last < rank) && (right === undefined || rank < right.first);
    if (!inOrder) return badState("a map whose keys are not in order");
    if (Math.abs((left?.node.height ?? 0) - (right?.node.height ?? 0)) > 1) return badState("a map that is not balanced");
    const node = mapNode(this.#strings[key] ?? "", value, left?.node ?? null, right?.node ?? null);
    return { node, first: left?.first ?? rank, last: right?.last ?? rank };
  }

  #side(): MapTree | undefined {
    const number = this.#bytes.index(this.#entries.length + 1, "entry");
    return number === 0 ? undefined : this.#entries[number - 1];
  }
}

function at<T>(table: readonly T[], bytes: ByteReader, what: string): T {
  return table[bytes.index(table.length, what)] ?? badState(`${what} is not there`);
}

function readStrings(bytes: ByteReader): readonly string[] {
  const count = bytes.count("Strings");
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const strings: string[] = [];
  for (let i = 0; i < count; i++) {
    const utf8 = bytes.raw(bytes.varint());
    try {
      strings.push(decoder.decode(utf8));
    } catch {
      badState("a String that is not UTF-8");
    }
  }
  return strings;
}

/** Sorts all Strings once, so that checking the order of two keys compares two numbers, however many maps have them. */
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

/** Refuses a 64-bit number that fits a safe integer: it has a shorter form. */
function wideNumber(value: bigint): bigint {
  const canonical = intFromBigInt(value);
  return typeof canonical === "bigint" ? canonical : badState("a number wider than it need be");
}
