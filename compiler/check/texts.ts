/** Checks interpolated strings, `f"a{x}b"`, and warns of plain strings that are probably meant to be interpolated. */
import type { Expr } from "../ast.ts";
import { freshVar, STRING } from "../check-types.ts";
import { interpolatedNames, rewriteInterpolation } from "../lexer/interpolation.ts";
import type { FunctionChecker, TypedIr } from "./context.ts";

/** Checks `f"a{x}b"`. The values may have any types. */
export function checkText(checker: FunctionChecker, expr: Expr & { kind: "text" }): TypedIr {
  const parts = expr.parts.map((part) => {
    if (part.kind === "string") return { value: { kind: "const", value: part.value, span: part.span }, type: STRING } as const;
    const type = freshVar();
    return { value: checker.check(part, type), type };
  });
  return { ir: { kind: "text", parts, span: expr.span }, type: STRING };
}

/** Warns of `"${x}"` if `x` is a binding. The fix writes `f"{x}"`. */
export function warnOfInterpolation(checker: FunctionChecker, { value, span }: Expr & { kind: "string" }): void {
  if (!value.includes("${")) return;
  const source = checker.scope.unit.text.slice(span.start, span.end);
  const names = interpolatedNames(source);
  const [name] = names;
  // A text block or a raw string keeps its form.
  if (name === undefined || !checker.scope.has(name) || !/^"[^"]/.test(source)) return;
  checker.warning("W008", span, `\`\${${name}}\` in this string is text, not the value of \`${name}\``, {
    help: 'values are put into text with `f"{x}"`',
    fixes: names.every((other) => checker.scope.has(other))
      ? [{ title: 'write `f"…"`', edits: [{ span, text: `f${rewriteInterpolation(source)}` }] }]
      : [],
  });
}
