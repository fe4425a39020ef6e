import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { type Actor, newActor } from "../../../vm/interpreter/actor.ts";
import { BorunaError } from "../../../vm/error.ts";
import type { CapabilityAnswer, Host } from "../../../vm/host.ts";
import { DEFAULT_LIMITS, type Limits, MACHINE_LIMITS } from "../../../vm/limits.ts";
import { ListValue } from "../../../vm/value/list.ts";
import type { MachineEnd, Program } from "../../../vm/bytecode/program.ts";
import { decodeState, encodeState } from "../../../vm/snapshot/snapshot.ts";
import type { RunState } from "../../../vm/snapshot/state-writer.ts";
import { resumeMachine, runMachine, startMachine, type Suspended } from "../../../vm/scheduler/scheduler.ts";
import { StringTable } from "../../../vm/snapshot/string-table.ts";
import { textForm } from "../../../vm/value/display.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { ClosureValue, SomeValue, type Value } from "../../../vm/value/value.ts";
import { scaledRuns, DEEP, someOf } from "../../cases.ts";
import { fixedSample } from "../../choices.ts";
import { errorKind } from "../arbitrary.ts";
import { moduleOf, testHost, type TestFunction } from "../helpers.ts";
import { suspendedAt } from "./suspending.ts";

const programOf = (text: string): Program => verifyModule(compile({ name: "main.ax", text }).module);
const NOW: CapabilityAnswer = { ok: true, value: 7 };

/** Resumes the program from a snapshot, and runs it to its end. */
function resume(program: Program, state: Uint8Array, limits?: Limits): MachineEnd {
  const end = resumeMachine(program, testHost(), state, NOW, limits === undefined ? {} : { limits });
  if (end instanceof Promise || end.status === "suspended") throw new Error("the run did not end");
  return end;
}

function runWithoutStop(program: Program, limits: Limits = DEFAULT_LIMITS): MachineEnd {
  const end = runMachine(program, testHost({ call: () => NOW }), { limits, args: [] });
  if (end instanceof Promise) throw new Error("the run did not end");
  return end;
}

const valueOf = (end: MachineEnd): string => (end.status === "completed" ? textForm(end.value) : end.trap.kind);

/** Corrects the digest, as a forger would. */
function signed(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy.set(sha256(copy.subarray(38)), 6);
  return copy;
}

const SMALL = programOf("fn main() -> Int !{time.now} { 1 + time.now() }");

describe("the header of a snapshot", () => {
  const state = suspendedAt(SMALL);

  test("magic, version, digest, module, limits", () => {
    const changed = (at: number, by = 1): Uint8Array => state.map((byte, i) => (i === at ? byte ^ by : byte));
    expect(state.length).toBeLessThan(130);
    expect(valueOf(resume(SMALL, state))).toBe("8");
    expect(errorKind(() => resume(SMALL, new Uint8Array()))).toBe("state.bad_magic");
    expect(errorKind(() => resume(SMALL, changed(0)))).toBe("state.bad_magic");
    expect(errorKind(() => resume(SMALL, changed(4)))).toBe("state.version");
    expect(errorKind(() => resume(SMALL, changed(6)))).toBe("state.damaged");
    for (let at = 38; at < state.length; at++) expect(errorKind(() => resume(SMALL, changed(at, 0x80)))).toBe("state.damaged");
    for (let length = 4; length < state.length; length++)
      expect(errorKind(() => resume(SMALL, state.slice(0, length)))).toBe("state.damaged");
    expect(errorKind(() => resume(programOf("fn main() -> Int !{time.now} { 2 + time.now() }"), state))).toBe("state.module");
    expect(errorKind(() => resume(SMALL, signed(Uint8Array.of(...state, 0))))).toBe("state.form");
    expect(errorKind(() => resume(SMALL, state, { ...DEFAULT_LIMITS, max_steps: DEFAULT_LIMITS.max_steps - 1 }))).toBe("state.limits");
    // 0 is no time limit, so it is above every cap.
    expect(errorKind(() => resume(SMALL, state, { ...DEFAULT_LIMITS, max_wall_ms: 1_000 }))).toBe("state.limits");
    expect(valueOf(resume(SMALL, state, DEFAULT_LIMITS))).toBe("8");
  });

  test.runIf(DEEP)("many large Strings made by appends are refused instead of copied", () => {
    const deep = (frames: number): Program =>
      programOf(`fn go(piece: String, n: Int) -> Int !{time.now} {
        let mut s = "x"
        s = s ++ piece
        let below = if n == 0 { time.now() } else { go(piece, n - 1) }
        below + string.len(s)
      }
      fn main() -> Int !{time.now} { go(string.repeat("é", 4000000), ${frames}) }`);
    expect(errorKind(() => suspendedAt(deep(80)))).toBe("state.too_large");
    expect(valueOf(resume(deep(3), suspendedAt(deep(3))))).toBe(String(7 + 4 * 8_000_001));
  });

  test("a snapshot can be resumed many times, with any answer", () => {
    const program = programOf('fn main() -> String !{net.fetch} { match try net.fetch("u") { Ok(t) => t, Err(e) => "no: " ++ e } }');
    const bytes = suspendedAt(program);
    const ends = [
      { ok: true, value: "yes" },
      { ok: false, trap: "capability_failed", message: "gone" },
      { ok: false, trap: "capability_denied", message: "denied" },
      { ok: true, value: "yes" },
    ] as const;
    const texts = ends.map((answer) => {
      const end = resumeMachine(program, testHost(), bytes, answer);
      return end instanceof Promise || end.status === "suspended" ? "" : valueOf(end);
    });
    expect(texts).toEqual(['"yes"', '"no: gone"', "capability_denied", '"yes"']);
  });

  test("the debug information may differ, and a host without suspension cannot suspend", () => {
    const { debug: _, ...module } = SMALL.module;
    expect(valueOf(resume(verifyModule(module), state))).toBe("8");
    const host: Host = { ...testHost(), call: () => JSON.parse('"suspend"') };
    expect(errorKind(() => runMachine(SMALL, host, { limits: DEFAULT_LIMITS, args: [] }))).toBe("internal");
  });
});

