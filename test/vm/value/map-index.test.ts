import fc from "fast-check";
import { expect, test } from "vitest";
import { MapIndex } from "../../../vm/value/map-index.ts";
import { scaledRuns } from "../../cases.ts";

/** Long keys that are equal in all code units that are hashed. */
const alike = (n: number): string => `${"x".repeat(25)}${String(n).padStart(3, "0")}${"x".repeat(2_000)}`;

test("finds the newest entry of each key, and from it the previous ones", () => {
  const key = fc.oneof(
    fc.string({ maxLength: 20, unit: "binary" }),
    fc.constantFrom("", "\0", "\0\0", "a", "a\0", "ÿ", "Ā"),
    fc.nat(5).map(alike),
  );
  fc.assert(
    fc.property(fc.array(key, { maxLength: 200, size: "max" }), fc.nat(40), (keys, room) => {
      const index = new MapIndex(room + 1);
      const newest = new Map<string, number>();
      keys.forEach((text, i) => {
        const before = newest.get(text) ?? 0;
        expect(index.add(text)).toBe(before);
        expect(index.previous(i + 1)).toBe(before);
        newest.set(text, i + 1);
      });
      expect(index.count).toBe(keys.length);
      for (const [i, text] of keys.entries()) {
        expect(index.find(text)).toBe(newest.get(text));
        expect(index.keyOf(i + 1)).toBe(text);
        expect(index.find(`${text}\u0001not there`)).toBe(0);
      }
      const replaced = index.flagReplaced(keys.length);
      keys.forEach((text, i) => expect(replaced[i + 1]).toBe(newest.get(text) === i + 1 ? 0 : 1));
    }),
    { numRuns: scaledRuns(60) },
  );
});

test("colliding keys are refused after a few, and the others are still found", () => {
  const index = new MapIndex(4);
  const given = Array.from({ length: 20 }, (_, i) => index.add(alike(i)));
  expect(given).toEqual([...Array.from({ length: 8 }, () => 0), ...Array.from({ length: 12 }, () => -1)]);
  expect(index.count).toBe(8);
  expect(index.find(alike(7))).toBe(8);
  expect(index.find(alike(8))).toBe(0);
  expect(index.add(alike(3))).toBe(4);
  expect(index.find(alike(3))).toBe(9);
});

test("many consecutive keys are all added", () => {
  for (const name of [(i: number) => `key-${i}`, String, (i: number) => `${i * 1_024}`, (i: number) => `${"long text ".repeat(9)}${i}`]) {
    const index = new MapIndex(32);
    for (let i = 0; i < 60_000; i++) if (index.add(name(i)) !== 0) throw new Error(`no place for ${name(i)}`);
    expect(index.find(name(59_999))).toBe(60_000);
    expect(index.find(name(60_000))).toBe(0);
  }
});
