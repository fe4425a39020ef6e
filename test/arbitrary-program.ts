/** Well-typed programs with capability calls, as source text, for property tests. */
import fc from "fast-check";

type Kind = "Int" | "String" | "Bool" | "List<Int>" | "(Int, String)";

/** The names of the bindings in scope at an expression, by type. */
interface Scope {
  readonly Int: readonly string[];
  readonly String: readonly string[];
  readonly Bool: readonly string[];
  readonly "List<Int>": readonly string[];
  readonly "(Int, String)": readonly string[];
}
/** The text of an expression or a statement, as a function of the names in scope. */
type Render = (scope: Scope) => string;

/** Returns one of the names, or `otherwise` if there are none. */
const pick = (names: readonly string[], n: number, otherwise: string): string => names[n % Math.max(1, names.length)] ?? otherwise;
/** Returns the String literal for a text. */
export const axString = (text: string): string =>
  // Each escape is matched as a whole: the `b` of `\\b` is a letter, not a part of an escape.
  JSON.stringify(text).replace(/\\(?:u(.{4})|([bf])|.)/g, (escape, hex?: string, letter?: string) =>
    hex === undefined && letter === undefined ? escape : `\\u{${hex ?? (letter === "b" ? "8" : "c")}}`,
  );

/** The effects of `main`. */
const MAIN_ROW = "!{net.fetch, fs.read, time.now, random}";
/** The types and functions that the expressions use. */
const PRELUDE = `type Box { items: List<Int> }
enum Shape { Both(Int, String), Neither }
fn label((n, s): (Int, String), width: Int) -> String { string.pad_start(s, width, int.to_string(n)) }
fn picked(items: List<Int>, n: Int) -> Option<Int> ensures result != Some(77) {
    let last = fn(xs) { Some(list.last(xs)? - 1) }
    Some(1 + list.get(items, n % 3)? / 2 + last(items)?)
}
fn tried(url: String, items: List<Int>) -> Result<String, String> !{net.fetch} {
    let page = try net.fetch(url)?
    Ok(page ++ int.to_string(option.ok_or(picked(items, string.len(page)), "few")?))
}
fn drained(items: List<Int>) -> Int {
    let mut left = items
    let mut sum = 0
    while let [x, ..rest] = left {
        left = rest
        let [_, y, ..] = left else { break }
        if y == 3 { continue }
        sum = sum + x / 2
    }
    sum
}
fn twice(n: Int) -> Int requires n < 4611686018427387904 ensures result == n + n { n + n }
fn applied<e>(n: Int, f: Fn(Int) -> Int !{e}) -> Int !{e} { f(n) }
fn changed<A, e>(xs: List<A>, f: Fn(A) -> A !{e}) -> List<A> !{e, random} {
    let _ = random()
    list.map(xs, fn(x) { f(x) })
}
fn shown(items: List<Int>) -> String !{fs.read} {
    let mut text = fs.read("prefix")
    for item in items {
        if item == 4 { continue }
        text = text ++ int.to_string(item) ++ ","
    }
    text
}
`;

const word = fc.string({ unit: fc.constantFrom("a", "b", "é", "😀", " ", '"', "\\", "\n", "\u0001", "7"), maxLength: 5 }).map(axString);

/** Generates two parts, and combines their texts with `f`. */
const combine2 = (a: fc.Arbitrary<Render>, b: fc.Arbitrary<Render>, f: (x: string, y: string) => string): fc.Arbitrary<Render> =>
  fc.tuple(a, b).map(
    ([x, y]): Render =>
      (s) =>
        f(x(s), y(s)),
  );
/** Generates one part, and changes its text with `f`. */
const combine1 = (a: fc.Arbitrary<Render>, f: (x: string) => string): fc.Arbitrary<Render> =>
  a.map(
    (x): Render =>
      (s) =>
        f(x(s)),
  );
const variable = (kind: Kind, otherwise: string): fc.Arbitrary<Render> =>
  fc.nat(20).map(
    (n): Render =>
      (s) =>
        pick(s[kind], n, otherwise),
  );

