import { COSTS } from "../cost.ts";
import { type BuiltinDecl, native } from "./decl.ts";

export const NUMBER_BUILTINS: readonly BuiltinDecl[] = [
  native(1, "int.to_string", "Fn(Int) -> String", COSTS.constant, "The number in decimal.", ["int.to_string(-42)", '"-42"'], {
    oldNames: ["__builtin_int_to_string"],
  }),
  native(
    2,
    "int.parse",
    "Fn(String) -> Option<Int>",
    COSTS.text,
    "Reads a decimal number with an optional sign; None for anything else, such as white space or a value beyond 64 bits.",
    ['int.parse("+7")', "Some(7)"],
    { oldNames: ["__builtin_int_parse"] },
  ),
  native(3, "int.to_float", "Fn(Int) -> Float", COSTS.constant, "The nearest Float.", ["int.to_float(3)", "3"]),
  native(4, "int.abs", "Fn(Int) -> Int", COSTS.constant, "The absolute value; traps for the smallest Int.", ["int.abs(-5)", "5"]),
  native(5, "int.min", "Fn(Int, Int) -> Int", COSTS.constant, "The smaller number.", ["int.min(3, 2)", "2"]),
  native(6, "int.max", "Fn(Int, Int) -> Int", COSTS.constant, "The larger number.", ["int.max(3, 2)", "3"]),
  native(
    7,
    "int.pow",
    "Fn(Int, Int) -> Int",
    COSTS.constant,
    "The first to the power of the second; traps on overflow and on a negative exponent.",
    ["int.pow(2, 10)", "1024"],
  ),
  native(
    8,
    "parse_int",
    "Fn(String) -> Int",
    COSTS.text,
    "Like int.parse, after trimming ASCII white space; 0 for anything that is not a number.",
    ['parse_int(" 12 ")', "12"],
  ),
  native(
    9,
    "try_parse_int",
    "Fn(String) -> Result<Int, String>",
    COSTS.text,
    "Like int.parse, after trimming ASCII white space; Err with the text for anything that is not a number.",
    ['try_parse_int("x1")', 'Err("invalid integer: x1")'],
  ),
  native(
    20,
    "float.to_string",
    "Fn(Float) -> String",
    COSTS.constant,
    "The shortest decimal that parses to the same Float, never with an exponent; or inf, -inf, NaN.",
    ["float.to_string(0.1)", '"0.1"'],
    { oldNames: ["__builtin_float_to_string"] },
  ),
  native(
    21,
    "float.parse",
    "Fn(String) -> Option<Float>",
    COSTS.text,
    "Reads a decimal number with optional sign, fraction and exponent, or inf, infinity, nan in upper or lower case; None for anything else, such as white space.",
    ['float.parse("2.5")', "Some(2.5)"],
    { oldNames: ["__builtin_float_parse"] },
  ),
  native(22, "float.floor", "Fn(Float) -> Int", COSTS.constant, "Rounds down; traps if the result is not finite or does not fit an Int.", [
    "float.floor(-1.5)",
    "-2",
  ]),
  native(23, "float.ceil", "Fn(Float) -> Int", COSTS.constant, "Rounds up; traps if the result is not finite or does not fit an Int.", [
    "float.ceil(1.2)",
    "2",
  ]),
  native(
    24,
    "float.round",
    "Fn(Float) -> Int",
    COSTS.constant,
    "Rounds to the nearest Int, halves away from zero; traps if the result is not finite or does not fit an Int.",
    ["float.round(-2.5)", "-3"],
  ),
  native(
    25,
    "float.trunc",
    "Fn(Float) -> Int",
    COSTS.constant,
    "Rounds toward zero; traps if the result is not finite or does not fit an Int.",
    ["float.trunc(-1.9)", "-1"],
  ),
  native(26, "float.sqrt", "Fn(Float) -> Float", COSTS.constant, "The square root; NaN for a negative number.", [
    "float.sqrt(2.25)",
    "1.5",
  ]),
  native(27, "float.is_nan", "Fn(Float) -> Bool", COSTS.constant, "Whether it is NaN.", ["float.is_nan(0.0 / 0.0)", "true"]),
  native(28, "float.is_finite", "Fn(Float) -> Bool", COSTS.constant, "Whether it is neither infinite nor NaN.", [
    "float.is_finite(1.0 / 0.0)",
    "false",
  ]),
  native(40, "bool.to_string", "Fn(Bool) -> String", COSTS.constant, 'The text "true" or "false".', ["bool.to_string(true)", '"true"'], {
    oldNames: ["__builtin_bool_to_string"],
  }),
];
