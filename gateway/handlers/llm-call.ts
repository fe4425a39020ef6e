/**
 * `llm.call`: asks a model at the OpenAI-compatible `chat/completions` endpoint that the operator configured.
 *
 * The steps of a call: build the request (`llm-request.ts`), reserve the most that an attempt can cost (`llm-spend.ts`), send the request,
 * replace the reservation by the real cost, and try again after a transient error. Then read the answer (`llm-answer.ts`) and check it
 * against the program's schema (`answer-schema.ts`).
 */
import { setTimeout as sleepFor } from "node:timers/promises";
import type { Dispatcher } from "undici";
import { modelRefusal, requestedTokens } from "../../policy/decide.ts";
import { LIVE_PROVIDER } from "../../telemetry/gen-ai.ts";
import type { Policy } from "../../policy/policy.ts";
import { canonicalJson, jsonObjectOf } from "../../vm/json/json.ts";
import type { Value } from "../../vm/value/value.ts";
import { startDeadline } from "../deadline.ts";
import {
  CapabilityDenied,
  CapabilityFailure,
  type HandlerContext,
  type MachineFunction,
  MachineHandler,
  type RecordedAnswer,
  type UsageHooks,
} from "../handlers.ts";
import { decodedChunks, readBody, utf8Body } from "./http-body.ts";
import { httpFailure, neverSent } from "./http-failure.ts";
import {
  answerValue,
  credibleUsage,
  type EndpointAnswer,
  errorCodeText,
  readAnswer,
  readStreamedAnswer,
  recordedAnswer,
} from "./llm-answer.ts";
import { type LlmRequest, llmRequest } from "./llm-request.ts";
import { createSpending, isRefusal, NO_USAGE, type Spending, type Usage } from "./llm-spend.ts";
import { retryDelay } from "./retry-delay.ts";
import { eventData } from "./sse.ts";

interface LlmCallOptions {
  /** Such as `https://host/v1`, with or without `/chat/completions`. May be loopback, because the operator chose it. If undefined, calls fail. */
  readonly url: string | undefined;
  /** The API key, sent as a bearer token. */
  readonly key: string | undefined;
  /** The model for calls that name none. */
  readonly model: string | undefined;
  /** Waits between attempts. By default, uses a timer. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
  /** Returns a number in [0, 1) for the jitter of the waits. */
  readonly random?: () => number;
  /** Time for all attempts of one call, in milliseconds. */
  readonly timeoutMs?: number;
}

const MAX_ATTEMPTS = 4;
/** Default time for all attempts of one call, in milliseconds. */
const TIMEOUT_MS = 120_000;
/** Limit on an answer without a stream, in bytes. It also limits the text of a streamed answer, in UTF-16 code units. */
const MAX_ANSWER_BYTES = 10_485_760;
/** Limit on a stream, in bytes. A stream has some hundred bytes for each token, and is never completely in memory. */
const MAX_STREAM_BYTES = 1_073_741_824;
/** Limit on the body of an error, in bytes. */
const MAX_ERROR_BYTES = 65_536;
/** With these statuses, an endpoint has not begun the work, so it bills nothing. Azure OpenAI bills some others, such as 400 and 408. */
const UNBILLED_STATUSES: ReadonlySet<number> = new Set([401, 429]);

