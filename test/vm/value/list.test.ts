import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ListValue } from "../../../vm/value/list.ts";
import { scaledRuns } from "../../cases.ts";

const numbersTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Checks all ways to read one version of a list. */
function same(list: ListValue, model: readonly number[]): void {
  expect(list.length).toBe(model.length);
  expect(list.toArray()).toEqual(model);
  expect([...list]).toEqual(model);
  expect(list.get(-1)).toBeUndefined();
  expect(list.get(model.length)).toBeUndefined();
  for (const at of [0, 1, 31, 32, 33, 1023, 1024, 1025, model.length - 1]) if (at >= 0) expect(list.get(at)).toBe(model[at]);
  // Compiled code takes what it finds there for an element, without a look at the length.
  expect(list.exactArray).toEqual(model.slice(0, list.exactArray.length));
}

describe("persistent lists", () => {
  test("behave like arrays in every version, whichever version an operation starts from", () => {
    const operation = fc.oneof(
      { weight: 6, arbitrary: fc.record({ op: fc.constant("push" as const), on: fc.nat() }) },
      { weight: 2, arbitrary: fc.record({ op: fc.constant("concat" as const), on: fc.nat(), other: fc.nat() }) },
      { weight: 4, arbitrary: fc.record({ op: fc.constant("set" as const), on: fc.nat(), at: fc.nat() }) },
      {
        weight: 2,
        arbitrary: fc.record({
          op: fc.constant("slice" as const),
          on: fc.nat(),
          from: fc.integer({ min: -3, max: 90 }),
          to: fc.integer({ min: -3, max: 90 }),
        }),
      },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), fc.nat(1100), (operations, size) => {
        const versions: [ListValue, number[]][] = [[ListValue.of(numbersTo(size)), numbersTo(size)]];
        let fresh = 10_000;
        for (const step of operations) {
          const [list, model] = versions[step.on % versions.length] ?? [ListValue.EMPTY, []];
          if (step.op === "push") {
            fresh += 1;
            versions.push([list.push(fresh), [...model, fresh]]);
          } else if (step.op === "set") {
            if (model.length === 0) continue;
            fresh += 1;
            versions.push([list.set(step.at % model.length, fresh), model.with(step.at % model.length, fresh)]);
          } else if (step.op === "concat") {
            const [other, otherModel] = versions[step.other % versions.length] ?? [ListValue.EMPTY, []];
            if (model.length + otherModel.length < 5_000) versions.push([list.concat(other), [...model, ...otherModel]]);
          } else versions.push([list.slice(step.from, step.to), model.slice(Math.max(0, step.from), Math.max(0, step.to))]);
        }
        for (const [list, model] of versions) same(list, model);
      }),
      { numRuns: scaledRuns(150) },
    );
  });

  test("cross all levels of the trie", () => {
    const base = ListValue.of(numbersTo(33_000));
    base.push(-1);
    const older = base.push(-2);
    same(older, [...numbersTo(33_000), -2]);
    let grown = older;
    const model = [...numbersTo(33_000), -2];
    for (let i = 0; i < 3_000; i++) {
      grown = grown.push(i);
      model.push(i);
    }
    same(grown, model);
    for (const cut of [1, 31, 32, 33, 1024, 1025, 1056, 1057, 32_768, 32_769, 32_800, 32_801])
      same(grown.slice(0, cut).push(7), [...model.slice(0, cut), 7]);
  });

  test("move from the first array to pages", () => {
    const edges = [8_191, 8_192, 8_193, 9_215, 9_216, 9_217, 10_240, 10_241];
    const versions = new Map<number, ListValue>();
    let list = ListValue.EMPTY;
    for (let i = 0; i < 12_000; i++) {
      list = list.push(i);
      if (edges.includes(list.length)) versions.set(list.length, list);
    }
    same(list, numbersTo(12_000));
    for (const [length, version] of versions) {
      same(version, numbersTo(length));
      same(version.push(-1), [...numbersTo(length), -1]);
      expect([version.get(8_190), version.get(length - 1)]).toEqual([8_190, length - 1]);
    }
    for (const [from, to] of [
      [8_190, 8_195],
      [8_192, 12_000],
      [9_000, 9_001],
      [9_215, 9_217],
      [0, 8_192],
    ] as const)
      same(list.slice(from, to), numbersTo(12_000).slice(from, to));
    same(ListValue.of(numbersTo(10_000)).concat(list), [...numbersTo(10_000), ...numbersTo(12_000)]);
  });

  test("grow in place with the result of a push", () => {
    for (const begin of [ListValue.EMPTY.push(0), ListValue.of(numbersTo(9_000)).slice(5, 9_000), ListValue.of([1, 2]).slice(0, 1)]) {
      const model = begin.toArray();
      const other = begin.push(-2);
      let list = begin.push(-1);
      for (let i = 0; i < 3_000; i++) list = list.grow(i);
      expect(list.toArray()).toEqual([...model, -1, ...numbersTo(3_000)]);
      expect(other.toArray()).toEqual([...model, -2]);
      expect(begin.toArray()).toEqual(model);
    }
  });

  test("the exact array of a version never holds elements of another version", () => {
    const growth: readonly ((list: ListValue) => ListValue)[] = [
      (list) => list.push(9),
      (list) => list.concat(ListValue.of([8, 9])),
      (list) => list.slice(2, 5).push(9),
      (list) => list.slice(2, 4).slice(1, 2).push(9),
      (list) => list.slice(3, 5).concat(list),
      (list) => list.prefixOfArray(3).push(9),
    ];
    for (const grow of growth) {
      const list = ListValue.of(numbersTo(5));
      expect(list.exactArray).toHaveLength(5);
      const grown = grow(list);
      same(list, numbersTo(5));
      same(grown, grown.toArray().map(Number));
      same(grow(list), grown.toArray().map(Number));
      same(list, numbersTo(5));
    }
    const view = ListValue.of(numbersTo(5)).prefixOfArray(2);
    expect(view.exactArray).toHaveLength(0);
    expect(view.claimStorage()).toBe(true);
    expect(view.exactArray).toHaveLength(2);
    same(view.grow(2), numbersTo(3));
    expect(view.exactArray).toHaveLength(3);
    same(view.shorten(1), numbersTo(1));
  });

  test("there is one empty list, and a slice of the full length is the same list", () => {
    const list = ListValue.of([1, 2]);
    expect(ListValue.of([])).toBe(ListValue.EMPTY);
    expect(list.slice(2, 2)).toBe(ListValue.EMPTY);
    expect(list.slice(-5, 9)).toBe(list);
    expect(list.concat(ListValue.EMPTY)).toBe(list);
    expect(ListValue.EMPTY.concat(list)).toBe(list);
    expect(list.tag).toBe("List");
    expect(list.get(Number.NaN)).toBeUndefined();
  });

  test("pushing onto every old version of a long list does not copy it each time", () => {
    const versions: ListValue[] = [ListValue.of([0])];
    for (let i = 1; i < 20_000; i++) versions.push((versions.at(-1) ?? ListValue.EMPTY).push(i));
    const branches = versions.map((version) => version.push(-1));
    // A copy for each push would take 200 million elements.
    expect(branches.every((branch, i) => branch.length === i + 2 && branch.get(i + 1) === -1 && branch.get(i) === i)).toBe(true);
  });
});
