/** The allocation limit bounds the host's memory on both engines. In a file of its own: the peak is that of the process. */
import { expect, test } from "vitest";
import { FnRefValue, UNIT } from "../../../vm/value/value.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { sameOnBoth } from "../engines.ts";
import { moduleOf, type TestFunction } from "../helpers.ts";

const WRAPS: TestFunction["code"] = Array.from({ length: 3_900 }, () => ["Wrap", 0] as const);

/** Each keeps what it makes. */
const BOMBS: readonly (readonly [string, readonly TestFunction[]])[] = [
  [
    "recursion whose frames allocate",
    [{ code: [["PushConst", 0], ["Call", 1, 1], "Ret"] }, { arity: 1, code: [["LoadLocal", 0], ...WRAPS, ["Call", 1, 1], "Ret"] }],
  ],
  [
    "a loop that allocates in what it calls",
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
    "a loop that allocates in what it calls by its value",
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
  // In kilobytes: twice the limit and 200 MB.
  expect(process.resourceUsage().maxRSS - before).toBeLessThan(202_000);
});
