/** The text of `boruna explain`. For each code: why the rule exists, a program that breaks it, and the corrected program. */
import { type DiagnosticCode, DIAGNOSTICS } from "./diagnostics.ts";
import type { SourceFile } from "./source.ts";
import type { Resolver } from "./load-units.ts";

/** Abbreviates a long program: the n-th `…` in its text replaces `times` copies of the n-th of `parts`. */
interface Elision {
  readonly parts: readonly string[];
  readonly times: number;
}

export interface Example {
  /** The program as printed; long parts may be abbreviated with `…`. */
  readonly text: string;
  /** Other files that the program imports: a map from file name to text. */
  readonly otherFiles?: Readonly<Record<string, string>>;
  /** What each `…` in `text` replaces; absent if the program is printed in full. */
  readonly elision?: Elision;
}

interface ReachableExplanation {
  /** Why the rule exists, in one paragraph. */
  readonly why: string;
  /** A program that causes this diagnostic and no other. */
  readonly wrong: Example;
  /** The corrected program, without diagnostics. */
  readonly right: Example;
}

/** The explanation of a code that the compiler never reports. */
interface UnreachableExplanation {
  readonly why: string;
  readonly unreachable: true;
  readonly whyUnreachable: string;
}

type Explanation = ReachableExplanation | UnreachableExplanation;

