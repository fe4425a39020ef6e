/** The default `Tracing` of a run: the OpenTelemetry API, which drops spans unless the process has registered a TracerProvider. */
import type { Tracing } from "./tracing.ts";

/** Undefined means no spans: `given` is `false`, or the API package, a peer dependency, is not installed. */
export async function chosenTracing(given: Tracing | false | undefined): Promise<Tracing | undefined> {
  if (given !== undefined) return given === false ? undefined : given;
  try {
    const { otelTracing } = await import("./otel.ts");
    return otelTracing();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
