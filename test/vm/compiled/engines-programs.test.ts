/** Programs in `.ax` on both engines: generated programs, the corpus, actors, asynchronous calls. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check, compile } from "../../../compiler/compile.ts";
import { signatureFor } from "../../../vm/capabilities.ts";
import type { EngineChoice } from "../../../vm/compiled/engine.ts";
import type { CapabilityAnswer, CapabilityRequest } from "../../../vm/host.ts";
import { DEFAULT_LIMITS } from "../../../vm/limits.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { resumeMachine, startMachine } from "../../../vm/scheduler/scheduler.ts";
import { UNIT, type Value } from "../../../vm/value/value.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { arbitraryActors } from "../../arbitrary-actors.ts";
import { arbitraryComputation } from "../../arbitrary-computation.ts";
import { arbitraryProgram } from "../../arbitrary-program.ts";
import { DEEP, scaledRuns, someOf } from "../../cases.ts";
import { fixedSample } from "../../choices.ts";
import { CONFORMANCE_ROOT } from "../../conformance.ts";
import { resolve } from "../../outcome.ts";
import { countsOf, sameOnBoth, seen, type Seen } from "../engines.ts";
import { testHost } from "../helpers.ts";

const LIMITS = { max_steps: 20_000, max_alloc_bytes: 3_000_000, max_call_depth: 200 };
/** Runs of each generated program. */
const RUNS = 6;

/** The mock's answer, with the defaults of the capability's signature. */
function answer({ capability, args }: CapabilityRequest): CapabilityAnswer {
  if (capability.internal === true) return { ok: true, value: capability.mock?.(args) ?? UNIT };
  const params = signatureFor(capability, args.length)?.params ?? [];
  return { ok: true, value: capability.mock?.(params.map((p, i): Value => args[i] ?? p.default ?? false)) ?? UNIT };
}
const host = { call: answer };

const programOf = (text: string): Program => verifyModule(compile({ name: "main.ax", text }, { resolve }).module);

/** Returns undefined for the few programs that lack a type annotation. */
function compiled(text: string): Program | undefined {
  return check({ name: "main.ax", text }).ok ? programOf(text) : undefined;
}

test("generated computations run the same on both engines, whatever the limits", () => {
  fc.assert(
    fc.property(arbitraryComputation, fc.array(fc.nat(), { minLength: RUNS, maxLength: RUNS }), (text, choices) => {
      const program = compiled(text);
      if (program === undefined) return;
      const whole = sameOnBoth(program, { limits: LIMITS });
      const [steps = 0, moreSteps = 0, bytes = 0, moreBytes = 0, depth = 0] = choices;
      for (const n of [steps, moreSteps]) sameOnBoth(program, { limits: { ...LIMITS, max_steps: 1 + (n % whole.steps) } });
      for (const n of [bytes, moreBytes]) sameOnBoth(program, { limits: { ...LIMITS, max_alloc_bytes: n % (whole.allocBytes + 1) } });
      sameOnBoth(program, { limits: { ...LIMITS, max_call_depth: 1 + (depth % 6) }, actors: true });
    }),
    { numRuns: scaledRuns(1_600) },
  );
});

test("the compiled engine runs those generated computations that complete, and does not give up", () => {
  const programs = fixedSample(arbitraryComputation, scaledRuns(1_000)).flatMap((text) => compiled(text) ?? []);
  const completed = programs.filter((program) => sameOnBoth(program, { limits: LIMITS }).end.startsWith("value"));
  const counts = completed.map((program) => countsOf(program));
  expect(counts.some(({ entered }) => entered > 0)).toBe(true);
  expect(counts.filter(({ deoptimized }) => deoptimized > 0)).toEqual([]);
});

test("generated programs with capability calls run the same on both engines", () => {
  fc.assert(
    fc.property(
      fc.oneof({ arbitrary: arbitraryProgram, weight: 3 }, { arbitrary: arbitraryActors, weight: 1 }),
      fc.nat(),
      fc.nat(),
      (text, some, few) => {
        const program = programOf(text);
        const whole = sameOnBoth(program, { limits: LIMITS, host });
        sameOnBoth(program, { limits: { ...LIMITS, max_steps: 1 + (some % whole.steps) }, host });
        sameOnBoth(program, { limits: { ...LIMITS, max_alloc_bytes: few % (whole.allocBytes + 1) }, host });
      },
    ),
    { numRuns: scaledRuns(480) },
  );
});

