import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { someOf } from "../cases.ts";
import { environment, MAIN } from "./boruna.ts";

const SPY = fileURLToPath(new URL("script-spy.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "boruna-code-cache-"));
const bin = join(folder, "dist", "bin");
const core = join(bin, "core.js");
const cache = `${core}.${process.version}-${process.arch}.cache`;
const program = join(folder, "one.ax");

/** Runs the copied command. Returns what it printed, and whether V8 used kept code. */
function run(
  args: readonly string[] = ["run", program],
  env: Readonly<Record<string, string>> = {},
): { stdout: string; stderr: string; code: string } {
  const scripts = join(folder, "scripts");
  rmSync(scripts, { force: true });
  const { stdout, stderr } = spawnSync(process.execPath, ["--import", SPY, join(bin, "boruna.js"), ...args], {
    encoding: "utf8",
    env: environment({ SCRIPTS: scripts, ...env }),
  });
  return { stdout, stderr, code: existsSync(scripts) ? readFileSync(scripts, "utf8") : "no script" };
}

beforeEach(() => {
  rmSync(join(folder, "dist"), { recursive: true, force: true });
  cpSync(dirname(MAIN), bin, { recursive: true, filter: (path) => !/\.cache(\.\d+)?$/.test(path) });
  writeFileSync(program, "fn main() -> Int { 1 }\n");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the code that V8 made is kept beside core.js", () => {
  test("by the first run, for all later commands", () => {
    expect(run()).toEqual({ stdout: "1\n", stderr: "", code: "none" });
    expect(readdirSync(bin).filter((name) => name.includes(".cache"))).toEqual([cache.slice(bin.length + 1)]);
    expect(run()).toEqual({ stdout: "1\n", stderr: "", code: "used" });
    expect(run(["explain", "E007"]).code).toBe("used");
  });

  test("not by a command that uses little of it", () => {
    run(["explain", "E007"]);
    expect(existsSync(cache)).toBe(false);
  });

  test("and made again when core.js changes, even if its length stays the same", () => {
    run();
    const text = readFileSync(core, "utf8");
    const changed = text.replaceAll("has no effect without", "has no use if without");
    expect(changed).not.toBe(text);
    expect(changed.length).toBe(text.length);
    writeFileSync(core, changed);
    expect(run().code).toBe("none");
    expect(run().code).toBe("used");
  });

  test("and not used if it is damaged anywhere, or cut", () => {
    run();
    const bytes = readFileSync(cache);
    const { size } = statSync(core);
    const places = [size + 100, 0, size, Math.floor((size + bytes.length) / 2) + 100, bytes.length - 1];
    for (const at of someOf(places)) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      writeFileSync(cache, damaged);
      expect(run()).toEqual({ stdout: "1\n", stderr: "", code: "none" });
    }
    for (const length of someOf([bytes.length - 1, 0, 1, size])) {
      writeFileSync(cache, bytes.subarray(0, length));
      expect(run().stdout).toBe("1\n");
    }
    expect(run().code).toBe("used");
  });

  test("and it can import the module of --capabilities", () => {
    const capabilities = join(folder, "caps.mjs");
    writeFileSync(capabilities, "export const capabilities = [];\n");
    for (const code of ["none", "used"])
      expect(run(["run", program, "--capabilities", capabilities])).toEqual({ stdout: "1\n", stderr: "", code });
  });

  test("unless NODE_DISABLE_COMPILE_CACHE is set", () => {
    expect(run(undefined, { NODE_DISABLE_COMPILE_CACHE: "1" })).toEqual({ stdout: "1\n", stderr: "", code: "no script" });
    expect(existsSync(cache)).toBe(false);
  });

  test("and a run does not fail where it cannot be kept", () => {
    mkdirSync(cache);
    expect(run()).toEqual({ stdout: "1\n", stderr: "", code: "none" });
    expect(readdirSync(bin).filter((name) => /\.cache\.\d+$/.test(name))).toEqual([]);
  });

  test.runIf(process.platform !== "win32")("and a named pipe in its place does not block the start", () => {
    execFileSync("mkfifo", [cache]);
    expect(run()).toEqual({ stdout: "1\n", stderr: "", code: "none" });
    expect(run().code).toBe("used");
  });

  test.runIf(process.getuid?.() === 0)("and another user's is neither read nor written", () => {
    run();
    chownSync(cache, 12_345, 12_345);
    expect(run().code).toBe("none");
    rmSync(cache);
    chownSync(core, 12_345, 12_345);
    run();
    expect(existsSync(cache)).toBe(false);
  });
});
