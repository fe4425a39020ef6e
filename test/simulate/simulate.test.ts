/** Simulated runs depend only on the seed, get every kind of answer, are bounded and can be recorded. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parsePolicy } from "../../policy/parse.ts";
import { readLog } from "../../replay/log/log-reader.ts";
import { replayRun } from "../../replay/replay.ts";
import { compile } from "../../compiler/compile.ts";
import { createRegistry } from "../../gateway/own-capabilities.ts";
import { FAULTS } from "../../simulate/faults.ts";
import { simulationJson, simulationLines } from "../../simulate/report.ts";
import { simulate, type SimulateOptions, type Simulation } from "../../simulate/simulate.ts";
import { WorldMaker } from "../../simulate/world.ts";
import { executeProgram } from "../../gateway/run.ts";
import { ALLOW_ALL } from "../../policy/policy.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { typedText } from "../../vm/value/display.ts";
import { temporaryFolder } from "../after-file.ts";
import { DEEP, someOf } from "../cases.ts";
import { kindOf } from "../error-kind.ts";
import { PLANTED, programOf } from "./planted.ts";

const folder = temporaryFolder();

/** Returns the texts `FAULT: ANSWER` of all answers in the first runs. */
async function answersOf(program: Program, runs: number, seed = 1): Promise<readonly string[]> {
  const worlds = new WorldMaker(program, 100, []);
  const answers: string[] = [];
  for (let run = 0; run < runs; run += 1) {
    const world = worlds.open({ script: [], random: { seed, run } });
    await executeProgram(program, { policy: ALLOW_ALL, handlers: world.handlers, runId: "r" });
    for (const { fault, done, answer } of world.calls) {
      const text =
        "failure" in answer ? `failure (${done ? "done" : "not done"})` : typedText(answer.value, answer.type, program.module.types);
      answers.push(`${fault}: ${text}`);
    }
  }
  return answers;
}

const TWO_READS = `fn main() -> Int !{fs.read, time.now} {
    let _first = try fs.read("a.txt")
    let _second = try fs.read("b.txt")
    time.now()
}
`;

test("every fault happens: errors, and answers that are lost, empty, huge, odd, broken, late or repeated for all later calls", async () => {
  const answers = await answersOf(programOf(TWO_READS), 300);
  const of = (fault: string): readonly string[] => answers.filter((text) => text.startsWith(`${fault}: `));
  expect(new Set(answers.map((text) => text.split(":")[0]))).toEqual(new Set(Object.keys(FAULTS).filter((fault) => fault !== "refused")));
  expect(new Set(of("failed"))).toEqual(new Set(["failed: failure (not done)"]));
  expect(new Set(of("lost"))).toEqual(new Set(["lost: failure (done)"]));
  expect(of("empty")).toContain('empty: ""');
  expect(Math.max(...of("huge").map((text) => text.length))).toBeGreaterThan(20_000);
  expect(of("odd").some((text) => /[^\x20-\x7e]/.test(text))).toBe(true);
  expect(of("broken")).toContain('broken: "<html><body>502 Bad Gateway</body></html>"');
});

test("the simulated clock advances when an answer is late, and may be set back", async () => {
  const program = programOf(`fn main() -> List<Int> !{fs.read, time.now} {
    let start = time.now()
    let _text = try fs.read("a.txt")
    [start, time.now()]
}
`);
  const worlds = new WorldMaker(program, 100, []);
  const pauses = new Set<string>();
  for (let run = 0; run < 300; run += 1) {
    const world = worlds.open({ script: [], random: { seed: 1, run } });
    await executeProgram(program, { policy: ALLOW_ALL, handlers: world.handlers, runId: "r" });
    const [start, , end] = world.calls.map(({ answer }) => ("failure" in answer ? undefined : answer.value));
    const passed = Number(end) - Number(start);
    const fault = world.calls[1]?.fault === "late" ? "late" : world.calls[2]?.fault === "back" ? "back" : "on time";
    pauses.add(passed < 0 ? `${fault}: back` : passed >= 59 ? `${fault}: long` : `${fault}: short`);
  }
  expect(pauses).toEqual(new Set(["on time: short", "late: long", "back: back"]));
});

const OWN = createRegistry([
  { name: "shop.find", version: "1", params: [{ name: "id", type: "String" }], result: "List<Int>", mayRepeat: true },
]);

