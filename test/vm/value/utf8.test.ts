import fc from "fast-check";
import { expect, test } from "vitest";
import { valueBytes } from "../../../gateway/logged-bytes.ts";
import { canonicalJson } from "../../../vm/json/json.ts";
import { valueToTaggedJson } from "../../../vm/json/tagged-json.ts";
import { utf8Chunks, utf8Length } from "../../../vm/value/utf8.ts";
import { scaledRuns } from "../../cases.ts";

/** Texts of more than one chunk. Each pad shifts what follows it by some code units, so that a pair may be at the boundary of two chunks. */
const longText = fc
  .array(fc.tuple(fc.constantFrom("x", '"', "\n", "\u0001", "\x7f", "é", "漢", "😀"), fc.integer({ min: 1, max: 9_000 })), { maxLength: 6 })
  .map((parts) => parts.map(([character, count]) => character.repeat(count)).join(""));

test("a long text has as many bytes in UTF-8, and as JSON, as its encoded form", () => {
  fc.assert(
    fc.property(longText, (text) => {
      expect(utf8Length(text)).toBe(Buffer.byteLength(text));
      expect(valueBytes(text)).toBe(Buffer.byteLength(canonicalJson(valueToTaggedJson(text))));
      let decoded = "";
      for (const chunk of utf8Chunks(text)) decoded += new TextDecoder().decode(chunk);
      expect(decoded).toBe(text);
    }),
    { numRuns: scaledRuns(2_000) },
  );
});
