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
  /** Undefined if the module does not declare a type for the part, so that any value matches. */
  readonly type: Type | undefined;
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

/** Returns the first part that was found not to match, or undefined if the value has the type. */
export function findMismatch(value: Value, type: Type, types: readonly TypeDef[], work: CheckWork): Mismatch | undefined {
  const table = typeTable(types);
  const queue: QueuedValue[] = [];
  const checkLater: CheckLater = (values, size, part) => {
    work.parts(size);
    for (const item of values) queue.push({ value: item, type: part });
    return true;
  };
  let current: QueuedValue | undefined = { value, type };
  for (; current !== undefined; current = queue.pop()) {
    if (current.type === undefined) continue;
    if (current.type.kind === "named" && current.type.args.length > 0) work.instance(current.type);
    if (!matches(current.value, current.type, table, checkLater)) return { value: current.value, type: current.type };
  }
  return undefined;
}

/** Queues `size` values to be checked against a type. Returns true, because no mismatch is known yet. */
type CheckLater = (values: Iterable<Value>, size: number, type: Type | undefined) => true;

function matches(value: Value, type: Type, table: TypeTable, checkLater: CheckLater): boolean {
  switch (type.kind) {
    case "param":
      return true;
    case "fn":
      return value instanceof FnRefValue || value instanceof ClosureValue;
    case "primitive":
      return matchesPrimitive(value, type.name, type, checkLater);
    case "named":
      return matchesNamed(value, type, type.args, table, checkLater);
  }
}

function matchesPrimitive(value: Value, name: PrimitiveName, type: Type, checkLater: CheckLater): boolean {
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
      if (value instanceof ListValue) return checkLater(value, value.length, type);
      if (value instanceof MapValue) return checkLater(value.values(), value.size, type);
      return typeof value !== "object" || value instanceof UnitValue || value instanceof FloatValue;
  }
}

function matchesNamed(
  value: Value,
  type: Type & { kind: "named" },
  args: readonly Type[],
  table: TypeTable,
  checkLater: CheckLater,
): boolean {
  const [first, second] = args;
  switch (type.name) {
    case "Option":
      return value instanceof NoneValue || (value instanceof SomeValue && checkLater([value.value], 1, first));
    case "Result":
      return (
        (value instanceof OkValue && checkLater([value.value], 1, first)) ||
        (value instanceof ErrValue && checkLater([value.value], 1, second))
      );
    case "List":
      return value instanceof ListValue && checkLater(value, value.length, first);
    case "Map":
      return value instanceof MapValue && checkLater(value.values(), value.size, second);
    default: {
      const shape = table.shapeOf(type);
      if (shape?.kind === "record") {
        if (!(value instanceof RecordValue) || value.typeId !== shape.id || value.size !== shape.fields.length) return false;
        return shape.fields.every((field, i) => checkLater(value.fields.slice(i, i + 1), 1, field.type));
      }
      if (shape === undefined || !(value instanceof EnumValue) || value.typeId !== shape.id) return false;
      const variant = shape.variants[value.variant];
      if (variant === undefined) return false;
      return variant.payload === null ? value.payload instanceof UnitValue : checkLater([value.payload], 1, variant.payload.type);
    }
  }
}
