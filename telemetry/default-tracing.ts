/**
 * Chooses where the spans and metrics of a run go. By default, they go to the OpenTelemetry API. Without a registered
 * TracerProvider, it drops the spans; without a MeterProvider, the metrics.
 */
import type { ThreadContext } from "./thread-context/slot.ts";
import { openThreadContext } from "./thread-context/thread-context.ts";
import type { PoolMetrics } from "./pool-metrics.ts";
import type { TaskSpan, TaskSpanOptions, TaskSpanStart } from "./task-span.ts";
import type { Tracing } from "./tracing.ts";
import { errorCode } from "../vm/error.ts";
import { lazily } from "../vm/lazy.ts";

/** Loaded once, because each `import()` takes longer than a short run. */
const apiTracing = lazily(() => Promise.all([import("./otel.ts"), import("./metrics.ts")]));

/**
 * Returns the tracing of a run: `option`, or by default the OpenTelemetry API. Returns undefined, which means no spans and no metrics, if
 * `option` is `false`, or if the API package is not installed (it is a peer dependency).
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
