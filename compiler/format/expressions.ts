/** Prints expressions, statements and blocks. Each printer takes the tokens of its node from the stream `t`, in source order. */
import type { AssignStep, Block, Condition, Expr, FieldInit, MatchArm, Stmt } from "../ast.ts";
import { type Doc, EMPTY, group, HARDLINE, indent, concat, concatAll, LINE, SPACE } from "./doc.ts";
import { printList, printEmptyBrackets } from "./lists.ts";
import { printBinder, printParam, printPattern } from "./patterns.ts";
import { printResultType, printEffectRow, printType } from "./type-layout.ts";
import type { TokenStream } from "./token-stream.ts";

/** Prints an expression with its parentheses. Comments before it stay outside its groups: a comment forces line breaks in the group around it. */
function printExpr(t: TokenStream, expr: Expr): Doc {
  const leadingComments = t.takeComments();
  const openParens: Doc[] = [];
  while (t.at("(") && t.start < expr.span.start) openParens.push(t.take());
  const contents = concat(t.takeComments(), printInsideParens(t, expr));
  return concat(leadingComments, ...openParens, contents, ...openParens.map(() => t.take()));
}

function printInsideParens(t: TokenStream, expr: Expr): Doc {
  switch (expr.kind) {
    case "int":
      return t.at("-") ? concat(t.take(), t.take()) : t.take();
    case "unit":
      return concat(t.take(), t.take());
    case "someOkErr":
      return concat(t.take(), printArgs(t, [expr.value], { hasTrailingComma: false }));
    case "variant":
      return printVariant(t, expr);
    case "call":
      return concat(printExpr(t, expr.callee), printArgs(t, expr.args));
    case "pipe":
      return printPipe(t, expr);
    case "field":
      return concat(printExpr(t, expr.target), t.take(), t.take());
    case "index":
      return concat(printExpr(t, expr.target), t.take(), printExpr(t, expr.index), t.take());
    case "record":
      return concat(t.take(), SPACE, printFieldInits(t, expr.fields, expr.base));
    case "list":
      return printList(t, expr.items.length, { keepsBreak: true, fills: isTable(expr.items) }, (i) => exprAt(t, expr.items, i));
    case "par":
      return concat(
        t.take(),
        SPACE,
        printList(t, expr.branches.length, { keepsBreak: true, isPadded: true }, (i) => exprAt(t, expr.branches, i)),
      );
    case "tuple":
      return printList(t, expr.items.length, {}, (i) => exprAt(t, expr.items, i));
    case "map":
      return printList(t, expr.entries.length, { keepsBreak: true, isPadded: true }, (i) => {
        const entry = expr.entries[i];
        return entry === undefined ? EMPTY : concat(printExpr(t, entry.key), t.take(), SPACE, printExpr(t, entry.value));
      });
    case "lambda":
      return printLambda(t, expr);
    case "if":
      return printIf(t, expr);
    case "match":
      return printMatch(t, expr);
    case "block":
      return printBlock(t, expr.block, { isExpression: true });
    case "unary":
      return concat(t.take(), printExpr(t, expr.operand));
    case "binary":
      return printBinary(t, expr);
    case "propagate":
      return concat(printExpr(t, expr.value), t.take());
    case "try":
      return concat(t.take(), SPACE, printExpr(t, expr.call));
    case "spawn":
      return concat(t.take(), SPACE, printExpr(t, expr.target));
    case "emit":
      return concat(t.take(), SPACE, printExpr(t, expr.tree));
    case "send":
      return concat(t.take(), SPACE, printExpr(t, expr.actor), SPACE, printExpr(t, expr.message));
    case "text":
      // An interpolation must end on its line, so nothing in it may break.
      return t.verbatim(expr.span);
    case "float":
    case "string":
    case "bool":
    case "none":
    case "name":
    case "receive":
    case "error":
      return t.take();
  }
}

/** Minimum number of elements of a table. A broken list with fewer elements has one element per line. */
const MIN_TABLE_ELEMENTS = 12;
/** Maximum length of an element of a table, in UTF-16 code units. A broken list with a longer element has one element per line. */
const MAX_TABLE_ELEMENT_LENGTH = 12;

