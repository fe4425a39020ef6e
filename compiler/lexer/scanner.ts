/** The lexer's position in the text, its output, and predicates on single characters. */
import type { Comment, Span } from "../ast.ts";
import type { DiagnosticExtras, Diagnostics } from "../diagnostics.ts";
import type { Token, TokenKind } from "../tokens.ts";
import { UNDERSCORE } from "./code-units.ts";

/** An open hole: a `{x}` in an interpolated string, `f"a{x}b"`. The lexer reads the tokens of `x`, and then continues the string at the `}`. */
export interface Hole {
  /** The offset of the `{`. */
  readonly start: number;
  /** The end of the text block around the hole; -1 for a string on one line. Reading continues there if the hole is not closed on its line. */
  readonly end: number;
  /** Continues the string at the `}` of the hole. */
  readonly resume: (scanner: Scanner) => void;
  /** The number of `{` that are open inside the hole. */
  braces: number;
}

/** The state of the lexer. The functions that read words, numbers and strings advance `offset` and push tokens. */
export class Scanner {
  readonly text: string;
  readonly tokens: Token[] = [];
  readonly comments: Comment[] = [];
  readonly #diagnostics: Diagnostics;
  /** The offset of the next code unit. */
  offset = 0;
  /** Whether a line has ended since the last token. */
  isAfterLineBreak = false;
  /** The open holes, the innermost last. */
  readonly holes: Hole[] = [];

  constructor(text: string, diagnostics: Diagnostics) {
    this.text = text;
    this.#diagnostics = diagnostics;
  }

  /** Returns the code unit `distance` units ahead, or NaN past the end. */
  peek(distance = 0): number {
    return this.text.charCodeAt(this.offset + distance);
  }

  /** Adds the token that extends from `start` to `offset`. */
  push(kind: TokenKind, start: number, value = ""): void {
    this.tokens.push({ kind, start, end: this.offset, isAfterLineBreak: this.isAfterLineBreak, value });
    this.isAfterLineBreak = false;
  }

  error(span: Span, message: string, extras: DiagnosticExtras = {}): void {
    this.#diagnostics.error("E001", span, message, extras);
  }

  /** Whether the limit on errors has been reached. */
  get isFull(): boolean {
    return this.#diagnostics.isFull;
  }
}

export function codePointName(codePoint: number): string {
  return `U+${codePoint.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Whether the code unit is a digit, `0` to `9`. */
export function isDigit(codeUnit: number): boolean {
  return codeUnit >= 0x30 && codeUnit <= 0x39;
}

/** Whether the code unit is `a` to `z`, `A` to `Z` or `_`. */
export function isWordStart(codeUnit: number): boolean {
  return (codeUnit >= 0x61 && codeUnit <= 0x7a) || (codeUnit >= 0x41 && codeUnit <= 0x5a) || codeUnit === UNDERSCORE;
}

export function isWordPart(codeUnit: number): boolean {
  return isWordStart(codeUnit) || isDigit(codeUnit);
}

/** Matches surrogates without their other half: with the `u` flag, a surrogate pair is one character. */
export const LONE_SURROGATE = /[\ud800-\udfff]/gu;
