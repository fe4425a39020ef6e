/** The native builtins as register ops refer to them. */
import { BUILTIN_CODE } from "../builtins/builtin-code.ts";
import { BUILTINS } from "../builtins/builtin-table.ts";
import type { BuiltinCode } from "../builtins/code.ts";
import { endOwnership, pushOwned } from "./ownership.ts";

export const BUILTIN_CODES: readonly BuiltinCode[] = [...BUILTIN_CODE.values()];
/**
 * The native builtins. An op refers to a builtin by its index in this list, whether the bytecode has an opcode or an id for it. A second
 * copy follows, whose builtins end the ownership of their result, for instructions with the role `OWNERSHIP.take`. The last entry is
 * `list.push` for the role `OWNERSHIP.push`.
 */
const NATIVE_BUILTINS: readonly BuiltinCode[] = [
  ...BUILTIN_CODES,
  ...BUILTIN_CODES.map(({ arity, run }): BuiltinCode => ({ arity, run: (meter, a, b, c) => endOwnership(run(meter, a, b, c)) })),
  { arity: 2, run: pushOwned },
];
export const PUSH_OWNED_INDEX: number = NATIVE_BUILTINS.length - 1;
/** The parts of `NATIVE_BUILTINS`, by index. */
export const BUILTIN_RUNS: readonly BuiltinCode["run"][] = NATIVE_BUILTINS.map(({ run }) => run);
export const BUILTIN_ARITIES: Uint8Array = Uint8Array.from(NATIVE_BUILTINS, ({ arity }) => arity);
export const NATIVE_INDEX: ReadonlyMap<string, number> = new Map([...BUILTIN_CODE.keys()].map((name, i) => [name, i]));
export const LIST_LEN_INDEX: number | undefined = NATIVE_INDEX.get("list.len");
export const INDEX_BY_ID: ReadonlyMap<number, number | undefined> = new Map(BUILTINS.map(({ id, name }) => [id, NATIVE_INDEX.get(name)]));
