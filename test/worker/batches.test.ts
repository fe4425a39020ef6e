import { expect, test } from "vitest";
import { Batches } from "../../worker/batches.ts";

/** Returns batches whose statements give the lengths of their items when the test calls `answerAll`. The item `refused` makes one fail. */
function heldWriter(refused = "") {
  const statements: (readonly string[])[] = [];
  const held: (() => void)[] = [];
  const batches = new Batches<string, number>(
    (item) => item[0] ?? "",
    async (items) => {
      statements.push(items);
      await new Promise<void>((resolve) => held.push(resolve));
      if (items.includes(refused)) throw Object.assign(new Error("refused"), { code: "23503" });
      return new Map(items.filter((item) => !item.endsWith("-")).map((item) => [item[0] ?? "", item.length]));
    },
  );
  /** Answers all statements, also those that start meanwhile. */
  const answerAll = async (): Promise<void> => {
    while (held.length > 0) {
      held.shift()?.();
      await new Promise(setImmediate);
    }
  };
  return { batches, statements, answerAll };
}

test("items that arrive during a statement go into the next one, and each gets its own result", async () => {
  const { batches, statements, answerAll } = heldWriter();
  const results = Promise.all(["a", "bb", "ccc", "d-"].map((item) => batches.add(item)));
  await answerAll();
  expect(await results).toEqual([1, 2, 3, undefined]);
  expect(statements).toEqual([["a"], ["bb", "ccc", "d-"]]);
});

test("a statement has at most 200 items, and one of each key", async () => {
  const { batches, statements, answerAll } = heldWriter();
  const items = ["first", ...Array.from({ length: 250 }, (_, i) => String.fromCodePoint(1_000 + i)), "ab", "abc"];
  const results = Promise.all(items.map((item) => batches.add(item)));
  await answerAll();
  expect(await results).toEqual(items.map(({ length }) => length));
  expect(statements.map(({ length }) => length)).toEqual([1, 200, 51, 1]);
});

test("an item that is refused does not fail the others", async () => {
  const { batches, statements, answerAll } = heldWriter("no");
  const results = Promise.allSettled(["a", "b", "no", "c"].map((item) => batches.add(item)));
  await answerAll();
  expect((await results).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(statements).toEqual([["a"], ["b", "no", "c"], ["b"], ["no"], ["c"]]);
});
