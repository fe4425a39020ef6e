/** Runs the examples of `docs/guide/embedding.md`, and checks what the package exports. */
import { describe, expect, test } from "vitest";
import { apiSections } from "../../scripts/api-page.ts";
import { expectPrinted, tsBlocks } from "./ts-blocks.ts";

const examples = tsBlocks("docs/guide/embedding.md");

describe("docs/guide/embedding.md", () => {
  test.each(examples)("$title ($file) prints what its comments say", expectPrinted);

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
