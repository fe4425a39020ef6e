/** Functions with calls, messages and other instructions without a compiled form: compiled code runs their frames between these. */
import { describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import type { CapabilityAnswer, CapabilityRequest } from "../../../vm/host.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { UNIT } from "../../../vm/value/value.ts";
import { scaledRuns } from "../../cases.ts";
import { countsOf, sameOnBoth } from "../engines.ts";

const PROGRAMS = {
  "a call in a loop": `fn main() -> String !{time.now} {
    let mut sum = 0
    let mut best = 0.0
    let mut text = ""
    let mut seen: List<Int> = []
    for i in 0..300 {
        let mut x = time.now() % 100 + i
        while x > 1 { x = if x % 2 == 0 { x / 2 } else { x - 1 } }
        sum += x * i
        best = float.max(best, int.to_float(sum) / 3.0)
        if i % 7 == 0 { text = text ++ int.to_string(i) }
        seen = list.push(seen, sum)
        if list.len(seen) > 9 { seen = list.slice(seen, 3, 9) }
    }
    f"{sum} {best} {text} {seen}"
}`,
  "calls in called functions, one of them recursive": `fn now(plus: Int) -> Int !{time.now} { time.now() % 50 + plus }
fn walk(n: Int, at: Int) -> Int !{time.now} {
    if n == 0 { return at }
    let mut sum = at
    for i in 0..20 { sum = (sum * 31 + i) % 1009 }
    walk(n - 1, sum + now(n)) + 1
}
fn main() -> Int !{time.now} {
    let mut sum = 0
    for i in 0..60 { sum = (sum + walk(i % 5, i)) % 100003 }
    sum
}`,
  "lists and records that change in place": `type Box { items: List<Int>, n: Int }
fn main() -> String !{time.now} {
    let mut grid = list.map(0..6, fn(i) { list.repeat(i, 6) })
    let mut box = Box { items: [1, 2, 3], n: 0 }
    let mut counts = { "a": 0 }
    let mut kept: List<List<List<Int>>> = []
    for i in 0..120 {
        let t = time.now() % 6
        for k in 0..6 { grid[k][t] = (grid[t][k] + i * k) % 101 }
        box.items[i % 3] += t
        box.n += 1
        counts["a"] = counts["a"] + t
        counts[int.to_string(t)] = i
        if i % 40 == 0 { kept = list.push(kept, grid) }
    }
    f"{grid} {box} {counts} {kept}"
}`,
  "an enumerated list, matches, options": `enum Shape { Square(Int), Round(Float), Neither }
fn main() -> String !{time.now} {
    let shapes = [Shape::Square(3), Shape::Round(1.5), Shape::Neither]
    let mut total = 0.0
    let mut found: Option<Int> = None
    for k in 0..50 {
        for (i, shape) in list.enumerate(shapes) {
            match shape {
                Square(n) => { total = total + int.to_float(n * i + k) }
                Round(r) => { total = total + r * int.to_float(time.now() % 10) }
                Neither => { found = list.get([k, i], time.now() % 3) }
            }
        }
    }
    f"{total} {found}"
}`,
  "functions with contracts, and function values with and without calls": `fn half(n: Int) -> Int requires n >= 0 ensures result * 2 <= n { n / 2 }
fn main() -> Int !{time.now} {
    let mut sum = 0
    for i in 0..80 {
        sum += half(i) + list.fold(list.map([1, 2, 3], fn(x) { x + time.now() % 4 }), 0, fn(a, x) { a + x })
        sum = sum % list.len(list.filter(0..50, fn(x) { x % 3 < 2 })) + i
    }
    sum
}`,
  "a call that fails": `fn main() -> Int !{net.fetch} {
    let mut sum = 0
    for i in 0..100 {
        let mut n = i
        while n > 3 { n = n - 3 }
        match try net.fetch("https://a/") { Ok(page) => { sum += string.len(page) + n } Err(e) => { sum += string.len(e) * n } }
    }
    sum
}`,
  actors: `fn worker() receives (ActorId<Result<Int, String>>, Int) !{actor.send} {
    let mut sum = 0
    while true {
        let (from, n) = receive
        if n < 0 { return }
        for i in 0..n % 20 { sum = (sum * 7 + i) % 997 }
        send from Ok(sum)
    }
}
fn main() -> Int receives Result<Int, String> !{actor.spawn, actor.send} {
    let workers = [spawn worker, spawn worker]
    let mut total = 0
    for i in 0..60 {
        send workers[i % 2] (self(), i)
        send workers[0] (self(), i * 3)
        for _ in 0..2 { match receive { Ok(n) => { total = total * 3 % 65537 + n } Err(_) => return -1 } }
    }
    for w in workers { send w (self(), -1) }
    total
}`,
  branches: `fn slow(n: Int) -> Int !{time.now} {
    let mut sum = time.now() % 9
    for i in 0..n { sum = (sum * 5 + i) % 4099 }
    sum + time.now() % 3
}
fn main() -> Int !{time.now} {
    let mut total = 0
    for i in 0..12 {
        total += list.fold(par.map(i..i + 4, slow), 0, fn(a, x) { a + x })
        let (a, b) = par { slow(i), total + i }
        total = (total + a * b) % 100003
    }
    total
}`,
  "effects within expressions, work discarded after them, and guesses that turn out wrong": `type Box { items: List<Int>, n: Int, seen: Map<String, Int> }
fn item(i: Int, xs: List<Float>) -> Float { option.unwrap_or(list.get(xs, i % 4), 0.5) }
fn main() -> String !{time.now, ui.render} {
    let mut box = Box { items: [1, 2, 3], n: 9007199254740000, seen: { "a": 1 } }
    let mut xs = [1.5, 2.5, 3.5]
    let mut grown: List<Int> = []
    let mut texts = ["a", "b"]
    let mut text = ""
    let mut counts = { "a": 0 }
    for i in 0..90 {
        box.items[i % 3] += grown_len(grown) + time.now() % 5
        box.n += i * (time.now() % 90)
        box.seen[int.to_string(i % 5)] = time.now() % 9 + map.len(box.seen)
        if i % 20 == 3 { emit box.seen }
        box.seen["a"] += list.len(grown)
        grown = list.push(grown, i + time.now() % 3)
        let kept = grown
        text = text ++ int.to_string(i % 10)
        if i % 9 == 4 { emit (kept, text, box.n) }
        grown = list.push(list.take(grown, 7), box.n % 11)
        counts[if i % 2 == 0 { "a" } else { text }] = list.len(kept) + time.now() % 7
        texts[time.now() % 2] = f"{item(i, xs)}{list.len(grown)}"
        if i == 60 { xs = [] }
    }
    f"{box} {grown} {texts} {text} {map.len(counts)}"
}
fn grown_len(xs: List<Int>) -> Int { list.fold(xs, 0, fn(a, x) { (a + x) % 7 }) }`,
  "actors spawned in a loop, of which some fail in an effect": `enum Order { Add(Int), Divide(Int), Done(ActorId<Result<Int, String>>) }
fn worker() receives Order !{actor.send, net.fetch} {
    let mut sum = 0
    let mut log: List<Int> = []
    while true {
        match receive {
            Add(n) => {
                for k in 0..n { sum += k * n }
                log = list.push(log, sum)
            }
            Divide(n) => { sum = sum / n + string.len(result.unwrap_or(try net.fetch("https://a/"), "")) }
            Done(back) => {
                send back Ok(sum + list.len(log))
                return
            }
        }
    }
}
fn main() -> String receives Result<Int, String> !{actor.spawn, actor.send, net.fetch} {
    let mut seen: List<String> = []
    for i in 0..25 {
        let w = spawn worker
        for k in 0..i % 6 { send w Order::Add(k + i) }
        send w Order::Divide(i % 4)
        send w Order::Done(self())
        match receive { Ok(n) => { seen = list.push(seen, int.to_string(n)) } Err(why) => { seen = list.push(seen, why) } }
    }
    f"{seen}"
}`,
} as const;

const programOf = (text: string): Program => verifyModule(compile({ name: "main.ax", text }).module);

/** Answers in the same way in every run: by the step of the call. */
const host = {
  call: ({ capability, caught, step }: CapabilityRequest): CapabilityAnswer => {
    if (capability.internal === true) return { ok: true, value: UNIT };
    if (caught && step % 3 === 1) return { ok: false, trap: "capability_failed", message: "no" };
    return { ok: true, value: capability.name === "time.now" ? (step * 7919) % 10_007 : "page" };
  },
};

describe.each(Object.entries(PROGRAMS))("%s", (_, text) => {
  test.each(["compiled", "auto"] as const)("under any limits: %s", (engine) => {
    const program = programOf(text);
    const whole = sameOnBoth(program, { host }, engine);
    expect(whole.end).toMatch(/^value/);
    // With `auto`, functions are compiled once they have run for long enough.
    for (let steps = 0; steps < 500_000 && countsOf(program, engine).entered <= 5; steps += whole.steps)
      sameOnBoth(program, { host }, engine);
    const points = scaledRuns(400);
    for (let i = 1; i <= points; i++) {
      const max_steps = Math.max(1, Math.floor((whole.steps * i) / points) - (i % 29));
      sameOnBoth(program, { host, limits: { max_steps } }, engine);
      const max_alloc_bytes = Math.floor((whole.allocBytes * i) / points) - (i % 31) * 8;
      if (max_alloc_bytes >= 0) sameOnBoth(program, { host, limits: { max_alloc_bytes } }, engine);
    }
    sameOnBoth(program, { host, limits: { max_call_depth: 3 } }, engine);
    expect(countsOf(program, engine).entered).toBeGreaterThan(5);
  });
});

test("compiled code makes the calls of a loop itself", () => {
  const program = programOf(`fn main() -> Int !{time.now} {
    let mut sum = 0
    for i in 0..200 { sum = (sum * 3 + time.now() + i) % 1000003 }
    sum
}`);
  sameOnBoth(program, { host });
  expect(countsOf(program)).toMatchObject({ entered: 1, deoptimized: 0 });
});

test("an actor goes on in compiled code while its mailbox has messages", () => {
  const program = programOf(`fn worker() receives (ActorId<Result<Int, String>>, Int) !{actor.send} {
    let mut sum = 0
    while true {
        let (from, n) = receive
        sum = (sum * 7 + n) % 997
        if n == 99 { send from Ok(sum) }
    }
}
fn main() -> Int receives Result<Int, String> !{actor.spawn, actor.send} {
    let w = spawn worker
    for i in 0..100 { send w (self(), i) }
    result.unwrap_or(receive, -1)
}`);
  sameOnBoth(program, { host });
  // `main` runs until its mailbox is empty and then to its end, the worker until its mailbox is empty, each time.
  expect(countsOf(program).entered).toBeLessThanOrEqual(5);
  expect(countsOf(program).deoptimized).toBe(0);
});

test("a loop between two calls pauses, however long it is", () => {
  const program = programOf(`fn main() -> Int !{time.now} {
    let mut sum = time.now()
    for i in 0..300 { for k in 0..700 { sum = (sum * 3 + k + i) % 1000003 } }
    sum + time.now()
}`);
  const whole = sameOnBoth(program, { host });
  expect(whole.steps).toBeGreaterThan(2_500_000);
  sameOnBoth(program, { host, limits: { max_steps: whole.steps - 5 } });
  // Once at the start of `main`, then again after each pause.
  expect(countsOf(program).entered).toBeGreaterThan(2);
  expect(countsOf(program).deoptimized).toBeLessThanOrEqual(1);
});

test("compiled code that gives up runs again after the next call", () => {
  const program = programOf(`fn run(f: Fn(Int) -> Int !{time.now}, n: Int) -> Int !{time.now} {
    let mut sum = time.now() + f(n)
    for i in 0..n { sum = (sum * 3 + i) % 10007 }
    sum
}
fn main() -> Int !{time.now} {
    let mut sum = 0
    for i in 0..20 { sum += run(fn(x) { x + time.now() }, i) }
    sum
}`);
  sameOnBoth(program, { host });
  const { entered, deoptimized } = countsOf(program);
  expect(deoptimized).toBeGreaterThan(10);
  expect(entered).toBeGreaterThan(2 * deoptimized);
});

test("a slice that ends within an expression: an operand that the interpreter has yet to load", () => {
  const program = programOf(`fn main() -> Int !{time.now} {
    let long = list.range(1000000, 1000400)
    let mut sum = time.now()
    for i in 0..8000 {
        let size = string.len(string.inspect(i))
        let kept = i * 3
        sum = (sum * size + (kept - string.len(string.inspect(long)))) % 1000003
    }
    sum
}`);
  expect(sameOnBoth(program, { host }).steps).toBeGreaterThan(400_000);
});
