import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { ParsedFile } from "../../compiler/ast.ts";
import { Diagnostics } from "../../compiler/diagnostics.ts";
import { parse } from "../../compiler/parser/parse.ts";
import { CONFORMANCE_ROOT } from "../conformance.ts";
import { showBlock, showItem } from "./show-ast.ts";

function parsed(text: string): { readonly file: ParsedFile; readonly errors: readonly string[] } {
  const diagnostics = new Diagnostics("main.ax");
  const file = parse({ name: "main.ax", text }, diagnostics);
  return { file, errors: diagnostics.sorted().map((d) => `${d.code} ${d.message}`) };
}

function items(text: string): readonly string[] {
  const { file, errors } = parsed(text);
  expect(errors).toEqual([]);
  return file.items.map(showItem);
}

/** The body of a function as a short s-expression. */
function body(text: string): string {
  const { file, errors } = parsed(`fn main() {\n${text}\n}`);
  expect(errors).toEqual([]);
  const [item] = file.items;
  return item?.kind === "fn" ? showBlock(item.body) : "no function";
}

describe("items", () => {
  test("functions with all their parts", () => {
    expect(
      items(
        'export fn f<T, U>(a: T, b: List<Map<String, U>>,) -> Fn(T, U) -> Int !{net.fetch} intent "why" requires a > 0 && b == (P { x: 1 }) ensures result != 1 requires true { a }',
      ),
    ).toEqual([
      '(export fn f<T, U> [a:T b:List<Map<String, U>>] (Fn T U -> Int !{net.fetch}) intent "why" requires "a > 0 && b == (P { x: 1 })" requires "true" ensures "result != 1" {a})',
    ]);
    expect(items("fn f() -> Int !{net.fetch, fs.read, actor.send, time,} { 1 }")).toEqual([
      "(fn f [] Int !{net.fetch, fs.read, actor.send, time} {1})",
    ]);
    expect(items("fn f() !{} {}\nfn g()\n  -> Int\n{ 1 }")).toEqual(["(fn f [] !{} {})", "(fn g [] Int {1})"]);
  });

  test("types, enums, imports, tests and the module line", () => {
    expect(items('module old\nimport "std-json"\ntype P<T> { x: T, y: Int }\nrecord Q {\n  x: Int\n  y: Int\n}\ntype E {}')).toEqual([
      "(import std-json)",
      "(record P <T> x:T y:Int)",
      "(record Q x:Int y:Int)",
      "(record E)",
    ]);
    expect(items('export enum Shape { Circle(Float,), Named { x: Int, y: Int, }\n Empty }\ntest "adds" { 1 }')).toEqual([
      "(export enum Shape (Circle Float) (Named x:Int y:Int) Empty)",
      '(test "adds" {1})',
    ]);
    expect(parsed("module old\n").file.moduleName?.text).toBe("old");
  });

  test("a function with the name `send` is reported once in its section, not again where it calls itself", () => {
    const text = 'fn send(url: String) -> Int { if url == "" { 0 } else { send("a") } }\n';
    expect(parsed(text).errors).toEqual(["E002 `send` is a keyword and cannot name a function"]);
    expect(parsed(`${text}fn main() -> Int { send("a", "b") }\n`).errors).toEqual([
      "E002 `send` is a keyword and cannot name a function",
      "E002 `send` is not a function",
    ]);
  });

  test("a keyword may be the name of a field", () => {
    expect(items("type Ev { send: Int, in: Int, type: Int, const: Int }")).toEqual(["(record Ev send:Int in:Int type:Int const:Int)"]);
    expect(body("Ev { send: 1, in: p.in, type: p.match.fn }")).toBe("{(new-Ev send:1 in:(. p in) type:(. (. p match) fn))}");
    expect(body("match e { Ev { in: x, send: _ } => x }")).toBe("{(match e [(Ev in:x send:_) {x}])}");
  });

  test("`>=` after a type argument is `>` and `=`", () => {
    expect(body("let x: List<List<Int>>= y")).toBe("{(let x :List<List<Int>> y)}");
  });

  test("types in parentheses and function types", () => {
    expect(items("fn f(g: Fn(), h: (Fn(Int) -> Int)) -> (Fn() -> Int) !{random} {}")).toEqual([
      "(fn f [g:(Fn -> Unit) h:(Fn Int -> Int)] (Fn -> Int) !{random} {})",
    ]);
  });

  test("a contract keeps its source text", () => {
    expect(items("fn f(x: Int)\r\n  requires x   >  0\r\n    && x < 9 // small\r\n  ensures true\r\n{}")).toEqual([
      '(fn f [x:Int] requires "x   >  0\\n    && x < 9" ensures "true" {})',
    ]);
  });
});

