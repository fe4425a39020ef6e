/** What generated code calls. All of it is pure but for the meter. */
import { arithmetic, type ArithmeticOp, negate } from "../value/arithmetic.ts";
import { jsonKind } from "../builtins/json-code.ts";
import { elementAt, growList } from "../builtins/list-code.ts";
import { makeMap } from "../builtins/map-code.ts";
import { compareValues, structuralEqual } from "../value/equality.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import type { Meter } from "../meter.ts";
import { append, concat, isTruthy, matchPayload, matchTag } from "../interpreter/operations.ts";
import {
  ClosureValue,
  EnumValue,
  ErrValue,
  FloatValue,
  FnRefValue,
  NoneValue,
  OkValue,
  RecordValue,
  SomeValue,
  UNIT,
  type Value,
} from "../value/value.ts";

/** Thrown to have the call run again, exactly, by the interpreter. */
class Bail extends Error {
  override readonly name: string = "Bail";
}
/** A guess that the function was compiled with does not hold. */
export class GuessBail extends Bail {
  readonly functionIndex: number;
  constructor(functionIndex: number) {
    super();
    this.functionIndex = functionIndex;
  }
}

/** One for all, so that throwing it takes no picture of the stack. */
const BAIL = new Bail();

/** Given back by a resumable loop that the host shall have a turn before. */
export const PAUSED: unique symbol = Symbol("paused");

/** A compiled function that any values may be given: missing arguments count as Unit. */
export type Target = (meter: Meter, depth: number, ...args: readonly Value[]) => Value;

/** The compiled form of a function by its index; throws `Bail` where it has none. */
export type Link = (functionIndex: number) => Target;

export function bail(): never {
  throw BAIL;
}

function unguess(functionIndex: number): never {
  throw new GuessBail(functionIndex);
}

const generic =
  (op: ArithmeticOp) =>
  (meter: Meter, a: Value, b: Value): Value =>
    op === "Add" && typeof a === "string" && typeof b === "string" ? concat(meter, a, b) : arithmetic(op, a, b);

function numeric(value: Value): number {
  if (value instanceof FloatValue) return value.value;
  if (typeof value === "number" || typeof value === "bigint") return Number(value);
  return bail();
}

/** The names that generated code has; their values are of any type. */
export function support(link: Link): Readonly<Record<string, unknown>> {
  const invoke = (meter: Meter, depth: number, target: Value, args: readonly Value[]): Value => {
    if (target instanceof FnRefValue) return link(target.index)(meter, depth, ...args);
    if (target instanceof ClosureValue) return link(target.index)(meter, depth, ...target.captured, ...args);
    return bail();
  };
  return {
    F: FloatValue,
    R: RecordValue,
    E: EnumValue,
    C: ClosureValue,
    Some: SomeValue,
    Ok: OkValue,
    Err: ErrValue,
    None: NoneValue,
    L: ListValue,
    U: UNIT,
    P: PAUSED,
    bail,
    unguess,
    box: (value: number | typeof PAUSED): FloatValue | typeof PAUSED => (value === PAUSED ? PAUSED : new FloatValue(value)),
    over: (meter: Meter): boolean => meter.overrun() ?? bail(),
    add: generic("Add"),
    sub: generic("Sub"),
    mul: generic("Mul"),
    div: generic("Div"),
    mod: generic("Mod"),
    neg: negate,
    numeric,
    lt: (meter: Meter, a: Value, b: Value): boolean => compareValues(a, b, meter) < 0,
    lte: (meter: Meter, a: Value, b: Value): boolean => compareValues(a, b, meter) <= 0,
    gt: (meter: Meter, a: Value, b: Value): boolean => compareValues(a, b, meter) > 0,
    gte: (meter: Meter, a: Value, b: Value): boolean => compareValues(a, b, meter) >= 0,
    equal: (meter: Meter, a: Value, b: Value): boolean => structuralEqual(a, b, meter),
    truthy: isTruthy,
    concat,
    append,
    tagOf: matchTag,
    payloadOf: matchPayload,
    jsonKind,
    elementAt,
    grow: growList,
    makeMap: (meter: Meter, flat: readonly Value[]): Value => makeMap(meter, MapValue.EMPTY, flat),
    invoke,
    invoke0: (meter: Meter, depth: number, target: Value): Value =>
      target instanceof FnRefValue ? link(target.index)(meter, depth) : invoke(meter, depth, target, []),
    invoke1: (meter: Meter, depth: number, target: Value, a: Value): Value => {
      if (target instanceof FnRefValue) return link(target.index)(meter, depth, a);
      if (target instanceof ClosureValue && target.captured.length === 1) {
        const [c = UNIT] = target.captured;
        return link(target.index)(meter, depth, c, a);
      }
      return invoke(meter, depth, target, [a]);
    },
    invoke2: (meter: Meter, depth: number, target: Value, a: Value, b: Value): Value => {
      if (target instanceof FnRefValue) return link(target.index)(meter, depth, a, b);
      if (target instanceof ClosureValue && target.captured.length === 1) {
        const [c = UNIT] = target.captured;
        return link(target.index)(meter, depth, c, a, b);
      }
      return invoke(meter, depth, target, [a, b]);
    },
    invoke3: (meter: Meter, depth: number, target: Value, a: Value, b: Value, c: Value): Value =>
      target instanceof FnRefValue ? link(target.index)(meter, depth, a, b, c) : invoke(meter, depth, target, [a, b, c]),
  };
}
