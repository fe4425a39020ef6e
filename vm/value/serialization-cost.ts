/**
 * Values that leave the machine (capability arguments, messages, emitted trees, the result) or enter it.
 * A value shared many times inside another is small in the machine and huge once written out, so its written size is
 * measured first, by a walk that is charged and bounded.
 */
import { BYTES, slotsBytes, stringBytes, UNITS } from "../cost.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import { ListValue } from "./list.ts";
import { MapValue } from "./map.ts";
import { MachineTrap, type Meter, typeTrap, Work } from "../meter.ts";
import { ClosureValue, EnumValue, ErrValue, OkValue, RecordValue, SomeValue, type Value } from "./value.ts";

const asParts = function* (value: MapValue): IterableIterator<Value> {
  for (const [key, inner] of value.entries()) {
    yield key;
    yield inner;
  }
};

/** The direct parts of a compound value, lazily; undefined for a scalar. */
function partsOf(value: Value): Iterator<Value> | undefined {
  if (typeof value !== "object") return undefined;
  if (value instanceof ListValue) return value[Symbol.iterator]();
  if (value instanceof MapValue) return asParts(value);
  if (value instanceof RecordValue) return value.fields[Symbol.iterator]();
  if (value instanceof EnumValue) return [value.payload][Symbol.iterator]();
  if (value instanceof SomeValue || value instanceof OkValue || value instanceof ErrValue) return [value.value][Symbol.iterator]();
  return undefined;
}

/** Bytes of one value without its parts, as `cost.ts` charges them; a scalar counts as a slot. */
function ownBytes(value: Value): number {
  if (typeof value === "string") return stringBytes(value.length);
  if (typeof value !== "object") return BYTES.slot;
  if (value instanceof ListValue) return slotsBytes(value.length);
  if (value instanceof MapValue) return BYTES.mapHeader + BYTES.mapEntry * value.size;
  if (value instanceof RecordValue) return slotsBytes(value.fields.length);
  if (value instanceof EnumValue) return BYTES.enumValue;
  return BYTES.wrapper;
}

/**
 * Charges a value that crosses as if it were made again, since the host writes it down; so the size of a log is
 * bounded by the allocation limit. A unit of work for each value visited, and `loggedUnit` for each unit of its texts. Traps: type_error for a function value
 * with captures, invalid_value when nested too deeply, alloc_limit when larger than `MACHINE_LIMITS` allows.
 */
export function chargeCrossing(value: Value, meter: Meter): void {
  // Scalars are the usual case and free.
  if (typeof value === "number" || typeof value === "boolean") return;
  const work = new Work(meter);
  const open: Iterator<Value>[] = [];
  let bytes = 0;
  let nodes = 0;
  let units = 0;
  const visit = (part: Value): void => {
    const text = typeof part === "string" ? part.length : 0;
    work.add(UNITS.slot + meter.loggedUnit * text);
    nodes += 1;
    units += text;
    if (nodes > MACHINE_LIMITS.valueNodes || units > MACHINE_LIMITS.valueTextUnits) {
      throw new MachineTrap(
        "alloc_limit",
        `a value of more than ${MACHINE_LIMITS.valueNodes} parts or ${MACHINE_LIMITS.valueTextUnits} characters cannot leave the machine`,
      );
    }
    if (part instanceof ClosureValue) throw typeTrap("a value that can leave the machine", part);
    bytes += ownBytes(part);
    const parts = partsOf(part);
    if (parts === undefined) return;
    if (open.length >= MACHINE_LIMITS.valueDepth)
      throw new MachineTrap("invalid_value", `a value nested deeper than ${MACHINE_LIMITS.valueDepth} cannot leave the machine`);
    open.push(parts);
  };
  visit(value);
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const next = top.next();
    if (next.done === true) open.pop();
    else visit(next.value);
  }
  meter.allocate(bytes);
}
