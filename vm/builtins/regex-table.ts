import { COSTS } from "../cost.ts";
import { type BuiltinDecl, nativeBuiltin } from "./decl.ts";

export const REGEX_BUILTINS: readonly BuiltinDecl[] = [
  nativeBuiltin(
    170,
    "regex.matches",
    "Fn(String, String) -> Bool",
    COSTS.regex,
    "Whether the pattern (the second argument) matches anywhere in the text; `^` and `$` anchor it to the ends. Traps on an invalid pattern.",
    ['regex.matches("order 66", "^[a-z]+ \\\\d+$")', "true"],
  ),
  nativeBuiltin(
    171,
    "regex.find_all",
    "Fn(String, String) -> List<String>",
    COSTS.regex,
    "All matches of the pattern (the second argument), from left to right without overlaps; skips an empty match directly after another match. Traps on an invalid pattern.",
    ['regex.find_all("ann@x.org, bob@y.org", "\\\\w+@[\\\\w.]+")', '["ann@x.org", "bob@y.org"]'],
  ),
  nativeBuiltin(
    172,
    "regex.replace_all",
    "Fn(String, String, String) -> String",
    COSTS.regexReplace,
    "Replaces each match that `regex.find_all` finds by the third argument, taken literally. Traps on an invalid pattern.",
    ['regex.replace_all("a  b \\t c", "\\\\s+", " ")', '"a b c"'],
  ),
  nativeBuiltin(
    174,
    "regex.captures",
    "Fn(String, String) -> Option<List<String>>",
    COSTS.regex,
    'The first match, then its groups `(…)`, "" for a group that did not take part; None if nothing matches. Traps on an invalid pattern.',
    ['regex.captures("key = value", "(\\\\w+)\\\\s*=\\\\s*(\\\\w+)")', 'Some(["key = value", "key", "value"])'],
  ),
  nativeBuiltin(
    175,
    "regex.captures_all",
    "Fn(String, String) -> List<List<String>>",
    COSTS.regex,
    "All matches that `regex.find_all` finds, each followed by its groups as in `regex.captures`. Traps on an invalid pattern.",
    ['regex.captures_all("a=1, b=2", "(\\\\w)=(\\\\d)")', '[["a=1", "a", "1"], ["b=2", "b", "2"]]'],
  ),
  nativeBuiltin(
    173,
    "regex.check",
    "Fn(String) -> Result<Unit, String>",
    COSTS.coded,
    "Ok if the other `regex` builtins accept the pattern; otherwise Err says where it is wrong and what to write instead. For patterns that come from outside the program.",
    ['regex.check("[a-z]+")', "Ok(())"],
  ),
];
