/** Every page of `boruna explain` agrees with the compiler. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { check, compile } from "../../compiler/compile.ts";
import { DIAGNOSTICS } from "../../compiler/diagnostics.ts";
import { elisionNote, EXPLANATIONS, exampleSources, isDiagnosticCode } from "../../compiler/explanations.ts";
import { renderDiagnostic } from "../../compiler/render.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { testChunks } from "../golden-chunks.ts";

const COMPILER = fileURLToPath(new URL("../../compiler/", import.meta.url));

const codes = Object.keys(DIAGNOSTICS).filter(isDiagnosticCode);
const explained = codes.flatMap((code) => {
  const page = EXPLANATIONS[code];
  return "unreachable" in page ? [] : [{ code, ...page }];
});
const unreachable = codes.filter((code) => "unreachable" in EXPLANATIONS[code]);

describe.each(explained)("$code", ({ code, wrong, right }) => {
  test("the wrong program has this diagnostic and no other", () => {
    const sources = exampleSources(wrong);
    const { ok, diagnostics } = check(sources.source, sources);
    expect(diagnostics.map((d) => [d.code, d.severity])).toEqual([[code, DIAGNOSTICS[code].severity]]);
    expect(ok).toBe(DIAGNOSTICS[code].severity === "warning");
  });

  test("the right program has no diagnostics", () => {
    const sources = exampleSources(right);
    expect(compile(sources.source, sources).diagnostics).toEqual([]);
  });

  test("the two programs differ", () => {
    expect(exampleSources(wrong).source.text).not.toBe(exampleSources(right).source.text);
  });

  test("imported files have no diagnostics", () => {
    for (const example of [wrong, right]) {
      for (const file of exampleSources(example).otherFiles) expect(check(file).diagnostics).toEqual([]);
    }
  });
});

describe("the messages", () => {
  const chunks = testChunks(new URL("golden/explanations.txt", import.meta.url), (_program, title) => {
    const page = explained.find(({ code }) => code === title);
    if (page === undefined) throw new Error(`${title} is not a reachable code`);
    const sources = exampleSources(page.wrong);
    const { diagnostics, sourceOf } = check(sources.source, sources);
    return diagnostics.map((d) => `${renderDiagnostic(d, sourceOf)}\n`).join("\n");
  });

  test("the golden file has the wrong program of every reachable code", () => {
    expect(chunks.map(({ title, program }) => [title, program])).toEqual(explained.map(({ code, wrong }) => [code, `${wrong.text}\n`]));
  });
});

test("the compiler never reports a code that is documented as unreachable", () => {
  const tables = new Set(["diagnostics.ts", "explanations.ts"]);
  const files = readdirSync(COMPILER, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts") && !tables.has(name));
  expect(files.length).toBeGreaterThan(20);
  for (const name of files) {
    const text = readFileSync(join(COMPILER, name), "utf8");
    for (const code of unreachable) expect(text.includes(code), `${name} names ${code}`).toBe(false);
  }
});

test("255 parameters are allowed, as the page of E008 says", () => {
  const withParameters = (count: number): string => {
    const list = (item: (i: number) => string): string => Array.from({ length: count }, (_, i) => item(i)).join(", ");
    return `fn f(${list((i) => `p${i}: Int`)}) -> Int { p0 }\nfn main() -> Int { f(${list(String)}) }\n`;
  };
  const verified = (count: number) => () => verifyModule(compile({ name: "main.ax", text: withParameters(count) }).module);
  expect(verified(255)).not.toThrow();
  expect(verified(256)).toThrow("E015: `f` is too large: more than 255 parameters");
});

test("the compiler reports every reachable code, so the test above can find one", () => {
  const all = readdirSync(COMPILER, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && name !== "diagnostics.ts" && name !== "explanations.ts")
    .map((name) => readFileSync(join(COMPILER, name), "utf8"))
    .join("\n");
  expect(explained.map(({ code }) => code).filter((code) => !all.includes(`"${code}"`))).toEqual([]);
});

test("each page is one paragraph of complete sentences", () => {
  for (const code of codes) {
    const page = EXPLANATIONS[code];
    for (const text of "unreachable" in page ? [page.why, page.whyUnreachable] : [page.why]) expect(text).toMatch(/^[A-Z`][^\n]{80,}\.$/);
  }
});

describe("an example with elided parts", () => {
  const example = { text: "a…b…c", elision: { parts: ["$&", ")"], times: 3 } };

  test("is complete for the compiler", () => {
    expect(exampleSources(example).source).toEqual({ name: "main.ax", text: "a$&$&$&b)))c\n" });
  });

  test("says on the page what is elided", () => {
    expect(elisionNote(example)).toBe("Here … is short for 3 × `$&` and 3 × `)`.");
    expect(elisionNote({ text: "a" })).toBeUndefined();
  });
});

test("a name from Object.prototype is not a code", () => {
  expect(["toString", "__proto__", "e007", ""].filter(isDiagnosticCode)).toEqual([]);
});
