/** Builtins that need the types of the module run in compiled code, also at limits. */
import { expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { countsOf, sameOnBoth } from "../engines.ts";

const SOURCE = `type Item { name: String, count: Int }
type Box { items: List<Item>, note: Option<String> }
fn box(i: Int) -> Box { Box { items: [Item { name: f"a{i}", count: i }], note: if i % 2 == 0 { Some("even") } else { None } } }
fn work(n: Int) -> String {
    let mut text = ""
    for i in 0..n {
        let back: Result<Box, String> = json.to(json.from(box(i)))
        let wrong: Result<Item, String> = json.to(json.from(box(i)))
        text = f"{text}{string.inspect(back)}{string.inspect(wrong)}"
    }
    text
}
fn main(n: Int) -> String { work(n) }
`;

test("json.from, json.to and string.inspect", () => {
  const program = verifyModule(compile({ name: "typed.ax", text: SOURCE }).module);
  const { end, steps, allocBytes } = sameOnBoth(program, { args: [5] });
  expect(end).toContain('Ok(Box { items: [Item { name: \\"a4\\", count: 4 }], note: Some(\\"even\\") })Err(');
  expect(countsOf(program)).toMatchObject({ deoptimized: 0 });
  expect(countsOf(program).entered).toBeGreaterThan(0);
  for (let i = 1; i < 20; i++) {
    sameOnBoth(program, { args: [5], limits: { max_steps: Math.floor((steps * i) / 20) } });
    sameOnBoth(program, { args: [5], limits: { max_alloc_bytes: Math.floor((allocBytes * i) / 20) } });
  }
});