describe("the size of a snapshot is that of the live values", () => {
  const cases: readonly (readonly [string, string, number])[] = [
    [
      "a value nested thirty thousand deep",
      `enum Chain { End, Link { next: Chain, n: Int } }
       fn main() -> Int !{time.now} {
         let mut c = Chain::End
         for n in list.range(0, 30000) { c = Chain::Link { next: c, n } }
         let mut sum = time.now()
         let mut going = true
         while going { match c { Chain::End => { going = false }, Chain::Link { next, n } => { c = next  sum = sum + n % 3 } } }
         sum
       }`,
      750_000,
    ],
    [
      "a value that would have 2^60 parts without sharing",
      `type Pair { l: Option<Pair>, r: Option<Pair> }
       fn main() -> Int !{time.now} {
         let mut p = Pair { l: None, r: None }
         for _ in list.range(0, 60) { p = Pair { l: Some(p), r: Some(p) } }
         let mut depth = time.now()
         let mut going = true
         while going { match p.r { None => { going = false }, Some(q) => { p = q  depth = depth + 1 } } }
         depth
       }`,
      3_000,
    ],
    [
      "a thousand tails of one list",
      `fn sum(xs: List<Int>) -> Int !{time.now} { if list.is_empty(xs) { time.now() } else { xs[0] + sum(list.tail(xs)) } }
       fn main() -> Int !{time.now} { sum(list.range(0, 2000)) }`,
      60_000,
    ],
    [
      "a thousand versions of one map",
      `fn main() -> Int !{time.now} {
         let mut m = {}
         let mut versions = []
         for n in list.range(0, 1000) { m = map.set(m, int.to_string(n * 7919 % 1000), n)  versions = list.push(versions, m) }
         let mut sum = time.now()
         for v in versions { sum = sum + map.len(v) + option.unwrap_or(map.get(v, "7"), 0) }
         sum
       }`,
      200_000,
    ],
    [
      "one long String in many places, and many that look alike",
      `fn main() -> Int !{time.now} {
         let long = string.repeat("long text ", 10000)
         let mut many = []
         for n in list.range(0, 1000) { many = list.push(many, [long, string.slice(long, n % 10, 9000 + n % 10)]) }
         let mut sum = time.now()
         for pair in many { sum = sum + string.len(pair[0]) + string.len(pair[1]) }
         sum
       }`,
      250_000,
    ],
    [
      "lists that branched off another",
      `fn main() -> Int !{time.now} {
         let base = list.range(0, 500)
         let mut branches = []
         for n in list.range(0, 100) { branches = list.push(branches, list.push(base, n)) }
         let mut sum = time.now()
         for b in branches { sum = sum + b[500] + b[n_of(b)] + list.len(list.push(b, 1)) }
         sum
       }
       fn n_of(xs: List<Int>) -> Int { list.len(xs) / 2 }`,
      200_000,
    ],
    [
      "the history of a list that branched off another",
      `fn main() -> Int !{time.now} {
         let base = list.range(0, 1000)
         let first = list.push(base, 1)
         let mut xs = list.push(base, 2)
         let mut all = [base]
         for n in list.range(0, 5000) { xs = list.push(xs, n)  all = list.push(all, list.slice(xs, 0, 5 + n)) }
         let mut sum = time.now() + list.len(first)
         for v in all { sum = sum + list.len(list.push(v, 1)) + v[list.len(v) - 1] }
         sum
       }`,
      700_000,
    ],
    [
      "two long Strings by turns",
      `fn main() -> Int !{time.now} {
         let a = string.repeat("a", 20000)
         let b = string.repeat("b", 20000)
         let mut all = []
         let mut n = 0
         while n < 150000 { all = list.push(list.push(all, a), b)  n = n + 1 }
         list.len(all) + time.now()
       }`,
      700_000,
    ],
    [
      "a queue that much has gone through",
      `fn main() -> Int !{time.now} {
         let mut q = ["a"]
         let mut sum = 0
         let mut n = 0
         while n < 100000 { q = list.tail(list.push(q, int.to_string(n)))  sum = sum + string.len(q[0])  n = n + 1 }
         sum + time.now()
       }`,
      30_000,
    ],
    [
      "a list that holds its own older versions",
      `enum Tree { Leaf(Int), Node(List<Tree>) }
       fn depth(t: Tree) -> Int { let mut d = 0  let mut at = t  let mut going = true
         while going { match at { Tree::Leaf(n) => { d = d + n  going = false }, Tree::Node(of) => { d = d + 1  at = of[list.len(of) / 2] } } }
         d }
       fn main() -> Int !{time.now} {
         let mut xs = [Tree::Leaf(1)]
         let mut other = [Tree::Leaf(2)]
         for n in list.range(0, 10000) {
           xs = list.push(xs, Tree::Node(if n % 3 == 0 { other } else { xs }))
           other = list.push(other, Tree::Node(list.slice(xs, n / 2, n)))
         }
         let old = list.slice(xs, 5000, 6000)
         let branch = list.push(list.push(old, Tree::Node(old)), Tree::Node(xs))
         time.now() + depth(Tree::Node(xs)) + depth(Tree::Node(other)) + depth(branch[1001]) + list.len(xs)
       }`,
      800_000,
    ],
  ];
  test("does not contain what another run has pushed onto a constant", () => {
    const code: TestFunction["code"] = [
      ["LoadLocal", 0],
      ["JmpIfNot", 6],
      ["PushConst", 0],
      ["LoadLocal", 0],
      "ListPush",
      "Pop",
      ["PushConst", 0],
      ["StoreLocal", 1],
      ["CapCall", 5, 0],
      "Pop",
      ["LoadLocal", 1],
      "ListLen",
      "Ret",
    ];
    const program = verifyModule(moduleOf([{ arity: 1, locals: 2, capabilities: [5], code }], [ListValue.of([1, 2])]));
    const state = (arg: string): Uint8Array => suspendedAt(program, () => true, [arg]);
    const before = state("");
    state("a secret");
    expect(state("")).toEqual(before);
  });

  test.each(someOf(cases))("%s", (_, text, bytes) => {
    const program = programOf(text);
    const state = suspendedAt(program);
    expect(state.length).toBeLessThan(bytes);
    const expected = runWithoutStop(program);
    expect(expected.status).toBe("completed");
    expect(resume(program, state)).toEqual(expected);
  });

  test("similar long Strings are distinguished, and refused when that takes too long", () => {
    const table = new StringTable();
    // 16,384 code units are sampled, every third. The Strings differ only in others, near the end.
    const alike = (n: number): string => {
      const bits = n.toString(2).padStart(12, "0");
      return "x".repeat(3 * 16_384 - 36) + [...bits].map((bit) => `x${bit}x`).join("");
    };
    for (let n = 0; n < 100; n++) expect(table.intern(alike(n))).toBe(n);
    for (let n = 0; n < 100; n++) expect(table.intern(alike(n))).toBe(n);
    expect(errorKind(() => Array.from({ length: 1_000 }, (_, n) => table.intern(alike(n))))).toBe("state.too_large");
  });
});

