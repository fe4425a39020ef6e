/** Patterns on values whose type is inferred later or not at all. A variant pattern never binds. */
import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { runSource } from "../run-program.ts";

const MSG = "enum Msg { Ping, Add(Int), Named { x: Int } }\n";
const OTHER = "enum Other { Ping, Add(String) }\n";

const codes = (text: string): readonly string[] => check({ name: "main.ax", text }).diagnostics.map((d) => d.code);
const messages = (text: string): readonly string[] => check({ name: "main.ax", text }).diagnostics.map((d) => `${d.code}: ${d.message}`);

test.each([
  ["a lambda's parameter", "let f = fn(m) { match m { Add(n) => n, Ping => 10, Named { x } => x } }\n    f(Msg::Ping)", "10"],
  ["a lambda's parameter, the payload", "let f = fn(m) { match m { Add(n) => n, Ping => 10, Named { x } => x } }\n    f(Msg::Add(3))", "3"],
  [
    "a lambda's parameter, a field",
    "let f = fn(m) { match m { Add(n) => n, Ping => 10, Named { x } => x } }\n    f(Msg::Named { x: 4 })",
    "4",
  ],
  ["inside an Option", "let f = fn(m) { match m { Some(Ping) => 1, Some(_) => 2, None => 3 } }\n    f(Some(Msg::Add(1)))", "2"],
  [
    "inside a Result",
    "let f = fn(m) { match m { Ok(Ping) => 1, Ok(_) => 2, Err(Add(n)) => n, Err(_) => 4 } }\n    f(Err(Msg::Ping)) + f(Ok(Msg::Ping))",
    "5",
  ],
  [
    "alternatives",
    "let f = fn(m) { match m { Ping | Named { .. } => 1, Add(n) if n > 1 => 2, Add(_) => 3 } }\n    f(Msg::Add(2)) * 10 + f(Msg::Ping)",
    "21",
  ],
  [
    "alternatives that bind",
    "let f = fn(m) { match m { Named { x: n } | Add(n) => n + 1, Ping => 0 } }\n    f(Msg::Add(2)) * 10 + f(Msg::Named { x: 6 })",
    "37",
  ],
  [
    "a list that began empty",
    "let mut xs = []\n    let mut n = 0\n    for x in xs { n = match x { Ping => 1, _ => 2 } }\n    xs = [Msg::Add(1)]\n    for _ in xs { n = n + 5 }\n    n",
    "5",
  ],
  [
    "a match inside an arm",
    "let f = fn(o) { match o { Some(m) => match m { Ping => 1, _ => 2 }, None => 3 } }\n    f(Some(Msg::Add(1))) * 10 + f(Some(Msg::Ping))",
    "21",
  ],
  [
    "the payload's own variants",
    "let f = fn(a, b) { match a { Ping => 1, _ => match b { Ping => 2, _ => 3 } } }\n    f(Msg::Add(1), Msg::Ping)",
    "2",
  ],
  ["a let that only the pattern decides", "let f = fn(m) { match m { Add(n) => { let k = n  k }, _ => 0 } }\n    f(Msg::Add(8))", "8"],
  [
    "a variant with its enum decides",
    "let f = fn(m) { match m { Msg::Ping => 1, Add(n) => n, Msg::Named { x } => x } }\n    f(Msg::Add(5))",
    "5",
  ],
])("inferred later: %s", async (_, body, value) => {
  const text = `${MSG}${OTHER}fn main() -> Int {\n    ${body}\n}\n`;
  expect(messages(text)).toEqual([]);
  expect((await runSource(text)).text).toBe(value);
});

test.each([
  ["receive", "match receive { Ping => 1, Add(n) => n, _ => 3 }"],
  ["receive, one name", "match receive { Ping => 1 }"],
  ["receive in an Option", "match receive { Some(Ping) => 1, _ => 2 }"],
  ["receive, fields", "match receive { Named { x } => 1, _ => 2 }"],
  ["a binding of receive", "let m = receive\n    match m { Ping => 1, _ => 2 }"],
  ["an empty list", "let xs = []\n    for x in xs { match x { Ping => (), _ => () } }\n    1"],
  ["a lambda that is never called", "let f = fn(m) { match m { Ping => 1, _ => 2 } }\n    1"],
])("a type that is not inferred is one E014: %s", (_, body) => {
  expect(codes(`${MSG}fn main() -> Int {\n    ${body}\n}\n`).filter((code) => code.startsWith("E"))).toEqual(["E014"]);
});

