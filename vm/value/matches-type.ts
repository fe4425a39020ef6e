import { BorunaError } from "../error.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import type { TypeDef } from "../bytecode/module.ts";
import { memoizePerObject } from "../lazy.ts";
import { countNodes, type TypeShape, type TypeTable, typeTable } from "./type-definitions.ts";
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

/** How deep the records, enums, Options and Results may nest in a value that `smallMatch` checks. */
const SMALL_DEPTH = 6;

/** What `smallMatch` needs to know of a type. */
export interface Pattern {
  readonly type: Type;
  readonly table: TypeTable;
  /** The nodes of a generic type; 0 for any other type. */
  readonly work: number;
  readonly shape: TypeShape | undefined;
  /** The patterns of the type's parts: fields, payloads or type arguments. An entry is made when a value first has the part. */
  readonly parts: (Pattern | undefined)[];
}

const patternsOf = memoizePerObject<TypeTable, Map<Type, Pattern>>(() => new Map());

/** The limit on the patterns of parts in one module. */
const MAX_PATTERNS = 10_000;

/** Returns the pattern of a type. The table has one object for each type, so a recursive type has a finite number of patterns. */
export function patternOf(type: Type, table: TypeTable): Pattern {
  const patterns = patternsOf(table);
  const known = patterns.get(type);
  if (known !== undefined) return known;
  const work = type.kind === "named" && type.args.length > 0 ? countNodes(type) : 0;
  const pattern = { type, table, work, shape: table.shapeOf(type), parts: [] };
  patterns.set(type, pattern);
  return pattern;
}

/**
 * Returns the work of `findMismatch` in parts, that is the sum of what it passes to `parts` and the nodes of the types that it passes to
 * `instance`, for a small value that has the type. Takes less time. Returns NaN for any other value.
 */
export function smallMatch(value: Value, pattern: Pattern, depth = 0): number {
  const { type, work, shape } = pattern;
  if (type.kind === "primitive") return type.name !== "Json" && matchesScalar(value, type.name) ? 0 : Number.NaN;
  if (type.kind !== "named" || depth > SMALL_DEPTH) return type.kind === "param" ? 0 : Number.NaN;
  switch (type.name) {
    case "Option":
      if (value instanceof NoneValue) return work;
      return value instanceof SomeValue ? work + partMatch(value.value, pattern, 0, type.args[0], depth) : Number.NaN;
    case "Result":
      if (value instanceof OkValue) return work + partMatch(value.value, pattern, 0, type.args[0], depth);
      return value instanceof ErrValue ? work + partMatch(value.value, pattern, 1, type.args[1], depth) : Number.NaN;
    case "List":
    case "Map":
      return Number.NaN;
    default: {
      if (shape?.kind === "record") {
        const { fields } = shape;
        if (!(value instanceof RecordValue) || value.typeId !== shape.id || value.size !== fields.length) return Number.NaN;
        let sum = work;
        for (let i = 0; i < fields.length; i++) sum += partMatch(value.get(i) ?? UNIT, pattern, i, fields[i]?.type, depth);
        return sum;
      }
      if (shape === undefined || !(value instanceof EnumValue) || value.typeId !== shape.id) return Number.NaN;
      const variant = shape.variants[value.variant];
      if (variant === undefined) return Number.NaN;
      if (variant.payload !== null) return work + partMatch(value.payload, pattern, value.variant, variant.payload.type, depth);
      return value.payload instanceof UnitValue ? work : Number.NaN;
    }
  }
}

/** Returns 1 plus the work of a part, the `index`th of the pattern's type. `type` is undefined if the module declares none. */
function partMatch(part: Value, pattern: Pattern, index: number, type: Type | undefined, depth: number): number {
  if (type === undefined) return 1;
  let known = pattern.parts[index];
  if (known === undefined) {
    if (patternsOf(pattern.table).size >= MAX_PATTERNS) return Number.NaN;
    known = patternOf(type, pattern.table);
    pattern.parts[index] = known;
  }
  return 1 + smallMatch(part, known, depth + 1);
}

