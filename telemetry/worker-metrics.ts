/** Metrics of `boruna worker`, with the meter of its runner telemetry. */
import type { Meter } from "@opentelemetry/api";
import type { Outcome } from "../vm/outcome.ts";
import type { InstrumentName, MetricAttributes } from "./instruments.ts";
import { optionsOf } from "./meter.ts";

/** What a worker reports. */
export interface WorkerMetrics {
  /** The worker began to execute a run. `ended` follows. */
  claimed(queue: string, isFirst: boolean): void;
  /** The execution of a run ended here. `outcome` is undefined if another execution continues the run. */
  ended(queue: string, outcome: Outcome | undefined): void;
  /** The worker took back this many runs from workers that are gone. */
  reaped(runs: number): void;
  leaseLost(): void;
}

export function workerMetrics(meter: Meter): WorkerMetrics {
  const counter = <I extends InstrumentName>(name: I) => meter.createCounter<MetricAttributes<I>>(name, optionsOf(name));
  const claimed = counter("boruna.worker.claimed");
  const ended = counter("boruna.worker.ended");
  const reaped = counter("boruna.worker.reaped");
  const leasesLost = counter("boruna.worker.leases.lost");
  const active = meter.createUpDownCounter<MetricAttributes<"boruna.worker.active">>(
    "boruna.worker.active" satisfies InstrumentName,
    optionsOf("boruna.worker.active"),
  );
  return {
    claimed: (queue, isFirst) => {
      claimed.add(1, { "boruna.queue": queue, "boruna.attempt": isFirst ? "first" : "again" });
      active.add(1, { "boruna.queue": queue });
    },
    ended: (queue, outcome) => {
      if (outcome !== undefined) ended.add(1, { "boruna.queue": queue, "boruna.run.outcome": outcome });
      active.add(-1, { "boruna.queue": queue });
    },
    reaped: (runs) => reaped.add(runs),
    leaseLost: () => leasesLost.add(1),
  };
}
