import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { CompileError } from "../../../compiler/diagnostics.ts";
import { decodeModule, encodeModule } from "../../../vm/bytecode/codec.ts";
import { DEFAULT_LIMITS } from "../../../vm/limits.ts";
import type { Module } from "../../../vm/bytecode/module.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { startMachine } from "../../../vm/scheduler/scheduler.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import type { Value } from "../../../vm/value/value.ts";
import { arbitraryActors } from "../../arbitrary-actors.ts";
import { arbitraryProgram } from "../../arbitrary-program.ts";
import { scaledRuns, DEEP } from "../../cases.ts";
import { childScript } from "../../child-script.ts";
import { fixedSample } from "../../choices.ts";
import { CONFORMANCE_ROOT } from "../../conformance.ts";
import { arbitraryArguments, arbitraryModule } from "../arbitrary-bytecode.ts";
import { moduleOf, type TestFunction } from "../helpers.ts";
import { journalHost, newJournal, type RunOptions, runThrough } from "./suspending.ts";

const compiled = (text: string): Module => compile({ name: "main.ax", text }).module;
/** Makes a new program at each call, as another process would. */
const freshly =
  (module: Module): (() => Program) =>
  () =>
    verifyModule(module);

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const LANGUAGE = join(ROOT, "test", "language");
const MODULES = join(CONFORMANCE_ROOT, "bytecode");

const filesIn = (folder: string, extension: string): readonly string[] => readdirSync(folder).filter((name) => name.endsWith(extension));

/** Returns undefined for a program that the compiler refuses. */
function corpusModule(text: string): Module | undefined {
  try {
    return compiled(text);
  } catch (error) {
    if (error instanceof CompileError) return undefined;
    throw error;
  }
}

/** Checks that a run suspended at every call, or at any single one, equals the uninterrupted run. Returns the number of calls. */
async function sameWhereverSuspended(module: Module, options: RunOptions = {}): Promise<number> {
  const fresh = freshly(module);
  const straight = await runThrough(fresh, () => false, options);
  const everywhere = await runThrough(fresh, () => true, options);
  expect(everywhere.text).toBe(straight.text);
  expect(everywhere.states.length).toBeLessThanOrEqual(straight.calls);
  for (let at = 0; at < straight.calls; at++) {
    const once = await runThrough(fresh, (call) => call === at, options);
    expect(once.text).toBe(straight.text);
  }
  return straight.calls;
}

const FRAMES = `
type Node { name: String, left: Option<Node>, weight: Float }
enum Shape { Circle(Float), Named { x: Int, of: List<Int> }, Empty }

fn nested(n: Int, seen: List<Int>) -> Int !{net.fetch, time.now} {
    if n == 0 { list.len(seen) } else {
        let text = match try net.fetch("http://a/" ++ int.to_string(n)) { Ok(t) => t, Err(e) => "no: " ++ e }
        let below = nested(n - 1, list.push(seen, string.len(text)))
        below + time.now() % 7 + list.len(list.tail(seen))
    }
}

fn adder(n: Int, floats: List<Float>) -> Fn(Int) -> Int !{random} {
    fn(x) { x + n + random("int", 0, 9) + list.len(floats) }
}

fn area(shape: Shape) -> Float !{ui.render} {
    let a = match shape { Shape::Circle(r) => r * r, Shape::Named { x, of } => int.to_float(x + list.len(of)), Shape::Empty => 0.0 / 0.0 }
    emit a
    a
}

fn main() -> List<String> !{net.fetch, time.now, random, fs.read, ui.render} {
    let wide = [9223372036854775807, -9223372036854775807 - 1, 9007199254740993, -9007199254740992, 0, -1]
    let floats = [0.0 - 0.0, -0.0, 1.0 / 0.0, -1.0 / 0.0, 0.1]
    let add = adder(3, floats)
    let mut adders = [add, fn(x) { x }]
    let mut versions = []
    let mut m = {}
    let mut out = []
    for i in [1, 2, 3, 4, 5] {
        m = map.set(m, "key " ++ int.to_string(i * 7 % 5), [i, i * 1000000])
        versions = list.push(versions, m)
        adders = list.push(adders, fn(x) { x * i })
        out = list.push(out, fs.read("é😀" ++ int.to_string(i)))
    }
    let node = Node { name: "a", left: Some(Node { name: "b", left: None, weight: -0.0 }), weight: 2.5 }
    let mut sum = nested(4, [])
    for f in adders { sum = sum + f(sum % 100) }
    let areas = [area(Shape::Circle(2.0)), area(Shape::Named { x: 3, of: [1, 2] }), area(Shape::Empty)]
    list.push(out, string.inspect([wide, [sum]]) ++ string.inspect(areas) ++ string.inspect(node) ++ string.inspect(versions) ++ string.inspect(floats))
}
`;

