/**
 * Checks the body of one function and builds its IR. `check` takes an expression and its expected type. It finds the actual
 * type with `#infer` and unifies the two types with `expect`. For an `if`, a `match` and a block, the expected type is
 * passed on to the branches, so that a mismatch is reported at the branch and not at the whole expression.
 */
import { FloatValue, NONE, UNIT } from "../../vm/value/value.ts";
import type { Block, Expr, Name, Span } from "../ast.ts";
import type { DiagnosticCode, DiagnosticExtras } from "../diagnostics.ts";
import type { Callable, Ir, Local } from "../ir.ts";
import { FunctionScope } from "../scope.ts";
import {
  BOOL,
  builtinType,
  type CheckedType,
  ERROR,
  FLOAT,
  freshVar,
  INT,
  isDecided,
  isTooLarge,
  unifyOrMismatch,
  prune,
  STRING,
  unifyPrimitive,
  UNIT_TYPE,
} from "../check-types.ts";
import { paramsByName, sortedRow } from "../rows.ts";
import { checkEmit, checkReceive, checkSend, checkSpawn } from "./actors.ts";
import { bindParams } from "./binders.ts";
import { checkIf, checkMatch } from "./branches.ts";
import { checkCall, checkPipe, checkTry, qualifiedName } from "./calls.ts";
import { checkPar } from "./par.ts";
import { checkIndex, checkList, checkMap, unifyArguments } from "./collections.ts";
import { checkField, checkRecord, checkTuple, checkVariant } from "./data.ts";
import { checkPropagate } from "./propagate.ts";
import { checkText, warnOfInterpolation } from "./texts.ts";
import type { CheckContext, FunctionChecker, TypedIr } from "./context.ts";
import { checkCapabilityValue, checkFunctionValue } from "./function-values.ts";
import { mismatchReport } from "./mismatch.ts";
import { checkBinary, checkUnary } from "./operators.ts";
import { hintForValue } from "../other-languages.ts";
import { checkBlock } from "./statements.ts";
import { reportUndecided } from "./undecided.ts";
import { isModuleName, reportUnknownVariable } from "./suggest-names.ts";

const unitIr = (span: Span): Ir => ({ kind: "const", value: UNIT, span });

const acceptsNothing = (): boolean => false;

export class ExpressionChecker implements FunctionChecker {
  readonly scope: FunctionScope;
  readonly context: CheckContext;

  constructor(scope: FunctionScope, context: CheckContext) {
    this.scope = scope;
    this.context = context;
  }

  check(expr: Expr, expected: CheckedType, why = "", accepts: (found: CheckedType) => boolean = acceptsNothing): Ir {
    this.context.nameRecorder?.addType(expr.span, expected);
    switch (expr.kind) {
      case "if":
        return checkIf(this, expr, expected, why);
      case "match":
        return checkMatch(this, expr, expected, why);
      case "block":
        return this.block(expr.block, expected, why);
      default: {
        const { ir, type } = this.#infer(expr, expected);
        this.context.nameRecorder?.addType(expr.span, type);
        if (!accepts(type)) this.expect(type, expected, expr.span, why);
        return ir;
      }
    }
  }

  expect(type: CheckedType, expected: CheckedType, span: Span, why: string): void {
    // `prune` follows bound type variables.
    const e = prune(expected);
    if (unifyPrimitive(prune(type), e)) return;
    if (isTooLarge(type)) {
      this.error("E015", span, "the type of this expression is too large", {
        help: "declare records for its parts, or recursive types, instead of nesting type arguments",
      });
      if (e.kind === "var") e.bound = ERROR;
      return;
    }
    const typeTexts = unifyOrMismatch(type, expected);
    if (typeTexts === null) return;
    if (e.kind === "var") {
      this.error(
        "E009",
        span,
        `the type of this value would contain itself: ${typeTexts.found}`,
        mismatchReport(this.scope, type, expected, why, span),
      );
      return;
    }
    const message = `expected ${typeTexts.wanted}${why === "" ? "" : ` for ${why}`}, found ${typeTexts.found}`;
    this.error("E009", span, message, mismatchReport(this.scope, type, expected, why, span));
  }

