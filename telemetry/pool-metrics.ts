/** Metrics of pools, with the MeterProvider that the process has registered. */
import type { InstrumentName } from "./instruments.ts";
import { instrumentsOf, optionsOf } from "./meter.ts";
import { reportingErrors } from "./tracer-errors.ts";

/** What one pool reports. */
export interface PoolMetrics {
  /** Reports how many runs wait, and how many the workers execute now. */
  setRuns(queued: number, running: number): void;
  /** Reports how long a run waited before it started. */
  waited(ms: number): void;
  workerLost(): void;
}

const currentInstruments = instrumentsOf((meter) => ({
  queued: meter.createUpDownCounter("boruna.pool.queued" satisfies InstrumentName, optionsOf("boruna.pool.queued")),
  running: meter.createUpDownCounter("boruna.pool.running" satisfies InstrumentName, optionsOf("boruna.pool.running")),
  wait: meter.createHistogram("boruna.pool.wait.duration" satisfies InstrumentName, optionsOf("boruna.pool.wait.duration")),
  workersLost: meter.createCounter("boruna.pool.workers.lost" satisfies InstrumentName, optionsOf("boruna.pool.workers.lost")),
}));

export function poolMetrics(): PoolMetrics {
  // What this pool has added to the counters so far. All pools of the process share the counters.
  let added = { queued: 0, running: 0 };
  const report = (write: (instruments: NonNullable<ReturnType<typeof currentInstruments>>) => void): void => {
    const instruments = currentInstruments();
    if (instruments !== undefined) reportingErrors(() => write(instruments));
  };
  return {
    setRuns: (queued, running) => {
      if (queued === added.queued && running === added.running) return;
      report((instruments) => {
        instruments.queued.add(queued - added.queued);
        instruments.running.add(running - added.running);
        added = { queued, running };
      });
    },
    waited: (ms) => report(({ wait }) => wait.record(ms / 1_000)),
    workerLost: () => report(({ workersLost }) => workersLost.add(1)),
  };
}
