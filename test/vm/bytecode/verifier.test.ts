import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BUILTINS } from "../../../vm/builtins/builtin-table.ts";
import { decodeModule, encodeModule, moduleHash } from "../../../vm/bytecode/codec.ts";
import { MACHINE_LIMITS, MODULE_LIMITS } from "../../../vm/limits.ts";
import { ListValue } from "../../../vm/value/list.ts";
import type { Module, TypeDef } from "../../../vm/bytecode/module.ts";
import { OPCODES, type OpName } from "../../../vm/bytecode/opcodes.ts";
import type { VerifiedFunction } from "../../../vm/bytecode/program.ts";
import { ClosureValue, FnRefValue, SomeValue, UNIT, type Value } from "../../../vm/value/value.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { scaledRuns } from "../../cases.ts";
import { CONFORMANCE_ROOT } from "../../conformance.ts";
import { errorKind } from "../arbitrary.ts";
import { moduleOf, type TestFunction } from "../helpers.ts";

const SHAPES: readonly TypeDef[] = [
  { name: "Point", kind: "record", fields: [{ name: "x", type: "Int" }] },
  {
    name: "Shape",
    kind: "enum",
    variants: [
      { name: "A", type: null },
      { name: "B", type: "Int" },
    ],
  },
];

function moduleWith(fn: TestFunction, more: Partial<Module> = {}): Module {
  const callee: TestFunction = { name: "callee", arity: 2, locals: 3, code: ["Ret"] };
  return moduleOf([fn, callee], [1, "text"], { types: SHAPES, globals: ["g"], ...more });
}

function verified(fn: TestFunction, more: Partial<Module> = {}): VerifiedFunction {
  const first = verifyModule(moduleWith(fn, more)).functions[0];
  if (first === undefined) throw new Error("a program has a function");
  return first;
}

const kindOf = (fn: TestFunction, more: Partial<Module> = {}): string | undefined => errorKind(() => verifyModule(moduleWith(fn, more)));

const hostBuiltin = BUILTINS.find((b) => b.source === undefined && /^Fn\([^,()]+\) ->/.test(b.type));
const sourceBuiltin = BUILTINS.find((b) => b.source !== undefined);
if (hostBuiltin === undefined || sourceBuiltin === undefined) throw new Error("the table has builtins of both kinds");

