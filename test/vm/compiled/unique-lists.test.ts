/** Lists that grow in place in compiled code. Nothing else that refers to such a list may see that. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { BUILTIN_BY_NAME } from "../../../vm/builtins/builtin-table.ts";
import { uniqueLists } from "../../../vm/compiled/unique-lists.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { unpaidListChanges } from "../../../vm/cost.ts";
import { withElement } from "../../../vm/interpreter/update.ts";
import { Meter } from "../../../vm/meter.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { Owner } from "../../../vm/value/owner.ts";
import { scaledRuns } from "../../cases.ts";
import { fixedSample } from "../../choices.ts";
import { countsOf, sameOnBoth } from "../engines.ts";
import { moduleOf, type TestFunction } from "../helpers.ts";

const PROGRAMS: readonly (readonly [name: string, source: string, value: string])[] = [
  [
    "an older version",
    `fn made() -> List<Int> {
    let mut xs: List<Int> = []
    let mut old = xs
    let mut i = 0
    while i < 20 {
        xs = list.push(xs, i)
        if i == 5 { old = xs }
        i = i + 1
    }
    old
}
`,
    "[0, 1, 2, 3, 4, 5]",
  ],
  [
    "a list pushed into itself",
    `enum Tree { Leaf(Int), Node(List<Tree>) }
fn made() -> List<Tree> {
    let mut xs: List<Tree> = []
    let mut i = 0
    while i < 3 {
        xs = list.push(xs, Tree::Leaf(i))
        xs = list.push(xs, Tree::Node(xs))
        i = i + 2
    }
    xs
}
`,
    "[Tree::Leaf(0), Tree::Node([Tree::Leaf(0)]), Tree::Leaf(2), Tree::Node([Tree::Leaf(0), Tree::Node([Tree::Leaf(0)]), Tree::Leaf(2)])]",
  ],
  [
    "versions kept in another list",
    `fn made() -> List<List<Int>> {
    let mut xs: List<Int> = []
    let mut all: List<List<Int>> = []
    let mut i = 0
    while i < 3 {
        xs = list.push(xs, i)
        xs = list.push(xs, list.len(xs))
        all = list.push(all, xs)
        i = i + 1
    }
    all
}
`,
    "[[0, 1], [0, 1, 1, 3], [0, 1, 1, 3, 2, 5]]",
  ],
  [
    "a version captured by a function",
    `fn made() -> Int {
    let mut xs: List<Int> = []
    let mut size = fn() -> Int { 0 }
    let mut i = 0
    while i < 10 {
        xs = list.push(xs, i)
        if i == 3 { size = fn() -> Int { list.len(xs) } }
        i = i + 1
    }
    size() * 100 + list.len(xs)
}
`,
    "410",
  ],
  [
    "a list handed to a tail call",
    `fn grown(xs: List<Int>, seen: List<Int>, n: Int) -> List<Int> {
    if n == 0 { return seen }
    let mut ys = list.push(xs, n)
    ys = list.push(ys, n)
    grown(ys, xs, n - 1)
}
fn made() -> List<Int> { grown([], [], 3) }
`,
    "[3, 3, 2, 2]",
  ],
  [
    "a list that a call borrows, while another call changes it",
    `fn ends(xs: List<Int>) -> Int { xs[0] * 1000 + xs[list.len(xs) - 1] }
fn changed(xs: List<Int>) -> List<Int> {
    let mut ys = xs
    ys[0] = 7
    ys
}
fn both(a: List<Int>, b: List<Int>) -> Int { ends(a) * 10 + b[0] }
fn made() -> List<Int> {
    let mut xs = list.range(0, 200)
    let mut out: List<Int> = []
    for i in 0..3 {
        xs[0] = i
        out = list.push(out, ends(xs))
        out = list.push(out, both(xs, changed(xs)))
        xs[1] = 0
    }
    out
}
`,
    "[199, 1997, 1199, 11997, 2199, 21997]",
  ],
  [
    "a long list that branches off while another variable holds it",
    `fn with_first(xs: List<Int>, value: Int) -> List<Int> {
    let mut ys = xs
    ys[0] = value
    ys
}
fn firsts(a: List<Int>, b: List<Int>, c: List<Int>) -> List<Int> { [a[0], b[0], c[0], list.len(a)] }
fn made() -> List<Int> {
    let mut xs = list.map(0..200, fn(i) { i })
    xs = with_first(xs, 1)
    xs = with_first(list.push(xs, 5), 2)
    let branch = with_first(xs, 3)
    let other = list.set(xs, 0, 4)
    xs = with_first(xs, 5)
    firsts(xs, branch, other)
}
`,
    "[5, 3, 4, 201]",
  ],
  [
    "a stack",
    `fn made() -> List<List<Int>> {
    let mut xs: List<Int> = []
    let mut old = xs
    for i in 0..6 {
        xs = list.push(xs, i)
        xs = list.push(xs, i * 10)
        if i == 2 { old = xs }
        xs = list.take(xs, list.len(xs) - 1)
    }
    let none = list.take(xs, -1)
    [xs, old, none, list.push(list.take(old, 2), 7), old]
}
`,
    "[[0, 1, 2, 3, 4, 5], [0, 1, 2, 20], [], [0, 1, 7], [0, 1, 2, 20]]",
  ],
  [
    "a long list of which a call changes a copy",
    `fn peek(xs: List<Int>) -> Int {
    let mut ys = xs
    ys[0] = 9
    ys[0]
}
fn made() -> List<Int> {
    let mut xs = list.range(0, 200)
    let mut out: List<Int> = []
    for i in 3..6 {
        out = list.push(out, peek(xs))
        xs[1] = i
        out = list.push(out, list.set(xs, 0, 4)[1])
    }
    out
}
`,
    "[9, 3, 9, 4, 9, 5]",
  ],
  [
    "a list that a function gets twice and changes once",
    `fn sum_of_firsts(a: List<Int>, b: List<Int>, n: Int) -> Int {
    if n == 0 { return a[0] * 100 + b[0] }
    let mut c = b
    c[0] += 1
    sum_of_firsts(a, c, n - 1)
}
fn made() -> Int {
    let xs = list.repeat(1, 50)
    sum_of_firsts(xs, xs, 4)
}
`,
    "105",
  ],
  [
    "a heap whose last element moves to its start",
    `fn popped(heap: List<Int>) -> List<Int> {
    let last = list.len(heap) - 1
    let mut items = list.take(heap, last)
    if last == 0 { return items }
    items[0] = heap[last]
    items = list.push(items, heap_size(items))
    items
}
fn heap_size(items: List<Int>) -> Int { list.len(items) }
fn made() -> List<List<Int>> {
    let mut heap: List<Int> = []
    for i in 0..5 { heap = list.push(heap, i) }
    let old = list.push(heap, 7)
    let mut kept = [old]
    let mut other = list.map(0..5, fn(i) { i * 10 })
    for i in 0..3 {
        heap = popped(heap)
        other = popped(other)
        if i == 1 { kept = list.push(kept, other) }
    }
    [heap, old, other, kept[1], popped([1])]
}
`,
    "[[4, 1, 2, 3, 4], [0, 1, 2, 3, 4, 7], [4, 10, 20, 30, 4], [4, 10, 20, 30, 4], []]",
  ],
  [
    "a part of a list that is still read",
    `fn sum(xs: List<Int>) -> Int { xs[0] + xs[list.len(xs) - 1] }
fn sums(a: Int, b: List<Int>, c: Int) -> Int { a * 1000000 + list.sum(b) * 1000 + c }
fn made() -> List<Int> {
    let mut xs = list.map(0..5, fn(i) { i })
    let mut out: List<Int> = []
    for i in 0..4 {
        let mut part = list.take(xs, list.len(xs) - 1)
        part[0] = 5
        out = list.push(out, sums(sum(xs), list.push(list.slice(xs, 0, 2), 9), sum(xs)))
        let two = list.take(xs, 2)
        xs = list.push(xs, i)
        out = list.push(out, sum(list.push(two, 3)))
        out = list.push(out, sum(list.push(list.take(xs, 3), xs[4] + part[0])))
        let mut rest = list.slice(xs, 0, 4)
        let same = xs
        rest[1] = 8
        out = list.push(out, same[1] + rest[1])
        xs = list.push(list.slice(xs, 0, list.len(xs) - 1), xs[0] + 1)
    }
    out
}
`,
    "[4010004, 3, 9, 9, 1010001, 3, 9, 9, 1010001, 3, 9, 9, 1010001, 3, 9, 9]",
  ],
  [
    "a list that is read while the arguments of a call are computed",
    `fn ends(xs: List<Int>, i: Int) -> Int { xs[0] + xs[i] }
fn moved(jobs: List<Int>, at: Int) -> List<Int> {
    let mut xs = jobs
    xs[0] = xs[at] + 1
    xs = list.push(xs, at)
    xs
}
fn both(a: List<Int>, b: List<Int>, i: Int) -> Int { a[0] * 10000 + b[0] * 10 + i }
fn made() -> List<Int> {
    let mut xs = list.map(0..4, fn(i) { i })
    let mut out: List<Int> = []
    for i in 0..3 {
        xs = moved(xs, list.len(xs) - 1)
        let ys = list.push(xs, xs[0] + ends(xs, 1))
        out = list.push(out, both(moved(ys, list.len(ys) - 1), ys, list.len(ys)))
        out = list.push(out, both(xs, moved(xs, xs[1]), ends(xs, list.len(xs) - 1)))
        let zs = list.push(list.push(xs, list.len(xs)), ends(xs, i))
        xs = moved(zs, ends(zs, 1) - ends(zs, 1))
    }
    list.concat(out, xs)
}
`,
    "[100046, 40027, 40020, 10028, 40024, 10032, 2, 1, 2, 3, 3, 5, 8, 0, 7, 9, 2, 0, 11, 13, 3, 0]",
  ],
  [
    "a list whose elements are set",
    `fn with_first(xs: List<Int>, x: Int) -> List<Int> { list.set(xs, 0, x) }
fn made() -> List<List<Int>> {
    let mut xs = list.map(0..200, fn(i) { i })
    let mut all: List<List<Int>> = []
    for i in 0..3 {
        xs = list.set(xs, 1, 5 + i)
        xs = with_first(xs, i)
        if i == 1 { all = list.push(all, list.take(xs, 2)) }
        let branch = list.set(xs, 0, 7)
        all = list.push(all, list.slice(branch, 0, 2))
    }
    xs = list.set(list.take(xs, 3), 2, 8)
    list.push(all, list.set(xs, 0, 9))
}
`,
    "[[7, 5], [1, 6], [7, 6], [7, 7], [9, 7, 8]]",
  ],
  [
    "a list that a function without branches changes",
    `fn swapped(xs: List<Int>) -> List<Int> {
    let mut ys = xs
    let first = ys[0]
    ys[0] = ys[2]
    ys[2] = first
    ys
}
fn made() -> List<List<Int>> {
    let mut xs = [1, 2, 3]
    let mut all: List<List<Int>> = []
    for i in 0..4 {
        xs = swapped(xs)
        if i == 2 { all = list.push(all, xs) }
    }
    list.push(all, xs)
}
`,
    "[[3, 2, 1], [1, 2, 3]]",
  ],
  [
    "versions of a long list, which is a tree until its changes have paid for an array",
    `fn swapped(xs: List<Int>, i: Int, j: Int) -> List<Int> {
    let mut ys = xs
    let first = ys[i]
    ys[i] = ys[j]
    ys[j] = first
    ys
}
fn checksum(xs: List<Int>) -> Int { list.fold(xs, 0, fn(sum, x) { (sum * 31 + x) % 65521 }) }
fn made() -> List<Int> {
    let mut xs = list.map(0..150, fn(i) { i })
    let mut all = [xs]
    for i in 0..20 {
        xs = swapped(xs, i, 149 - 2 * i)
        if i % 6 == 2 { all = list.push(all, xs) }
    }
    list.map(list.push(all, xs), checksum)
}
`,
    "[43782, 30384, 38577, 26664, 51713]",
  ],
];

describe("what else refers to the list sees no change", () => {
  for (const [name, source, value] of PROGRAMS) {
    test(name, () => {
      const text = `${source}fn main() -> String { string.inspect(made()) }`;
      const program = verifyModule(compile({ name, text }).module);
      expect(sameOnBoth(program).end).toBe(`value ${JSON.stringify({ String: value })}`);
      expect(countsOf(program)).toMatchObject({ deoptimized: 0 });
    });
  }
});

test("a read past the end of a list finds no element of another list that shares its array", () => {
  const others = [
    "list.push(xs, 9)",
    "list.push(list.drop(xs, 2), 9)",
    "list.concat(xs, [8, 9])",
    "list.push(list.push(list.take(xs, 3), 7), 9)",
  ];
  for (const other of others) {
    const source = `fn sum(xs: List<Int>, to: Int) -> Int {
    let mut total = 0
    let mut kept: List<List<Int>> = []
    for i in 0..to {
        kept = list.push(kept, ${other})
        total += xs[i] + kept[0][0]
    }
    total
}
fn main(to: Int) -> Int { sum(list.range(0, 4), to) + sum([1, 2, 3, 4, 5], to) }`;
    const program = verifyModule(compile({ name: "main.ax", text: source }).module);
    expect(sameOnBoth(program, { args: [4] }).end, other).toMatch(/^value/);
    for (const to of [5, 6]) expect(sameOnBoth(program, { args: [to] }).end, other).toContain("index_out_of_bounds");
  }
});

test("a list that only one variable holds changes in place once its changes have paid for an array", () => {
  const meter = new Meter(1_000, 1e9);
  const length = 150;
  const change = (list: ListValue, uniqueness: number): ListValue => withElement(meter, new Owner(), list, 1, 7, uniqueness);
  const shared = ListValue.of(Array.from({ length }, (_, i) => i));
  let [held, alone] = [change(shared, 0), change(shared, 0)];
  for (let i = 1; i < unpaidListChanges(length) - 1; i++) [held, alone] = [change(held, 0), change(alone, 1)];
  expect([held.fillsStorage, alone.fillsStorage]).toEqual([false, false]);
  [held, alone] = [change(held, 0), change(alone, 1)];
  expect([held.fillsStorage, alone.fillsStorage]).toEqual([false, true]);
  expect(change(alone, 2)).toBe(alone);
  expect(shared.get(1)).toBe(1);
});

type Code = TestFunction["code"];
type Op = Code[number];

const LOCALS = 2;
/** Makes a new list. A list from the constant pool would become an older version at the first push. */
const LIST: Code = [
  ["PushConst", 0],
  ["MakeList", 1],
];
const idOf = (name: string): number => BUILTIN_BY_NAME.get(name)?.id ?? expect.fail();
const TAKE: Op = ["Builtin", idOf("list.take"), 2];
const SET: Op = ["Builtin", idOf("list.set"), 3];

