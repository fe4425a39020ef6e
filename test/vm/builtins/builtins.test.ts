import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BUILTIN_CODE } from "../../../vm/builtins/builtin-code.ts";
import { BUILTIN_BY_ID, BUILTIN_BY_NAME, BUILTIN_RECORDS, BUILTINS } from "../../../vm/builtins/builtin-table.ts";
import { isInstructionOnly } from "../../../vm/builtins/par-table.ts";
import { loadElementaryFunctions } from "../../../vm/value/elementary.ts";
import { MACHINE_LIMITS } from "../../../vm/limits.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { MapValue } from "../../../vm/value/map.ts";
import { MachineTrap, Meter } from "../../../vm/meter.ts";
import { textForm } from "../../../vm/value/display.ts";
import { parseType } from "../../../vm/value/type.ts";
import {
  ActorIdValue,
  EnumValue,
  ErrValue,
  FloatValue,
  FnRefValue,
  I64_MAX,
  I64_MIN,
  NONE,
  OkValue,
  RecordValue,
  SomeValue,
  UNIT,
  type Value,
} from "../../../vm/value/value.ts";

await loadElementaryFunctions();

const freeMeter = (): Meter => new Meter(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);

function call(name: string, args: readonly Value[], meter: Meter = freeMeter()): Value {
  const code = BUILTIN_CODE.get(name);
  if (code === undefined) throw new Error(`no builtin ${name}`);
  expect(args).toHaveLength(code.arity);
  return code.run(meter, args[0] ?? UNIT, args[1] ?? UNIT, args[2] ?? UNIT);
}

/** The text form of the result, or `!` and the kind of the trap. */
function outcome(name: string, args: readonly Value[], meter?: Meter): string {
  try {
    return textForm(call(name, args, meter));
  } catch (error) {
    if (error instanceof MachineTrap) return `!${error.kind}`;
    throw error;
  }
}

const listOf = (...items: Value[]): ListValue => ListValue.of(items);
const mapOf = (entries: Record<string, Value>): MapValue => MapValue.from(Object.entries(entries));
const floatOf = (value: number): FloatValue => new FloatValue(value);
const okOf = (result: Value): Value => (result instanceof OkValue ? result.value : expect.fail(textForm(result)));
const some = (value: Value): SomeValue => new SomeValue(value);

