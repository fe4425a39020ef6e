import { BorunaError } from "../error.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import type { TypeDef } from "../bytecode/module.ts";
import { type TypeTable, typeTable } from "./type-definitions.ts";
import type { PrimitiveName, Type } from "./type.ts";
import {
  ActorIdValue,
  ClosureValue,
  EnumValue,
  ErrValue,
  FloatValue,
  FnRefValue,
  isInt,
  NoneValue,
  OkValue,
  RecordValue,
  SomeValue,
  UNIT,
  UnitValue,
  type Value,
} from "./value.ts";
import { ListValue } from "./list.ts";
import { MapValue } from "./map.ts";

/** A part of a value that does not have the expected type. */
interface Mismatch {
  readonly value: Value;
  readonly type: Type;
}

/** A value that is still to be checked. */
interface QueuedValue {
  readonly value: Value;
  readonly type: Type;
}

/**
 * Returns whether a value that enters or leaves the machine has the type. A record or enum value must have the id of the type. Every
 * function value matches every function type, because the type of a function value is not known at run time.
 * Throws `value.too_large` if there are more than `MACHINE_LIMITS.valueNodes` parts. A shared part counts each time.
 */
export function matchesType(value: Value, type: Type, types: readonly TypeDef[]): boolean {
  let budget: number = MACHINE_LIMITS.valueNodes;
  const spend = (parts: number): void => {
    budget -= parts;
    if (budget < 0)
      throw new BorunaError("value.too_large", `a value of more than ${MACHINE_LIMITS.valueNodes} parts has its type not checked`);
  };
  return findMismatch(value, type, types, { parts: spend, instance: () => undefined }) === undefined;
}

/** Callbacks that receive how much work a check is about to do. They may throw to stop the check. */
interface CheckWork {
  parts(count: number): void;
  /** `findMismatch` calls this for a generic type, because the type with its arguments may have to be built. */
  instance(type: Type): void;
}

/** Returns the first part found that does not match; undefined if the value has the type. */
export function findMismatch(value: Value, type: Type, types: readonly TypeDef[], work: CheckWork): Mismatch | undefined {
  const table = typeTable(types);
  const queue: QueuedValue[] = [];
  const later: CheckLater = {
    one: (part, partType) => {
      work.parts(1);
      // A scalar that matches needs no turn in the queue.
      const isKnown = partType?.kind === "primitive" && partType.name !== "Json" && matchesPrimitive(part, partType.name, partType, later);
      if (partType !== undefined && !isKnown) queue.push({ value: part, type: partType });
      return true;
    },
    all: (parts, size, partType) => {
      work.parts(size);
      if (partType !== undefined) for (const part of parts) queue.push({ value: part, type: partType });
      return true;
    },
  };
  let current: QueuedValue | undefined = { value, type };
  for (; current !== undefined; current = queue.pop()) {
    if (current.type.kind === "named" && current.type.args.length > 0) work.instance(current.type);
    if (!matches(current.value, current.type, table, later)) return { value: current.value, type: current.type };
  }
  return undefined;
}

/**
 * Queues one value, or `size` values, to be checked against a type. Any value matches undefined, which is the type of a part for which the
 * module declares none. Returns true, because no mismatch is known yet.
 */
interface CheckLater {
  readonly one: (value: Value, type: Type | undefined) => true;
  readonly all: (values: Iterable<Value>, size: number, type: Type | undefined) => true;
}

function matches(value: Value, type: Type, table: TypeTable, later: CheckLater): boolean {
  switch (type.kind) {
    case "param":
      return true;
    case "fn":
      return value instanceof FnRefValue || value instanceof ClosureValue;
    case "primitive":
      return matchesPrimitive(value, type.name, type, later);
    case "named":
      return matchesNamed(value, type, type.args, table, later);
  }
}

function matchesPrimitive(value: Value, name: PrimitiveName, type: Type, later: CheckLater): boolean {
  switch (name) {
    case "Int":
      return isInt(value);
    case "Float":
      return value instanceof FloatValue;
    case "String":
      return typeof value === "string";
    case "Bool":
      return typeof value === "boolean";
    case "Unit":
      return value instanceof UnitValue;
    case "ActorId":
      return value instanceof ActorIdValue;
    case "Json":
      if (value instanceof ListValue) return later.all(value, value.length, type);
      if (value instanceof MapValue) return later.all(value.values(), value.size, type);
      return typeof value !== "object" || value instanceof UnitValue || value instanceof FloatValue;
  }
}

function matchesNamed(value: Value, type: Type & { kind: "named" }, args: readonly Type[], table: TypeTable, later: CheckLater): boolean {
  const [first, second] = args;
  switch (type.name) {
    case "Option":
      return value instanceof NoneValue || (value instanceof SomeValue && later.one(value.value, first));
    case "Result":
      return (value instanceof OkValue && later.one(value.value, first)) || (value instanceof ErrValue && later.one(value.value, second));
    case "List":
      return value instanceof ListValue && later.all(value, value.length, first);
    case "Map":
      return value instanceof MapValue && later.all(value.values(), value.size, second);
    default: {
      const shape = table.shapeOf(type);
      if (shape?.kind === "record") {
        if (!(value instanceof RecordValue) || value.typeId !== shape.id || value.size !== shape.fields.length) return false;
        return shape.fields.every(({ type: fieldType }, i) => later.one(value.get(i) ?? UNIT, fieldType));
      }
      if (shape === undefined || !(value instanceof EnumValue) || value.typeId !== shape.id) return false;
      const variant = shape.variants[value.variant];
      if (variant === undefined) return false;
      return variant.payload === null ? value.payload instanceof UnitValue : later.one(value.payload, variant.payload.type);
    }
  }
}
