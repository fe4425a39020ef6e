/** The native builtins of the module `json`. */
import { BYTES, mapCharge, treeLevels, UNITS } from "../cost.ts";
import { BorunaError } from "../error.ts";
import { Branch, foldTree } from "../json/fold.ts";
import { canonicalJson, isJsonArray, isJsonObject, type JsonData, parseJson } from "../json/json.ts";
import { readUsualJson } from "./json-reader.ts";
import { writeUsualJson } from "./json-writer.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { MachineTrap, type Meter, typeTrap, WorkMeter } from "../meter.ts";
import { TextBuilder } from "../value/text-chunks.ts";
import { ErrValue, FloatValue, I64_MAX, I64_MIN, isInt, OkValue, UNIT, UnitValue, type Value } from "../value/value.ts";
import { type BuiltinCode, code, expectBool, expectFloat, expectInt, expectList, expectMap, expectString, optionOf } from "./code.ts";

/** The limit on the nesting that `json.parse` reads and `json.stringify` writes. */
const MAX_DEPTH = MACHINE_LIMITS.valueDepth;
/**
 * How many bytes of data the parser may make for each byte of remaining allocation. The values made from the data usually have more bytes
 * than the data; only empty objects have fewer. So values made from more data than this would exceed the allocation limit, and the parser
 * stops early instead of filling the memory.
 */
const PARSER_BYTES_PER_BYTE = 3;
const MIN_PARSER_BYTES = 65_536;
const MAX_PARSER_BYTES = 3 * 2 ** 27;

function parse(meter: Meter, source: string): Value {
  meter.charge(source.length * UNITS.convertedCodeUnit);
  meter.allocate(BYTES.wrapper);
  const remaining = meter.maxAllocBytes - meter.allocBytes;
  const maxBytes = Math.min(MAX_PARSER_BYTES, MIN_PARSER_BYTES + PARSER_BYTES_PER_BYTE * remaining);
  const usual = readUsualJson(source);
  if (usual === undefined || usual.parserBytes > maxBytes || usual.bytes > remaining) return parseExactly(meter, source, maxBytes);
  meter.allocate(usual.bytes);
  return new OkValue(usual.value);
}

/**
 * Parses any text, also one at which the fast reader gives up (`json-reader.ts`). `parse` has made the first charges. `maxBytes` limits the
 * parser's data.
 */
export function parseExactly(meter: Meter, source: string, maxBytes: number): Value {
  let data: JsonData;
  try {
    data = parseJson(source, { maxDepth: MAX_DEPTH, duplicateKeys: "last", maxBytes });
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    if (error.kind === "json.too_large") throw new MachineTrap("alloc_limit", "json.parse: the value exceeds the allocation limit");
    meter.allocateString(error.message.length);
    return new ErrValue(error.message);
  }
  return new OkValue(valueOf(meter, data));
}

function valueOf(meter: Meter, root: JsonData): Value {
  /** For each depth, the remaining keys of the object being converted, so that each key is charged just before its value. */
  const keys: (Iterator<string, undefined> | undefined)[] = [];
  return foldTree<JsonData, Value>(root, (data, depth) => {
    const key = keys[depth - 1]?.next().value;
    if (key !== undefined) meter.allocateString(key.length);
    if (isJsonArray(data)) {
      meter.allocateList(data.length);
      keys[depth] = undefined;
      return new Branch(data, (items) => ListValue.of(items));
    }
    if (isJsonObject(data)) {
      meter.allocate(mapCharge(data.size));
      keys[depth] = data.keys();
      const names = [...data.keys()];
      return new Branch([...data.values()], (values) => MapValue.ofKeys(names, values));
    }
    return { leaf: scalarOf(meter, data) };
  });
}

function scalarOf(meter: Meter, data: null | boolean | number | bigint | FloatValue | string): Value {
  if (data === null) return UNIT;
  if (typeof data === "string") meter.allocateString(data.length);
  return typeof data === "bigint" && (data < I64_MIN || data > I64_MAX) ? new FloatValue(Number(data)) : data;
}

/** A list or object of which only the start has been written. */
type OpenContainer =
  | { readonly end: "]"; readonly parts: Iterator<Value>; first: boolean }
  | { readonly end: "}"; readonly parts: Iterator<readonly [string, Value]>; first: boolean };

function stringify(meter: Meter, value: Value): Value {
  const stepsLeft = meter.maxSteps - meter.steps;
  const usual = writeUsualJson(value, stepsLeft);
  const isAffordable =
    usual !== undefined && usual.steps <= stepsLeft && BYTES.stringHeader + usual.bytes <= meter.maxAllocBytes - meter.allocBytes;
  if (!isAffordable) return stringifyExactly(meter, value);
  meter.allocate(BYTES.stringHeader + usual.bytes);
  meter.addSteps(usual.steps);
  return usual.text;
}

/**
 * Writes any value as JSON, also one at which the fast writer gives up (`json-writer.ts`). Charges each piece before it writes the piece.
 */
