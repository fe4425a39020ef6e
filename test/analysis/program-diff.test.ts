import { expect, test } from "vitest";
import fc from "fast-check";
import { findEffects } from "../../analysis/effects.ts";
import { needsReview } from "../../analysis/policy-diff.ts";
import { programChanges, programChangesJson, programChangeText } from "../../analysis/program-diff.ts";
import { check, checkFunctions, type CheckedFunctions, compile } from "../../compiler/compile.ts";
import { execute } from "../../runtime/execute.ts";
import { resolveShipped } from "../../runtime/libraries.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { jsonToJs } from "../../vm/json/js-interop.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";
import { scaledRuns } from "../cases.ts";
import { type Changed, changesToReview, shownChanges } from "./changes.ts";
import { arbitraryAnswers, couldBe, handlersOf, arbitraryPaths, arbitraryUrls, withPlaces } from "./programs.ts";

const LIB = 'export fn quiet(n: Int) -> Int { n + 1 }\nexport fn loud(s: String) -> String !{fs.read} { fs.read("notes/b") ++ s }\n';
const APP = `import "./lib.ax"
fn load(name: String) -> String !{fs.read} { fs.read("notes/" ++ name) }
fn worker() -> Unit !{net.fetch} { let _ = net.fetch("https://a.example/ping") }
fn all(names: List<String>) -> List<String> !{fs.read} { list.map(names, load) }
fn idle() -> Float !{random} { random() }
fn main(who: String, names: List<String>) -> String !{fs.read, net.fetch, fs.write, actor.spawn} {
    let _ = spawn worker
    let texts = all(names)
    let one = fs.read("notes/index")
    let page = net.fetch("https://a.example/items/" ++ who)
    let _ = fs.write("out/page.txt", page)
    string.join(texts, one) ++ int.to_string(quiet(1))
}
`;

function programOf(app: string, files: Readonly<Record<string, string>>): CheckedFunctions {
  return checkFunctions(
    { name: "app.ax", text: app },
    {
      resolve: (specifier, from) => {
        const text = files[specifier];
        return text === undefined ? resolveShipped(specifier, from) : { name: specifier.replace("./", ""), text };
      },
    },
  );
}
const programDiff = (edit: (app: string) => string, lib = LIB, more: Readonly<Record<string, string>> = {}): readonly Changed[] =>
  changesBetween(programOf(APP, { "./lib.ax": LIB }), programOf(edit(APP), { "./lib.ax": lib, ...more }));
const changesBetween = (before: CheckedFunctions, after: CheckedFunctions): readonly Changed[] =>
  programChanges(before, after, BUILTIN_REGISTRY).map((change) => ({ ...change, text: programChangeText(change) }));
/** Returns a function that replaces texts of the program `APP`. Each text must occur in it. */
const edit =
  (...pairs: readonly (readonly [from: string, to: string])[]) =>
  (app: string): string =>
    pairs.reduce((text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`no ${from}`);
      return text.replace(from, () => to);
    }, app);
/** The effect row of `main` in `APP`, and the same row with more capabilities. */
const ROW = "!{fs.read, net.fetch, fs.write, actor.spawn} {";
/** Puts a statement at the start of `main`, which may also use other capabilities. */
const statement = (code: string, row = "fs.read, net.fetch, fs.write, actor.spawn") => edit([ROW, `!{${row}} {\n    ${code}`]);
const MORE = "fs.read, net.fetch, fs.write, actor.spawn, random, time.now, llm.call, db.query, actor.send, ui.render";

