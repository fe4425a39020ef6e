import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import type { MachineHandler } from "../../../gateway/handlers.ts";
import { llmCallHandler } from "../../../gateway/handlers/llm-call.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { MapValue } from "../../../vm/value/map.ts";
import { valueToTypedJson } from "../../../vm/json/typed-json.ts";
import { canonicalJson } from "../../../vm/json/json.ts";
import { parseType } from "../../../vm/value/type.ts";
import { FloatValue, type Value } from "../../../vm/value/value.ts";
import { callHandler, contextOf, failureOf, policyOf, startTestServer, type TestServer } from "./support.ts";

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

/** Starts an endpoint that sends these answers in turn and then repeats the last one. */
async function endpoint(answers: readonly Answer[], more: { key?: string; model?: string } = {}) {
  const asked: { path: string; authorization: string | undefined; body: Record<string, unknown> }[] = [];
  const waits: number[] = [];
  server = await startTestServer((request, response, body) => {
    const { status = 200, headers = {}, body: answer = ANSWER } = answers[Math.min(asked.length, answers.length - 1)] ?? {};
    asked.push({ path: request.url ?? "", authorization: request.headers.authorization, body: JSON.parse(body) });
    response.writeHead(status, headers).end(typeof answer === "string" ? answer : JSON.stringify(answer));
  });
  const sleep = async (ms: number): Promise<void> => void waits.push(ms);
  const random = (): number => 0.5;
  const { run: handler } = llmCallHandler({ url: `http://127.0.0.1:${server.port}/v1`, key: more.key, model: more.model, sleep, random });
  const call = (args: readonly Value[], llm: object = {}): Promise<Value> =>
    callHandler("llm.call", handler, args, contextOf(policyOf({ llm_policy: llm })));
  return { asked, waits, call, fails: (args: readonly Value[], llm: object = {}) => failureOf(call(args, llm)) };
}
const jsonOf = (value: Value): string => canonicalJson(valueToTypedJson(value, parseType("Json"), []));

