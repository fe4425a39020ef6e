/** A replay's run span ends only when its verdict is known: the machine itself cannot see a wrong value. */
import type { RunSpanEnd, Tracing } from "../telemetry/tracing.ts";

export interface DeferredTracing {
  readonly tracing: Tracing;
  /** Ends the span, with the outcome `divergence` where there was one. */
  finish(diverged: boolean): void;
}

export function deferredTracing(tracing: Tracing): DeferredTracing {
  let end = (_diverged: boolean): void => undefined;
  return {
    tracing: {
      startRun: (start) => {
        const run = tracing.startRun(start);
        return {
          startCall: (call) => run.startCall(call),
          backpressure: () => run.backpressure(),
          end: (info: RunSpanEnd) => {
            end = (diverged) => run.end(diverged ? { ...info, outcome: "divergence" } : info);
          },
        };
      },
    },
    finish: (diverged) => end(diverged),
  };
}
