import fc from "fast-check";
import { expect, test } from "vitest";
import { findEffects } from "../../analysis/effects.ts";
import { checkFunctions, compile } from "../../compiler/compile.ts";
import { execute } from "../../runtime/execute.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";
import { arbitraryOverlap } from "../arbitrary-overlap.ts";
import { scaledRuns } from "../cases.ts";
import { couldBe, handlersOf, arbitraryAnswers } from "./programs.ts";

const effectsOf = (text: string) => findEffects(checkFunctions({ name: "main.ax", text }), BUILTIN_REGISTRY);

/** Returns the calls as text: capability, how often, path, and what is known about the first argument. */
function callsOf(text: string): readonly string[] {
  return effectsOf(text).calls.map(({ capability, times, path, args, inActor }) => {
    const known = args[0]?.known;
    const texts = known?.kind === "text" ? known.texts.map((t) => JSON.stringify(t.text) + (t.isExact ? "" : "…")).join("|") : "?";
    const steps = path?.().steps.map((step) => (step.by === "main" || step.by === "call" ? "" : `${step.by} `) + step.function);
    return `${capability.name} ${times} ${steps?.join(" > ") ?? "never"} ${texts}${inActor ? " actor" : ""}`;
  });
}

const PROGRAMS: readonly (readonly [name: string, source: string, calls: readonly string[]])[] = [
  [
    "a loop over a range, and a text with a known beginning",
    'fn main() -> Unit !{fs.read} { for i in 0..3 { show(f"notes/{i}") } }\nfn show(p: String) -> Unit !{fs.read} { let _ = debug(fs.read(p)) }',
    ['fs.read 3 main > show "notes/"…'],
  ],
  [
    "a capability as a value, in a builtin",
    'fn main() -> List<String> !{fs.read} { list.map(["a", "b"], fs.read) }',
    ['fs.read 2 main > fs.read "a"|"b"'],
  ],
  [
    "function values in lists and variables",
    'fn main() -> Unit !{fs.read} { let readers = [fn() { fs.read("a") }, fn() { fs.read("b") }]\n for r in readers { let _ = debug(r()) } }',
    ['fs.read 2 main > main.lambda1 "a"', 'fs.read 2 main > main.lambda2 "b"'],
  ],
  [
    "a function value in a record may be called any number of times",
    'type Job { run: Fn() -> String !{fs.read} }\nfn main() -> String !{fs.read} { let job = Job { run: fn() { fs.read("a") } }\n (job.run)() }',
    ['fs.read Infinity main > value main.lambda1 "a"'],
  ],
  [
    "a function value in a record, which may get any arguments",
    'type Job { run: Fn(String) -> String !{fs.read} }\nfn main(who: String) -> String !{fs.read} { let f = fn(p) { fs.read(p) }\n let job = Job { run: f }\n f("a") ++ (job.run)(who) }',
    ['fs.read 1 main > main.lambda1 "a"', "fs.read Infinity main > value main.lambda1 ?"],
  ],
  [
    "a function value that is captured, and one that is an argument of two functions",
    'fn run(f: Fn(String) -> String !{fs.read}, p: String) -> String !{fs.read} { f(p) }\nfn main() -> String !{fs.read} { let read = fn(p) { fs.read(p) }\n let twice = fn() { read("a") ++ read("b") }\n twice() ++ run(read, "c") }',
    [
      'fs.read 1 main > run > main.lambda1 "c"',
      'fs.read 1 main > main.lambda2 > main.lambda1 "a"',
      'fs.read 1 main > main.lambda2 > main.lambda1 "b"',
    ],
  ],
  [
    "a function with a row variable",
    'fn twice<e>(f: Fn() -> String !{e}) -> String !{e} { f() ++ f() }\nfn main() -> String !{fs.read} { twice(fn() { fs.read("a") }) }',
    ['fs.read 2 main > twice > main.lambda1 "a"'],
  ],
  [
    "records that functions return, with the arguments of each caller",
    `type Request { url: String, method: String }
fn get(url: String) -> Request { Request { url, method: "GET" } }
fn post(url: String) -> Request { Request { ..get(url), method: "POST" } }
fn send_it(r: Request) -> String !{net.fetch} { if r.url == "" { return "" }
 net.fetch(r.url, r.method) }
fn main(b: Bool) -> String !{net.fetch} { send_it(get("https://a.example/")) ++ send_it(if b { post("https://b.example/") } else { panic("no") }) }`,
    ['net.fetch 1 main > send_it "https://a.example/"', 'net.fetch 1 main > send_it "https://b.example/"'],
  ],
  [
    "a record in a list, and a result that comes from several places",
    'type R { path: String }\nfn name(n: Int) -> String { if n == 1 { return "one" }\n match n { 2 => "two", _ => "many" } }\nfn main(n: Int) -> Unit !{fs.read} { for r in [R { path: "a" }, R { path: "b/" ++ name(n) }] { let _ = fs.read(r.path) } }',
    ['fs.read 2 main "a"|"b/one"|"b/two"|"b/many"'],
  ],
  [
    "a changed field, which is not known",
    'type R { path: String }\nfn main(s: String) -> String !{fs.read} { let mut r = R { path: "a" }\n r.path = s\n fs.read(r.path) }',
    ["fs.read 1 main ?"],
  ],
  [
    "the fields of a record that a pattern takes apart, which are not known",
    'type R { path: String }\nfn main() -> String !{fs.read} { let R { path } = R { path: "a" }\n fs.read(path) }',
    ["fs.read 1 main ?"],
  ],
  [
    "a function that calls itself with another argument",
    'fn f(p: String, n: Int) -> String !{fs.read} { if n == 0 { fs.read(p) } else { f(p ++ "x", n - 1) } }\nfn main() -> String !{fs.read} { f("a", 2) }',
    ['fs.read 1 main > f "a"', "fs.read Infinity main > f > f ?"],
  ],
  [
    "recursion has no visible bound",
    'fn main() -> String !{fs.read} { down(3) }\nfn down(n: Int) -> String !{fs.read} { if n == 0 { "" } else { fs.read("a") ++ down(n - 1) } }',
    ['fs.read Infinity main > down "a"'],
  ],
  [
    "of the arms of a match one runs, but each is listed",
    'fn main(b: Bool) -> String !{fs.read} { match b { true => fs.read("a"), false => fs.read("b") } }',
    ['fs.read 1 main "a"', 'fs.read 1 main "b"'],
  ],
  [
    "actors and branches",
    'fn worker() -> Unit !{fs.read} { let _ = debug(fs.read("w")) }\nfn main() -> (Int, Int) !{actor.spawn, fs.read, time.now} { let _ = spawn worker\n let _ = spawn worker\n par { time.now(), time.now("ms") } }',
    [
      'fs.read 2 main > spawn worker "w" actor',
      "actor.spawn 1 main ?",
      "actor.spawn 1 main ?",
      'time.now 1 main > main.lambda1 "s"',
      'time.now 1 main > main.lambda2 "ms"',
    ],
  ],
  [
    "what is never called, and a loop over nothing",
    'fn idle() -> String !{fs.read} { fs.read("a") }\nfn main() -> Unit !{fs.read} { for p in [] { let _ = debug(fs.read(p)) } }',
    ['fs.read 0 never "a"', "fs.read 0 never ?"],
  ],
  [
    "an assigned variable is not known",
    'fn main(b: Bool) -> String !{fs.read} { let mut p = "a"\n if b { p = "b" }\n fs.read(p) }',
    ["fs.read 1 main ?"],
  ],
  [
    "a text block with a hole, a try, and a local function",
    'fn main(n: Int) -> String !{net.fetch} { let host = "https://a.example"\n fn get(path: String) -> String !{net.fetch} { match try net.fetch(host ++ path) { Ok(t) => t, Err(e) => e } }\n get("/x") ++ get(f"/{n}") }',
    ['net.fetch 2 main > main.get "https://a.example/"…'],
  ],
];

