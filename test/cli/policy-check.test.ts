import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { boruna } from "./boruna.ts";

const folder = temporaryFolder();
writeFileSync(
  join(folder, "app.ax"),
  `fn page(n: Int) -> String !{net.fetch} { net.fetch(f"https://api.example.com/items/{n}") }

fn save(text: String) -> Bool !{fs.write} { fs.write("out/items.txt", text) }

fn main() -> Bool !{net.fetch, fs.write} { save(string.join(list.map(1..=3, page), "\\n")) }
`,
);
writeFileSync(
  join(folder, "policy.json"),
  '{ "rules": { "net.fetch": { "allow": true, "budget": 2 } }, "net_policy": { "allowed_domains": ["api.example.com"] } }',
);

test("policy check lists the calls, their paths and the reasons, and fails if a call is always denied", async () => {
  const { code, stdout, stderr } = await boruna(["policy", "check", "--program", "app.ax", "--policy", "policy.json"], { cwd: folder });
  expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  expect(stdout.split("\n")).toEqual([
    'app.ax:1:42: net.fetch "https://api.example.com/items/…": can be denied, at most 3 times',
    "    main → page (app.ax:5:61)",
    '    the budget is 2, and a run can make up to 3 calls [rules["net.fetch"].budget]',
    "    the handler checks the address that the host has, each redirect, and the secrets in headers [net_policy]",
    'app.ax:3:45: fs.write "out/items.txt": always denied, at most once',
    "    main → save (app.ax:5:44)",
    "    the policy has no rule that allows fs.write [default_allow]",
    "a run makes fs.write: at most 1 call; net.fetch: at most 3 calls",
    "",
  ]);
});

test("policy check --json has the same as data", async () => {
  const { code, stdout } = await boruna(["policy", "check", "--program", "app.ax", "--json"], { cwd: folder });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: true,
    calls: [
      {
        capability: "net.fetch",
        verdict: null,
        times: 3,
        arguments: { url: [{ prefix: "https://api.example.com/items/" }] },
        path: {
          steps: [
            { function: "main", by: "main" },
            { function: "page", by: "call", place: { file: "app.ax", line: 5, column: 61 } },
          ],
        },
      },
      { capability: "fs.write", verdict: null, times: 1 },
    ],
    totals: { "net.fetch": 3, "fs.write": 1 },
  });
});

test("policy check needs a program in source", async () => {
  const none = await boruna(["policy", "check"], { cwd: folder });
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("no program is named") });
  const module = await boruna(["policy", "check", "--program", "app.axbc"], { cwd: folder });
  expect(module).toMatchObject({ code: 2, stderr: expect.stringContaining("this command reads source") });
});

test("policy diff compares two policies, and two programs", async () => {
  writeFileSync(
    join(folder, "wider.json"),
    '{ "rules": { "net.fetch": { "allow": true, "budget": 3 } }, "net_policy": { "allowed_domains": ["api.example.com"] } }',
  );
  const policies = await boruna(["policy", "diff", "policy.json", "wider.json"], { cwd: folder });
  expect(policies).toEqual({ code: 1, stdout: 'grows: rules["net.fetch"].budget: from 2 to 3\n', stderr: "the authority grows\n" });
  const back = await boruna(["policy", "diff", "wider.json", "policy.json", "--json"], { cwd: folder });
  expect({ code: back.code, json: JSON.parse(back.stdout) }).toMatchObject({
    code: 0,
    json: { ok: true, changes: [{ direction: "shrinks", path: 'rules["net.fetch"].budget', text: "from 3 to 2" }] },
  });
  writeFileSync(join(folder, "new.ax"), "fn main() -> Float !{random} { random() }\n");
  const programs = await boruna(["policy", "diff", "--program", "app.ax", "new.ax"], { cwd: folder });
  expect(programs).toEqual({
    code: 1,
    stdout:
      "grows: random: the program can now call it: main → new.ax:1:32\nshrinks: fs.write: the program no longer calls it\nshrinks: net.fetch: the program no longer calls it\n",
    stderr: "the authority grows\n",
  });
  const same = await boruna(["policy", "diff", "--program", "app.ax", "app.ax"], { cwd: folder });
  expect(same).toEqual({ code: 0, stdout: "", stderr: "the authority is the same\n" });
});

