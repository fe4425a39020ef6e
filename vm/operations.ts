/** Operations of single instructions that the interpreter's loop leaves to functions. */
import { concatLists } from "./builtins/list-code.ts";
import { ListValue } from "./list.ts";
import { MapValue } from "./map.ts";
import { MachineTrap, type Meter, typeTrap } from "./meter.ts";
import type { MatchArm } from "./module.ts";
import { EnumValue, ErrValue, FloatValue, NoneValue, OkValue, SomeValue, UnitValue, type Value } from "./value.ts";

/** An operand that is there: the verifier, or the check of an irregular function, has seen to it. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new MachineTrap("internal", "an operand that is not there");
  return value;
}

export function isTruthy(value: Value): boolean {
  if (typeof value === "boolean") return value;
  // A bigint is never 0: that is a number in the canonical form.
  if (typeof value === "number" || typeof value === "bigint") return value !== 0;
  if (typeof value === "string") return value.length > 0;
  if (value instanceof FloatValue) return value.value !== 0;
  if (value instanceof ListValue) return value.length > 0;
  if (value instanceof MapValue) return value.size > 0;
  return !(value instanceof UnitValue || value instanceof NoneValue || value instanceof ErrValue);
}

/** Joins Strings or Lists. Strings are ropes of the host, so that joining takes no time of its own. */
export function concat(meter: Meter, a: Value, b: Value): Value {
  if (typeof a === "string" && typeof b === "string") {
    meter.allocateString(a.length + b.length);
    return a + b;
  }
  if (a instanceof ListValue && b instanceof ListValue) return concatLists(meter, a, b);
  throw typeTrap(a instanceof ListValue ? "List" : "String", typeof a === "string" || a instanceof ListValue ? b : a);
}

/** What `Match` compares with the tags of its arms. */
export function matchTag(value: Value): number {
  if (value instanceof EnumValue) return value.variant;
  if (value === true) return 1;
  if (value === false) return 0;
  if (value instanceof NoneValue) return -2;
  if (value instanceof SomeValue) return -3;
  if (value instanceof OkValue) return -4;
  if (value instanceof ErrValue) return -5;
  return -1;
}

/** What a matched value leaves on the stack. */
export function matchPayload(value: Value): Value {
  if (value instanceof EnumValue) return value.payload;
  if (value instanceof SomeValue || value instanceof OkValue || value instanceof ErrValue) return value.value;
  return value;
}

/** The target of the first arm that fits. */
export function matchTarget(meter: Meter, arms: readonly MatchArm[], value: Value): number {
  const tag = matchTag(value);
  for (let i = 0; i < arms.length; i++) {
    const arm = arms[i];
    if (arm !== undefined && (arm.tag === tag || arm.tag === -1)) {
      meter.charge(i);
      return arm.target;
    }
  }
  meter.charge(arms.length);
  throw new MachineTrap("match_exhausted", "no match found for value");
}
