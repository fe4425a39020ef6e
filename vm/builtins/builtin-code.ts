/**
 * The builtins that the machine runs, by name. Missing are the interpreter's own: `debug` and `debug_msg` reach the host,
 * `string.inspect` names the types of the module.
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

export type { BuiltinCode };

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
