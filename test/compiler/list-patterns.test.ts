/** Compares matches of list patterns with a model that tries every short list: which lists are covered, and which arm both engines take. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { check, compile } from "../../compiler/compile.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { scaledRuns } from "../cases.ts";
import { countsOf, sameOnBoth } from "../vm/engines.ts";

/** A pattern for a Bool: null matches both. */
type Element = boolean | null;
interface ListPattern {
  readonly prefix: readonly Element[];
  readonly suffix: readonly Element[];
  readonly isOpen: boolean;
}

const element = fc.constantFrom<Element>(true, false, null, null);
const pattern: fc.Arbitrary<ListPattern> = fc.oneof(
  fc.array(element, { maxLength: 3 }).map((prefix) => ({ prefix, suffix: [], isOpen: false })),
  fc.record({ prefix: fc.array(element, { maxLength: 2 }), suffix: fc.array(element, { maxLength: 2 }), isOpen: fc.constant(true) }),
);

const elementText = (e: Element): string => (e === null ? "_" : String(e));
const patternText = ({ prefix, suffix, isOpen }: ListPattern): string =>
  `[${[...prefix.map(elementText), ...(isOpen ? [".."] : []), ...suffix.map(elementText)].join(", ")}]`;

function matches({ prefix, suffix, isOpen }: ListPattern, list: readonly boolean[]): boolean {
  const least = prefix.length + suffix.length;
  if (isOpen ? list.length < least : list.length !== least) return false;
  const fits = (e: Element, value: boolean | undefined): boolean => e === null || e === value;
  return prefix.every((e, i) => fits(e, list[i])) && suffix.every((e, i) => fits(e, list[list.length - suffix.length + i]));
}

/** Longer lists match the same patterns as one of these, because no pattern names more than 4 elements. */
const LISTS: readonly (readonly boolean[])[] = Array.from({ length: 6 }, (_, length) =>
  Array.from({ length: 2 ** length }, (_, bits) => Array.from({ length }, (_, i) => ((bits >> i) & 1) === 1)),
).flat();

const armOf = (patterns: readonly ListPattern[], list: readonly boolean[]): number => patterns.findIndex((p) => matches(p, list));

test("E005 is reported exactly if a list is uncovered, and W003 for each arm that no list reaches", () => {
  fc.assert(
    fc.property(fc.array(pattern, { minLength: 1, maxLength: 6 }), (patterns) => {
      const arms = patterns.map((p, i) => `${patternText(p)} => ${i}`).join(", ");
      const { diagnostics } = check({ name: "main.ax", text: `fn f(xs: List<Bool>) -> Int { match xs { ${arms} } }\n` });
      const taken = new Set(LISTS.map((list) => armOf(patterns, list)));
      expect(diagnostics.some((d) => d.code === "E005")).toBe(taken.has(-1));
      expect(diagnostics.filter((d) => d.code === "W003")).toHaveLength(patterns.filter((_, i) => !taken.has(i)).length);
    }),
    { numRuns: scaledRuns(2_000) },
  );
});

test("the list that a message names is not covered", () => {
  fc.assert(
    fc.property(fc.array(pattern, { minLength: 1, maxLength: 6 }), (patterns) => {
      const arms = patterns.map((p, i) => `${patternText(p)} => ${i}`).join(", ");
      const { diagnostics } = check({ name: "main.ax", text: `fn f(xs: List<Bool>) -> Int { match xs { ${arms} } }\n` });
      const missing = /misses `\[(.*)\]`/.exec(diagnostics.find((d) => d.code === "E005")?.message ?? "")?.[1];
      if (missing === undefined) return;
      const parts = missing === "" ? [] : missing.split(", ");
      const openAt = parts.indexOf("..");
      const read = (part: string): Element => (part === "_" ? null : part === "true");
      const named: ListPattern = {
        prefix: (openAt < 0 ? parts : parts.slice(0, openAt)).map(read),
        suffix: openAt < 0 ? [] : parts.slice(openAt + 1).map(read),
        isOpen: openAt >= 0,
      };
      expect(LISTS.some((list) => matches(named, list) && armOf(patterns, list) < 0)).toBe(true);
    }),
    { numRuns: scaledRuns(1_000) },
  );
});

test("the first matching arm is taken, on both engines", () => {
  const lists = `[${LISTS.map((list) => `[${list.join(", ")}]`).join(", ")}]`;
  fc.assert(
    fc.property(fc.array(pattern, { minLength: 1, maxLength: 5 }), (patterns) => {
      const arms = [...patterns.map((p, i) => `${patternText(p)} => ${i}`), "_ => -1"].join(", ");
      const text = `fn f(xs: List<Bool>) -> Int { match xs { ${arms} } }\nfn main() -> List<Int> { list.map(${lists}, f) }\n`;
      const program = verifyModule(compile({ name: "main.ax", text }).module);
      expect(sameOnBoth(program).end).toBe(`value ${JSON.stringify({ List: LISTS.map((list) => ({ Int: armOf(patterns, list) })) })}`);
      expect(countsOf(program)).toMatchObject({ deoptimized: 0 });
      expect(countsOf(program).compiled).toBeGreaterThan(0);
    }),
    { numRuns: scaledRuns(200) },
  );
});

test("a pattern of a thousand elements is too complex, and one of a hundred is not", () => {
  const text = (count: number): string =>
    `fn f(xs: List<Int>) -> Int { match xs { [${Array.from({ length: count }, (_, i) => i).join(", ")}] => 1, [_, ..] => 2, [] => 3 } }\n`;
  expect(check({ name: "main.ax", text: text(100) }).diagnostics).toEqual([]);
  expect(check({ name: "main.ax", text: text(1_000) }).diagnostics.map((d) => d.code)).toEqual(["E015"]);
});
