/** Writes a call as text, for people and for tests. */
import type { Program } from "../vm/bytecode/program.ts";
import { signatureFor } from "../vm/capabilities.ts";
import { typedText } from "../vm/value/display.ts";
import type { Value } from "../vm/value/value.ts";

/**
 * Returns a text such as `net.fetch("https://a.example/")`. Leaves out arguments at the end that equal their defaults. Cuts each argument at
 * `maxUnits` UTF-16 code units.
 */
export function callText({ registry, module }: Program, capability: string, args: readonly Value[], maxUnits?: number): string {
  const declared = registry.byName.get(capability);
  const params = declared === undefined ? [] : (signatureFor(declared, args.length)?.params ?? []);
  const text = (value: Value): string => typedText(value, undefined, module.types);
  const last = args.findLastIndex((arg, i) => {
    const defaultValue = params[i]?.default;
    return defaultValue === undefined || text(arg) !== text(defaultValue);
  });
  const given = args.slice(0, last + 1).map((arg) => typedText(arg, undefined, module.types, maxUnits));
  return `${capability}(${given.join(", ")})`;
}