describe("newlines", () => {
  test("a newline ends a statement", () => {
    expect(body("a\nb")).toBe("{a; b}");
    expect(body("a\n-b")).toBe("{a; (- b)}");
    expect(body("let g = f(1)\n(2 + 3)")).toBe("{(let g (call f 1)); (2 + 3)}");
    expect(body("xs\n[1]")).toBe("{xs; [1]}");
    expect(body("P\n{ x }")).toBe("{P; {x}}");
    expect(body("E::V\n(1)")).toBe("{(E::V); 1}");
  });

  test("a newline does not end it if the next line begins with a binary operator or a dot", () => {
    for (const op of ["||", "&&", "==", "!=", "<", "<=", ">", ">=", "++", "+", "*", "/", "%"])
      expect(body(`a\n  ${op} b`)).toBe(`{(a ${op} b)}`);
    expect(body("a\n  .b\n  .c(1)\n  .d")).toBe("{(. (call (. (. a b) c) 1) d)}");
  });

  test("nor if the line ends with an operator", () => {
    expect(body("a -\nb")).toBe("{(a - b)}");
    expect(body("a &&\n!b")).toBe("{(a && (! b))}");
    expect(body("let x =\n 1")).toBe("{(let x 1)}");
  });

  test("newlines do not matter inside ( ) and [ ]", () => {
    expect(body("f(a\n- b\n(c))")).toBe("{(call f (a - (call b c)))}");
    expect(body("[a\n-b]")).toBe("{[(a - b)]}");
    expect(body("(a\n-b)")).toBe("{(a - b)}");
    expect(body("xs[a\n- b]")).toBe("{(index xs (a - b))}");
  });

  test("newlines matter inside { }, also within ( ) and [ ]", () => {
    expect(body("f(fn() {\n a\n -b\n})")).toBe("{(call f (fn [] {a; (- b)}))}");
    expect(body("f(match x {\n 1 => a\n -1 => b\n})\n-c")).toBe("{(call f (match x [1 {a}] [-1 {b}])); (- c)}");
    expect(body("(if c {\n a\n (b)\n} else { d }\n-e)")).toBe("{((if c {a; b} {d}) - e)}");
  });

  test("statements on one line", () => {
    expect(body("let x = 2  x")).toBe("{(let x 2); x}");
    expect(body("x = 1 y = 2; z;")).toBe("{(= x 1); (= y 2); z}");
    expect(body(";;a;;")).toBe("{a}");
    expect(body("if c { x = 1 } (a)")).toBe("{(if c {(= x 1)}); a}");
    expect(body("if c { x = 1 } -a")).toBe("{(if c {(= x 1)}); (- a)}");
    expect(body("if c { 1 } else { 2 } [a]")).toBe("{(if c {1} {2}); [a]}");
  });

  test("`else` may begin a line", () => {
    expect(body("if a { 1 }\nelse if b { 2 }\n\nelse { 3 }")).toBe("{(if a {1} b {2} {3})}");
  });

  test("a bare `return`", () => {
    expect(body("return\n5")).toBe("{(return); 5}");
    expect(body("return 5")).toBe("{(return 5)}");
    expect(body("if c { return } else { return; }")).toBe("{(if c {(return)} {(return)})}");
    expect(body("match x { 1 => return, 2 => return -1 }")).toBe("{(match x [1 {(return)}] [2 {(return (- 1))}])}");
  });

  test("CRLF, comments and a byte order mark", () => {
    const { file, errors } = parsed("\ufeff// one\r\nfn main() -> Int { // two\r\n  1\r\n  // three\r\n}\r\n");
    expect(errors).toEqual([]);
    expect(file.comments.map((comment) => comment.text)).toEqual(["// one", "// two", "// three"]);
    for (const comment of file.comments) expect(file.text.slice(comment.span.start, comment.span.end)).toBe(comment.text);
  });
});

