/**
 * The parser's state: the position in the tokens, the context that decides how newlines and `{` are read, the nesting
 * depth, error reporting and error recovery.
 */
import type { Block, Expr, Span, Stmt } from "../ast.ts";
import type { DiagnosticCode, DiagnosticExtras, Diagnostics } from "../diagnostics.ts";
import { beginsItem, isInFirstColumn } from "./sections.ts";
import { describeToken, OPERAND_STARTS, type Token, type TokenKind } from "../tokens.ts";

/** The limit on nested brackets, constructs, unary operators and postfix operators. */
export const MAX_NESTING = 256;

/** Parsing functions that the files for smaller parts of the grammar call. They are passed in, because imports must not form a circle. */
export interface Grammar {
  readonly expression: (c: Cursor) => Expr;
  readonly statement: (c: Cursor) => Stmt;
  readonly block: (c: Cursor) => Block;
  /** Parses a `{` in an expression: a map or a block. */
  readonly brace: (c: Cursor) => Expr;
}

/** Thrown after an error has been reported, and caught at the next place from which parsing can continue. Never leaves the parser. */
export class ParseError extends Error {
  /** Whether parsing continues at the next item instead of the next statement. */
  readonly skipsItem: boolean;

  constructor({ skipsItem }: { readonly skipsItem: boolean }) {
    super("parse error");
    this.skipsItem = skipsItem;
  }
}

/** The construct whose header is being parsed, or null. In a header `{` begins the body; otherwise `{` may begin a literal. */
type Header = "if" | "while" | "match" | "for" | "requires" | "ensures" | "send" | null;

/** How newlines and `{` are read at the current position. */
interface ReadingContext {
  /** Whether a newline may end a statement. */
  readonly newlinesMatter: boolean;
  readonly header: Header;
}

const IN_PARENS: ReadingContext = { newlinesMatter: false, header: null };
const IN_BRACES: ReadingContext = { newlinesMatter: true, header: null };

/** The position and the context before an element. After an error in the element, `recover` restores this context. */
interface Mark {
  readonly context: ReadingContext;
  readonly index: number;
  readonly depth: number;
  /** How many `(` and `[` are open. */
  readonly openParens: number;
  readonly openBraces: number;
}

/** The help for a bound of a type parameter, as in `<T: Show>`. */
export const NO_BOUNDS_HELP =
  "write `<T>`; to work with a `T`, take the operation as a function parameter, such as `show: Fn(T) -> String`";

export const CLOSING = { "(": ")", "[": "]", "{": "}", "<": ">" } as const;
export type Bracket = keyof typeof CLOSING;

/** Keywords that begin a statement, but no expression. */
export const STATEMENT_WORDS: ReadonlySet<TokenKind> = new Set(["let", "while", "for", "return", "break", "continue"]);

export class Cursor {
  readonly text: string;
  readonly grammar: Grammar;
  /** The reserved words that were used as names and reported in this section. Each is reported once. */
  readonly reportedReservedWords = new Set<string>();
  /** The keywords that were declared as names and reported in this section. */
  readonly reportedKeywords = new Set<TokenKind>();
  /** A copy of the caller's tokens, because `takeAngle` replaces a token, and `beginSection` the one after the section. */
  readonly #tokens: Token[];
  /** The index of the `eof` at which the cursor's view of the tokens ends. */
  #endIndex: number;
  /** The token that was at `#endIndex` before `eof` replaced it. */
  #tokenUnderEof: Token;
  readonly #diagnostics: Diagnostics;
  #index = 0;
  #depth = 0;
  #context = IN_BRACES;
  #openParens = 0;
  #openBraces = 0;
  /** Index of the token at which the last error was reported. */
  #lastErrorIndex = -1;
  /** Index of the `=` that remains of a `>=` after `takeAngle` has taken the `>`. */
  #splitEqualsIndex = -1;
  /** The end of the `>` that `takeAngle` has taken from a `>=`. */
  #splitAngleEnd = 0;

  constructor(text: string, tokens: readonly Token[], diagnostics: Diagnostics, grammar: Grammar) {
    this.text = text;
    this.#tokens = tokens.slice();
    this.#endIndex = tokens.length - 1;
    this.#tokenUnderEof = tokens[this.#endIndex] ?? NO_TOKEN;
    this.#diagnostics = diagnostics;
    this.grammar = grammar;
  }

