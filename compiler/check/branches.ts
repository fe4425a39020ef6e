/** Checks `if` and `match`. */
import type { Expr } from "../ast.ts";
import { BOOL, type CheckedType, freshVar, prune, showType, unify, UNIT_TYPE } from "../check-types.ts";
import { analyzeMatch, TooComplex } from "../exhaustive.ts";
import type { CheckedArm, Ir, Local } from "../ir.ts";
import { checkCondition } from "./binders.ts";
import type { FunctionChecker } from "./context.ts";
import { checkPattern } from "./patterns.ts";
import { checkUnusedBlock } from "./statements.ts";

export function checkIf(checker: FunctionChecker, expr: Expr & { kind: "if" }, expected: CheckedType, why: string): Ir {
  const { span } = expr;
  const wanted = prune(expected);
  const wantsValue = expr.otherwise === null && wanted.kind !== "var" && wanted.kind !== "error" && showType(wanted) !== "Unit";
  const branches = expr.branches.map((b) => {
    checker.scope.enter();
    const condition = checkCondition(checker, b);
    const body =
      expr.otherwise !== null
        ? checker.block(b.body, expected, why || "this branch")
        : wantsValue
          ? checker.block(b.body, freshVar())
          : checkUnusedBlock(checker, b.body, "if");
    checker.leave({ start: b.condition.span.start, end: b.body.span.end });
    return { condition: condition.condition, match: condition.match, body };
  });
  if (expr.otherwise !== null)
    return { kind: "if", branches, otherwise: checker.block(expr.otherwise, expected, why || "this branch"), span };
  if (!unify(UNIT_TYPE, expected)) {
    checker.error(
      "E009",
      span,
      `expected ${showType(expected)}${why === "" ? "" : ` for ${why}`}, but an \`if\` without \`else\` has no value`,
      { help: "add an `else` branch, or write the value after the `if`" },
    );
  }
  return { kind: "if", branches, otherwise: null, span };
}

export function checkMatch(checker: FunctionChecker, expr: Expr & { kind: "match" }, expected: CheckedType, why: string): Ir {
  const type = freshVar();
  const scrutinee = checker.check(expr.scrutinee, type);
  const subject: Local = { name: "", type, isMutable: false, span: expr.scrutinee.span, isUsed: true };
  const errorCount = (): number => checker.scope.unit.diagnostics.errorCount;
  let hasError = false;
  let isUndecided = false;
  const arms = expr.arms.map((arm, i): CheckedArm => {
    checker.scope.enter();
    const countBefore = errorCount();
    const { checked: pattern, recheck } = checkPattern(checker, arm.pattern, type);
    if (errorCount() > countBefore) hasError = true;
    else if (recheck !== null) {
      isUndecided = true;
      checker.context.patternRechecks.push(() => {
        const countBeforeRecheck = errorCount();
        const arm = arms[i];
        if (arm !== undefined) arm.pattern = recheck();
        hasError ||= errorCount() > countBeforeRecheck;
      });
    }
    const guard = arm.guard === null ? null : checker.check(arm.guard, BOOL, "the guard");
    const wanted = prune(expected);
    const emptyMap = arm.hasEmptyBraces && wanted.kind === "builtin" && wanted.name === "Map";
    const body: Ir = emptyMap ? { kind: "map", entries: [], span: arm.body.span } : checker.block(arm.body, expected, why || "this arm");
    checker.leave(arm.span);
    return { pattern, guard, body };
  });
  const checkArms = (): void => {
    if (!hasError && prune(type).kind !== "error") reportArms(checker, expr, type, arms);
  };
  if (isUndecided) checker.context.deferredChecks.push(checkArms);
  else checkArms();
  return { kind: "match", scrutinee, subject, arms, span: expr.span };
}

/** Reports values that no arm covers, and arms that can never be reached. */
function reportArms(checker: FunctionChecker, expr: Expr & { kind: "match" }, type: CheckedType, arms: readonly CheckedArm[]): void {
  try {
    const { missing, unreachable } = analyzeMatch(
      type,
      arms.map((a) => ({ pattern: a.pattern, guarded: a.guard !== null })),
    );
    if (missing !== null) {
      const header = { start: expr.span.start, end: expr.scrutinee.span.end };
      const help = missing === "_" ? "add an arm `_ => …`" : `add an arm \`${missing} => …\`, or \`_ => …\``;
      checker.error("E005", header, `this match misses ${missing === "_" ? `other values of ${showType(type)}` : `\`${missing}\``}`, {
        help,
      });
    }
    for (const i of unreachable) {
      const arm = expr.arms[i];
      if (arm !== undefined)
        checker.warning("W003", arm.pattern.span, "this arm can never be reached: the arms before it cover its values");
    }
  } catch (error) {
    if (!(error instanceof TooComplex)) throw error;
    checker.error("E015", expr.span, "this match is too complex to check", { help: "split it into several matches" });
  }
}
