/**
 * Loads the elementary functions on Floats, which return the same bits on every host (docs/internals/adr/039-elementary-functions.md).
 * `Math.exp` and the like do not, so a log would not replay everywhere. The file is loaded only for programs that use these functions.
 */
import { BorunaError } from "../error.ts";
import type { ElementaryFunctions } from "./elementary-functions.ts";

let loaded: ElementaryFunctions | undefined;

export const elementaryFunctionsAreLoaded = (): boolean => loaded !== undefined;

export async function loadElementaryFunctions(): Promise<void> {
  loaded = (await import("./elementary-functions.ts")).ELEMENTARY_FUNCTIONS;
}

/** Returns the functions. `startMachine` and `resumeMachine` have loaded them before a program that uses them runs. */
export function elementaryFunctions(): ElementaryFunctions {
  if (loaded === undefined) throw new BorunaError("internal", "the elementary functions are not loaded");
  return loaded;
}

/** Returns the angle of the point (x, y), from -π to π. stdlib 0.3 returns the wrong sign if `y / x` underflows, so this is our own. */
export function atan2(y: number, x: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  const isLeft = x < 0 || Object.is(x, -0);
  const halfTurn = y < 0 || Object.is(y, -0) ? -Math.PI : Math.PI;
  if (y === 0) return isLeft ? halfTurn : y;
  if (x === 0) return halfTurn / 2;
  if (!Number.isFinite(x) && !Number.isFinite(y)) return isLeft ? (3 * halfTurn) / 4 : halfTurn / 4;
  const angle = elementaryFunctions().atan(y / x);
  return isLeft ? angle + halfTurn : angle;
}
