/**
 * Parses source text into a syntax tree by recursive descent. `parse` runs the lexer and then parses one section after another:
 *
 *     sections → items → statements → control (if, match) → expressions → primary
 *                                                 patterns, type-syntax, names, literals
 *
 * A function that finds an error reports it and throws `ParseError`. The nearest list of statements, arms or items catches the
 * `ParseError`, and continues where the next element can begin (`Cursor.recover`). So one run finds many errors. Functions named `reject…`
 * fail at wrong syntax, most of them at syntax of other languages; their errors say what to write instead.
 */
import { utf8Length } from "../../vm/value/utf8.ts";
import type { Block, Item, Name, ParsedFile, Span } from "../ast.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { lex } from "../lexer.ts";
import type { SourceFile } from "../source.ts";
import type { Token } from "../tokens.ts";
import { ParseError, Cursor, type Grammar, MAX_NESTING } from "./cursor.ts";
import { findTooDeepNode, MAX_TREE_DEPTH } from "./depth.ts";
import { parseExpression } from "./expressions.ts";
import { nameOf } from "./names.ts";
import { beginsSection, LOOKAHEAD_TOKENS } from "./sections.ts";
import { parseItem } from "./items.ts";
import { parseBlock, parseBrace, parseStatement } from "./statements.ts";

const MAX_SOURCE_BYTES = 1_048_576;

const GRAMMAR: Grammar = { expression: parseExpression, statement: parseStatement, block: parseBlock, brace: parseBrace };

/**
 * Parses any text without throwing, in time linear in its size. Errors (E001, E002, E015) are added to `diagnostics`. An item
 * with an error is omitted, or has an `error` expression instead of each statement with an error. No tree is deeper than
 * `MAX_TREE_DEPTH`.
 */
export function parse(source: SourceFile, diagnostics: Diagnostics): ParsedFile {
  const { name, text } = source;
  if (reportTooLong(text, diagnostics)) return { name, text, moduleName: null, items: [], comments: [], damaged: [WHOLE_FILE] };
  const { tokens, comments } = lex(text, diagnostics);
  if (diagnostics.isFull) return { name, text, moduleName: null, items: [], comments, damaged: [WHOLE_FILE] };
  const lexicalErrors = diagnostics.sorted().map(({ span }) => span.start);
  const items: Item[] = [];
  const damaged: Span[] = [];
  let moduleName: Name | null = null;
  const cursor = new Cursor(text, tokens, diagnostics, GRAMMAR);
  for (let from = 0, to = 0; from < tokens.length; from = to) {
    do to += 1;
    while (to < tokens.length && !beginsSection(text, tokens, to));
    const span = { start: from === 0 ? 0 : (tokens[from]?.start ?? 0), end: tokens[to]?.start ?? text.length + 1 };
    const { errorCount } = diagnostics;
    cursor.beginSection(from, to + LOOKAHEAD_TOKENS);
    if (from === 0) moduleName = parseModuleName(cursor);
    parseItems(cursor, to, items, diagnostics);
    const hasLexicalError = lexicalErrors.some((offset) => offset >= span.start && offset < span.end);
    if (hasLexicalError || diagnostics.errorCount > errorCount) damaged.push(span);
  }
  return { name, text, moduleName, items, comments, damaged };
}

const WHOLE_FILE: Span = { start: 0, end: Number.MAX_SAFE_INTEGER };

/** Reports a file that is too long to be parsed. Returns whether it is. */
export function reportTooLong(text: string, diagnostics: Diagnostics): boolean {
  const bytes = utf8Length(text);
  if (bytes <= MAX_SOURCE_BYTES) return false;
  diagnostics.error("E015", { start: 0, end: 0 }, `this file has ${bytes} bytes; at most ${MAX_SOURCE_BYTES} (1 MiB) are allowed`, {
    help: "split it into several files and `import` them",
  });
  return true;
}

export interface ParsedSection {
  readonly moduleName: Name | null;
  readonly items: readonly Item[];
}

/** Parses one section: the first `count` tokens. After them come up to `LOOKAHEAD_TOKENS` more, and `eof`. */
export function parseSection(
  text: string,
  tokens: readonly Token[],
  count: number,
  { isFirst }: { readonly isFirst: boolean },
  diagnostics: Diagnostics,
): ParsedSection {
  const cursor = new Cursor(text, tokens, diagnostics, GRAMMAR);
  const moduleName = isFirst ? parseModuleName(cursor) : null;
  const items: Item[] = [];
  parseItems(cursor, count, items, diagnostics);
  return { moduleName, items };
}

/** Parses items up to the token with the index `end`, and adds them to `items`. */
function parseItems(c: Cursor, end: number, items: Item[], diagnostics: Diagnostics): void {
  while (!c.at("eof") && c.index < end && !c.reachedErrorLimit) {
    const startIndex = c.index;
    try {
      const item = parseItem(c);
      // An item with few tokens cannot be too deep.
      items.push(c.index - startIndex <= MAX_TREE_DEPTH ? item : withDepthLimit(item, diagnostics));
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      c.recoverItem(startIndex);
    }
  }
}

/** Parses the `module name` at the start of older programs, which has no effect. */
function parseModuleName(c: Cursor): Name | null {
  if (!c.at("module") || c.peek(1).kind !== "name") return null;
  c.next();
  return nameOf(c.next());
}

/** Returns the item. If its tree is too deep, reports the item and replaces its body with an `error` expression. */
function withDepthLimit(item: Item, diagnostics: Diagnostics): Item {
  const span = findTooDeepNode(item);
  if (span === null) return item;
  diagnostics.error("E015", span, `nesting is deeper than ${MAX_NESTING} levels`, {
    help: "name the inner parts with `let`, or move them into functions",
  });
  if (item.kind === "fn") return { ...item, requires: [], ensures: [], body: errorBlock(item.body.span) };
  return item.kind === "test" ? { ...item, body: errorBlock(item.body.span) } : item;
}

function errorBlock(span: Span): Block {
  return { stmts: [{ kind: "expr", value: { kind: "error", span }, span }], span };
}
