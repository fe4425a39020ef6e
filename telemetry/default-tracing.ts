/**
 * Chooses where the spans and metrics of a run go. By default, to the OpenTelemetry API, which drops spans if no
 * TracerProvider is registered, and metrics if no MeterProvider is.
 */
import { openThreadContext, type ThreadContext } from "./thread-context/thread-context.ts";
import type { PoolMetrics } from "./pool-metrics.ts";
import type { TaskSpan, TaskSpanOptions, TaskSpanStart } from "./task-span.ts";
import type { Tracing } from "./tracing.ts";
import { errorCode } from "../vm/error.ts";
import { lazily } from "../vm/lazy.ts";

/** Loaded once, because each `import()` takes longer than a short run. */
const apiTracing = lazily(() => Promise.all([import("./otel.ts"), import("./metrics.ts")]));

/**
 * Returns the tracing of a run: `option`, or by default the OpenTelemetry API. Undefined means no spans and no metrics: `option` is `false`,
 * or the API, a peer dependency, is not installed.
 */
export async function chosenTracing(option: Tracing | false | undefined, genAiSpans: boolean | undefined): Promise<Tracing | undefined> {
  if (option !== undefined) return option === false ? undefined : option;
  return unlessMissing(async () => {
    const [{ otelTracing }, { meteredTracing }] = await apiTracing();
    return meteredTracing(otelTracing({ genAiSpans, threadContext: await defaultThreadContext() }));
  });
}

/** Opens the span of a task with the registered TracerProvider. Returns undefined if the API package is not installed. */
export function defaultTaskSpan(start: TaskSpanStart, options: TaskSpanOptions): Promise<TaskSpan | undefined> {
  return unlessMissing(async () => {
    const { startTaskSpan } = await import("./task-span.ts");
    return startTaskSpan(undefined, start, { ...options, threadContext: await defaultThreadContext() });
  });
}

const apiMetrics = lazily(() => import("./pool-metrics.ts"));

/** Returns the metrics of a new pool. Undefined if the API package is not installed. */
export function defaultPoolMetrics(): Promise<PoolMetrics | undefined> {
  return unlessMissing(async () => (await apiMetrics()).poolMetrics());
}

function defaultThreadContext(): Promise<ThreadContext | undefined> {
  return openThreadContext(process.env, (line) => process.emitWarning(`boruna: ${line}`));
}

async function unlessMissing<T>(load: () => Promise<T>): Promise<T | undefined> {
  try {
    return await load();
  } catch (error) {
    if (isMissingPackage(error)) return undefined;
    throw error;
  }
}

/** Whether an import failed because a package is not installed. */
export function isMissingPackage(error: unknown): boolean {
  return errorCode(error) === "ERR_MODULE_NOT_FOUND";
}
