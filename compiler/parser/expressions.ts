/** Operators, from `||` down to postfix. */
import type { BinaryOp, Expr } from "../ast.ts";
import type { TokenKind } from "../tokens.ts";
import { type Cursor, MAX_NESTING, spanOf } from "./cursor.ts";
import { rejectForeignInfix, rejectForeignOperator } from "./other-languages-syntax.ts";
import { commaList } from "./lists.ts";
import { isMinMagnitude } from "./literals.ts";
import { fieldName } from "./names.ts";
import { parsePrimary } from "./primary.ts";
import { skipTypeArguments } from "./type-arguments.ts";

interface Operator {
  readonly op: BinaryOp;
  readonly level: number;
  /** Comparisons of one level cannot be chained. */
  readonly comparison: boolean;
}

/** From low to high precedence. */
const LEVELS: readonly { readonly ops: readonly BinaryOp[]; readonly comparison: boolean }[] = [
  { ops: ["||"], comparison: false },
  { ops: ["&&"], comparison: false },
  { ops: ["==", "!="], comparison: true },
  { ops: ["<", "<=", ">", ">="], comparison: true },
  { ops: ["++"], comparison: false },
  { ops: ["+", "-"], comparison: false },
  { ops: ["*", "/", "%"], comparison: false },
];

const OPERATORS: ReadonlyMap<TokenKind, Operator> = new Map(
  LEVELS.flatMap(({ ops, comparison }, level) => ops.map((op): [TokenKind, Operator] => [op, { op, level, comparison }])),
);

export function parseExpression(c: Cursor): Expr {
  const { start } = c.token;
  return continueBinary(c, start, parseUnary(c));
}

/** Parses the rest of an expression whose first operand has been read: an `if` at the start of a statement. */
export function continueExpression(c: Cursor, start: number, primary: Expr): Expr {
  return continueBinary(c, start, postfix(c, start, primary, false));
}

type BinaryNode = Extract<Expr, { kind: "binary" }>;

/** A chain of operators of one precedence whose last operand has not been read. */
interface Pending {
  readonly start: number;
  readonly operator: Operator;
  readonly first: Expr;
  readonly rest: BinaryNode["rest"][number][];
  op: Operator;
  opSpan: BinaryNode["rest"][number]["opSpan"];
  /** Set after a syntax error inside the chain. */
  broken: boolean;
}

/** Operator precedence parsing. The explicit stack has at most one chain per level, however long the expression is. */
function continueBinary(c: Cursor, start: number, first: Expr): Expr {
  const stack: Pending[] = [];
  let operand = first;
  let operandStart = start;
  for (let operator = operatorHere(c); operator !== undefined; operator = operatorHere(c)) {
    let top = stack.at(-1);
    while (top !== undefined && top.operator.level > operator.level) {
      operand = endChain(top, operand, c.lastEnd);
      operandStart = top.start;
      stack.pop();
      top = stack.at(-1);
    }
    const opSpan = spanOf(c.token);
    if (top !== undefined && top.operator.level === operator.level) {
      if (operator.comparison) reportChained(c, top);
      top.rest.push({ op: top.op.op, opSpan: top.opSpan, operand });
      top.op = operator;
      top.opSpan = opSpan;
    } else {
      stack.push({ start: operandStart, operator, first: operand, rest: [], op: operator, opSpan, broken: false });
    }
    c.next();
    rejectForeignOperator(c, opSpan);
    operandStart = c.token.start;
    operand = parseUnary(c);
  }
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) operand = endChain(top, operand, c.lastEnd);
  return operand;
}

function operatorHere(c: Cursor): Operator | undefined {
  if (c.kind === "-" && c.atNewline()) return undefined;
  if (c.kind === "|" && !c.atNewline()) {
    if (c.peek(1).kind === ">" && c.peek(1).start === c.token.end) {
      c.fail({ start: c.token.start, end: c.peek(1).end }, "`|>` is not an operator", { help: "call the function with the value: `f(x)`" });
    }
    c.fail(c.token, "`|` joins patterns, not values", {
      help: "write `||` for or",
      fixes: [{ title: "write `||`", edits: [{ span: spanOf(c.token), text: "||" }] }],
    });
  }
  rejectForeignInfix(c);
  return OPERATORS.get(c.kind);
}

function endChain(pending: Pending, last: Expr, end: number): Expr {
  const span = { start: pending.start, end };
  if (pending.broken) return { kind: "error", span };
  pending.rest.push({ op: pending.op.op, opSpan: pending.opSpan, operand: last });
  return { kind: "binary", first: pending.first, rest: pending.rest, span };
}

function reportChained(c: Cursor, pending: Pending): void {
  pending.broken = true;
  const equality = pending.op.op === "==" || pending.op.op === "!=";
  c.report("E002", c.token, "comparisons cannot be chained", {
    help: equality ? "write `a == b && b == c`, or put the first comparison in parentheses" : "write `a < b && b < c`",
  });
}

