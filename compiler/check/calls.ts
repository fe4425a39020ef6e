/** Calls: functions, function values, builtins, capabilities. */
import { GUARD_NAMES } from "../../vm/builtins/builtin-table.ts";
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import { type CapabilityDecl, signatureFor } from "../../vm/capabilities.ts";
import type { Expr, Name, Span } from "../ast.ts";
import type { Fix } from "../diagnostics.ts";
import type { Callable, Ir } from "../ir.ts";
import {
  BOOL,
  builtinType,
  ERROR,
  fits,
  fresh,
  instantiation,
  isData,
  isDecided,
  isTooLarge,
  type ParamType,
  prune,
  show,
  STRING,
  substitute,
  type T,
  type VarType,
} from "../check-types.ts";
import type { BuiltinSignature, Expressions, Typed } from "./context.ts";
import { checkField, hasField } from "./data.ts";
import { noteBuiltinCall } from "./unused-results.ts";
import { isModuleName, unknownFunction } from "./suggest-names.ts";

/** A dotted name such as `string.len`, unless its first part is a binding. */
export function qualifiedName(x: Expressions, expr: Expr): Name | undefined {
  if (expr.kind !== "field" || expr.target.kind !== "name") return undefined;
  const name = { text: `${expr.target.name.text}.${expr.name.text}`, span: expr.span };
  if (isBuiltinOfResult(x, expr.target.name.text, name.text, expr.name.text)) return name;
  return x.scope.lookup(expr.target.name.text) === undefined ? name : undefined;
}

/** In `ensures`, `result.is_ok` is the builtin and `result` the value, unless that has such a field. */
function isBuiltinOfResult(x: Expressions, target: string, qualified: string, field: string): boolean {
  const value = x.scope.ensuredNamed(target);
  return value !== undefined && x.context.builtin(x.scope.unit, qualified) !== undefined && !hasField(value.type, field);
}

/** A call of what nothing is called: its arguments are checked all the same. */
function checkUnknownCall(x: Expressions, name: Name, expr: Expr & { kind: "call" }): Typed {
  const types = expr.args.map((arg) => {
    const type = arg.kind === "lambda" ? ERROR : fresh();
    x.check(arg, type);
    return type;
  });
  unknownFunction(x, name, types[0]);
  return { ir: { kind: "block", stmts: [], value: null, span: expr.span }, type: ERROR };
}

type Accepts = (found: T, index: number) => boolean;

function checkArgs(
  x: Expressions,
  name: string,
  args: readonly Expr[],
  params: readonly T[],
  span: Span,
  accepts: Accepts = () => false,
): readonly Ir[] {
  if (args.length !== params.length) {
    const wanted = `${params.length} ${params.length === 1 ? "argument" : "arguments"}`;
    x.context.error(x.scope.unit, "E011", span, `\`${name}\` takes ${wanted}, found ${args.length}`, {
      help: `its parameters are (${params.map(show).join(", ")})`,
    });
  }
  return args.map((arg, i) => x.check(arg, params[i] ?? fresh(), `argument ${i + 1} of \`${name}\``, (found) => accepts(found, i)));
}

/**
 * The arguments and the type of a call whose wanted type flows into them. Where an argument does not fit, but would
 * without the wanted type, then the result is what does not fit: the argument is passed over, and the type is the one
 * that the arguments make.
 */
function checkGeneric(
  x: Expressions,
  name: string,
  signature: BuiltinSignature,
  expr: Expr & { kind: "call" },
  expected: T,
): { readonly args: readonly Ir[]; readonly by: ReadonlyMap<ParamType, T>; readonly type: T } {
  const by = instantiation(signature.typeParams);
  const type = substitute(signature.result, by);
  const flowed = expectResult(type, expected);
  const params = signature.params.map((p) => substitute(p, by));
  const seen: T[] = [];
  let made: T | undefined;
  let tried = false;
  const accepts: Accepts = (found, i) => {
    seen[i] = found;
    const param = params[i];
    if (!flowed || param === undefined || isTooLarge(found)) return false;
    if (!tried && !wouldFit(found, param)) {
      tried = true;
      made = resultOfArguments(signature, seen, expected, by);
    }
    // What else does not fit then is no second mistake.
    if (made !== undefined) fits(found, param);
    return made !== undefined;
  };
  const args = checkArgs(x, name, expr.args, params, expr.span, accepts);
  return { args, by, type: made ?? type };
}