for (const [name, source, calls] of PROGRAMS) test(`finds the calls of ${name}`, () => expect(callsOf(source)).toEqual(calls));

test.each([
  ["texts", "List<String>", (texts: readonly string[]) => `[${texts.join()}]`],
  ["map keys", "Map<String, Int>", (keys: readonly string[]) => `{ ${keys.map((key) => `${key}: 1`).join()} }`],
])("calls with more than 8,192 UTF-16 code units of %s in their arguments share what is known", (_, type, literal) => {
  const calls = (length: number): readonly string[] => {
    const arg = literal(["a", "b", "c"].map((letter) => JSON.stringify(letter.repeat(length))));
    return callsOf(
      `fn get(x: ${type}, p: String) -> String !{fs.read} { fs.read(p) }\nfn main() -> String !{fs.read} { get(${arg}, "a") ++ get(${arg}, "b") }`,
    );
  };
  expect(calls(2_700)).toEqual(['fs.read 1 main > get "a"', 'fs.read 1 main > get "b"']);
  expect(calls(2_800)).toEqual(['fs.read 2 main > get "a"|"b"']);
});

test("totals count the branch that makes the most calls", () => {
  const source = 'fn main(b: Bool) -> String !{fs.read} { if b { fs.read("a") ++ fs.read("b") } else { fs.read("c") } }';
  expect(effectsOf(source).totals).toEqual(new Map([["fs.read", 2]]));
});

test("a run makes only calls that were found, at most as often as found, and with possible arguments", async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof({ weight: 3, arbitrary: arbitraryProgram }, arbitraryOverlap), arbitraryAnswers, async (source, given) => {
      const { calls, totals } = effectsOf(source);
      const made = new Map<string, number>();
      const wrong: string[] = [];
      const callStart = (call: {
        capability: string;
        args: readonly unknown[];
        place: () => { line?: number; column?: number } | undefined;
      }): void => {
        const place = call.place();
        const sites = calls.filter(
          (c) =>
            c.path !== undefined &&
            c.place.line === place?.line &&
            c.place.column === place?.column &&
            c.capability.name === call.capability,
        );
        const most = sites.reduce((sum, site) => sum + site.times, 0);
        const key = `${call.capability} ${place?.line}:${place?.column}`;
        made.set(key, (made.get(key) ?? 0) + 1);
        made.set(call.capability, (made.get(call.capability) ?? 0) + 1);
        if (sites.length === 0) wrong.push(`${key} was not found`);
        if ((made.get(key) ?? 0) > most) wrong.push(`${key} is made more than ${most} times`);
        if (!sites.some((site) => call.args.every((arg, i) => couldBe(site.args[i]?.known, arg)))) wrong.push(`${key}: arguments`);
        if ((made.get(call.capability) ?? 0) > (totals.get(call.capability) ?? 0))
          wrong.push(`${call.capability} is made more than in total`);
      };
      const { module } = compile({ name: "main.ax", text: source });
      await execute(module, {
        policy: "allow-all",
        handlers: handlersOf(given),
        tracing: false,
        limits: { max_steps: 100_000 },
        on: { callStart },
      });
      expect(wrong.slice(0, 3)).toEqual([]);
    }),
    // Shrinking programs of this size takes hours.
    { numRuns: scaledRuns(800), endOnFailure: true },
  );
});
