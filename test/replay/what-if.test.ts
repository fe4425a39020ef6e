/** `whatIf` replays a log under another policy, or with some answers replaced. */
import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CapabilityDenied, type Handler } from "../../gateway/handlers.ts";
import { parsePolicy } from "../../policy/parse.ts";
import { DENY_ALL } from "../../policy/policy.ts";
import { whatIfJson, whatIfLines } from "../../replay/report/what-if-report.ts";
import { whatIf, type WhatIfOptions, type WhatIfReport } from "../../replay/what-if.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { BorunaError } from "../../vm/error.ts";
import { jsonFromJs } from "../../vm/json/js-interop.ts";
import { canonicalJson, type JsonData } from "../../vm/json/json.ts";
import { logOf, recorded, type Recorded } from "./recorded.ts";

const program = verifyModule(
  compile({
    name: "pays.ax",
    text: `fn pay(who: String) -> String !{net.fetch} {
    match try net.fetch("http://pay.example/" ++ who, "POST") {
        Ok(text) => text
        Err(why) => "not paid: " ++ why
    }
}

fn main() -> String !{fs.read, net.fetch, time.now, ui.render} {
    let who = fs.read("who.txt")
    let first = pay(who)
    emit first
    if time.now() > 100 { first } else { first ++ ", " ++ pay("bob") }
}
`,
  }).module,
);
const HANDLERS: Readonly<Record<string, Handler>> = {
  "fs.read": () => "ada",
  "net.fetch": ([url]) => `paid ${String(url).slice("http://pay.example/".length)}`,
  "time.now": () => 7,
};
const recordReference = (): Promise<Recorded> => recorded(program, { handlers: HANDLERS });
const policy = (rules: object, more: object = {}): ReturnType<typeof parsePolicy> =>
  parsePolicy(JSON.stringify({ schema_version: 1, default_allow: false, rules, ...more }), { file: "p.json", jsonc: false });
const edits = (answers: Readonly<Record<number, unknown>>): ReadonlyMap<number, JsonData> =>
  new Map(Object.entries(answers).map(([call, answer]) => [Number(call), jsonFromJs(answer)]));

async function askOnBothEngines(options: WhatIfOptions): Promise<WhatIfReport> {
  const reports = await Promise.all(
    (["interpreter", "compiled"] as const).map(async (engine) => whatIf(logOf(await recordReference()), { ...options, engine })),
  );
  const [report, other] = reports.map((r) => canonicalJson(whatIfJson(r)));
  expect(report).toBe(other);
  const [first] = reports;
  if (first === undefined) throw new Error("no report");
  return first;
}

const ALLOWED = { "fs.read": { allow: true }, "net.fetch": { allow: true }, "time.now": { allow: true }, "ui.render": { allow: true } };
const SCOPES = { net_policy: { allowed_domains: ["pay.example"], allowed_methods: ["POST"] }, fs_policy: { read: ["."] } };

