import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { REFERENCE_FOLDER, referencePages } from "../../scripts/reference.ts";

test.each([...referencePages()])("docs/%s says what the tables say (npm run docs)", (name, text) => {
  expect(readFileSync(`${REFERENCE_FOLDER}${name}`, "utf8")).toBe(text);
});
