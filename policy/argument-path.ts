/**
 * Paths to parts of a call's arguments, as written in `where`: a parameter, then names and list indexes.
 *
 *     options.model        the field `model` of the parameter `options`
 *     headers["X-Key"]     a name that is not an identifier, as a JSON string in brackets
 *     rows[0].id           the first element of a list
 *
 * A name selects a member of a Json object, map or record, the payload of an enum's variant, or `ok` or `err` of a Result. An index selects an
 * element of a list or a tuple. An Option needs no step: a Some is read as the value inside, and a None as an absent part.
 */
import { isPositional, type TypeDef } from "../vm/bytecode/module.ts";
import { ListValue } from "../vm/value/list.ts";
import { MapValue } from "../vm/value/map.ts";
import { typeTable } from "../vm/value/type-definitions.ts";
import {
  EnumValue,
  ErrValue,
  NoneValue,
  OkValue,
  RecordValue,
  SomeValue,
  UnitValue,
  type Value,
  replaceLoneSurrogates,
} from "../vm/value/value.ts";

export interface ArgumentPath {
  /** Name of the parameter. */
  readonly param: string;
  /** Names, and indexes from 0. */
  readonly steps: readonly (string | number)[];
}

/** Limit on a path, in UTF-16 code units. */
export const MAX_PATH_UNITS = 256;
/** Limit on the names and indexes of a path. */
export const MAX_PATH_STEPS = 16;

const STEP = /\.([A-Za-z_][A-Za-z0-9_]*)|\[(0|[1-9][0-9]{0,8})\]|\[("(?:[^"\\]|\\.)*")\]/y;

/** Parses a path. Returns undefined for a text that is not a path. */
export function parseArgumentPath(text: string): ArgumentPath | undefined {
  const param = /^[A-Za-z_][A-Za-z0-9_]*/.exec(text)?.[0];
  if (param === undefined || text.length > MAX_PATH_UNITS) return undefined;
  const steps: (string | number)[] = [];
  STEP.lastIndex = param.length;
  while (STEP.lastIndex < text.length) {
    const match = STEP.exec(text);
    if (match === null || steps.length === MAX_PATH_STEPS) return undefined;
    const [, name, index, quoted = ""] = match;
    const step = name ?? (index === undefined ? parseJsonString(quoted) : Number(index));
    if (step === undefined) return undefined;
    steps.push(step);
  }
  return { param, steps };
}

/** Parses a JSON string. Returns undefined for any other text. */
function parseJsonString(text: string): string | undefined {
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === "string" ? replaceLoneSurrogates(data) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Returns the part of a value at the end of the steps, or undefined if that part is absent. `types` are those of the program's module. */
export function partOf(value: Value, steps: readonly (string | number)[], types: readonly TypeDef[]): Value | undefined {
  let part = presentValue(value);
  for (const step of steps) {
    if (part === undefined) return undefined;
    const next = typeof step === "number" ? elementOf(part, step, types) : memberOf(part, step, types);
    part = next === undefined ? undefined : presentValue(next);
  }
  return part;
}

/** Returns the value inside nested Options, or undefined for None. */
function presentValue(value: Value): Value | undefined {
  let present = value;
  while (present instanceof SomeValue) present = present.value;
  return present instanceof NoneValue ? undefined : present;
}

function elementOf(value: Value, index: number, types: readonly TypeDef[]): Value | undefined {
  if (value instanceof RecordValue) {
    const shape = typeTable(types).shapeOfId(value.typeId);
    return shape?.kind === "record" && isPositional(shape.fields) ? value.get(index) : undefined;
  }
  return value instanceof ListValue && index < value.length ? value.get(index) : undefined;
}

function memberOf(value: Value, name: string, types: readonly TypeDef[]): Value | undefined {
  if (value instanceof MapValue) return value.get(name);
  if (value instanceof OkValue) return name === "ok" ? value.value : undefined;
  if (value instanceof ErrValue) return name === "err" ? value.value : undefined;
  if (value instanceof RecordValue) {
    const shape = typeTable(types).shapeOfId(value.typeId);
    const index = shape?.kind === "record" && !isPositional(shape.fields) ? shape.fields.findIndex((f) => f.name === name) : -1;
    return index < 0 ? undefined : value.get(index);
  }
  return value instanceof EnumValue && variantName(value, types) === name ? value.payload : undefined;
}

/** Returns the name of an enum's variant. */
export function variantName(value: EnumValue, types: readonly TypeDef[]): string | undefined {
  const shape = typeTable(types).shapeOfId(value.typeId);
  return shape?.kind === "enum" ? shape.variants[value.variant]?.name : undefined;
}

/** Whether an enum value has no payload. Conditions compare such a value by the name of its variant. */
export const isPlainVariant = (value: EnumValue): boolean => value.payload instanceof UnitValue;
