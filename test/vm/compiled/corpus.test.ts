/** The programs of `bench/corpus/`: both engines show the same to the host, also at limits, and the result is that of the JavaScript. */
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { CORPUS_PROGRAMS } from "../../../bench/corpus.ts";
import { ENGINES, METERED, programFrom, runOn } from "../../../bench/engines.ts";
import { JAVASCRIPT } from "../../../bench/peers/javascript.ts";
import { answerText, EIGHT } from "../../../bench/programs.ts";
import { sourceUrl } from "../../../bench/sources.ts";
import { expectDefined } from "../../../vm/interpreter/operations.ts";
import { someOf } from "../../cases.ts";
import { sameOnBoth } from "../engines.ts";

test("every file of the corpus is measured", () => {
  const files = CORPUS_PROGRAMS.flatMap(({ file }) => [`${file}.ax`, `${file}.mjs`]);
  expect(readdirSync(sourceUrl("corpus")).map((name) => `corpus/${name}`)).toEqual(files.toSorted());
});

test.each(someOf(CORPUS_PROGRAMS))("$name", async ({ file, small }) => {
  const load = await JAVASCRIPT.start();
  const main = await load(file);
  const program = programFrom(`${file}.ax`);
  for (const engine of METERED) expect(answerText(runOn(engine, program, small)), engine.name).toBe(String(main(small)));
  const { steps, allocBytes } = sameOnBoth(program, { args: [small] });
  for (const share of [0.3, 0.7, 0.99]) {
    sameOnBoth(program, { args: [small], limits: { max_steps: Math.floor(steps * share) } });
    sameOnBoth(program, { args: [small], limits: { max_alloc_bytes: Math.floor(allocBytes * share) } });
  }
});

// `bench/unmetered.ts` removes the lines that count from the generated text by their form.
test.each(EIGHT.programs)("the benchmark can run the generated text without the lines that count: $name", async ({ file, n }) => {
  const load = await JAVASCRIPT.start();
  const main = await load(file);
  // Enough that loops are compiled in the middle of a run.
  const some = Math.min(n, 20_000);
  const notMetered = expectDefined(ENGINES.find(({ metered }) => !metered));
  expect(answerText(runOn(notMetered, programFrom(`${file}.ax`), some))).toBe(String(main(some)));
});
