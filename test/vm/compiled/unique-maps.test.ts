/** Maps that change in place in compiled code, and options that it does not make. Nothing else that refers to such a map may see that. */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { MapValue } from "../../../vm/value/map.ts";
import { scaledRuns } from "../../cases.ts";
import { countsOf, sameOnBoth } from "../engines.ts";

/** Statements on the maps `m` and `n`. `KEY` is a key that depends on the loop. */
const STATEMENTS = [
  "m = map.set(m, KEY, i)",
  "m = map.remove(m, KEY)",
  "m[KEY] = i",
  "if map.contains_key(m, KEY) { m[KEY] += 1 }",
  "m = n",
  "m = map.set(n, KEY, i)",
  "m = map.remove(n, KEY)",
  'm = map.set(map.set(m, KEY, 1), "b", 2)',
  'm = map.set(m, "size", map.len(m))',
  "m = changed(m, KEY)",
  "m = changed(n, KEY)",
  "m = map.update(m, KEY, fn(v) { option.unwrap_or(v, 0) + i })",
  "m = { KEY: i }",
  "m = {}",
  "all = list.push(all, m)",
  "let held = m\n        m = map.set(m, KEY, total)\n        total += map.len(held)",
  "total += option.unwrap_or(map.get(m, KEY), 7)",
  "if option.is_some(map.get(m, KEY)) { total += 1 }",
  "match map.get(m, KEY) { Some(v) => { total += v % 10 }, None => { m = map.set(m, KEY, total) } }",
  "match map.get(m, KEY) { Some(0) => { total += 1 }, Some(v) => { total += v % 3 }, _ => { total += 2 } }",
  "total += list.len(map.keys(m)) + option.unwrap_or(list.get(map.values(m), 0), 3) % 5",
  "total += match list.last(all) { Some(old) => map.len(old), _ => 1 }",
  "s.counts[KEY] = i",
  "if map.contains_key(s.counts, KEY) { s.counts[KEY] -= 1 }",
  "s.bins[KEY] = Bin { count: i, counts: m }",
  "s = State { ..s, counts: map.set(s.counts, KEY, i) }",
  "if map.contains_key(s.bins, KEY) { s.bins[KEY].count += i }",
  "if map.contains_key(s.bins, KEY) { s.bins[KEY].counts[KEY] = total }",
  "match map.get(s.bins, KEY) { Some(bin) => { m = map.set(bin.counts, KEY, bin.count) }, None => { s.counts = m } }",
  "kept = list.push(list.take(kept, 5), s)",
  "s = State { ..s, bins: map.set(s.bins, KEY, Bin { count: map.len(s.counts), counts: {} }) }",
  "s = stored(s, KEY, i)",
  "s = stored(s, names[s.at], i)\n            s.at = (s.at + i) % 3",
  "let t = s\n            s = State { ..s, counts: map.set(t.counts, KEY, i) }\n            total += map.len(t.bins)",
  "let t = s\n            s = State { ..t, counts: map.set(s.counts, KEY, i) }\n            total += map.len(t.counts)",
  "let t = s\n            s.counts[KEY] = i\n            total += map.len(t.counts)",
  "let t = s\n            m = map.set(t.counts, KEY, i)\n            total += map.len(s.counts)",
  "let t = s\n            if i % 2 == 0 { s = State { ..s, counts: map.set(t.counts, KEY, i) } }\n            kept = [t]",
  "let mut t = s\n            t.counts = map.set(s.counts, KEY, i)\n            s = State { ..t, bins: map.remove(t.bins, KEY) }",
  "match tried(s, KEY) { Ok(next) => { s = next }, Err(n) => { total += n } }",
  "let Ok(next) = tried(s, KEY) else { continue }\n            s = next",
  "match tried(s, KEY) { Ok(next) => { kept = list.push(list.take(kept, 5), next) }, Err(n) => { total += map.len(s.counts) + n } }",
  "match attempted(s, KEY) { Ok(next) => { s = next }, Err(n) => { total += n + map.len(s.counts) } }",
  "let Ok(next) = attempted(s, KEY) else { continue }\n            s = next",
  "s.rows[i % 3].count += 1",
  "s.rows[i % 3].counts[KEY] = i",
  "let row = s.rows[i % 3]\n            s.rows = list.push(list.drop(s.rows, 1), Bin { ..row, counts: m })",
  "for e in map.entries(m) { if e.value == i { m = map.remove(m, e.key) } }",
];

const statement = fc
  .record({ text: fc.constantFrom(...STATEMENTS), swaps: fc.boolean(), factor: fc.nat(9), size: fc.constantFrom(3, 12, 200) })
  .map(({ text, swaps, factor, size }) => {
    const onOther = swaps ? text.replaceAll(/\b[mn]\b/g, (name) => (name === "m" ? "n" : "m")) : text;
    return onOther.replaceAll("KEY", `f"k{(i * ${factor} + ${factor}) % ${size}}"`);
  });

