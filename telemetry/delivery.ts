/**
 * The path of spans from a run to the collector: a bounded queue, requests of whole batches, retries, and a count of the losses.
 *
 *   onEnd ──► queue ──► batches in flight ──► accepted
 *               │              │
 *               └── full       └── rejected, or no answer within `exportMs`  ──► lost, counted by reason
 *
 * The SDK's own batch processor and exporter cannot say whether there is room, send the run span first, count a partial
 * success, or tell a slow collector from a dead one (docs/internals/adr/022-spans-are-sent-by-boruna.md).
 */
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace-node";
import type { Answer, Attempt, Sender } from "./otlp-sender.ts";

export interface DeliverySettings {
  /** Spans that wait for a request, and one more for a run's own; those in flight are not among them. */
  readonly maxQueueSize: number;
  /** Spans of one request. */
  readonly maxExportBatchSize: number;
  /** How long a span waits for its batch to become full. */
  readonly scheduledDelayMillis: number;
  /** Bound on one batch, its retries included. A collector that exceeds it is dead until it accepts a batch. */
  readonly exportMs: number;
  /** Bound on `shutdown`. */
  readonly shutdownMs: number;
}

/** Batches; several, so that a collector with a long way to it does not slow the run down. */
export const MAX_IN_FLIGHT = 4;
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 5_000;
const BACKOFF_FACTOR = 1.5;
/** Clients that failed together must not come back together. */
const JITTER = 0.2;
/** Reasons that the notice names; the others are summed up. */
const MAX_REASONS = 3;
/** Whatever a collector asks for, it is not asked more often than this. */
const MIN_WAIT_MS = 100;
const QUEUE_IS_FULL = "more ended than the queue (OTEL_BSP_MAX_QUEUE_SIZE) holds";

interface Batch {
  readonly spans: ReadableSpan[];
  readonly abort: AbortController;
  /** Why its last attempt failed, or why it was aborted. */
  reason: string | undefined;
  /** Ends the wait for the next attempt, where the last one found no collector. */
  reconnect: () => void;
}

/** Sends the sampled spans of a process. Spans that end after `shutdown` has begun are lost. */
export class Delivery implements SpanProcessor {
  readonly #sender: Sender;
  readonly #settings: DeliverySettings;
  readonly #queue: ReadableSpan[] = [];
  readonly #inFlight = new Set<Batch>();
  readonly #lost = new Map<string, number>();
  #batchTimer: NodeJS.Timeout | undefined;
  #closesAt = Number.POSITIVE_INFINITY;
  #ending: Promise<void> | undefined;
  #accepted = false;
  /** Nobody waits for this collector: see `backpressure`. */
  #dead = false;
  #whenChanged: (() => void)[] = [];
  /** Sampled spans that ended. */
  ended = 0;

  constructor(sender: Sender, settings: DeliverySettings) {
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
    // A run's own span says how the run ended: there is a place for it in any case, and it goes first.
    if (isRoot && isFull) this.#queue.pop();
    if (isRoot) this.#queue.unshift(span);
    else if (!isFull) this.#queue.push(span);
    this.#pump();
  }

  /**
   * A promise while the queue is full: the run waits, and no span is lost. It settles as soon as there is room, or the
   * collector is dead: it kept a batch for `exportMs` without taking it, or refuses connections and has never taken any.
   * A dead collector is not waited for until it accepts a batch. So a run waits at most `exportMs` for each time that a
   * collector takes spans and stops again, and never for one that was not there.
   */
  backpressure(): Promise<void> | undefined {
    return this.#hasRoom() ? undefined : this.#untilRoom();
  }

  async forceFlush(): Promise<void> {
    while (this.#queue.length > 0 || this.#inFlight.size > 0) {
      this.#sendBatches(1);
      await this.#changed();
    }
  }