const folders = [
  ["conformance", join(CONFORMANCE_ROOT, "language")],
  ["own", new URL("../../language/", import.meta.url).pathname],
] as const;
const corpus = folders.flatMap(([title, folder]) =>
  (existsSync(folder) ? readdirSync(folder) : [])
    .filter((name) => name.endsWith(".ax"))
    .map((name) => ({ title: `${title}: ${name}`, file: join(folder, name) })),
);

describe("the corpus", () => {
  const counts = { entered: 0, deoptimized: 0, programs: 0 };

  const limitedFiles = new Set(someOf(corpus).map(({ file }) => file));

  test.each(corpus)("$title", ({ file }) => {
    const text = readFileSync(file, "utf8");
    if (!check({ name: "main.ax", text }, { resolve }).ok) return;
    const program = programOf(text);
    const { end, steps, allocBytes } = sameOnBoth(program, { host, limits: { max_steps: 1_000_000, max_alloc_bytes: 100_000_000 } });
    if (end.startsWith("value")) {
      counts.programs += 1;
      counts.entered += countsOf(program).entered;
      counts.deoptimized += countsOf(program).deoptimized;
    }
    sameOnBoth(program, { host, actors: true, limits: { max_steps: 100_000 } });
    if (!limitedFiles.has(file)) return;
    const stepStride = 1 + Math.floor(Math.min(steps, 20_000) / scaledRuns(150));
    for (let max_steps = 1; max_steps <= Math.min(steps, 20_000); max_steps += stepStride)
      sameOnBoth(program, { host, limits: { max_steps } });
    const byteStride = 1 + Math.floor(Math.min(allocBytes, 200_000) / scaledRuns(50));
    for (let max_alloc_bytes = 0; max_alloc_bytes <= Math.min(allocBytes, 200_000); max_alloc_bytes += byteStride)
      sameOnBoth(program, { host, limits: { max_alloc_bytes, max_steps: 100_000 } });
  });

  test("ran on the compiled engine, which hardly ever gave up", () => {
    expect(counts.programs).toBeGreaterThan(50);
    expect(counts.entered).toBeGreaterThan(counts.programs / 2);
    expect(counts.deoptimized / counts.entered).toBeLessThan(0.1);
  });
});

