/** The logs of all programs of the language tests replay, also if the program traps at some instruction. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { check, compile } from "../../compiler/compile.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { CONFORMANCE_ROOT } from "../conformance.ts";
import { resolve } from "../outcome.ts";
import { recorded, replayed } from "./recorded.ts";

const FOLDERS = [join(CONFORMANCE_ROOT, "language"), new URL("../language/", import.meta.url).pathname];

describe.each(FOLDERS)("%s", (folder) => {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".ax")) : [];
  test.each(names)("%s", async (name) => {
    const source = { name: "main.ax", text: readFileSync(join(folder, name), "utf8") };
    // Some programs do not compile. Some are there for a warning, and their main has parameters without arguments.
    if (!check(source, { resolve }).ok || /fn main\(\w/.test(source.text)) return;
    const program = verifyModule(compile(source, { resolve }).module);
    const recording = await recorded(program, { limits: { max_steps: 1_000_000, max_alloc_bytes: 100_000_000 } });
    const { status, divergence, result } = await replayed(recording);
    expect({ status, divergence }).toEqual({ status: "identical", divergence: undefined });
    expect(result.steps).toBe(recording.run.result.steps);
  });
});