  /** Sends what waits, the run span first, and gives up what is left after `shutdownMs`. Never rejects. */
  shutdown(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  /** Spans that were lost, and why, in one line; undefined when none were. */
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
    while (!this.#hasRoom()) await this.#changed();
  }

  async #end(): Promise<void> {
    const { shutdownMs } = this.#settings;
    this.#closesAt = performance.now() + shutdownMs;
    const bound = setTimeout(() => this.#abandon(`the collector did not answer within ${shutdownMs} ms`), shutdownMs);
    for (const batch of this.#inFlight) batch.reconnect();
    // The run span is in the first batch, which no other request may hold up.
    if (this.#queue.length > 0) this.#send(this.#queue.splice(0, this.#settings.maxExportBatchSize));
    await this.forceFlush();
    clearTimeout(bound);
    this.#sender.close();
  }

  /** Sends whole batches at once, and a smaller one after its time. */
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

  /** Sends as many batches of at least `minSize` as may be in flight. */
  #sendBatches(minSize: number): void {
    while (this.#inFlight.size < MAX_IN_FLIGHT && this.#queue.length >= minSize) {
      this.#send(this.#queue.splice(0, this.#settings.maxExportBatchSize));
    }
  }

  #send(spans: ReadableSpan[]): void {
    const batch: Batch = { spans, abort: new AbortController(), reason: undefined, reconnect: () => undefined };
    this.#inFlight.add(batch);
    void this.#deliver(batch).then(() => this.#change());
  }

  async #deliver(batch: Batch): Promise<void> {
    const { exportMs } = this.#settings;
    const deadline = setTimeout(() => abort(batch, "the collector did not answer in time"), exportMs);
    const answer = await this.#exchange(batch, this.#sender.attempt(batch.spans), performance.now() + exportMs);
    clearTimeout(deadline);
    this.#inFlight.delete(batch);
    if (answer.kind === "accepted") {
      this.#accepted = true;
      this.#dead = false;
      this.#lose(Math.min(answer.rejected, batch.spans.length), "the collector rejected them (partial success)");
      this.#pump();
      return;
    }
    this.#lose(batch.spans.length, answer.reason);
    if (answer.retry) this.#dead = true;
    // The other batches would only fail later.
    if (answer.retry && this.#ending !== undefined) this.#lose(this.#queue.splice(0).length, answer.reason);
    this.#pump();
  }

  /** The last answer. With `retry` it means: all attempts that there was time for have failed. */
  async #exchange(batch: Batch, attempt: Attempt, endsAt: number): Promise<Answer> {
    const { signal } = batch.abort;
    for (let backoff = FIRST_BACKOFF_MS; ; backoff = Math.min(backoff * BACKOFF_FACTOR, MAX_BACKOFF_MS)) {
      const answer = await attempt(signal);
      if (answer.kind === "accepted") return answer;
      if (signal.aborted) return { ...answer, reason: batch.reason ?? answer.reason, retry: true };
      if (!answer.retry) return answer;
      batch.reason = answer.reason;
      if (answer.refused && !this.#accepted) this.#declareDead(answer.reason);
      const wait = Math.max(MIN_WAIT_MS, answer.retryAfterMs ?? backoff * (1 + JITTER * (2 * Math.random() - 1)));
      if (signal.aborted || performance.now() + wait > Math.min(endsAt, this.#closesAt)) return answer;
      await pause(wait, batch, answer.refused);
      if (signal.aborted) return answer;
    }
  }

  /** Ends every wait. At the end of the run it ends the delivery too. */
  #declareDead(reason: string): void {
    this.#dead = true;
    if (this.#ending !== undefined) this.#abandon(reason);
    this.#change();
  }

  /** Counts everything that is still under way as lost. */
  #abandon(reason: string): void {
    this.#lose(this.#queue.splice(0).length, reason);
    for (const batch of this.#inFlight) abort(batch, reason);
  }

  #lose(count: number, reason: string): void {
    if (count > 0) this.#lost.set(reason, (this.#lost.get(reason) ?? 0) + count);
  }

  /** Settles when a batch has come back, or the collector was found dead. */
  #changed(): Promise<void> {
    return new Promise((resolve) => this.#whenChanged.push(resolve));
  }

  #change(): void {
    const resolvers = this.#whenChanged;
    this.#whenChanged = [];
    for (const resolve of resolvers) resolve();
  }
}

/** A batch that has had an answer keeps that as its reason. */
function abort(batch: Batch, reason: string): void {
  batch.reason ??= reason;
  batch.abort.abort();
}

/** Waits, until the batch is aborted or, for a collector that could not be reached, until the end of the run asks for a last attempt. */
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
