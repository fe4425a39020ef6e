/** Makes JSON that matches a JSON Schema, as a model does that was given the schema. */
import { isJsonArray, isJsonObject, type JsonData } from "../vm/json/json.ts";
import type { Chooser } from "./choices.ts";
import type { Flavor, ValueMaker } from "./made-values.ts";

/** Parts of a document that are nested deeper become null. The schemas that models accept are not this deep. */
const MAX_DEPTH = 16;

/** Returns a document that obeys the usual keywords. If the schema has others, the document may not match, and the call fails as a live call would. */
export function matchingDocument(schema: JsonData, choose: Chooser, flavor: Flavor, maker: ValueMaker, depth = 0): JsonData {
  if (!isJsonObject(schema) || depth > MAX_DEPTH) return null;
  const part = (inner: JsonData | undefined): JsonData => matchingDocument(inner ?? null, choose, flavor, maker, depth + 1);
  const constant = schema.get("const");
  if (constant !== undefined) return constant;
  const alternatives = schema.get("enum");
  if (isJsonArray(alternatives ?? null)) return elementOf(alternatives, choose) ?? null;
  const variant = elementOf(schema.get("anyOf"), choose) ?? elementOf(schema.get("oneOf"), choose);
  if (variant !== undefined) return part(variant);
  const type = schema.get("type");
  switch (elementOf(type, choose) ?? type) {
    case "object":
      return objectFor(schema, part);
    case "array":
      return maker.list(choose, flavor, depth, () => part(schema.get("items")));
    case "string":
      return maker.text(choose, flavor);
    case "integer":
    case "number":
      return inRange(maker.number(choose, flavor), schema);
    case "boolean":
      return choose.below(2) === 1;
    default:
      return null;
  }
}

/** Returns a chosen element, or undefined if `list` is not a list. */
function elementOf(list: JsonData | undefined, choose: Chooser): JsonData | undefined {
  return list !== undefined && isJsonArray(list) ? list[choose.below(list.length)] : undefined;
}

function objectFor(schema: ReadonlyMap<string, JsonData>, part: (inner: JsonData) => JsonData): JsonData {
  const properties = schema.get("properties") ?? null;
  return isJsonObject(properties) ? new Map([...properties].map(([name, inner]) => [name, part(inner)])) : new Map();
}

/** Returns the number, or the bound that it exceeds. */
function inRange(number: number | bigint, schema: ReadonlyMap<string, JsonData>): JsonData {
  const bound = (name: string): number | bigint | undefined => {
    const given = schema.get(name);
    return typeof given === "number" || typeof given === "bigint" ? given : undefined;
  };
  const [minimum, maximum] = [bound("minimum"), bound("maximum")];
  if (minimum !== undefined && number < minimum) return minimum;
  return maximum !== undefined && number > maximum ? maximum : number;
}