describe("another policy", () => {
  test("that allows the run changes nothing", async () => {
    const report = await askOnBothEngines({ policy: policy(ALLOWED, SCOPES) });
    expect(whatIfLines(report)).toEqual([
      "what-if: same (4 of 4 recorded calls answered)",
      'ends as recorded: success: "paid ada, paid bob"',
    ]);
    expect(report).toMatchObject({ status: "same", exitCode: 0, stop: undefined });
  });

  test("that refuses a call: the report says which call, by which rule, where, and how the program ends", async () => {
    const { "time.now": _, ...rules } = ALLOWED;
    const report = await askOnBothEngines({ policy: policy(rules, SCOPES) });
    expect(report).toMatchObject({
      status: "changed",
      exitCode: 5,
      calls: { recorded: 4, answered: 2 },
      stop: { reason: "refused", text: "time.now()", rule: "default_allow" },
    });
    expect(whatIfLines(report).join("\n")).toMatchInlineSnapshot(`
      "what-if: changed (2 of 4 recorded calls answered)
      after 2 calls the policy refuses time.now()
        default_allow: the policy has no rule that allows time.now
         --> pays.ax:12:8
      11 |     emit first
      12 |     if time.now() > 100 { first } else { first ++ ", " ++ pay("bob") }
         |        ^^^^^^^^^^
      recorded end: success: "paid ada, paid bob"
      now:          denied: capability_denied at step 21, rule default_allow: the policy has no rule that allows time.now"
    `);
  });

  test.each<[string, object, object, string, string | undefined]>([
    [
      "by a scope",
      ALLOWED,
      { ...SCOPES, net_policy: { allowed_domains: ["other.example"], allowed_methods: ["POST"] } },
      'net.fetch("http://pay.example/ada", "POST")',
      "net_policy.allowed_domains",
    ],
    [
      "by a budget",
      { ...ALLOWED, "net.fetch": { allow: true, budget: 1 } },
      SCOPES,
      'net.fetch("http://pay.example/bob", "POST")',
      'rules["net.fetch"].budget',
    ],
    ["of the machine itself", { ...ALLOWED, "ui.render": { allow: false } }, SCOPES, 'ui.render("paid ada")', 'rules["ui.render"].allow'],
  ])("%s", async (_name, rules, more, text, rule) => {
    const report = await askOnBothEngines({ policy: policy(rules, more) });
    expect(report.stop).toMatchObject({ reason: "refused", text, rule });
    expect(report.end).toMatch(/^(denied|budget_exceeded): /);
  });

  test("with a lower limit ends the run there", async () => {
    const report = await askOnBothEngines({ policy: policy(ALLOWED, { ...SCOPES, limits: { max_steps: 20 } }) });
    expect(report).toMatchObject({ status: "changed", stop: undefined, end: expect.stringMatching(/^limit_exceeded: /) });
  });

  test("that allows a call that the recorded policy refused: the log has no answer, so the replay ends", async () => {
    const refused = await recorded(program, { handlers: HANDLERS, policy: DENY_ALL });
    expect(refused.run.outcome).toBe("denied");
    expect(await whatIf(logOf(refused))).toMatchObject({ status: "same", calls: { recorded: 0, answered: 0 } });
    const report = await whatIf(logOf(refused), { policy: policy(ALLOWED, SCOPES) });
    expect(report).toMatchObject({
      status: "changed",
      exitCode: 5,
      stop: { reason: "no_answer", text: 'fs.read("who.txt")' },
      end: undefined,
    });
  });
});

