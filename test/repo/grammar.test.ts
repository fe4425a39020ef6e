/** The editors' grammar is up to date and agrees with the lexer on every token. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import fc from "fast-check";
import { createHighlighterCore } from "shiki/core";
import type { Grammar } from "shiki/types";
import { createOnigurumaEngine } from "shiki/engine/oniguruma";
import { beforeAll, describe, expect, test } from "vitest";
import { Diagnostics } from "../../compiler/diagnostics.ts";
import { lex } from "../../compiler/lexer.ts";
import { isKeyword, KEYWORDS, RESERVED_WORDS, PUNCTUATORS, type Token } from "../../compiler/tokens.ts";
import { grammar, GRAMMAR_FILE } from "../../scripts/grammar.ts";
import { BUILTIN_BY_NAME } from "../../vm/builtins/builtin-table.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { VERSION } from "../../vm/version.ts";
import { ROOT } from "./imports.ts";
import { scaledRuns } from "../cases.ts";

const EXTENSION = join(ROOT, "editors", "vscode");

let tokenizeLine: Grammar["tokenizeLine"];

beforeAll(async () => {
  // The regular expression engine of VS Code.
  const engine = await createOnigurumaEngine(import("shiki/wasm"));
  const highlighter = await createHighlighterCore({ engine, langs: [JSON.parse(grammar())], themes: [] });
  const language = highlighter.getLanguage("ax");
  tokenizeLine = language.tokenizeLine.bind(language);
});

/** For each character its scopes, separated by spaces, without the scope of the file. */
function scopesOf(text: string): readonly string[] {
  const scopes = Array.from({ length: text.length }, () => "");
  let state: Parameters<Grammar["tokenizeLine"]>[1] = null;
  let start = 0;
  for (const line of text.split("\n")) {
    const result = tokenizeLine(line.replace(/\r$/, ""), state);
    for (const token of result.tokens) scopes.fill(token.scopes.slice(1).join(" "), start + token.startIndex, start + token.endIndex);
    state = result.ruleStack;
    start += line.length + 1;
  }
  return scopes;
}

/** A pattern that the scopes of a token's characters must match. */
function expected(token: Token, before: Token | undefined, after: Token | undefined): RegExp {
  const field = before?.kind === "." || after?.kind === ":";
  if (isKeyword(token.kind) || token.kind === "reserved") {
    // A keyword can also be the name of a field or a part of a capability; after a newline the grammar cannot see that.
    if (field) return /^(keyword|storage|constant\.language|variable|entity|support|invalid)\.\S+$/;
  }
  if (isKeyword(token.kind)) return /^(keyword|storage|constant\.language)\.\S+$/;
  switch (token.kind) {
    case "reserved":
      if (token.value === "self" && after?.kind === "(") return /^(support\.function\.builtin|invalid\.illegal\.reserved)\.ax$/;
      return /^invalid\.illegal\.reserved\.ax$/;
    case "int":
    case "float":
      return /^constant\.numeric\./;
    case "string":
      return /^string\.quoted\./;
    case "text{":
    case "}text{":
    case "}text":
      return /^(string\.quoted|punctuation\.section\.interpolation)\./;
    case "name":
      return ["answer", "record", "receives"].includes(token.value) ? /./ : /^(variable|entity|support|invalid)\./;
    case "_":
      return /^variable\.language\./;
    case ".":
      return /^(punctuation\.accessor|(support|variable)\.\w+\.capability)\./;
    case "error":
    case "eof":
      return /^/;
    default:
      return /^(keyword\.operator|punctuation|invalid\.illegal\.operator)\./;
  }
}

