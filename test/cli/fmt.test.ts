/** `boruna fmt`: what it writes, prints and refuses. */
import { chmodSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { boruna, EXAMPLES } from "./boruna.ts";

const UNFORMATTED = "fn  main( )->Int{ 1+2 } // sum\n";
const FORMATTED = "fn main() -> Int { 1 + 2 } // sum\n";

function projectFolder(files: Readonly<Record<string, string>>): { cwd: string; read: (name: string) => string } {
  const cwd = temporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  return { cwd, read: (name) => readFileSync(join(cwd, name), "utf8") };
}

describe("boruna fmt", () => {
  test("writes in place, names what changed, leaves no other file", async () => {
    const { cwd, read } = projectFolder({ "a.ax": UNFORMATTED, "b.ax": FORMATTED });
    chmodSync(join(cwd, "a.ax"), 0o640);
    symlinkSync("a.ax", join(cwd, "link.ax"));
    expect(await boruna(["fmt", "link.ax", "b.ax"], { cwd })).toMatchObject({ code: 0, stdout: "link.ax\n", stderr: "" });
    expect([read("a.ax"), read("b.ax")]).toEqual([FORMATTED, FORMATTED]);
    expect(readdirSync(cwd).sort()).toEqual(["a.ax", "b.ax", "link.ax"]);
    expect(lstatSync(join(cwd, "link.ax")).isSymbolicLink()).toBe(true);
    expect(statSync(join(cwd, "a.ax")).mode & 0o777).toBe(0o640);
  });

  test("--check writes nothing", async () => {
    const { cwd, read } = projectFolder({ "a.ax": UNFORMATTED, "b.ax": FORMATTED });
    expect(await boruna(["fmt", "--check", "a.ax", "b.ax"], { cwd })).toMatchObject({ code: 1, stdout: "a.ax\n" });
    expect(read("a.ax")).toBe(UNFORMATTED);
    expect(await boruna(["fmt", "--check", "b.ax"], { cwd })).toMatchObject({ code: 0, stdout: "" });
  });

  test("--stdout prints", async () => {
    const { cwd, read } = projectFolder({ "a.ax": UNFORMATTED });
    expect(await boruna(["fmt", "--stdout", "a.ax"], { cwd })).toMatchObject({ code: 0, stdout: FORMATTED });
    expect(read("a.ax")).toBe(UNFORMATTED);
    expect((await boruna(["fmt", "--stdout", "--check", "a.ax"], { cwd })).code).toBe(2);
  });

  test("--json", async () => {
    const { cwd } = projectFolder({ "a.ax": UNFORMATTED, "b.ax": FORMATTED });
    const ended = await boruna(["fmt", "--json", "a.ax", "b.ax"], { cwd });
    expect(JSON.parse(ended.stdout)).toEqual({
      protocol_version: 1,
      files: [
        { file: "a.ax", changed: true },
        { file: "b.ax", changed: false },
      ],
    });
  });

  test("reports syntax errors, and writes nothing", async () => {
    const { cwd, read } = projectFolder({ "a.ax": UNFORMATTED, "b.ax": "fn main( {" });
    const ended = await boruna(["fmt", "a.ax", "b.ax"], { cwd });
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain("error[E002]");
    expect(read("a.ax")).toBe(UNFORMATTED);
    const json = await boruna(["fmt", "--json", "b.ax"], { cwd });
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, diagnostics: [{ code: "E002", file: "b.ax" }] });
  });

  test("a missing file, and no file", async () => {
    expect(await boruna(["fmt", "nowhere.ax"])).toMatchObject({ code: 2, stdout: "" });
    expect((await boruna(["fmt"])).code).toBe(2);
  });

  test("our own programs are in the one form", async () => {
    const files = readdirSync(EXAMPLES, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ax"));
    const library = join(EXAMPLES, "..", "std", "std-json", "src", "core.ax");
    expect(await boruna(["fmt", "--check", ...files, library])).toMatchObject({ code: 0, stdout: "" });
  });
});
