/** `--arg name=VALUE`: what is read, and the message for a value of another type. */
import { describe, expect, test } from "vitest";
import { parseArguments } from "../../cli/run-arguments.ts";
import { compile } from "../../compiler/compile.ts";
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson } from "../../vm/json/json.ts";
import type { Module } from "../../vm/bytecode/module.ts";
import { valueFromTypedJson } from "../../vm/json/typed-json.ts";
import { parseType } from "../../vm/value/type.ts";

const TYPES = `type Point { x: Int, y: Float, name: String }
type Box<T> { item: T }
enum Color { Rgb(Int), Red, Other { name: String } }
enum Wrap { Only(Point) }
enum Tree { Node { left: Tree, right: Tree } }
type Wide { a: Box<Box<Point>>, b: Box<Box<Point>>, c: Box<Box<Point>>, d: Box<Box<Point>> }
`;

const moduleOf = (type: string): Module => compile({ name: "main.ax", text: `${TYPES}fn main(n: ${type}) -> Unit { () }\n` }).module;

function errorOf(type: string, given: string): BorunaError {
  try {
    parseArguments([given], moduleOf(type));
  } catch (error) {
    if (error instanceof BorunaError) return error;
    throw error;
  }
  return expect.fail("nothing was thrown");
}

/** Parses `text` as an argument of this type. Returns the value as canonical JSON, the form in a log. */
const read = (type: string, text: string): string => canonicalJson(parseArguments([`n=${text}`], moduleOf(type)).get("n") ?? null);

test("a Float keeps the sign of zero, also inside other values", () => {
  expect(read("Float", "-0")).toBe("-0.0");
  expect(read("Float", "-0.0")).toBe("-0.0");
  expect(read("List<Float>", "[-0, 0]")).toBe("[-0.0,0]");
  expect(read("Json", '{"a": -0}')).toBe('{"a":-0.0}');
  expect(read("Int", "-0")).toBe("0");
});

describe("a value of another type: what is wanted, and an example", () => {
  test.each([
    ["Int", "--arg n=3"],
    ["Float", "--arg n=1.5"],
    ["Bool", "--arg n=true"],
    ["Unit", "--arg n=null"],
    ["Json", `--arg 'n={"a": 1}'`],
    ["List<String>", `--arg 'n=["text"]'`],
    ["Map<String, Bool>", `--arg 'n={"key": true}'`],
    ["Option<Int>", `--arg 'n={"some": 3}'`],
    ["Result<Int, String>", `--arg 'n={"ok": 3}'`],
    ["Point", `--arg 'n={"x": 3, "y": 1.5, "name": "text"}'`],
    ["Box<Color>", `--arg 'n={"item": "Red"}'`],
    ["Wrap", `--arg 'n={"Only": {"x": 3, "y": 1.5, "name": "text"}}'`],
  ])("%s", (type, example) => {
    for (const given of ["n=one", 'n="one"']) {
      const error = errorOf(type, type === "Json" ? "n=one" : given);
      expect(error).toMatchObject({ kind: "usage", hint: `for example: ${example}` });
      expect(error.message).toMatch(/: expected |: n: (expected|Wrap has no variant "one")/);
      expect(error.message).toContain(type);
    }
    const text = example.replace(/^--arg '?n=/, "").replace(/'$/, "");
    const { types } = moduleOf(type);
    const data = parseArguments([`n=${text}`], moduleOf(type)).get("n") ?? null;
    expect(() => valueFromTypedJson(data, parseType(type), types)).not.toThrow();
  });

  test("a type without a short example has none", () => {
    for (const type of ["Tree", "Wide"]) expect(errorOf(type, "n=one").hint).toBeUndefined();
  });

  test("a long value and a long type are cut", () => {
    const { message } = errorOf("Int", `n=${"x".repeat(10_000)}`);
    expect(message.length).toBeLessThan(300);
  });
});
