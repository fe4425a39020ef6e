/**
 * Checks a handler's answer before the log and the program see it. A handler may be plain JavaScript, so its answer may
 * not have the type that TypeScript declares. The answer is copied into new values. The copy reads only own data
 * properties, so no getter and no proxy trap runs, no prototype is trusted, and later changes by the handler have no effect.
 */
import { BorunaError } from "../vm/error.ts";
import { Branch, foldTree, type Leaf } from "../vm/json/fold.ts";
import { MACHINE_LIMITS } from "../vm/limits.ts";
import { ListValue } from "../vm/value/list.ts";
import { MapValue } from "../vm/value/map.ts";
import { matchesType } from "../vm/value/matches-type.ts";
import type { TypeDef } from "../vm/bytecode/module.ts";
import { checkSerializable } from "../vm/value/serializable.ts";
import { type Type, typeToString } from "../vm/value/type.ts";
import {
  ActorIdValue,
  ClosureValue,
  EnumValue,
  ErrValue,
  FloatRecord,
  FloatValue,
  FnRefValue,
  I64_MAX,
  I64_MIN,
  NONE,
  NoneValue,
  OkValue,
  RecordValue,
  SomeValue,
  UNIT,
  UnitValue,
  type Value,
  WideRecord,
  replaceLoneSurrogates,
} from "../vm/value/value.ts";
import { isProxy } from "./platform.ts";

/** The copied answer, or a `problem`, which completes the sentence "the handler answered …". `cause` is the same problem for observers. */
export type CheckedAnswer = { readonly value: Value } | { readonly problem: string; readonly cause: Error };

/** Copies the answer and checks that the copy is a value of `type` within `MACHINE_LIMITS`. Does not throw, whatever the answer is. */
export function checkAnswer(answer: unknown, type: Type, types: readonly TypeDef[]): CheckedAnswer {
  const scalar = scalarOf(answer, type);
  return scalar === undefined ? checkedCopy(answer, type, types) : { value: scalar };
}

/** Fast path for most answers: returns `answer` itself if it is a valid safe Int, Bool or String, undefined for every other answer. */
function scalarOf(answer: unknown, type: Type): Value | undefined {
  if (type.kind !== "primitive") return undefined;
  switch (typeof answer) {
    case "number":
      return type.name === "Int" && Number.isSafeInteger(answer) && !Object.is(answer, -0) ? answer : undefined;
    case "boolean":
      return type.name === "Bool" ? answer : undefined;
    case "string":
      return type.name === "String" && answer.length <= MACHINE_LIMITS.valueTextUnits && replaceLoneSurrogates(answer) === answer
        ? answer
        : undefined;
    default:
      return undefined;
  }
}

function checkedCopy(answer: unknown, type: Type, types: readonly TypeDef[]): CheckedAnswer {
  const wrong = (problem: string): CheckedAnswer => ({ problem, cause: new BorunaError("value.form", `the answer is ${problem}`) });
  const wrongType = (): CheckedAnswer => wrong(`something else than ${typeToString(type)}`);
  try {
    const value = copyOf(answer);
    checkSerializable(value);
    return matchesType(value, type, types) ? { value } : wrongType();
  } catch (error) {
    if (error instanceof BadPart) return error.problem === undefined ? wrongType() : wrong(error.problem);
    // `checkSerializable` and `matchesType` throw a `BorunaError` for a value that is too deep or too large.
    if (error instanceof BorunaError) return wrong(TOO_LARGE);
    throw error;
  }
}

export const TOO_LARGE = "a value that is too large";
const LONE_SURROGATE = "text with a lone surrogate";

/** Thrown if a part of the answer is not a value. If `problem` is undefined, the answer has the wrong type. */
class BadPart extends Error {
  readonly problem: string | undefined;
  constructor(problem?: string) {
    super(problem);
    this.problem = problem;
  }
}

/** Adds parts and text to the size of the answer. Throws `BadPart` if the size then exceeds the limits. */
type AddToSize = (moreParts: number, text: string) => void;

/** A part of the answer. It is boxed, because a part may be `undefined`. */
interface BoxedPart {
  readonly part: unknown;
}