const CASES: Readonly<Record<string, readonly (readonly [readonly Value[], string])[]>> = {
  "int.to_string": [
    [[-42], '"-42"'],
    [[I64_MIN], '"-9223372036854775808"'],
    [["x"], "!type_error"],
  ],
  "int.parse": [
    [["+7"], "Some(7)"],
    [[" 7"], "None"],
    [["9223372036854775807"], "Some(9223372036854775807)"],
    [["9223372036854775808"], "None"],
  ],
  "int.to_float": [
    [[3], "3"],
    [[I64_MAX], "9223372036854776000"],
  ],
  "int.abs": [
    [[-5], "5"],
    [[5], "5"],
    [[I64_MIN], "!arithmetic_overflow"],
  ],
  "int.min": [
    [[3, 2], "2"],
    [[I64_MIN, 2], "-9223372036854775808"],
  ],
  "int.max": [
    [[3, 2], "3"],
    [[I64_MAX, 2], "9223372036854775807"],
  ],
  "int.pow": [
    [[2, 10], "1024"],
    [[2, -1], "!invalid_value"],
    [[10, 19], "!arithmetic_overflow"],
  ],
  "int.mod": [
    [[-1, 5], "4"],
    [[1, -5], "-4"],
    [[-10, 5], "0"],
    [[I64_MIN, -1], "0"],
    [[I64_MIN, 10], "2"],
    [[1, 0], "!division_by_zero"],
  ],
  "int.gcd": [
    [[12, -18], "6"],
    [[0, 0], "0"],
    [[0, -5], "5"],
    [[I64_MIN, 6], "2"],
    [[I64_MIN, 0], "!arithmetic_overflow"],
  ],
  "int.and": [
    [[12, 10], "8"],
    [[-1, I64_MAX], "9223372036854775807"],
    [[-1, 2 ** 40], "1099511627776"],
    [[floatOf(1), 1], "!type_error"],
  ],
  "int.or": [
    [[12, 10], "14"],
    [[I64_MIN, 1], "-9223372036854775807"],
  ],
  "int.xor": [
    [[12, 10], "6"],
    [[I64_MIN, I64_MAX], "-1"],
  ],
  "int.not": [
    [[5], "-6"],
    [[I64_MAX], "-9223372036854775808"],
  ],
  "int.shift_left": [
    [[3, 4], "48"],
    [[1, 63], "-9223372036854775808"],
    [[3, 63], "-9223372036854775808"],
    [[1, 64], "!invalid_value"],
    [[1, -1], "!invalid_value"],
  ],
  "int.shift_right": [
    [[-16, 2], "-4"],
    [[-1, 63], "-1"],
    [[I64_MIN, 63], "-1"],
    [[I64_MAX, 62], "1"],
    [[1, I64_MAX], "!invalid_value"],
  ],
  "int.wrapping_add": [[[I64_MAX, 1], "-9223372036854775808"]],
  "int.wrapping_sub": [[[I64_MIN, 1], "9223372036854775807"]],
  "int.wrapping_mul": [
    [[2 ** 32, 2 ** 32], "0"],
    [[I64_MIN, -1], "-9223372036854775808"],
    [[-3, 0], "0"],
  ],
  parse_int: [
    [[" 12\n"], "12"],
    [["\u00a012"], "0"],
    [["x"], "0"],
    [[1], "!type_error"],
  ],
  try_parse_int: [
    [[" -3 "], "Ok(-3)"],
    [[" x "], 'Err("invalid integer:  x ")'],
  ],
  "float.to_string": [
    [[floatOf(0.1)], '"0.1"'],
    [[floatOf(1e21)], '"1000000000000000000000"'],
    [[floatOf(-0)], '"-0"'],
    [[floatOf(Number.NaN)], '"NaN"'],
    [[1], "!type_error"],
  ],
  "float.parse": [
    [["2.5"], "Some(2.5)"],
    [["-.5e1"], "Some(-5)"],
    [["5."], "Some(5)"],
    [["-INF"], "Some(-inf)"],
    [["nan"], "Some(NaN)"],
    [["."], "None"],
    [[" 1"], "None"],
    [["0x1"], "None"],
    [["1e"], "None"],
    [[""], "None"],
  ],
  "float.floor": [
    [[floatOf(-1.5)], "-2"],
    [[floatOf(2 ** 63)], "!arithmetic_overflow"],
  ],
  "float.ceil": [
    [[floatOf(1.2)], "2"],
    [[floatOf(-0.5)], "0"],
    [[floatOf(Number.NaN)], "!arithmetic_overflow"],
  ],
  "float.round": [
    [[floatOf(-2.5)], "-3"],
    [[floatOf(2.5)], "3"],
    [[floatOf(0.49999999999999994)], "0"],
    [[floatOf(Number.POSITIVE_INFINITY)], "!arithmetic_overflow"],
  ],
  "float.trunc": [
    [[floatOf(-1.9)], "-1"],
    [[floatOf(-(2 ** 63))], "-9223372036854775808"],
  ],
  "float.sqrt": [
    [[floatOf(2.25)], "1.5"],
    [[floatOf(-1)], "NaN"],
  ],
  "float.pow": [
    [[floatOf(2), floatOf(10)], "1024"],
    [[floatOf(-8), floatOf(1 / 3)], "NaN"],
    [[floatOf(-0), floatOf(-3)], "-inf"],
    [[2, floatOf(1)], "!type_error"],
  ],
  "float.exp": [
    [[floatOf(0)], "1"],
    [[floatOf(710)], "inf"],
    [[floatOf(-746)], "0"],
  ],
  "float.log": [
    [[floatOf(1)], "0"],
    [[floatOf(0)], "-inf"],
    [[floatOf(-1)], "NaN"],
  ],
  "float.log2": [[[floatOf(2 ** -1074)], "-1074"]],
  "float.log10": [[[floatOf(1e15)], "15"]],
  "float.sin": [
    [[floatOf(-0)], "-0"],
    [[floatOf(1e300)], "-0.8178819121159085"],
  ],
  "float.cos": [[[floatOf(1e300)], "-0.5753861119575491"]],
  "float.tan": [[[floatOf(Number.POSITIVE_INFINITY)], "NaN"]],
  "float.asin": [[[floatOf(1.1)], "NaN"]],
  "float.acos": [[[floatOf(1)], "0"]],
  "float.atan": [[[floatOf(Number.NEGATIVE_INFINITY)], "-1.5707963267948966"]],
  "float.atan2": [
    [[floatOf(0), floatOf(-0)], "3.141592653589793"],
    [[floatOf(-0), floatOf(-1)], "-3.141592653589793"],
  ],
  "float.pi": [[[], "3.141592653589793"]],
  "float.abs": [[[floatOf(-0)], "0"]],
  "float.min": [
    [[floatOf(1.5), floatOf(2)], "1.5"],
    [[floatOf(0), floatOf(-0)], "-0"],
    [[floatOf(1), floatOf(Number.NaN)], "NaN"],
  ],
  "float.max": [
    [[floatOf(1.5), floatOf(2)], "2"],
    [[floatOf(-0), floatOf(0)], "0"],
    [[floatOf(Number.NaN), floatOf(1)], "NaN"],
  ],
  "float.is_nan": [
    [[floatOf(Number.NaN)], "true"],
    [[floatOf(1)], "false"],
  ],
  "float.is_finite": [
    [[floatOf(1)], "true"],
    [[floatOf(Number.NEGATIVE_INFINITY)], "false"],
  ],
  "bool.to_string": [
    [[true], '"true"'],
    [[false], '"false"'],
    [[1], "!type_error"],
  ],

  "string.len": [
    [["Grüße, Welt"], "13"],
    [["\u{1f600}"], "4"],
    [[""], "0"],
  ],
  "string.chars": [
    [["añ\u{1f600}"], '["a", "ñ", "\u{1f600}"]'],
    [[""], "[]"],
  ],
  "string.contains": [
    [["abc", "bc"], "true"],
    [["abc", ""], "true"],
    [["abc", "x"], "false"],
    [["abc", 1], "!type_error"],
  ],
  "string.starts_with": [
    [["abc", "ab"], "true"],
    [["ab", "abc"], "false"],
  ],
  "string.ends_with": [
    [["abc", "bc"], "true"],
    [["abc", "ab"], "false"],
  ],
  "string.index_of": [
    [["für", "r"], "Some(3)"],
    [["für", ""], "Some(0)"],
    [["für", "x"], "None"],
  ],
  "string.to_upper": [
    [["aßzÿ"], '"AßZÿ"'],
    [["abc"], '"ABC"'],
  ],
  "string.to_lower": [
    [["ABÇ"], '"abÇ"'],
    [["İ"], '"İ"'],
  ],
  "string.trim_start": [
    [[" \t a b "], '"a b "'],
    [[" "], '""'],
  ],
  "string.trim_end": [
    [[" a b\n "], '" a b"'],
    [[" "], '""'],
  ],
  "string.strip_prefix": [
    [["v1.2", "v"], 'Some("1.2")'],
    [["ab", ""], 'Some("ab")'],
    [["a", "ab"], "None"],
  ],
  "string.strip_suffix": [
    [["a.txt", ".txt"], 'Some("a")'],
    [["ab", ""], 'Some("ab")'],
    [["a", "ba"], "None"],
  ],
  "string.char_at": [
    [["a😀b", 1], 'Some("😀")'],
    [["a😀b", 2], 'Some("b")'],
    [["a😀b", 3], "None"],
    [["a", -1], "None"],
    [["a", I64_MAX], "None"],
    [["a", "b"], "!type_error"],
  ],
  "string.last_index_of": [
    [["é/b/c", "/"], "Some(4)"],
    [["aaa", "aa"], "Some(1)"],
    [["aé", ""], "Some(3)"],
    [["a", "b"], "None"],
    [[`${"a".repeat(60)}b`, "a".repeat(40)], "Some(20)"],
    [["b".repeat(50), "a".repeat(40)], "None"],
    [["a", "a".repeat(40)], "None"],
  ],
  "string.reverse": [
    [["a😀ñ"], '"ñ😀a"'],
    [[""], '""'],
  ],
  "string.pad_end": [
    [["7", 3, "é"], '"7éé"'],
    [["a", 4, "😀b"], '"a😀b😀"'],
    [["abc", 2, "x"], '"abc"'],
    [["a", 3, ""], '"a"'],
  ],
  "string.trim": [
    [[" \t\n\v\f\ra b\r\n"], '"a b"'],
    [["\u00a0a"], '"\u00a0a"'],
    [["   "], '""'],
  ],
  "string.split": [
    [["a,b,", ","], '["a", "b", ""]'],
    [["", ","], '[""]'],
    [["aé", ""], '["a", "é"]'],
    [["aaa", "aa"], '["", "a"]'],
  ],
  "string.join": [
    [[listOf("a", "b"), "-"], '"a-b"'],
    [[listOf(), "-"], '""'],
    [[listOf("a", 1), "-"], "!type_error"],
  ],
  "string.replace": [
    [["a-b-c", "-", "$&"], '"a$&b$&c"'],
    [["a\u{1f600}", "", "-"], '"-a-\u{1f600}-"'],
    [["", "", "x"], '"x"'],
    [["abc", "x", "y"], '"abc"'],
  ],
  "string.slice": [
    [["hello", 1, 3], '"el"'],
    [["für", 0, 2], '""'],
    [["für", 1, 3], '"ü"'],
    [["abc", 2, 1], '""'],
    [["abc", -1, 2], '""'],
    [["abc", 0, 4], '""'],
    [["abc", 0, I64_MAX], '""'],
    [["\u{1f600}", 0, 4], '"\u{1f600}"'],
    [["\u{1f600}", 0, 2], '""'],
  ],
  "string.repeat": [
    [["ab", 3], '"ababab"'],
    [["ab", 0], '""'],
    [["", I64_MAX], '""'],
    [["ab", I64_MAX], "!step_limit"],
    [["ab", 2 ** 30], "!alloc_limit"],
  ],
  "string.pad_start": [
    [["7", 3, "0"], '"007"'],
    [["é", 4, "ab"], '"abaé"'],
    [["7", 3, ""], '"7"'],
    [["777", 2, "0"], '"777"'],
    [["7", 4, "\u{1f600}x"], '"\u{1f600}x\u{1f600}7"'],
    [["7", I64_MAX, "0"], "!step_limit"],
    [["7", 2 ** 30, "0"], "!alloc_limit"],
  ],
  "string.compare": [
    [["a", "b"], "-1"],
    [["\u{10000}", "\uffff"], "1"],
    [["a", "a"], "0"],
  ],
  "string.lines": [
    [["a\nb\n"], '["a", "b"]'],
    [["a\r\nb\r"], '["a", "b\r"]'],
    [[""], "[]"],
    [["\n"], '[""]'],
    [["a\n\nb"], '["a", "", "b"]'],
  ],
  "string.from_codepoint": [
    [[65], '"A"'],
    [[0x1f600], '"\u{1f600}"'],
    [[0xd800], '"\ufffd"'],
    [[-1], '"\ufffd"'],
    [[0x110000], '"\ufffd"'],
    [[I64_MAX], '"\ufffd"'],
  ],
  "string.codepoints": [
    [["Aé\u{1f600}"], "[65, 233, 128512]"],
    [[""], "[]"],
  ],

  "list.len": [
    [[listOf(1, 2)], "2"],
    [[RecordValue.of(0xffff, [1])], "1"],
    [["x"], "!type_error"],
  ],
  "list.is_empty": [
    [[listOf()], "true"],
    [[listOf(1)], "false"],
  ],
  "list.first": [
    [[listOf(1, 2)], "Some(1)"],
    [[listOf()], "None"],
  ],
  "list.tail": [
    [[listOf(1, 2)], "[2]"],
    [[listOf()], "[]"],
  ],
  "list.last": [
    [[listOf(1, 2)], "Some(2)"],
    [[listOf()], "None"],
  ],
  "list.get": [
    [[listOf(1, 2), 1], "Some(2)"],
    [[listOf(1, 2), 2], "None"],
    [[listOf(1), -1], "None"],
    [[listOf(1), I64_MAX], "None"],
  ],
  list_get: [
    [[listOf(1, 2), 1], "2"],
    [[listOf(1, 2), 2], "!index_out_of_bounds"],
    [[listOf(1), -1], "!index_out_of_bounds"],
    [[listOf(1), "x"], "!type_error"],
    [[RecordValue.of(0xffff, [7]), 0], "7"],
  ],
  "list.push": [
    [[listOf(1), 2], "[1, 2]"],
    [[RecordValue.of(0xffff, [7]), 8], "[7, 8]"],
  ],
  "list.set": [
    [[listOf(1, 2), 1, 5], "[1, 5]"],
    [[listOf(...Array.from({ length: 40 }, () => 0)), 39, 5], `[${"0, ".repeat(39)}5]`],
    [[listOf(1, 2), 2, 5], "!index_out_of_bounds"],
    [[listOf(1, 2), -1, 5], "!index_out_of_bounds"],
    [[listOf(1, 2), I64_MAX, 5], "!index_out_of_bounds"],
    [[listOf(1), "x", 5], "!type_error"],
    [[RecordValue.of(0xffff, [7]), 0, 8], "[8]"],
  ],
  "list.concat": [
    [[listOf(1), listOf(2)], "[1, 2]"],
    [[listOf(1), 2], "!type_error"],
  ],
  "list.reverse": [[[listOf(1, 2)], "[2, 1]"]],
  "list.slice": [
    [[listOf(1, 2, 3), 1, 9], "[2, 3]"],
    [[listOf(1, 2, 3), -1, 2], "[1, 2]"],
    [[listOf(1, 2), 1, 1], "[]"],
    [[listOf(1, 2), I64_MIN, I64_MAX], "[1, 2]"],
  ],
  "list.take": [
    [[listOf(1, 2, 3), 2], "[1, 2]"],
    [[listOf(1), I64_MAX], "[1]"],
    [[listOf(1), -1], "[]"],
  ],
  "list.drop": [
    [[listOf(1, 2, 3), 2], "[3]"],
    [[listOf(1), I64_MAX], "[]"],
    [[listOf(1), -1], "[1]"],
  ],
  "list.chunks": [
    [[listOf(1, 2, 3), 2], "[[1, 2], [3]]"],
    [[listOf(1, 2), I64_MAX], "[[1, 2]]"],
    [[listOf(), 1], "[]"],
    [[listOf(1), 0], "!invalid_value"],
  ],
  "list.windows": [
    [[listOf(1, 2, 3), 2], "[[1, 2], [2, 3]]"],
    [[listOf(1, 2), I64_MAX], "[]"],
    [[listOf(1, 2), 2], "[[1, 2]]"],
    [[listOf(1), -1], "!invalid_value"],
  ],
  "list.repeat": [
    [["a", 2], '["a", "a"]'],
    [[1, -1], "[]"],
    [[1, 2 ** 40], "!alloc_limit"],
  ],
  "list.max": [
    [[listOf(2, 3, 1)], "Some(3)"],
    [[listOf(floatOf(1), floatOf(Number.NaN))], "Some(NaN)"],
    [[listOf(floatOf(-0), floatOf(0))], "Some(-0)"],
    [[listOf()], "None"],
  ],
  "list.min": [
    [[listOf("b", "a")], 'Some("a")'],
    [[listOf(floatOf(0), floatOf(-0))], "Some(0)"],
    [[listOf()], "None"],
  ],
  "list.contains": [
    [[listOf(1, listOf(2)), listOf(2)], "true"],
    [[listOf(1), floatOf(1)], "false"],
    [[listOf(floatOf(Number.NaN)), floatOf(Number.NaN)], "false"],
  ],
  "list.index_of": [
    [[listOf(1, 2, 2), 2], "Some(1)"],
    [[listOf(1), 2], "None"],
  ],
  "list.sort": [
    [[listOf(3, 1, 2)], "[1, 2, 3]"],
    [[listOf("b", "\u{10000}", "\uffff", "a")], '["a", "b", "\uffff", "\u{10000}"]'],
    [[listOf(floatOf(Number.NaN), floatOf(1), floatOf(Number.NEGATIVE_INFINITY))], "[-inf, 1, NaN]"],
    [[listOf()], "[]"],
    [[listOf(I64_MAX, 1, I64_MIN)], "[-9223372036854775808, 1, 9223372036854775807]"],
  ],
  "list.range": [
    [[1, 4], "[1, 2, 3]"],
    [[4, 1], "[]"],
    [[I64_MAX - 1n, I64_MAX], "[9223372036854775806]"],
    [[I64_MIN, I64_MAX], "!step_limit"],
  ],
  "list.flatten": [
    [[listOf(listOf(1), listOf(), listOf(2, 3))], "[1, 2, 3]"],
    [[listOf(1)], "!type_error"],
  ],
  "list.unique": [
    [[listOf(2, 1, 2, 3, 1)], "[2, 1, 3]"],
    [[listOf(floatOf(Number.NaN), floatOf(Number.NaN), floatOf(0), floatOf(-0))], "[NaN, 0]"],
    [[listOf(1, floatOf(1))], "[1, 1]"],
  ],
  "list.sum": [
    [[listOf(1, 2, 3)], "6"],
    [[listOf()], "0"],
    [[listOf(I64_MAX, 1)], "!arithmetic_overflow"],
    [[listOf("x")], "!type_error"],
  ],

  "map.get": [
    [[mapOf({ a: 1 }), "a"], "Some(1)"],
    [[mapOf({ a: 1 }), "__proto__"], "None"],
    [[mapOf({}), 1], "!type_error"],
  ],
  "map.at": [
    [[mapOf({ a: 1 }), "a"], "1"],
    [[mapOf({ a: 1 }), "b"], "!index_out_of_bounds"],
    [[mapOf({}), 1], "!type_error"],
  ],
  "map.set": [
    [[mapOf({ b: 1 }), "a", 2], "{a: 2, b: 1}"],
    [[mapOf({ a: 1 }), "a", 2], "{a: 2}"],
  ],
  "map.remove": [
    [[mapOf({ a: 1, b: 2 }), "a"], "{b: 2}"],
    [[mapOf({ a: 1 }), "x"], "{a: 1}"],
  ],
  "map.contains_key": [
    [[mapOf({ a: 1 }), "a"], "true"],
    [[mapOf({ a: 1 }), "b"], "false"],
  ],
  "map.keys": [[[mapOf({ b: 2, a: 1 })], '["a", "b"]']],
  "map.values": [[[mapOf({ b: 2, a: 1 })], "[1, 2]"]],
  "map.len": [
    [[mapOf({ a: 1 })], "1"],
    [[listOf()], "!type_error"],
  ],
  "map.merge": [[[mapOf({ a: 1, b: 1 }), mapOf({ b: 2, c: 3 })], "{a: 1, b: 2, c: 3}"]],

  "json.parse": [
    [['[1, 2.5, null, true, "x"]'], 'Ok([1, 2.5, (), true, "x"])'],
    [['{"b": 1, "a": 2, "b": 3}'], "Ok({a: 2, b: 3})"],
    [["9223372036854775807"], "Ok(9223372036854775807)"],
    [["9223372036854775808"], "Ok(9223372036854776000)"],
    [["-0"], "Ok(0)"],
  ],
  "json.stringify": [
    [
      [mapOf({ b: listOf(1, floatOf(1), floatOf(Number.NaN)), a: UNIT, "\u{10000}": true, "\uffff": 'q"\n' })],
      '"{"a":null,"b":[1,1.0,null],"\uffff":"q\\"\\n","\u{10000}":true}"',
    ],
    [[I64_MAX], '"9223372036854775807"'],
    [[listOf(mapOf({}), listOf())], '"[{},[]]"'],
    [[RecordValue.of(0, [])], "!type_error"],
    [[listOf(some(1))], "!type_error"],
  ],
  "json.get": [
    [[mapOf({ a: mapOf({ b: listOf(7, 8) }) }), "a.b[1]"], "Some(8)"],
    [[listOf(listOf(1)), "[0][0]"], "Some(1)"],
    [[listOf(mapOf({ x: 1 })), "[0].x"], "Some(1)"],
    [[5, ""], "Some(5)"],
    [[mapOf({ a: 1 }), "a.b"], "None"],
    [[mapOf({ a: 1 }), ".a"], "None"],
    [[mapOf({ a: 1 }), "a."], "None"],
    [[mapOf({ a: 1 }), "a]"], "None"],
    [[listOf(1), "[x]"], "None"],
    [[listOf(1), "[0"], "None"],
    [[listOf(1), "[0]a"], "None"],
    [[listOf(1), "[9]"], "None"],
  ],
  "json.as_string": [
    [["x"], 'Some("x")'],
    [[1], "None"],
  ],
  "json.as_int": [
    [[1], "Some(1)"],
    [[floatOf(1)], "None"],
    [[I64_MAX], "Some(9223372036854775807)"],
  ],
  "json.as_float": [
    [[1], "Some(1)"],
    [[floatOf(1.5)], "Some(1.5)"],
    [["1"], "None"],
  ],
  "json.as_bool": [
    [[true], "Some(true)"],
    [[UNIT], "None"],
  ],
  "json.as_list": [
    [[listOf(1)], "Some([1])"],
    [[mapOf({})], "None"],
  ],
  "json.as_object": [
    [[mapOf({ a: 1 })], "Some({a: 1})"],
    [[listOf()], "None"],
  ],
  "json.of_null": [[[], "()"]],
  "json.of_string": [
    [["x"], '"x"'],
    [[1], "!type_error"],
  ],
  "json.of_int": [
    [[1], "1"],
    [[floatOf(1)], "!type_error"],
  ],
  "json.of_float": [
    [[floatOf(1.5)], "1.5"],
    [[1], "!type_error"],
  ],
  "json.of_bool": [
    [[true], "true"],
    [[1], "!type_error"],
  ],
  "json.of_list": [
    [[listOf(1)], "[1]"],
    [[1], "!type_error"],
  ],
  "json.of_object": [
    [[mapOf({ a: 1 })], "{a: 1}"],
    [[1], "!type_error"],
  ],

  "option.unwrap_or": [
    [[some(1), 2], "1"],
    [[NONE, 2], "2"],
    [[new EnumValue(65_534, 1, 5), 2], "5"],
    [[1, 2], "!type_error"],
  ],
  "option.is_some": [
    [[some(1)], "true"],
    [[NONE], "false"],
    [[new EnumValue(65_534, 1, 5)], "true"],
  ],
  "option.is_none": [
    [[some(1)], "false"],
    [[NONE], "true"],
    [[new EnumValue(65_534, 0, UNIT)], "true"],
  ],
  "option.ok_or": [
    [[some(1), "e"], "Ok(1)"],
    [[NONE, "e"], 'Err("e")'],
  ],
  "result.unwrap_or": [
    [[new OkValue(1), 2], "1"],
    [[new ErrValue("e"), 2], "2"],
    [[new EnumValue(65_533, 0, 5), 2], "5"],
    [[NONE, 2], "!type_error"],
  ],
  "result.is_ok": [
    [[new OkValue(1)], "true"],
    [[new ErrValue(1)], "false"],
    [[new EnumValue(65_533, 1, 5)], "false"],
  ],
  "result.is_err": [
    [[new OkValue(1)], "false"],
    [[new ErrValue(1)], "true"],
  ],
  "result.to_option": [
    [[new OkValue(1)], "Some(1)"],
    [[new ErrValue(1)], "None"],
  ],

  panic: [
    [["no"], "!assertion_failed"],
    [[1], "!type_error"],
  ],
  "hash.sha256": [[["abc"], '"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"']],
  "base64.encode": [
    [["hi"], '"aGk="'],
    [[""], '""'],
    [["ü"], '"w7w="'],
  ],
  "base64.decode": [
    [["aGk="], 'Ok("hi")'],
    [["w7w="], 'Ok("ü")'],
    [["aGk"], 'Err("not Base64")'],
    [["aGl="], 'Err("not Base64")'],
    [["a==="], 'Err("not Base64")'],
    [["aG=="], 'Err("not Base64")'],
    [["/w=="], 'Err("not UTF-8")'],
    [["é==="], 'Err("not Base64")'],
  ],
  "regex.matches": [
    [["order 66", "\\d+"], "true"],
    [["order 66", "^\\d+"], "false"],
    [["", ""], "true"],
    [["a", "("], "!invalid_value"],
    [[1, "a"], "!type_error"],
  ],
  "regex.find_all": [
    [["a1b22", "\\d+"], '["1", "22"]'],
    [["für 😀", "[^a-z ]"], '["ü", "😀"]'],
    [["abc", "x"], "[]"],
    [["a", "*"], "!invalid_value"],
  ],
  "regex.replace_all": [
    [["a1b22", "\\d+", "#"], '"a#b#"'],
    [["baac", "a*", "-"], '"-b-c-"'],
    [["a", "a", "$&\\1"], '"$&\\1"'],
    [["a", "[", ""], "!invalid_value"],
  ],
  "regex.captures": [
    [["ab ac", "(a)(b|c)(d)?"], 'Some(["ab", "a", "b", ""])'],
    [["x 2026-11-21", "(?P<y>\\d+)-(?:\\d+)-(\\d+)"], 'Some(["2026-11-21", "2026", "21"])'],
    [["ab", "(?:(a)|b)*(c){0}"], 'Some(["ab", "a", ""])'],
    [["ab", "()"], 'Some(["", ""])'],
    [["ab", "(c)"], "None"],
    [["ab", "(c"], "!invalid_value"],
  ],
  "regex.captures_all": [
    [["12a b3c", "(\\d*)(\\D)"], '[["12a", "12", "a"], [" ", "", " "], ["b", "", "b"], ["3c", "3", "c"]]'],
    [["ab cb", "(a)?b"], '[["ab", "a"], ["b", ""]]'],
    [["aab", "(a*)"], '[["aa", "aa"], ["", ""]]'],
    [["ab", "(c)"], "[]"],
    [["ab", "(c"], "!invalid_value"],
  ],
  "regex.check": [
    [["(a|b)*"], "Ok(())"],
    [["ab)"], 'Err("character 3: `)` without `(`; write `\\)` for the character")'],
  ],
};