test("answers have the types that the program declares, whatever the capability", async () => {
  const text = `fn main() -> Json !{db.query, fs.read, net.fetch, llm.call, random, shop.find, step.input, time.now} {
    let _rows = try db.query("select id, name from users")
    let _names = try fs.read("x", "list")
    let _stat = try fs.read("x", "stat")
    let _bytes = try fs.read("x", "base64")
    let _page = try net.fetch("https://a.example/", "GET", "", {}, "response")
    let _half = try random()
    let _die = try random("int", 1, 6)
    let _orders: List<Int> = result.unwrap_or(try shop.find("7"), [])
    let _input = try step_input("name")
    let shape: Result<Json, String> = json.parse("{\\"type\\":\\"object\\",\\"properties\\":{\\"n\\":{\\"type\\":\\"integer\\",\\"minimum\\":1,\\"maximum\\":5}},\\"required\\":[\\"n\\"]}")
    let _free = try llm.call("Hello")
    match try llm.call("How many?", "m", Json::Object({ "schema": result.unwrap_or(shape, Json::Null) })) {
        Ok(reply) => reply
        Err(_) => Json::Null
    }
}
`;
  const program = verifyModule(compile({ name: "all.ax", text }, { registry: OWN }).module, OWN);
  const runs = DEEP ? 150 : 20;
  const simulation = await simulate(program, { runs });
  expect(simulationLines(simulation, program, undefined)[0]).toBe(`${runs} runs, and none failed (seed 1)`);
  const replies = (await answersOf(program, 100)).filter((line) => line.includes("input_tokens"));
  expect(replies.length).toBeGreaterThan(100);
  const values = replies.flatMap((line) => /value: \{n: (\d+)\}/.exec(line)?.[1] ?? []);
  expect(new Set(values)).toEqual(new Set(["1", "2", "3", "5"]));
});

test.each([
  ['fn main() -> Int !{step.input} {\n    1 / string.len(step_input("n"))\n}\n', "division by zero"],
  [
    'fn main() -> Int !{step.input} {\n    let [one] = [step_input("n"), step_input("m")] else { panic("two") }\n    string.len(one)\n}\n',
    "assertion failed: panic: two",
  ],
])("the line of a failure says each thing once: %#", async (text, failure) => {
  const program = programOf(text);
  const simulation = await simulate(program, { runs: 50 });
  expect(simulationLines(simulation, program, undefined)[0]).toMatch(new RegExp(`^run \\d+ failed \\(seed 1\\): ${failure}$`));
});

async function reportOf(program: Program, options: SimulateOptions): Promise<string> {
  const simulation: Simulation = await simulate(program, options);
  return JSON.stringify([simulationJson(simulation, program), simulationLines(simulation, program, options.invariant)]);
}

test.each(someOf(PLANTED))("$name: equal seeds make equal reports and logs, on both engines", async ({ name, wrong, options }) => {
  const record = { path: join(folder, `${name}.jsonl`), force: true };
  const first = await reportOf(wrong, { ...options, record, engine: "interpreter" });
  const log = readFileSync(record.path);
  expect(await reportOf(wrong, { ...options, record, engine: "compiled" })).toBe(first);
  expect(readFileSync(record.path).equals(log)).toBe(true);
  const report = await replayRun(readLog(record.path));
  expect(report.status).toBe("identical");
});

test("another seed makes other runs, and no run depends on the ones before it", async () => {
  const program = programOf(TWO_READS);
  const first = await answersOf(program, 40);
  expect(await answersOf(program, 40)).toEqual(first);
  expect(await answersOf(program, 20)).toEqual(first.slice(0, (await answersOf(program, 20)).length));
  expect(await answersOf(program, 40, 2)).not.toEqual(first);
});

test("arguments that are not given are chosen by type; a run whose chosen arguments main's `requires` refuses is no failure", async () => {
  const program = programOf(`fn main(count: Int, name: String) -> Int
    requires count > 0
{
    guard(100 / count, name != "" || count < 3, "a name for many")
}
`);
  const simulation = await simulate(program);
  expect(simulation.failure?.kind).toBe("assertion_failed");
  expect([...(simulation.failure?.args ?? [])]).toEqual([
    ["count", 3],
    ["name", ""],
  ]);
  const named = await simulate(program, { args: { name: "x" }, runs: 200 });
  expect(named.failure).toBeUndefined();
  expect(named.discarded).toBeGreaterThan(10);
  const refused = await simulate(program, { args: { name: "x", count: 0 }, runs: 3 });
  expect(refused.failure?.kind).toBe("contract_violation");
});

test("values of recursive types end, and a type without small values is an error", async () => {
  const tree = programOf(`enum Tree { Pair(Both), Leaf(Int) }
type Both { left: Tree, right: Tree }

fn size(tree: Tree) -> Int {
    match tree {
        Tree::Leaf(_) => 1
        Tree::Pair(both) => size(both.left) + size(both.right)
    }
}

fn main(tree: Tree, more: List<(Tree, Option<Tree>)>) -> Int { size(tree) + list.len(more) }
`);
  expect((await simulate(tree, { runs: DEEP ? 500 : 50 })).failure).toBeUndefined();
  const types = Array.from({ length: 20 }, (_, i) => `type T${i} { a: T${i + 1}, b: T${i + 1} }`).join("\n");
  const wide = programOf(`${types}\ntype T20 { a: Int }\n\nfn main(wide: T0) -> Int { 1 }\n`);
  await expect(simulate(wide)).rejects.toMatchObject({
    kind: "usage",
    message: expect.stringContaining("cannot make a value of a type as large as"),
  });
});