const expressions = fc.letrec<Record<"int" | "text" | "bool" | "list" | "pair", Render>>((tie) => {
  const int = tie("int");
  const text = tie("text");
  const bool = tie("bool");
  const list = tie("list");
  const pair = tie("pair");
  const depth = { maxDepth: 4, depthSize: "small" } as const;
  const choose = (a: fc.Arbitrary<Render>, b: fc.Arbitrary<Render>): fc.Arbitrary<Render> =>
    fc.tuple(bool, a, b, fc.boolean()).map(
      ([c, x, y, match]): Render =>
        (s) =>
          match ? `(match ${c(s)} { true => ${x(s)}, false => ${y(s)} })` : `(if ${c(s)} { ${x(s)} } else { ${y(s)} })`,
    );
  return {
    int: fc.oneof(
      depth,
      fc.oneof(fc.integer({ min: -9, max: 9 }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })).map(
        (n): Render =>
          () =>
            `(${n})`,
      ),
      variable("Int", "1"),
      fc.constantFrom("+", "-", "*", "/", "%").chain((op) => combine2(int, int, (a, b) => `(${a} ${op} ${b})`)),
      combine1(text, (a) => `string.len(${a})`),
      combine1(list, (a) => `list.len(${a})`),
      combine1(list, (a) => `list.fold(${a}, 0, fn(acc, x) { if x > acc { x } else { acc } })`),
      combine1(text, (a) => `option.unwrap_or(int.parse(${a}), 3)`),
      combine1(pair, (p) => `(match json.to(json.from(${p})) { Ok((n, "a")) => n, Ok((n, _)) => n, Err(_) => 0 })`),
      combine1(list, (a) => `option.unwrap_or(list.max(${a}), 2)`),
      fc.constantFrom("and", "xor", "wrapping_mul", "gcd").chain((name) => combine2(int, int, (a, b) => `int.${name}(${a}, ${b})`)),
      fc.constant<Render>(() => "time.now()"),
      fc.nat(9).map(
        (n): Render =>
          () =>
            `random("int", 0, ${n})`,
      ),
      combine1(int, (a) => `twice(${a})`),
      combine1(pair, (p) => `(match ${p} { (7, _) => 1, (n, "a") => n, (n, _) => n })`),
      combine1(list, (a) => `(match ${a} { [] => 2, [7, ..] => 3, [x] if x > 0 => x, [_, ..rest] => list.len(rest), [..] => 1 })`),
      combine1(list, (a) => `(if let [x, .., y] = ${a} { x - y } else if let [x] = ${a} { x } else { 0 })`),
      combine1(list, (a) => `drained(${a})`),
      combine2(list, int, (a, n) => `option.unwrap_or(picked(${a}, ${n}), 4)`),
      combine2(int, text, (n, t) => `(match Shape::Both(${n}, ${t}) { Both(0, _) => 5, Both(n, t) => string.len(t), Neither => 0 })`),
      combine2(int, int, (a, b) => `applied(${a}, fn(x) { x + ${b} })`),
      combine2(list, int, (a, b) => `list.fold(${a}, 0, fn(sum, x) { sum / 2 + x - ${b} })`),
      combine1(int, (a) => `(${a} |> twice)`),
      combine2(list, int, (a, b) => `(${a} |> list.push(${b}) |> list.len())`),
      combine2(
        int,
        int,
        (a, n) => `({ fn down(n: Int) -> Int ${MAIN_ROW} { if n <= 0 { ${a} } else { down(n - 1) + n } }\n down(${n} % 4) })`,
      ),
      combine1(int, (n) => `({ fn first(n: Int) -> Int { while true { if n > -3 { return n } } }\n first(${n} % 3) })`),
      choose(int, int),
    ),
    text: fc.oneof(
      depth,
      word.map(
        (w): Render =>
          () =>
            w,
      ),
      variable("String", '"x"'),
      combine2(text, text, (a, b) => `(${a} ++ ${b})`),
      combine1(int, (a) => `int.to_string(${a})`),
      combine1(text, (a) => `net.fetch(${a})`),
      combine1(text, (a) => `fs.read(${a}, "text")`),
      combine1(text, (a) => `(match try net.fetch(${a}, "POST") { Ok(v) => v, Err(e) => "failed: " ++ e })`),
      combine2(text, text, (a, b) => `string.join(string.split(${a}, ${b}), "-")`),
      combine1(list, (a) => `shown(Box { items: ${a} }.items)`),
      combine2(text, int, (a, n) => `f"{{{${a}}: {${n}}"`.replaceAll("\n", " ")),
      combine2(list, bool, (a, b) => `f"{${a}}{${b}} \\"{r"\\d{x}"}"`.replaceAll("\n", " ")),
      combine1(pair, (p) => `label(${p}, 3)`),
      combine2(text, list, (a, b) => `(match tried(${a}, ${b}) { Ok(t) => t, Err(e) => "no: " ++ e })`),
      combine1(pair, (p) => `json.stringify(json.from([Some(${p}), None]))`),
      combine1(text, (a) => `string.reverse(string.trim_start(${a}))`),
      fc
        .constantFrom("fs.read", "net.fetch", "fn(t) { fs.read(t) ++ net.fetch(t) }")
        .chain((f) => combine2(text, text, (a, b) => `string.join(par.map([${a}, ${b}], ${f}), "+")`)),
      fc
        .constantFrom("fs.read", "net.fetch", "string.trim", "fn(t) { t ++ fs.read(t) }")
        .chain((f) => combine2(text, text, (a, b) => `string.join(list.map([${a}, ${b}], ${f}), "")`)),
      combine2(
        text,
        int,
        (a, n) => `({ let mut t = ${a}\n for i in -1..${n} % 4 { t = t ++ int.to_string(i)\n if i == 2 { break } }\n t })`,
      ),
      combine2(
        text,
        text,
        (a, b) =>
          `({ let mut t = ""\n let cs = string.chars(${a})\n for (i, c) in list.enumerate(cs) { t = c ++ cs[i] ++ t }\n for n in string.codepoints(${b}) { t ++= string.from_codepoint(n) }\n t })`,
      ),
      combine2(text, int, (a, n) => `({ let mut t = ${a}\n for i in ${n} % 3..=2 { i = i * 2\n t = t ++ int.to_string(i) }\n t })`),
      choose(text, text),
    ),
    bool: fc.oneof(
      depth,
      fc.boolean().map(
        (b): Render =>
          () =>
            String(b),
      ),
      variable("Bool", "true"),
      fc.constantFrom("<", "<=", "==", "!=").chain((op) => combine2(int, int, (a, b) => `(${a} ${op} ${b})`)),
      combine2(text, text, (a, b) => `(${a} < ${b})`),
      combine2(bool, bool, (a, b) => `(${a} && !${b})`),
      combine2(list, list, (a, b) => `(${a} == ${b})`),
      combine2(pair, pair, (a, b) => `(${a} == ${b})`),
    ),
    list: fc.oneof(
      depth,
      fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 4 }).map(
        (xs): Render =>
          () =>
            `[${xs.join(", ")}]`,
      ),
      combine2(list, int, (a, b) => `par.map(${a}, fn(x) { x / 2 + ${b} })`),
      variable("List<Int>", "[1, 2]"),
      combine2(list, int, (a, b) => `list.push(${a}, ${b})`),
      combine2(list, list, (a, b) => `(${a} ++ ${b})`),
      combine2(int, int, (a, b) => `((${a} % 5)..${b} % 5)`),
      combine2(int, int, (a, b) => `(${a} % 5..=${b} % 5 ++ [${a}] |> list.map(fn(x) { x }))`),
      combine1(
        int,
        (a) =>
          `({ let k = ${a}\n fn grow(n: Int) -> List<Int> { if n <= 0 { [k, n] } else { 0..n |> list.map(grow) |> list.flatten } }\n grow(3) })`,
      ),
      combine2(list, int, (a, n) => `list.map(${a}, (fn(n: Int) -> Fn(Int) -> Int { fn(x) { x - n / 2 } })(${n}))`),
      combine1(list, (a) => `list.sort(${a})`),
      combine1(list, (a) => `list.map(list.enumerate(${a}), fn((i, x)) { i - x })`),
      combine2(list, bool, (a, c) => `list.filter(${a}, fn(x) { x > 0 || ${c} })`),
      combine2(list, int, (a, n) => `changed(${a}, fn(x) { x / 2 + ${n} / 2 })`),
      choose(list, list),
    ),
    pair: fc.oneof(
      depth,
      combine2(int, text, (a, b) => `(${a}, ${b})`),
      variable("(Int, String)", '(1, "a")'),
      combine2(int, text, (a, b) => `(par { ${a}, ${b} })`),
      combine2(int, text, (a, b) => `(par { { let n = ${a}  n / 2 }, ${b} ++ fs.read("par") })`),
      combine1(pair, (p) => `({ let (n, s) = ${p}; (n, s ++ "x") })`),
      choose(pair, pair),
    ),
  };
});

