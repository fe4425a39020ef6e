/**
 * Between the SDK's batch processor and its exporter: counts what is delivered and what is lost, bounds the requests in flight,
 * and lets go of everything when the time for it is over. The SDK alone does none of these.
 */
import type { ReadableSpan, SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace-node";

type ExportResult = Parameters<Parameters<SpanExporter["export"]>[1]>[0];

/** `ExportResultCode` of `@opentelemetry/core`. */
const SUCCESS = 0;
const FAILED = 1;
/** More would run into the exporter's own limit, which fails at once. */
const MAX_REQUESTS_IN_FLIGHT = 4;
/** The longest that one call may wait for the collector. */
const MAX_WAIT_MS = 1_000;

interface Batch {
  readonly spans: ReadableSpan[];
  readonly done: (result: ExportResult) => void;
}

export class Delivery implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #waiting: Batch[] = [];
  readonly #inFlight = new Set<Batch>();
  #whenIdle: (() => void)[] = [];
  #closing = false;
  /** Spans given to `export` so far. */
  handed = 0;
  delivered = 0;
  /** Why the last export failed; none after a success. */
  failure: string | undefined;

  constructor(exporter: SpanExporter) {
    this.#exporter = exporter;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.handed += spans.length;
    this.#waiting.push({ spans, done });
    this.#pump();
  }

  get idle(): boolean {
    return this.#waiting.length === 0 && this.#inFlight.size === 0;
  }

  untilIdle(): Promise<void> {
    return this.idle ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** From now on a failure stands for all that wait: the exporter has already used up its retries. */
  close(): void {
    this.#closing = true;
  }

  /** Calls everything that is still under way a failure, so that the batch processor clears its timers. */
  abandon(reason: string): void {
    if (!this.idle) this.failure = reason;
    for (const batch of [...this.#inFlight, ...this.#waiting.splice(0)]) this.#settle(batch, { code: FAILED });
  }

  forceFlush(): Promise<void> {
    return this.untilIdle();
  }

  async shutdown(): Promise<void> {
    await this.untilIdle();
    await this.#exporter.shutdown();
  }

  #pump(): void {
    while (this.#inFlight.size < MAX_REQUESTS_IN_FLIGHT) {
      const batch = this.#waiting.shift();
      if (batch === undefined) return;
      this.#inFlight.add(batch);
      this.#send(batch);
    }
  }

  #send(batch: Batch): void {
    try {
      this.#exporter.export(batch.spans, (result) => this.#finish(batch, result));
    } catch (error) {
      this.#finish(batch, { code: FAILED, error: error instanceof Error ? error : new Error("export failed") });
    }
  }

  #finish(batch: Batch, result: ExportResult): void {
    if (!this.#inFlight.has(batch)) return;
    const succeeded = result.code === SUCCESS;
    if (succeeded) this.delivered += batch.spans.length;
    this.failure = succeeded ? undefined : reasonOf(result.error);
    const givenUp = this.#closing && !succeeded ? this.#waiting.splice(0) : [];
    this.#settle(batch, result);
    for (const waiting of givenUp) this.#settle(waiting, { code: FAILED });
    this.#pump();
  }

  #settle(batch: Batch, result: ExportResult): void {
    this.#inFlight.delete(batch);
    batch.done(result);
    if (!this.idle) return;
    const resolvers = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of resolvers) resolve();
  }
}

/** Says what the collector did in words of ours: an exporter's message may hold a URL or a response body. */
function reasonOf(error: Error | undefined): string {
  const code: unknown = error !== undefined && "code" in error ? error.code : undefined;
  if (typeof code === "number") return `the collector answered ${code}`;
  if (typeof code === "string" && /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return `the collector cannot be reached (${code})`;
  if (error?.message === "Request timed out") return "the collector did not answer in time";
  return "the collector did not take them";
}

/** The batch processor, with a count of what ends and of what its full queue drops. */
export class CountingProcessor implements SpanProcessor {
  readonly #batches: SpanProcessor;
  readonly #delivery: Delivery;
  readonly #maxQueueSize: number;
  #wait: Promise<void> | undefined;
  #stalledAt: number | undefined;
  /** Sampled spans that ended. */
  ended = 0;
  /** Of those, the ones the queue had no room for. */
  dropped = 0;

  constructor(batches: SpanProcessor, delivery: Delivery, maxQueueSize: number) {
    this.#batches = batches;
    this.#delivery = delivery;
    this.#maxQueueSize = maxQueueSize;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & 1) === 0) return;
    this.ended += 1;
    if (this.#queued() >= this.#maxQueueSize) this.dropped += 1;
    this.#batches.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown();
  }

  /** See `RunTracing.backpressure`. A collector that failed, or kept a caller waiting to no end, is not waited for until it takes spans again. */
  backpressure(): Promise<void> | undefined {
    if (this.#wait !== undefined) return this.#wait;
    if (this.#queued() * 4 < this.#maxQueueSize * 3) return undefined;
    if (this.#delivery.failure !== undefined || this.#stalledAt === this.#delivery.delivered) return undefined;
    this.#wait = this.#drain();
    return this.#wait;
  }

  async #drain(): Promise<void> {
    // What is already with the exporter goes first, so that at most one queue more is held in memory.
    const drained = this.#delivery.untilIdle().then(async () => {
      await ignoringFailure(this.#batches.forceFlush());
      await this.#delivery.untilIdle();
    });
    const inTime = await within(drained, MAX_WAIT_MS);
    this.#stalledAt = inTime ? undefined : this.#delivery.delivered;
    this.#wait = undefined;
  }

  #queued(): number {
    return this.ended - this.dropped - this.#delivery.handed;
  }
}

/** Whether the work settled within the time. The timer is cleared as soon as it has. */
export async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The failure of an export is already counted where it happened. */
export async function ignoringFailure(work: Promise<unknown>): Promise<void> {
  await work.then(
    () => undefined,
    () => undefined,
  );
}