describe("operands, just inside and just outside", () => {
  test.each<[string, TestFunction["code"][number], string | undefined]>([
    ["constant", ["PushConst", 1], undefined],
    ["constant", ["PushConst", 2], "module.bad_operand"],
    ["local", ["LoadLocal", 1], undefined],
    ["local", ["LoadLocal", 2], "module.bad_operand"],
    ["local", ["StoreLocal", 2], "module.bad_operand"],
    ["global", ["LoadGlobal", 0], undefined],
    ["global", ["StoreGlobal", 1], "module.bad_operand"],
    ["function", ["Call", 1, 255], undefined],
    ["function", ["Call", 2, 0], "module.bad_operand"],
    ["count", ["Call", 1, 256], "module.bad_operand"],
    ["function", ["TailCall", 2, 0], "module.bad_operand"],
    ["function", ["SpawnActor", 2], "module.bad_operand"],
    ["jump", ["Jmp", 1], undefined],
    ["jump", ["Jmp", 3], "module.bad_jump"],
    ["jump", ["JmpIf", 3], "module.bad_jump"],
    ["jump", ["JmpIfNot", 4_294_967_295], "module.bad_operand"],
    ["match table", ["Match", 1], "module.bad_operand"],
    ["type", ["MakeRecord", 1, 9], undefined],
    ["type", ["MakeRecord", 2, 0], "module.bad_operand"],
    ["type", ["MakeRecord", 65_534, 0], "module.bad_operand"],
    ["variant", ["MakeEnum", 1, 1], undefined],
    ["variant", ["MakeEnum", 1, 2], "module.bad_operand"],
    ["type", ["MakeEnum", 2, 0], "module.bad_operand"],
    ["older Some", ["MakeEnum", 65_534, 1], undefined],
    ["older Ok", ["MakeEnum", 65_533, 0], undefined],
    ["field", ["GetField", 250], undefined],
    ["field", ["GetField", 2 ** 31], "module.bad_operand"],
    ["message", ["Assert", 1, 1, 9], undefined],
    ["message", ["Assert", 2, 0, 0], "module.bad_operand"],
    ["contract kind", ["Assert", 1, 2, 0], "module.bad_operand"],
    ["capability", ["CapCall", 10, 1], undefined],
    ["capability", ["CapCall", 11, 1], "module.unknown_capability"],
    ["capability", ["TryCapCall", 63, 1], "module.unknown_capability"],
    ["wrap", ["Wrap", 2], undefined],
    ["wrap", ["Wrap", 3], "module.bad_operand"],
    ["closure", ["MakeClosure", 1, 2], undefined],
    ["closure", ["MakeClosure", 1, 3], "module.bad_arity"],
    ["list", ["MakeList", 255], undefined],
    ["list", ["MakeList", 256], "module.bad_operand"],
    ["wide map", ["MakeMap", 4_000_000], undefined],
    ["wide map", ["MakeMap", 4_000_002], "module.bad_operand"],
    ["map", ["MakeMap", 2], undefined],
    ["map", ["MakeMap", 3], "module.bad_operand"],
    ["indirect", ["CallIndirect", 256], "module.bad_operand"],
    ["builtin", ["Builtin", hostBuiltin.id, 1], undefined],
    ["builtin", ["Builtin", hostBuiltin.id, 2], "module.bad_arity"],
    ["builtin in the language", ["Builtin", sourceBuiltin.id, 1], "module.unknown_builtin"],
    ["builtin", ["Builtin", 1_000_000, 1], "module.unknown_builtin"],
    ["too few operands", ["Call", 1], "module.bad_operand"],
    ["too many operands", ["Ret", 1], "module.bad_operand"],
    ["fraction", ["PushConst", 0.5], "module.bad_operand"],
    ["negative", ["PushConst", -1], "module.bad_operand"],
  ])("%s %j: %s", (_, code, kind) => {
    expect(kindOf({ locals: 2, code: [code, "Ret"] })).toBe(kind);
  });

  test("unreachable code is checked too", () => {
    expect(kindOf({ code: ["Ret", ["PushConst", 9]] })).toBe("module.bad_operand");
  });
});