describe("expressions", () => {
  test("precedence, low to high", () => {
    expect(body("a || b && c == d < e ++ f + g * -h.i")).toBe("{(a || (b && (c == (d < (e ++ (f + (g * (- (. h i)))))))))}");
    expect(body("-a * b + c ++ d < e == f && g || h")).toBe("{((((((((- a) * b) + c) ++ d) < e) == f) && g) || h)}");
    expect(body("a - b + c - d")).toBe("{(a - b + c - d)}");
    expect(body("a - (b + c)")).toBe("{(a - (b + c))}");
    expect(body("a < b == c < d")).toBe("{((a < b) == (c < d))}");
    expect(body("a + b * c + d")).toBe("{(a + (b * c) + d)}");
    expect(body("!a == b")).toBe("{((! a) == b)}");
    expect(body("(a == b) == c")).toBe("{((a == b) == c)}");
  });

  test("the smallest Int is a literal", () => {
    expect(body("-9223372036854775808")).toBe("{-9223372036854775808}");
    expect(body("a - 9223372036854775807")).toBe("{(a - 9223372036854775807)}");
    expect(body("-9223372036854775807")).toBe("{(- 9223372036854775807)}");
    expect(body("match x { -9223372036854775808 => 1, -1 => 2, -1.5 => 3 }")).toBe(
      "{(match x [-9223372036854775808 {1}] [-1 {2}] [-1.5 {3}])}",
    );
    expect(parsed("fn f() { a - 9223372036854775808 }").errors).toEqual(["E001 this Int is too large"]);
  });

  test("braces: a map when empty or with a `:`, else a block", () => {
    expect(body("let m = {}")).toBe("{(let m (map))}");
    expect(body('let m = { "a": 1, b ++ c: 2, }')).toBe('{(let m (map "a":1 (b ++ c):2))}');
    expect(body("let m = { a }")).toBe("{(let m {a})}");
    expect(body("let m = { let x = 1  x }")).toBe("{(let m {(let x 1); x})}");
    expect(body("{}")).toBe("{(map)}");
    expect(body("{ x = 1 }")).toBe("{{(= x 1)}}");
    expect(body('f({\n"a":\n1,\n"b": { "c": {} }\n})')).toBe('{(call f (map "a":1 "b":(map "c":(map))))}');
  });

  test("records and variants", () => {
    expect(body("P { ..base, x: 1, y }")).toBe("{(new-P ..base x:1 y:y)}");
    expect(body("P {}.x")).toBe("{(. (new-P) x)}");
    expect(body("E::V E::V(1) E::V { x: 1, y } Option::None Result::Ok(1)")).toBe(
      "{(E::V); (E::V 1); (E::V x:1 y:y); (Option::None); (Result::Ok 1)}",
    );
    expect(body("Some(1) Ok(()) Err(e,) None")).toBe("{(Some 1); (Ok ()); (Err e); None}");
  });

  test("records, maps and blocks in headers need parentheses", () => {
    expect(body("if N { 1 } else { 2 }")).toBe("{(if N {1} {2})}");
    expect(body("while a.B { 1 }")).toBe("{(while (. a B) {1})}");
    expect(body("match C::V { V => 1 }")).toBe("{(match (C::V) [V {1}])}");
    expect(body("for x in XS { x }")).toBe("{(for x XS {x})}");
    expect(body("if (P { x: 1 }) == p { 1 }")).toBe("{(if ((new-P x:1) == p) {1})}");
    expect(body("if f(P { x: 1 }) { 1 }")).toBe("{(if (call f (new-P x:1)) {1})}");
    expect(body("if [P { x: 1 }] == ({}) { 1 }")).toBe("{(if ([(new-P x:1)] == (map)) {1})}");
    expect(body("if match N { _ => P { x: 1 } } { 1 }")).toBe("{(if (match N [_ {(new-P x:1)}]) {1})}");
  });

  test("lambdas", () => {
    expect(body("fn(x: Int, y) -> Int !{random} { x + y }")).toBe("{(fn [x:Int y] Int !{random} {(x + y)})}");
    expect(body("let f = fn() { }")).toBe("{(let f (fn [] {}))}");
    expect(body("fn(_) { 1 }(2)")).toBe("{(call (fn [_] {1}) 2)}");
  });

  test("try, spawn, send, receive, emit", () => {
    expect(body("try net.fetch(url)")).toBe("{(try (call (. net fetch) url))}");
    expect(body("try f(1) == g")).toBe("{((try (call f 1)) == g)}");
    expect(body("spawn worker")).toBe("{(spawn worker)}");
    expect(body("let a = spawn f\nsend a 1 + 2")).toBe("{(let a (spawn f)); (send a (1 + 2))}");
    expect(body("send a (1)\nsend a [1]\nsend a { x: 1 }\nsend a -1")).toBe(
      "{(send a 1); (send a [1]); (send a (map x:1)); (send a (- 1))}",
    );
    expect(body("send xs[0] P { x: 1 }\nsend f(1) m.n")).toBe("{(send (index xs 0) (new-P x:1)); (send (call f 1) (. m n))}");
    expect(body("receive\nemit ui(1)\nemit -x + 1")).toBe("{receive; (emit (call ui 1)); ((emit (- x)) + 1)}");
  });
});

