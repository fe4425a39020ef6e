/**
 * Checks `par { a, b }`. Each branch becomes a function without parameters, so that it captures the bindings around it by value. The
 * value is a tuple of the branches' values, made from the list that the machine returns.
 */
import type { Expr } from "../ast.ts";
import { type CheckedType, ERROR, freshVar, tupleType } from "../check-types.ts";
import type { Ir, Local } from "../ir.ts";
import { freshRow } from "../rows.ts";
import { useRow } from "./calls.ts";
import { bindTypeArguments } from "./data.ts";
import { errorExpression, type FunctionChecker, type TypedIr } from "./context.ts";

export function checkPar(checker: FunctionChecker, expr: Expr & { kind: "par" }, expected: CheckedType): TypedIr {
  const { span } = expr;
  const type = tupleType(expr.branches.map(() => freshVar()));
  bindTypeArguments(type, expected);
  const results = type.kind === "declared" ? type.args : [];
  const branches = expr.branches.map((branch, i) => checkBranch(checker, branch, results[i] ?? ERROR));
  if (type.kind !== "declared") return errorExpression(span);
  const list: Local = { name: "", type: ERROR, isMutable: false, span, isUsed: true };
  const fields = branches.map(
    (branch, i): Ir => ({
      kind: "op",
      op: "ListGet",
      args: [
        { kind: "local", local: list, span },
        { kind: "const", value: i, span },
      ],
      span: branch.span,
    }),
  );
  const value: Ir = { kind: "record", decl: type.decl, fields, span };
  return { ir: { kind: "block", stmts: [{ kind: "set", local: list, value: { kind: "par", branches, span }, span }], value, span }, type };
}

/** Checks a branch as a function without parameters. Its effects count as effects of the enclosing function. */
function checkBranch(checker: FunctionChecker, branch: Expr, result: CheckedType): Ir {
  const { span } = branch;
  const row = freshRow();
  const body = branch.kind === "block" ? branch.block : { stmts: [{ kind: "expr", value: branch, span } as const], span };
  const lambda: Expr = { kind: "lambda", params: [], result: null, row: null, body, isBranch: true, span };
  const ir = checker.check(lambda, { kind: "fn", params: [], result, row: [row] }, "this branch");
  useRow(checker, [row], span, null);
  return ir;
}
