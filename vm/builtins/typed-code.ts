/** The native builtins that need the types of the module. */
import type { TypeDef } from "../bytecode/module.ts";
import { BYTES } from "../cost.ts";
import { memoizePerObject } from "../lazy.ts";
import type { Meter } from "../meter.ts";
import { typedText } from "../value/display.ts";
import type { Value } from "../value/value.ts";
import { type BuiltinCode, code } from "./code.ts";
import { jsonFromValue, valueFromJson } from "./json-conversion.ts";

const NAMES: readonly string[] = ["string.inspect", "json.from", "json.to"];

export const isTypedBuiltin = (name: string): boolean => NAMES.includes(name);

/** Returns the implementations for a module with these types, by name. */
export const typedCode: (types: readonly TypeDef[]) => ReadonlyMap<string, BuiltinCode> = memoizePerObject(
  (types: readonly TypeDef[]) =>
    new Map([
      ["string.inspect", code(1, (meter, value) => inspect(meter, types, value))],
      ["json.from", code(2, (meter, value, type) => jsonFromValue(meter, types, value, type))],
      ["json.to", code(2, (meter, json, type) => valueFromJson(meter, types, json, type))],
    ]),
);

/**
 * Returns the text form of a value, with the module's type names. The text is charged after it is made, so it is cut at a length that the
 * allocation limit cannot pay for. Charging such a text traps.
 */
function inspect(meter: Meter, types: readonly TypeDef[], value: Value): string {
  const text = typedText(value, undefined, types, affordableUnits(meter));
  meter.charge(text.length);
  meter.allocateString(text.length);
  return text;
}

/** Returns a length just above what the remaining allocation can pay for, in code units. */
export function affordableUnits(meter: Meter): number {
  return Math.ceil((meter.maxAllocBytes - meter.allocBytes) / BYTES.codeUnit) + 1;
}
