/**
 * The builtin table: every function of the language that needs no import and no capability. Each builtin has one entry with all facts
 * about it. The compiler, both engines, `docs/reference/builtins.md` and the tests read this table.
 *
 * To add a builtin:
 *
 * 1. Add an entry to one of the `…-table.ts` files in this folder, with an id that was never used.
 *    A builtin written in `.ax` (`writtenInAx`) needs none of the steps below. Run `npm run docs`.
 * 2. Implement it in the `…-code.ts` file next to the table. Charge the meter before doing any work (see `vm/cost.ts`).
 * 3. If its cost grows with its arguments, add the most expensive arguments to `test/vm/hostile/builtins.test.ts`.
 *    Until you do, a test in that file fails.
 * 4. Add cases to `test/vm/builtins/builtins.test.ts`, and run `npm run docs`.
 *
 * Some builtins must also be listed in another file. CONTRIBUTING.md says which.
 */
import type { BuiltinDecl } from "./decl.ts";
import { JSON_BUILTINS } from "./json-table.ts";
import { LIST_BUILTINS } from "./list-table.ts";
import { MAP_BUILTINS } from "./map-table.ts";
import { NUMBER_BUILTINS } from "./number-table.ts";
import { OPTION_BUILTINS, OTHER_BUILTINS } from "./other-table.ts";
import { PAR_BUILTINS } from "./par-table.ts";
import { REGEX_BUILTINS } from "./regex-table.ts";
import { STRING_BUILTINS } from "./string-table.ts";
import type { TypeField } from "../bytecode/module.ts";

export const BUILTINS: readonly BuiltinDecl[] = [
  ...NUMBER_BUILTINS,
  ...STRING_BUILTINS,
  ...LIST_BUILTINS,
  ...MAP_BUILTINS,
  ...JSON_BUILTINS,
  ...REGEX_BUILTINS,
  ...OPTION_BUILTINS,
  ...OTHER_BUILTINS,
  ...PAR_BUILTINS,
];

/** The builtins by name, including old names. */
export const BUILTIN_BY_NAME: ReadonlyMap<string, BuiltinDecl> = new Map(
  BUILTINS.flatMap((b) => [b.name, ...b.oldNames].map((name) => [name, b] as const)),
);

export const BUILTIN_BY_ID: ReadonlyMap<number, BuiltinDecl> = new Map(BUILTINS.map((b) => [b.id, b]));

/** The names of `guard`. It looks like a builtin, but the compiler emits the instruction `GuardSeal` for it. */
export const GUARD_NAMES: ReadonlySet<string> = new Set(["guard", "__builtin_guard"]);

/** The record types that builtins written in `.ax` return. The compiler declares them in each module that uses them. */
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
