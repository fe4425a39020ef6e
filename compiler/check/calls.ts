/** Checks calls of functions, function values, builtins and capabilities. */
import { BUILTIN_BY_NAME, GUARD_NAMES } from "../../vm/builtins/builtin-table.ts";
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import { type CapabilityDecl, signatureFor } from "../../vm/capabilities.ts";
import type { Expr, Name, Span } from "../ast.ts";
import type { Fix } from "../diagnostics.ts";
import { separatorHelp } from "../insert-edits.ts";
import type { Callable, Ir, IrStmt, Local } from "../ir.ts";
import { hintForType } from "../other-languages.ts";
import { isForeignCall } from "../other-languages-calls.ts";
import {
  BOOL,
  builtinType,
  type CheckedType,
  ERROR,
  freshVar,
  isData,
  isDecided,
  isTooLarge,
  prune,
  showType,
  STRING,
  Trail,
  unifies,
  unify,
  withoutBoundVariables,
} from "../check-types.ts";
import { decideRow, rowItemName, type ParamType, type Row } from "../rows.ts";
import { reportSwapped } from "./argument-order.ts";
import { callHint } from "./call-rewrites.ts";
import { errorExpression, type FunctionChecker, type SignatureInstance, instanceOf, type Signature, type TypedIr } from "./context.ts";
import { checkField, hasField } from "./data.ts";
import { checkMailbox, ownIdType } from "./mailbox.ts";
import { checkPatternArgument } from "./regex-literals.ts";
import { recordBuiltinCall } from "./unused-results.ts";
import { isModuleName, reportUnknownFunction } from "./suggest-names.ts";
import { requireJsonType, typeArgument } from "./json-types.ts";
import { reportUndecided } from "./undecided.ts";

/** Returns a field access such as `string.len` as one dotted name, which may name a builtin or capability. Undefined if its first part is a binding. */
export function qualifiedName(checker: FunctionChecker, expr: Expr): Name | undefined {
  if (expr.kind !== "field" || expr.target.kind !== "name") return undefined;
  const name = { text: `${expr.target.name.text}.${expr.name.text}`, span: expr.span };
  if (isBuiltinOfResult(checker, expr.target.name.text, name.text, expr.name.text)) return name;
  return checker.scope.lookup(expr.target.name.text) === undefined ? name : undefined;
}

/**
 * Returns whether a name like `result.is_ok` in an `ensures` clause means the builtin, although `result` is a binding there. It does,
 * unless the value of `result` has a field of that name.
 */
function isBuiltinOfResult(checker: FunctionChecker, target: string, qualified: string, field: string): boolean {
  const value = target === "result" ? checker.scope.ensuresResultNamed(target) : undefined;
  return value !== undefined && checker.context.builtin(checker.scope.unit, qualified) !== undefined && !hasField(value.type, field);
}

/** Reports a call to an unknown name, and checks its arguments for other mistakes. */
function checkUnknownCall(checker: FunctionChecker, name: Name, expr: Expr & { kind: "call" }): TypedIr {
  // `int` in `isinstance(n, int)` is part of the mistake.
  const isTypeWord = (arg: Expr): boolean =>
    arg.kind === "name" && checker.scope.lookup(arg.name.text) === undefined && hintForType(arg.name.text) !== undefined;
  const types = expr.args.map((arg) => {
    if (isTypeWord(arg)) return ERROR;
    const type = arg.kind === "lambda" ? ERROR : freshVar();
    checker.check(arg, type);
    return type;
  });
  reportUnknownFunction(checker, name, expr, types[0]);
  return errorExpression(expr.span);
}

/** Returns help that shows the parameters of a function, with their names if the program declares it. */
function parametersHelp({ scope }: FunctionChecker, name: string, params: readonly CheckedType[]): string {
  const target = scope.lookup(name) === undefined ? scope.unit.functions.get(name) : undefined;
  const builtin = target === undefined ? BUILTIN_BY_NAME.get(name) : undefined;
  const texts = target?.params.map((type, i) => `${target.item?.params[i]?.name.text ?? "_"}: ${showType(type)}`) ?? params.map(showType);
  return builtin === undefined
    ? `its parameters are (${texts.join(", ")})`
    : `its type is \`${builtin.type}\`, as in \`${builtin.example}\``;
}

