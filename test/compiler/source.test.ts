import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byteOffset, countCodePoints, lineBounds, lineTable, positionAt } from "../../compiler/source.ts";

const text = fc.string({ unit: fc.constantFrom("a", "é", "😀", "\n", "\r\n", "\r", "\t", "\ud800"), maxLength: 60 });

describe("positions", () => {
  test("lines and columns count from 1, columns in code points", () => {
    const table = lineTable("ab\né😀x\r\n\nend");
    const at = (offset: number): string => {
      const { line, column } = positionAt(table, offset);
      return `${line}:${column}`;
    };
    expect([0, 1, 2, 3, 4, 6, 7, 9, 10, 13].map(at)).toEqual(["1:1", "1:2", "1:3", "2:1", "2:2", "2:3", "2:4", "3:1", "4:1", "4:4"]);
    expect([-5, 999].map(at)).toEqual(["1:1", "4:4"]);
    expect(at(7)).toBe("2:4");
  });

  test("the bounds of a line exclude its line end", () => {
    const table = lineTable("ab\r\ncd\n");
    expect([1, 2, 3, 9].map((line) => lineBounds(table, line))).toEqual([
      { start: 0, end: 2 },
      { start: 4, end: 6 },
      { start: 7, end: 7 },
      { start: 7, end: 7 },
    ]);
  });

  test("binary search agrees with counting", () => {
    fc.assert(
      fc.property(text, fc.nat(70), (source, offset) => {
        const clamped = Math.min(offset, source.length);
        const before = source.slice(0, clamped).split("\n");
        const { line, column } = positionAt(lineTable(source), offset);
        expect(line).toBe(before.length);
        const last = before.at(-1) ?? "";
        expect(column).toBe(countCodePoints(last, 0, last.length) + 1);
      }),
    );
  });

  test("byte offsets agree with TextEncoder", () => {
    fc.assert(
      fc.property(text, (source) => {
        // TextEncoder writes half a character as U+FFFD, so only offsets between characters are compared.
        let offset = 0;
        for (const character of source.replace(/[\ud800-\udfff]/gu, "\ufffd")) {
          expect(byteOffset(source.replace(/[\ud800-\udfff]/gu, "\ufffd"), offset)).toBe(
            new TextEncoder().encode(source.replace(/[\ud800-\udfff]/gu, "\ufffd").slice(0, offset)).length,
          );
          offset += character.length;
        }
      }),
    );
  });
});