/** The tokens on which grammar and lexer disagree. */
function disagreements(text: string): readonly string[] {
  const diagnostics = new Diagnostics("main.ax");
  const { tokens, comments } = lex(text, diagnostics);
  const errors = diagnostics.sorted().map(({ span }) => span);
  const good = tokens.filter(
    ({ kind, start, end }) =>
      (kind === "int" || kind === "float" || kind === "string" || kind === "name") &&
      !errors.some((span) => span.start < end && span.end > start),
  );
  const scopes = scopesOf(text);
  const wrong = (start: number, end: number, pattern: RegExp): readonly string[] => {
    // The line ends inside a text block have no scope.
    const inLines = scopes.slice(start, end).filter((_, i) => !/[\r\n]/.test(text.charAt(start + i)));
    const found = [...new Set(inLines)].filter((scope) => !pattern.test(scope));
    return found.length === 0 ? [] : [`${JSON.stringify(text.slice(start, end))} at ${start}: ${found.join(", ") || "no scope"}`];
  };
  return [
    ...tokens.flatMap((token, i) => wrong(token.start, token.end, expected(token, tokens[i - 1], tokens[i + 1]))),
    ...good.flatMap(({ start, end }) => wrong(start, end, /^(?!.*\binvalid\.)/)),
    ...comments.flatMap(({ span }) => wrong(span.start, span.end, /^comment\.line\.double-slash\.ax$/)),
  ];
}

/** The scopes of the pieces of a line, by text; pieces without a scope are left out. */
function pieces(line: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    tokenizeLine(line, null).tokens.map((token) => [line.slice(token.startIndex, token.endIndex).trim(), token.scopes.slice(1).join(" ")]),
  );
}