/** Edits of the program that make it do more, and the changes that say so. Places are left out. */
const PLANTED_IN_PROGRAMS: readonly (readonly [name: string, edit: (app: string) => string, changes: readonly string[]])[] = [
  ["another host", edit(["https://a.example/items/", "https://b.example/items/"]), ['net.fetch: url can be "https://b.example/items/…"']],
  ["a shorter beginning", edit(["https://a.example/items/", "https://a.example/"]), ['net.fetch: url can be "https://a.example/…"']],
  ["an unknown URL", edit(['"https://a.example/items/" ++ who', "who"]), ["net.fetch: url can be anything"]],
  ["another method", edit(['items/" ++ who', 'items/" ++ who, "POST"']), ['net.fetch: method can be "POST"']],
  ["another path", edit(["notes/index", "secrets/index"]), ['fs.read: path can be "secrets/index"']],
  ["a path widened", edit(['"notes/" ++ name', "name"]), ["fs.read: path can be anything"]],
  ["another file written", edit(["out/page.txt", "out/other.txt"]), ['fs.write: path can be "out/other.txt"']],
  ["another way of writing", edit(['"out/page.txt", page', '"out/page.txt", page, "append"']), ['fs.write: how can be "append"']],
  [
    "a call moved into a loop over a list",
    edit(['let _ = fs.write("out/page.txt", page)', 'for _ in names { let _ = fs.write("out/page.txt", page) }']),
    ["fs.write: from 1 to any number of calls in a run"],
  ],
  [
    "a call moved into a counted loop",
    edit(['let _ = fs.write("out/page.txt", page)', 'for _ in 0..3 { let _ = fs.write("out/page.txt", page) }']),
    ["fs.write: from 1 to 3 calls in a run"],
  ],
  [
    "a call moved into a while",
    edit(['let _ = fs.write("out/page.txt", page)', 'while page == "" { let _ = fs.write("out/page.txt", page) }']),
    ["fs.write: from 1 to any number of calls in a run"],
  ],
  [
    "a call moved into a function value",
    edit(['let _ = fs.write("out/page.txt", page)', 'let _ = list.map([1, 2], fn(_) { fs.write("out/page.txt", page) })']),
    ["fs.write: from 1 to 2 calls in a run"],
  ],
  [
    "a second call",
    edit(['let _ = fs.write("out/page.txt", page)', 'let _ = fs.write("out/page.txt", page)\n    let _ = fs.write("out/page.txt", "")']),
    ["fs.write: from 1 to 2 calls in a run"],
  ],
  [
    "a second actor",
    statement("let _ = spawn worker"),
    ["actor.spawn: from 1 to 2 calls in a run", "net.fetch: from 2 to 3 calls in a run"],
  ],
  [
    "actors in a loop",
    edit(["let _ = spawn worker", "for _ in names { let _ = spawn worker }"]),
    ["actor.spawn: from 1 to any number of calls in a run", "net.fetch: from 2 to any number of calls in a run"],
  ],
  ["an effect reached through an import", edit(["int.to_string(quiet(1))", "loud(who)"]), ["fs.read: called in lib.ax"]],
  [
    "an effect in an actor",
    edit(
      ["{ let _ = net.fetch", '{ let _ = fs.read("notes/a")\n    let _ = net.fetch'],
      ["Unit !{net.fetch}", "Unit !{net.fetch, fs.read}"],
    ),
    ["fs.read: called in the program's own file, by an actor"],
  ],
  ["a new capability", statement("let _ = random()", MORE), ["random: the program can now call it"]],
  ["a function that was never called", statement("let _ = idle()", MORE), ["random: the program can now call it"]],
  [
    "a new capability in an actor",
    edit(
      ["{ let _ = net.fetch", "{ let _ = time.now()\n    let _ = net.fetch"],
      ["Unit !{net.fetch}", "Unit !{net.fetch, time.now}"],
      [ROW, `!{${MORE}} {`],
    ),
    ["time.now: the program can now call it"],
  ],
  ["a new capability in a branch", statement("let _ = par { time.now(), 1 }", MORE), ["time.now: the program can now call it"]],
  [
    "a capability as a value",
    statement('let _ = list.map(["notes/z"], fs.read)\n    let _ = list.map([who], fs.read)'),
    ["fs.read: path can be anything"],
  ],
  ["a capability behind an alias", statement("let f = fs.read\n    let _ = f(who)"), ["fs.read: path can be anything"]],
  [
    "a capability in a record",
    (app) =>
      `type Job { run: Fn(String) -> String !{fs.read} }\n${statement("let job = Job { run: fs.read }\n    let _ = (job.run)(who)")(app)}`.replace(
        /^(type.*\n)(import.*\n)/,
        "$2$1",
      ),
    ["fs.read: path can be anything"],
  ],
  ["a model", statement('let _ = llm.call("p", "big")', MORE), ["llm.call: the program can now call it"]],
  ["a statement", statement('let _ = db.query("drop table t")', MORE), ["db.query: the program can now call it"]],
  [
    "a call under try",
    statement('let _ = try fs.write("out/try", "")'),
    ["fs.write: from 1 to 2 calls in a run", 'fs.write: path can be "out/try"'],
  ],
  ["output", statement("emit 1", MORE), ["ui.render: the program can now call it"]],
  [
    "a recursive function",
    (app) =>
      `${statement("again(3)")(app)}fn again(n: Int) -> Unit !{fs.write} { if n > 0 { let _ = fs.write("out/page.txt", "")\n again(n - 1) } }\n`,
    ["fs.write: from 1 to any number of calls in a run"],
  ],
  [
    "a local function",
    statement('fn inner(p: String) -> String !{fs.read} { fs.read(p) }\n    let _ = inner("x")'),
    ['fs.read: path can be "x"'],
  ],
  [
    "a longer constant list",
    statement('for u in ["https://a.example/ping", "https://c.example/"] { let _ = net.fetch(u) }'),
    ["net.fetch: from 2 to 4 calls in a run", 'net.fetch: url can be "https://c.example/"'],
  ],
];

