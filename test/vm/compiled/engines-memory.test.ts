/** The allocation limit bounds the memory of the process on both engines. In a separate file, since the peak is per process. */
import { expect, test } from "vitest";
import { FnRefValue, UNIT } from "../../../vm/value/value.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { sameOnBoth } from "../engines.ts";
import { moduleOf, type TestFunction } from "../helpers.ts";

const WRAPS: TestFunction["code"] = Array.from({ length: 3_900 }, () => ["Wrap", 0] as const);

/** Programs that keep everything they allocate. */
const BOMBS: readonly (readonly [string, readonly TestFunction[]])[] = [
  [
    "recursion whose frames allocate",
    [{ code: [["PushConst", 0], ["Call", 1, 1], "Ret"] }, { arity: 1, code: [["LoadLocal", 0], ...WRAPS, ["Call", 1, 1], "Ret"] }],
  ],
  [
    "a loop whose callee allocates",
    [
      {
        locals: 1,
        code: [
          ["LoadLocal", 0],
          ["Call", 1, 1],
          ["StoreLocal", 0],
          ["Jmp", 0],
        ],
      },
      { arity: 1, code: [["LoadLocal", 0], ...WRAPS, "Ret"] },
    ],
  ],
  [
    "a loop that calls a function value that allocates",
    [
      {
        locals: 1,
        code: [
          ["LoadLocal", 0],
          ["PushConst", 1],
          ["CallIndirect", 1],
          ["StoreLocal", 0],
          ["Jmp", 0],
        ],
      },
      { arity: 1, code: [["LoadLocal", 0], ...WRAPS, "Ret"] },
    ],
  ],
];

test.each(BOMBS)("%s", (_title, functions) => {
  const program = verifyModule(moduleOf(functions, [UNIT, new FnRefValue(1)]));
  const before = process.resourceUsage().maxRSS;
  const { end } = sameOnBoth(program, { limits: { max_alloc_bytes: 1_000_000 } });
  expect(end).toContain("alloc_limit");
  // maxRSS is in KiB. The bound is twice the limit plus 200 MB.
  expect(process.resourceUsage().maxRSS - before).toBeLessThan(202_000);
});
