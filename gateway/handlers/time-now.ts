/** `time.now`: the system's clock. */
import { CapabilityFailure, type MachineFunction } from "../handlers.ts";

/** The length of each unit, in microseconds. */
const UNIT_MICROSECONDS = new Map<unknown, number>([
  ["s", 1_000_000],
  ["ms", 1_000],
  ["us", 1],
]);

/**
 * Creates the handler. `epochMs` returns milliseconds since 1970. Its default is `Date.now()`, because the finer `performance.now()` stops
 * while the computer sleeps.
 */
export function timeNowHandler(epochMs: () => number = () => Date.now()): MachineFunction {
  return ([unit]) => {
    const microseconds = UNIT_MICROSECONDS.get(unit);
    if (microseconds === undefined) throw new CapabilityFailure('the unit of time.now is "s", "ms" or "us"');
    return Math.floor((epochMs() * 1_000) / microseconds);
  };
}
