import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { unifiedDiff } from "../../cli/line-diff.ts";
import { temporaryFolder } from "../after-file.ts";
import { scaledRuns } from "../cases.ts";
import { boruna } from "./boruna.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-diff-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("git applies the patch", () => {
  const text = fc
    .array(fc.constantFrom("a", "b", "c", "", "  x"), { maxLength: 30 })
    .map((lines) => lines.map((line) => `${line}\n`).join(""));
  execFileSync("git", ["init", "-q"], { cwd: folder });
  fc.assert(
    fc.property(text, text, fc.boolean(), (before, after, cut) => {
      const [old, fresh] = cut ? [before.slice(0, -1), after.slice(0, -1)] : [before, after];
      const patch = unifiedDiff("a.ax", old, fresh);
      expect(patch === "").toBe(old === fresh);
      if (old === fresh || old === "" || fresh === "") return;
      writeFileSync(join(folder, "a.ax"), old);
      execFileSync("git", ["apply", "-p0", "-"], { cwd: folder, input: `${patch}\n`, stdio: ["pipe", "ignore", "pipe"] });
      expect(readFileSync(join(folder, "a.ax"), "utf8")).toBe(fresh);
    }),
    { numRuns: scaledRuns(300) },
  );
});

describe("boruna fmt --diff", () => {
  test("prints a patch, and writes nothing", async () => {
    const cwd = temporaryFolder();
    const ugly = "fn  main( )->Int{ 1 }\n\nfn f() -> Int { 2 }\n";
    writeFileSync(join(cwd, "a.ax"), ugly);
    const patch = "--- a.ax\n+++ a.ax\n@@ -1,3 +1,3 @@\n-fn  main( )->Int{ 1 }\n+fn main() -> Int { 1 }\n \n fn f() -> Int { 2 }\n";
    expect(await boruna(["fmt", "--diff", "a.ax"], { cwd })).toMatchObject({ code: 0, stdout: patch });
    expect(await boruna(["fmt", "--diff", "--check", "a.ax"], { cwd })).toMatchObject({ code: 1, stdout: patch });
    expect(readFileSync(join(cwd, "a.ax"), "utf8")).toBe(ugly);
    expect(await boruna(["fmt", "--diff", "--stdout", "a.ax"], { cwd })).toMatchObject({ code: 2 });
  });
});
