/**
 * Reads the answer of an OpenAI-compatible endpoint: one JSON object, or a stream of events with parts of the answer. Both become the same
 * `EndpointAnswer`, so the call's answer is the same whether or not an observer asks for a stream.
 */
import { BorunaError } from "../../vm/error.ts";
import { parseJson } from "../../vm/json/json.ts";
import { valueFromTypedJson } from "../../vm/json/typed-json.ts";
import { MapValue } from "../../vm/value/map.ts";
import { parseType } from "../../vm/value/type.ts";
import { utf8Length } from "../../vm/value/utf8.ts";
import { type Value, replaceLoneSurrogates } from "../../vm/value/value.ts";
import { CapabilityFailure } from "../handlers.ts";
import type { AnswerSchema } from "./answer-schema.ts";
import { MAX_TOKENS, type Usage } from "./llm-spend.ts";

/** An answer with status 200. A field is undefined if it was absent or had another type. */
export interface EndpointAnswer {
  readonly text: string | undefined;
  readonly refusal: string | undefined;
  readonly finishReason: string | undefined;
  readonly model: string | undefined;
  readonly usage: Usage | undefined;
}

/** Reads an answer that was not streamed. Throws `CapabilityFailure` if it is not JSON or is an error object. */
export function readAnswer(text: string, apiKey: string): EndpointAnswer {
  const data = parse(text, "the model endpoint's answer is not JSON");
  throwIfError(data, apiKey);
  const choice = firstOf(own(data, "choices"));
  const message = own(choice, "message");
  return {
    text: textOf(own(message, "content")),
    refusal: textOf(own(message, "refusal")),
    finishReason: textOf(own(choice, "finish_reason")),
    model: textOf(own(data, "model")),
    usage: usageOf(own(data, "usage")),
  };
}

/**
 * Reads the events of a streamed answer, and passes each piece of the text to `onText`. Throws `CapabilityFailure` if an event is not JSON
 * or is an error object, if the text has more than `maxTextUnits` UTF-16 code units, and if the stream ends before the answer does.
 */
export async function readStreamedAnswer(
  events: AsyncIterable<string>,
  apiKey: string,
  maxTextUnits: number,
  onText: (piece: string) => void,
): Promise<EndpointAnswer> {
  const text = new JoinedText(maxTextUnits);
  const refusal = new JoinedText(maxTextUnits);
  let finishReason: string | undefined;
  let model: string | undefined;
  let usage: Usage | undefined;
  let isDone = false;
  for await (const event of events) {
    isDone = event === "[DONE]";
    if (isDone) break;
    const data = parse(event, "an event of the model endpoint's stream is not JSON");
    throwIfError(data, apiKey);
    const choice = firstOf(own(data, "choices"));
    const delta = own(choice, "delta");
    const piece = textOf(own(delta, "content"));
    text.add(piece);
    refusal.add(textOf(own(delta, "refusal")));
    finishReason = textOf(own(choice, "finish_reason")) ?? finishReason;
    model ??= textOf(own(data, "model"));
    usage = usageOf(own(data, "usage")) ?? usage;
    if (piece !== undefined && piece !== "") onText(piece);
  }
  if (!isDone && finishReason === undefined) throw new CapabilityFailure("the model endpoint's stream ended too early");
  return { text: text.joined(), refusal: refusal.joined(), finishReason, model, usage };
}

/** A text that arrives in pieces. */
class JoinedText {
  readonly #pieces: string[] = [];
  readonly #maxUnits: number;
  #units = 0;

  constructor(maxUnits: number) {
    this.#maxUnits = maxUnits;
  }