describe("match", () => {
  test("patterns", () => {
    expect(body("match x { _ => 1, a => 1, V(b) => 1, E::V => 1, E::V(c, d) => 1, V { x, y: p, .. } => 1, E::V { } => 1 }")).toBe(
      "{(match x [_ {1}] [a {1}] [(V b) {1}] [(E::V) {1}] [(E::V c d) {1}] [(V x: y:p ..) {1}] [(E::V) {1}])}",
    );
    expect(body('match x { () => 1, None => 1, Some(Ok(Err(1))) => 1, "a" => 1, true => 1, 1.5 => 1, (a) => 1 }')).toBe(
      '{(match x [() {1}] [None {1}] [(Some (Ok (Err 1))) {1}] ["a" {1}] [true {1}] [1.5 {1}] [a {1}])}',
    );
    expect(body("match x { 1 | 2 | Some(3 | 4) => 1\n | a\n | b => 2 }")).toBe("{(match x [(| 1 2 (Some (| 3 4))) {1}] [(| a b) {2}])}");
  });

  test("guards and bodies", () => {
    expect(body("match x { a if a > 0 && b => 1 }")).toBe("{(match x [a if ((a > 0) && b) {1}])}");
    expect(body("match x {\n 1 => y = 2\n 2 => { y = 3 }\n 3 => {}\n 4 => return 1\n 5 => ({})\n 6 => {}.a\n 7 => break\n}")).toBe(
      "{(match x [1 {(= y 2)}] [2 {(= y 3)}] [3 {empty}] [4 {(return 1)}] [5 {(map)}] [6 {(. (map) a)}] [7 {break}])}",
    );
    expect(body('match x { 1 => { "a": 1 } 2 => { 1 } 3 => f() }')).toBe('{(match x [1 {(map "a":1)}] [2 {1}] [3 {(call f)}])}');
    expect(body("match o {\n A => 1\n B(i) => match i {\n P => 10\n Q => 20\n }\n C => 3\n}")).toBe(
      "{(match o [A {1}] [(B i) {(match i [P {10}] [Q {20}])}] [C {3}])}",
    );
    expect(body("match x {}")).toBe("{(match x)}");
  });
});

