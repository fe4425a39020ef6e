import { afterEach, describe, expect, test } from "vitest";
import type { MachineHandler } from "../../../gateway/handlers.ts";
import { llmCallHandler } from "../../../gateway/handlers/llm-call.ts";
import { MapValue } from "../../../vm/value/map.ts";
import { valueToTypedJson } from "../../../vm/json/typed-json.ts";
import { canonicalJson } from "../../../vm/json/json.ts";
import { parseType } from "../../../vm/value/type.ts";
import { FloatValue, type Value } from "../../../vm/value/value.ts";
import { callHandler, contextOf, failureOf, policyOf, serve, type TestServer } from "./support.ts";

const ANSWER = {
  model: "small-1",
  choices: [{ message: { role: "assistant", content: "Paris" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 7, completion_tokens: 2 },
};
interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

/** An endpoint that sends these answers in turn and then repeats the last one. */
async function endpoint(answers: readonly Answer[], more: { key?: string; model?: string } = {}) {
  const asked: { path: string; authorization: string | undefined; body: Record<string, unknown> }[] = [];
  const waits: number[] = [];
  server = await serve((request, response, body) => {
    const { status = 200, headers = {}, body: answer = ANSWER } = answers[Math.min(asked.length, answers.length - 1)] ?? {};
    asked.push({ path: request.url ?? "", authorization: request.headers.authorization, body: JSON.parse(body) });
    response.writeHead(status, headers).end(typeof answer === "string" ? answer : JSON.stringify(answer));
  });
  const sleep = async (ms: number): Promise<void> => void waits.push(ms);
  const { run: handler } = llmCallHandler({ url: `http://127.0.0.1:${server.port}/v1`, key: more.key, model: more.model, sleep });
  const call = (args: readonly Value[], llm: object = {}): Promise<Value> =>
    callHandler("llm.call", handler, args, contextOf(policyOf({ llm_policy: llm })));
  return { asked, waits, call, fails: (args: readonly Value[], llm: object = {}) => failureOf(call(args, llm)) };
}
const text = (value: Value): string => canonicalJson(valueToTypedJson(value, parseType("Json"), []));

describe("the model in the span", () => {
  test("is recorded with its provider, also if it is the operator's default, before the policy can deny it", async () => {
    server = await serve((_, response) => void response.writeHead(200).end(JSON.stringify(ANSWER)));
    const { run: handler } = llmCallHandler({ url: `http://127.0.0.1:${server.port}/v1`, key: undefined, model: "operators-1" });
    const models: string[] = [];
    const call = (model: string, llm: object = {}) =>
      callHandler(
        "llm.call",
        handler,
        ["x", model],
        contextOf(policyOf({ llm_policy: llm }), { onModel: (m, provider) => void models.push(`${m} of ${provider}`) }),
      );
    await call("");
    await call("programs-1");
    expect(await failureOf(call("", { allowed_models: ["other"] }))).toMatch(/^denied: /);
    expect(models).toEqual(["operators-1 of openai", "programs-1 of openai", "operators-1 of openai"]);
  });
});

describe("a call", () => {
  test("asks chat/completions and returns status, text, model and usage", async () => {
    const { call, asked } = await endpoint([{}], { key: "k" });
    const options = MapValue.from([
      ["system", "Be brief."],
      ["temperature", new FloatValue(0)],
      ["max_output_tokens", 50],
    ]);
    expect(text(await call(["Capital of France?", "small", options]))).toBe(
      '{"model":"small-1","status":"ok","text":"Paris","usage":{"input_tokens":7,"output_tokens":2}}',
    );
    expect(asked).toEqual([
      {
        path: "/v1/chat/completions",
        authorization: "Bearer k",
        body: {
          model: "small",
          temperature: 0,
          max_tokens: 50,
          messages: [
            { role: "system", content: "Be brief." },
            { role: "user", content: "Capital of France?" },
          ],
        },
      },
    ]);
  });

  test("the operator's model and the policy's max_output_tokens are the defaults; no key, no header", async () => {
    const { call, asked } = await endpoint([{}], { model: "usual" });
    await call(["x"], { max_output_tokens: 9 });
    expect(asked[0]).toMatchObject({ authorization: undefined, body: { model: "usual", max_tokens: 9 } });
  });

  test("a truncated answer has its status", async () => {
    const { call } = await endpoint([{ body: { ...ANSWER, choices: [{ message: { content: "Par" }, finish_reason: "length" }] } }]);
    expect(text(await call(["x", "m"]))).toContain('"status":"length","text":"Par"');
  });

  test.each([
    ["not JSON", "<html>", "failed: the model endpoint's answer is not JSON"],
    ["no text", { choices: [] }, "failed: the model endpoint's answer holds no text"],
    ["a list", [1], "failed: the model endpoint's answer holds no text"],
  ])("an answer with %s", async (_, body, message) => {
    const { fails } = await endpoint([{ body }]);
    expect(await fails(["x", "m"])).toBe(message);
  });

  test("mistakes of the program fail", async () => {
    const { fails, asked } = await endpoint([{}]);
    expect(await fails(["x"])).toBe("failed: the program names no model and BORUNA_LLM_MODEL is not set");
    expect(await fails(["x", "m", MapValue.from([["temprature", 1]])])).toBe(
      'failed: llm.call has no option "temprature". Did you mean "temperature"?',
    );
    expect(await fails(["x", "m", MapValue.from([["max_output_tokens", 0]])])).toBe(
      "failed: the option max_output_tokens of llm.call is an Int above 0",
    );
    expect(await fails(["x", "m", MapValue.from([["system", 1]])])).toBe("failed: the option system of llm.call is a text");
    expect(asked).toEqual([]);
  });

  test.each([
    [undefined, "failed: no model endpoint is set (BORUNA_LLM_URL)"],
    ["nonsense", "failed: BORUNA_LLM_URL is not a URL"],
    ["ftp://x/", "failed: BORUNA_LLM_URL must be http or https"],
  ])("the endpoint %s", async (url, message) => {
    const { run: handler } = llmCallHandler({ url, key: undefined, model: "m" });
    expect(await failureOf(callHandler("llm.call", handler, ["x"], contextOf(policyOf({}))))).toBe(message);
  });
});

describe("retries", () => {
  test("after 429 and 5xx, with growing delays or after retry-after, up to a bound", async () => {
    const { call, waits, asked } = await endpoint([
      { status: 429 },
      { status: 503, headers: { "retry-after": "3" } },
      { status: 500, headers: { "retry-after": "100000" } },
      {},
    ]);
    await call(["x", "m"]);
    expect([waits, asked.length]).toEqual([[500, 3_000, 20_000], 4]);
  });

  test("stop after four attempts", async () => {
    const { fails, asked } = await endpoint([{ status: 500 }]);
    expect(await fails(["x", "m"])).toBe("failed: the model endpoint answered HTTP 500, 4 times");
    expect(asked.length).toBe(4);
  });

  test("do not follow any other answer", async () => {
    const { fails, asked } = await endpoint([{ status: 401, body: "the key sk-123 is wrong" }]);
    expect(await fails(["x", "m"])).toBe("failed: the model endpoint answered HTTP 401");
    expect(asked.length).toBe(1);
  });
});

describe("the policy", () => {
  const prices = { m: { input_per_mtok: 1_000, output_per_mtok: 2_000 } };

  test("a model that is not allowed is denied, even the operator's default", async () => {
    const { fails, asked } = await endpoint([{}], { model: "usual" });
    expect(await fails(["x", "m"], { allowed_models: ["other"] })).toMatch(/^denied: the model "m" is not allowed/);
    expect(await fails(["x"], { allowed_models: ["other"] })).toMatch(/^denied: the model "usual" is not allowed/);
    expect(await fails(["x", "n"], { max_cost_usd: 1, prices })).toMatch(/^denied: .*knows no price of the model "n"/);
    expect(await fails(["x", "m", MapValue.from([["max_output_tokens", 11]])], { max_output_tokens: 10 })).toMatch(
      /^denied: .*llm_policy\.max_output_tokens/,
    );
    expect(asked).toEqual([]);
  });

  test("tokens are reserved for the worst case and settled at the actual use", async () => {
    const { call, fails, asked } = await endpoint([{}]);
    const llm = { max_output_tokens: 10, max_total_tokens: 200 };
    for (let i = 0; i < 5; i++) await call(["x", "m"], llm);
    expect(await fails(["x".repeat(200), "m"], llm)).toMatch(
      /^failed: the call could take \d+ tokens; 155 of llm_policy\.max_total_tokens are left$/,
    );
    expect(asked.length).toBe(5);
  });

  test("cost is reserved and settled; 9 tokens cost 0.011 of 0.25 dollars here", async () => {
    const { call, fails } = await endpoint([{}]);
    const llm = { max_output_tokens: 10, max_cost_usd: 0.25, prices };
    let calls = 0;
    while ((await fails(["x", "m"], llm)).startsWith("no failure")) calls += 1;
    expect(calls).toBeGreaterThan(3);
    expect(calls).toBeLessThanOrEqual(22);
    expect(await fails(["x", "m"], llm)).toBe("failed: the call could cost more than is left of llm_policy.max_cost_usd");
    await expect(call(["x", "m"], {})).resolves.toBeDefined();
  });

  test("concurrent calls cannot spend the same tokens", async () => {
    const { fails, asked } = await endpoint([{}]);
    const llm = { max_output_tokens: 10, max_total_tokens: 150 };
    const results = await Promise.all([fails(["x", "m"], llm), fails(["x", "m"], llm)]);
    expect(results.filter((r) => r.startsWith("failed: the call could take"))).toHaveLength(1);
    expect(asked.length).toBe(1);
  });

  test("a refused call releases its reservation; an answer without usage keeps it", async () => {
    const llm = { max_output_tokens: 10, max_total_tokens: 200 };
    const refused = await endpoint([{ status: 400 }, { status: 400 }, {}]);
    await refused.fails(["x", "m"], llm);
    await refused.fails(["x", "m"], llm);
    await refused.call(["x", "m"], llm);
    await server?.close();
    const silent = await endpoint([{ body: { choices: ANSWER.choices } }]);
    await silent.call(["x", "m"], llm);
    expect(await silent.fails(["x", "m"], llm)).toMatch(/^failed: the call could take/);
  });
});

describe("a resumed run has spent what its earlier process spent", () => {
  const LLM = { allowed_models: ["m"], max_output_tokens: 10, max_total_tokens: 400 };
  const REPORTED: Answer = { body: { ...ANSWER, usage: { prompt_tokens: 150, completion_tokens: 10 } } };
  const SILENT: Answer = { body: { ...ANSWER, usage: undefined } };

  test.each([
    ["an answer", REPORTED],
    ["an answer without usage", SILENT],
    ["a refusal of the endpoint", { status: 400 }],
    ["an answer that is not JSON", { body: "no" }],
    ["nothing, because the call was refused before", undefined],
  ] satisfies [string, Answer | undefined][])("%s", async (_, answer: Answer | undefined) => {
    const policy = policyOf({ llm_policy: LLM });
    const args = ["x", answer === undefined ? "" : "m", MapValue.EMPTY];
    server = await serve((_request, response) => {
      const { status = 200, body = ANSWER } = answer ?? {};
      response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
    });
    const url = `http://127.0.0.1:${server.port}/v1`;
    const create = () => llmCallHandler({ url, key: undefined, model: undefined });
    const run = (handler: MachineHandler): Promise<{ value: Value } | { failure: string }> =>
      callHandler("llm.call", handler.run, args, contextOf(policy)).then(
        (value) => ({ value }),
        (error: unknown) => ({ failure: error instanceof Error ? error.message : "" }),
      );
    /** Calls until the policy's limit refuses one. Returns how often, at most 5 times. */
    const callsLeft = async (handler: MachineHandler): Promise<number> => {
      for (let made = 0; made < 5; made++) {
        const result = await run(handler);
        if ("failure" in result && result.failure.includes("max_total_tokens")) return made;
      }
      return 5;
    };
    const undisturbed = create();
    const first = await run(undisturbed);
    const resumed = create();
    resumed.recall?.(args, first, policy);
    expect(await callsLeft(resumed)).toBe(await callsLeft(undisturbed));
  });
});
