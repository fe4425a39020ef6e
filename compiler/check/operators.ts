/** Checks the types of the operands of operators, and finds the types of the results. */
import { BUILTIN_BY_NAME } from "../../vm/builtins/builtin-table.ts";
import { BorunaError } from "../../vm/error.ts";
import { FloatValue } from "../../vm/value/value.ts";
import type { BinaryOp, Expr, RangeOp, Span } from "../ast.ts";
import type { Fix } from "../diagnostics.ts";
import { INTERPOLATION_HELP } from "../other-languages-calls.ts";
import type { Ir } from "../ir.ts";
import {
  isTuple,
  BOOL,
  builtinType,
  type CheckedType,
  ERROR,
  FLOAT,
  freshVar,
  INT,
  isData,
  prune,
  sameNameNote,
  showType,
  unify,
} from "../check-types.ts";
import { errorExpression, type FunctionChecker, type TypedIr } from "./context.ts";
import { conversionFix, conversionHelpEitherWay } from "./mismatch.ts";
import { reportUndecided } from "./undecided.ts";
import { recordBuiltinCall } from "./unused-results.ts";

/** The types of one operator. */
interface OperatorTypes {
  /** The names of the types that the operands may have; "data" means every type without functions. */
  readonly takes: readonly string[] | "data";
  /** The type of the result, which is either the type of the operands or Bool. */
  readonly returns: "operand" | "Bool";
}

const NUMBERS = ["Int", "Float"];
/** The operators that `OPERATORS` describes. */
type SimpleOp = Exclude<BinaryOp, "&&" | "||" | RangeOp>;
const OPERATORS: Readonly<Record<SimpleOp, OperatorTypes>> = {
  "==": { takes: "data", returns: "Bool" },
  "!=": { takes: "data", returns: "Bool" },
  "<": { takes: [...NUMBERS, "String"], returns: "Bool" },
  "<=": { takes: [...NUMBERS, "String"], returns: "Bool" },
  ">": { takes: [...NUMBERS, "String"], returns: "Bool" },
  ">=": { takes: [...NUMBERS, "String"], returns: "Bool" },
  "++": { takes: ["String", "List"], returns: "operand" },
  "+": { takes: [...NUMBERS, "String"], returns: "operand" },
  "-": { takes: NUMBERS, returns: "operand" },
  "*": { takes: NUMBERS, returns: "operand" },
  "/": { takes: NUMBERS, returns: "operand" },
  "%": { takes: ["Int"], returns: "operand" },
};

/** Returns whether the operator takes operands of the type. */
function acceptsType(operatorTypes: OperatorTypes, type: CheckedType): boolean {
  // `prune` follows bound type variables.
  const t = prune(type);
  if (t.kind === "error" || t.kind === "never") return true;
  if (operatorTypes.takes === "data") return isData(t);
  return (t.kind === "primitive" || t.kind === "builtin") && operatorTypes.takes.includes(t.name);
}

/** Returns help for an operand of a type that the operator does not take. It says what was probably meant. */
function operandHelp(op: SimpleOp, type: CheckedType): string | undefined {
  const t = prune(type);
  const name = t.kind === "primitive" || t.kind === "builtin" ? t.name : "";
  if (op === "++" && NUMBERS.includes(name)) return "numbers are added with `+`; to count write `x += 1`";
  if (op === "+" && name === "List") return "lists are joined with `++`";
  if (op === "*" && name === "String") return 'a text is repeated with `string.repeat("ab", 3)`';
  if (op === "%" && name === "String") return INTERPOLATION_HELP;
  if (isTuple(t)) return "compare the elements one after the other; `list.sort` puts tuples in order";
  if (name === "Option") return "it may be None: take it apart with `match`, or write `option.unwrap_or(…, other)`";
  if (name === "Result") return "it may be an Err: take it apart with `match`, or write `result.unwrap_or(…, other)`";
  if (name === "Json") return "take the Json apart with `json.as_int(…)` and the like, which return an Option, or with `match`";
  return t.kind === "fn" && OPERATORS[op].takes !== "data" ? "this is the function itself: call it" : undefined;
}

