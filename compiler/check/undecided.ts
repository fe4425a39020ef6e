/** Reports types that no code in a function decides (E014). */
import type { Span } from "../ast.ts";
import { type CheckedType, ERROR, prune } from "../check-types.ts";
import type { FunctionChecker } from "./context.ts";

/** Makes every undecided part of the type the error type, which matches all types and is never reported. */
function decideAsError(type: CheckedType): void {
  const unvisited = [type];
  for (let next = unvisited.pop(); next !== undefined; next = unvisited.pop()) {
    // `prune` follows bound type variables.
    const t = prune(next);
    if (t.kind === "var") t.bound = ERROR;
    else if (t.kind === "builtin" || t.kind === "declared") unvisited.push(...t.args);
    else if (t.kind === "fn") unvisited.push(t.result, ...t.params);
  }
}

/**
 * Reports E014 for a type with an undecided part. If the body of the function has another error, nothing is reported,
 * because that error may be the reason. Afterwards the type is decided, so that one undecided type causes one error.
 */
export function reportUndecided(checker: FunctionChecker, type: CheckedType, span: Span, message: string, help: string): void {
  if (!checker.scope.body.hasError) checker.error("E014", span, message, { help });
  decideAsError(type);
}