const programs = readdirSync(ROOT, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ax"))
  .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
  .filter((path) => !/(^|[\\/])(node_modules|dist|\.)[^\\/]*[\\/]/.test(path));

test("the grammar file is up to date (npm run docs)", () => {
  expect(readFileSync(GRAMMAR_FILE, "utf8")).toBe(grammar());
});

test("the extension has all files that it names, and the version in the code", () => {
  const manifest = JSON.parse(readFileSync(join(EXTENSION, "package.json"), "utf8"));
  expect(manifest.version).toBe(VERSION);
  expect(join(EXTENSION, manifest.contributes.grammars[0].path)).toBe(GRAMMAR_FILE);
  const configuration = JSON.parse(readFileSync(join(EXTENSION, manifest.contributes.languages[0].configuration), "utf8"));
  const { increaseIndentPattern, decreaseIndentPattern } = configuration.indentationRules;
  const more = ["fn main() -> Int {", "    let x = f( // why", '    P { a: "}" }, [', "match s {"];
  const same = ["let x = 1", "f(1)", 'let s = "{"', "// a {", 'let s = "\\"{', "x / {}"];
  expect(more.filter((line) => !new RegExp(increaseIndentPattern).test(line))).toEqual([]);
  expect(same.filter((line) => new RegExp(increaseIndentPattern).test(line))).toEqual([]);
  expect(["}", "    })", "  ], 1"].filter((line) => !new RegExp(decreaseIndentPattern).test(line))).toEqual([]);
  expect(dirname(GRAMMAR_FILE)).toBe(join(EXTENSION, "syntaxes"));
});

describe("the grammar and the lexer agree", () => {
  test("there are programs", () => expect(programs.length).toBeGreaterThan(100));

  test.each(programs)("%s", (path) => {
    expect(disagreements(readFileSync(join(ROOT, path), "utf8"))).toEqual([]);
  });

  test("on random sequences of tokens", () => {
    const words = fc.constantFrom<string>(
      ...KEYWORDS,
      ...RESERVED_WORDS,
      "x",
      "Point",
      "list",
      "map",
      "answer",
      "record",
      "net",
      "fetch",
      "_",
      "_a",
      "é",
      "naïve1",
    );
    const numbers = fc.constantFrom("0", "1_000", "1.5", "2.0e-7", "1e5", "1_", "0xFF", "12ab", "3.1_4E+2", "1__0.5", "1.5e", "2.5_");
    const texts = fc.constantFrom(
      '""',
      '"a b"',
      '"\\n\\""',
      '"\\u{41} \\q"',
      '"// {"',
      '"\\u{zz}"',
      '"open',
      '"open\\',
      "'q'",
      "// it's \"\n",
      "//\n",
    );
    const piece = fc.oneof(
      { weight: 3, arbitrary: words },
      { weight: 3, arbitrary: fc.constantFrom<string>(...PUNCTUATORS) },
      numbers,
      texts,
    );
    const row = fc
      .array(fc.tuple(piece, fc.constantFrom("", " ", "\n", "\r\n", "\t")), { maxLength: 40, size: "max" })
      .map((parts) => parts.flat().join(""));
    fc.assert(
      fc.property(row, (text) => {
        expect(disagreements(text)).toEqual([]);
      }),
      { numRuns: scaledRuns(1000) },
    );
  });
});

describe("names in the tables", () => {
  test.each(BUILTIN_REGISTRY.all.map(({ name }) => name))("the row !{%s}", (name) => {
    expect(pieces(`fn f() !{${name}} {}`)[name]).toBe("support.constant.capability.ax");
  });

  test.each([...BUILTIN_BY_NAME.keys()])("the builtin %s", (name) => {
    expect(pieces(`${name}(x)`)[name.split(".").at(-1) ?? ""]).toBe("support.function.builtin.ax");
  });

  test("types in the builtins' signatures", () => {
    const types = new Set([...BUILTIN_BY_NAME.values()].flatMap(({ type }) => type.match(/[A-Z][A-Za-z0-9]+/g) ?? []));
    const scopes = [...types].map((name) => [name, pieces(`let x: ${name} = y`)[name]]);
    expect(scopes.filter(([name, scope]) => scope !== "support.type.ax" && name !== "Entry" && name !== "Pair")).toEqual([]);
  });
});

test("names are classified by context", () => {
  expect(pieces("fn area(s: Shape) -> Float { Shape::Circle(width(s)).r }")).toMatchObject({
    area: "entity.name.function.ax",
    s: "variable.other.ax",
    Shape: "entity.name.type.ax",
    Float: "support.type.ax",
    Circle: "variable.other.enummember.ax",
    width: "entity.name.function.call.ax",
    r: "variable.other.property.ax",
  });
  expect(pieces("try net.fetch(url).type")).toMatchObject({ fetch: "support.function.capability.ax", type: "variable.other.property.ax" });
  expect(pieces("enum light { red }")).toMatchObject({ light: "entity.name.type.ax" });
  expect(pieces("!{mail.send}")).toMatchObject({ "mail.send": "variable.other.capability.ax" });
});

test("`answer` is a keyword only at the start of a statement and before a name", () => {
  const word = "keyword.other.test.ax";
  for (const line of ["    answer net.fetch(url) { url }", 'test "a" { answer random() { 1.0 } }']) expect(pieces(line).answer).toBe(word);
  for (const line of ["answer(1)", "let answer = 1", "for answer in xs {", "{ answer if x => y }"])
    expect(pieces(line).answer).not.toBe(word);
});

test("escapes are valid or invalid as in the lexer", () => {
  const escapes = fc.oneof(
    fc.constantFrom("\\n", "\\t", "\\r", "\\0", '\\"', "\\\\", "\\q", "\\'", "\\x41", "\\u0041", "\\u", "\\u{}", "\\u{1234567}", "\\😀"),
    fc.nat(0x11ffff).map((n) => `\\u{${n.toString(16)}}`),
    fc.integer({ min: 0xd700, max: 0xe100 }).map((n) => `\\u{${n.toString(16).toUpperCase().padStart(6, "0")}}`),
  );
  fc.assert(
    fc.property(escapes, (escape) => {
      const diagnostics = new Diagnostics("main.ax");
      lex(`"${escape}"`, diagnostics);
      const bad = scopesOf(`"${escape}"`).some((scope) => scope.includes("invalid"));
      expect(bad).toBe(diagnostics.hasErrors);
    }),
    { numRuns: scaledRuns(1000) },
  );
});
