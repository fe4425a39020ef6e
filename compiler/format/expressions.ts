/** Expressions, statements and blocks. */
import type { Block, Expr, FieldInit, MatchArm, Stmt } from "../ast.ts";
import { type Doc, EMPTY, group, HARD, indent, join, joinAll, LINE, SPACE } from "./doc.ts";
import { bracketed, emptyBrackets } from "./lists.ts";
import { printPattern } from "./patterns.ts";
import { printResult, printRow, printType, printTyped } from "./type-layout.ts";
import type { Words } from "./type-text.ts";

/** The comments before it stand outside its groups, so that they break none. Parentheses are kept. */
export function printExpr(w: Words, expr: Expr): Doc {
  const lead = w.lead();
  const opened: Doc[] = [];
  while (w.at("(") && w.start < expr.span.start) opened.push(w.take());
  const inner = join(w.lead(), unwrapped(w, expr));
  return join(lead, ...opened, inner, ...opened.map(() => w.take()));
}

function unwrapped(w: Words, expr: Expr): Doc {
  switch (expr.kind) {
    case "int":
      return w.at("-") ? join(w.take(), w.take()) : w.take();
    case "unit":
      return join(w.take(), w.take());
    case "wrap":
      return join(w.take(), printArgs(w, [expr.value], false));
    case "variant":
      return variant(w, expr);
    case "call":
      return join(printExpr(w, expr.callee), printArgs(w, expr.args));
    case "field":
      return join(printExpr(w, expr.target), w.take(), w.take());
    case "index":
      return join(printExpr(w, expr.target), w.take(), printExpr(w, expr.index), w.take());
    case "record":
      return join(w.take(), SPACE, fieldInits(w, expr.fields, expr.base));
    case "list":
      return bracketed(w, expr.items.length, { kept: true, fills: isTable(expr.items) }, (i) => exprAt(w, expr.items, i));
    case "map":
      return bracketed(w, expr.entries.length, { kept: true, padded: true }, (i) => {
        const entry = expr.entries[i];
        return entry === undefined ? EMPTY : join(printExpr(w, entry.key), w.take(), SPACE, printExpr(w, entry.value));
      });
    case "lambda":
      return lambda(w, expr);
    case "if":
      return printIf(w, expr);
    case "match":
      return printMatch(w, expr);
    case "block":
      return printBlock(w, expr.block, true);
    case "unary":
      return join(w.take(), printExpr(w, expr.operand));
    case "binary":
      return binary(w, expr);
    case "try":
      return join(w.take(), SPACE, printExpr(w, expr.call));
    case "spawn":
      return join(w.take(), SPACE, printExpr(w, expr.target));
    case "emit":
      return join(w.take(), SPACE, printExpr(w, expr.tree));
    case "send":
      return join(w.take(), SPACE, printExpr(w, expr.actor), SPACE, printExpr(w, expr.message));
    case "float":
    case "string":
    case "bool":
    case "none":
    case "name":
    case "receive":
    case "error":
      return w.take();
  }
}

/** Fewer and longer elements read better one a line. */
const MIN_TABLE = 12;
const MAX_TABLE_ELEMENT = 10;

/** Many short literals. */
function isTable(items: readonly Expr[]): boolean {
  const literal = ({ kind }: Expr): boolean => kind === "int" || kind === "float" || kind === "string" || kind === "bool";
  const short = (item: Expr): boolean =>
    item.span.end - item.span.start <= MAX_TABLE_ELEMENT && literal(item.kind === "unary" ? item.operand : item);
  return items.length >= MIN_TABLE && items.every(short);
}

function exprAt(w: Words, exprs: readonly Expr[], index: number): Doc {
  const expr = exprs[index];
  return expr === undefined ? EMPTY : printExpr(w, expr);
}

function printArgs(w: Words, args: readonly Expr[], comma = true): Doc {
  const last = args.at(-1);
  return bracketed(w, args.length, { comma, hugsLast: hugs(last), lastStands: last?.kind === "list" }, (i) => exprAt(w, args, i));
}

/** Reads well when its first line stands behind the bracket of a call and its last before the other. */
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

function variant(w: Words, expr: Extract<Expr, { kind: "variant" }>): Doc {
  const path = join(w.take(), w.take(), w.take());
  if (expr.payload === null) return path;
  return expr.payload.kind === "args"
    ? join(path, printArgs(w, expr.payload.args))
    : join(path, SPACE, fieldInits(w, expr.payload.fields, null));
}

function fieldInits(w: Words, fields: readonly FieldInit[], base: Expr | null): Doc {
  const shift = base === null ? 0 : 1;
  return bracketed(w, fields.length + shift, { kept: true, padded: true }, (i) => {
    if (base !== null && i === 0) return join(w.take(), printExpr(w, base));
    const field = fields[i - shift];
    if (field === undefined) return EMPTY;
    const name = w.take();
    return field.value.span.start === field.name.span.start ? name : join(name, w.take(), SPACE, printExpr(w, field.value));
  });
}

function lambda(w: Words, expr: Extract<Expr, { kind: "lambda" }>): Doc {
  const word = w.take();
  const params = bracketed(w, expr.params.length, {}, (i) => printTyped(w, expr.params[i]?.type ?? null));
  return join(word, params, printResult(w, expr.result), printRow(w, expr.row), SPACE, printBlock(w, expr.body));
}

