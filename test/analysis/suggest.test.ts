import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { findEffects } from "../../analysis/effects.ts";
import { check, compileWithFunctions } from "../../compiler/compile.ts";
import { isBelow, normalizePath } from "../../policy/paths.ts";
import { type Policy, policyFromJson } from "../../policy/policy.ts";
import { readLog, type RunLog } from "../../replay/log/log-reader.ts";
import { whatIf } from "../../replay/what-if.ts";
import { execute, type RunOptions } from "../../runtime/execute.ts";
import { openSources } from "../../runtime/sources.ts";
import { suggestPolicy, type ProvenSuggestion } from "../../runtime/suggest.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { jsonFromJs, jsonToJs } from "../../vm/json/js-interop.ts";
import { arbitraryOverlap } from "../arbitrary-overlap.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";
import { scaledRuns, DEEP, someOf } from "../cases.ts";
import { EXAMPLES } from "../cli/boruna.ts";
import { arbitraryAnswers, handlersOf, arbitraryPaths, arbitraryUrls, withPlaces } from "./programs.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-suggest-"));
afterAll(() => rmSync(folder, { recursive: true }));
let count = 0;

interface Recorded {
  readonly program: Program;
  readonly logs: readonly RunLog[];
  readonly suggestion: ProvenSuggestion;
}

function logOf(path: string): RunLog {
  const log = readLog(path);
  if (log.format !== "log") throw new Error("not a log");
  return log;
}

/** Records a run of the program for each of `runs`, and suggests a policy from the logs. */
async function suggest(
  source: { name: string; text: string },
  runs: readonly RunOptions[],
  resolve?: ReturnType<typeof openSources>["resolve"],
): Promise<Recorded> {
  const { module, ...functions } = compileWithFunctions(source, resolve === undefined ? {} : { resolve });
  const program = verifyModule(module);
  const logs: RunLog[] = [];
  for (const run of runs) {
    const record = join(folder, `${(count += 1)}.jsonl`);
    await execute(program, { policy: "allow-all", tracing: false, limits: { max_steps: 100_000 }, ...run, record });
    logs.push(logOf(record));
  }
  return { program, logs, suggestion: await suggestPolicy(logs, program, findEffects(functions, BUILTIN_REGISTRY)) };
}
const ofText = (text: string, ...runs: readonly RunOptions[]): Promise<Recorded> => suggest({ name: "main.ax", text }, runs);

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const objectAt = (value: unknown, name: string): Json => (isObject(value) && isObject(value[name]) ? value[name] : {});
const listAt = (value: Json, name: string): readonly unknown[] => (Array.isArray(value[name]) ? value[name] : []);

/** Returns narrower conditions: without one of the values, with a narrower range, or with a longer prefix. */
function narrowerConditions(given: unknown): readonly unknown[] {
  const alternatives: readonly unknown[] = Array.isArray(given) ? given : [given];
  return alternatives.flatMap((alternative, i) => {
    const others = alternatives.filter((_, other) => other !== i);
    const others1 = (more: unknown): unknown => [...others, more];
    if (!isObject(alternative)) return [];
    const values = listAlternatives(alternative);
    if (values !== undefined) return values.map((kept) => others1({ in: kept }));
    if (typeof alternative["min"] === "number" && typeof alternative["max"] === "number")
      return [others1({ ...alternative, min: alternative["min"] + 1 }), others1({ ...alternative, max: alternative["max"] - 1 })];
    if (typeof alternative["prefix"] === "string")
      return ["a", "0", "/"].map((more) => others1({ prefix: `${String(alternative["prefix"])}${more}` }));
    return others.length === 0 ? [] : [others];
  });
}

function listAlternatives(alternative: Json): readonly (readonly unknown[])[] | undefined {
  if (!Array.isArray(alternative["in"])) return undefined;
  const values: readonly unknown[] = alternative["in"];
  return values.map((_, i) => values.filter((__, other) => other !== i));
}

