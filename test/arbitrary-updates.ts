/**
 * Programs that change parts of variables and keep older versions everywhere: in other variables, lists, records, lambdas, options and
 * arguments. Each program has a model in JavaScript that copies every value: its result is what the program must return.
 */
import fc from "fast-check";

interface P {
  n: number;
  xs: number[];
  m: Record<string, number>;
}
/** The variables of the program. */
interface State {
  xs: number[];
  grid: number[][];
  p: P;
  ps: P[];
  m: Record<string, number[]>;
  old_xs: number[][];
  old_grids: number[][][];
  old_ps: P[];
  held: number[] | undefined;
  /** The lists that the lambdas in `fs` captured. */
  fs: number[][];
  total: number;
}

/** One or more statements. `i` is the number of the iteration. */
interface Action {
  readonly ax: string;
  readonly model: (s: State, i: number) => void;
}

const copy = <T>(value: T): T => structuredClone(value);
const itemAt = <T>(items: readonly T[], index: number): T => {
  const item = items[index % items.length];
  if (item === undefined) throw new Error("an empty list");
  return item;
};
const setItem = <T>(items: T[], index: number, item: T): void => {
  items[index % items.length] = item;
};
const key = (k: number): "a" | "b" => (k % 2 === 0 ? "a" : "b");
const axKey = (k: number): string => `"${key(k)}"`;

/** The number of elements of long lists. The first change of a long list makes it a trie; after enough changes it becomes an array again. */
const LONG = 40;

