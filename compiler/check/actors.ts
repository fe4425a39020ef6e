/** Checks `spawn`, `send`, `receive` and `emit`. */
import type { Expr, Span } from "../ast.ts";
import { ACTOR_ID, actorIdOf, type CheckedType, freshVar, isData, prune, rowInstantiation, showType, UNIT_TYPE } from "../check-types.ts";
import { substituteRow } from "../rows.ts";
import { useRow } from "./calls.ts";
import { receivedType, requireNoTypedIds } from "./mailbox.ts";
import { errorExpression, type FunctionChecker, type TypedIr } from "./context.ts";

export function checkSpawn(checker: FunctionChecker, { target: expr, span }: Expr & { kind: "spawn" }): TypedIr {
  const { scope } = checker;
  useRow(checker, ["actor.spawn"], span, null);
  const target = expr.kind === "name" && scope.lookup(expr.name.text) === undefined ? scope.unit.functions.get(expr.name.text) : undefined;
  if (target === undefined || target.params.length > 0) {
    if (target !== undefined || expr.kind !== "name" || !scope.mayBeInDamagedText(expr.name.text))
      checker.error("E009", expr.span, "`spawn` takes the name of a function without parameters");
    return { ...errorExpression(span), type: ACTOR_ID };
  }
  checker.context.nameRecorder?.addName(expr.span, { kind: "function", callable: target });
  // `spawn` passes no arguments that could decide the row variables of the function, so they become empty.
  useRow(checker, substituteRow(target.row, rowInstantiation(target.typeParams)), span, target);
  return { ir: { kind: "spawn", target, span }, type: target.message === null ? ACTOR_ID : actorIdOf(target.message) };
}

export function checkSend(checker: FunctionChecker, expr: Expr & { kind: "send" }): TypedIr {
  const { span } = expr;
  let messageType: CheckedType | undefined;
  const actor = checker.check(expr.actor, ACTOR_ID, "the receiver", (found) => {
    const t = prune(found);
    if (t.kind === "builtin" && t.name === "ActorId") messageType = t.args[0];
    return messageType !== undefined;
  });
  const type = messageType ?? freshVar();
  const message = checker.check(expr.message, type, messageType === undefined ? "" : "a message to this actor");
  requireData(checker, type, expr.message.span, "a message");
  if (messageType === undefined) requireNoTypedIds(checker, type, expr.message.span);
  useRow(checker, ["actor.send"], span, null);
  return { ir: { kind: "send", actor, message, span }, type: UNIT_TYPE };
}

export function checkReceive(checker: FunctionChecker, { span }: Expr & { kind: "receive" }): TypedIr {
  const type = receivedType(checker, span);
  if (checker.scope.inContract) {
    checker.error("E007", span, "a contract must be pure, but `receive` takes a message out of the mailbox");
  }
  return { ir: { kind: "receive", type, span }, type };
}

export function checkEmit(checker: FunctionChecker, expr: Expr & { kind: "emit" }): TypedIr {
  const { span } = expr;
  const type = freshVar();
  const tree = checker.check(expr.tree, type);
  requireData(checker, type, expr.tree.span, "an emitted value");
  useRow(checker, ["ui.render"], span, null);
  return { ir: { kind: "emit", tree, span }, type: UNIT_TYPE };
}

/**
 * At the end of the function, reports a type whose values may contain a function. A type parameter counts as one, because it may stand for
 * a function type.
 */
function requireData(checker: FunctionChecker, type: CheckedType, span: Span, what: string): void {
  checker.context.deferredChecks.push(() => {
    if (isData(type, { paramsAreData: false })) return;
    const help = isData(type) ? { help: "a type parameter may stand for a function: write a type that cannot" } : {};
    checker.error("E009", span, `${what} must hold no function, found ${showType(type)}`, help);
  });
}
