import { describe, expect, test } from "vitest";
import { Diagnostics } from "../../compiler/diagnostics.ts";
import { lex } from "../../compiler/lexer.ts";
import { KEYWORDS, RESERVED_WORDS, PUNCTUATORS } from "../../compiler/tokens.ts";

function lexed(text: string): { readonly tokens: readonly string[]; readonly errors: readonly string[] } {
  const diagnostics = new Diagnostics("main.ax");
  const tokens = lex(text, diagnostics).tokens.slice(0, -1);
  return {
    tokens: tokens.map(
      (token) =>
        `${token.isAfterLineBreak ? "⏎" : ""}${token.kind}${token.value === "" || token.value === token.kind ? "" : `:${token.value}`}`,
    ),
    errors: diagnostics.sorted().map((d) => `${d.code} ${d.span.start}-${d.span.end} ${d.message}`),
  };
}

function tokens(text: string): readonly string[] {
  const { tokens, errors } = lexed(text);
  expect(errors).toEqual([]);
  return tokens;
}

describe("words, operators and punctuation", () => {
  test("every keyword, reserved word, operator and punctuation mark is one token", () => {
    expect(tokens(KEYWORDS.join(" "))).toEqual([...KEYWORDS]);
    expect(tokens(RESERVED_WORDS.join(" "))).toEqual(RESERVED_WORDS.map((word) => `reserved:${word}`));
    expect(tokens(PUNCTUATORS.join(" "))).toEqual([...PUNCTUATORS]);
  });

  test("words that begin with a keyword are names", () => {
    expect(tokens("important iffy _x __builtin_a x1 fn_ Fn none")).toEqual(
      ["important", "iffy", "_x", "__builtin_a", "x1", "fn_", "Fn", "none"].map((name) => `name:${name}`),
    );
  });

  test("the longest operator wins", () => {
    expect(tokens("a<=b>>=c=>d...e")).toEqual(["name:a", "<=", "name:b", ">", ">=", "name:c", "=>", "name:d", "..", ".", "name:e"]);
    expect(tokens("x=-1 a- -b")).toEqual(["name:x", "=", "-", "int:1", "name:a", "-", "-", "name:b"]);
  });

  test("a token records a newline before it", () => {
    expect(tokens("a\nb // c\r\nc d\n\n\ne")).toEqual(["name:a", "⏎name:b", "⏎name:c", "name:d", "⏎name:e"]);
  });
});

describe("numbers", () => {
  test("Int and Float", () => {
    expect(tokens("0 007 1_000_000 1.5 1.0e9 1_0.2_5e-1_0 2.5E+3")).toEqual([
      "int:0",
      "int:007",
      "int:1000000",
      "float:1.5",
      "float:1.0e9",
      "float:10.25e-10",
      "float:2.5E+3",
    ]);
    expect(tokens("1.foo xs.0.1 0..9")).toEqual(["int:1", ".", "name:foo", "name:xs", ".", "float:0.1", "int:0", "..", "int:9"]);
  });

  test("malformed numbers", () => {
    expect(lexed("1__0 2_").errors.length).toBe(2);
    expect(lexed("1e9").tokens).toEqual(["float:1e9"]);
    expect(lexed("12abc 1.5e").errors).toEqual(["E001 0-5 `abc` cannot follow a number", "E001 6-10 `e` cannot follow a number"]);
    expect(lexed("0xFF").tokens).toEqual(["int:255"]);
    expect(lexed(`${"9".repeat(400)}.0`).errors).toEqual(["E001 0-402 this Float is too large"]);
  });
});

describe("strings", () => {
  test("escapes", () => {
    expect(tokens('"\\\\ \\" \\n \\t \\r \\0 \\u{e9} \\u{1F600} é 😀"')).toEqual(['string:\\ " \n \t \r \0 é 😀 é 😀']);
    expect(tokens('"" "// no comment"')).toEqual(["string", "string:// no comment"]);
  });

  test("each bad escape is reported and the string continues", () => {
    expect(lexed('"\\q \\u12 \\u{} \\u{d800} \\u{1234567}" x')).toEqual({
      tokens: ["string:\ufffd \ufffd12 \ufffd{} \ufffd \ufffd{1234567}", "name:x"],
      errors: [
        "E001 1-3 `\\q` is not an escape",
        "E001 4-6 `\\u` needs a code point in braces",
        "E001 9-11 `\\u` needs a code point in braces",
        "E001 14-22 U+D800 is half of a surrogate pair, not a character",
        "E001 23-25 `\\u` needs a code point in braces",
      ],
    });
  });

  test("a string ends on its line", () => {
    for (const end of ["\n", "\r\n", ""]) {
      expect(lexed(`"abc${end}x`.slice(0, end === "" ? 4 : undefined)).errors).toEqual(["E001 0-4 this string has no closing quote"]);
    }
    expect(lexed('"abc\\').errors).toEqual(["E001 0-5 this string has no closing quote"]);
    expect(lexed('"a\nb').tokens).toEqual(["error", "⏎name:b"]);
  });

  test("lone surrogates are replaced", () => {
    expect(lexed('"a\ud800b\udc00"').tokens).toEqual(["string:a\ufffdb\ufffd"]);
    expect(lexed("'\ud800'").tokens).toEqual(["string:\ufffd"]);
  });
});

describe("comments", () => {
  test("are kept with their positions", () => {
    const diagnostics = new Diagnostics("main.ax");
    expect(lex("// a\r\nx // b", diagnostics).comments).toEqual([
      { text: "// a", span: { start: 0, end: 4 } },
      { text: "// b", span: { start: 8, end: 12 } },
    ]);
  });
});

describe("a word with letters outside ASCII", () => {
  test("is reported once and is one name", () => {
    expect(lexed("let größe = имя")).toEqual({
      tokens: ["let", "name:größe", "=", "name:имя"],
      errors: ["E001 4-9 the name `größe` has letters outside ASCII", "E001 12-15 the name `имя` has letters outside ASCII"],
    });
    expect(lexed("\ud800").errors).toEqual(["E001 0-1 the name `\ufffd` has letters outside ASCII"]);
  });
});

test("a byte order mark is allowed only at the start", () => {
  expect(tokens("\ufeffa")).toEqual(["name:a"]);
  expect(lexed("a\ufeffb").errors).toEqual(["E001 1-2 a byte order mark inside the file is not allowed between tokens"]);
});
