/** Chooses where the spans of a run go. By default, to the OpenTelemetry API, which drops them if no TracerProvider is registered. */
import { openThreadContext } from "./thread-context/thread-context.ts";
import type { Tracing } from "./tracing.ts";

/** Returns undefined if there are to be no spans: `option` is `false`, or the API package, a peer dependency, is not installed. */
export async function chosenTracing(option: Tracing | false | undefined): Promise<Tracing | undefined> {
  if (option !== undefined) return option === false ? undefined : option;
  try {
    const { otelTracing } = await import("./otel.ts");
    const threadContext = await openThreadContext(process.env, (line) => process.emitWarning(`boruna: ${line}`));
    return otelTracing({ threadContext });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
