/** Lists that move out of records and back in compiled code, and change in place there. Nothing else that refers to them may see that. */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { uniqueLists } from "../../../vm/compiled/unique-lists.ts";
import { WRAPPERS } from "../../../vm/bytecode/tags.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { scaledRuns } from "../../cases.ts";
import { sameOnBoth } from "../engines.ts";

const HELPERS = `type Two { a: List<Int>, b: List<Int>, n: Int, m: Map<String, Int> }
type Outer { name: String, two: Two, more: List<Int>, m: Int }
fn push_a(s: Two, x: Int) -> Two { Two { ..s, a: list.push(s.a, x) } }
fn push_b(s: Two, x: Int) -> Two { Two { a: s.a, b: list.push(s.b, x), n: s.n + 1, m: map.set(s.m, "b", x) } }
fn swap(s: Two) -> Two { Two { a: s.b, b: s.a, n: s.n, m: s.m } }
fn count(s: Two, key: String) -> Two { Two { ..s, m: map.set(s.m, key, option.unwrap_or(map.get(s.m, key), 0) + 1) } }
fn sizes(a: Map<String, Int>, b: Map<String, Int>) -> Int { map.len(a) * 100 + map.len(b) + option.unwrap_or(map.get(a, "b"), 0) }
fn pop(s: Two) -> Option<(Int, Two)> {
    let last = list.len(s.a) - 1
    if last < 0 { return None }
    let top = s.a[last]
    let mut rest = list.take(s.a, last)
    if last > 1 { rest[0] = top }
    Some((top, Two { ..s, a: rest }))
}
fn pop_or_grow(s: Two) -> Option<(Int, Two)> {
    if list.len(s.b) > 3 { return pop(s) }
    let grown = list.push(s.a, s.n)
    if list.len(grown) > 4 { None } else { Some((1, Two { ..s, a: grown })) }
}
fn peek(s: Two) -> Int { if list.len(s.a) > 0 { s.a[0] + s.n } else { list.len(s.b) } }
fn ends(a: List<Int>, b: List<Int>) -> Int { if list.len(a) > 0 && list.len(b) > 0 { a[list.len(a) - 1] * 100 + b[0] } else { 0 } }
fn ends_of(s: Two, t: Two) -> Int { ends(s.a, t.a) + peek(s) + s.n * 10 }
fn both(a: List<Int>, b: List<Int>) -> List<Int> { list.concat(a, b) }
fn mixed(s: Two, xs: List<Int>) -> List<Int> {
    let mut t = s
    t.a = list.push(t.a, 70)
    if list.len(t.a) > 1 { t.a[0] = 71 }
    list.concat(list.push(t.a, peek(t)), xs)
}
fn set_first(s: Two, x: Int) -> Two {
    let mut t = s
    t.n += 1
    if list.len(t.a) > 0 { t.a[list.len(t.a) - 1] = x }
    if list.len(t.b) > 33 { t.b[33] += x }
    t
}
fn split(s: Two) -> (Two, List<Int>) { (Two { ..s, b: [] }, s.b) }
fn wrap(s: Two, xs: List<Int>) -> Outer { Outer { name: "w", two: s, more: xs, m: 1 } }
fn two_of(o: Outer) -> Two { o.two }
`;

