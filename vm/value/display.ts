/** Formats values as text for people: for `debug`, for messages and for the output of `boruna run`. */
import { MACHINE_LIMITS } from "../limits.ts";
import { isPositional, type TypeDef } from "../bytecode/module.ts";
import { TextBuilder } from "./text-chunks.ts";
import { isTupleName, type Type } from "./type.ts";
import { type ObjectValue, type EnumValue, RecordValue, type Value } from "./value.ts";

/** Older modules represent options and results as enum values with these type ids. */
export const LEGACY_OPTION_TYPE = 65_534;
export const LEGACY_RESULT_TYPE = 65_533;
const LEGACY_NAMES: ReadonlyMap<number, readonly string[]> = new Map([
  [LEGACY_OPTION_TYPE, ["None", "Some"]],
  [LEGACY_RESULT_TYPE, ["Ok", "Err"]],
]);

/** Returns `Some`, `None`, `Ok` or `Err` if the enum value represents an Option or Result of an older module. */
export function legacyName(value: EnumValue, types: readonly TypeDef[]): string | undefined {
  return types[value.typeId] === undefined ? LEGACY_NAMES.get(value.typeId)?.[value.variant] : undefined;
}

/**
 * Returns the shortest decimal digits that read back as the same Float (ECMAScript `Number::toString`), without an exponent:
 * `1`, `1000000000000000000000`, `0.0000001`, `-0`, `inf`, `-inf`, `NaN`.
 */
export function floatToText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  if (Object.is(value, -0)) return "-0";
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = "", first = "", rest = "", exponentText] = match;
  const exponent = Number(exponentText);
  const digits = first + rest;
  return exponent < 0 ? `${sign}0.${"0".repeat(-exponent - 1)}${digits}` : `${sign}${digits.padEnd(exponent + 1, "0")}`;
}

/** The children of a value, and the text around them. */
interface Layout {
  readonly open: string;
  readonly close: string;
  readonly children: readonly Value[];
  /** The text before each child, which is the field's name or the map key, followed by a colon. */
  readonly labels?: readonly string[];
}

type RecordLayout = (value: RecordValue | EnumValue) => Layout;

const label = (name: string): string => `${name}: `;

function untypedLayout(value: RecordValue | EnumValue): Layout {
  return value instanceof RecordValue
    ? { open: `Record#${value.typeId}{`, close: "}", children: value.fields }
    : { open: `Enum#${value.typeId}::${value.variant}(`, close: ")", children: [value.payload] };
}

function typedLayout(types: readonly TypeDef[], { hasLegacyNames }: { readonly hasLegacyNames: boolean }): RecordLayout {
  return (value) => {
    const def = types[value.typeId];
    if (value instanceof RecordValue) {
      if (def?.kind !== "record" || def.fields.length !== value.fields.length) return untypedLayout(value);
      if (def.fields.length === 0) return { open: `${def.name} {`, close: "}", children: [] };
      if (isPositional(def.fields)) return { open: `${isTupleName(def.name) ? "" : def.name}(`, close: ")", children: value.fields };
      return { open: `${def.name} { `, close: " }", children: value.fields, labels: def.fields.map((field) => label(field.name)) };
    }
    const legacy = hasLegacyNames ? legacyName(value, types) : undefined;
    if (legacy !== undefined)
      return legacy === "None" ? { open: legacy, close: "", children: [] } : { open: `${legacy}(`, close: ")", children: [value.payload] };
    const variant = def?.kind === "enum" ? def.variants[value.variant] : undefined;
    if (def === undefined || variant === undefined) return untypedLayout(value);
    const name = `${def.name}::${variant.name}`;
    if (variant.type === null) return { open: name, close: "", children: [] };
    // A variant with named fields has a record as its payload. The type of that record has the name of the variant.
    const isStruct = value.payload instanceof RecordValue && types[value.payload.typeId]?.name === name;
    return isStruct ? { open: "", close: "", children: [value.payload] } : { open: `${name}(`, close: ")", children: [value.payload] };
  };
}

function layoutOf(value: ObjectValue, recordLayout: RecordLayout): Layout | string {
  switch (value.tag) {
    case "Unit":
      return "()";
    case "None":
      return "None";
    case "Float":
      return floatToText(value.value);
    case "ActorId":
      return `Actor#${value.id}`;
    case "FnRef":
    case "Closure":
      return `Fn#${value.index}`;
    case "Some":
    case "Ok":
    case "Err":
      return { open: `${value.tag}(`, close: ")", children: [value.value] };
    case "Record":
    case "Enum":
      return recordLayout(value);
    case "List":
      return { open: "[", close: "]", children: value.toArray() };
    case "Map":
      return { open: "{", close: "}", children: [...value.values()], labels: [...value.keys()].map(label) };
  }
}

const ELLIPSIS = "…";

function render(value: Value, recordLayout: RecordLayout, maxUnits: number): string {
  const limit = Math.min(maxUnits, MACHINE_LIMITS.displayTextUnits);
  const stack: { readonly layout: Layout; next: number }[] = [];
  const builder = new TextBuilder();
  const write = (text: string): void => builder.add(text);
  let current: Value | undefined = value;
  while (current !== undefined && builder.length <= limit) {
    if (typeof current === "string") write(`"${current}"`);
    else if (typeof current !== "object") write(String(current));
    else {
      const layout = layoutOf(current, recordLayout);
      if (typeof layout === "string") write(layout);
      else if (stack.length >= MACHINE_LIMITS.valueDepth) write(ELLIPSIS);
      else {
        write(layout.open);
        stack.push({ layout, next: 0 });
      }
    }
    current = undefined;
    for (let top = stack.at(-1); top !== undefined && builder.length <= limit; top = stack.at(-1)) {
      const index = top.next;
      top.next += 1;
      current = top.layout.children[index];
      if (current !== undefined) {
        write(`${index > 0 ? ", " : ""}${top.layout.labels?.[index] ?? ""}`);
        break;
      }
      write(top.layout.close);
      stack.pop();
    }
  }
  const text = builder.toString();
  return builder.length > limit ? cutText(text, limit) : text;
}

function cutText(text: string, limit: number): string {
  const lastUnit = text.charCodeAt(limit - 1);
  const splitsPair = lastUnit >= 0xd800 && lastUnit <= 0xdbff;
  return text.slice(0, splitsPair ? limit - 1 : limit) + ELLIPSIS;
}

/**
 * Formats a value as bytecode 1.1 does, without type names: `Record#0{1, 2}`. Strings are quoted but not escaped.
 * Values nested deeper than `MACHINE_LIMITS.valueDepth` are replaced with "…". Text longer than `maxUnits` or
 * `MACHINE_LIMITS.displayTextUnits` UTF-16 code units is cut off and ends with "…".
 */
export function textForm(value: Value, maxUnits: number = MACHINE_LIMITS.displayTextUnits): string {
  return render(value, untypedLayout, maxUnits);
}

/**
 * Returns the text form with the names of the module's types: `Point { x: 1, y: 2 }`, `Shape::Circle(5)`, `Shape::Named { x: 1 }`.
 * A value that does not match its type definition is written without type names, as in `textForm`. The same limits apply.
 * `type` is the static type of the value. Only one thing depends on it: if it is undefined, the enum values that older modules use for
 * options and results are written as `Some(…)`, `None`, `Ok(…)` and `Err(…)`.
 */
export function typedText(
  value: Value,
  type: Type | undefined,
  types: readonly TypeDef[],
  maxUnits: number = MACHINE_LIMITS.displayTextUnits,
): string {
  return render(value, typedLayout(types, { hasLegacyNames: type === undefined }), maxUnits);
}
