/** Whether a value is of a type: the check of what enters and leaves the machine. */
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

/** A value, or a part of one, that is not of the type it should be. */
export interface Mismatch {
  readonly value: Value;
  readonly type: Type;
}

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
  let budget: number = MACHINE_LIMITS.valueNodes;
  const spend = (parts: number): void => {
    budget -= parts;
    if (budget < 0)
      throw new BorunaError("value.too_large", `a value of more than ${MACHINE_LIMITS.valueNodes} parts has its type not checked`);
  };
  return findMismatch(value, type, types, { parts: spend, instance: () => undefined }) === undefined;
}

/** Counts the work of a check before it is done; may throw to stop it. */
export interface CheckWork {
  parts(count: number): void;
  /** A record or enum with type arguments, whose parts have types that are made of them. */
  instance(type: Type): void;
}

/** The part that keeps a value from being of a type. */
export function findMismatch(value: Value, type: Type, types: readonly TypeDef[], work: CheckWork): Mismatch | undefined {
  const table = typeTable(types);
  const pending: Claim[] = [];
  const all = (values: Iterable<Value>, size: number, part: Type | undefined): true => {
    work.parts(size);
    for (const item of values) pending.push({ value: item, type: part });
    return true;
  };
  let claim: Claim | undefined = { value, type };
  for (; claim !== undefined; claim = pending.pop()) {
    if (claim.type === undefined) continue;
    if (claim.type.kind === "named" && claim.type.args.length > 0) work.instance(claim.type);
    if (!fits(claim.value, claim.type, table, all)) return { value: claim.value, type: claim.type };
  }
  return undefined;
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