/** Whether the list is a table: many short literals, or tuples of them. If a table is broken, each line is filled with elements. */
function isTable(items: readonly Expr[]): boolean {
  const isLiteral = ({ kind }: Expr): boolean => kind === "int" || kind === "float" || kind === "string" || kind === "bool";
  const isLiteralOrUnary = (item: Expr): boolean => isLiteral(item.kind === "unary" ? item.operand : item);
  const isElement = (item: Expr): boolean =>
    item.span.end - item.span.start <= MAX_TABLE_ELEMENT_LENGTH &&
    (item.kind === "tuple" ? item.items.every(isLiteralOrUnary) : isLiteralOrUnary(item));
  return items.length >= MIN_TABLE_ELEMENTS && items.every(isElement);
}

function exprAt(t: TokenStream, exprs: readonly Expr[], index: number): Doc {
  const expr = exprs[index];
  return expr === undefined ? EMPTY : printExpr(t, expr);
}

function printArgs(t: TokenStream, args: readonly Expr[], { hasTrailingComma = true } = {}): Doc {
  const last = args.at(-1);
  return printList(t, args.length, { hasTrailingComma, hugsLast: canHug(last), lastPrefersOwnLine: last?.kind === "list" }, (i) =>
    exprAt(t, args, i),
  );
}

/** Whether the expression may begin on the line of `(` and end on the line of `)` if it is the last argument of a call. */
function canHug(expr: Expr | undefined): boolean {
  switch (expr?.kind) {
    case "lambda":
    case "match":
    case "if":
    case "block":
      return true;
    case "record":
      return expr.base !== null || expr.fields.length > 0;
    case "list":
      return expr.items.length > 0;
    case "map":
      return expr.entries.length > 0;
    case "someOkErr":
      return canHug(expr.value);
    case "call":
      return canHug(expr.args.at(-1));
    case "variant":
      return expr.payload?.kind === "struct" ? expr.payload.fields.length > 0 : canHug(expr.payload?.args.at(-1));
    default:
      return false;
  }
}

function printVariant(t: TokenStream, expr: Extract<Expr, { kind: "variant" }>): Doc {
  const path = concat(t.take(), t.take(), t.take());
  if (expr.payload === null) return path;
  return expr.payload.kind === "args"
    ? concat(path, printArgs(t, expr.payload.args))
    : concat(path, SPACE, printFieldInits(t, expr.payload.fields, null));
}

function printFieldInits(t: TokenStream, fields: readonly FieldInit[], base: Expr | null): Doc {
  const offset = base === null ? 0 : 1;
  return printList(t, fields.length + offset, { keepsBreak: true, isPadded: true }, (i) => {
    if (base !== null && i === 0) return concat(t.take(), printExpr(t, base));
    const field = fields[i - offset];
    if (field === undefined) return EMPTY;
    const name = t.take();
    return field.value.span.start === field.name.span.start ? name : concat(name, t.take(), SPACE, printExpr(t, field.value));
  });
}

function printLambda(t: TokenStream, expr: Extract<Expr, { kind: "lambda" }>): Doc {
  const keyword = t.take();
  const params = printList(t, expr.params.length, {}, (i) => printParam(t, expr.params[i]));
  return concat(keyword, params, printResultType(t, expr.result), printEffectRow(t, expr.row), SPACE, printBlock(t, expr.body));
}

/** Prints a chain of pipes, on one line or with one pipe on each line. It stays broken if a pipe begins a line in the source. */
function printPipe(t: TokenStream, expr: Extract<Expr, { kind: "pipe" }>): Doc {
  const stages = [expr];
  let first = expr.value;
  // A chain in parentheses is a value of its own.
  for (; first.kind === "pipe" && first.span.start === expr.span.start; first = first.value) stages.push(first);
  const value = printExpr(t, first);
  const pipes = stages.reverse().map(({ callee, args }) => {
    const lineBreak = t.nextStartsLine() ? HARDLINE : LINE;
    const name = concat(t.take(), SPACE, printExpr(t, callee));
    return concat(lineBreak, name, args === null ? EMPTY : printArgs(t, args));
  });
  return group(concat(value, indent(concatAll(pipes))));
}