/** As `fits`, but nothing stays bound. */
function wouldFit(actual: T, expected: T): boolean {
  const trail: VarType[] = [];
  const fitting = fits(actual, expected, trail);
  for (const variable of trail) variable.bound = null;
  return fitting;
}

/** What the call gives by its arguments so far alone, where that is not what is wanted: `bound` is bound anew to suit it. */
function resultOfArguments(signature: BuiltinSignature, seen: readonly T[], expected: T, bound: ReadonlyMap<ParamType, T>): T | undefined {
  const by = instantiation(signature.typeParams);
  const result = substitute(signature.result, by);
  const trail: VarType[] = [];
  const fitting = signature.params.slice(0, seen.length).every((p, i) => {
    const found = seen[i];
    return found !== undefined && !isTooLarge(found) && fits(found, substitute(p, by), trail);
  });
  const made = fitting && isDecided(result) && !wouldFit(result, expected) ? settled(result) : undefined;
  const settledBy = [...by].map(([param, type]) => ({ variable: bound.get(param), to: isDecided(type) ? settled(type) : null }));
  for (const variable of trail) variable.bound = null;
  for (const { variable, to } of made === undefined ? [] : settledBy) if (variable?.kind === "var" && to !== null) variable.bound = to;
  return made;
}

/** Without variables: what they are bound to now. */
function settled(type: T): T {
  const t = prune(type);
  switch (t.kind) {
    case "builtin":
    case "declared":
      return { ...t, args: t.args.map(settled) };
    case "fn":
      return { ...t, params: t.params.map(settled), result: settled(t.result) };
    default:
      return t;
  }
}

/** Notes what a callee may do. */
export function useRow(x: Expressions, row: readonly string[], span: Span, via: Callable | null): void {
  for (const capability of row) {
    if (x.scope.inContract) {
      x.context.error(x.scope.unit, "E007", span, `a contract must be pure, but this may do \`${capability}\``);
      if (!x.scope.callable.row.includes(capability)) continue;
    }
    x.scope.use(capability, { span, via });
  }
}

/** `guard(value, passed, label)`: logs the verdict and gives the value. */
function checkGuard(x: Expressions, expr: Expr & { kind: "call" }): Typed {
  const type = fresh();
  return {
    ir: { kind: "op", op: "GuardSeal", args: checkArgs(x, "guard", expr.args, [type, BOOL, STRING], expr.span), span: expr.span },
    type,
  };
}

function checkBuiltinCall(x: Expressions, builtin: BuiltinDecl, expr: Expr & { kind: "call" }, expected: T): Typed {
  const signature = x.context.builtinSignature(builtin);
  const { args, by, type } = checkGeneric(x, builtin.name, signature, expr, expected);
  const [compared] = by.values();
  if (compared !== undefined && builtin.comparesElements) requireData(x, builtin.name, compared, expr.span);
  const op = builtin.instruction;
  const { span } = expr;
  const ir: Ir =
    op !== undefined
      ? { kind: "op", op, args, span }
      : builtin.source !== undefined
        ? { kind: "call", target: x.context.written(builtin), args, span }
        : { kind: "builtin", builtin, args, span };
  noteBuiltinCall(x, ir, builtin, type);
  return { ir, type };
}

/** As for `==`: no functions, as far as the types tell once all are known. */
function requireData(x: Expressions, name: string, type: T, span: Span): void {
  const { scope, context } = x;
  context.deferred.push(() => {
    if (!isData(type))
      context.error(scope.unit, "E009", span, `\`${name}\` compares values without functions in them, found ${show(type)}`);
  });
}

/**
 * Lets the wanted type flow into a call's arguments where the result is a type of the same shape, so that
 * `option.unwrap_or(None, [])` and the like need no annotation. A mismatch is left to the caller to report.
 * True when something did.
 */
