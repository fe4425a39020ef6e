/** The hash of what a call does. A decision contains it, so it cannot be used for a call that does something else. */
import { canonicalJson, jsonObjectOf } from "../vm/json/json.ts";
import { valueToTaggedJson } from "../vm/json/tagged-json.ts";
import type { Value } from "../vm/value/value.ts";
import { sha256Hex } from "./digest.ts";

/** Returns `sha256:hex` of the canonical JSON of capability and arguments. `args` are the program's; defaults are not filled in. */
export function callHash(capability: string, args: readonly Value[]): string {
  return `sha256:${sha256Hex(canonicalJson(jsonObjectOf(["args", args.map(valueToTaggedJson)], ["capability", capability])))}`;
}