/** Returns whether to accept an argument whose type does not match, without a report. */
type Accepts = (found: CheckedType, index: number) => boolean;

function checkArgs(
  checker: FunctionChecker,
  name: string,
  args: readonly Expr[],
  params: readonly CheckedType[],
  span: Span,
  accepts?: Accepts,
): readonly Ir[] {
  if (args.length !== params.length) {
    const paramCount = `${params.length} ${params.length === 1 ? "argument" : "arguments"}`;
    const hint = callHint(checker.scope.unit, name, args, span);
    checker.error(
      "E011",
      span,
      `\`${name}\` takes ${paramCount}, found ${args.length}`,
      hint ?? { help: parametersHelp(checker, name, params) },
    );
    // It is not known which argument is missing or too many, so do not compare the others with the parameters.
    return args.map((arg) => checker.check(arg, ERROR));
  }
  if (reportSwapped(checker, name, args, params, () => parametersHelp(checker, name, params)))
    return args.map((arg) => checker.check(arg, ERROR));
  return args.map((arg, i) =>
    checker.check(
      arg,
      params[i] ?? freshVar(),
      `argument ${i + 1} of \`${name}\``,
      accepts === undefined ? undefined : (found) => accepts(found, i),
    ),
  );
}

/**
 * Checks the arguments of a call. First, the expected type of the call binds type parameters. If an argument would match its parameter
 * without that, the mistake is in the use of the call's result, and the caller must report it. So the argument is accepted, and the returned
 * type is the one that follows from the arguments.
 *
 *     fn f(xs: List<Int>) -> List<String> { list.push(xs, 1) }
 *                                           ^^^^^^^^^^^^^^^^ expected List<String>, found List<Int>
 *
 * Otherwise the message would say that `xs` is not a List<String>.
 *
 * The arguments also decide the row variables. The resulting row is added to the effects of the calling function. `via` is the called
 * function; null for a builtin.
 */
function checkGeneric(
  checker: FunctionChecker,
  name: string,
  signature: Signature,
  expr: Expr & { kind: "call" },
  expected: CheckedType,
  via: Callable | null,
): { readonly args: readonly Ir[]; readonly typeArgs: ReadonlyMap<ParamType, CheckedType>; readonly type: CheckedType; readonly row: Row } {
  const instance = instanceOf(signature);
  const { typeArgs, params, result: type, row } = instance;
  const { args, typeByArguments } = unifyResult(type, expected)
    ? checkDecidedArgs(checker, name, signature, instance, expr, expected)
    : { args: checkArgs(checker, name, expr.args, params, expr.span), typeByArguments: undefined };
  useRow(checker, row, expr.span, via);
  return { args, typeArgs, type: typeByArguments ?? type, row };
}

/** Checks the arguments after the expected type has bound type parameters. `typeByArguments` is the result type if the arguments decide another one. */
function checkDecidedArgs(
  checker: FunctionChecker,
  name: string,
  signature: Signature,
  { typeArgs, params }: SignatureInstance,
  expr: Expr & { kind: "call" },
  expected: CheckedType,
): { readonly args: readonly Ir[]; readonly typeByArguments: CheckedType | undefined } {
  const argTypes: CheckedType[] = [];
  let typeByArguments: CheckedType | undefined;
  let mismatchSeen = false;
  const accepts: Accepts = (found, i) => {
    argTypes[i] = found;
    const param = params[i];
    if (param === undefined || isTooLarge(found)) return false;
    if (!mismatchSeen && !unifies(found, param)) {
      mismatchSeen = true;
      typeByArguments = resultOfArguments(signature, argTypes, expected, typeArgs);
    }
    // Accept further arguments that do not match, so that one mistake causes one error.
    if (typeByArguments !== undefined) unify(found, param);
    return typeByArguments !== undefined;
  };
  const args = checkArgs(checker, name, expr.args, params, expr.span, accepts);
  return { args, typeByArguments };
}