/** Returns policies that are narrower in one field, each with the name of what is narrower. */
function narrower(file: Json): readonly (readonly [name: string, policy: Json])[] {
  const rules = objectAt(file, "rules");
  const found: (readonly [string, Json])[] = [];
  const withRule = (name: string, rule: Json): Json => ({ ...file, rules: { ...rules, [name]: rule } });
  for (const [name, rule] of Object.entries(rules)) {
    if (!isObject(rule) || rule["allow"] !== true) continue;
    found.push([`${name} refused`, withRule(name, { ...rule, allow: false })]);
    const budget = Number(rule["budget"]);
    if (budget > 1) found.push([`${name} budget`, withRule(name, { ...rule, budget: budget - 1 })]);
    const where = objectAt(rule, "where");
    for (const [path, conditions] of Object.entries(where))
      for (const less of narrowerConditions(conditions))
        found.push([`${name} where ${path}`, withRule(name, { ...rule, where: { ...where, [path]: less } })]);
  }
  const net = objectAt(file, "net_policy");
  const other = { allowed_domains: "none.invalid", allowed_methods: "OPTIONS", allowed_ports: 1 };
  for (const [field, placeholder] of Object.entries(other)) {
    const list = listAt(net, field);
    list.forEach((entry, i) => {
      // An empty list would allow everything, so replace the only entry.
      const kept = list.length === 1 ? [placeholder] : list.filter((_, at) => at !== i);
      found.push([`${field} ${String(entry)}`, { ...file, net_policy: { ...net, [field]: kept } }]);
    });
  }
  if (net["allow_private_networks"] === true)
    found.push(["private networks", { ...file, net_policy: { ...net, allow_private_networks: false } }]);
  return found;
}

const policyOf = (data: unknown): Policy => policyFromJson(jsonFromJs(data));
/** Whether the policy allows what the log records. */
async function passes(log: RunLog, program: Program, policy: Policy): Promise<boolean> {
  const { status } = await whatIf(log, { program, policy });
  return status === "same" || status === "incomplete";
}

/** Expects that every log passes under the suggestion, and that some log fails under each policy that is narrower in one field. */
async function expectLeast({ program, logs, suggestion }: Recorded): Promise<void> {
  expect(suggestion.proofs.map(({ holds, report }) => (holds ? "holds" : report.stop))).toEqual(logs.map(() => "holds"));
  const file = jsonToJs(suggestion.file);
  if (!isObject(file)) throw new Error("no policy");
  for (const [name, policy] of narrower(file)) {
    const passed = await Promise.all(logs.map((log) => passes(log, program, policyOf(policy))));
    if (passed.every((pass) => pass)) throw new Error(`all logs pass without ${name}: ${JSON.stringify(policy)}`);
  }
}

