/** Runs the examples of `docs/guide/embedding.md`, and checks what the package exports. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { OUTCOMES } from "../../vm/outcome.ts";
import { apiSections } from "../../scripts/api-page.ts";
import { ROOT } from "./imports.ts";
import { expectPrinted, tsBlocks } from "./ts-blocks.ts";

const examples = tsBlocks("docs/guide/embedding.md");

describe("docs/guide/embedding.md", () => {
  test.each(examples)("$title ($file) prints what its comments say", expectPrinted);

  test("has an example of each part", () => {
    expect(new Set(examples.map(({ title }) => title)).size).toBeGreaterThanOrEqual(10);
  });
});

test("the tables of answers over HTTP have every outcome of a run", () => {
  const section = readFileSync(join(ROOT, "docs/guide/embedding.md"), "utf8").split("## Answers over HTTP")[1]?.split("\n## ")[0] ?? "";
  // Leave out the two outcomes with which only replays end.
  const outcomes = Object.keys(OUTCOMES).filter((outcome) => !["divergence", "incomplete"].includes(outcome));
  expect([...outcomes, "lost"].filter((outcome) => !section.includes(`\`${outcome}\``))).toEqual([]);
});

describe("docs/reference/api.md", () => {
  const exports = apiSections().flatMap((section) => section.exports);

  test("lists every value that the package exports", async () => {
    const names = exports.map(({ name }) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    expect(names).toEqual(expect.arrayContaining(Object.keys(await import("../../index.ts"))));
  });

  test("every export of the gateway and of the embedding entry has a docstring", () => {
    const bare = exports.filter(({ file, doc }) => /^(gateway|runtime)\//.test(file) && doc === "");
    expect(bare.map(({ name }) => name)).toEqual([]);
  });
});