type LeafOrBranch = Leaf<Value> | Branch<BoxedPart, Value>;

const leaf = (value: Value): LeafOrBranch => ({ leaf: value });
const boxParts = (parts: readonly unknown[]): readonly BoxedPart[] => parts.map((part) => ({ part }));

/** Copies the answer. A part that occurs several times is copied once. A cycle exceeds the depth limit, so it is refused. */
function copyOf(answer: unknown): Value {
  let parts = 0;
  let units = 0;
  const addToSize: AddToSize = (moreParts, text) => {
    parts += moreParts;
    units += text.length;
    if (parts > MACHINE_LIMITS.valueNodes || units > MACHINE_LIMITS.valueTextUnits) throw new BadPart(TOO_LARGE);
  };
  const copies = new Map<object, Value>();
  return foldTree<BoxedPart, Value>({ part: answer }, ({ part }, depth) => {
    if (typeof part !== "object" || part === null) return leaf(checkedScalar(part, addToSize));
    const earlierCopy = copies.get(part);
    if (earlierCopy !== undefined) return leaf(earlierCopy);
    if (depth > MACHINE_LIMITS.valueDepth) throw new BadPart(TOO_LARGE);
    addToSize(1, "");
    const copied = openObject(part, addToSize);
    if (!(copied instanceof Branch)) return copied;
    return new Branch(copied.children, (values) => {
      const value = copied.build(values);
      copies.set(part, value);
      return value;
    });
  });
}

/**
 * Returns a scalar part of the answer. Throws `BadPart` if an Int is not in its canonical form (see `vm/value/value.ts`), or if text has a lone
 * surrogate.
 */
function checkedScalar(part: unknown, addToSize: AddToSize): Value {
  if (typeof part === "string") return checkedText(part, addToSize);
  if (typeof part === "boolean") return part;
  if (typeof part === "number") {
    if (!Number.isSafeInteger(part) || Object.is(part, -0)) throw new BadPart("a number that is not an Int; a Float is a FloatValue");
    return part;
  }
  if (typeof part !== "bigint") throw new BadPart();
  if (part < I64_MIN || part > I64_MAX || Number.isSafeInteger(Number(part)))
    throw new BadPart("a bigint that is not an Int in its one form");
  return part;
}

function checkedText(text: string, addToSize: AddToSize): string {
  addToSize(0, text);
  if (replaceLoneSurrogates(text) !== text) throw new BadPart(LONE_SURROGATE);
  return text;
}

