/** Searches in texts and pieces of texts. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteOffsets, charactersOf, countCodePoints } from "../../../vm/builtins/text-search.ts";

test("the characters of a text are its code points, however long it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", "é", "字", "😀"), maxLength: 40 }), (text) => {
      expect(charactersOf(text, countCodePoints(text))).toEqual(Array.from(text));
    }),
  );
  expect(charactersOf("ab".repeat(1_000), 2_000)).toHaveLength(2_000);
});

const TEXTS = fc
  .array(fc.tuple(fc.constantFrom("ASCII text. ", "a", "é", "字", "😀"), fc.nat({ max: 12 })))
  .map((parts) => parts.map(([part, count]) => part.repeat(count)).join(""));
const encoder = new TextEncoder();

test("offsets in UTF-8 are those of an encoder, whatever was asked before", () => {
  fc.assert(
    fc.property(
      fc.array(TEXTS, { minLength: 1, maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 20 }),
      (texts, asked) => {
        const offsets = new ByteOffsets();
        for (const [which, place] of asked) {
          const text = texts[which % texts.length] ?? "";
          const starts = Array.from(text).reduce((ends, character) => [...ends, (ends.at(-1) ?? 0) + character.length], [0]);
          const index = starts[place % starts.length] ?? 0;
          const offset = encoder.encode(text.slice(0, index)).length;
          expect(offsets.ofUnitIndex(text, index)).toBe(offset);
          expect(offsets.toUnitIndex(text, offset)).toBe(index);
          if (index > 0 && text.charCodeAt(index - 1) >= 0x80) expect(offsets.toUnitIndex(text, offset - 1)).toBe(-1);
          expect(offsets.byteLength(text)).toBe(encoder.encode(text).length);
          expect(offsets.toUnitIndex(text, offsets.byteLength(text) + 1)).toBe(-1);
        }
      },
    ),
  );
});
