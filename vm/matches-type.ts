/** Whether a value is of a type: the check of what enters and leaves the machine. */
import { BorunaError } from "./error.ts";
import { MACHINE_LIMITS } from "./limits.ts";
import type { TypeDef } from "./module.ts";
import { type TypeTable, typeTable } from "./type-table.ts";
import type { PrimitiveName, Type } from "./types.ts";
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

interface Claim {
  readonly value: Value;
  /** Undefined for a part whose type the module does not tell: anything fits. */
  readonly type: Type | undefined;
}

/**
 * A record or enum value must carry the type's id. A function type takes every function value: its own type is not known at run time.
 * Throws `value.too_large` beyond `MACHINE_LIMITS.valueNodes` parts, shared ones counted each time.
 */
export function matchesType(value: Value, type: Type, types: readonly TypeDef[]): boolean {
  const table = typeTable(types);
  const pending: Claim[] = [];
  const count = (parts: number): void => {
    budget -= parts;
    if (budget < 0)
      throw new BorunaError("value.too_large", `a value of more than ${MACHINE_LIMITS.valueNodes} parts has its type not checked`);
  };
  const all = (values: Iterable<Value>, size: number, part: Type | undefined): true => {
    count(size);
    for (const item of values) pending.push({ value: item, type: part });
    return true;
  };
  let budget: number = MACHINE_LIMITS.valueNodes;
  let claim: Claim | undefined = { value, type };
  for (; claim !== undefined; claim = pending.pop()) {
    if (claim.type !== undefined && !fits(claim.value, claim.type, table, all)) return false;
  }
  return true;
}

/** Claims that values are of a type, later. */
type ClaimAll = (values: Iterable<Value>, size: number, type: Type | undefined) => true;

function fits(value: Value, type: Type, table: TypeTable, all: ClaimAll): boolean {
  switch (type.kind) {
    case "param":
      return true;
    case "fn":
      return value instanceof FnRefValue || value instanceof ClosureValue;
    case "primitive":
      return fitsPrimitive(value, type.name, type, all);
    case "named":
      return fitsNamed(value, type, type.args, table, all);
  }
}

function fitsPrimitive(value: Value, name: PrimitiveName, type: Type, all: ClaimAll): boolean {
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
      if (value instanceof ListValue) return all(value, value.length, type);
      if (value instanceof MapValue) return all(value.values(), value.size, type);
      return typeof value !== "object" || value instanceof UnitValue || value instanceof FloatValue;
  }
}

function fitsNamed(value: Value, type: Type & { kind: "named" }, args: readonly Type[], table: TypeTable, all: ClaimAll): boolean {
  const [first, second] = args;
  switch (type.name) {
    case "Option":
      return value instanceof NoneValue || (value instanceof SomeValue && all([value.value], 1, first));
    case "Result":
      return (value instanceof OkValue && all([value.value], 1, first)) || (value instanceof ErrValue && all([value.value], 1, second));
    case "List":
      return value instanceof ListValue && all(value, value.length, first);
    case "Map":
      return value instanceof MapValue && all(value.values(), value.size, second);
    default: {
      const shape = table.shapeOf(type);
      if (shape?.kind === "record") {
        if (!(value instanceof RecordValue) || value.typeId !== shape.id || value.fields.length !== shape.fields.length) return false;
        return shape.fields.every((field, i) => all(value.fields.slice(i, i + 1), 1, field.type));
      }
      if (shape === undefined || !(value instanceof EnumValue) || value.typeId !== shape.id) return false;
      const variant = shape.variants[value.variant];
      if (variant === undefined) return false;
      return variant.payload === null ? value.payload instanceof UnitValue : all([value.payload], 1, variant.payload.type);
    }
  }
}