describe("forged snapshots", () => {
  const ACTORS = programOf(`
    enum Ask { Add { back: ActorId, n: Int }, Name(String) }
    fn adder() -> Unit !{actor.send, time.now} {
      let mut known = { "a": [1.5] }
      let f = fn(x) { x + map.len(known) }
      while true {
        let ask: Ask = receive
        match ask { Ask::Add { back, n } => { send back f(n) + time.now() }, Ask::Name(s) => { known = map.set(known, s, [0.1, -0.0]) } }
      }
    }
    fn deep(n: Int, seen: List<String>) -> Int !{time.now} { if n == 0 { time.now() } else { deep(n - 1, list.push(seen, "s")) + list.len(seen) } }
    fn main() -> Int !{actor.spawn, actor.send, time.now, ui.render} {
      let a = spawn adder
      let b = spawn adder
      for n in [1, 2, 3] { send a Ask::Add { back: b, n }  send b Ask::Name("key " ++ int.to_string(n)) }
      let base = list.range(0, 280)
      let branches = [list.push(base, 1), list.push(base, 2), list.push(list.slice(base, 5, 20), 3), list.push(list.slice(base, 5, 20), 4)]
      let d = deep(3, []) + list.len(list.push(branches[1], 5)) + list.len(list.push(branches[3], 6))
      emit { "d": Some([d, 9223372036854775807]) }
      d
    }`);
  const states = Array.from({ length: 14 }, (_, at) => suspendedAt(ACTORS, (call) => call === at));
  const limits: Limits = { ...DEFAULT_LIMITS, max_steps: 10_000_000 };

  /** Returns how the run ends, or the kind of the typed error. Any other error is a bug. */
  function survive(program: Program, bytes: Uint8Array): "refused" | "ended" {
    let end: MachineEnd | Suspended | Promise<MachineEnd | Suspended>;
    try {
      const steps = decodeState(program, bytes, limits).limits.max_steps;
      if (steps > DEFAULT_LIMITS.max_steps) throw new Error("limits were not kept");
      end = resumeMachine(program, testHost(), bytes, NOW, { limits });
    } catch (error) {
      if (error instanceof BorunaError && error.kind.startsWith("state.")) return "refused";
      throw error;
    }
    if (end instanceof Promise) throw new Error("a promise without an asynchronous call");
    if (end.status === "trapped") expect(end.trap).not.toMatchObject({ kind: "internal" });
    return "ended";
  }

  test("with messages that could not have left the machine", () => {
    let deep: Value = 1;
    for (let i = 0; i < 20_000; i++) deep = new SomeValue(deep);
    const before = decodeState(ACTORS, states[0] ?? new Uint8Array());
    for (const payload of [new ClosureValue(0, []), deep]) {
      const forged = encodeState(ACTORS, { ...before, undelivered: [{ from: 0, to: 1, payload }] });
      expect(errorKind(() => resume(ACTORS, forged))).toBe("state.form");
    }
  });

  test("with more rounds than the steps allow, or a blocked actor that has mail", () => {
    const before = decodeState(ACTORS, states[0] ?? new Uint8Array());
    const waiting: Actor = { ...newActor(1, 0), status: "blocked", mailbox: [{ from: 0, payload: 1 }] };
    const rounds = before.steps + MACHINE_LIMITS.actors + 1;
    const refused = (forged: Partial<RunState>, message: string): void =>
      expect(() => resume(ACTORS, encodeState(ACTORS, { ...before, ...forged }))).toThrow(`not a state of this program: ${message}`);
    refused({ tasks: [...before.tasks, waiting], tasksMade: 2, nextActor: 2 }, "an actor that waits though it has mail");
    refused({ round: rounds }, `round ${rounds} is over ${rounds - 1}`);
  });

  test("are refused, or run as some state of the program", () => {
    const mutation = fc.record({
      state: fc.constantFrom(...states),
      at: fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(16), fc.nat(255))), { minLength: 1, maxLength: 3 }),
      move: fc.option(fc.tuple(fc.nat(), fc.nat(), fc.nat(8))),
    });
    const forged = mutation.map(({ state, at, move }) => {
      const bytes = state.slice();
      const body = bytes.length - 70;
      for (const [where, byte] of at) bytes[70 + (where % body)] = byte;
      if (move !== null) bytes.copyWithin(70 + (move[0] % body), 70 + (move[1] % body), 70 + (move[1] % body) + move[2]);
      return signed(bytes);
    });
    fc.assert(
      fc.property(forged, (bytes) => void survive(ACTORS, bytes)),
      { numRuns: scaledRuns(4_000) },
    );
    expect(new Set(fixedSample(forged, 200).map((bytes) => survive(ACTORS, bytes)))).toEqual(new Set(["refused", "ended"]));
  });

  test("cut anywhere", () => {
    for (const state of states)
      for (let length = 71; length < state.length; length += DEEP ? 1 : 7)
        expect(survive(ACTORS, signed(state.slice(0, length)))).toBe("refused");
  });
});

test("a second suspended run of a program is as small as the first", () => {
  const program = programOf(
    "fn main() -> Int !{time.now} { let mut s = 0  for i in list.range(0, 50) { s = s + time.now() % 10 * i }  s }",
  );
  const sizes: number[] = [];
  let end = startMachine(program, { ...testHost(), call: () => "suspend" }, { limits: DEFAULT_LIMITS, args: [] });
  for (;;) {
    if (end instanceof Promise || end.status !== "suspended") break;
    sizes.push(end.state.length);
    end = resumeMachine(program, { ...testHost(), call: () => "suspend" }, end.state, NOW);
  }
  expect(sizes).toHaveLength(50);
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(10);
  expect(end).toEqual(runWithoutStop(program));
});
