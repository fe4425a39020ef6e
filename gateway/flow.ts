/**
 * Reports the control flow of one run: to the tracing as spans, and to the observers `flowStart` and `flowEnd`.
 *
 * A run has at most `MAX_FLOW_SPANS` spans of control flow; the rest are counted and dropped. Spans are sent only while the event loop
 * runs, and many spans may end before it runs again. If the queue of spans is full, a span that ends is held back until there is room,
 * so that none is lost. A run with a wall-clock limit holds nothing back, because it never waits for a collector.
 */
import type { FlowTracing, RunTracing, TraceDetail } from "../telemetry/tracing.ts";
import { flowEndAttributes, flowSpanName, flowStartAttributes } from "../telemetry/flow-attributes.ts";
import type { FlowSpanEnd, FlowHost, FlowSpan, FlowSpanStart } from "../vm/host.ts";
import type { LoggedPrefix } from "./logged-prefix.ts";
import type { RunObservers } from "./observers.ts";
import { unlessAborted } from "./unless-aborted.ts";

export const MAX_FLOW_SPANS = 10_000;

export interface RunFlowOptions {
  readonly detail: TraceDetail;
  readonly tracing: RunTracing | undefined;
  readonly observers: RunObservers;
  /** Whether spans may be held back. False for a run with a wall-clock limit. */
  readonly mayWait: boolean;
  /** The part of the run that its log already has, if the run is resumed. No spans start while the run repeats this part. */
  readonly prefix: LoggedPrefix | undefined;
}

/** A span of control flow that the machine holds until the span ends. */
export class RunFlowSpan implements FlowSpan {
  /** The number of the span in its run, from 1. */
  readonly id: number;
  readonly tracing: FlowTracing | undefined;
  readonly #flow: RunFlow;

  constructor(id: number, tracing: FlowTracing | undefined, flow: RunFlow) {
    this.id = id;
    this.tracing = tracing;
    this.#flow = flow;
  }

  end(end: FlowSpanEnd): void {
    this.#flow.end(this, end);
  }
}

/** The control flow of one run. */
export class RunFlow implements FlowHost {
  /** Whether constructs such as `if` become spans, too. */
  readonly constructs: boolean;
  readonly #tracing: RunTracing | undefined;
  readonly #observers: RunObservers;
  readonly #mayWait: boolean;
  readonly #prefix: LoggedPrefix | undefined;
  readonly #observesStart: boolean;
  readonly #observesEnd: boolean;
  /** Number of spans started. */
  #started = 0;
  /** The spans held back, oldest first. */
  #held: { readonly span: FlowTracing; readonly end: FlowSpanEnd; readonly endMs: number }[] = [];
  /** Settles when the queue of spans has room. Undefined unless the run waits for room. */
  #room: Promise<void> | undefined;
  /** The number of spans dropped. */
  dropped = 0;

  constructor({ detail, tracing, observers, mayWait, prefix }: RunFlowOptions) {
    this.constructs = detail === "flow";
    this.#tracing = tracing;
    this.#observers = observers;
    this.#mayWait = mayWait;
    this.#prefix = prefix;
    this.#observesStart = observers.has("flowStart");
    this.#observesEnd = observers.has("flowEnd");
  }

  /** Starts a span. Undefined if the run repeats its log, or has `MAX_FLOW_SPANS` spans already. */
  start(start: FlowSpanStart): RunFlowSpan | undefined {
    if (this.#prefix?.isRepeating === true) return undefined;
    if (this.#started >= MAX_FLOW_SPANS) {
      this.dropped += 1;
      return undefined;
    }
    this.#started += 1;
    const id = this.#started;
    const parent = flowSpanOf(start.parent);
    const span = new RunFlowSpan(id, this.#tracing?.startFlow(start, parent?.tracing), this);
    if (this.#observesStart) {
      const { actorId } = start;
      this.#observers.notify("flowStart", {
        id,
        parentId: parent?.id,
        actorId,
        name: flowSpanName(start),
        attributes: flowStartAttributes(start),
      });
    }
    return span;
  }

  end({ id, tracing }: RunFlowSpan, end: FlowSpanEnd): void {
    if (this.#observesEnd) this.#observers.notify("flowEnd", { id, attributes: flowEndAttributes(end) ?? {} });
    if (tracing === undefined) return;
    if (this.#room !== undefined) this.#held.push({ span: tracing, end, endMs: performance.now() });
    else {
      tracing.end(end);
      this.#awaitRoom();
    }
  }

  /** Waits until all spans held back have ended. When `signal` is aborted, ends them even if the queue is full. Never rejects. */
  async settle(signal: AbortSignal): Promise<void> {
    while (this.#room !== undefined && !signal.aborted) await unlessAborted(this.#room, signal);
    this.#release(false);
  }

  /** Releases the spans held back when the queue of the exporter has room again. */
  #awaitRoom(): void {
    if (!this.#mayWait) return;
    this.#room = this.#tracing?.backpressure()?.then(() => {
      this.#room = undefined;
      this.#release(true);
    });
  }

  /** Ends the spans held back. With `mayHold`, stops as soon as the queue is full again. */
  #release(mayHold: boolean): void {
    const held = this.#held;
    this.#held = [];
    for (const [i, { span, end, endMs }] of held.entries()) {
      span.end(end, endMs);
      if (mayHold) this.#awaitRoom();
      if (this.#room === undefined || !mayHold) continue;
      this.#held = held.slice(i + 1);
      return;
    }
  }
}

/** Narrows a span that the machine holds to `RunFlowSpan`. The machine gets all its spans from `RunFlow.start`. */
export function flowSpanOf(span: FlowSpan | undefined): RunFlowSpan | undefined {
  return span instanceof RunFlowSpan ? span : undefined;
}
