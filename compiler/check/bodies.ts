/** Checks the contract and the body of a function. */
import type { Clause } from "../ast.ts";
import { BOOL } from "../check-types.ts";
import type { Callable, CheckedClause, Local } from "../ir.ts";
import { FunctionScope, type SourceUnit } from "../scope.ts";
import { bindParams } from "./binders.ts";
import type { CheckContext } from "./context.ts";
import { ExpressionChecker } from "./expressions.ts";

function checkClauses(checker: ExpressionChecker, clauses: readonly Clause[]): readonly CheckedClause[] {
  checker.scope.inContract = true;
  const checked = clauses.map((c) => ({ condition: checker.check(c.condition, BOOL, "a contract"), text: c.text, span: c.span }));
  checker.scope.inContract = false;
  return checked;
}

/** Checks the contract and the body of a function, and stores its IR in the callable. */
export function checkBody(context: CheckContext, callable: Callable, unit: SourceUnit): void {
  const { item } = callable;
  if (item === null) return;
  const scope = new FunctionScope(unit, callable, callable.result, item.span);
  const checker = new ExpressionChecker(scope, context);
  const pattern = item.params.find((p) => p.pattern !== null)?.pattern;
  if (callable.name === "main" && pattern !== undefined && pattern !== null) {
    checker.error("E002", pattern.span, "a parameter of `main` needs a name, by which the caller passes it", {
      help: "write a name, and take the value apart with `let`",
    });
  }
  const { locals: params, destructureParams } = bindParams(checker, item.params, callable.params);
  const requires = checkClauses(checker, item.requires);
  const value = checker.block(item.body, callable.result, `the result of \`${callable.name}\``);
  scope.enter();
  const result: Local | null =
    item.ensures.length === 0 ? null : { name: "result", type: callable.result, isMutable: false, span: item.name.span, isUsed: true };
  if (result !== null) scope.declare(result);
  scope.ensuresResult = result;
  const ensures = checkClauses(checker, item.ensures);
  scope.leave();
  context.nameRecorder?.addScope(item.span, scope.bindings());
  callable.body = { params, destructureParams, requires, ensures, result, value, intent: item.intent };
  context.scopes.set(callable, scope);
  runDeferredChecks(context);
}

/** Runs the checks that waited for the types of the whole function. The second checks of patterns come first, because they may decide types. */
export function runDeferredChecks(context: CheckContext): void {
  for (const recheck of context.patternRechecks.splice(0)) recheck();
  for (const check of context.deferredChecks.splice(0)) check();
}
