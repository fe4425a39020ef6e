/** A run span that ends when all is known: the machine sees neither the verdict of a replay nor the exit code of the process. */
import type { RunSpanEnd, Tracing } from "../telemetry/tracing.ts";

export interface DeferredTracing {
  readonly tracing: Tracing;
  /** Ends the span of a run that has ended, with what is known by now in place of what the run said. */
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
