/** A resumed run counts what an interrupted `llm.call` may have cost. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { execute } from "../../runtime/execute.ts";
import { resume } from "../../runtime/resume.ts";
import { policyOf, startTestServer, type TestServer } from "../gateway/handlers/support.ts";

let folder = "";
let server: TestServer | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "boruna-resume-llm-"));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await server?.close();
});

const program = compile({
  name: "two.ax",
  text: `fn main() -> Result<Json, String> !{llm.call} {
    let _first = llm.call("one", "m")
    try llm.call("two", "m")
}`,
});

// An attempt reserves some 350 tokens. The first call used 60, and the interrupted one may have made four attempts.
test.each([
  [1_600, "refused"],
  [2_400, "answered"],
])("with max_total_tokens %i the repeated call is %s", async (limit, expected) => {
  const controller = new AbortController();
  let requests = 0;
  server = await startTestServer((_, response) => {
    requests += 1;
    if (requests === 2) return controller.abort();
    const usage = { prompt_tokens: 50, completion_tokens: 10 };
    response.end(JSON.stringify({ choices: [{ message: { content: "yes" } }], usage }));
  });
  const policy = policyOf({ llm_policy: { max_output_tokens: 10, max_total_tokens: limit } });
  const env = { BORUNA_LLM_URL: `http://127.0.0.1:${server.port}` };
  const record = join(folder, "run.jsonl");
  const run = await execute(program, { policy, live: true, env, record, signal: controller.signal });
  expect([run.outcome, requests]).toEqual(["canceled", 2]);
  const resumed = await resume(record, { env });
  const value = JSON.stringify(resumed.value);
  expect(value).toMatch(expected === "answered" ? /^\{"ok":/ : /^\{"err":"the call could take \d+ tokens; \d+ of/);
  expect(requests).toBe(expected === "answered" ? 3 : 2);
});
