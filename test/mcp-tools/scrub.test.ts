/** Secrets of a server's environment never come back in its answers. */
import { expect, test } from "vitest";
import { scrubber } from "../../mcp-tools/scrub.ts";

const SECRET = "correct-horse";
const scrub = scrubber({ command: ["server"], variableNames: ["TOKEN", "SHORT"] }, { TOKEN: SECRET, SHORT: "abc" });
const secretInLists = (levels: number): unknown => JSON.parse(`${"[".repeat(levels)}${JSON.stringify(SECRET)}${"]".repeat(levels)}`);

test("in values and keys, the name of the variable replaces the secret", () => {
  expect(scrub({ [`x ${SECRET}`]: [`${SECRET}!`, 1, null, "abc"] })).toEqual({ "x {{env:TOKEN}}": ["{{env:TOKEN}}!", 1, null, "abc"] });
});

test("a secret at the deepest level is replaced, and deeper data is refused", () => {
  expect(JSON.stringify(scrub(secretInLists(1_000)))).not.toContain(SECRET);
  for (const levels of [1_002, 1_500, 9_000]) expect(() => scrub(secretInLists(levels))).toThrow("nested deeper than 1000 levels");
});
