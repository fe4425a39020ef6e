/** Finds out whether the collector accepts requests, by sending one without spans. */
import { createOtlpSender, type SendResult, SPANS_SIGNAL } from "./otlp-sender.ts";
import { readTelemetrySettings } from "./settings.ts";
import type { Environment } from "./variables.ts";

export type CollectorState =
  | { readonly kind: "off" }
  | { readonly kind: "problem"; readonly problem: string }
  /** `host` is the host in the collector's address. The complete address is left out, because it may hold a credential. */
  | { readonly kind: "asked"; readonly host: string; readonly result: SendResult };

/** Asks the collector of the `OTEL_*` variables. Never rejects. Calls `note` with one line for each setting that is not understood. */
export async function probeCollector(environment: Environment, signal: AbortSignal, note: (line: string) => void): Promise<CollectorState> {
  const settings = readTelemetrySettings(environment);
  if ("problem" in settings) return { kind: "problem", problem: settings.problem };
  if (!settings.on || settings.otlp === undefined) return { kind: "off" };
  for (const warning of settings.warnings) note(warning);
  const sender = await createOtlpSender(SPANS_SIGNAL, settings.otlp, environment, note);
  try {
    return { kind: "asked", host: new URL(settings.otlp.endpoint).host, result: await sender.attempt([])(signal) };
  } finally {
    sender.close();
  }
}
