import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { readLog } from "../../replay/log/log-reader.ts";
import { replayRun } from "../../replay/replay.ts";
import { execute } from "../../runtime/execute.ts";
import { resume } from "../../runtime/resume.ts";
import { kindOf } from "../error-kind.ts";
import { recordingTracing } from "../gateway/tracing.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-output-"));
afterAll(() => rmSync(folder, { recursive: true }));

const PROGRAM = compile({
  name: "order.ax",
  text: `
type Item { name: String, cents: Int }
fn main(cents: Int) -> List<Item> { [Item { name: "tea", cents: 5 }, Item { name: "cup", cents }] }`,
});
const OUTPUT = {
  type: "array",
  items: { type: "object", properties: { name: { type: "string" }, cents: { maximum: 9007199254740993n } }, required: ["name", "cents"] },
};
const run = (cents: number | bigint, more: object = {}): ReturnType<typeof execute> =>
  execute(PROGRAM, { args: { cents }, outputSchema: OUTPUT, tracing: false, ...more });

describe("the option outputSchema", () => {
  test("a value that matches is returned", async () => {
    expect(await run(9007199254740993n)).toMatchObject({ outcome: "success", value: [{ cents: 5 }, { cents: "9007199254740993" }] });
  });

  test("a mismatch is an outcome with the path, and has no value", async () => {
    const tracing = recordingTracing();
    const ended = await run(9007199254740994n, { tracing });
    expect(ended).toMatchObject({
      outcome: "output_mismatch",
      error: { kind: "output_mismatch", path: "value[1].cents", message: "value[1].cents: expected at most 9007199254740993" },
    });
    expect(ended).not.toHaveProperty("value");
    expect(tracing.runs[0]?.end).toMatchObject([{ outcome: "output_mismatch" }]);
  });

  test("the log says what the program did, with the bytes of a run without a schema", async () => {
    const [checked, free] = [join(folder, "checked.jsonl"), join(folder, "free.jsonl")];
    expect(await run(9007199254740994n, { record: checked })).toMatchObject({ outcome: "output_mismatch" });
    await run(9007199254740994n, { record: free, outputSchema: undefined });
    expect(readFileSync(checked, "utf8")).toBe(readFileSync(free, "utf8"));
    expect((await replayRun(readLog(checked), {})).status).toBe("identical");
    expect(await resume(checked, { outputSchema: OUTPUT, tracing: false })).toMatchObject({ outcome: "output_mismatch", hadEnded: true });
    expect(await resume(checked, { tracing: false })).toMatchObject({ outcome: "success", hadEnded: true });
  });

  test("a check that takes too long does not match", async () => {
    const alternatives = { anyOf: Array.from({ length: 9_000 }, (_, i) => ({ const: i })) };
    const outputSchema = { items: { properties: { cents: { not: alternatives } } } };
    const many = compile({
      name: "many.ax",
      text: "type Item { cents: Int }\nfn main() -> List<Item> { list.map(list.range(0, 100), fn(_i) { Item { cents: 0 - 1 } }) }",
    });
    expect(await execute(many, { outputSchema, tracing: false })).toMatchObject({
      outcome: "output_mismatch",
      error: { path: "value", message: "value: checking a value takes more than 500000 steps" },
    });
  });

  test("a run that fails has its own outcome, and a wrong schema starts no run", async () => {
    const failing = compile({ name: "fail.ax", text: 'fn main() -> Int { panic("no") }' });
    expect(await execute(failing, { outputSchema: false, tracing: false })).toMatchObject({ outcome: "program_error" });
    expect(await kindOf(() => run(1, { outputSchema: { type: "text" } }))).toBe("schema.form");
    expect(await kindOf(() => run(1, { outputSchema: { $ref: "https://example.com/schema" } }))).toBe("schema.ref");
  });
});
