/** Modules of extreme shape: nesting, tables at their limits, jumps out of range, recursion. */
import { describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { decodeModule } from "../../../vm/bytecode/codec.ts";
import { DEFAULT_LIMITS, MODULE_LIMITS } from "../../../vm/limits.ts";
import { FnRefValue } from "../../../vm/value/value.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { DEEP, someOf } from "../../cases.ts";
import { errorKind } from "../arbitrary.ts";
import { moduleOf, type TestFunction } from "../helpers.ts";
import { ENGINES, runOn, runOnBoth } from "./hostile.ts";

type Code = TestFunction["code"];

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const modulePayload = (constant: string): Uint8Array =>
  bytes(
    `{"name":"n","version":1,"constants":[${constant}],"globals":[],"types":[],"functions":[{"name":"main","arity":0,"locals":0,"code":[{"PushConst":0},"Ret"],"capabilities":[],"intent":null}],"entry":0}`,
  );

describe("constants nested deep", () => {
  const forms: readonly (readonly [string, string, string])[] = [
    ["Some", '{"Some":', "}"],
    ["List", '{"List":[', "]}"],
    ["Map", '{"Map":{"k":', "}}"],
    ["Record", '{"Record":{"type_id":0,"fields":[', "]}}"],
    ["Enum", '{"Enum":{"type_id":0,"variant":0,"payload":', "}}"],
  ];
  const nested = (depth: number, open: string, close: string): Uint8Array =>
    modulePayload(`${open.repeat(depth)}"Unit"${close.repeat(depth)}`);

  test.each(forms)("%s: 256 levels and not one more", (_, open, close) => {
    const module = decodeModule(nested(MODULE_LIMITS.constantDepth, open, close));
    expect(runOnBoth(verifyModule(module)).status).toBe("completed");
    expect(errorKind(() => decodeModule(nested(MODULE_LIMITS.constantDepth + 1, open, close)))).toBe("module.too_large");
  });

  test.each(forms)("%s: a million levels", (_, open, close) => {
    expect(errorKind(() => decodeModule(nested(1_000_000, open, close)))).toBe("module.too_large");
    // Never closed: the depth limit is reached before the missing end is noticed.
    expect(errorKind(() => decodeModule(modulePayload(open.repeat(1_000_000))))).toBe("module.too_large");
  });
});

describe("tables", () => {
  const arms = (count: number, target: number) => Array.from({ length: count }, (_, tag) => ({ tag, target }));
  const matching = (count: number): TestFunction => ({ code: [["PushConst", 0], ["Match", 0], "Ret"], matchTables: [arms(count, 2)] });

  test("a match table with the most arms is searched and charged", () => {
    const end = runOnBoth(verifyModule(moduleOf([matching(MODULE_LIMITS.matchArms)], ["no arm"])));
    expect(end).toMatchObject({ status: "trapped", trap: { kind: "match_exhausted" }, steps: 2 + MODULE_LIMITS.matchArms / 256 });
    expect(errorKind(() => verifyModule(moduleOf([matching(MODULE_LIMITS.matchArms + 1)], [0])))).toBe("module.too_large");
  });

  test.runIf(DEEP)("the most functions, and one more", () => {
    const chain = (count: number) =>
      moduleOf(
        Array.from(
          { length: count },
          (_, i): TestFunction => ({ code: i + 1 < count ? [["TailCall", i + 1, 0]] : [["PushConst", 0], "Ret"] }),
        ),
        [7],
      );
    expect(runOnBoth(verifyModule(chain(MODULE_LIMITS.functions)))).toMatchObject({
      status: "completed",
      value: 7,
      steps: MODULE_LIMITS.functions + 1,
    });
    expect(errorKind(() => verifyModule(chain(MODULE_LIMITS.functions + 1)))).toBe("module.too_large");
  });

  test.runIf(DEEP)("a function with the most instructions", () => {
    const long = moduleOf([{ code: Array.from({ length: MODULE_LIMITS.codeLength }, () => "Nop" as const) }]);
    expect(runOnBoth(verifyModule(long))).toMatchObject({ status: "completed", steps: MODULE_LIMITS.codeLength + 1 });
  });
});

describe("jumps", () => {
  const jumping = (op: "Jmp" | "JmpIf" | "JmpIfNot", target: number): Code => [["PushConst", 0], "Dup", [op, target], "Ret"];

  test.each(["Jmp", "JmpIf", "JmpIfNot"] as const)("%s inside, to the end and beyond", (op) => {
    for (const target of [3, 4]) expect(runOnBoth(verifyModule(moduleOf([{ code: jumping(op, target) }], [0]))).status).toBe("completed");
    for (const target of [5, 1_000_000, 2 ** 31 - 1])
      expect(errorKind(() => verifyModule(moduleOf([{ code: jumping(op, target) }], [0])))).toBe("module.bad_jump");
    for (const target of [-1, 2 ** 31, 2 ** 32, 0.5, Number.NaN])
      expect(errorKind(() => verifyModule(moduleOf([{ code: jumping(op, target) }], [0])))).toBe("module.bad_operand");
  });

  test("arms of a match", () => {
    const to = (target: number) =>
      moduleOf(
        [
          {
            code: [
              ["PushConst", 0],
              ["Match", 0],
            ],
            matchTables: [[{ tag: -1, target }]],
          },
        ],
        [0],
      );
    expect(runOnBoth(verifyModule(to(2))).status).toBe("completed");
    for (const target of [3, -1, 0.5, 2 ** 32]) expect(errorKind(() => verifyModule(to(target)))).toBe("module.bad_jump");
  });
});

describe("recursion", () => {
  /** Calls itself `constants[0]` times, then returns that number. */
  const counting = (times: number, impure = false) =>
    moduleOf(
      [
        { code: [["PushConst", 0], ["Call", 1, 1], ...(impure ? (["Debug"] as const) : []), "Ret"] },
        {
          arity: 1,
          code: [
            ["LoadLocal", 0],
            ["JmpIf", 4],
            ["PushConst", 2],
            "Ret",
            ["LoadLocal", 0],
            ["PushConst", 1],
            "Sub",
            ["Call", 1, 1],
            ["PushConst", 1],
            "Add",
            "Ret",
          ],
        },
      ],
      [times, 1, 0],
    );
  const FRAMES_BESIDE = 2;

  test.each(someOf([3, 4, 100, 9_999, 10_000, 10_001, 60_000]))("max_call_depth %i: exact on both engines", (depth) => {
    const limits = { max_call_depth: depth };
    const most = depth - FRAMES_BESIDE;
    for (const impure of [false, true]) {
      expect(runOnBoth(verifyModule(counting(most, impure)), limits)).toMatchObject({ status: "completed", value: most });
      const end = runOnBoth(verifyModule(counting(most + 1, impure)), limits);
      expect(end).toMatchObject({ status: "trapped", trap: { kind: "stack_overflow" } });
    }
  });

  test.each(DEEP ? ENGINES : (["compiled"] as const))("the deepest recursion, far beyond the stack of V8: %s", (engine) => {
    const limits = { max_call_depth: 1_000_000 };
    const { end } = runOn(engine, verifyModule(counting(999_998)), { ...limits, max_steps: 100_000_000 });
    expect(end).toMatchObject({ status: "completed", value: 999_998 });
    const over = runOn(engine, verifyModule(counting(999_999)), { ...limits, max_steps: 100_000_000 });
    expect(over.end).toMatchObject({ status: "trapped", trap: { kind: "stack_overflow" } });
  });

  test.runIf(DEEP)("frames of many slots reach the slot limit, at the same step on both engines", () => {
    const wide = moduleOf(
      [
        { code: [["PushConst", 0], ["Call", 1, 1], "Ret"] },
        { arity: 1, locals: 190, code: [["LoadLocal", 0], ["PushConst", 1], "Add", ["Call", 1, 1], "Ret"] },
      ],
      [0, 1],
    );
    const end = runOnBoth(verifyModule(wide), { max_call_depth: 1_000_000 });
    expect(end).toMatchObject({ status: "trapped", trap: { kind: "stack_overflow", message: expect.stringContaining("slots") } });
  });

  const SOURCES: readonly (readonly [string, string])[] = [
    ["itself", "fn down(n: Int) -> Int { 1 + down(n + 1) }\nfn main() -> Int { down(0) }"],
    ["mutual", "fn even(n: Int) -> Bool { !odd(n + 1) }\nfn odd(n: Int) -> Bool { !even(n + 1) }\nfn main() -> Bool { even(0) }"],
    [
      "through a function value",
      "fn go(f: Fn(Int) -> Int, n: Int) -> Int { 1 + f(n) }\nfn step(n: Int) -> Int { go(step, n + 1) }\nfn main() -> Int { step(0) }",
    ],
    ["through a closure", "fn go(n: Int) -> Int { let f = fn(x: Int) { go(x + n) }  f(1) + 1 }\nfn main() -> Int { go(0) }"],
    ["in a builtin's function", "fn go(n: Int) -> Int { list.fold([n], 0, fn(a, x) { a + go(x + 1) }) + 1 }\nfn main() -> Int { go(0) }"],
    [
      "with much on the stack",
      `fn go(n: Int) -> Int { ${Array.from({ length: 60 }, (_, i) => `(n + ${i}) * (1 + `).join("")}go(n + 1)${")".repeat(60)} }\nfn main() -> Int { go(0) }`,
    ],
    ["in strings", 'fn go(s: String) -> String { "(" ++ go("x") ++ ")" }\nfn main() -> String { go("") }'],
    ["in floats", "fn go(x: Float) -> Float { go(x + 0.5) * 2.0 }\nfn main() -> Float { go(0.0) }"],
  ];

  test.each(someOf(SOURCES))("without end, %s", (_, text) => {
    const program = verifyModule(compile({ name: "main.ax", text }).module);
    for (const max_call_depth of [1, 2, 7, 1_000, DEFAULT_LIMITS.max_call_depth, 100_000]) {
      expect(runOnBoth(program, { max_call_depth })).toMatchObject({ status: "trapped", trap: { kind: "stack_overflow" } });
    }
    const end = runOnBoth(program, { max_call_depth: 1_000_000, max_steps: 200_000 });
    expect(end).toMatchObject({ status: "trapped", trap: { kind: expect.stringMatching(/^(step_limit|stack_overflow|alloc_limit)$/) } });
  });

  test("without end in one frame: tail calls stop at the step limit", () => {
    const text = "fn spin(n: Int) -> Int { spin(n + 1) }\nfn main() -> Int { spin(0) }";
    const end = runOnBoth(verifyModule(compile({ name: "main.ax", text }).module), { max_steps: 1_000_003 });
    expect(end).toMatchObject({ status: "trapped", trap: { kind: "step_limit" }, steps: 1_000_003 });
  });

  test("a function value of itself, called with too many and too few arguments", () => {
    const module = moduleOf(
      [{ arity: 2, code: [["LoadLocal", 0], ["PushConst", 0], ["CallIndirect", 1], ["PushConst", 0], ["CallIndirect", 1], "Ret"] }],
      [new FnRefValue(0)],
    );
    expect(runOnBoth(verifyModule(module))).toMatchObject({ trap: { kind: "stack_overflow" } });
  });
});
