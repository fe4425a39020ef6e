/** A `Tracing` that records its calls. */
import type { CallPlace } from "../../vm/bytecode/module.ts";
import type { CallSpanEnd, CallSpanStart, RunSpanEnd, RunSpanStart, RunTracing, Tracing } from "../../telemetry/tracing.ts";

interface RecordedCall {
  readonly start: Omit<CallSpanStart, "place">;
  readonly place: CallPlace;
  readonly end: CallSpanEnd[];
}

interface RecordedTracing extends Tracing {
  readonly runs: { readonly start: RunSpanStart; readonly end: RunSpanEnd[] }[];
  readonly calls: RecordedCall[];
  readonly models: string[];
}

export function recordingTracing(backpressure: () => Promise<void> | undefined = () => undefined): RecordedTracing {
  const runs: RecordedTracing["runs"] = [];
  const calls: RecordedCall[] = [];
  const models: string[] = [];
  const startRun = (start: RunSpanStart): RunTracing => {
    const run: RecordedTracing["runs"][number] = { start, end: [] };
    runs.push(run);
    return {
      startCall: ({ place, ...rest }) => {
        const call: RecordedCall = { start: rest, place: place(), end: [] };
        calls.push(call);
        return {
          run: (body) => body(),
          headers: () => ({ traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01`, tracestate: "v=1", baggage: "k=v" }),
          setModel: (model) => void models.push(model),
          end: (info) => void call.end.push(info),
        };
      },
      startFlow: () => ({ end: () => undefined }),
      backpressure,
      end: (info) => void run.end.push(info),
    };
  };
  return { runs, calls, models, startRun };
}
