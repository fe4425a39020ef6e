/** `llm.call`: asks a model at the OpenAI-compatible `chat/completions` endpoint that the operator configured. */
import { setTimeout as sleepFor } from "node:timers/promises";
import type { Dispatcher } from "undici";
import { modelRefusal, requestedTokens } from "../../policy/decide.ts";
import { didYouMean } from "../../policy/did-you-mean.ts";
import type { LlmPolicy } from "../../policy/policy.ts";
import { LIVE_PROVIDER } from "../../telemetry/gen-ai.ts";
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson, isJsonArray, isJsonObject, parseJson, type JsonData } from "../../vm/json/json.ts";
import { MapValue } from "../../vm/value/map.ts";
import { valueToTypedJson } from "../../vm/json/typed-json.ts";
import { parseType } from "../../vm/value/type.ts";
import { utf8Length } from "../../vm/value/utf8.ts";
import type { Value } from "../../vm/value/value.ts";
import {
  CapabilityDenied,
  CapabilityFailure,
  type HandlerContext,
  type MachineFunction,
  MachineHandler,
  type Recall,
} from "../handlers.ts";
import { startDeadline } from "../deadline.ts";
import { readBody, utf8Body } from "./http-body.ts";
import { httpFailure } from "./http-failure.ts";
import { createSpending, type Spending, type Usage } from "./llm-spend.ts";

