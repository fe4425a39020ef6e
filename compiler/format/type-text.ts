/** The tokens of a file in their order, each with the comments before it. */
import type { Comment, Span } from "../ast.ts";
import { type LineTable, lineIndexAt, lineTable } from "../source.ts";
import type { Token, TokenKind } from "../tokens.ts";
import { comment, type Doc, EMPTY, BLANK, join, joinAll, text } from "./doc.ts";

interface Word {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  readonly comments: readonly Doc[];
  /** An empty line stands before it. */
  readonly blankBefore: boolean;
}

const NO_WORD: Word = { kind: "eof", start: 0, end: 0, comments: [], blankBefore: false };

/**
 * Every token is taken once, printed or left out, and the comments before it are given out with it, so none is lost
 * and none is told twice.
 */
export class Words {
  readonly #text: string;
  readonly #lines: LineTable;
  readonly #words: readonly Word[];
  #index = 0;
  /** Comments that the next word is to be given out with. */
  #waiting: Doc[] = [];
  /** Where the rest of a `>=` begins whose `>` has been taken. */
  #split = -1;

  constructor(source: string, tokens: readonly Token[], comments: readonly Comment[]) {
    this.#text = source;
    this.#lines = lineTable(source);
    this.#words = wordsOf(this.#lines, tokens, comments);
    this.#waiting = [...this.#here.comments];
  }

  get #here(): Word {
    return this.#words[this.#index] ?? NO_WORD;
  }

  at(kind: TokenKind): boolean {
    return this.#split === -1 ? this.#here.kind === kind : kind === "=";
  }

  get start(): number {
    return this.#split === -1 ? this.#here.start : this.#split;
  }

  /** The comments before the next word, given out apart from it. */
  lead(): Doc {
    const lead = this.#waiting;
    this.#waiting = [];
    return lead.length === 0 ? EMPTY : joinAll(lead);
  }

  /** An empty line where one stands in the source. */
  blank(): Doc {
    return this.#here.blankBefore ? BLANK : EMPTY;
  }

  /** The next word with its comments. */
  take(): Doc {
    const lead = this.lead();
    const word = text(this.#text.slice(this.start, this.#here.end));
    this.#next();
    return lead === EMPTY ? word : join(lead, word);
  }

  /** As `take`, with the comments behind the word: it ends what stands before it. */
  takeBehind(): Doc {
    const lead = this.lead();
    const word = this.take();
    return lead === EMPTY ? word : join(word, lead);
  }

  /** Passes over the next word; its comments go to the one after it. */
  drop(): void {
    const waiting = this.#waiting;
    this.#next();
    for (const comment of this.#waiting) waiting.push(comment);
    this.#waiting = waiting;
  }

  /** `>`, also where it is the first half of `>=`. */
  takeAngle(): Doc {
    if (this.#here.kind !== ">=" || this.#split !== -1) return this.take();
    const lead = this.lead();
    this.#split = this.#here.start + 1;
    return join(lead, text(">"));
  }

  /** The source text of a span that begins at the next word, as it stands. */
  verbatim(span: Span): Doc {
    const lead = this.lead();
    const content = this.#text.slice(span.start, span.end).replaceAll("\r\n", "\n");
    while (this.#here.kind !== "eof" && this.#here.start < span.end) this.#next();
    return join(lead, text(content));
  }

  /** No line ends between the two offsets. */
  onOneLine(start: number, end: number): boolean {
    return lineEnds(this.#lines, start, end) === 0;
  }

  /** The next word stands on another line than the one before it. */
  atNewLine(): boolean {
    const before = this.#words[this.#index - 1];
    return before !== undefined && !this.onOneLine(before.end, this.start);
  }

  #next(): void {
    this.#split = -1;
    this.#index += 1;
    this.#waiting = [...this.#here.comments];
  }
}

function wordsOf(lines: LineTable, tokens: readonly Token[], comments: readonly Comment[]): readonly Word[] {
  let at = 0;
  let next = 0;
  return tokens.map(({ kind, start, end }): Word => {
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

/** Without spaces and tabs at its end. */
export function trimmed(comment: string): string {
  let end = comment.length;
  while (comment[end - 1] === " " || comment[end - 1] === "\t") end -= 1;
  return comment.slice(0, end);
}
