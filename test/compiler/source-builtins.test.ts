import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { BUILTINS } from "../../vm/builtins/builtin-table.ts";
import { moduleToJson } from "../../vm/bytecode/module-json.ts";
import { canonicalJson } from "../../vm/json/json.ts";

const moduleText = (text: string): string => canonicalJson(moduleToJson(compile({ name: "a.ax", text }).module, {}));

/** The types of a module, by name. */
const typeNames = (text: string): readonly string[] => compile({ name: "a.ax", text }).module.types.map(({ name }) => name);

test("programs share the checked functions of source builtins, and no module depends on the programs before it", () => {
  // A program's own `Pair` gets the name, so that of the builtins becomes `Pair.2`.
  const withPair = "type Pair { a: Int }\nfn main() -> Int { list.len(list.zip([Pair { a: 1 }], [2])) }\n";
  const without = "fn main() -> Int { list.len(list.zip([1], [2])) }\n";
  const first = [withPair, without, withPair].map(typeNames);
  expect(first).toEqual([["Pair", "Pair.2"], ["Pair"], ["Pair", "Pair.2"]]);
});

test.each(BUILTINS.filter(({ source }) => source !== undefined).map(({ name, example }) => [name, example] as const))(
  "%s: a second program gets the same module",
  (_, example) => {
    const source = `fn main() -> Unit {\n    let _ = ${example}\n}\n`;
    expect(moduleText(source)).toBe(moduleText(source));
  },
);
