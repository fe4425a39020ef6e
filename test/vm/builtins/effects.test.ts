/** Builtins that take functions, with functions that make calls: which calls are made, and in which order. */
import { expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { BUILTINS } from "../../../vm/builtins/builtin-table.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { parseType } from "../../../vm/value/type.ts";
import { sameOnBoth } from "../engines.ts";

/** For each builtin, an expression in which `read(x)` reads the file named like x and returns x, and the files in the order of the calls. */
const CASES: Readonly<Record<string, readonly [string, string]>> = {
  "list.map": ["list.map([3, 1, 2], read)", "3 1 2"],
  "list.filter": ["list.filter([3, 1, 2], fn(x) { read(x) > 1 })", "3 1 2"],
  "list.fold": ["list.fold([3, 1, 2], 0, fn(sum, x) { sum + read(x) })", "3 1 2"],
  "list.any": ["list.any([3, 1, 2], fn(x) { read(x) == 1 })", "3 1"],
  "list.all": ["list.all([3, 1, 2], fn(x) { read(x) == 3 })", "3 1"],
  "list.find": ["list.find([3, 1, 2], fn(x) { read(x) == 1 })", "3 1"],
  "list.sort_by": ["list.sort_by([3, 1, 2], fn(a, b) { read(a) - read(b) })", "3 1 1 2 3 2"],
  "list.count": ["list.count([3, 1, 2], fn(x) { read(x) > 1 })", "3 1 2"],
  "list.flat_map": ["list.flat_map([3, 1, 2], fn(x) { [read(x)] })", "3 1 2"],
  "list.max_by": ["list.max_by([3, 1, 2], fn(a, b) { read(a) - read(b) })", "1 3 2 3"],
  "list.min_by": ["list.min_by([3, 1, 2], fn(a, b) { read(a) - read(b) })", "1 3 2 1"],
  "list.group_by": ["list.group_by([3, 1, 2], fn(x) { int.to_string(read(x)) })", "3 1 2"],
  "list.partition": ["list.partition([3, 1, 2], fn(x) { read(x) > 1 })", "3 1 2"],
  "list.chunk_by": ["list.chunk_by([3, 1, 2], fn(a, b) { read(a) == read(b) })", "3 1 1 2"],
  "list.update": ["list.update([3, 1, 2], 1, read)", "1"],
  "map.update": ['map.update({ "a": 3 }, "a", fn(x) { read(option.unwrap_or(x, 0)) })', "3"],
  "par.map": ["par.map([3, 1, 2], read)", "3 1 2"],
  "option.map": ["option.map(Some(1), read)", "1"],
  "option.and_then": ["option.and_then(Some(1), fn(x) { Some(read(x)) })", "1"],
  "result.map": ['result.map(try_parse_int("7"), read)', "7"],
  "result.and_then": ['result.and_then(try_parse_int("7"), fn(x) { Ok(read(x)) })', "7"],
  "result.map_err": ['result.map_err(try_parse_int("x"), fn(text) { read(string.len(text)) })', "18"],
};

const takesFunction = (type: string, typeParams: readonly string[]): boolean => {
  const parsed = parseType(type, new Set(typeParams));
  return parsed.kind === "fn" && parsed.params.some((p) => p.kind === "fn");
};

test("every builtin that takes a function has a case", () => {
  const names = BUILTINS.filter((b) => takesFunction(b.type, b.typeParams)).map((b) => b.name);
  expect(Object.keys(CASES).sort()).toEqual(names.sort());
});

test.each(Object.entries(CASES))("%s makes the calls of its function in the order of its values", (_, [expression, files]) => {
  const text = `fn read(x: Int) -> Int !{fs.read} {
    debug(fs.read(int.to_string(x)))
    x
}
fn main() -> Unit !{fs.read} {
    debug(${expression})
    ()
}
`;
  const { end, events } = sameOnBoth(verifyModule(compile({ name: "main.ax", text }).module));
  expect(end).toMatch(/^value/);
  const calls = events.flatMap((event) => /type CapCall; .*args \{"String":"(\d+)"\}/.exec(event)?.[1] ?? []);
  expect(calls.join(" ")).toBe(files);
});