const withoutPlaces = (lines: readonly string[]): readonly string[] =>
  lines.map((line) => line.replace(/^grows: /, "").replace(/: main → .*$/, ""));

test.each(PLANTED_IN_PROGRAMS)("a program that does more: %s", (_, change, changes) => {
  expect(withoutPlaces(changesToReview(programDiff(change)))).toEqual(changes);
});

test("reports a new effect in an imported file that was pure, and one in a new import", () => {
  const lib = LIB.replace("quiet(n: Int) -> Int {", "quiet(n: Int) -> Int !{random} { let _ = random()\n");
  expect(changesToReview(programDiff(edit([ROW, `!{${MORE}} {`]), lib))).toEqual([
    "grows: random: the program can now call it: main → quiet (app.ax:12:46) → lib.ax:1:52",
  ]);
  const more = { "./more.ax": 'export fn more() -> String !{fs.read} { fs.read("notes/b") }' };
  const change = edit(['import "./lib.ax"', 'import "./lib.ax"\nimport "./more.ax"'], ["let texts", "let _ = more()\n    let texts"]);
  expect(withoutPlaces(changesToReview(programDiff(change, LIB, more)))).toEqual(["fs.read: called in more.ax"]);
});

/** Edits that change nothing that the program may do, or let it do less. */
const HARMLESS_IN_PROGRAMS: readonly (readonly [name: string, edit: (app: string) => string])[] = [
  ["nothing", (app) => app],
  ["a comment", (app) => app.replaceAll("\nfn", "\n// A comment.\nfn")],
  ["the layout", (app) => app.replaceAll("    ", "        ").replaceAll("\n", "\n\n")],
  ["names of functions", (app) => app.replaceAll("load", "read_note").replaceAll("worker", "pinger").replaceAll("all(", "every(")],
  ["names of variables", (app) => app.replaceAll("texts", "notes_read").replaceAll("page", "the_page").replace("the_page.txt", "page.txt")],
  ["the order of functions", (app) => app.replace(/(fn load.*\n)(fn worker.*\n)/, "$2$1")],
  ["a pure function", (app) => `${app}fn pure(n: Int) -> Int { n * 2 }\n`],
  ["a pure function that is used", (app) => `${statement("let _ = pure(2)")(app)}fn pure(n: Int) -> Int { n * 2 }\n`],
  ["a function with effects that is never called", (app) => `${app}fn other() -> String !{fs.read} { fs.read("/etc/passwd") }\n`],
  ["a function value that is never made", (app) => `${app}fn other() -> Fn() -> String !{fs.read} { fn() { fs.read("/etc/passwd") } }\n`],
  ["a wider row", edit([ROW, `!{${MORE}} {`])],
  ["a test with effects", (app) => `${app}test "reads" { let _ = fs.read("/etc/passwd") }\n`],
  ["a text in two parts", edit(['"notes/index"', '"notes/" ++ "index"'])],
  ["a text in a variable", edit(['fs.read("notes/index")', '{ let path = "notes/index"\n fs.read(path) }'])],
  [
    "a text as an argument",
    (app) =>
      `${edit(['fs.read("notes/index")', 'index("notes/index")'])(app)}fn index(path: String) -> String !{fs.read} { fs.read(path) }\n`,
  ],
  ["a text with a hole", edit(['"notes/" ++ name', 'f"notes/{name}"'])],
  [
    "a call in a function of its own",
    (app) =>
      `${edit(['fs.write("out/page.txt", page)', "save(page)"])(app)}fn save(page: String) -> Bool !{fs.write} { fs.write("out/page.txt", page) }\n`,
  ],
  [
    "a call in a local function",
    edit([
      'let _ = fs.write("out/page.txt", page)',
      'fn save() -> Bool !{fs.write} { fs.write("out/page.txt", page) }\n    let _ = save()',
    ]),
  ],
  [
    "a call in a lambda that is called once",
    edit(['let _ = fs.write("out/page.txt", page)', 'let save = fn() { fs.write("out/page.txt", page) }\n    let _ = save()']),
  ],
  ["a call in a list of one", edit(['let _ = fs.write("out/page.txt", page)', 'for p in ["out/page.txt"] { let _ = fs.write(p, page) }'])],
  [
    "a loop in place of a builtin",
    edit(["{ list.map(names, load) }", "{ let mut out = []\n for n in names { out = list.push(out, load(n)) }\n out }"]),
  ],
  ["a pipe", edit(["list.map(names, load)", "names |> list.map(load)"])],
  ["par.map in place of list.map", edit(["list.map(names, load)", "par.map(names, load)"])],
  ["a branch", edit(['let _ = fs.write("out/page.txt", page)', 'if who == "" { let _ = fs.write("out/page.txt", page) }'])],
  [
    "one call in each branch",
    edit([
      'let _ = fs.write("out/page.txt", page)',
      'if who == "" { let _ = fs.write("out/page.txt", page) } else { let _ = fs.write("out/page.txt", "") }',
    ]),
  ],
  [
    "one call in each arm",
    edit([
      'let _ = fs.write("out/page.txt", page)',
      'match who { "" => { let _ = fs.write("out/page.txt", page) }, _ => { let _ = fs.write("out/page.txt", "") } }',
    ]),
  ],
  [
    "a call under try",
    edit([
      'let page = net.fetch("https://a.example/items/" ++ who)',
      'let page = result.unwrap_or(try net.fetch("https://a.example/items/" ++ who), "")',
    ]),
  ],
  ["another content", edit(['"out/page.txt", page', '"out/page.txt", page ++ who'])],
  ["a longer beginning", edit(["https://a.example/items/", "https://a.example/items/new/"])],
  ["one call less", edit(['let _ = fs.write("out/page.txt", page)', ""])],
  ["no actor", edit(["let _ = spawn worker", ""])],
  ["an early return", statement('if who == "" { return "" }')],
  ["a contract", edit(["String !{fs.read} { fs.read(", 'String !{fs.read} requires name != "" { fs.read('])],
  ["a default that is written out", edit(['items/" ++ who', 'items/" ++ who, "GET"'])],
  ["a loop over nothing", statement("for p in [] { let _ = fs.read(p) }")],
];

