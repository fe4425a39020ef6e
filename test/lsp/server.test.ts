import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { applyEdits } from "../../compiler/fix.ts";
import { definitionsAt } from "../../lsp/features.ts";
import { DISK_WORKSPACE } from "../../lsp/disk-workspace.ts";
import { AnalyzedProgram } from "../../lsp/program.ts";
import { renameOf } from "../../lsp/rename.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";
import { scaledRuns, DEEP } from "../cases.ts";
import { Client, positionOf } from "./client.ts";
import { answerProblem, notificationProblem } from "./meta-model.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-lsp-"));
afterAll(() => rmSync(folder, { recursive: true }));
const uriOf = (name: string): string => pathToFileURL(join(folder, name)).href;

const TEXT = `// Adds two points.
fn add(p: Point, q: Point) -> Point { Point { x: p.x + q.x, y: p.y + q.y } }
type Point { x: Int, y: Int }
enum Shape { Dot, Circle(Point, Int), Named { name: String } }

fn area(s: Shape) -> Int {
  match s {
    Dot => 0,
    Circle(c, r) => add(c, c).x * r,
    Named { name } => string.len(name)
  }
}

fn load(path: String) -> String !{fs.read} {
  let page = try fs.read(path)
  match page { Ok(text) => text, Err(_) => "" }
}

fn main() -> Int {
  let p = Point { x: 1, y: 2 }
  let sums = list.map([1, 2], fn(n) { n + p.x })
  area(Shape::Circle(p, list.len(sums)))
}

test "adds" { add(Point { x: 1, y: 1 }, Point { x: 1, y: 1 }) }
`;

const positionIn = (text: string, marked: string, within = 0): { readonly line: number; readonly character: number } =>
  positionOf(text, text.indexOf(marked) + within);

async function withFile<T>(name: string, text: string, use: (client: Client, uri: string) => Promise<T>): Promise<T> {
  const client = new Client();
  await client.start(pathToFileURL(folder).href);
  const uri = uriOf(name);
  await client.open(uri, text);
  const result = await use(client, uri);
  expect(client.problems).toEqual([]);
  client.close();
  return result;
}

describe("the validator", () => {
  test("finds wrong messages", () => {
    expect(answerProblem("textDocument/hover", { contents: { kind: "markdown", value: "x" } })).toBeUndefined();
    expect(answerProblem("textDocument/hover", { contents: { kind: "html", value: "x" } })).toBeDefined();
    expect(answerProblem("textDocument/hover", { contents: "x", more: 1 })).toContain("unknown property");
    expect(answerProblem("textDocument/rename", { changes: { "file:///a": [{ range: {}, newText: "" }] } })).toBeDefined();
    expect(notificationProblem("textDocument/publishDiagnostics", { uri: "file:///a", diagnostics: [{ message: "x" }] })).toBeDefined();
  });
});

