/** Receives the reports about spans of a run in a worker, and passes them to the `Tracing` of the pool's process. */
import type { TraceHeaders } from "../../telemetry/context.ts";
import type { CallTracing, FlowTracing, RunTracing, Tracing } from "../../telemetry/tracing.ts";
import type { SpanReport } from "./messages.ts";

/** After reading this number of reports, the receiver informs the worker. */
const REPORTS_PER_RECEIPT = 100;

export class SpanReceiver {
  readonly #tracing: Tracing;
  readonly #caller: TraceHeaders;
  readonly #onRead: (reports: number, isWanted: boolean) => void;
  readonly #calls = new Map<number, CallTracing>();
  readonly #flows = new Map<number, FlowTracing>();
  #run: RunTracing | undefined;
  #unread = 0;

  /** `onRead` informs the worker that `reports` more reports were read, and whether it should send more. */
  constructor(tracing: Tracing, caller: TraceHeaders, onRead: (reports: number, isWanted: boolean) => void) {
    this.#tracing = tracing;
    this.#caller = caller;
    this.#onRead = onRead;
  }

  receive(report: SpanReport): void {
    this.#apply(report);
    this.#unread += 1;
    if (report.type === "run" && this.#run?.isIdle?.() === true) return this.#onRead(1, false);
    if (this.#unread < REPORTS_PER_RECEIPT) return;
    const reports = this.#unread;
    this.#unread = 0;
    const ready = this.#run?.backpressure();
    if (ready === undefined) this.#onRead(reports, true);
    else void ready.then(() => this.#onRead(reports, true));
  }

  /** Returns the span of a call that has not ended. */
  callSpan(call: number): CallTracing | undefined {
    return this.#calls.get(call);
  }

  /** Ends all open spans, because the worker is lost. */
  lose(): void {
    for (const call of this.#calls.values()) call.end({ errorKind: "runtime_error" });
    for (const flow of this.#flows.values()) flow.end({ outcome: "fatal" });
    const counters = { total: 0, dispatched: 0, denied: 0, unknown: 0, budget_exceeded: 0, failed: 0 };
    this.#run?.end({ outcome: "fatal", steps: 0, allocBytes: 0, counters, spansDropped: 0 });
    this.#run = undefined;
  }

  #apply(report: SpanReport): void {
    switch (report.type) {
      case "run": {
        const { runId, ...info } = report.info;
        this.#run = this.#tracing.startRun({ ...info, ...this.#caller, runId: () => runId });
        return;
      }
      case "call": {
        const { place, ...info } = report.info;
        const call = this.#run?.startCall({ ...info, place: () => place }, this.#flow(report.flow));
        if (call !== undefined) this.#calls.set(info.call, call);
        return;
      }
      case "callEnd":
        this.#calls.get(report.call)?.end(report.info);
        this.#calls.delete(report.call);
        return;
      case "flow": {
        const flow = this.#run?.startFlow(report.info, this.#flow(report.parent));
        if (flow !== undefined) this.#flows.set(report.flow, flow);
        return;
      }
      case "flowEnd":
        this.#flow(report.flow)?.end(report.info);
        this.#flows.delete(report.flow);
        return;
      case "runEnd":
        this.#run?.end(report.info);
        this.#run = undefined;
        return;
    }
  }

  #flow(number: number | undefined): FlowTracing | undefined {
    return number === undefined ? undefined : this.#flows.get(number);
  }
}