/** Prints a range, with no space or line break at its `..`: a line that begins with `..` does not continue an expression. */
function printRange(t: TokenStream, { first, rest }: Extract<Expr, { kind: "binary" }>): Doc {
  const from = printExpr(t, first);
  return concat(from, ...rest.map(({ operand }) => concat(t.take(), printExpr(t, operand))));
}

/** Prints a chain of operators. A line may break before any operator except `-`: a line that starts with `-` is a new statement. */
function printBinary(t: TokenStream, expr: Extract<Expr, { kind: "binary" }>): Doc {
  const firstOp = expr.rest[0]?.op;
  if (firstOp === ".." || firstOp === "..=") return printRange(t, expr);
  const firstOperand = printExpr(t, expr.first);
  const otherOperands = expr.rest.map(({ op, operand }) => concat(op === "-" ? SPACE : LINE, t.take(), SPACE, printExpr(t, operand)));
  return group(concat(firstOperand, indent(concatAll(otherOperands))));
}

/**
 * Prints the header between a keyword and its `{`. If the header takes several lines, `{` starts a new line, unless the
 * header ends in a bracket and its first line fits.
 */
function printHeader(t: TokenStream, expr: Expr): Doc {
  const header = printExpr(t, expr);
  return group(concat(header, LINE), { hugged: endsInBracket(expr) ? concat(header, SPACE) : null });
}

function endsInBracket(expr: Expr): boolean {
  if (expr.kind === "propagate") return endsInBracket(expr.value);
  return expr.kind === "call" || expr.kind === "list" || expr.kind === "someOkErr" || expr.kind === "variant";
}

/** Prints the header of an `if` or `while`: a condition, or `let PATTERN = VALUE`. */
function printCondition(t: TokenStream, { pattern, condition }: Condition): Doc {
  if (pattern === null) return printHeader(t, condition);
  return concat(t.take(), SPACE, printPattern(t, pattern), SPACE, t.take(), SPACE, printHeader(t, condition));
}

/** Prints an `if`. Either all of its branches are broken over several lines, or no branch is. */
function printIf(t: TokenStream, expr: Extract<Expr, { kind: "if" }>): Doc {
  const parts: Doc[] = [];
  expr.branches.forEach((branch, i) => {
    if (i > 0) parts.push(SPACE, t.take(), SPACE);
    parts.push(t.take(), SPACE, printCondition(t, branch), printBlockParts(t, branch.body));
  });
  if (expr.otherwise !== null) parts.push(SPACE, t.take(), SPACE, printBlockParts(t, expr.otherwise));
  return group(concatAll(parts));
}

function printMatch(t: TokenStream, expr: Extract<Expr, { kind: "match" }>): Doc {
  const header = concat(t.take(), SPACE, printHeader(t, expr.scrutinee));
  if (expr.arms.length === 0) return concat(header, printEmptyBrackets(t));
  const opener = t.take();
  const arms = expr.arms.map((arm) => {
    const printed = concat(HARDLINE, t.takeComments(), t.sourceBlankLine(), printArm(t, arm));
    if (t.at(",")) t.drop();
    return printed;
  });
  return concat(header, opener, indent(concat(concatAll(arms), t.takeComments())), HARDLINE, t.take());
}

function printArm(t: TokenStream, arm: MatchArm): Doc {
  const pattern = printPattern(t, arm.pattern);
  const guard = arm.guard === null ? EMPTY : concat(SPACE, t.take(), SPACE, printExpr(t, arm.guard));
  return concat(pattern, guard, SPACE, t.take(), SPACE, printArmBody(t, arm));
}

