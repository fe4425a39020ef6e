import { readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type CheckedCall, checkProgramPolicy, type PolicyCheck, policyCheckLines } from "../../analysis/check.ts";
import type { CallPath, PathStep } from "../../analysis/effects.ts";
import { check, checkFunctions, compile } from "../../compiler/compile.ts";
import { parsePolicy } from "../../policy/parse.ts";
import { execute } from "../../runtime/execute.ts";
import { openSources } from "../../runtime/sources.ts";
import type { FunctionDef, Module } from "../../vm/bytecode/module.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { FnRefValue } from "../../vm/value/value.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";
import { scaledRuns, someOf } from "../cases.ts";
import { EXAMPLES } from "../cli/boruna.ts";
import { arbitraryAnswers, couldBe, handlersOf, arbitraryPaths, arbitraryPolicies, arbitraryUrls, withPlaces } from "./programs.ts";

const policyOf = (text: string) => parsePolicy(text, { file: "policy.json", jsonc: false });
const checkOf = (text: string, policy: string): PolicyCheck =>
  checkProgramPolicy(checkFunctions({ name: "main.ax", text }), policyOf(policy), BUILTIN_REGISTRY);

/** Returns the lines about the calls, without the paths and without the totals at the end. */
const verdicts = (body: string, policy: unknown): readonly string[] =>
  policyCheckLines(
    checkOf(
      `fn main(s: String, n: Int) -> Unit !{net.fetch, fs.read, random, llm.call, time.now} {\n ${body}\n ()\n}`,
      JSON.stringify(policy),
    ),
  )
    .filter((line) => !line.startsWith("    main") && !line.startsWith("a run"))
    .map((line) => line.replace(/^main\.ax:\d+:\d+: /, ""));

const NET = { rules: { "net.fetch": { allow: true } } };
/** Reasons for verdicts that only the handler can decide. */
const LINK = "    the handler checks where the links of the path lead [fs_policy.read]";
const ADDRESS = "    the handler checks the address that the host has, each redirect, and the secrets in headers [net_policy]";

