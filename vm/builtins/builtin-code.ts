/**
 * The implementations of the native builtins, by name. Two groups of native builtins are missing, because they need more than the meter
 * and their arguments. `debug`, `debug_msg` and `self` need the run or the actor, so the interpreter implements them
 * (`vm/interpreter/slow-path.ts`). Others need the types of the module (`typed-code.ts`).
 */
import type { BuiltinCode } from "./code.ts";
import { JSON_CODE } from "./json-code.ts";
import { LIST_CODE } from "./list-code.ts";
import { MAP_CODE } from "./map-code.ts";
import { NUMBER_CODE } from "./number-code.ts";
import { OPTION_CODE } from "./option-code.ts";
import { OTHER_CODE } from "./other-code.ts";
import { REGEX_CODE } from "./regex-code.ts";
import { STRING_CODE } from "./string-code.ts";

export const BUILTIN_CODE: ReadonlyMap<string, BuiltinCode> = new Map([
  ...NUMBER_CODE,
  ...STRING_CODE,
  ...LIST_CODE,
  ...MAP_CODE,
  ...JSON_CODE,
  ...REGEX_CODE,
  ...OPTION_CODE,
  ...OTHER_CODE,
]);
