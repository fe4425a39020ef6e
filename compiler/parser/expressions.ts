/** Parses operators, from the one that binds least, `|>`, to the postfix operators. */
import type { BinaryOp, Expr, RangeOp } from "../ast.ts";
import { OPERAND_STARTS, type TokenKind } from "../tokens.ts";
import { type Cursor, MAX_NESTING, spanOf } from "./cursor.ts";
import { rejectAsCast, rejectForeignAfterOperand, rejectTryBlock, rejectForeignAfterOperator } from "./other-languages-syntax.ts";
import { parseCommaList } from "./lists.ts";
import { parseForeignLambda } from "./foreign-lambdas.ts";
import { separatorHelp } from "../insert-edits.ts";
import { isMinMagnitude } from "./literals.ts";
import { nameOf, parseAccessedName } from "./names.ts";
import { parsePrimary } from "./primary.ts";
import { skipTypeArguments } from "./type-arguments.ts";

interface Operator {
  readonly op: BinaryOp;
  /** The index in `LEVELS`. A higher level binds more tightly. */
  readonly level: number;
  /** The word for these operators in the error for a chain, `a < b < c`; null if they can be chained. */
  readonly unchainable: "comparisons" | "ranges" | null;
}

/** The operators of each level, from low to high precedence. */
const LEVELS: readonly (Pick<Operator, "unchainable"> & { readonly ops: readonly BinaryOp[] })[] = [
  { ops: ["||"], unchainable: null },
  { ops: ["&&"], unchainable: null },
  { ops: ["==", "!="], unchainable: "comparisons" },
  { ops: ["<", "<=", ">", ">="], unchainable: "comparisons" },
  { ops: ["++"], unchainable: null },
  { ops: ["..", "..="], unchainable: "ranges" },
  { ops: ["+", "-"], unchainable: null },
  { ops: ["*", "/", "%"], unchainable: null },
];

const OPERATORS: ReadonlyMap<TokenKind, Operator> = new Map(
  LEVELS.flatMap(({ ops, unchainable }, level) => ops.map((op): [TokenKind, Operator] => [op, { op, level, unchainable }])),
);

export function parseExpression(c: Cursor): Expr {
  const { start } = c.token;
  return continuePipe(c, start, continueBinary(c, start, parseUnary(c)));
}

/** Parses the rest of an expression whose first operand, `primary`, has been parsed: an `if` at the start of a statement. */
export function continueExpression(c: Cursor, start: number, primary: Expr): Expr {
  return continuePipe(c, start, continueBinary(c, start, continuePostfix(c, start, primary, {})));
}

/** Parses the pipes after `first`. A pipe may begin a line. */
function continuePipe(c: Cursor, start: number, first: Expr): Expr {
  let value = first;
  for (let stages = 1; c.take("|>"); stages++) {
    if (stages > MAX_NESTING) c.failTooDeep({ start, end: c.lastEnd });
    if (c.at(".")) c.failExpected("a function after `|>`", { help: "there are no methods: write the module too, `xs |> list.len`" });
    const stage = parsePostfix(c, { stopsAtQuestionMark: true });
    // A call in parentheses is a callee: `x |> (f(y))` calls what `f(y)` returns.
    const isCall = stage.kind === "call" && stage.span.end === c.lastEnd;
    const callee = isCall ? stage.callee : stage;
    value = { kind: "pipe", value, callee, args: isCall ? stage.args : null, span: c.spanFrom(start) };
    // `x |> f()?` is `(x |> f())?`.
    if (c.at("?")) value = continuePostfix(c, start, value, {});
  }
  return value;
}

type BinaryNode = Extract<Expr, { kind: "binary" }>;

/** A chain of operators of one precedence whose last operand has not been parsed. */
interface OperatorChain {
  /** The chain of lower precedence around this one. */
  readonly outer: OperatorChain | undefined;
  readonly start: number;
  readonly operator: Operator;
  readonly first: Expr;
  readonly rest: BinaryNode["rest"][number][];
  /** The operator before the operand that has not been parsed, and its span. */
  lastOperator: Operator;
  lastOpSpan: BinaryNode["rest"][number]["opSpan"];
  /** Whether a syntax error inside the chain has been reported. */
  hasError: boolean;
}

