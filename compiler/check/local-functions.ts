/** Checks functions that are declared inside other functions. */
import type { FnItem } from "../ast.ts";
import type { Callable, Ir, IrStmt, Local } from "../ir.ts";
import { FunctionScope } from "../scope.ts";
import type { CheckedType } from "../check-types.ts";
import { paramsByName } from "../rows.ts";
import { bindParams } from "./binders.ts";
import { type FunctionChecker, resultOf } from "./context.ts";

/**
 * Checks a local function and binds its name. Like a lambda, the function captures the values that bindings have where it is declared. Its
 * body can also name the function itself.
 */
export function checkLocalFn(checker: FunctionChecker, item: FnItem): IrStmt {
  const { context, scope: outer } = checker;
  const { unit } = outer;
  const { typeParams } = outer.callable;
  const typeParamsByName = paramsByName(typeParams);
  const params = item.params.map((p) => context.resolveType(unit, p.type, typeParamsByName));
  const result = resultOf(context, unit, item.result, typeParamsByName);
  const row = context.resolveRow(unit, item.row, typeParamsByName);
  const callable: Callable = {
    name: `${outer.callable.name}.${item.name.text}`,
    file: unit,
    item,
    typeParams,
    params,
    result,
    message: outer.callable.message,
    row,
    body: null,
  };
  const scope = new FunctionScope(unit, callable, result, outer);
  const type: CheckedType = { kind: "fn", params, result, row };
  const self: Local = { name: item.name.text, type, isMutable: false, span: item.name.span, isUsed: false };
  scope.declare(self);
  scope.self = self;
  context.addLocalFunction(self, callable);
  scope.enter();
  const inner = checker.inner(scope);
  const { locals, destructureParams } = bindParams(inner, item.params, params);
  const body = inner.block(item.body, result, `the result of \`${item.name.text}\``);
  context.nameRecorder?.addScope(item.span, scope.bindings());
  const copies = [...scope.captured.values()];
  const functionValue = (captured: readonly Local[]): Ir =>
    captured.length === 0
      ? { kind: "fn", target: callable, span: item.name.span }
      : { kind: "closure", target: callable, captured, span: item.name.span };
  const bindSelf: readonly IrStmt[] = self.isUsed ? [{ kind: "set", local: self, value: functionValue(copies), span: item.name.span }] : [];
  callable.body = {
    params: [...copies, ...locals],
    destructureParams: [...bindSelf, ...destructureParams],
    requires: [],
    ensures: [],
    result: null,
    value: body,
    intent: null,
  };
  context.scopes.set(callable, scope);
  const local = checker.bind(item.name, type, { isMutable: false });
  context.addLocalFunction(local, callable);
  return { kind: "set", local, value: functionValue([...scope.captured.keys()]), span: item.span };
}