describe("another answer", () => {
  test("later answers are used while their calls match", async () => {
    const report = await askOnBothEngines({ edits: edits({ 2: "receipt 1" }) });
    expect(report).toMatchObject({ status: "changed", exitCode: 5, calls: { answered: 4 }, stop: undefined });
    expect(report.end).toBe('success: "receipt 1, paid bob"');
    expect(report.result.ui).toEqual(["receipt 1"]);
  });

  test("the report says where calls stop matching, and no handler is called", async () => {
    const report = await askOnBothEngines({ edits: edits({ 1: "eve" }) });
    expect(report).toMatchObject({ status: "changed", calls: { recorded: 4, answered: 1 }, end: undefined });
    expect(whatIfLines(report).join("\n")).toMatchInlineSnapshot(`
      "what-if: changed (1 of 4 recorded calls answered)
      call 1, fs.read("who.txt"):
        recorded fs.read → "ada"
        edited   fs.read → "eve"
      calls stop matching after 1 call, at event 3: the program makes the recorded call with other arguments
        args[0] (url), after 19 equal characters:
          expected "http://pay.example/ada"
          actual   "http://pay.example/eve"
        recorded: net.fetch("http://pay.example/ada", "POST")
        now:      net.fetch("http://pay.example/eve", "POST")
        --> pays.ax:2:11
      1 | fn pay(who: String) -> String !{net.fetch} {
      2 |     match try net.fetch("http://pay.example/" ++ who, "POST") {
        |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        called from main (pays.ax:10:17)
      recorded end: success: "paid ada, paid bob"
      now:          (the log has no answer; the replay ends here)"
    `);
  });

  test("a failure, written as in the log, which the program catches", async () => {
    const report = await askOnBothEngines({ edits: edits({ 4: { CapError: { kind: "runtime_error", message: "HTTP 500" } } }) });
    expect(report.end).toBe('success: "paid ada, not paid: HTTP 500"');
    expect(report.edits).toEqual([
      {
        call: 4,
        text: 'net.fetch("http://pay.example/bob", "POST")',
        recorded: 'net.fetch → "paid bob"',
        edited: "net.fetch failed (runtime_error): HTTP 500",
        used: true,
      },
    ]);
  });

  test("a refusal by the handler is no refusal by the policy", async () => {
    const report = await askOnBothEngines({
      edits: edits({ 1: { CapError: { kind: "denied", message: "a link that leaves the roots" } } }),
    });
    expect(report).toMatchObject({ status: "changed", stop: undefined, end: expect.stringMatching(/^denied: /) });
    const refusing: Handler = () => {
      throw new CapabilityDenied("a link that leaves the roots");
    };
    const log = logOf(await recorded(program, { handlers: { ...HANDLERS, "fs.read": refusing } }));
    expect(await whatIf(log)).toMatchObject({ status: "same", stop: undefined, end: expect.stringMatching(/^denied: /) });
  });

  test("an answer after which the program makes fewer calls", async () => {
    const report = await askOnBothEngines({ edits: edits({ 3: 1_000, 4: "x" }) });
    expect(report).toMatchObject({ status: "changed", calls: { recorded: 4, answered: 3 }, end: 'success: "paid ada"' });
    expect(report.edits.map(({ call, used }) => [call, used])).toEqual([
      [3, true],
      [4, false],
    ]);
    expect(whatIfLines(report)).toContainEqual(expect.stringContaining("call 4: the program does not get to it"));
  });

  test("the recorded answer changes nothing", async () => {
    expect((await askOnBothEngines({ edits: edits({ 3: 7 }) })).status).toBe("same");
  });

  test("an answer to the last call of a killed run, which got none", async () => {
    const recording = await recordReference();
    const lines = new TextDecoder().decode(recording.bytes).split("\n");
    const at = lines.findIndex((line) => line.includes("pay.example/bob"));
    const log = logOf(recording, new TextEncoder().encode(`${lines.slice(0, at + 1).join("\n")}\n`));
    expect(await whatIf(log)).toMatchObject({ status: "incomplete", exitCode: 6, stop: { reason: "no_answer" } });
    const report = await whatIf(log, { edits: edits({ 4: "paid after all" }) });
    expect(report).toMatchObject({ status: "incomplete", end: 'success: "paid ada, paid after all"', recordedEnd: undefined });
  });

  test.each<[Readonly<Record<number, unknown>>, string, string]>([
    [{ 3: "late" }, "the answer of call 3, time.now, must have the type Int: answer: expected Int, found String", "CapError"],
    [{ 5: 1 }, "the log has no call 5; it has 4", "boruna log show"],
    [{ 1: { CapError: { kind: "tired", message: "x" } } }, "a failure has a kind (runtime_error, ", "HTTP 500"],
    [{ 1: { CapError: { kind: "denied", message: "x", more: 1 } } }, "a failure has a kind", "HTTP 500"],
  ])("%j does not fit the log", async (answers, message, hint) => {
    const error: unknown = await whatIf(logOf(await recordReference()), { edits: edits(answers) }).catch((e: unknown) => e);
    if (!(error instanceof BorunaError)) throw new Error("no error");
    expect(error.kind).toBe("usage");
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });
});

test("a replay has limits of its own, and can be canceled", async () => {
  const log = logOf(await recordReference());
  await expect(whatIf(log, { limits: { max_steps: 5 } })).rejects.toMatchObject({ kind: "log.replay_limit" });
  const abort = new AbortController();
  abort.abort();
  expect(await whatIf(log, { signal: abort.signal })).toMatchObject({ status: "interrupted", exitCode: 130 });
});