type MakeAction = (k: number, j: number) => Action;
const ACTIONS: readonly MakeAction[] = [
  (k) => ({ ax: `xs[(i + ${k}) % list.len(xs)] = i`, model: (s, i) => setItem(s.xs, i + k, i) }),
  (k) => ({ ax: `xs[(i + ${k}) % list.len(xs)] += ${k}`, model: (s, i) => setItem(s.xs, i + k, itemAt(s.xs, i + k) + k) }),
  (k, j) => ({
    ax: `grid[${k % 3}][(i + ${j}) % list.len(grid[${k % 3}])] = i`,
    model: (s, i) => setItem(itemAt(s.grid, k % 3), i + j, i),
  }),
  (k, j) => ({
    ax: `grid[${k % 3}][${j} % list.len(grid[${k % 3}])] -= xs[i % list.len(xs)]`,
    model: (s, i) => setItem(itemAt(s.grid, k % 3), j, itemAt(itemAt(s.grid, k % 3), j) - itemAt(s.xs, i)),
  }),
  () => ({ ax: "old_xs = list.push(old_xs, xs)", model: (s) => s.old_xs.push(copy(s.xs)) }),
  () => ({ ax: "old_grids = list.push(old_grids, grid)", model: (s) => s.old_grids.push(copy(s.grid)) }),
  (k) => ({
    ax: `let row = grid[${k % 3}]\n        old_xs = list.push(old_xs, row)`,
    model: (s) => s.old_xs.push(copy(itemAt(s.grid, k % 3))),
  }),
  (k) => ({ ax: `xs = old_xs[${k} % list.len(old_xs)]`, model: (s) => void (s.xs = copy(itemAt(s.old_xs, k))) }),
  (k) => ({ ax: `grid = old_grids[${k} % list.len(old_grids)]`, model: (s) => void (s.grid = copy(itemAt(s.old_grids, k))) }),
  (k) => ({ ax: `grid[${k % 3}] = xs`, model: (s) => setItem(s.grid, k % 3, copy(s.xs)) }),
  (k) => ({ ax: `xs = grid[${k % 3}]`, model: (s) => void (s.xs = copy(itemAt(s.grid, k % 3))) }),
  (k, j) => ({ ax: `grid[${k % 3}] = grid[${j % 3}]`, model: (s) => setItem(s.grid, k % 3, copy(itemAt(s.grid, j % 3))) }),
  () => ({
    ax: `xs = if list.len(xs) < ${2 * LONG} { list.push(xs, i) } else { xs }\n        xs[list.len(xs) - 1] += 1`,
    model: (s, i) => {
      if (s.xs.length < 2 * LONG) s.xs.push(i);
      setItem(s.xs, s.xs.length - 1, itemAt(s.xs, s.xs.length - 1) + 1);
    },
  }),
  () => ({
    ax: `if list.len(xs) < ${2 * LONG} { xs = list.push(xs, i) }`,
    model: (s, i) => {
      if (s.xs.length < 2 * LONG) s.xs.push(i);
    },
  }),
  (k) => ({
    ax: `if list.len(grid[${k % 3}]) < ${2 * LONG} { grid[${k % 3}] ++= [i] }`,
    model: (s, i) => {
      if (itemAt(s.grid, k % 3).length < 2 * LONG) itemAt(s.grid, k % 3).push(i);
    },
  }),
  () => ({ ax: "xs = list.range(0, 5)", model: (s) => void (s.xs = [0, 1, 2, 3, 4]) }),
  (k) => ({ ax: `xs = list.repeat(${k}, ${LONG})`, model: (s) => void (s.xs = Array.from({ length: LONG }, () => k)) }),
  () => ({ ax: "grid = [xs, xs, [i]]", model: (s, i) => void (s.grid = [copy(s.xs), copy(s.xs), [i]]) }),
  () => ({ ax: "fs = list.push(fs, fn() { xs })", model: (s) => s.fs.push(copy(s.xs)) }),
  (k) => ({ ax: `let f = fs[${k} % list.len(fs)]\n        xs = f()`, model: (s) => void (s.xs = copy(itemAt(s.fs, k))) }),
  () => ({ ax: "p.n += i", model: (s, i) => void (s.p.n += i) }),
  (k) => ({ ax: `p.xs[${k} % list.len(p.xs)] = i`, model: (s, i) => setItem(s.p.xs, k, i) }),
  (k) => ({ ax: `p.m[${axKey(k)}] = i`, model: (s, i) => void (s.p.m[key(k)] = i) }),
  (k) => ({ ax: `p.m[${axKey(k)}] *= -1`, model: (s) => void (s.p.m[key(k)] = (s.p.m[key(k)] ?? 0) * -1) }),
  () => ({ ax: "old_ps = list.push(old_ps, p)", model: (s) => s.old_ps.push(copy(s.p)) }),
  () => ({ ax: "p = P { ..p, n: 0 }", model: (s) => void (s.p.n = 0) }),
  () => ({ ax: "p.xs = xs", model: (s) => void (s.p.xs = copy(s.xs)) }),
  () => ({ ax: "xs = p.xs", model: (s) => void (s.xs = copy(s.p.xs)) }),
  (k, j) => ({ ax: `ps[${k % 2}].xs[${j} % list.len(ps[${k % 2}].xs)] = i`, model: (s, i) => setItem(itemAt(s.ps, k % 2).xs, j, i) }),
  (k) => ({ ax: `ps[${k % 2}].n = i`, model: (s, i) => void (itemAt(s.ps, k % 2).n = i) }),
  (k) => ({ ax: `ps[${k % 2}].m["c"] = i`, model: (s, i) => void (itemAt(s.ps, k % 2).m["c"] = i) }),
  (k) => ({ ax: `ps[${k % 2}] = p`, model: (s) => setItem(s.ps, k % 2, copy(s.p)) }),
  (k) => ({ ax: `p = ps[${k % 2}]`, model: (s) => void (s.p = copy(itemAt(s.ps, k % 2))) }),
  (k) => ({ ax: `m[${axKey(k)}] = xs`, model: (s) => void (s.m[key(k)] = copy(s.xs)) }),
  (k, j) => ({
    ax: `m[${axKey(k)}][${j} % list.len(option.unwrap_or(map.get(m, ${axKey(k)}), [0]))] = i`,
    model: (s, i) => setItem(s.m[key(k)] ?? [], j, i),
  }),
  (k) => ({ ax: `xs = option.unwrap_or(map.get(m, ${axKey(k)}), xs)`, model: (s) => void (s.xs = copy(s.m[key(k)] ?? s.xs)) }),
  (k) => ({
    ax: `if map.contains_key(m, ${axKey(k)}) { xs = m[${axKey(k)}] }`,
    model: (s) => void (s.xs = copy(s.m[key(k)] ?? s.xs)),
  }),
  () => ({ ax: "held = Some(xs)", model: (s) => void (s.held = copy(s.xs)) }),
  () => ({
    ax: "held = list.get(grid, 1)",
    model: (s) => void (s.held = copy(itemAt(s.grid, 1))),
  }),
  () => ({ ax: "match held { Some(h) => { xs = h } None => {} }", model: (s) => void (s.xs = copy(s.held ?? s.xs)) }),
  () => ({ ax: "total += list.sum(touched(xs))", model: (s) => void (s.total += s.xs.reduce((sum, x) => sum + x, 7 - itemAt(s.xs, 0))) }),
  () => ({ ax: "xs = touched(xs)", model: (s) => setItem(s.xs, 0, 7) }),
  () => ({
    ax: `if list.len(xs) < ${2 * LONG} { xs = grown(touched(xs), i) }`,
    model: (s, i) => {
      if (s.xs.length >= 2 * LONG) return;
      setItem(s.xs, 0, 7);
      s.xs.push(i + 1);
    },
  }),
  () => ({
    ax: "total += ends(xs)\n        xs[0] = i",
    model: (s, i) => {
      s.total += itemAt(s.xs, 0) + itemAt(s.xs, s.xs.length - 1);
      setItem(s.xs, 0, i);
    },
  }),
  () => ({
    ax: "total += both(xs, touched(xs))\n        xs[0] += 1",
    model: (s) => {
      s.total += 2 * itemAt(s.xs, 0) + 7;
      setItem(s.xs, 0, itemAt(s.xs, 0) + 1);
    },
  }),
  () => ({ ax: "xs = joined(xs, xs)", model: (s) => setItem(s.xs, 0, itemAt(s.xs, 0) + itemAt(s.xs, s.xs.length - 1)) }),
  (k) => ({
    ax: `xs = list.push(xs, i)\n        xs = taken(counted(xs, ${k}), list.len(xs) - 1)`,
    model: (s) => {
      setItem(s.xs, 0, itemAt(s.xs, 0) + k);
    },
  }),
  () => ({
    ax: "grid = moved(grid)\n        let pair = kept(xs)\n        xs[0] = 3\n        old_xs = list.push(old_xs, pair[1])",
    model: (s) => {
      setItem(s.grid, 0, copy(itemAt(s.grid, 1)));
      setItem(itemAt(s.grid, 0), 0, 7);
      s.old_xs.push(copy(s.xs));
      setItem(s.xs, 0, 3);
    },
  }),
  () => ({
    ax: `if list.len(xs) > 1 {
            let last = list.len(xs) - 1
            let mut shorter = list.take(xs, last)
            shorter[0] = xs[last]
            xs = shorter
        }`,
    model: (s) => {
      const last = s.xs.length > 1 ? s.xs.pop() : undefined;
      if (last !== undefined) setItem(s.xs, 0, last);
    },
  }),
  () => ({
    ax: "if list.len(xs) > 1 { xs = list.slice(xs, 0, list.len(xs) - 1) }",
    model: (s) => {
      if (s.xs.length > 1) s.xs.pop();
    },
  }),
  (k) => ({ ax: `xs = list.set(xs, ${k} % list.len(xs), i)`, model: (s, i) => setItem(s.xs, k, i) }),
  (k) => ({
    ax: `let mut fresh = list.range(i, i + 6)
        fresh[${k % 6}] = ${k}
        for (j, x) in list.enumerate(fresh) {
            fresh[(j + 1) % 6] = x + 10
            total += x * j
        }
        total += list.sum(fresh)`,
    model: (s, i) => {
      const fresh = Array.from({ length: 6 }, (_, j) => i + j);
      setItem(fresh, k % 6, k);
      for (const [j, x] of fresh.slice().entries()) {
        setItem(fresh, j + 1, x + 10);
        s.total += x * j;
      }
      s.total += fresh.reduce((sum, x) => sum + x, 0);
    },
  }),
  (k, j) => ({
    ax: `let mut heap = list.range(i, i + 6)
        heap[0] = ${k}
        let mut taken_first = list.take(heap, 4)
        taken_first[${j % 4}] = 50
        total += list.sum(heap) * 2 + list.sum(taken_first)`,
    model: (s, i) => {
      const heap = Array.from({ length: 6 }, (_, n) => i + n);
      setItem(heap, 0, k);
      const taken = heap.slice(0, 4);
      setItem(taken, j % 4, 50);
      s.total += 2 * heap.reduce((sum, x) => sum + x, 0) + taken.reduce((sum, x) => sum + x, 0);
    },
  }),
  () => ({ ax: "if list.contains(xs, i) { total += 1 }", model: (s, i) => void (s.total += s.xs.includes(i) ? 1 : 0) }),
  () => ({ ax: "for x in xs {\n            xs[0] = x\n        }", model: (s) => setItem(s.xs, 0, itemAt(s.xs, s.xs.length - 1)) }),
  (k) => ({
    ax: `total += xs[{ xs[0] = ${k}  0 }] + grid[0][{ grid[0][0] = i  0 }]`,
    model: (s, i) => {
      // The list before the brackets is read before the index is evaluated.
      s.total += itemAt(s.xs, 0) + itemAt(itemAt(s.grid, 0), 0);
      setItem(s.xs, 0, k);
      setItem(itemAt(s.grid, 0), 0, i);
    },
  }),
  (k) => ({
    ax: `xs[${k} % list.len(xs)] = { old_xs = list.push(old_xs, xs)  i }`,
    model: (s, i) => {
      s.old_xs.push(copy(s.xs));
      setItem(s.xs, k, i);
    },
  }),
  () => ({ ax: "let mut other = xs\n        other[0] += 1\n        total += other[0] - xs[0]", model: (s) => void (s.total += 1) }),
];

