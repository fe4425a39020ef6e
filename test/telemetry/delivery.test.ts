/** When and how long a run waits for the collector. The test answers the requests itself, and advances the time. */
import { type Span, TraceFlags, type Tracer, context, trace } from "@opentelemetry/api";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DeliveryProcessor, type DeliverySettings } from "../../telemetry/delivery.ts";
import type { SendResult } from "../../telemetry/otlp-sender.ts";

const SETTINGS: DeliverySettings = {
  maxQueueSize: 4,
  maxExportBatchSize: 2,
  scheduledDelayMillis: 5_000,
  exportMs: 10_000,
  shutdownMs: 60_000,
};
/** A run with this many calls fills four batches in flight, of two spans each, and the queue. */
const FULL = 12;
const ACCEPTED: SendResult = { kind: "accepted", rejected: 0 };
const failedResult = (reason: string, more: Partial<Extract<SendResult, { kind: "failed" }>> = {}): SendResult => ({
  kind: "failed",
  reason,
  retry: true,
  connectionRefused: false,
  ...more,
});
const REFUSED = failedResult("refused", { connectionRefused: true });

interface Request {
  readonly names: readonly string[];
  readonly answer: (answer: SendResult) => void;
}

interface Scripted {
  readonly delivery: DeliveryProcessor;
  /** Every attempt to send a batch, in order. */
  readonly requests: Request[];
  /** Starts and ends the spans of the calls `from` to `to - 1`. */
  readonly end: (from: number, to: number) => void;
  /** Ends the run span. */
  readonly endRun: () => void;
  /** Starts and ends a run without calls. */
  readonly otherRun: () => void;
}

/** Creates a delivery whose attempts get the answers of `reply`. Without `reply`, each attempt waits until the test answers it. */
function scripted(reply?: (attempt: number) => SendResult, settings: Partial<DeliverySettings> = {}): Scripted {
  const requests: Request[] = [];
  const delivery = new DeliveryProcessor(
    {
      attempt: (spans) => (signal) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve(failedResult("cut", { retry: false })));
          requests.push({ names: spans.map((span) => span.name), answer: resolve });
          if (reply !== undefined) resolve(reply(requests.length));
        }),
      close: () => undefined,
    },
    { ...SETTINGS, ...settings },
  );
  const tracer: Tracer = new NodeTracerProvider({ spanProcessors: [delivery] }).getTracer("test");
  const run: Span = tracer.startSpan("run", {}, context.active());
  const inRun = trace.setSpan(context.active(), run);
  return {
    delivery,
    requests,
    end: (from, to) => {
      for (let call = from; call < to; call++) tracer.startSpan(`call ${call}`, {}, inRun).end();
    },
    endRun: () => run.end(),
    otherRun: () => tracer.startSpan("other run", {}, context.active()).end(),
  };
}

/** Resolves to whether the promise has settled after all pending microtasks have run. */
async function settled(promise: Promise<unknown> | undefined): Promise<boolean> {
  let done = false;
  void promise?.then(() => {
    done = true;
  });
  await vi.advanceTimersByTimeAsync(0);
  return done;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a run that waits", () => {
  test("waits while the queue is full and loses nothing if the collector answers in time", async () => {
    const { delivery, requests, end } = scripted();
    end(0, FULL - 1);
    expect(delivery.backpressure()).toBeUndefined();
    end(FULL - 1, FULL);
    const room = delivery.backpressure();
    expect(room).toBeInstanceOf(Promise);
    expect(requests).toHaveLength(4);
    await vi.advanceTimersByTimeAsync(SETTINGS.exportMs - 1);
    expect(await settled(room)).toBe(false);
    requests[0]?.answer(ACCEPTED);
    expect(await settled(room)).toBe(true);
    expect(requests).toHaveLength(5);
    expect(delivery.backpressure()).toBeUndefined();
    expect(delivery.lossNotice()).toBeUndefined();
  });

  test("waits no longer after a batch got no answer in time, until the collector accepts spans again", async () => {
    const { delivery, requests, end } = scripted();
    end(0, FULL);
    const room = delivery.backpressure();
    await vi.advanceTimersByTimeAsync(SETTINGS.exportMs);
    expect(await settled(room)).toBe(true);
    // The four unanswered batches are lost, and the batches from the queue are in flight.
    expect(delivery.lost).toBe(8);
    end(FULL, 2 * FULL);
    expect(delivery.backpressure()).toBeUndefined();
    expect(delivery.lossNotice()).toBe(
      "12 of 24 spans lost: the collector did not answer in time (8); more ended than the queue (OTEL_BSP_MAX_QUEUE_SIZE) holds (4)",
    );
    requests.at(-1)?.answer(ACCEPTED);
    await vi.advanceTimersByTimeAsync(0);
    end(2 * FULL, 3 * FULL);
    expect(delivery.backpressure()).toBeInstanceOf(Promise);
  });

  test("keeps waiting for a collector that answers, even if it rejects spans", async () => {
    const { delivery, requests, end } = scripted();
    end(0, FULL);
    const room = delivery.backpressure();
    requests[0]?.answer(failedResult("the collector answered 400", { retry: false }));
    expect(await settled(room)).toBe(true);
    end(FULL, 2 * FULL);
    expect(delivery.backpressure()).toBeInstanceOf(Promise);
  });

  test("does not wait for a collector that has never listened", async () => {
    const { delivery, end } = scripted(() => REFUSED);
    end(0, FULL);
    expect(await settled(delivery.backpressure())).toBe(true);
    expect(delivery.backpressure()).toBeUndefined();
  });

  test("stops waiting at shutdown", async () => {
    const { delivery, end } = scripted();
    end(0, FULL);
    const room = delivery.backpressure();
    void delivery.shutdown();
    await vi.advanceTimersByTimeAsync(SETTINGS.exportMs);
    expect(await settled(room)).toBe(true);
  });
});

