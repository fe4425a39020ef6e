/** Lists whose Floats compiled code often reads get an array of their numbers. No program may notice that. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { Owner } from "../../../vm/value/owner.ts";
import { FloatValue, type Value } from "../../../vm/value/value.ts";
import { scaledRuns } from "../../cases.ts";
import { countsOf, runOn, sameOnBoth } from "../engines.ts";

const programOf = (text: string): Program => verifyModule(compile({ name: "main.ax", text }).module);

const CHANGES = [
  "xs = list.push(xs, s)",
  "xs[i % list.len(xs)] = s",
  "xs[0] += 1.0",
  "if list.len(xs) > 1 { xs = list.take(xs, list.len(xs) - 1) }",
  "xs = changed(xs, s)",
  "xs = list.set(xs, 0, s)",
  "if list.len(xs) < 40 { xs = xs ++ ys }",
  "xs = list.map(xs, fn(x) { x + 1.0 })",
  "xs = [s, 2.0, 3.0]",
  "xs = ys",
  "ys = xs",
  "ys = list.push(xs, 0.5)",
  "ys = list.take(xs, 1)",
];
const READS = [
  "for k in 0..list.len(xs) { s = s * 0.5 + xs[k] }",
  "for k in 0..list.len(ys) { s = ys[k] - s * 0.5 }",
  "for x in xs { s = s * 0.5 + x }",
  "let old = xs\n for k in 0..list.len(old) { s = s * 0.5 + old[k] }",
  "s = total(xs, s)",
  "if xs[0] < ys[0] { s += 1.0 }",
];

const source = (statements: readonly string[]): string => `
fn changed(xs: List<Float>, s: Float) -> List<Float> {
    let mut ys = xs
    ys[0] = s
    list.push(ys, s * 0.5)
}
fn total(xs: List<Float>, start: Float) -> Float {
    let mut sum = start * 0.5
    for k in 0..list.len(xs) { sum = sum * 0.5 - xs[k] }
    sum
}
fn main(n: Int) -> (Float, List<Float>, List<Float>) {
    let mut xs = [1.0, 2.0]
    let mut ys = [0.5]
    let mut s = 0.0
    for i in 0..n {
        ${statements.join("\n        ")}
    }
    (s, xs, ys)
}`;

test("random changes between reads", () => {
  const statement = fc.oneof(fc.constantFrom(...CHANGES), { weight: 2, arbitrary: fc.constantFrom(...READS) });
  fc.assert(
    fc.property(fc.array(statement, { minLength: 2, maxLength: 10 }), fc.nat(3_000), (statements, steps) => {
      const program = programOf(source(statements));
      sameOnBoth(program, { args: [12] });
      sameOnBoth(program, { args: [12], limits: { max_steps: steps } });
    }),
    { numRuns: scaledRuns(2_000) },
  );
});

/** Reads all elements `n` times. */
const READER = programOf(
  "fn main(xs: List<Float>, n: Int) -> Float { let mut s = 0.0\n for _ in 0..n { for k in 0..list.len(xs) { s = s * 0.5 + xs[k] } }\n s }",
);
const floats = (count: number): ListValue => ListValue.of(Array.from({ length: count }, (_, i): Value => new FloatValue(i)));

const HALF = new FloatValue(0.5);
const CHANGES_IN_PLACE: readonly (readonly [string, (list: ListValue) => unknown])[] = [
  ["pushInArray", (list) => list.pushInArray(HALF)],
  ["grow", (list) => list.grow(HALF)],
  ["setUnique", (list) => list.setUnique(3, HALF)],
  ["shorten", (list) => list.shorten(3)],
  [
    "setInPlace",
    (list) => {
      list.owner = new Owner();
      list.setInPlace(3, HALF);
    },
  ],
];

test.each(CHANGES_IN_PLACE)("a list that is read often enough has its numbers, and %s drops them", (_name, change) => {
  const xs = floats(20);
  runOn("compiled", READER, { args: [xs, 3] });
  expect(xs.numbers).toEqual(Array.from({ length: 20 }, (_, i) => i));
  change(xs);
  expect(xs.numbers).toEqual([]);
  expect(xs.toArray()).not.toEqual(floats(20).toArray());
  expect(countsOf(READER).deoptimized).toBe(0);
});

test("a view, a version that shares elements, and a list with an Int are read as before", () => {
  const xs = floats(20);
  const mixed = ListValue.of([new FloatValue(1), 2, new FloatValue(3)]);
  for (const list of [
    xs.slice(3, 9),
    xs.push(new FloatValue(1)),
    xs.set(3, new FloatValue(-1)),
    xs.concat(floats(5)),
    mixed,
    ListValue.EMPTY,
  ])
    for (let i = 0; i < 3; i++) sameOnBoth(READER, { args: [list, 3] });
});
