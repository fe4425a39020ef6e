/** Modules that are cheap to run but expensive to compile: the compiled engine must give up before it has done much work. */
import { expect, test } from "vitest";
import { DEFAULT_LIMITS } from "../../../vm/limits.ts";
import type { Module } from "../../../vm/bytecode/module.ts";
import { runMachine } from "../../../vm/scheduler/scheduler.ts";
import { FnRefValue, I64_MAX, UNIT, type Value } from "../../../vm/value/value.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { someOf } from "../../cases.ts";
import { moduleOf, testHost, type TestFunction } from "../helpers.ts";
import { countsOf } from "../engines.ts";
import { observe, runOnBoth } from "./hostile.ts";

type Code = TestFunction["code"][number][];

/** The work of compiling, counted in slots analyzed and characters written, so it is the same on every machine. */
const MAX_WORK = 25_000_000;

/** Instructions and slots of compilation units that are given up. */
const MAX_WASTED = 21_000_000;

/** The longest function that is compiled (see `vm/compiled/eligible.ts`). */
const LONG = 3_900;

const COUNT = 0;
/** Indexes of constants, see `moduleCalling`. */
const ONE_INDEX = 1;
const ARGUMENT_INDEX = 2;
/** An entry that is never compiled itself. It calls function 1 with constant 2, as often as constant 0 says. */
const CALLER: TestFunction = {
  locals: 1,
  code: [
    ["PushConst", COUNT],
    ["StoreLocal", 0],
    ["PushConst", ARGUMENT_INDEX],
    ["Call", 1, 1],
    "Pop",
    ["LoadLocal", 0],
    ["PushConst", ONE_INDEX],
    "Sub",
    "Dup",
    ["StoreLocal", 0],
    ["JmpIf", 2],
    "Halt",
  ],
};
/** Code that returns at once, because the argument is false here. */
const LEAVES: Code = [["LoadLocal", 0], ["JmpIf", 4], ["PushConst", ONE_INDEX], "Ret"];

const moduleCalling = (functions: readonly TestFunction[], times: number, argument: Value = false, more: readonly Value[] = []): Module =>
  moduleOf([CALLER, ...functions], [times, 1, argument, ...more]);

const LARGE_TABLE = Array.from({ length: 5_000 }, () => ({ tag: 0, target: 0 }));

