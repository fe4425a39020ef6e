/**
 * The telemetry of a process that runs many programs as tasks: started once, flushed when the host likes, stopped before
 * the process ends. Reads the standard variables, as the command does, and registers nothing with the OpenTelemetry API.
 *
 *   action.run    resource of the runner (`boruna-runner` by default) ─┐
 *   boruna.run    resource `boruna`                                    ├─► one queue, one sender ──► collector
 *   boruna.cap    resource `boruna`                                   ─┘
 */
import { randomUUID } from "node:crypto";
import type { Sampler } from "@opentelemetry/sdk-trace-node";
import { printable } from "../vm/terminal-text.ts";
import { VERSION } from "../vm/version.ts";
import { isMissingPackage } from "./default-tracing.ts";
import { readTelemetrySettings } from "./settings.ts";
import type { SpanExport } from "./span-export.ts";
import type { TaskSpan, TaskSpanStart, TaskTracers } from "./task-span.ts";

/** Options of `createRunnerTelemetry`. */
export interface RunnerTelemetryOptions {
  /** The runner's `service.name` if `OTEL_SERVICE_NAME` is not set. Default: `boruna-runner`. */
  readonly serviceName?: string;
  /** Receives one line about each setting that is not understood, and about lost spans. Default: print it to stderr. */
  readonly onNotice?: (line: string) => void;
}

/**
 * What a host holds for the life of its process. No method ever rejects, and each does nothing if it has nothing to do:
 * if telemetry is off, before `start`, after `stop`, or the second time.
 */
export interface RunnerTelemetry {
  /** Starts the export that the `OTEL_*` variables configure. Without an endpoint nothing of OpenTelemetry is loaded. */
  start(): Promise<void>;
  /** Sends what has ended so far. Waits at most `BORUNA_OTEL_SHUTDOWN_MS`. */
  flush(): Promise<void>;
  /** Flushes and ends the export within `BORUNA_OTEL_SHUTDOWN_MS`, even if the collector does not answer. It cannot be started again. */
  stop(): Promise<void>;
  /** Opens the span of a task; `runTask` calls this. Returns undefined unless spans are on. */
  startTask(start: TaskSpanStart): TaskSpan | undefined;
}

const RUNNER_SERVICE = "boruna-runner";
/** The service that a program's run belongs to, whatever the runner is called. */
const RUN_SERVICE = "boruna";

interface Running {
  startTask(start: TaskSpanStart): TaskSpan;
  flush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** Creates the telemetry of a runner, not started yet. */
export function createRunnerTelemetry(options: RunnerTelemetryOptions = {}): RunnerTelemetry {
  const notify = options.onNotice ?? printNotice;
  let starting: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;
  let running: Running | undefined;

  const open = async (): Promise<void> => {
    try {
      running = await startExport(options.serviceName ?? RUNNER_SERVICE, notify);
    } catch (error) {
      if (!isMissingPackage(error)) throw error;
      notify("spans are off: the package @opentelemetry/api is not installed");
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
  };
}

function printNotice(line: string): void {
  process.stderr.write(`boruna: telemetry: ${printable(line, () => "?")}\n`);
}

async function startExport(serviceName: string, notify: (line: string) => void): Promise<Running | undefined> {
  const settings = readTelemetrySettings(process.env);
  if ("problem" in settings) notify(settings.problem);
  if ("problem" in settings || !settings.on) return undefined;
  for (const notice of settings.notices) notify(notice);
  const [{ openSpanExport }, { startTaskSpan }] = await Promise.all([import("./span-export.ts"), import("./task-span.ts")]);
  const spans = await openSpanExport(settings, process.env, notify, notify);
  const { sampled, kept } = await taskTracers(serviceName, spans, notify);
  return {
    startTask: (start) => {
      const { samplingPriority } = start.origin;
      const keep = samplingPriority !== undefined && samplingPriority > 0;
      const origin = settings.propagators.tracecontext ? start.origin : { samplingPriority };
      return startTaskSpan(keep ? kept : sampled, { ...start, origin }, { backpressure: () => spans.backpressure() });
    },
    flush: () => within(settings.shutdownMs, spans.flush()),
    shutdown: async () => {
      const { notice } = await spans.shutdown();
      if (notice !== undefined) notify(notice);
    },
  };
}

/** Makes the tracers of both resources, with the sampler of the variables and with one that keeps every span. */
async function taskTracers(
  serviceName: string,
  { processors }: SpanExport,
  note: (line: string) => void,
): Promise<{ readonly sampled: TaskTracers; readonly kept: TaskTracers }> {
  const [{ AlwaysOnSampler, BasicTracerProvider }, resources, { resourceOf }, { SCOPE }] = await Promise.all([
    import("@opentelemetry/sdk-trace-node"),
    import("@opentelemetry/resources"),
    import("./span-export.ts"),
    import("./otel.ts"),
  ]);
  // The id tells several runners of one name apart.
  const defaults = { "service.name": serviceName, "service.instance.id": randomUUID() };
  const runner = resourceOf(resources, process.env, defaults, note);
  const boruna = runner.merge(resources.resourceFromAttributes({ "service.name": RUN_SERVICE }));
  const tracer = (
    resource: typeof runner,
    sampler: Sampler | undefined,
  ): ReturnType<InstanceType<typeof BasicTracerProvider>["getTracer"]> =>
    new BasicTracerProvider({ resource, spanProcessors: [...processors], ...(sampler === undefined ? {} : { sampler }) }).getTracer(
      SCOPE,
      VERSION,
    );
  const tracers = (sampler?: Sampler): TaskTracers => ({ runner: tracer(runner, sampler), boruna: tracer(boruna, sampler) });
  return { sampled: tracers(), kept: tracers(new AlwaysOnSampler()) };
}

/** Waits for `work`, but at most `ms` milliseconds. */
function within(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void work.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
