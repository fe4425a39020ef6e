/** Generators of values and JSON data, and the error that a call throws. */
import fc from "fast-check";
import { BorunaError } from "../../vm/error.ts";
import type { JsonData } from "../../vm/json/json.ts";
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
  type Value,
  replaceLoneSurrogates,
} from "../../vm/value/value.ts";

const edgeText = fc.constantFrom(
  "__proto__",
  "constructor",
  "toString",
  "",
  "\u0000\u001f\u007f",
  '"\\\n',
  "\u{1f600}",
  "\uffff",
  "\u2028",
  "ﬀ",
  "10",
  "2",
);
/** Any UTF-16 text, lone surrogates included. */
export const anyUtf16: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((u) => String.fromCharCode(u)) }),
  edgeText,
);
/** Any String of the language. */
export const anyText: fc.Arbitrary<string> = anyUtf16.map(replaceLoneSurrogates);

/** Any Int of 64 bits, the edges more often. */
export const anyInt: fc.Arbitrary<number | bigint> = fc
  .oneof(
    fc.bigInt({ min: I64_MIN, max: I64_MAX }),
    fc.constantFrom(I64_MIN, I64_MAX, 2n ** 53n, -(2n ** 53n), 2n ** 53n - 1n, 0n, -1n),
    fc.integer().map(BigInt),
  )
  .map(intFromBigInt);
const finiteFloat: fc.Arbitrary<FloatValue> = fc
  .oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.constantFrom(-0, 1e21, 1e-7, 5e-324, Number.MAX_VALUE))
  .map((n) => new FloatValue(n));
export const anyFloat: fc.Arbitrary<FloatValue> = fc.oneof(
  finiteFloat,
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY).map((n) => new FloatValue(n)),
);

const { tree } = fc.letrec<{ tree: Value; leaf: Value; inner: Value }>((tie) => ({
  tree: fc.oneof({ depthSize: "small" }, tie("leaf"), tie("inner")),
  leaf: fc.oneof(
    fc.boolean(),
    anyInt,
    anyFloat,
    anyText,
    fc.constantFrom(UNIT, NONE),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((id) => new ActorIdValue(intFromBigInt(id))),
    fc.nat().map((index) => new FnRefValue(index)),
  ),
  inner: fc.oneof(
    tie("tree").map((value) => new SomeValue(value)),
    tie("tree").map((value) => new OkValue(value)),
    tie("tree").map((value) => new ErrValue(value)),
    fc.tuple(fc.nat(9), fc.array(tie("tree"), { maxLength: 3 })).map(([id, fields]) => RecordValue.of(id, fields)),
    fc
      .tuple(fc.constantFrom(0, 1, 65_533, 65_534), fc.nat(3), tie("tree"))
      .map(([id, variant, payload]) => new EnumValue(id, variant, payload)),
    fc.array(tie("tree"), { maxLength: 4 }).map((items) => ListValue.of(items)),
    fc.array(fc.tuple(anyText, tie("tree")), { maxLength: 4 }).map((entries) => MapValue.from(entries)),
  ),
}));
export const anyValue: fc.Arbitrary<Value> = tree;

/** Any JSON data, also with integers of more than 64 bits. */
export const anyJson: fc.Arbitrary<JsonData> = fc.letrec<{ tree: JsonData }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, true, false),
    fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map(intFromBigInt),
    anyInt,
    finiteFloat,
    anyText,
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.array(fc.tuple(anyText, tie("tree")), { maxLength: 4 }).map((entries) => new Map(entries)),
  ),
})).tree;

/** Returns the kind of the `BorunaError` that `body` throws, or `undefined`. Rethrows other errors. */
export function errorKind(body: () => unknown): string | undefined {
  try {
    body();
    return undefined;
  } catch (error) {
    if (error instanceof BorunaError) return error.kind;
    throw error;
  }
}

/** A depth that would overflow the stack of a recursive function. */
export const DEEP = 1_000_000;

/** Returns Unit, wrapped `depth` times. */
export function deepValue(depth: number, wrap: (inner: Value) => Value): Value {
  let result: Value = UNIT;
  for (let i = 0; i < depth; i++) result = wrap(result);
  return result;
}
