import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { decodeModule, encodeModule, moduleHash } from "../../../vm/bytecode/codec.ts";
import { flowChanges, flowTree } from "../../../vm/bytecode/flow.ts";
import type { FlowConstruct, FlowDebug, Module } from "../../../vm/bytecode/module.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { BorunaError } from "../../../vm/error.ts";
import { DEFAULT_LIMITS } from "../../../vm/limits.ts";
import { runMachine } from "../../../vm/scheduler/scheduler.ts";
import { scaledRuns } from "../../cases.ts";
import { mockHost } from "../../run-program.ts";
import { arbitraryFlowProgram } from "../../telemetry/arbitrary-flow.ts";

const moduleOf = (text: string): Module => compile({ name: "main.ax", text }).module;

const SOURCE = `fn pure(n: Int) -> Int { if n > 0 { 1 } else { 2 } }
fn main() -> Int !{time.now} {
    for n in [1, 2] { if n == 1 { time.now() } }
    match pure(1) { 1 => 0, _ => 1 }
}
`;

/** The module of `SOURCE` with other constructs in `main`. */
function withFlow(flow: FlowDebug): Module {
  const module = moduleOf(SOURCE);
  const { debug } = module;
  if (debug === undefined) return expect.fail("no debug info");
  const functions = debug.functions.map((f) => (f.flow === undefined ? f : { ...f, flow }));
  return { ...module, debug: { ...debug, functions } };
}

function kindOf(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    if (error instanceof BorunaError) return error.kind;
    throw error;
  }
  return "read";
}

describe("the flow of a function", () => {
  test("is written and read, is not part of the module hash, and only functions with a row have it", () => {
    fc.assert(
      fc.property(arbitraryFlowProgram, (text) => {
        const module = moduleOf(text);
        expect(decodeModule(encodeModule(module))).toEqual(module);
        for (const [i, f] of module.debug?.functions.entries() ?? []) {
          expect(f.flow !== undefined).toBe((module.functions[i]?.capabilities.length ?? 0) > 0);
        }
        expect(moduleHash(module)).toBe(moduleHash({ ...module, debug: { files: [], functions: [] } }));
      }),
      { numRuns: scaledRuns(200) },
    );
  });

  test("an older module has none: it has spans of calls, without a line", async () => {
    const module = moduleOf(SOURCE);
    const debug = module.debug?.functions.map(({ file, locals, spans }) => ({ file, locals, spans })) ?? [];
    const program = verifyModule({ ...module, debug: { files: module.debug?.files ?? [], functions: debug } });
    const seen: unknown[] = [];
    const flow = {
      constructs: true,
      start: ({ construct, line }: { construct: string; line?: number | undefined }) => {
        seen.push([construct, line]);
        return { end: () => undefined };
      },
    };
    await runMachine(program, { ...mockHost([], []), flow }, { limits: DEFAULT_LIMITS, args: [] });
    expect(seen).toEqual([["call", undefined]]);
  });

  const base = { kind: "while", line: 1, local: -1 } as const;
  const cases_: readonly (readonly [string, readonly FlowConstruct[]])[] = [
    [
      "out of order",
      [
        { ...base, start: 5, end: 9, parts: [[6, 7]] },
        { ...base, start: 1, end: 4, parts: [[2, 3]] },
      ],
    ],
    [
      "overlapping",
      [
        { ...base, start: 1, end: 5, parts: [[4, 5]] },
        { ...base, start: 3, end: 7, parts: [[6, 7]] },
      ],
    ],
    [
      "across the edge of a part",
      [
        { ...base, start: 1, end: 9, parts: [[4, 6]] },
        { ...base, start: 5, end: 8, parts: [[6, 7]] },
      ],
    ],
    [
      "from before a part into it",
      [
        { ...base, start: 1, end: 9, parts: [[4, 6]] },
        { ...base, start: 2, end: 5, parts: [[3, 4]] },
      ],
    ],
    ["beyond the code", [{ ...base, start: 1, end: 10_000, parts: [[2, 3]] }]],
    ["empty", [{ ...base, start: 1, end: 1, parts: [[1, 1]] }]],
    ["with an empty part", [{ ...base, start: 1, end: 4, parts: [[2, 2]] }]],
    ["with a part outside", [{ ...base, start: 1, end: 4, parts: [[3, 5]] }]],
    [
      "with parts that overlap",
      [
        {
          ...base,
          kind: "match",
          start: 1,
          end: 9,
          parts: [
            [2, 5],
            [4, 6],
          ],
        },
      ],
    ],
    [
      "with two bodies",
      [
        {
          ...base,
          start: 1,
          end: 9,
          parts: [
            [2, 3],
            [4, 6],
          ],
        },
      ],
    ],
    ["without a body", [{ ...base, start: 1, end: 9, parts: [] }]],
    ["with only an else", [{ ...base, kind: "if_else", start: 1, end: 9, parts: [[2, 3]] }]],
  ];
  test.each(cases_)("%s is refused", (_, constructs) => {
    expect(kindOf(() => decodeModule(encodeModule(withFlow({ line: 1, constructs }))))).toBe("module.bad_debug");
  });

  test("constructs at the edges of others and of their parts are read", () => {
    const constructs: readonly FlowConstruct[] = [
      { ...base, start: 0, end: 12, parts: [[4, 8]] },
      { ...base, start: 0, end: 4, parts: [[2, 3]] },
      { ...base, start: 4, end: 8, parts: [[5, 6]] },
      { ...base, start: 8, end: 12, parts: [[9, 12]] },
    ];
    expect(kindOf(() => decodeModule(encodeModule(withFlow({ line: 1, constructs }))))).toBe("read");
  });
});

