/** Programs that say on their first line how they end: `// expect: value V`, `trap KIND`, `warning CODE` or `compile-error [CODE]`. */
import { existsSync, readFileSync } from "node:fs";
import { check, compile, compileTests } from "../compiler/compile.ts";
import type { Resolver } from "../compiler/load-units.ts";
import { runTest } from "../gateway/test-run.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { runSource } from "./run-program.ts";

/** Returns what the first line expects. Undefined if it expects nothing. */
export function expectationOf(text: string): string | undefined {
  return /^\/\/ expect: (.*?)\r?\n/.exec(text)?.[1];
}

const STD = new URL("../std/", import.meta.url);

/** The shipped libraries. */
export const resolve: Resolver = (specifier) => {
  const file = new URL(`${specifier}/src/core.ax`, STD);
  return existsSync(file) ? { name: `std/${specifier}/src/core.ax`, text: readFileSync(file, "utf8") } : undefined;
};

/** Returns the names of the program's tests that fail, each with the reason. */
export async function failedTests(text: string): Promise<readonly string[]> {
  const { module, tests } = compileTests({ name: "main.ax", text }, { resolve });
  if (module === undefined) return [];
  const program = verifyModule(module);
  const results = await Promise.all(tests.map(async (test) => ({ test, result: await runTest(program, test) })));
  return results.flatMap(({ test, result }) => (result.passed ? [] : [`${test.name}: ${result.error?.message ?? "an answer failed"}`]));
}

/** Runs a program and returns how it ends, in the form of an expectation: the two texts are equal if the expectation holds. */
export async function outcome(text: string, expectation: string): Promise<string> {
  const [, kind, detail] = /^(value|trap|warning|compile-error)\s*(.*)$/.exec(expectation) ?? [];
  const { ok, diagnostics } = check({ name: "main.ax", text }, { resolve });
  if (kind === "compile-error") {
    const codes = diagnostics.filter((d) => d.severity === "error").map((d) => d.code);
    if (ok) return "compiles";
    return detail === "" || codes.some((c) => c === detail) ? expectation : `compile-error ${codes.join(" ")}`;
  }
  if (!ok) return diagnostics.map((d) => `${d.code} ${d.message}`).join("\n");
  const { module } = compile({ name: "main.ax", text }, { resolve });
  const dynamic = verifyModule(module).functions.filter((f) => !f.staticallyStacked);
  if (dynamic.length > 0) return `dynamically stacked: ${dynamic.map((f) => f.def.name).join(", ")}`;
  if (kind === "warning") {
    const codes = diagnostics.map((d) => d.code);
    return codes.some((c) => c === detail) ? expectation : `warnings: ${codes.join(" ")}`;
  }
  const ran = await runSource(text, { resolve });
  return kind === "trap" ? ran.text : `value ${ran.text}`;
}
