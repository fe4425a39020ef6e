/** Checks blocks and statements, and declares the bindings of `let` and `for`. */
import type { Binder, Block, Stmt } from "../ast.ts";
import { builtinType, type CheckedType, ERROR, freshVar, isDecided, NEVER, prune, showType, unify, UNIT_TYPE } from "../check-types.ts";
import type { Ir, IrStmt, Local } from "../ir.ts";
import { paramsByName } from "../rows.ts";
import { checkAssign } from "./assignments.ts";
import { type BinderPlace, checkCondition, checkIrrefutable, checkLetElse, neverEnds, patternText } from "./binders.ts";
import type { FunctionChecker } from "./context.ts";
import { checkLocalFn } from "./local-functions.ts";
import { reportEnding } from "./mismatch.ts";
import { reportUndecided } from "./undecided.ts";
import { warnUnusedResult } from "./unused-results.ts";

/** Implements `FunctionChecker.block`. */
export function checkBlock(checker: FunctionChecker, block: Block, expected: CheckedType, why = ""): Ir {
  checker.scope.enter();
  const last = block.stmts.at(-1);
  const leading = last?.kind === "expr" ? block.stmts.slice(0, -1) : block.stmts;
  let errorCount = checker.scope.unit.diagnostics.errorCount;
  const stmts: IrStmt[] = [];
  for (const stmt of leading) {
    errorCount = checker.scope.unit.diagnostics.errorCount;
    for (const checked of checkStmt(checker, stmt)) stmts.push(checked);
  }
  const lastHasError = leading.length > 0 && checker.scope.unit.diagnostics.errorCount > errorCount;
  let value: Ir | null = null;
  if (last?.kind === "expr")
    value = checker.check(last.value, followsUnknownName(checker, last, leading.at(-1)) ? freshVar() : expected, why);
  else if (neverEnds(stmts.at(-1))) unify(NEVER, expected);
  else if (!lastHasError) {
    const brace = { start: Math.max(block.span.start, block.span.end - 1), end: block.span.end };
    if (!reportEnding(checker, last, expected, brace, why)) checker.expect(UNIT_TYPE, expected, brace, why);
  }
  checker.leave(block.span);
  return { kind: "block", stmts, value, span: block.span };
}

/** Returns whether an unknown name is before the statement on the same line, like `print` in `print "x"`. Then only that name is reported. */
function followsUnknownName(checker: FunctionChecker, stmt: Stmt, previous: Stmt | undefined): boolean {
  if (previous?.kind !== "expr" || previous.value.kind !== "name") return false;
  const { scope, context } = checker;
  const { text } = previous.value.name;
  const isKnown = scope.lookup(text) !== undefined || scope.unit.functions.has(text) || context.builtin(scope.unit, text) !== undefined;
  return !isKnown && !scope.unit.text.slice(previous.span.end, stmt.span.start).includes("\n");
}

function checkLoop(checker: FunctionChecker, body: Block): { readonly body: Ir; readonly hasBreak: boolean } {
  const loop = { hasBreak: false };
  checker.scope.loops.push(loop);
  const ir = checkUnusedBlock(checker, body);
  checker.scope.loops.pop();
  return { body: ir, hasBreak: loop.hasBreak };
}

/** Declares what a `let` or a `for` binds. For a pattern, `destructureStmts` take the value of `local` apart. */
function declareBinder(
  checker: FunctionChecker,
  { name, pattern }: Binder,
  type: CheckedType,
  options: { readonly place: BinderPlace; readonly isMutable: boolean },
): { readonly local: Local; readonly bound: readonly Local[]; readonly destructureStmts: readonly IrStmt[] } {
  if (pattern === null) {
    const local = checker.bind(name, type, options);
    return { local, bound: [local], destructureStmts: [] };
  }
  // Traces show this name with the value of each iteration.
  const shownName = options.place === "for" ? patternText(checker, pattern) : "";
  const local: Local = { name: shownName, type, isMutable: false, span: name.span, isUsed: true };
  const { stmt, bound } = checkIrrefutable(checker, pattern, local, options);
  return { local, bound: [...bound.values()], destructureStmts: [stmt] };
}