const local = fc.integer({ min: 0, max: LOCALS - 1 });
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 6, arbitrary: local.map((l): Op => ["LoadLocal", l]) },
  { weight: 4, arbitrary: local.map((l): Op => ["StoreLocal", l]) },
  { weight: 6, arbitrary: fc.constantFrom<Op[]>("ListPush", "ListLen", "ListGet", "Dup", "Pop") },
);
/** The value to push: an Int, or the current list itself. */
const pushed = local.chain((l) => fc.constantFrom<(readonly Op[])[]>([["PushConst", 0]], [["LoadLocal", l]]));
/** Nested statements that push onto a list or read it. Code between the load of a list and its use may change the list. */
const { code: statement } = fc.letrec<{ code: readonly Op[]; inner: readonly Op[] }>((tie) => ({
  inner: fc.oneof({ maxDepth: 3 }, fc.constant<readonly Op[]>([]), tie("code")),
  code: fc.oneof(
    fc
      .tuple(local, tie("inner"), pushed, fc.option(pushed), tie("inner"))
      .map(([l, before, one, two, after]): readonly Op[] => [
        ["LoadLocal", l],
        ...before,
        ...one,
        "ListPush",
        ...(two === null ? [] : [...two, "ListPush" as const]),
        ["StoreLocal", l],
        ...after,
      ]),
    fc
      .tuple(local, tie("inner"), tie("inner"), pushed, local, tie("inner"))
      .map(([l, before, between, one, to, after]): readonly Op[] => [
        ["LoadLocal", l],
        ...before,
        ["PushConst", 1],
        TAKE,
        ...between,
        ...one,
        "ListPush",
        ["StoreLocal", to],
        ...after,
      ]),
    fc
      .tuple(local, tie("inner"))
      .map(([l, between]): readonly Op[] => [
        ["LoadLocal", l],
        ["PushConst", 1],
        TAKE,
        ...between,
        ["LoadLocal", l],
        "ListLen",
        "ListPush",
        ["StoreLocal", l],
      ]),
    fc
      .tuple(local, fc.constantFrom(1, 2), tie("inner"))
      .map(([l, count, between]): readonly Op[] => [
        ["LoadLocal", l],
        ["PushConst", count],
        TAKE,
        ["StoreLocal", 1 - l],
        ...between,
        ["LoadLocal", 1 - l],
        ["LoadLocal", l],
        "ListLen",
        "ListPush",
        ["StoreLocal", 1 - l],
        ...LIST,
        ["StoreLocal", l],
      ]),
    fc
      .tuple(local, fc.constantFrom(1, 2), local, tie("inner"))
      .map(([l, count, to, after]): readonly Op[] => [["LoadLocal", l], ["PushConst", count], TAKE, ["StoreLocal", to], ...after]),
    fc
      .tuple(local, pushed, local)
      .map(([l, one, to]): readonly Op[] => [["LoadLocal", l], ["PushConst", 0], ...one, SET, ["StoreLocal", to]]),
    fc
      .tuple(local, tie("inner"), tie("inner"), fc.constantFrom<Op[]>("ListLen", "ListGet"))
      .map(([l, one, two, use]): readonly Op[] => [["LoadLocal", l], ...one, ...two, use]),
  ),
}));
const pieces = fc.array(
  fc.oneof(
    op.map((one): readonly Op[] => [one]),
    { weight: 3, arbitrary: statement },
  ),
  { maxLength: 20 },
);

