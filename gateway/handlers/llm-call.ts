/** `llm.call`: asks a model at the OpenAI-compatible `chat/completions` endpoint that the operator configured. */
import { setTimeout as sleepFor } from "node:timers/promises";
import type { Dispatcher } from "undici";
import { modelRefusal, requestedTokens } from "../../policy/decide.ts";
import { didYouMean } from "../../policy/did-you-mean.ts";
import type { LlmPolicy } from "../../policy/policy.ts";
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson, isJsonArray, isJsonObject, parseJson, type JsonData } from "../../vm/json/json.ts";
import { MapValue } from "../../vm/value/map.ts";
import { valueToTypedJson } from "../../vm/json/typed-json.ts";
import { parseType } from "../../vm/value/type.ts";
import { utf8Length } from "../../vm/value/utf8.ts";
import type { Value } from "../../vm/value/value.ts";
import { CapabilityDenied, CapabilityFailure, type Handler } from "../handlers.ts";
import { deadline } from "../deadline.ts";
import { readBody, utf8Body } from "./http-body.ts";
import { httpFailure } from "./http-failure.ts";
import { createSpending, type Spending, type Usage } from "./llm-spend.ts";

export interface LlmCallOptions {
  /** `https://host/v1`, with or without `/chat/completions`. Loopback is allowed, because the operator chose it. Undefined: every call fails. */
  readonly url: string | undefined;
  /** The API key, sent as a bearer token. */
  readonly key: string | undefined;
  /** The model for calls that name none. */
  readonly model: string | undefined;
  /** Waits between attempts. Default: a timer. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

const ATTEMPTS = 4;
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 20_000;
const TIMEOUT_MS = 120_000;
const MAX_ANSWER_BYTES = 10_485_760;
/** Tokens that the endpoint may add around a message. */
const FRAMING_TOKENS = 64;

export function llmCallHandler(options: LlmCallOptions): Handler {
  const spending = createSpending();
  const sleep = options.sleep ?? ((ms, signal) => sleepFor(ms, undefined, { signal }));
  return async ([prompt, given, callOptions], { policy, signal, onModel }) => {
    if (typeof prompt !== "string" || typeof given !== "string") throw new CapabilityFailure("llm.call takes a prompt and a model");
    const endpoint = endpointOf(options.url);
    const model = given === "" ? (options.model ?? "") : given;
    if (model === "") throw new CapabilityFailure("the program names no model and BORUNA_LLM_MODEL is not set");
    if (given === "") onModel?.(model);
    const refusal = modelRefusal(policy.llm_policy, model, requestedTokens(callOptions));
    if (refusal !== undefined) throw new CapabilityDenied(`${refusal.reason} (${refusal.rule})`);
    const body = requestBody(model, prompt, callOptions, policy.llm_policy);
    const settle = reserveFor(spending, policy.llm_policy, model, body);
    const { request } = await import("undici");
    const limit = deadline(signal, TIMEOUT_MS);
    const send = (): Promise<Dispatcher.ResponseData> =>
      request(endpoint, {
        method: "POST",
        headers: headersFor(options.key),
        body: canonicalJson(body),
        signal: limit.signal,
        headersTimeout: 0,
        bodyTimeout: 0,
      });
    try {
      const answer = await askWithRetries(send, (ms) => sleep(ms, limit.signal), limit.signal);
      if (!answer.ok) {
        settle({ inputTokens: 0, outputTokens: 0 });
        throw new CapabilityFailure(answer.message);
      }
      const read = readAnswer(answer.text, model);
      settle(read.usage);
      return read.value;
    } catch (error) {
      if (limit.isOver()) throw new CapabilityFailure(`the model did not answer within ${TIMEOUT_MS} ms`);
      throw httpFailure(error);
    } finally {
      limit.end();
    }
  };
}

function endpointOf(url: string | undefined): URL {
  if (url === undefined || url === "") throw new CapabilityFailure("no model endpoint is set (BORUNA_LLM_URL)");
  if (!URL.canParse(url)) throw new CapabilityFailure("BORUNA_LLM_URL is not a URL");
  const endpoint = new URL(url);
  if (endpoint.protocol !== "http:" && endpoint.protocol !== "https:") throw new CapabilityFailure("BORUNA_LLM_URL must be http or https");
  if (!endpoint.pathname.endsWith("/chat/completions")) endpoint.pathname = `${endpoint.pathname.replace(/\/+$/, "")}/chat/completions`;
  return endpoint;
}

function headersFor(key: string | undefined): Record<string, string> {
  const headers = { "content-type": "application/json", accept: "application/json" };
  return key === undefined || key === "" ? headers : { ...headers, authorization: `Bearer ${key}` };
}

/** Options of the program that are sent to the endpoint unchanged. */
const FORWARDED: readonly string[] = ["frequency_penalty", "presence_penalty", "response_format", "seed", "stop", "temperature", "top_p"];
const OWN_OPTIONS = {
  max_output_tokens: "Int above 0: the most tokens of the answer. Default: the policy's limit; a larger number is denied",
  system: "String: the system message, sent before the prompt",
} as const;
/** Every option of `llm.call` with its description. */
export const LLM_OPTIONS: ReadonlyMap<string, string> = new Map([
  ...Object.entries(OWN_OPTIONS),
  ...FORWARDED.map((name) => [name, "sent to the endpoint unchanged"] as const),
]);

function requestBody(model: string, prompt: string, callOptions: Value | undefined, llm: LlmPolicy): ReadonlyMap<string, JsonData> {
  if (!(callOptions instanceof MapValue)) throw new CapabilityFailure("the options of llm.call are an object");
  const unknown = [...callOptions.keys()].find((name) => !LLM_OPTIONS.has(name));
  if (unknown !== undefined)
    throw new CapabilityFailure(
      `llm.call has no option ${JSON.stringify(unknown)}. ${didYouMean(unknown, LLM_OPTIONS.keys(), `It has ${[...LLM_OPTIONS.keys()].join(", ")}.`)}`,
    );
  const system = callOptions.get("system");
  if (system !== undefined && typeof system !== "string") throw new CapabilityFailure("the option system of llm.call is a text");
  const asked = callOptions.get("max_output_tokens");
  if (asked !== undefined && (typeof asked !== "number" || asked < 1))
    throw new CapabilityFailure("the option max_output_tokens of llm.call is an Int above 0");
  const message = (role: string, content: string): JsonData =>
    new Map([
      ["role", role],
      ["content", content],
    ]);
  const plain = valueToTypedJson(callOptions, parseType("Json"), []);
  const forwarded = isJsonObject(plain) ? [...plain].filter(([name]) => FORWARDED.includes(name)) : [];
  return new Map<string, JsonData>([
    ...forwarded,
    ["model", model],
    ["max_tokens", asked ?? llm.max_output_tokens],
    ["messages", [...(system === undefined ? [] : [message("system", system)]), message("user", prompt)]],
  ]);
}

/** Reserves the most that the call can use. A text never has more tokens than bytes. */
function reserveFor(
  spending: Spending,
  llm: LlmPolicy,
  model: string,
  body: ReadonlyMap<string, JsonData>,
): (used: Usage | undefined) => void {
  const maxTokens = body.get("max_tokens");
  const inputTokens = utf8Length(canonicalJson(body.get("messages") ?? [])) + FRAMING_TOKENS;
  return spending.reserve(llm, model, { inputTokens, outputTokens: typeof maxTokens === "number" ? maxTokens : llm.max_output_tokens });
}

type Asked = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

/**
 * Retries after 429 and 5xx, when `retry-after` says or with growing delays. A lost connection is not retried: the
 * endpoint may have charged for the call.
 */
async function askWithRetries(
  send: () => Promise<Dispatcher.ResponseData>,
  sleep: (ms: number) => Promise<unknown>,
  signal: AbortSignal,
): Promise<Asked> {
  for (let attempt = 1; ; attempt++) {
    const response = await send();
    const { statusCode: status } = response;
    if (status >= 200 && status <= 299)
      return { ok: true, text: utf8Body(await readBody(response.body, encodingOf(response), MAX_ANSWER_BYTES, signal)) };
    await response.body.dump({ limit: MAX_ANSWER_BYTES, signal });
    const isPassing = status === 429 || status >= 500;
    if (!isPassing) return { ok: false, message: `the model endpoint answered HTTP ${status}` };
    if (attempt >= ATTEMPTS) return { ok: false, message: `the model endpoint answered HTTP ${status}, ${ATTEMPTS} times` };
    await sleep(delayFor(attempt, response.headers["retry-after"]));
  }
}

function encodingOf(response: Dispatcher.ResponseData): string {
  const header = response.headers["content-encoding"];
  return typeof header === "string" ? header : "";
}

function delayFor(attempt: number, retryAfter: string | string[] | undefined): number {
  const seconds = typeof retryAfter === "string" && /^[0-9]{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined;
  return Math.min(MAX_DELAY_MS, seconds === undefined ? FIRST_DELAY_MS * 2 ** (attempt - 1) : seconds * 1_000);
}

/** The `status` for each `finish_reason` of an incomplete answer. Any other answer is `ok`. */
const STATUSES: ReadonlyMap<JsonData | undefined, string> = new Map([
  ["length", "length"],
  ["content_filter", "content_filter"],
]);

function readAnswer(text: string, asked: string): { readonly value: Value; readonly usage: Usage | undefined } {
  const data = parsed(text);
  const choices = isJsonObject(data) ? data.get("choices") : undefined;
  const choice = choices !== undefined && isJsonArray(choices) ? choices[0] : undefined;
  const message = choice !== undefined && isJsonObject(choice) ? choice.get("message") : undefined;
  const content = message !== undefined && isJsonObject(message) ? message.get("content") : undefined;
  if (!isJsonObject(data) || choice === undefined || !isJsonObject(choice) || typeof content !== "string")
    throw new CapabilityFailure("the model endpoint's answer holds no text");
  const model = data.get("model");
  const usage = usageOf(data.get("usage"));
  const value = MapValue.from([
    ["status", STATUSES.get(choice.get("finish_reason")) ?? "ok"],
    ["text", content],
    ["model", typeof model === "string" ? model : asked],
    [
      "usage",
      MapValue.from([
        ["input_tokens", usage?.inputTokens ?? 0],
        ["output_tokens", usage?.outputTokens ?? 0],
      ]),
    ],
  ]);
  return { value, usage };
}

function parsed(text: string): JsonData {
  try {
    return parseJson(text, { duplicateKeys: "last" });
  } catch (error) {
    if (error instanceof BorunaError) throw new CapabilityFailure("the model endpoint's answer is not JSON");
    throw error;
  }
}

function usageOf(data: JsonData | undefined): Usage | undefined {
  if (data === undefined || !isJsonObject(data)) return undefined;
  const inputTokens = data.get("prompt_tokens");
  const outputTokens = data.get("completion_tokens");
  return isCount(inputTokens) && isCount(outputTokens) ? { inputTokens, outputTokens } : undefined;
}

function isCount(data: JsonData | undefined): data is number {
  return typeof data === "number" && data >= 0;
}