/** Creates the handler of one run, which counts what the calls of the run spend. */
export function llmCallHandler(options: LlmCallOptions): MachineHandler {
  const spending = createSpending();
  const { timeoutMs = TIMEOUT_MS } = options;
  const calls = new Map<number, CallSpending>();
  const run: MachineFunction = async (args, { policy, signal, callNumber, onModel, onProgress }) => {
    const { endpoint, model, request } = prepare(options, args, policy, onModel);
    const reserved = calls.get(callNumber);
    const callSpending = reserved ?? spendingOf(spending, policy, model, request);
    callSpending.begin();
    const timeLimit = startDeadline(signal, timeoutMs);
    try {
      const { answer, attempts } = await ask({
        spending: callSpending,
        send: await sender(endpoint, request, options.key, timeLimit.signal, onProgress !== undefined),
        sleep: (ms) => (options.sleep ?? sleep)(ms, timeLimit.signal),
        random: options.random ?? Math.random,
        apiKey: options.key ?? "",
        onText: onProgress ?? (() => undefined),
      });
      return answerValue(answer, model, attempts, request.schema);
    } catch (error) {
      if (timeLimit.isOver()) throw new CapabilityFailure(`the model did not answer within ${timeoutMs} ms`);
      throw httpFailure(error);
    } finally {
      timeLimit.end();
      // If the host did not call `usage.reserve`, it will not call `usage.settle` either.
      if (reserved === undefined) callSpending.settle({ failure: "" });
    }
  };
  const usage: UsageHooks = {
    reserve: (args, call, policy) => {
      try {
        const { model, request } = prepare(options, args, policy);
        calls.set(call, spendingOf(spending, policy, model, request));
      } catch (error) {
        // The handler itself will report the same mistake before it sends anything.
        if (!CapabilityFailure.isFailure(error)) throw error;
      }
    },
    settle: (call, answer) => {
      calls.get(call)?.settle(answer);
      calls.delete(call);
    },
    mayHaveBeenMade: (call) => calls.get(call)?.countLost(),
  };
  return new MachineHandler(run, usage);
}

/** What one call spends. Its first attempt is reserved when the call is logged, and settled when its answer is logged. */
interface CallSpending {
  /** Begins the first attempt. Throws `CapabilityFailure` if the limits refused it. */
  begin(): void;
  /** Reserves another attempt. Throws `CapabilityFailure` if the limits refuse it. */
  reserveAgain(): void;
  /** Records what the last attempt used, for `settle`. */
  used(usage: Usage): void;
  /** Counts what the call has used. If this process made no attempt, reads the usage from the recorded `answer`. */
  settle(answer: RecordedAnswer): void;
  /** Counts the attempts of an earlier process, which was killed during the call. Then reserves the first attempt of this process. */
  countLost(): void;
}

/** Reserves the first attempt of a call. Returns what counts the tokens and the cost of all its attempts. */
function spendingOf(spending: Spending, { llm_policy }: Policy, model: string, { worstCase }: LlmRequest): CallSpending {
  let settleLast: ((used: Usage) => void) | undefined;
  let lastUsage: Usage | undefined;
  /** Whether this process has begun an attempt. */
  let hasRun = false;
  /** Why the limits refused the first attempt. */
  let refusal: CapabilityFailure | undefined;
  const reserve = (): void => {
    settleLast = spending.reserve(llm_policy, model, worstCase);
    lastUsage = undefined;
  };
  const tryToReserve = (): void => {
    settleLast = undefined;
    refusal = undefined;
    try {
      reserve();
    } catch (error) {
      if (!(error instanceof CapabilityFailure)) throw error;
      refusal = error;
    }
  };
  tryToReserve();
  return {
    begin: () => {
      if (refusal !== undefined) throw refusal;
      hasRun = true;
    },
    reserveAgain: () => {
      // The next attempt takes over the reservation of an attempt that used nothing.
      if (lastUsage === NO_USAGE) lastUsage = undefined;
      else reserve();
    },
    used: (usage) => {
      lastUsage = usage;
    },
    settle: (answer) => {
      if (hasRun) {
        if (lastUsage !== undefined) settleLast?.(lastUsage);
        return;
      }
      const [used = NO_USAGE, ...others] = recordedUsage(answer, worstCase);
      if (settleLast === undefined) spending.count(model, used);
      else settleLast(used);
      for (const usage of others) spending.count(model, usage);
    },
    countLost: () => {
      settleLast?.(NO_USAGE);
      for (let i = 0; i < MAX_ATTEMPTS; i++) spending.count(model, worstCase);
      tryToReserve();
    },
  };
}

