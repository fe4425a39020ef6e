/** Checks literal patterns in calls of `regex` builtins, so that a wrong pattern is found before the program runs. */
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import { parsePattern } from "../../vm/regex/parse.ts";
import type { Expr } from "../ast.ts";
import { offsetInString } from "../lexer/string.ts";
import type { FunctionChecker } from "./context.ts";

/** The builtins that trap on a wrong pattern in their second argument. `withGroups`: whether they parse the groups of the pattern. */
const WITH_PATTERN: ReadonlyMap<string, { readonly withGroups: boolean }> = new Map([
  ["regex.matches", { withGroups: false }],
  ["regex.find_all", { withGroups: false }],
  ["regex.replace_all", { withGroups: false }],
  ["regex.captures", { withGroups: true }],
  ["regex.captures_all", { withGroups: true }],
]);

/** Reports E016 if the call has a literal pattern that the builtin does not accept. */
export function checkPatternArgument(checker: FunctionChecker, { name }: BuiltinDecl, args: readonly Expr[]): void {
  const options = WITH_PATTERN.get(name);
  const pattern = args[1];
  if (options === undefined || pattern?.kind !== "string") return;
  const problem = parsePattern(pattern.value, options);
  if (!("message" in problem)) return;
  const valueOffset = Array.from(pattern.value)
    .slice(0, problem.character - 1)
    .join("").length;
  const start = offsetInString(checker.scope.unit.text, pattern.span.start, valueOffset);
  const span = start === undefined ? pattern.span : { start, end: Math.min(start + 1, pattern.span.end) };
  checker.error("E016", span, `the pattern of \`${name}\` is wrong at character ${problem.character}`, { help: problem.message });
}
