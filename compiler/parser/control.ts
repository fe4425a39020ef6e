/** Parses `if` and `match`, and the header and body of every construct that has both. */
import type { Block, Condition, Expr, IfBranch, MatchArm } from "../ast.ts";
import { OPERAND_STARTS, type Token, type TokenKind } from "../tokens.ts";
import { CLOSE_BRACE } from "../lexer/code-units.ts";
import { ParseError, type Cursor, spanOf } from "./cursor.ts";
import { parsePattern } from "./patterns.ts";

/** What must follow each keyword, and an example, both for error messages. */
const HEADERS = {
  if: { what: "a condition", help: "write `if x > 0 { … }`" },
  while: { what: "a condition", help: "write `while x > 0 { … }`; `while true { … }` runs until a `break`" },
  match: { what: "a value", help: "write `match x { … }`" },
  for: { what: "a list", help: "write `for x in xs { … }` or `for i in 0..10 { … }`" },
  requires: { what: "a condition", help: "write `requires x > 0`" },
  ensures: { what: "a condition", help: "write `ensures result > 0`" },
} as const;

/** Parses the header between a keyword and its `{`. No literal in the header begins with `{`, except inside brackets. */
export function parseHeader(c: Cursor, header: keyof typeof HEADERS): Expr {
  const { what, help } = HEADERS[header];
  if (c.at("{")) c.failExpected(`${what} after \`${header}\``, { help });
  if (c.at("let")) c.failExpected(`${what} after \`${header}\``, { help: "write `match x { Some(y) => …, None => … }`" });
  const context = c.enterHeaderContext(header);
  const expr = c.grammar.expression(c);
  c.leave(context);
  if (c.at("=")) {
    const span = spanOf(c.token);
    c.fail(span, `\`=\` is assignment and is not allowed after \`${header}\``, {
      help: "write `==` to compare",
      fixes: [{ title: "write `==`", edits: [{ span, text: "==" }] }],
    });
  }
  if (c.at("{") && c.followsTypeName() && c.peek(1).kind === "name" && c.peek(2).kind === ":") {
    c.fail(c.token, `a record literal after \`${header}\` needs parentheses`, { help: `write \`${header} … (P { x: 1 }) …\`` });
  }
  return expr;
}

/** Parses the header of an `if` or `while`: a condition, or `let PATTERN = VALUE`. */
export function parseCondition(c: Cursor, header: "if" | "while"): Condition {
  if (!c.take("let")) return { pattern: null, condition: parseHeader(c, header) };
  const depth = c.restartDepth();
  const pattern = parsePattern(c);
  c.resumeDepth(depth);
  c.expect("=", "`=` and the value after the pattern", { help: `write \`${header} let Some(x) = value { … }\`` });
  const { start } = c.token;
  const condition = parseHeader(c, header);
  const [second] = condition.kind === "binary" && condition.span.start === start ? condition.rest : [];
  if (second?.op === "&&" || second?.op === "||") {
    c.fail(second.opSpan, `\`${second.op}\` is not allowed after \`${header} let\``, {
      help: second.op === "&&" ? `test the second condition inside the braces, or write a \`match\` with a guard` : "write a `match`",
    });
  }
  return { pattern, condition };
}

/** Parses the `{ … }` after a header. */
export function parseBody(c: Cursor, keyword: string): Block {
  if (!c.at("{")) {
    const help = c.at("else") ? "a choice is written `if a { 1 } else { 2 }`" : `a body needs braces: \`${keyword} … { … }\``;
    c.failExpected(`\`{\` and the body of \`${keyword}\``, { help });
  }
  return c.grammar.block(c);
}

/** Parses an `if` and all its `else if`s into one node. */
export function parseIf(c: Cursor): Extract<Expr, { kind: "if" }> {
  const { start } = c.token;
  const branches: IfBranch[] = [];
  let otherwise: Block | null = null;
  c.enterNesting();
  do {
    c.next();
    const { pattern, condition } = parseCondition(c, "if");
    branches.push({ pattern, condition, body: parseBody(c, "if") });
    if (reportElseIfWord(c)) continue;
    if (!c.take("else")) break;
    if (!c.at("if")) otherwise = parseElseBody(c);
  } while (otherwise === null);
  c.leaveNesting();
  return { kind: "if", branches, otherwise, span: c.spanFrom(start) };
}

const ELSE_IF_WORDS: ReadonlySet<string> = new Set(["elif", "elseif", "elsif"]);

/** Reports a word like `elif`, to be read as `else if`. Returns whether there was one. */
function reportElseIfWord(c: Cursor): boolean {
  const { value } = c.token;
  const after = c.peek(1);
  if (
    !c.at("name") ||
    !ELSE_IF_WORDS.has(value) ||
    after.isAfterLineBreak ||
    after.kind === "=" ||
    after.kind === "." ||
    after.kind === "("
  )
    return false;
  const span = spanOf(c.token);
  const fixes = [{ title: "write `else if`", edits: [{ span, text: "else if" }] }];
  c.report("E002", span, `\`${value}\` is not part of this language`, { help: "write `else if`", fixes });
  return true;
}

function parseElseBody(c: Cursor): Block {
  if (!c.at("{")) c.failExpected("`{` or `if` after `else`", { help: "a branch needs braces: `else { 0 }`" });
  return c.grammar.block(c);
}