const record = fc.constantFrom("s", "t");
const field = fc.constantFrom("a", "b");
const list = fc.constantFrom("xs", "ys");
const key = fc.constantFrom("a", "b", "c");
const leaf = fc.oneof(
  fc.tuple(record, field).map(([v, f]) => `${v}.${f} = list.push(${v}.${f}, i)`),
  fc.tuple(record, field).map(([v, f]) => `${v} = Two { ..${v}, ${f}: list.push(${v}.${f}, i) }`),
  fc.tuple(record, record, field).map(([v, w, f]) => `${v} = push_${f}(${w}, i)`),
  fc.tuple(record, record).map(([v, w]) => `match pop(${v}) { Some((x, rest)) => { n += x; ${w} = rest } None => { n += peek(${v}) } }`),
  fc
    .tuple(record, record)
    .map(([v, w]) => `match pop_or_grow(${v}) { Some((x, rest)) => { n += x; ${w} = rest } None => { n += peek(${v}) } }`),
  fc
    .tuple(record, field)
    .map(
      ([v, f]) =>
        `match list.pop(${v}.${f}) { Some((x, rest)) => { n += x; ${v}.${f} = rest } None => { ${v}.${f} = list.push(${v}.${f}, 9) } }`,
    ),
  fc.tuple(list, list).map(([x, y]) => `match list.pop(${x}) { Some((_, rest)) => { ${y} = rest } None => { ${y} = list.push(${x}, 8) } }`),
  fc.tuple(list, record, field).map(([x, v, f]) => `${x} = ${v}.${f}`),
  fc.tuple(list, record, field).map(([x, v, f]) => `${v}.${f} = ${x}`),
  fc.tuple(list, record, field).map(([x, v, f]) => `${x} = list.push(${v}.${f}, list.len(${v}.${f}))`),
  fc.tuple(list, record, field).map(([x, v, f]) => `${x} = list.take(${v}.${f}, list.len(${v}.${f}) - 1)`),
  fc.tuple(record, record).map(([v, w]) => `${v} = ${w}`),
  fc.tuple(record, field).map(([v, f]) => `out = list.push(out, ${v}.${f})`),
  list.map((x) => `out = list.push(out, ${x})`),
  fc.tuple(record, record).map(([v, w]) => `${v} = swap(${w})`),
  fc.tuple(record, record).map(([v, w]) => `${v} = Two { a: ${w}.b, b: ${v}.a, n: ${w}.n, m: ${w}.m }`),
  fc.tuple(record, field).map(([v, f]) => `out = list.push(out, both(${v}.${f}, list.push(${v}.${f}, 7)))`),
  fc.tuple(record, field).map(([v, f]) => `out = list.push(out, both(list.push(${v}.${f}, 6), ${v}.${f}))`),
  fc.tuple(record, field).map(([v, f]) => `n += ends(${v}.${f}, list.push(${v}.${f}, 7))`),
  fc.tuple(record, record, key).map(([v, w, k]) => `${v} = count(${w}, "${k}")`),
  fc.tuple(record, key).map(([v, k]) => `${v}.m["${k}"] = i`),
  fc.tuple(record, key).map(([v, k]) => `${v} = Two { ..${v}, m: map.remove(${v}.m, "${k}") }`),
  fc.tuple(record, key).map(([v, k]) => `n += sizes(${v}.m, map.set(${v}.m, "${k}", 5))`),
  fc.tuple(record, record).map(([v, w]) => `n += sizes(${v}.m, count(${w}, "b").m)`),
  record.map((v) => `kept_map = ${v}.m`),
  fc.tuple(record, key).map(([v, k]) => `${v}.m = map.set(kept_map, "${k}", 6)`),
  record.map((v) => `n += ends_of(${v}, push_a(${v}, 1))`),
  record.map((v) => `n += ends(${v}.a, push_a(${v}, 1).a)`),
  fc.tuple(record, record, field).map(([v, w, f]) => `out = list.push(out, mixed(${v}, ${w}.${f}))`),
  fc.tuple(record, list).map(([v, x]) => `out = list.push(out, mixed(${v}, ${x}))`),
  fc.tuple(record, field).map(([v, f]) => `if list.len(${v}.${f}) > 0 { ${v}.${f}[0] = i + 20 }`),
  list.map((x) => `if list.len(${x}) > 0 { ${x}[0] = i + 30 }`),
  fc.tuple(record, field).map(([v, f]) => `if list.len(${v}.${f}) > 0 { ${v}.${f}[list.len(${v}.${f}) - 1] += n }`),
  fc.tuple(record, field, fc.constantFrom(33, 40)).map(([v, f, size]) => `${v}.${f} = list.repeat(i, ${size})`),
  fc.tuple(record, record).map(([v, w]) => `${v} = set_first(${w}, i)`),
  fc.tuple(record, record).map(([v, w]) => `for k in 0..6 { ${v} = set_first(set_first(${w}, k), k + 1) }`),
  fc.tuple(record, record).map(([v, w]) => `let Some((x, rest)) = pop(${v}) else { break }; n += x; ${w} = rest`),
  fc.tuple(record, record, list).map(([v, w, x]) => `let (part, other) = split(${v}); ${w} = part; ${x} = other`),
  fc.tuple(record, record).map(([v, w]) => `${v} = if i % 2 == 0 { push_a(${w}, i) } else { ${w} }`),
  fc.tuple(record, list).map(([v, x]) => `let o = wrap(${v}, ${x}); ${v} = two_of(o); ${x} = list.push(o.more, o.m)`),
  fc.tuple(record, list).map(([v, x]) => `let o = wrap(${v}, ${x}); ${x} = list.push(o.two.a, 3); ${v}.b = o.more`),
  fc
    .tuple(record, list)
    .map(
      ([v, x]) => `let mut kept = ${v}; while kept.n < 3 { kept = Two { ..kept, a: list.push(kept.a, 2), n: kept.n + 1 } }; ${x} = kept.a`,
    ),
);
const { statement } = fc.letrec<{ statement: string }>((tie) => ({
  statement: fc.oneof(
    { weight: 6, arbitrary: leaf },
    fc.tuple(tie("statement"), tie("statement")).map(([one, two]) => `if i % 2 == 0 {\n${one}\n} else {\n${two}\n}`),
    tie("statement").map((one) => `for j in 0..2 {\n${one}\n}`),
  ),
}));

/** A program that runs the statements several times and returns all that they made. */
const sourceOf = (statements: readonly string[]): string => `${HELPERS}
fn work(rounds: Int, s0: Two, xs0: List<Int>) -> List<List<Int>> {
    let mut s = s0
    let mut t = Two { a: [], b: list.repeat(5, 3), n: 0, m: {} }
    let mut kept_map: Map<String, Int> = {"a": 1}
    let mut xs = xs0
    let mut ys: List<Int> = []
    let mut out: List<List<Int>> = []
    let mut n = 0
    for i in 0..rounds {
        ${statements.join("\n        ").replaceAll("; ", "\n        ")}
    }
    list.concat(out, [s.a, s.b, t.a, t.b, xs, ys, [n, s.n, t.n], map.values(s.m), map.values(t.m), map.values(kept_map)])
}
fn main() -> (List<List<Int>>, Two, List<Int>) {
    let s = Two { a: [1, 2], b: [], n: 1, m: {"c": 3} }
    let xs = [4]
    (work(5, s, xs), s, xs)
}`;