/**
 * Infers the result type of a call from its arguments so far, ignoring the expected type. Returns undefined if these
 * arguments do not decide the type, or if the type matches the expected type. Otherwise also rebinds the variables in
 * `boundTypeArgs` to the types that the arguments decide.
 */
function resultOfArguments(
  signature: Signature,
  argTypes: readonly CheckedType[],
  expected: CheckedType,
  boundTypeArgs: ReadonlyMap<ParamType, CheckedType>,
): CheckedType | undefined {
  const { typeArgs, params, result } = instanceOf(signature);
  const trail = new Trail();
  const matches = params.slice(0, argTypes.length).every((p, i) => {
    const found = argTypes[i];
    return found !== undefined && !isTooLarge(found) && unify(found, p, trail);
  });
  const decidedResult = matches && isDecided(result) && !unifies(result, expected) ? withoutBoundVariables(result) : undefined;
  const decidedArgs = [...typeArgs].map(([param, type]) => ({
    variable: boundTypeArgs.get(param),
    to: isDecided(type) ? withoutBoundVariables(type) : null,
  }));
  trail.undo();
  for (const { variable, to } of decidedResult === undefined ? [] : decidedArgs)
    if (variable?.kind === "var" && to !== null) variable.bound = to;
  return decidedResult;
}

/**
 * Records that the current function uses each capability and row variable in `row`, the row of what it calls. Reports each as an error in a
 * contract clause, which must be pure. Decides the open rows in `row`. `via` is the called function; null for a capability, a builtin or a
 * function value.
 */
export function useRow(checker: FunctionChecker, row: Row, span: Span, via: Callable | null): void {
  for (const item of decideRow(row)) {
    if (checker.scope.inContract) {
      checker.error("E007", span, `a contract must be pure, but this may use \`${rowItemName(item)}\``);
      if (!checker.scope.callable.row.includes(item)) continue;
    }
    checker.scope.recordUse(item, { span, via });
  }
}

/** Checks `guard(value, passed, label)`, which logs the verdict and returns the value. */
function checkGuard(checker: FunctionChecker, expr: Expr & { kind: "call" }): TypedIr {
  const type = freshVar();
  return {
    ir: { kind: "op", op: "GuardSeal", args: checkArgs(checker, "guard", expr.args, [type, BOOL, STRING], expr.span), span: expr.span },
    type,
  };
}

function checkBuiltinCall(checker: FunctionChecker, builtin: BuiltinDecl, expr: Expr & { kind: "call" }, expected: CheckedType): TypedIr {
  checker.context.nameRecorder?.addName(expr.callee.span, { kind: "builtin", builtin });
  const signature = checker.context.builtinSignature(builtin);
  const { args, typeArgs, type, row } = checkGeneric(checker, builtin.name, signature, expr, expected, null);
  const [comparedType] = typeArgs.values();
  if (comparedType !== undefined && builtin.comparesElements) requireData(checker, builtin.name, comparedType, expr.span);
  const op = builtin.instruction;
  const { span } = expr;
  const ir: Ir =
    op !== undefined
      ? { kind: "op", op, args, span }
      : builtin.source !== undefined
        ? { kind: "call", target: checker.context.sourceBuiltin(builtin), args, span }
        : { kind: "builtin", builtin, args, typeArg: typeArgument(builtin, typeArgs), span };
  if (builtin.convertsJson) requireJsonType(checker, builtin, typeArgs, expr.callee.span);
  if (builtin.name === "self") return { ir, type: ownIdType(checker) };
  if (decideRow(row).length === 0) recordBuiltinCall(checker, ir, builtin, type);
  checkPatternArgument(checker, builtin, expr.args);
  return { ir, type };
}

