/** Parses blocks and statements. */
import type { AssignOperator, AssignStep, Binder, Block, Expr, Name, Stmt } from "../ast.ts";
import { OPERAND_STARTS, type Token, type TokenKind } from "../tokens.ts";
import { parseBody, parseCondition, parseHeader, parseIf } from "./control.ts";
import { parseFn } from "./items.ts";
import { ParseError, type Cursor, spanOf } from "./cursor.ts";
import { continueExpression, parseExpression } from "./expressions.ts";
import { parseForeignLambda } from "./foreign-lambdas.ts";
import { rejectForeignStatement, LAMBDA_HELP, skipForeignLoop } from "./other-languages-syntax.ts";
import { parseCommaList } from "./lists.ts";
import { parseBindingName, nameOf } from "./names.ts";
import { parseBinder } from "./patterns.ts";
import { expressionHelp } from "./primary.ts";
import { parseCapabilityName, parseType } from "./type-syntax.ts";

/** Parses the `{ … }` of a body. */
export function parseBlock(c: Cursor): Block {
  const opener = c.next();
  const context = c.enterBraces();
  const block = finishBlock(c, opener, []);
  c.leave(context);
  return block;
}

/** Parses a `{ … }` expression: a map if it is empty or its first expression is followed by `:`, otherwise a block. */
export function parseBrace(c: Cursor): Expr {
  const opener = c.next();
  const context = c.enterBraces();
  const expr = parseBraceContents(c, opener);
  c.leave(context);
  return expr;
}

function parseBraceContents(c: Cursor, opener: Token): Expr {
  if (c.take("}")) return { kind: "map", entries: [], span: c.spanFrom(opener.start) };
  const stmts: Stmt[] = [];
  if (!atBlockEnd(c) && !c.at(";")) {
    const firstStmt = parseStatementOrRecover(c);
    if (firstStmt.kind === "expr" && firstStmt.value.kind !== "error" && c.at(":")) return parseMapEntries(c, opener, firstStmt.value);
    stmts.push(firstStmt);
  }
  const block = finishBlock(c, opener, stmts);
  return { kind: "block", block, span: block.span };
}

function parseMapEntries(c: Cursor, opener: Token, key: Expr): Expr {
  c.next();
  const first = { key, value: parseExpression(c) };
  if (c.take(","))
    return { kind: "map", entries: [first, ...parseCommaList(c, opener, "{", "an entry", parseMapEntry)], span: c.spanFrom(opener.start) };
  c.close(opener, "{", "an entry");
  return { kind: "map", entries: [first], span: c.spanFrom(opener.start) };
}

function parseMapEntry(c: Cursor): { readonly key: Expr; readonly value: Expr } {
  const key = parseExpression(c);
  c.expect(":", "`:` and the value of the key", { help: 'a map is written `{ "a": 1, "b": 2 }`' });
  return { key, value: parseExpression(c) };
}

/** Parses statements up to the `}`. Reports a missing `}` at the end of the file, or at an item in the first column. */
function finishBlock(c: Cursor, opener: Token, stmts: Stmt[]): Block {
  for (;;) {
    if (c.take(";")) continue;
    if (c.take("}")) break;
    if (atBlockEnd(c)) {
      c.reportNeverClosed(opener, "{");
      break;
    }
    stmts.push(parseStatementOrRecover(c));
  }
  return { stmts, span: c.spanFrom(opener.start) };
}

function atBlockEnd(c: Cursor): boolean {
  return c.at("eof") || c.atOuterItem();
}

/** Parses a statement. After an error in the statement, returns an `error` expression instead. */
function parseStatementOrRecover(c: Cursor): Stmt {
  const { start } = c.token;
  const mark = c.mark();
  try {
    return parseStatement(c);
  } catch (error) {
    if (!(error instanceof ParseError) || error.skipsItem) throw error;
    c.recover(mark);
    const span = c.spanFrom(start);
    return { kind: "expr", value: { kind: "error", span }, span };
  }
}