/** Reports operands that the operator does not take. If their type is not known yet, the check is deferred. */
function checkOperands(checker: FunctionChecker, op: SimpleOp, type: CheckedType, span: Span): void {
  if (prune(type).kind === "var") deferOperands(checker, op, type, span);
  else reportOperands(checker, op, type, span);
}

function deferOperands(checker: FunctionChecker, op: SimpleOp, type: CheckedType, span: Span): void {
  checker.context.deferredChecks.push(() => reportOperands(checker, op, type, span));
}

function reportOperands(checker: FunctionChecker, op: SimpleOp, type: CheckedType, span: Span): void {
  const t = prune(type);
  const { takes } = OPERATORS[op];
  if (t.kind === "var") {
    if (takes !== "data")
      reportUndecided(
        checker,
        t,
        span,
        `the type of the operands of \`${op}\` is not known here`,
        "write the type of the binding or parameter",
      );
  } else if (!acceptsType(OPERATORS[op], t)) {
    const takenTypes = takes === "data" ? "values without functions in them" : takes.join(", ").replace(/, (\w+)$/, " or $1");
    const help = operandHelp(op, t);
    checker.error("E009", span, `\`${op}\` takes ${takenTypes}, found ${showType(t)}`, { help });
  }
}

/** Reports `++i` at the start of a line, which continues the expression on the line before. Returns whether it did. */
function reportIncrement(checker: FunctionChecker, operand: Expr, opSpan: Span): boolean {
  const { unit } = checker.scope;
  const endBefore = unit.text.slice(0, opSpan.start).trimEnd().length;
  if (operand.kind !== "name" || operand.span.start !== opSpan.end || !unit.text.slice(endBefore, opSpan.start).includes("\n"))
    return false;
  const { text } = operand.name;
  const span = { start: opSpan.start, end: operand.span.end };
  checker.error("E009", span, "`++` does not increment: it joins the values before and after it", {
    help: `write \`${text} = ${text} + 1\``,
    fixes: [{ title: `write \`${text} = ${text} + 1\``, edits: [{ span, text: `${text} = ${text} + 1` }] }],
  });
  return true;
}

/** Returns a fix that converts one of two operands of different types, if a conversion exists that cannot fail. */
function operandFix(
  checker: FunctionChecker,
  { first, rest }: Expr & { kind: "binary" },
  right: Expr,
  leftType: CheckedType,
  rightType: CheckedType,
): readonly Fix[] {
  const { unit } = checker.scope;
  const op = rest.find((r) => r.operand === right)?.op;
  // A String is probably the wrong operand here. A conversion would only hide the mistake.
  if (op !== "+" && op !== "++" && [leftType, rightType].some((type) => showType(type) === "String")) return [];
  const rightFix = conversionFix(unit, leftType, rightType, right.span);
  const isFirst = rest[0]?.operand === right;
  return rightFix.length > 0 || !isFirst ? rightFix : conversionFix(unit, rightType, leftType, first.span);
}

/** Returns whether the operator takes operands of the type, or the type is not known yet. */
const mayAccept = (op: SimpleOp, type: CheckedType): boolean => prune(type).kind === "var" || acceptsType(OPERATORS[op], type);

/**
 * Checks the right side of an operator whose left side has the type `leftType`. Returns the IR of the right side with the type of the
 * result. `span` covers both sides. An error has a fix only if `chain`, the expression with the operator, is given.
 */
export function checkRightSide(
  checker: FunctionChecker,
  op: SimpleOp,
  leftType: CheckedType,
  right: Expr,
  span: Span,
  chain?: Expr & { kind: "binary" },
): TypedIr {
  if (!mayAccept(op, leftType)) {
    checkOperands(checker, op, leftType, span);
    return { ir: checker.check(right, freshVar()), type: ERROR };
  }
  const rightType = freshVar();
  if (prune(leftType).kind !== "primitive") unify(rightType, leftType);
  const ir = checker.check(right, rightType, `the right side of \`${op}\``);
  const matches = unify(rightType, leftType);
  if (matches) checkOperands(checker, op, leftType, span);
  else {
    const help = conversionHelpEitherWay(leftType, rightType);
    const message = `\`${op}\` needs two operands of one type, found ${showType(leftType)} and ${showType(rightType)}${sameNameNote(leftType, rightType)}`;
    const fixes = chain === undefined ? [] : operandFix(checker, chain, right, leftType, rightType);
    checker.error("E009", span, message, { help, fixes });
  }
  return { ir, type: OPERATORS[op].returns === "Bool" ? BOOL : matches ? leftType : ERROR };
}