interface LlmCallOptions {
  /** `https://host/v1`, with or without `/chat/completions`. May be loopback, because the operator chose it. If undefined, calls fail. */
  readonly url: string | undefined;
  /** The API key, sent as a bearer token. */
  readonly key: string | undefined;
  /** The model for calls that name none. */
  readonly model: string | undefined;
  /** Waits between attempts. By default, uses a timer. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

const MAX_ATTEMPTS = 4;
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 20_000;
const TIMEOUT_MS = 120_000;
const MAX_ANSWER_BYTES = 10_485_760;
/** Limit on the tokens that the endpoint may add around the messages. */
const FRAMING_TOKENS = 64;

export function llmCallHandler(options: LlmCallOptions): MachineHandler {
  const spending = createSpending();
  const sleep = options.sleep ?? ((ms, signal) => sleepFor(ms, undefined, { signal }));
  /** Checks the call and reserves what it can use. Throws `CapabilityFailure`. */
  const prepare = (
    [prompt, requestedModel, callOptions]: readonly Value[],
    { policy, onModel }: Pick<HandlerContext, "policy" | "onModel">,
  ) => {
    if (typeof prompt !== "string" || typeof requestedModel !== "string")
      throw new CapabilityFailure("llm.call takes a prompt and a model");
    const endpoint = endpointOf(options.url);
    const model = requestedModel === "" ? (options.model ?? "") : requestedModel;
    if (model === "") throw new CapabilityFailure("the program names no model and BORUNA_LLM_MODEL is not set");
    onModel?.(model, LIVE_PROVIDER);
    const refusal = modelRefusal(policy.llm_policy, model, requestedTokens(callOptions));
    if (refusal !== undefined) throw new CapabilityDenied(`${refusal.reason} (${refusal.rule})`);
    const body = requestBody(model, prompt, callOptions, policy.llm_policy);
    return { endpoint, model, body, settle: reserveFor(spending, policy.llm_policy, model, body) };
  };
  const run: MachineFunction = async (args, context) => {
    const { endpoint, model, body, settle } = prepare(args, context);
    const { signal } = context;
    const { request } = await import("undici");
    const timeLimit = startDeadline(signal, TIMEOUT_MS);
    const send = (): Promise<Dispatcher.ResponseData> =>
      request(endpoint, {
        method: "POST",
        headers: headersFor(options.key),
        body: canonicalJson(body),
        signal: timeLimit.signal,
        headersTimeout: 0,
        bodyTimeout: 0,
      });
    try {
      const answer = await askWithRetries(send, (ms) => sleep(ms, timeLimit.signal), timeLimit.signal);
      if (!answer.ok) {
        settle({ inputTokens: 0, outputTokens: 0 });
        throw new CapabilityFailure(answer.message);
      }
      const modelAnswer = readAnswer(answer.text, model);
      settle(modelAnswer.usage);
      return modelAnswer.value;
    } catch (error) {
      if (timeLimit.isOver()) throw new CapabilityFailure(`the model did not answer within ${TIMEOUT_MS} ms`);
      throw httpFailure(error);
    } finally {
      timeLimit.end();
    }
  };
  const recall: Recall = (args, answer, policy) => {
    try {
      const { settle } = prepare(args, { policy });
      settle("value" in answer ? recordedUsage(answer.value) : usageOfFailure(answer.failure));
    } catch (error) {
      // The earlier process did not ask the model either.
      if (!CapabilityFailure.isFailure(error)) throw error;
    }
  };
  return new MachineHandler(run, recall);
}

/** Returns the usage in a recorded answer. 0 and 0 mean that the endpoint did not tell it. */
function recordedUsage(answer: Value): Usage | undefined {
  const usage = answer instanceof MapValue ? answer.get("usage") : undefined;
  if (!(usage instanceof MapValue)) return undefined;
  const [inputTokens, outputTokens] = [usage.get("input_tokens"), usage.get("output_tokens")];
  if (typeof inputTokens !== "number" || typeof outputTokens !== "number" || inputTokens + outputTokens === 0) return undefined;
  return { inputTokens, outputTokens };
}

const REFUSED_BY_ENDPOINT = "the model endpoint answered HTTP ";

/** A call that the endpoint refused costs nothing. What any other failed call used is unknown. */
function usageOfFailure(message: string): Usage | undefined {
  return message.startsWith(REFUSED_BY_ENDPOINT) ? { inputTokens: 0, outputTokens: 0 } : undefined;
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
const FORWARDED_OPTIONS: readonly string[] = [
  "frequency_penalty",
  "presence_penalty",
  "response_format",
  "seed",
  "stop",
  "temperature",
  "top_p",
];
const BORUNA_OPTIONS = {
  max_output_tokens: "Int above 0: the maximum number of tokens in the answer. Default: the policy's limit; a larger number is denied",
  system: "String: the system message, sent before the prompt",
} as const;
/** Every option of `llm.call` with its description. */
export const LLM_OPTIONS: ReadonlyMap<string, string> = new Map([
  ...Object.entries(BORUNA_OPTIONS),
  ...FORWARDED_OPTIONS.map((name) => [name, "sent to the endpoint unchanged"] as const),
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
  const maxTokens = callOptions.get("max_output_tokens");
  if (maxTokens !== undefined && (typeof maxTokens !== "number" || maxTokens < 1))
    throw new CapabilityFailure("the option max_output_tokens of llm.call is an Int above 0");
  const message = (role: string, content: string): JsonData =>
    new Map([
      ["role", role],
      ["content", content],
    ]);
  const optionsJson = valueToTypedJson(callOptions, parseType("Json"), []);
  const forwardedOptions = isJsonObject(optionsJson) ? [...optionsJson].filter(([name]) => FORWARDED_OPTIONS.includes(name)) : [];
  return new Map<string, JsonData>([
    ...forwardedOptions,
    ["model", model],
    ["max_tokens", maxTokens ?? llm.max_output_tokens],
    ["messages", [...(system === undefined ? [] : [message("system", system)]), message("user", prompt)]],
  ]);
}

/** Reserves the maximum that the call can use. A text never has more tokens than bytes. */
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

type EndpointAnswer = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

/**
 * Sends the request. Repeats it after the statuses 429 and 5xx, waiting as long as `retry-after` says or with growing
 * delays. Does not repeat it after a lost connection, because the endpoint may have charged for the call.
 */
async function askWithRetries(
  send: () => Promise<Dispatcher.ResponseData>,
  sleep: (ms: number) => Promise<unknown>,
  signal: AbortSignal,
): Promise<EndpointAnswer> {
  for (let attempt = 1; ; attempt++) {
    const response = await send();
    const { statusCode: status } = response;
    if (status >= 200 && status <= 299)
      return { ok: true, text: utf8Body(await readBody(response.body, encodingOf(response), MAX_ANSWER_BYTES, signal)) };
    await response.body.dump({ limit: MAX_ANSWER_BYTES, signal });
    const isTransient = status === 429 || status >= 500;
    if (!isTransient) return { ok: false, message: `${REFUSED_BY_ENDPOINT}${status}` };
    if (attempt >= MAX_ATTEMPTS) return { ok: false, message: `${REFUSED_BY_ENDPOINT}${status}, ${MAX_ATTEMPTS} times` };
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

/** The `status` of an incomplete answer, by its `finish_reason`. The status of any other answer is `ok`. */
const STATUS_BY_FINISH_REASON: ReadonlyMap<JsonData | undefined, string> = new Map([
  ["length", "length"],
  ["content_filter", "content_filter"],
]);

function readAnswer(text: string, requestedModel: string): { readonly value: Value; readonly usage: Usage | undefined } {
  const data = parseAnswer(text);
  const choices = isJsonObject(data) ? data.get("choices") : undefined;
  const choice = choices !== undefined && isJsonArray(choices) ? choices[0] : undefined;
  const message = choice !== undefined && isJsonObject(choice) ? choice.get("message") : undefined;
  const content = message !== undefined && isJsonObject(message) ? message.get("content") : undefined;
  if (!isJsonObject(data) || choice === undefined || !isJsonObject(choice) || typeof content !== "string")
    throw new CapabilityFailure("the model endpoint's answer holds no text");
  const model = data.get("model");
  const usage = usageOf(data.get("usage"));
  const value = MapValue.from([
    ["status", STATUS_BY_FINISH_REASON.get(choice.get("finish_reason")) ?? "ok"],
    ["text", content],
    ["model", typeof model === "string" ? model : requestedModel],
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

function parseAnswer(text: string): JsonData {
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
