import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { CapabilityAnswer } from "../../../vm/host.ts";
import { REGISTER_OPS } from "../../../vm/interpreter/register-ops.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { MapValue } from "../../../vm/value/map.ts";
import { textForm } from "../../../vm/value/display.ts";
import {
  ActorIdValue,
  EnumValue,
  ErrValue,
  FloatValue,
  FnRefValue,
  I64_MAX,
  NONE,
  OkValue,
  RecordValue,
  SomeValue,
  UNIT,
  type Value,
} from "../../../vm/value/value.ts";
import { kindOf, moduleOf, type RunOptions, run, start, type TestFunction, testHost, valueOf } from "../helpers.ts";

type Code = TestFunction["code"];

/** The text form of the value that the code returns, or `!` and the kind of the trap. */
function outcome(code: Code, constants: readonly Value[] = [], more: Partial<TestFunction> & RunOptions = {}): string {
  const { limits, args, ...fn } = more;
  const types = Array.from({ length: 4 }, (_, i) => ({ name: `T${i}`, kind: "record", fields: [] }) as const);
  const end = run(moduleOf([{ ...fn, code }], constants, { types }), {
    ...(limits === undefined ? {} : { limits }),
    ...(args === undefined ? {} : { args }),
  });
  return end.status === "completed" ? textForm(end.value) : `!${end.trap.kind}`;
}

const pushConstants = (count: number): Code => Array.from({ length: count }, (_, i) => ["PushConst", i] as const);
const float = (value: number): FloatValue => new FloatValue(value);

