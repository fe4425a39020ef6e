/** Every promise of the threat model and of COMPATIBILITY.md names tests that hold it, and these tests exist. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "./imports.ts";

interface TestReference {
  readonly file: string;
  /** A part of a test's title. Undefined if all tests of the file together hold the promise. */
  readonly title: string | undefined;
}

/** The rows of the table below the heading: the first cell, and the tests that the last cell names. */
function promisesOf(page: string, heading: string): readonly { readonly promise: string; readonly holders: readonly TestReference[] }[] {
  const section = readFileSync(join(ROOT, page), "utf8").split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| "));
  return rows.slice(1).map((row) => {
    const cells = row.split(" | ");
    const holders = (cells.at(-1) ?? "").split("; ").flatMap((text): readonly TestReference[] => {
      const [, file, title] = /`(test\/[\w./-]+)`(?:: (.+?))?(?: \|)?$/.exec(text) ?? [];
      return file === undefined ? [] : [{ file, title }];
    });
    return { promise: (cells[0] ?? "").slice(2), holders };
  });
}

describe.each([
  { page: "docs/guide/threat-model.md", heading: "What is defended, and how", least: 36 },
  { page: "COMPATIBILITY.md", heading: "What is stable", least: 8 },
])("$page", ({ page, heading, least }) => {
  const promises = promisesOf(page, heading);

  test("has its promises", () => expect(promises.length).toBeGreaterThanOrEqual(least));

  test.each(promises)("$promise", ({ holders }) => {
    expect(holders.length).toBeGreaterThan(0);
    const missing = holders.filter(({ file, title }) => {
      if (!existsSync(join(ROOT, file))) return true;
      return title !== undefined && !readFileSync(join(ROOT, file), "utf8").includes(title);
    });
    expect(missing).toEqual([]);
  });
});

test("SECURITY.md and the README lead to the threat model and to COMPATIBILITY.md", () => {
  expect(readFileSync(join(ROOT, "SECURITY.md"), "utf8")).toContain("](docs/guide/threat-model.md)");
  expect(readFileSync(join(ROOT, "README.md"), "utf8")).toMatch(/\]\(SECURITY\.md\)[\s\S]*\]\(COMPATIBILITY\.md\)/);
});