export function parseMatch(c: Cursor): Expr {
  const { start } = c.next();
  c.enterNesting();
  const scrutinee = parseHeader(c, "match");
  skipWith(c);
  const opener = c.expect("{", "`{` and the arms of `match`", { help: "write `match x { 1 => 2, _ => 3 }`" });
  const context = c.enterBraces();
  const arms = parseArms(c, opener);
  c.leave(context);
  c.leaveNesting();
  return { kind: "match", scrutinee, arms, span: c.spanFrom(start) };
}

/** Reports the `with` of `match x with`, and skips it if `{` follows. */
function skipWith(c: Cursor): void {
  if (!c.at("name") || c.token.value !== "with") return;
  const hasBraces = c.peek(1).kind === "{";
  const fixes = [{ title: "remove `with`", edits: [{ span: { start: c.token.start, end: c.peek(1).start }, text: "" }] }];
  c.report("E002", c.token, "`match` has no `with`", {
    help: "put the arms in braces: `match x { 1 => 2, _ => 3 }`",
    fixes: hasBraces ? fixes : [],
  });
  // Without braces there is no way to tell where the arms end.
  if (!hasBraces) throw new ParseError({ skipsItem: true });
  c.next();
}

function parseArms(c: Cursor, opener: Token): readonly MatchArm[] {
  const arms: MatchArm[] = [];
  while (!c.take("}")) {
    if (c.at("eof") || c.atOuterItem()) c.failNeverClosed(opener, "{");
    const mark = c.mark();
    try {
      arms.push(parseArm(c));
      takeArmSeparator(c);
    } catch (error) {
      if (!(error instanceof ParseError) || error.skipsItem) throw error;
      c.recover(mark, { atCommas: true });
      c.take(",");
    }
  }
  return arms;
}

/**
 * Takes the comma after an arm, or fails. The comma is optional before a newline, at the end of the `match`, and after an arm that
 * ends with `}`.
 */
function takeArmSeparator(c: Cursor): void {
  if (c.take(",") || c.atNewline() || c.at("}") || c.at("eof") || c.text.charCodeAt(c.lastEnd - 1) === CLOSE_BRACE) return;
  const insertAt = c.lastEnd;
  const fixes = [{ title: "insert `,`", edits: [{ span: { start: insertAt, end: insertAt }, text: "," }] }];
  const beginsArm = PATTERN_STARTS.has(c.kind);
  c.failExpected("`,` or a new line between two arms", beginsArm ? { help: "separate arms with commas or newlines", fixes } : {});
}

function parseArm(c: Cursor): MatchArm {
  const { start } = c.token;
  skipCase(c);
  const depth = c.restartDepth();
  const pattern = parsePattern(c);
  c.resumeDepth(depth);
  const guard = c.take("if") ? c.grammar.expression(c) : null;
  takeArrow(c);
  const { body, hasEmptyBraces } = parseArmBody(c);
  return { pattern, guard, body, hasEmptyBraces, span: c.spanFrom(start) };
}

const PATTERN_STARTS: ReadonlySet<TokenKind> = new Set([...OPERAND_STARTS, "_", "-"]);

/** Reports and skips the `case` of `case 1 => …`. Fails at `else => …`. */
function skipCase(c: Cursor): void {
  const nextToken = c.peek(1);
  const span = { start: c.token.start, end: nextToken.start };
  if (c.at("else") && nextToken.kind === "=>") {
    const fixes = [{ title: "write `_`", edits: [{ span: spanOf(c.token), text: "_" }] }];
    c.fail(c.token, "the arm for all other values is `_`", { help: "write `_ => …`", fixes });
  }
  if (!c.at("name") || (c.token.value !== "case" && c.token.value !== "when") || !PATTERN_STARTS.has(nextToken.kind)) return;
  const message = `\`${c.token.value}\` is not needed before a pattern`;
  c.report("E002", c.token, message, {
    help: "an arm is written `pattern => value`",
    fixes: [{ title: `remove \`${c.token.value}\``, edits: [{ span, text: "" }] }],
  });
  c.next();
}

/** Takes `=>`. Reports `->`, `:` and `=`, and reads them as `=>`. */
function takeArrow(c: Cursor): void {
  if (c.take("=>")) return;
  if (!c.at("->") && !c.at(":") && !c.at("=")) c.failExpected("`=>` after the pattern", { help: "an arm is written `pattern => value`" });
  const span = spanOf(c.token);
  c.report("E002", span, "an arm has `=>` between its pattern and its value", {
    help: "write `=>`",
    fixes: [{ title: "write `=>`", edits: [{ span, text: "=>" }] }],
  });
  c.next();
}

function parseArmBody(c: Cursor): { readonly body: Block; readonly hasEmptyBraces: boolean } {
  const token = c.token;
  if (token.kind === "," || token.kind === "}") c.failExpected("the value of the arm after `=>`", { help: "write `()` if there is none" });
  const stmt = c.grammar.statement(c);
  if (token.kind === "{" && stmt.kind === "expr" && stmt.value.span.start === token.start) {
    if (stmt.value.kind === "block") return { body: stmt.value.block, hasEmptyBraces: false };
    if (stmt.value.kind === "map" && stmt.value.entries.length === 0) return { body: { stmts: [], span: stmt.span }, hasEmptyBraces: true };
  }
  return { body: { stmts: [stmt], span: stmt.span }, hasEmptyBraces: false };
}
