/** What the instructions with an ownership role do to values (see `bytecode/ownership.ts`). Both engines use these functions. */
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

/** Ends the life of the owner of a value, or of the value in a Some, because the value gets a second holder. Returns the value. */
export function endOwnership(value: Value): Value {
  if (typeof value !== "object") return value;
  const held = value instanceof SomeValue ? value.value : value;
  if (typeof held === "object" && isOwnable(held) && held.owner !== undefined) held.owner.isAlive = false;
  return value;
}

/** Gives an owner to a value that was just made and that only the variable will hold. Returns the value. */
export function beginOwnership(value: Value): Value {
  if (typeof value !== "object" || !isOwnable(value)) return value;
  // Empty values may be objects that several variables share.
  const size = value instanceof ListValue ? value.length : value.size;
  if (size > 0) value.owner = new Owner();
  return value;
}

/** Does the same as `list.push`, for a variable that is then set to the result. The result has the owner of the list. */
export const pushOwned = (meter: Meter, xs: Value, value: Value): Value => push(meter, xs, value, false);

/** Does the same as `pushOwned` for a list that no other place holds, whether it has an owner or not. */
export const pushUnique = (meter: Meter, xs: Value, value: Value): Value => push(meter, xs, value, true);

function push(meter: Meter, xs: Value, value: Value, isUnique: boolean): Value {
  const items = expectList(xs);
  meter.allocateList(items.length + 1, BYTES.push);
  if (items.length === 0) return beginOwnership(isUnique ? items.grow(value) : items.push(value));
  if (!isOwned(items)) return isUnique ? items.grow(value) : items.push(value);
  const { owner, unpaidChanges } = items;
  const pushed = unpaidChanges === 0 || isUnique ? items.grow(value) : items.push(value);
  pushed.owner = owner;
  pushed.unpaidChanges = unpaidChanges;
  return pushed;
}

/** The changes in place that compiled code makes to values that existed before. Undone if the work of the compiled code is discarded. */
export class Changes {
  readonly #owners: readonly Owner[];
  readonly #log = new ChangeLog();

  /** `values` are the values that compiled code begins with. Each owner has only one of them. */
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
