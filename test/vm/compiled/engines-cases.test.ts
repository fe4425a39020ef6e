/** Small modules for edge cases in which the two engines could differ. */
import { describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import type { Host, SuspendingHost } from "../../../vm/host.ts";
import { DEFAULT_LIMITS } from "../../../vm/limits.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { resumeMachine, runMachine, startMachine } from "../../../vm/scheduler/scheduler.ts";
import { EnumValue, FloatValue, FnRefValue, RecordValue, UNIT, type Value } from "../../../vm/value/value.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { DEEP, someOf } from "../../cases.ts";
import { countsOf, runOn, sameOnBoth, seen } from "../engines.ts";
import { moduleOf, type TestFunction, testHost } from "../helpers.ts";

type Code = TestFunction["code"];
const float = (value: number): FloatValue => new FloatValue(value);

test("a hot loop whose header is the first instruction keeps its locals", () => {
  const code: Code = [
    ["LoadLocal", 1],
    ["JmpIf", 5],
    ["PushConst", 1],
    ["StoreLocal", 1],
    ["Jmp", 0],
    ["LoadLocal", 1],
    ["PushConst", 1],
    "Add",
    ["StoreLocal", 1],
    ["LoadLocal", 0],
    ["PushConst", 1],
    "Sub",
    "Dup",
    ["StoreLocal", 0],
    ["JmpIfNot", 16],
    ["Jmp", 0],
    ["LoadLocal", 1],
    "Ret",
  ];
  const program = verifyModule(moduleOf([{ arity: 1, locals: 2, code }], [0, 1]));
  expect(sameOnBoth(program, { args: [20_000] }, "auto").end).toContain("20001");
});

interface Case {
  readonly name: string;
  readonly functions: readonly TestFunction[];
  readonly constants: readonly Value[];
}

const CASES: readonly Case[] = [
  {
    name: "0.0 and -0.0 in one compilation unit",
    functions: [{ code: [["PushConst", 0], ["PushConst", 1], ["MakeList", 2], "Ret"] }],
    constants: [float(0), float(-0)],
  },
  {
    name: "a Float does not index a list",
    functions: [{ code: [["PushConst", 0], ["PushConst", 1], "ListGet", "Ret"] }],
    constants: [ListValue.of([7, 8]), float(1)],
  },
  {
    name: "variants without payload of two types, with large indices",
    functions: [
      { code: [["PushConst", 0], ["MakeEnum", 65_533, 65_536], ["PushConst", 0], ["MakeEnum", 65_534, 0], ["MakeList", 2], "Ret"] },
    ],
    constants: [UNIT],
  },
  {
    name: "Dup passes a Float to two parameters of a tail call, which also hold other kinds",
    functions: [
      { code: [["PushConst", 0], ["PushConst", 0], ["PushConst", 2], ["Call", 1, 3], "Ret"] },
      {
        arity: 3,
        code: [
          ["LoadLocal", 2],
          ["JmpIf", 4],
          ["LoadLocal", 1],
          "Ret",
          ["PushConst", 1],
          ["PushConst", 1],
          "Add",
          "Dup",
          ["PushConst", 3],
          ["TailCall", 1, 3],
        ],
      },
    ],
    constants: [1, float(2.5), true, false],
  },
  {
    name: "GetField on an Int",
    functions: [{ code: [["PushConst", 0], ["GetField", 0], "Ret"] }],
    constants: [5],
  },
  {
    name: "GetField on a Float",
    functions: [{ code: [["PushConst", 0], ["GetField", 0], "Ret"] }],
    constants: [float(5)],
  },
  {
    name: "code without Ret: running off the end returns Unit",
    functions: [{ code: [["PushConst", 0], ["Call", 1, 1], ["MakeList", 1], "Ret"] }, { arity: 1, code: [["LoadLocal", 0]] }],
    constants: [float(5)],
  },
  {
    name: "a function that returns a Float on one path and Unit on another",
    functions: [
      { code: [["PushConst", 0], ["Call", 1, 1], ["PushConst", 1], ["Call", 1, 1], ["MakeList", 2], "Ret"] },
      { arity: 1, code: [["LoadLocal", 0], ["JmpIf", 3], "Ret", ["PushConst", 2], "Ret"] },
    ],
    constants: [true, false, float(2)],
  },
  {
    name: "a local that holds a Float on one path and Unit on another",
    functions: [
      { code: [["PushConst", 0], ["Call", 1, 1], ["PushConst", 1], ["Call", 1, 1], ["MakeList", 2], "Ret"] },
      { arity: 1, locals: 2, code: [["LoadLocal", 0], ["JmpIf", 4], ["PushConst", 2], ["StoreLocal", 1], ["LoadLocal", 1], "Ret"] },
    ],
    constants: [true, false, float(2)],
  },
  {
    name: "an operand that holds the old value of a local",
    functions: [
      {
        arity: 0,
        locals: 1,
        code: [
          ["PushConst", 0],
          ["StoreLocal", 0],
          ["LoadLocal", 0],
          "Dup",
          ["PushConst", 1],
          ["StoreLocal", 0],
          ["LoadLocal", 0],
          ["MakeList", 3],
          "Ret",
        ],
      },
    ],
    constants: [1, float(2)],
  },
  {
    name: "a loop that begins at the first instruction",
    functions: [
      { code: [["Call", 1, 0], "Ret"] },
      {
        arity: 0,
        locals: 1,
        code: [
          ["LoadLocal", 0],
          ["JmpIf", 4],
          ["PushConst", 0],
          ["StoreLocal", 0],
          ["LoadLocal", 0],
          ["PushConst", 1],
          "Sub",
          "Dup",
          ["StoreLocal", 0],
          ["JmpIf", 0],
          ["LoadLocal", 0],
          "Ret",
        ],
      },
    ],
    constants: [5, 1],
  },
  {
    name: "a loop with two entries",
    functions: [
      { code: [["PushConst", 0], ["PushConst", 1], ["Call", 1, 2], "Ret"] },
      {
        arity: 2,
        code: [
          ["LoadLocal", 0],
          ["JmpIf", 6],
          ["LoadLocal", 1],
          ["PushConst", 2],
          "Sub",
          ["StoreLocal", 1],
          ["LoadLocal", 1],
          ["JmpIf", 2],
          ["LoadLocal", 1],
          "Ret",
        ],
      },
    ],
    constants: [true, 9, 1],
  },
  {
    name: "too few and too many arguments",
    functions: [
      {
        code: [
          ["PushConst", 0],
          ["PushConst", 0],
          ["PushConst", 0],
          ["Call", 1, 3],
          ["Call", 1, 0],
          ["PushConst", 1],
          ["CallIndirect", 0],
          ["MakeList", 3],
          "Ret",
        ],
      },
      { arity: 2, code: [["LoadLocal", 0], ["LoadLocal", 1], ["MakeList", 2], "Ret"] },
    ],
    constants: [float(1), new FnRefValue(1)],
  },
  {
    name: "a tail call with too few and with too many arguments",
    functions: [
      { code: [["PushConst", 0], ["Call", 1, 1], "Ret"] },
      {
        arity: 2,
        locals: 3,
        code: [
          ["LoadLocal", 2],
          ["JmpIf", 9],
          ["LoadLocal", 0],
          ["JmpIfNot", 11],
          ["PushConst", 1],
          ["LoadLocal", 0],
          ["LoadLocal", 0],
          ["PushConst", 0],
          ["TailCall", 1, 4],
          ["PushConst", 0],
          "Ret",
          ["LoadLocal", 1],
          ["TailCall", 2, 1],
        ],
      },
      { arity: 2, code: [["LoadLocal", 0], ["LoadLocal", 1], ["MakeList", 2], "Ret"] },
    ],
    constants: [float(1), false],
  },
  {
    name: "a match with duplicate tags, a wildcard in the middle and a Bool",
    functions: [
      {
        code: [["PushConst", 0], ["Match", 0], ["PushConst", 1], "Ret", ["PushConst", 2], ["MakeList", 2], "Ret"],
        matchTables: [
          [
            { tag: 0, target: 2 },
            { tag: 1, target: 4 },
            { tag: 1, target: 2 },
            { tag: -1, target: 2 },
            { tag: 1, target: 2 },
          ],
        ],
      },
    ],
    constants: [true, 1, 2],
  },
  {
    name: "a match on a legacy option by positive and negative tags",
    functions: [
      {
        code: [["PushConst", 0], ["Match", 0], "Ret"],
        matchTables: [
          [
            { tag: -3, target: 2 },
            { tag: -1, target: 2 },
          ],
        ],
      },
    ],
    constants: [new EnumValue(65_534, 1, float(2))],
  },
  {
    name: "a match without a matching arm",
    functions: [
      {
        code: [["PushConst", 0], ["Match", 0], "Ret"],
        matchTables: [
          [
            { tag: 3, target: 2 },
            { tag: -4, target: 2 },
          ],
        ],
      },
    ],
    constants: [RecordValue.of(0, [])],
  },
];

describe("both engines return the same", () => {
  test.each(CASES)("$name", ({ functions, constants }) => {
    const types = [
      { name: "R", kind: "record", fields: [] },
      { name: "E", kind: "enum", variants: [{ name: "A", type: null }] },
    ] as const;
    const program = verifyModule(moduleOf(functions, constants, { types }));
    const whole = sameOnBoth(program);
    for (let max_steps = 1; max_steps <= whole.steps; max_steps++) sameOnBoth(program, { limits: { max_steps } });
    for (let max_alloc_bytes = 0; max_alloc_bytes < whole.allocBytes; max_alloc_bytes += 8)
      sameOnBoth(program, { limits: { max_alloc_bytes } });
  });
});

const repeated = (count: number, code: (i: number) => Code): Code => Array.from({ length: count }, (_, i) => code(i)).flat();

/** The bound of `counts.work`, which is the same on every machine. */
const MAX_WORK = 3_000_000;
function workOf(functions: readonly TestFunction[], constants: readonly Value[]): number {
  const program = verifyModule(moduleOf(functions, constants));
  expect(runOn("compiled", program)).toEqual(runOn("interpreter", program));
  return countsOf(program).work;
}

describe("the time and text of compiling are proportional to the code", () => {
  test("branches whose two targets are the same", () => {
    const code = [
      ...repeated(18, (i) => [
        ["LoadLocal", 0],
        ["JmpIf", 2 * i + 2],
      ]),
      ["PushConst", 0],
      "Ret",
    ] as const;
    expect(workOf([{ locals: 1, code }], [5])).toBeLessThan(MAX_WORK);
  });

  test("matches whose arms have the same target", () => {
    const table = (target: number) => [0, 1, 2, -1].map((tag) => ({ tag, target }));
    const code = [...repeated(9, (i) => [["PushConst", 0], ["Match", i], "Pop"]), ["PushConst", 0], "Ret"] as const;
    const matchTables = Array.from({ length: 9 }, (_, i) => table(3 * i + 2));
    expect(workOf([{ code, matchTables }], [5])).toBeLessThan(MAX_WORK);
  });

  test.runIf(DEEP)("a chain of 200 calls: type inference passes the kind of the result on from function to function", () => {
    const count = 200;
    const link = (i: number): TestFunction => {
      const last: Code = i + 1 < count ? [["Call", i + 2, 0]] : [["PushConst", 0]];
      return { locals: 1, code: [...repeated(200, () => [["LoadLocal", 0], "Pop"]), ...last, "Ret"] };
    };
    const functions = [{ code: [["Call", 1, 0], "Ret"] }, ...Array.from({ length: count }, (_, i) => link(i))] as const;
    expect(workOf(functions, [5])).toBeLessThan(MAX_WORK);
  });

  test("loops inside loops", () => {
    const depth = 300;
    const heads = repeated(depth, () => [["LoadLocal", 0], "Pop"]);
    const backs = repeated(depth, (i) => [
      ["LoadLocal", 0],
      ["JmpIf", 2 * (depth - 1 - i)],
    ]);
    expect(workOf([{ locals: 200, code: [...heads, ...backs, ["PushConst", 0], "Ret"] }], [5])).toBeLessThan(MAX_WORK);
  });
});

describe("limits bound the work", () => {
  /** How often the host was polled, which happens once in `CHECK_STEPS` steps. */
  function polls(functions: readonly TestFunction[], constants: readonly Value[], max_alloc_bytes: number): number {
    let asked = 0;
    const host = {
      interrupted: () => {
        asked += 1;
        return undefined;
      },
    };
    const program = verifyModule(moduleOf(functions, constants));
    sameOnBoth(program, { limits: { max_alloc_bytes, max_steps: 5_000 } });
    asked = 0;
    const { end } = runOn("compiled", program, { limits: { max_alloc_bytes, max_steps: 10_000_000 }, host });
    expect(end).toContain("alloc_limit");
    return asked;
  }

  test("a loop whose callee allocates stops at the allocation limit, not at the step limit", () => {
    const functions: readonly TestFunction[] = [
      {
        locals: 1,
        code: [
          ["PushConst", 0],
          ["StoreLocal", 0],
          ["LoadLocal", 0],
          ["Call", 1, 1],
          ["StoreLocal", 0],
          ["Jmp", 2],
        ],
      },
      { arity: 1, code: [["LoadLocal", 0], ...repeated(50, () => [["Wrap", 0]]), "Ret"] },
    ];
    expect(polls(functions, [UNIT], 100_000)).toBeLessThan(5);
  });

  test("a loop that calls a function value stops at the allocation limit too", () => {
    const functions: readonly TestFunction[] = [
      {
        locals: 1,
        code: [
          ["PushConst", 0],
          ["StoreLocal", 0],
          ["LoadLocal", 0],
          ["PushConst", 1],
          ["CallIndirect", 1],
          ["StoreLocal", 0],
          ["Jmp", 2],
        ],
      },
      { arity: 1, code: [["LoadLocal", 0], ...repeated(50, () => [["Wrap", 0]]), "Ret"] },
    ];
    expect(polls(functions, [UNIT, new FnRefValue(1)], 100_000)).toBeLessThan(5);
  });

  test("recursion stops at the same depth limit, also if V8's stack overflows first", () => {
    const functions: readonly TestFunction[] = [
      { code: [["PushConst", 0], ["Call", 1, 1], "Ret"] },
      { arity: 1, code: [["LoadLocal", 0], ["PushConst", 1], "Add", ["Call", 1, 1], ["PushConst", 1], "Add", "Ret"] },
    ];
    const program = verifyModule(moduleOf(functions, [0, 1]));
    for (const max_call_depth of [1, 2, 3, 50, 1_000, 10_000, 200_000]) sameOnBoth(program, { limits: { max_call_depth } });
    expect(countsOf(program).entered).toBe(7);
  });
});

test("a loop in a large function that only makes calls ends at the step limit", () => {
  const functions: readonly TestFunction[] = [
    { code: [["Call", 1, 0], "Pop", ...repeated(100, () => ["Nop"]), ["Jmp", 0]] },
    { code: [["PushConst", 0], "Ret"] },
  ];
  const { end } = sameOnBoth(verifyModule(moduleOf(functions, [UNIT])), { limits: { max_steps: 5_000 } });
  expect(end).toContain("step_limit");
});

test("an operand and a local whose kinds both become any at a merge", () => {
  const text = `type P { f: Float }
fn g(b: Bool, p: P) -> Float {
    let mut v = 1.5
    if b { v = p.f }
    v + (if b { 1.0 } else { 2.0 }) + v
}
fn main() -> List<Float> { [g(true, P { f: 0.5 }), g(false, P { f: 0.5 })] }`;
  const { end } = sameOnBoth(verifyModule(compile({ name: "main.ax", text }).module));
  expect(end).toBe('value {"List":[{"Float":2.0},{"Float":5.0}]}');
});

test("a loop that pauses for the host keeps its locals and operands", async () => {
  // Rounds of twelve steps, with a Float on the operand stack, a Float in a local, and a dead local.
  const loop: TestFunction = {
    locals: 3,
    code: [
      ["PushConst", 1],
      ["PushConst", 2],
      ["StoreLocal", 1],
      ["PushConst", 0],
      ["StoreLocal", 0],
      ["LoadLocal", 0],
      ["PushConst", 3],
      "Sub",
      "Dup",
      ["StoreLocal", 0],
      ["JmpIfNot", 17],
      ["LoadLocal", 1],
      "Add",
      ["LoadLocal", 0],
      ["StoreLocal", 2],
      "Nop",
      ["Jmp", 5],
      "Ret",
    ],
  };
  const program = verifyModule(moduleOf([loop], [2_000_000, float(1.5), float(0.25), 1]));
  let turns = 0;
  const ends = (["interpreter", "auto", "compiled"] as const).map(async (engine) => {
    const host = testHost();
    const pause = (): Promise<undefined> => {
      turns += 1;
      return Promise.resolve(undefined);
    };
    const end = await runMachine(program, { ...host, pause }, { limits: { ...DEFAULT_LIMITS, max_steps: 100_000_000 }, args: [], engine });
    return seen(end, host);
  });
  const [expected, ...others] = await Promise.all(ends);
  for (const other of others) expect(other).toEqual(expected);
  expect(expected?.end).toBe('value {"Float":500001.25}');
  expect(turns).toBeGreaterThan(200);
});

test.each([
  ["Call", 2, 0],
  ["TailCall", 2, 0],
] as const)("a frame that was suspended at its first instruction resumes on either engine, after a %s", (...call) => {
  // This function is interpreted. It leaves 495 of the slice's 999 steps to the function that it calls.
  const child: TestFunction = { code: [["LoadGlobal", 0], "Pop", ...repeated(501, () => ["Nop"])] };
  const looping: TestFunction = {
    locals: 1,
    // An iteration takes nine steps, the first one eighteen. So the slice ends just before the first instruction.
    code: [
      ["LoadLocal", 0],
      ["JmpIf", 11],
      ["PushConst", 2],
      ["StoreLocal", 0],
      ...repeated(7, () => ["Nop"]),
      ["LoadLocal", 0],
      ["PushConst", 0],
      "Sub",
      ["StoreLocal", 0],
      ["LoadLocal", 0],
      "Nop",
      ["JmpIf", 0],
      ["LoadLocal", 0],
      "Ret",
    ],
  };
  const root: TestFunction = {
    locals: 1,
    capabilities: [5],
    code: [
      ["SpawnActor", 1],
      "Pop",
      ["PushConst", 1],
      ["StoreLocal", 0],
      ["LoadLocal", 0],
      ["PushConst", 0],
      "Sub",
      "Dup",
      ["StoreLocal", 0],
      ["JmpIf", 4],
      ["CapCall", 5, 0],
      "Ret",
    ],
  };
  const module = moduleOf([root, { ...child, code: [...child.code, call, "Ret"] }, looping], [1, 400, 80], { globals: ["g"] });
  const program = verifyModule(module);
  sameOnBoth(program);
  const suspending: SuspendingHost = {
    ...testHost(),
    call: ({ capability }) => (capability.name === "time.now" ? "suspend" : { ok: true, value: UNIT }),
  };
  const stopped = startMachine(program, suspending, { limits: DEFAULT_LIMITS, args: [], engine: "interpreter" });
  if (stopped instanceof Promise || stopped.status !== "suspended") throw new Error("not suspended");
  const resumed = (engine: "interpreter" | "compiled"): unknown => {
    const host = testHost();
    const end = resumeMachine(program, host satisfies Host, stopped.state, { ok: true, value: 5 }, { engine });
    if (end instanceof Promise || end.status === "suspended") throw new Error("not ended");
    return seen(end, host);
  };
  expect(resumed("compiled")).toEqual(resumed("interpreter"));
});

describe("both engines have the same limit of stack slots", () => {
  /** Calls itself as often as its parameter says, with this many operands and locals in each frame. */
  const recursive = (self: number, operands: number, locals: number): TestFunction => ({
    arity: 1,
    locals,
    code: [
      ["LoadLocal", 0],
      ["JmpIf", 4],
      ["PushConst", 0],
      "Ret",
      ...repeated(operands, () => [["PushConst", 0]]),
      ["LoadLocal", 0],
      ["PushConst", 1],
      "Sub",
      ["Call", self, 1],
      "Ret",
    ],
  });
  const countDown: Code = [["LoadLocal", 0], ["PushConst", 1], "Sub", "Dup", ["StoreLocal", 0], ["JmpIf", 2]];
  const start: Code = [
    ["PushConst", 2],
    ["StoreLocal", 0],
  ];
  const limits = { max_steps: 100_000_000 };

  test.each(someOf(["compiled", "auto"] as const))("a small function calls a large one as a function value: %s", (engine) => {
    const byValue = (depth: number): Code => [
      ["PushConst", depth],
      ["PushConst", 5],
      ["CallIndirect", 1],
    ];
    const caller: TestFunction = { locals: 1, code: [...start, ...byValue(3), "Pop", ...countDown, ...byValue(4), "Ret"] };
    const functions = [{ code: [["Call", 1, 0], "Halt"] }, caller, recursive(2, 500, 200)] as const;
    const program = verifyModule(moduleOf(functions, [0, 1, 3_000, 20, 9_000, new FnRefValue(2)]));
    expect(sameOnBoth(program, { limits }, engine).end).toContain("stack_overflow");
  });

  test.runIf(DEEP).each(["compiled", "auto"] as const)("after an earlier deep recursion: %s", (engine) => {
    const caller: TestFunction = {
      locals: 1,
      code: [...start, ["PushConst", 3], ["Call", 2, 1], "Pop", ...countDown, ["PushConst", 4], ["Call", 2, 1], "Ret"],
    };
    const exact = recursive(3, 3_000, 1);
    const functions: readonly TestFunction[] = [
      { code: [["Call", 1, 0], "Pop", ["PushConst", 5], ["Call", 3, 1], "Halt"] },
      caller,
      recursive(2, 500, 200),
      { ...exact, code: [...exact.code, "Halt"] },
    ];
    const program = verifyModule(moduleOf(functions, [0, 1, 3_000, 20, 3_000, 2_040]));
    expect(sameOnBoth(program, { limits }, engine).end).toContain("stack_overflow");
  });
});
