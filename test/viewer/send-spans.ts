/** Sends spans to a viewer as OTLP in JSON. */
import type { ExampleRuns } from "./example-runs.ts";

export interface SpanJson {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue: string } }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

const SPANS_PER_REQUEST = 5_000;

export async function sendSpans(
  { endpoint, senderToken }: Pick<ExampleRuns, "endpoint" | "senderToken">,
  spans: readonly SpanJson[],
): Promise<void> {
  for (let from = 0; from < spans.length; from += SPANS_PER_REQUEST) {
    const scopeSpans = [{ spans: spans.slice(from, from + SPANS_PER_REQUEST) }];
    const resource = { attributes: [{ key: "service.name", value: { stringValue: "another program" } }] };
    const response = await fetch(`${endpoint}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${senderToken}` },
      body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans }] }),
    });
    if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`);
  }
}
