/** Keeps the span of a run open after the run has ended, until the verdict of its replay or the exit code of the process is known. */
import type { RunSpanEnd, RunTracing, Tracing } from "./tracing.ts";

interface DeferredTracing {
  readonly tracing: Tracing;
  /** Returns the trace id of the run's span, once the run has started. */
  traceId(): string | undefined;
  /** Ends the run span. The fields of `overrides` replace what the run reported. Does nothing if no run has ended. */
  finish(overrides: Partial<RunSpanEnd>): void;
}

/** Returns a `Tracing` whose run span ends only when the caller ends it. */
export function deferredTracing(tracing: Tracing): DeferredTracing {
  let started: RunTracing | undefined;
  let end = (_overrides: Partial<RunSpanEnd>): void => undefined;
  return {
    tracing: {
      startRun: (start) => {
        const run = tracing.startRun(start);
        started = run;
        return {
          startCall: (call, parent) => run.startCall(call, parent),
          startFlow: (flow, parent) => run.startFlow(flow, parent),
          enterMachine: () => run.enterMachine?.(),
          leaveMachine: () => run.leaveMachine?.(),
          backpressure: () => run.backpressure(),
          end: (info: RunSpanEnd) => {
            end = (overrides) => run.end({ ...info, ...overrides });
          },
        };
      },
    },
    traceId: () => started?.traceId,
    finish: (overrides) => end(overrides),
  };
}
