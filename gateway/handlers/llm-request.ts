/** Turns the arguments of an `llm.call` into the body of a request, and computes how many tokens an attempt can use at most. */
import { didYouMean } from "../../policy/did-you-mean.ts";
import type { LlmPolicy } from "../../policy/policy.ts";
import { canonicalJson, isJsonObject, type JsonData, jsonObjectOf } from "../../vm/json/json.ts";
import { valueToTypedJson } from "../../vm/json/typed-json.ts";
import { MapValue } from "../../vm/value/map.ts";
import { parseType } from "../../vm/value/type.ts";
import { utf8Length } from "../../vm/value/utf8.ts";
import type { Value } from "../../vm/value/value.ts";
import { CapabilityFailure } from "../handlers.ts";
import { type AnswerSchema, readAnswerSchema } from "./answer-schema.ts";
import type { Usage } from "./llm-spend.ts";

/** A request to a model. */
export interface LlmRequest {
  readonly body: ReadonlyMap<string, JsonData>;
  /** The most tokens that one attempt can use. */
  readonly worstCase: Usage;
  /** What the answer must match. Undefined if the program gave no schema. */
  readonly schema: AnswerSchema | undefined;
}

/** The options of `llm.call` that are sent to the endpoint unchanged. */
const FORWARDED_OPTIONS: readonly string[] = [
  "frequency_penalty",
  "presence_penalty",
  "response_format",
  "seed",
  "stop",
  "temperature",
  "top_p",
];
/** The options that Boruna itself interprets, with their descriptions. */
const BORUNA_OPTIONS = {
  max_output_tokens: "Int above 0: the maximum number of tokens in the answer. Default: the policy's limit; a larger number is denied",
  schema:
    "a JSON Schema: the model is asked for JSON of this form, the call fails if the answer does not match, and the field `value` holds it. See [the guide](../guide/llm-call.md#structured-answers)",
  system: "String: the system message, sent before the prompt",
} as const;
/** Every option of `llm.call` with its description. */
export const LLM_OPTIONS: ReadonlyMap<string, string> = new Map([
  ...Object.entries(BORUNA_OPTIONS),
  ...FORWARDED_OPTIONS.map((name) => [name, "sent to the endpoint unchanged"] as const),
]);

/** An endpoint adds at most this many input tokens to the text of the request: roles, separators, the model's own system message. */
const ADDED_TOKENS = 256;

/** Builds the request of a call. Throws `CapabilityFailure` for mistakes in the options. */
export function llmRequest(model: string, prompt: string, callOptions: Value | undefined, llm: LlmPolicy): LlmRequest {
  if (!(callOptions instanceof MapValue)) throw new CapabilityFailure("the options of llm.call are an object");
  const unknown = [...callOptions.keys()].find((name) => !LLM_OPTIONS.has(name));
  if (unknown !== undefined)
    throw new CapabilityFailure(
      `llm.call has no option ${JSON.stringify(unknown)}. ${didYouMean(unknown, LLM_OPTIONS.keys(), `It has ${[...LLM_OPTIONS.keys()].join(", ")}.`)}`,
    );
  const system = callOptions.get("system");
  if (system !== undefined && typeof system !== "string") throw new CapabilityFailure("the option system of llm.call is a text");
  const maxTokens = callOptions.get("max_output_tokens") ?? llm.max_output_tokens;
  if (typeof maxTokens !== "number" || maxTokens < 1)
    throw new CapabilityFailure("the option max_output_tokens of llm.call is an Int above 0");
  const optionsJson = valueToTypedJson(callOptions, parseType("Json"), []);
  const options = isJsonObject(optionsJson) ? optionsJson : new Map<string, JsonData>();
  const schema = schemaOf(options);
  const body = new Map<string, JsonData>([
    ...[...options].filter(([name]) => FORWARDED_OPTIONS.includes(name)),
    ...(schema === undefined ? [] : [["response_format", responseFormat(schema)] as const]),
    ["model", model],
    ["max_tokens", maxTokens],
    ["messages", [...(system === undefined ? [] : [message("system", system)]), message("user", prompt)]],
  ]);
  return { body, worstCase: worstCaseOf(body, maxTokens), schema: schema?.compiled };
}

function message(role: string, content: string): JsonData {
  return jsonObjectOf(["role", role], ["content", content]);
}

/** The option `schema` of a call. */
interface SchemaOption {
  /** As the program gave it. It is sent to the endpoint. */
  readonly sent: JsonData;
  /** The same schema, ready to check the answer. */
  readonly compiled: AnswerSchema;
}

function schemaOf(options: ReadonlyMap<string, JsonData>): SchemaOption | undefined {
  const sent = options.get("schema");
  if (sent === undefined) return undefined;
  if (options.has("response_format"))
    throw new CapabilityFailure("llm.call takes schema or response_format, not both: schema sends a response_format of its own");
  return { sent, compiled: readAnswerSchema(sent) };
}

function responseFormat({ sent, compiled }: SchemaOption): JsonData {
  const jsonSchema = jsonObjectOf(["name", "answer"], ["schema", sent], ["strict", compiled.strict]);
  return jsonObjectOf(["type", "json_schema"], ["json_schema", jsonSchema]);
}

/**
 * Returns the most tokens that an attempt can use. Every part of the request may become input of the model. With every tokenizer, a token
 * has at least one byte, so a text has at most as many tokens as bytes.
 */
function worstCaseOf(body: ReadonlyMap<string, JsonData>, maxTokens: number): Usage {
  return { inputTokens: utf8Length(canonicalJson(body)) + ADDED_TOKENS, outputTokens: maxTokens };
}
