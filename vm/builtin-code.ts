/**
 * The builtins that the machine runs, by name. Missing are the interpreter's own: `debug` and `debug_msg` reach the host,
 * `string.inspect` names the types of the module.
 */
import type { BuiltinCode } from "./builtins/code.ts";
import { JSON_CODE } from "./builtins/json-code.ts";
import { LIST_CODE } from "./builtins/list-code.ts";
import { MAP_CODE } from "./builtins/map-code.ts";
import { NUMBER_CODE } from "./builtins/number-code.ts";
import { OPTION_CODE } from "./builtins/option-code.ts";
import { OTHER_CODE } from "./builtins/other-code.ts";
import { REGEX_CODE } from "./builtins/regex-code.ts";
import { STRING_CODE } from "./builtins/string-code.ts";

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
