import { COSTS } from "../cost.ts";
import { type BuiltinDecl, host } from "./decl.ts";

export const REGEX_BUILTINS: readonly BuiltinDecl[] = [
  host(
    170,
    "regex.matches",
    "Fn(String, String) -> Bool",
    COSTS.regex,
    "Whether the pattern, the second, occurs anywhere in the text; `^` and `$` hold it to the ends. Traps on a wrong pattern.",
    ['regex.matches("order 66", "^[a-z]+ \\\\d+$")', "true"],
  ),
  host(
    171,
    "regex.find_all",
    "Fn(String, String) -> List<String>",
    COSTS.regex,
    "All matches of the pattern, the second, from left to right without overlaps; an empty one directly after another is left out. Traps on a wrong pattern.",
    ['regex.find_all("ann@x.org, bob@y.org", "\\\\w+@[\\\\w.]+")', '["ann@x.org", "bob@y.org"]'],
  ),
  host(
    172,
    "regex.replace_all",
    "Fn(String, String, String) -> String",
    COSTS.regexReplace,
    "The text with the third, as it stands, for each match that `regex.find_all` gives. Traps on a wrong pattern.",
    ['regex.replace_all("a  b \\t c", "\\\\s+", " ")', '"a b c"'],
  ),
  host(
    174,
    "regex.captures",
    "Fn(String, String) -> Option<List<String>>",
    COSTS.regex,
    'The first match and then its groups `(…)`, "" for one that took no part; None where there is no match. Traps on a wrong pattern.',
    ['regex.captures("key = value", "(\\\\w+)\\\\s*=\\\\s*(\\\\w+)")', 'Some(["key = value", "key", "value"])'],
  ),
  host(
    173,
    "regex.check",
    "Fn(String) -> Result<Unit, String>",
    COSTS.coded,
    "Ok where all of these take the pattern, else Err that says where it is wrong and what to write; for patterns that the program gets from outside.",
    ['regex.check("[a-z]+")', "Ok(())"],
  ),
];
