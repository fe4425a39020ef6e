/** `random`: numbers of the system's cryptographic generator. */
import { randomFillSync } from "node:crypto";
import { FloatValue, intFromBigInt, isInt, type Value } from "../../vm/value/value.ts";
import { CapabilityFailure, type MachineFunction } from "../handlers.ts";

const BITS_64 = 1n << 64n;

/** Creates the handler. `fill` overwrites its argument with random bytes. */
export function randomHandler(fill: (bytes: Uint8Array) => void = (bytes) => void randomFillSync(bytes)): MachineFunction {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  const nextBits = (): bigint => {
    fill(bytes);
    return view.getBigUint64(0);
  };
  return (args) => (args.length === 0 ? new FloatValue(unitInterval(nextBits())) : intBetween(args, nextBits));
}

/** Converts the upper 53 bits to a Float in [0, 1). Every multiple of 2^-53 is equally likely. */
function unitInterval(bits: bigint): number {
  return Number(bits >> 11n) / 2 ** 53;
}

function intBetween([kind, lo, hi]: readonly Value[], nextBits: () => bigint): Value {
  if (kind !== "int") throw new CapabilityFailure('random takes no arguments, or "int" with two bounds');
  if (lo === undefined || hi === undefined || !isInt(lo) || !isInt(hi)) throw new CapabilityFailure("the bounds of random are Ints");
  const low = BigInt(lo);
  const count = BigInt(hi) - low + 1n;
  if (count <= 0n) throw new CapabilityFailure(`the lower bound ${lo} of random is above the upper bound ${hi}`);
  // Reject draws from the largest multiple of `count` on, because they would make low values more likely.
  const acceptedRange = BITS_64 - (BITS_64 % count);
  let drawn = nextBits();
  while (drawn >= acceptedRange) drawn = nextBits();
  return intFromBigInt(low + (drawn % count));
}
