/**
 * Declares every metric and the attributes of its data points. The types in `metrics.ts` and the rows of `docs/reference/metrics.md` come
 * from these tables. Each combination of attribute values is a time series of its own. So each attribute has a small, fixed set of values,
 * and none may hold a text that a program or its arguments choose.
 */

export const METRIC_ATTRIBUTES = {
  "boruna.run.mode": { doc: "`mock`, `live` or `replay`" },
  "boruna.run.outcome": { doc: "how the run ended; one of the [outcomes](outcomes.md)" },
  "cap.name": { doc: "name of the capability, one of those that the host has registered" },
  "cap.mode": { doc: "`mock`, `live` or `replay`" },
  "cap.outcome": { doc: "`ok`, `denied`, `budget_exceeded`, `runtime_error` or `unknown`" },
  "boruna.queue": { doc: "name of a queue, one of those that the worker takes runs from" },
  "boruna.attempt": { doc: "`first`, or `again` after a worker died or the run waited" },
} as const;

type MetricAttributeName = keyof typeof METRIC_ATTRIBUTES;

interface InstrumentSpec {
  /** The value of an `updown` counter can fall, too. */
  readonly kind: "counter" | "updown" | "histogram";
  /** In the notation of UCUM, the Unified Code for Units of Measure. */
  readonly unit: string;
  readonly attributes: readonly MetricAttributeName[];
  readonly doc: string;
}

const RUN_ATTRIBUTES = ["boruna.run.mode", "boruna.run.outcome"] as const;
const CALL_ATTRIBUTES = ["cap.name", "cap.mode", "cap.outcome"] as const;

export const INSTRUMENTS = {
  "boruna.runs": { kind: "counter", unit: "{run}", attributes: RUN_ATTRIBUTES, doc: "runs that ended" },
  "boruna.run.duration": {
    kind: "histogram",
    unit: "s",
    attributes: RUN_ATTRIBUTES,
    doc: "time from the start of a run to its end, waits included",
  },
  "boruna.cap.calls": {
    kind: "counter",
    unit: "{call}",
    attributes: CALL_ATTRIBUTES,
    doc: "capability calls that ended, refused ones included",
  },
  "boruna.cap.duration": { kind: "histogram", unit: "s", attributes: CALL_ATTRIBUTES, doc: "time from a capability call to its answer" },
  "boruna.pool.queued": { kind: "updown", unit: "{run}", attributes: [], doc: "runs of a pool that wait, or are being prepared" },
  "boruna.pool.running": { kind: "updown", unit: "{run}", attributes: [], doc: "runs that the workers of a pool execute now" },
  "boruna.pool.wait.duration": { kind: "histogram", unit: "s", attributes: [], doc: "time from joining the queue of a pool to the start" },
  "boruna.pool.workers.lost": { kind: "counter", unit: "{worker}", attributes: [], doc: "workers of a pool that ended unexpectedly" },
  "boruna.worker.claimed": {
    kind: "counter",
    unit: "{run}",
    attributes: ["boruna.queue", "boruna.attempt"],
    doc: "submitted runs that `boruna worker` began to execute",
  },
  "boruna.worker.ended": {
    kind: "counter",
    unit: "{run}",
    attributes: ["boruna.queue", "boruna.run.outcome"],
    doc: "executions that ended here with an outcome; not those that another worker goes on with",
  },
  "boruna.worker.active": {
    kind: "updown",
    unit: "{run}",
    attributes: ["boruna.queue"],
    doc: "submitted runs that the worker executes now",
  },
  "boruna.worker.reaped": {
    kind: "counter",
    unit: "{run}",
    attributes: [],
    doc: "runs that this worker took back from workers that were gone",
  },
  "boruna.worker.leases.lost": {
    kind: "counter",
    unit: "{worker}",
    attributes: [],
    doc: "1 if this worker lost its lease, and with it its runs",
  },
} as const satisfies Record<string, InstrumentSpec>;

export type InstrumentName = keyof typeof INSTRUMENTS;

/** The attributes of one metric's data points. */
export type MetricAttributes<I extends InstrumentName> = Readonly<Record<(typeof INSTRUMENTS)[I]["attributes"][number], string>>;

/** Upper bounds of the buckets of all histograms, in seconds. The bounds that the SDK uses by default are meant for milliseconds. */
export const DURATION_BOUNDS = [0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] as const;