/** Defers a check that reports a type whose values contain functions. The operands of `==` are checked in the same way. */
function requireData(checker: FunctionChecker, name: string, type: CheckedType, span: Span): void {
  const { context } = checker;
  context.deferredChecks.push(() => {
    if (!isData(type)) checker.error("E009", span, `\`${name}\` compares values without functions in them, found ${showType(type)}`);
  });
}

/**
 * Binds type parameters of a call to the types in the expected type of its result, so that calls like `option.unwrap_or(None, [])`
 * need no annotation. Does not report a mismatch. Returns whether any type parameter was bound.
 */
function unifyResult(result: CheckedType, expected: CheckedType): boolean {
  const r = prune(result);
  const e = prune(expected);
  if (r.kind === "builtin" && e.kind === "builtin" && r.name === e.name) {
    return r.args.map((arg, i) => unifyResult(arg, e.args[i] ?? ERROR)).includes(true);
  }
  return r.kind === "var" && e.kind !== "var" && e.kind !== "never" && unify(r, e);
}

/** Checks a call of a capability. `caught` is true if the call is under `try`. */
function checkCapabilityCall(
  checker: FunctionChecker,
  capability: CapabilityDecl,
  name: Name,
  args: readonly Expr[],
  span: Span,
  { caught }: { readonly caught: boolean },
): TypedIr {
  const { context } = checker;
  context.nameRecorder?.addName(name.span, { kind: "capability", capability });
  if (capability.internal === true) {
    checker.error("E004", name.span, `\`${capability.name}\` is not called by name`, {
      help: `write \`${capability.call}\``,
      fixes: caught || (args[0]?.span.start ?? span.end) < name.span.start ? [] : syntaxFix(capability, name, args, span),
    });
    for (const arg of args) checker.check(arg, freshVar());
    return errorExpression(span);
  }
  useRow(checker, [capability.name], span, null);
  const signature = signatureFor(capability, args.length);
  if (signature === undefined) {
    checker.error("E011", span, `\`${capability.name}\` does not take ${args.length} arguments`, {
      help: `call it as ${capability.call}`,
    });
    for (const arg of args) checker.check(arg, freshVar());
    return errorExpression(span);
  }
  const argIrs = args.map((arg, i) => {
    const param = signature.params[i];
    return checker.check(
      arg,
      param === undefined ? freshVar() : context.fromModuleType(param.type),
      `\`${param?.name ?? ""}\` of \`${capability.name}\``,
    );
  });
  return { ir: { kind: "capability", id: capability.id, args: argIrs, caught, span }, type: context.fromModuleType(signature.result) };
}

/** Returns a fix that rewrites a call such as `actor.send(a, m)` to the syntax `send a m`, if the number of arguments matches. */
function syntaxFix(capability: CapabilityDecl, name: Name, args: readonly Expr[], span: Span): readonly Fix[] {
  const [word, ...operands] = capability.call.split(" ");
  const [first, second] = args;
  if (word === undefined || first === undefined || args.length !== operands.length) return [];
  const last = second ?? first;
  if (second !== undefined && first.kind !== "name") return [];
  const isSimple = last.kind === "name" || last.kind === "string";
  const [open, close] = isSimple ? [" ", ""] : [" (", ")"];
  const edits =
    second === undefined
      ? [{ span: { start: name.span.start, end: first.span.start }, text: `${word}${open}` }]
      : [
          { span: { start: name.span.start, end: first.span.start }, text: `${word} ` },
          { span: { start: first.span.end, end: second.span.start }, text: open },
        ];
  return [{ title: `write \`${capability.call}\``, edits: [...edits, { span: { start: last.span.end, end: span.end }, text: close }] }];
}

/** Returns the capability that a callee refers to, if it refers to one. `qualified` is its `qualifiedName`. */
function capabilityNamed(
  checker: FunctionChecker,
  callee: Expr,
  qualified: Name | undefined,
): { capability: CapabilityDecl; name: Name } | undefined {
  const name = callee.kind === "name" ? callee.name : qualified;
  if (
    name === undefined ||
    (callee.kind === "name" && (checker.scope.lookup(name.text) !== undefined || checker.scope.unit.functions.has(name.text)))
  )
    return undefined;
  const capability = checker.context.capability(name.text);
  return capability === undefined ? undefined : { capability, name };
}