/** Returns a part that does not match its type; undefined if the value has the type. */
export function findMismatch(value: Value, type: Type, types: readonly TypeDef[], work: CheckWork): Mismatch | undefined {
  const table = typeTable(types);
  const queue: QueuedValue[] = [];
  const checks: CheckQueue = {
    add: (part, partType) => {
      work.parts(1);
      // A scalar that matches needs no turn in the queue.
      const isKnown = partType?.kind === "primitive" && partType.name !== "Json" && matchesPrimitive(part, partType.name, partType, checks);
      if (partType !== undefined && !isKnown) queue.push({ value: part, type: partType });
      return true;
    },
    addAll: (parts, size, partType) => {
      work.parts(size);
      if (partType !== undefined) for (const part of parts) queue.push({ value: part, type: partType });
      return true;
    },
  };
  let current: QueuedValue | undefined = { value, type };
  for (; current !== undefined; current = queue.pop()) {
    if (current.type.kind === "named" && current.type.args.length > 0) work.instance(current.type);
    if (!matches(current.value, current.type, table, checks)) return { value: current.value, type: current.type };
  }
  return undefined;
}

/**
 * The parts that are still to be checked. `add` and `addAll` queue one value, or `size` values, with their type. The type is undefined if the
 * module declares none; any value matches it. Both return true, because no mismatch is known yet.
 */
interface CheckQueue {
  readonly add: (value: Value, type: Type | undefined) => true;
  readonly addAll: (values: Iterable<Value>, size: number, type: Type | undefined) => true;
}

function matches(value: Value, type: Type, table: TypeTable, checks: CheckQueue): boolean {
  switch (type.kind) {
    case "param":
      return true;
    case "fn":
      return value instanceof FnRefValue || value instanceof ClosureValue;
    case "primitive":
      return matchesPrimitive(value, type.name, type, checks);
    case "named":
      return matchesNamed(value, type, type.args, table, checks);
  }
}

function matchesPrimitive(value: Value, name: PrimitiveName, type: Type, checks: CheckQueue): boolean {
  if (name !== "Json") return matchesScalar(value, name);
  if (value instanceof ListValue) return checks.addAll(value, value.length, type);
  if (value instanceof MapValue) return checks.addAll(value.values(), value.size, type);
  return typeof value !== "object" || value instanceof UnitValue || value instanceof FloatValue;
}

function matchesScalar(value: Value, name: Exclude<PrimitiveName, "Json">): boolean {
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
  }
}

function matchesNamed(value: Value, type: Type & { kind: "named" }, args: readonly Type[], table: TypeTable, checks: CheckQueue): boolean {
  const [first, second] = args;
  switch (type.name) {
    case "Option":
      return value instanceof NoneValue || (value instanceof SomeValue && checks.add(value.value, first));
    case "Result":
      return (value instanceof OkValue && checks.add(value.value, first)) || (value instanceof ErrValue && checks.add(value.value, second));
    case "List":
      return value instanceof ListValue && checks.addAll(value, value.length, first);
    case "Map":
      return value instanceof MapValue && checks.addAll(value.values(), value.size, second);
    default: {
      const shape = table.shapeOf(type);
      if (shape?.kind === "record") {
        if (!(value instanceof RecordValue) || value.typeId !== shape.id || value.size !== shape.fields.length) return false;
        return shape.fields.every(({ type: fieldType }, i) => checks.add(value.get(i) ?? UNIT, fieldType));
      }
      if (shape === undefined || !(value instanceof EnumValue) || value.typeId !== shape.id) return false;
      const variant = shape.variants[value.variant];
      if (variant === undefined) return false;
      return variant.payload === null ? value.payload instanceof UnitValue : checks.add(value.payload, variant.payload.type);
    }
  }
}
