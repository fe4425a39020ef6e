import { COSTS } from "../cost.ts";
import { type BuiltinDecl, host } from "./decl.ts";

export const STRING_BUILTINS: readonly BuiltinDecl[] = [
  host(60, "string.len", "Fn(String) -> Int", COSTS.text, "Bytes of the text in UTF-8.", ['string.len("für")', "4"], {
    oldNames: ["__builtin_string_len"],
  }),
  host(61, "string.chars", "Fn(String) -> List<String>", COSTS.pieces, "The characters (code points), each a String.", ['string.chars("añ")', '["a", "ñ"]'], {
    oldNames: ["__builtin_string_chars"],
  }),
  host(62, "string.contains", "Fn(String, String) -> Bool", COSTS.text, "Whether the second occurs in the first.", ['string.contains("abc", "bc")', "true"], {
    oldNames: ["str_contains", "__builtin_string_contains"],
  }),
  host(63, "string.starts_with", "Fn(String, String) -> Bool", COSTS.text, "Whether the first begins with the second.", ['string.starts_with("abc", "ab")', "true"], {
    oldNames: ["str_starts_with", "__builtin_string_starts_with"],
  }),
  host(64, "string.ends_with", "Fn(String, String) -> Bool", COSTS.text, "Whether the first ends with the second.", ['string.ends_with("abc", "ab")', "false"], {
    oldNames: ["__builtin_string_ends_with"],
  }),
  host(65, "string.index_of", "Fn(String, String) -> Option<Int>", COSTS.text, "Byte offset of the first occurrence.", ['string.index_of("für", "r")', "Some(3)"]),
  host(66, "string.to_upper", "Fn(String) -> String", COSTS.text, "ASCII letters in upper case; others stay.", ['string.to_upper("aßz")', '"AßZ"'], {
    oldNames: ["__builtin_string_to_upper"],
  }),
  host(67, "string.to_lower", "Fn(String) -> String", COSTS.text, "ASCII letters in lower case; others stay.", ['string.to_lower("ABC")', '"abc"'], {
    oldNames: ["__builtin_string_to_lower"],
  }),
  host(68, "string.trim", "Fn(String) -> String", COSTS.text, "Without ASCII white space (space, U+0009 to U+000D) at both ends.", ['string.trim(" a\\n")', '"a"'], {
    oldNames: ["__builtin_string_trim"],
  }),
  host(
    69,
    "string.split",
    "Fn(String, String) -> List<String>",
    COSTS.pieces,
    "The parts between occurrences of the second; the characters when the second is empty.",
    ['string.split("a,b", ",")', '["a", "b"]'],
    { oldNames: ["__builtin_string_split"] },
  ),
  host(70, "string.join", "Fn(List<String>, String) -> String", COSTS.pieces, "The texts with the second between them.", ['string.join(["a", "b"], "-")', '"a-b"'], {
    oldNames: ["__builtin_string_join"],
  }),
  host(
    71,
    "string.replace",
    "Fn(String, String, String) -> String",
    COSTS.text,
    "Every occurrence of the second replaced by the third; an empty second stands before, between and after all characters.",
    ['string.replace("a-b-c", "-", "+")', '"a+b+c"'],
    { oldNames: ["__builtin_string_replace"] },
  ),
  host(
    72,
    "string.slice",
    "Fn(String, Int, Int) -> String",
    COSTS.text,
    "The text from one byte offset to another, the second excluded; empty when out of range or inside a character.",
    ['string.slice("hello", 1, 3)', '"el"'],
    { oldNames: ["__builtin_string_slice"] },
  ),
  host(73, "string.repeat", "Fn(String, Int) -> String", COSTS.text, "The text so many times; empty for 0 and less.", ['string.repeat("ab", 3)', '"ababab"']),
  host(
    74,
    "string.pad_start",
    "Fn(String, Int, String) -> String",
    COSTS.text,
    "Put at the end of so many characters, filled up with repetitions of the third; unchanged when long enough or the third is empty.",
    ['string.pad_start("7", 3, "0")', '"007"'],
  ),
  host(75, "string.compare", "Fn(String, String) -> Int", COSTS.text, "-1, 0 or 1 by the order of UTF-8 bytes.", ['string.compare("a", "b")', "-1"]),
  host(
    76,
    "string.lines",
    "Fn(String) -> List<String>",
    COSTS.pieces,
    "The lines without their ends (\\n or \\r\\n); a last line end makes no further line.",
    ['string.lines("a\\nb\\n")', '["a", "b"]'],
  ),
  host(
    77,
    "string.from_codepoint",
    "Fn(Int) -> String",
    COSTS.constant,
    "The character of a code point; U+FFFD for a number that is none.",
    ["string.from_codepoint(65)", '"A"'],
  ),
  host(78, "string.codepoints", "Fn(String) -> List<Int>", COSTS.pieces, "The code points.", ['string.codepoints("Aé")', "[65, 233]"]),
];
