/** `boruna check --fix` and `boruna completion`. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { boruna } from "./boruna.ts";

describe("boruna check --fix", () => {
  const fixed = async (text: string, more: readonly string[] = []) => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "a.ax"), text);
    const ended = await boruna(["check", "--fix", "a.ax", ...more], { cwd });
    return { ...ended, text: readFileSync(join(cwd, "a.ax"), "utf8") };
  };

  test("applies fixes, also of mistakes that other mistakes hide", async () => {
    const { code, text, stderr } = await fixed(
      'const f = 1\nfn main() : Int {\n  let n = lenght("a")\n  n = 2\n  n\n}\nfn length(s: String) -> Int { 1 }\n'.replace(
        "const f = 1\n",
        "",
      ),
    );
    expect(text).toBe('fn main() -> Int {\n  let mut n = length("a")\n  n = 2\n  n\n}\nfn length(s: String) -> Int { 1 }\n');
    expect({ code, stderr }).toEqual({ code: 0, stderr: "a.ax: 3 fixes applied\na.ax: ok\n" });
  });

  test("reports what is left, and writes nothing if nothing can be fixed", async () => {
    const { code, text, stderr } = await fixed("fn main() -> Int { true }\n");
    expect(text).toBe("fn main() -> Int { true }\n");
    expect(code).toBe(2);
    expect(stderr).toContain("0 fixes applied");
  });

  test("--json says how many", async () => {
    const { stdout } = await fixed("fn main() : Int { 1 }\n", ["--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, fixed: 1, diagnostics: [] });
  });
});

describe("boruna completion", () => {
  test("bash completes commands, commands of a group, and options", async () => {
    const { stdout: script } = await boruna(["completion", "bash"]);
    const complete = (...words: readonly string[]): readonly string[] => {
      const line = words.map((word) => `"${word}"`).join(" ");
      const asked = `${script}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _boruna; printf "%s\\n" "\${COMPREPLY[@]}"`;
      return execFileSync("bash", ["-c", asked], { encoding: "utf8" }).trim().split("\n");
    };
    expect(complete("boruna", "re")).toEqual(expect.arrayContaining(["replay", "resume"]));
    expect(complete("boruna", "policy", "")).toEqual(expect.arrayContaining(["check", "show", "validate"]));
    expect(complete("boruna", "fmt", "--c")).toEqual(expect.arrayContaining(["--check", "--color"]));
    expect(complete("boruna", "policy", "check", "--pro")).toEqual(["--program"]);
    expect(complete("boruna", "run", "app")).toEqual([""]);
  });

  test("another shell is a usage error", async () => {
    expect(await boruna(["completion", "fish"])).toMatchObject({ code: 2 });
  });
});
