/** Parses what the user typed: items, or statements. If the last statement is an expression, its value is shown. */
import type { Item, Span, Stmt } from "../compiler/ast.ts";
import { type Diagnostic, Diagnostics } from "../compiler/diagnostics.ts";
import { lex } from "../compiler/lexer.ts";
import { parse } from "../compiler/parser/parse.ts";
import { beginsItem } from "../compiler/parser/sections.ts";
import type { Token } from "../compiler/tokens.ts";
import { BorunaError } from "../vm/error.ts";
import { SessionProgram, type EntryText } from "./draft.ts";

/** The name of the program in diagnostics. */
export const PROGRAM_NAME = "<repl>";

export type Entry =
  | { readonly kind: "empty"; readonly isComment: boolean }
  /** Each item with its span in the entry. The span includes the comment before the item. */
  | { readonly kind: "items"; readonly entry: EntryText; readonly items: readonly { readonly item: Item; readonly span: Span }[] }
  | {
      readonly kind: "statements";
      readonly entry: EntryText;
      /** The span of the last statement in the entry, if that is an expression. */
      readonly valueSpan: Span | undefined;
      /** Whether later entries may depend on this one: it has several statements, or a declaration, an assignment, a loop, a message or an emit. */
      readonly changesSession: boolean;
    }
  | { readonly kind: "wrong"; readonly draft: SessionProgram; readonly diagnostics: readonly Diagnostic[]; readonly missing: MissingPart };

/** What is missing from an entry. `bracket`: a bracket or a text block is open. `more`: something else is missing at the end. */
export type MissingPart = "nothing" | "bracket" | "more";

/** Tokens of statements on which later entries may depend. */
const CHANGING = new Set(["=", "let", "for", "while", "spawn", "send", "receive", "emit"]);

export function readEntry(entry: EntryText): Entry {
  const lexical = new Diagnostics(PROGRAM_NAME);
  const { tokens, comments } = lex(entry.text, lexical);
  const [first, second, third] = tokens;
  if (first === undefined || first.kind === "eof") return { kind: "empty", isComment: comments.length > 0 };
  const brace = strayBrace(tokens);
  if (brace !== undefined) {
    const entryOnly = new SessionProgram();
    entryOnly.addEntry(entry);
    const stray = new Diagnostics(PROGRAM_NAME);
    stray.error("E002", brace, "this `}` closes nothing", { help: "remove it" });
    return { kind: "wrong", draft: entryOnly, diagnostics: stray.sorted(), missing: "nothing" };
  }
  const next = second ?? first;
  const isItem = beginsItem(first, next, third ?? next);
  const draft = new SessionProgram();
  if (isItem) draft.addEntry(entry);
  else {
    draft.addGenerated("fn main() {\n");
    draft.addStatements(entry);
    draft.addGenerated("\n}\n");
  }
  const diagnostics = new Diagnostics(PROGRAM_NAME);
  const { items } = parse({ name: PROGRAM_NAME, text: draft.text }, diagnostics);
  if (diagnostics.hasErrors)
    return { kind: "wrong", draft, diagnostics: diagnostics.sorted(), missing: missingIn(entry.text, tokens, diagnostics, draft) };
  if (isItem) return { kind: "items", entry, items: withSpans(items) };
  const [main] = items;
  if (main?.kind !== "fn") throw new BorunaError("internal", "statements are not the body of a function");
  const { stmts } = main.body;
  const changesSession =
    stmts.length > 1 || tokens.some(({ kind }) => CHANGING.has(kind) || (kind.endsWith("=") && !COMPARISONS.has(kind)));
  return { kind: "statements", entry, valueSpan: valueSpanOf(stmts, draft), changesSession };
}

const COMPARISONS = new Set(["==", "!=", "<=", ">=", "..="]);

/** Returns the span of the last statement in its entry, if that is an expression. */
function valueSpanOf(stmts: readonly Stmt[], draft: SessionProgram): Span | undefined {
  const last = stmts.at(-1);
  return last?.kind === "expr" ? draft.entryAt(last.value.span)?.span : undefined;
}

/** Returns each item with its span, which includes the comments before it. */
function withSpans(items: readonly Item[]): readonly { readonly item: Item; readonly span: Span }[] {
  let start = 0;
  return items.map((item) => {
    const span = { start, end: item.span.end };
    start = item.span.end;
    return { item, span };
  });
}

/** Returns the first `}` without a `{` in the entry. In the draft it would close the function around the entry. */
function strayBrace(tokens: readonly Token[]): Span | undefined {
  let depth = 0;
  for (const { kind, start, end } of tokens) {
    if (kind === "{") depth += 1;
    else if (kind === "}") depth -= 1;
    if (depth < 0) return { start, end };
  }
  return undefined;
}

const OPENERS = new Set(["(", "[", "{"]);
const CLOSERS = new Set([")", "]", "}"]);

/** Returns what an entry that is not complete lacks. */
function missingIn(text: string, tokens: readonly Token[], diagnostics: Diagnostics, draft: SessionProgram): MissingPart {
  let depth = 0;
  for (const { kind } of tokens) {
    if (OPENERS.has(kind)) depth += 1;
    else if (CLOSERS.has(kind)) depth -= 1;
  }
  const isBlockOpen = (text.split('"""').length - 1) % 2 === 1;
  if (depth > 0 || (depth === 0 && isBlockOpen)) return "bracket";
  const end = text.trimEnd().length;
  const isAtEnd = (span: Span): boolean => {
    const place = draft.entryAt(span);
    return place === undefined || place.span.start >= end;
  };
  return depth === 0 && diagnostics.sorted().every(({ span }) => isAtEnd(span)) ? "more" : "nothing";
}