  add(piece: string | undefined): void {
    if (piece === undefined) return;
    this.#units += piece.length;
    if (this.#units > this.#maxUnits) throw new CapabilityFailure(`the model's answer is longer than ${this.#maxUnits} characters`);
    this.#pieces.push(piece);
  }

  /** Returns the whole text. Undefined if there was no piece, not even an empty one. */
  joined(): string | undefined {
    return this.#pieces.length === 0 ? undefined : this.#pieces.join("");
  }
}

/** The `status` of an incomplete answer, by its `finish_reason`. The status of any other answer is `ok`. */
const STATUS_BY_FINISH_REASON: ReadonlyMap<string | undefined, string> = new Map([
  ["length", "length"],
  ["content_filter", "content_filter"],
]);

/**
 * Returns the answer of the call. `attempts` is the number of attempts that it took. The answer contains this number if it is above 1,
 * so that a resumed run can count what the attempts may have cost. Throws `CapabilityFailure` if there is no text, or if the text does not
 * match the schema.
 */
export function answerValue(answer: EndpointAnswer, requestedModel: string, attempts: number, schema: AnswerSchema | undefined): Value {
  if (answer.text === undefined)
    throw new CapabilityFailure(answer.refusal === undefined ? "the model endpoint's answer holds no text" : "the model refused to answer");
  const text = replaceLoneSurrogates(answer.text);
  const status = STATUS_BY_FINISH_REASON.get(answer.finishReason) ?? "ok";
  const fields: [string, Value][] = [
    ["status", status],
    ["text", text],
    ["model", replaceLoneSurrogates(answer.model ?? requestedModel)],
    [
      "usage",
      MapValue.from([
        ["input_tokens", answer.usage?.inputTokens ?? 0],
        ["output_tokens", answer.usage?.outputTokens ?? 0],
      ]),
    ],
  ];
  if (attempts > 1) fields.push(["attempts", attempts]);
  if (schema !== undefined) fields.push(["value", matchingValue(text, status, schema)]);
  return MapValue.from(fields);
}

/** Reads the number of attempts from a recorded answer, and the usage if it is credible (`credibleUsage`). */
export function recordedAnswer(answer: Value): { readonly attempts: number; readonly usage: Usage | undefined } {
  const [attempts, text, usage] = ["attempts", "text", "usage"].map((name) => (answer instanceof MapValue ? answer.get(name) : undefined));
  const count = (name: string): number | undefined => countOf(usage instanceof MapValue ? usage.get(name) : undefined);
  const [inputTokens, outputTokens] = [count("input_tokens"), count("output_tokens")];
  return {
    attempts: typeof attempts === "number" && attempts > 1 ? attempts : 1,
    usage:
      inputTokens === undefined || outputTokens === undefined
        ? undefined
        : credibleUsage({ usage: { inputTokens, outputTokens }, text: textOf(text) }),
  };
}

function matchingValue(text: string, status: string, schema: AnswerSchema): Value {
  if (status !== "ok") throw new CapabilityFailure(`the model's answer is incomplete (${status}), so it cannot match options.schema`);
  try {
    const data = parseJson(text);
    const mismatch = schema.mismatchOf(data);
    if (mismatch !== undefined) throw new CapabilityFailure(`the model's answer does not match options.schema: ${mismatch}`);
    return valueFromTypedJson(data, parseType("Json"), [], "answer");
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new CapabilityFailure(`the model's answer is not JSON as options.schema asks: ${error.message}`);
  }
}

/** The longest token of the usual tokenizers has this many bytes. */
const MAX_TOKEN_BYTES = 128;

/** Returns the reported usage, or undefined if it cannot be true. Some endpoints report zeros when they do not know the usage. */
export function credibleUsage({ usage, text = "" }: Pick<EndpointAnswer, "usage" | "text">): Usage | undefined {
  if (usage === undefined) return undefined;
  return usage.inputTokens > 0 && usage.outputTokens * MAX_TOKEN_BYTES >= utf8Length(text) ? usage : undefined;
}

/**
 * Reads `prompt_tokens`, `completion_tokens` and `total_tokens`. Some endpoints count the tokens of hidden reasoning only in the total,
 * and bill them as output.
 */
function usageOf(data: unknown): Usage | undefined {
  const inputTokens = countOf(own(data, "prompt_tokens"));
  const outputTokens = countOf(own(data, "completion_tokens"));
  if (inputTokens === undefined || outputTokens === undefined) return undefined;
  const total = countOf(own(data, "total_tokens")) ?? 0;
  return { inputTokens, outputTokens: Math.max(outputTokens, total - inputTokens) };
}

function countOf(data: unknown): number | undefined {
  return typeof data === "number" && data >= 0 ? Math.min(MAX_TOKENS, Math.ceil(data)) : undefined;
}

/** An error code of an endpoint, such as `context_length_exceeded`. Other texts are not shown: they may quote the API key or the prompt. */
const ERROR_CODE = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

/** Returns ` (CODE)` if the body of an error names a code, otherwise an empty text. */
export function errorCodeText(body: string, apiKey: string): string {
  try {
    return codeText(own(JSON.parse(body), "error"), apiKey);
  } catch {
    // The body is not JSON.
    return "";
  }
}

function codeText(error: unknown, apiKey: string): string {
  const code = [own(error, "code"), own(error, "type")].find((text) => typeof text === "string" && ERROR_CODE.test(text));
  return typeof code === "string" && (apiKey === "" || !code.includes(apiKey)) ? ` (${code})` : "";
}

/** Throws if the data is an error object, which some endpoints send with status 200. */
function throwIfError(data: unknown, apiKey: string): void {
  const error = own(data, "error");
  if (error === undefined || error === null) return;
  throw new CapabilityFailure(`the model endpoint answered with an error${codeText(error, apiKey)}`);
}

function parse(text: string, problem: string): unknown {
  try {
    // Unlike `parseJson`, this keeps half of a surrogate pair, whose other half may be in the next event.
    return JSON.parse(text);
  } catch {
    throw new CapabilityFailure(problem);
  }
}

/** Returns an own property of an object. Undefined for everything else. */
function own(data: unknown, name: string): unknown {
  return typeof data === "object" && data !== null ? Object.getOwnPropertyDescriptor(data, name)?.value : undefined;
}

function firstOf(data: unknown): unknown {
  return Array.isArray(data) ? data[0] : undefined;
}

function textOf(data: unknown): string | undefined {
  return typeof data === "string" ? data : undefined;
}
