/** Expressions, statements and blocks. */
import type { Block, Expr, FieldInit, MatchArm, Stmt } from "../ast.ts";
import { type Doc, EMPTY, group, HARDLINE, indent, concat, concatAll, LINE, SPACE } from "./doc.ts";
import { bracketed, emptyBrackets } from "./lists.ts";
import { printPattern } from "./patterns.ts";
import { printResult, printRow, printType, printTyped } from "./type-layout.ts";
import type { TokenStream } from "./token-stream.ts";

/** Prints an expression and keeps its parentheses. Comments before it are put outside its groups, so that they break none. */
export function printExpr(t: TokenStream, expr: Expr): Doc {
  const lead = t.comments();
  const opened: Doc[] = [];
  while (t.at("(") && t.start < expr.span.start) opened.push(t.take());
  const inner = concat(t.comments(), unwrapped(t, expr));
  return concat(lead, ...opened, inner, ...opened.map(() => t.take()));
}

function unwrapped(t: TokenStream, expr: Expr): Doc {
  switch (expr.kind) {
    case "int":
      return t.at("-") ? concat(t.take(), t.take()) : t.take();
    case "unit":
      return concat(t.take(), t.take());
    case "wrap":
      return concat(t.take(), printArgs(t, [expr.value], false));
    case "variant":
      return variant(t, expr);
    case "call":
      return concat(printExpr(t, expr.callee), printArgs(t, expr.args));
    case "field":
      return concat(printExpr(t, expr.target), t.take(), t.take());
    case "index":
      return concat(printExpr(t, expr.target), t.take(), printExpr(t, expr.index), t.take());
    case "record":
      return concat(t.take(), SPACE, fieldInits(t, expr.fields, expr.base));
    case "list":
      return bracketed(t, expr.items.length, { keepsBreak: true, fills: isTable(expr.items) }, (i) => exprAt(t, expr.items, i));
    case "map":
      return bracketed(t, expr.entries.length, { keepsBreak: true, padded: true }, (i) => {
        const entry = expr.entries[i];
        return entry === undefined ? EMPTY : concat(printExpr(t, entry.key), t.take(), SPACE, printExpr(t, entry.value));
      });
    case "lambda":
      return lambda(t, expr);
    case "if":
      return printIf(t, expr);
    case "match":
      return printMatch(t, expr);
    case "block":
      return printBlock(t, expr.block, true);
    case "unary":
      return concat(t.take(), printExpr(t, expr.operand));
    case "binary":
      return binary(t, expr);
    case "try":
      return concat(t.take(), SPACE, printExpr(t, expr.call));
    case "spawn":
      return concat(t.take(), SPACE, printExpr(t, expr.target));
    case "emit":
      return concat(t.take(), SPACE, printExpr(t, expr.tree));
    case "send":
      return concat(t.take(), SPACE, printExpr(t, expr.actor), SPACE, printExpr(t, expr.message));
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

/** Lists with fewer or longer elements are printed with one element per line. */
const MIN_TABLE = 12;
const MAX_TABLE_ELEMENT = 10;

/** Whether the list has many short literals, so that several fit on a line. */
function isTable(items: readonly Expr[]): boolean {
  const literal = ({ kind }: Expr): boolean => kind === "int" || kind === "float" || kind === "string" || kind === "bool";
  const short = (item: Expr): boolean =>
    item.span.end - item.span.start <= MAX_TABLE_ELEMENT && literal(item.kind === "unary" ? item.operand : item);
  return items.length >= MIN_TABLE && items.every(short);
}

function exprAt(t: TokenStream, exprs: readonly Expr[], index: number): Doc {
  const expr = exprs[index];
  return expr === undefined ? EMPTY : printExpr(t, expr);
}

function printArgs(t: TokenStream, args: readonly Expr[], comma = true): Doc {
  const last = args.at(-1);
  return bracketed(t, args.length, { comma, hugsLast: hugs(last), lastPrefersOwnLine: last?.kind === "list" }, (i) => exprAt(t, args, i));
}

/** Whether the expression, as the last argument of a call, may begin on the line of `(` and end on the line of `)`. */
function hugs(expr: Expr | undefined): boolean {
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
    case "wrap":
      return hugs(expr.value);
    case "call":
      return hugs(expr.args.at(-1));
    case "variant":
      return expr.payload?.kind === "struct" ? expr.payload.fields.length > 0 : hugs(expr.payload?.args.at(-1));
    default:
      return false;
  }
}

function variant(t: TokenStream, expr: Extract<Expr, { kind: "variant" }>): Doc {
  const path = concat(t.take(), t.take(), t.take());
  if (expr.payload === null) return path;
  return expr.payload.kind === "args"
    ? concat(path, printArgs(t, expr.payload.args))
    : concat(path, SPACE, fieldInits(t, expr.payload.fields, null));
}

function fieldInits(t: TokenStream, fields: readonly FieldInit[], base: Expr | null): Doc {
  const offset = base === null ? 0 : 1;
  return bracketed(t, fields.length + offset, { keepsBreak: true, padded: true }, (i) => {
    if (base !== null && i === 0) return concat(t.take(), printExpr(t, base));
    const field = fields[i - offset];
    if (field === undefined) return EMPTY;
    const name = t.take();
    return field.value.span.start === field.name.span.start ? name : concat(name, t.take(), SPACE, printExpr(t, field.value));
  });
}

function lambda(t: TokenStream, expr: Extract<Expr, { kind: "lambda" }>): Doc {
  const keyword = t.take();
  const params = bracketed(t, expr.params.length, {}, (i) => printTyped(t, expr.params[i]?.type ?? null));
  return concat(keyword, params, printResult(t, expr.result), printRow(t, expr.row), SPACE, printBlock(t, expr.body));
}

/** A line may break before every operator except `-`, which would begin a new statement. */
function binary(t: TokenStream, expr: Extract<Expr, { kind: "binary" }>): Doc {
  const first = printExpr(t, expr.first);
  const rest = expr.rest.map(({ op, operand }) => concat(op === "-" ? SPACE : LINE, t.take(), SPACE, printExpr(t, operand)));
  return group(concat(first, indent(concatAll(rest))));
}

/**
 * The expression between a keyword and its `{`. If it is broken over several lines, `{` goes on a line of its own, unless the
 * last line begins with a bracket.
 */
function printHeader(t: TokenStream, expr: Expr): Doc {
  const header = printExpr(t, expr);
  return group(concat(header, LINE), endsInBracket(expr) ? concat(header, SPACE) : null);
}

function endsInBracket(expr: Expr): boolean {
  return expr.kind === "call" || expr.kind === "list" || expr.kind === "wrap" || expr.kind === "variant";
}

/** Breaks all branches or none. */
function printIf(t: TokenStream, expr: Extract<Expr, { kind: "if" }>): Doc {
  const parts: Doc[] = [];
  expr.branches.forEach(({ condition, body }, i) => {
    if (i > 0) parts.push(SPACE, t.take(), SPACE);
    parts.push(t.take(), SPACE, printHeader(t, condition), blockParts(t, body));
  });
  if (expr.otherwise !== null) parts.push(SPACE, t.take(), SPACE, blockParts(t, expr.otherwise));
  return group(concatAll(parts));
}

function printMatch(t: TokenStream, expr: Extract<Expr, { kind: "match" }>): Doc {
  const header = concat(t.take(), SPACE, printHeader(t, expr.scrutinee));
  if (expr.arms.length === 0) return concat(header, emptyBrackets(t));
  const open = t.take();
  const arms = expr.arms.map((arm) => {
    const printed = concat(HARDLINE, t.comments(), t.blankLine(), printArm(t, arm));
    if (t.at(",")) t.skip();
    return printed;
  });
  return concat(header, open, indent(concat(concatAll(arms), t.comments())), HARDLINE, t.take());
}

function printArm(t: TokenStream, arm: MatchArm): Doc {
  const pattern = printPattern(t, arm.pattern);
  const guard = arm.guard === null ? EMPTY : concat(SPACE, t.take(), SPACE, printExpr(t, arm.guard));
  return concat(pattern, guard, SPACE, t.take(), SPACE, armBody(t, arm));
}

function armBody(t: TokenStream, arm: MatchArm): Doc {
  if (arm.emptyBraces) return emptyBrackets(t);
  const [only, second] = arm.body.stmts;
  const bare = only !== undefined && second === undefined && only.span.start === arm.body.span.start;
  return bare ? printStmt(t, only) : printBlock(t, arm.body, true);
}

/** With `expression`, an empty block keeps its `;`, because `{}` would be a map. */
export function printBlock(t: TokenStream, block: Block, expression = false): Doc {
  return group(blockParts(t, block, expression));
}

/** A block with one statement, on one line in the source, stays on one line if the group around it fits. */
function blockParts(t: TokenStream, block: Block, expression = false): Doc {
  const { stmts, span } = block;
  const open = t.take();
  if (stmts.length === 0) {
    const semicolon = expression && t.at(";") ? t.take() : EMPTY;
    dropSemicolons(t);
    const tail = t.comments();
    return concat(open, indent(concat(semicolon, tail)), tail === EMPTY ? EMPTY : HARDLINE, t.take());
  }
  const edge = stmts.length === 1 && t.onOneLine(span.start, span.end) ? LINE : HARDLINE;
  const lines = stmts.map((stmt, i) => {
    dropSemicolons(t);
    return concat(i === 0 ? edge : HARDLINE, t.comments(), t.blankLine(), printStmt(t, stmt));
  });
  dropSemicolons(t);
  return concat(open, indent(concat(concatAll(lines), t.comments())), edge, t.take());
}

function dropSemicolons(t: TokenStream): void {
  while (t.at(";")) t.skip();
}

function printStmt(t: TokenStream, stmt: Stmt): Doc {
  switch (stmt.kind) {
    case "let": {
      const binding = concat(t.take(), SPACE, stmt.mutable ? concat(t.take(), SPACE) : EMPTY, t.take());
      const type = stmt.type === null ? EMPTY : concat(t.take(), SPACE, printType(t, stmt.type));
      return concat(binding, type, SPACE, t.take(), SPACE, printExpr(t, stmt.value));
    }
    case "assign":
      return concat(t.take(), SPACE, t.take(), SPACE, printExpr(t, stmt.value));
    case "while":
      return concat(t.take(), SPACE, printHeader(t, stmt.condition), printBlock(t, stmt.body));
    case "for":
      return concat(t.take(), SPACE, t.take(), SPACE, t.take(), SPACE, printHeader(t, stmt.list), printBlock(t, stmt.body));
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
        bracketed(t, stmt.params.length, {}, () => t.take()),
        SPACE,
        printBlock(t, stmt.body),
      );
    }
    case "expr":
      return printExpr(t, stmt.value);
  }
}