/** Parses the prefix operators: `-` `!` `try` `spawn` `send` `emit`. */
export function parseUnary(c: Cursor): Expr {
  const token = c.token;
  switch (token.kind) {
    case "-":
    case "!": {
      c.next();
      if (token.kind === "-" && isMinMagnitude(c.token)) {
        c.next();
        return { kind: "int", value: -9_223_372_036_854_775_808n, span: c.spanFrom(token.start) };
      }
      c.deeper();
      const operand = parseUnary(c);
      c.shallower();
      return { kind: "unary", op: token.kind, operand, span: c.spanFrom(token.start) };
    }
    case "try": {
      c.next();
      c.deeper();
      const call = parsePostfix(c, false);
      c.shallower();
      return { kind: "try", call, span: c.spanFrom(token.start) };
    }
    case "spawn":
    case "emit": {
      c.next();
      c.deeper();
      const operand = parseUnary(c);
      c.shallower();
      const span = c.spanFrom(token.start);
      return token.kind === "spawn" ? { kind: "spawn", target: operand, span } : { kind: "emit", tree: operand, span };
    }
    case "send":
      return parseSend(c);
    default:
      return parsePostfix(c, false);
  }
}

/** Parses `send ACTOR MESSAGE`. A bracket that is not directly after the actor begins the message. */
function parseSend(c: Cursor): Expr {
  const { start } = c.next();
  c.deeper();
  const context = c.enterHeader("send");
  const actor = parsePostfix(c, true);
  c.leave(context);
  if (c.at(",")) c.fail(c.token, "`send` takes the actor and the message without a comma", { help: "write `send actor message`" });
  if (c.atNewline())
    c.fail({ start, end: c.lastEnd }, "`send` needs a message after the actor", { help: "write `send actor message` on one line" });
  const message = parseExpression(c);
  c.shallower();
  return { kind: "send", actor, message, span: c.spanFrom(start) };
}

function parsePostfix(c: Cursor, touching: boolean): Expr {
  const { start } = c.token;
  return postfix(c, start, parsePrimary(c), touching);
}

/**
 * Parses field accesses, calls and indexing after `primary`. With `touching`, a bracket after a space is not part of them. A
 * bracket after an `if`, `match` or block begins a new expression.
 */
function postfix(c: Cursor, start: number, primary: Expr, touching: boolean): Expr {
  let target = primary;
  for (let parts = 1; ; parts++) {
    skipTypeArguments(c);
    const kind = c.kind;
    if (kind === ".") {
      c.next();
      if (target.kind === "int" && !c.at("name")) {
        c.fail({ start, end: c.lastEnd }, "a Float has digits on both sides of the point", { help: "write `1.0`" });
      }
      const name = fieldName(c, "after `.`");
      target = { kind: "field", target, name, span: c.spanFrom(start) };
    } else if (kind === "(" || kind === "[") {
      if (c.atNewline() || (touching && c.token.start !== c.lastEnd) || (parts === 1 && endsInBrace(primary))) return target;
      target = kind === "(" ? call(c, start, target) : index(c, start, target);
    } else {
      if (kind === "::") rejectPath(c, target);
      return target;
    }
    if (parts > MAX_NESTING) c.tooDeep({ start, end: c.lastEnd });
  }
}

function endsInBrace(primary: Expr): boolean {
  return primary.kind === "if" || primary.kind === "match" || primary.kind === "block";
}

function call(c: Cursor, start: number, callee: Expr): Expr {
  const open = c.next();
  c.deeper();
  const context = c.enterParens();
  const args = commaList(c, open, "(", "an argument", argument);
  c.leave(context);
  c.shallower();
  return { kind: "call", callee, args, span: c.spanFrom(start) };
}

function argument(c: Cursor): Expr {
  if (c.at("name") && c.peek(1).kind === ":") {
    c.fail(c.peek(1), "arguments have no names", { help: "pass them in the order of the parameters, without `name:`" });
  }
  return parseExpression(c);
}

function index(c: Cursor, start: number, target: Expr): Expr {
  const open = c.next();
  c.deeper();
  const context = c.enterParens();
  if (c.at("]")) c.unexpected("an index", { help: "write `xs[0]`" });
  const position = parseExpression(c);
  const range = c.at("..") || c.at(":");
  const help = "for a part of a list, write `list.slice(xs, from, to)`; for a part of a string, `string.slice(s, from, to)`";
  c.closeSingle(open, "[", "the index", range ? { help } : {});
  c.leave(context);
  c.shallower();
  return { kind: "index", target, index: position, span: c.spanFrom(start) };
}

function rejectPath(c: Cursor, target: Expr): void {
  if (c.atNewline()) return;
  if (target.kind === "field")
    c.fail(c.token, "`::` needs an enum before it", {
      help: "write `module.name` for a builtin, `Enum::Variant` for a variant",
    });
  c.fail(c.token, "`::` is not allowed here", {
    help: "write `Enum::Variant`; an expression has no type arguments, because types are inferred",
  });
}
