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
  /** The source has an empty line before the token. */
  readonly blankBefore: boolean;
}

const NO_TOKEN: StreamToken = { kind: "eof", start: 0, end: 0, comments: [], blankBefore: false };

/**
 * The printers walk the syntax tree and take the tokens from this stream as they go: each token is taken or skipped
 * exactly once. Taking a token also returns the comments before it, so every comment is printed exactly once.
 */
export class TokenStream {
  readonly #text: string;
  readonly #lines: LineTable;
  readonly #tokens: readonly StreamToken[];
  #index = 0;
  /** Comments before the next token that have not been returned yet. */
  #pendingComments: Doc[] = [];
  /** Start of the `=` in a `>=` whose `>` has been taken; -1 otherwise. */
  #split = -1;

  constructor(source: string, tokens: readonly Token[], comments: readonly Comment[]) {
    this.#text = source;
    this.#lines = lineTable(source);
    this.#tokens = attachComments(this.#lines, tokens, comments);
    this.#pendingComments = [...this.#here.comments];
  }

  get #here(): StreamToken {
    return this.#tokens[this.#index] ?? NO_TOKEN;
  }

  at(kind: TokenKind): boolean {
    return this.#split === -1 ? this.#here.kind === kind : kind === "=";
  }

  get start(): number {
    return this.#split === -1 ? this.#here.start : this.#split;
  }

  /** Takes the comments before the next token, without the token. */
  comments(): Doc {
    const lead = this.#pendingComments;
    this.#pendingComments = [];
    return lead.length === 0 ? EMPTY : concatAll(lead);
  }

  /** An empty line if the source has one before the next token. */
  blankLine(): Doc {
    return this.#here.blankBefore ? BLANK_LINE : EMPTY;
  }

  /** Takes the next token, after its comments. */
  take(): Doc {
    const lead = this.comments();
    const token = text(this.#text.slice(this.start, this.#here.end));
    this.#next();
    return lead === EMPTY ? token : concat(lead, token);
  }

  /** Takes the next token and puts its comments after it: for a comma that must follow its element directly. */
  takeBeforeComments(): Doc {
    const lead = this.comments();
    const token = this.take();
    return lead === EMPTY ? token : concat(token, lead);
  }

  /** Leaves out the next token; its comments move to the token after it. */
  skip(): void {
    const before = this.#pendingComments;
    this.#next();
    for (const comment of this.#pendingComments) before.push(comment);
    this.#pendingComments = before;
  }

  /** Takes a `>`, which may be the first half of `>=`. */
  takeAngle(): Doc {
    if (this.#here.kind !== ">=" || this.#split !== -1) return this.take();
    const lead = this.comments();
    this.#split = this.#here.start + 1;
    return concat(lead, text(">"));
  }

  /** Takes all tokens of a span that begins at the next token and returns its source text unchanged. */
  verbatim(span: Span): Doc {
    const lead = this.comments();
    const content = this.#text.slice(span.start, span.end).replaceAll("\r\n", "\n");
    while (this.#here.kind !== "eof" && this.#here.start < span.end) this.#next();
    return concat(lead, text(content));
  }

  /** Whether both offsets are on one line. */
  onOneLine(start: number, end: number): boolean {
    return lineEnds(this.#lines, start, end) === 0;
  }

  /** Whether a line ends between the last token and the next. */
  startsLine(): boolean {
    const before = this.#tokens[this.#index - 1];
    return before !== undefined && !this.onOneLine(before.end, this.start);
  }

  #next(): void {
    this.#split = -1;
    this.#index += 1;
    this.#pendingComments = [...this.#here.comments];
  }
}

function attachComments(lines: LineTable, tokens: readonly Token[], comments: readonly Comment[]): readonly StreamToken[] {
  let at = 0;
  let next = 0;
  return tokens.map(({ kind, start, end }): StreamToken => {
    const before: Doc[] = [];
    for (let found = comments[next]; found !== undefined && found.span.start < start; found = comments[next]) {
      const ends = lineEnds(lines, at, found.span.start);
      before.push(comment(trimmed(found.text), ends === 0 && at > 0, ends > 1));
      at = found.span.end;
      next += 1;
    }
    const blankBefore = lineEnds(lines, at, start) > 1;
    at = end;
    return { kind, start, end, comments: before, blankBefore };
  });
}

function lineEnds(lines: LineTable, start: number, end: number): number {
  return lineIndexAt(lines, end) - lineIndexAt(lines, start);
}

/** The comment without trailing spaces and tabs. */
export function trimmed(comment: string): string {
  let end = comment.length;
  while (comment[end - 1] === " " || comment[end - 1] === "\t") end -= 1;
  return comment.slice(0, end);
}
