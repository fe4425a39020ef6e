/** Checks interpolated strings, `f"a{x}b"`, and warns of plain strings that are probably meant to be interpolated. */
import type { Expr } from "../ast.ts";
import { type CheckedType, freshVar, prune, STRING } from "../check-types.ts";
import { interpolatedPaths, rewriteInterpolation } from "../lexer/interpolation.ts";
import type { FunctionChecker, TypedIr } from "./context.ts";
import { fieldNamed } from "./data.ts";

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
  const paths = interpolatedPaths(source).map(([name, ...fields]) => ({ name, fields, type: checker.scope.typeOf(name) }));
  const [first] = paths;
  // A text block or a raw string keeps its form.
  if (first?.type === undefined || !/^"[^"]/.test(source)) return;
  // The fix is offered only if all names and fields are known, so wait for the types.
  checker.context.deferredChecks.push(() => {
    checker.warning("W008", span, `\`\${${first.name}}\` in this string is text, not the value of \`${first.name}\``, {
      help: 'values are put into text with `f"{x}"`',
      fixes: paths.every(({ fields, type }) => hasFields(type, fields))
        ? [{ title: 'write `f"…"`', edits: [{ span, text: `f${rewriteInterpolation(source)}` }] }]
        : [],
    });
  });
}

/** Returns whether the type is known and has the first field, the type of that field has the second, and so on. */
function hasFields(type: CheckedType | undefined, fields: readonly string[]): boolean {
  const [field, ...rest] = fields;
  if (type === undefined || field === undefined) return type !== undefined;
  return hasFields(fieldNamed(prune(type), field)?.type, rest);
}