test("a policy suggested from two runs lists their calls, and the other calls that the program can make", async () => {
  const source = `fn save(t: String) -> Bool !{fs.write} { fs.write("out/" ++ t, t) }
fn main(name: String, n: Int) -> Bool !{net.fetch, fs.read, fs.write, random, time.now} {
    let _ = random("int", 1, n)
    for i in 0..n { let _ = net.fetch(f"https://api.example.com/{i}", "post") }
    let text = fs.read("notes/" ++ name)
    if text == "nothing" { let _ = time.now() }
    save(text)
}
fn idle() -> String !{step.input} { step_input("x") }
`;
  const handlers = {
    "fs.read": ([path]: readonly unknown[]) => String(path).slice(-1),
    "net.fetch": () => "",
    random: () => 1,
    "fs.write": () => true,
  };
  const recorded = await ofText(
    source,
    { handlers, args: { name: "a", n: 2 }, limits: {} },
    { handlers, args: { name: "b", n: 3 }, limits: {} },
  );
  expect(jsonToJs(recorded.suggestion.file)).toEqual({
    schema_version: 1,
    rules: {
      "net.fetch": {
        allow: true,
        budget: 3,
        where: {
          url: { in: ["https://api.example.com/0", "https://api.example.com/1", "https://api.example.com/2"] },
          want: { in: ["body"] },
        },
      },
      "fs.read": { allow: true, budget: 1, where: { path: { in: ["notes/a", "notes/b"] }, want: { in: ["text"] } } },
      "fs.write": { allow: true, budget: 1, where: { path: { in: ["out/a", "out/b"] }, how: { in: ["replace"] } } },
      "time.now": { allow: false },
      random: { allow: true, budget: 1, where: { kind: { in: ["int"] }, lo: { in: [1] }, hi: { in: [2, 3] } } },
    },
    net_policy: { allowed_domains: ["api.example.com"], allowed_methods: ["POST"], allowed_ports: [443] },
    fs_policy: { read: ["notes/a", "notes/b"], write: ["out"] },
  });
  expect(recorded.suggestion.rules.map(({ capability, status, calls, runs, most }) => [capability, status, calls, runs, most])).toEqual([
    ["net.fetch", "observed", 5, 2, 3],
    ["fs.read", "observed", 2, 2, 1],
    ["fs.write", "observed", 2, 2, 1],
    ["time.now", "never_seen", 0, 0, 0],
    ["random", "observed", 2, 2, 1],
  ]);
  await expectLeast(recorded);
});

test("many values become a range or a common prefix", async () => {
  const source =
    'fn main() -> Unit !{fs.read, random} { for i in 10..40 { let _ = fs.read(f"notes/{i}.txt")\n let _ = random("int", 0, i) } }';
  const recorded = await ofText(source, {});
  expect(jsonToJs(recorded.suggestion.file)).toMatchObject({
    rules: {
      "fs.read": { budget: 30, where: { path: { prefix: "notes/" } } },
      random: { where: { hi: { min: 10, max: 39 } } },
    },
    fs_policy: { read: ["."] },
  });
  await expectLeast(recorded);
});

test("secrets, approvals and loopback hosts are kept from the recorded policy", async () => {
  const source = `fn main() -> String !{net.fetch, fs.write} {
    let _ = fs.write("out/a", "x")
    net.fetch("http://127.0.0.1:8080/", "GET", "", { "Authorization": "Bearer {{secret:key}}" })
}
`;
  const policy = policyOf({
    default_allow: true,
    rules: { "fs.write": { allow: true, approval: "required" } },
    net_policy: { allowed_domains: ["127.0.0.1:8080"] },
    fs_policy: { write: ["out"] },
    secrets: { key: { env: "KEY", hosts: ["127.0.0.1", "a.example"] }, unused: { env: "X", hosts: ["a.example"] } },
  });
  const recorded = await ofText(source, { policy, approve: () => ({ decision: "approved", by: "ada" }) });
  expect(jsonToJs(recorded.suggestion.file)).toMatchObject({
    rules: { "fs.write": { approval: { required: true } } },
    net_policy: { allowed_domains: ["127.0.0.1:8080"] },
    secrets: { key: { env: "KEY", hosts: ["127.0.0.1"] } },
  });
  await expectLeast(recorded);
});

test("a loopback host stays open if the hosts cannot be listed", async () => {
  const source = 'fn main() -> Int !{net.fetch} { list.len(list.map(["http://127.0.0.1:81/", "no url"], fn(u) { net.fetch(u) })) }';
  const recorded = await ofText(source, { policy: policyOf({ default_allow: true, net_policy: { allow_private_networks: true } }) });
  expect(jsonToJs(recorded.suggestion.file)).toMatchObject({ net_policy: { allow_private_networks: true } });
  await expectLeast(recorded);
});