function expectResult(result: T, expected: T): boolean {
  const r = prune(result);
  const e = prune(expected);
  if (r.kind === "builtin" && e.kind === "builtin" && r.name === e.name) {
    return r.args.map((arg, i) => expectResult(arg, e.args[i] ?? ERROR)).includes(true);
  }
  return r.kind === "var" && e.kind !== "var" && e.kind !== "never" && fits(r, e);
}

/** A capability call; `caught` under `try`. */
function checkCapabilityCall(
  x: Expressions,
  capability: CapabilityDecl,
  name: Name,
  args: readonly Expr[],
  span: Span,
  caught: boolean,
): Typed {
  const { scope, context } = x;
  if (capability.internal === true) {
    context.error(scope.unit, "E004", name.span, `\`${capability.name}\` is not called by name`, {
      help: `write \`${capability.call}\``,
      fixes: caught ? [] : syntaxFix(capability, name, args, span),
    });
    for (const arg of args) x.check(arg, fresh());
    return { ir: { kind: "block", stmts: [], value: null, span }, type: ERROR };
  }
  useRow(x, [capability.name], span, null);
  const signature = signatureFor(capability, args.length);
  if (signature === undefined) {
    context.error(scope.unit, "E011", span, `\`${capability.name}\` does not take ${args.length} arguments`, {
      help: `call it as ${capability.call}`,
    });
    for (const arg of args) x.check(arg, fresh());
    return { ir: { kind: "block", stmts: [], value: null, span }, type: ERROR };
  }
  const checked = args.map((arg, i) => {
    const param = signature.params[i];
    return x.check(
      arg,
      param === undefined ? fresh() : context.fromModuleType(param.type),
      `\`${param?.name ?? ""}\` of \`${capability.name}\``,
    );
  });
  return { ir: { kind: "capability", id: capability.id, args: checked, caught, span }, type: context.fromModuleType(signature.result) };
}

/** Makes `spawn f`, `send a m` or `emit v` of a call by name, where the arguments are as many as that takes. */
function syntaxFix(capability: CapabilityDecl, name: Name, args: readonly Expr[], span: Span): readonly Fix[] {
  const [word, ...operands] = capability.call.split(" ");
  const [first, second] = args;
  if (word === undefined || first === undefined || args.length !== operands.length) return [];
  const last = second ?? first;
  if (second !== undefined && first.kind !== "name") return [];
  const bare = last.kind === "name" || last.kind === "string";
  const [open, close] = bare ? [" ", ""] : [" (", ")"];
  const edits =
    second === undefined
      ? [{ span: { start: name.span.start, end: first.span.start }, text: `${word}${open}` }]
      : [
          { span: { start: name.span.start, end: first.span.start }, text: `${word} ` },
          { span: { start: first.span.end, end: second.span.start }, text: open },
        ];
  return [{ title: `write \`${capability.call}\``, edits: [...edits, { span: { start: last.span.end, end: span.end }, text: close }] }];
}

/** The capability that a callee names, if it names one. */
function capabilityNamed(x: Expressions, callee: Expr): { capability: CapabilityDecl; name: Name } | undefined {
  const name = callee.kind === "name" ? callee.name : qualifiedName(x, callee);
  if (name === undefined || (callee.kind === "name" && (x.scope.lookup(name.text) !== undefined || x.scope.unit.functions.has(name.text))))
    return undefined;
  const capability = x.context.capability(name.text);
  return capability === undefined ? undefined : { capability, name };
}

export function checkCall(x: Expressions, expr: Expr & { kind: "call" }, expected: T): Typed {
  const { scope, context } = x;
  const { callee } = expr;
  const named = capabilityNamed(x, callee);
  if (named !== undefined) return checkCapabilityCall(x, named.capability, named.name, expr.args, expr.span, false);
  const qualified = qualifiedName(x, callee);
  if (qualified !== undefined && callee.kind === "field" && callee.target.kind === "name") {
    const builtin = context.builtin(scope.unit, qualified.text);
    if (builtin !== undefined) return checkBuiltinCall(x, builtin, expr, expected);
    if (isModuleName(x, callee.target.name.text)) return checkUnknownCall(x, qualified, expr);
  }
  if (callee.kind === "name" && scope.lookup(callee.name.text) === undefined) {
    const name = callee.name;
    const target = scope.unit.functions.get(name.text);
    if (target !== undefined) {
      useRow(x, target.row, expr.span, target);
      const { args, type } = checkGeneric(x, name.text, target, expr, expected);
      return { ir: { kind: "call", target, args, span: expr.span }, type };
    }
    const builtin = context.builtin(scope.unit, name.text);
    if (builtin !== undefined) return checkBuiltinCall(x, builtin, expr, expected);
    if (GUARD_NAMES.has(name.text)) return checkGuard(x, expr);
    return checkUnknownCall(x, name, expr);
  }
  return checkValueCall(x, expr);
}