const OF: Readonly<Record<Kind, fc.Arbitrary<Render>>> = {
  Int: expressions.int,
  String: expressions.text,
  Bool: expressions.bool,
  "List<Int>": expressions.list,
  "(Int, String)": expressions.pair,
};
const KINDS: readonly Kind[] = ["Int", "String", "Bool", "List<Int>", "(Int, String)"];

const statement = fc.constantFrom(...KINDS).chain((kind) => OF[kind].map((render) => ({ kind, render })));

/** Statements that change the variables `grid`, `counts`, `box` and `kept` or parts of them, also in loops and functions. Indices are mostly in range. */
const assignment: fc.Arbitrary<Render> = fc
  .tuple(fc.constantFrom("=", "+=", "-=", "*="), fc.nat(2), fc.nat(9), fc.constantFrom('"a"', '"b"'), expressions.int, expressions.text)
  .chain(([operator, y, x, key, int, text]) =>
    fc.constantFrom<Render>(
      (s) => `grid[${y}][int.min(${x}, list.len(grid[${y}]) - 1)] ${operator} ${int(s)}`,
      (s) => `grid[${y % 2}] = list.push(grid[${y}], ${int(s)})`,
      () => `grid[${y}] ++= [${x}]`,
      (s) => `counts[${key}] ${operator} ${int(s)}`,
      (s) => `counts[${text(s)}] = ${int(s)}`,
      (s) => `box.items ++= [${int(s)}]`,
      () => "box.items = grid[1]",
      () => "let old = grid\n    kept = list.push(kept, old)",
      () => "if list.len(kept) > 0 { grid = kept[0] }",
      (s) => `let saved = fn() { grid }\n    grid[${y}][0] ${operator} ${int(s)}\n    kept = list.push(kept, saved())`,
      () => `for (y, row) in list.enumerate(grid) { if let [${x}, ..] = row { continue }\n    grid[y][0] = row[list.len(row) - 1] / 2 }`,
      () => `while let [[n, ..], ..rest] = grid { if n > ${x} || n < -9 || rest == [] { break }\n    grid[0][0] += ${x} - n + 1 }`,
      () => `for i in 0..3 { grid[i][{ if i == ${y} { continue }\n    0 }] = i * ${x} }`,
      (s) => `counts["a"] = { counts = { "a": counts["b"], "b": ${x} }\n    ${int(s)} }`,
      () => `let [_, ..below] = grid else { return r"\\d" }\n    grid[0] = list.flatten(below) |> list.take(${x} + 1)`,
      () => `fn twice_each(rows: List<List<Int>>) -> List<List<Int>> { match rows { [] => rows, [row, ..rest] => [row ++ row] ++ twice_each(rest) } }
    if list.len(grid[${y}]) < 9 { grid = twice_each(grid) }`,
    ),
  );