describe("the tree", () => {
  test("of nested constructs", () => {
    const constructs: readonly FlowConstruct[] = [
      { kind: "while", line: 1, local: -1, start: 1, end: 8, parts: [[3, 7]] },
      { kind: "if", line: 2, local: -1, start: 3, end: 6, parts: [[4, 6]] },
    ];
    const { nodes, innermost } = flowTree({ line: 1, constructs });
    const names = Array.from(innermost, (i) => `${nodes[i]?.construct?.kind ?? "root"}${nodes[i]?.part ?? ""}`);
    expect(names).toEqual(["root-1", "while-1", "while-1", "if-1", "if0", "if0", "while0", "while-1"]);
    expect(nodes.map((n) => n.depth)).toEqual([0, 1, 2, 3, 4]);
  });

  test("changes after a jump from inside of a construct to code outside of it", () => {
    const text = "fn main() -> Int !{time.now} ensures result > 0 - 9 { if time.now() > 0 { return 1 } 2 }";
    const program = verifyModule(moduleOf(text));
    const fn = program.functions[program.module.entry] ?? expect.fail("no main");
    const tree = flowTree(program.module.debug?.functions[fn.index]?.flow ?? expect.fail("no flow"));
    const changes = flowChanges(fn, tree);
    // The return jumps to the check of the clause.
    const check = fn.def.code.findIndex(({ op }) => op === "StoreLocal") + 1;
    const target = fn.def.code[check]?.operands[0] ?? -1;
    expect([fn.def.code[check]?.op, changes[target], tree.innermost[target] ?? 0]).toEqual(["Jmp", 1, 0]);
  });

  const pc = fc.nat(40);
  const range = fc.tuple(pc, pc).map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]);
  const anything = fc.record({
    kind: fc.constantFrom("if", "if_else", "match", "while", "for"),
    line: fc.constant(1),
    local: fc.integer({ min: -1, max: 3 }),
    start: pc,
    end: pc,
    parts: fc.array(range, { maxLength: 3 }),
  });

  test("of unchecked constructs is built, and a run with them ends and closes every span", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anything, { maxLength: 8 }), async (constructs) => {
        const program = verifyModule(withFlow({ line: 1, constructs }));
        let open = 0;
        const flow = {
          constructs: true,
          start: () => {
            open += 1;
            return { end: () => void (open -= 1) };
          },
        };
        const end = await runMachine(program, { ...mockHost([], []), flow }, { limits: DEFAULT_LIMITS, args: [] });
        expect(end.status).toBe("completed");
        expect(open).toBe(0);
      }),
      { numRuns: scaledRuns(1_000) },
    );
  });
});
