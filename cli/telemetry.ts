/** Spans of a command: the SDK started when it is wanted, interrupted by signals, flushed before the exit. */
import { deferredTracing } from "../telemetry/deferred-tracing.ts";
import { type IncomingContext, incomingContext, type Propagators } from "../telemetry/context.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { wanted } from "../telemetry/settings.ts";
import { EXIT, OUTCOMES, type Outcome } from "../vm/outcome.ts";
import { exitCodeOf } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

export interface Traced {
  /** Absent when no spans are wanted. */
  readonly tracing: Tracing | undefined;
  /** Aborted by each of `STOP_SIGNALS`. */
  readonly signal: AbortSignal;
  /** Of the caller. */
  readonly context: IncomingContext;
}

/** Signals that end a run, its log and its spans in good order, with their exit codes. */
const STOP_SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hungUp } as const;
type StopSignal = keyof typeof STOP_SIGNALS;
const SIGNAL_NAMES: readonly StopSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

let interruptedBy: StopSignal | undefined;

/** The exit code of a run: that of its outcome, or of the signal that canceled it. */
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
  const settings = wanted(process.env);
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
  /** Of the process, when the command has ended with this; a command that throws has the code of its error. */
  readonly exitCode: (ended: T) => number;
}

/**
 * Runs `body`; however it ends, its spans are flushed within the shutdown bound. A second signal waits for no collector.
 * The run span ends after `body`, since only then the exit code is known.
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