  /** Moves to the token at `start`. The cursor sees no token from `end` on. */
  beginSection(start: number, end: number): void {
    this.#tokens[this.#endIndex] = this.#tokenUnderEof;
    this.#endIndex = Math.min(end, this.#tokens.length - 1);
    this.#tokenUnderEof = this.#tokens[this.#endIndex] ?? NO_TOKEN;
    const { start: offset, isAfterLineBreak } = this.#tokenUnderEof;
    this.#tokens[this.#endIndex] = { kind: "eof", start: offset, end: offset, isAfterLineBreak, value: "" };
    this.#index = start;
    this.#depth = 0;
    this.#openParens = 0;
    this.#openBraces = 0;
    this.#lastErrorIndex = -1;
    this.#splitEqualsIndex = -1;
    this.reportedReservedWords.clear();
    this.reportedKeywords.clear();
    this.#context = IN_BRACES;
  }

  get token(): Token {
    // `#index` is at most `#endIndex`.
    return this.#tokens[this.#index] ?? NO_TOKEN;
  }

  get kind(): TokenKind {
    return this.token.kind;
  }

  get header(): Header {
    return this.#context.header;
  }

  /** The offset of the end of the previous token. */
  get lastEnd(): number {
    return this.#index === this.#splitEqualsIndex ? this.#splitAngleEnd : (this.#tokens[this.#index - 1]?.end ?? 0);
  }

  /** Whether the previous token is a name that begins with a capital letter. */
  followsTypeName(): boolean {
    const token = this.#tokens[this.#index - 1];
    return token?.kind === "name" && /^[A-Z]/.test(token.value);
  }

  /** Returns the token `distance` tokens ahead, or `eof` past the end. */
  peek(distance: number): Token {
    return this.#tokens[Math.min(this.#index + distance, this.#endIndex)] ?? NO_TOKEN;
  }

  at(kind: TokenKind): boolean {
    return this.token.kind === kind;
  }

  /** Takes the next token, and counts open brackets for `recover`. */
  next(): Token {
    const { token } = this;
    if (token.kind === "(" || token.kind === "[") this.#openParens += 1;
    else if (token.kind === ")" || token.kind === "]") this.#openParens -= 1;
    else if (token.kind === "{") this.#openBraces += 1;
    else if (token.kind === "}") this.#openBraces -= 1;
    if (token.kind !== "eof") this.#index += 1;
    return token;
  }

  /** Takes the next token if it has this kind. Returns whether it did. */
  take(kind: TokenKind): boolean {
    if (!this.at(kind)) return false;
    this.next();
    return true;
  }

  /** Whether newlines matter here. They do not directly inside `( )` and `[ ]`. */
  get newlinesMatter(): boolean {
    return this.#context.newlinesMatter;
  }

  /** Whether a line ends before the next token and newlines matter here. */
  atNewline(): boolean {
    return this.#context.newlinesMatter && this.token.isAfterLineBreak;
  }

  spanFrom(start: number): Span {
    return { start, end: Math.max(start, this.lastEnd) };
  }

  // — context: newlines matter in { }, but not in ( ) and [ ]. In brackets `{` may begin a literal, even in a header —

  // Each `enter…` returns the context to restore with `leave`.

  enterParens(): ReadingContext {
    return this.#enter(IN_PARENS);
  }

  enterBraces(): ReadingContext {
    return this.#enter(IN_BRACES);
  }

  enterHeaderContext(header: Header): ReadingContext {
    return this.#enter({ newlinesMatter: this.#context.newlinesMatter, header });
  }

  leave(context: ReadingContext): void {
    this.#context = context;
  }

