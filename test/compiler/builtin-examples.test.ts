/** Every builtin's example compiles and returns the documented result. */
import { expect, test } from "vitest";
import { BUILTINS } from "../../vm/builtins/builtin-table.ts";
import { runSource } from "../run-program.ts";

test.each(BUILTINS.map((b) => [b.name, b] as const))("%s", async (_, builtin) => {
  const ran = await runSource(`fn main() -> Unit {\n    debug(string.inspect(${builtin.example}))\n    ()\n}\n`);
  const shown = ran.end.status === "trapped" ? `trap ${ran.end.trap.kind}` : ran.debug.at(-1)?.slice(1, -1);
  expect(shown).toBe(builtin.exampleResult);
});
