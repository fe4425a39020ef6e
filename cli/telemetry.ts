/** Runs a command with telemetry: starts the SDK if it is configured, handles signals, and flushes spans before the exit. */
import { deferredTracing } from "../telemetry/deferred-tracing.ts";
import { type IncomingContext, incomingContext } from "../telemetry/context.ts";
import { startProcessTelemetry } from "../telemetry/process-telemetry.ts";
import type { TraceDetail, Tracing } from "../telemetry/tracing.ts";
import { EXIT, OUTCOMES, type Outcome } from "../vm/outcome.ts";
import { exitCodeOf } from "./failure.ts";
import type { CommandSession } from "./session.ts";

interface TelemetryContext {
  /** Undefined if spans are off. */
  readonly tracing: Tracing | undefined;
  readonly traceDetail: TraceDetail;
  /** Aborts when the process receives one of `STOP_SIGNALS`. */
  readonly signal: AbortSignal;
  /** Trace context of the caller. */
  readonly context: IncomingContext;
}

/** The signals that cancel a run, with the exit code of each. The log and the spans of the run are still completed. */
export const STOP_SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hungUp } as const;
type StopSignal = keyof typeof STOP_SIGNALS;
const SIGNAL_NAMES: readonly StopSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

let interruptedBy: StopSignal | undefined;

/** Returns the exit code for the outcome. If a signal canceled the run, returns the exit code for the signal. */
export function exitCodeOfOutcome(outcome: Outcome): number {
  if (outcome === "canceled" && interruptedBy !== undefined) return STOP_SIGNALS[interruptedBy];
  return OUTCOMES[outcome].exitCode;
}

interface TelemetryOptions<T> {
  readonly traceparent?: string;
  /** Returns the exit code of the process for the result of the command. If the command throws, its error decides the exit code. */
  readonly exitCode: (result: T) => number;
}

/** What can end the command from outside: signals, and errors that nothing catches. */
interface Interruptions {
  /** Aborts at the first interruption. */
  readonly signal: AbortSignal;
  /** Resolves at the second signal, or at the second error that nothing caught. */
  readonly flushSkipped: Promise<void>;
  /** Returns the first error that nothing caught. */
  readonly uncaught: () => { readonly error: unknown } | undefined;
  /** Stops handling interruptions. */
  readonly close: () => void;
}

function handleInterruptions(): Interruptions {
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
  let uncaught: { readonly error: unknown } | undefined;
  const onUncaught = (error: unknown): void => {
    if (uncaught !== undefined) skipFlush();
    uncaught ??= { error };
    abort.abort();
  };
  for (const name of SIGNAL_NAMES) process.on(name, onSignal);
  process.on("uncaughtException", onUncaught);
  return {
    signal: abort.signal,
    flushSkipped,
    uncaught: () => uncaught,
    close: () => {
      for (const name of SIGNAL_NAMES) process.off(name, onSignal);
      process.off("uncaughtException", onUncaught);
    },
  };
}

/**
 * Runs `body`, then flushes its spans within the time limit for shutdown, even if `body` throws. A second signal skips the flush.
 * An error that nothing catches, for example in a callback of a socket, cancels the run. It is thrown when the log and the spans
 * of the run are complete. Sets `traceId` of the session.
 */
export async function withTelemetry<T>(
  session: CommandSession,
  options: TelemetryOptions<T>,
  body: (telemetry: TelemetryContext) => Promise<T>,
): Promise<T> {
  const interruptions = handleInterruptions();
  try {
    const result = await withSpans(session, options, interruptions, body);
    const uncaught = interruptions.uncaught();
    if (uncaught !== undefined) throw uncaught.error;
    return result;
  } finally {
    interruptions.close();
  }
}

/** Runs `body` with spans, if they are on. The run span ends after `body`, when the exit code is known. */
async function withSpans<T>(
  session: CommandSession,
  options: TelemetryOptions<T>,
  { signal, flushSkipped, uncaught }: Interruptions,
  body: (telemetry: TelemetryContext) => Promise<T>,
): Promise<T> {
  const sdk = await startProcessTelemetry((line) => session.terminal.err(line));
  const run = sdk === undefined ? undefined : deferredTracing(sdk.tracing);
  try {
    const context = sdk === undefined ? {} : incomingContext({ traceparent: options.traceparent }, process.env, sdk.propagators);
    const result = await body({ tracing: run?.tracing, traceDetail: sdk?.traceDetail ?? "cap", signal, context });
    run?.finish(uncaught() === undefined ? { exitCode: options.exitCode(result) } : { outcome: "fatal", exitCode: EXIT.internal });
    return result;
  } catch (error) {
    run?.finish({ exitCode: exitCodeOf(error) });
    throw error;
  } finally {
    session.traceId = run?.traceId();
    if (sdk !== undefined) await Promise.race([sdk.close(), flushSkipped]);
  }
}