test("run --audit allows what the policy refuses, and says so", async () => {
  writeFileSync(join(folder, "clock.ax"), "fn main() -> Int !{time.now, random} { let _ = random()\n time.now() * 0 }\n");
  const args = ["run", "clock.ax", "--allow", "random", "--audit", "--live", "--record", "audit.jsonl", "--run-id", "audit"];
  const { code, stdout, stderr } = await boruna(args, { cwd: folder });
  expect({ code, stdout }).toEqual({ code: 0, stdout: "0\n" });
  expect(stderr.split("\n").filter((line) => line.startsWith("audit"))).toEqual([
    "audit: call 2 time.now would be refused: the policy has no rule that allows time.now [default_allow]",
    "audit: the policy would refuse 1 of 2 calls",
  ]);
  expect((await boruna(["replay", "audit.jsonl"], { cwd: folder })).code).toBe(0);
  const json = await boruna([...args, "--json", "--force"], { cwd: folder });
  expect(JSON.parse(json.stdout)).toMatchObject({
    audit: [
      { call: 1, capability: "random", allowed: true },
      { call: 2, capability: "time.now", allowed: false, rule: "default_allow" },
    ],
  });
  expect((await boruna(["run", "clock.ax", "--audit"], { cwd: folder })).code).toBe(2);
  const shown = await boruna(["log", "show", "audit.jsonl", "--no-pager"], { cwd: folder });
  expect(shown.stdout.split("\n").filter((line) => line.startsWith("audit"))).toEqual([
    "audit: call 2 time.now would be refused: the policy has no rule that allows time.now [default_allow]",
    "audit: the policy would refuse 1 of 2 calls",
  ]);
  const entries = await boruna(["log", "show", "audit.jsonl", "--json"], { cwd: folder });
  expect(JSON.parse(entries.stdout)).toMatchObject({
    calls: [
      { call: 1, audit: { allowed: true } },
      { call: 2, audit: { allowed: false, rule: "default_allow" } },
    ],
  });
});

test("policy suggest prints a policy of recorded runs, and proves it", async () => {
  const suggest = await boruna(["policy", "suggest", "audit.jsonl", "--program", "clock.ax"], { cwd: folder });
  expect(suggest.code).toBe(0);
  expect(suggest.stderr.split("\n")).toEqual([
    "time.now: observed, 1 call in 1 run, at most 1 in one",
    "random: observed, 1 call in 1 run, at most 1 in one",
    "1 of 1 log passes under this policy",
    "",
  ]);
  writeFileSync(join(folder, "suggested.json"), suggest.stdout);
  const run = await boruna(["run", "clock.ax", "--policy", "suggested.json", "--live"], { cwd: folder });
  expect(run).toMatchObject({ code: 0, stdout: "0\n" });
  const json = await boruna(["policy", "suggest", "audit.jsonl", "--program", "clock.ax", "--json"], { cwd: folder });
  expect(JSON.parse(json.stdout)).toMatchObject({
    ok: true,
    policy: { rules: { random: { budget: 1 } } },
    proofs: [{ log: "audit.jsonl", holds: true }],
  });
  const other = await boruna(["policy", "suggest", "audit.jsonl", "--program", "app.ax"], { cwd: folder });
  expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining("is no run of this program") });
});

test("run --explain says why the handler refuses a call that the rule allows", async () => {
  writeFileSync(
    join(folder, "secret.ax"),
    'fn main() -> String !{net.fetch} { net.fetch("http://127.0.0.1:9/", "GET", "", { "X": "{{secret:KEY}}" }) }\n',
  );
  const policy = {
    rules: { "net.fetch": { allow: true } },
    net_policy: { allowed_domains: ["127.0.0.1:9"] },
    secrets: { KEY: { env: "KEY", hosts: ["a.example"] } },
  };
  writeFileSync(join(folder, "secret.json"), JSON.stringify(policy));
  const { code, stderr } = await boruna(["run", "secret.ax", "--policy", "secret.json", "--live", "--explain"], { cwd: folder });
  expect(code).toBe(3);
  expect(stderr.split("\n")).toContain("call 1 net.fetch: denied: the secret KEY may not be sent to 127.0.0.1");
  const check = await boruna(["policy", "check", "--program", "secret.ax", "--policy", "secret.json"], { cwd: folder });
  expect({ code: check.code, lines: check.stdout.split("\n").slice(2, 4) }).toEqual({
    code: 1,
    lines: ["    can send secret KEY to 127.0.0.1", '    the secret KEY may not be sent to 127.0.0.1 [secrets["KEY"].hosts]'],
  });
});
