import { MACHINE_LIMITS } from "../limits.ts";
import { COSTS } from "../cost.ts";
import { type BuiltinDecl, nativeBuiltin } from "./decl.ts";

const CONVERTED_T = { typeParams: ["T"], convertsJson: true } as const;

export const JSON_BUILTINS: readonly BuiltinDecl[] = [
  nativeBuiltin(
    180,
    "json.parse",
    "Fn(String) -> Result<Json, String>",
    COSTS.coded,
    `Parses JSON text. A number without fraction or exponent is an Int if it fits 64 bits; every other number is a Float. Of equal keys, the last one counts. An escape that is half of a surrogate pair becomes U+FFFD, in keys too. Err says what is wrong and where; nesting deeper than ${MACHINE_LIMITS.valueDepth} arrays and objects is an error too.`,
    ['json.parse("[1, 2.5]")', "Ok([1, 2.5])"],
  ),
  nativeBuiltin(
    181,
    "json.stringify",
    "Fn(Json) -> String",
    "1 + ⌊(8v + 4u) / 256⌋, v values",
    `Canonical JSON: keys in the order of their UTF-8 bytes, no white space, shortest numbers. A Float that is not finite becomes null. Traps if lists and objects are nested deeper than ${MACHINE_LIMITS.valueDepth}.`,
    ['json.stringify(Json::Object({ "b": Json::Int(1), "a": Json::Null }))', '"{"a":null,"b":1}"'],
  ),
  nativeBuiltin(
    182,
    "json.get",
    "Fn(Json, String) -> Option<Json>",
    COSTS.key,
    "The value at a path of keys separated by dots and indices in brackets; the empty path is the value itself.",
    ['json.get(Json::Object({ "a": Json::List([Json::Int(7)]) }), "a[0]")', "Some(7)"],
  ),
  nativeBuiltin(183, "json.as_string", "Fn(Json) -> Option<String>", COSTS.constant, "The text, if the Json is a String.", [
    'json.as_string(Json::String("x"))',
    'Some("x")',
  ]),
  nativeBuiltin(184, "json.as_int", "Fn(Json) -> Option<Int>", COSTS.constant, "The Int, if the Json is an Int; None for a Float.", [
    "json.as_int(Json::Int(1))",
    "Some(1)",
  ]),
  nativeBuiltin(
    185,
    "json.as_float",
    "Fn(Json) -> Option<Float>",
    COSTS.constant,
    "The number as a Float, if the Json is an Int or a Float.",
    ["json.as_float(Json::Int(1))", "Some(1)"],
  ),
  nativeBuiltin(186, "json.as_bool", "Fn(Json) -> Option<Bool>", COSTS.constant, "The Bool, if the Json is one.", [
    "json.as_bool(Json::Bool(true))",
    "Some(true)",
  ]),
  nativeBuiltin(187, "json.as_list", "Fn(Json) -> Option<List<Json>>", COSTS.constant, "The elements, if the Json is a list.", [
    "json.as_list(Json::List([]))",
    "Some([])",
  ]),
  nativeBuiltin(188, "json.as_object", "Fn(Json) -> Option<Map<String, Json>>", COSTS.constant, "The members, if the Json is an object.", [
    "json.as_object(Json::Null)",
    "None",
  ]),
  nativeBuiltin(189, "json.of_null", "Fn() -> Json", COSTS.constant, "The Json null.", ["json.of_null()", "()"]),
  nativeBuiltin(190, "json.of_string", "Fn(String) -> Json", COSTS.constant, "A Json of the text.", ['json.of_string("x")', '"x"']),
  nativeBuiltin(191, "json.of_int", "Fn(Int) -> Json", COSTS.constant, "A Json of the number.", ["json.of_int(1)", "1"]),
  nativeBuiltin(192, "json.of_float", "Fn(Float) -> Json", COSTS.constant, "A Json of the number.", ["json.of_float(1.5)", "1.5"]),
  nativeBuiltin(193, "json.of_bool", "Fn(Bool) -> Json", COSTS.constant, "A Json of the Bool.", ["json.of_bool(true)", "true"]),
  nativeBuiltin(194, "json.of_list", "Fn(List<Json>) -> Json", COSTS.constant, "A Json of the list.", [
    "json.of_list([Json::Int(1)])",
    "[1]",
  ]),
  nativeBuiltin(195, "json.of_object", "Fn(Map<String, Json>) -> Json", COSTS.constant, "A Json of the map.", [
    'json.of_object({ "a": Json::Int(1) })',
    "{a: 1}",
  ]),
  nativeBuiltin(
    196,
    "json.from",
    "Fn(T) -> Json",
    "1 + ⌊(8v + 4t) / 256⌋, v values, t code units of the type",
    `The Json form of any data, which json.to reads back: a record is an object, an enum \`"Variant"\` or \`{"Variant": v}\`, an Option null or the value inside, a Result \`{"ok": v}\` or \`{"err": v}\`, a tuple a list, () null, and a Float that is not finite "NaN", "inf" or "-inf". If the value inside an Option can itself be null (an Option, (), Json), Some is \`{"some": v}\`. T must be known, and must not contain functions or ActorIds. Traps if the value is nested deeper than ${MACHINE_LIMITS.valueDepth}.`,
    ['json.from({ "a": Some(1), "b": None })', "{a: 1, b: ()}"],
    CONVERTED_T,
  ),
  nativeBuiltin(
    197,
    "json.to",
    "Fn(Json) -> Result<T, String>",
    "1 + ⌊(8v + 4t) / 256⌋, v values, t code units of the type",
    "The value of type T whose Json form this is (see json.from), else Err with the path and what is wrong there. T comes from the context, for example an annotation of the result. An object may have members that the record lacks, and lack a member that is an Option, which is then None; an Int may also be its decimal digits as a String.",
    ["result.unwrap_or(json.to(Json::List([Json::Int(1)])), [0])", "[1]"],
    CONVERTED_T,
  ),
];
