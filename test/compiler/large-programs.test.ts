/** Large programs: E015 if the bytecode format cannot hold them, else compiled in linear time. */
import { expect, test } from "vitest";
import { check, compile } from "../../compiler/compile.ts";
import { CompileError } from "../../compiler/diagnostics.ts";
import { someOf } from "../cases.ts";

const repeat = (n: number, part: (i: number) => string, separator = "\n"): string =>
  Array.from({ length: n }, (_, i) => part(i)).join(separator);

function outcome(text: string): string {
  try {
    compile({ name: "main.ax", text });
    return "compiles";
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return error.diagnostics
      .filter((d) => d.severity === "error")
      .map((d) => d.code)
      .join(" ");
  }
}

const params = (n: number): string => repeat(n, (i) => `p${i}: Int`, ", ");
const fields = (n: number): string => repeat(n, (i) => `a${i}: ${i}`, ", ");
const record = (n: number): string => `type R { ${repeat(n, (i) => `a${i}: Int`, ", ")} }`;
const captures = (n: number): string =>
  `fn main() -> Int { ${repeat(n, (i) => `let a${i} = ${i}`)}\n let f = fn() -> Int { ${repeat(n, (i) => `a${i}`, " + ")} }\n f() }`;

test.each(
  someOf([
    ["255 parameters", `fn f(${params(255)}) -> Int { p0 }\nfn main() -> Int { 1 }`, "compiles"],
    ["256 parameters", `fn f(${params(256)}) -> Int { p0 }\nfn main() -> Int { 1 }`, "E015"],
    ["70,000 parameters", `fn f(${params(70_000)}) -> Int { p0 }\nfn main() -> Int { 1 }`, "E015"],
    ["70,000 bindings", `fn main() -> Int { ${repeat(70_000, () => "let _a = 1")}\n 1 }`, "E015"],
    ["255 fields", `${record(255)}\nfn main() -> Int { let r = R { ${fields(255)} }\n r.a7 }`, "compiles"],
    ["256 fields", `${record(256)}\nfn main() -> Int { let r = R { ${fields(256)} }\n r.a7 }`, "E015"],
    ["255 captured bindings", captures(255), "compiles"],
    ["256 captured bindings", captures(256), "E015"],
    ["70,000 functions", `${repeat(70_000, (i) => `fn f${i}(){}`)}\nfn main() -> Int { 1 }`, "E015"],
  ]),
)("%s", (_, text, expected) => {
  expect(outcome(text)).toBe(expected);
  const checked = check({ name: "main.ax", text }).diagnostics.filter((d) => d.severity === "error");
  expect(checked.map((d) => d.code).join(" ") || "compiles").toBe(expected);
});

test.each(
  someOf([
    ["Int arms", (n: number) => `fn main() -> Int { match 3 {\n${repeat(n, (i) => `${i} => ${i}`)}\n _ => 0 } }`],
    ["String arms", (n: number) => `fn main() -> Int { match "k3" {\n${repeat(n, (i) => `"k${i}" => ${i}`)}\n _ => 0 } }`],
    [
      "arms inside a constructor",
      (n: number) => `fn main() -> Int { match Some(3) {\n${repeat(n, (i) => `Some(${i}) => ${i}`)}\n _ => 0 } }`,
    ],
    [
      "variants",
      (n: number) =>
        `enum E { ${repeat(n, (i) => `V${i}(Int)`, ", ")} }\nfn main() -> Int { match E::V3(1) {\n${repeat(n, (i) => `V${i}(y) => y`)}\n } }`,
    ],
  ]),
)("a match with 5,000 %s", (_, text) => expect(outcome(text(5_000))).toBe("compiles"));

test("an uncovered variant among thousands is named", () => {
  const text = `enum E { ${repeat(3_000, (i) => `V${i}`, ", ")} }\nfn f(e: E) -> Int { match e {\n${repeat(2_999, (i) => `V${i} => 1`)}\n } }`;
  expect(check({ name: "main.ax", text }).diagnostics.map((d) => d.message)).toEqual(["this match misses `E::V2999`"]);
});

/** With a quadratic algorithm, each of these would take minutes, and so exceed the time limit of a test. */
test.each(
  someOf([
    ["a long line", `fn main() -> Int { ${repeat(100_000, () => "1", " + ")} }`],
    ["a long list", `fn main() -> Int { list.len([${repeat(100_000, (i) => String(i), ",")}]) }`],
    ["unknown names", `fn main() -> Int { ${repeat(20_000, (i) => `let a${i} = b${i}`)}\n 1 }`],
    [
      "types that reach each other",
      `${repeat(40, (i) => `type T${i} { b: Option<T${i + 1}>, c: Option<T${i + 1}> }`)}\ntype T40 { a: Int }\nfn f(a: T0, b: T0) -> Bool { a == b }\nfn main() -> Int { 1 }`,
    ],
    [
      "conversions and comparisons along a chain of types",
      `type T0 { a: Int }\n${repeat(6_000, (i) => `type T${i + 1} { a: T${i}, b: Option<T${i}> }\nfn f${i}(a: T${i}) -> Bool { ${"a == a && ".repeat(8)}json.from(a) == Json::Null }`, "\n")}\nfn main() -> Int { 1 }`,
    ],
    [
      "patterns that wait for a type",
      `enum E { A, B(Int) }\nfn main() -> Int { ${repeat(5_000, (i) => `let f${i} = fn(m) { match m { A => 1, B(n) => n } }\n let _a${i} = f${i}(E::A)`)}\n 1 }`,
    ],
    [
      "names that may be variants",
      `${repeat(10_000, (i) => `enum E${i} { A, B${i} }`)}\nfn main() -> Int { ${repeat(10_000, () => "let _a = match receive { x => 1 }\n let _b = match receive { A => 1, _ => 2 }")}\n 1 }`,
    ],
  ]),
)("%s is checked", (_, text) => {
  outcome(text);
});

test("one mistake is one error", () => {
  const text = "fn main() -> Int {\n  let x = foo(1)\n  let y = x + 1\n  let z = x.a.b\n  match x { Some(q) => q, None => y } + z\n}";
  expect(outcome(text)).toBe("E004");
});