test.each(HARMLESS_IN_PROGRAMS)("a program that does no more: %s", (_, change) => {
  expect(changesToReview(programDiff(change))).toEqual([]);
});

test("a call that moves to another file is reported as a move", () => {
  const lib = `${LIB}export fn save(page: String) -> Bool !{fs.write} { fs.write("out/page.txt", page) }\n`;
  expect(
    shownChanges(programDiff(edit(['fs.write("out/page.txt", page)', "save(page)"]), lib)).map((line) => line.replace(/: main → .*$/, "")),
  ).toEqual(["moves: fs.write: called in lib.ax", "moves: fs.write: no longer called in the program's own file"]);
});

/** Programs before and after a change, in one file each, with the lines that need a review. Paths are left out. */
const REVIEWED: readonly (readonly [name: string, before: string, after: string, lines: readonly string[]])[] = [
  [
    "a URL in a record of a library",
    'import "std-http"\nfn main() -> Unit !{net.fetch} { let _ = fetch(get_request("https://a.example/x")) }',
    'import "std-http"\nfn main() -> Unit !{net.fetch} { let _ = fetch(get_request("https://b.example/x")) }',
    ['grows: net.fetch: url can be "https://b.example/x"'],
  ],
  [
    "a second request through a library",
    'import "std-http"\nfn main(j: Json) -> Unit !{net.fetch} { let _ = fetch(post_json("https://a.example/x", j)) }',
    'import "std-http"\nfn main(j: Json) -> Unit !{net.fetch} { let _ = fetch(post_json("https://a.example/x", j))\n let _ = fetch(post_json("https://b.example/x", j)) }',
    ["grows: net.fetch: from 1 to 2 calls in a run", 'grows: net.fetch: url can be "https://b.example/x"'],
  ],
  [
    "a model in a record of a library",
    'import "std-llm"\nfn main() -> Unit !{llm.call} { let _ = ask(with_model(user_prompt("hi"), "small")) }',
    'import "std-llm"\nfn main() -> Unit !{llm.call} { let _ = ask(with_model(user_prompt("hi"), "large")) }',
    ['grows: llm.call: model can be "large"'],
  ],
  [
    "a GET that becomes a POST, while another host gets one",
    'fn main() -> Unit !{net.fetch} { let _ = net.fetch("https://a.example/")\n let _ = net.fetch("https://b.example/", "POST") }',
    'fn main() -> Unit !{net.fetch} { let _ = net.fetch("https://a.example/", "POST")\n let _ = net.fetch("https://b.example/", "POST") }',
    ['grows: net.fetch: url can be "https://a.example/" with method "POST"'],
  ],
  [
    "the same through a library",
    'import "std-http"\nfn main(j: Json) -> Unit !{net.fetch} { let _ = fetch(get_request("https://a.example/"))\n let _ = fetch(post_json("https://b.example/", j)) }',
    'import "std-http"\nfn main(j: Json) -> Unit !{net.fetch} { let _ = fetch(post_json("https://a.example/", j))\n let _ = fetch(post_json("https://b.example/", j)) }',
    ['grows: net.fetch: url can be "https://a.example/" with method "POST"'],
  ],
  [
    "a secret in a header",
    'fn main() -> Unit !{net.fetch} { let _ = net.fetch("https://a.example/") }',
    'fn main() -> Unit !{net.fetch} { let _ = net.fetch("https://a.example/", "GET", "", { "X-Client": "Bearer {{secret:BOARD}}" }) }',
    ["grows: net.fetch: can send secret BOARD to a.example"],
  ],
  [
    "a secret to another host, in a header that a library sets",
    'import "std-http"\nfn auth(r: Request) -> Request { with_header(r, "Authorization", "{{secret:KEY}}") }\nfn main() -> Unit !{net.fetch} { let _ = fetch(auth(get_request("https://a.example/")))\n let _ = fetch(get_request("https://b.example/")) }',
    'import "std-http"\nfn auth(r: Request) -> Request { with_header(r, "Authorization", "{{secret:KEY}}") }\nfn main() -> Unit !{net.fetch} { let _ = fetch(auth(get_request("https://a.example/")))\n let _ = fetch(auth(get_request("https://b.example/"))) }',
    ["grows: net.fetch: can send secret KEY to b.example"],
  ],
  [
    "a secret of which only the beginning is known",
    'fn main(s: String) -> Unit !{net.fetch} { let _ = net.fetch("https://a.example/", "GET", "", { "X": "a" }) }',
    'fn main(s: String) -> Unit !{net.fetch} { let _ = net.fetch("https://a.example/", "GET", "", { "X": "{{secret:" ++ s }) }',
    ["grows: net.fetch: can send a secret whose name is not known before the run to a.example"],
  ],
  [
    "an unknown URL that is made in another way",
    "fn main(s: String) -> Unit !{net.fetch} { let _ = net.fetch(string.trim(s)) }",
    'fn main(s: String) -> Unit !{net.fetch} { let _ = net.fetch("https://b.example/" ++ string.trim(s)) }',
    ['cannot_tell: net.fetch: url can be "https://b.example/…" with method "GET", but a call could already have anything there'],
  ],
  [
    "an unknown URL from a function that has changed",
    "fn pick(s: String) -> String { string.trim(s) }\nfn main(s: String) -> Unit !{net.fetch} { let _ = net.fetch(pick(s)) }",
    "fn pick(s: String) -> String { string.to_lower(s) }\nfn main(s: String) -> Unit !{net.fetch} { let _ = net.fetch(pick(s)) }",
    ["cannot_tell: net.fetch: url was already anything, and the code that makes it has changed"],
  ],
  [
    "a check of an unknown URL that is gone",
    'fn get(s: String) -> Unit !{net.fetch} { if string.starts_with(s, "https://a.example/") { let _ = net.fetch(s) } }\nfn main(s: String) -> Unit !{net.fetch} { get(s) }',
    "fn get(s: String) -> Unit !{net.fetch} { let _ = net.fetch(s) }\nfn main(s: String) -> Unit !{net.fetch} { get(s) }",
    ["cannot_tell: net.fetch: url was already anything, and the code that makes it has changed"],
  ],
  [
    "an unknown URL from JSON that is converted to another type",
    "type Page { url: String }\ntype Other { url: String, n: Int }\nfn main(j: Json) -> Unit !{net.fetch} { let page: Result<Page, String> = json.to(j)\n match page { Ok(p) => { let _ = net.fetch(p.url) } Err(_) => {} } }",
    "type Page { url: String }\ntype Other { url: String, n: Int }\nfn main(j: Json) -> Unit !{net.fetch} { let page: Result<Other, String> = json.to(j)\n match page { Ok(p) => { let _ = net.fetch(p.url) } Err(_) => {} } }",
    ["cannot_tell: net.fetch: url was already anything, and the code that makes it has changed"],
  ],
  [
    "an unknown URL from JSON that is converted to a type with a field of another type",
    "type Page { url: String, n: Int }\nfn main(j: Json) -> Unit !{net.fetch} { let page: Result<Page, String> = json.to(j)\n match page { Ok(p) => { let _ = net.fetch(p.url) } Err(_) => {} } }",
    "type Page { url: String, n: String }\nfn main(j: Json) -> Unit !{net.fetch} { let page: Result<Page, String> = json.to(j)\n match page { Ok(p) => { let _ = net.fetch(p.url) } Err(_) => {} } }",
    ["cannot_tell: net.fetch: url was already anything, and the code that makes it has changed"],
  ],
  [
    "hosts in a list that is too long",
    `fn main() -> Unit !{net.fetch} { for h in [${Array.from({ length: 70 }, (_, i) => `"h${i}"`).join(", ")}] { let _ = net.fetch(f"https://{h}.example/") } }`,
    `fn main() -> Unit !{net.fetch} { for h in [${Array.from({ length: 70 }, (_, i) => `"h${i}"`).join(", ")}] { let _ = net.fetch(f"https://{h}.evil.example/") } }`,
    ["cannot_tell: net.fetch: url was already anything, and the code that makes it has changed"],
  ],
  [
    "hosts in a list",
    `fn main() -> Unit !{net.fetch} { for h in [${Array.from({ length: 17 }, (_, i) => `"h${i}"`).join(", ")}] { let _ = net.fetch(f"https://{h}.example/") } }`,
    `fn main() -> Unit !{net.fetch} { for h in [${Array.from({ length: 16 }, (_, i) => `"h${i}"`).join(", ")}, "evil"] { let _ = net.fetch(f"https://{h}.example/") } }`,
    ['grows: net.fetch: url can be "https://evil.example/"'],
  ],
  [
    "an unknown URL that another function checks no more",
    'fn only_a(s: String) -> Unit { if !string.starts_with(s, "https://a.example/") { panic("no") } }\nfn main(s: String) -> Unit !{net.fetch} { only_a(s)\n let _ = net.fetch(s) }',
    'fn only_a(s: String) -> Unit { if s == "" { panic("no") } }\nfn main(s: String) -> Unit !{net.fetch} { only_a(s)\n let _ = net.fetch(s) }',
    ["cannot_tell: net.fetch: url was already anything, and the code that makes it has changed"],
  ],
  [
    "an unknown URL, while only the layout and code that does not lead to it have changed",
    'fn page() -> Unit !{net.fetch, fs.read} { let _ = net.fetch(fs.read("url.txt")) }\nfn main(s: String) -> Unit !{net.fetch, fs.read} { page() }',
    'fn page() -> Unit !{net.fetch, fs.read} {\n // Another layout.\n let _ = net.fetch(\n fs.read("url.txt")) }\nfn main(text: String) -> Unit !{net.fetch, fs.read} { debug(text)\n page() }',
    [],
  ],
  [
    "an unknown URL in a function with another name, while other code has changed",
    "fn get(s: String) -> Unit !{net.fetch} { let _ = net.fetch(s) }\nfn idle(n: Int) -> Int { n }\nfn main(s: String) -> Unit !{net.fetch} { get(s) }",
    "fn main(s: String) -> Unit !{net.fetch} { load(s) }\nfn load(s: String) -> Unit !{net.fetch} { let _ = net.fetch(s) }\nfn idle(n: Int) -> Int { n + 1 }",
    [],
  ],
];

