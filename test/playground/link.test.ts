/** A link of the playground can hold any sources. A link that holds anything else, or too much, is refused with little work. */
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fragmentOf, MAX_SOURCES_BYTES, sourcesOf } from "../../playground/link.ts";
import { LINK_VERSION } from "../../playground/messages.ts";
import { playgroundLink } from "../../scripts/playground.ts";
import { scaledRuns } from "../cases.ts";

const fragmentWith = (text: string | Uint8Array): string => LINK_VERSION + deflateRawSync(text).toString("base64url");

const text = fc.string({ unit: "grapheme", maxLength: 2_000 });

test("a link contains the sources that it was made of", async () => {
  await fc.assert(
    fc.asyncProperty(fc.record({ program: text, policy: text, inputs: text }), async (sources) => {
      const made = await fragmentOf(sources);
      const fragment = "fragment" in made ? made.fragment : expect.fail(made.problem);
      expect(fragment).toMatch(/^1\.[A-Za-z0-9_-]*$/);
      expect(await sourcesOf(fragment)).toEqual(sources);
    }),
    { numRuns: scaledRuns(200) },
  );
});

test("links of the documentation are read", async () => {
  const program = 'fn main() -> String { "é😀" }\n';
  const [, fragment = ""] = playgroundLink(program).split("#");
  expect(await sourcesOf(fragment)).toMatchObject({ program, inputs: "{}\n" });
});

test("anything else is refused", async () => {
  const { program, ...incomplete } = { program: "", policy: "", inputs: "" };
  const hostile = [
    "",
    "1.",
    "1.A",
    "1.AAAAA",
    "2.AAAA",
    "1.<script>",
    fragmentWith("not JSON"),
    fragmentWith("null"),
    fragmentWith("[]"),
    fragmentWith(JSON.stringify(incomplete)),
    fragmentWith(JSON.stringify({ ...incomplete, program: 7 })),
    fragmentWith('{ "__proto__": { "program": "", "policy": "", "inputs": "" } }'),
    fragmentWith(Uint8Array.of(0xff, 0xfe)),
    fragmentWith(JSON.stringify({ program, ...incomplete })).slice(0, -4),
    `1.${"A".repeat(70_000)}`,
  ];
  expect(await Promise.all(hostile.map(sourcesOf))).toEqual(hostile.map(() => undefined));
});

test("a short link cannot hold a long text", async () => {
  const atLimit = { program: "", policy: "", inputs: "" };
  const program = "a".repeat(MAX_SOURCES_BYTES - JSON.stringify(atLimit).length);
  expect(await sourcesOf(fragmentWith(JSON.stringify({ ...atLimit, program })))).toEqual({ ...atLimit, program });
  expect(await sourcesOf(fragmentWith(JSON.stringify({ ...atLimit, program: `${program}a` })))).toBe(undefined);
  expect(await sourcesOf(fragmentWith("a".repeat(40_000_000)))).toBe(undefined);
  expect(await fragmentOf({ ...atLimit, program: `${program}a` })).toHaveProperty("problem");
});
