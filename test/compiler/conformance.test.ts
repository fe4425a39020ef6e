/** Programs with their expected result on the first line: test/conformance and test/language. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CONFORMANCE_ROOT } from "../conformance.ts";
import { expectationOf, outcome } from "../outcome.ts";

const OWN = new URL("../language/", import.meta.url).pathname;

const folders = [
  ["conformance", join(CONFORMANCE_ROOT, "language")],
  ["own", OWN],
] as const;

for (const [title, folder] of folders) {
  describe(`language: ${title}`, () => {
    const files = existsSync(folder) ? readdirSync(folder).filter((f) => f.endsWith(".ax")) : [];
    test("there are cases", () => expect(files.length).toBeGreaterThan(50));
    test.each(files)("%s", async (file) => {
      const text = readFileSync(join(folder, file), "utf8");
      const expectation = expectationOf(text) ?? "";
      expect(await outcome(text, expectation)).toBe(expectation);
    });
  });
}
