import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { editDistance, nearest } from "../../vm/nearest.ts";

describe("nearest", () => {
  test("the only name at most two edits away", () => {
    expect(nearest("lenght", ["length", "width"])).toBe("length");
    expect(nearest("pritn", ["print", "paint"])).toBe("print");
    expect(nearest("string", ["String"])).toBe("String");
    expect(nearest("coutner", ["counter", "counter", "cost"])).toBe("counter");
    expect(nearest("abcdef", ["uvwxyz"])).toBeUndefined();
  });

  test("no guess for a tie, or when nothing is similar", () => {
    expect(nearest("cat", ["bat", "rat"])).toBeUndefined();
    expect(nearest("cat", ["bat", "rat", "cats2"])).toBeUndefined();
    expect(nearest("x", ["y"])).toBeUndefined();
    expect(nearest("x", ["x"])).toBeUndefined();
    expect(nearest("", ["a"])).toBeUndefined();
  });

  test("is bounded", () => {
    expect(nearest("a".repeat(65), ["a".repeat(64)])).toBeUndefined();
    expect(nearest("abcd", [...Array.from({ length: 10_000 }, (_, i) => `zzzzzzz${i}`), "abce"])).toBeUndefined();
  });
});

describe("edit distance", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 6 });

  test("is a metric, and the bound only cuts it off", () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b, 20);
        expect(distance).toBe(editDistance(b, a, 20));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(editDistance(a, b, 2)).toBe(Math.min(distance, 3));
      }),
    );
  });
});
