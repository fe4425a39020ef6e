import { mkdtempSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import type { CallEnd } from "../../gateway/observers.ts";
import { parsePolicy } from "../../policy/parse.ts";
import { readLog } from "../../replay/log/log-reader.ts";
import { replayRun } from "../../replay/replay.ts";
import { execute, type RunOptions } from "../../runtime/execute.ts";
import { resume } from "../../runtime/resume.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-audit-"));
afterAll(() => rmSync(folder, { recursive: true }));

const handlers = { "net.fetch": () => "page", random: () => 0.5, "fs.read": () => "text", "time.now": () => 1 };
const policyOf = (data: unknown) => parsePolicy(JSON.stringify(data), { file: "policy.json", jsonc: false });
const source = (body: string): string => `fn main() -> Unit !{net.fetch, random, fs.read, time.now, ui.render} {\n${body}\n()\n}\n`;

async function audited(body: string, policy: unknown, options: RunOptions = {}) {
  const ends: CallEnd[] = [];
  const { module } = compile({ name: "main.ax", text: source(body) });
  const run = await execute(module, {
    policy: policyOf(policy),
    live: true,
    audit: true,
    handlers,
    tracing: false,
    on: { callEnd: (end) => ends.push(end) },
    ...options,
  });
  return { run, decisions: ends.map(({ outcome, audit }) => [outcome, audit?.allowed, audit?.rule]) };
}

test("an audit run allows what no rule allows, and reports what the policy would have decided", async () => {
  const body =
    'let _ = random()\nlet _ = random()\nlet _ = net.fetch("https://a.example/")\nlet _ = time.now("ms")\nlet _ = time.now()\nemit 1';
  const policy = {
    rules: {
      random: { allow: true, budget: 1 },
      "time.now": { allow: true, where: { unit: { equal: "s" } }, approval: "required" },
      "net.fetch": { allow: false },
    },
  };
  const { run, decisions } = await audited(body, policy);
  expect(run.outcome).toBe("success");
  expect(decisions).toEqual([
    ["ok", true, "rules.random.allow"],
    ["ok", false, "rules.random.budget"],
    ["ok", false, 'rules["net.fetch"].allow'],
    ["ok", false, 'rules["time.now"].where.unit'],
    ["ok", false, 'rules["time.now"].approval'],
    ["ok", false, "default_allow"],
  ]);
});

test("allowed domains and folders still hold, and private networks stay closed even if the policy opens them", async () => {
  const scopes = { net_policy: { allowed_domains: ["a.example"] }, fs_policy: { read: ["notes"] } };
  expect((await audited('let _ = net.fetch("https://a.example/")', scopes)).run.outcome).toBe("success");
  expect((await audited('let _ = fs.read("notes/a")', scopes)).run.outcome).toBe("success");
  expect((await audited('let _ = net.fetch("https://b.example/")', scopes)).run.error?.rule).toBe("net_policy.allowed_domains");
  expect((await audited('let _ = fs.read("a")', {})).run.error?.rule).toBe("fs_policy.read");
  const open = { default_allow: true, net_policy: { allow_private_networks: true } };
  const { run, decisions } = await audited('let _ = net.fetch("http://10.0.0.1/")', open);
  expect(run.error?.rule).toBe("net_policy.allow_private_networks");
  expect(decisions).toEqual([["denied", true, "default_allow"]]);
});

test("handlers get no secrets", async () => {
  const secrets: number[] = [];
  const own = {
    "net.fetch": (_: readonly unknown[], { policy }: { policy: { secrets: ReadonlyMap<string, unknown> } }) => {
      secrets.push(policy.secrets.size);
      return "";
    },
  };
  await audited('let _ = net.fetch("https://a.example/")', { secrets: { key: { env: "HOME", hosts: ["a.example"] } } }, { handlers: own });
  expect(secrets).toEqual([0]);
});

test("the log of an audit run says so in its mode, replays, and is resumed as an audit", async () => {
  const record = join(folder, "audit.jsonl");
  const policy = { rules: { random: { allow: true, budget: 1 } } };
  const body = "let _ = random()\nlet _ = random()\nlet _ = random()";
  await audited(body, policy, { record, runId: "audit-1" });
  const log = readLog(record);
  expect(log).toMatchObject({ format: "log", header: { mode: "audit" } });
  expect(await replayRun(log, { tracing: false })).toMatchObject({ status: "identical", exitCode: 0 });
  const bytes = readFileSync(record);
  // The last call and the end record are cut off, so the run can be resumed.
  const lines = bytes.toString().split("\n");
  truncateSync(record, Buffer.byteLength(`${lines.slice(0, 5).join("\n")}\n`));
  const ends: CallEnd[] = [];
  const resumed = await resume(record, { handlers, tracing: false, on: { callEnd: (end) => ends.push(end) } });
  expect(resumed.outcome).toBe("success");
  expect(ends.map(({ audit }) => audit?.allowed)).toEqual([false]);
  expect(readFileSync(record).equals(bytes)).toBe(true);
});

test("an audit must be a live run, and cannot be recorded as an event log, which has no mode", async () => {
  await expect(audited("", {}, { live: false })).rejects.toThrow("audit needs live");
  const record = { path: join(folder, "old.json"), format: "eventlog" as const };
  await expect(audited("", {}, { record })).rejects.toThrow("an event log cannot say that a run was an audit");
});
