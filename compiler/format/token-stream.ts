/** The formatter's input: the tokens of a file in source order, each with the comments before it. */
import type { Comment, Span } from "../ast.ts";
import { type LineTable, lineIndexAt, lineTable } from "../source.ts";
import type { Token, TokenKind } from "../tokens.ts";
import { comment, type Doc, EMPTY, BLANK_LINE, concat, concatAll, text } from "./doc.ts";

interface StreamToken {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  readonly comments: readonly Doc[];
  /** Whether the source has an empty line before the token. */
  readonly blankBefore: boolean;
}

const NO_TOKEN: StreamToken = { kind: "eof", start: 0, end: 0, comments: [], blankBefore: false };

/**
 * The printers walk the syntax tree and take the tokens from this stream in source order. Each token is taken or dropped
 * exactly once. Taking a token also takes the comments before that token, so every comment is printed exactly once.
 */
export class TokenStream {
  readonly #text: string;
  readonly #lines: LineTable;
  readonly #tokens: readonly StreamToken[];
  #index = 0;
  /** Comments before the next token that have not been taken yet. */
  #untakenComments: Doc[] = [];
  /** Start of the `=` in a `>=` whose `>` has been taken; -1 otherwise. */
  #splitEqualsStart = -1;

  constructor(source: string, tokens: readonly Token[], comments: readonly Comment[]) {
    this.#text = source;
    this.#lines = lineTable(source);
    this.#tokens = attachComments(this.#lines, tokens, comments);
    this.#untakenComments = [...this.#nextToken.comments];
  }

  get #nextToken(): StreamToken {
    return this.#tokens[this.#index] ?? NO_TOKEN;
  }

  at(kind: TokenKind): boolean {
    return this.#splitEqualsStart === -1 ? this.#nextToken.kind === kind : kind === "=";
  }

  get start(): number {
    return this.#splitEqualsStart === -1 ? this.#nextToken.start : this.#splitEqualsStart;
  }

  /** Takes the comments before the next token, without the token. */
  takeComments(): Doc {
    const leadingComments = this.#untakenComments;
    this.#untakenComments = [];
    return leadingComments.length === 0 ? EMPTY : concatAll(leadingComments);
  }

  /** Returns an empty line if the source has one before the next token. */
  sourceBlankLine(): Doc {
    return this.#nextToken.blankBefore ? BLANK_LINE : EMPTY;
  }

  /** Takes the comments before the next token, then the token. */
  take(): Doc {
    const leadingComments = this.takeComments();
    // The token of a text block contains line ends, which are printed as LF.
    const token = text(this.#text.slice(this.start, this.#nextToken.end).replaceAll("\r\n", "\n"));
    this.#advance();
    return leadingComments === EMPTY ? token : concat(leadingComments, token);
  }

  /** Takes the next token and puts its comments after the token. Used for a comma, which must directly follow its element. */
  takeAheadOfComments(): Doc {
    const leadingComments = this.takeComments();
    const token = this.take();
    return leadingComments === EMPTY ? token : concat(token, leadingComments);
  }

  /** Drops the next token. Its comments move to the following token. */
  drop(): void {
    const comments = this.#untakenComments;
    this.#advance();
    for (const comment of this.#untakenComments) comments.push(comment);
    this.#untakenComments = comments;
  }

  /** Takes a `>`, which may be the first half of `>=`. */
  takeAngle(): Doc {
    if (this.#nextToken.kind !== ">=" || this.#splitEqualsStart !== -1) return this.take();
    const leadingComments = this.takeComments();
    this.#splitEqualsStart = this.#nextToken.start + 1;
    return concat(leadingComments, text(">"));
  }

  /** Takes all tokens of a span that begins at the next token. Returns the source text of the span, unchanged except for line ends. */
  verbatim(span: Span): Doc {
    const leadingComments = this.takeComments();
    const content = this.#text.slice(span.start, span.end).replaceAll("\r\n", "\n");
    while (this.#nextToken.kind !== "eof" && this.#nextToken.start < span.end) this.#advance();
    return concat(leadingComments, text(content));
  }

  /** Whether both offsets are on one line. */
  onOneLine(start: number, end: number): boolean {
    return countLineEnds(this.#lines, start, end) === 0;
  }

  /** Whether a line ends between the last token and the next. */
  nextStartsLine(): boolean {
    const previousToken = this.#tokens[this.#index - 1];
    return previousToken !== undefined && !this.onOneLine(previousToken.end, this.start);
  }

  #advance(): void {
    this.#splitEqualsStart = -1;
    this.#index += 1;
    this.#untakenComments = [...this.#nextToken.comments];
  }
}

function attachComments(lines: LineTable, tokens: readonly Token[], comments: readonly Comment[]): readonly StreamToken[] {
  let previousEnd = 0;
  let index = 0;
  return tokens.map(({ kind, start, end }): StreamToken => {
    const commentsBefore: Doc[] = [];
    for (let entry = comments[index]; entry !== undefined && entry.span.start < start; entry = comments[index]) {
      const lineEndCount = countLineEnds(lines, previousEnd, entry.span.start);
      const placement = { isTrailing: lineEndCount === 0 && previousEnd > 0, blankBefore: lineEndCount > 1 };
      commentsBefore.push(comment(withoutTrailingSpace(entry.text), placement));
      previousEnd = entry.span.end;
      index += 1;
    }
    const blankBefore = countLineEnds(lines, previousEnd, start) > 1;
    previousEnd = end;
    return { kind, start, end, comments: commentsBefore, blankBefore };
  });
}

function countLineEnds(lines: LineTable, start: number, end: number): number {
  return lineIndexAt(lines, end) - lineIndexAt(lines, start);
}

/** Returns the comment without trailing spaces and tabs. */
export function withoutTrailingSpace(comment: string): string {
  let end = comment.length;
  while (comment[end - 1] === " " || comment[end - 1] === "\t") end -= 1;
  return comment.slice(0, end);
}
