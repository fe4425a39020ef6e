/** `boruna new` and `boruna init`: what they write works at once. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { boruna, EXAMPLES } from "./boruna.ts";

const TEMPLATE = readdirSync(join(EXAMPLES, "starter"));

test("new makes a folder whose tests pass, and whose program runs under its policy", async () => {
  const cwd = temporaryFolder();
  const made = await boruna(["new", "steps/triage"], { cwd });
  expect(made).toMatchObject({ code: 0, stderr: "next: cd steps/triage && boruna test\n" });
  expect(made.stdout.split("\n").toSorted()).toEqual(["", ...TEMPLATE.map((name) => `steps/triage/${name}`)].toSorted());
  const folder = join(cwd, "steps/triage");
  const tested = await boruna(["test"], { cwd: folder });
  expect(tested).toMatchObject({ code: 0, stderr: "", stdout: expect.stringMatching(/\n4 passed, 0 failed/) });
  const args = ["run", "step.ax", "--policy", "policy.json", "--arg", "url=https://tickets.example/7"];
  expect(await boruna(args, { cwd: folder })).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Err\(/) });
  expect(await boruna(["policy", "check", "--program", "step.ax", "--policy", "policy.json"], { cwd: folder })).toMatchObject({ code: 0 });
  expect(await boruna(["fmt", "--check", "step.ax"], { cwd: folder })).toMatchObject({ code: 0 });
});

test("new refuses a path that exists", async () => {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "triage"), "");
  const refused = await boruna(["new", "triage"], { cwd });
  expect(refused).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("triage exists") });
  expect(await boruna(["new", "triage/inner"], { cwd })).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot write") });
});

test("init adds the files to this folder, and overwrites none", async () => {
  const cwd = temporaryFolder();
  const made = await boruna(["init", "--json"], { cwd });
  expect(JSON.parse(made.stdout)).toMatchObject({ folder: ".", files: TEMPLATE });
  expect(await boruna(["test"], { cwd })).toMatchObject({ code: 0 });
  writeFileSync(join(cwd, "step.ax"), "mine");
  expect(await boruna(["init"], { cwd })).toMatchObject({ code: 2, stderr: expect.stringContaining("nothing is overwritten") });
  expect(readFileSync(join(cwd, "step.ax"), "utf8")).toBe("mine");
});
