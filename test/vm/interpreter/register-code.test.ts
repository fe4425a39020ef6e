/** A register op is equivalent to the instructions it covers: a traced run executes them one by one and is the same to the last step. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../vm/limits.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { runMachine } from "../../../vm/scheduler/scheduler.ts";
import type { OpName } from "../../../vm/bytecode/opcodes.ts";
import { FloatValue, type Value } from "../../../vm/value/value.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { scaledRuns } from "../../cases.ts";
import { arbitraryArguments, arbitraryModule } from "../arbitrary-bytecode.ts";
import { seen, type Seen } from "../engines.ts";
import { moduleOf, type TestFunction, testHost } from "../helpers.ts";

/** Runs the program in the interpreter. A traced run executes one instruction at a time. */
function run(program: Program, limits: Partial<Limits>, args: readonly Value[], traced: boolean): Seen {
  const host = testHost();
  const trace = traced ? { trace: (): void => undefined } : {};
  const end = runMachine(program, host, { limits: { ...DEFAULT_LIMITS, ...limits }, args, engine: "interpreter", ...trace });
  if (end instanceof Promise) throw new Error("the run waits for a promise");
  return seen(end, host);
}

/** Expects the same from a traced and a plain run, and returns it. */
function expectSame(program: Program, limits: Partial<Limits>, args: readonly Value[] = []): Seen {
  const plain = run(program, limits, args, true);
  expect(run(program, limits, args, false)).toEqual(plain);
  return plain;
}

test("any verified bytecode, under any limits", () => {
  fc.assert(
    fc.property(arbitraryModule, arbitraryArguments, fc.nat(), (module, args, some) => {
      const program = verifyModule(module);
      const whole = expectSame(program, { max_steps: 2_000, max_alloc_bytes: 1_000_000, max_call_depth: 40 }, args);
      expectSame(program, { max_steps: 1 + (some % whole.steps), max_alloc_bytes: 1_000_000, max_call_depth: 40 }, args);
    }),
    { numRuns: scaledRuns(1_200) },
  );
});

test("a String in a variable that is no append target is never pending", () => {
  // In `outer`, the stack slot of local 0 of `inner` held the Int 1. So `numbers` still has a 1 there, which is also `PENDING_MARK`.
  const inner: TestFunction = {
    arity: 0,
    locals: 1,
    code: [["PushConst", 1], ["StoreLocal", 0], ["LoadLocal", 0], ["PushConst", 0], ["PushConst", 0], ["Update", 0, 2, 2], "Ret"],
  };
  const outer: TestFunction = {
    arity: 0,
    locals: 0,
    code: [["PushConst", 0], ["PushConst", 0], "Eq", ["PushConst", 0], ["PushConst", 0], "Add", "Pop", "Pop", ["Call", 1, 0], "Ret"],
  };
  expectSame(verifyModule(moduleOf([outer, inner], [1, "text", "[]"])), {});
});

test.for<readonly ["MakeList", number] | readonly ["MakeClosure", number, number]>([
  ["MakeList", 0],
  ["MakeClosure", 1, 0],
])("%s without operands, between a load and the instruction that reads it, is executed once", (make) => {
  const constant: TestFunction = { arity: 0, locals: 0, code: [["PushConst", 0], "Ret"] };
  const main: TestFunction = { arity: 0, locals: 0, code: [["PushConst", 0], make, "Eq", "Ret"] };
  expectSame(verifyModule(moduleOf([main, constant], [1])), {});
});

const PROGRAM = `type P { x: Int, y: Float }
fn step(p: P, n: Int) -> P { P { ..p, x: p.x + n * 2 - 1, y: p.y * 0.5 + 1.25 } }
fn main(n: Int) -> String {
    let xs = [1, 2, 3]
    let mut p = P { x: 0, y: 0.0 }
    let mut t = ""
    let mut i = 0
    let mut wide = 9007199254740990
    while i < n {
        p = step(p, i)
        if p.x % 3 == 0 { t = t + "a" } else { t = t ++ "b" }
        let j = i % 3
        let k = xs[j]
        wide = wide + k
        if t >= "b" { i = i + 1 } else { i = i + 1 / 1 }
    }
    int.to_string(p.x + wide) ++ t
}
`;

test("a program with every kind of op, at every step limit", () => {
  const program = verifyModule(compile({ name: "main.ax", text: PROGRAM }).module);
  const whole = expectSame(program, {}, [7]);
  expect(whole.end).toContain("9007199254741038baab");
  for (let max_steps = 1; max_steps <= whole.steps; max_steps++) expectSame(program, { max_steps }, [7]);
});

