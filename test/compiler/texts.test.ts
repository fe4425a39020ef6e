/** Interpolated strings, raw strings and text blocks: their values, their errors and what they cost. */
import { expect, test } from "vitest";
import { check, compile } from "../../compiler/compile.ts";
import { formatSource } from "../../compiler/format/format.ts";
import type { Diagnostic } from "../../compiler/diagnostics.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { axString } from "../arbitrary-program.ts";
import { sameOnBoth } from "../vm/engines.ts";

const diagnosticsOf = (text: string): readonly Diagnostic[] => check({ name: "main.ax", text }).diagnostics;
const inMain = (value: string): string => `fn main(x: Int) -> String {\n    let a = ${value}\n    a\n}\n`;

test.each([
  ['f"{x"', "E001", "{", "this `{` has no `}` on its line"],
  ['f"a{f"{x"}"', "E001", "{", "this `{` has no `}` on its line"],
  ['f"a } b"', "E001", "}", "a `}` in a text with holes is written `}}`"],
  ['f"a {} b"', "E002", "{}", "there is no value in `{}`"],
  ['f"{x:>5}"', "E002", ":", "expected `}` after the value, found `:`"],
  ['f"{y}"', "E003", "y", "unknown variable `y`"],
  ['f"a{x + "b"}"', "E009", 'x + "b"', "`+` needs two operands of one type, found Int and String"],
  ['"""a"""', "E001", '"""a"""', 'the text of a text block begins on the line after `"""`'],
  ['"""\n    a"""', "E001", '"""', 'the closing `"""` of a text block begins a line of its own'],
  ['"""\n    a', "E001", '"""', 'this text block has no closing `"""`'],
  ['"""\n  a\n    """', "E001", "  a", 'this line of the text block is indented less than its closing `"""`'],
])("an error has the right span: %s", (value, code, at, message) => {
  const text = inMain(value);
  const [first] = diagnosticsOf(text).filter((d) => d.severity === "error");
  expect([first?.code, text.slice(first?.span.start, first?.span.end), first?.message]).toEqual([code, at, message]);
});

test("an error in a hole is reported once, and the rest of the file is read", () => {
  const text = `${inMain('f"""\n    {x +}\n    {z}\n    """')}fn other() -> String {\n    f"{"\n}\n`;
  expect(diagnosticsOf(text).map(({ code }) => code)).toEqual(["E002", "E001"]);
});

const valueOf = (text: string): string =>
  sameOnBoth(verifyModule(compile({ name: "main.ax", text: `fn main() -> String { ${text} }` }).module)).end;

test.each(["\\b", "\\f", "\\\\b", "\b\f\u0001", '/"\n\té😀'])("axString writes the literal of %j", (text) => {
  const codePoints = Array.from(text, (character) => character.codePointAt(0));
  expect(valueOf(`string.inspect(string.codepoints(${axString(text)}))`)).toBe(valueOf(`"[${codePoints.join(", ")}]"`));
});

test("a text block ends its lines with LF, and drops the indentation of its closing quotes", () => {
  const block = '"""\n      a  \n\n    \t"b"\n    """';
  expect(valueOf(block)).toBe(valueOf(JSON.stringify('  a  \n\n\t"b"')));
  expect(valueOf(block.replaceAll("\n", "\r\n"))).toBe(valueOf(block));
});

test("a value in a hole is shown as string.inspect shows it", () => {
  for (const value of ["-7", "9223372036854775807", "0.1", "1.0", "-0.0", "1.0 / 0.0", "1.0e-7", "true", '["a"]', "()", 'Some("b")'])
    expect(valueOf(`f"{${value}}"`), value).toBe(valueOf(`string.inspect(${value})`));
});

test("interpolated strings nest as deep as other syntax, and long or deep ones compile in linear time", () => {
  const nested = (depth: number): string => inMain(`${'f"{'.repeat(depth)}x${'}"'.repeat(depth)}`);
  expect(diagnosticsOf(nested(200))).toEqual([]);
  expect(diagnosticsOf(nested(300)).map(({ code }) => code)).toEqual(["E015"]);
  expect(diagnosticsOf(nested(100_000)).map(({ code }) => code)).toEqual(["E015"]);
  expect(diagnosticsOf(inMain(`f"${"{x} ".repeat(100_000)}"`))).toEqual([]);
  expect(diagnosticsOf(inMain('f"{'.repeat(100_000))).map(({ code }) => code)).toEqual(["E015", "E001"]);
});

test("the cost of an interpolated string is linear in its length", () => {
  const cost = (holes: number): { steps: number; allocBytes: number } => {
    const { steps, allocBytes } = sameOnBoth(
      verifyModule(compile({ name: "main.ax", text: `fn main() -> String { let x = "abcdefgh"\n f"${"{x}, ".repeat(holes)}" }` }).module),
    );
    return { steps, allocBytes };
  };
  const [once, tenfold] = [cost(200), cost(2000)];
  expect(tenfold.steps).toBeLessThan(once.steps * 11);
  expect(tenfold.allocBytes).toBeLessThan(once.allocBytes * 11);
});

test.each([
  ['"Hi ${name}!"', 'f"Hi {name}!"'],
  ['"${name} has {braces} \\u{41} and ${p.x}"', 'f"{name} has {{braces}} \\u{41} and {p.x}"'],
])("W008 warns of interpolation in a plain string, with a fix: %s", (literal, fixed) => {
  const program = (value: string): string =>
    `type P { x: Int }\nfn main(name: String, p: P) -> List<String> { [name, string.inspect(p), ${value}] }\n`;
  const text = program(literal);
  const [found, ...others] = diagnosticsOf(text);
  expect([found?.code, others]).toEqual(["W008", []]);
  const [edit] = found?.fixes[0]?.edits ?? [];
  const after = text.slice(0, edit?.span.start) + (edit?.text ?? "") + text.slice(edit?.span.end);
  expect(after).toBe(program(fixed));
  expect(diagnosticsOf(after)).toEqual([]);
});

test("W008 does not warn of other names, of `{x}`, of raw strings and text blocks", () => {
  const text = `fn main(x: Int) -> List<String> {
    [int.to_string(x), "\${HOME}", "{x}", r"\${x}", """
        \${x}
        """]
}
`;
  expect(diagnosticsOf(text)).toEqual([]);
});

test("an error in a pattern that is a raw string is at its position", () => {
  const text = 'fn main(s: String) -> Bool { regex.matches(s, r"\\d+é(") }';
  const [found] = diagnosticsOf(text);
  expect([found?.code, text.slice(found?.span.start, found?.span.end)]).toEqual(["E016", "("]);
});

test("the formatter does not change interpolated strings", () => {
  const text = 'fn f(x: Int) -> String {\n    let a = f"{x+1}{ [1,2] }" ++ r"\\d"\n    f"""\n  {x}\n      a\n  """\n}\n';
  expect(formatSource({ name: "a.ax", text })).toEqual({ ok: true, text });
});