/** A complete program whose `main` returns a String. Overflow, division, a contract or an index out of range may trap it, but never a wrong type. */
export const arbitraryProgram: fc.Arbitrary<string> = fc
  .tuple(fc.array(statement, { maxLength: 6 }), fc.array(assignment, { maxLength: 6 }), expressions.text)
  .map(([stmts, assignments, last]) => {
    const scope: Record<Kind, string[]> = { Int: [], String: [], Bool: [], "List<Int>": [], "(Int, String)": [] };
    const lines = stmts.map(({ kind, render }, i) => {
      const takesApart = kind === "(Int, String)" && i % 2 === 0;
      const line = `    let ${takesApart ? `(v${i}, w${i})` : `v${i}`}: ${kind} = ${render(scope)}`;
      if (takesApart) {
        scope.Int.push(`v${i}`);
        scope.String.push(`w${i}`);
      } else scope[kind].push(`v${i}`);
      return line;
    });
    if (assignments.length > 0) {
      lines.push("    let mut grid = [[1], [2, 3], [4]]", '    let mut counts = { "a": 1, "b": 2 }', "    let mut box = Box { items: [] }");
      lines.push("    let mut kept: List<List<List<Int>>> = []", ...assignments.map((render) => `    ${render(scope)}`));
      lines.push("    let _ = net.fetch(string.inspect(grid) ++ string.inspect(counts) ++ string.inspect(box) ++ string.inspect(kept))");
    }
    return `${PRELUDE}fn main() -> String ${MAIN_ROW} {\n${lines.join("\n")}\n    f"""\n      {Box { items: [1] }}\n        \\n{${last(scope).replaceAll("\n", " ")}} "\n      """\n}\n`;
  });
