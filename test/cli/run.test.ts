/** The command line from a user's side: run, record, replay, verify, compile, inspect. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP } from "../cases.ts";
import { withNewHashes } from "../replay/mend.ts";
import { boruna, EXAMPLES } from "./boruna.ts";
import { startWeb, type Web, writeCalls } from "./fixtures.ts";

const folder = temporaryFolder();
let web: Web;
beforeAll(async () => {
  writeCalls(folder);
  web = await startWeb();
});
afterAll(() => web.close());

const parse = (text: string): unknown => JSON.parse(text);

test("run --json, then replay and verify", async () => {
  const log = join(folder, "ok.jsonl");
  const ran = await boruna(
    ["run", "calls.ax", "--policy", "policy.json", "--live", "--arg", "what=ok", "--arg", `url=${web.url}`, "--record", log, "--json"],
    { cwd: folder },
  );
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(parse(ran.stdout)).toMatchObject({
    protocol_version: 1,
    outcome: "success",
    value: 9,
    text: "9",
    display: "9",
    counters: { total: 1, dispatched: 1, denied: 0, unknown: 0, budget_exceeded: 0, failed: 0 },
    ui: [],
    log,
    error: null,
  });
  expect(existsSync(`${log}.blobs`)).toBe(true);
  expect(await boruna(["replay", log])).toMatchObject({ code: 0, stdout: expect.stringContaining("replay: identical") });
  expect(await boruna(["verify", log, "--replay"])).toMatchObject({ code: 0, stdout: expect.stringContaining("verify: ok") });
});

test("-0.0 keeps its sign in --arg, --json, --ui and the log", async () => {
  writeFileSync(
    join(folder, "zero.ax"),
    'fn main(z: Float) -> Map<String, Float> !{ui.render} {\n    emit [z, 0.0]\n    { "minus": z, "plus": 0.0 }\n}\n',
  );
  const log = join(folder, "zero.jsonl");
  const args = ["run", "zero.ax", "--allow", "ui.render", "--arg", "z=-0"];
  const json = await boruna([...args, "--json", "--record", log], { cwd: folder });
  expect(json).toMatchObject({ code: 0, stdout: expect.stringContaining('"value":{"minus":-0.0,"plus":0}') });
  expect(json.stdout).toContain('"ui":[[-0.0,0]]');
  expect((await boruna([...args, "--ui", "json"], { cwd: folder })).stdout).toContain("[-0.0,0]\n");
  expect(await boruna(["replay", log])).toMatchObject({ code: 0, stdout: expect.stringContaining("replay: identical") });
});

test("--ui json prints a tree when it is emitted, before the run ends", async () => {
  const text = 'fn main() -> Int !{ui.render} {\n    emit { "n": 1 }\n    emit { "n": 2 }\n    while true { }\n    0\n}\n';
  writeFileSync(join(folder, "live.ax"), text);
  const args = ["run", "live.ax", "--allow", "ui.render", "--ui", "json", "--max-steps", "1000000000000", "--max-wall-ms", "40000"];
  const ended = await boruna(args, { cwd: folder, signalAfter: { text: '{"n":2}\n', signal: "SIGINT" } });
  expect(ended).toMatchObject({ code: 130, stdout: '{"n":1}\n{"n":2}\n', stderr: expect.stringContaining("canceled") });
});

test("--allow takes several capabilities with commas between them", async () => {
  writeFileSync(join(folder, "both.ax"), "fn main() -> Int !{time.now, random} {\n    let _float = random()\n    time.now()\n}\n");
  expect(await boruna(["run", "both.ax", "--allow", "time.now=1,random"], { cwd: folder })).toMatchObject({
    code: 0,
    stdout: "1700000000\n",
  });
  const over = await boruna(["run", "both.ax", "--allow", "time.now,random=1,", "--json"], { cwd: folder });
  expect(over).toMatchObject({ code: 2, stdout: expect.stringContaining("policy.invalid_capability") });
});

test("a log with an edited answer and recomputed hashes diverges at the call where the program takes another path", async () => {
  writeFileSync(
    join(folder, "two.ax"),
    `fn main(a: String, b: String) -> Int !{fs.read} {
    let first = fs.read(a)
    let second = fs.read(b ++ first)
    string.len(second)
}
`,
  );
  const log = join(folder, "two.jsonl");
  await boruna(["run", "two.ax", "--policy", "allow-all", "--arg", "a=x", "--arg", "b=y", "--record", log], { cwd: folder });
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  const edited = lines.map((line) =>
    line.includes('"CapResult"') && line.includes('for \\"x\\"') ? line.replace("mock file content", "other content") : line,
  );
  writeFileSync(log, withNewHashes(edited));
  const text = await boruna(["replay", log]);
  expect(text.code).toBe(5);
  expect(text.stdout).toContain("divergence at event 3");
  expect(text.stdout).toContain('expected "ymock file content for');
  expect(text.stdout).toContain('actual   "yother content for');
  expect(text.stdout).toContain("two.ax:3:18");
  expect(text.stdout).toContain("let second = fs.read(b ++ first)");
  const json = await boruna(["replay", log, "--json"]);
  expect(parse(json.stdout)).toMatchObject({
    status: "divergence",
    divergence: { event: 3, difference: { path: "args[0]" }, location: { file: "two.ax", line: 3 } },
  });
  const verified = await boruna(["verify", log]);
  expect(verified.code).toBe(0);
  writeFileSync(log, `${edited.join("\n")}\n`);
  expect(await boruna(["verify", log])).toMatchObject({ code: 6, stdout: expect.stringMatching(/^verify: failed at line 3/) });
});

test("two runs with the same answers give the same bytes", async () => {
  const [a, b] = [join(folder, "a.jsonl"), join(folder, "b.jsonl")];
  for (const log of [a, b])
    await boruna(["run", "calls.ax", "--policy", "policy.json", "--arg", "what=emit", "--arg", "url=x", "--record", log], { cwd: folder });
  expect(readFileSync(a).equals(readFileSync(b))).toBe(true);
  expect(await boruna(["run", "calls.ax", "--arg", "what=emit", "--arg", "url=x", "--record", a], { cwd: folder })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--force"),
  });
});

test.runIf(DEEP)("two live runs have ids of their own; with one --run-id and the same answers they have the same bytes", async () => {
  const live = ["run", "calls.ax", "--policy", "policy.json", "--live", "--arg", "what=ok", "--arg", `url=${web.url}`, "--json"];
  const idOf = async (...more: readonly string[]): Promise<unknown> => {
    const { stdout } = await boruna([...live, ...more], { cwd: folder });
    return Object.entries(Object(parse(stdout))).find(([name]) => name === "run_id")?.[1];
  };
  const ids = [await idOf(), await idOf()];
  expect(ids).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), expect.stringMatching(/^[0-9a-f]{32}$/)]);
  expect(ids[0]).not.toBe(ids[1]);
  const [a, b] = [join(folder, "live-a.jsonl"), join(folder, "live-b.jsonl")];
  for (const log of [a, b]) expect(await idOf("--run-id", "order-4711", "--record", log)).toBe("order-4711");
  expect(readFileSync(a).equals(readFileSync(b))).toBe(true);
  expect(await boruna(["replay", a, "--json"])).toMatchObject({ code: 0, stdout: expect.stringContaining('"run_id":"order-4711"') });
  expect(await boruna([...live, "--run-id", "order 4711"], { cwd: folder })).toMatchObject({
    code: 2,
    stdout: expect.stringContaining("1 to 128 printable ASCII characters"),
  });
});

test.runIf(DEEP)("a run without --live says on stderr which calls mocks answered, and nothing if there were none", async () => {
  writeFileSync(
    join(folder, "mocked.ax"),
    `fn main(path: String) -> String !{net.fetch, fs.read, step.input, ui.render} {
    emit "shown"
    let fetched = net.fetch("https://example.com/") ++ net.fetch("https://example.com/b")
    step_input("given") ++ step_input("other") ++ fs.read(path) ++ int.to_string(string.len(fetched))
}
`,
  );
  writeFileSync(join(folder, "inputs.json"), '{ "given": "x" }');
  const run = (path: string, ...more: readonly string[]) =>
    boruna(["run", "mocked.ax", "--arg", `path=${path}`, "--inputs", "inputs.json", "--ui", "json", ...more], { cwd: folder });
  const note = (calls: string): string => `note: mocks answered ${calls}; add --live to make real calls\n`;
  const all = note("4 calls (net.fetch 2, step.input 1, fs.read 1)");
  const plain = await run("a", "--policy", "allow-all");
  expect(plain).toMatchObject({ code: 0, stderr: all });
  expect(plain.stdout).not.toContain("mocks");
  expect(await run("a", "--policy", "allow-all", "--json")).toMatchObject({ code: 0, stderr: all });
  const denied = await run("a", "--allow", "net.fetch", "--allow", "ui.render", "--allow", "step.input");
  expect(denied.code).toBe(3);
  expect(denied.stderr.endsWith(`\n${note("3 calls (net.fetch 2, step.input 1)")}`)).toBe(true);
  expect((await run("a")).stderr).not.toContain("mocks");
  const counted = ["run", "word-count/count.ax", "--policy", "word-count/policy.json", "--arg", "text=a b"];
  expect((await boruna(counted)).stderr).not.toContain("mocks");
});

test("a mock run does not depend on the working directory", async () => {
  const program = join(folder, "anywhere.ax");
  writeFileSync(program, "fn main(path: String) -> String !{fs.read} { fs.read(path) }\n");
  const ran = async (cwd: string, path: string) => {
    const log = join(folder, "anywhere.jsonl");
    const ended = await boruna(["run", program, "--policy", "allow-all", "--arg", `path=${path}`, "--record", log, "--force"], { cwd });
    return { code: ended.code, stdout: ended.stdout, log: readFileSync(log, "utf8") };
  };
  for (const [path, code] of [
    [join(folder, "note.txt"), 3],
    ["note.txt", 0],
  ] as const) {
    const ended = await ran(folder, path);
    expect(ended.code).toBe(code);
    expect(await ran(EXAMPLES, path)).toEqual(ended);
  }
});

test("compile, inspect, run the module", async () => {
  const output = join(folder, "count.axbc");
  expect(await boruna(["compile", "word-count/count.ax", "-o", output])).toMatchObject({ code: 0 });
  const inspected = await boruna(["inspect", output]);
  expect(inspected.code).toBe(0);
  for (const text of ["SpawnActor", "SendMsg", "actor.spawn", "count.ax"]) expect(inspected.stdout).toContain(text);
  const ran = await boruna(["run", output, "--policy", "word-count/policy.json", "--arg", "text=one two\nthree", "--ui", "json"]);
  expect(ran).toMatchObject({ code: 0, stdout: '{"parts":[2,1],"words":3}\n2\n' });
});

test("the folder report writes its file", async () => {
  const report = join(EXAMPLES, "folder-report", "out", "report.txt");
  const ran = await boruna(
    ["run", "report.ax", "--policy", "policy.json", "--live", "--arg", "folder=texts", "--arg", "report=out/report.txt"],
    { cwd: join(EXAMPLES, "folder-report") },
  );
  expect(ran).toMatchObject({ code: 0, stdout: "2\n" });
  expect(readFileSync(report, "utf8")).toBe(" lines   words  file\n     2       9  fox.txt\n     3       5  letter.txt\n");
});

test("the policy stops the tool that sends a file away", async () => {
  const ran = await boruna(["run", "exfiltrate.ax", "--policy", "policy.json", "--live", "--arg", "path=note.txt"], {
    cwd: join(EXAMPLES, "refused"),
  });
  expect(ran.code).toBe(3);
  expect(ran.stderr).toContain("exfiltrate.ax:5:18");
  expect(ran.stderr).toContain('rules["net.fetch"].allow');
});

test("SIGINT, SIGTERM and SIGHUP cancel a run that computes, and end its log", async () => {
  writeFileSync(
    join(folder, "spin.ax"),
    'fn main() -> Int {\n    debug("ready")\n    let mut n = 0\n    while true { n = n + 1 - 1 }\n    n\n}\n',
  );
  const spin = ["run", "spin.ax", "--max-steps", "9007199254740991"];
  const started = (signal: NodeJS.Signals) => ({ cwd: folder, signalAfter: { text: "ready", signal } });
  expect(await boruna(spin, started("SIGINT"))).toMatchObject({ code: 130, stderr: expect.stringContaining("canceled") });
  expect(await boruna(spin, started("SIGTERM"))).toMatchObject({ code: 143 });
  expect(await boruna([...spin, "--record", "hung-up.jsonl"], started("SIGHUP"))).toMatchObject({ code: 129 });
  expect(await boruna(["verify", "hung-up.jsonl"], { cwd: folder })).toMatchObject({ code: 0 });
  expect(await boruna([...spin, "--max-wall-ms", "200"], { cwd: folder })).toMatchObject({
    code: 4,
    stderr: expect.stringContaining("timeout"),
  });
});

test("capability list prints the capability set of the reference page", async () => {
  const { stdout, code } = await boruna(["capability", "list", "--json"]);
  expect(code).toBe(0);
  expect(parse(stdout)).toMatchObject({
    protocol_version: 1,
    name: "boruna",
    capabilities: [
      "actor.send",
      "actor.spawn",
      "db.query",
      "fs.read",
      "fs.write",
      "llm.call",
      "net.fetch",
      "random",
      "step.input",
      "time.now",
      "ui.render",
    ].map((name) => ({ name, version: "1" })),
    capability_set_hash: "sha256:980d017dc54e30c39c329484b501fbe46914d9ad344bfcb4610b0280f4300a67",
  });
});

test("check --json has places and fixes", async () => {
  writeFileSync(join(folder, "row.ax"), "fn get(url: String) -> String { net.fetch(url) }\nfn main() -> Int { 1 }\n");
  const { stdout, code } = await boruna(["check", "row.ax", "--json"], { cwd: folder });
  expect(code).toBe(2);
  expect(parse(stdout)).toMatchObject({
    protocol_version: 1,
    ok: false,
    diagnostics: [
      {
        code: "E007",
        severity: "error",
        file: "row.ax",
        line: 1,
        column: 33,
        end_line: 1,
        end_column: 47,
        fixes: [{ edits: [{ start: 29, end: 29, text: " !{net.fetch}" }] }],
      },
    ],
  });
});

test("a value that does not match --output-schema is not printed; a wrong schema starts no run", async () => {
  writeFileSync(join(folder, "three.ax"), "fn main() -> List<Int> { [1, 2, 3] }\n");
  writeFileSync(join(folder, "three.schema.json"), '{ "items": { "maximum": 2 } }');
  writeFileSync(join(folder, "wrong.schema.json"), '{ "items": { "maximum": "2" } }');
  const run = (...more: readonly string[]): ReturnType<typeof boruna> => boruna(["run", "three.ax", ...more], { cwd: folder });
  expect(await run("--output-schema", "three.schema.json")).toEqual({
    code: 9,
    stdout: "",
    stderr: "output mismatch: value[2]: expected at most 2\n",
  });
  const json = await run("--output-schema", "three.schema.json", "--json", "--record", "three.jsonl");
  expect(json.code).toBe(9);
  expect(parse(json.stdout)).toMatchObject({
    outcome: "output_mismatch",
    value: null,
    error: { kind: "output_mismatch", path: "value[2]" },
  });
  expect(await boruna(["resume", "three.jsonl", "--output-schema", "three.schema.json"], { cwd: folder })).toMatchObject({ code: 9 });
  expect(await boruna(["replay", "three.jsonl"], { cwd: folder })).toMatchObject({ code: 0 });
  expect(await run("--output-schema", "wrong.schema.json")).toEqual({
    code: 2,
    stdout: "",
    stderr: "error: schema.items.maximum: expected a number\n  --> wrong.schema.json\n",
  });
});
