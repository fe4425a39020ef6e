import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BYTES,
  mapCharge,
  mapChangeCharge,
  MAX_LIST_LENGTH,
  slotsCharge,
  stringCharge,
  treeLevels,
  UNITS_PER_STEP,
} from "../../vm/cost.ts";
import { MACHINE_LIMITS } from "../../vm/limits.ts";
import { ListValue } from "../../vm/value/list.ts";
import { MapValue } from "../../vm/value/map.ts";
import { MachineTrap, Meter, WorkMeter } from "../../vm/meter.ts";
import { FnRefValue, SomeValue, type Value } from "../../vm/value/value.ts";
import { DEEP } from "../cases.ts";
import { kindOf, moduleOf, run, type TestFunction, testHost } from "./helpers.ts";

type Code = TestFunction["code"];
const program = (code: Code, constants: readonly Value[] = [], more: Partial<TestFunction> = {}) =>
  moduleOf([{ ...more, code }], constants);

describe("steps", () => {
  const nops = program([...Array.from({ length: 99 }, () => "Nop" as const), "Ret"]);

  test("the run stops exactly when the next step would exceed the limit", () => {
    expect(run(nops, { limits: { max_steps: 100 } })).toMatchObject({ status: "completed", steps: 100 });
    expect(run(nops, { limits: { max_steps: 99 } })).toMatchObject({
      status: "trapped",
      steps: 99,
      trap: { kind: "step_limit", step: 99, stack: [{ pc: 98 }] },
    });
    expect(run(nops, { limits: { max_steps: 0 } })).toMatchObject({ steps: 0, trap: { kind: "step_limit" } });
    expect(run(program([["Jmp", 0]]), { limits: { max_steps: 12_345 } })).toMatchObject({ steps: 12_345, trap: { kind: "step_limit" } });
  });

  test("running off the end is a step", () => {
    expect(run(program([]))).toMatchObject({ status: "completed", steps: 1 });
    expect(run(program(["Nop"]))).toMatchObject({ status: "completed", steps: 2 });
  });

  const length = program([["PushConst", 0], "StringLen", "Ret"], ["x".repeat(UNITS_PER_STEP * 10)]);

  test("large operands cost extra, small ones nothing, charged before the work", () => {
    expect(run(length)).toMatchObject({ steps: 13 });
    expect(run(length, { limits: { max_steps: 13 } })).toMatchObject({ status: "completed" });
    expect(run(length, { limits: { max_steps: 12 } })).toMatchObject({ steps: 12, trap: { kind: "step_limit" } });
    expect(run(length, { limits: { max_steps: 11 } })).toMatchObject({ steps: 11, trap: { kind: "step_limit", stack: [{ pc: 1 }] } });
    expect(run(program([["PushConst", 0], "StringLen", "Ret"], ["x".repeat(UNITS_PER_STEP - 1)]))).toMatchObject({ steps: 3 });
    const long = ListValue.of(Array.from({ length: 320 }, (_, i) => i));
    const twin = ListValue.of(Array.from({ length: 320 }, (_, i) => i));
    expect(run(program([["PushConst", 0], ["PushConst", 1], "Eq", "Ret"], [long, twin]))).toMatchObject({ steps: 14 });
    expect(run(program([["PushConst", 0], ["PushConst", 1], "Concat", "Ret"], ["x".repeat(100_000), "y"]))).toMatchObject({ steps: 4 });
  });

  test("charging in parts equals charging at once", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2_000)), (parts) => {
        const whole = new Meter(1e9, 1e9);
        whole.charge(parts.reduce((a, b) => a + b, 0));
        const pieces = new Meter(1e9, 1e9);
        const work = new WorkMeter(pieces);
        for (const part of parts) work.add(part);
        expect(pieces.steps).toBe(whole.steps);
      }),
    );
  });
});

