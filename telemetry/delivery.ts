/**
 * The delivery of spans to a collector: a bounded queue, requests in batches, retries, and a count of lost spans.
 *
 *   onEnd ──► queue ──► batches in flight ──► accepted
 *               │              │
 *               └── full       └── rejected, or no answer within `exportMs`  ──► lost, counted by reason
 *
 * Invariant: every sampled span that ends is accepted or counted as lost by the time `shutdown` settles.
 *
 * The SDK's own batch processor and exporter cannot report whether the queue has room, send the run span first, count a
 * partial success, or distinguish a slow collector from a dead one (docs/internals/adr/022-spans-are-sent-by-boruna.md).
 */
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace-node";
import type { SendResult, Attempt, OtlpSender } from "./otlp-sender.ts";
import type { BatchSettings } from "./settings.ts";

export interface DeliverySettings extends Omit<BatchSettings, "exportTimeoutMillis"> {
  /** Time for one batch, including retries. A collector that exceeds it counts as dead until it accepts a batch. */
  readonly exportMs: number;
  /** Time for `shutdown`. */
  readonly shutdownMs: number;
}

/** Batches in flight at once. More than one, so that latency to the collector does not slow the run down. */
export const MAX_IN_FLIGHT = 4;
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 5_000;
const BACKOFF_FACTOR = 1.5;
/** Random part of the backoff: clients that failed together must not retry together. */
const JITTER = 0.2;
/** Reasons that the notice lists; the others are added up. */
const MAX_REASONS = 3;
/** Minimum time between attempts, whatever `Retry-After` says. */
const MIN_WAIT_MS = 100;
const QUEUE_IS_FULL = "more ended than the queue (OTEL_BSP_MAX_QUEUE_SIZE) holds";

interface Batch {
  readonly spans: ReadableSpan[];
  readonly abort: AbortController;
  /** Why the last attempt failed, or why the batch was aborted. */
  reason: string | undefined;
  /** Retries at once if the last attempt could not connect; otherwise does nothing. */
  reconnect: () => void;
}

/** A span processor that queues the sampled spans of the process and sends them. Spans that end after `shutdown` has begun are lost. */
export class DeliveryProcessor implements SpanProcessor {
  readonly #sender: OtlpSender;
  readonly #settings: DeliverySettings;
  readonly #queue: ReadableSpan[] = [];
  readonly #inFlight = new Set<Batch>();
  readonly #lost = new Map<string, number>();
  #batchTimer: NodeJS.Timeout | undefined;
  #closesAt = Number.POSITIVE_INFINITY;
  #ending: Promise<void> | undefined;
  #accepted = false;
  /** Runs do not wait for a dead collector: see `backpressure`. */
  #dead = false;
  #waiting: (() => void)[] = [];
  /** Number of sampled spans that have ended. */
  ended = 0;