describe.each(Object.entries(CASES))("%s", (name, cases) => {
  test.each(cases.map(([args, wanted]) => [args.map(textForm).join(", "), args, wanted] as const))("(%s)", (_, args, wanted) => {
    expect(outcome(name, args)).toBe(wanted);
  });
});

describe("the table", () => {
  const IN_THE_INTERPRETER = ["self", "debug", "debug_msg", "string.inspect", "json.from", "json.to"];
  const hosted = BUILTINS.filter((b) => b.source === undefined && !isInstructionOnly(b) && !IN_THE_INTERPRETER.includes(b.name)).map(
    (b) => b.name,
  );

  test("every native builtin has an implementation and a case here", () => {
    expect([...BUILTIN_CODE.keys()].toSorted()).toEqual(hosted.toSorted());
    expect(Object.keys(CASES).toSorted()).toEqual(hosted.toSorted());
  });

  test("names and ids are unique", () => {
    expect(BUILTIN_BY_ID.size).toBe(BUILTINS.length);
    expect(BUILTIN_BY_NAME.size).toBe(BUILTINS.reduce((sum, b) => sum + 1 + b.oldNames.length, 0));
  });

  test.each(BUILTINS.map((b) => [b.name, b] as const))("%s is well formed", (_, decl) => {
    const type = parseType(decl.type, new Set(decl.typeParams));
    expect(type.kind).toBe("fn");
    if (type.kind === "fn") {
      expect(type.params.length).toBeLessThanOrEqual(3);
      if (BUILTIN_CODE.has(decl.name)) expect(BUILTIN_CODE.get(decl.name)?.arity).toBe(type.params.length);
      expect(type.row.filter((name) => !decl.typeParams.includes(name))).toEqual([]);
    }
    for (const param of decl.typeParams) expect(decl.type).toContain(param);
    expect(decl.doc).toMatch(/^[A-Z-].*\.$/);
    expect(decl.cost).not.toBe("");
    expect(decl.example).toContain(decl.name);
    if (decl.source !== undefined) expect(decl.source).toMatch(new RegExp(`^fn ${decl.name.replace(".", "_")}[<(]`));
  });

  test("the older names remain valid", () => {
    for (const name of [
      "list_len",
      "list_get",
      "list_push",
      "parse_int",
      "try_parse_int",
      "str_contains",
      "str_starts_with",
      "__builtin_debug",
      "__builtin_debug_msg",
    ])
      expect(BUILTIN_BY_NAME.has(name)).toBe(true);
    const modules = {
      string: "len chars contains starts_with ends_with to_upper to_lower trim join split replace slice",
      list: "len is_empty head tail append concat reverse",
      map: "get set remove contains_key keys values len",
      int: "to_string parse",
      float: "to_string parse",
      bool: "to_string",
    };
    for (const [module, names] of Object.entries(modules))
      for (const name of names.split(" ")) expect(BUILTIN_BY_NAME.has(`__builtin_${module}_${name}`)).toBe(true);
  });

  test("declares the records that builtins return", () => {
    expect(BUILTIN_RECORDS.map((r) => r.name)).toEqual(["Entry", "Pair"]);
  });
});