export const EXPLANATIONS: Readonly<Record<DiagnosticCode, Explanation>> = {
  E001: {
    why: "The compiler first splits the source into words, numbers, strings and operators. This fails at a character that begins none of them, a String that is not closed on its line, an Int that does not fit in 64 bits, or an unknown escape sequence. To put a backslash in a String, write `\\\\`.",
    wrong: { text: 'fn main() -> String {\n    "C:\\queue"\n}' },
    right: { text: 'fn main() -> String {\n    "C:\\\\queue"\n}' },
  },
  E002: {
    why: "The source does not follow the grammar. The message says what was expected and what was found instead. The parser continues at the next statement or item, so one run can report several mistakes. If a later message makes no sense, correct the first one first.",
    wrong: { text: "fn main() -> Int {\n    let total 40 + 2\n    total\n}" },
    right: { text: "fn main() -> Int {\n    let total = 40 + 2\n    total\n}" },
  },
  E003: {
    why: "A name must be declared before it is used: as a parameter, with `let`, in a pattern, or as a function. There are no global variables, and a binding is visible only until the end of its block. If exactly one name in scope is spelled almost the same, the message suggests it.",
    wrong: { text: "fn main(total: Int) -> Int {\n    totl + 2\n}" },
    right: { text: "fn main(total: Int) -> Int {\n    total + 2\n}" },
  },
  E004: {
    why: "You can call a function of this file, an imported function, a binding that holds a function, a builtin such as `list.len`, and a capability such as `net.fetch`. There are no methods. A program that you run also needs a function `main`.",
    wrong: { text: "fn double(n: Int) -> Int { n * 2 }\n\nfn main() -> Int { duble(21) }" },
    right: { text: "fn double(n: Int) -> Int { n * 2 }\n\nfn main() -> Int { double(21) }" },
  },
  E005: {
    why: "A `match` needs an arm for every possible value, so that no run fails on a forgotten case. The message names a value that is not covered. An arm with a guard (`if`) does not count, because the guard can be false. Add the missing arm, or `_` for all other values. Without `_`, the compiler reports this `match` again when you add a variant to the enum.",
    wrong: {
      text: 'enum Light { Red, Amber, Green }\n\nfn advice(light: Light) -> String {\n    match light {\n        Light::Red => "stop"\n        Light::Green => "go"\n    }\n}\n\nfn main() -> String { advice(Light::Amber) }',
    },
    right: {
      text: 'enum Light { Red, Amber, Green }\n\nfn advice(light: Light) -> String {\n    match light {\n        Light::Red => "stop"\n        Light::Amber => "wait"\n        Light::Green => "go"\n    }\n}\n\nfn main() -> String { advice(Light::Amber) }',
    },
  },
  E006: {
    why: "A record has exactly the fields that its type declares, and an enum exactly its variants. A literal sets every field once, or copies the others from another record (`P { ..base, x: 1 }`), because there is no null for a missing field. Use `Option` for a field that may be absent. In a pattern, a name that begins with a capital letter is always a variant, so a misspelled variant is also reported here.",
    wrong: { text: "type Point { x: Int, y: Int }\n\nfn main() -> Point { Point { x: 1 } }" },
    right: { text: "type Point { x: Int, y: Int }\n\nfn main() -> Point { Point { x: 1, y: 0 } }" },
  },
  E007: {
    why: "The effect row after the result type, `!{net.fetch, fs.read}`, lists every side effect a function may have, so readers can rely on it. It must include each capability that the body uses, directly or through functions that it calls or spawns; the message shows the chain of calls. This also applies to `main`, and contracts must be pure. Add the capability to every function in the chain, or move the call to a function that declares it.",
    wrong: {
      text: 'fn title(url: String) -> String !{net.fetch} { net.fetch(url) }\n\nfn main() -> String { title("https://example.com/") }',
    },
    right: {
      text: 'fn title(url: String) -> String !{net.fetch} { net.fetch(url) }\n\nfn main() -> String !{net.fetch} { title("https://example.com/") }',
    },
  },
  E008: {
    why: "This code is reserved for correct programs that cannot be represented in bytecode. This version of the compiler does not report it.",
    unreachable: true,
    whyUnreachable:
      "Programs with too many instructions, bindings, constants or functions are reported as E015, as are functions with more than 255 parameters, records with more than 255 fields and lambdas that capture more than 255 bindings.",
  },
  E009: {
    why: "Values are never converted implicitly: an Int is not a Float, a String is not a Bool, a Json value is none of these, and an Option must be unwrapped before its value is used. Implicit conversions lose precision and hide mistakes. Convert explicitly, for example with `int.to_float` or `int.to_string`.",
    wrong: { text: "fn price(count: Int) -> Float { 1.5 * count }\n\nfn main() -> Float { price(2) }" },
    right: { text: "fn price(count: Int) -> Float { 1.5 * int.to_float(count) }\n\nfn main() -> Float { price(2) }" },
  },
  E010: {
    why: "If two functions, fields, variants or parameters have the same name, it is unclear which one a use refers to. There is no overloading: function names are unique in a file, field names in a record, variant names in an enum and parameter names in a function. Only a binding inside a body may reuse a name; it hides the earlier one.",
    wrong: { text: "type Item { name: String, price: Int, name: String }\n\nfn main(item: Item) -> String { item.name }" },
    right: { text: "type Item { name: String, price: Int, label: String }\n\nfn main(item: Item) -> String { item.name }" },
  },
  E011: {
    why: "A call must have exactly one argument for each parameter, and a variant must have the payload that it declares. Functions have no default arguments and no variable number of arguments; only capabilities have optional trailing parameters. The message shows the expected arguments.",
    wrong: {
      text: 'fn greet(greeting: String, name: String) -> String { greeting ++ ", " ++ name }\n\nfn main() -> String { greet("Ada") }',
    },
    right: {
      text: 'fn greet(greeting: String, name: String) -> String { greeting ++ ", " ++ name }\n\nfn main() -> String { greet("Hello", "Ada") }',
    },
  },
  E012: {
    why: 'An import names a file by relative path (`"./shapes.ax"`) or a library (`"std-json"`). The file must exist, must be inside the project, and must not import this file, directly or indirectly, because each file is checked after its imports. Imports are never downloaded. If two files need each other, move what they share into a third file.',
    wrong: {
      text: 'import "./shape.ax"\n\nfn main() -> Int { area(3, 4) }',
      otherFiles: { "shapes.ax": "export fn area(width: Int, height: Int) -> Int { width * height }" },
    },
    right: {
      text: 'import "./shapes.ax"\n\nfn main() -> Int { area(3, 4) }',
      otherFiles: { "shapes.ax": "export fn area(width: Int, height: Int) -> Int { width * height }" },
    },
  },
  E013: {
    why: "A type is built in (`Int`, `List<T>`, `Json` and so on), declared with `type` or `enum` in this file, imported, or a type parameter of the item. Type names are case-sensitive, and a generic type needs as many type arguments as it declares parameters. If exactly one type is spelled almost the same, the message suggests it.",
    wrong: { text: 'type Person { name: Strng }\n\nfn main() -> Person { Person { name: "Ada" } }' },
    right: { text: 'type Person { name: String }\n\nfn main() -> Person { Person { name: "Ada" } }' },
  },
  E014: {
    why: "The compiler infers most types from context. An empty list, an empty map, `None` or a lambda parameter has no type of its own, so if the context does not determine it either, write the type at the `let` or at the parameter. A variant in a pattern, such as `Stop`, does not determine its enum: write `Msg::Stop`, or give the matched value a type, as in `let m: Msg = receive`.",
    wrong: { text: "fn main() -> Int {\n    let names = []\n    list.len(names)\n}" },
    right: { text: "fn main() -> Int {\n    let names: List<String> = []\n    list.len(names)\n}" },
  },
  E015: {
    why: "The source of a program is untrusted input, so its size is limited: 1 MiB per file, 256 levels of nesting, 1000 files, and fixed numbers of instructions, bindings, constants and functions. A program beyond a limit causes this error and never crashes the compiler. It is mostly seen in generated programs. Name intermediate values with `let`, or split functions and files.",
    wrong: { text: "fn main() -> Int { …1… }", elision: { parts: ["(", ")"], times: 300 } },
    right: { text: "fn main() -> Int { 1 }" },
  },
  E016: {
    why: "The pattern of `regex.matches`, `find_all`, `replace_all`, `captures` or `captures_all` is checked when the program is compiled, if it is a literal. The syntax is that of RE2. A pattern that comes from outside the program is tested with `regex.check`.",
    wrong: { text: 'fn main(word: String) -> Bool { regex.matches(word, "^[a-z+$") }' },
    right: { text: 'fn main(word: String) -> Bool { regex.matches(word, "^[a-z]+$") }' },
  },
  E017: {
    why: "An assignment to an element or a field, such as `xs[0] = 1`, gives the variable a new value, so only a variable that is declared with `let mut` can have its parts assigned. Parameters, loop variables and names in patterns are never `mut`: bind the value to a variable first. The values that other variables hold do not change.",
    wrong: {
      text: "fn first_is_zero(xs: List<Int>) -> List<Int> {\n    xs[0] = 0\n    xs\n}\n\nfn main() -> List<Int> { first_is_zero([1, 2]) }",
    },
    right: {
      text: "fn first_is_zero(xs: List<Int>) -> List<Int> {\n    let mut changed = xs\n    changed[0] = 0\n    changed\n}\n\nfn main() -> List<Int> { first_is_zero([1, 2]) }",
    },
  },
  W001: {
    why: "An effect row that declares more than the function uses is harmless but misleading: readers, and the policy written for the program, would allow something that is never used. Remove the capability. If the body needs it later, the compiler reports that.",
    wrong: { text: "fn main(path: String) -> String !{fs.read, fs.write} { fs.read(path) }" },
    right: { text: "fn main(path: String) -> String !{fs.read} { fs.read(path) }" },
  },
  W002: {
    why: "A `let` binding does not change; a `let mut` binding can be assigned. Readers rely on `mut` to see which bindings change. This is only a warning, because older programs assign without `mut`. Add `mut`, or bind the new value to a new name.",
    wrong: {
      text: "fn main() -> Int {\n    let total = 0\n    for n in [1, 2, 3] {\n        total = total + n\n    }\n    total\n}",
    },
    right: {
      text: "fn main() -> Int {\n    let mut total = 0\n    for n in [1, 2, 3] {\n        total = total + n\n    }\n    total\n}",
    },
  },
  W003: {
    why: "Arms are tried from top to bottom. If earlier arms cover every value that a pattern matches, its arm can never run, which is rarely intended. Move the specific pattern above the general one, or remove the arm.",
    wrong: {
      text: 'fn size(n: Int) -> String {\n    match n {\n        _ => "many"\n        0 => "none"\n    }\n}\n\nfn main() -> String { size(0) }',
    },
    right: {
      text: 'fn size(n: Int) -> String {\n    match n {\n        0 => "none"\n        _ => "many"\n    }\n}\n\nfn main() -> String { size(0) }',
    },
  },
  W004: {
    why: "A binding that is never read is wasted work, or a sign that another name was used by mistake. Use the binding, remove it, or begin its name with `_` to show that it is ignored on purpose.",
    wrong: { text: "fn main(price: Int, count: Int) -> Int {\n    let total = price * count\n    price\n}" },
    right: { text: "fn main(price: Int, count: Int) -> Int {\n    let total = price * count\n    total\n}" },
  },
  W005: {
    why: "Older programs use `net`, `fs`, `db`, `ui`, `time` and `llm` in effect rows. These short names still work, but they hide what exactly is allowed, and the log and the spans of a run always use the full name, such as `time.now`. Write the full name.",
    wrong: { text: "fn main() -> Int !{time} { time.now() }" },
    right: { text: "fn main() -> Int !{time.now} { time.now() }" },
  },
  W006: {
    why: "A declaration in a file takes precedence over a builtin or an import of the same name. This is allowed, so that a builtin or an export added later does not break a program, but readers who know the other function will misread the calls. In the same way, a library of the project takes precedence over a shipped one. Choose another name.",
    wrong: { text: 'fn parse_int(text: String) -> Int { string.len(text) }\n\nfn main() -> Int { parse_int("abc") }' },
    right: { text: 'fn count_bytes(text: String) -> Int { string.len(text) }\n\nfn main() -> Int { count_bytes("abc") }' },
  },
  W007: {
    why: "Values are immutable: `list.push(xs, 3)` returns a new list and does not change `xs`. If the result of a builtin is not used, the call has no effect. Assign or bind the result, or remove the call. A dropped Result hides a failure, and the value of an `if` without `else` is lost, where `return` was meant. If a value does not matter, write `let _ = …`.",
    wrong: { text: "fn main() -> Int {\n    let mut xs = [1, 2]\n    list.push(xs, 3)\n    list.len(xs)\n}" },
    right: { text: "fn main() -> Int {\n    let mut xs = [1, 2]\n    xs = list.push(xs, 3)\n    list.len(xs)\n}" },
  },
  W008: {
    why: 'Values are put into text with the prefix `f`: `f"Hello {name}"`. In a plain string, braces and `$` are ordinary characters, because older programs hold them.',
    wrong: { text: 'fn main(name: String) -> String { "Hello ${name}" ++ name }' },
    right: { text: 'fn main(name: String) -> String { f"Hello {name}" ++ name }' },
  },
  W009: {
    why: "The first element of a list has the index 0, and an index does not count from the end: a negative one traps with `index_out_of_bounds`. `list.last` returns the last element as an Option.",
    wrong: { text: "fn main(scores: List<Int>) -> Int { scores[-1] }" },
    right: { text: "fn main(scores: List<Int>) -> Int { option.unwrap_or(list.last(scores), 0) }" },
  },
};