  /** Checks an expression and returns its type. `expected` only helps to decide types. The caller must report a mismatch. */
  #infer(expr: Exclude<Expr, { kind: "if" | "match" | "block" }>, expected: CheckedType): TypedIr {
    const { span } = expr;
    switch (expr.kind) {
      case "int":
        return { ir: { kind: "const", value: expr.value, span }, type: INT };
      case "float":
        return { ir: { kind: "const", value: new FloatValue(expr.value), span }, type: FLOAT };
      case "text":
        return checkText(this, expr);
      case "string":
        warnOfInterpolation(this, expr);
        return { ir: { kind: "const", value: expr.value, span }, type: STRING };
      case "bool":
        return { ir: { kind: "const", value: expr.value, span }, type: BOOL };
      case "unit":
        return { ir: unitIr(span), type: UNIT_TYPE };
      case "none":
        return { ir: { kind: "const", value: NONE, span }, type: builtinType("Option", freshVar()) };
      case "someOkErr": {
        const type = expr.wrap === "Some" ? builtinType("Option", freshVar()) : builtinType("Result", freshVar(), freshVar());
        unifyArguments(type, expected);
        const inner = type.kind === "builtin" ? type.args[expr.wrap === "Err" ? 1 : 0] : undefined;
        return {
          ir: { kind: "someOkErr", wrap: expr.wrap, value: this.check(expr.value, inner ?? ERROR, `\`${expr.wrap}\``), span },
          type,
        };
      }
      case "name":
        return this.#name(expr.name, expected);
      case "variant":
        return checkVariant(this, expr, expected);
      case "call":
        return checkCall(this, expr, expected);
      case "pipe":
        return checkPipe(this, expr, expected);
      case "field":
        return this.#field(expr, expected);
      case "index":
        return checkIndex(this, expr);
      case "record":
        return checkRecord(this, expr, expected);
      case "list":
        return checkList(this, expr, expected);
      case "tuple":
        return checkTuple(this, expr, expected);
      case "par":
        return checkPar(this, expr, expected);
      case "map":
        return checkMap(this, expr, expected);
      case "lambda":
        return this.#lambda(expr, expected);
      case "unary":
        return checkUnary(this, expr);
      case "binary":
        return checkBinary(this, expr, expected);
      case "try":
        return checkTry(this, expr);
      case "propagate":
        return checkPropagate(this, expr);
      case "spawn":
        return checkSpawn(this, expr);
      case "send":
        return checkSend(this, expr);
      case "receive":
        return checkReceive(this, expr);
      case "emit":
        return checkEmit(this, expr);
      case "error":
        return { ir: unitIr(span), type: ERROR };
    }
  }

  #name(name: Name, expected: CheckedType): TypedIr {
    const { scope, context } = this;
    const local = scope.lookup(name.text);
    if (local !== undefined) {
      local.isUsed = true;
      context.nameRecorder?.addName(name.span, { kind: "local", local });
      return { ir: { kind: "local", local, span: name.span }, type: local.type };
    }
    const value = checkFunctionValue(this, name);
    if (value !== undefined) return value;
    const capability = context.capability(name.text);
    if (capability !== undefined) context.nameRecorder?.addName(name.span, { kind: "capability", capability });
    const capabilityValue = capability === undefined ? undefined : checkCapabilityValue(this, capability, name, expected);
    if (capabilityValue !== undefined) return capabilityValue;
    if (capability !== undefined) {
      this.error("E009", name.span, `the capability \`${capability.name}\` is not a value`, {
        help: `write \`${capability.call}\`, or a lambda around it`,
      });
    } else reportUnknownVariable(this, name);
    return { ir: unitIr(name.span), type: ERROR };
  }

  #field(expr: Expr & { kind: "field" }, expected: CheckedType): TypedIr {
    const qualified = qualifiedName(this, expr);
    if (qualified !== undefined && expr.target.kind === "name") {
      const value = checkFunctionValue(this, qualified);
      if (value !== undefined) return value;
      const isKnown = this.context.capability(qualified.text) !== undefined || hintForValue(qualified.text) !== undefined;
      if (isKnown || isModuleName(this, expr.target.name.text)) return this.#name(qualified, expected);
    }
    return checkField(this, expr.target, expr.name, expr.span);
  }

  inner(scope: FunctionScope): FunctionChecker {
    return new ExpressionChecker(scope, this.context);
  }

  error(code: DiagnosticCode, span: Span, message: string, extras?: DiagnosticExtras): void {
    if (code === "E014") this.scope.body.hasUndecidedType = true;
    else this.scope.body.hasError = true;
    this.scope.unit.diagnostics.error(code, span, message, extras);
  }

  warning(code: DiagnosticCode, span: Span, message: string, extras?: DiagnosticExtras): void {
    this.scope.unit.diagnostics.warning(code, span, message, extras);
  }

  bind(name: Name, type: CheckedType, { isMutable }: { readonly isMutable: boolean }): Local {
    const local: Local = { name: name.text, type, isMutable, span: name.span, isUsed: false };
    this.context.nameRecorder?.addName(name.span, { kind: "local", local });
    const replaced = this.scope.declare(local);
    if (replaced !== undefined) this.#warnIfUnused(replaced);
    return local;
  }

  /**
   * Warns of a binding that is never read, unless its name begins with `_`. In a function with errors there is no warning,
   * because the use may be in the part that is wrong.
   */
  #warnIfUnused(local: Local): void {
    if (local.isUsed || local.name === "" || local.name.startsWith("_")) return;
    const { body } = this.scope;
    this.context.deferredChecks.push(() => {
      if (body.hasError || body.hasUndecidedType) return;
      this.warning("W004", local.span, `\`${local.name}\` is never used`, {
        help: `name it \`_${local.name}\` if that is intended`,
      });
    });
  }

  leave(span: Span): void {
    const locals = this.scope.leave();
    this.context.nameRecorder?.addScope(span, locals);
    for (const local of locals) this.#warnIfUnused(local);
  }

  block(block: Block, expected: CheckedType, why = ""): Ir {
    return checkBlock(this, block, expected, why);
  }

  #lambda(expr: Expr & { kind: "lambda" }, expected: CheckedType): TypedIr {
    const { context } = this;
    const outer = this.scope;
    const { typeParams } = outer.callable;
    const typeParamsByName = paramsByName(typeParams);
    const wanted = prune(expected);
    const expectedParams = wanted.kind === "fn" ? wanted.params : [];
    // If the expected type comes from an error, do not report the undecided types of the lambda as well.
    const undecidedType = (): CheckedType => (wanted.kind === "error" ? ERROR : freshVar());
    const params = expr.params.map(
      (p, i): CheckedType =>
        p.type === null ? (expectedParams[i] ?? undecidedType()) : context.resolveType(outer.unit, p.type, typeParamsByName),
    );
    const result =
      expr.result === null
        ? wanted.kind === "fn"
          ? wanted.result
          : undecidedType()
        : context.resolveType(outer.unit, expr.result, typeParamsByName);
    const declaredRow = expr.row === null ? null : context.resolveRow(outer.unit, expr.row, typeParamsByName);
    outer.lambdaCount += 1;
    const callable: Callable = {
      name: `${outer.callable.name}.lambda${outer.lambdaCount}`,
      file: outer.unit,
      item: null,
      message: outer.callable.message,
      typeParams,
      params,
      result,
      row: declaredRow ?? [],
      body: null,
    };
    const scope = new FunctionScope(outer.unit, callable, result, outer);
    scope.isBranch = expr.isBranch === true;
    const inner = new ExpressionChecker(scope, context);
    const { locals, destructureParams } = bindParams(inner, expr.params, params);
    for (const { name, type, span } of locals) {
      context.deferredChecks.push(() => {
        if (isDecided(type)) return;
        const what = name === "" ? "this parameter" : `the parameter \`${name}\``;
        reportUndecided(this, type, span, `the type of ${what} is not known here`, `write it: \`${name || "PATTERN"}: TYPE\``);
      });
    }
    const value = inner.block(expr.body, result, "the result of the lambda");
    context.nameRecorder?.addScope(expr.span, scope.bindings());
    if (declaredRow === null) callable.row = sortedRow(scope.uses.keys());
    const captures = [...scope.captured];
    callable.body = {
      params: [...captures.map(([, copy]) => copy), ...locals],
      destructureParams,
      requires: [],
      ensures: [],
      result: null,
      value,
      intent: null,
    };
    context.scopes.set(callable, scope);
    const type: CheckedType = { kind: "fn", params, result, row: callable.row };
    const captured = captures.map(([original]) => original);
    return {
      ir:
        captured.length === 0
          ? { kind: "fn", target: callable, span: expr.span }
          : { kind: "closure", target: callable, captured, span: expr.span },
      type,
    };
  }
}