/** Checks a call's arguments against the policy and builds its request. Throws `CapabilityFailure`. */
function prepare(
  options: LlmCallOptions,
  [prompt, requestedModel, callOptions]: readonly Value[],
  policy: Policy,
  onModel?: HandlerContext["onModel"],
): { readonly endpoint: URL; readonly model: string; readonly request: LlmRequest } {
  if (typeof prompt !== "string" || typeof requestedModel !== "string") throw new CapabilityFailure("llm.call takes a prompt and a model");
  const endpoint = endpointOf(options.url);
  const model = requestedModel === "" ? (options.model ?? "") : requestedModel;
  if (model === "") throw new CapabilityFailure("the program names no model and BORUNA_LLM_MODEL is not set");
  onModel?.(model, LIVE_PROVIDER);
  const refusal = modelRefusal(policy.llm_policy, model, requestedTokens(callOptions));
  if (refusal !== undefined) throw new CapabilityDenied(`${refusal.reason} (${refusal.rule})`);
  return { endpoint, model, request: llmRequest(model, prompt, callOptions, policy.llm_policy) };
}

/**
 * Returns the most that each attempt of a recorded call can have used. Empty if the limits refused the first attempt. The log does not say
 * how many attempts a failed call made, so this assumes `MAX_ATTEMPTS`.
 */
function recordedUsage(recorded: RecordedAnswer, worstCase: Usage): readonly Usage[] {
  if ("failure" in recorded) return isRefusal(recorded.failure) ? [] : Array.from({ length: MAX_ATTEMPTS }, () => worstCase);
  const { attempts, usage } = recordedAnswer(recorded.value);
  return [usage ?? worstCase, ...Array.from({ length: Math.min(attempts, MAX_ATTEMPTS) - 1 }, () => worstCase)];
}

const sleep = (ms: number, signal: AbortSignal): Promise<unknown> => sleepFor(ms, undefined, { signal });

/** Returns the URL of the chat completions of an endpoint. Throws `CapabilityFailure`. */
export function endpointOf(url: string | undefined): URL {
  if (url === undefined || url === "") throw new CapabilityFailure("no model endpoint is set (BORUNA_LLM_URL)");
  if (!URL.canParse(url)) throw new CapabilityFailure("BORUNA_LLM_URL is not a URL");
  const endpoint = new URL(url);
  if (endpoint.protocol !== "http:" && endpoint.protocol !== "https:") throw new CapabilityFailure("BORUNA_LLM_URL must be http or https");
  if (!endpoint.pathname.endsWith("/chat/completions")) endpoint.pathname = `${endpoint.pathname.replace(/\/+$/, "")}/chat/completions`;
  return endpoint;
}

type Send = () => Promise<Dispatcher.ResponseData>;

/** Returns a function that sends the request; each attempt calls it. Redirects are not followed. */
async function sender(
  endpoint: URL,
  { body }: LlmRequest,
  apiKey: string | undefined,
  signal: AbortSignal,
  isStreamed: boolean,
): Promise<Send> {
  const { request } = await import("undici");
  const sent = isStreamed ? new Map([...body, ["stream", true], ["stream_options", jsonObjectOf(["include_usage", true])]] as const) : body;
  const text = canonicalJson(sent);
  const headers = {
    "content-type": "application/json",
    accept: isStreamed ? "text/event-stream, application/json" : "application/json",
    ...(apiKey === undefined || apiKey === "" ? {} : { authorization: `Bearer ${apiKey}` }),
  };
  return () => request(endpoint, { method: "POST", headers, body: text, signal, headersTimeout: 0, bodyTimeout: 0 });
}