describe("shutdown", () => {
  test("the run span enters a full queue and is sent at once", async () => {
    const { delivery, requests, end, endRun } = scripted();
    end(0, FULL);
    endRun();
    const ended = delivery.shutdown();
    expect(requests[4]?.names).toEqual(["run", "call 8"]);
    for (let i = 0; i < 7; i++) {
      requests[i]?.answer(ACCEPTED);
      await vi.advanceTimersByTimeAsync(0);
    }
    await ended;
    expect(delivery.lossNotice()).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("the span of a second run replaces the newest call in a full queue", async () => {
    const { delivery, requests, end, endRun, otherRun } = scripted();
    end(0, FULL);
    endRun();
    otherRun();
    void delivery.shutdown();
    expect(requests[4]?.names).toEqual(["other run", "run"]);
    expect(delivery.lossNotice()).toBe("1 of 14 spans lost: more ended than the queue (OTEL_BSP_MAX_QUEUE_SIZE) holds");
  });

  test("ends at once if the connection is refused and no batch was ever accepted", async () => {
    const { delivery, requests, end, endRun } = scripted(() => REFUSED);
    end(0, 1);
    endRun();
    await delivery.shutdown();
    expect(requests).toHaveLength(1);
    expect(delivery.lossNotice()).toBe("2 of 2 spans lost: refused");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("tries an unreachable collector once more, and delivers if it is up now", async () => {
    const { delivery, requests, end, endRun } = scripted((attempt) => (attempt === 1 ? REFUSED : ACCEPTED));
    end(0, 2);
    await vi.advanceTimersByTimeAsync(0);
    expect(requests).toHaveLength(1);
    endRun();
    await delivery.shutdown();
    expect(requests).toHaveLength(3);
    expect(delivery.lossNotice()).toBeUndefined();
  });

  test("retries in the time left if the collector has accepted spans before", async () => {
    const { delivery, requests, end, endRun } = scripted((attempt) => (attempt === 2 ? REFUSED : ACCEPTED));
    end(0, 2);
    await vi.advanceTimersByTimeAsync(0);
    endRun();
    const ended = delivery.shutdown();
    expect(await settled(ended)).toBe(false);
    await vi.advanceTimersByTimeAsync(1_200);
    await ended;
    expect(requests).toHaveLength(3);
    expect(delivery.lossNotice()).toBeUndefined();
  });

  test("ends when its time is over, whatever is in flight", async () => {
    const { delivery, end } = scripted(undefined, { shutdownMs: 700 });
    end(0, FULL);
    const ended = delivery.shutdown();
    await vi.advanceTimersByTimeAsync(700);
    await ended;
    expect(delivery.lossNotice()).toBe("12 of 12 spans lost: the collector did not answer within 700 ms");
    expect(vi.getTimerCount()).toBe(0);
  });
});

test("retries back off, or follow Retry-After, until the batch's time is over", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  const times: number[] = [];
  const began = performance.now();
  const { delivery, end } = scripted((attempt) => {
    times.push(Math.round(performance.now() - began));
    return failedResult("the collector answered 503", attempt === 2 ? { retryAfterMs: 0 } : attempt === 3 ? { retryAfterMs: 2_500 } : {});
  });
  end(0, 2);
  await vi.advanceTimersByTimeAsync(SETTINGS.exportMs);
  expect(times).toEqual([0, 1_000, 1_100, 3_600, 6_975]);
  expect(delivery.lossNotice()).toBe("2 of 2 spans lost: the collector answered 503");
  vi.restoreAllMocks();
});

test("unsampled spans and spans after the shutdown are not sent", async () => {
  const { delivery, requests, end } = scripted(() => ACCEPTED);
  const provider = new NodeTracerProvider({ spanProcessors: [delivery] });
  const unsampled = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: TraceFlags.NONE };
  provider.getTracer("test").startSpan("unsampled", {}, trace.setSpanContext(context.active(), unsampled)).end();
  await delivery.shutdown();
  end(0, 1);
  expect(requests).toHaveLength(0);
  expect(delivery.lossNotice()).toBe("1 of 1 span lost: they ended after the shutdown had begun");
});
