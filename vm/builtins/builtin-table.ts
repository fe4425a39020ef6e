/**
 * The builtin table: every pure function the language brings along. The compiler's types, the machine, the
 * docs and the tests read it. The implementations are in `builtin-code.ts`.
 */
import type { BuiltinDecl } from "./decl.ts";
import { JSON_BUILTINS } from "./json-table.ts";
import { LIST_BUILTINS } from "./list-table.ts";
import { MAP_BUILTINS } from "./map-table.ts";
import { NUMBER_BUILTINS } from "./number-table.ts";
import { OPTION_BUILTINS, OTHER_BUILTINS } from "./other-table.ts";
import { REGEX_BUILTINS } from "./regex-table.ts";
import { STRING_BUILTINS } from "./string-table.ts";
import type { TypeField } from "../bytecode/module.ts";

export type { BuiltinDecl };

export const BUILTINS: readonly BuiltinDecl[] = [
  ...NUMBER_BUILTINS,
  ...STRING_BUILTINS,
  ...LIST_BUILTINS,
  ...MAP_BUILTINS,
  ...JSON_BUILTINS,
  ...REGEX_BUILTINS,
  ...OPTION_BUILTINS,
  ...OTHER_BUILTINS,
];

/** By name and by old name. */
export const BUILTIN_BY_NAME: ReadonlyMap<string, BuiltinDecl> = new Map(
  BUILTINS.flatMap((b) => [b.name, ...b.oldNames].map((name) => [name, b] as const)),
);

export const BUILTIN_BY_ID: ReadonlyMap<number, BuiltinDecl> = new Map(BUILTINS.map((b) => [b.id, b]));

/** The names of `guard`, which is part of the language, not of the table. */
export const GUARD_NAMES: ReadonlySet<string> = new Set(["guard", "__builtin_guard"]);

/** Records that the builtins written in the language make; the compiler declares them in a module that uses them. */
export const BUILTIN_RECORDS: readonly {
  readonly name: string;
  readonly params: readonly string[];
  readonly fields: readonly TypeField[];
}[] = [
  {
    name: "Entry",
    params: ["V"],
    fields: [
      { name: "key", type: "String" },
      { name: "value", type: "V" },
    ],
  },
  {
    name: "Pair",
    params: ["A", "B"],
    fields: [
      { name: "first", type: "A" },
      { name: "second", type: "B" },
    ],
  },
];
