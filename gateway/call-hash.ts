/** Names what a call does, so that a decision about it holds for this call only. */
import { canonicalJson, jsonObjectOf } from "../vm/json/json.ts";
import { valueToTaggedJson } from "../vm/json/tagged-json.ts";
import type { Value } from "../vm/value/value.ts";
import { sha256Hex } from "./digest.ts";

/** Returns `sha256:hex` of the capability and the arguments, as canonical JSON. `args` are those of the program, without defaults. */
export function callHash(capability: string, args: readonly Value[]): string {
  return `sha256:${sha256Hex(canonicalJson(jsonObjectOf(["args", args.map(valueToTaggedJson)], ["capability", capability])))}`;
}
