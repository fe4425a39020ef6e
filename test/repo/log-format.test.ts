/** The script of docs/reference/log-format.md checks a log with Node alone, and finds what `verify` finds. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { generateKey } from "../../gateway/signing.ts";
import { execute } from "../../runtime/execute.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-log-format-"));
afterAll(() => rmSync(folder, { recursive: true }));

const page = readFileSync(new URL("../../docs/reference/log-format.md", import.meta.url), "utf8");
const script = join(folder, "check.mjs");
writeFileSync(script, /```js\n([^]*?)```/.exec(page)?.[1] ?? "");

const check = (path: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } =>
  spawnSync(process.execPath, [script, path], { encoding: "utf8" });

test("the page's script follows the chain to the head, and checks the signature", async () => {
  const path = join(folder, "run.jsonl");
  const key = generateKey();
  const text = 'fn main() -> String !{net.fetch} { net.fetch("https://a.example/ü?hash=\\"x\\"") }';
  const program = verifyModule(compile({ name: "main.ax", text }).module);
  const run = await execute(program, { policy: "allow-all", record: { path, sign: key.privatePem }, tracing: false });
  expect(check(path)).toMatchObject({ status: 0, stdout: `signed with ${key.publicKey}\nhead ${run.log?.head}\n`, stderr: "" });
  const log = readFileSync(path, "utf8");
  const lines = log.split("\n");
  for (const [name, changed] of [
    ["a changed answer", log.replace("CapResult", "CapError")],
    ["a missing line", [...lines.slice(0, 1), ...lines.slice(2)].join("\n")],
    ["another signature", log.replace(/"value":"..../, '"value":"AAAA')],
  ] as const) {
    expect(changed, name).not.toBe(log);
    writeFileSync(path, changed);
    expect(check(path).status, name).toBe(1);
  }
});
