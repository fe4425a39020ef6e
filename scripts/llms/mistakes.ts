/** The mistakes on the small page for language models. A test compiles both sides of each row. */

export interface Mistake {
  /** The code of the diagnostic that the wrong text causes. */
  readonly code: string;
  /** Statements, or items that begin with a keyword such as `fn`. */
  readonly wrong: string;
  readonly right: string;
  /** Statements before the texts, which the page does not show. */
  readonly before?: string;
}

const XS = "let mut xs = [3, 1, 2]";

export const MISTAKES: readonly Mistake[] = [
  { code: "E009", wrong: "1 + 0.5", right: "int.to_float(1) + 0.5" },
  { code: "E009", wrong: '"n = " ++ 3', right: 'f"n = {3}"' },
  { code: "E006", wrong: "xs.map(fn(x) { x + 1 })", right: "xs |> list.map(fn(x) { x + 1 })", before: XS },
  { code: "E004", wrong: "list.length(xs)", right: "list.len(xs)", before: XS },
  { code: "W007", wrong: "list.push(xs, 4)", right: "xs = list.push(xs, 4)", before: XS },
  { code: "E017", wrong: 'let m = {}; m["a"] = 1', right: 'let mut m = {}; m["a"] = 1' },
  { code: "E014", wrong: "let none = None", right: "let none: Option<Int> = None" },
  { code: "E002", wrong: "let t = if c then 1 else 2", right: "let t = if c { 1 } else { 2 }", before: "let c = true" },
  { code: "E005", wrong: "match o { Some(x) => x }", right: "match o { Some(x) => x, None => 0 }", before: "let o: Option<Int> = None" },
  { code: "E002", wrong: "const n = 1", right: "let n = 1" },
  { code: "E003", wrong: "null", right: "None" },
  { code: "E009", wrong: "if xs { 1 } else { 2 }", right: "if list.is_empty(xs) { 1 } else { 2 }", before: XS },
  { code: "E009", wrong: "try json.parse(t)", right: "json.parse(t)", before: 'let t = "1"' },
  {
    code: "E007",
    wrong: "fn get(u: String) -> String { net.fetch(u) }",
    right: "fn get(u: String) -> String !{net.fetch} { net.fetch(u) }",
  },
  { code: "E009", wrong: "fn f(o: Option<Int>) -> Int { o? }", right: "fn f(o: Option<Int>) -> Option<Int> { Some(o? + 1) }" },
  {
    code: "E004",
    wrong: "enum Shape { Dot, Box(Int) } fn f() -> Shape { Box(1) }",
    right: "enum Shape { Dot, Box(Int) } fn f() -> Shape { Shape::Box(1) }",
  },
];