test("rejects a run with a refused call, and a run of another program", async () => {
  const program = "fn main() -> Int !{time.now} { time.now() }";
  await expect(ofText(program, { policy: "deny-all" })).rejects.toThrow("call 1 of time.now was refused");
  const { logs } = await ofText(program, {});
  const { module, ...functions } = compileWithFunctions({ name: "main.ax", text: 'fn main() -> Int !{time.now} { time.now("ms") }' });
  const other = suggestPolicy(logs, verifyModule(module), findEffects(functions, BUILTIN_REGISTRY));
  await expect(other).rejects.toThrow("is no run of this program");
});

test("an audit run is evidence for a policy", async () => {
  const source = "fn main() -> Float !{random} { random() }";
  const recorded = await ofText(source, { policy: "deny-all", live: true, audit: true, handlers: { random: () => 0.5 } });
  expect(jsonToJs(recorded.suggestion.file)).toMatchObject({ rules: { random: { allow: true, budget: 1 } } });
  await expectLeast(recorded);
});

test("every log of a generated program passes under the suggested policy, and no part of the policy can be narrower", async () => {
  const program = fc.oneof({ weight: 3, arbitrary: arbitraryProgram }, arbitraryOverlap);
  await fc.assert(
    fc.asyncProperty(
      program,
      fc.array(arbitraryAnswers, { minLength: 1, maxLength: 2 }),
      arbitraryUrls,
      arbitraryPaths,
      async (source, given, url, path) => {
        const policy = policyOf({
          default_allow: true,
          fs_policy: { read: ["notes", "/etc", ".."], write: ["."] },
          net_policy: { allow_private_networks: true },
        });
        await expectLeast(
          await ofText(withPlaces(source, url, path), ...given.map((answer) => ({ handlers: handlersOf(answer), policy }))).catch(
            skipRefused,
          ),
        );
      },
    ),
    { numRuns: scaledRuns(200) },
  );
});

/** A generated program may read a path that no policy can allow. */
function skipRefused(error: unknown): Recorded {
  if (error instanceof Error && error.message.includes("was refused")) fc.pre(false);
  throw error;
}

test("the log of each example passes under the suggested policy, and no part of the policy can be narrower", async () => {
  const text = "a text";
  const found: string[] = [];
  for (const entry of someOf(readdirSync(EXAMPLES, { withFileTypes: true }).filter((e) => e.isDirectory()))) {
    for (const file of readdirSync(join(EXAMPLES, entry.name)).filter((name) => name.endsWith(".ax"))) {
      const path = join(EXAMPLES, entry.name, file);
      const { source, resolve } = openSources(path);
      // Skips libraries, and programs that need capabilities which the example declares itself.
      if (!check(source, { resolve }).ok || !/^fn main\(/m.test(source.text)) continue;
      const { module } = compileWithFunctions(source, { resolve });
      // Skips invariants of simulations, because their `main` takes a finished run.
      if (module.signature?.params.some(({ type }) => type === "Run") === true) continue;
      const args = Object.fromEntries(
        (module.signature?.params ?? []).map(({ name, type }) => [name, type === "String" ? text : type === "Int" ? 1 : []]),
      );
      const handlers = { "net.fetch": () => "[]", "fs.read": () => "[]" };
      const policy = policyOf({ default_allow: true, fs_policy: { read: ["."], write: ["."] } });
      await expectLeast(await suggest(source, [{ args, policy, handlers, limits: {} }], resolve));
      found.push(file);
    }
  }
  expect(found.length).toBeGreaterThan(DEEP ? 6 : 0);
});

test("some path needs each suggested root", async () => {
  const source = 'fn main() -> Unit !{fs.read} { for p in ["/data/a", "notes/b", "c"] { let _ = fs.read(p) } }';
  const policy = policyOf({ default_allow: true, fs_policy: { read: ["/data", "."] } });
  const { suggestion } = await ofText(source, { policy });
  const { read } = suggestion.policy.fs_policy;
  expect(read).toEqual(["/data/a", "c", "notes/b"]);
  for (const root of read) {
    const rest = read.filter((other) => other !== root);
    expect(rest.some((other) => isBelow(normalizePath(root), normalizePath(other)))).toBe(false);
  }
});
