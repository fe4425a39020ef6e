import { COSTS } from "../cost.ts";
import { type BuiltinDecl, nativeBuiltin, writtenInAx } from "./decl.ts";

const T = { typeParams: ["T"] } as const;
/** The options of builtins that are called for their effect. The compiler does not warn if their result is not used. */
const EFFECT_T = { ...T, calledForEffect: true } as const;
const TE = { typeParams: ["T", "E"] } as const;

export const OPTION_BUILTINS: readonly BuiltinDecl[] = [
  nativeBuiltin(
    210,
    "option.unwrap_or",
    "Fn(Option<T>, T) -> T",
    COSTS.constant,
    "The value inside, else the second argument.",
    ["option.unwrap_or(None, 3)", "3"],
    T,
  ),
  nativeBuiltin(
    211,
    "option.is_some",
    "Fn(Option<T>) -> Bool",
    COSTS.constant,
    "Whether there is a value.",
    ["option.is_some(Some(1))", "true"],
    T,
  ),
  nativeBuiltin(
    212,
    "option.is_none",
    "Fn(Option<T>) -> Bool",
    COSTS.constant,
    "Whether there is no value.",
    ["option.is_none(Some(1))", "false"],
    T,
  ),
  nativeBuiltin(
    213,
    "option.ok_or",
    "Fn(Option<T>, E) -> Result<T, E>",
    COSTS.constant,
    "Ok of the value inside, else Err of the second argument.",
    ['option.ok_or(Some(1), "none")', "Ok(1)"],
    TE,
  ),
  writtenInAx(
    214,
    "option.map",
    ["A", "B", "e"],
    "Fn(Option<A>, Fn(A) -> B !{e}) -> Option<B> !{e}",
    "Applies the function to the value inside.",
    ["option.map(Some(2), fn(x: Int) -> Int { x * 10 })", "Some(20)"],
    `fn option_map<A, B, e>(value: Option<A>, f: Fn(A) -> B !{e}) -> Option<B> !{e} {
    match value {
        Some(x) => Some(f(x))
        None => None
    }
}
`,
  ),
  writtenInAx(
    215,
    "option.and_then",
    ["A", "B", "e"],
    "Fn(Option<A>, Fn(A) -> Option<B> !{e}) -> Option<B> !{e}",
    "The function's result for the value inside, else None.",
    ['option.and_then(Some("7"), int.parse)', "Some(7)"],
    `fn option_and_then<A, B, e>(value: Option<A>, f: Fn(A) -> Option<B> !{e}) -> Option<B> !{e} {
    match value {
        Some(x) => f(x)
        None => None
    }
}
`,
  ),
  nativeBuiltin(
    220,
    "result.unwrap_or",
    "Fn(Result<T, E>, T) -> T",
    COSTS.constant,
    "The value of an Ok, else the second argument.",
    ['result.unwrap_or(try_parse_int("x"), 3)', "3"],
    TE,
  ),
  nativeBuiltin(
    221,
    "result.is_ok",
    "Fn(Result<T, E>) -> Bool",
    COSTS.constant,
    "Whether it is Ok.",
    ['result.is_ok(try_parse_int("1"))', "true"],
    TE,
  ),
  nativeBuiltin(
    222,
    "result.is_err",
    "Fn(Result<T, E>) -> Bool",
    COSTS.constant,
    "Whether it is Err.",
    ['result.is_err(try_parse_int("1"))', "false"],
    TE,
  ),
  nativeBuiltin(
    223,
    "result.to_option",
    "Fn(Result<T, E>) -> Option<T>",
    COSTS.constant,
    "Some of the value of an Ok, else None.",
    ['result.to_option(try_parse_int("1"))', "Some(1)"],
    TE,
  ),
  writtenInAx(
    224,
    "result.map",
    ["A", "B", "E", "fx"],
    "Fn(Result<A, E>, Fn(A) -> B !{fx}) -> Result<B, E> !{fx}",
    "Applies the function to the value of an Ok; an Err stays.",
    ['result.map(try_parse_int("2"), fn(x: Int) -> Int { x * 10 })', "Ok(20)"],
    `fn result_map<A, B, E, fx>(value: Result<A, E>, f: Fn(A) -> B !{fx}) -> Result<B, E> !{fx} {
    match value {
        Ok(x) => Ok(f(x))
        Err(e) => Err(e)
    }
}
`,
  ),
  writtenInAx(
    225,
    "result.and_then",
    ["A", "B", "E", "fx"],
    "Fn(Result<A, E>, Fn(A) -> Result<B, E> !{fx}) -> Result<B, E> !{fx}",
    "The function's result for the value of an Ok; an Err stays.",
    ['result.and_then(json.parse("1"), fn(j: Json) -> Result<Int, String> { option.ok_or(json.as_int(j), "not an Int") })', "Ok(1)"],
    `fn result_and_then<A, B, E, fx>(value: Result<A, E>, f: Fn(A) -> Result<B, E> !{fx}) -> Result<B, E> !{fx} {
    match value {
        Ok(x) => f(x)
        Err(e) => Err(e)
    }
}
`,
  ),
  writtenInAx(
    226,
    "result.map_err",
    ["T", "E", "F", "fx"],
    "Fn(Result<T, E>, Fn(E) -> F !{fx}) -> Result<T, F> !{fx}",
    "Applies the function to the value of an Err; an Ok stays.",
    ['result.map_err(try_parse_int("x"), string.len)', "Err(18)"],
    `fn result_map_err<T, E, F, fx>(value: Result<T, E>, f: Fn(E) -> F !{fx}) -> Result<T, F> !{fx} {
    match value {
        Ok(x) => Ok(x)
        Err(e) => Err(f(e))
    }
}
`,
  ),
];

