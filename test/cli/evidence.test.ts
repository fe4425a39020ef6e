/** `boruna evidence`, `run --redactable`, and the example. */
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { someOf } from "../cases.ts";
import { ROOT } from "../repo/imports.ts";
import { boruna } from "./boruna.ts";

const folder = temporaryFolder();
const runHere = (...args: readonly string[]): ReturnType<typeof boruna> => boruna(args, { cwd: folder });

beforeAll(async () => {
  writeFileSync(join(folder, "app.ax"), 'fn main() -> String !{fs.read} { fs.read("a.txt") }\n');
  await runHere("keygen", "a.pem");
  await runHere("run", "app.ax", "--policy", "allow-all", "--record", "run.jsonl", "--redactable");
  await runHere("evidence", "pack", "run.jsonl", "--sign", "a.pem", "--redact", "1.result", "--identity", "ci");
});

test("a bundle as JSON, with what the statement says", async () => {
  const { code, stdout } = await runHere("evidence", "verify", "run.evidence", "--key", "a.pem.pub", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: true,
    key_given: true,
    statement: { host: { identity: "ci" } },
    runs: [{ log: "run.jsonl", outcome: "success", events: 2, redacted: [{ event: 2, value: "result" }] }],
    failure: null,
  });
  expect((await runHere("evidence", "verify", "run.evidence", "--explain")).stdout).toContain("Whose key it is");
});

test("a redacted value is shown as such, and replay names it", async () => {
  expect((await runHere("log", "show", "run.evidence/run.jsonl")).stdout).toContain('fs.read("a.txt")\t(redacted or lost, sha256 ');
  expect((await runHere("log", "show", "run.jsonl")).stdout).toContain('fs.read("a.txt")\t"mock file content');
  expect((await runHere("log", "show", "run.evidence/run.jsonl", "--call", "1")).stdout).toContain("result (redacted or lost, sha256 ");
  expect(await runHere("replay", "run.evidence/run.jsonl")).toMatchObject({
    code: 6,
    stderr: expect.stringContaining("event 2: CapResult.result of fs.read is redacted or lost"),
  });
});

test.each(
  someOf<readonly [readonly string[], string]>([
    [["evidence", "pack", "run.jsonl"], "evidence needs a signature"],
    [["evidence", "pack", "run.jsonl", "--sign", "a.pem"], "run.evidence exists"],
    [["evidence", "pack", "run.jsonl", "-o", "x", "--sign", "a.pem", "--started", "today"], "expected a time in UTC"],
    [["evidence", "verify", "nothing"], "nothing"],
    [["run", "app.ax", "--redactable"], "--redactable has no effect without --record"],
  ]),
)("%j: %s", async (args, message) => {
  expect(await runHere(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  expect(existsSync(join(folder, "x"))).toBe(false);
});

test("a changed bundle has exit code 6", async () => {
  await runHere("evidence", "pack", "run.jsonl", "-o", "changed.evidence", "--sign", "a.pem");
  appendFileSync(join(folder, "changed.evidence/run.jsonl.policy.json"), " ");
  expect(await runHere("evidence", "verify", "changed.evidence")).toMatchObject({
    code: 6,
    stdout: expect.stringMatching(
      /^evidence: failed, files: run\.jsonl\.policy\.json does not have the SHA-256 that the manifest names\nsignature: .* is signed with the key MC/,
    ),
  });
});

test("examples/audited-payment", () => {
  const { stdout, status } = spawnSync(process.execPath, [join(ROOT, "examples/audited-payment/start.mjs")], { encoding: "utf8" });
  expect(status).toBe(0);
  expect(stdout).toBe("packed 11 files, 2 values redacted\nthe auditor's check: ok, by payments@example.com\n");
});
