/**
 * Checks a handler's answer before the log and the program see it. A handler may be plain JavaScript, so its answer may
 * not have the type that TypeScript declares. The answer is copied into new values that read own data properties only: no
 * getter and no proxy trap runs, no prototype is trusted, and later changes by the handler have no effect.
 */
import { isProxy } from "node:util/types";
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
  wellFormed,
} from "../vm/value/value.ts";

/** `problem` completes the sentence "the handler answered …". */
export type CheckedAnswer = { readonly value: Value } | { readonly problem: string };

/** Returns the answer as a value of `type`. Bounded by `MACHINE_LIMITS`. No answer makes it throw. */
export function checkAnswer(answer: unknown, type: Type, types: readonly TypeDef[]): CheckedAnswer {
  const wrongType = { problem: `something else than ${typeToString(type)}` };
  try {
    const value = copyOf(answer);
    checkSerializable(value);
    return matchesType(value, type, types) ? { value } : wrongType;
  } catch (error) {
    if (error instanceof BadPart) return error.problem === undefined ? wrongType : { problem: error.problem };
    // `checkSerializable` and `matchesType` throw these for a value that is too deep or too large.
    if (error instanceof BorunaError) return { problem: TOO_LARGE };
    throw error;
  }
}

const TOO_LARGE = "a value that is too large";
const LONE_SURROGATE = "text with a lone surrogate";

/** Thrown for a part that is not a value. Without a `problem`, the answer has the wrong type. */
class BadPart extends Error {
  readonly problem: string | undefined;
  constructor(problem?: string) {
    super(problem);
    this.problem = problem;
  }
}

/** Adds to the size of the answer. Throws `BadPart` above the limits. */
type Count = (moreParts: number, text: string) => void;

/** Boxed, because a part may be `undefined`. */
interface Node {
  readonly part: unknown;
}

type Copied = Leaf<Value> | Branch<Node, Value>;

const leaf = (value: Value): Copied => ({ leaf: value });
const nodes = (parts: readonly unknown[]): readonly Node[] => parts.map((part) => ({ part }));

/** Copies the answer. Shared parts stay shared. A cycle exceeds the depth limit. */
function copyOf(answer: unknown): Value {
  let parts = 0;
  let units = 0;
  const count: Count = (moreParts, text) => {
    parts += moreParts;
    units += text.length;
    if (parts > MACHINE_LIMITS.valueNodes || units > MACHINE_LIMITS.valueTextUnits) throw new BadPart(TOO_LARGE);
  };
  // Fast path: most answers are scalars.
  if (typeof answer !== "object") return scalarOf(answer, count);
  const copies = new Map<object, Value>();
  return foldTree<Node, Value>({ part: answer }, ({ part }, depth) => {
    if (typeof part !== "object" || part === null) return leaf(scalarOf(part, count));
    const known = copies.get(part);
    if (known !== undefined) return leaf(known);
    if (depth > MACHINE_LIMITS.valueDepth) throw new BadPart(TOO_LARGE);
    count(1, "");
    const copied = open(part, count);
    if (!(copied instanceof Branch)) return copied;
    return new Branch(copied.children, (values) => {
      const value = copied.build(values);
      copies.set(part, value);
      return value;
    });
  });
}

/** Checks what the machine relies on (see `value.ts`): an Int has its one representation, text is well formed. */
function scalarOf(part: unknown, count: Count): Value {
  if (typeof part === "string") return textOf(part, count);
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

function textOf(text: string, count: Count): string {
  count(0, text);
  if (wellFormed(text) !== text) throw new BadPart(LONE_SURROGATE);
  return text;
}

/** Copies a direct instance of a value class that has exactly the own properties of that class. */
function open(part: object, count: Count): Copied {
  if (isProxy(part)) throw new BadPart();
  const wrapped = (make: (value: Value) => Value): Copied => {
    const [value] = ownData(part, ["value"]);
    return new Branch(nodes([value]), ([inner]) => make(inner ?? UNIT));
  };
  switch (Object.getPrototypeOf(part)) {
    case ListValue.prototype: {
      if (!ListValue.isList(part)) break;
      const [length] = ownData(part, ["length"]);
      count(indexOf(length), "");
      return new Branch(nodes(part.toArray()), (items) => ListValue.of(items));
    }
    case MapValue.prototype: {
      if (!MapValue.isMap(part)) break;
      const [size] = ownData(part, ["size"]);
      count(indexOf(size), "");
      const entries = [...part.entries()];
      const keys = entries.map(([key]) => textOf(key, count));
      return new Branch(nodes(entries.map(([, value]) => value)), (values) =>
        MapValue.from(keys.map((key, i) => [key, values[i] ?? UNIT])),
      );
    }
    case SomeValue.prototype:
      return wrapped((value) => new SomeValue(value));
    case OkValue.prototype:
      return wrapped((value) => new OkValue(value));
    case ErrValue.prototype:
      return wrapped((value) => new ErrValue(value));
    case UnitValue.prototype:
      ownData(part, []);
      return leaf(UNIT);
    case NoneValue.prototype:
      ownData(part, []);
      return leaf(NONE);
    case FloatValue.prototype: {
      const [value] = ownData(part, ["value"]);
      if (typeof value !== "number") break;
      return leaf(new FloatValue(value));
    }
    case RecordValue.prototype: {
      const [typeId, fields] = ownData(part, ["typeId", "fields"]);
      return new Branch(nodes(elementsOf(fields, count)), (values) => new RecordValue(indexOf(typeId), values));
    }
    case EnumValue.prototype: {
      const [typeId, variant, payload] = ownData(part, ["typeId", "variant", "payload"]);
      return new Branch(nodes([payload]), ([inner]) => new EnumValue(indexOf(typeId), indexOf(variant), inner ?? UNIT));
    }
    case ActorIdValue.prototype: {
      const [id] = ownData(part, ["id"]);
      return leaf(new ActorIdValue(typeof id === "bigint" ? largeId(id) : indexOf(id)));
    }
    case FnRefValue.prototype: {
      const [index] = ownData(part, ["index"]);
      return leaf(new FnRefValue(indexOf(index)));
    }
    case ClosureValue.prototype:
      throw new BadPart("a closure");
  }
  throw new BadPart();
}

/** The values of an object that has exactly these own properties, all of them data properties. */
function ownData(part: object, names: readonly string[]): readonly unknown[] {
  if (Reflect.ownKeys(part).length !== names.length) throw new BadPart();
  return names.map((name) => dataOf(part, name));
}

function dataOf(part: object, name: string): unknown {
  const property = Object.getOwnPropertyDescriptor(part, name);
  if (property === undefined || !Object.hasOwn(property, "value")) throw new BadPart();
  const value: unknown = property.value;
  return value;
}

function elementsOf(array: unknown, count: Count): readonly unknown[] {
  if (isProxy(array) || !Array.isArray(array)) throw new BadPart();
  count(array.length, "");
  return Array.from({ length: array.length }, (_, i) => dataOf(array, String(i)));
}

function indexOf(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0 || Object.is(value, -0)) throw new BadPart();
  return value;
}

/** A u64 that is not a safe integer. */
function largeId(id: bigint): bigint {
  if (id < 0n || id >= 2n ** 64n || Number.isSafeInteger(Number(id))) throw new BadPart();
  return id;
}