const EFFECT: Action = { ax: 'let _ = net.fetch("wait")', model: () => undefined };

const SHOWN = ["xs", "grid", "p", "ps", "m", "old_xs", "old_grids", "old_ps", "held", "total"] as const;

export interface UpdateProgram {
  readonly text: string;
  /** The result of `main`. */
  readonly expected: string;
}

function program(actions: readonly Action[], iterations: number, keepsCalls: boolean): UpdateProgram {
  const row = keepsCalls ? " !{net.fetch}" : "";
  const text = `type P { n: Int, xs: List<Int>, m: Map<String, Int> }
type All {
    captured: List<List<Int>>
    xs: List<Int>
    grid: List<List<Int>>
    p: P
    ps: List<P>
    m: Map<String, List<Int>>
    old_xs: List<List<Int>>
    old_grids: List<List<List<Int>>>
    old_ps: List<P>
    held: Option<List<Int>>
    total: Int
}

fn touched(xs: List<Int>) -> List<Int> {
    let mut changed = xs
    changed[0] = 7
    changed
}

fn grown(xs: List<Int>, i: Int) -> List<Int> {
    let mut longer = list.push(xs, i)
    longer[list.len(longer) - 1] += 1
    longer
}

fn ends(xs: List<Int>) -> Int {
    let ys = xs
    ys[0] + ys[list.len(ys) - 1]
}

fn both(a: List<Int>, b: List<Int>) -> Int { a[0] * 2 + b[0] }

fn joined(a: List<Int>, b: List<Int>) -> List<Int> {
    let mut c = b
    c[0] += a[list.len(a) - 1]
    c
}

fn counted(xs: List<Int>, n: Int) -> List<Int> {
    if n == 0 { return xs }
    let mut more = xs
    more[0] += 1
    counted(more, n - 1)
}

fn taken(xs: List<Int>, n: Int) -> List<Int> { list.take(xs, n) }

fn moved(grid: List<List<Int>>) -> List<List<Int>> {
    let mut changed = grid
    changed[0] = touched(changed[1])
    changed
}

fn kept(xs: List<Int>) -> List<List<Int>> { [xs, xs] }

fn work(n: Int) -> All${row} {
    let mut xs = [1, 2, 3]
    let mut grid = [list.repeat(0, ${LONG}), [1], [2, 3]]
    let mut p = P { n: 1, xs: [4, 5], m: { "a": 1, "b": 2 } }
    let mut ps = [p, P { n: 2, xs: list.repeat(1, ${LONG}), m: { "a": 3, "b": 4 } }]
    let mut m = { "a": [1], "b": [2, 3] }
    let mut old_xs = [xs]
    let mut old_grids = [grid]
    let mut old_ps = [p]
    let mut held: Option<List<Int>> = None
    let mut fs = [fn() { xs }]
    let mut total = 0
    let mut i = 0
    while i < n {
        ${actions.map(({ ax }) => ax).join("\n        ")}
        i += 1
    }
    let mut captured = []
    for f in fs { captured = list.push(captured, f()) }
    All { captured, ${SHOWN.join(", ")} }
}

fn main() -> String${row} {
    let all = work(${iterations})
    string.inspect(all.captured) ++ ${SHOWN.map((name) => `string.inspect(all.${name})`).join(" ++ ")}
}
`;
  const xs = [1, 2, 3];
  const p = { n: 1, xs: [4, 5], m: { a: 1, b: 2 } };
  const grid = [Array.from({ length: LONG }, () => 0), [1], [2, 3]];
  const state: State = copy({
    xs,
    grid,
    p,
    ps: [p, { n: 2, xs: Array.from({ length: LONG }, () => 1), m: { a: 3, b: 4 } }],
    m: { a: [1], b: [2, 3] },
    old_xs: [xs],
    old_grids: [grid],
    old_ps: [p],
    held: undefined,
    fs: [xs],
    total: 0,
  });
  // The initial parts share objects (`xs` is also in `old_xs`). `structuredClone` of the whole state would keep that, so each part is copied alone.
  const separate = (s: State): void => {
    for (const part of [s.grid, s.old_xs, s.fs]) for (let i = 0; i < part.length; i++) part[i] = copy(part[i] ?? []);
    s.old_grids = s.old_grids.map((g) => g.map((r) => copy(r)));
    s.p = copy(s.p);
    s.ps = s.ps.map((q) => copy(q));
    s.old_ps = s.old_ps.map((q) => copy(q));
    s.xs = copy(s.xs);
  };
  separate(state);
  for (let i = 0; i < iterations; i++) for (const { model } of actions) model(state, i);
  return { text, expected: show(state.fs) + SHOWN.map((name) => showPart(name, state)).join("") };
}