describe("answers", () => {
  const ask = (method: string, marked: string, within = 0, more: object = {}): Promise<unknown> =>
    withFile("main.ax", TEXT, (client, uri) =>
      client.request(method, { textDocument: { uri }, position: positionIn(TEXT, marked, within), ...more }),
    );

  test.each([
    ["a function", "add(c", 0, ["fn add(p: Point, q: Point) -> Point", "Adds two points."]],
    ["a binding", "sums)", 0, ["sums: List<Int>"]],
    ["a builtin, with its cost", "list.map", 6, ["list.map(List<", "Steps:"]],
    ["a capability, with its effect", "fs.read(path)", 4, ["!{fs.read}"]],
    ["a type", "Point, q", 0, ["type Point { x: Int, y: Int }"]],
    ["a field", "x + q", 0, ["Point.x: Int"]],
    ["a variant", "Circle(c", 0, ["Shape::Circle(Point, Int)"]],
  ])("hover: %s", async (_, marked, within, parts) => {
    const text = JSON.stringify(await ask("textDocument/hover", marked, within));
    for (const part of parts) expect(text).toContain(part);
  });

  test.each([
    ["a function", "add(c", "fn add("],
    ["a type", "Point, q", "type Point"],
    ["a binding", "sums)", "let sums"],
    ["a variant", "Circle(c", "Circle(Point"],
    ["a field", "y + q.y", "y: Int"],
  ])("definition: %s", async (_, marked, declared) => {
    const answer = JSON.stringify(await ask("textDocument/definition", marked));
    const start = positionIn(
      TEXT,
      declared,
      declared.startsWith("fn ") ? 3 : declared.startsWith("type ") ? 5 : declared.startsWith("let ") ? 4 : 0,
    );
    expect(answer).toContain(JSON.stringify({ start }).slice(1, -1));
  });

  test("completion after an incomplete access", async () => {
    const text = TEXT.replace("area(Shape::Circle(p, list.len(sums)))", "p.");
    const labels = await withFile("main.ax", text, (client, uri) =>
      client.request("textDocument/completion", { textDocument: { uri }, position: positionIn(text, "  p.\n", 4) }),
    );
    expect(labels).toMatchObject([{ label: "x", detail: "Point.x: Int" }, { label: "y" }]);
  });

  test("completion after an access inside an open call", async () => {
    const text = TEXT.replace("area(Shape::Circle(p, list.len(sums)))", "area(p.");
    const labels = await withFile("main.ax", text, (client, uri) =>
      client.request("textDocument/completion", { textDocument: { uri }, position: positionIn(text, "area(p.\n", 7) }),
    );
    expect(labels).toMatchObject([{ label: "x" }, { label: "y" }]);
  });

  test.each([
    ["names in scope", "area(Shape", 0, ["p", "sums", "add", "Point", "list", "let"]],
    ["builtins of a module", "list.map", 5, ["map", "len", "push"]],
    ["capabilities", "fs.read(path)", 3, ["read", "write"]],
    ["variants", "Shape::Circle", 7, ["Dot", "Circle", "Named"]],
  ])("completion: %s", async (_, marked, within, expected) => {
    const answer = await ask("textDocument/completion", marked, within);
    const labels = Array.isArray(answer) ? answer.map((item: { readonly label: string }) => item.label) : [];
    for (const label of expected) expect(labels).toContain(label);
  });

  test("signature help", async () => {
    expect(await ask("textDocument/signatureHelp", "add(c, c)", 7)).toMatchObject({
      activeParameter: 1,
      signatures: [{ label: "fn add(p: Point, q: Point) -> Point" }],
    });
    expect(await ask("textDocument/signatureHelp", "list.map([", 9)).toMatchObject({ activeParameter: 0 });
    expect(await ask("textDocument/signatureHelp", "fs.read(path)", 8)).toMatchObject({ activeParameter: 0 });
  });

  test("references", async () => {
    const answer = await ask("textDocument/references", "Point { x: Int", 0, { context: { includeDeclaration: true } });
    expect(answer).toHaveLength(9);
    expect(await ask("textDocument/references", "Point { x: Int", 0, { context: { includeDeclaration: false } })).toHaveLength(8);
  });

  test("what can be renamed: a name of the program, and nothing else", async () => {
    const start = positionIn(TEXT, "area(Shape");
    expect(await ask("textDocument/prepareRename", "area(Shape", 1)).toEqual({ start, end: { ...start, character: start.character + 4 } });
    expect(await ask("textDocument/prepareRename", "list.map", 6)).toBeNull();
  });

  test("rename, and refused names", async () => {
    const renamed = await ask("textDocument/rename", "name } =>", 0, { newName: "title" });
    expect(JSON.stringify(renamed)).toContain("name: title");
    await expect(ask("textDocument/rename", "name } =>", 0, { newName: "match" })).rejects.toThrow("keyword");
    await expect(ask("textDocument/rename", "add(c", 0, { newName: "area" })).rejects.toThrow("means something else");
    await expect(ask("textDocument/rename", "p = Point", 0, { newName: "sums" })).rejects.toThrow("means something else");
    await expect(ask("textDocument/rename", "main()", 0, { newName: "start" })).rejects.toThrow("cannot be renamed");
  });

  test("symbols, hints, tokens, lenses, formatting and fixes", async () => {
    await withFile("main.ax", TEXT.replace("  let p =", "  let  p ="), async (client, uri) => {
      const file = { textDocument: { uri } };
      const whole = { start: { line: 0, character: 0 }, end: { line: 99, character: 0 } };
      expect(await client.request("textDocument/documentSymbol", file)).toMatchObject([
        { name: "add" },
        { name: "Point" },
        { name: "Shape" },
        { name: "area" },
        { name: "load" },
        { name: "main" },
        { name: "adds" },
      ]);
      expect(JSON.stringify(await client.request("textDocument/inlayHint", { ...file, range: whole }))).toContain(": List<Int>");
      expect(JSON.stringify(await client.request("textDocument/semanticTokens/full", file)).length).toBeGreaterThan(300);
      expect(await client.request("textDocument/codeLens", file)).toMatchObject([
        { command: { command: "boruna.run" } },
        { command: { command: "boruna.test" } },
      ]);
      expect(
        JSON.stringify(await client.request("textDocument/formatting", { ...file, options: { tabSize: 2, insertSpaces: true } })),
      ).toContain("let p =");
    });
    const wrong = 'fn f() -> Int { lenght("a") }\nfn length(s: String) -> Int { 1 }\n';
    const actions = await withFile("wrong.ax", wrong, (client, uri) =>
      client.request("textDocument/codeAction", {
        textDocument: { uri },
        range: { start: positionIn(wrong, "lenght"), end: positionIn(wrong, "lenght") },
        context: { diagnostics: [] },
      }),
    );
    expect(JSON.stringify(actions)).toContain('"newText":"length"');
  });

  test("several files: an imported file that is open, and a file of the workspace that is not", async () => {
    writeFileSync(join(folder, "lib.ax"), "export fn old() -> Int { 1 }\n");
    writeFileSync(join(folder, "other.ax"), 'import "./lib.ax"\nfn main() -> Int { old() + 1 }\n');
    const main = 'import "./lib.ax"\nfn main() -> Int { old() }\n';
    writeFileSync(join(folder, "uses.ax"), main);
    await withFile("uses.ax", main, async (client, uri) => {
      const lib = 'export fn old() -> String { "" }\n';
      const checked = client.diagnostics(uri, 1);
      await client.open(uriOf("lib.ax"), lib);
      expect((await checked).diagnostics).toMatchObject([{ code: "E009" }]);
      const edit = await client.request("textDocument/rename", {
        textDocument: { uri },
        position: positionIn(main, "old()"),
        newName: "fresh",
      });
      expect(Object.keys(Object(Object(edit).changes)).toSorted()).toEqual([uriOf("lib.ax"), uriOf("other.ax"), uriOf("uses.ax")]);
    });
  });
});