describe("recovery", () => {
  test("one run reports several errors, each once", () => {
    const { file, errors } = parsed(
      "fn a() -> Int {\n  let = 1\n  let y = 2 +\n  f(1 2)\n  y\n}\nfn (x) {}\nfn b( { }\ntype T { x Int }\nfn c() -> Int { match x { 1 -> 2, => 3\n 4 => 5 } }\nfn d() -> Int { 1 }\n",
    );
    expect(errors).toEqual([
      "E002 expected the name of a variable, found `=`",
      "E002 expected `,` or `)` after an argument, found the number `2`",
      "E002 expected the name of a function, found `(`",
      "E002 expected the name of a parameter, found `{`",
      "E002 expected `:` and the type of `x`, found `Int`",
      "E002 an arm has `=>` between its pattern and its value",
      "E002 expected a pattern, found `=>`",
    ]);
    expect(file.items.map((item) => ("name" in item ? item.name.text : ""))).toEqual(["a", "c", "d"]);
    expect(file.items.map(showItem)[0]).toBe("(fn a [] Int {ERROR; ERROR; y})");
  });

  test("a missing `}` is one error, and the next item is read", () => {
    const { file, errors } = parsed('fn a() -> Int {\n  if c {\n    1\n}\n\nfn b() -> Int { 2 }\ntest "t" { [1,\n}\nenum E { A }\n');
    expect(errors).toEqual(["E002 this `{` is never closed", "E002 expected an expression, found `}`"]);
    expect(file.items.length).toBe(4);
  });

  test("the parser does not report a lexical error again", () => {
    expect(parsed('fn a() -> Int {\n  f("abc)\n  let x = @\n  1 ? 2\n}\nfn b() { "\\q" }').errors).toEqual([
      "E001 this string has no closing quote",
      "E001 `@` is not allowed in a program",
      "E002 `?` directly follows an Option or a Result",
      "E001 `\\q` is not an escape",
    ]);
  });

  test("at most 100 errors are kept, and one that says so", () => {
    const { errors } = parsed("fn a() {\n" + "let\n".repeat(500) + "}\n");
    expect(errors.length).toBe(100);
    const lexical = parsed("@ ".repeat(500)).errors;
    expect(lexical.length).toBe(100);
  });
});

