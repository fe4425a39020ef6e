/** Arbitrary serializable values. */
import fc from "fast-check";
import { ListValue } from "../../vm/value/list.ts";
import { MapValue } from "../../vm/value/map.ts";
import {
  ActorIdValue,
  EnumValue,
  ErrValue,
  FloatValue,
  FnRefValue,
  I64_MAX,
  I64_MIN,
  intFromBigInt,
  NONE,
  OkValue,
  RecordValue,
  SomeValue,
  UNIT,
  replaceLoneSurrogates,
  type Value,
} from "../../vm/value/value.ts";

export const anyText = fc.string({ unit: "binary" }).map(replaceLoneSurrogates);
const int = fc.oneof(fc.integer(), fc.bigInt({ min: I64_MIN, max: I64_MAX }).map(intFromBigInt));

export const anyValue: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.boolean(),
    int,
    anyText,
    fc.double().map((x) => new FloatValue(x)),
    fc.constantFrom<Value>(UNIT, NONE, new ActorIdValue(3), new FnRefValue(1)),
    tie("value").map((v) => new SomeValue(v)),
    tie("value").map((v) => new OkValue(v)),
    tie("value").map((v) => new ErrValue(v)),
    fc.array(tie("value"), { maxLength: 4 }).map((items) => ListValue.of(items)),
    fc.array(fc.tuple(anyText, tie("value")), { maxLength: 4 }).map((entries) => MapValue.from(entries)),
    fc.tuple(fc.nat(3), fc.array(tie("value"), { maxLength: 3 })).map(([id, fields]) => RecordValue.of(id, fields)),
    fc.tuple(fc.nat(3), fc.nat(3), tie("value")).map(([id, variant, payload]) => new EnumValue(id, variant, payload)),
  ),
})).value;