/** Starts the copy of an object. Accepts only direct instances of a value class that have exactly the own properties of that class. */
function openObject(part: object, addToSize: AddToSize): LeafOrBranch {
  if (isProxy(part)) throw new BadPart();
  const copyWrapper = (make: (value: Value) => Value): LeafOrBranch => {
    const [value] = ownDataValues(part, ["value"]);
    return new Branch(boxParts([value]), ([inner]) => make(inner ?? UNIT));
  };
  switch (Object.getPrototypeOf(part)) {
    case ListValue.prototype: {
      if (!ListValue.isList(part)) break;
      const [length] = ownDataValues(part, LIST_PROPERTIES);
      addToSize(checkedIndex(length), "");
      return new Branch(boxParts(part.toArray()), (items) => ListValue.of(items));
    }
    case MapValue.prototype: {
      if (!MapValue.isMap(part)) break;
      const [size] = ownDataValues(part, ["size", "owner", "unpaidChanges"]);
      addToSize(checkedIndex(size), "");
      const entries = [...part.entries()];
      const keys = entries.map(([key]) => checkedText(key, addToSize));
      return new Branch(boxParts(entries.map(([, value]) => value)), (values) => MapValue.ofKeys(keys, values));
    }
    case SomeValue.prototype:
      return copyWrapper((value) => new SomeValue(value));
    case OkValue.prototype:
      return copyWrapper((value) => new OkValue(value));
    case ErrValue.prototype:
      return copyWrapper((value) => new ErrValue(value));
    case UnitValue.prototype:
      ownDataValues(part, []);
      return leaf(UNIT);
    case NoneValue.prototype:
      ownDataValues(part, []);
      return leaf(NONE);
    case FloatValue.prototype: {
      const [value] = ownDataValues(part, ["value"]);
      if (typeof value !== "number") break;
      return leaf(new FloatValue(value));
    }
    case RecordValue.prototype: {
      const [typeId, , ...fields] = ownDataValues(part, RECORD_PROPERTIES);
      return new Branch(boxParts(fieldsOf(fields, addToSize)), (values) => RecordValue.of(checkedIndex(typeId), values));
    }
    case WideRecord.prototype: {
      const properties = ownDataValues(part, WIDE_RECORD_PROPERTIES);
      const [typeId, , ...fields] = properties.slice(0, -1);
      const all = properties.at(-1);
      const parts = all === undefined ? fieldsOf(fields, addToSize) : elementsOf(all, addToSize);
      return new Branch(boxParts(parts), (values) => RecordValue.of(checkedIndex(typeId), values));
    }
    case FloatRecord.prototype: {
      const [typeId, , floats] = ownDataValues(part, ["typeId", "owner", "floats"]);
      const [, ...numbers] = elementsOf(floats, addToSize);
      const fields = numbers.map((value) => (typeof value === "number" ? new FloatValue(value) : undefined));
      return new Branch(boxParts(fields), (values) => RecordValue.of(checkedIndex(typeId), values));
    }
    case EnumValue.prototype: {
      const [typeId, variant, payload] = ownDataValues(part, ["typeId", "variant", "payload"]);
      return new Branch(boxParts([payload]), ([inner]) => new EnumValue(checkedIndex(typeId), checkedIndex(variant), inner ?? UNIT));
    }
    case ActorIdValue.prototype: {
      const [id] = ownDataValues(part, ["id"]);
      return leaf(new ActorIdValue(typeof id === "bigint" ? checkedLargeId(id) : checkedIndex(id)));
    }
    case FnRefValue.prototype: {
      const [index] = ownDataValues(part, ["index"]);
      return leaf(new FnRefValue(checkedIndex(index)));
    }
    case ClosureValue.prototype:
      throw new BadPart("a closure");
  }
  throw new BadPart();
}

/** Returns the values of the named properties. Throws `BadPart` unless they are the only own properties and all are data properties. */
function ownDataValues(part: object, names: readonly string[]): readonly unknown[] {
  if (Reflect.ownKeys(part).length !== names.length) throw new BadPart();
  return names.map((name) => dataValue(part, name));
}

function dataValue(part: object, name: string): unknown {
  const property = Object.getOwnPropertyDescriptor(part, name);
  if (property === undefined || !Object.hasOwn(property, "value")) throw new BadPart();
  const value: unknown = property.value;
  return value;
}

const LIST_PROPERTIES: readonly string[] = [
  "length",
  "offset",
  "firstArray",
  "exactArray",
  "numbers",
  "numberReads",
  "owner",
  "unpaidChanges",
  "paidChanges",
];
const RECORD_PROPERTIES: readonly string[] = ["typeId", "owner", "f0", "f1", "f2", "f3"];
const WIDE_RECORD_PROPERTIES: readonly string[] = [...RECORD_PROPERTIES, "f4", "f5", "f6", "f7", "all"];

/** Returns the fields of a record. `properties` may end with undefined for fields that the record does not have. */
function fieldsOf(properties: readonly unknown[], addToSize: AddToSize): readonly unknown[] {
  const fields = properties.filter((field) => field !== undefined);
  if (fields.length !== properties.findLastIndex((field) => field !== undefined) + 1) throw new BadPart();
  addToSize(fields.length, "");
  return fields;
}

function elementsOf(array: unknown, addToSize: AddToSize): readonly unknown[] {
  if (isProxy(array) || !Array.isArray(array)) throw new BadPart();
  addToSize(array.length, "");
  return Array.from({ length: array.length }, (_, i) => dataValue(array, String(i)));
}

function checkedIndex(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0 || Object.is(value, -0)) throw new BadPart();
  return value;
}

/** Returns the actor id if it is a u64 and not a safe integer. Otherwise throws `BadPart`. */
function checkedLargeId(id: bigint): bigint {
  if (id < 0n || id >= 2n ** 64n || Number.isSafeInteger(Number(id))) throw new BadPart();
  return id;
}