const VERDICTS: readonly (readonly [name: string, body: string, policy: unknown, lines: readonly string[]])[] = [
  [
    "no rule",
    'fs.read("a")',
    {},
    ['fs.read "a": always denied, at most once', "    the policy has no rule that allows fs.read [default_allow]"],
  ],
  ["nothing to refuse", "time.now()", { default_allow: true }, ['time.now "s": allowed, at most once']],
  [
    "no folder",
    "fs.read(s)",
    { default_allow: true },
    ["fs.read: always denied, at most once", "    the policy names no folder to read [fs_policy.read]"],
  ],
  [
    "a path in a folder",
    'fs.read("notes/a")',
    { default_allow: true, fs_policy: { read: ["notes"] } },
    ['fs.read "notes/a": allowed, unless its handler refuses it, at most once', LINK],
  ],
  [
    "a path of which only the beginning is known",
    'fs.read("notes/" ++ s)',
    { default_allow: true, fs_policy: { read: ["notes"] } },
    ['fs.read "notes/…": can be denied, at most once', "    the value of path is not known before the run [fs_policy.read]", LINK],
  ],
  [
    "a URL whose host is known",
    'net.fetch("https://a.example/" ++ s)',
    { ...NET, net_policy: { allowed_domains: ["a.example"] } },
    ['net.fetch "https://a.example/…": allowed, unless its handler refuses it, at most once', ADDRESS],
  ],
  [
    "a URL whose host may go on",
    'net.fetch("https://a.example" ++ s)',
    { ...NET, net_policy: { allowed_domains: ["a.example"] } },
    [
      'net.fetch "https://a.example…": can be denied, at most once',
      "    the value of url is not known before the run [net_policy.allowed_domains]",
      ADDRESS,
    ],
  ],
  [
    "a host that is not allowed",
    'net.fetch("https://b.example/" ++ s)',
    { ...NET, net_policy: { allowed_domains: ["a.example"] } },
    [
      'net.fetch "https://b.example/…": always denied, at most once',
      '    the host "b.example" is not allowed [net_policy.allowed_domains]',
    ],
  ],
  [
    "one host of two",
    'for h in ["https://a.example/", "https://b.example/"] { let _ = net.fetch(h) }',
    { ...NET, net_policy: { allowed_domains: ["a.example"] } },
    [
      'net.fetch "https://a.example/" or "https://b.example/": can be denied, at most 2 times',
      '    the host "b.example" is not allowed [net_policy.allowed_domains]',
      ADDRESS,
    ],
  ],
  [
    "a method",
    'net.fetch("https://a.example/", "post")',
    { ...NET, net_policy: { allowed_methods: ["GET"] } },
    ['net.fetch "https://a.example/": always denied, at most once', '    the method "POST" is not one of GET [net_policy.allowed_methods]'],
  ],
  [
    "a budget that suffices, and one that may not",
    "time.now()\n let _ = random()\n for i in 0..2 { let _ = random() }",
    { rules: { "time.now": { allow: true, budget: 1 }, random: { allow: true, budget: 2 } } },
    [
      'time.now "s": allowed, at most once',
      "random: can be denied, at most once",
      "    the budget is 2, and a run can make up to 3 calls [rules.random.budget]",
      "random: can be denied, at most 2 times",
      "    the budget is 2, and a run can make up to 3 calls [rules.random.budget]",
    ],
  ],
  [
    "conditions",
    'random("int", 1, 3)\n let _ = random("int", 1, n)\n let _ = random()',
    { rules: { random: { allow: true, where: { hi: { max: 6 } } } } },
    [
      'random "int": allowed, at most once',
      'random "int": can be denied, at most once',
      "    the value of hi is not known before the run [rules.random.where.hi]",
      "random: always denied, at most once",
      "    hi must be a number up to 6 [rules.random.where.hi]",
    ],
  ],
  [
    "a URL of which the host is known, by conditions on the host",
    'net.fetch("https://a.example/" ++ s)\n let _ = net.fetch("https://b.example/" ++ s)\n let _ = net.fetch("https://b.example/x/" ++ s)',
    {
      rules: {
        "net.fetch": { allow: true, where: { url: [{ prefix: "https://a.example/" }, { equal: "https://c.example/d" }] } },
      },
      net_policy: { allowed_domains: ["a.example", "b.example"] },
    },
    [
      'net.fetch "https://a.example/…": allowed, unless its handler refuses it, at most once',
      ADDRESS,
      'net.fetch "https://b.example/…": always denied, at most once',
      '    url must begin with "https://a.example/" or be "https://c.example/d" [rules["net.fetch"].where.url]',
      'net.fetch "https://b.example/x/…": always denied, at most once',
      '    url must begin with "https://a.example/" or be "https://c.example/d" [rules["net.fetch"].where.url]',
    ],
  ],
  [
    "a URL of which the host is known, by conditions on the path",
    'net.fetch("https://a.example/x/" ++ s)\n let _ = net.fetch("https://a.example/" ++ s)',
    {
      rules: { "net.fetch": { allow: true, where: { url: [{ prefix: "https://a.example/x/" }, { prefix: "https://a.exam" }] } } },
      net_policy: { allowed_domains: ["a.example"] },
    },
    [
      'net.fetch "https://a.example/x/…": can be denied, at most once',
      '    the value of url is not known before the run [rules["net.fetch"].where.url]',
      ADDRESS,
      'net.fetch "https://a.example/…": can be denied, at most once',
      '    the value of url is not known before the run [rules["net.fetch"].where.url]',
      ADDRESS,
    ],
  ],
  [
    "a secret that the policy does not have, one for another host, and one that is right",
    'net.fetch("https://a.example/", "GET", "", { "X": "{{secret:NONE}}" })\n let _ = net.fetch("https://b.example/", "GET", "", { "X": "{{secret:KEY}}" })\n let _ = net.fetch("https://a.example/", "GET", "", { "X": "a {{secret:KEY}}" })',
    { ...NET, net_policy: { allowed_domains: ["a.example", "b.example"] }, secrets: { KEY: { env: "KEY", hosts: ["a.example"] } } },
    [
      'net.fetch "https://a.example/": always denied, at most once',
      "    can send secret NONE to a.example",
      "    the policy has no secret NONE [secrets]",
      'net.fetch "https://b.example/": always denied, at most once',
      "    can send secret KEY to b.example",
      '    the secret KEY may not be sent to b.example [secrets["KEY"].hosts]',
      'net.fetch "https://a.example/": allowed, unless its handler refuses it, at most once',
      "    can send secret KEY to a.example",
      ADDRESS,
    ],
  ],
  [
    "a secret that a header may have, and headers that are not known",
    'net.fetch("https://a.example/", "GET", "", if n == 0 { {} } else { { "X": "{{secret:NONE}}" } })\n let _ = net.fetch(s, "GET", "", map.from_entries([Entry { key: "X", value: s }]))',
    { ...NET, net_policy: { allowed_domains: ["a.example"] } },
    [
      'net.fetch "https://a.example/": can be denied, at most once',
      "    can send secret NONE to a.example",
      "    the policy has no secret NONE [secrets]",
      ADDRESS,
      "net.fetch: can be denied, at most once",
      "    can send secret NONE to any host",
      "    the value of url is not known before the run [net_policy.allowed_domains]",
      ADDRESS,
    ],
  ],
  [
    "a model and its tokens",
    'llm.call("p", "big")\n let _ = llm.call("p", "small", json.from({ "max_output_tokens": 9 }))',
    { default_allow: true, llm_policy: { allowed_models: ["small"] } },
    [
      'llm.call "p": always denied, at most once',
      '    the model "big" is not allowed [llm_policy.allowed_models]',
      'llm.call "p": can be denied, at most once',
      "    the value of options is not known before the run [llm_policy.max_output_tokens]",
      "    the handler checks its own model, and what the calls of a run have spent [llm_policy]",
    ],
  ],
  [
    "an approval, and a call that needs none",
    'fs.read("a")\n let _ = fs.read("b")',
    { rules: { "fs.read": { allow: true, approval: { required: true, where: { path: { equal: "b" } } } } }, fs_policy: { read: ["."] } },
    [
      'fs.read "a": allowed, unless its handler refuses it, at most once',
      LINK,
      'fs.read "b": can be denied, at most once',
      '    it may have to wait for an approval, which may be refused [rules["fs.read"].approval]',
      LINK,
    ],
  ],
];

