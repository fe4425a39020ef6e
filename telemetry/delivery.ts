/**
 * Delivers spans to a collector: limits the queue, sends batches, retries, and counts lost spans.
 *
 *   onEnd ──► queue ──► batches in flight ──► accepted
 *               │              │
 *               └── full       └── rejected, or no answer within `exportMs`  ──► lost, counted by reason
 *
 * Invariant: when `shutdown` settles, every sampled span that has ended was either accepted or counted as lost.
 *
 * The batch processor and exporter of the SDK cannot do four things: tell whether the queue has room, send the run span first, count a
 * partial success, and distinguish a slow collector from a dead one. So this file replaces them
 * (docs/internals/adr/022-spans-are-sent-by-boruna.md).
 */
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace-node";
import type { SendResult, Attempt, OtlpSender } from "./otlp-sender.ts";
import type { BatchSettings } from "./settings.ts";

export interface DeliverySettings extends Omit<BatchSettings, "exportTimeoutMillis"> {
  /** Milliseconds for one batch, including retries. A collector that takes longer counts as dead until it accepts a batch. */
  readonly exportMs: number;
  /** Milliseconds for `shutdown`. */
  readonly shutdownMs: number;
}

/** Maximum number of batches in flight. More than one, so that the latency of the collector does not slow the run down. */
export const MAX_IN_FLIGHT = 4;
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 5_000;
const BACKOFF_FACTOR = 1.5;
/** A backoff is longer or shorter by up to this fraction, at random. Otherwise clients that failed together would retry together. */
const JITTER_FRACTION = 0.2;
/** Maximum number of reasons that the notice lists. The counts of the others are added up. */
const MAX_REASONS = 3;
/** Minimum time between attempts, even if `Retry-After` asks for less. */
const MIN_WAIT_MS = 100;
const QUEUE_IS_FULL = "more ended than the queue (OTEL_BSP_MAX_QUEUE_SIZE) holds";

interface Batch {
  readonly spans: ReadableSpan[];
  readonly abort: AbortController;
  /** Why the last attempt failed, or why the batch was aborted. */
  reason: string | undefined;
  /** Retries immediately if the last attempt could not connect. Otherwise does nothing. */
  reconnect: () => void;
}

/** A span processor that queues the sampled spans of the process and sends them. Spans that end after `shutdown` has begun are lost. */
export class DeliveryProcessor implements SpanProcessor {
  readonly #sender: OtlpSender<ReadableSpan[]>;
  readonly #settings: DeliverySettings;
  readonly #queue: ReadableSpan[] = [];
  readonly #inFlight = new Set<Batch>();
  /** Number of lost spans, by reason. */
  readonly #lost = new Map<string, number>();
  #batchTimer: NodeJS.Timeout | undefined;
  /** When the time for `shutdown` is up, in milliseconds of `performance.now`. */
  #closesAt = Number.POSITIVE_INFINITY;
  #shutdownPromise: Promise<void> | undefined;
  /** Whether the collector has ever accepted a batch. */
  #hasAccepted = false;
  /** Whether the collector counts as dead, so that runs do not wait for it. See `backpressure`. */
  #isDead = false;
  /** The resolvers of the promises that `#nextChange` returned. */
  #waiters: (() => void)[] = [];
  /** Number of sampled spans that have ended. */
  ended = 0;

