/**
 * Checks the body of one function and builds its IR. `check` takes an expression and its expected type. It finds the actual
 * type with `#infer` and unifies the two types with `#expect`. For an `if`, a `match` and a block, the expected type is
 * passed on to the branches, so that a mismatch is reported at the branch and not at the whole expression.
 */
import { FloatValue, intFromBigInt, NONE, UNIT } from "../../vm/value/value.ts";
import type { Binder, Block, Expr, Name, Span, Stmt } from "../ast.ts";
import type { DiagnosticCode, DiagnosticExtras } from "../diagnostics.ts";
import { analyzeMatch, TooComplex } from "../exhaustive.ts";
import type { Callable, CheckedArm, Ir, IrStmt, Local } from "../ir.ts";
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
  mismatch,
  NEVER,
  prune,
  show,
  STRING,
  unify,
  UNIT_TYPE,
} from "../check-types.ts";
import { checkAssign } from "./assignments.ts";
import { sortedRow } from "../rows.ts";
import { checkEmit, checkReceive, checkSend, checkSpawn } from "./actors.ts";
import { bindParams, type BinderPlace, checkCondition, checkIrrefutable, checkLetElse, neverEnds, patternText } from "./binders.ts";
import { checkCall, checkPipe, checkTry, qualifiedName } from "./calls.ts";
import { checkPar } from "./par.ts";
import { checkIndex, checkList, checkMap, unifyArguments } from "./collections.ts";
import { checkField, checkRecord, checkTuple, checkVariant } from "./data.ts";
import { checkPropagate } from "./propagate.ts";
import { checkText, warnOfInterpolation } from "./texts.ts";
import { warnUnusedResult } from "./unused-results.ts";
import type { Context, FunctionChecker, Typed } from "./context.ts";
import { checkCapabilityValue, checkFunctionValue } from "./function-values.ts";
import { checkLocalFn } from "./local-functions.ts";
import { mismatchReport, reportEnding } from "./mismatch.ts";
import { checkBinary, checkUnary } from "./operators.ts";
import { hintForValue } from "../other-languages.ts";
import { checkPattern } from "./patterns.ts";
import { reportUndecided } from "./undecided.ts";
import { isModuleName, reportUnknownVariable } from "./suggest-names.ts";

const unitIr = (span: Span): Ir => ({ kind: "const", value: UNIT, span });

export class ExpressionChecker implements FunctionChecker {
  readonly scope: FunctionScope;
  readonly context: Context;

  constructor(scope: FunctionScope, context: Context) {
    this.scope = scope;
    this.context = context;
  }

  check(expr: Expr, expected: CheckedType, why = "", accepts: (found: CheckedType) => boolean = () => false): Ir {
    this.context.recorder?.type(expr.span, expected);
    switch (expr.kind) {
      case "if":
        return this.#if(expr, expected, why);
      case "match":
        return this.#match(expr, expected, why);
      case "block":
        return this.block(expr.block, expected, why);
      default: {
        const { ir, type } = this.#infer(expr, expected);
        this.context.recorder?.type(expr.span, type);
        if (!accepts(type)) this.#expect(type, expected, expr.span, why);
        return ir;
      }
    }
  }

