/** Runs the examples of `docs/guide/pool.md`. */
import { expect, test } from "vitest";
import { expectPrinted, tsBlocks } from "./ts-blocks.ts";

const examples = tsBlocks("docs/guide/pool.md");

test.each(examples)("$title ($file) prints what its comments say", expectPrinted);

test("there are examples of a pool, of programs as text, of back pressure and of the context of handlers", () => {
  expect(examples).toHaveLength(4);
});