/** What all attempts of one call share. */
interface Attempts {
  readonly spending: CallSpending;
  readonly send: Send;
  readonly sleep: (ms: number) => Promise<unknown>;
  readonly random: () => number;
  readonly apiKey: string;
  readonly onText: (piece: string) => void;
}

/**
 * Asks until there is an answer. Repeats the request after the statuses 429 and 5xx. Does not repeat it after a lost connection or a
 * malformed answer, because the endpoint has probably charged for it. An attempt keeps its reservation, unless the endpoint reports
 * what it used or billed nothing.
 */
async function ask(attempts: Attempts): Promise<{ readonly answer: EndpointAnswer; readonly attempts: number }> {
  const { spending } = attempts;
  for (let attempt = 1; ; attempt++) {
    const response = await sendOnce(attempts.send, spending);
    const { statusCode: status } = response;
    if (status >= 200 && status <= 299) {
      const answer = await readResponse(response, attempts);
      const usage = credibleUsage(answer);
      if (usage !== undefined) spending.used(usage);
      return { answer, attempts: attempt };
    }
    if (UNBILLED_STATUSES.has(status)) spending.used(NO_USAGE);
    const failure = `the model endpoint answered HTTP ${status}${await errorCodeOf(response, attempts.apiKey)}`;
    const isTransient = status === 429 || status >= 500;
    if (!isTransient) throw new CapabilityFailure(failure);
    if (attempt >= MAX_ATTEMPTS) throw new CapabilityFailure(`${failure}, ${MAX_ATTEMPTS} times`);
    const retryAfter = headerOf(response, "retry-after");
    const delay = retryDelay(attempt, retryAfter, attempts.random(), Date.now());
    if (delay === undefined) throw new CapabilityFailure(`${failure} and asks to wait longer than a minute`);
    await attempts.sleep(delay);
    reserveAgain(spending, failure);
  }
}

/** Sends the request. If it surely did not reach the endpoint, nothing was used. */
async function sendOnce(send: Send, spending: CallSpending): Promise<Dispatcher.ResponseData> {
  try {
    return await send();
  } catch (error) {
    if (neverSent(error)) spending.used(NO_USAGE);
    throw error;
  }
}

/** Reserves another attempt. If the limits refuse it, the error also says why the last attempt failed: `failure`. */
function reserveAgain(spending: CallSpending, failure: string): void {
  try {
    spending.reserveAgain();
  } catch (error) {
    if (!(error instanceof CapabilityFailure)) throw error;
    throw new CapabilityFailure(`${failure}, and there is no other attempt: ${error.message}`);
  }
}

/** Reads the answer in the form that the endpoint chose. Some endpoints ignore a request for a stream. */
async function readResponse(response: Dispatcher.ResponseData, { apiKey, onText }: Attempts): Promise<EndpointAnswer> {
  const encoding = headerOf(response, "content-encoding") ?? "";
  if (/^text\/event-stream\b/i.test(headerOf(response, "content-type") ?? "")) {
    const events = eventData(decodedChunks(response.body, encoding, MAX_STREAM_BYTES));
    return readStreamedAnswer(events, apiKey, MAX_ANSWER_BYTES, onText);
  }
  const answer = readAnswer(utf8Body(await readBody(response.body, encoding, MAX_ANSWER_BYTES)), apiKey);
  if (answer.text !== undefined && answer.text !== "") onText(answer.text);
  return answer;
}

/** Returns the code that the body of an error names, as text for a message. Never fails, because the status alone decides what happens next. */
async function errorCodeOf(response: Dispatcher.ResponseData, apiKey: string): Promise<string> {
  try {
    const bytes = await readBody(response.body, headerOf(response, "content-encoding") ?? "", MAX_ERROR_BYTES);
    return errorCodeText(bytes.toString("utf8"), apiKey);
  } catch {
    // The body is too long, cut off, or not in the encoding that its header names. If the run was canceled, the next wait notices that.
    return "";
  }
}

function headerOf({ headers }: Dispatcher.ResponseData, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}