  /** Unifies the types, and reports a mismatch or a type that is too large. */
  #expect(type: CheckedType, expected: CheckedType, span: Span, why: string): void {
    // `prune` follows bound type variables.
    const e = prune(expected);
    if (isTooLarge(type)) {
      this.error("E015", span, "the type of this expression is too large", {
        help: "declare records for its parts, or recursive types, instead of nesting type arguments",
      });
      if (e.kind === "var") e.bound = ERROR;
      return;
    }
    const typeTexts = mismatch(type, expected);
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
  #infer(expr: Exclude<Expr, { kind: "if" | "match" | "block" }>, expected: CheckedType): Typed {
    const { span } = expr;
    switch (expr.kind) {
      case "int":
        return { ir: { kind: "const", value: intFromBigInt(expr.value), span }, type: INT };
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
      case "wrap": {
        const type = expr.wrap === "Some" ? builtinType("Option", freshVar()) : builtinType("Result", freshVar(), freshVar());
        unifyArguments(type, expected);
        const inner = type.kind === "builtin" ? type.args[expr.wrap === "Err" ? 1 : 0] : undefined;
        return { ir: { kind: "wrap", wrap: expr.wrap, value: this.check(expr.value, inner ?? ERROR, `\`${expr.wrap}\``), span }, type };
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

  #name(name: Name, expected: CheckedType): Typed {
    const { scope, context } = this;
    const local = scope.lookup(name.text);
    if (local !== undefined) {
      local.used = true;
      context.recorder?.name(name.span, { kind: "local", local });
      return { ir: { kind: "local", local, span: name.span }, type: local.type };
    }
    const value = checkFunctionValue(this, name);
    if (value !== undefined) return value;
    const capability = context.capability(name.text);
    if (capability !== undefined) context.recorder?.name(name.span, { kind: "capability", capability });
    const capabilityValue = capability === undefined ? undefined : checkCapabilityValue(this, capability, name, expected);
    if (capabilityValue !== undefined) return capabilityValue;
    if (capability !== undefined) {
      this.error("E009", name.span, `the capability \`${capability.name}\` is not a value`, {
        help: `write \`${capability.call}\`, or a lambda around it`,
      });
    } else reportUnknownVariable(this, name);
    return { ir: unitIr(name.span), type: ERROR };
  }

  #field(expr: Expr & { kind: "field" }, expected: CheckedType): Typed {
    const qualified = qualifiedName(this, expr);
    if (qualified !== undefined && expr.target.kind === "name") {
      const value = checkFunctionValue(this, qualified);
      if (value !== undefined) return value;
      const isKnown = this.context.capability(qualified.text) !== undefined || hintForValue(qualified.text) !== undefined;
      if (isKnown || isModuleName(this, expr.target.name.text)) return this.#name(qualified, expected);
    }
    return checkField(this, expr.target, expr.name, expr.span);
  }

