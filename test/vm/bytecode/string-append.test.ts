/** Appends to a local: which instructions form them, and what they charge on both engines, traced and not. */
import { describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { analyzeAppends, APPEND } from "../../../vm/bytecode/string-append.ts";
import { BYTES, stringCharge } from "../../../vm/cost.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../vm/limits.ts";
import { ListValue } from "../../../vm/value/list.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { runMachine } from "../../../vm/scheduler/scheduler.ts";
import type { Value } from "../../../vm/value/value.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { scaledRuns, DEEP } from "../../cases.ts";
import { countsOf, runOn, sameOnBoth, seen, type Seen } from "../engines.ts";
import { moduleOf, type TestFunction, testHost } from "../helpers.ts";

type Code = TestFunction["code"];
const programOf = (text: string): Program => verifyModule(compile({ name: "main.ax", text }).module);
const byHand = (functions: readonly TestFunction[], constants: readonly Value[]): Program => verifyModule(moduleOf(functions, constants));

/** The roles of the instructions: l (load), c (concat), s (store) or a dot for none. */
function rolesOf(code: Code, more: Partial<TestFunction> = {}): string {
  const program = byHand(
    [
      { locals: 3, ...more, code },
      { arity: 1, code: ["Ret"] },
    ],
    ["x", true],
  );
  const [fn] = program.functions;
  if (fn === undefined) throw new Error("no function");
  const { roles, isAppendTarget, targets } = analyzeAppends(fn);
  expect(targets).toEqual([...isAppendTarget.keys()].filter((i) => isAppendTarget[i] === 1));
  return roles.length === 0 ? "" : [...roles].map((role) => ".lcs"[role]).join("");
}

/** Instructions on local 0, which is appended to, and a load of another local. */
const LOAD = ["LoadLocal", 0] as const;
const STORE = ["StoreLocal", 0] as const;
const OTHER = ["LoadLocal", 1] as const;
/** Pushes the String that is appended. */
const X = ["PushConst", 0] as const;

describe("which instructions are an append", () => {
  test("a load, joins with it as the first operand, and a store to the same local", () => {
    expect(APPEND).toEqual({ none: 0, load: 1, concat: 2, store: 3 });
    expect(rolesOf([LOAD, X, "Concat", STORE])).toBe("l.cs");
    expect(rolesOf([LOAD, X, "Concat", OTHER, "Concat", STORE])).toBe("l.c.cs");
    expect(rolesOf([LOAD, LOAD, "Concat", STORE])).toBe("l.cs");
    expect(rolesOf([X, LOAD, X, "Concat", STORE, "Ret"])).toBe(".l.cs.");
  });

  test("calls, builtins and stores to other locals may be in between", () => {
    expect(rolesOf([LOAD, X, ["Call", 1, 1], "Concat", STORE])).toBe("l..cs");
    expect(rolesOf([LOAD, X, ["StoreLocal", 1], X, "Concat", STORE])).toBe("l...cs");
    expect(rolesOf([LOAD, X, "StringLen", "Pop", X, "Concat", STORE])).toBe("l....cs");
  });

  test("one append inside another", () => {
    expect(rolesOf([LOAD, OTHER, X, "Concat", ["StoreLocal", 1], OTHER, "Concat", STORE])).toBe("ll.cs.cs");
  });

  test.each<readonly [string, Code]>([
    ["the local second", [X, LOAD, "Concat", STORE]],
    ["another local", [OTHER, X, "Concat", STORE]],
    ["joined as the second operand", [X, LOAD, X, "Concat", "Concat", STORE]],
    ["not stored at once", [LOAD, X, "Concat", "Nop", STORE]],
    ["no join", [LOAD, STORE]],
    ["Add", [LOAD, X, "Add", STORE]],
    ["doubled", [LOAD, "Dup", X, "Concat", STORE, "Pop"]],
    ["the result doubled", [LOAD, X, "Concat", "Dup", STORE]],
    ["a store in between", [LOAD, X, STORE, X, "Concat", STORE]],
    ["a branch in between", [LOAD, ["PushConst", 1], ["JmpIfNot", 3], X, "Concat", STORE]],
    ["a jump to the piece", [LOAD, X, "Concat", STORE, ["PushConst", 1], ["JmpIf", 8], LOAD, ["Jmp", 1]]],
    ["a jump to the store", [LOAD, X, "Concat", STORE, ["PushConst", 1], ["JmpIf", 8], X, ["Jmp", 3]]],
    ["unreachable code", ["Ret", LOAD, X, "Concat", STORE]],
    ["a dynamically stacked function", [LOAD, X, "Concat", STORE, "Pop"]],
  ])("no append: %s", (_, code) => expect(rolesOf(code)).toBe(""));

  test("a store in between belongs to its own append only", () => {
    expect(rolesOf([LOAD, LOAD, X, "Concat", STORE, X, "Concat", STORE])).toBe(".l.cs...");
  });

  test("the target of a match ends the analysis", () => {
    const code: Code = [LOAD, ["PushConst", 1], ["Match", 0], "Pop", X, "Concat", STORE];
    expect(rolesOf(code, { matchTables: [[{ tag: -1, target: 3 }]] })).toBe("");
  });

  test("parameters are append targets, unless a contract may print them", () => {
    expect(rolesOf([LOAD, X, "Concat", STORE], { arity: 1 })).toBe("l.cs");
    expect(rolesOf([LOAD, X, "Concat", STORE, ["PushConst", 1], ["Assert", 0, 0, 0]], { arity: 1 })).toBe("");
    expect(rolesOf([OTHER, X, "Concat", ["StoreLocal", 1], ["PushConst", 1], ["Assert", 0, 0, 0]], { arity: 1 })).toBe("l.cs..");
  });
});

function interpreted(program: Program, args: readonly Value[], limits: Partial<Limits>, traced: boolean): Seen {
  const host = testHost();
  const trace = traced ? { trace: (): void => undefined } : {};
  const end = runMachine(program, host, { limits: { ...DEFAULT_LIMITS, ...limits }, args, engine: "interpreter", ...trace });
  if (end instanceof Promise) throw new Error("the run waits for a promise");
  return seen(end, host);
}

/** Runs a program on both engines, traced and not; all runs must be the same. */
function same(program: Program, args: readonly Value[] = [], limits: Partial<Limits> = {}): Seen {
  const found = sameOnBoth(program, { args, limits });
  expect(interpreted(program, args, limits, true)).toEqual(found);
  return found;
}

/** The bytes that a program allocates. */
const bytesOf = (text: string, ...args: readonly Value[]): number => same(programOf(text), args).allocBytes;

const loopProgram = (body: string, before = "", after = "string.len(s)"): string => `fn main(n: Int) -> Int {
    let mut s = "some text to begin with"
    let mut t = "t"
    let mut seen = 0
    let mut i = 0
    ${before}
    while i < n {
        ${body}
        i = i + 1
    }
    ${after}
}
`;
/** The length of the text that `loopProgram` appends to, and the bytes charged for a String of one code unit. */
const START = "some text to begin with".length;
const one = BYTES.stringHeader + BYTES.codeUnit;

describe("what is charged", () => {
  test("each append charges its piece, the first read the full length, the second read nothing", () => {
    expect(bytesOf(loopProgram('s = s ++ "x"'), 1000)).toBe(1000 * one + BYTES.codeUnit * (START + 1000));
    expect(bytesOf(loopProgram('s = s ++ "x"', "", "string.len(s) + string.len(s) + string.len(s)"), 1000)).toBe(
      1000 * one + BYTES.codeUnit * (START + 1000),
    );
    expect(bytesOf(loopProgram('s = s ++ "x"', "", "seen"), 1000)).toBe(1000 * one);
    expect(bytesOf(loopProgram('s = s ++ "x"'), 0)).toBe(0);
  });

  test("chains", () => {
    expect(bytesOf(loopProgram('s = s ++ "x" ++ "yz"', "", "seen"), 10)).toBe(10 * (one + BYTES.stringHeader + 2 * BYTES.codeUnit));
  });

  test("the shorter of the two, whichever it is", () => {
    const text = loopProgram('t = "" t = t ++ s', "", "seen");
    expect(bytesOf(text, 10)).toBe(10 * BYTES.stringHeader);
  });

  test("reading the String in each iteration charges as much as an ordinary join", () => {
    const whole = Array.from({ length: 50 }, (_, i) => BYTES.codeUnit * (START + i + 1)).reduce((a, b) => a + b);
    expect(bytesOf(loopProgram('s = s ++ "x"  seen = seen + string.len(s)', "", "seen"), 50)).toBe(50 * one + whole);
    const joined = Array.from({ length: 50 }, (_, i) => stringCharge(START + i + 1)).reduce((a, b) => a + b);
    expect(bytesOf(loopProgram('t = s ++ "x"  s = t', "", "seen"), 50)).toBe(joined);
  });

  test("a String that replaces a pending one is not pending", () => {
    expect(bytesOf(loopProgram('s = s ++ "x"  s = int.to_string(i)', "", "string.len(s)"), 10)).toBe(10 * (one + stringCharge(1)));
    expect(bytesOf(loopProgram('s = s ++ "x"  s = "new"', "", "string.len(s)"), 10)).toBe(10 * one);
  });

  test("doubling charges the full length twice: for the read and for the join", () => {
    const lengths = Array.from({ length: 10 }, (_, i) => START * 2 ** i);
    const pending = lengths.slice(1).reduce((a, b) => a + BYTES.codeUnit * b, 0);
    expect(bytesOf(loopProgram("s = s ++ s", "", "seen"), 10)).toBe(lengths.reduce((a, b) => a + stringCharge(b), 0) + pending);
  });

  test("appends of Lists, and of values that cannot be joined, charge as before", () => {
    const text = "fn main(n: Int) -> Int {\n let mut xs = [1]\n for i in list.range(0, n) { xs = xs ++ [i] }\n list.len(xs)\n}\n";
    const apart = text.replace("xs = xs ++ [i]", "let ys = xs ++ [i]  xs = ys");
    expect(bytesOf(text, 40)).toBe(bytesOf(apart, 40));
    const odd = byHand([{ locals: 1, code: [LOAD, X, "Concat", STORE] }], ["x"]);
    expect(same(odd).end).toContain("type error: expected String, got Unit");
  });

  test("200,000 appends stay within the default limits", () => {
    const program = programOf(loopProgram('s = s ++ "x"'));
    const expected = 200_000 * one + BYTES.codeUnit * (START + 200_000);
    for (const engine of ["interpreter", "compiled", "auto"] as const) {
      const found = runOn(engine, program, { args: [200_000] });
      expect(found.end).toContain(String(200_000 + START));
      expect(found.allocBytes).toBe(expected);
    }
  });

  test("the compiled engine compiles appends", () => {
    const program = programOf(loopProgram('s = s ++ "x"'));
    runOn("auto", program, { args: [200_000] });
    expect(countsOf(program, "auto")).toMatchObject({ compiled: 1, deoptimized: 0 });
  });
});

const CHAIN = programOf(`fn word(n: Int) -> String { if n % 3 == 0 { "" } else { "w" ++ int.to_string(n) } }
fn grown(s: String, n: Int) -> String { if n == 0 { s } else { grown(s ++ "g", n - 1) } }
fn looked(s: String) -> Int { string.len(s) }
fn line(n: Int) -> String {
    let mut out = ""
    let mut i = 0
    while i < n { out = out ++ "-" ++ word(i)  i = i + 1 }
    out
}
fn main(n: Int) -> String {
    let mut s = ""
    let mut t = "t"
    let mut xs = [0]
    let mut i = 0
    while i < n {
        s = s ++ word(i) ++ ","
        let mut j = 0
        while j < i {
            t = t ++ s
            j = j + 1
            if j % 2 == 0 { t = "again" ++ t }
        }
        if looked(s) % 4 == 1 { s = s ++ s }
        xs = xs ++ [looked(t)]
        t = t ++ line(i) ++ grown(t, 2)
        if i == 3 { t = "new"  t = t ++ int.to_string(list.len(xs)) }
        s = s ++ string.slice(s, 0, 1)
        let f = fn(k) { string.len(t) + k }
        i = i + f(1) - f(0)
    }
    s ++ t ++ string.inspect(xs)
}
`);

/**
 * The parameters of the second function are append targets. Its first instruction is also the head of a loop (`Jmp 0`). After its tail
 * call, no parameter may count as pending.
 */
const PARAMETERS = byHand(
  [
    {
      arity: 1,
      locals: 2,
      // The Int 1 in the argument's stack slot must not be taken for the mark of a pending String (`StackSlots.numbers`).
      code: [["PushConst", 1], "Pop", ["PushConst", 4], ["LoadLocal", 0], ["Call", 1, 2], "Ret"],
    },
    {
      arity: 2,
      code: [
        ["LoadLocal", 0],
        "Pop",
        ["LoadLocal", 0],
        ["PushConst", 2],
        "Concat",
        ["StoreLocal", 0],
        ["LoadLocal", 1],
        ["PushConst", 1],
        "Sub",
        "Dup",
        ["StoreLocal", 1],
        ["PushConst", 3],
        "Mod",
        ["JmpIfNot", 15],
        ["Jmp", 0],
        ["LoadLocal", 1],
        ["JmpIf", 19],
        ["LoadLocal", 0],
        "Ret",
        "Nop",
        ["LoadLocal", 0],
        ["LoadLocal", 1],
        ["TailCall", 1, 2],
      ],
    },
  ],
  [0, 1, "ab", 4, "begin"],
);

describe("the same on both engines, traced and not", () => {
  test.each<readonly [string, Program, number]>([
    ["a program of appends", CHAIN, 5],
    ["parameters", PARAMETERS, 14],
  ])("%s: at every limit of steps, and of bytes", (_, program, n) => {
    const whole = same(program, [n]);
    expect(whole.end).toContain("value");
    for (let max_steps = 1; max_steps <= whole.steps; max_steps += DEEP ? 1 : 7) same(program, [n], { max_steps });
    const stride = Math.max(1, Math.floor(whole.allocBytes / scaledRuns(3_500)));
    for (let max_alloc_bytes = 1; max_alloc_bytes <= whole.allocBytes; max_alloc_bytes += stride) same(program, [n], { max_alloc_bytes });
    const last = same(program, [n], { max_alloc_bytes: whole.allocBytes - 1 });
    expect(last.end).toContain("alloc_limit");
  });

  test("loops that the compiled engine takes over in the middle and hands back", () => {
    for (const program of [CHAIN, PARAMETERS]) {
      const n = program === CHAIN ? 12 : 9_000;
      expect(runOn("auto", program, { args: [n] })).toEqual(runOn("interpreter", program, { args: [n] }));
      sameOnBoth(program, { args: [program === CHAIN ? n : 400], actors: true });
    }
    // A String that is pending when the engines change is read much later.
    const body = 'if i % 500000 == 499999 { s = s ++ "x" }  if i == 5 { t = t ++ "y" }';
    const long = programOf(loopProgram(body, 's = s ++ "first"', "string.len(s) + string.len(t)"));
    const limits = { max_steps: 100_000_000 };
    const expected = runOn("interpreter", long, { args: [1_300_000], limits });
    expect(expected.steps).toBeGreaterThan(20_000_000);
    expect(runOn("auto", long, { args: [1_300_000], limits })).toEqual(expected);
  });

  test("a frame begins with nothing pending, whatever its slots held before", () => {
    const grow: TestFunction = {
      arity: 2,
      code: [
        ["LoadLocal", 0],
        "Pop",
        ["LoadLocal", 0],
        ["PushConst", 0],
        "Concat",
        ["StoreLocal", 0],
        ["LoadLocal", 1],
        ["JmpIf", 10],
        ["LoadLocal", 0],
        "Ret",
        ["PushConst", 1],
        "Pop",
        ["PushConst", 0],
        ["LoadLocal", 1],
        ["PushConst", 1],
        "Sub",
        ["TailCall", 1, 2],
      ],
    };
    const call: Code = [["PushConst", 1], "Pop", ["PushConst", 0], ["PushConst", 2], ["Call", 1, 2], "Pop"];
    const program = byHand([{ code: [...call, ...call, ...call, "Ret"] }, grow], ["abc", 1, 3]);
    const whole = same(program);
    // Each call makes four appends and reads the last String.
    expect(whole.allocBytes).toBe(3 * (4 * stringCharge(3) + 6 * BYTES.codeUnit));
    for (let max_steps = 1; max_steps <= whole.steps; max_steps++) same(program, [], { max_steps });
  });

  test("a String that is stored over a number is not pending", () => {
    const code: Code = [LOAD, X, "Concat", STORE, ["PushConst", 1], "Pop", X, X, "Add", STORE, LOAD, "Ret"];
    const program = byHand([{ arity: 1, locals: 1, code }], ["abc", 1]);
    expect(same(program, ["de"]).allocBytes).toBe(stringCharge(2) + stringCharge(6));
  });

  test.runIf(DEEP)("a local that holds a String, then a number, then a String again", () => {
    const program = byHand(
      [
        {
          arity: 1,
          locals: 3,
          code: [
            ["PushConst", 0],
            ["StoreLocal", 1],
            ["LoadLocal", 1],
            ["PushConst", 0],
            "Concat",
            ["StoreLocal", 1],
            ["LoadLocal", 1],
            ["StoreLocal", 2],
            ["PushConst", 1],
            ["StoreLocal", 1],
            ["PushConst", 2],
            ["StoreLocal", 1],
            ["LoadLocal", 1],
            ["PushConst", 2],
            "Concat",
            ["StoreLocal", 1],
            ["LoadLocal", 1],
            "Pop",
            ["PushConst", 0],
            ["StoreLocal", 1],
            ["LoadLocal", 1],
            "Pop",
            ["LoadLocal", 0],
            ["PushConst", 1],
            "Sub",
            "Dup",
            ["StoreLocal", 0],
            ["JmpIf", 2],
            ["LoadLocal", 1],
            "Ret",
          ],
        },
      ],
      ["abc", 1, ListValue.of([1, 2])],
    );
    const whole = same(program, [5]);
    for (let max_steps = 1; max_steps <= whole.steps; max_steps++) same(program, [5], { max_steps });
    for (let max_alloc_bytes = 1; max_alloc_bytes <= whole.allocBytes; max_alloc_bytes++) same(program, [5], { max_alloc_bytes });
  });
});
