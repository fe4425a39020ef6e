import { MACHINE_LIMITS } from "../limits.ts";
import { COSTS } from "../cost.ts";
import { type BuiltinDecl, host } from "./decl.ts";

export const JSON_BUILTINS: readonly BuiltinDecl[] = [
  host(
    180,
    "json.parse",
    "Fn(String) -> Result<Json, String>",
    COSTS.coded,
    `Reads JSON text. A whole number without fraction or exponent is an Int where 64 bits hold it, every other number a Float; the last of two equal keys counts; an escape that is half of a surrogate pair becomes U+FFFD, in keys too. Err says what is wrong and where: more than ${MACHINE_LIMITS.valueDepth} arrays and objects inside each other too.`,
    ['json.parse("[1, 2.5]")', "Ok([1, 2.5])"],
  ),
  host(
    181,
    "json.stringify",
    "Fn(Json) -> String",
    "1 + ⌊(8v + 4u) / 256⌋, v values",
    `Canonical JSON: keys in the order of their UTF-8 bytes, no white space, shortest numbers. A Float that is not finite becomes null. Traps where more than ${MACHINE_LIMITS.valueDepth} lists and objects are inside each other.`,
    ['json.stringify(Json::Object({ "b": Json::Int(1), "a": Json::Null }))', '"{"a":null,"b":1}"'],
  ),
  host(
    182,
    "json.get",
    "Fn(Json, String) -> Option<Json>",
    COSTS.key,
    "What stands at a path of keys parted by dots and of indices in brackets; the empty path is the value itself.",
    ['json.get(Json::Object({ "a": Json::List([Json::Int(7)]) }), "a[0]")', "Some(7)"],
  ),
  host(183, "json.as_string", "Fn(Json) -> Option<String>", COSTS.constant, "The text, where it is one.", [
    'json.as_string(Json::String("x"))',
    'Some("x")',
  ]),
  host(184, "json.as_int", "Fn(Json) -> Option<Int>", COSTS.constant, "The Int, where it is one; a Float is none.", [
    "json.as_int(Json::Int(1))",
    "Some(1)",
  ]),
  host(185, "json.as_float", "Fn(Json) -> Option<Float>", COSTS.constant, "The number as a Float, where it is an Int or a Float.", [
    "json.as_float(Json::Int(1))",
    "Some(1)",
  ]),
  host(186, "json.as_bool", "Fn(Json) -> Option<Bool>", COSTS.constant, "The Bool, where it is one.", [
    "json.as_bool(Json::Bool(true))",
    "Some(true)",
  ]),
  host(187, "json.as_list", "Fn(Json) -> Option<List<Json>>", COSTS.constant, "The elements, where it is a list.", [
    "json.as_list(Json::List([]))",
    "Some([])",
  ]),
  host(188, "json.as_object", "Fn(Json) -> Option<Map<String, Json>>", COSTS.constant, "The members, where it is an object.", [
    "json.as_object(Json::Null)",
    "None",
  ]),
  host(189, "json.of_null", "Fn() -> Json", COSTS.constant, "The Json null.", ["json.of_null()", "()"]),
  host(190, "json.of_string", "Fn(String) -> Json", COSTS.constant, "A Json of the text.", ['json.of_string("x")', '"x"']),
  host(191, "json.of_int", "Fn(Int) -> Json", COSTS.constant, "A Json of the number.", ["json.of_int(1)", "1"]),
  host(192, "json.of_float", "Fn(Float) -> Json", COSTS.constant, "A Json of the number.", ["json.of_float(1.5)", "1.5"]),
  host(193, "json.of_bool", "Fn(Bool) -> Json", COSTS.constant, "A Json of the truth value.", ["json.of_bool(true)", "true"]),
  host(194, "json.of_list", "Fn(List<Json>) -> Json", COSTS.constant, "A Json of the list.", ["json.of_list([Json::Int(1)])", "[1]"]),
  host(195, "json.of_object", "Fn(Map<String, Json>) -> Json", COSTS.constant, "A Json of the map.", [
    'json.of_object({ "a": Json::Int(1) })',
    "{a: 1}",
  ]),
];
