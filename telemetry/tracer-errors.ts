/** Calls the tracers, meters and context manager of the process. Reports the errors that they throw: these must never reach a run. */
import { type Context, context, diag, INVALID_SPAN_CONTEXT, type Span, type SpanContext } from "@opentelemetry/api";

/** Runs code that calls span processors or instruments. If one of them throws, reports the error. */
export function reportingErrors(body: () => void): void {
  try {
    body();
  } catch (error) {
    reportError(error);
  }
}

export function reportError(error: unknown): void {
  diag.error(`boruna: a tracer or meter failed: ${error instanceof Error ? error.name : typeof error}`);
}

/** Returns the ids of a span. Without a span, or if the span throws, returns invalid ids. */
export function spanContextOf(span: Span | undefined): SpanContext {
  try {
    return span?.spanContext() ?? INVALID_SPAN_CONTEXT;
  } catch (error) {
    reportError(error);
    return INVALID_SPAN_CONTEXT;
  }
}

/** Runs `body` once, in the OpenTelemetry context `inside`, or without it if the context manager fails. Throws only what `body` throws. */
export function runInContext<T>(inside: Context, body: () => T): T {
  let hasStarted = false;
  let result: { readonly value: T } | undefined;
  try {
    context.with(inside, () => {
      hasStarted = true;
      result = { value: body() };
    });
  } catch (error) {
    if (hasStarted && result === undefined) throw error;
    reportError(error);
  }
  return result === undefined ? body() : result.value;
}
