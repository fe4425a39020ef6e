/** Compiled code whose work is discarded after an effect: the interpreter goes on with each value as it was after the effect. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { scaledRuns } from "../../cases.ts";
import { runOn, sameOnBoth } from "../engines.ts";

const programOf = (text: string): Program => verifyModule(compile({ name: "main.ax", text }).module);

/** Statements about the variable `p`. `change` changes parts of it in place, and `read` ends its ownership. Both may use `i` and add to `s`. */
interface Shape {
  readonly type: string;
  readonly value: string;
  /** Makes `p` long, in a loop with the variable `i`. */
  readonly grow: string;
  readonly change: readonly string[];
  readonly read: readonly string[];
}

const SHAPES: readonly Shape[] = [
  {
    type: "W",
    value: "W { a: 0, v: V { x: 1, y: 0 }, l: [1], m: {} }",
    grow: 'p.v.y = 0\n p.l = list.push(p.l, i)\n p.m["k${i % 7}"] = i',
    change: [
      "p = W { ..p, a: i }",
      "p.v.y += 1",
      "p.v = V { ..p.v, x: i }",
      "p.l = list.push(p.l, i)",
      "p.l[0] += 1",
      "p.l = list.take(p.l, list.len(p.l) - 1)",
      "p.l = p.l ++ [1, 2]",
      'p.m["k1"] = i',
      'p.m = map.remove(p.m, "k1")',
    ],
    read: [
      "s += p.v.x",
      "let q = p\n s += q.a",
      "let q = p.v\n s += q.y",
      "let q = p.l\n s += list.len(q)",
      "let q = p.m\n s += map.len(q)",
    ],
  },
  {
    type: "Map<String, V>",
    value: '{"a": V { x: 1, y: 0 }}',
    grow: 'p["k${i % 150}"] = V { x: i, y: 0 }\n p["a"].y = 0',
    change: [
      'p["a"].y += 1',
      'p["n${i % 9}"] = V { x: i, y: 1 }',
      'p = map.set(p, "b", V { x: i, y: 0 })',
      'p = map.remove(p, "k${i % 20}")',
    ],
    read: ['s += option.unwrap_or(map.get(p, "a"), V { x: 0, y: 0 }).x', "let q = p\n s += map.len(q)", "s += list.len(map.keys(p))"],
  },
  {
    type: "List<List<Int>>",
    value: "[[1, 2], [3]]",
    grow: "p = list.push(p, [i])\n p[0][0] = i\n p[1] = list.push(p[1], i)",
    change: [
      "p[0][0] += 1",
      "p = list.push(p, [i])",
      "p[1] = list.push(p[1], i)",
      "p[1] = list.take(p[1], list.len(p[1]) - 1)",
      "p = p ++ [[i]]",
      "p = list.take(p, list.len(p) - 1)",
      "p[0] = p[0] ++ [i]",
    ],
    read: [
      "let q = p[0]\n s += q[0]",
      "s += list.len(option.unwrap_or(list.get(p, 1), []))",
      "let q = list.slice(p, 1, 5)\n s += list.len(q)",
    ],
  },
  {
    type: "List<F>",
    value: "[F { x: 1.0, y: 0.5 }]",
    grow: "p = list.push(p, F { x: int.to_float(i), y: 0.0 })\n p[0].y = 0.5",
    change: [
      "p[0].y += 1.5",
      "p = list.push(p, F { x: 2.0, y: -0.0 })",
      "p[0] = F { ..p[0], x: 3.0 }",
      "p[1].x *= 2.0",
      "p = list.take(p, list.len(p) - 1)",
    ],
    read: ["let q = p[0]\n if q.x > 1.0 { s += 1 }", "let q = p\n s += list.len(q)"],
  },
];

/** A loop with an effect in each iteration. In one of them, a product is no small Int any more, so compiled code discards its work since the effect. */
const arbitraryDiscarding = fc.constantFrom(...SHAPES).chain(({ type, value, grow, change, read }) => {
  const changes = fc.array(fc.constantFrom(...change), { maxLength: 3 }).map((lines) => lines.join("\n"));
  const reads = fc.constantFrom("", ...read);
  return fc.tuple(changes, reads, changes, changes, reads, changes, fc.integer({ min: 140, max: 160 })).map(
    ([before, readOnce, after, last, readAlways, end, at]) => `type V { x: Int, y: Int }
type F { x: Float, y: Float }
type W { a: Int, v: V, l: List<Int>, m: Map<String, Int> }
fn main() -> (${type}, Int, Int) !{time.now} {
let mut n = 3
let mut s = 0
let mut p = ${value}
for i in 0..600 { ${grow} }
for i in 0..200 {
let _ = time.now()
${before}
if i == ${at} {
${readOnce}
${after}
}
${last}
${readAlways}
if i == ${at} { n = n * 9007199254740991 }
${end}
}
(p, n, s)
}
`,
  );
});

test("discarded changes of lists, maps and records leave no trace", () => {
  fc.assert(
    fc.property(arbitraryDiscarding, fc.double({ min: 0.4, max: 1, noNaN: true }), (text, share) => {
      const program = programOf(text);
      const { steps } = sameOnBoth(program);
      sameOnBoth(program, { limits: { max_steps: Math.floor(steps * share) } });
    }),
    { numRuns: scaledRuns(4_000) },
  );
});

const CONCATENATION = `fn main() -> (List<Int>, Int) !{time.now} {
let mut n = 3
let mut xs = [1]
for j in 0..3000 { xs = list.push(xs, j) }
for j in 0..600 { xs[0] = 0 }
for i in 0..200 {
let _ = time.now()
xs = list.push(xs, i)
xs[0] += 1
if i == 150 {
xs = xs ++ [1, 2]
xs = list.push(xs, 7)
xs[0] += 1
xs[1] += 1
}
if i == 150 { n = n * 9007199254740991 }
}
(list.take(xs, 4), n)
}
`;
const OTHER = `fn main() -> (Int, Int, Int) {
let mut xs = []
for j in 0..300 { xs = list.push(xs, 5) }
let ys = xs
xs[3] = 1
(xs[0], ys[0], xs[1])
}
`;

test("a program cannot change lists of other programs", () => {
  const before = runOn("interpreter", programOf(OTHER));
  sameOnBoth(programOf(CONCATENATION));
  expect(runOn("interpreter", programOf(OTHER))).toEqual(before);
});
