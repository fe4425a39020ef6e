/** The messages of failed assertions of std-testing. A test in the language cannot observe its own failure. */
import { expect, test } from "vitest";
import { failedTests } from "../outcome.ts";

test.each([
  ['fail("because")', "panic: because"],
  ['assert(false, "the sky is blue")', "panic: expected: the sky is blue"],
  ["assert_equal([1], [2])", "panic: expected [2], found [1]"],
  ["assert_equal(P { x: 1 }, P { x: 2 })", "panic: expected P { x: 2 }, found P { x: 1 }"],
  ['assert_equal(E::V("a"), E::N)', 'panic: expected E::N, found E::V("a")'],
  ["assert_not_equal(1, 1)", "panic: expected something else than 1"],
  ["let none: Option<Int> = None\nlet _ = assert_some(none)", "panic: expected Some, found None"],
  ['assert_none(Some("a"))', 'panic: expected None, found Some("a")'],
  ['let _ = assert_ok(try_parse_int("a"))', 'panic: expected Ok, found Err("invalid integer: a")'],
  ['let _ = assert_err(try_parse_int("1"))', "panic: expected Err, found Ok(1)"],
  ["assert_near(1.0, 2.0, 0.5)", "panic: expected 2 within 0.5, found 1"],
  ["assert_near(0.0 / 0.0, 0.0 / 0.0, 1.0)", "panic: expected NaN within 1, found NaN"],
  ['assert_contains("abc", "x")', 'panic: expected a text with "x" in it, found "abc"'],
])("%s", async (statement, message) => {
  const text = `import "std-testing"\ntype P { x: Int }\nenum E { V(String), N }\ntest "t" { ${statement} }\n`;
  expect(await failedTests(text)).toEqual([`t: ${message}`]);
});