test.each(REVIEWED)("compares %s", (_, before, after, lines) => {
  const changes = changesBetween(programOf(before, {}), programOf(after, {}));
  expect(changesToReview(changes).map((line) => line.replace(/: main → .*$/, ""))).toEqual(lines);
  expect(changesBetween(programOf(before, {}), programOf(before, {}))).toEqual([]);
});

test("a change names the call that is new, also as data", () => {
  const before = 'fn main(s: String) -> Unit !{net.fetch} { let _ = net.fetch("https://a.example/" ++ s) }';
  const after =
    'fn more(s: String) -> Unit !{net.fetch} { let _ = net.fetch("https://a.example/b") }\nfn main(s: String) -> Unit !{net.fetch} {\n let _ = net.fetch("https://a.example/" ++ s)\n more(s)\n}';
  const changes = programChanges(programOf(before, {}), programOf(after, {}), BUILTIN_REGISTRY);
  expect(changes.map(programChangeText)).toEqual(["from 1 to 2 calls in a run: main → more (app.ax:4:2) → app.ax:1:51"]);
  expect(jsonToJs(programChangesJson(changes))).toEqual([
    {
      direction: "grows",
      path: "net.fetch",
      text: "from 1 to 2 calls in a run",
      location: { file: "app.ax", line: 1, column: 51 },
      steps: [
        { function: "main", by: "main", place: { file: "app.ax", line: 2, column: 4 } },
        { function: "more", by: "call", place: { file: "app.ax", line: 4, column: 2 } },
      ],
      omitted: 0,
    },
  ]);
});