describe("dispatch", () => {
  test("every register op has a case with its tag and name", () => {
    const source = readFileSync(new URL("../../../vm/interpreter/interpreter.ts", import.meta.url), "utf8");
    const labels = [...source.matchAll(/case (\d+):(?: \{)?\s*\/\/ (\w+)$/gm)].map(([, tag, name = ""]) => [name, Number(tag)] as const);
    expect(Object.fromEntries(labels)).toEqual(REGISTER_OPS);
    expect(source.match(/case \d+:/g)?.length).toBe(labels.length);
  });
});

describe("single instructions", () => {
  const unary: readonly (readonly [string, Value, string])[] = [
    ["Neg", 5, "-5"],
    ["Neg", float(0), "-0"],
    ["Neg", "x", "!type_error"],
    ["Not", "", "true"],
    ["Not", float(Number.NaN), "false"],
    ["JsonKind", UNIT, "0"],
    ["JsonKind", true, "1"],
    ["JsonKind", I64_MAX, "2"],
    ["JsonKind", float(1), "3"],
    ["JsonKind", "x", "4"],
    ["JsonKind", ListValue.EMPTY, "5"],
    ["JsonKind", MapValue.EMPTY, "6"],
    ["JsonKind", NONE, "!type_error"],
  ];
  test.each(unary.map(([op, a, wanted]) => [op, textForm(a), a, wanted] as const))("%s %s", (op, _, a, wanted) => {
    if (op !== "Neg" && op !== "Not" && op !== "JsonKind") throw new Error(op);
    expect(outcome([["PushConst", 0], op, "Ret"], [a])).toBe(wanted);
  });

  const binary: readonly (readonly [
    "Add" | "Sub" | "Mul" | "Div" | "Mod" | "FDiv" | "Eq" | "Neq" | "Lt" | "Lte" | "Gt" | "Gte" | "And" | "Or" | "Concat" | "ListGet",
    Value,
    Value,
    string,
  ])[] = [
    ["Add", I64_MAX, 1, "!arithmetic_overflow"],
    ["Add", "a", "b", '"ab"'],
    ["Add", "a", 1, "!type_error"],
    ["Sub", 1, 2, "-1"],
    ["Mul", float(0.5), 4, "2"],
    ["Div", -7, 2, "-3"],
    ["Div", float(1), float(0), "!division_by_zero"],
    ["Mod", -7, 2, "-1"],
    ["FDiv", float(1), float(0), "inf"],
    ["Eq", 1, float(1), "false"],
    ["Eq", float(Number.NaN), float(Number.NaN), "false"],
    ["Eq", RecordValue.of(0, [1, ListValue.of(["x"])]), RecordValue.of(0, [1, ListValue.of(["x"])]), "true"],
    ["Eq", MapValue.from([["a", 1]]), MapValue.from([["a", 2]]), "false"],
    ["Eq", new SomeValue(1), new OkValue(1), "false"],
    ["Eq", new ActorIdValue(1), new ActorIdValue(1), "true"],
    ["Neq", UNIT, NONE, "true"],
    ["Lt", "\uffff", "\u{10000}", "true"],
    ["Lt", float(Number.NaN), float(1), "false"],
    ["Lte", float(Number.NaN), float(Number.NaN), "false"],
    ["Gte", float(Number.NaN), float(1), "false"],
    ["Gt", I64_MAX, 1, "true"],
    ["Lt", 1, float(2), "!type_error"],
    ["Lt", true, false, "!type_error"],
    ["And", 1, "", "false"],
    ["Or", NONE, new EnumValue(0, 0, UNIT), "true"],
    ["Or", new ErrValue(1), UNIT, "false"],
    ["Concat", "a", "b", '"ab"'],
    ["Concat", ListValue.of([1]), ListValue.of([2]), "[1, 2]"],
    ["Concat", "a", 1, "!type_error"],
    ["Concat", 1, "a", "!type_error"],
    ["ListGet", ListValue.of([7]), 0, "7"],
    ["ListGet", ListValue.of([7]), 1, "!index_out_of_bounds"],
    ["ListGet", 7, 1, "!type_error"],
  ];
  test.each(binary.map(([op, a, b, wanted]) => [op, textForm(a), textForm(b), a, b, wanted] as const))(
    "%s %s %s",
    (op, _a, _b, a, b, wanted) => {
      expect(outcome([...pushConstants(2), op, "Ret"], [a, b])).toBe(wanted);
    },
  );

  test("constructing and matching values", () => {
    expect(outcome([...pushConstants(2), ["MakeRecord", 3, 2], "Ret"], [1, 2])).toBe("Record#3{1, 2}");
    expect(outcome([...pushConstants(2), ["MakeRecord", 3, 2], ["GetField", 1], "Ret"], [1, 2])).toBe("2");
    expect(outcome([...pushConstants(2), ["MakeRecord", 3, 2], ["GetField", 2], "Ret"], [1, 2])).toBe("!invalid_field");
    expect(outcome([["PushConst", 0], ["GetField", 0], "Ret"], [1])).toBe("!type_error");
    expect(outcome([["PushConst", 0], ["MakeEnum", 1, 2], "Ret"], [5])).toBe("Enum#1::2(5)");
    expect(outcome([...pushConstants(4), ["MakeMap", 4], "Ret"], ["b", 1, "a", 2])).toBe("{a: 2, b: 1}");
    expect(outcome([...pushConstants(2), ["MakeMap", 2], "Ret"], [1, 2])).toBe("!type_error");
    expect(outcome([...pushConstants(2), ["MakeList", 2], "Ret"], [1, 2])).toBe("[1, 2]");
    expect(outcome([["PushConst", 0], ["Wrap", 0], ["Wrap", 1], ["Wrap", 2], "Ret"], [1])).toBe("Err(Ok(Some(1)))");
    expect(outcome([["PushConst", 0], "Dup", "Add", "Ret"], [4])).toBe("8");
  });

  test("a return on an empty stack returns Unit; Halt ends the run inside calls", () => {
    expect(outcome(["Ret"])).toBe("()");
    expect(outcome(["Nop"])).toBe("()");
    expect(outcome([])).toBe("()");
    const module = moduleOf([{ code: [["Call", 1, 0], ["PushConst", 0], "Ret"] }, { code: [["PushConst", 1], "Halt"] }], [1, 2]);
    expect(valueOf(run(module))).toBe(2);
    expect(outcome(["Halt"])).toBe("()");
  });
});

describe("Match", () => {
  const arms = (tags: readonly number[]): Partial<TestFunction> => ({ matchTables: [tags.map((tag, i) => ({ tag, target: 2 + 3 * i }))] });
  /** Returns the number of the arm and the value it received. */
  const code = (count: number): Code => [
    ["PushConst", 0],
    ["Match", 0],
    ...Array.from({ length: count }, (_, i) => [["PushConst", 1 + i], ["MakeList", 2], "Ret"] as const).flat(),
  ];
  const match = (value: Value, ...tags: readonly number[]): string =>
    outcome(code(tags.length), [value, ...tags.map((_, i) => i)], arms(tags));

  test("tags and payloads", () => {
    expect(match(new EnumValue(0, 2, 5), 1, 2)).toBe("[5, 1]");
    expect(match(true, 0, 1)).toBe("[true, 1]");
    expect(match(false, 0, 1)).toBe("[false, 0]");
    expect(match(NONE, -3, -2)).toBe("[None, 1]");
    expect(match(new SomeValue(5), -3)).toBe("[5, 0]");
    expect(match(new OkValue(5), -5, -4)).toBe("[5, 1]");
    expect(match(new ErrValue(5), -5, -4)).toBe("[5, 0]");
    expect(match("text", 0, -1)).toBe('["text", 1]');
    expect(match(new EnumValue(0, 7, 5), 0, -1, 7)).toBe("[5, 1]");
  });

  test("traps if no arm matches", () => expect(match(NONE, 0, 1)).toBe("!match_exhausted"));

  test("the enums that older modules use for Option and Result match by their variant", () => {
    expect(match(new EnumValue(65_534, 1, 5), -3, 1)).toBe("[5, 1]");
    expect(match(new EnumValue(65_533, 0, 5), 1, 0)).toBe("[5, 1]");
  });
});

describe("calls", () => {
  test("missing arguments are Unit, extra ones are dropped", () => {
    const callee: TestFunction = {
      arity: 2,
      locals: 3,
      code: [["LoadLocal", 0], ["LoadLocal", 1], ["LoadLocal", 2], ["MakeList", 3], "Ret"],
    };
    expect(textForm(valueOf(run(moduleOf([{ code: [["PushConst", 0], ["Call", 1, 1], "Ret"] }, callee], [1]))))).toBe("[1, (), ()]");
    expect(textForm(valueOf(run(moduleOf([{ code: [...pushConstants(3), ["Call", 1, 3], "Ret"] }, callee], [1, 2, 3]))))).toBe(
      "[1, 2, ()]",
    );
    expect(textForm(valueOf(run(moduleOf([callee]), { args: [4] })))).toBe("[4, (), ()]");
    expect(textForm(valueOf(run(moduleOf([callee]), { args: [4, 5, 6] })))).toBe("[4, 5, ()]");
  });

  test("function values and closures", () => {
    const add: TestFunction = { arity: 3, code: [["LoadLocal", 0], ["LoadLocal", 1], ["LoadLocal", 2], ["MakeList", 3], "Ret"] };
    const apply = (made: Code): Code => [["PushConst", 2], ...made, ["CallIndirect", 1], "Ret"];
    expect(
      textForm(
        valueOf(
          run(
            moduleOf(
              [
                {
                  code: apply([
                    ["PushConst", 0],
                    ["PushConst", 1],
                    ["MakeClosure", 1, 2],
                  ]),
                },
                add,
              ],
              [10, 20, 30],
            ),
          ),
        ),
      ),
    ).toBe("[10, 20, 30]");
    expect(textForm(valueOf(run(moduleOf([{ code: apply([["PushConst", 3]]) }, add], [10, 20, 30, new FnRefValue(1)]))))).toBe(
      "[30, (), ()]",
    );
    expect(kindOf(run(moduleOf([{ code: apply([["PushConst", 0]]) }, add], [10, 20, 30])))).toBe("type_error");
    const made = run(moduleOf([{ code: [["MakeClosure", 1, 0], "Ret"] }, add]));
    expect(textForm(valueOf(made))).toBe("Fn#1");
  });

  test("a tail call replaces the frame", () => {
    // f(n, sum) = if n == 0 { sum } else { f(n - 1, sum + n) }
    const loop: TestFunction = {
      arity: 2,
      code: [
        ["LoadLocal", 0],
        ["JmpIf", 4],
        ["LoadLocal", 1],
        "Ret",
        ["LoadLocal", 0],
        ["PushConst", 1],
        "Sub",
        ["LoadLocal", 1],
        ["LoadLocal", 0],
        "Add",
        ["TailCall", 1, 2],
      ],
    };
    const module = moduleOf([{ code: [["PushConst", 0], ["PushConst", 2], ["Call", 1, 2], "Ret"] }, loop], [100_000, 1, 0]);
    expect(valueOf(run(module, { limits: { max_call_depth: 2 } }))).toBe(5_000_050_000);
  });

  test("globals are Unit until set", () => {
    const module = moduleOf(
      [{ code: [["LoadGlobal", 0], ["PushConst", 0], ["StoreGlobal", 0], ["LoadGlobal", 0], ["MakeList", 2], "Ret"] }],
      [3],
      { globals: ["g"] },
    );
    expect(textForm(valueOf(run(module)))).toBe("[(), 3]");
  });
});

describe("dynamically stacked functions", () => {
  test("every instruction is checked", () => {
    expect(outcome(["Pop", "Ret"])).toBe("!stack_underflow");
    expect(outcome([["PushConst", 0], "Add", "Ret"], [1])).toBe("!stack_underflow");
    expect(outcome([["Call", 0, 3], "Ret"])).toBe("!stack_underflow");
    expect(
      outcome(
        [
          ["PushConst", 0],
          ["Jmp", 0],
        ],
        [1],
      ),
    ).toBe("!stack_overflow");
  });

  test("the operands of the caller cannot be popped", () => {
    const module = moduleOf([{ code: [["PushConst", 0], ["Call", 1, 0], "Add", "Ret"] }, { code: ["Pop", ["PushConst", 0], "Ret"] }], [1]);
    expect(kindOf(run(module))).toBe("stack_underflow");
  });

  test("an instruction may run at different heights", () => {
    // Pushes 1 or 2 operands, then returns the top.
    const code: Code = [["PushConst", 0], ["JmpIf", 3], ["PushConst", 1], ["PushConst", 2], "Ret"];
    expect(outcome(code, [false, 1, 2])).toBe("2");
  });
});

describe("capability calls", () => {
  const call = (op: "CapCall" | "TryCapCall", declared = true): ReturnType<typeof moduleOf> =>
    moduleOf([{ name: "main", code: [["PushConst", 0], [op, 0, 1], "Ret"], capabilities: declared ? [0] : [] }], ["http://x"]);
  const failed: CapabilityAnswer = { ok: false, trap: "capability_failed", message: "HTTP 404" };
  const denied: CapabilityAnswer = {
    ok: false,
    trap: "capability_denied",
    message: "capability denied: net.fetch",
    rule: "rules.net.fetch",
  };

  test("a synchronous answer creates no promise", () => {
    const host = testHost();
    const end = run(call("CapCall"), {}, host);
    expect(textForm(valueOf(end))).toContain("mock");
    expect(host.calls[0]).toMatchObject({ declared: true, caught: false, actorId: 0, step: 2, args: ["http://x"] });
    expect(host.calls[0]?.place()).toEqual({ function: "main", pc: 1 });
  });

  test("the run waits for promises, any number of times", async () => {
    const module = moduleOf(
      [{ code: [["PushConst", 0], ["CapCall", 0, 1], ["PushConst", 0], ["CapCall", 0, 1], "Concat", "Ret"], capabilities: [0] }],
      ["u"],
    );
    let count = 0;
    const host = testHost({
      call: async () => {
        count += 1;
        return { ok: true, value: `${count}` };
      },
    });
    const sync = run(module, {}, testHost({ call: () => ({ ok: true, value: "x" }) }));
    const end = await start(module, host);
    expect(valueOf(end)).toBe("12");
    expect(end.steps).toBe(sync.steps);
  });

  test("a failure traps, or is an Err under try; a denial always traps", () => {
    const answering = (answer: CapabilityAnswer) => testHost({ call: () => answer });
    expect(run(call("CapCall"), {}, answering(failed))).toMatchObject({
      trap: { kind: "capability_failed", message: "HTTP 404", capability: "net.fetch" },
    });
    expect(textForm(valueOf(run(call("TryCapCall"), {}, answering(failed))))).toBe('Err("HTTP 404")');
    expect(textForm(valueOf(run(call("TryCapCall"), {}, answering({ ok: true, value: 1 }))))).toBe("Ok(1)");
    expect(run(call("TryCapCall"), {}, answering(denied))).toMatchObject({ trap: { kind: "capability_denied", rule: "rules.net.fetch" } });
  });

  test("an undeclared call is denied even when the host allows it", () => {
    const host = testHost();
    expect(kindOf(run(call("CapCall", false), {}, host))).toBe("capability_denied");
    expect(host.calls[0]?.declared).toBe(false);
    expect(kindOf(run(call("TryCapCall", false)))).toBe("capability_denied");
  });

  test("closures cannot leave the machine", () => {
    const capturing: Code = [
      ["PushConst", 0],
      ["MakeClosure", 1, 1],
      ["MakeList", 1],
    ];
    const host = testHost();
    const captured: TestFunction = { arity: 1, code: ["Ret"] };
    expect(kindOf(run(moduleOf([{ code: [...capturing, ["CapCall", 0, 1], "Ret"], capabilities: [0] }, captured], [1]), {}, host))).toBe(
      "type_error",
    );
    expect(host.calls).toEqual([]);
    expect(kindOf(run(moduleOf([{ code: [...capturing, "Ret"] }, captured], [1])))).toBe("type_error");
  });

  test("emit asks the policy and then logs an event", () => {
    const module = moduleOf([{ code: [["PushConst", 0], "Dup", "EmitUi", "Ret"] }], ["tree"]);
    const host = testHost();
    expect(valueOf(run(module, {}, host))).toBe("tree");
    expect(host.events).toEqual([{ type: "UiEmit", tree: "tree" }]);
    expect(host.calls[0]?.capability.name).toBe("ui.render");
    const refusing = testHost({ call: () => denied });
    expect(kindOf(run(module, {}, refusing))).toBe("capability_denied");
    expect(refusing.events).toEqual([]);
  });

  test("the host can stop the run at an event or a debug text", () => {
    const module = moduleOf([{ code: [["PushConst", 0], "Debug", "EmitUi", "Ret"] }], ["tree"]);
    const stop = { trap: "output_limit", message: "too much" } as const;
    expect(run(module, {}, testHost({ event: () => stop }))).toMatchObject({ trap: trapOf(stop) });
    expect(run(module, {}, testHost({ debug: () => stop }))).toMatchObject({ trap: trapOf(stop) });
    expect(kindOf(run(module, {}, testHost({ interrupted: () => "canceled" })))).toBe("canceled");
  });
  const trapOf = (stop: { readonly trap: string; readonly message: string }) => ({ kind: stop.trap, message: stop.message });
});

describe("contracts, guards and debug", () => {
  test("a failed clause traps with the arguments as a counterexample", () => {
    const fn: TestFunction = {
      name: "half",
      arity: 2,
      code: [["PushConst", 0], ["Assert", 1, 0, 0], ["PushConst", 2], ["Assert", 1, 1, 3], "Ret"],
    };
    const host = testHost();
    const end = run(moduleOf([fn], [true, "message", false]), { args: [7, "x"] }, host);
    expect(end).toMatchObject({
      trap: { kind: "contract_violation", message: '"message" [counterexample: (7, "x")]', counterexample: ["7", '"x"'], step: 4 },
    });
    expect(host.events).toEqual([
      { type: "ContractCheck", function: "half", kind: "requires", index: 0, passed: true },
      { type: "ContractCheck", function: "half", kind: "ensures", index: 3, passed: false },
    ]);
  });

  test("a counterexample names the types of the module", () => {
    const point = { name: "Point", kind: "record", fields: [{ name: "x", type: "Int" }] } as const;
    const fn: TestFunction = { arity: 1, code: [["PushConst", 0], ["Assert", 1, 0, 0], "Ret"] };
    const module = moduleOf([fn], [false, "message"], { types: [point] });
    expect(run(module, { args: [RecordValue.of(0, [3])] })).toMatchObject({
      trap: { message: '"message" [counterexample: (Point { x: 3 })]', counterexample: ["Point { x: 3 }"] },
    });
  });

  test("a guard returns its value or traps, and logs its result", () => {
    const guard = (passed: Value, host = testHost()) => ({
      host,
      end: run(moduleOf([{ name: "g", code: [...pushConstants(3), "GuardSeal", "Ret"] }], [1, passed, "label"]), {}, host),
    });
    const good = guard(true);
    expect(valueOf(good.end)).toBe(1);
    expect(good.host.events).toEqual([{ type: "GuardCheck", function: "g", label: "label", passed: true }]);
    expect(guard(false).end).toMatchObject({ trap: { kind: "assertion_failed", message: "assertion failed: label" } });
  });

  test("debug prints the text form and returns the value", () => {
    const host = testHost();
    const code: Code = [
      ["PushConst", 0],
      "Debug",
      "Pop",
      ["PushConst", 1],
      ["PushConst", 0],
      "DebugMsg",
      "Pop",
      ["PushConst", 0],
      ["Builtin", 241, 1],
      "Pop",
      ["PushConst", 1],
      ["PushConst", 0],
      ["Builtin", 242, 2],
      "Ret",
    ];
    expect(textForm(valueOf(run(moduleOf([{ code }], [ListValue.of(["a"]), "x is"]), {}, host)))).toBe('["a"]');
    expect(host.debugged).toEqual(['["a"]', 'x is ["a"]', '["a"]', 'x is ["a"]']);
    expect(host.events).toEqual([]);
  });
});

describe("traps", () => {
  test("have the call stack, innermost first, with source locations", () => {
    const module = moduleOf(
      [
        { name: "main", code: ["Nop", ["Call", 1, 0], "Ret"] },
        { name: "middle", code: [["Call", 2, 0], "Ret"] },
        { name: "inner", code: [["PushConst", 0], ["PushConst", 0], "Div", "Ret"] },
      ],
      [0],
      {
        debug: {
          files: [{ name: "a.ax", text: "" }],
          functions: [
            { file: 0, locals: [], spans: [[0, 1, 1, 1, 5]] },
            { file: 0, locals: [], spans: [] },
            {
              file: 0,
              locals: [],
              spans: [
                [0, 3, 1, 3, 2],
                [2, 3, 5, 3, 9],
              ],
            },
          ],
        },
      },
    );
    const end = run(module);
    expect(end).toMatchObject({
      status: "trapped",
      trap: {
        kind: "division_by_zero",
        step: 6,
        actorId: 0,
        stack: [
          { function: "inner", pc: 2, file: "a.ax", line: 3, column: 5 },
          { function: "middle", pc: 0 },
          { function: "main", pc: 1, line: 1 },
        ],
      },
    });
  });

  test("a deep stack is cut to 64 entries", () => {
    const end = run(moduleOf([{ code: [["Call", 0, 0], "Ret"] }]));
    expect(end).toMatchObject({ trap: { kind: "stack_overflow" } });
    if (end.status === "trapped") expect(end.trap.stack).toHaveLength(64);
  });
});

test("tracing shows each instruction", () => {
  const lines: string[] = [];
  run(moduleOf([{ name: "main", code: [["PushConst", 0], "Ret"] }], [1]), { trace: (line) => lines.push(line) });
  expect(lines).toEqual(["[main:0] PushConst(0)  stack_depth=0", "[main:1] Ret  stack_depth=1"]);
});

test("closures compare by their captured values", () => {
  const code = (a: number, b: number): Code => [
    ["PushConst", a],
    ["MakeClosure", 1, 1],
    ["PushConst", b],
    ["MakeClosure", 1, 1],
    "Eq",
    "Ret",
  ];
  const equal = (a: number, b: number): Value => valueOf(run(moduleOf([{ code: code(a, b) }, { arity: 1, code: ["Ret"] }], [1, 2])));
  expect(equal(0, 0)).toBe(true);
  expect(equal(0, 1)).toBe(false);
});
