/** The hash of a call's capability and arguments. A decision about the call contains it, so the decision counts for no other call. */
import { canonicalJson, jsonObjectOf } from "../vm/json/json.ts";
import { valueToTaggedJson } from "../vm/json/tagged-json.ts";
import type { Value } from "../vm/value/value.ts";
import { sha256Hex } from "./digest.ts";

/** Returns `sha256:hex` of the canonical JSON of capability and arguments. `args` are those that the program passed, without defaults. */
export function callHash(capability: string, args: readonly Value[]): string {
  return `sha256:${sha256Hex(canonicalJson(jsonObjectOf(["args", args.map(valueToTaggedJson)], ["capability", capability])))}`;
}
