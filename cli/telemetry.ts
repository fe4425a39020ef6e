/** Runs a command with telemetry: starts the SDK if it is configured, handles signals, and flushes spans before the exit. */
import { deferredTracing } from "../telemetry/deferred-tracing.ts";
import { type IncomingContext, incomingContext, type Propagators } from "../telemetry/context.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { readTelemetrySettings } from "../telemetry/settings.ts";
import { EXIT, OUTCOMES, type Outcome } from "../vm/outcome.ts";
import { exitCodeOf } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

export interface Traced {
  /** Undefined when spans are off. */
  readonly tracing: Tracing | undefined;
  /** Aborted by each of `STOP_SIGNALS`. */
  readonly signal: AbortSignal;
  /** Trace context of the caller. */
  readonly context: IncomingContext;
}

/** Signals that cancel a run and still end its log and spans, with their exit codes. */
const STOP_SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hungUp } as const;
type StopSignal = keyof typeof STOP_SIGNALS;
const SIGNAL_NAMES: readonly StopSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

let interruptedBy: StopSignal | undefined;

/** The exit code for the outcome, or for the signal that canceled the run. */
export function exitCodeOfOutcome(outcome: Outcome): number {
  if (outcome === "canceled" && interruptedBy !== undefined) return STOP_SIGNALS[interruptedBy];
  return OUTCOMES[outcome].exitCode;
}

interface StartedSdk {
  readonly tracing: Tracing;
  readonly propagators: Propagators;
  close(): Promise<void>;
}

async function startSdk(terminal: Terminal): Promise<StartedSdk | undefined> {
  const settings = readTelemetrySettings(process.env);
  if ("problem" in settings) {
    terminal.err(`telemetry: ${settings.problem}`);
    return undefined;
  }
  if (!settings.on) return undefined;
  const [{ start }, { otelTracing }] = await Promise.all([import("../telemetry/sdk.ts"), import("../telemetry/otel.ts")]);
  const sdk = await start(settings, process.env, (line) => terminal.err(line));
  for (const notice of sdk.notices) terminal.err(`telemetry: ${notice}`);
  return {
    tracing: otelTracing({ backpressure: () => sdk.backpressure() }),
    propagators: settings.propagators,
    close: async () => {
      const { notice } = await sdk.shutdown();
      if (notice !== undefined) terminal.err(`telemetry: ${notice}`);
    },
  };
}

export interface TelemetryOptions<T> {
  readonly traceparent?: string;
  /** The exit code of the process for what the command returned. A command that throws has the code of its error. */
  readonly exitCode: (ended: T) => number;
}

/**
 * Runs `body`, then flushes its spans within the shutdown bound, also when it throws. A second signal skips the flush.
 * The run span ends after `body`, when the exit code is known.
 */
export async function withTelemetry<T>(terminal: Terminal, options: TelemetryOptions<T>, body: (traced: Traced) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  let hurry = (): void => undefined;
  const hurried = new Promise<void>((resolve) => {
    hurry = resolve;
  });
  const onSignal = (name: StopSignal): void => {
    if (interruptedBy !== undefined) hurry();
    interruptedBy ??= name;
    abort.abort();
  };
  for (const name of SIGNAL_NAMES) process.on(name, onSignal);
  const sdk = await startSdk(terminal);
  const run = sdk === undefined ? undefined : deferredTracing(sdk.tracing);
  try {
    const context = sdk === undefined ? {} : incomingContext({ traceparent: options.traceparent }, process.env, sdk.propagators);
    const ended = await body({ tracing: run?.tracing, signal: abort.signal, context });
    run?.finish({ exitCode: options.exitCode(ended) });
    return ended;
  } catch (error) {
    run?.finish({ exitCode: exitCodeOf(error) });
    throw error;
  } finally {
    if (sdk !== undefined) await Promise.race([sdk.close(), hurried]);
    for (const name of SIGNAL_NAMES) process.off(name, onSignal);
  }
}