/** Straight-line code that cannot trap. The locals are always lists, and the code returns all operands and locals in a list. */
function codeOf(ops: readonly Op[]): Code {
  const code: Op[] = [];
  for (let l = 0; l < LOCALS; l++) code.push(...LIST, ["StoreLocal", l]);
  /** Whether each operand is a list. */
  const stack: boolean[] = [];
  for (const one of ops) {
    const name = typeof one === "string" ? one : one[0];
    if (name === "ListPush") {
      if (stack.length < 2 || stack.at(-2) !== true) continue;
      stack.pop();
    } else if (name === "Builtin") {
      const count = one === TAKE ? 2 : 3;
      if (stack.length < count || stack.at(-count) !== true || (one === TAKE && stack.at(-1) === true)) continue;
      stack.length -= count - 1;
    } else if (name === "LoadLocal" || name === "PushConst") stack.push(name === "LoadLocal");
    else if (name === "Dup" || name === "Pop") {
      if (stack.length === 0) continue;
      if (name === "Dup") stack.push(stack.at(-1) === true);
      else stack.pop();
    } else {
      // Make a list if the top operand is not one.
      if (stack.at(-1) === true) stack.pop();
      else code.push(...LIST);
      if (name !== "StoreLocal") stack.push(false);
      if (name === "ListGet") code.push(["PushConst", 0]);
    }
    code.push(one);
  }
  // MakeList takes at most 255 elements.
  for (; stack.length > 250; stack.pop()) code.push("Pop");
  for (let l = 0; l < LOCALS; l++) code.push(["LoadLocal", l]);
  code.push(["MakeList", stack.length + LOCALS], "Ret");
  return code;
}