const CASES: Readonly<Record<string, () => Module>> = {
  "a chain of calls that ends in an effect": () => {
    const length = 12_000;
    const links = Array.from(
      { length },
      (_, i): TestFunction => ({ arity: 1, code: [["PushConst", ONE_INDEX], ["Call", i + 2, 1], "Ret"] }),
    );
    const last: TestFunction = { arity: 1, code: [["PushConst", ONE_INDEX], "Debug", "Ret"] };
    return moduleOf([{ code: [["PushConst", ONE_INDEX], "Ret"] }, ...links, last], [0, 1]);
  },
  "results whose kinds become known last": () => {
    const length = 80;
    const functions = Array.from({ length }, (_, i): TestFunction => {
      const code = LEAVES.slice();
      while (code.length < LONG) code.push(["PushConst", ONE_INDEX], "Pop");
      code.push(
        ...(i + 1 < length
          ? ([
              ["LoadLocal", 0],
              ["Call", i + 2, 1],
            ] as const)
          : ([["PushConst", 3]] as const)),
        "Ret",
      );
      return { arity: 1, code };
    });
    return moduleCalling(functions, 20, false, ["a String"]);
  },
  "many blocks with many operands on the stack": () => {
    const length = 6;
    const functions = Array.from({ length }, (_, i): TestFunction => {
      const code: Code = [...LEAVES, ["PushConst", ONE_INDEX]];
      while (code.length < LONG / 2) code.push("Dup");
      while (code.length < LONG) code.push(["Jmp", code.length + 1]);
      if (i + 1 < length) code.push(["LoadLocal", 0], ["Call", i + 2, 1]);
      code.push("Ret");
      return { arity: 1, locals: 200, code };
    });
    return moduleCalling(functions, 20);
  },
  "one large match table that many instructions share": () => {
    const code: Code = [["Jmp", 3], "Nop", "Ret"];
    for (let i = 0; i < 8; i++) code.push(["LoadLocal", 0], ["JmpIfNot", code.length + 4], ["LoadLocal", 0], ["Match", 0]);
    code.push(["PushConst", ONE_INDEX], "Ret");
    const matchTables = [Array.from({ length: 65_536 }, (_, tag) => ({ tag, target: 2 }))];
    return moduleCalling([{ arity: 1, code, matchTables }], 2_000);
  },
  "a match with the most arms, each with its own block": () => {
    const code: Code = [
      ["LoadLocal", 0],
      ["Match", 0],
    ];
    const targets: number[] = [];
    while (code.length < LONG) {
      targets.push(code.length);
      code.push("Ret");
    }
    const matchTables = [Array.from({ length: 65_536 }, (_, i) => ({ tag: i - 5, target: targets[i % targets.length] ?? 2 }))];
    return moduleCalling([{ arity: 1, code, matchTables }], 60);
  },
  "a function value that can never be compiled": () => {
    // A loop with two entry points.
    const code = LEAVES.slice();
    while (code.length < LONG) code.push(["PushConst", ONE_INDEX], "Pop");
    const at = code.length;
    code.push(
      ["LoadLocal", 0],
      ["JmpIf", at + 5],
      "Nop",
      "Nop",
      "Nop",
      "Nop",
      ["LoadLocal", 0],
      ["JmpIf", at + 3],
      ["PushConst", ONE_INDEX],
      "Ret",
    );
    const caller: TestFunction = { arity: 1, code: [["PushConst", 3], ["LoadLocal", 0], ["CallIndirect", 1], "Ret"] };
    return moduleCalling([caller, { arity: 1, code }], 15_000, new FnRefValue(2), [false]);
  },
  "loops inside loops": () => {
    const code = LEAVES.slice();
    const heads: number[] = [];
    for (let i = 0; i < 390; i++) {
      heads.push(code.length);
      code.push("Nop");
    }
    for (const [i, head] of heads.toReversed().entries()) code.push(["LoadLocal", i % 200], ["JmpIf", head]);
    code.push(["PushConst", ONE_INDEX], "Ret");
    return moduleCalling([{ arity: 1, locals: 200, code }], 200);
  },
  "many loops in a row, each an entry point": () => {
    const code: Code = [];
    while (code.length < LONG) {
      const at = code.length;
      // Runs once: the second time, the local is false.
      code.push(
        ["Jmp", at + 4],
        ["PushConst", 3],
        ["StoreLocal", 0],
        ["Jmp", at + 4],
        ["LoadLocal", 0],
        ["JmpIf", at + 1],
        ["PushConst", ONE_INDEX],
        ["StoreLocal", 0],
      );
    }
    code.push(["PushConst", ONE_INDEX], "Ret");
    return moduleCalling([{ arity: 1, code }], 20, 1, [false]);
  },
  "guesses about kinds that fail in one function after the other": () => {
    const length = 250;
    const burn: TestFunction = {
      arity: 1,
      code: [
        ["LoadLocal", 0],
        ["JmpIfNot", 7],
        ["LoadLocal", 0],
        ["PushConst", ONE_INDEX],
        "Sub",
        ["StoreLocal", 0],
        ["Jmp", 0],
        ["PushConst", ONE_INDEX],
        "Ret",
      ],
    };
    const wide = Array.from(
      { length },
      (): TestFunction => ({ arity: 1, code: [["LoadLocal", 0], ["PushConst", ONE_INDEX], "Sub", "Ret"] }),
    );
    const all: Code = [["PushConst", 4], ["Call", 2, 1], "Pop"];
    for (let i = 0; i < length; i++) all.push(["LoadLocal", 0], ["Call", 3 + i, 1], "Pop");
    all.push(["PushConst", ONE_INDEX], "Ret");
    return moduleCalling([{ arity: 1, code: all }, burn, ...wide], 70, I64_MAX, [0, 15_000]);
  },
  "large unused match tables in a function that is compiled into many units": () => {
    const length = 900;
    const grows: TestFunction = {
      locals: 1,
      code: [
        ["MakeList", 0],
        ["StoreLocal", 0],
        ["LoadLocal", 0],
        ["PushConst", 0],
        "ListPush",
        ["StoreLocal", 0],
        ["LoadLocal", 0],
        "Ret",
      ],
      matchTables: Array.from({ length: 300 }, () => LARGE_TABLE),
    };
    const other: TestFunction = { code: [["Call", 1, 0], "Pop", ["PushConst", 0], "Ret", ...Array<"Nop">(400).fill("Nop")] };
    const code: Code = [
      ["PushConst", 1],
      ["StoreLocal", 0],
    ];
    for (let i = 0; i < length; i++) code.push(["Call", 2 + i, 0], "Pop");
    code.push(["LoadLocal", 0], ["PushConst", 2], "Sub", "Dup", ["StoreLocal", 0], ["JmpIf", 2], ["PushConst", 0], "Ret");
    return moduleOf([{ locals: 1, code }, grows, ...Array<TestFunction>(length).fill(other)], [0, 130, 1]);
  },
  "a long else-if of wrapped values": () => {
    const code: Code = [["LoadLocal", 0], ["Match", 0], "Ret", "Ret"];
    const matchTables = [Array.from({ length: 65_536 }, (_, i) => ({ tag: i - 5, target: 2 + (i % 2) }))];
    return moduleCalling([{ arity: 1, code, matchTables }], 20_000, UNIT);
  },
  "many loops that each reach more functions than one unit compiles": () => {
    const callees = 302;
    const code: Code = [];
    for (let i = 0; i < 400; i++) {
      const at = code.length;
      code.push(
        ["LoadLocal", 0],
        ["JmpIf", at + 5],
        ["PushConst", ONE_INDEX],
        ["StoreLocal", 0],
        ["Jmp", at],
        ["PushConst", ARGUMENT_INDEX],
        ["StoreLocal", 0],
      );
    }
    code.push(["LoadLocal", 0], ["JmpIfNot", code.length + 2 + 2 * callees]);
    for (let i = 0; i < callees; i++) code.push(["Call", 2 + i, 0], "Pop");
    code.push(["PushConst", ONE_INDEX], "Ret");
    const branches: Code = [];
    for (let i = 0; i < 30; i++) branches.push(["LoadLocal", 0], ["JmpIf", branches.length + 3], "Nop");
    branches.push(["PushConst", ONE_INDEX], "Ret");
    const callee: TestFunction = { locals: 20, code: branches };
    return moduleCalling([{ arity: 1, code }, ...Array<TestFunction>(callees).fill(callee)], 40);
  },
};

test.each(someOf(Object.entries(CASES)))("%s", (_, make) => {
  const program = verifyModule(make());
  const host = testHost();
  const end = runMachine(program, host, { limits: DEFAULT_LIMITS, args: [] });
  if ("then" in end) throw new Error("a promise without an asynchronous call");
  expect(observe(end, host)).toEqual(observe(runOnBoth(program), host));
  expect(countsOf(program, "auto").work).toBeLessThan(MAX_WORK);
  expect(countsOf(program, "compiled").work).toBeLessThan(MAX_WORK);
  for (const engine of ["auto", "compiled"] as const) expect(countsOf(program, engine).wasted).toBeLessThan(MAX_WASTED);
});

test("enum values of numbers that only look alike", () => {
  const types = [
    { name: "R", kind: "record", fields: [] },
    { name: "E", kind: "enum", variants: [{ name: "A", type: null }] },
  ] as const;
  const code: Code = [["PushConst", 0], ["MakeEnum", 0, 65_536], ["PushConst", 0], ["MakeEnum", 1, 0], ["MakeList", 2], "Ret"];
  expect(runOnBoth(verifyModule(moduleOf([{ code }], [UNIT], { types }))).status).toBe("completed");
});