export function parseStatement(c: Cursor): Stmt {
  const { start } = c.token;
  switch (c.kind) {
    case "let":
      return parseLet(c);
    case "while":
      return parseWhile(c);
    case "for":
      return parseFor(c);
    case "return":
      return parseReturn(c);
    case "break":
      c.next();
      return { kind: "break", span: c.spanFrom(start) };
    case "continue":
      c.next();
      return { kind: "continue", span: c.spanFrom(start) };
    case "if":
      return parseIfStatement(c);
    case "fn":
      return c.peek(1).kind === "name" ? parseLocalFn(c) : parseExpressionStatement(c);
    case "reserved":
      return parseReservedStatement(c);
    case "name":
      if (ASSIGNMENTS.has(c.peek(1).kind) && !c.peek(1).isAfterLineBreak) return parseAssignment(c);
      if (c.token.value === "answer" && c.peek(1).kind === "name" && !c.peek(1).isAfterLineBreak) return parseAnswer(c);
      rejectForeignStatement(c);
      return parseExpressionStatement(c);
    default:
      if (!EXPRESSION_STARTS.has(c.kind)) rejectStatement(c);
      return parseExpressionStatement(c);
  }
}

function parseReservedStatement(c: Cursor): Stmt {
  const token = c.token;
  if ((token.value === "const" || token.value === "static") && c.peek(1).kind === "name") {
    const fixes = [{ title: "write `let`", edits: [{ span: spanOf(token), text: "let" }] }];
    c.fail(token, `\`${token.value}\` is a reserved word`, { help: "write `let`: a binding without `mut` cannot be assigned", fixes });
  }
  return parseExpressionStatement(c);
}

function parseLet(c: Cursor): Stmt {
  const { start } = c.next();
  const isMutable = c.take("mut");
  if (c.at("{")) c.failExpected("the name of a variable", { help: "a pattern begins with the name of the record: `let P { x, y } = p`" });
  const binder = parseBinder(c, "a variable");
  if (c.at(","))
    c.failExpected(`\`=\` and the value of \`${binder.name.text}\``, { help: "several names need parentheses: `let (a, b) = (1, 2)`" });
  const type = c.take(":") ? parseType(c) : null;
  if (!c.take("=")) {
    const what = binder.pattern === null ? `\`${binder.name.text}\`` : "the pattern";
    const example = binder.pattern === null ? `let ${binder.name.text} = 0` : "let (a, b) = pair";
    c.failExpected(`\`=\` and the value of ${what}`, { help: `a variable needs a value: \`${example}\`` });
  }
  const value = parseForeignLambda(c) ?? parseExpression(c);
  const otherwise = c.at("else") ? parseLetElse(c, binder) : null;
  return { kind: "let", isMutable, ...binder, type, value, otherwise, span: c.spanFrom(start) };
}

/** Parses the `else { … }` of a `let`. */
function parseLetElse(c: Cursor, { name, pattern }: Binder): Block {
  if (pattern === null) {
    c.fail(c.token, `\`${name.text}\` matches every value, so there is nothing to do \`else\``, {
      help: `write a pattern, \`let Some(${name.text}) = … else { return … }\`, or begin the value with \`if\``,
    });
  }
  c.next();
  if (!c.at("{")) c.failExpected("`{` after `else`", { help: "the block must leave: `let Some(x) = value else { return 0 }`" });
  c.enterNesting();
  const block = parseBlock(c);
  c.leaveNesting();
  return block;
}

/** Parses a function inside a function. */
function parseLocalFn(c: Cursor): Stmt {
  const { start } = c.token;
  c.enterNesting();
  const item = parseFn(c, start, false);
  c.leaveNesting();
  const [typeParam] = item.typeParams;
  const clause = item.requires[0] ?? item.ensures[0];
  const help = "move the function to the top level of the file";
  if (typeParam !== undefined) c.report("E002", typeParam.span, "a function inside a function has no type parameters of its own", { help });
  else if (clause !== undefined) c.report("E002", clause.span, "a function inside a function has no contract", { help });
  else if (item.receives !== null)
    c.report("E002", item.receives.span, "a function inside a function receives the messages of its function", {
      help: "remove `receives`",
    });
  else if (item.intent !== null) c.report("E002", item.name.span, "a function inside a function has no `intent`", { help });
  return { kind: "fn", item, span: item.span };
}

/** The operators of compound assignments, by their tokens; null for `=`. */
const ASSIGNMENTS: ReadonlyMap<TokenKind, AssignOperator | null> = new Map([
  ["=", null],
  ["+=", "+"],
  ["-=", "-"],
  ["*=", "*"],
  ["++=", "++"],
]);