test("a program typed character by character: no crash, no stale diagnostic, canceled requests", async () => {
  const client = new Client();
  await client.start();
  const uri = "untitled:typed.ax";
  // `npm test` types the last third.
  let typed = DEEP ? "" : TEXT.slice(0, Math.floor((2 * TEXT.length) / 3));
  await client.open(uri, typed);
  let refused = 0;
  for (const [i, character] of Array.from(TEXT.slice(typed.length)).entries()) {
    const position = positionOf(typed, typed.length);
    typed += character;
    const version = i + 2;
    const published = client.diagnostics(uri, version);
    await client.change(uri, version, position, position, character);
    const here = { textDocument: { uri }, position: positionOf(typed, typed.length) };
    if (i % 7 === 0)
      refused += (await client.canceled("textDocument/references", { ...here, context: { includeDeclaration: true } })) ? 1 : 0;
    if (i % 3 === 0) await client.request("textDocument/completion", here);
    if (i % 11 === 0)
      for (const method of [
        "textDocument/hover",
        "textDocument/signatureHelp",
        "textDocument/documentSymbol",
        "textDocument/semanticTokens/full",
      ])
        await client.request(method, here);
    const { diagnostics } = await published;
    const expected = check({ name: "x", text: typed }).diagnostics;
    expect(diagnostics.map(({ code }) => code)).toEqual(expected.map(({ code }) => code));
  }
  expect(client.published.at(-1)?.diagnostics).toEqual([]);
  const versions = client.published.map(({ version }) => version ?? 0);
  expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  expect(refused).toBeGreaterThan(0);
  expect(client.problems).toEqual([]);
  client.close();
});

const examples = ["examples", "std", "test/language"].flatMap((name) =>
  readdirSync(name, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ax"))
    .map((file) => readFileSync(join(name, file), "utf8")),
);
const errorsOf = (program: AnalyzedProgram): readonly string[] =>
  program.diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message);
const source = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...examples.filter((text) => text.length < 8_000)) },
  { weight: 1, arbitrary: arbitraryProgram },
);

function opened(text: string): AnalyzedProgram {
  const program = new AnalyzedProgram("untitled:x.ax", DISK_WORKSPACE);
  program.update(text, () => undefined);
  return program;
}

