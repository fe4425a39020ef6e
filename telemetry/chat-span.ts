/**
 * Adds a chat span, by OpenTelemetry's conventions for generative AI, below the span `boruna.cap` of an `llm.call`. It lasts from
 * the start of the handler to the end of the call, so a call that the policy refuses has none. Only the chat span has the `gen_ai.*`
 * attributes: a backend that adds up tokens over all spans must count each token once (docs/internals/adr/025-genai-spans.md).
 */
import { type Context, type Span, SpanKind, SpanStatusCode, trace, type Tracer } from "@opentelemetry/api";
import { OUTCOMES } from "../vm/outcome.ts";
import type { TraceHeaders } from "./context.ts";
import { type ChatAttributes, chatSpanName, GEN_AI_OPERATION, isModelName, UNKNOWN_PROVIDER } from "./gen-ai.ts";
import { reportError, reportingErrors, runInContext } from "./tracer-errors.ts";
import { CALL_OUTCOME, type CallSpanEnd, type CallSpanStart, type CallTracing } from "./tracing.ts";

/** The span `boruna.cap`, with the OpenTelemetry context for its children. */
interface ParentCall extends CallTracing {
  readonly context: Context;
}

/** An `llm.call` with its chat span. */
export class ChatCall implements CallTracing {
  readonly #call: ParentCall;
  readonly #tracer: Tracer;
  readonly #info: CallSpanStart;
  /** Undefined until a handler starts. */
  #span: Span | undefined;

  constructor(call: ParentCall, tracer: Tracer, info: CallSpanStart) {
    this.#call = call;
    this.#tracer = tracer;
    this.#info = info;
  }

  run<T>(body: () => T): T {
    this.#span = this.#start();
    return this.#span === undefined ? this.#call.run(body) : runInContext(trace.setSpan(this.#call.context, this.#span), body);
  }

  headers(): TraceHeaders {
    return this.#call.headers();
  }

  setModel(model: string, provider?: string): void {
    const attributes: ChatAttributes = {};
    if (isModelName(model)) attributes["gen_ai.request.model"] = model;
    if (isModelName(provider)) attributes["gen_ai.provider.name"] = provider;
    reportingErrors(() => this.#span?.setAttributes({ ...attributes }));
  }

  end(info: CallSpanEnd): void {
    reportingErrors(() => this.#endSpan(info));
    this.#call.end({ ...info, inputTokens: undefined, outputTokens: undefined, responseModel: undefined });
  }

  #start(): Span | undefined {
    const { model, mode } = this.#info;
    const attributes: ChatAttributes = {
      "gen_ai.operation.name": GEN_AI_OPERATION,
      "gen_ai.provider.name": UNKNOWN_PROVIDER,
      "cap.mode": mode,
    };
    if (isModelName(model)) attributes["gen_ai.request.model"] = model;
    try {
      return this.#tracer.startSpan(chatSpanName(model), { kind: SpanKind.CLIENT, attributes: { ...attributes } }, this.#call.context);
    } catch (error) {
      reportError(error);
      return undefined;
    }
  }

  #endSpan({ inputTokens, outputTokens, responseModel, errorKind }: CallSpanEnd): void {
    const attributes: ChatAttributes = {};
    if (inputTokens !== undefined) attributes["gen_ai.usage.input_tokens"] = inputTokens;
    if (outputTokens !== undefined) attributes["gen_ai.usage.output_tokens"] = outputTokens;
    if (isModelName(responseModel)) attributes["gen_ai.response.model"] = responseModel;
    if (errorKind !== undefined) {
      attributes["error.type"] = errorKind;
      if (OUTCOMES[CALL_OUTCOME[errorKind]].spanError) this.#span?.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span?.setAttributes({ ...attributes });
    this.#span?.end();
  }
}