/** Declares what a `let` binds. The block after `else` does not see it. */
function declareLet(
  checker: FunctionChecker,
  stmt: Stmt & { kind: "let" },
  type: CheckedType,
): { readonly local: Local; readonly destructureStmts: readonly IrStmt[] } {
  const { pattern, isMutable, otherwise, span } = stmt;
  if (pattern === null || otherwise === null) return declareBinder(checker, stmt, type, { place: "let", isMutable });
  const checkedElse = checker.block(otherwise, freshVar());
  const destructuring = checkLetElse(checker, { pattern, isMutable, span }, type, checkedElse);
  return { local: destructuring.subject, destructureStmts: [destructuring] };
}

function checkStmt(checker: FunctionChecker, stmt: Stmt): IrStmt[] {
  const { scope, context } = checker;
  const { span } = stmt;
  switch (stmt.kind) {
    case "let": {
      const type = stmt.type === null ? freshVar() : context.resolveType(scope.unit, stmt.type, paramsByName(scope.callable.typeParams));
      const countBefore = scope.unit.diagnostics.errorCount;
      const what = stmt.pattern === null ? `\`${stmt.name.text}\`` : "the pattern";
      scope.beginValue(stmt.name.text);
      const value = checker.check(stmt.value, type, what);
      scope.endValue();
      const { local, destructureStmts } = declareLet(checker, stmt, type);
      // If the value has an error, do not report its undecided type as well.
      if (stmt.type === null && scope.unit.diagnostics.errorCount === countBefore) {
        context.deferredChecks.push(() => {
          if (!isDecided(type))
            reportUndecided(
              checker,
              type,
              stmt.name.span,
              `the type of ${what} cannot be inferred from its value and uses: ${showType(type)}`,
              `write it: \`let ${stmt.name.text || "PATTERN"}: TYPE = …\``,
            );
        });
      }
      return [{ kind: "set", local, value, span }, ...destructureStmts];
    }
    case "assign":
      return checkAssign(checker, stmt);
    case "while": {
      scope.enter();
      const condition = checkCondition(checker, stmt);
      const { body, hasBreak } = checkLoop(checker, stmt.body);
      checker.leave(span);
      const isEndless = stmt.condition.kind === "bool" && stmt.condition.value && !hasBreak;
      return [{ kind: "while", ...condition, body, isEndless, span }];
    }
    case "for": {
      const item = freshVar();
      const countBefore = scope.unit.diagnostics.errorCount;
      const list = checker.check(stmt.list, builtinType("List", item), "the list of `for`");
      const hasError = scope.unit.diagnostics.errorCount > countBefore;
      scope.enter();
      const type = hasError && prune(item).kind === "var" ? ERROR : item;
      const { local, bound, destructureStmts } = declareBinder(checker, stmt, type, { place: "for", isMutable: false });
      if (hasError) for (const inner of bound) inner.isUsed = true;
      const { body: loopBody } = checkLoop(checker, stmt.body);
      checker.leave(span);
      const body: Ir =
        destructureStmts.length === 0 ? loopBody : { kind: "block", stmts: destructureStmts, value: loopBody, span: loopBody.span };
      return [{ kind: "for", local, list, body, assigned: scope.assigned, span }];
    }
    case "break":
    case "continue": {
      const loop = scope.loops.at(-1);
      if (loop === undefined) checker.error("E002", span, `\`${stmt.kind}\` is outside a loop`);
      else if (stmt.kind === "break") loop.hasBreak = true;
      return [{ kind: stmt.kind, span }];
    }
    case "return": {
      if (scope.isBranch) {
        checker.error("E002", span, "`return` is inside a branch of a `par`", {
          help: "the value of a branch is that of its last expression; a `return` after the `par` ends the function",
        });
      }
      if (stmt.value !== null) return [{ kind: "return", value: checker.check(stmt.value, scope.result, "the result"), span }];
      checker.expect(UNIT_TYPE, scope.result, span, "the result");
      return [{ kind: "return", value: null, span }];
    }
    case "fn":
      return [checkLocalFn(checker, stmt.item)];
    case "answer":
      checker.error("E002", span, "an answer must be at the start of a `test` block", {
        help: "move it before the other statements of the test",
      });
      return [];
    case "expr": {
      const type = freshVar();
      const value = checker.check(stmt.value, type);
      warnUnusedResult(checker, value, type);
      return [{ kind: "expr", value, span }];
    }
  }
}

/** Checks a block whose value is not used. */
export function checkUnusedBlock(checker: FunctionChecker, block: Block, construct: "if" | "other" = "other"): Ir {
  const type = freshVar();
  const ir = checker.block(block, type);
  warnUnusedResult(checker, ir, type, construct);
  return ir;
}
