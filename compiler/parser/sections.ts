/**
 * Splits the tokens of a file into sections. A section begins at an item in the first column and ends where the next one begins;
 * the first section begins with the file. Each section is parsed alone, so that
 *
 * - an error in one section never changes how another one is read, and
 * - an editor's server parses only the sections whose text has changed (`compiler/incremental/`).
 *
 * An item in the first column always ends a block: if a `{` is open there, its `}` is missing.
 */
import { LINE_FEED } from "../lexer/code-units.ts";
import type { Token } from "../tokens.ts";

/** A synonym of `type` at the start of an item, and an ordinary name everywhere else. */
export const RECORD_WORD = "record";

export function isRecordWord(token: Token): boolean {
  return token.kind === "name" && token.value === RECORD_WORD;
}

/** The parser of a section also sees this number of tokens after it, so that it can name what follows a mistake. `beginsItem` needs as many. */
export const LOOKAHEAD_TOKENS = 3;

/** Whether the token begins an item instead of a statement. The other tokens are the two that follow it. */
export function beginsItem(token: Token, next: Token, afterNext: Token): boolean {
  switch (token.kind) {
    case "fn":
    case "type":
    case "enum":
    case "module":
      return next.kind === "name";
    case "name":
      // `record` is not a keyword: a name on the same line and `{` or `<` must follow.
      return isRecordWord(token) && next.kind === "name" && !next.isAfterLineBreak && (afterNext.kind === "{" || afterNext.kind === "<");
    case "import":
    case "test":
      return next.kind === "string";
    case "export":
      return next.kind === "fn" || next.kind === "type" || next.kind === "enum" || isRecordWord(next);
    default:
      return false;
  }
}

export function isInFirstColumn(text: string, { start }: Token): boolean {
  return start === 0 || text.charCodeAt(start - 1) === LINE_FEED;
}

/** Whether a section begins at the token with this index. The two tokens after it must be known, unless the file ends. */
export function beginsSection(text: string, tokens: readonly Token[], index: number): boolean {
  const token = tokens[index];
  if (token === undefined || index === 0 || !isInFirstColumn(text, token)) return false;
  // After `export` the item has already begun. `module` is allowed only at the start of the file, so no section begins with it.
  if (tokens[index - 1]?.kind === "export" || token.kind === "module") return false;
  const next = tokens[index + 1] ?? token;
  return beginsItem(token, next, tokens[index + 2] ?? next);
}
