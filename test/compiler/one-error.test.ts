/** One mistake, one message. */
import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";

const codes = (text: string): string[] => check({ name: "main.ax", text }).diagnostics.map((d) => d.code);

test.each([
  [
    "operands of two types, where a third is wanted",
    "fn price(count: Int) -> Float { count * 1.5 }\nfn main() -> Float { price(1) }\n",
    ["E009"],
  ],
  [
    "a callee that forgot its row, a caller that did not",
    'fn get(url: String) -> String { net.fetch(url) }\nfn main() -> String !{net.fetch} { get("x") }\n',
    ["E007"],
  ],
  ["an unknown variable in a sum", "fn main() -> Int { 1 + nope * 2 }\n", ["E003"]],
  ["an unknown function in a match", "fn main() -> Int { match nope(1) { 1 => 2, _ => 3 } }\n", ["E004"]],
])("%s", (_, text, expected) => {
  expect(codes(text)).toEqual(expected);
});
