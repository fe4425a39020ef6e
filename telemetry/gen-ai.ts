/**
 * Maps `llm.call` to OpenTelemetry's semantic conventions for generative AI. The conventions are still in development, so the
 * span exists only if the user asks for it. To adopt a newer version, change only this file. No attribute may hold a prompt, an
 * answer or an address.
 */

export const GEN_AI_VERSION = "semantic-conventions-genai v0.1.0";
/** The value of `OTEL_SEMCONV_STABILITY_OPT_IN` that asks for the span. */
export const GEN_AI_OPT_IN = "gen_ai_latest_experimental";

/** The value of `gen_ai.operation.name` for every `llm.call`. */
export const GEN_AI_OPERATION = "chat";
/** The provider of the live handler of `llm.call`. In the conventions, a provider is the format of the API, not its operator. */
export const LIVE_PROVIDER = "openai";
/** The provider of a handler that does not say whose API it speaks. */
export const UNKNOWN_PROVIDER = "unknown";

interface ChatAttributeSpec {
  readonly type: "string" | "int";
  /** The condition for setting the attribute. Absent if it is always set. */
  readonly when?: string;
  readonly doc: string;
}

/** The attributes of the span, which is of kind CLIENT. */
export const CHAT_ATTRIBUTES = {
  "gen_ai.operation.name": { type: "string", doc: "`chat`" },
  "gen_ai.provider.name": {
    type: "string",
    doc: "the API that the handler speaks: `openai` for the live handler, what the embedder's handler passes to `onModel`, or `unknown`",
  },
  "gen_ai.request.model": { type: "string", when: "as on `boruna.cap`", doc: "the requested model" },
  "gen_ai.response.model": { type: "string", when: "the answer says so", doc: "the model that answered" },
  "gen_ai.usage.input_tokens": { type: "int", when: "the answer says so", doc: "tokens of the prompt" },
  "gen_ai.usage.output_tokens": { type: "int", when: "the answer says so", doc: "tokens of the answer" },
  "error.type": { type: "string", when: "the call failed", doc: "as on `boruna.cap`" },
  "cap.mode": { type: "string", doc: "mock, live or replay, so that a dashboard of costs can leave replays out; not of the conventions" },
} as const satisfies Record<string, ChatAttributeSpec>;

type ChatAttributeName = keyof typeof CHAT_ATTRIBUTES;
export type ChatAttributes = {
  [A in ChatAttributeName]?: (typeof CHAT_ATTRIBUTES)[A]["type"] extends "string" ? string : number;
};

/** Matches plausible names of models and providers. Other texts are not recorded, because they may be private. */
const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}$/;

export function isModelName(text: string | undefined): text is string {
  return text !== undefined && MODEL_NAME.test(text);
}

/**
 * Returns the name of the span. It contains the model that the program names, but never the default model of the operator's settings: a
 * replay does not know these settings, and its spans must have the same names.
 */
export function chatSpanName(model: string | undefined): string {
  return isModelName(model) ? `${GEN_AI_OPERATION} ${model}` : GEN_AI_OPERATION;
}