test("a person may refuse a call, which is no failure; the decision is part of the run's script", async () => {
  const rules = { "fs.write": { allow: true, approval: { required: true } }, "net.fetch": { allow: true } };
  const fs_policy = { read: ["."], write: ["."] };
  const policy = parsePolicy(JSON.stringify({ schema_version: 1, default_allow: false, rules, fs_policy }), {
    file: "policy.json",
    jsonc: false,
  });
  const program = programOf(`fn main() -> Bool !{net.fetch, fs.write} {
    let page = net.fetch("https://a.example/")
    fs.write("out.txt", page)
}
`);
  const passed = await simulate(program, { policy, runs: 200 });
  expect(passed.failure).toBeUndefined();
  expect(passed.faults.get("refused")).toBeGreaterThan(0);
  expect(passed.outcomes.get("denied")).toBe(passed.faults.get("refused"));
  const invariant = programOf(
    `import "std-simulate"\n\nfn main(run: Run) -> Bool { list.is_empty(done(run, "fs.write")) || option.is_some(run.value) }\n`,
  );
  const { failure } = await simulate(program, { policy, invariant, runs: 1000 });
  expect(failure?.calls.map(({ capability, fault }) => `${capability} ${fault}`)).toEqual(["net.fetch none", "fs.write lost"]);
});

test("a failed call is a failure of the run unless it is accepted", async () => {
  const program = programOf('fn main() -> String !{net.fetch} { net.fetch("https://a.example/") }\n');
  expect((await simulate(program, { runs: 200 })).failure).toBeUndefined();
  expect((await simulate(program, { runs: 200, accept: [] })).failure?.kind).toBe("capability_failed");
  const panics = programOf('fn main() -> Int { panic("always") }\n');
  expect((await simulate(panics)).failure).toMatchObject({ run: 1, kind: "assertion_failed" });
  expect((await simulate(panics, { accept: ["assertion_failed"] })).failure).toBeUndefined();
});

test("an actor whose failure nobody receives is a failure of the run, unless a simulated failure ended it", async () => {
  const text = (body: string): string => `fn work() !{net.fetch} {
    let page = net.fetch("https://a.example/")
    ${body}
}

fn main() -> Int !{actor.spawn, net.fetch} {
    let _worker = spawn work
    7
}
`;
  expect((await simulate(programOf(text('let _text = page ++ "!"\n    ()')), { runs: 200 })).failure).toBeUndefined();
  const failed = await simulate(programOf(text('guard((), page != "", "an empty page")')), { runs: 500 });
  expect(failed.failure?.kind).toBe("actor_failed");
  expect(failed.failure?.message).toContain("an actor that runs work failed");
});

test("limits hold: calls, steps, options", async () => {
  const endless = programOf("fn main() -> Int !{time.now} {\n    let mut n = 0\n    while true { n += time.now() }\n    n\n}\n");
  const { failure } = await simulate(endless, { maxCalls: 7, runs: 1 });
  expect(failure).toMatchObject({ kind: "max_calls", message: "the run made more than 7 calls" });
  expect(failure?.calls).toHaveLength(7);
  const spins = programOf("fn main() -> Int {\n    let mut n = 0\n    while true { n += 1 }\n    n\n}\n");
  expect((await simulate(spins, { limits: { max_steps: 1000 } })).failure?.kind).toBe("step_limit");
  expect(await kindOf(() => simulate(spins, { seed: -1 }))).toBe("usage");
  expect(await kindOf(() => simulate(spins, { runs: 0 }))).toBe("usage");
  expect(await kindOf(() => simulate(spins, { maxCalls: 1.5 }))).toBe("usage");
  expect(await kindOf(() => simulate(spins, { invariant: spins }))).toBe("usage");
  expect(await kindOf(() => simulate(spins, { args: { no: 1 } }))).toBe("usage");
});

test("an existing log is refused before the first run, and a signal ends the simulation between two runs", async () => {
  const program = programOf(TWO_READS);
  const path = join(folder, "here.jsonl");
  await simulate(programOf('fn main() -> Int { panic("x") }\n'), { record: path });
  expect(existsSync(path)).toBe(true);
  let runs = 0;
  const onProgress = (): void => {
    runs += 1;
  };
  expect(await kindOf(() => simulate(program, { record: path, onProgress }))).toBe("log.exists");
  expect(runs).toBe(0);
  const abort = new AbortController();
  const stopped = await simulate(program, {
    signal: abort.signal,
    onProgress: ({ runs: done }) => (done === 3 ? abort.abort() : undefined),
  });
  expect(stopped).toMatchObject({ runs: 3, isCanceled: true, failure: undefined });
});