describe("limits", () => {
  const wrap = (text: string): string => `fn main() {\n${text}\n}`;
  const nests: Readonly<Record<string, (n: number) => string>> = {
    parentheses: (n) => wrap(`${"(".repeat(n)}1${")".repeat(n)}`),
    "sums in parentheses": (n) => wrap(`${"1 + (".repeat(n)}1${")".repeat(n)}`),
    lists: (n) => wrap(`${"[".repeat(n)}1${"]".repeat(n)}`),
    negations: (n) => wrap(`${"-".repeat(n)}x`),
    calls: (n) => wrap(`${"f(".repeat(n)}1${")".repeat(n)}`),
    "call chains": (n) => wrap(`f${"(1)".repeat(n)}`),
    "field chains": (n) => wrap(`x${".a".repeat(n)}`),
    blocks: (n) => wrap(`${"{ ".repeat(n)}1${" }".repeat(n)}`),
    maps: (n) => wrap(`${"{ a: ".repeat(n)}1${" }".repeat(n)}`),
    ifs: (n) => wrap(`${"if c { ".repeat(n)}1${" }".repeat(n)}`),
    "else blocks": (n) => wrap(`${"if c { 1 } else { ".repeat(n)}1${" }".repeat(n)}`),
    loops: (n) => wrap(`${"while c { ".repeat(n)}1${" }".repeat(n)}`),
    "for loops": (n) => wrap(`${"for x in c { ".repeat(n)}1${" }".repeat(n)}`),
    "match arms": (n) => wrap(`${"match c { _ => ".repeat(n)}1${" }".repeat(n)}`),
    "match heads": (n) => wrap(`${"match ".repeat(n)}1${" { _ => 1 }".repeat(n)}`),
    lambdas: (n) => wrap(`${"fn() { ".repeat(n)}1${" }".repeat(n)}`),
    records: (n) => wrap(`${"P { x: ".repeat(n)}1${" }".repeat(n)}`),
    options: (n) => wrap(`${"Some(".repeat(n)}1${")".repeat(n)}`),
    variants: (n) => wrap(`${"E::V(".repeat(n)}1${")".repeat(n)}`),
    indexes: (n) => wrap(`${"x[".repeat(n)}1${"]".repeat(n)}`),
    sends: (n) => wrap(`${"send a ".repeat(n)}1`),
    emits: (n) => wrap(`${"emit ".repeat(n)}1`),
    types: (n) => `fn main(x: ${"List<".repeat(n)}Int${">".repeat(n)}) {}`,
    "function types": (n) => `fn main(x: ${"Fn() -> ".repeat(n)}Int) {}`,
    patterns: (n) => wrap(`match x { ${"Some(".repeat(n)}1${")".repeat(n)} => 1 }`),
    "struct patterns": (n) => wrap(`match x { ${"P { x: ".repeat(n)}1${" }".repeat(n)} => 1 }`),
  };
  const tooDeep = ["E015 nesting is deeper than 256 levels"];

  test.each(Object.entries(nests))("%s: 256 levels, no more", (_, make) => {
    expect(parsed(make(256)).errors).toEqual([]);
    expect(parsed(make(257)).errors).toEqual(tooDeep);
    expect(parsed(make(20_000)).errors).toEqual(tooDeep);
  });

  test("100,000 parentheses are one error", () => {
    expect(parsed(`fn main() { ${"(".repeat(100_000)}1${")".repeat(100_000)} }\nfn f() -> Int { 1 }`).errors).toEqual(tooDeep);
    expect(parsed(`fn main() { ${"(".repeat(100_000)}`).errors).toEqual(tooDeep);
  });

  test("chains inside nested brackets, which add up to a deep tree, are reported", () => {
    expect(parsed(wrap(`${"(".repeat(200)}x${`${".a".repeat(200)})`.repeat(200)}`)).errors).toEqual(tooDeep);
    expect(parsed(wrap(`${"a||b&&c==d<e++f+g*(".repeat(256)}1${")".repeat(256)}`)).errors).toEqual(tooDeep);
  });

  test("long programs are not deep", () => {
    const numbers = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);
    const [sum] = parsed(wrap(numbers(10_000).join(" + "))).file.items;
    const stmt = sum?.kind === "fn" ? sum.body.stmts[0] : undefined;
    expect(stmt?.kind === "expr" && stmt.value.kind === "binary" ? stmt.value.rest.length : 0).toBe(9_999);
    expect(parsed(wrap(numbers(10_000).join(" * 2 ++ "))).errors).toEqual([]);
    expect(parsed(wrap(`if c { 1 }${" else if c { 1 }".repeat(5_000)} else { 2 }`)).errors).toEqual([]);
    expect(parsed(wrap(`[${numbers(100_000).join(",")}]`)).errors).toEqual([]);
    expect(parsed(wrap(numbers(50_000).join("\n"))).errors).toEqual([]);
  });

  test("a source over 1 MiB of UTF-8 is not parsed", () => {
    const most = `//${"é".repeat(524_287)}`;
    expect(parsed(most).errors).toEqual([]);
    expect(parsed(`${most}x`).errors).toEqual(["E015 this file has 1048577 bytes; at most 1048576 (1 MiB) are allowed"]);
  });
});

describe("the conformance programs", () => {
  const folder = `${CONFORMANCE_ROOT}language/`;
  const syntaxErrors = new Map([
    ["chained-comparison.ax", ["E002 comparisons cannot be chained"]],
    ["reserved-word-accepted.ax", ["E002 `async` is a reserved word and cannot be a name"]],
  ]);
  test.each(readdirSync(folder).filter((name) => name.endsWith(".ax")))("%s", (name) => {
    expect(parsed(readFileSync(`${folder}${name}`, "utf8")).errors).toEqual(syntaxErrors.get(name) ?? []);
  });
});
