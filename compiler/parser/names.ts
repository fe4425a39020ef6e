/** Parses names. Reports keywords and reserved words that are used as names. */
import type { Name } from "../ast.ts";
import { isKeyword, type Token, type TokenKind } from "../tokens.ts";
import { type Cursor, spanOf, STATEMENT_WORDS } from "./cursor.ts";

const CAN_FOLLOW_NAME: ReadonlySet<TokenKind> = new Set<TokenKind>([":", "=", ",", ")", "in", "{", "(", "<", ">"]);

export function nameOf(token: Token): Name {
  return { text: token.value, span: spanOf(token) };
}

/**
 * Parses a name that is being declared. Reports a reserved word, and uses it as the name. Does the same with a keyword if the next token can
 * follow a name, and otherwise fails.
 */
export function parseDeclaredName(c: Cursor, what: string): Name {
  const token = c.token;
  if (token.kind === "name") return nameOf(c.next());
  if (token.kind === "reserved") return parseReservedName(c);
  if (!isKeyword(token.kind)) c.failExpected(`the name of ${what}`);
  const extras = { help: `choose another name, such as \`${token.kind}_\`` };
  const message = `\`${token.kind}\` is a keyword and cannot name ${what}`;
  if (!CAN_FOLLOW_NAME.has(c.peek(1).kind)) c.fail(token, message, extras);
  c.report("E002", token, message, extras);
  // Later, `send(x)` can be parsed as a call of a function that was declared as `send`.
  c.reportedKeywords.add(token.kind);
  return nameOf(c.next());
}

/** Like `parseDeclaredName`, but also accepts the `_` of a value that is not used. */
export function parseBindingName(c: Cursor, what: string): Name {
  return c.at("_") ? { text: "_", span: spanOf(c.next()) } : parseDeclaredName(c, what);
}

/** Takes a reserved word and returns it as a name. Reports only the first use of the word in a section. */
export function parseReservedName(c: Cursor): Name {
  const word = c.token.value;
  if (!c.reportedReservedWords.has(word)) {
    c.reportedReservedWords.add(word);
    const constant = word === "const" || word === "static" ? "; a constant is a `let` without `mut`" : "";
    const help = `choose another name, such as \`${word}_\`${constant}`;
    c.report("E002", c.token, `\`${word}\` is a reserved word and cannot be a name`, { help });
  }
  return nameOf(c.next());
}

/** Parses the name of a field, which may be a keyword. `after` says in a message what the name should follow. */
export function parseFieldName(c: Cursor, after: string): Name {
  const { kind } = c.token;
  const isName = kind === "name" || kind === "reserved" || isKeyword(kind);
  // If an item begins here in the first column, the name is missing.
  if (isName && !c.atOuterItem()) return nameOf(c.next());
  c.failExpected(`the name of a field ${after}`);
}

/** The tokens that can follow an incomplete access like `p.`. */
const CAN_FOLLOW_ACCESS: ReadonlySet<TokenKind> = new Set([")", "]", "}", ",", ";", "eof"]);

/**
 * Parses the name of a field after a `.`. If the expression ends there, or the next line begins a statement, reports that the name is missing
 * and returns an empty name. So an editor still knows the value before the `.`.
 */
export function parseAccessedName(c: Cursor): Name {
  const token = c.token;
  const beginsStatement = token.isAfterLineBreak && (STATEMENT_WORDS.has(token.kind) || c.atOuterItem());
  if (!beginsStatement && !CAN_FOLLOW_ACCESS.has(token.kind)) return parseFieldName(c, "after `.`");
  const end = c.lastEnd;
  c.report("E002", token.kind === "eof" ? { start: end, end } : token, c.expectedButFound("the name of a field after `.`"));
  return { text: "", span: { start: end, end } };
}

/** Parses the name of a variant after `::`, including `None`, `Some`, `Ok` and `Err`, which are keywords. */
export function parseVariantName(c: Cursor): Name {
  switch (c.kind) {
    case "None":
    case "Some":
    case "Ok":
    case "Err":
      return nameOf(c.next());
    default:
      return parseDeclaredName(c, "a variant");
  }
}