/** Parses the operators and operands after `first` by precedence. At most one chain per level is open, however long the expression is. */
function continueBinary(c: Cursor, start: number, first: Expr): Expr {
  let top: OperatorChain | undefined;
  let operand = first;
  let operandStart = start;
  for (let operator = operatorHere(c, operandStart); operator !== undefined; operator = operatorHere(c, operandStart)) {
    while (top !== undefined && top.operator.level > operator.level) {
      operand = endChain(top, operand, c.lastEnd);
      operandStart = top.start;
      top = top.outer;
    }
    const opSpan = spanOf(c.token);
    if (top !== undefined && top.operator.level === operator.level) {
      if (operator.unchainable !== null) reportChain(c, top, operator.unchainable);
      top.rest.push({ op: top.lastOperator.op, opSpan: top.lastOpSpan, operand });
      top.lastOperator = operator;
      top.lastOpSpan = opSpan;
    } else {
      top = {
        outer: top,
        start: operandStart,
        operator,
        first: operand,
        rest: [],
        lastOperator: operator,
        lastOpSpan: opSpan,
        hasError: false,
      };
    }
    c.next();
    if (operator.unchainable === "ranges") rejectOpenRange(c);
    rejectForeignAfterOperator(c, opSpan);
    operandStart = c.token.start;
    operand = parseUnary(c);
  }
  for (; top !== undefined; top = top.outer) operand = endChain(top, operand, c.lastEnd);
  return operand;
}

/** Returns the operator at the cursor. `operandStart` is the start of the operand before it. */
function operatorHere(c: Cursor, operandStart: number): Operator | undefined {
  if ((c.kind === "-" || c.kind === ".." || c.kind === "..=") && c.atNewline()) return undefined;
  if (c.kind === "|" && !c.atNewline()) {
    c.fail(c.token, "`|` joins patterns, not values", {
      help: "write `||` for or",
      fixes: [{ title: "write `||`", edits: [{ span: spanOf(c.token), text: "||" }] }],
    });
  }
  if (c.kind !== "name" && c.kind !== "!") return OPERATORS.get(c.kind);
  rejectAsCast(c, operandStart);
  rejectForeignAfterOperand(c);
  return undefined;
}

/** Returns the node of a chain, now that its last operand has been parsed. */
function endChain(chain: OperatorChain, last: Expr, end: number): Expr {
  const span = { start: chain.start, end };
  if (chain.hasError) return { kind: "error", span };
  const lastPart = { op: chain.lastOperator.op, opSpan: chain.lastOpSpan, operand: last };
  // Most chains have one operator. An array with one element takes less space than one that grew by a push.
  const rest = chain.rest.length === 0 ? [lastPart] : [...chain.rest, lastPart];
  return { kind: "binary", first: chain.first, rest, span };
}

/** Reports operators that cannot be chained, such as the second `<` of `a < b < c`. */
function reportChain(c: Cursor, chain: OperatorChain, what: "comparisons" | "ranges"): void {
  chain.hasError = true;
  const { op } = chain.lastOperator;
  const equalityHelp = "write `a == b && b == c`, or put the first comparison in parentheses";
  const help = op === "==" || op === "!=" ? equalityHelp : what === "ranges" ? "a range has two ends: `0..10`" : "write `a < b && b < c`";
  c.report("E002", c.token, `${what} cannot be chained`, { help });
}

/** Fails at the end of `0..`, a range without its second operand. */
function rejectOpenRange(c: Cursor): void {
  if (!c.at("{") && !c.at("]") && !c.at(")") && !c.atNewline()) return;
  c.failExpected("the end of the range", {
    help: "a range has two ends: `0..list.len(xs)`; for the rest of a list write `list.drop(xs, n)`",
  });
}

