/**
 * Values as messages have them. Cloning is recursive and takes the thread until it is done, so a value travels in pieces: flat lists of
 * operations in postfix order, the parts of a value before the operation that makes the value from them. Writing and reading need no
 * recursion, and a long value is written and read one piece at a time, with time for other runs in between.
 *
 *     Some([1, "a"])    operations "ssLS", data [1, "a", 2]
 */
import { constants } from "node:buffer";
import { bytesAroundChildren, valueBytes } from "../../gateway/logged-bytes.ts";
import { BorunaError } from "../../vm/error.ts";
import { isObjectValue } from "../../vm/value/children.ts";
import { ListValue } from "../../vm/value/list.ts";
import { MapValue } from "../../vm/value/map.ts";
import { cutBeforePair } from "../../vm/value/utf8.ts";
import {
  ActorIdValue,
  EnumValue,
  ErrValue,
  FloatValue,
  FnRefValue,
  NONE,
  type ObjectValue,
  OkValue,
  RecordValue,
  SomeValue,
  UNIT,
  type Value,
} from "../../vm/value/value.ts";

type Scalar = Exclude<Value, ObjectValue>;

/** How values are written. */
export interface PieceOptions {
  /** A longer text is written in parts. */
  readonly maxTextUnits: number;
  /** Whether to count `Piece.jsonBytes`. */
  readonly countsBytes: boolean;
}

/** A part of a value. */
export interface Piece {
  /** One letter of `OPS` for each operation. */
  readonly ops: string;
  /** What the operations take, in order. */
  readonly data: readonly Scalar[];
  /** How many bytes of the value's tagged JSON these operations stand for. 0 if the sender does not count them. */
  readonly jsonBytes: number;
  readonly isLast: boolean;
}

/** The operations. What each takes from the data is in parentheses, where n is a number of parts. */
const OPS = {
  /** A scalar (itself). */
  scalar: "s",
  /** The next part of the text of the following scalar (text). */
  text: "t",
  unit: "U",
  none: "N",
  some: "S",
  ok: "O",
  err: "E",
  /** (number) */
  float: "F",
  /** (id) */
  actor: "A",
  /** (index) */
  fn: "f",
  /** (type id, n) */
  record: "R",
  /** (type id, variant) */
  enum: "V",
  /** (n) */
  list: "L",
  /** (n entries), of keys and values in turn */
  map: "M",
} as const;

/**
 * The size of a piece. Strings of this many characters are large objects of V8, which no collection of the young generation copies. Two
 * pieces fit into the buffer of a pipe, if their characters are bytes.
 */
export const PIECE_UNITS = 2 ** 17;
/** What an operation counts beside its text. Reading a piece of operations takes 1 to 2 ms. */
const OP_UNITS = 16;

interface OpenValue {
  /** Undefined for the list of the complete value. */
  readonly value: ObjectValue | undefined;
  readonly parts: Iterator<Key | Value>;
}

class Key {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

class PieceWriter {
  #ops = "";
  #data: Scalar[] = [];
  #jsonBytes = 0;
  #units = 0;

  get isFull(): boolean {
    return this.#units >= PIECE_UNITS;
  }

  add(op: string, ...data: readonly Scalar[]): void {
    this.#ops += op;
    this.#data.push(...data);
    this.#units += OP_UNITS;
    for (const item of data) if (typeof item === "string") this.#units += item.length;
  }

  countBytes(jsonBytes: number): void {
    this.#jsonBytes += jsonBytes;
  }