describe("properties", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 80 });
  const pattern = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 70 }),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 3 }),
  );
  const repetitive = fc.oneof(
    text,
    fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 400 }),
    fc.nat(300).map((n) => "a".repeat(n)),
  );
  const strings = (value: Value): unknown => (value instanceof ListValue ? value.toArray() : value);

  test("searching, splitting and replacing agree with JavaScript, for short and long patterns", () => {
    const long = fc.tuple(repetitive, pattern).map(([a, b]) => [`${a}${b}${a}`, b] as const);
    fc.assert(
      fc.property(long, text, ([source, separator], to) => {
        expect(strings(call("string.split", [source, separator]))).toEqual(source.split(separator));
        expect(call("string.replace", [source, separator, to])).toBe(source.split(separator).join(to));
        expect(call("string.contains", [source, separator])).toBe(source.includes(separator));
        const last = source.lastIndexOf(separator);
        expect(call("string.last_index_of", [source, separator])).toEqual(some(Buffer.byteLength(source.slice(0, last))));
        expect(call("string.join", [call("string.split", [source, separator]), separator])).toBe(source);
      }),
    );
  });

  test("byte offsets are those of UTF-8", () => {
    fc.assert(
      fc.property(text, fc.nat(100), fc.nat(100), (source, from, to) => {
        const bytes = Buffer.from(source, "utf8");
        const piece = bytes.subarray(from, to);
        const whole = from <= to && to <= bytes.length && Buffer.from(piece.toString("utf8"), "utf8").equals(piece);
        expect(call("string.slice", [source, from, to])).toBe(whole ? piece.toString("utf8") : "");
        expect(call("string.len", [source])).toBe(bytes.length);
      }),
    );
  });

  test("hash and Base64 agree with Node", () => {
    fc.assert(
      fc.property(text, (source) => {
        expect(call("hash.sha256", [source])).toBe(createHash("sha256").update(source, "utf8").digest("hex"));
        const encoded = call("base64.encode", [source]);
        expect(encoded).toBe(Buffer.from(source, "utf8").toString("base64"));
        expect(call("base64.decode", [encoded])).toEqual(new OkValue(source));
      }),
    );
  });

  const scalar: fc.Arbitrary<Value> = fc.oneof(
    fc.integer(),
    fc.bigInt({ min: I64_MIN, max: -(2n ** 53n) }),
    text,
    fc.boolean(),
    fc.constant(UNIT),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(floatOf),
  );
  const { json } = fc.letrec<{ json: Value }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      scalar,
      fc.array(tie("json"), { maxLength: 4 }).map((items) => ListValue.of(items)),
      fc.array(fc.tuple(text, tie("json")), { maxLength: 4 }).map((entries) => MapValue.from(entries)),
    ),
  }));

  test("json.parse inverts json.stringify", () => {
    fc.assert(
      fc.property(json, (value) => {
        const written = call("json.stringify", [value]);
        expect(textForm(call("json.parse", [written]))).toBe(textForm(new OkValue(value)));
        expect(call("json.stringify", [call("result.unwrap_or", [call("json.parse", [written]), UNIT])])).toBe(written);
      }),
    );
  });

  const { any } = fc.letrec<{ any: Value }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      json,
      fc.constantFrom(NONE, new FnRefValue(1), new ActorIdValue(2)),
      tie("any").map((value) => new SomeValue(value)),
      tie("any").map((value) => new OkValue(value)),
      fc.tuple(fc.nat(2), fc.array(tie("any"), { maxLength: 3 })).map(([id, fields]) => RecordValue.of(id, fields)),
      fc.tuple(fc.nat(2), fc.nat(2), tie("any")).map(([id, variant, payload]) => new EnumValue(id, variant, payload)),
    ),
  }));

  test("sorting is stable, and the order of the input does not change the result", () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 20 }), (items) => {
        const sorted = call("list.sort", [ListValue.of(items.slice())]);
        const reversed = call("list.sort", [ListValue.of(items.toReversed())]);
        const plain = textForm(sorted).replaceAll("-0", "0");
        expect(textForm(reversed).replaceAll("-0", "0")).toBe(plain);
        expect(textForm(call("list.sort", [sorted]))).toBe(textForm(sorted));
        expect(call("list.len", [sorted])).toBe(items.length);
      }),
    );
  });

  test("list.unique keeps the first of equal elements", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 })), (items) => {
        expect(strings(call("list.unique", [ListValue.of(items.slice())]))).toEqual([...new Set(items)]);
      }),
    );
  });
});