const show = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, part]) => `${name}: ${show(part)}`).join(", ")}}`;
};
const showP = (p: P): string => `P { n: ${p.n}, xs: ${show(p.xs)}, m: ${show(p.m)} }`;

function showPart(name: (typeof SHOWN)[number], s: State): string {
  if (name === "p") return showP(s.p);
  if (name === "ps" || name === "old_ps") return `[${s[name].map(showP).join(", ")}]`;
  if (name === "held") return s.held === undefined ? "None" : `Some(${show(s.held)})`;
  return show(s[name]);
}

const action: fc.Arbitrary<Action> = fc
  .tuple(fc.nat(ACTIONS.length - 1), fc.nat(9), fc.nat(50))
  .map(([index, k, j]) => ACTIONS[index]?.(k, j) ?? EFFECT);

/** Programs without effects, whose loop can be compiled. */
export const arbitraryUpdates: fc.Arbitrary<UpdateProgram> = fc
  .tuple(fc.array(action, { minLength: 1, maxLength: 8 }), fc.nat(12))
  .map(([actions, iterations]) => program(actions, iterations, false));

/** Programs with calls between the assignments, at which a run can be suspended. */
export const arbitraryUpdatesWithCalls: fc.Arbitrary<UpdateProgram> = fc
  .tuple(fc.array(fc.oneof(action, action, fc.constant(EFFECT)), { minLength: 2, maxLength: 8 }), fc.integer({ min: 1, max: 6 }))
  .map(([actions, iterations]) => program([...actions, EFFECT], iterations, true));