describe("functions and module", () => {
  test.each<[string, TestFunction, Partial<Module>, string | undefined]>([
    ["entry", { code: ["Ret"] }, { entry: 1 }, undefined],
    ["entry", { code: ["Ret"] }, { entry: 2 }, "module.bad_entry"],
    ["no functions", { code: ["Ret"] }, { functions: [] }, "module.bad_entry"],
    ["arity", { arity: 2, locals: 2, code: ["Ret"] }, {}, undefined],
    ["arity", { arity: 2, locals: 1, code: ["Ret"] }, {}, "module.bad_arity"],
    ["arity", { arity: 256, locals: 256, code: ["Ret"] }, {}, "module.bad_arity"],
    ["locals", { locals: 65_536, code: ["Ret"] }, {}, "module.too_large"],
    ["capabilities", { code: ["Ret"], capabilities: [0, 10] }, {}, undefined],
    ["capabilities", { code: ["Ret"], capabilities: [11] }, {}, "module.unknown_capability"],
    ["match arm", { code: ["Ret"], matchTables: [[{ tag: 0, target: 0 }]] }, {}, undefined],
    ["match arm", { code: ["Ret"], matchTables: [[{ tag: 0, target: 2 }]] }, {}, "module.bad_jump"],
    ["no code", { code: [] }, {}, undefined],
    ["constants", { code: [] }, { constants: [new FnRefValue(1)] }, undefined],
    ["constants", { code: [] }, { constants: [new FnRefValue(2)] }, "module.bad_constant"],
    ["constants", { code: [] }, { constants: [ListValue.of([new SomeValue(new FnRefValue(2))])] }, "module.bad_constant"],
    ["constants", { code: [] }, { constants: [new ClosureValue(0, [])] }, "value.not_portable"],
    [
      "signature",
      { arity: 1, code: [] },
      { signature: { params: [{ name: "a", type: "List<Point>" }], result: "Fn(Shape) -> Result<Int, Json>" } },
      undefined,
    ],
    ["signature", { arity: 1, code: [] }, { signature: { params: [], result: "Int" } }, "module.bad_signature"],
    ["signature", { code: [] }, { signature: { params: [], result: "Square" } }, "module.bad_signature"],
    ["signature", { code: [] }, { signature: { params: [], result: "Option<Int, Int>" } }, "module.bad_signature"],
    ["signature", { code: [] }, { signature: { params: [], result: "List<" } }, "module.bad_signature"],
    [
      "signature",
      { arity: 2, code: [] },
      {
        signature: {
          params: [
            { name: "a", type: "Int" },
            { name: "a", type: "Int" },
          ],
          result: "Int",
        },
      },
      "module.bad_signature",
    ],
    ["globals", { code: [] }, { globals: Array.from({ length: MODULE_LIMITS.globals + 1 }, () => "g") }, "module.too_large"],
  ])("%s %#", (_, fn, more, kind) => {
    expect(kindOf(fn, more)).toBe(kind);
  });

  test("code length", () => {
    const code = Array.from({ length: MODULE_LIMITS.codeLength + 1 }, (): OpName => "Nop");
    expect(kindOf({ code })).toBe("module.too_large");
    expect(kindOf({ code: code.slice(1) })).toBeUndefined();
  });
});

describe("statically stacked functions", () => {
  const push = ["PushConst", 0] as const;

  test.each<[string, TestFunction, number]>([
    ["straight", { code: [push, push, "Add", "Ret"] }, 2],
    ["return on an empty stack", { code: ["Ret"] }, 0],
    ["off the end", { code: [push] }, 1],
    ["no code", { code: [] }, 0],
    ["halt on an empty stack", { code: ["Halt"] }, 0],
    ["more than one value at the return", { code: [push, push, "Ret"] }, 2],
    ["both branches alike", { code: [push, ["JmpIfNot", 4], push, ["Jmp", 5], push, "Ret"] }, 1],
    ["a loop", { code: [push, ["JmpIfNot", 4], "Nop", ["Jmp", 0], "Ret"] }, 1],
    ["an endless loop", { code: [["Jmp", 0]] }, 0],
    ["dup", { code: [push, "Dup", "Ret"] }, 2],
    ["call", { code: [push, push, ["Call", 1, 2], "Ret"] }, 2],
    ["indirect", { code: [push, push, ["CallIndirect", 1], "Ret"] }, 2],
    ["tail call", { code: [push, ["TailCall", 1, 1], "Pop"] }, 1],
    [
      "match",
      {
        code: [push, ["Match", 0], ["Jmp", 3], "Ret"],
        matchTables: [
          [
            { tag: 0, target: 2 },
            { tag: -1, target: 3 },
          ],
        ],
      },
      1,
    ],
    [
      "two matches that share a table",
      {
        code: [push, ["Match", 0], ["Match", 0], "Ret"],
        matchTables: [
          [
            { tag: 0, target: 2 },
            { tag: 1, target: 3 },
          ],
        ],
      },
      1,
    ],
    ["a match without arms", { code: [push, ["Match", 0], "Pop", "Pop"], matchTables: [[]] }, 1],
    ["unreachable code that would underflow", { code: ["Ret", "Pop", "Pop"] }, 0],
    ["the limit", { code: [...Array.from({ length: MACHINE_LIMITS.frameSlots }, () => push), "Ret"] }, MACHINE_LIMITS.frameSlots],
  ])("%s", (_, fn, maxStack) => {
    expect(verified(fn)).toMatchObject({ staticallyStacked: true, maxStack });
  });

  test.each<[string, TestFunction]>([
    ["underflow", { code: ["Pop", "Ret"] }],
    ["underflow by a count", { code: [push, ["MakeList", 2], "Ret"] }],
    ["underflow of an indirect call", { code: [push, ["CallIndirect", 1], "Ret"] }],
    ["heights that differ at a join", { code: [push, ["JmpIfNot", 3], push, "Ret"] }],
    ["a loop that grows", { code: [push, ["Jmp", 0]] }],
    ["a loop that shrinks", { code: [push, push, "Pop", ["Jmp", 2]] }],
    [
      "arms that meet at another height",
      {
        code: [push, push, ["Match", 0], "Pop", "Ret"],
        matchTables: [
          [
            { tag: 0, target: 3 },
            { tag: 1, target: 4 },
          ],
        ],
      },
    ],
    ["a shared table at two heights", { code: [push, ["Match", 0], push, ["Match", 0], "Ret"], matchTables: [[{ tag: 0, target: 2 }]] }],
    ["over the limit", { code: [...Array.from({ length: MACHINE_LIMITS.frameSlots + 1 }, () => push), "Ret"] }],
  ])("dynamically stacked: %s", (_, fn) => {
    expect(verified(fn)).toMatchObject({ staticallyStacked: false, maxStack: 0 });
  });
});

