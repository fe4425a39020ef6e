/** Runs a command with telemetry: starts the SDK if it is configured, handles signals, and flushes spans before the exit. */
import { deferredTracing } from "../telemetry/deferred-tracing.ts";
import { type IncomingContext, incomingContext, type Propagators } from "../telemetry/context.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { readTelemetrySettings } from "../telemetry/settings.ts";
import { EXIT, OUTCOMES, type Outcome } from "../vm/outcome.ts";
import { exitCodeOf } from "./failure.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

interface TelemetryContext {
  /** Undefined if spans are off. */
  readonly tracing: Tracing | undefined;
  /** Aborts when the process receives one of `STOP_SIGNALS`. */
  readonly signal: AbortSignal;
  /** Trace context of the caller. */
  readonly context: IncomingContext;
}

/** The signals that cancel a run, with the exit code of each. The log and the spans of the run are still completed. */
const STOP_SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hungUp } as const;
type StopSignal = keyof typeof STOP_SIGNALS;
const SIGNAL_NAMES: readonly StopSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

let interruptedBy: StopSignal | undefined;

/** Returns the exit code for the outcome. If a signal canceled the run, returns the exit code for the signal. */
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

interface TelemetryOptions<T> {
  readonly traceparent?: string;
  /** Returns the exit code of the process for the result of the command. If the command throws, its error decides the exit code. */
  readonly exitCode: (result: T) => number;
}

/**
 * Runs `body`, then flushes its spans within the time limit for shutdown, even if `body` throws. A second signal skips the flush.
 * The run span ends after `body`, when the exit code is known. Sets the trace of the session.
 */
export async function withTelemetry<T>(
  session: Session,
  options: TelemetryOptions<T>,
  body: (telemetry: TelemetryContext) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  let skipFlush = (): void => undefined;
  const flushSkipped = new Promise<void>((resolve) => {
    skipFlush = resolve;
  });
  const onSignal = (name: StopSignal): void => {
    if (interruptedBy !== undefined) skipFlush();
    interruptedBy ??= name;
    abort.abort();
  };
  for (const name of SIGNAL_NAMES) process.on(name, onSignal);
  const sdk = await startSdk(session.terminal);
  const run = sdk === undefined ? undefined : deferredTracing(sdk.tracing);
  try {
    const context = sdk === undefined ? {} : incomingContext({ traceparent: options.traceparent }, process.env, sdk.propagators);
    const result = await body({ tracing: run?.tracing, signal: abort.signal, context });
    run?.finish({ exitCode: options.exitCode(result) });
    return result;
  } catch (error) {
    run?.finish({ exitCode: exitCodeOf(error) });
    throw error;
  } finally {
    session.traceId = run?.traceId();
    if (sdk !== undefined) await Promise.race([sdk.close(), flushSkipped]);
    for (const name of SIGNAL_NAMES) process.off(name, onSignal);
  }
}