describe("allocation", () => {
  /** The smallest max_alloc_bytes with which a program completes. */
  const bytesOf = (code: Code, constants: readonly Value[], more: Partial<TestFunction> = {}): number => {
    const module = program(code, constants, more);
    const end = run(module);
    expect(kindOf(end)).toBe("completed");
    expect(run(module, { limits: { max_alloc_bytes: end.allocBytes } })).toMatchObject({ status: "completed", allocBytes: end.allocBytes });
    if (end.allocBytes > 0) {
      const stopped = run(module, { limits: { max_alloc_bytes: end.allocBytes - 1 } });
      expect(kindOf(stopped)).toBe("alloc_limit");
      expect(stopped.allocBytes).toBeLessThan(end.allocBytes);
    }
    return end.allocBytes;
  };
  const push = (count: number): Code => Array.from({ length: count }, (_, i) => ["PushConst", i] as const);

  test("each kind of value, exactly at its limit", () => {
    expect(bytesOf([...push(2), "Add", "Ret"], [1, 2])).toBe(0);
    expect(bytesOf([...push(2), "Concat", "Ret"], ["ab", "c"])).toBe(stringCharge(3));
    expect(bytesOf([...push(2), ["MakeList", 2], "Ret"], [1, 2])).toBe(slotsCharge(2));
    expect(bytesOf([...push(2), "ListPush", "Ret"], [ListValue.EMPTY, 2])).toBe(BYTES.push);
    expect(bytesOf([...push(2), "ListConcat", "Ret"], [ListValue.of([1, 2, 3]), ListValue.of([1])])).toBe(BYTES.push + BYTES.slot);
    expect(bytesOf([...push(2), ["MakeMap", 2], "Ret"], ["k", 2])).toBe(mapCharge(1));
    expect(bytesOf([...push(3), "MapSet", "Ret"], [MapValue.EMPTY, "k", 1])).toBe(mapChangeCharge(0));
    expect(bytesOf(["Nop", ["PushConst", 0], ["Wrap", 1], "Ret"], [1])).toBe(BYTES.wrapper);
    expect(bytesOf([...push(2), "StringSplit", "Ret"], ["a,b,c", ","])).toBe(slotsCharge(3) + 3 * stringCharge(1));
    expect(bytesOf([["PushConst", 0], "Dup", "EmitUi", "Ret"], [ListValue.of(["ab"])])).toBe(slotsCharge(1) + stringCharge(2));
    expect(bytesOf([["CapCall", 10, 0], "Ret"], [], { capabilities: [10] })).toBe(stringCharge(0));
  });

  test("levels of a tree", () => {
    expect([0, 1, 2, 3, 4, 7, 8, 1023, 1024].map(treeLevels)).toEqual([1, 1, 2, 2, 3, 3, 4, 10, 11]);
  });

  test("a String that doubles stops at the limit", () => {
    const doubling = program(
      [["PushConst", 0], ["StoreLocal", 0], ["LoadLocal", 0], ["LoadLocal", 0], "Concat", ["StoreLocal", 0], ["Jmp", 2]],
      ["x"],
      { locals: 1 },
    );
    expect(kindOf(run(doubling))).toBe("alloc_limit");
    expect(run(doubling, { limits: { max_alloc_bytes: Number.MAX_SAFE_INTEGER } })).toMatchObject({
      trap: { kind: "alloc_limit", message: expect.stringContaining("code units") },
    });
  });

  test("lists have a maximum length whatever the limit is", () => {
    const meter = new Meter(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    expect(() => meter.allocateList(MAX_LIST_LENGTH + 1)).toThrow(MachineTrap);
    meter.allocateList(MAX_LIST_LENGTH);
  });
});

describe("depth", () => {
  /** Calls itself `constants[0]` times. */
  const recursive = (times: number, locals = 1) =>
    moduleOf(
      [
        { code: [["PushConst", 0], ["Call", 1, 1], "Ret"] },
        {
          arity: 1,
          locals,
          code: [["LoadLocal", 0], ["JmpIf", 3], "Ret", ["LoadLocal", 0], ["PushConst", 1], "Sub", ["Call", 1, 1], "Ret"],
        },
      ],
      [times, 1],
    );

  test("frames, just under and just over", () => {
    expect(kindOf(run(recursive(8), { limits: { max_call_depth: 10 } }))).toBe("completed");
    expect(run(recursive(9), { limits: { max_call_depth: 10 } })).toMatchObject({
      trap: { kind: "stack_overflow", stack: { length: 10 } },
    });
    expect(kindOf(run(recursive(9_998)))).toBe("completed");
    expect(kindOf(run(recursive(9_999)))).toBe("stack_overflow");
  });

  test("slots of all frames", () => {
    const locals = 65_535;
    const fits = Math.floor((MACHINE_LIMITS.stackSlots - 1) / (locals + 2));
    expect(kindOf(run(recursive(fits - 2, locals)))).toBe("completed");
    expect(kindOf(run(recursive(fits + 1, locals)))).toBe("stack_overflow");
  });

  test("operands of a dynamically stacked frame", () => {
    // Each iteration leaves one more operand on the stack.
    const growing = program(
      [["PushConst", 0], ["LoadLocal", 0], ["PushConst", 1], "Sub", ["StoreLocal", 0], ["LoadLocal", 0], ["JmpIf", 0], "Ret"],
      [7, 1],
      { arity: 1, locals: 1 },
    );
    expect(kindOf(run(growing, { args: [MACHINE_LIMITS.frameSlots - 2] }))).toBe("completed");
    expect(kindOf(run(growing, { args: [MACHINE_LIMITS.frameSlots] }))).toBe("stack_overflow");
  });
});

describe("values that leave the machine", () => {
  /** Wraps 0 in a list as often as the argument says, then emits it. */
  const nested = (op: Code[number]): ReturnType<typeof moduleOf> =>
    moduleOf(
      [
        {
          arity: 1,
          locals: 2,
          code: [
            ["PushConst", 1],
            ["StoreLocal", 1],
            ["LoadLocal", 1],
            op,
            ["StoreLocal", 1],
            ["LoadLocal", 0],
            ["PushConst", 0],
            "Sub",
            "Dup",
            ["StoreLocal", 0],
            ["JmpIf", 2],
            ["LoadLocal", 1],
            "EmitUi",
            "Ret",
          ],
        },
      ],
      [1, 0],
    );

  test("nesting, just under and just over", () => {
    expect(kindOf(run(nested(["Wrap", 0]), { args: [MACHINE_LIMITS.valueDepth] }))).toBe("completed");
    expect(kindOf(run(nested(["Wrap", 0]), { args: [MACHINE_LIMITS.valueDepth + 1] }))).toBe("invalid_value");
  });

  /** Builds a value that contains itself twice, so that n repetitions have 2^n parts. */
  const doubled: Code = [
    ["PushConst", 1],
    ["StoreLocal", 1],
    ["LoadLocal", 1],
    ["LoadLocal", 1],
    ["MakeList", 2],
    ["StoreLocal", 1],
    ["LoadLocal", 0],
    ["PushConst", 0],
    "Sub",
    "Dup",
    ["StoreLocal", 0],
    ["JmpIf", 2],
    ["LoadLocal", 1],
  ];

  test.runIf(DEEP)("shared parts count each time", () => {
    const emit = moduleOf([{ arity: 1, locals: 2, code: [...doubled, "EmitUi", "Ret"] }], [1, 0]);
    expect(kindOf(run(emit, { args: [18] }))).toBe("completed");
    expect(kindOf(run(emit, { args: [60] }))).toBe("alloc_limit");
    expect(kindOf(run(emit, { args: [60], limits: { max_steps: 2_000 } }))).toBe("step_limit");
    const result = moduleOf([{ arity: 1, locals: 2, code: [...doubled, "Ret"] }], [1, 0]);
    expect(kindOf(run(result, { args: [60] }))).toBe("alloc_limit");
    const debug = moduleOf([{ arity: 1, locals: 2, code: [...doubled, "Debug", "Pop", "Ret"] }], [1, 0]);
    expect(["completed", "step_limit"]).toContain(kindOf(run(debug, { args: [60] })));
  });

  test("answers of the host are charged too", () => {
    const host = testHost({ call: () => ({ ok: true, value: new SomeValue("x".repeat(1_000)) }) });
    const module = program([["CapCall", 10, 0], "Ret"], [], { capabilities: [10] });
    expect(run(module, {}, host).allocBytes).toBe(BYTES.wrapper + stringCharge(1_000));
    expect(kindOf(run(module, { limits: { max_alloc_bytes: 2_000 } }, host))).toBe("alloc_limit");
  });
});

describe("interruption", () => {
  test("is polled every few thousand steps and around calls", () => {
    let asked = 0;
    const host = testHost({
      interrupted: () => {
        asked += 1;
        return undefined;
      },
    });
    run(program([["Jmp", 0]]), { limits: { max_steps: 40_960 } }, host);
    expect(asked).toBe(10);
    asked = 0;
    run(program([["CapCall", 10, 0], "Ret"], [], { capabilities: [10] }), {}, host);
    expect(asked).toBe(3);
  });

  test("ends the run as a timeout", () => {
    let left = 3;
    const host = testHost({ interrupted: () => (left-- > 0 ? undefined : "timeout") });
    expect(run(program([["Jmp", 0]]), {}, host)).toMatchObject({ trap: { kind: "timeout" } });
  });
});

test("pushes onto one old version and searches with long patterns take linear time", () => {
  const base = ListValue.of(Array.from({ length: 100_000 }, (_, i) => i));
  // 20,000 pushes onto the same version of a list of 100,000 elements.
  const pushing = moduleOf(
    [
      {
        arity: 1,
        code: [
          ["PushConst", 0],
          ["PushConst", 1],
          "ListPush",
          "Pop",
          ["LoadLocal", 0],
          ["PushConst", 1],
          "Sub",
          "Dup",
          ["StoreLocal", 0],
          ["JmpIf", 0],
          ["PushConst", 0],
          "ListLen",
          "Ret",
        ],
      },
    ],
    [base, 1],
  );
  expect(run(pushing, { args: [20_000] })).toMatchObject({ value: 100_000, allocBytes: 20_000 * BYTES.push });
  const needle = `b${"a".repeat(50_000)}`;
  expect(kindOf(run(program([["PushConst", 0], ["PushConst", 1], "StringContains", "Ret"], ["a".repeat(2_000_000), needle])))).toBe(
    "completed",
  );
  expect(kindOf(run(program([["PushConst", 0], "Ret"], [new FnRefValue(0)])))).toBe("completed");
});