function printArmBody(t: TokenStream, arm: MatchArm): Doc {
  if (arm.hasEmptyBraces) return printEmptyBrackets(t);
  const [only, second] = arm.body.stmts;
  const isBare = only !== undefined && second === undefined && only.span.start === arm.body.span.start;
  return isBare ? printStmt(t, only) : printBlock(t, arm.body, { isExpression: true });
}

/** Prints a block. If it is an expression and empty, the block keeps its `;`, because `{}` would be a map. */
export function printBlock(t: TokenStream, block: Block, options: { readonly isExpression?: boolean } = {}): Doc {
  return group(printBlockParts(t, block, options));
}

/** Prints a block without a group of its own. A block with one statement on one line of the source stays on one line if the caller's group fits. */
function printBlockParts(t: TokenStream, block: Block, { isExpression = false } = {}): Doc {
  const { stmts, span } = block;
  const opener = t.take();
  if (stmts.length === 0) {
    const semicolon = isExpression && t.at(";") ? t.take() : EMPTY;
    dropSemicolons(t);
    const endComments = t.takeComments();
    return concat(opener, indent(concat(semicolon, endComments)), endComments === EMPTY ? EMPTY : HARDLINE, t.take());
  }
  /** The line break after `{` and before `}`. */
  const edgeBreak = stmts.length === 1 && t.onOneLine(span.start, span.end) ? LINE : HARDLINE;
  const lines = stmts.map((stmt, i) => {
    dropSemicolons(t);
    return concat(i === 0 ? edgeBreak : HARDLINE, t.takeComments(), t.sourceBlankLine(), printStmt(t, stmt));
  });
  dropSemicolons(t);
  return concat(opener, indent(concat(concatAll(lines), t.takeComments())), edgeBreak, t.take());
}

function dropSemicolons(t: TokenStream): void {
  while (t.at(";")) t.drop();
}

/** Prints the steps of an assignment to a part of a variable: `[i].x`. */
function printSteps(t: TokenStream, steps: readonly AssignStep[]): Doc {
  return concatAll(
    steps.map((step) => (step.kind === "index" ? concat(t.take(), printExpr(t, step.index), t.take()) : concat(t.take(), t.take()))),
  );
}

function printStmt(t: TokenStream, stmt: Stmt): Doc {
  switch (stmt.kind) {
    case "let": {
      const binding = concat(t.take(), SPACE, stmt.isMutable ? concat(t.take(), SPACE) : EMPTY, printBinder(t, stmt));
      const type = stmt.type === null ? EMPTY : concat(t.take(), SPACE, printType(t, stmt.type));
      const set = concat(binding, type, SPACE, t.take(), SPACE, printExpr(t, stmt.value));
      return stmt.otherwise === null ? set : concat(set, SPACE, t.take(), SPACE, printBlock(t, stmt.otherwise));
    }
    case "assign":
      return concat(t.take(), printSteps(t, stmt.steps), SPACE, t.take(), SPACE, printExpr(t, stmt.value));
    case "while":
      return concat(t.take(), SPACE, printCondition(t, stmt), printBlock(t, stmt.body));
    case "for":
      return concat(t.take(), SPACE, printBinder(t, stmt), SPACE, t.take(), SPACE, printHeader(t, stmt.list), printBlock(t, stmt.body));
    case "return":
      return stmt.value === null ? t.take() : concat(t.take(), SPACE, printExpr(t, stmt.value));
    case "break":
    case "continue":
      return t.take();
    case "answer": {
      const keyword = t.take();
      const name = concat(...Array.from({ length: stmt.capability.text.split(".").length * 2 - 1 }, () => t.take()));
      return concat(
        keyword,
        SPACE,
        name,
        printList(t, stmt.params.length, {}, () => t.take()),
        SPACE,
        printBlock(t, stmt.body),
      );
    }
    case "fn": {
      const { params, result, row, body } = stmt.item;
      const name = concat(t.take(), SPACE, t.take());
      const paramList = printList(t, params.length, {}, (i) => printParam(t, params[i]));
      return concat(name, paramList, printResultType(t, result), printEffectRow(t, row), SPACE, printBlock(t, body));
    }
    case "expr":
      return printExpr(t, stmt.value);
  }
}
