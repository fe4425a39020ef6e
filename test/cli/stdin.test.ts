/** `boruna run -` and `boruna check -`: the program is on stdin. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { boruna } from "./boruna.ts";

const cwd = temporaryFolder();
writeFileSync(join(cwd, "double.ax"), "fn double(n: Int) -> Int { n * 2 }\n");

test("runs the text on stdin, with imports from this folder and of libraries", async () => {
  const stdin = 'import "./double.ax"\nimport "std-list"\nfn main(n: Int) -> List<Int> { take_last([1, double(n)], 1) }\n';
  expect(await boruna(["run", "-", "--arg", "n=21"], { cwd, stdin })).toEqual({ code: 0, stdout: "[42]\n", stderr: "" });
});

test("errors and stacks name it <stdin>", async () => {
  const wrong = await boruna(["run", "-"], { cwd, stdin: "fn main() -> Int { nmae }\n" });
  expect(wrong).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("--> <stdin>:1:20") });
  const trapped = await boruna(["run", "-"], { cwd, stdin: "fn main() -> Int {\n    let zero = 0\n    1 / zero\n}\n" });
  expect(trapped).toMatchObject({ code: 1, stderr: expect.stringContaining("--> <stdin>:3:5") });
});

test("records a log that replays", async () => {
  await boruna(["run", "-", "--record", "run.jsonl"], { cwd, stdin: "fn main() -> Int { 1 }\n" });
  expect(await boruna(["replay", "run.jsonl"], { cwd })).toMatchObject({ code: 0, stdout: expect.stringContaining("identical") });
});

test("check - reports diagnostics, and has no file to fix", async () => {
  mkdirSync(join(cwd, "inner"), { recursive: true });
  const checked = await boruna(["check", "-", "--json"], { cwd: join(cwd, "inner"), stdin: "fn f() -> Int { true }\n" });
  expect(checked.code).toBe(2);
  expect(JSON.parse(checked.stdout)).toMatchObject({ ok: false, diagnostics: [{ code: "E009" }] });
  expect(await boruna(["check", "-", "--fix"], { cwd, stdin: "" })).toMatchObject({ code: 2, stderr: expect.stringContaining("--fix") });
});

test.each([
  ["no program at all", "", /no function `main`/],
  ["text that is too long", `// ${"x".repeat(9_000_000)}`, /<stdin> has more than 8388608 bytes/],
])("%s", async (_, stdin, message) => {
  const ended = await boruna(["run", "-"], { cwd, stdin });
  expect(ended.code).toBe(2);
  expect(ended.stderr).toMatch(message);
});