  constructor(sender: OtlpSender<ReadableSpan[]>, settings: DeliverySettings) {
    this.#sender = sender;
    this.#settings = settings;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & 1) === 0) return;
    this.ended += 1;
    if (this.#shutdownPromise !== undefined) return this.#countLost(1, "they ended after the shutdown had begun");
    const isRoot = span.parentSpanContext === undefined || span.parentSpanContext.isRemote === true;
    const isFull = this.#queue.length >= this.#settings.maxQueueSize + (isRoot ? 1 : 0);
    if (isFull) this.#countLost(1, QUEUE_IS_FULL);
    // The run span says how the run ended, so it is always put into the queue, at the front.
    if (isRoot && isFull) this.#queue.pop();
    if (isRoot) this.#queue.unshift(span);
    else if (!isFull) this.#queue.push(span);
    this.#pump();
  }

  /**
   * Returns a promise if the queue is full, so that the run waits instead of losing spans. The promise settles when there is room in the
   * queue, or when the collector counts as dead.
   *
   * A collector counts as dead if it did not accept a batch within `exportMs`, or if it refuses connections and has never accepted a batch.
   * It counts as alive again when it accepts a batch. So a run waits at most `exportMs` each time a collector stops accepting spans. It
   * never waits for a collector that was never reachable.
   */
  backpressure(): Promise<void> | undefined {
    return this.#hasRoom() ? undefined : this.#untilRoom();
  }

  async forceFlush(): Promise<void> {
    while (this.#queue.length > 0 || this.#inFlight.size > 0) {
      this.#sendBatches(1);
      await this.#nextChange();
    }
  }

  /** Sends the queue, starting with the run span. After `shutdownMs`, abandons the spans that are not yet accepted. Never rejects. */
  shutdown(): Promise<void> {
    this.#shutdownPromise ??= this.#finish();
    return this.#shutdownPromise;
  }

  /** Returns one line that says how many spans were lost and why, or undefined if none were lost. */
  lossNotice(): string | undefined {
    if (this.#lost.size === 0) return undefined;
    const reasons = [...this.#lost].toSorted(([, a], [, b]) => b - a);
    const [onlyReason] = reasons;
    const shownReasons = reasons.slice(0, MAX_REASONS).map(([reason, count]) => `${reason} (${count})`);
    const otherCount = sum(reasons.slice(MAX_REASONS).map(([, count]) => count));
    const why =
      reasons.length === 1 && onlyReason !== undefined
        ? onlyReason[0]
        : [...shownReasons, ...(otherCount === 0 ? [] : [`other reasons (${otherCount})`])].join("; ");
    return `${this.lost} of ${this.ended} ${this.ended === 1 ? "span" : "spans"} lost: ${why}`;
  }

  get lost(): number {
    return sum([...this.#lost.values()]);
  }

  #hasRoom(): boolean {
    return this.#queue.length < this.#settings.maxQueueSize || this.#isDead || this.#shutdownPromise !== undefined;
  }

  async #untilRoom(): Promise<void> {
    while (!this.#hasRoom()) await this.#nextChange();
  }

  async #finish(): Promise<void> {
    const { shutdownMs } = this.#settings;
    this.#closesAt = performance.now() + shutdownMs;
    const deadline = setTimeout(() => this.#abandon(`the collector did not answer within ${shutdownMs} ms`), shutdownMs);
    for (const batch of this.#inFlight) batch.reconnect();
    // The run span is in the first batch, so send this batch even if `MAX_IN_FLIGHT` batches are in flight.
    if (this.#queue.length > 0) this.#send(this.#queue.splice(0, this.#settings.maxExportBatchSize));
    await this.forceFlush();
    clearTimeout(deadline);
    this.#sender.close();
  }

  /** Sends full batches immediately. Sends the remaining spans after `scheduledDelayMillis`. */
  #pump(): void {
    this.#sendBatches(this.#settings.maxExportBatchSize);
    if (this.#queue.length === 0) return this.#clearBatchTimer();
    this.#batchTimer ??= setTimeout(() => {
      this.#batchTimer = undefined;
      this.#sendBatches(1);
    }, this.#settings.scheduledDelayMillis).unref();
  }

  #clearBatchTimer(): void {
    clearTimeout(this.#batchTimer);
    this.#batchTimer = undefined;
  }

  /** Sends batches until fewer than `minSize` spans are in the queue or `MAX_IN_FLIGHT` batches are in flight. */
  #sendBatches(minSize: number): void {
    while (this.#inFlight.size < MAX_IN_FLIGHT && this.#queue.length >= minSize) {
      this.#send(this.#queue.splice(0, this.#settings.maxExportBatchSize));
    }
  }

  #send(spans: ReadableSpan[]): void {
    const batch: Batch = { spans, abort: new AbortController(), reason: undefined, reconnect: () => undefined };
    this.#inFlight.add(batch);
    void this.#deliver(batch).then(() => this.#notifyWaiters());
  }

  async #deliver(batch: Batch): Promise<void> {
    const { exportMs } = this.#settings;
    const deadline = setTimeout(() => abort(batch, "the collector did not answer in time"), exportMs);
    const result = await this.#sendWithRetries(batch, this.#sender.attempt(batch.spans), performance.now() + exportMs);
    clearTimeout(deadline);
    this.#inFlight.delete(batch);
    if (result.kind === "accepted") {
      this.#hasAccepted = true;
      this.#isDead = false;
      this.#countLost(Math.min(result.rejected, batch.spans.length), "the collector rejected them (partial success)");
      this.#pump();
      return;
    }
    this.#countLost(batch.spans.length, result.reason);
    if (result.retry) this.#isDead = true;
    // The rest of the queue would fail too, so it counts as lost now.
    if (result.retry && this.#shutdownPromise !== undefined) this.#countLost(this.#queue.splice(0).length, result.reason);
    this.#pump();
  }

  /**
   * Sends a batch, with retries, and returns the last result. If that result has `retry`, the batch could be sent again, but time
   * has run out.
   */
  async #sendWithRetries(batch: Batch, attempt: Attempt, endsAt: number): Promise<SendResult> {
    const { signal } = batch.abort;
    for (let backoff = FIRST_BACKOFF_MS; ; backoff = Math.min(backoff * BACKOFF_FACTOR, MAX_BACKOFF_MS)) {
      const result = await attempt(signal);
      if (result.kind === "accepted") return result;
      if (signal.aborted) return { ...result, reason: batch.reason ?? result.reason, retry: true };
      if (!result.retry) return result;
      batch.reason = result.reason;
      if (result.connectionRefused && !this.#hasAccepted) this.#declareDead(result.reason);
      const wait = Math.max(MIN_WAIT_MS, result.retryAfterMs ?? backoff * (1 + JITTER_FRACTION * (2 * Math.random() - 1)));
      if (signal.aborted || performance.now() + wait > Math.min(endsAt, this.#closesAt)) return result;
      await pause(wait, batch, result.connectionRefused);
      if (signal.aborted) return result;
    }
  }

  /** Marks the collector as dead and ends all waiting for room. During shutdown, also abandons the delivery. */
  #declareDead(reason: string): void {
    this.#isDead = true;
    if (this.#shutdownPromise !== undefined) this.#abandon(reason);
    this.#notifyWaiters();
  }

  /** Counts the spans in the queue as lost and aborts the batches in flight, so that their spans are counted as lost too. */
  #abandon(reason: string): void {
    this.#countLost(this.#queue.splice(0).length, reason);
    for (const batch of this.#inFlight) abort(batch, reason);
  }

  /** Counts spans as lost. */
  #countLost(count: number, reason: string): void {
    if (count > 0) this.#lost.set(reason, (this.#lost.get(reason) ?? 0) + count);
  }

  /** Returns a promise that settles when a batch has finished or the collector is marked as dead. */
  #nextChange(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #notifyWaiters(): void {
    const resolvers = this.#waiters;
    this.#waiters = [];
    for (const resolve of resolvers) resolve();
  }
}

/** Aborts a batch. If an attempt has already failed, keeps the reason of that failure. */
function abort(batch: Batch, reason: string): void {
  batch.reason ??= reason;
  batch.abort.abort();
}

/** Waits `ms` milliseconds, or until the batch is aborted. If `untilReconnect`, also stops waiting when `batch.reconnect` is called. */
function pause(ms: number, batch: Batch, untilReconnect: boolean): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      batch.abort.signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    batch.abort.signal.addEventListener("abort", end);
    batch.reconnect = untilReconnect ? end : () => undefined;
  });
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
