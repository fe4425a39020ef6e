/** `random`: numbers of the system's cryptographic generator. */
import { randomFillSync } from "node:crypto";
import { FloatValue, intFromBigInt, isInt, type Value } from "../../vm/value/value.ts";
import { CapabilityFailure, type Handler } from "../handlers.ts";

const BITS_64 = 1n << 64n;

/** `fill` overwrites its argument with random bytes. */
export function randomHandler(fill: (bytes: Uint8Array) => void = (bytes) => void randomFillSync(bytes)): Handler {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  const next = (): bigint => {
    fill(bytes);
    return view.getBigUint64(0);
  };
  return (args) => (args.length === 0 ? new FloatValue(unitInterval(next())) : between(args, next));
}

/** The upper 53 bits as a Float in [0, 1): every multiple of 2^-53 equally likely. */
function unitInterval(bits: bigint): number {
  return Number(bits >> 11n) / 2 ** 53;
}

function between([kind, lo, hi]: readonly Value[], next: () => bigint): Value {
  if (kind !== "int") throw new CapabilityFailure('random takes no arguments, or "int" with two bounds');
  if (lo === undefined || hi === undefined || !isInt(lo) || !isInt(hi)) throw new CapabilityFailure("the bounds of random are Ints");
  const low = BigInt(lo);
  const count = BigInt(hi) - low + 1n;
  if (count <= 0n) throw new CapabilityFailure(`the lower bound ${lo} of random is above the upper bound ${hi}`);
  // Reject draws above the largest multiple of `count`: they would make low values more likely.
  const usable = BITS_64 - (BITS_64 % count);
  let drawn = next();
  while (drawn >= usable) drawn = next();
  return intFromBigInt(low + (drawn % count));
}