for (const [name, body, policy, lines] of VERDICTS) test(`judges ${name}`, () => expect(verdicts(body, policy)).toEqual(lines));

test("reports a rule that the program does not need", () => {
  const { unused } = checkOf(
    "fn main() -> Int !{time.now} { time.now() }",
    '{"rules":{"time.now":{"allow":true},"random":{"allow":true},"fs.read":{"allow":false}}}',
  );
  expect(unused).toEqual(["random"]);
});

/** Whether the bytecode shows that the function `before` may run the function of the step. */
function leadsTo(module: Module, before: string, { function: name, by }: PathStep): boolean {
  const targets = module.functions.flatMap((fn, i) => (fn.name === name ? [i] : []));
  const refersTo = (fn: FunctionDef): boolean =>
    fn.code.some(({ op, operands: [first = -1] }) => {
      if (op === "Call" || op === "TailCall" || op === "MakeClosure" || op === "SpawnActor") return targets.includes(first);
      const constant = op === "PushConst" ? module.constants[first] : undefined;
      return constant instanceof FnRefValue && targets.includes(constant.index);
    });
  const callsValues = (fn: FunctionDef): boolean => fn.code.some(({ op }) => op === "CallIndirect" || op === "ParMap" || op === "Par");
  const isReferredTo = module.functions.some(refersTo);
  // The function `before` passes the value on, and any code may call it.
  if (by === "value") return isReferredTo && module.functions.some(callsValues);
  return module.functions.some((fn) => fn.name === before && (refersTo(fn) || (callsValues(fn) && isReferredTo)));
}