test("random code on two lists", () => {
  fc.assert(
    fc.property(pieces, (some) => {
      const program = verifyModule(moduleOf([{ locals: LOCALS, code: codeOf(some.flat()) }], [0, 1, 2]));
      expect(sameOnBoth(program).end).toContain("value");
    }),
    { numRuns: scaledRuns(4_800) },
  );
});

test("a list that is passed from call to call is not copied", () => {
  const source = `fn changed(xs: List<Int>, i: Int) -> List<Int> {
    let mut ys = list.push(xs, i)
    ys[i] = total(ys)
    ys
}
fn total(xs: List<Int>) -> Int { xs[0] + xs[list.len(xs) - 1] }
fn work(n: Int) -> Int {
    let mut xs = [1]
    for i in 0..n { xs = changed(xs, i) }
    list.sum(xs)
}
fn main() -> Int { work(50) }`;
  const program = verifyModule(compile({ name: "calls.ax", text: source }).module);
  const [changed, , work] = program.functions.map((fn) => uniqueLists(program, fn, false));
  expect(changed?.moves.size).toBeGreaterThan(0);
  expect(changed?.borrows.size).toBeGreaterThan(0);
  expect(work?.moves.size).toBeGreaterThan(0);
  sameOnBoth(program);
});

test("random code has lists that change in place, and views that claim their storage", () => {
  const lists = fixedSample(pieces, 200).map((some) => {
    const program = verifyModule(moduleOf([{ locals: LOCALS, code: codeOf(some.flat()) }], [0, 1, 2]));
    return uniqueLists(program, program.functions[0] ?? expect.fail(), false);
  });
  expect(lists.map(({ pushes }) => pushes.size > 1)).toContain(true);
  expect(lists.map(({ changes }) => changes.size > 0)).toContain(true);
  expect(lists.map(({ views }) => views.size > 0)).toContain(true);
  expect(lists.map(({ viewLocals }) => viewLocals.size > 0)).toContain(true);
});