export function stringifyExactly(meter: Meter, value: Value): string {
  const work = new WorkMeter(meter);
  const open: OpenContainer[] = [];
  const written = new TextBuilder();
  meter.allocateString(0);
  const write = (piece: string): void => {
    work.add(piece.length * UNITS.convertedCodeUnit);
    if (written.length + piece.length > MAX_JSON_UNITS)
      throw new MachineTrap("alloc_limit", `json.stringify: more than ${MAX_JSON_UNITS} code units`);
    meter.allocate(piece.length * BYTES.codeUnit);
    written.add(piece);
  };
  const visit = (part: Value): void => {
    work.add(UNITS.value);
    if ((part instanceof ListValue || part instanceof MapValue) && open.length >= MAX_DEPTH)
      throw new MachineTrap("invalid_value", `json.stringify: the value is nested deeper than ${MAX_DEPTH}`);
    if (part instanceof ListValue) {
      write("[");
      open.push({ end: "]", parts: part[Symbol.iterator](), first: true });
    } else if (part instanceof MapValue) {
      write("{");
      open.push({ end: "}", parts: part.entries(), first: true });
    } else write(scalarText(part, work));
  };
  visit(value);
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const next = top.parts.next();
    if (next.done === true) {
      write(top.end);
      open.pop();
      continue;
    }
    if (!top.first) write(",");
    top.first = false;
    if (isEntry(next.value)) {
      write(`${quote(next.value[0], work)}:`);
      visit(next.value[1]);
    } else visit(next.value);
  }
  return written.toString();
}

/** The maximum length of the result, in code units. It is half of the maximum String length. */
const MAX_JSON_UNITS = 2 ** 27;

function isEntry(part: Value | readonly [string, Value]): part is readonly [string, Value] {
  return Array.isArray(part);
}

function quote(source: string, work: WorkMeter): string {
  if (source.length > MAX_JSON_UNITS / 2) throw new MachineTrap("alloc_limit", `json.stringify: more than ${MAX_JSON_UNITS} code units`);
  work.add(source.length * UNITS.convertedCodeUnit);
  return canonicalJson(source);
}

function scalarText(value: Value, work: WorkMeter): string {
  if (value instanceof UnitValue) return "null";
  if (typeof value === "string") return quote(value, work);
  if (value instanceof FloatValue) return Number.isFinite(value.value) ? canonicalJson(value) : "null";
  if (typeof value === "object") throw typeTrap("Json", value);
  return canonicalJson(value);
}

/** Parses a path such as `a.b[0]` into keys and indices. Returns undefined if the path is malformed. */
function parsePath(path: string): (string | number)[] | undefined {
  const steps: (string | number)[] = [];
  let position = 0;
  while (position < path.length) {
    if (path[position] === "[") {
      const end = path.indexOf("]", position);
      const digits = end < 0 ? "" : path.slice(position + 1, end);
      if (!/^[0-9]{1,10}$/.test(digits)) return undefined;
      steps.push(Number(digits));
      position = end + 1;
      if (position < path.length && path[position] !== "." && path[position] !== "[") return undefined;
    } else {
      if (path[position] === ".") {
        if (position === 0) return undefined;
        position += 1;
      }
      let end = position;
      while (end < path.length && path[end] !== "." && path[end] !== "[" && path[end] !== "]") end += 1;
      if (end === position || path[end] === "]") return undefined;
      steps.push(path.slice(position, end));
      position = end;
    }
  }
  return steps;
}

function get(meter: Meter, value: Value, path: string): Value {
  const work = new WorkMeter(meter);
  work.add(path.length * UNITS.convertedCodeUnit);
  let current: Value | undefined = value;
  for (const step of parsePath(path) ?? [undefined]) {
    if (typeof step === "number" && current instanceof ListValue) current = current.get(step);
    else if (typeof step === "string" && current instanceof MapValue) {
      work.add(step.length * treeLevels(current.size) * UNITS.codeUnit);
      current = current.get(step);
    } else current = undefined;
  }
  return optionOf(meter, current);
}

/** Returns the implementation of a `json.as_…` builtin. `pick` returns undefined for a Json of another kind. */
const asBuiltin = (pick: (value: Value) => Value | undefined): BuiltinCode => code(1, (meter, a) => optionOf(meter, pick(a)));

/** Returns the result of `JsonKind`: 0 null, 1 Bool, 2 Int, 3 Float, 4 String, 5 List, 6 Object. */
export function jsonKind(value: Value): number {
  if (value instanceof UnitValue) return 0;
  if (typeof value === "boolean") return 1;
  if (isInt(value)) return 2;
  if (value instanceof FloatValue) return 3;
  if (typeof value === "string") return 4;
  if (value instanceof ListValue) return 5;
  if (value instanceof MapValue) return 6;
  throw typeTrap("Json", value);
}

export const JSON_CODE: readonly (readonly [string, BuiltinCode])[] = [
  ["json.parse", code(1, (meter, a) => parse(meter, expectString(a)))],
  ["json.stringify", code(1, (meter, a) => stringify(meter, a))],
  ["json.get", code(2, (meter, a, b) => get(meter, a, expectString(b)))],
  ["json.as_string", asBuiltin((value) => (typeof value === "string" ? value : undefined))],
  ["json.as_int", asBuiltin((value) => (isInt(value) ? value : undefined))],
  ["json.as_float", asBuiltin((value) => (isInt(value) ? new FloatValue(Number(value)) : value instanceof FloatValue ? value : undefined))],
  ["json.as_bool", asBuiltin((value) => (typeof value === "boolean" ? value : undefined))],
  ["json.as_list", asBuiltin((value) => (value instanceof ListValue ? value : undefined))],
  ["json.as_object", asBuiltin((value) => (value instanceof MapValue ? value : undefined))],
  ["json.of_null", code(0, () => UNIT)],
  ["json.of_string", code(1, (_meter, a) => expectString(a))],
  ["json.of_int", code(1, (_meter, a) => expectInt(a))],
  ["json.of_float", code(1, (_meter, a) => new FloatValue(expectFloat(a)))],
  ["json.of_bool", code(1, (_meter, a) => expectBool(a))],
  ["json.of_list", code(1, (_meter, a) => expectList(a))],
  ["json.of_object", code(1, (_meter, a) => expectMap(a))],
];
