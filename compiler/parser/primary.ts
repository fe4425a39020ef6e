/** Parses expressions without operators: literals, names, parentheses, lists, maps, records, variants, lambdas, `if` and `match`. */
import type { Expr, FieldInit, LambdaParam, Name, WrapKind } from "../ast.ts";
import { isKeyword, type TokenKind } from "../tokens.ts";
import { parseIf, parseMatch } from "./control.ts";
import { MAX_TUPLE_SIZE } from "../../vm/value/type.ts";
import { type Cursor, spanOf } from "./cursor.ts";
import { parseForeignLambda } from "./foreign-lambdas.ts";
import { rejectForeignPrefix, LAMBDA_HELP } from "./other-languages-syntax.ts";
import { parseCommaList, parseTupleRest } from "./lists.ts";
import { takeFloat, takeInt } from "./literals.ts";
import { parseFieldName, nameOf, parseReservedName, parseVariantName } from "./names.ts";
import { parseBinder } from "./patterns.ts";
import { skipTypeArguments } from "./type-arguments.ts";
import { parseRow, parseType } from "./type-syntax.ts";

export function parsePrimary(c: Cursor): Expr {
  const token = c.token;
  switch (token.kind) {
    case "int":
      return { kind: "int", value: takeInt(c), span: spanOf(token) };
    case "float":
      return { kind: "float", value: takeFloat(c), span: spanOf(token) };
    case "string":
      return { kind: "string", value: c.next().value, span: spanOf(token) };
    case "text{":
      return parseText(c);
    case "true":
    case "false":
      c.next();
      return { kind: "bool", value: token.kind === "true", span: spanOf(token) };
    case "None":
      c.next();
      return { kind: "none", span: spanOf(token) };
    case "receive":
      c.next();
      return { kind: "receive", span: spanOf(token) };
    case "Some":
    case "Ok":
    case "Err":
      return parseWrapped(c, token.kind);
    case "name":
      rejectForeignPrefix(c);
      return parseNamed(c, nameOf(c.next()));
    case "reserved":
      if (c.token.value === "self" && c.peek(1).kind === "(" && c.peek(2).kind === ")") return parseNamed(c, nameOf(c.next()));
      rejectForeignPrefix(c);
      return parseNamed(c, parseReservedName(c));
    case "(":
      return parseParenthesized(c);
    case "[":
      return parseList(c);
    case "{":
      return parseBraceOperand(c);
    case "fn":
      return parseLambda(c);
    case "if":
      return parseIf(c);
    case "match":
      return parseMatch(c);
    case "|":
    case "||":
      return parseForeignLambda(c) ?? rejectExpression(c);
    default:
      return rejectExpression(c);
  }
}

/** Parses an interpolated string, `f"a{x}b"`. */
function parseText(c: Cursor): Expr {
  const { start } = c.token;
  const parts: Expr[] = [];
  c.enterNesting();
  const context = c.enterParens();
  for (;;) {
    const piece = c.next();
    if (piece.value !== "") parts.push({ kind: "string", value: piece.value, span: spanOf(piece) });
    if (piece.kind === "}text") break;
    if (atHoleEnd(c))
      c.fail({ start: piece.end - 1, end: c.token.start + 1 }, "there is no value in `{}`", {
        help: "write a value, or `{{}}` for the characters",
      });
    parts.push(c.grammar.expression(c));
    if (!atHoleEnd(c)) c.failExpected("`}` after the value", c.at(":") || c.at("!") || c.at("=") ? { help: FORMAT_HELP } : {});
  }
  c.leave(context);
  c.leaveNesting();
  return { kind: "text", parts, span: c.spanFrom(start) };
}

const atHoleEnd = (c: Cursor): boolean => c.at("}text{") || c.at("}text");
const FORMAT_HELP = 'a hole holds a value only; format it with a function: `f"{string.pad_start(int.to_string(n), 5, " ")}"`';

function rejectExpression(c: Cursor): never {
  const isLongRange = c.at(".") && c.text.startsWith("..", c.token.start - 2);
  if (isLongRange) c.failExpected("an expression", { help: "a range is written `a..b`, or `a..=b` with its end" });
  c.failExpected("an expression", expressionHelp(c.kind));
}

/** Returns help for a token that cannot begin an expression. */
export function expressionHelp(kind: TokenKind): { readonly help?: string } {
  switch (kind) {
    case "_":
      return {
        help: "`_` has no value; use it in patterns and for unused names. A function that lacks an argument is a lambda: `fn(x) { f(1, x) }`",
      };
    case ".":
      return { help: "a Float begins with a digit: `0.5`" };
    case "+":
      return { help: "there is no unary `+`; remove it" };
    case "/":
      return { help: 'a regular expression is a String: `regex.matches(text, "a+")`; a comment begins with `//`' };
    case "*":
      return { help: "an operand is missing before `*`; there are no references: write `x`, not `*x`" };
    case "++":
      return { help: "`++` does not increment; write the statement `i += 1`" };
    case "|":
    case "||":
      return { help: LAMBDA_HELP };
    case "..":
      return { help: "there is no spread; join lists with `++`, and copy the fields of a record with `P { ..base, x: 1 }`" };
    case "in":
      return { help: "to look for an element, write `list.contains(xs, x)`; a loop is written `for x in xs { … }`" };
    case "return":
    case "break":
    case "continue":
    case "let":
    case "while":
    case "for":
      return { help: `\`${kind}\` is a statement, not an expression` };
    case "try":
      return { help: "`try` takes one call: `try net.fetch(url)`" };
    default:
      return isKeyword(kind) ? { help: `\`${kind}\` is a keyword; to use it as a name, choose another` } : {};
  }
}