  #enter(context: ReadingContext): ReadingContext {
    const previousContext = this.#context;
    this.#context = context;
    return previousContext;
  }

  // — nesting —

  /** Enters a level of nesting, which `leaveNesting` leaves. Fails beyond `MAX_NESTING`. */
  enterNesting(): void {
    this.#depth += 1;
    if (this.#depth > MAX_NESTING) this.failTooDeep(this.token);
  }

  leaveNesting(): void {
    this.#depth -= 1;
  }

  /** Restarts the count of levels at zero, for a pattern, which has its own limit. Returns the count to pass to `resumeDepth`. */
  restartDepth(): number {
    const previousDepth = this.#depth;
    this.#depth = 0;
    return previousDepth;
  }

  resumeDepth(previousDepth: number): void {
    this.#depth = previousDepth;
  }

  failTooDeep(span: Span): never {
    const message = `nesting is deeper than ${MAX_NESTING} levels`;
    this.report("E015", { start: span.start, end: span.end }, message, {
      help: "name the inner parts with `let`, or move them into functions",
    });
    throw new ParseError({ skipsItem: true });
  }

  // — errors —

  /** Reports an error, but at most one per token, because a second error at the same token is a consequence of the first. */
  report(code: DiagnosticCode, span: Span, message: string, extras: DiagnosticExtras = {}): void {
    if (this.#index === this.#lastErrorIndex) return;
    this.#lastErrorIndex = this.#index;
    this.#diagnostics.error(code, { start: span.start, end: span.end }, message, extras);
  }

  /** Reports a syntax error and throws `ParseError`. */
  fail(span: Span, message: string, extras: DiagnosticExtras = {}): never {
    this.report("E002", span, message, extras);
    throw new ParseError({ skipsItem: this.#diagnostics.isFull });
  }

  /** Like `fail`, but parsing continues at the next item, because the rest of the function cannot be read. */
  failItem(span: Span, message: string, extras: DiagnosticExtras = {}): never {
    this.report("E002", span, message, extras);
    throw new ParseError({ skipsItem: true });
  }

  /** Fails with "expected …, found …" at the next token. Reports nothing if the lexer has reported that token. */
  failExpected(expected: string, extras: DiagnosticExtras = {}): never {
    const token = this.token;
    if (token.kind === "error") throw new ParseError({ skipsItem: this.#diagnostics.isFull });
    const span = token.kind === "eof" ? { start: this.lastEnd, end: this.lastEnd } : token;
    this.fail(span, this.expectedButFound(expected), extras);
  }

  /** Returns the message "expected …, found …" for the next token. */
  expectedButFound(expected: string): string {
    return `expected ${expected}, found ${describeToken(this.token, this.text)}`;
  }

  /** Takes the next token if it has this kind; otherwise fails. */
  expect(kind: TokenKind, expected: string, extras: DiagnosticExtras = {}): Token {
    if (this.at(kind)) return this.next();
    this.failExpected(expected, extras);
  }

  /** Takes the bracket that closes `opener`, or fails. Messages use `element` for what the brackets contain, such as "an argument". */
  close(opener: Token, bracket: Bracket, element: string): void {
    const closing = CLOSING[bracket];
    if (closing === ">" ? this.takeAngle() : this.take(closing)) return;
    if (bracket !== "<" && this.at("for") && !this.token.isAfterLineBreak) {
      this.fail(this.token, bracket === "[" ? "there are no list comprehensions" : "there are no comprehensions", {
        help: "write `list.map(xs, fn(x) { x + 1 })`, or `list.filter` to keep some elements",
      });
    }
    if (bracket === "<" && (this.at(":") || (this.at("name") && this.token.value === "extends")))
      this.fail(this.token, "a type parameter has no bounds", { help: NO_BOUNDS_HELP });
    if (this.#closerIsMissing()) this.failNeverClosed(opener, bracket);
    const insertAt = this.lastEnd;
    const canSeparate = bracket !== "<" && CAN_FOLLOW_COMMA.has(this.kind);
    const fixes = [{ title: "insert `,`", edits: [{ span: { start: insertAt, end: insertAt }, text: "," }] }];
    if (this.at("=>") || this.at("->"))
      this.failExpected(`\`,\` or \`${closing}\` after ${element}`, { help: "a lambda is written `fn(x: Int) -> Int { x + 1 }`" });
    this.failExpected(`\`,\` or \`${closing}\` after ${element}`, canSeparate ? { help: "separate the elements with commas", fixes } : {});
  }

  /** Like `close`, for brackets that hold exactly one element. */
  closeAfterOne(opener: Token, bracket: Bracket, element: string, extras: DiagnosticExtras = {}): void {
    const closing = CLOSING[bracket];
    if (this.take(closing)) return;
    if (this.#closerIsMissing()) this.failNeverClosed(opener, bracket);
    this.failExpected(`\`${closing}\` after ${element}`, extras);
  }

  /** Whether the closing bracket is missing before the next token, because that token cannot be inside brackets. */
  #closerIsMissing(): boolean {
    return this.at("eof") || this.at("}") || this.at(";") || STATEMENT_WORDS.has(this.kind) || this.atOuterItem();
  }

  reportNeverClosed(opener: Token, bracket: Bracket): void {
    // The text ends in a token that the lexer has reported, such as an unclosed string. The closing bracket may be in it.
    if (this.at("eof") && this.#tokens[this.#index - 1]?.kind === "error") return;
    const closer = CLOSING[bracket];
    const lineEnd = this.text.indexOf("\n", opener.end);
    const line = this.text.slice(opener.end, lineEnd === -1 ? opener.end + 200 : Math.min(lineEnd, opener.end + 200));
    const isInComment = line.slice(Math.max(0, line.indexOf("//"))).includes(closer) && line.includes("//");
    const note = isInComment ? `: the one after \`//\` is in a comment; division of two Ints is written \`/\`` : "";
    this.report("E002", opener, `this \`${bracket}\` is never closed`, { help: `add the missing \`${closer}\`${note}` });
  }

  failNeverClosed(opener: Token, bracket: Bracket): never {
    this.reportNeverClosed(opener, bracket);
    throw new ParseError({ skipsItem: this.#diagnostics.isFull });
  }

  // — recovery —

  mark(): Mark {
    return {
      context: this.#context,
      index: this.#index,
      depth: this.#depth,
      openParens: this.#openParens,
      openBraces: this.#openBraces,
    };
  }

  /**
   * Continues after an error. Restores the context of the mark, and skips to where the next statement may begin, or to the end of
   * the enclosing block. With `atCommas`, skips to the next arm of a match. Skips the contents of brackets that were open at the error.
   * Moves at least one token past the mark, unless the block ends or an item begins there.
   */
  recover(mark: Mark, { atCommas = false } = {}): void {
    let parens = Math.max(0, this.#openParens - mark.openParens);
    let braces = Math.max(0, this.#openBraces - mark.openBraces);
    this.#depth = mark.depth;
    this.#openParens = mark.openParens;
    this.#openBraces = mark.openBraces;
    this.#context = mark.context;
    for (; !this.at("eof"); this.#index += 1) {
      const { kind, isAfterLineBreak } = this.token;
      if (kind === "}" && braces === 0) return;
      if (isAfterLineBreak && this.atOuterItem()) return;
      if (this.#index > mark.index && braces === 0) {
        if (isAfterLineBreak && (parens === 0 || STATEMENT_WORDS.has(kind))) return;
        if (parens === 0 && (kind === ";" || (atCommas && kind === ","))) return;
      }
      if (kind === "{") braces += 1;
      else if (kind === "}") braces -= 1;
      else if (kind === "(" || kind === "[") parens += 1;
      else if ((kind === ")" || kind === "]") && parens > 0) parens -= 1;
    }
  }

  /** Continues after an error in an item: skips to where the next item may begin. */
  recoverItem(startIndex: number): void {
    this.#depth = 0;
    this.#openParens = 0;
    this.#openBraces = 0;
    this.#context = IN_BRACES;
    for (; !this.at("eof"); this.#index += 1) {
      const canBeginItem = this.token.isAfterLineBreak || this.#tokens[this.#index - 1]?.kind === "}";
      if (this.#index > startIndex && canBeginItem && this.atItem()) return;
    }
  }

  get index(): number {
    return this.#index;
  }

  get reachedErrorLimit(): boolean {
    return this.#diagnostics.isFull;
  }

  /** Whether the next token begins an item instead of a statement. */
  atItem(): boolean {
    return beginsItem(this.token, this.peek(1), this.peek(2));
  }

  /** Whether the next token begins an item in the first column. If a block is open there, its `}` is missing. */
  atOuterItem(): boolean {
    return isInFirstColumn(this.text, this.token) && this.atItem();
  }

  /** Takes the `>` that closes type arguments, or the first half of `>=` in `List<Int>= …`. Returns whether there was one. */
  takeAngle(): boolean {
    const token = this.token;
    if (token.kind !== ">=") return this.take(">");
    this.#splitAngleEnd = token.start + 1;
    this.#splitEqualsIndex = this.#index;
    this.#tokens[this.#index] = { kind: "=", start: this.#splitAngleEnd, end: token.end, isAfterLineBreak: false, value: "" };
    return true;
  }
}

const NO_TOKEN: Token = { kind: "eof", start: 0, end: 0, isAfterLineBreak: false, value: "" };

const CAN_FOLLOW_COMMA: ReadonlySet<TokenKind> = new Set([...OPERAND_STARTS, "text{", "(", "[", "{"]);

export function spanOf(token: Token): Span {
  return { start: token.start, end: token.end };
}
