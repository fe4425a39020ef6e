import { BorunaError } from "../error.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import { childrenOf, isObjectValue } from "./children.ts";
import type { ObjectValue, Value } from "./value.ts";

interface Visit {
  readonly value: ObjectValue;
  readonly depth: number;
}

/**
 * Checks that a value can be written as JSON. A part may be shared many times, so a value that is small in memory may be huge as JSON.
 * Throws `value.not_portable` if the value contains a closure, `value.too_deep` if it exceeds `MACHINE_LIMITS.valueDepth`, and
 * `value.too_large` if it exceeds `valueNodes` or `valueTextUnits` of `MACHINE_LIMITS`.
 */
export function checkSerializable(value: Value): void {
  // Most values are scalars.
  if (typeof value !== "object" && !(typeof value === "string" && value.length > MACHINE_LIMITS.valueTextUnits)) return;
  const stack: Visit[] = [];
  let nodes = 0;
  let units = 0;
  const count = (moreNodes: number, moreUnits: number): void => {
    nodes += moreNodes;
    units += moreUnits;
    if (nodes > MACHINE_LIMITS.valueNodes)
      throw new BorunaError("value.too_large", `a value of more than ${MACHINE_LIMITS.valueNodes} parts cannot be written as JSON`);
    if (units > MACHINE_LIMITS.valueTextUnits)
      throw new BorunaError(
        "value.too_large",
        `a value with more than ${MACHINE_LIMITS.valueTextUnits} characters cannot be written as JSON`,
      );
  };
  const enter = (part: Value, depth: number): void => {
    if (typeof part === "string") count(0, part.length);
    else if (isObjectValue(part)) stack.push({ value: part, depth });
  };
  enter(value, 0);
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { value: part, depth } = top;
    if (part.tag === "Closure") throw new BorunaError("value.not_portable", "a closure cannot leave the machine");
    if (depth > MACHINE_LIMITS.valueDepth)
      throw new BorunaError("value.too_deep", `a value nested deeper than ${MACHINE_LIMITS.valueDepth} cannot leave the machine`);
    // The elements of a list or map are counted before they are put on the stack, so that the limit also bounds the stack.
    if (part.tag === "List") count(part.length, 0);
    else if (part.tag === "Map") {
      count(part.size, 0);
      for (const key of part.keys()) count(0, key.length);
    } else count(1, 0);
    for (const child of childrenOf(part)) enter(child, depth + 1);
  }
}