  takePiece(isLast: boolean): Piece {
    const piece = { ops: this.#ops, data: this.#data, jsonBytes: this.#jsonBytes, isLast };
    this.#ops = "";
    this.#data = [];
    this.#jsonBytes = 0;
    this.#units = 0;
    return piece;
  }
}

/** Yields the pieces of a value, which must be serializable. The value is read as the pieces are taken. */
export function* piecesOf(root: Value, { maxTextUnits, countsBytes }: PieceOptions): IterableIterator<Piece> {
  const writer = new PieceWriter();
  const open: OpenValue[] = [{ value: undefined, parts: [root].values() }];
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const next = top.parts.next();
    if (next.done === true) {
      open.pop();
      if (top.value === undefined) continue;
      if (countsBytes) writer.countBytes(bytesAroundChildren(top.value));
      writeOperation(writer, top.value);
    } else if (next.value instanceof Key) {
      // The bytes of a map include its keys.
      yield* writeText(writer, next.value.text, maxTextUnits);
    } else if (isObjectValue(next.value)) open.push({ value: next.value, parts: partsOf(next.value) });
    else {
      if (countsBytes) writer.countBytes(valueBytes(next.value));
      if (typeof next.value === "string") yield* writeText(writer, next.value, maxTextUnits);
      else writer.add(OPS.scalar, next.value);
    }
    if (writer.isFull && open.length > 1) yield writer.takePiece(false);
  }
  yield writer.takePiece(true);
}

/** Writes a text. Parts end before a surrogate pair, not inside it, so that they are well-formed. */
function* writeText(writer: PieceWriter, text: string, maxUnits: number): IterableIterator<Piece> {
  let start = 0;
  while (text.length - start > maxUnits) {
    const end = cutBeforePair(text, start + maxUnits);
    writer.add(OPS.text, text.slice(start, end));
    yield writer.takePiece(false);
    start = end;
  }
  writer.add(OPS.scalar, start === 0 ? text : text.slice(start));
}

function partsOf(value: ObjectValue): Iterator<Key | Value> {
  switch (value.tag) {
    case "Some":
    case "Ok":
    case "Err":
      return [value.value].values();
    case "Record":
      return value.fields.values();
    case "Enum":
      return [value.payload].values();
    case "List":
      return value[Symbol.iterator]();
    case "Map":
      return keysAndValues(value);
    default:
      return [].values();
  }
}

function* keysAndValues(map: MapValue): IterableIterator<Key | Value> {
  for (const [key, value] of map.entries()) {
    yield new Key(key);
    yield value;
  }
}

/** Writes the operation that makes the value from its parts. */
function writeOperation(writer: PieceWriter, value: ObjectValue): void {
  switch (value.tag) {
    case "Unit":
      return writer.add(OPS.unit);
    case "None":
      return writer.add(OPS.none);
    case "Some":
      return writer.add(OPS.some);
    case "Ok":
      return writer.add(OPS.ok);
    case "Err":
      return writer.add(OPS.err);
    case "Float":
      return writer.add(OPS.float, value.value);
    case "ActorId":
      return writer.add(OPS.actor, value.id);
    case "FnRef":
      return writer.add(OPS.fn, value.index);
    case "Record":
      return writer.add(OPS.record, value.typeId, value.size);
    case "Enum":
      return writer.add(OPS.enum, value.typeId, value.variant);
    case "List":
      return writer.add(OPS.list, value.length);
    case "Map":
      return writer.add(OPS.map, value.size);
    case "Closure":
      throw new BorunaError("internal", "a closure cannot leave the machine");
  }
}

/** The most bytes that the tagged JSON of a value in a message may take. No answer and no argument is as large, but the result of a run may be. */
export const MAX_VALUE_BYTES = 2 ** 29;
/** The most operations and characters of one value together. A value has far fewer of them than bytes as JSON. */
const MAX_UNITS = Math.min(MAX_VALUE_BYTES, constants.MAX_STRING_LENGTH);

/** A value, and the bytes of its tagged JSON (`valueBytes`) if the sender counts them. */
export interface MeasuredValue {
  readonly value: Value;
  readonly bytes: number;
}

/** Reads a value from its pieces. */
export class PieceReader {
  readonly #values: Value[] = [];
  /** The parts so far of a text that is in several pieces. */
  #text = "";
  #jsonBytes = 0;
  #units = 0;
  /** The data of the piece that is read now, and the index of the next item. */
  #data: readonly Scalar[] = [];
  #next = 0;

  /** Reads the next piece. Returns the value after the last one. Throws `internal` if the pieces are not those of a value, or are too many. */
  add({ ops, data, jsonBytes, isLast }: Piece): MeasuredValue | undefined {
    this.#data = data;
    this.#next = 0;
    this.#jsonBytes += jsonBytes;
    this.#units += ops.length;
    for (const op of ops) this.#apply(op);
    if (!isLast) return undefined;
    const [value] = this.#values;
    if (value === undefined || this.#values.length > 1) throw malformed();
    return { value, bytes: this.#jsonBytes };
  }

  /** Carries out one operation of a piece. */
  #apply(op: string): void {
    if (op === OPS.text) this.#text += requireText(this.#nextItem());
    else if (op === OPS.scalar) this.#values.push(this.#text === "" ? this.#nextItem() : this.#wholeText());
    else this.#values.push(this.#makeValue(op));
  }

  #makeValue(op: string): ObjectValue {
    switch (op) {
      case OPS.unit:
        return UNIT;
      case OPS.none:
        return NONE;
      case OPS.some:
        return new SomeValue(this.#takePart());
      case OPS.ok:
        return new OkValue(this.#takePart());
      case OPS.err:
        return new ErrValue(this.#takePart());
      case OPS.float:
        return new FloatValue(this.#nextNumber());
      case OPS.actor: {
        const id = this.#nextItem();
        return new ActorIdValue(typeof id === "bigint" ? id : requireNumber(id));
      }
      case OPS.fn:
        return new FnRefValue(this.#nextNumber());
      case OPS.record:
        return RecordValue.of(this.#nextNumber(), this.#takeParts(this.#nextNumber()));
      case OPS.enum:
        return new EnumValue(this.#nextNumber(), this.#nextNumber(), this.#takePart());
      case OPS.list:
        return ListValue.of(this.#takeParts(this.#nextNumber()));
      case OPS.map: {
        const size = this.#nextNumber();
        const parts = this.#takeParts(2 * size);
        return MapValue.from(Array.from({ length: size }, (_, i) => [requireText(parts[2 * i]), parts[2 * i + 1] ?? UNIT]));
      }
      default:
        throw malformed();
    }
  }

  #wholeText(): string {
    const text = this.#text + requireText(this.#nextItem());
    this.#text = "";
    return text;
  }

  /** Takes the last values, which are parts of the next one. */
  #takeParts(count: number): Value[] {
    if (count > this.#values.length) throw malformed();
    return this.#values.splice(this.#values.length - count);
  }

  #takePart(): Value {
    const part = this.#values.pop();
    if (part === undefined) throw malformed();
    return part;
  }

  /** Takes the next item of the data, which must be a number. */
  #nextNumber(): number {
    return requireNumber(this.#nextItem());
  }

  #nextItem(): Scalar {
    const item = this.#data[this.#next];
    this.#next += 1;
    if (item === undefined) throw malformed();
    if (typeof item === "string") this.#units += item.length;
    if (this.#units > MAX_UNITS) throw malformed();
    return item;
  }
}

const malformed = (): BorunaError => new BorunaError("internal", "a message of a pool does not contain a value");

function requireText(value: Value | undefined): string {
  if (typeof value === "string") return value;
  throw malformed();
}

function requireNumber(value: Value): number {
  if (typeof value === "number") return value;
  throw malformed();
}
