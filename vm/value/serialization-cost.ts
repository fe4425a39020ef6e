import { BYTES, slotsCharge, stringCharge, UNITS } from "../cost.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import { MachineTrap, type Meter, typeTrap, WorkMeter } from "../meter.ts";
import { childrenOf, isContainer } from "./children.ts";
import { ListValue } from "./list.ts";
import { MapValue } from "./map.ts";
import { ClosureValue, EnumValue, ErrValue, OkValue, RecordValue, SomeValue, UNIT, type Value } from "./value.ts";

/**
 * Charges a value that is about to leave or enter the machine: an argument or answer of a capability, a message or an emitted tree. Charges
 * the bytes of a copy in which no parts are shared, so the allocation limit also bounds the size of a log. Also charges one unit of work for
 * each value, and `Meter.loggedUnit` for each code unit of Strings and keys.
 *
 * Traps with type_error if the value contains a closure, with invalid_value if the value exceeds `MACHINE_LIMITS.valueDepth`, and with
 * alloc_limit if it exceeds the allocation limit, `valueNodes` or `valueTextUnits`.
 */
export function chargeSerialization(value: Value, meter: Meter): void {
  // Most values are scalars, which are free.
  if (typeof value === "number" || typeof value === "boolean") return;
  size.nodes = 0;
  size.units = 0;
  size.bytes = 0;
  if (measureSmall(value, 0)) {
    meter.charge(UNITS.slot * size.nodes + meter.loggedUnit * size.units);
    meter.allocate(size.bytes);
    return;
  }
  const work = new WorkMeter(meter);
  const iterators: Iterator<Value>[] = [];
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
    if (!isContainer(part)) return;
    const parts = part instanceof MapValue ? keysAndValues(part) : childrenOf(part)[Symbol.iterator]();
    if (iterators.length >= MACHINE_LIMITS.valueDepth)
      throw new MachineTrap("invalid_value", `a value nested deeper than ${MACHINE_LIMITS.valueDepth} cannot leave the machine`);
    iterators.push(parts);
  };
  visit(value);
  for (let top = iterators.at(-1); top !== undefined; top = iterators.at(-1)) {
    const child = top.next();
    if (child.done === true) iterators.pop();
    else visit(child.value);
  }
  meter.allocate(bytes);
}

/** The parts of the value that `measureSmall` measures, its characters, and the bytes that are charged for it. */
const size = { nodes: 0, units: 0, bytes: 0 };

/** The limits on the parts, the nesting and the characters of a small value. */
const SMALL = { nodes: 64, depth: 8, units: 4_096 };

/** Measures a small value without lists, maps and closures, faster than `chargeSerialization` does in general. Returns false for any other value. */
function measureSmall(value: Value, depth: number): boolean {
  size.nodes += 1;
  size.bytes += ownBytes(value);
  if (typeof value === "string") size.units += value.length;
  if (size.nodes > SMALL.nodes || size.units > SMALL.units || depth > SMALL.depth) return false;
  if (typeof value !== "object") return true;
  if (value instanceof RecordValue) {
    const count = value.size;
    for (let i = 0; i < count; i++) if (!measureSmall(value.get(i) ?? UNIT, depth + 1)) return false;
    return true;
  }
  if (value instanceof EnumValue) return measureSmall(value.payload, depth + 1);
  if (value instanceof OkValue || value instanceof SomeValue || value instanceof ErrValue) return measureSmall(value.value, depth + 1);
  return !(value instanceof ListValue || value instanceof MapValue || value instanceof ClosureValue);
}

/** Returns the bytes charged for one value without its children. */
function ownBytes(value: Value): number {
  if (typeof value === "string") return stringCharge(value.length);
  if (typeof value !== "object") return BYTES.slot;
  if (value instanceof ListValue) return slotsCharge(value.length);
  if (value instanceof MapValue) return BYTES.mapHeader + BYTES.mapEntry * value.size;
  if (value instanceof RecordValue) return slotsCharge(value.size);
  if (value instanceof EnumValue) return BYTES.enumValue;
  return BYTES.wrapper;
}

function* keysAndValues(map: MapValue): IterableIterator<Value> {
  for (const [key, value] of map.entries()) {
    yield key;
    yield value;
  }
}