const LONG = [
  [
    "Ints that grow wide in the middle",
    "fn main() -> Int { let mut x = 1  let mut i = 0  while i < 200000 { i = i + 1  x = x + 90071992547 }  x }",
  ],
  [
    "Ints that overflow late",
    "fn main() -> Int { let mut x = 1  let mut i = 0  while i < 250000 { i = i + 1  x = x + 46116860184273 }  x }",
  ],
  [
    "a generic function, first with Ints, then with Floats, Strings and wide Ints",
    `fn same<T>(a: T, b: T) -> Bool { a == b }
fn main() -> Int {
    let mut n = 0
    for i in list.range(0, 30000) { if same(i % 7, 3) { n = n + 1 } }
    for i in list.range(0, 30000) { if same(int.to_float(i % 7), 3.0) { n = n + 1 } }
    for i in list.range(0, 30000) { if same(int.to_string(i % 7), "3") { n = n + 1 } }
    for i in list.range(0, 30000) { if same(9007199254740990 + i % 7, 9007199254740993) { n = n + 1 } }
    n
}`,
  ],
  [
    "a generic loop over lists of Ints, Floats and Strings",
    `fn last<T>(xs: List<T>, start: T) -> T { let mut r = start  for x in xs { if x != r { r = x } }  r }
fn main() -> String {
    let ints = list.range(0, 20000)
    let floats = list.map(ints, int.to_float)
    let texts = list.map(ints, int.to_string)
    int.to_string(last(ints, 0)) ++ float.to_string(last(floats, 0.0)) ++ last(texts, "") ++ int.to_string(last(list.map(ints, fn(x: Int) -> Int { x * 1000000000000000 % 9000000000000000000 }), 1))
}`,
  ],
  [
    "a hash in wide Ints",
    "fn main() -> Int { let mut h = 7  for i in list.range(0, 100000) { h = (h % 1000000007) * 1000000009 + i * 7919 }  h }",
  ],
  [
    "a Float from a record and a Float constant",
    `type P { f: Float }
fn step(b: Bool, p: P) -> Float { let mut v = 1.5  if b { v = p.f }  v + (if b { 1.0 } else { 2.0 }) + v }
fn main() -> Float { let mut s = 0.0  for i in list.range(0, 60000) { s = s + step(i % 2 == 0, P { f: 0.5 }) }  s }`,
  ],
  [
    "nested loops with break, continue and return",
    `fn find(n: Int) -> Int {
    let mut i = 0
    while true {
        i = i + 1
        for j in [1, 2, 3, 4] {
            if (i + j) % 5 == 0 { continue }
            if i * j > n { return i * 10 + j }
            if j > i { break }
        }
    }
    0
}
fn main() -> Int { let mut s = 0  for n in list.range(0, 900) { s = s + find(n) }  s }`,
  ],
  [
    "lists, maps, closures and matches",
    `enum Shape { Circle(Float), Box { w: Int, h: Int }, Dot }
fn area(s: Shape) -> Float { match s { Circle(r) => r * r * 3.0, Box { w, h } => int.to_float(w * h), Dot => 0.0 } }
fn main() -> String {
    let mut m: Map<String, Int> = {}
    let mut total = 0.0
    for i in list.range(0, 12000) {
        let key = int.to_string(i % 50)
        m = map.set(m, key, option.unwrap_or(map.get(m, key), 0) + i)
        let shape = if i % 3 == 0 { Shape::Circle(int.to_float(i)) } else if i % 3 == 1 { Shape::Box { w: i, h: 2 } } else { Shape::Dot }
        total = total + area(shape)
    }
    let add = fn(n: Int) -> Fn(Int) -> Int { fn(x: Int) -> Int { x + n } }
    float.to_string(total) ++ int.to_string(list.fold(list.map(map.values(m), add(3)), 0, fn(a: Int, b: Int) -> Int { a + b }))
}`,
  ],
  [
    "recursion, deep and wide",
    `fn fib(n: Int) -> Int { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }
fn down(n: Int) -> Int { if n == 0 { 0 } else { 1 + down(n - 1) } }
fn tail(n: Int, acc: Float) -> Float { if n == 0 { acc } else { tail(n - 1, acc + 0.5) } }
fn main() -> Float { int.to_float(fib(20) + down(5000)) + tail(100000, 0.0) }`,
  ],
  [
    "recursion beyond the depth limit",
    "fn down(n: Int) -> Int { if n == 0 { 0 } else { 1 + down(n - 1) } }\nfn main() -> Int { let mut s = 0  for i in list.range(0, 300) { s = s + down(i) }  s + down(20000) }",
  ],
] as const;

describe.each(someOf(LONG))("%s", (_title, text) => {
  test.each(someOf(["auto", "compiled"] as const))("%s", (engine) => {
    const program = programOf(text);
    const limits = { max_steps: 4_000_000 };
    const { steps } = sameOnBoth(program, { limits }, engine);
    expect(countsOf(program, engine).compiled).toBeGreaterThan(0);
    for (const part of [0.03, 0.4, 0.77, 0.999]) sameOnBoth(program, { limits: { max_steps: Math.floor(steps * part) } }, engine);
    // The scheduler cuts the run into slices.
    sameOnBoth(program, { limits, actors: true }, engine);
  });
});

