/**
 * The telemetry of a runner, a process that runs many programs as tasks. The host starts it once, flushes it at any time, and stops
 * it before the process ends. It reads the standard variables (`OTEL_*`), as the command line does, and registers nothing with the
 * OpenTelemetry API.
 *
 *   action.run    resource of the runner (`boruna-runner` by default) ─┐
 *   boruna.run    resource `boruna`                                    ├─► one queue, one sender ──► collector
 *   boruna.cap    resource `boruna`                                   ─┘
 *   metrics       resource of the runner, because they count for its whole process ── at an interval ──► collector
 */
import { replaceUnsafe } from "../vm/terminal-text.ts";
import { isMissingPackage } from "./default-tracing.ts";
import type { RunnerExport } from "./runner-export.ts";
import { readMetricSettings, readTelemetrySettings } from "./settings.ts";
import type { TaskSpan, TaskSpanStart } from "./task-span.ts";
import type { WorkerMetrics } from "./worker-metrics.ts";

/** Options of `createRunnerTelemetry`. */
export interface RunnerTelemetryOptions {
  /** The runner's `service.name` if `OTEL_SERVICE_NAME` is not set. Default: `boruna-runner`. */
  readonly serviceName?: string | undefined;
  /** Receives one line about each setting that is not valid, and about lost spans and metrics. Default: print it to stderr. */
  readonly onNotice?: ((line: string) => void) | undefined;
}

/**
 * The telemetry of one process. Only the first `start` and the first `stop` have an effect. The other methods do nothing before
 * `start`, after `stop`, and if telemetry is off. No method rejects.
 */
export interface RunnerTelemetry {
  /** Starts the export that the `OTEL_*` variables configure. Without an endpoint nothing of OpenTelemetry's SDK is loaded. */
  start(): Promise<void>;
  /** Sends the spans that have ended so far, and the metrics. Waits at most `BORUNA_OTEL_SHUTDOWN_MS`. */
  flush(): Promise<void>;
  /** Flushes and ends the export within `BORUNA_OTEL_SHUTDOWN_MS`, even if the collector does not answer. It cannot be started again. */
  stop(): Promise<void>;
  /** Opens the span of a task; `runTask` calls this. Returns undefined unless spans or metrics are on. */
  startTask(start: TaskSpanStart): TaskSpan | undefined;
}

/** The telemetry of `boruna worker`, which also counts what the worker does. */
export interface WorkerTelemetry extends RunnerTelemetry {
  /** Returns undefined unless metrics are exported. Call it after `start`. */
  workerMetrics(): Promise<WorkerMetrics | undefined>;
}

const RUNNER_SERVICE = "boruna-runner";

/** Creates the telemetry of a runner, not started yet. */
export function createRunnerTelemetry(options: RunnerTelemetryOptions = {}): RunnerTelemetry {
  return createWorkerTelemetry(options);
}

/** Creates the telemetry of a worker, not started yet. */
export function createWorkerTelemetry(options: RunnerTelemetryOptions): WorkerTelemetry {
  const onNotice = options.onNotice ?? printNotice;
  const reported = new Set<string>();
  // Spans and metrics share variables, so both may report the same notice.
  const notify = (line: string): void => {
    if (!reported.has(line)) onNotice(line);
    reported.add(line);
  };
  let starting: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;
  let running: RunnerExport | undefined;

  const open = async (): Promise<void> => {
    try {
      running = await startExport(options.serviceName ?? RUNNER_SERVICE, notify);
    } catch (error) {
      if (!isMissingPackage(error)) throw error;
      notify("spans and metrics are off: the package @opentelemetry/api is not installed");
    }
  };
  const close = async (): Promise<void> => {
    await starting;
    const ending = running;
    running = undefined;
    await ending?.shutdown();
  };
  return {
    start: () => {
      if (stopping !== undefined) return Promise.resolve();
      starting ??= open();
      return starting;
    },
    flush: async () => running?.flush(),
    stop: () => {
      stopping ??= close();
      return stopping;
    },
    startTask: (start) => running?.startTask(start),
    workerMetrics: async () => {
      const meter = running?.meter;
      return meter === undefined ? undefined : (await import("./worker-metrics.ts")).workerMetrics(meter);
    },
  };
}

function printNotice(line: string): void {
  process.stderr.write(`boruna: telemetry: ${replaceUnsafe(line, () => "?")}\n`);
}

async function startExport(serviceName: string, notify: (line: string) => void): Promise<RunnerExport | undefined> {
  const spans = usable(readTelemetrySettings(process.env), notify);
  const metrics = usable(readMetricSettings(process.env), notify);
  if (spans === undefined && metrics === undefined) return undefined;
  const { startRunnerExport } = await import("./runner-export.ts");
  return startRunnerExport(serviceName, { spans, metrics }, notify);
}

/** Returns the settings, or undefined if they turn spans or metrics off. Passes their problem or their warnings to `notify`. */
function usable<T extends { readonly on: true; readonly warnings: readonly string[] }>(
  settings: T | { readonly on: false } | { readonly problem: string },
  notify: (line: string) => void,
): T | undefined {
  if ("problem" in settings) notify(settings.problem);
  if ("problem" in settings || !settings.on) return undefined;
  for (const warning of settings.warnings) notify(warning);
  return settings;
}