test("after a rename the program still compiles", () => {
  fc.assert(
    fc.property(source, fc.nat(), fc.constantFrom("fresh", "x", "list", "Fresh", "text", "main", "len"), (text, pick, newName) => {
      const program = opened(text);
      if (errorsOf(program).length > 0) return;
      const names = [...program.names()].filter(({ referent, section }) => program.definitionOf(referent, section) !== undefined);
      const name = names[pick % Math.max(1, names.length)];
      if (name === undefined) return;
      const edits = renameOf([program], program, name.span.start, newName, () => undefined);
      if (typeof edits === "string") return;
      const renamed = opened(applyEdits(text, edits.get(program.path) ?? []));
      expect(errorsOf(renamed)).toEqual([]);
    }),
    { numRuns: scaledRuns(500) },
  );
});

test("a rename of a binding to a name that occurs nowhere is never refused", () => {
  fc.assert(
    fc.property(source, fc.nat(), (text, pick) => {
      const program = opened(text);
      if (errorsOf(program).length > 0) return;
      const names = [...program.names()].filter(
        ({ referent, section }) =>
          referent.kind === "local" &&
          program.definitionOf(referent, section)?.span.start === section.start + referent.local.span.start &&
          text.startsWith(referent.local.name, section.start + referent.local.span.start),
      );
      const name = names[pick % Math.max(1, names.length)];
      if (name === undefined) return;
      const edits = renameOf([program], program, name.span.start, "zz_unused_name", () => undefined);
      expect(
        typeof edits === "string"
          ? `${edits}, for ${name.span.start} to ${name.span.end} ${text.slice(name.span.start, name.span.end)}`
          : "",
      ).toBe("");
      expect(definitionsAt(program, name.span.start).length).toBeGreaterThan(0);
    }),
    { numRuns: scaledRuns(300) },
  );
});

test("a program that compiles still compiles after a fix of a warning", () => {
  const inserted = fc.constantFrom(
    "",
    "let mut n = 1\n n = 2\n",
    "let n = 1\n n = 2\n",
    "list.push([1], 2)\n",
    '"${x}"\n',
    "let unused = 1\n",
    "if true { 1 }\n",
  );
  let fixes = 0;
  fc.assert(
    fc.property(source, fc.nat(), inserted, (text, where, statement) => {
      const bodies = [...text.matchAll(/\{\n/g)].map(({ index }) => index + 2);
      const start = bodies[where % Math.max(1, bodies.length)] ?? 0;
      const edited = text.slice(0, start) + statement + text.slice(start);
      const program = opened(edited);
      if (errorsOf(program).length > 0) return;
      for (const { fixes: proposed, file } of program.diagnostics) {
        for (const { title, edits } of file === program.name ? proposed : []) {
          fixes += 1;
          expect(errorsOf(opened(applyEdits(edited, edits))).map((message) => `${title}: ${message}\n${edited}`)).toEqual([]);
        }
      }
    }),
    {
      numRuns: scaledRuns(1_000),
      examples: [
        ["fn f() -> Int {\n  1\n}\n", 0, "let n = 1\n n = 2\n"],
        ["fn f() -> (Int, Int) {\n  par { {\n 1 }, 2 }\n}\n", 1, "if true { 1 }\n"],
      ],
    },
  );
  expect(fixes).toBeGreaterThan(0);
});

test("after a fix of the only error, there is no error at its place", () => {
  const mistakes: readonly (readonly [string, string])[] = [
    ["list.len(", "list.length("],
    ["list.map(", "list.mapp("],
    [" -> Int", " : Int"],
    ["let ", "const "],
    ["&&", "&"],
    ["==", "==="],
    ["string.len(", "string.size("],
  ];
  let fixes = 0;
  fc.assert(
    fc.property(source, fc.constantFrom(...mistakes), (text, [right, wrong]) => {
      if (!text.includes(right) || errorsOf(opened(text)).length > 0) return;
      const edited = text.replace(right, wrong);
      const program = opened(edited);
      const [error, second] = program.diagnostics.filter(({ severity }) => severity === "error");
      const [fix] = error?.fixes ?? [];
      if (error === undefined || second !== undefined || fix === undefined) return;
      fixes += 1;
      expect(errorsOf(opened(applyEdits(edited, fix.edits))).map((message) => `${fix.title}: ${message}\n${edited}`)).toEqual([]);
    }),
    { numRuns: scaledRuns(1_000), examples: [["fn f() -> Int { list.len([1]) }\n", ["list.len(", "list.length("]]] },
  );
  expect(fixes).toBeGreaterThan(0);
});