/** A line may end before every operator but `-`, which would begin a statement. */
function binary(w: Words, expr: Extract<Expr, { kind: "binary" }>): Doc {
  const first = printExpr(w, expr.first);
  const rest = expr.rest.map(({ op, operand }) => join(op === "-" ? SPACE : LINE, w.take(), SPACE, printExpr(w, operand)));
  return group(join(first, indent(joinAll(rest))));
}

/**
 * Between a keyword and its `{`, which stands on a line of its own after a head that is broken, unless a bracket
 * begins that line.
 */
function printHead(w: Words, expr: Expr): Doc {
  const head = printExpr(w, expr);
  return group(join(head, LINE), endsInBracket(expr) ? join(head, SPACE) : null);
}

function endsInBracket(expr: Expr): boolean {
  return expr.kind === "call" || expr.kind === "list" || expr.kind === "wrap" || expr.kind === "variant";
}

/** All branches are broken, or none. */
function printIf(w: Words, expr: Extract<Expr, { kind: "if" }>): Doc {
  const parts: Doc[] = [];
  expr.branches.forEach(({ condition, body }, i) => {
    if (i > 0) parts.push(SPACE, w.take(), SPACE);
    parts.push(w.take(), SPACE, printHead(w, condition), blockParts(w, body));
  });
  if (expr.otherwise !== null) parts.push(SPACE, w.take(), SPACE, blockParts(w, expr.otherwise));
  return group(joinAll(parts));
}

function printMatch(w: Words, expr: Extract<Expr, { kind: "match" }>): Doc {
  const head = join(w.take(), SPACE, printHead(w, expr.scrutinee));
  if (expr.arms.length === 0) return join(head, emptyBrackets(w));
  const open = w.take();
  const arms = expr.arms.map((arm) => {
    const printed = join(HARD, w.lead(), w.blank(), printArm(w, arm));
    if (w.at(",")) w.drop();
    return printed;
  });
  return join(head, open, indent(join(joinAll(arms), w.lead())), HARD, w.take());
}

function printArm(w: Words, arm: MatchArm): Doc {
  const pattern = printPattern(w, arm.pattern);
  const guard = arm.guard === null ? EMPTY : join(SPACE, w.take(), SPACE, printExpr(w, arm.guard));
  return join(pattern, guard, SPACE, w.take(), SPACE, armBody(w, arm));
}

function armBody(w: Words, arm: MatchArm): Doc {
  if (arm.emptyBraces) return emptyBrackets(w);
  const [only, second] = arm.body.stmts;
  const bare = only !== undefined && second === undefined && only.span.start === arm.body.span.start;
  return bare ? printStmt(w, only) : printBlock(w, arm.body, true);
}

/** `expression`: `{}` alone would be a map, so that a block without statements keeps its `;`. */
export function printBlock(w: Words, block: Block, expression = false): Doc {
  return group(blockParts(w, block, expression));
}

/** Stays on one line where it stands on one in the source, holds one statement and fits; the group around decides. */
function blockParts(w: Words, block: Block, expression = false): Doc {
  const { stmts, span } = block;
  const open = w.take();
  if (stmts.length === 0) {
    const semicolon = expression && w.at(";") ? w.take() : EMPTY;
    dropSemicolons(w);
    const tail = w.lead();
    return join(open, indent(join(semicolon, tail)), tail === EMPTY ? EMPTY : HARD, w.take());
  }
  const edge = stmts.length === 1 && w.onOneLine(span.start, span.end) ? LINE : HARD;
  const lines = stmts.map((stmt, i) => {
    dropSemicolons(w);
    return join(i === 0 ? edge : HARD, w.lead(), w.blank(), printStmt(w, stmt));
  });
  dropSemicolons(w);
  return join(open, indent(join(joinAll(lines), w.lead())), edge, w.take());
}

function dropSemicolons(w: Words): void {
  while (w.at(";")) w.drop();
}

function printStmt(w: Words, stmt: Stmt): Doc {
  switch (stmt.kind) {
    case "let": {
      const words = join(w.take(), SPACE, stmt.mutable ? join(w.take(), SPACE) : EMPTY, w.take());
      const type = stmt.type === null ? EMPTY : join(w.take(), SPACE, printType(w, stmt.type));
      return join(words, type, SPACE, w.take(), SPACE, printExpr(w, stmt.value));
    }
    case "assign":
      return join(w.take(), SPACE, w.take(), SPACE, printExpr(w, stmt.value));
    case "while":
      return join(w.take(), SPACE, printHead(w, stmt.condition), printBlock(w, stmt.body));
    case "for":
      return join(w.take(), SPACE, w.take(), SPACE, w.take(), SPACE, printHead(w, stmt.list), printBlock(w, stmt.body));
    case "return":
      return stmt.value === null ? w.take() : join(w.take(), SPACE, printExpr(w, stmt.value));
    case "break":
    case "continue":
      return w.take();
    case "answer": {
      const word = w.take();
      const name = join(...Array.from({ length: stmt.capability.text.split(".").length * 2 - 1 }, () => w.take()));
      return join(
        word,
        SPACE,
        name,
        bracketed(w, stmt.params.length, {}, () => w.take()),
        SPACE,
        printBlock(w, stmt.body),
      );
    }
    case "expr":
      return printExpr(w, stmt.value);
  }
}