export const OTHER_BUILTINS: readonly BuiltinDecl[] = [
  nativeBuiltin(
    240,
    "panic",
    "Fn(String) -> T",
    COSTS.text,
    "Traps with the message; never returns.",
    ['if true { 1 } else { panic("no") }', "1"],
    EFFECT_T,
  ),
  nativeBuiltin(
    241,
    "debug",
    "Fn(T) -> T",
    "1 + ⌊u / 256⌋, u of the text printed",
    "Prints the value to stderr and returns it; logs no event and does not affect a replay.",
    ["debug(1)", "1"],
    { ...EFFECT_T, oldNames: ["__builtin_debug"] },
  ),
  nativeBuiltin(
    243,
    "self",
    "Fn() -> ActorId",
    COSTS.constant,
    "The id of the actor that calls it, or to which the calling branch belongs; that of main is 0.",
    ["self()", "Actor#0"],
  ),
  nativeBuiltin(
    242,
    "debug_msg",
    "Fn(String, T) -> T",
    "1 + ⌊u / 256⌋, u of the text printed",
    "Prints the text and the value to stderr and returns the value.",
    ['debug_msg("x is", 1)', "1"],
    { ...EFFECT_T, oldNames: ["__builtin_debug_msg"] },
  ),
  nativeBuiltin(250, "hash.sha256", "Fn(String) -> String", COSTS.coded, "The SHA-256 of the text's UTF-8 bytes, in lower-case hex.", [
    'hash.sha256("abc")',
    '"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"',
  ]),
  nativeBuiltin(260, "base64.encode", "Fn(String) -> String", COSTS.coded, "The text's UTF-8 bytes in Base64 with padding.", [
    'base64.encode("hi")',
    '"aGk="',
  ]),
  nativeBuiltin(
    261,
    "base64.decode",
    "Fn(String) -> Result<String, String>",
    COSTS.coded,
    "Decodes Base64 with padding; Err if the text is not Base64 or its bytes are not UTF-8.",
    ['base64.decode("aGk=")', 'Ok("hi")'],
  ),
];