function calleeOf(x: Expressions, expr: Expr & { kind: "call" }): Typed {
  const { callee } = expr;
  if (callee.kind === "field") {
    const { ir, type } = checkField(x, callee.target, callee.name, callee.span, expr);
    return { ir, type: prune(type) };
  }
  const type = fresh();
  const ir = x.check(callee, type);
  return { ir, type: prune(type) };
}

/** A call of a function value. */
function checkValueCall(x: Expressions, expr: Expr & { kind: "call" }): Typed {
  const { ir: callee, type } = calleeOf(x, expr);
  if (type.kind !== "fn") {
    if (type.kind === "var") {
      x.context.error(x.scope.unit, "E014", expr.callee.span, "the type of this function is not known here", {
        help: "write the type of the binding or parameter: Fn(A) -> B",
      });
    } else if (type.kind !== "error") x.context.error(x.scope.unit, "E009", expr.callee.span, `this is not a function, but ${show(type)}`);
    for (const arg of expr.args) x.check(arg, ERROR);
    return { ir: { kind: "call_value", callee, args: [], span: expr.span }, type: ERROR };
  }
  useRow(x, type.row, expr.span, null);
  const name = expr.callee.kind === "name" ? expr.callee.name.text : "this function";
  return {
    ir: { kind: "call_value", callee, args: checkArgs(x, name, expr.args, type.params, expr.span), span: expr.span },
    type: type.result,
  };
}

/** `try CALL`: a capability's failure as `Err(text)`. */
export function checkTry(x: Expressions, expr: Expr & { kind: "try" }): Typed {
  const named = expr.call.kind === "call" ? capabilityNamed(x, expr.call.callee) : undefined;
  if (expr.call.kind !== "call" || named === undefined) {
    const { diagnostics } = x.scope.unit;
    const before = diagnostics.errorCount;
    const uncalled = capabilityNamed(x, expr.call)?.capability;
    if (uncalled === undefined) x.check(expr.call, fresh());
    if (diagnostics.errorCount === before) {
      const example =
        uncalled === undefined
          ? "for example: `try net.fetch(url)`; take a Result apart with `match`"
          : `call it: \`try ${uncalled.call}\``;
      x.context.error(x.scope.unit, "E009", expr.span, "`try` stands before a capability call", { help: example });
    }
    return { ir: { kind: "block", stmts: [], value: null, span: expr.span }, type: ERROR };
  }
  const call = checkCapabilityCall(x, named.capability, named.name, expr.call.args, expr.span, true);
  return { ir: call.ir, type: builtinType("Result", call.type, STRING) };
}

/** A bare function name as a value. */
export function checkFunctionValue(x: Expressions, name: Name): Typed | undefined {
  const { scope, context } = x;
  const target = scope.unit.functions.get(name.text);
  if (target !== undefined) {
    const by = instantiation(target.typeParams);
    const type: T = {
      kind: "fn",
      params: target.params.map((p) => substitute(p, by)),
      result: substitute(target.result, by),
      row: target.row,
    };
    return { ir: { kind: "fn", target, span: name.span }, type };
  }
  const builtin = context.builtin(scope.unit, name.text);
  if (builtin === undefined) return undefined;
  const signature = context.builtinSignature(builtin);
  const by: ReadonlyMap<ParamType, T> = instantiation(signature.typeParams);
  const type: T = { kind: "fn", params: signature.params.map((p) => substitute(p, by)), result: substitute(signature.result, by), row: [] };
  if (builtin.source !== undefined) return { ir: { kind: "fn", target: context.written(builtin), span: name.span }, type };
  return { ir: { kind: "builtin_value", builtin, arity: signature.params.length, span: name.span }, type };
}