interface Target {
  readonly name: Name;
  readonly steps: readonly AssignStep[];
}

/** Returns an expression as the target of an assignment: a variable, or elements and fields inside one. Returns undefined for any other expression. */
function asTarget(start: number, expr: Expr): Target | undefined {
  const steps: AssignStep[] = [];
  let outer = expr;
  while (outer.kind === "index" || outer.kind === "field") {
    const span = { start: outer.target.span.end, end: outer.span.end };
    steps.push(outer.kind === "index" ? { kind: "index", index: outer.index, span } : { kind: "field", name: outer.name, span });
    outer = outer.target;
  }
  // An expression in parentheses is no target.
  return outer.kind === "name" && outer.span.start === start ? { name: outer.name, steps: steps.reverse() } : undefined;
}

/** Parses an assignment to a variable. */
function parseAssignment(c: Cursor): Stmt {
  const name = nameOf(c.next());
  return finishAssignment(c, name.span.start, { kind: "name", name, span: name.span });
}

/** Parses the operator and the value of an assignment. */
function finishAssignment(c: Cursor, start: number, target: Expr): Stmt {
  const token = c.next();
  const parts = asTarget(start, target);
  if (parts === undefined) {
    const isCall = target.kind === "call";
    const help =
      isCall && token.kind === "="
        ? "write `==` to compare"
        : target.kind === "tuple"
          ? "give the values new names, `let (c, d) = …`, and assign them one after the other"
          : "the target is written `x`, `xs[i]` or `p.x`, without parentheses";
    c.fail({ start, end: target.span.end }, "only a variable, an element or a field can be assigned", { help });
  }
  const value = parseExpression(c);
  if (ASSIGNMENTS.has(c.kind) && !c.atNewline())
    c.fail(c.token, "an assignment has no value", { help: "write one assignment per variable; to compare, write `==`" });
  return { kind: "assign", ...parts, operator: ASSIGNMENTS.get(token.kind) ?? null, value, span: c.spanFrom(start) };
}

function parseWhile(c: Cursor): Stmt {
  const { start } = c.next();
  c.enterNesting();
  const condition = parseCondition(c, "while");
  const body = parseBody(c, "while");
  c.leaveNesting();
  return { kind: "while", ...condition, body, span: c.spanFrom(start) };
}

function parseFor(c: Cursor): Stmt {
  const { start } = c.next();
  if (c.at("(") && (c.peek(1).kind === "let" || c.peek(2).kind === "in" || c.peek(2).kind === "name")) {
    c.fail(c.token, "a `for` has no parentheses", {
      help: "a loop over a list is written `for x in xs { … }`; over numbers, `for i in 0..10 { … }`",
    });
  }
  const binder = parseBinder(c, "a variable");
  if (!skipForeignLoop(c, binder.name) && !c.take("in")) {
    const shownName = binder.pattern === null ? binder.name.text : "x";
    c.failExpected("`in` and a list", { help: `a loop over a list is written \`for ${shownName} in xs { … }\`` });
  }
  c.enterNesting();
  const list = parseHeader(c, "for");
  const body = parseBody(c, "for");
  c.leaveNesting();
  return { kind: "for", ...binder, list, body, span: c.spanFrom(start) };
}

/** Parses an `answer` statement. `answer` is not a keyword, but no other statement begins with two names on one line. */
function parseAnswer(c: Cursor): Stmt {
  const { start } = c.next();
  const help = 'an answer is written `answer net.fetch(url) { "the page" }`';
  const capability = parseCapabilityName(c);
  const opener = c.expect("(", `\`(\` and the parameters of \`${capability.text}\``, { help });
  const params = parseCommaList(c, opener, "(", "a parameter", (inner) => parseBindingName(inner, "a parameter"));
  if (!c.at("{")) c.failExpected("`{` and the body of the answer", { help });
  c.enterNesting();
  const body = parseBlock(c);
  c.leaveNesting();
  return { kind: "answer", capability, params, body, span: c.spanFrom(start) };
}

/** Parses a `return` statement. If a newline follows the keyword, the statement returns Unit. */
function parseReturn(c: Cursor): Stmt {
  const { start } = c.next();
  const value = !c.atNewline() && EXPRESSION_STARTS.has(c.kind) ? parseExpression(c) : null;
  return { kind: "return", value, span: c.spanFrom(start) };
}

