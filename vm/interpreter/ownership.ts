/**
 * Begins and ends the ownership of values, which lets one variable change a value in place (`value/owner.ts`). `bytecode/ownership.ts` says
 * at which instructions. Both engines use these functions.
 */
import { expectList } from "../builtins/code.ts";
import { BYTES } from "../cost.ts";
import type { Meter } from "../meter.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { ChangeLog, isOwned, Owner } from "../value/owner.ts";
import { RecordValue, SomeValue, type Value } from "../value/value.ts";

type OwnableValue = ListValue | MapValue | RecordValue;

const isOwnable = (value: Value): value is OwnableValue =>
  value instanceof ListValue || value instanceof RecordValue || value instanceof MapValue;

/** Ends the ownership of a value, or of the value in a Some, because something else now refers to it too. Returns the value. */
export function endOwnership(value: Value): Value {
  if (typeof value !== "object") return value;
  const ownable = value instanceof SomeValue ? value.value : value;
  if (typeof ownable === "object" && isOwnable(ownable) && ownable.owner !== undefined) ownable.owner.isAlive = false;
  return value;
}

/** Gives an owner to a value that was just made and that only one variable will refer to. Returns the value. */
export function beginOwnership(value: Value): Value {
  if (typeof value !== "object" || !isOwnable(value)) return value;
  // Empty values may be objects that several variables share.
  const size = value instanceof ListValue ? value.length : value.size;
  if (size > 0) value.owner = new Owner();
  return value;
}

/** Appends like `list.push`, for a variable that is then set to the result. If the list is owned, the result has the same owner. */
export const pushOwned = (meter: Meter, xs: Value, value: Value): Value => push(meter, xs, value, false);

/** Does the same as `pushOwned`, for a list that nothing else refers to. Such a list may change in place even without an owner. */
export const pushUnique = (meter: Meter, xs: Value, value: Value): Value => push(meter, xs, value, true);

function push(meter: Meter, xs: Value, value: Value, isUnique: boolean): Value {
  const items = expectList(xs);
  meter.allocateList(items.length + 1, BYTES.push);
  if (items.length === 0) return beginOwnership(isUnique ? items.grow(value) : items.push(value));
  if (!isOwned(items)) return isUnique ? items.grow(value) : items.push(value);
  const { owner, unpaidChanges } = items;
  // `grow` may change the list in place. With unpaid changes, the list may still share its storage with another one (`value/owner.ts`).
  const pushed = unpaidChanges === 0 || isUnique ? items.grow(value) : items.push(value);
  pushed.owner = owner;
  pushed.unpaidChanges = unpaidChanges;
  return pushed;
}

/**
 * While compiled code runs, records its changes in place to values that existed before. If the engine discards the work of the code, it
 * calls `undo`, otherwise `keep`.
 */
export class Changes {
  readonly #owners: readonly Owner[];
  readonly #log = new ChangeLog();

  /** `values` are what the locals that may own a value hold when the compiled code begins. No two values have the same owner. */
  constructor(values: readonly (Value | undefined)[]) {
    this.#owners = values.flatMap((value) =>
      typeof value === "object" && isOwnable(value) && value.owner?.isAlive === true ? [value.owner] : [],
    );
    for (const owner of this.#owners) owner.log = this.#log;
  }

  keep(): void {
    this.#log.keep();
    for (const owner of this.#owners) owner.log = undefined;
  }

  undo(): void {
    this.#log.undo();
    for (const owner of this.#owners) {
      owner.log = undefined;
      owner.isAlive = true;
    }
  }
}