export function isDiagnosticCode(text: string): text is DiagnosticCode {
  return Object.hasOwn(DIAGNOSTICS, text);
}

/** The name of the file that holds an example's program. */
const EXAMPLE_FILE = "main.ax";

/** Returns an example in the form that the compiler takes, with elided parts filled in and the other files included. */
export function exampleSources(example: Example): {
  readonly source: SourceFile;
  readonly otherFiles: readonly SourceFile[];
  readonly resolve: Resolver;
} {
  const { text, elision } = example;
  const parts = elision === undefined ? [] : elision.parts.map((part) => part.repeat(elision.times));
  const completeText = parts.reduce((partial, part) => partial.replace("…", () => part), text);
  const source = { name: EXAMPLE_FILE, text: `${completeText}\n` };
  const otherFiles = Object.entries(example.otherFiles ?? {}).map(([name, content]) => ({ name, text: `${content}\n` }));
  return { source, otherFiles, resolve: (specifier) => [source, ...otherFiles].find((file) => `./${file.name}` === specifier) };
}

/** Returns a note that explains `…`, or undefined if the example is not abbreviated. */
export function elisionNote({ elision }: Example): string | undefined {
  if (elision === undefined) return undefined;
  const parts = elision.parts.map((part) => `${elision.times} × \`${part}\``).join(" and ");
  return `Here … is short for ${parts}.`;
}
