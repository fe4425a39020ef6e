/** A `Tracing` for a run in a worker. It sends the run's spans as reports to the pool, whose process has the tracer. */
import type { CallTracing, FlowTracing, RunTracing, Tracing } from "../../telemetry/tracing.ts";
import type { SpanReport } from "./messages.ts";

/** Maximum number of unread reports. Above it, a run without a wall-clock limit waits before each call, and any other run loses spans. */
const MAX_UNREAD = 1_000;

class SentFlow implements FlowTracing {
  readonly number: number;
  readonly #send: (report: SpanReport) => void;
  constructor(number: number, send: (report: SpanReport) => void) {
    this.number = number;
    this.#send = send;
  }

  end(info: Parameters<FlowTracing["end"]>[0]): void {
    this.#send({ type: "flowEnd", flow: this.number, info });
  }
}

/** A span of control flow that is not sent, because too many reports are unread. */
const NO_FLOW: FlowTracing = { end: () => undefined };

export class SpanSender {
  readonly tracing: Tracing = { startRun: (info) => this.#startRun(info) };
  readonly #post: (report: SpanReport) => void;
  #unread = 0;
  #flows = 0;
  #isWanted = true;
  /** Resolves when there is room for reports again. Undefined while no run waits. */
  #room: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  constructor(post: (report: SpanReport) => void) {
    this.#post = post;
  }

  /** Call this when the pool has read `reports` more reports. It wants further reports only if `isWanted`. */
  acknowledge(reports: number, isWanted: boolean): void {
    this.#unread -= reports;
    this.#isWanted &&= isWanted;
    if (this.#hasRoom()) this.#room?.resolve();
    if (this.#hasRoom()) this.#room = undefined;
  }

  #hasRoom(): boolean {
    return !this.#isWanted || this.#unread < MAX_UNREAD;
  }

  #send(report: SpanReport): void {
    if (!this.#isWanted) return;
    this.#unread += 1;
    this.#post(report);
  }

  #startRun(info: Parameters<Tracing["startRun"]>[0]): RunTracing {
    const { programName, moduleHash, policyHash, mode, replayOf, resumedFrom } = info;
    const runId = info.runId();
    this.#send({ type: "run", info: { programName, moduleHash, policyHash, mode, replayOf, resumedFrom, runId } });
    return {
      isIdle: () => !this.#isWanted || !this.#hasRoom(),
      startCall: (call, flow) => this.#startCall(call, flow),
      startFlow: (flow, parent) => this.#startFlow(flow, parent),
      backpressure: () => this.#waitForRoom(),
      end: (end) => this.#send({ type: "runEnd", info: end }),
    };
  }

  #startCall({ place, ...info }: Parameters<RunTracing["startCall"]>[0], flow: FlowTracing | undefined): CallTracing {
    this.#send({ type: "call", info: { ...info, place: place() }, flow: flow instanceof SentFlow ? flow.number : undefined });
    return {
      run: (body) => body(),
      // The pool's process adds the headers to the handler's context.
      headers: () => ({}),
      setModel: () => undefined,
      end: (end) => this.#send({ type: "callEnd", call: info.call, info: end }),
    };
  }

  #startFlow(info: Parameters<RunTracing["startFlow"]>[0], parent: FlowTracing | undefined): FlowTracing {
    if (!this.#hasRoom()) return NO_FLOW;
    this.#flows += 1;
    this.#send({
      type: "flow",
      flow: this.#flows,
      info: { ...info, parent: undefined },
      parent: parent instanceof SentFlow ? parent.number : undefined,
    });
    return new SentFlow(this.#flows, (report) => this.#send(report));
  }

  #waitForRoom(): Promise<void> | undefined {
    if (this.#hasRoom()) return undefined;
    if (this.#room === undefined) {
      let resolve = (): void => undefined;
      const promise = new Promise<void>((done) => {
        resolve = done;
      });
      this.#room = { promise, resolve };
    }
    return this.#room.promise;
  }
}
