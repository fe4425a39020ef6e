/** Plans for the fast conversions between data and Json (`json-usual.ts`): what a type and its parts are, computed once for each type. */
import { isPositional } from "../bytecode/module.ts";
import { UNITS } from "../cost.ts";
import { bareOption } from "../json/typed-json.ts";
import { lazily, memoizePerObject } from "../lazy.ts";
import { isAscending, MIN_HISTORY_SIZE } from "../value/persistent-map.ts";
import { instanceUnits, type TypeShape, type TypeTable } from "../value/type-definitions.ts";
import type { PrimitiveName, Type } from "../value/type.ts";
import { compareUtf8 } from "../value/utf8.ts";

/** How to convert data of one type. `units` is the work for one value of the type, without its parts. */
export type Plan =
  | { readonly kind: "primitive"; readonly units: number; readonly name: PrimitiveName }
  | { readonly kind: "option" | "list" | "map"; readonly units: number; readonly part: Plan }
  | { readonly kind: "record"; readonly units: number; readonly id: number; readonly fields: () => RecordPlan }
  | { readonly kind: "enum"; readonly units: number; readonly id: number; readonly variants: () => readonly VariantPlan[] }
  /** Only the exact conversion handles the type. */
  | { readonly kind: "unusual" };

export interface RecordPlan {
  /** The plan of each field, by index. */
  readonly parts: readonly Plan[];
  /** The names of the fields in ascending order; undefined for a tuple. */
  readonly names: readonly string[] | undefined;
  /** The indexes of the fields, in the order of `names`; for a tuple, in their own order. */
  readonly order: readonly number[];
}

export interface VariantPlan {
  readonly name: string;
  /** Undefined if the variant has no payload. */
  readonly payload: Plan | undefined;
}

const UNUSUAL: Plan = { kind: "unusual" };

const plansOf = memoizePerObject((_table: TypeTable) => new WeakMap<Type, Plan>());

/** Returns the plan of a type. Equal types with the same table have the same plan while the table has room. */
export function planOf(table: TypeTable, type: Type | undefined): Plan {
  if (type === undefined) return UNUSUAL;
  const plans = plansOf(table);
  const known = plans.get(type);
  if (known !== undefined) return known;
  const plan = makePlan(table, type);
  plans.set(type, plan);
  return plan;
}

function makePlan(table: TypeTable, type: Type): Plan {
  const units = UNITS.value + instanceUnits(type);
  if (type.kind === "primitive") return { kind: "primitive", units, name: type.name };
  if (type.kind !== "named") return UNUSUAL;
  const [first, second] = type.args;
  switch (type.name) {
    case "Option": {
      const inner = bareOption("foreign", type);
      return inner === undefined ? UNUSUAL : { kind: "option", units, part: planOf(table, inner) };
    }
    case "Result":
      return UNUSUAL;
    case "List":
      return { kind: "list", units, part: planOf(table, first) };
    case "Map":
      return { kind: "map", units, part: planOf(table, second) };
    default: {
      const shape = table.shapeOf(type);
      // The parts may contain the type itself, so they are planned later.
      if (shape?.kind === "record") return { kind: "record", units, id: shape.id, fields: lazily(() => recordPlan(table, shape)) };
      if (shape?.kind === "enum") return { kind: "enum", units, id: shape.id, variants: lazily(() => variantPlans(table, shape)) };
      return UNUSUAL;
    }
  }
}

function recordPlan(table: TypeTable, { fields }: Extract<TypeShape, { kind: "record" }>): RecordPlan {
  const parts = fields.map((field) => planOf(table, field.type));
  const order = Array.from(fields.keys()).sort((a, b) => compareUtf8(fields[a]?.name ?? "", fields[b]?.name ?? ""));
  const names = order.map((index) => fields[index]?.name ?? "");
  if (isPositional(fields)) return { parts, names: undefined, order: [...parts.keys()] };
  const isUsual = isAscending(names) && names.length < MIN_HISTORY_SIZE;
  return { parts: isUsual ? parts : parts.map(() => UNUSUAL), names, order };
}

const variantPlans = (table: TypeTable, { variants }: Extract<TypeShape, { kind: "enum" }>): readonly VariantPlan[] =>
  variants.map(({ name, payload }) => ({ name, payload: payload === null ? undefined : planOf(table, payload.type) }));