function parseWrapped(c: Cursor, wrap: WrapKind): Expr {
  const { start, end } = c.next();
  skipTypeArguments(c);
  if (!c.at("(") || c.atNewline()) {
    if (!c.newlinesMatter && (c.at(")") || c.at(","))) {
      const lambdaText = `fn(x) { ${wrap}(x) }`;
      const fixes = [{ title: `write \`${lambdaText}\``, edits: [{ span: { start, end }, text: lambdaText }] }];
      c.fail({ start, end }, `\`${wrap}\` needs a value`, { help: `to pass it as a function, write \`${lambdaText}\``, fixes });
    }
    c.fail({ start, end }, `\`${wrap}\` needs a value`, {
      help: `write \`${wrap}(value)\`${wrap === "Some" ? "" : `; \`${wrap}(())\` if there is no value`}`,
    });
  }
  const opener = c.next();
  c.enterNesting();
  const context = c.enterParens();
  if (c.at(")")) c.failExpected(`the value of \`${wrap}\``, { help: `write \`${wrap}(())\` if there is no value` });
  const value = c.grammar.expression(c);
  if (c.take(",") && !c.at(")")) c.failExpected("`)`", { help: `\`${wrap}\` has one value; put several into a record` });
  c.closeAfterOne(opener, "(", "the value");
  c.leave(context);
  c.leaveNesting();
  return { kind: "someOkErr", wrap, value, span: c.spanFrom(start) };
}

function parseNamed(c: Cursor, name: Name): Expr {
  if (name.text === "par" && atRecordBrace(c)) return parsePar(c, name.span.start);
  skipTypeArguments(c);
  if (c.at("::") && !c.atNewline()) return parseVariant(c, name);
  if (atRecordBrace(c)) return parseRecord(c, name);
  return { kind: "name", name, span: name.span };
}

/** Whether the next token is a `{` that begins the fields of the record or variant just named. */
function atRecordBrace(c: Cursor): boolean {
  return c.at("{") && !c.atNewline() && c.header === null;
}

/** Parses the branches of a `par`. `par` is not a keyword; it has this meaning only before a `{`. */
function parsePar(c: Cursor, start: number): Expr {
  const opener = c.next();
  c.enterNesting();
  const context = c.enterParens();
  const branches = parseCommaList(c, opener, "{", "a branch of the `par`", parseBranch);
  c.leave(context);
  c.leaveNesting();
  const span = c.spanFrom(start);
  if (branches.length < 2) {
    c.report("E002", span, `a \`par\` has at least two branches, found ${branches.length}`, {
      help: "separate them by commas: `par { first(), second() }`; for each element of a list, write `par.map(xs, f)`",
    });
  } else if (branches.length > MAX_TUPLE_SIZE) {
    c.report("E002", span, `a \`par\` has at most ${MAX_TUPLE_SIZE} branches, found ${branches.length}`, {
      help: "its value is a tuple; for more branches, write `par.map(xs, f)`",
    });
  }
  return { kind: "par", branches, span };
}

function parseBranch(c: Cursor): Expr {
  const branch = c.grammar.expression(c);
  if (c.at(";"))
    c.fail(c.token, "`;` is not allowed between the branches of a `par`", {
      help: "write `,`; several statements are one branch in braces: `par { { a(); b() }, c() }`",
    });
  return branch;
}

function parseVariant(c: Cursor, owner: Name): Expr {
  const { start } = owner.span;
  c.next();
  if (c.at("<"))
    c.fail(c.token, "an expression has no type arguments", {
      help: "remove them: types are inferred; if the compiler cannot infer one, give a `let` a type",
    });
  const name = parseVariantName(c);
  skipTypeArguments(c);
  if (c.at("(") && !c.atNewline()) {
    const opener = c.next();
    c.enterNesting();
    const context = c.enterParens();
    const args = parseCommaList(c, opener, "(", "a value", c.grammar.expression);
    c.leave(context);
    c.leaveNesting();
    return { kind: "variant", enum: owner, variant: name, payload: { kind: "args", args }, span: c.spanFrom(start) };
  }
  if (atRecordBrace(c)) {
    const { fields, base } = parseFieldInits(c);
    if (base !== null) c.fail(base.span, "only a record can copy fields from another", { help: "write every field of the variant" });
    return { kind: "variant", enum: owner, variant: name, payload: { kind: "struct", fields }, span: c.spanFrom(start) };
  }
  return { kind: "variant", enum: owner, variant: name, payload: null, span: c.spanFrom(start) };
}

function parseRecord(c: Cursor, name: Name): Expr {
  const { fields, base } = parseFieldInits(c);
  return { kind: "record", name, base, fields, span: c.spanFrom(name.span.start) };
}

/** Parses the fields of a record or variant: `{ ..base, x: 1, y }`. */
function parseFieldInits(c: Cursor): { readonly fields: readonly FieldInit[]; readonly base: Expr | null } {
  const opener = c.next();
  c.enterNesting();
  const context = c.enterBraces();
  let base: Expr | null = null;
  if (c.take("..")) {
    skipThirdDot(c);
    base = c.grammar.expression(c);
    if (!c.at("}") && !c.take(",")) c.close(opener, "{", "the base of the record");
  }
  const fields = parseCommaList(c, opener, "{", "a field", parseFieldInit);
  c.leave(context);
  c.leaveNesting();
  return { fields, base };
}

/** Reports the third dot of `P { ...base }` and skips it. */
function skipThirdDot(c: Cursor): void {
  if (!c.at(".") || c.token.start !== c.lastEnd) return;
  const span = spanOf(c.token);
  c.report("E002", span, "the fields of a record are copied with two dots", {
    help: "write `P { ..base, x: 1 }`",
    fixes: [{ title: "remove one dot", edits: [{ span, text: "" }] }],
  });
  c.next();
}

function parseFieldInit(c: Cursor): FieldInit {
  if (c.at("..")) c.fail(c.token, "`..` comes first in a record", { help: "write `P { ..base, x: 1 }`" });
  const word = c.token;
  const name = parseFieldName(c, "in the record");
  if (c.at("=")) {
    const span = spanOf(c.token);
    c.report("E002", span, "a field is set with `:`", {
      help: `write \`${name.text}: value\``,
      fixes: [{ title: "write `:`", edits: [{ span, text: ":" }] }],
    });
    c.next();
    return { name, value: c.grammar.expression(c) };
  }
  if (c.take(":")) return { name, value: c.grammar.expression(c) };
  if (word.kind !== "name") {
    const what = word.kind === "reserved" ? "reserved word" : "keyword";
    c.report("E002", word, `\`${name.text}\` is a ${what}, so no variable has this name`, {
      help: `write the value: \`${name.text}: value\``,
    });
    return { name, value: { kind: "error", span: name.span } };
  }
  return { name, value: { kind: "name", name, span: name.span } };
}

function parseParenthesized(c: Cursor): Expr {
  const opener = c.next();
  if (c.take(")")) return { kind: "unit", span: c.spanFrom(opener.start) };
  c.enterNesting();
  const context = c.enterParens();
  const inner = c.grammar.expression(c);
  if (c.at(",")) {
    const items = parseTupleRest(c, opener, inner, "an element", c.grammar.expression);
    c.leave(context);
    c.leaveNesting();
    return { kind: "tuple", items, span: c.spanFrom(opener.start) };
  }
  const looksLikeLambda = inner.kind === "name" && c.at(":");
  c.closeAfterOne(opener, "(", "the expression", looksLikeLambda ? { help: LAMBDA_HELP } : {});
  c.leave(context);
  c.leaveNesting();
  return inner;
}

function parseList(c: Cursor): Expr {
  const opener = c.next();
  c.enterNesting();
  const context = c.enterParens();
  const items = parseCommaList(c, opener, "[", "an element", c.grammar.expression);
  c.leave(context);
  c.leaveNesting();
  return { kind: "list", items, span: c.spanFrom(opener.start) };
}

function parseBraceOperand(c: Cursor): Expr {
  if (c.header !== null) c.failExpected("an expression", { help: `a map or block after \`${c.header}\` needs parentheses` });
  c.enterNesting();
  const expr = c.grammar.brace(c);
  c.leaveNesting();
  return expr;
}

function parseLambda(c: Cursor): Expr {
  const { start } = c.next();
  if (c.at("name"))
    c.fail(c.token, "a named function is a statement, not an expression", {
      help: `declare \`fn ${c.token.value}(…) { … }\` before the statement, or write a lambda: \`fn(…) { … }\``,
    });
  const opener = c.expect("(", "`(` and the parameters of the lambda", { help: LAMBDA_HELP });
  c.enterNesting();
  const params = parseCommaList(c, opener, "(", "a parameter", parseLambdaParam);
  const result = c.take("->") ? parseType(c) : null;
  const row = parseRow(c);
  if (!c.at("{")) c.failExpected("`{` and the body of the lambda", { help: LAMBDA_HELP });
  const body = c.grammar.block(c);
  c.leaveNesting();
  return { kind: "lambda", params, result, row, body, span: c.spanFrom(start) };
}

function parseLambdaParam(c: Cursor): LambdaParam {
  const { name, pattern } = parseBinder(c, "a parameter");
  return { name, pattern, type: c.take(":") ? parseType(c) : null };
}