/** Changes one text or number of a program, if possible one of `preferred`. */
function edited(source: string, preferred: readonly string[], at: number, text: string): string {
  const all = [...source.matchAll(/"[a-z:/.@]*"|\b[0-9]+\b/g)];
  const some = all.filter(([literal]) => preferred.some((each) => literal === JSON.stringify(each)));
  const literals = some.length > 0 && at % 4 > 0 ? some : all;
  const chosen = literals[at % Math.max(1, literals.length)];
  if (chosen === undefined) return source;
  const next = chosen[0].startsWith('"') ? JSON.stringify(text) : String(text.length);
  return source.slice(0, chosen.index) + next + source.slice(chosen.index + chosen[0].length);
}

test("the comparison reports a change if the changed program makes a call that the old one could not make", async () => {
  await fc.assert(
    fc.asyncProperty(
      arbitraryProgram,
      arbitraryAnswers,
      arbitraryUrls,
      arbitraryPaths,
      fc.array(fc.tuple(fc.nat(), fc.constantFrom("https://b.example/", "notes/b", "/etc", "s", "ms", "")), { minLength: 1, maxLength: 3 }),
      async (generated, given, url, path, edits) => {
        const before = withPlaces(generated, url, path);
        const after = edits.reduce((source, [at, text]) => edited(source, [url, path], at, text), before);
        if (!check({ name: "app.ax", text: after }).ok) return;
        const changes = programChanges(programOf(before, {}), programOf(after, {}), BUILTIN_REGISTRY);
        const old = findEffects(programOf(before, {}), BUILTIN_REGISTRY).calls.filter((call) => call.path !== undefined);
        const targets = ["url", "method", "path", "how", "sql", "model"];
        const beyond: string[] = [];
        await execute(compile({ name: "app.ax", text: after }).module, {
          policy: "allow-all",
          handlers: handlersOf(given),
          tracing: false,
          limits: { max_steps: 100_000 },
          on: {
            callStart: ({ capability, args }) => {
              const isPossible = old.some(
                (call) =>
                  call.capability.name === capability &&
                  call.args.every(({ param, known }, i) => !targets.includes(param) || i >= args.length || couldBe(known, args[i])),
              );
              if (!isPossible) beyond.push(`${capability} ${JSON.stringify(args)}`);
            },
          },
        });
        if (beyond.length > 0) expect({ beyond, review: changes.filter(needsReview).length > 0 }).toMatchObject({ review: true });
      },
    ),
    // Shrinking programs of this size takes hours.
    { numRuns: scaledRuns(500), endOnFailure: true },
  );
});