/** Expects that the bytecode has every call on the path, and that the last function on it makes the capability call. */
function expectReal(module: Module, { steps, omitted }: CallPath, capability: string): void {
  expect(omitted).toBe(0);
  expect(steps[0]?.function).toBe("main");
  steps.slice(1).forEach((step, i) => {
    const before = steps[i]?.function ?? "";
    if (!leadsTo(module, before, step)) throw new Error(`${before} does not lead to ${step.function}`);
  });
  const last = module.functions.filter((fn) => fn.name === steps.at(-1)?.function);
  const ops = new Map([
    ["actor.spawn", "SpawnActor"],
    ["actor.send", "SendMsg"],
    ["ui.render", "EmitUi"],
  ]);
  const id = BUILTIN_REGISTRY.byName.get(capability)?.id;
  const makes = ({ op, operands }: FunctionDef["code"][number]): boolean =>
    op === ops.get(capability) || ((op === "CapCall" || op === "TryCapCall") && operands[0] === id);
  expect(last.some((fn) => fn.code.some(makes))).toBe(true);
}
test("runs agree with the verdicts: no allowed call is denied, no denied call succeeds, no unreachable call is made, and every path exists", async () => {
  await fc.assert(
    fc.asyncProperty(
      arbitraryProgram,
      arbitraryAnswers,
      arbitraryPolicies,
      arbitraryUrls,
      arbitraryPaths,
      async (generated, given, policy, url, path) => {
        const source = withPlaces(generated, url, path);
        const { calls } = checkOf(source, policy);
        const { module } = compile({ name: "main.ax", text: source });
        for (const { call } of calls) if (call.path !== undefined) expectReal(module, call.path(), call.capability.name);
        const starts = new Map<number, { readonly place: string; readonly args: readonly unknown[] }>();
        const wrong: string[] = [];
        await execute(module, {
          policy: policyOf(policy),
          handlers: handlersOf(given),
          tracing: false,
          limits: { max_steps: 100_000 },
          on: {
            callStart: (start) => {
              const { line, column } = start.place() ?? {};
              starts.set(start.call, { place: `${line}:${column} ${start.capability}`, args: start.args });
            },
            callEnd: ({ call, outcome }) => {
              const start = starts.get(call);
              const found = calls.filter(
                (c) =>
                  `${c.call.place.line}:${c.call.place.column} ${c.call.capability.name}` === start?.place &&
                  c.call.args.every(({ known }, i) => i >= start.args.length || couldBe(known, start.args[i])),
              );
              const isRefused = outcome === "denied" || outcome === "budget_exceeded";
              const agrees = ({ judgement, isLeftToHandler: isLeft }: CheckedCall): boolean => {
                const verdict = judgement?.verdict;
                return isRefused ? verdict !== "allowed" && !isLeft : verdict !== "denied" && verdict !== "never_reached";
              };
              if (!found.some(agrees)) wrong.push(`${start?.place}: ${found.map((c) => c.judgement?.verdict).join(" or ")}, ${outcome}`);
            },
          },
        });
        expect(wrong).toEqual([]);
      },
    ),
    // Shrinking programs of this size takes hours.
    { numRuns: scaledRuns(800), endOnFailure: true },
  );
});

test("every path reported for the examples exists in their modules", () => {
  for (const folder of someOf(readdirSync(EXAMPLES, { withFileTypes: true }).filter((entry) => entry.isDirectory()))) {
    for (const file of readdirSync(join(EXAMPLES, folder.name)).filter((name) => name.endsWith(".ax"))) {
      const { source, resolve } = openSources(join(EXAMPLES, folder.name, file));
      // Skips libraries, and programs that need capabilities which the example declares itself.
      if (!check(source, { resolve }).ok || !/^fn main\(/m.test(source.text)) continue;
      const { module } = compile(source, { resolve });
      const { calls } = checkProgramPolicy(checkFunctions(source, { resolve }), undefined, BUILTIN_REGISTRY);
      for (const { call } of calls) if (call.path !== undefined) expectReal(module, call.path(), call.capability.name);
    }
  }
});
