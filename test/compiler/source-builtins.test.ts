import { expect, test, vi } from "vitest";
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

/** Programs that use every builtin, right and wrong ones, and types with the names of the records that builtins return. */
const PROGRAMS: readonly string[] = BUILTINS.flatMap(({ example }) => [
  `fn main() -> Unit {\n    let _ = ${example}\n}\n`,
  `type Pair { a: Int }\ntype Entry { b: List<Pair> }\nfn main() -> Unit {\n    let _: List<Entry> = ${example}\n}\n`,
  `fn main() -> Unit {\n    let _ = ${example.replace("(", "(nothing, ")}\n}\n`,
]);

/** Compiles the programs in their order, in a compiler that has compiled nothing yet. Returns each module or what its errors say. */
async function compiledInOrder(programs: readonly string[]): Promise<ReadonlyMap<string, string>> {
  vi.resetModules();
  const fresh = {
    ...(await import("../../compiler/compile.ts")),
    ...(await import("../../vm/bytecode/module-json.ts")),
    ...(await import("../../vm/json/json.ts")),
  };
  const compiled = (text: string): string => {
    try {
      const { module, diagnostics } = fresh.compile({ name: "a.ax", text });
      return fresh.canonicalJson(fresh.moduleToJson(module, {})) + JSON.stringify(diagnostics);
    } catch (error) {
      if (!(error instanceof Error) || !("diagnostics" in error)) throw error;
      return JSON.stringify(error.diagnostics);
    }
  };
  return new Map(programs.map((text) => [text, compiled(text)]));
}

test("a module and its diagnostics do not depend on the programs that were compiled before", async () => {
  const forward = await compiledInOrder(PROGRAMS);
  const backward = await compiledInOrder(PROGRAMS.toReversed());
  expect(PROGRAMS.filter((text) => forward.get(text) !== backward.get(text))).toEqual([]);
});