/** Checks a chain of binary operators of one precedence, from left to right. */
export function checkBinary(checker: FunctionChecker, expr: Expr & { kind: "binary" }, expected: CheckedType): TypedIr {
  const firstOp = expr.rest[0]?.op;
  if (firstOp === "&&" || firstOp === "||") {
    const operands = [expr.first, ...expr.rest.map((r) => r.operand)].map((o) => checker.check(o, BOOL, `an operand of \`${firstOp}\``));
    return { ir: { kind: "logic", op: firstOp, operands, span: expr.span }, type: BOOL };
  }
  if (firstOp === ".." || firstOp === "..=") return checkRange(checker, expr, firstOp);
  let type: CheckedType = freshVar();
  // Only `++` uses the expected type, for the elements of empty lists. Other operators take their type from their operands.
  if (firstOp === "++") unify(type, expected);
  const first = checker.check(expr.first, type);
  const rest = expr.rest.map(({ op, operand, opSpan }): Extract<Ir, { kind: "chain" }>["rest"][number] => {
    if (op === "&&" || op === "||" || op === ".." || op === "..=")
      throw new BorunaError("internal", "a chain has operators of two precedences");
    const leftType = type;
    if (op === "++" && !mayAccept(op, leftType) && reportIncrement(checker, operand, opSpan))
      return { op, type: ERROR, operand: errorExpression(opSpan).ir, span: opSpan };
    const right = checkRightSide(checker, op, leftType, operand, { start: expr.first.span.start, end: operand.span.end }, expr);
    type = right.type;
    return { op, type: leftType, operand: right.ir, span: opSpan };
  });
  return { ir: { kind: "chain", first, rest, span: expr.span }, type };
}

/** Checks `a..b` and `a..=b`, the calls `list.range(a, b)` and `list.range(a, b + 1)`. */
function checkRange(checker: FunctionChecker, expr: Expr & { kind: "binary" }, op: RangeOp): TypedIr {
  const { span } = expr;
  const builtin = BUILTIN_BY_NAME.get("list.range");
  const last = expr.rest[0]?.operand;
  if (builtin === undefined || last === undefined) return errorExpression(span);
  const from = checker.check(expr.first, INT, "the start of the range");
  const end = checker.check(last, INT, "the end of the range");
  const ir: Ir = { kind: "builtin", builtin, args: [from, op === ".." ? end : plusOne(end)], typeArg: null, span };
  const type = builtinType("List", INT);
  recordBuiltinCall(checker, ir, builtin, type);
  return { ir, type };
}

/** Returns the sum of an Int and 1, computed here if the Int is a constant. */
function plusOne(ir: Ir): Ir {
  const { span } = ir;
  if (ir.kind === "const" && typeof ir.value === "number" && ir.value < Number.MAX_SAFE_INTEGER)
    return { kind: "const", value: ir.value + 1, span };
  return { kind: "chain", first: ir, rest: [{ op: "+", type: INT, operand: { kind: "const", value: 1, span }, span }], span };
}

/** Checks `-e` and `!e`. A negated float literal becomes a constant. */
export function checkUnary(checker: FunctionChecker, expr: Expr & { kind: "unary" }): TypedIr {
  if (expr.op === "!") {
    const { diagnostics } = checker.scope.unit;
    const countBefore = diagnostics.errorCount;
    const operand = checker.check(expr.operand, BOOL, "the operand of `!`");
    const type = diagnostics.errorCount > countBefore ? ERROR : BOOL;
    return { ir: { kind: "op", op: "Not", args: [operand], span: expr.span }, type };
  }
  if (expr.operand.kind === "float")
    return { ir: { kind: "const", value: new FloatValue(-expr.operand.value), span: expr.span }, type: FLOAT };
  const type = freshVar();
  const operand = checker.check(expr.operand, type);
  checkOperands(checker, "-", type, expr.span);
  return { ir: { kind: "op", op: "Neg", args: [operand], span: expr.span }, type };
}