/** Parses the prefix operators: `-` `!` `try` `spawn` `send` `emit`. */
function parseUnary(c: Cursor): Expr {
  const token = c.token;
  switch (token.kind) {
    case "-":
    case "!": {
      c.next();
      if (token.kind === "-" && isMinMagnitude(c.token)) {
        c.next();
        return { kind: "int", value: -9_223_372_036_854_775_808n, span: c.spanFrom(token.start) };
      }
      c.enterNesting();
      const operand = parseUnary(c);
      c.leaveNesting();
      return { kind: "unary", op: token.kind, operand, span: c.spanFrom(token.start) };
    }
    case "try": {
      c.next();
      rejectTryBlock(c, token);
      c.enterNesting();
      const call = parsePostfix(c, { stopsAtQuestionMark: true });
      c.leaveNesting();
      const caught: Expr = { kind: "try", call, span: c.spanFrom(token.start) };
      // `try c()?` is `(try c())?`.
      return c.at("?") ? continuePostfix(c, token.start, caught, {}) : caught;
    }
    case "spawn":
    case "emit": {
      c.next();
      c.enterNesting();
      const operand = parseUnary(c);
      c.leaveNesting();
      const span = c.spanFrom(token.start);
      return token.kind === "spawn" ? { kind: "spawn", target: operand, span } : { kind: "emit", tree: operand, span };
    }
    case "send":
      // A function named `send` has already been reported; parse `send(...)` as its call, to avoid follow-up errors.
      if (c.reportedKeywords.has("send") && c.peek(1).kind === "(") {
        const name = nameOf(c.next());
        return continuePostfix(c, token.start, { kind: "name", name, span: name.span }, {});
      }
      return parseSend(c);
    default:
      return parsePostfix(c);
  }
}

/** Parses `send ACTOR MESSAGE`. If a space separates a bracket from the actor, the bracket begins the message. */
function parseSend(c: Cursor): Expr {
  const { start } = c.next();
  c.enterNesting();
  const context = c.enterHeaderContext("send");
  const actor = parsePostfix(c, { bracketMustTouch: true });
  c.leave(context);
  if (actor.kind === "tuple" && !OPERAND_STARTS.includes(c.kind)) rejectSendCall(c, start, actor.items);
  if (c.at(",")) c.fail(c.token, "`send` takes the actor and the message without a comma", { help: "write `send actor message`" });
  if (c.atNewline() || c.at("}") || c.at(")") || c.at("eof"))
    c.fail({ start, end: c.lastEnd }, "`send` needs a message after the actor", { help: "write `send actor message` on one line" });
  const message = parseExpression(c);
  c.leaveNesting();
  return { kind: "send", actor, message, span: c.spanFrom(start) };
}

/** Fails at `send(a, m)`. */
function rejectSendCall(c: Cursor, start: number, [actor, message]: readonly Expr[]): void {
  if (actor === undefined || message === undefined) return;
  const part = ({ span }: Expr): string => c.text.slice(span.start, span.end);
  const text = `send ${part(actor)} ${OPERAND_STARTS.some((kind) => kind === message.kind) ? part(message) : `(${part(message)})`}`;
  const span = { start, end: c.lastEnd };
  const fixes = actor.kind === "name" ? [{ title: `write \`${text}\``, edits: [{ span, text }] }] : [];
  c.fail(span, "`send` is not a function", { help: "write `send actor message`", fixes });
}

interface PostfixOptions {
  /** Whether a bracket after a space begins a new expression. */
  readonly bracketMustTouch?: boolean;
  /** Whether a `?` is left to the caller. */
  readonly stopsAtQuestionMark?: boolean;
}

const NO_OPTIONS: PostfixOptions = {};

function parsePostfix(c: Cursor, options: PostfixOptions = NO_OPTIONS): Expr {
  const { start } = c.token;
  return continuePostfix(c, start, parsePrimary(c), options);
}

/**
 * Parses field accesses, calls, indexing and `?` after `primary`. A bracket after an `if`, `match` or block begins a new
 * expression.
 */