const BRANCHES = `enum Shape { Dot, Line(Int), Text(String) }
fn size(shape: Shape) -> Int {
    match shape {
        Dot => 0
        Line(n) => n
        Text(text) => string.len(text)
    }
}
fn main(n: Int) -> Int {
    let mut shapes: List<Shape> = []
    for i in 0..n {
        if (i > 1 && i % 2 == 0) || i == 5 { shapes = list.push(shapes, Shape::Line(-i)) }
        if i == 1 { shapes = list.push(shapes, Shape::Text("ab" ++ int.to_string(i))) } else { shapes = list.push(shapes, Shape::Dot) }
    }
    let add = fn(a: Int, b: Int) -> Int { a * n - b / 2 }
    let mut sum = 0
    for shape in shapes { sum = add(sum, size(shape)) }
    let mut grid = [[1, 2], [3, 4]]
    let mut x = 0
    while x < 2 && sum != 7 {
        grid[x][1] = sum
        grid[0][x] += 1
        x += 1
    }
    sum + grid[1][1] + grid[0][0]
}
`;

test("a program with branches, loops and calls of function values, at every step limit", () => {
  const program = verifyModule(compile({ name: "main.ax", text: BRANCHES }).module);
  const whole = expectSame(program, {}, [6]);
  expect(whole.end).toContain("-465670");
  for (let max_steps = 1; max_steps <= whole.steps; max_steps++) expectSame(program, { max_steps }, [6]);
});

const OPERATIONS: readonly OpName[] = ["Add", "Sub", "Mul", "Div", "FDiv", "Mod", "Eq", "Neq", "Lt", "Lte", "Gt", "Gte"];
const OPERANDS: readonly (readonly [string, readonly Value[]])[] = [
  ["Ints", [7, 3, 0]],
  ["Floats", [new FloatValue(7.5), new FloatValue(0.25), new FloatValue(0)]],
];
/** Code that makes both operands the results of operations, because only these are unboxed Floats. */
const UNBOXED: TestFunction["code"] = [0, 1].flatMap((i) => [["LoadLocal", i], ["PushConst", 2], "Add", ["StoreLocal", i]] as const);
/** Code that loads operand `i` from a local, a constant, or the stack. */
const SOURCES: Readonly<Record<string, (i: number) => TestFunction["code"]>> = {
  local: (i) => [["LoadLocal", i]],
  constant: (i) => [["PushConst", i]],
  stack: (i) => [["LoadLocal", i], ["PushConst", 2], "Eq", "Pop", ["LoadLocal", i], ["PushConst", i], "Pop"],
};
/** Code after the operation, whose first instruction is fused with it into one register op. */
const FOLLOWED_BY: Readonly<Record<string, (at: number) => TestFunction["code"]>> = {
  "a return": () => ["Ret"],
  "a store": () => [["StoreLocal", 2], ["LoadLocal", 0], ["StoreLocal", 2], "Ret"],
  "a jump": (at) => [["JmpIf", at + 1], ["PushConst", 0], "Ret"],
};

describe.each(OPERATIONS)("%s charges a step for each instruction of its register op", (op) => {
  test.each(OPERANDS.filter(([kind]) => op !== "Mod" || kind === "Ints"))("%s", (_, args) => {
    for (const [x, first] of Object.entries(SOURCES)) {
      for (const [y, second] of Object.entries(SOURCES)) {
        for (const [after, followed] of Object.entries(FOLLOWED_BY)) {
          const before = [...UNBOXED, ...first(0), ...second(1), op];
          const code = [...before, ...followed(before.length)];
          const program = verifyModule(moduleOf([{ arity: 2, locals: 3, code }], args));
          for (const engine of ["interpreter", "compiled"] as const) {
            const end = runMachine(program, testHost(), { limits: DEFAULT_LIMITS, args, engine });
            expect(end, `${x}, ${y}, then ${after}, ${engine}`).toMatchObject({ status: "completed", steps: code.length });
          }
        }
      }
    }
  });
});

test("a host that runs the same program inside a callback changes nothing", () => {
  const text = "fn main(n: Int) -> Int { if n == 0 { 0 } else { debug(n) * 2 - debug(debug(n) - main(n - 1)) } }";
  const program = verifyModule(compile({ name: "main.ax", text }).module);
  let depth = 0;
  const nested = (): undefined => {
    if (depth > 0) return;
    depth += 1;
    expect(runMachine(program, host, options)).toMatchObject({ value: 6 });
    depth -= 1;
  };
  const host = { ...testHost(), debug: nested };
  const options = { limits: DEFAULT_LIMITS, args: [3], engine: "interpreter", trace: nested } as const;
  expect(runMachine(program, host, options)).toEqual(runMachine(program, testHost(), { ...options, trace: () => undefined }));
});