describe("the program", () => {
  test("encodes the code as numbers", () => {
    const { code, capabilities } = verified({ locals: 1, code: [["PushConst", 1], ["Assert", 0, 1, 7], "Ret"], capabilities: [3, 0] });
    expect([...code]).toEqual([0x01, 1, 0, 0, 0x12, 0, 1, 7, 0x07, 0, 0, 0]);
    expect([...capabilities]).toEqual([3, 0]);
  });

  test("has the hash of its module and says whether it uses actors", () => {
    const module = moduleWith({ code: ["Ret"] });
    expect(verifyModule(module)).toMatchObject({ moduleHash: moduleHash(module), usesActors: false });
    for (const op of ["SendMsg", "ReceiveMsg"] as const) expect(verifyModule(moduleWith({ code: [op] })).usesActors).toBe(true);
    expect(verifyModule(moduleWith({ code: [["SpawnActor", 1]] })).usesActors).toBe(true);
  });

  test("is the same with and without debug info", () => {
    const module = moduleWith({ code: [["PushConst", 0], "Ret"] });
    const debug = { files: [{ name: "a.ax", text: "1" }], functions: module.functions.map(() => ({ file: 0, locals: [], spans: [] })) };
    const plain = verifyModule(module);
    const withDebug = verifyModule(decodeModule(encodeModule({ ...module, debug })));
    expect(withDebug.moduleHash).toBe(plain.moduleHash);
    expect(withDebug.functions).toEqual(plain.functions);
  });

  test.each(readdirSync(join(CONFORMANCE_ROOT, "bytecode")).filter((name) => name.endsWith(".axbc")))(
    "%s of the older compiler is verified",
    (name) => {
      const program = verifyModule(decodeModule(readFileSync(join(CONFORMANCE_ROOT, "bytecode", name))));
      expect(program.functions.every((fn) => fn.staticallyStacked)).toBe(true);
    },
  );
});