/** Checks a call of a function, a function value, a builtin or a capability. */
export function checkCall(checker: FunctionChecker, expr: Expr & { kind: "call" }, expected: CheckedType): TypedIr {
  const { scope, context } = checker;
  const { callee } = expr;
  const qualified = qualifiedName(checker, callee);
  const called = capabilityNamed(checker, callee, qualified);
  if (called !== undefined) return checkCapabilityCall(checker, called.capability, called.name, expr.args, expr.span, { caught: false });
  if (qualified !== undefined && callee.kind === "field" && callee.target.kind === "name") {
    const builtin = context.builtin(scope.unit, qualified.text);
    if (builtin !== undefined) return checkBuiltinCall(checker, builtin, expr, expected);
    const isType = context.typeNamed(scope.unit, callee.target.name.text) !== undefined;
    if (isModuleName(checker, callee.target.name.text) || (!isType && isForeignCall(qualified.text)))
      return checkUnknownCall(checker, qualified, expr);
  }
  if (callee.kind === "name" && scope.lookup(callee.name.text) === undefined) {
    const name = callee.name;
    const target = scope.unit.functions.get(name.text);
    if (target !== undefined) {
      context.nameRecorder?.addName(name.span, { kind: "function", callable: target });
      const { args, type } = checkGeneric(checker, name.text, target, expr, expected, target);
      checkMailbox(checker, target, expr.span);
      scope.recordCallee(target, expr.span);
      return { ir: { kind: "call", target, args, span: expr.span }, type };
    }
    const builtin = context.builtin(scope.unit, name.text);
    if (builtin !== undefined) return checkBuiltinCall(checker, builtin, expr, expected);
    if (GUARD_NAMES.has(name.text)) return checkGuard(checker, expr);
    return checkUnknownCall(checker, name, expr);
  }
  return checkLocalCall(checker, expr) ?? checkValueCall(checker, expr);
}

/**
 * Checks a call of a local function that needs no function value: a call in the function's own body, or of a function that captures nothing.
 * Returns undefined for every other call.
 */
function checkLocalCall(checker: FunctionChecker, { callee, args, span }: Expr & { kind: "call" }): TypedIr | undefined {
  const { scope, context } = checker;
  const local = callee.kind === "name" ? scope.lookup(callee.name.text) : undefined;
  const target = local === undefined ? undefined : context.localFunction(local);
  if (local === undefined || target === undefined) return undefined;
  context.nameRecorder?.addName(callee.span, { kind: "local", local });
  const isSelf = local === scope.self;
  if (!isSelf && target.body?.params.length !== target.params.length) return undefined;
  useRow(checker, target.row, span, target);
  const checked = checkArgs(checker, local.name, args, target.params, span);
  if (isSelf) return { ir: { kind: "call_self", args: checked, span }, type: target.result };
  local.isUsed = true;
  return { ir: { kind: "call", target, args: checked, span }, type: target.result };
}

/** Checks `value |> callee(args)`, the call `callee(value, args)` with the value evaluated first. */
export function checkPipe(checker: FunctionChecker, expr: Expr & { kind: "pipe" }, expected: CheckedType): TypedIr {
  const { callee, span } = expr;
  const call = checkCall(checker, { kind: "call", callee, args: [expr.value, ...(expr.args ?? [])], span }, expected);
  const { ir, type } = call;
  const value = ir.kind === "call_value" ? ir.args[0] : undefined;
  if (ir.kind !== "call_value" || value === undefined || ir.callee.kind === "local") return call;
  // A call evaluates its callee first, so keep the value in a binding.
  const local: Local = { name: "", type: ERROR, isMutable: false, span: value.span, isUsed: true };
  const args: readonly Ir[] = [{ kind: "local", local, span: value.span }, ...ir.args.slice(1)];
  const stmts: readonly IrStmt[] = [{ kind: "set", local, value, span: value.span }];
  return { ir: { kind: "block", stmts, value: { ...ir, args }, span }, type };
}