test("random code on records with lists", () => {
  fc.assert(
    fc.property(fc.array(statement, { minLength: 1, maxLength: 8 }), (statements) => {
      const { module, diagnostics } = compile({ name: "parts.ax", text: sourceOf(statements) });
      if (module === undefined) throw new Error(JSON.stringify(diagnostics[0]));
      sameOnBoth(verifyModule(module));
    }),
    { numRuns: scaledRuns(1_000) },
  );
});

const STACK = `type Stack { items: List<Int>, changes: Int }
fn push(stack: Stack, x: Int) -> Stack { Stack { ..stack, items: list.push(stack.items, x), changes: stack.changes + 1 } }
fn pop(stack: Stack) -> Option<(Int, Stack)> {
    match list.pop(stack.items) {
        Some((top, rest)) => Some((top, Stack { ..stack, items: rest }))
        None => None
    }
}
fn work(n: Int) -> Int {
    let mut stack = Stack { items: [], changes: 0 }
    let mut sum = 0
    for i in 0..n {
        stack = push(push(stack, i), i * 2)
        let Some((top, rest)) = pop(stack) else { return -1 }
        sum += top
        stack = rest
    }
    sum + list.len(stack.items) + stack.changes
}
fn main() -> Int { work(20) }`;

test("a list that moves through records and results of functions changes in place", () => {
  const program = verifyModule(compile({ name: "stack.ax", text: STACK }).module);
  const moves = program.functions.map((fn) => uniqueLists(program, fn, false).moves.size);
  for (const name of ["push", "pop", "work"])
    expect(moves[program.functions.findIndex(({ def }) => def.name === name)], name).toBeGreaterThan(0);
  sameOnBoth(program);
});

test("an element of a list in a record changes in place in a function that returns the record", () => {
  const spy = vi.spyOn(ListValue.prototype, "setUnique");
  const text = `type Bank { balances: List<Int>, changes: Int }
fn set(bank: Bank, at: Int, n: Int) -> Bank {
    let mut next = bank
    next.balances[at] += n
    next.changes += 1
    next
}
fn main() -> String {
    let mut bank = Bank { balances: list.repeat(0, 40), changes: 0 }
    for i in 0..100 { bank = set(bank, i % 40, i) }
    string.inspect(bank)
}`;
  const program = verifyModule(compile({ name: "bank.ax", text }).module);
  sameOnBoth(program);
  expect(spy.mock.results.filter(({ value }) => value === true).length).toBeGreaterThan(80);
  spy.mockRestore();
});

test("a list in a Result stays as it was in an Option made from that", () => {
  const source = `fn work() -> List<Option<List<Int>>> {
    let mut all: List<Option<List<Int>>> = []
    let mut i = 0
    while i < 3 {
        i += 1
        let r: Result<List<Int>, String> = Ok(list.push(list.push([1], 2), i))
        let o = result.to_option(r)
        match r {
            Ok(x) => {
                let mut y = list.push(x, 7)
                y[0] = 99
                all = list.push(all, Some(y))
            }
            Err(_) => {}
        }
        all = list.push(all, o)
    }
    all
}
fn main() -> String { string.inspect(work()) }`;
  const program = verifyModule(compile({ name: "results.ax", text: source }).module);
  expect(sameOnBoth(program).end).toContain("Some([1, 2, 3])");
});

test("a function that changes its argument and returns a Some, which the caller does not match as Ok", () => {
  const { module } = compile({
    name: "lists.ax",
    text: `fn apply(xs: List<Int>, k: Int) -> Result<List<Int>, String> {
    if k % 5 == 4 { return Err("no") }
    let mut next = xs
    next[0] = k * 7
    Ok(list.push(next, k))
}
fn main() -> List<Int> {
    let mut sums: List<Int> = []
    let mut xs = [1, 2]
    for i in 0..20 {
        xs = list.push(xs, i)
        match apply(xs, i) { Ok(next) => { xs = next }, _ => { sums = list.push(sums, list.sum(xs)) } }
    }
    sums
}`,
  });
  const [someWrapper, okWrapper] = [WRAPPERS.indexOf("Some"), WRAPPERS.indexOf("Ok")];
  const functions = module.functions.map((fn) => ({
    ...fn,
    code: fn.code.map((instruction) =>
      instruction.op === "Wrap" && instruction.operands[0] === okWrapper ? { ...instruction, operands: [someWrapper] } : instruction,
    ),
  }));
  sameOnBoth(verifyModule(module));
  expect(sameOnBoth(verifyModule({ ...module, functions })).end).toContain("value");
});
