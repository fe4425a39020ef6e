/** The tracing of a run whose caller says nothing: the OpenTelemetry API's, whose spans go nowhere unless someone registered a provider. */
import type { Tracing } from "./tracing.ts";

/** `false` is none. The API package is a peer dependency: without it there are no spans. */
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
