/** Runs the examples of `docs/guide/embedding.md`, and checks what the package exports. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { apiSections } from "../../scripts/api-page.ts";
import { ROOT } from "./imports.ts";

const PAGE = readFileSync(join(ROOT, "docs/guide/embedding.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "boruna-embedding-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** The title of the section, its number of the example in the page, and its text. */
const examples = [...PAGE.matchAll(/^```ts\n([^]*?)^```$/gm)].map(({ index, 1: text = "" }, i) => ({
  title: /^## (.*)$/m.exec(PAGE.slice(PAGE.lastIndexOf("\n## ", index)))?.[1] ?? "",
  file: `example-${i}.ts`,
  text,
}));

describe("docs/guide/embedding.md", () => {
  test.each(examples)("$title ($file) prints what its comments say", async ({ file, text }) => {
    const printed: string[] = [];
    vi.spyOn(console, "log").mockImplementation((...values) => void printed.push(values.map((value) => value ?? String(value)).join(" ")));
    const path = join(folder, file);
    writeFileSync(path, text.replaceAll('from "boruna"', `from ${JSON.stringify(pathToFileURL(join(ROOT, "index.ts")).href)}`));
    await import(path);
    const expected = [...text.matchAll(/console\.log\(.*\)[;,] \/\/ (.*)$/gm)].map(([, comment = ""]) => comment);
    // A call that prints several lines has them all in its comment.
    const lines = expected.flatMap((line) => (printed.includes(line) ? [line] : line.split(", ")));
    expect(printed.toSorted()).toEqual(lines.toSorted());
    expect(expected.length).toBeGreaterThan(0);
  });

  test("has an example of each part", () => {
    expect(new Set(examples.map(({ title }) => title)).size).toBeGreaterThanOrEqual(10);
  });
});

describe("docs/reference/api.md", () => {
  const exports = apiSections().flatMap((section) => section.exports);

  test("lists every value that the package exports", async () => {
    const names = exports.map(({ name }) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    expect(names).toEqual(expect.arrayContaining(Object.keys(await import("../../index.ts"))));
  });

  test("says of every export of the gateway and the embedding entry what it is", () => {
    const bare = exports.filter(({ file, doc }) => /^(gateway|runtime)\//.test(file) && doc === "");
    expect(bare.map(({ name }) => name)).toEqual([]);
  });
});