/** Parses an `if`. If it has an `else`, it may be the first operand of an expression; otherwise the `if` is the whole statement. */
function parseIfStatement(c: Cursor): Stmt {
  const { start } = c.token;
  const branch = parseIf(c);
  const value = branch.otherwise === null && !c.at(".") ? branch : continueExpression(c, start, branch);
  return finishExpressionStatement(c, start, value);
}

function parseExpressionStatement(c: Cursor): Stmt {
  const { start } = c.token;
  return finishExpressionStatement(c, start, parseExpression(c));
}

/** Compound assignments of other languages. */
const FOREIGN_ASSIGNMENTS: ReadonlyMap<TokenKind, string> = new Map([
  ["/=", "/"],
  ["%=", "%"],
]);

function finishExpressionStatement(c: Cursor, start: number, value: Expr): Stmt {
  if (ASSIGNMENTS.has(c.kind) && !c.atNewline()) return finishAssignment(c, start, value);
  const operator = FOREIGN_ASSIGNMENTS.get(c.kind);
  if (operator !== undefined) {
    const target = c.text.slice(start, c.lastEnd);
    const shownTarget = target.length <= 40 && !target.includes("\n") ? target : "x";
    c.fail(c.token, `\`${c.kind}\` is not an operator`, {
      help: `write \`${shownTarget} = ${shownTarget} ${operator} …\``,
      fixes:
        shownTarget === target
          ? [{ title: `write \`= ${shownTarget} ${operator}\``, edits: [{ span: spanOf(c.token), text: `= ${shownTarget} ${operator}` }] }]
          : [],
    });
  }
  if (c.at(":") && c.peek(1).kind === "=" && c.peek(1).start === c.token.end) {
    const span = { start: c.token.start, end: c.peek(1).end };
    const edits = [
      { span: { start, end: start }, text: "let " },
      { span, text: "=" },
    ];
    c.fail(span, "`:=` is not an operator", {
      help: "write `let x = 1`, or `let mut x = 1` for a variable that changes",
      fixes: value.kind === "name" ? [{ title: "write `let`", edits }] : [],
    });
  }
  return { kind: "expr", value, span: c.spanFrom(start) };
}

/** Tokens that can begin an expression, and `error`, which the lexer has reported. */
// biome-ignore format: rows read better
const EXPRESSION_STARTS: ReadonlySet<TokenKind> = new Set([
  ...OPERAND_STARTS, "text{", "reserved", "(", "[", "{", "fn", "if", "match", "-", "!", "try", "spawn", "send", "receive", "emit", "error",
]);

function rejectStatement(c: Cursor): never {
  const { kind } = c.token;
  if (c.atItem()) c.fail(c.token, `\`${kind}\` is not allowed inside a function`, { help: "move it to the top level of the file" });
  const nextToken = c.peek(1);
  if (kind === "++" && nextToken.kind === "name" && nextToken.start === c.token.end) {
    const increment = `${nextToken.value} = ${nextToken.value} + 1`;
    const span = { start: c.token.start, end: nextToken.end };
    c.fail(span, "`++` does not increment", {
      help: `write \`${increment}\``,
      fixes: [{ title: `write \`${increment}\``, edits: [{ span, text: increment }] }],
    });
  }
  c.failExpected("a statement", statementHelp(kind));
}

function statementHelp(kind: TokenKind): { readonly help?: string } {
  switch (kind) {
    case ":":
      return {
        help: 'a variable is declared with `let x: Int = 1`; a map in a body needs its own braces: `{ { "a": 1 } }`',
      };
    case "else":
      return { help: "`else` follows the `}` of an `if`" };
    case "mut":
      return { help: "write `let mut x = 0`" };
    case "=":
    case "+=":
    case "-=":
    case "*=":
    case "++=":
      return { help: `the \`${kind}\` of an assignment must be on the line of its target` };
    case "=>":
      return { help: `arms belong inside \`match x { … }\`; ${LAMBDA_HELP}` };
    case "->":
      return { help: LAMBDA_HELP };
    case "?":
      return { help: "write `?` on the line of its value: `f()?`" };
    case ")":
    case "]":
      return { help: `this \`${kind}\` has no matching opening bracket` };
    case ",":
      return { help: "separate statements with newlines or `;`; a list is written `[1, 2]`, a tuple `(1, 2)`" };
    default:
      return expressionHelp(kind);
  }
}