const WORK = `fn work(n: Int) -> Int { let mut s = 0  let mut i = 0  while i < n { i = i + 1  s = s + i % 7 }  s }
`;
const ACTORS = [
  [
    "workers that answer",
    `${WORK}fn worker() -> Unit !{actor.send} { let back: ActorId = receive  let n: Int = receive  send back work(n) }
fn main() -> Int !{actor.spawn, actor.send} {
    let mut sum = 0
    for i in [3, 40, 100, 1, 700] {
        let w: ActorId = spawn worker
        send w w
        send w i
    }
    sum + work(500)
}`,
  ],
  [
    "ping and pong with work between",
    `${WORK}fn pong() -> Unit !{actor.send} {
    let back: ActorId = receive
    let mut n = 0
    while n < 20 { let x: Int = receive  send back work(x)  n = n + 1 }
}
fn main() -> Int !{actor.spawn, actor.send} {
    let p: ActorId = spawn pong
    let mut s = 0
    send p p
    for i in list.range(0, 20) { send p i * 37  s = s + work(i * 21) }
    s
}`,
  ],
  [
    "a worker that fails",
    `${WORK}fn bad() -> Unit { let x = work(300)  let _ = 10 / (x - x) }
fn main() -> Int !{actor.spawn} { let b: ActorId = spawn bad  let r: Result<Int, String> = receive  match r { Ok(n) => n, Err(_) => work(200) } }`,
  ],
] as const;

describe.each(ACTORS)("actors: %s", (_title, text) => {
  test.each(["auto", "compiled"] as const)("%s", (engine) => {
    const { ok, diagnostics } = check({ name: "main.ax", text });
    expect(ok, diagnostics.map((d) => d.message).join("\n")).toBe(true);
    const program = programOf(text);
    const { steps } = sameOnBoth(program, { host, limits: { max_steps: 500_000 } }, engine);
    for (let max_steps = 1; max_steps < steps; max_steps += 1 + Math.floor(steps / (DEEP ? 40 : 8)))
      sameOnBoth(program, { host, limits: { max_steps } }, engine);
  });
});

const WAITING = `${WORK}type P { f: Float, n: Int }
fn asked(p: P) -> P !{net.fetch} { P { f: p.f + 0.5, n: p.n + string.len(net.fetch("http://a/" ++ int.to_string(p.n))) } }
fn main() -> String !{net.fetch} {
    let mut p = P { f: 0.0, n: 1 }
    for i in list.range(0, 12) {
        p = asked(P { ..p, n: p.n + work(i * 300) })
        if p.n % 5 == 0 { continue }
        p = P { ..p, f: p.f * 1.5 }
    }
    int.to_string(p.n) ++ " " ++ float.to_string(p.f)
}`;

/** Answers all calls with promises. Suspends the run at every `suspendAt`-th call and resumes it from its bytes on the next engine. */
async function waited(program: Program, engines: readonly EngineChoice[], suspendAt: number, max_steps: number): Promise<Seen> {
  let calls = 0;
  let pending: CapabilityAnswer = { ok: true, value: false };
  const shown = testHost({ call: (request) => Promise.resolve(answer(request)) });
  const suspending = {
    ...shown,
    call: (request: CapabilityRequest): CapabilityAnswer | Promise<CapabilityAnswer> | "suspend" => {
      calls += 1;
      if (suspendAt === 0 || calls % suspendAt !== 0) return shown.call(request);
      pending = answer(request);
      void shown.call(request);
      return "suspend";
    },
  };
  const [first = "interpreter"] = engines;
  let end = await startMachine(program, suspending, { limits: { ...DEFAULT_LIMITS, max_steps }, args: [], engine: first });
  for (let i = 1; end.status === "suspended"; i++) {
    await Promise.resolve();
    end = await resumeMachine(program, suspending, end.state, pending, { engine: engines[i % engines.length] ?? "interpreter" });
  }
  return seen(end, shown);
}

describe("asynchronous calls and suspended runs", () => {
  const program = programOf(WAITING);

  test.each([0, 1, 3])("suspended at every n-th call, n = %i", async (suspendAt) => {
    for (const max_steps of [3_000_000, 20_000, 9_001, 777]) {
      const expected = await waited(program, ["interpreter"], 0, max_steps);
      for (const engines of [["compiled"], ["auto"], ["interpreter", "compiled"], ["compiled", "auto", "interpreter"]] as const)
        expect(await waited(program, engines, suspendAt, max_steps)).toEqual(expected);
    }
  });
});
