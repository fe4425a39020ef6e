/** Starts the OpenTelemetry SDK for a process that Boruna owns: a command, or a thread of one of its servers. */
import type { Propagators } from "./context.ts";
import { readTelemetrySettings } from "./settings.ts";
import { openThreadContext } from "./thread-context/thread-context.ts";
import type { TraceDetail, Tracing } from "./tracing.ts";

/** The running SDK, with what a run needs to make spans. Call `close` at the end: it sends the spans that are left. */
export interface ProcessTelemetry {
  readonly tracing: Tracing;
  readonly traceDetail: TraceDetail;
  readonly propagators: Propagators;
  close(): Promise<void>;
}

/** Starts the SDK as the `OTEL_*` variables say. Returns undefined if spans are off. `writeLine` receives notices. */
export async function startProcessTelemetry(writeLine: (line: string) => void): Promise<ProcessTelemetry | undefined> {
  const settings = readTelemetrySettings(process.env);
  if ("problem" in settings) {
    writeLine(`telemetry: ${settings.problem}`);
    return undefined;
  }
  if (!settings.on) return undefined;
  const [{ start }, { otelTracing }] = await Promise.all([import("./sdk.ts"), import("./otel.ts")]);
  const sdk = await start(settings, process.env, writeLine);
  for (const warning of sdk.warnings) writeLine(`telemetry: ${warning}`);
  const threadContext = await openThreadContext(process.env, (line) => writeLine(`telemetry: ${line}`));
  return {
    tracing: otelTracing({ backpressure: () => sdk.backpressure(), genAiSpans: settings.genAiSpans, threadContext }),
    traceDetail: settings.traceDetail,
    propagators: settings.propagators,
    close: async () => {
      const { notice } = await sdk.shutdown();
      if (notice !== undefined) writeLine(`telemetry: ${notice}`);
    },
  };
}