describe("the model in the span", () => {
  test("is recorded with its provider, also if it is the operator's default, before the policy can deny it", async () => {
    server = await startTestServer((_, response) => void response.writeHead(200).end(JSON.stringify(ANSWER)));
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
    expect(jsonOf(await call(["Capital of France?", "small", options]))).toBe(
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
    expect(jsonOf(await call(["x", "m"]))).toContain('"status":"length","text":"Par"');
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
    const { call, waits, asked } = await endpoint([{ status: 429 }, { status: 503, headers: { "retry-after": "3" } }, { status: 599 }, {}]);
    expect(jsonOf(await call(["x", "m"]))).toMatch(/^\{"attempts":4,/);
    expect([waits, asked.length]).toEqual([[375, 3_250, 1_500], 4]);
  });

  test("stop after four attempts", async () => {
    const { fails, asked } = await endpoint([{ status: 500 }]);
    expect(await fails(["x", "m"])).toBe("failed: the model endpoint answered HTTP 500, 4 times");
    expect(asked.length).toBe(4);
  });

  test("do not wait for an endpoint that asks for more than a minute", async () => {
    const { fails, waits } = await endpoint([{ status: 429, headers: { "retry-after": "61" } }]);
    expect(await fails(["x", "m"])).toBe("failed: the model endpoint answered HTTP 429 and asks to wait longer than a minute");
    expect(waits).toEqual([]);
  });

  test.each([
    [401, "the key sk-123 is wrong", "HTTP 401"],
    [
      400,
      '{"error": {"message": "secret", "type": "invalid_request_error", "code": "context_length_exceeded"}}',
      "HTTP 400 (context_length_exceeded)",
    ],
    [400, '{"error": {"message": "secret", "type": "invalid_request_error", "code": null}}', "HTTP 400 (invalid_request_error)"],
    [403, '{"error": {"code": "bad-sk-123"}}', "HTTP 403"],
    [403, '{"error": {"code": "a text with spaces"}}', "HTTP 403"],
    [403, '{"error": "a text"}', "HTTP 403"],
    [404, "x".repeat(100_000), "HTTP 404"],
    [302, "", "HTTP 302"],
  ])("do not follow status %i; its message stays outside, its code is shown", async (status, body, message) => {
    const { fails, asked } = await endpoint([{ status, body, headers: { location: "/elsewhere" } }], { key: "sk-123" });
    expect(await fails(["x", "m"])).toBe(`failed: the model endpoint answered ${message}`);
    expect(asked.length).toBe(1);
  });

  test("end with the run, during a wait", async () => {
    server = await startTestServer((_, response) => void response.writeHead(503).end());
    const controller = new AbortController();
    const sleep = async (_: number, signal: AbortSignal): Promise<void> => {
      controller.abort(new Error("stopped"));
      signal.throwIfAborted();
    };
    const { run: handler } = llmCallHandler({ url: `http://127.0.0.1:${server.port}`, key: undefined, model: "m", sleep });
    await expect(callHandler("llm.call", handler, ["x"], contextOf(policyOf({}), { signal: controller.signal }))).rejects.toThrow(
      "stopped",
    );
    expect(server.requests.length).toBe(1);
  });
});

describe("a bad endpoint", () => {
  /** Calls an endpoint whose response `answer` writes. Returns the failure. Tests of endless responses pass a short time limit. */
  async function failureAt(answer: (response: ServerResponse) => void, timeoutMs?: number): Promise<string> {
    server = await startTestServer((_, response) => answer(response));
    const { run: handler } = llmCallHandler({
      url: `http://127.0.0.1:${server.port}`,
      key: undefined,
      model: "m",
      sleep: async () => undefined,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    return failureOf(callHandler("llm.call", handler, ["x"], contextOf(policyOf({}))));
  }

  test("that never answers", async () => {
    expect(await failureAt(() => undefined, 20)).toBe("failed: the model did not answer within 20 ms");
  });

  test("that sends a byte now and then, without end", async () => {
    const timers: NodeJS.Timeout[] = [];
    const dripping = failureAt((response) => void timers.push(setInterval(() => response.write(" "), 1)), 50);
    expect(await dripping).toBe("failed: the model did not answer within 50 ms");
    for (const timer of timers) clearInterval(timer);
  });

  test.each<[string, (response: ServerResponse) => void, string]>([
    ["a body without end", (response) => flood(response), "the response is longer than 10485760 bytes"],
    [
      "a gzip bomb",
      (response) => response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(50_000_000, " "))),
      "the response is longer than 10485760 bytes",
    ],
    [
      "three encodings",
      (response) => response.writeHead(200, { "content-encoding": "gzip, gzip, gzip" }).end("x"),
      "the response is encoded 3 times, at most 2 are read",
    ],
    ["a reset", (response) => response.socket?.resetAndDestroy(), "the connection was closed by the other side"],
    [
      "chunks that are none",
      (response) => response.socket?.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
      "the response is not HTTP as it should be",
    ],
    ["no HTTP", (response) => response.socket?.end("hello\r\n\r\n"), "the response is not HTTP as it should be"],
    [
      "an error with status 200",
      (response) => response.end('{"error": {"message": "secret", "code": "overloaded"}}'),
      "the model endpoint answered with an error (overloaded)",
    ],
    ["bytes that are no text", (response) => response.end(Buffer.from([0xff])), "the response is not UTF-8 text"],
    ["status 204", (response) => response.writeHead(204).end(), "the model endpoint's answer is not JSON"],
    ["deep JSON", (response) => response.end("[".repeat(1_000_000)), "the model endpoint's answer is not JSON"],
    [
      "a refusal",
      (response) => response.end('{"choices": [{"message": {"content": null, "refusal": "No."}}]}'),
      "the model refused to answer",
    ],
    [
      "a text of another type",
      (response) => response.end('{"choices": [{"message": {"content": 5}}]}'),
      "the model endpoint's answer holds no text",
    ],
    [
      "a choice of another type",
      (response) => response.end('{"choices": {"0": {"message": {"content": "x"}}}}'),
      "the model endpoint's answer holds no text",
    ],
    [
      "fields of the prototype",
      (response) => response.end('{"__proto__": {"choices": [{"message": {"content": "x"}}]}}'),
      "the model endpoint's answer holds no text",
    ],
  ])("that sends %s", async (_, answer, message) => {
    expect(await failureAt(answer)).toBe(`failed: ${message}`);
  });

  test("whose counts are huge or odd", async () => {
    const usage = '"usage": {"prompt_tokens": 1e999, "completion_tokens": 2.5}';
    const { call } = await endpoint([{ body: `{"choices": [{"message": {"content": "x"}}], ${usage}}` }]);
    expect(jsonOf(await call(["x", "m"]))).toContain('"usage":{"input_tokens":9007199254740991,"output_tokens":3}');
  });

  test("whose total includes hidden tokens", async () => {
    const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 109 };
    const { call } = await endpoint([{ body: { ...ANSWER, usage } }]);
    expect(jsonOf(await call(["x", "m"]))).toContain('"usage":{"input_tokens":7,"output_tokens":102}');
  });
});

/** Sends spaces until the other side closes the connection. */
function flood(response: ServerResponse): void {
  const spaces = " ".repeat(65_536);
  const more = (): void => {
    while (!response.destroyed && response.write(spaces));
  };
  response.on("drain", more);
  more();
}

describe("structured answers", () => {
  const schema = (more: readonly (readonly [string, Value])[] = []): MapValue =>
    MapValue.from([
      ["type", "object"],
      ["properties", MapValue.from([["mood", MapValue.from([["enum", ListValue.of(["good", "bad"])]])]])],
      ["required", ListValue.of(["mood"])],
      ...more,
    ]);
  const strict = schema([["additionalProperties", false]]);
  const options = (value: Value): MapValue => MapValue.from([["schema", value]]);
  const saying = (content: string, finish_reason = "stop"): Answer => ({
    body: { ...ANSWER, choices: [{ message: { content }, finish_reason }] },
  });

  test("the schema is sent, and the answer's value is in `value`", async () => {
    const { call, asked } = await endpoint([saying('{"mood": "good"}')]);
    expect(jsonOf(await call(["x", "m", options(strict)]))).toBe(
      '{"model":"small-1","status":"ok","text":"{\\"mood\\": \\"good\\"}","usage":{"input_tokens":7,"output_tokens":2},"value":{"mood":"good"}}',
    );
    const sent = { type: "object", properties: { mood: { enum: ["good", "bad"] } }, required: ["mood"], additionalProperties: false };
    expect(asked[0]?.body["response_format"]).toEqual({ type: "json_schema", json_schema: { name: "answer", schema: sent, strict: true } });
    expect(asked[0]?.body).not.toHaveProperty("schema");
  });

  test("a schema that allows more than it names is not sent as strict", async () => {
    const { call, asked } = await endpoint([saying('{"mood": "good", "why": 1}')]);
    expect(jsonOf(await call(["x", "m", options(schema())]))).toContain('"value":{"mood":"good","why":1}');
    expect(asked[0]?.body["response_format"]).toMatchObject({ json_schema: { strict: false } });
  });

  test.each([
    ['{"mood": "fine"}', "stop", 'the model\'s answer does not match options.schema: answer.mood: expected one of "good", "bad"'],
    ['{"mood": "good", "x": 1}', "stop", "the model's answer does not match options.schema: answer.x: is not in the schema"],
    ["Good, I think.", "stop", "the model's answer is not JSON as options.schema asks: expected a value (line 1, column 1)"],
    ['{"mood": "good", "mood": "bad"}', "stop", "the model's answer is not JSON as options.schema asks: "],
    ["[".repeat(1_000), "stop", "the model's answer is not JSON as options.schema asks: nested deeper than 256"],
    ['{"mood": "go', "length", "the model's answer is incomplete (length), so it cannot match options.schema"],
  ])("the answer %s fails the call", async (content, finishReason, message) => {
    const { fails } = await endpoint([saying(content, finishReason)]);
    expect((await fails(["x", "m", options(strict)])).slice(0, `failed: ${message}`.length)).toBe(`failed: ${message}`);
  });

  test("a schema that cannot be checked fails the call before it costs anything", async () => {
    const { fails, asked } = await endpoint([{}]);
    expect(await fails(["x", "m", options("text")])).toBe("failed: options.schema: expected a schema, which is an object");
    expect(await fails(["x", "m", options(MapValue.from([["$ref", "other.json"]]))])).toMatch(
      /^failed: options\.schema\["\$ref"\]: "other\.json" is not in this document/,
    );
    expect(
      await fails([
        "x",
        "m",
        MapValue.from([
          ["schema", strict],
          ["response_format", "x"],
        ]),
      ]),
    ).toMatch(/^failed: llm\.call takes schema or response_format/);
    expect(asked).toEqual([]);
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
});

describe("a resumed run has spent what its earlier process spent", () => {
  const LLM = { allowed_models: ["m"], max_output_tokens: 10, max_total_tokens: 4_000 };
  const REPORTED: Answer = { body: { ...ANSWER, usage: { prompt_tokens: 800, completion_tokens: 10 } } };
  const SILENT: Answer = { body: { ...ANSWER, usage: undefined } };
  const NO_MODEL = "";

  test.each<[string, string, readonly Answer[], "as many" | "fewer"]>([
    ["an answer", "m", [REPORTED], "as many"],
    ["an answer without usage", "m", [SILENT], "as many"],
    ["an answer after a failed attempt", "m", [{ status: 500 }, REPORTED], "as many"],
    ["an answer without usage after two failed attempts", "m", [{ status: 500 }, { status: 500 }, SILENT], "as many"],
    // The log does not say how many attempts a failed call made, so the resumed run assumes the maximum.
    ["a failure", "m", [{ status: 400 }], "fewer"],
    ["an answer that is not JSON", "m", [{ body: "no" }], "fewer"],
    ["four failed attempts", "m", [{ status: 500 }, { status: 500 }, { status: 500 }, { status: 500 }], "as many"],
    ["a call without a model, which is not sent", NO_MODEL, [], "as many"],
    ["a call that is denied", "other", [], "as many"],
  ])("%s leaves %s calls", async (_, model, answers, expected) => {
    const policy = policyOf({ llm_policy: LLM });
    let requests = 0;
    server = await startTestServer((_request, response) => {
      const { status = 200, body = ANSWER } = answers[requests++] ?? SILENT;
      response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
    });
    const url = `http://127.0.0.1:${server.port}/v1`;
    const create = () => llmCallHandler({ url, key: undefined, model: undefined, sleep: async () => undefined });
    const run = (handler: MachineHandler, asked: string): Promise<{ value: Value } | { failure: string }> =>
      callHandler("llm.call", handler.run, ["x", asked, MapValue.EMPTY], contextOf(policy)).then(
        (value) => ({ value }),
        (error: unknown) => ({ failure: error instanceof Error ? error.message : "" }),
      );
    /** Makes calls that report no usage, until the policy's limit refuses one. Returns how many were made. */
    const callsLeft = async (handler: MachineHandler): Promise<number> => {
      for (let made = 0; ; made++) if ("failure" in (await run(handler, "m"))) return made;
    };
    const undisturbed = create();
    const first = await run(undisturbed, model);
    const resumed = create();
    resumed.usage?.reserve(["x", model, MapValue.EMPTY], 1, policy);
    resumed.usage?.settle(1, first);
    const [left, leftAfterResume] = [await callsLeft(undisturbed), await callsLeft(resumed)];
    expect(leftAfterResume < left ? "fewer" : leftAfterResume === left ? "as many" : "more").toBe(expected);
  });

  test("a call that the limits refused has cost nothing", async () => {
    const policy = policyOf({ llm_policy: { ...LLM, max_total_tokens: 1_000 } });
    server = await startTestServer((_, response) => void response.end(JSON.stringify(ANSWER)));
    const handler = llmCallHandler({ url: `http://127.0.0.1:${server.port}`, key: undefined, model: "m" });
    const failure = (await failureOf(callHandler("llm.call", handler.run, ["x".repeat(1_000)], contextOf(policy)))).replace("failed: ", "");
    expect(failure).toMatch(/^the call could take/);
    handler.usage?.reserve(["x".repeat(1_000), "", MapValue.EMPTY], 1, policy);
    handler.usage?.settle(1, { failure });
    expect(await failureOf(callHandler("llm.call", handler.run, ["x"], contextOf(policy)))).toMatch(/^no failure/);
  });
});
