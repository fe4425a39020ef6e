/** Programs with their expectation on the first line: those of the conformance set and our own. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { verifyModule } from "../../vm/verifier.ts";
import { compile } from "../../compiler/compile.ts";
import { CONFORMANCE_ROOT } from "../conformance.ts";
import { runSource } from "../run-program.ts";

const OWN = new URL("../language/", import.meta.url).pathname;

const folders = [
  ["conformance", join(CONFORMANCE_ROOT, "language")],
  ["own", OWN],
] as const;

async function outcome(text: string, expectation: string): Promise<string> {
  const [, kind, detail] = /^(value|trap|warning|compile-error)\s*(.*)$/.exec(expectation) ?? [];
  const { ok, diagnostics } = check({ name: "main.ax", text });
  if (kind === "compile-error") {
    const codes = diagnostics.filter((d) => d.severity === "error").map((d) => d.code);
    if (ok) return "compiles";
    return detail === "" || codes.some((c) => c === detail) ? expectation : `compile-error ${codes.join(" ")}`;
  }
  if (!ok) return diagnostics.map((d) => `${d.code} ${d.message}`).join("\n");
  const { module } = compile({ name: "main.ax", text });
  const irregular = verifyModule(module).functions.filter((f) => !f.regular);
  if (irregular.length > 0) return `irregular: ${irregular.map((f) => f.def.name).join(", ")}`;
  if (kind === "warning") {
    const codes = diagnostics.map((d) => d.code);
    return codes.some((c) => c === detail) ? expectation : `warnings: ${codes.join(" ")}`;
  }
  const ran = await runSource(text);
  return kind === "trap" ? ran.text : `value ${ran.text}`;
}

for (const [title, folder] of folders) {
  describe(`language: ${title}`, () => {
    const files = existsSync(folder) ? readdirSync(folder).filter((f) => f.endsWith(".ax")) : [];
    test("there are cases", () => expect(files.length).toBeGreaterThan(50));
    test.each(files)("%s", async (file) => {
      const text = readFileSync(join(folder, file), "utf8");
      const expectation = /^\/\/ expect: (.*?)\r?\n/.exec(text)?.[1] ?? "";
      expect(await outcome(text, expectation)).toBe(expectation);
    });
  });
}
