/** The page of every diagnostic: why the rule is there, a program that breaks it, one that keeps it. */
import { type DiagnosticCode, DIAGNOSTICS } from "./diagnostics.ts";
import type { SourceFile } from "./source.ts";
import type { Resolver } from "./load-units.ts";

/** Text too long to print: the n-th `…` of the program stands for `times` copies of the n-th part. */
interface Elision {
  readonly parts: readonly string[];
  readonly times: number;
}

export interface Example {
  /** The program as a page prints it. */
  readonly text: string;
  /** Files beside it that it may import: text by name. */
  readonly beside?: Readonly<Record<string, string>>;
  readonly elided?: Elision;
}

interface Explained {
  /** One paragraph. */
  readonly why: string;
  /** Gives this diagnostic and no other. */
  readonly wrong: Example;
  /** The same program, put right: compiles without any diagnostic. */
  readonly right: Example;
}

/** A code that no program can get today. */
interface Unreachable {
  readonly why: string;
  readonly unreachable: true;
  readonly reason: string;
}

export type Explanation = Explained | Unreachable;

export const EXPLANATIONS: Readonly<Record<DiagnosticCode, Explanation>> = {
  E001: {
    why: "Before a program has any structure it is cut into words, numbers, texts and signs. A character that begins none of them, a String that is not closed on its line, an Int that does not fit 64 bits, or a backslash before a letter that is no escape stops that first step. Boruna never guesses what an unknown escape was to mean: write a backslash itself as `\\\\`.",
    wrong: { text: 'fn main() -> String {\n    "C:\\queue"\n}' },
    right: { text: 'fn main() -> String {\n    "C:\\\\queue"\n}' },
  },
  E002: {
    why: "The words are all known, but they do not stand in an order that the grammar allows. The message names what was expected and what was found instead. The parser goes on at the next statement or item, so one run can show several mistakes; mend the first one first when a later one makes no sense.",
    wrong: { text: "fn main() -> Int {\n    let total 40 + 2\n    total\n}" },
    right: { text: "fn main() -> Int {\n    let total = 40 + 2\n    total\n}" },
  },
  E003: {
    why: "Every name must be bound before it is used: as a parameter, by `let`, by a pattern, or as a function. There are no global variables, and a binding ends with its block. When exactly one name in scope is spelt nearly the same, the message suggests it.",
    wrong: { text: "fn main(total: Int) -> Int {\n    totl + 2\n}" },
    right: { text: "fn main(total: Int) -> Int {\n    total + 2\n}" },
  },
  E004: {
    why: "A call names a function of this file, one that an import brings in, a binding that holds a function, a builtin such as `list.len`, or a capability such as `net.fetch`. Nothing else can be called; there are no methods. A program that is to run also needs a function `main`.",
    wrong: { text: "fn double(n: Int) -> Int { n * 2 }\n\nfn main() -> Int { duble(21) }" },
    right: { text: "fn double(n: Int) -> Int { n * 2 }\n\nfn main() -> Int { double(21) }" },
  },
  E005: {
    why: "A `match` must have an arm for every value that can arrive, so that no run ends in a case nobody thought of. The message names a value that is not covered. An arm with a guard (`if`) covers nothing by itself, because the guard can be false. Add the missing arm, or `_` for all the rest; without `_`, a variant added later is found by the compiler.",
    wrong: {
      text: 'enum Light { Red, Amber, Green }\n\nfn advice(light: Light) -> String {\n    match light {\n        Light::Red => "stop"\n        Light::Green => "go"\n    }\n}\n\nfn main() -> String { advice(Light::Amber) }',
    },
    right: {
      text: 'enum Light { Red, Amber, Green }\n\nfn advice(light: Light) -> String {\n    match light {\n        Light::Red => "stop"\n        Light::Amber => "wait"\n        Light::Green => "go"\n    }\n}\n\nfn main() -> String { advice(Light::Amber) }',
    },
  },
  E006: {
    why: "A record has exactly the fields that its type declares, and an enum exactly its variants. A literal gives every field once (or takes the rest from another record, `P { ..base, x: 1 }`), because there is no null that could stand in for a missing one. A field that may be absent is an `Option`. In a pattern a name that begins with a capital letter is always a variant, so a misspelt one is found here.",
    wrong: { text: "type Point { x: Int, y: Int }\n\nfn main() -> Point { Point { x: 1 } }" },
    right: { text: "type Point { x: Int, y: Int }\n\nfn main() -> Point { Point { x: 1, y: 0 } }" },
  },
  E007: {
    why: "The row after the result type, `!{net.fetch, fs.read}`, is the whole of what a function may do to the world, and a reader may rely on it. It must hold every capability that the body needs, also through the functions that it calls or spawns; the message shows the path of calls. `main` is no exception, and contracts must be pure. Declare the capability in every function on that path, or move the call to where it is declared.",
    wrong: {
      text: 'fn title(url: String) -> String !{net.fetch} { net.fetch(url) }\n\nfn main() -> String { title("https://example.com/") }',
    },
    right: {
      text: 'fn title(url: String) -> String !{net.fetch} { net.fetch(url) }\n\nfn main() -> String !{net.fetch} { title("https://example.com/") }',
    },
  },
  E008: {
    why: "The code is kept for a program that is correct but that the bytecode cannot hold. You will not see it from this version of the compiler.",
    unreachable: true,
    reason:
      "Programs with too many instructions, bindings, constants or functions are reported as E015, and so are functions with more than 255 parameters, records with more than 255 fields and lambdas that capture more than 255 bindings.",
  },
  E009: {
    why: "Each value has one type, and nothing is converted silently: an Int is no Float, a String is no Bool, a Json is none of them, an Option must be opened before its content is used. Silent conversions lose digits and hide mistakes. Convert with a function whose name says what happens, such as `int.to_float` or `int.to_string`.",
    wrong: { text: "fn price(count: Int) -> Float { 1.5 * count }\n\nfn main() -> Float { price(2) }" },
    right: { text: "fn price(count: Int) -> Float { 1.5 * int.to_float(count) }\n\nfn main() -> Float { price(2) }" },
  },
  E010: {
    why: "Two things of one kind with one name leave open which of them a use means. Functions do not overload: a file has one function of a name, a record one field, an enum one variant, a function one parameter. Only bindings inside a body may take a name again, because there the later one plainly takes over.",
    wrong: { text: "type Item { name: String, price: Int, name: String }\n\nfn main(item: Item) -> String { item.name }" },
    right: { text: "type Item { name: String, price: Int, label: String }\n\nfn main(item: Item) -> String { item.name }" },
  },
  E011: {
    why: "A call gives exactly as many values as the function has parameters, and a variant is made with the one value it declares, or with none. Functions of a program have no default values and no variable number of arguments; only capabilities have trailing parameters that may be left out. The message shows what is wanted.",
    wrong: {
      text: 'fn greet(greeting: String, name: String) -> String { greeting ++ ", " ++ name }\n\nfn main() -> String { greet("Ada") }',
    },
    right: {
      text: 'fn greet(greeting: String, name: String) -> String { greeting ++ ", " ++ name }\n\nfn main() -> String { greet("Hello", "Ada") }',
    },
  },
  E012: {
    why: 'An import names a file beside this one (`"./shapes.ax"`) or a library (`"std-json"`). The file must exist, must lie inside the project, and must not import this file again, directly or through others: each file is checked after those it imports. Nothing is fetched. What two files both need goes into a third.',
    wrong: {
      text: 'import "./shape.ax"\n\nfn main() -> Int { area(3, 4) }',
      beside: { "shapes.ax": "export fn area(width: Int, height: Int) -> Int { width * height }" },
    },
    right: {
      text: 'import "./shapes.ax"\n\nfn main() -> Int { area(3, 4) }',
      beside: { "shapes.ax": "export fn area(width: Int, height: Int) -> Int { width * height }" },
    },
  },
  E013: {
    why: "A type in a signature is built in (`Int`, `List<T>`, `Json` and so on), declared with `type` or `enum` in this file, brought in by an import, or a type parameter of the item. Type names tell upper from lower case, and a generic type takes as many types as it declares. When exactly one type is spelt nearly the same, the message suggests it.",
    wrong: { text: 'type Person { name: Strng }\n\nfn main() -> Person { Person { name: "Ada" } }' },
    right: { text: 'type Person { name: String }\n\nfn main() -> Person { Person { name: "Ada" } }' },
  },
  E014: {
    why: "Types flow from what stands around an expression, so most need not be written. An empty list, an empty map, `None` or the parameter of a lambda says nothing by itself, and when nothing around it does either, the compiler does not choose for you. A variant in a pattern, such as `Stop`, does not say of which enum it is either: write `Msg::Stop`, or give the matched value its type, `let m: Msg = receive`. Write the type at the `let` or at the parameter.",
    wrong: { text: "fn main() -> Int {\n    let names = []\n    list.len(names)\n}" },
    right: { text: "fn main() -> Int {\n    let names: List<String> = []\n    list.len(names)\n}" },
  },
  E015: {
    why: "The source of a program is not trusted either, so everything about it has a bound: at most 1 MiB in a file, 256 levels of nesting, 1000 files, and fixed numbers of instructions, bindings, constants and functions. A program beyond one of them gets this error and never a crash of the compiler. People seldom meet it; programs that write programs do. Name parts with `let`, or split functions and files.",
    wrong: { text: "fn main() -> Int { …1… }", elided: { parts: ["(", ")"], times: 300 } },
    right: { text: "fn main() -> Int { 1 }" },
  },
  W001: {
    why: "A row that declares more than the function needs is not dangerous by itself, but it is untrue: a reader, and the policy written for the program, would allow what is never used. Take the capability out; the compiler asks for it again when the body needs it.",
    wrong: { text: "fn main(path: String) -> String !{fs.read, fs.write} { fs.read(path) }" },
    right: { text: "fn main(path: String) -> String !{fs.read} { fs.read(path) }" },
  },
  W002: {
    why: "`let` makes a binding that stays what it is, and `let mut` one that changes; a reader looks for `mut` to know which. The program compiles all the same, because older programs assign without `mut`. Add `mut`, or bind the new value to a new name.",
    wrong: {
      text: "fn main() -> Int {\n    let total = 0\n    for n in [1, 2, 3] {\n        total = total + n\n    }\n    total\n}",
    },
    right: {
      text: "fn main() -> Int {\n    let mut total = 0\n    for n in [1, 2, 3] {\n        total = total + n\n    }\n    total\n}",
    },
  },
  W003: {
    why: "Arms are tried from top to bottom. When the arms above already cover every value of a pattern, its arm can never run, which is seldom what its author meant. Put the special case above the general one, or take the arm out.",
    wrong: {
      text: 'fn size(n: Int) -> String {\n    match n {\n        _ => "many"\n        0 => "none"\n    }\n}\n\nfn main() -> String { size(0) }',
    },
    right: {
      text: 'fn size(n: Int) -> String {\n    match n {\n        0 => "none"\n        _ => "many"\n    }\n}\n\nfn main() -> String { size(0) }',
    },
  },
  W004: {
    why: "A value that is computed, named and never read is work without an effect, or the sign of a name mistaken for another. Use the binding, take it out, or begin its name with `_` to say that it is meant to be ignored.",
    wrong: { text: "fn main(price: Int, count: Int) -> Int {\n    let total = price * count\n    price\n}" },
    right: { text: "fn main(price: Int, count: Int) -> Int {\n    let total = price * count\n    total\n}" },
  },
  W005: {
    why: "Old programs wrote `net`, `fs`, `db`, `ui`, `time` and `llm` in a row. The short names are still understood, but they hide what exactly is allowed: the log and the spans of a run say `time.now`, never `time`. Write the full name.",
    wrong: { text: "fn main() -> Int !{time} { time.now() }" },
    right: { text: "fn main() -> Int !{time.now} { time.now() }" },
  },
  W006: {
    why: "What a file declares wins over a builtin of the same name and over what it imports under that name, also where a call was written with the other in mind. That is allowed, so that a builtin or an export added later does not break a program, but someone who knows the other one will misread the calls. A library of the project wins over a shipped one in the same way. Choose another name.",
    wrong: { text: 'fn parse_int(text: String) -> Int { string.len(text) }\n\nfn main() -> Int { parse_int("abc") }' },
    right: { text: 'fn count_bytes(text: String) -> Int { string.len(text) }\n\nfn main() -> Int { count_bytes("abc") }' },
  },
  W007: {
    why: "Values never change: `list.push(xs, 3)` gives a new list and leaves `xs` as it was. Where nobody takes what a builtin gives, the call does nothing. Assign the new value, or bind it, or take the call out.",
    wrong: { text: "fn main() -> Int {\n    let mut xs = [1, 2]\n    list.push(xs, 3)\n    list.len(xs)\n}" },
    right: { text: "fn main() -> Int {\n    let mut xs = [1, 2]\n    xs = list.push(xs, 3)\n    list.len(xs)\n}" },
  },
};

export function isDiagnosticCode(text: string): text is DiagnosticCode {
  return Object.hasOwn(DIAGNOSTICS, text);
}

/** The name that the program of an example has. */
export const EXAMPLE_FILE = "main.ax";

/** The example as the compiler takes it: nothing left out, its neighbours at hand. */
export function exampleSources(example: Example): {
  readonly source: SourceFile;
  readonly beside: readonly SourceFile[];
  readonly resolve: Resolver;
} {
  const { text, elided } = example;
  const parts = elided === undefined ? [] : elided.parts.map((part) => part.repeat(elided.times));
  const whole = parts.reduce((before, part) => before.replace("…", () => part), text);
  const source = { name: EXAMPLE_FILE, text: `${whole}\n` };
  const beside = Object.entries(example.beside ?? {}).map(([name, content]) => ({ name, text: `${content}\n` }));
  return { source, beside, resolve: (specifier) => [source, ...beside].find((file) => `./${file.name}` === specifier) };
}

/** One sentence for every `…` of the example, or none. */
export function elisionNote({ elided }: Example): string | undefined {
  if (elided === undefined) return undefined;
  const parts = elided.parts.map((part) => `\`${part}\``).join(" and ");
  return `Here … stands for ${elided.times} times ${parts}.`;
}
