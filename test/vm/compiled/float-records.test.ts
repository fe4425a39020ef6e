/** Records whose fields are all Floats hold them unboxed (`FloatRecord`). No program may notice that. */
import { expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { withField } from "../../../vm/interpreter/update.ts";
import { valueToTaggedJson } from "../../../vm/json/tagged-json.ts";
import { Meter } from "../../../vm/meter.ts";
import { structuralEqual } from "../../../vm/value/equality.ts";
import { Owner } from "../../../vm/value/owner.ts";
import { FloatRecord, FloatValue, RecordValue, type Value, WideRecord } from "../../../vm/value/value.ts";
import { countsOf, sameOnBoth } from "../engines.ts";
import { runThrough } from "../snapshot/suspending.ts";

const HELPERS = `type Vec { x: Float, y: Float, z: Float }
type Pair<A, B> { a: A, b: B }
type Wide { a: Float, b: Float, c: Float, d: Float, e: Float, f: Float, g: Float, h: Float, i: Float, j: Float }
type Ball { at: Vec, speed: Vec, name: String, mass: Float }
fn vec(x: Float) -> Vec { Vec { x: x, y: x * 2.0, z: 0.0 } }
fn plus(a: Vec, b: Vec) -> Vec { Vec { x: a.x + b.x, y: a.y + b.y, z: a.z + b.z } }
fn wide(x: Float) -> Wide { Wide { a: x, b: x, c: x, d: x, e: x, f: x, g: x, h: x, i: x, j: x + 1.0 } }
fn ball() -> Ball { Ball { at: vec(1.0), speed: vec(0.1), name: "b", mass: 1.0 } }
fn swap<A, B>(p: Pair<A, B>) -> Pair<B, A> { Pair { a: p.b, b: p.a } }
fn made(make: Fn(Float) -> Float, k: Float) -> Vec { Vec { x: make(k), y: make(1.0), z: k } }
`;

/** Name, the variables before the loop, an iteration, the result, its type. */
const LOOPS: readonly (readonly [string, string, string, string, string])[] = [
  ["new records", "let mut v = vec(1.0)", "v = plus(v, vec(k))", "v", "Vec"],
  ["a changed copy", "let mut v = vec(1.0)", "v = Vec { ..v, y: v.x + k }", "v", "Vec"],
  ["changes in place", "let mut v = vec(1.0)", "v.x += k\nv.y = v.x - v.z\nv.z -= 0.5", "v", "Vec"],
  [
    "older versions",
    "let mut v = vec(1.0)\nlet mut olds = [v]",
    "if i % 500 == 0 { olds = list.push(olds, v) }\nv.x += 1.0",
    "(olds, v)",
    "(List<Vec>, Vec)",
  ],
  ["elements of a list", "let mut vs = [vec(1.0), vec(2.0)]", "vs[i % 2].y += k\nvs[1].x = vs[0].y", "vs", "List<Vec>"],
  ["entries of a map", 'let mut vs = { "a": vec(1.0) }', 'vs["a"].y += k', "vs", "Map<String, Vec>"],
  ["parts of a mixed record", "let mut b = ball()", "b.at.x += b.speed.y\nb.mass += 1.0\nb.at = plus(b.at, b.speed)", "b", "Ball"],
  ["ten fields", "let mut w = wide(1.0)", "w.j += w.e\nw = Wide { ..w, i: k }", "w", "Wide"],
  ["tuples", "let mut t = (1.0, 2.0)", "let (a, b) = t\nt = (b, a + k)", "t", "(Float, Float)"],
  [
    "generic records",
    "let mut p = Pair { a: 1.0, b: 2.0 }\nlet mut q = Pair { a: 1, b: 2.0 }",
    "p = swap(p)\np.a += q.b\nq.b = p.b\nq.a += 1\nq = swap(swap(q))",
    "(p, q)",
    "(Pair<Float, Float>, Pair<Int, Float>)",
  ],
  ["results of function values", "let mut v = vec(1.0)", "v = plus(made(fn(x) { x + 1.0 }, k), made(float.sqrt, v.x))", "v", "Vec"],
  [
    "Floats that are no numbers",
    "let mut v = vec(0.0)",
    "v = Vec { x: k / 0.5 - v.x, y: 0.0 - v.z, z: float.sqrt(0.0 - 1.0) }",
    "(v == v, v.y)",
    "(Bool, Float)",
  ],
  ["equality", "let mut n = 0", "if plus(vec(k), vec(1.0)) == vec(k + 1.0) { n += 1 }", "n", "Int"],
];

const programOf = (state: string, iteration: string, result: string, type: string, effects = ""): Program => {
  const text = `${HELPERS}
fn main() -> ${type}${effects} {
    ${state}
    for i in 0..2000 {
        let k = int.to_float(i % 7)
        ${iteration}
    }
    ${result}
}`;
  return verifyModule(compile({ name: "main.ax", text }).module);
};

test.for(LOOPS)("%s: both engines return and charge the same, and the compiled one does not give up", ([, ...parts]) => {
  const program = programOf(...parts);
  expect(sameOnBoth(program).end).toMatch(/^value/);
  expect(countsOf(program)).toMatchObject({ deoptimized: 0 });
});

test.for(LOOPS)("%s: a run that is suspended and resumed returns and charges the same", async ([, state, iteration, result, type]) => {
  const text = `if i % 700 == 0 { time.now() }\n${iteration}`;
  const fresh = (): Program => programOf(state, text, result, type, " !{time.now}");
  const whole = await runThrough(fresh, () => false, { engine: "interpreter" });
  for (const engine of ["interpreter", "compiled"] as const)
    expect((await runThrough(fresh, () => true, { engine })).text).toBe(whole.text);
});

const values = (...numbers: number[]): FloatValue[] => numbers.map((number) => new FloatValue(number));

test("a record of Floats is a record like any other", () => {
  for (const numbers of [[1], [0, -0], [1, Number.NaN, 2.5], [1, 2, 3, 4, 5, 6, 7, 8, 9]]) {
    const record = RecordValue.of(3, values(...numbers));
    expect(record).toBeInstanceOf(FloatRecord);
    expect(record).toBeInstanceOf(RecordValue);
    expect([record.tag, record.typeId, record.size, record.fields]).toEqual(["Record", 3, numbers.length, values(...numbers)]);
    expect([record.get(-1), record.get(0), record.get(numbers.length)]).toEqual([undefined, new FloatValue(numbers[0] ?? 0), undefined]);
  }
  expect(RecordValue.of(3, [])).not.toBeInstanceOf(FloatRecord);
  expect(RecordValue.of(3, [...values(1), 2])).not.toBeInstanceOf(FloatRecord);
  const [unboxed, boxed] = [RecordValue.of(0, values(1, 2, 3, 4, 5)), new WideRecord(0, ...boxedFields(1, 2, 3, 4, 5))];
  expect(structuralEqual(unboxed, boxed, new Meter(1e9, 1e9))).toBe(true);
  expect(valueToTaggedJson(unboxed)).toEqual(valueToTaggedJson(boxed));
});

const boxedFields = (...numbers: readonly [number, number, number, number, number]): [Value, Value, Value, Value, Value] => {
  const [a, b, c, d, e] = numbers;
  return [new FloatValue(a), new FloatValue(b), new FloatValue(c), new FloatValue(d), new FloatValue(e)];
};

test("a field may be set to a value that is no Float, at the same charge", () => {
  const meter = new Meter(1e9, 1e9);
  const owner = new Owner();
  const older = RecordValue.of(0, values(1, 2));
  const owned = withField(meter, owner, older, 0, new FloatValue(5));
  const { allocBytes } = meter;
  const changed = withField(meter, owner, owned, 1, "text");
  expect([older.fields, owned.fields, changed.fields]).toEqual([values(1, 2), values(5, 2), [new FloatValue(5), "text"]]);
  expect([changed.owner, meter.allocBytes]).toEqual([owner, allocBytes]);
});
