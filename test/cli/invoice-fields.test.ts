/** The example `invoice-fields` as the command runs it, with a model endpoint on loopback. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP } from "../cases.ts";
import { startTestServer, type TestServer } from "../gateway/handlers/support.ts";
import { boruna, EXAMPLES } from "./boruna.ts";

const cwd = temporaryFolder();
const RIGHT = {
  number: "2026-117",
  lines: [
    { item: "2 desk lamps", cents: 8_400 },
    { item: "1 delivery", cents: 650 },
  ],
  total_cents: 9_050,
  currency: "EUR",
};
const KEY = "sk-test-4711";
let server: TestServer;
let answers: unknown[] = [];
const asked: { model: string; response_format: unknown; messages: { content: string }[] }[] = [];

beforeAll(async () => {
  cpSync(join(EXAMPLES, "invoice-fields"), cwd, { recursive: true });
  server = await startTestServer((request, response, body) => {
    expect(request.headers.authorization).toBe(`Bearer ${KEY}`);
    asked.push(JSON.parse(body));
    const content = JSON.stringify(answers.shift());
    const usage = { prompt_tokens: 300, completion_tokens: 80 };
    response.end(JSON.stringify({ model: "gpt-4o-mini", choices: [{ message: { content }, finish_reason: "stop" }], usage }));
  });
});
afterAll(() => server.close());

const runExtract = (...args: readonly string[]) =>
  boruna(["run", "extract.ax", "--policy", "policy.json", "--live", "--arg", "file=invoice.txt", "--json", ...args], {
    cwd,
    env: { BORUNA_LLM_URL: `http://127.0.0.1:${server.port}/v1`, BORUNA_LLM_KEY: KEY },
  });
const INVOICE = { number: "2026-117", total_cents: 9_050, currency: "EUR", items: ["2 desk lamps", "1 delivery"] };

describe("examples/invoice-fields", () => {
  test("its tests pass, and its policy and that of the guide have no warnings", async () => {
    const [, policy = ""] = /^```json\n([^]*?)^```$/m.exec(readFileSync(join(EXAMPLES, "../docs/guide/llm-call.md"), "utf8")) ?? [];
    writeFileSync(join(cwd, "guide.json"), policy);
    for (const name of ["policy.json", "guide.json"]) {
      expect(await boruna(["policy", "validate", name], { cwd })).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/^\S+: ok, sha256:[0-9a-f]+\n$/),
      });
    }
    expect(await boruna(["test", "extract.ax"], { cwd })).toMatchObject({ code: 0, stdout: expect.stringContaining("3 passed, 0 failed") });
  });

  test("reads the invoice and asks with its schema; its log replays without the endpoint and without the key", async () => {
    answers = [RIGHT];
    const ended = await runExtract("--record", "run.jsonl");
    expect(ended).toMatchObject({ code: 0 });
    expect(JSON.parse(ended.stdout)).toMatchObject({ outcome: "success", value: { ok: INVOICE } });
    expect(asked[0]).toMatchObject({ model: "gpt-4o-mini", response_format: { type: "json_schema", json_schema: { strict: true } } });
    expect(asked[0]?.messages.at(-1)?.content).toContain("Invoice 2026-117");
    const replay = await boruna(["replay", "run.jsonl"], { cwd });
    expect(replay).toMatchObject({ code: 0, stdout: expect.stringContaining("identical") });
    expect(`${ended.stdout}${ended.stderr}${replay.stdout}`).not.toContain(KEY);
  });

  test.runIf(DEEP)("an answer that does not match and a wrong sum are asked again", async () => {
    answers = [{ ...RIGHT, currency: "euros" }, RIGHT];
    expect(JSON.parse((await runExtract()).stdout)).toMatchObject({ value: { ok: INVOICE } });
    answers = [
      { ...RIGHT, total_cents: 1 },
      { ...RIGHT, total_cents: 2 },
    ];
    expect(JSON.parse((await runExtract()).stdout)).toMatchObject({ value: { err: "the lines add up to 9050, the invoice says 2" } });
  });
});
