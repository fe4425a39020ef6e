/**
 * Records metrics of runs and calls with `@opentelemetry/api`. The gateway reports both through a `Tracing`, which this file wraps. The
 * data points go to the given meter, or to the MeterProvider that the process has registered. Without either, metrics cost one
 * check for each run and nothing for its calls.
 */
import type { Counter, Histogram, Meter } from "@opentelemetry/api";
import type { InstrumentName, MetricAttributes } from "./instruments.ts";
import { instrumentsOf, optionsOf } from "./meter.ts";
import { reportingErrors } from "./tracer-errors.ts";
import type { CallSpanStart, CallTracing, RunMode, RunTracing, Tracing } from "./tracing.ts";

interface Instruments {
  readonly runs: Counter<MetricAttributes<"boruna.runs">>;
  readonly runDuration: Histogram<MetricAttributes<"boruna.run.duration">>;
  readonly calls: Counter<MetricAttributes<"boruna.cap.calls">>;
  readonly callDuration: Histogram<MetricAttributes<"boruna.cap.duration">>;
}

/** Returns a `Tracing` that also records metrics. `meter` defaults to that of the registered MeterProvider at the start of each run. */
export function meteredTracing(tracing: Tracing, meter?: Meter): Tracing {
  return {
    startRun: (info) => {
      const instruments = currentInstruments(meter);
      const run = tracing.startRun(info);
      return instruments === undefined ? run : meteredRun(run, info.mode, instruments);
    },
  };
}

/** Returns the run with its calls and its end counted by the instruments. */
function meteredRun(run: RunTracing, mode: RunMode, instruments: Instruments): RunTracing {
  const startedAt = performance.now();
  return {
    ...run,
    isIdle: () => false,
    startCall: (...call) => meteredCall(run.startCall(...call), call[0], instruments),
    end: (info) => {
      const attributes = { "boruna.run.mode": mode, "boruna.run.outcome": info.outcome };
      reportingErrors(() => {
        instruments.runs.add(1, attributes);
        instruments.runDuration.record(secondsSince(startedAt), attributes);
      });
      run.end(info);
    },
  };
}

function meteredCall(call: CallTracing, { capability, mode }: CallSpanStart, instruments: Instruments): CallTracing {
  const startedAt = performance.now();
  return {
    run: (body) => call.run(body),
    headers: () => call.headers(),
    setModel: (model, provider) => call.setModel(model, provider),
    end: (info) => {
      const attributes = { "cap.name": capability, "cap.mode": mode, "cap.outcome": info.errorKind ?? "ok" };
      if (info.isSuspended !== true)
        reportingErrors(() => {
          instruments.calls.add(1, attributes);
          instruments.callDuration.record(secondsSince(startedAt), attributes);
        });
      call.end(info);
    },
  };
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1_000;
}

const currentInstruments = instrumentsOf(createInstruments);

function createInstruments(meter: Meter): Instruments {
  return {
    runs: meter.createCounter("boruna.runs" satisfies InstrumentName, optionsOf("boruna.runs")),
    runDuration: meter.createHistogram("boruna.run.duration" satisfies InstrumentName, optionsOf("boruna.run.duration")),
    calls: meter.createCounter("boruna.cap.calls" satisfies InstrumentName, optionsOf("boruna.cap.calls")),
    callDuration: meter.createHistogram("boruna.cap.duration" satisfies InstrumentName, optionsOf("boruna.cap.duration")),
  };
}
