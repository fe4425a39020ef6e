/** Searches in texts and pieces of texts. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { charactersOf, countCodePoints } from "../../../vm/builtins/text-search.ts";

test("the characters of a text are its code points, however long it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", "é", "字", "😀"), maxLength: 40 }), (text) => {
      expect(charactersOf(text, countCodePoints(text))).toEqual(Array.from(text));
    }),
  );
  expect(charactersOf("ab".repeat(1_000), 2_000)).toHaveLength(2_000);
});
