/** The lexer's place in the text, and what it asks of single characters. */
import type { Comment, Span } from "../ast.ts";
import type { DiagnosticExtras, Diagnostics } from "../diagnostics.ts";
import type { Token, TokenKind } from "../tokens.ts";

/** Moved by the readers of words, signs, numbers and strings. */
export class Scanner {
  readonly text: string;
  readonly tokens: Token[] = [];
  readonly comments: Comment[] = [];
  readonly #diagnostics: Diagnostics;
  at = 0;
  newline = false;

  constructor(text: string, diagnostics: Diagnostics) {
    this.text = text;
    this.#diagnostics = diagnostics;
  }

  /** The code unit at a distance, or NaN past the end. */
  peek(distance = 0): number {
    return this.text.charCodeAt(this.at + distance);
  }

  push(kind: TokenKind, start: number, value = ""): void {
    this.tokens.push({ kind, start, end: this.at, newline: this.newline, value });
    this.newline = false;
  }

  error(span: Span, message: string, extras: DiagnosticExtras = {}): void {
    this.#diagnostics.error("E001", span, message, extras);
  }

  /** No further error would be kept. */
  get full(): boolean {
    return this.#diagnostics.full;
  }
}

export function codePointName(codePoint: number): string {
  return `U+${codePoint.toString(16).toUpperCase().padStart(4, "0")}`;
}

export function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

export function isWordStart(unit: number): boolean {
  return (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x41 && unit <= 0x5a) || unit === 0x5f;
}

export function isWordPart(unit: number): boolean {
  return isWordStart(unit) || isDigit(unit);
}

/** With the `u` flag, surrogates that form no pair. */
export const LONE_SURROGATE = /[\ud800-\udfff]/gu;
