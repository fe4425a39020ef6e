/** A run span that stays open after the run, until the verdict of a replay or the exit code of the process is known. */
import type { RunSpanEnd, Tracing } from "./tracing.ts";

export interface DeferredTracing {
  readonly tracing: Tracing;
  /** Ends the run span; `known` replaces what the run itself reported. Does nothing if no run has ended. */
  finish(known: Partial<RunSpanEnd>): void;
}

export function deferredTracing(tracing: Tracing): DeferredTracing {
  let end = (_known: Partial<RunSpanEnd>): void => undefined;
  return {
    tracing: {
      startRun: (start) => {
        const run = tracing.startRun(start);
        return {
          startCall: (call) => run.startCall(call),
          backpressure: () => run.backpressure(),
          end: (info: RunSpanEnd) => {
            end = (known) => run.end({ ...info, ...known });
          },
        };
      },
    },
    finish: (known) => end(known),
  };
}