const ACTORS = `
enum Ask { Work { back: ActorId, by: Int }, Stop }

fn worker() -> Unit !{actor.send, net.fetch, actor.spawn, time.now} {
    let mut seen = []
    let mut going = true
    while going {
        let ask: Ask = receive
        match ask {
            Ask::Work { back, by } => {
                let mut i = 0
                while i < 150 { i = i + 1 }
                let text = net.fetch("http://w/" ++ int.to_string(by))
                seen = list.push(seen, text)
                if by == 3 { let _ = spawn failing }
                send back (i / by + list.len(seen))
            }
            Ask::Stop => { going = false }
        }
    }
}

fn failing() -> Unit !{time.now} {
    let t = time.now()
    guard((), t < 0, "never")
}

fn sink() -> Unit !{ui.render, time.now} {
    let mut total = 0
    for _ in [1, 2, 3, 4] {
        let n: Int = receive
        total = total + n + time.now() % 3
        emit total
    }
}

fn main() -> List<String> !{actor.spawn, actor.send, net.fetch, time.now, ui.render} {
    let out = spawn sink
    let a = spawn worker
    let b = spawn worker
    for by in [1, 2, 3, 0] {
        send a Ask::Work { back: out, by }
        let text = match try net.fetch("http://main/") { Ok(t) => t, Err(e) => e }
        send b Ask::Work { back: out, by: string.len(text) }
    }
    send b Ask::Stop
    let failed: Result<Unit, String> = receive
    ["main", match failed { Ok(_) => "", Err(text) => text }]
}
`;