test("E014 names the enum if exactly one has the variant", () => {
  const text = `${MSG}fn main() -> Int { match receive { Ping => 1, _ => 2 } }\n`;
  const [found] = check({ name: "main.ax", text }).diagnostics;
  expect(found?.message).toBe("the type of this value is not known here, so `Ping` may be a variant of any enum");
  expect(found?.help).toBe("write `Msg::Ping`, or the type where the value gets its name: `let m: Msg = receive`, `fn(m: Msg) { … }`");
  const [edit] = found?.fixes[0]?.edits ?? [];
  const fixed = edit === undefined ? text : text.slice(0, edit.span.start) + edit.text + text.slice(edit.span.end);
  expect(fixed).toContain("match receive { Msg::Ping => 1");
  expect(messages(fixed)).toEqual([]);
  const two = check({ name: "main.ax", text: `${OTHER}${text}` }).diagnostics;
  expect(two.map((d) => d.help)).toEqual(["write the type where the value gets its name: `let m: TYPE = receive`, `fn(m: TYPE) { … }`"]);
});

test("a lower-case name that may be a variant does not bind either", () => {
  const light = "enum Light { red, green }\n";
  expect(codes(`${light}fn main() -> Int { match receive { red => 1, green => 2 } }\n`)).toContain("E014");
  expect(codes(`${light}fn main() -> Int {\n    let f = fn(l) { match l { red => 1, green => 2 } }\n    f(Light::green)\n}\n`)).toContain(
    "E014",
  );
  expect(messages(`${light}fn main() -> Int {\n    let f = fn(red) { match red { red => red + 1 } }\n    f(1)\n}\n`)).toEqual([]);
});

test.each([
  [
    "of an enum",
    `${MSG}fn main(m: Msg) -> Int { match m { Pong => 1, _ => 2 } }\n`,
    "E006: Msg has no variant `Pong`",
    "did you mean `Ping`?",
  ],
  [
    "of an enum, nothing near",
    `${MSG}fn main(m: Msg) -> Int { match m { Anything => 1 } }\n`,
    "E006: Msg has no variant `Anything`",
    "its variants are Ping, Add, Named; a name that binds any value begins with a small letter",
  ],
  ["of a Bool", "fn main(b: Bool) -> Int { match b { True => 1, _ => 2 } }\n", "E006: Bool has no variant `True`", "did you mean `true`?"],
  [
    "of an Option",
    "fn main(o: Option<Int>) -> Int { match o { Nothing => 1, _ => 2 } }\n",
    "E006: Option<Int> has no variant `Nothing`",
    "its variants are None, Some; a name that binds any value begins with a small letter",
  ],
  [
    "of Json",
    "fn main(j: Json) -> Int { match j { Null => 1, _ => 2 } }\n",
    "E006: Json has no variant `Null`",
    "did you mean `Json::Null`?",
  ],
  [
    "of an Int",
    "fn main(n: Int) -> Int { match n { N => N } }\n",
    "E009: the value is Int, which has no variant `N`",
    "a name that binds any value begins with a small letter",
  ],
  [
    "of a type parameter",
    "fn f<T>(n: T) -> T { match n { N => N } }\n",
    "E009: the value is T, which has no variant `N`",
    "a name that binds any value begins with a small letter",
  ],
])("a name that begins with a capital letter is a variant: %s", (_, text, message, help) => {
  const [found] = check({ name: "main.ax", text }).diagnostics.filter((d) => d.severity === "error");
  expect(`${found?.code}: ${found?.message}`).toBe(message);
  expect(found?.help).toBe(help);
});

test.each([
  [
    "Mixed",
    `${MSG}fn main() -> Int {\n    let f = fn(m) { match m { Add(n) => n ++ "a", _ => "" } }\n    string.len(f(Msg::Add(1)))\n}\n`,
    ["E009: `n` is Int, but it is used as String"],
  ],
  [
    "Missing",
    `${MSG}fn main() -> Int {\n    let f = fn(m) { match m { Add(n) => n, Ping => 1 } }\n    f(Msg::Ping)\n}\n`,
    ["E005: this match misses `Msg::Named { x: _ }`"],
  ],
  [
    "Unreachable",
    `${MSG}fn main() -> Int {\n    let f = fn(m) { match m { Ping => 1, _ => 2, Add(_) => 3 } }\n    f(Msg::Ping)\n}\n`,
    ["W003: this arm can never be reached: the arms before it cover its values"],
  ],
  [
    "Misspelt",
    `${MSG}fn main() -> Int {\n    let f = fn(m) { match m { Pong => 1, _ => 2 } }\n    f(Msg::Ping)\n}\n`,
    ["E006: Msg has no variant `Pong`"],
  ],
  ["A guard alone", "fn main() -> Int { match receive { _ if false => 1 } }\n", ["E005: this match misses other values of _"]],
])("patterns are checked once the type is inferred: %s", (_, text, expected) => {
  expect(messages(text)).toEqual(expected);
});
