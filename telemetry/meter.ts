/** Instruments of the MeterProvider that the process has registered, or of a given meter. */
import { createNoopMeter, type Meter, type MetricOptions, metrics } from "@opentelemetry/api";
import { VERSION } from "../vm/version.ts";
import { DURATION_BOUNDS, type InstrumentName, INSTRUMENTS } from "./instruments.ts";
import { SCOPE } from "./parent-context.ts";
import { reportError } from "./tracer-errors.ts";

/** The meter that the API returns if no MeterProvider is registered. */
const NOOP_METER = createNoopMeter();

/**
 * Returns a function that takes a meter and returns its instruments. `create` makes them once for each meter. If no meter is given, the
 * function uses the registered MeterProvider. It returns undefined if nothing records metrics.
 */
export function instrumentsOf<T>(create: (meter: Meter) => T): (given?: Meter) => T | undefined {
  const made = new WeakMap<Meter, T>();
  return (given) => {
    try {
      const meter = given ?? metrics.getMeter(SCOPE, VERSION);
      if (meter === NOOP_METER) return undefined;
      const known = made.get(meter);
      if (known !== undefined) return known;
      const instruments = create(meter);
      made.set(meter, instruments);
      return instruments;
    } catch (error) {
      reportError(error);
      return undefined;
    }
  };
}

/** Returns unit, description and buckets of an instrument, as `INSTRUMENTS` declares them. */
export function optionsOf(name: InstrumentName): MetricOptions {
  const { kind, unit, doc } = INSTRUMENTS[name];
  const options = { unit, description: doc };
  return kind === "histogram" ? { ...options, advice: { explicitBucketBoundaries: [...DURATION_BOUNDS] } } : options;
}
