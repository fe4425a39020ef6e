/** Checks operators: which types they take and what they return. */
import { FloatValue } from "../../vm/value/value.ts";
import type { BinaryOp, Expr, Span } from "../ast.ts";
import { BOOL, type CheckedType, ERROR, FLOAT, freshVar, isData, prune, sameNameNote, show, unify } from "../check-types.ts";
import { failed, type FunctionChecker, type Typed } from "./context.ts";
import { conversionHelpEitherWay } from "./mismatch.ts";

interface OperatorRow {
  /** The names of the types of its operands; "data" is every type without functions. */
  readonly takes: readonly string[] | "data";
  /** The type of its result: that of the operands, or Bool. */
  readonly returns: "operand" | "Bool";
}

const NUMBERS = ["Int", "Float"];
const OPERATORS: Readonly<Record<Exclude<BinaryOp, "&&" | "||">, OperatorRow>> = {
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

function accepts(row: OperatorRow, type: CheckedType): boolean {
  const t = prune(type);
  if (t.kind === "error" || t.kind === "never") return true;
  if (row.takes === "data") return isData(t);
  return (t.kind === "primitive" || t.kind === "builtin") && row.takes.includes(t.name);
}

/** What was probably meant if an operand has a type that the operator does not take. */
function operandHelp(op: Exclude<BinaryOp, "&&" | "||">, type: CheckedType): string | undefined {
  const t = prune(type);
  const name = t.kind === "primitive" || t.kind === "builtin" ? t.name : "";
  if (op === "++" && NUMBERS.includes(name)) return "numbers are added with `+`; to count write `x = x + 1`";
  if (op === "+" && name === "List") return "lists are joined with `++`";
  if (name === "Option") return "it may be None: take it apart with `match`, or write `option.unwrap_or(…, other)`";
  if (name === "Result") return "it may be an Err: take it apart with `match`, or write `result.unwrap_or(…, other)`";
  if (name === "Json") return "take the Json apart with `json.as_int(…)` and the like, which return an Option, or with `match`";
  return t.kind === "fn" && OPERATORS[op].takes !== "data" ? "this is the function itself: call it" : undefined;
}

/** Reports operands that the operator does not take. If their type is not known yet, the check is deferred. */
function checkOperands(
  checker: FunctionChecker,
  op: Exclude<BinaryOp, "&&" | "||">,
  row: OperatorRow,
  type: CheckedType,
  span: Span,
): void {
  const report = (): void => {
    const t = prune(type);
    if (t.kind === "var") {
      if (row.takes !== "data")
        checker.error("E014", span, `the type of the operands of \`${op}\` is not known here`, {
          help: "write the type of the binding or parameter",
        });
    } else if (!accepts(row, t)) {
      const wanted = row.takes === "data" ? "values without functions in them" : row.takes.join(", ").replace(/, (\w+)$/, " or $1");
      const help = operandHelp(op, t);
      checker.error("E009", span, `\`${op}\` takes ${wanted}, found ${show(t)}`, { help });
    }
  };
  if (prune(type).kind === "var") checker.context.deferredChecks.push(report);
  else report();
}

/** Reports `++i` on a line of its own, which continues the expression on the line before. Returns whether it did. */
function reportIncrement(checker: FunctionChecker, operand: Expr, op: Span): boolean {
  const { unit } = checker.scope;
  const before = unit.text.slice(0, op.start).trimEnd().length;
  if (operand.kind !== "name" || operand.span.start !== op.end || !unit.text.slice(before, op.start).includes("\n")) return false;
  const { text } = operand.name;
  const span = { start: op.start, end: operand.span.end };
  checker.error("E009", span, "`++` does not increment: it joins the values before and after it", {
    help: `write \`${text} = ${text} + 1\``,
    fixes: [{ title: `write \`${text} = ${text} + 1\``, edits: [{ span, text: `${text} = ${text} + 1` }] }],
  });
  return true;
}

/** A run of binary operators of one precedence, left to right. */
export function checkBinary(checker: FunctionChecker, expr: Expr & { kind: "binary" }, expected: CheckedType): Typed {
  const firstOp = expr.rest[0]?.op;
  if (firstOp === "&&" || firstOp === "||") {
    const operands = [expr.first, ...expr.rest.map((r) => r.operand)].map((o) => checker.check(o, BOOL, `an operand of \`${firstOp}\``));
    return { ir: { kind: "logic", op: firstOp, operands, span: expr.span }, type: BOOL };
  }
  let type: CheckedType = freshVar();
  // Only `++` needs the expected type, for the elements of empty lists. The type of numbers is that of their operands.
  if (firstOp === "++") unify(type, expected);
  const first = checker.check(expr.first, type);
  const rest = expr.rest.map((r) => {
    if (r.op === "&&" || r.op === "||") return { op: r.op, type, operand: checker.check(r.operand, BOOL), span: r.opSpan };
    const row = OPERATORS[r.op];
    const right = freshVar();
    const left = type;
    const known = prune(left);
    const span = { start: expr.first.span.start, end: r.operand.span.end };
    if (known.kind !== "var" && !accepts(row, known)) {
      if (r.op === "++" && reportIncrement(checker, r.operand, r.opSpan))
        return { op: r.op, type: ERROR, operand: failed(r.opSpan).ir, span: r.opSpan };
      checkOperands(checker, r.op, row, left, span);
      type = ERROR;
      return { op: r.op, type: left, operand: checker.check(r.operand, freshVar()), span: r.opSpan };
    }
    if (known.kind !== "primitive") unify(right, type);
    const operand = checker.check(r.operand, right, `the right side of \`${r.op}\``);
    if (!unify(right, left)) {
      const help = conversionHelpEitherWay(left, right);
      const message = `\`${r.op}\` needs two operands of one type, found ${show(left)} and ${show(right)}${sameNameNote(left, right)}`;
      checker.error("E009", span, message, { help });
      type = ERROR;
    } else checkOperands(checker, r.op, row, left, span);
    if (row.returns === "Bool") type = BOOL;
    return { op: r.op, type: left, operand, span: r.opSpan };
  });
  return { ir: { kind: "chain", first, rest, span: expr.span }, type };
}

/** `-e` and `!e`. A negated float literal is a constant. */
export function checkUnary(checker: FunctionChecker, expr: Expr & { kind: "unary" }): Typed {
  if (expr.op === "!") {
    const { diagnostics } = checker.scope.unit;
    const before = diagnostics.errorCount;
    const operand = checker.check(expr.operand, BOOL, "the operand of `!`");
    const type = diagnostics.errorCount > before ? ERROR : BOOL;
    return { ir: { kind: "op", op: "Not", args: [operand], span: expr.span }, type };
  }
  if (expr.operand.kind === "float")
    return { ir: { kind: "const", value: new FloatValue(-expr.operand.value), span: expr.span }, type: FLOAT };
  const type = freshVar();
  const operand = checker.check(expr.operand, type);
  checkOperands(checker, "-", OPERATORS["-"], type, expr.span);
  return { ir: { kind: "op", op: "Neg", args: [operand], span: expr.span }, type };
}