  constructor(sender: OtlpSender, settings: DeliverySettings) {
    this.#sender = sender;
    this.#settings = settings;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & 1) === 0) return;
    this.ended += 1;
    if (this.#ending !== undefined) return this.#lose(1, "they ended after the shutdown had begun");
    const isRoot = span.parentSpanContext === undefined || span.parentSpanContext.isRemote === true;
    const isFull = this.#queue.length >= this.#settings.maxQueueSize + (isRoot ? 1 : 0);
    if (isFull) this.#lose(1, QUEUE_IS_FULL);
    // The run span says how the run ended, so it always gets into the queue, and goes first.
    if (isRoot && isFull) this.#queue.pop();
    if (isRoot) this.#queue.unshift(span);
    else if (!isFull) this.#queue.push(span);
    this.#pump();
  }

  /**
   * A promise while the queue is full: the run waits instead of losing spans. It settles when there is room, or when the
   * collector is found dead: it did not accept a batch within `exportMs`, or it refuses connections and has never
   * accepted a batch. Runs do not wait for a dead collector until it accepts a batch again. So a run waits at most
   * `exportMs` each time a collector stops accepting spans, and never for a collector that was not running.
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

  /** Sends the queue, the run span first, and abandons what is left after `shutdownMs`. Never rejects. */
  shutdown(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  /** One line that says how many spans were lost, and why; undefined if none were. */
  lossNotice(): string | undefined {
    if (this.#lost.size === 0) return undefined;
    const reasons = [...this.#lost].toSorted(([, a], [, b]) => b - a);
    const [only] = reasons;
    const shown = reasons.slice(0, MAX_REASONS).map(([reason, count]) => `${reason} (${count})`);
    const rest = sum(reasons.slice(MAX_REASONS).map(([, count]) => count));
    const why =
      reasons.length === 1 && only !== undefined ? only[0] : [...shown, ...(rest === 0 ? [] : [`other reasons (${rest})`])].join("; ");
    return `${this.lost} of ${this.ended} ${this.ended === 1 ? "span" : "spans"} lost: ${why}`;
  }

  get lost(): number {
    return sum([...this.#lost.values()]);
  }

  #hasRoom(): boolean {
    return this.#queue.length < this.#settings.maxQueueSize || this.#dead || this.#ending !== undefined;
  }

  async #untilRoom(): Promise<void> {
    while (!this.#hasRoom()) await this.#nextChange();
  }

  async #end(): Promise<void> {
    const { shutdownMs } = this.#settings;
    this.#closesAt = performance.now() + shutdownMs;
    const bound = setTimeout(() => this.#abandon(`the collector did not answer within ${shutdownMs} ms`), shutdownMs);
    for (const batch of this.#inFlight) batch.reconnect();
    // The run span is in the first batch; send it even if `MAX_IN_FLIGHT` requests are open.
    if (this.#queue.length > 0) this.#send(this.#queue.splice(0, this.#settings.maxExportBatchSize));
    await this.forceFlush();
    clearTimeout(bound);
    this.#sender.close();
  }

  /** Sends full batches now, and a smaller one after `scheduledDelayMillis`. */
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

  /** Sends batches of at least `minSize` spans while fewer than `MAX_IN_FLIGHT` are in flight. */
  #sendBatches(minSize: number): void {
    while (this.#inFlight.size < MAX_IN_FLIGHT && this.#queue.length >= minSize) {
      this.#send(this.#queue.splice(0, this.#settings.maxExportBatchSize));
    }
  }

  #send(spans: ReadableSpan[]): void {
    const batch: Batch = { spans, abort: new AbortController(), reason: undefined, reconnect: () => undefined };
    this.#inFlight.add(batch);
    void this.#deliver(batch).then(() => this.#notifyWaiting());
  }

  async #deliver(batch: Batch): Promise<void> {
    const { exportMs } = this.#settings;
    const deadline = setTimeout(() => abort(batch, "the collector did not answer in time"), exportMs);
    const result = await this.#sendWithRetries(batch, this.#sender.attempt(batch.spans), performance.now() + exportMs);
    clearTimeout(deadline);
    this.#inFlight.delete(batch);
    if (result.kind === "accepted") {
      this.#accepted = true;
      this.#dead = false;
      this.#lose(Math.min(result.rejected, batch.spans.length), "the collector rejected them (partial success)");
      this.#pump();
      return;
    }
    this.#lose(batch.spans.length, result.reason);
    if (result.retry) this.#dead = true;
    // The rest of the queue would only fail later.
    if (result.retry && this.#ending !== undefined) this.#lose(this.#queue.splice(0).length, result.reason);
    this.#pump();
  }

  /** Sends a batch, with retries, and returns the last result. A result with `retry` means that time ran out. */
  async #sendWithRetries(batch: Batch, attempt: Attempt, endsAt: number): Promise<SendResult> {
    const { signal } = batch.abort;
    for (let backoff = FIRST_BACKOFF_MS; ; backoff = Math.min(backoff * BACKOFF_FACTOR, MAX_BACKOFF_MS)) {
      const result = await attempt(signal);
      if (result.kind === "accepted") return result;
      if (signal.aborted) return { ...result, reason: batch.reason ?? result.reason, retry: true };
      if (!result.retry) return result;
      batch.reason = result.reason;
      if (result.refused && !this.#accepted) this.#declareDead(result.reason);
      const wait = Math.max(MIN_WAIT_MS, result.retryAfterMs ?? backoff * (1 + JITTER * (2 * Math.random() - 1)));
      if (signal.aborted || performance.now() + wait > Math.min(endsAt, this.#closesAt)) return result;
      await pause(wait, batch, result.refused);
      if (signal.aborted) return result;
    }
  }

  /** Ends every wait for room. During shutdown it also abandons the delivery. */
  #declareDead(reason: string): void {
    this.#dead = true;
    if (this.#ending !== undefined) this.#abandon(reason);
    this.#notifyWaiting();
  }

  /** Counts the queue as lost and aborts the batches in flight, which then count as lost too. */
  #abandon(reason: string): void {
    this.#lose(this.#queue.splice(0).length, reason);
    for (const batch of this.#inFlight) abort(batch, reason);
  }

  #lose(count: number, reason: string): void {
    if (count > 0) this.#lost.set(reason, (this.#lost.get(reason) ?? 0) + count);
  }

  /** Settles when a batch has finished or the collector is found dead. */
  #nextChange(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #notifyWaiting(): void {
    const resolvers = this.#waiting;
    this.#waiting = [];
    for (const resolve of resolvers) resolve();
  }
}

/** Aborts a batch. If an attempt has already failed, its reason is kept. */
function abort(batch: Batch, reason: string): void {
  batch.reason ??= reason;
  batch.abort.abort();
}

/** Waits `ms`; ends early if the batch is aborted or, with `untilReconnect`, if `batch.reconnect` is called. */
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