describe("a run that is suspended and resumed from a snapshot equals the uninterrupted run", () => {
  test("frames, closures, versions of lists and maps, wide Ints, odd Floats", async () => {
    expect(await sameWhereverSuspended(compiled(FRAMES))).toBe(17);
  });

  test("several actors, some with mail, one suspended", async () => {
    expect(await sameWhereverSuspended(compiled(ACTORS))).toBe(41);
  });

  test.runIf(DEEP)("a promise may suspend too", async () => {
    expect(await sameWhereverSuspended(compiled(ACTORS), { timing: "later" })).toBe(41);
  });

  test.each(["interpreter", "compiled"] as const)("in the engine: %s", async (engine) => {
    await sameWhereverSuspended(compiled(FRAMES), { engine });
    if (DEEP) await sameWhereverSuspended(compiled(ACTORS), { engine });
  });

  test.runIf(DEEP)("the limits stay those of the start, and traps are the same", async () => {
    const straight = await runThrough(freshly(compiled(FRAMES)), () => false);
    const steps = Number(straight.text.split(" ").at(-3));
    const allocBytes = Number(straight.text.split(" ").at(-2));
    for (const limits of [
      { max_steps: steps - 1 },
      { max_steps: steps >> 1 },
      { max_alloc_bytes: allocBytes - 1 },
      { max_call_depth: 4 },
    ]) {
      await sameWhereverSuspended(compiled(FRAMES), { limits });
    }
    await sameWhereverSuspended(compiled(ACTORS), { limits: { max_steps: 3_000 } });
  });

  test("in the middle of appends", async () => {
    const text = `fn below(n: Int) -> String !{net.fetch} {
      let mut own = "own"
      let mut rest = "a text that is much longer than the others are"
      own = own ++ "!"
      rest = rest ++ (if n == 0 { "" } else { below(n - 1) })
      own = own ++ net.fetch("http://a/" ++ int.to_string(n)) ++ net.fetch("http://b/")
      rest ++ own
    }
    fn main() -> Int !{net.fetch} {
      let mut s = "s"
      let mut unread = "unread"
      let mut xs = [0]
      for i in [1, 2, 3] {
        s = s ++ net.fetch("http://c/") ++ below(2) ++ "."
        unread = unread ++ net.fetch("http://d/" ++ s)
        xs = xs ++ [string.len(net.fetch("http://e/"))]
      }
      string.len(s) + string.len(unread) + list.len(xs)
    }`;
    const module = compiled(text);
    expect(await sameWhereverSuspended(module)).toBe(27);
    for (const engine of ["interpreter", "compiled"] as const) await sameWhereverSuspended(module, { engine });
    await sameWhereverSuspended(module, { trace: () => undefined });
  });

  test.runIf(DEEP)("after many rounds", async () => {
    const module = compiled(`
      enum Ball { Ball { back: ActorId } }
      fn wall() -> Unit !{actor.send} { while true { let ball: Ball = receive  match ball { Ball::Ball { back } => { send back 1 } } } }
      fn player() -> Unit !{actor.spawn, actor.send, time.now, ui.render} {
        let me: ActorId = receive
        let other = spawn wall
        let mut hits = 0
        while hits < 6000 { send other Ball::Ball { back: me }  let hit: Int = receive  hits = hits + hit }
        let last = hits + time.now()
        emit last
      }
      fn main() -> Int !{actor.spawn, actor.send, time.now, ui.render} { let p = spawn player  send p p  1 }`);
    const late = (call: number): boolean => call > 12_000;
    const straight = await runThrough(freshly(module), () => false);
    const suspended = await runThrough(freshly(module), late);
    expect(suspended.states.length).toBeGreaterThan(1);
    expect(suspended.text).toBe(straight.text);
    expect(straight.calls).toBeGreaterThan(12_001);
  });

  test.runIf(DEEP)("without the scheduler: spawned actors are counted, and a long run has many slices", async () => {
    const spin = "let mut i = 0\n while i < 30000 { i = i + 1 }";
    const text = `fn nothing() -> Unit {}\nfn main() -> List<Int> !{actor.spawn, actor.send, time.now} {
      let a = spawn nothing
      ${spin}
      let t = time.now()
      send a "dropped"
      let b = spawn nothing
      [t, if a == b { 1 } else { 0 }]\n}`;
    expect(await sameWhereverSuspended(compiled(text), { actors: false })).toBe(4);
    expect(await sameWhereverSuspended(compiled(text), { actors: true })).toBe(4);
  });

  test("handwritten bytecode: globals, dynamically stacked functions, tail calls, extra arguments, Halt", async () => {
    const call: TestFunction["code"][number] = ["CapCall", 5, 0];
    const irregular: TestFunction = {
      arity: 1,
      locals: 3,
      capabilities: [5],
      // Jumps over a push, so that the stack height is not known; then calls.
      code: [["LoadLocal", 0], ["JmpIf", 3], ["PushConst", 0], call, ["StoreLocal", 2], call, "Ret"],
    };
    const main: TestFunction = {
      locals: 1,
      capabilities: [5],
      code: [
        call,
        ["StoreGlobal", 0],
        ["PushConst", 1],
        ["PushConst", 0],
        ["Call", 1, 1],
        ["PushConst", 1],
        ["PushConst", 0],
        ["Call", 1, 2],
        ["Call", 2, 0],
        ["LoadGlobal", 0],
        ["LoadGlobal", 1],
        ["MakeList", 5],
        call,
        "Pop",
        "Halt",
      ],
    };
    const tail: TestFunction = { locals: 1, capabilities: [5], code: [call, ["TailCall", 3, 1]] };
    const last: TestFunction = { arity: 1, locals: 2, capabilities: [5], code: [call] };
    const module = moduleOf([main, irregular, tail, last], [0, "text"], { globals: ["g", "h"] });
    expect(verifyModule(module).functions.map((fn) => fn.staticallyStacked)).toEqual([true, false, true, true]);
    expect(await sameWhereverSuspended(module)).toBe(8);
    expect(await sameWhereverSuspended(module, { trace: () => undefined })).toBe(8);
  });

  test("an Int as the answer to a call in a dynamically stacked function", async () => {
    const code: TestFunction["code"] = [["PushConst", 0], ["JmpIf", 3], ["PushConst", 0], ["CapCall", 5, 0], "Ret"];
    const module = moduleOf([{ capabilities: [5], code }], [1]);
    expect(verifyModule(module).functions[0]?.staticallyStacked).toBe(false);
    expect(await sameWhereverSuspended(module)).toBe(1);
  });

  test("a failure that no actor has received, when the parent has completed", async () => {
    const module = compiled(`
      fn failing() -> Unit { guard((), 1 > 2, "never") }
      fn parent() -> Unit !{actor.spawn} { let _ = spawn failing }
      fn main() -> Int !{actor.spawn, time.now} {
        let _ = spawn parent
        let mut i = 0
        while i < 2000 { i = i + 1 }
        time.now()
      }`);
    expect(await sameWhereverSuspended(module)).toBe(3);
    expect((await runThrough(freshly(module), () => true)).text).toContain("never");
  });

  test("generated programs", async () => {
    const suspend = (text: string): Promise<number> => sameWhereverSuspended(compiled(text), { limits: { max_steps: 200_000 } });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof({ arbitrary: arbitraryProgram, weight: 3 }, { arbitrary: arbitraryActors, weight: 1 }),
        async (text) => void (await suspend(text)),
      ),
      { numRuns: scaledRuns(150) },
    );
    if (!DEEP) return;
    const calls = await Promise.all(fixedSample(arbitraryProgram, 5).map(suspend));
    expect(calls.some((count) => count > 0)).toBe(true);
  });

  test("arbitrary bytecode", async () => {
    const suspend = (module: Module, args: readonly Value[]): Promise<number> =>
      sameWhereverSuspended(module, { args, limits: { max_steps: 3_000, max_alloc_bytes: 5_000_000 } });
    await fc.assert(
      fc.asyncProperty(arbitraryModule, arbitraryArguments, async (module, args) => void (await suspend(module, args))),
      { numRuns: scaledRuns(2_500) },
    );
    if (!DEEP) return;
    const sample = fixedSample(fc.tuple(arbitraryModule, arbitraryArguments), 1_000);
    const calls = await Promise.all(sample.map(([module, args]) => suspend(module, args)));
    expect(calls.some((count) => count > 0)).toBe(true);
  });

  test("versions of lists that contain one another", async () => {
    const step = fc.record({ to: fc.nat(2), of: fc.nat(2), other: fc.nat(2), n: fc.nat(4), kind: fc.nat(4), stops: fc.boolean() });
    const lines = fc.array(
      step.map(({ to, of, other, n, kind, stops }) => {
        const made = [
          `list.push(v${of}, Tree::Node(v${other}))`,
          `list.push(v${of}, Tree::Leaf(${n}))`,
          `list.slice(v${of}, ${n >> 1}, ${n})`,
          `list.concat(v${of}, v${other})`,
          `v${of}`,
        ][kind];
        return `v${to} = ${made}${stops ? "\ntime.now()" : ""}`;
      }),
      { maxLength: 12 },
    );
    const local = (i: number): string => `let mut v${i}: List<Tree> = []`;
    await fc.assert(
      fc.asyncProperty(lines, async (code) => {
        const text = `enum Tree { Leaf(Int), Node(List<Tree>) }
          fn main() -> List<Tree> !{time.now} {
            ${[0, 1, 2].map(local).join("\n")}
            ${code.join("\n")}
            [Tree::Node(v0), Tree::Node(v1), Tree::Node(v2)]
          }`;
        await sameWhereverSuspended(compiled(text), { limits: { max_alloc_bytes: 1_000_000 } });
      }),
      { numRuns: scaledRuns(300) },
    );
  });

  test.runIf(DEEP)("the language corpus and the older machine's modules", async () => {
    let calls = 0;
    for (const name of filesIn(LANGUAGE, ".ax")) {
      const module = corpusModule(readFileSync(join(LANGUAGE, name), "utf8"));
      if (module !== undefined) calls += await sameWhereverSuspended(module, { limits: { max_steps: 100_000 } });
    }
    for (const name of filesIn(MODULES, ".axbc")) {
      const module = decodeModule(readFileSync(join(MODULES, name)));
      for (const actors of [true, false]) calls += await sameWhereverSuspended(module, { actors, limits: { max_steps: 100_000 } });
    }
    expect(calls).toBeGreaterThan(15);
  });

  test("in another process", async () => {
    const module = compiled(ACTORS);
    const straight = await runThrough(freshly(module), () => false);
    const child = await childScript(new URL("resume-child.ts", import.meta.url));
    for (const at of [0, 7, straight.calls - 1]) {
      const journal = newJournal();
      const host = journalHost(journal, (call) => call === at);
      const suspended = await startMachine(verifyModule(module), host, { limits: DEFAULT_LIMITS, args: [] });
      if (suspended.status !== "suspended") throw new Error("not suspended");
      const answer = host.settled(suspended.callStep);
      const input = JSON.stringify({
        module: Buffer.from(encodeModule(module)).toString("base64"),
        state: Buffer.from(suspended.state).toString("base64"),
        answer,
        journal,
      });
      const run = spawnSync(process.execPath, [child], { cwd: ROOT, input, encoding: "utf8", timeout: 600_000 });
      expect(run.stderr).toBe("");
      expect(run.stdout).toBe(straight.text);
    }
  });
});