/** Follows the stack height along one path, using only the opcode table. */
function walkedHeight(fn: VerifiedFunction, choose: () => boolean, steps: number): number | undefined {
  let height = 0;
  let highest = 0;
  let pc = 0;
  for (let i = 0; i < steps && pc < fn.def.code.length; i++) {
    const instruction = fn.def.code[pc];
    if (instruction === undefined) return undefined;
    const row = OPCODES[instruction.op];
    const count = "popsCount" in row ? (instruction.operands.at(-1) ?? 0) : 0;
    if (instruction.op === "Ret" || instruction.op === "Halt" || instruction.op === "TailCall")
      return height >= count ? highest : undefined;
    height -= row.pops + count;
    if (height < 0) return undefined;
    height += row.pushes;
    highest = Math.max(highest, height);
    const target = instruction.operands[0] ?? 0;
    const jumps = instruction.op === "Jmp" || ((instruction.op === "JmpIf" || instruction.op === "JmpIfNot") && choose());
    pc = jumps ? target : pc + 1;
  }
  return highest;
}

describe("random code", () => {
  const pick = fc.constantFrom<TestFunction["code"][number]>(
    ["PushConst", 0],
    "Pop",
    "Dup",
    "Add",
    "Nop",
    "Ret",
    ["MakeList", 2],
    ["MakeList", 0],
    ["Call", 1, 1],
  );
  const jump = fc.tuple(fc.constantFrom<OpName>("Jmp", "JmpIf", "JmpIfNot"), fc.nat(11));
  const code = fc.array(fc.oneof({ weight: 4, arbitrary: pick }, { weight: 1, arbitrary: jump }), { minLength: 12, maxLength: 12 });

  test("a statically stacked function never underflows and never exceeds its highest stack", () => {
    fc.assert(
      fc.property(code, fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }), (list, choices) => {
        const fn = verified({ code: list });
        if (!fn.staticallyStacked) return;
        let next = 0;
        const highest = walkedHeight(fn, () => choices[next++] ?? false, 60);
        expect(highest).toBeLessThanOrEqual(fn.maxStack);
      }),
      { numRuns: scaledRuns(3_000) },
    );
  });

  test("any module becomes a program or one typed error", () => {
    const opNames = Object.keys(OPCODES).filter((name): name is OpName => name in OPCODES);
    const operand = fc.oneof({ weight: 8, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.integer() });
    const instruction = fc
      .constantFrom(...opNames)
      .chain((op) =>
        fc
          .array(operand, { minLength: OPCODES[op].operands.length, maxLength: OPCODES[op].operands.length })
          .map((list) => [op, ...list] as const),
      );
    const constants: fc.Arbitrary<Value[]> = fc.array(fc.constantFrom<Value>(1, "x", UNIT, new FnRefValue(0)), {
      minLength: 3,
      maxLength: 4,
    });
    const fn = fc.record({
      arity: fc.nat(2),
      locals: fc.nat(4),
      code: fc.array(instruction, { maxLength: 8 }),
      capabilities: fc.array(fc.nat(11), { maxLength: 1 }),
      matchTables: fc.array(fc.array(fc.record({ tag: fc.integer({ min: -5, max: 3 }), target: fc.nat(5) })), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(fn, { maxLength: 3 }), constants, (functions, pool) => {
        const kind = errorKind(() => verifyModule(moduleOf(functions, pool, { types: SHAPES, globals: ["g"] })));
        expect(kind === undefined || kind.startsWith("module.")).toBe(true);
      }),
      { numRuns: scaledRuns(3_000) },
    );
  });
});

test("time is linear: many matches that share a large table", () => {
  const arms = Array.from({ length: 60_000 }, (_, i) => ({ tag: i, target: 200_001 }));
  const code: TestFunction["code"] = [["PushConst", 0], ...Array.from({ length: 200_000 }, () => ["Match", 0] as const), "Ret"];
  // No arm leads to the Matches after the first, so branches do.
  const chained = code.map((c, i) =>
    i > 0 && i < 200_001 && i % 3 === 1 ? "Dup" : i > 0 && i < 200_001 && i % 3 === 2 ? (["JmpIf", Math.min(i + 1, 200_001)] as const) : c,
  );
  expect(verified({ code: chained, matchTables: [arms] })).toBeDefined();
});