function continuePostfix(c: Cursor, start: number, primary: Expr, options: PostfixOptions): Expr {
  const { bracketMustTouch = false, stopsAtQuestionMark = false } = options;
  let target = primary;
  for (let parts = 1; ; parts++) {
    skipTypeArguments(c);
    const kind = c.kind;
    if (kind === ".") {
      c.next();
      if (target.kind === "int" && !c.at("name")) {
        c.fail({ start, end: c.lastEnd }, "a Float has digits on both sides of the point", { help: "write `1.0`" });
      }
      if (c.at("int")) c.fail(c.token, "the elements of a tuple have no names", { help: "take it apart: `let (a, b) = t`" });
      const name = parseAccessedName(c);
      target = { kind: "field", target, name, span: c.spanFrom(start) };
    } else if (kind === "(" || kind === "[") {
      if (c.atNewline() || (bracketMustTouch && c.token.start !== c.lastEnd) || (parts === 1 && endsInBrace(primary))) return target;
      target = kind === "(" ? parseCall(c, start, target) : parseIndex(c, start, target);
    } else if (kind === "?" && !c.atNewline() && !stopsAtQuestionMark) {
      rejectForeignQuestionMark(c);
      c.next();
      target = { kind: "propagate", value: target, span: c.spanFrom(start) };
    } else {
      if (kind === "::") rejectPath(c, target);
      return target;
    }
    if (parts > MAX_NESTING) c.failTooDeep({ start, end: c.lastEnd });
  }
}

/** Fails at the `?` of `c ? a : b` and of `a ?? b`. */
function rejectForeignQuestionMark(c: Cursor): void {
  const { start, end } = c.token;
  const second = c.peek(1);
  const third = c.peek(2);
  if (second.kind === "?" && second.start === end && !third.isAfterLineBreak && OPERAND_STARTS.includes(third.kind))
    c.fail({ start, end: second.end }, "`??` is not an operator", { help: "write `option.unwrap_or(x, 0)`" });
  if (start === c.lastEnd) return;
  c.fail(c.token, "`?` directly follows an Option or a Result", {
    help: "for a choice, write `if c { a } else { b }`; to leave the function with a failure, write `f()?`",
  });
}

function endsInBrace(primary: Expr): boolean {
  return primary.kind === "if" || primary.kind === "match" || primary.kind === "block";
}

function parseCall(c: Cursor, start: number, callee: Expr): Expr {
  const opener = c.next();
  c.enterNesting();
  const context = c.enterParens();
  const args = parseCommaList(c, opener, "(", "an argument", parseArgument);
  c.leave(context);
  c.leaveNesting();
  return { kind: "call", callee, args, span: c.spanFrom(start) };
}

function parseArgument(c: Cursor): Expr {
  const lambda = parseForeignLambda(c);
  if (lambda !== undefined) return lambda;
  if (c.at("name") && (c.peek(1).kind === ":" || c.peek(1).kind === "=")) {
    c.fail(c.peek(1), "arguments have no names", { help: "pass them in the order of the parameters, without a name: `f(1, 2)`" });
  }
  return parseExpression(c);
}

const SLICE_HELP = "for a part of a list, write `list.slice(xs, from, to)`; for a part of a string, `string.slice(s, from, to)`";

function parseIndex(c: Cursor, start: number, target: Expr): Expr {
  const endBefore = c.lastEnd;
  const opener = c.next();
  c.enterNesting();
  const context = c.enterParens();
  if (c.at("]")) c.failExpected("an index", { help: "write `xs[0]`" });
  if (c.at(":") || c.at("..")) c.failExpected("an index", { help: SLICE_HELP });
  const position = parseExpression(c);
  if (position.kind === "binary" && isRange(position.rest[0]?.op)) c.fail(position.span, "a range is not an index", { help: SLICE_HELP });
  c.closeAfterOne(
    opener,
    "[",
    "the index",
    c.at(":") || c.at("..") ? { help: SLICE_HELP } : c.at(",") && opener.start > endBefore ? separatorHelp("[", endBefore) : {},
  );
  c.leave(context);
  c.leaveNesting();
  return { kind: "index", target, index: position, span: c.spanFrom(start) };
}

const isRange = (op: BinaryOp | undefined): op is RangeOp => op === ".." || op === "..=";

/** Fails at a `::` after an expression. */
function rejectPath(c: Cursor, target: Expr): void {
  if (c.atNewline()) return;
  if (target.kind === "field")
    c.fail(c.token, "`::` needs an enum before it", {
      help: "write `module.name` for a builtin, `Enum::Variant` for a variant",
    });
  c.fail(c.token, "`::` is not allowed here", {
    help:
      target.kind === "variant"
        ? "there are no paths: a builtin is written `int.max(a, b)`, an imported function `f(x)`, a variant `Enum::Variant`"
        : "write `Enum::Variant`; an expression has no type arguments, because types are inferred",
  });
}
