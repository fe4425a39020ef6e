/** The charges and limits of the regex builtins. builtins.test.ts and regex.test.ts test their results. */
import { describe, expect, test } from "vitest";
import { BUILTIN_CODE } from "../../../vm/builtins/builtin-code.ts";
import { BYTES, stringCharge } from "../../../vm/cost.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { MachineTrap, Meter } from "../../../vm/meter.ts";
import { UNIT, type Value } from "../../../vm/value/value.ts";

const FREE = Number.MAX_SAFE_INTEGER;

function call(name: string, args: readonly string[], meter: Meter = new Meter(FREE, FREE)): Value {
  const code = BUILTIN_CODE.get(name);
  if (code === undefined) throw new Error(`no builtin ${name}`);
  return code.run(meter, args[0] ?? UNIT, args[1] ?? UNIT, args[2] ?? UNIT);
}

/** Returns the trap of a call of the builtin. */
function trapOf(name: string, args: readonly string[], meter?: Meter): string {
  try {
    call(name, args, meter);
  } catch (error) {
    if (error instanceof MachineTrap) return `${error.kind}: ${error.message}`;
    throw error;
  }
  return "";
}

/** Returns what a call of the builtin is charged. */
function charged(name: string, args: readonly string[]): { steps: number; bytes: number } {
  const meter = new Meter(FREE, FREE);
  call(name, args, meter);
  return { steps: meter.steps, bytes: meter.allocBytes };
}

describe("charges", () => {
  // \w+ is three instructions: the set, the loop, the match.
  const words = "word ".repeat(1_000);
  const units = 4 * 3 + (words.length + 8) * (3 + 8);

  test("steps by text, program and matches; bytes by the values made", () => {
    expect(charged("regex.matches", [words, "\\w+"])).toEqual({ steps: Math.floor(units / 256), bytes: 0 });
    expect(charged("regex.find_all", [words, "\\w+"])).toEqual({
      steps: Math.floor((units + 8 * 1_000) / 256),
      bytes: BYTES.header + 1_000 * (BYTES.slot + stringCharge(4)),
    });
    expect(charged("regex.replace_all", [words, "\\w+", "xx"])).toEqual({
      steps: Math.floor((units + 8 * 1_000 + 3_000) / 256),
      bytes: stringCharge(3_000),
    });
    expect(charged("regex.captures", ["word wood", "(w)(.)r"])).toEqual({
      // Three sets, two marks for each group, and the match.
      steps: Math.floor((4 * 7 + (9 + 8) * (8 + 8) + 8 * 3) / 256),
      bytes: BYTES.wrapper + BYTES.header + 3 * (BYTES.slot + BYTES.stringHeader) + BYTES.codeUnit * 5,
    });
    expect(charged("regex.check", ["a".repeat(1_000)])).toEqual({ steps: Math.floor(4_000 / 256), bytes: BYTES.wrapper });
  });

  test("the same charges again, and after many other patterns", () => {
    const args = [words, "(word |x)+"];
    const first = charged("regex.find_all", args);
    expect(charged("regex.find_all", args)).toEqual(first);
    for (let i = 0; i < 40; i++) call("regex.matches", ["a", `a{${i}}`]);
    expect(charged("regex.find_all", args)).toEqual(first);
  });

  test("a match early in the text costs as much as no match", () => {
    expect(charged("regex.matches", [words, "^w"]).steps).toBe(charged("regex.matches", [words, "^x"]).steps);
  });
});

describe("stops before the work", () => {
  const huge = "ab".repeat(25_000_000);

  test.each(["regex.matches", "regex.find_all", "regex.replace_all"])("%s on 50 MB under a small step limit", (name) => {
    const meter = new Meter(10_000, FREE);
    expect(trapOf(name, [huge, "a+b", ""], meter)).toMatch(/^step_limit/);
    expect(meter.steps).toBe(10_000);
  });

  test("a long pattern", () => {
    expect(trapOf("regex.check", ["a".repeat(1_000_000)], new Meter(1_000, FREE))).toMatch(/^step_limit/);
    expect(trapOf("regex.matches", ["", "(?:a{1000}){9}"], new Meter(100, FREE))).toMatch(/^step_limit/);
  });

  test("at the first match that exceeds the allocation limit", () => {
    const three = BYTES.header + 3 * (BYTES.slot + stringCharge(1));
    const meter = new Meter(FREE, three);
    expect(trapOf("regex.find_all", ["aaaa", "a"], meter)).toMatch(/^alloc_limit/);
    expect(meter.allocBytes).toBe(three);
    expect(call("regex.find_all", ["aaa", "a"], new Meter(FREE, three))).toEqual(ListValue.of(["a", "a", "a"]));
    expect(trapOf("regex.replace_all", ["a".repeat(100_000), "", "x".repeat(100_000)], new Meter(FREE, 1_000_000))).toMatch(/^alloc_limit/);
    expect(trapOf("regex.replace_all", ["a".repeat(100_000), "", "x".repeat(100_000)])).toMatch(/^alloc_limit: a String of more than/);
  });
});

test("an invalid pattern traps with the position and a correction", () => {
  expect(trapOf("regex.matches", ["a", "b(?=a)"])).toBe(
    "invalid_value: regex.matches: the pattern is wrong at character 2: looking ahead or behind cannot be done in linear time; " +
      "match the surroundings too and cut them off (regex.check tests a pattern)",
  );
});
