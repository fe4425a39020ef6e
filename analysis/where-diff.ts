/** Compares conditions on arguments. */
import { type Condition, conditionHolds, type Scalar, type Where } from "../policy/where.ts";
import { FloatValue, UNIT, type Value } from "../vm/value/value.ts";

/** The values compared here are scalars, which have no declared types. */
const NO_TYPES: [] = [];

/** A difference between two conditions. Has the fields of `Difference` in `policy-diff.ts`. */
interface WhereDifference {
  readonly direction: "grows" | "shrinks";
  readonly text: string;
}

/**
 * Returns the paths where `after` may accept what `before` refuses (`grows`), or the reverse (`shrinks`). If in doubt, reports a difference.
 */
export function wherePathChanges(before: Where, after: Where): readonly WhereDifference[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((path): readonly WhereDifference[] => {
    const [old, now] = [before.get(path), after.get(path)];
    if (now === undefined) return [{ direction: "grows", text: `${path} may be anything` }];
    if (old === undefined) return [{ direction: "shrinks", text: `${path} has conditions` }];
    return [
      ...(areWithin(now, old) ? [] : [{ direction: "grows", text: `${path} may have other values` } as const]),
      ...(areWithin(old, now) ? [] : [{ direction: "shrinks", text: `${path} may no longer have some values` } as const]),
    ];
  });
}

/** Whether `wide` certainly accepts every value that `narrow` accepts. A list of conditions accepts a value if one of them does. */
function areWithin(narrow: readonly Condition[], wide: readonly Condition[]): boolean {
  return narrow.every((condition) => {
    const values = valuesOf(condition);
    if (values === undefined) return wide.some((other) => isWithin(condition, other));
    const accepted = values.map(valueOf).filter((value) => conditionHolds(condition, value, NO_TYPES));
    return accepted.every((value) => wide.some((other) => conditionHolds(other, value, NO_TYPES)));
  });
}

/**
 * Returns the values that a condition lists, or undefined if it lists none. The condition's other fields may refuse some of these values.
 */
function valuesOf({ equal, in: list }: Condition): readonly Scalar[] | undefined {
  return equal === undefined ? list : [equal];
}

function valueOf(scalar: Scalar): Value {
  if (scalar === null) return UNIT;
  return typeof scalar === "number" && !Number.isInteger(scalar) ? new FloatValue(scalar) : scalar;
}

/** Whether `wide` certainly accepts every value that `narrow` accepts. `narrow` must list no values. */
function isWithin(narrow: Condition, wide: Condition): boolean {
  if (narrow.absent === true || wide.absent === true) return narrow.absent === true && wide.absent === true;
  if (wide.equal !== undefined || wide.in !== undefined) return false;
  const prefixFits = wide.prefix === undefined || narrow.prefix?.startsWith(wide.prefix) === true;
  const isInRange =
    (wide.min === undefined || (narrow.min !== undefined && narrow.min >= wide.min)) &&
    (wide.max === undefined || (narrow.max !== undefined && narrow.max <= wide.max));
  // The keys that a map may have.
  const { names: allowedKeys } = wide;
  const keysFit = allowedKeys === undefined || narrow.names?.every((key) => allowedKeys.includes(key)) === true;
  return prefixFits && isInRange && keysFit;
}
