import fc from "fast-check";
import { expect, test } from "vitest";
import { MapValue } from "../../vm/map.ts";
import { compareUtf8, utf8Length } from "../../vm/utf8.ts";

const key = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 4 }),
  fc.constantFrom("", "a", "b", "\uE000", "\u{10000}", "\uFFFF", "__proto__", "constructor"),
);
const bytes = (text: string): Buffer => Buffer.from(text, "utf8");

test("maps behave as sorted entries in every version", () => {
  const operation = fc.record({ remove: fc.boolean(), key, value: fc.integer(), on: fc.nat() });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
      const versions: [MapValue, Map<string, number>][] = [[MapValue.EMPTY, new Map()]];
      for (const step of operations) {
        const [map, model] = versions[step.on % versions.length] ?? [MapValue.EMPTY, new Map<string, number>()];
        const next = new Map(model);
        if (step.remove) next.delete(step.key);
        else next.set(step.key, step.value);
        versions.push([step.remove ? map.delete(step.key) : map.set(step.key, step.value), next]);
      }
      for (const [map, model] of versions) {
        const sorted = [...model].sort(([a], [b]) => Buffer.compare(bytes(a), bytes(b)));
        expect([...map.entries()]).toEqual(sorted);
        expect([...map.keys()]).toEqual(sorted.map(([k]) => k));
        expect([...map.values()]).toEqual(sorted.map(([, v]) => v));
        expect(map.size).toBe(model.size);
        for (const step of operations) {
          expect(map.get(step.key)).toBe(model.get(step.key));
          expect(map.has(step.key)).toBe(model.has(step.key));
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("the last of two equal keys counts", () => {
  const map = MapValue.from([
    ["a", 1],
    ["a", 2],
  ]);
  expect([...map.entries()]).toEqual([["a", 2]]);
  expect(map.delete("b")).toBe(map);
  expect(map.tag).toBe("Map");
});

test("text compares and measures as its UTF-8 bytes", () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(bytes(a), bytes(b)));
      expect(utf8Length(a)).toBe(bytes(a).length);
    }),
  );
});

test("stays balanced for keys in order", () => {
  let map = MapValue.EMPTY;
  for (let i = 0; i < 20_000; i++) map = map.set(String(i).padStart(6, "0"), i);
  expect(map.size).toBe(20_000);
  expect(map.get("019999")).toBe(19_999);
});