/** Whether the call is written as a pipe: then its callee is after its first argument. */
function isPiped({ callee, args }: Expr & { kind: "call" }): boolean {
  return (args[0]?.span.start ?? callee.span.start) < callee.span.start;
}

function checkCallee(checker: FunctionChecker, expr: Expr & { kind: "call" }): TypedIr {
  const { callee } = expr;
  if (callee.kind === "field") {
    // The help for methods does not fit a pipe.
    const { ir, type } = checkField(checker, callee.target, callee.name, callee.span, isPiped(expr) ? null : expr);
    return { ir, type: prune(type) };
  }
  const type = freshVar();
  const ir = checker.check(callee, type);
  return { ir, type: prune(type) };
}

/** Checks a call of a function value. */
function checkValueCall(checker: FunctionChecker, expr: Expr & { kind: "call" }): TypedIr {
  const { ir: callee, type } = checkCallee(checker, expr);
  if (type.kind !== "fn") {
    if (type.kind === "var") {
      const message = "the type of this function is not known here";
      reportUndecided(checker, type, expr.callee.span, message, "write the type of the binding or parameter: Fn(A) -> B");
    } else if (type.kind !== "error") {
      const { end } = expr.callee.span;
      const piped = isPiped(expr);
      const isSeparate = !piped && /\s/.test(checker.scope.unit.text.charAt(end));
      const extras = piped ? { help: "after `|>` comes a function, or a call with the other arguments: `x |> f(y)`" } : {};
      checker.error(
        "E009",
        expr.callee.span,
        `this is not a function, but ${showType(type)}`,
        isSeparate ? separatorHelp("(", end) : extras,
      );
      if (isSeparate) return errorExpression(expr.span);
    }
    for (const arg of expr.args) checker.check(arg, ERROR);
    return { ir: { kind: "call_value", callee, args: [], span: expr.span }, type: ERROR };
  }
  const name = expr.callee.kind === "name" ? expr.callee.name.text : "this function";
  const args = checkArgs(checker, name, expr.args, type.params, expr.span);
  useRow(checker, type.row, expr.span, null);
  return { ir: { kind: "call_value", callee, args, span: expr.span }, type: type.result };
}

/** Checks `try CALL`, in which a failure of the capability becomes `Err(text)`. */
export function checkTry(checker: FunctionChecker, expr: Expr & { kind: "try" }): TypedIr {
  const called =
    expr.call.kind === "call" ? capabilityNamed(checker, expr.call.callee, qualifiedName(checker, expr.call.callee)) : undefined;
  if (expr.call.kind !== "call" || called === undefined) {
    const { diagnostics } = checker.scope.unit;
    const errorCountBefore = diagnostics.errorCount;
    const uncalledCapability = capabilityNamed(checker, expr.call, qualifiedName(checker, expr.call))?.capability;
    const type = freshVar();
    if (uncalledCapability === undefined) checker.check(expr.call, type);
    if (diagnostics.errorCount === errorCountBefore) {
      const example =
        uncalledCapability === undefined
          ? "for example: `try net.fetch(url)`; a Result of your own is taken apart with `match`, or handed on with `f()?`"
          : `call it: \`try ${uncalledCapability.call}\``;
      const edits = [
        { span: { start: expr.span.start, end: expr.call.span.start }, text: "" },
        { span: { start: expr.call.span.end, end: expr.call.span.end }, text: "?" },
      ];
      const isResult = expr.call.kind === "call" && showType(type).startsWith("Result<");
      const fixes = isResult ? [{ title: "write `?` after the call", edits }] : [];
      checker.error("E009", expr.span, "`try` needs a capability call after it", { help: example, fixes });
    }
    return errorExpression(expr.span);
  }
  const call = checkCapabilityCall(checker, called.capability, called.name, expr.call.args, expr.span, { caught: true });
  return { ir: call.ir, type: builtinType("Result", call.type, STRING) };
}
