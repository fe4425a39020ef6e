import { expect, test } from "vitest";
import { disassemble } from "../../../vm/bytecode/disassembler.ts";
import type { Module } from "../../../vm/bytecode/module.ts";
import { FloatValue, FnRefValue } from "../../../vm/value/value.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { moduleOf } from "../helpers.ts";

const MODULE: Module = moduleOf(
  [
    {
      name: "main",
      arity: 1,
      locals: 2,
      code: [
        ["LoadLocal", 0],
        ["MakeEnum", 0, 1],
        ["Match", 0],
        ["StoreLocal", 1],
        ["PushConst", 1],
        ["CapCall", 0, 1],
        ["Call", 1, 1],
        ["LoadGlobal", 0],
        ["Assert", 1, 1, 0],
        ["Wrap", 1],
        "Ret",
      ],
      capabilities: [0, 5],
      matchTables: [
        [
          { tag: 0, target: 3 },
          { tag: -1, target: 3 },
        ],
      ],
    },
    { name: "helper", code: ["Pop", ["Jmp", 0]] },
  ],
  [new FloatValue(1), `long ${"x".repeat(100)}`, new FnRefValue(1)],
  {
    types: [
      {
        name: "Maybe",
        kind: "enum",
        variants: [
          { name: "No", type: null },
          { name: "Yes", type: "T" },
        ],
        params: ["T"],
      },
      { name: "Point", kind: "record", fields: [{ name: "x", type: "Int" }] },
    ],
    globals: ["counter"],
    signature: { params: [{ name: "a", type: "Int" }], result: "Result<Int, String>" },
    debug: {
      files: [{ name: "main.ax", text: "" }],
      functions: [
        {
          file: 0,
          locals: ["a", ""],
          spans: [
            [0, 2, 1, 2, 5],
            [4, 3, 1, 3, 9],
          ],
        },
        { file: -1, locals: [], spans: [] },
      ],
    },
  },
);

test("shows everything, with a note for each operand", () => {
  expect(disassemble(verifyModule(MODULE)).replace(/hash sha256:[0-9a-f]{64}/, "hash …")).toMatchInlineSnapshot(`
    "module test
    hash …
    entry fn 0 main
    2 functions, 3 constants, 2 types, 1 globals
    signature (a: Int) -> Result<Int, String>

    type 0 enum Maybe<T> { No, Yes(T) }
    type 1 record Point { x: Int }

    const 0 1
    const 1 "long xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
    const 2 Fn#1

    fn 0 main: 1 arguments, 2 locals, stack 2 !{net.fetch, time.now}
         0  LoadLocal 0               ; a · main.ax:2
         1  MakeEnum 0 1              ; Maybe · Yes
         2  Match 0
         3  StoreLocal 1
         4  PushConst 1               ; "long xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… · main.ax:3
         5  CapCall 0 1               ; net.fetch
         6  Call 1 1                  ; helper
         7  LoadGlobal 0              ; counter
         8  Assert 1 1 0              ; "long xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… · ensures
         9  Wrap 1                    ; Ok
        10  Ret
      table 0: 0 → 3, -1 → 3

    fn 1 helper: 0 arguments, 0 locals, dynamically stacked
         0  Pop
         1  Jmp 0
    "
  `);
});

test("characters that control a terminal are escaped", () => {
  const hostile = "\u001b[31mred\u0007\u009b\u202e\n";
  const module = moduleOf([{ name: hostile, code: [["PushConst", 0], "Ret"] }], [hostile], {
    name: hostile,
    types: [{ name: hostile, kind: "record", fields: [{ name: hostile, type: hostile }] }],
    globals: [hostile],
  });
  const text = disassemble(verifyModule(module));
  expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202e]/u);
  expect(text).toContain("\\u{1b}[31mred\\u{7}\\u{9b}\\u{202e}\\u{a}");
});

test("cutting a constant does not split a character", () => {
  const program = verifyModule(moduleOf([{ code: ["Ret"] }], [`${"x".repeat(58)}\u{1f600}`]));
  expect(disassemble(program)).toContain(`const 0 "${"x".repeat(58)}…`);
});
