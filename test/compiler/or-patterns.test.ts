/** Names in the alternatives of patterns, also of patterns within alternatives. */
import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { runSource } from "../run-program.ts";

const TYPES = "enum In { C(Int), D(Int) }\nenum Out { A(Int), B(In), Both(In, In) }\n";

/** The arms of a match that binds `x` and `y` in every alternative. */
const ARMS = "A(x) | B(C(x) | D(x)) => x, Both(C(x) | D(x), C(y) | D(y)) => x * 10 + y";
const CALLS = "f(Out::A(1)) + f(Out::B(In::C(20))) + f(Out::B(In::D(300))) + f(Out::Both(In::D(400), In::C(5)))";

test.each([
  ["a parameter with a type", `fn f(v: Out) -> Int { match v { ${ARMS} } }\nfn main() -> Int { ${CALLS} }\n`],
  ["a type that is decided later", `fn main() -> Int {\n    let f = fn(v) { match v { ${ARMS} } }\n    ${CALLS}\n}\n`],
  [
    "a type that is decided later, the alternatives within first",
    `fn main() -> Int {\n    let f = fn(v) { match v { Both(C(x) | D(x), C(y) | D(y)) => x * 10 + y, B(C(x) | D(x)) | A(x) => x } }\n    ${CALLS}\n}\n`,
  ],
])("alternatives within an alternative bind its names: %s", async (_, text) => {
  expect(check({ name: "main.ax", text: TYPES + text }).diagnostics).toEqual([]);
  expect((await runSource(TYPES + text)).text).toBe("4326");
});

test.each([
  ["(x, C(x) | D(x)) => x", ["E010: `x` is bound twice in this pattern", "E010: `x` is bound twice in this pattern"]],
  ["(C(x) | D(x), x) => 1", ["E010: `x` is bound twice in this pattern"]],
  ["(C(x) | D(_), y) => 1", ["E009: the alternatives of a pattern must bind the same names"]],
  [
    "(C(x), y) | (D(y), x) => 1",
    ["E009: `y` is Int here and In in the first alternative", "E009: `x` is In here and Int in the first alternative"],
  ],
])("%s", (arm, messages) => {
  const text = `${TYPES}fn f(v: (In, In)) -> Int { match v { ${arm}, _ => 0 } }\n`;
  const { diagnostics } = check({ name: "main.ax", text });
  expect(diagnostics.filter(({ severity }) => severity === "error").map((d) => `${d.code}: ${d.message}`)).toEqual(messages);
});