  #if(expr: Expr & { kind: "if" }, expected: CheckedType, why: string): Ir {
    const { span } = expr;
    const wanted = prune(expected);
    const wantsValue = wanted.kind !== "var" && wanted.kind !== "error" && show(wanted) !== "Unit";
    const branches = expr.branches.map((b) => {
      this.scope.enter();
      const condition = checkCondition(this, b);
      const body =
        expr.otherwise !== null
          ? this.block(b.body, expected, why || "this branch")
          : wantsValue
            ? this.block(b.body, freshVar())
            : this.#unusedBlock(b.body, "if");
      this.#leave({ start: b.condition.span.start, end: b.body.span.end });
      return { ...condition, body };
    });
    if (expr.otherwise !== null)
      return { kind: "if", branches, otherwise: this.block(expr.otherwise, expected, why || "this branch"), span };
    if (!unify(UNIT_TYPE, expected)) {
      this.error(
        "E009",
        span,
        `expected ${show(expected)}${why === "" ? "" : ` for ${why}`}, but an \`if\` without \`else\` has no value`,
        { help: "add an `else` branch, or write the value after the `if`" },
      );
    }
    return { kind: "if", branches, otherwise: null, span };
  }

  /** Checks a block whose value is not used. */
  #unusedBlock(block: Block, of: "if" | "other" = "other"): Ir {
    const type = freshVar();
    const ir = this.block(block, type);
    warnUnusedResult(this, ir, type, of);
    return ir;
  }

  #match(expr: Expr & { kind: "match" }, expected: CheckedType, why: string): Ir {
    const type = freshVar();
    const scrutinee = this.check(expr.scrutinee, type);
    const subject: Local = { name: "", type, mutable: false, span: expr.scrutinee.span, used: true };
    const errorCount = (): number => this.scope.unit.diagnostics.errorCount;
    let hasError = false;
    let isUndecided = false;
    const arms = expr.arms.map((arm, i): CheckedArm => {
      this.scope.enter();
      const countBefore = errorCount();
      const { checked: pattern, recheck } = checkPattern(this, arm.pattern, type);
      if (errorCount() > countBefore) hasError = true;
      else if (recheck !== null) {
        isUndecided = true;
        this.context.patternRechecks.push(() => {
          const countBeforeRecheck = errorCount();
          const arm = arms[i];
          if (arm !== undefined) arm.pattern = recheck();
          hasError ||= errorCount() > countBeforeRecheck;
        });
      }
      const guard = arm.guard === null ? null : this.check(arm.guard, BOOL, "the guard");
      const wanted = prune(expected);
      const emptyMap = arm.emptyBraces && wanted.kind === "builtin" && wanted.name === "Map";
      const body: Ir = emptyMap ? { kind: "map", entries: [], span: arm.body.span } : this.block(arm.body, expected, why || "this arm");
      this.#leave(arm.span);
      return { pattern, guard, body };
    });
    const checkArms = (): void => {
      if (!hasError && prune(type).kind !== "error") this.#checkArms(expr, type, arms);
    };
    if (isUndecided) this.context.deferredChecks.push(checkArms);
    else checkArms();
    return { kind: "match", scrutinee, subject, arms, span: expr.span };
  }

  /** Reports values that no arm covers, and arms that can never be reached. */
  #checkArms(expr: Expr & { kind: "match" }, type: CheckedType, arms: readonly CheckedArm[]): void {
    try {
      const { missing, unreachable } = analyzeMatch(
        type,
        arms.map((a) => ({ pattern: a.pattern, guarded: a.guard !== null })),
      );
      if (missing !== null) {
        const header = { start: expr.span.start, end: expr.scrutinee.span.end };
        const help = missing === "_" ? "add an arm `_ => …`" : `add an arm \`${missing} => …\`, or \`_ => …\``;
        this.error("E005", header, `this match misses ${missing === "_" ? `other values of ${show(type)}` : `\`${missing}\``}`, { help });
      }
      for (const i of unreachable) {
        const arm = expr.arms[i];
        if (arm !== undefined) this.warning("W003", arm.pattern.span, "this arm can never be reached: the arms before it cover its values");
      }
    } catch (error) {
      if (!(error instanceof TooComplex)) throw error;
      this.error("E015", expr.span, "this match is too complex to check", { help: "split it into several matches" });
    }
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

  bind(name: Name, type: CheckedType, { mutable }: { readonly mutable: boolean }): Local {
    const local: Local = { name: name.text, type, mutable, span: name.span, used: false };
    this.context.recorder?.name(name.span, { kind: "local", local });
    const replaced = this.scope.declare(local);
    if (replaced !== undefined) this.#warnIfUnused(replaced);
    return local;
  }

  /**
   * Warns of a binding that is never read, unless its name begins with `_`. In a function with errors there is no warning,
   * because the use may be in the part that is wrong.
   */
  #warnIfUnused(local: Local): void {
    if (local.used || local.name === "" || local.name.startsWith("_")) return;
    const { body } = this.scope;
    this.context.deferredChecks.push(() => {
      if (body.hasError || body.hasUndecidedType) return;
      this.warning("W004", local.span, `\`${local.name}\` is never used`, {
        help: `name it \`_${local.name}\` if that is intended`,
      });
    });
  }

  /** Ends the block at `span` and warns of its unused bindings. */
  #leave(span: Span): void {
    const locals = this.scope.leave();
    this.context.recorder?.scope(span, locals);
    for (const local of locals) this.#warnIfUnused(local);
  }

  block(block: Block, expected: CheckedType, why = ""): Ir {
    this.scope.enter();
    const last = block.stmts.at(-1);
    const leading = last?.kind === "expr" ? block.stmts.slice(0, -1) : block.stmts;
    let errorCount = this.scope.unit.diagnostics.errorCount;
    const stmts = leading.flatMap((s) => {
      errorCount = this.scope.unit.diagnostics.errorCount;
      return this.#stmt(s);
    });
    const lastHasError = leading.length > 0 && this.scope.unit.diagnostics.errorCount > errorCount;
    let value: Ir | null = null;
    if (last?.kind === "expr") value = this.check(last.value, this.#followsUnknownName(last, leading.at(-1)) ? freshVar() : expected, why);
    else if (neverEnds(stmts.at(-1))) unify(NEVER, expected);
    else if (!lastHasError) {
      const brace = { start: Math.max(block.span.start, block.span.end - 1), end: block.span.end };
      if (!reportEnding(this, last, expected, brace, why)) this.#expect(UNIT_TYPE, expected, brace, why);
    }
    this.#leave(block.span);
    return { kind: "block", stmts, value, span: block.span };
  }

  /** Returns whether an unknown name is before the statement on the same line, like `print` in `print "x"`. Then only that name is reported. */
  #followsUnknownName(stmt: Stmt, previous: Stmt | undefined): boolean {
    if (previous?.kind !== "expr" || previous.value.kind !== "name") return false;
    const { scope, context } = this;
    const { text } = previous.value.name;
    const isKnown = scope.lookup(text) !== undefined || scope.unit.functions.has(text) || context.builtin(scope.unit, text) !== undefined;
    return !isKnown && !scope.unit.text.slice(previous.span.end, stmt.span.start).includes("\n");
  }

  #loop(body: Block): { readonly body: Ir; readonly hasBreak: boolean } {
    const loop = { hasBreak: false };
    this.scope.loops.push(loop);
    const ir = this.#unusedBlock(body);
    this.scope.loops.pop();
    return { body: ir, hasBreak: loop.hasBreak };
  }

  /** Declares what a `let` or a `for` binds. If that is a pattern, `prologue` takes the value of `local` apart. */
  #declare(
    { name, pattern }: Binder,
    type: CheckedType,
    options: { readonly place: BinderPlace; readonly mutable: boolean },
  ): { readonly local: Local; readonly bound: readonly Local[]; readonly prologue: readonly IrStmt[] } {
    if (pattern === null) {
      const local = this.bind(name, type, options);
      return { local, bound: [local], prologue: [] };
    }
    // A span of the loop shows the name.
    const shownName = options.place === "for" ? patternText(this, pattern) : "";
    const local: Local = { name: shownName, type, mutable: false, span: name.span, used: true };
    const { stmt, bound } = checkIrrefutable(this, pattern, local, options);
    return { local, bound: [...bound.values()], prologue: [stmt] };
  }

  /** Declares what a `let` binds. The block after `else` does not see it. */
  #letBinding(stmt: Stmt & { kind: "let" }, type: CheckedType): { readonly local: Local; readonly prologue: readonly IrStmt[] } {
    const { pattern, mutable, otherwise, span } = stmt;
    if (pattern === null || otherwise === null) return this.#declare(stmt, type, { place: "let", mutable });
    const checkedElse = this.block(otherwise, freshVar());
    const destructuring = checkLetElse(this, { pattern, mutable, span }, type, checkedElse);
    return { local: destructuring.subject, prologue: [destructuring] };
  }

  #stmt(stmt: Stmt): IrStmt[] {
    const { scope, context } = this;
    const { span } = stmt;
    switch (stmt.kind) {
      case "let": {
        const params = new Map(scope.callable.typeParams.map((p) => [p.name, p]));
        const type = stmt.type === null ? freshVar() : context.resolveType(scope.unit, stmt.type, params);
        const countBefore = scope.unit.diagnostics.errorCount;
        const what = stmt.pattern === null ? `\`${stmt.name.text}\`` : "the pattern";
        scope.beginValue(stmt.name.text);
        const value = this.check(stmt.value, type, what);
        scope.endValue();
        const { local, prologue } = this.#letBinding(stmt, type);
        // If the value has an error, do not report its undecided type as well.
        if (stmt.type === null && scope.unit.diagnostics.errorCount === countBefore) {
          context.deferredChecks.push(() => {
            if (!isDecided(type))
              reportUndecided(
                this,
                type,
                stmt.name.span,
                `the type of ${what} cannot be inferred from its value and uses: ${show(type)}`,
                `write it: \`let ${stmt.name.text || "PATTERN"}: TYPE = …\``,
              );
          });
        }
        return [{ kind: "set", local, value, span }, ...prologue];
      }
      case "assign":
        return checkAssign(this, stmt);
      case "while": {
        scope.enter();
        const condition = checkCondition(this, stmt);
        const { body, hasBreak } = this.#loop(stmt.body);
        this.#leave(span);
        const isEndless = stmt.condition.kind === "bool" && stmt.condition.value && !hasBreak;
        return [{ kind: "while", ...condition, body, isEndless, span }];
      }
      case "for": {
        const item = freshVar();
        const countBefore = scope.unit.diagnostics.errorCount;
        const list = this.check(stmt.list, builtinType("List", item), "the list of `for`");
        const hasError = scope.unit.diagnostics.errorCount > countBefore;
        scope.enter();
        const type = hasError && prune(item).kind === "var" ? ERROR : item;
        const { local, bound, prologue } = this.#declare(stmt, type, { place: "for", mutable: false });
        if (hasError) for (const inner of bound) inner.used = true;
        const { body: loopBody } = this.#loop(stmt.body);
        this.#leave(span);
        const body: Ir = prologue.length === 0 ? loopBody : { kind: "block", stmts: prologue, value: loopBody, span: loopBody.span };
        return [{ kind: "for", local, list, body, assigned: scope.assigned, span }];
      }
      case "break":
      case "continue": {
        const loop = scope.loops.at(-1);
        if (loop === undefined) this.error("E002", span, `\`${stmt.kind}\` is outside a loop`);
        else if (stmt.kind === "break") loop.hasBreak = true;
        return [{ kind: stmt.kind, span }];
      }
      case "return": {
        if (scope.isBranch) {
          this.error("E002", span, "`return` is inside a branch of a `par`", {
            help: "the value of a branch is that of its last expression; a `return` after the `par` ends the function",
          });
        }
        if (stmt.value !== null) return [{ kind: "return", value: this.check(stmt.value, scope.result, "the result"), span }];
        this.#expect(UNIT_TYPE, scope.result, span, "the result");
        return [{ kind: "return", value: null, span }];
      }
      case "fn":
        return [checkLocalFn(this, stmt.item)];
      case "answer":
        this.error("E002", span, "an answer must be at the start of a `test` block", {
          help: "move it before the other statements of the test",
        });
        return [];
      case "expr": {
        const type = freshVar();
        const value = this.check(stmt.value, type);
        warnUnusedResult(this, value, type);
        return [{ kind: "expr", value, span }];
      }
    }
  }

  #lambda(expr: Expr & { kind: "lambda" }, expected: CheckedType): Typed {
    const { context } = this;
    const outer = this.scope;
    const { typeParams } = outer.callable;
    const typeParamsByName = new Map(typeParams.map((p) => [p.name, p]));
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
    const { locals, prologue } = bindParams(inner, expr.params, params);
    for (const { name, type, span } of locals) {
      context.deferredChecks.push(() => {
        if (isDecided(type)) return;
        const what = name === "" ? "this parameter" : `the parameter \`${name}\``;
        reportUndecided(this, type, span, `the type of ${what} is not known here`, `write it: \`${name || "PATTERN"}: TYPE\``);
      });
    }
    const value = inner.block(expr.body, result, "the result of the lambda");
    context.recorder?.scope(expr.span, scope.bindings());
    if (declaredRow === null) callable.row = sortedRow(scope.uses.keys());
    const captures = [...scope.captured];
    callable.body = {
      params: [...captures.map(([, copy]) => copy), ...locals],
      prologue,
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
