/** `time.now`: the system's clock. */
import { CapabilityFailure, type Handler } from "../handlers.ts";

/** Microseconds per unit. */
const UNITS = new Map<unknown, number>([
  ["s", 1_000_000],
  ["ms", 1_000],
  ["us", 1],
]);

/** `epochMs` returns milliseconds since 1970. `performance.now()` is finer, but stops while the computer sleeps. */
export function timeNowHandler(epochMs: () => number = () => Date.now()): Handler {
  return ([unit]) => {
    const size = UNITS.get(unit);
    if (size === undefined) throw new CapabilityFailure('the unit of time.now is "s", "ms" or "us"');
    return Math.floor((epochMs() * 1_000) / size);
  };
}