test("json.parse says where text is wrong, and refuses deep nesting", () => {
  expect(outcome("json.parse", ["[1,"])).toMatch(/^Err\(".*line 1, column 4/);
  expect(outcome("json.parse", ["[".repeat(MACHINE_LIMITS.valueDepth + 1)])).toMatch(/^Err\("nested deeper than 10000/);
  expect(outcome("json.parse", ["1e999"])).toMatch(/^Err/);
});

test("json.parse and json.stringify have the same limit on nesting", () => {
  const nested = (depth: number): Value => {
    let value: Value = 1;
    for (let i = 0; i < depth; i++) value = i % 2 === 0 ? listOf(value) : MapValue.from([["k", value]]);
    return value;
  };
  const depth = MACHINE_LIMITS.valueDepth;
  const text = call("json.stringify", [nested(depth)]);
  expect(call("json.stringify", [okOf(call("json.parse", [text]))])).toBe(text);
  expect(outcome("json.stringify", [nested(depth + 1)])).toBe("!invalid_value");
});

test("a lone surrogate in JSON text becomes U+FFFD, in keys too", () => {
  const parsed = call("json.parse", ['{"\\ud800":1,"\\udfff":"a\\udc00\\ud800b","\\ud83d\\ude00":2}']);
  expect(call("json.stringify", [okOf(parsed)])).toBe('{"\ufffd":"a\ufffd\ufffdb","😀":2}');
});

test("a value whose tree form is huge stops at a limit", () => {
  let value: Value = 1;
  for (let i = 0; i < 60; i++) value = listOf(value, value);
  expect(outcome("json.stringify", [value], new Meter(100_000, 2 ** 40))).toBe("!step_limit");
  expect(outcome("list.contains", [listOf(value), listOf(value, 1)], new Meter(1_000, 2 ** 40))).toBe("false");
  let twin: Value = 1;
  for (let i = 0; i < 60; i++) twin = listOf(twin, twin);
  expect(outcome("list.contains", [listOf(value), twin], new Meter(10_000, 2 ** 40))).toBe("!step_limit");
  expect(outcome("list.sort", [listOf(value, twin)], new Meter(10_000, 2 ** 40))).toBe("!step_limit");
});