const programOf = (statements: readonly string[], turns: number): string => `
type Bin { count: Int, counts: Map<String, Int> }
type State { counts: Map<String, Int>, bins: Map<String, Bin>, rows: List<Bin>, at: Int }
fn stored(state: State, key: String, value: Int) -> State {
    let room = if map.len(state.counts) > 4 { State { ..state, counts: map.remove(state.counts, "k2") } } else { state }
    State { ..room, counts: map.set(room.counts, key, value) }
}
fn attempted(state: State, key: String) -> Result<State, Int> {
    let mut next = state
    if map.len(next.bins) % 4 == 3 { return Err(4) }
    match map.get(next.counts, key) {
        Some(n) => {
            if n % 3 == 2 { return Err(n) }
            next.counts[key] += 1
        }
        None => {
            next.counts[key] = map.len(next.bins)
            next.counts = map.remove(next.counts, "k1")
        }
    }
    Ok(next)
}
fn tried(state: State, key: String) -> Result<State, Int> {
    let mut next = state
    match map.get(next.counts, key) {
        Some(n) => {
            if n % 3 == 0 { return Err(n) }
            next.counts[key] += 1
            if n % 5 == 1 { return Err(map.len(next.counts)) }
        }
        None => {
            if map.len(next.bins) % 4 == 3 { return Err(4) }
            next.counts[key] = map.len(next.bins)
            next.counts = map.remove(next.counts, "k1")
        }
    }
    Ok(next)
}
fn changed(entries: Map<String, Int>, key: String) -> Map<String, Int> {
    match map.get(entries, key) {
        Some(n) => if n % 2 == 0 { entries } else { map.set(entries, key, n + 1) }
        None => map.set(entries, key, 0)
    }
}
fn made() -> (Map<String, Int>, Map<String, Int>, List<Map<String, Int>>, Int, List<State>) {
    let mut m: Map<String, Int> = {}
    let mut n: Map<String, Int> = {}
    let mut all: List<Map<String, Int>> = []
    let mut total = 0
    let mut s = State { counts: {}, bins: {}, rows: [Bin { count: 1, counts: {} }, Bin { count: 2, counts: {} }, Bin { count: 3, counts: {} }], at: 0 }
    let mut kept: List<State> = []
    let names = ["k1", "k2", "other"]
    for turn in 0..${turns} {
        for i in turn..turn + 3 {
            ${statements.join("\n            ")}
            total = total % 1000003
        }
        if list.len(all) > 20 { all = list.drop(all, 10) }
    }
    (m, n, all, total, list.push(kept, s))
}
fn main() -> String { string.inspect(made()) }`;

test("random code on two maps", () => {
  fc.assert(
    fc.property(fc.array(statement, { minLength: 1, maxLength: 8 }), fc.constantFrom(9, 60, 400), (statements, turns) => {
      const program = verifyModule(compile({ name: "maps.ax", text: programOf(statements, turns) }).module);
      expect(sameOnBoth(program).end).toContain("value");
      // This engine enters code in the middle of one of the loops.
      sameOnBoth(program, {}, "auto");
    }),
    { numRuns: scaledRuns(600) },
  );
});

test("a map that only one variable holds changes in place, also in a function that returns it", () => {
  const spy = vi.spyOn(MapValue.prototype, "setUnique");
  const text = programOf(['m = map.set(m, f"k{i % 10}", i)', 'm = map.set(m, "a", 1)'], 100);
  const program = verifyModule(compile({ name: "maps.ax", text }).module);
  sameOnBoth(program);
  expect(countsOf(program)).toMatchObject({ deoptimized: 0 });
  expect(spy.mock.calls.length).toBeGreaterThan(150);
  spy.mockRestore();
});

test.each([
  ["a function that may return an Err instead", "match attempted(s, KEY) { Ok(next) => { s = next }, Err(n) => { total += n } }"],
  ["a function that copies the other fields", "s = stored(s, KEY, i)"],
  ["a function that also gets an element at an index from the record", "s = stored(s, names[s.at], i)"],
])("a map in a record changes in place, also in %s", (_, statementText) => {
  const spy = vi.spyOn(MapValue.prototype, "setUnique");
  const text = programOf([statementText.replace("KEY", 'f"k{i % 10}"')], 100);
  const program = verifyModule(compile({ name: "maps.ax", text }).module);
  sameOnBoth(program);
  expect(countsOf(program)).toMatchObject({ deoptimized: 0 });
  expect(spy.mock.calls.length).toBeGreaterThan(30);
  spy.mockRestore();
});

test("an option that is not made, in a loop that is entered in the middle", () => {
  const text = `fn main() -> Int {
    let m: Map<String, Int> = {}
    let mut total = 0
    for i in 0..4000 {
        for j in 0..3 { match map.get(m, "a") { None => { total += 1 }, Some(v) => { total += v } } }
    }
    total
}`;
  const program = verifyModule(compile({ name: "maps.ax", text }).module);
  expect(sameOnBoth(program, {}, "auto").end).toContain("12000");
  expect(countsOf(program, "auto").entered).toBeGreaterThan(0);
});
