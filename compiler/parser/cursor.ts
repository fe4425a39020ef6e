/**
 * The parser's state: the position in the tokens, the context that decides how newlines and `{` are read, the nesting
 * depth, error reporting and error recovery.
 */
import type { Block, Expr, Span, Stmt } from "../ast.ts";
import type { DiagnosticCode, DiagnosticExtras, Diagnostics } from "../diagnostics.ts";
import { describeToken, OPERAND_STARTS, type Token, type TokenKind } from "../tokens.ts";

/** Levels of nested brackets, constructs, unary operators and postfix operators. */
export const MAX_NESTING = 256;

/** Rules that files further down the grammar call. Passed in, because imports must not form a circle. */
export interface Grammar {
  readonly expression: (c: Cursor) => Expr;
  readonly statement: (c: Cursor) => Stmt;
  readonly block: (c: Cursor) => Block;
  /** Parses a `{` in an expression: a map or a block. */
  readonly brace: (c: Cursor) => Expr;
}

/** Thrown after an error has been reported; caught where parsing can continue. Never leaves the parser. */
export class ParseError extends Error {
  /** Parsing continues at the next item, not at the next statement. */
  readonly skipsItem: boolean;

  constructor(skipsItem: boolean) {
    super("parse error");
    this.skipsItem = skipsItem;
  }
}

/** The construct whose header (the part before its body) is being read. There `{` begins the body; elsewhere (null) it may begin a literal. */
export type Header = "if" | "while" | "match" | "for" | "requires" | "ensures" | "send" | null;

/** How newlines and `{` are read at a position. */
export interface Context {
  /** A newline may end a statement. */
  readonly newlines: boolean;
  readonly header: Header;
}

interface Mark extends Context {
  readonly index: number;
  readonly depth: number;
  readonly parens: number;
  readonly braces: number;
}

export const CLOSING = { "(": ")", "[": "]", "{": "}", "<": ">" } as const;
export type Bracket = keyof typeof CLOSING;

/** Keywords that begin a statement and cannot occur inside an expression. */
const STATEMENT_WORDS: ReadonlySet<TokenKind> = new Set(["let", "while", "for", "return", "break", "continue"]);

export class Cursor {
  readonly text: string;
  readonly grammar: Grammar;
  /** Reserved words used as names; each is reported once. */
  readonly reportedReservedWords = new Set<string>();
  /** A copy: `takeAngle` replaces a token. */
  readonly #tokens: Token[];
  readonly #diagnostics: Diagnostics;
  #index = 0;
  #depth = 0;
  #newlines = true;
  #header: Header = null;
  #parens = 0;
  #braces = 0;
  /** Index of the token at which the last error was reported. */
  #lastError = -1;
  /** Index of the `=` left over from a `>=` split by `takeAngle`, and the end of its `>`. */
  #splitIndex = -1;
  #splitEnd = 0;

  constructor(text: string, tokens: readonly Token[], diagnostics: Diagnostics, grammar: Grammar) {
    this.text = text;
    this.#tokens = tokens.slice();
    this.#diagnostics = diagnostics;
    this.grammar = grammar;
  }

  get token(): Token {
    return this.peek(0);
  }

  get kind(): TokenKind {
    return this.peek(0).kind;
  }

  get header(): Header {
    return this.#header;
  }

  /** The end of the previous token. */
  get lastEnd(): number {
    return this.#index === this.#splitIndex ? this.#splitEnd : (this.#tokens[this.#index - 1]?.end ?? 0);
  }

  /** The previous token is a name that begins with a capital letter. */
  followsTypeName(): boolean {
    const token = this.#tokens[this.#index - 1];
    return token?.kind === "name" && /^[A-Z]/.test(token.value);
  }

  /** The token `distance` tokens ahead; `eof` past the end. */
  peek(distance: number): Token {
    return this.#tokens[Math.min(this.#index + distance, this.#tokens.length - 1)] ?? NO_TOKEN;
  }

  at(kind: TokenKind): boolean {
    return this.peek(0).kind === kind;
  }

  /** Takes the next token, and counts open brackets for `recover`. */
  next(): Token {
    const token = this.peek(0);
    if (token.kind === "(" || token.kind === "[") this.#parens += 1;
    else if (token.kind === ")" || token.kind === "]") this.#parens -= 1;
    else if (token.kind === "{") this.#braces += 1;
    else if (token.kind === "}") this.#braces -= 1;
    if (token.kind !== "eof") this.#index += 1;
    return token;
  }

  /** Takes the next token if it is of this kind; returns whether it was. */
  take(kind: TokenKind): boolean {
    if (!this.at(kind)) return false;
    this.next();
    return true;
  }

  /** False directly inside `( )` and `[ ]`. */
  get newlinesMatter(): boolean {
    return this.#newlines;
  }

  /** A line ends before this token, and newlines matter here. */
  atNewline(): boolean {
    return this.#newlines && this.peek(0).newline;
  }

  spanFrom(start: number): Span {
    return { start, end: Math.max(start, this.lastEnd) };
  }

  // — context: newlines do not matter inside ( ) and [ ] but do inside { }; brackets in a header may hold literals —

  // Each `enter…` returns the context to restore with `leave`.

  enterParens(): Context {
    return this.#setContext(false, null);
  }

  enterBraces(): Context {
    return this.#setContext(true, null);
  }

  enterHeader(header: Header): Context {
    return this.#setContext(this.#newlines, header);
  }

  leave(context: Context): void {
    this.#setContext(context.newlines, context.header);
  }

  #setContext(newlines: boolean, header: Header): Context {
    const before = { newlines: this.#newlines, header: this.#header };
    this.#newlines = newlines;
    this.#header = header;
    return before;
  }

  // — nesting —

  /** Enters a level of nesting; fails beyond `MAX_NESTING`. `shallower` leaves it. */
  deeper(): void {
    this.#depth += 1;
    if (this.#depth > MAX_NESTING) this.tooDeep(this.token);
  }

  shallower(): void {
    this.#depth -= 1;
  }

  /** Counts from zero, for a tree with its own depth limit. Returns the count to pass to `resumeDepth`. */
  restartDepth(): number {
    const before = this.#depth;
    this.#depth = 0;
    return before;
  }

  resumeDepth(before: number): void {
    this.#depth = before;
  }

  tooDeep(span: Span): never {
    const message = `nesting is deeper than ${MAX_NESTING} levels`;
    this.report("E015", { start: span.start, end: span.end }, message, {
      help: "name the inner parts with `let`, or move them into functions",
    });
    throw new ParseError(true);
  }

  // — errors —

  /** Reports one error per token: a second one at the same token is a consequence of the first. */
  report(code: DiagnosticCode, span: Span, message: string, extras: DiagnosticExtras = {}): void {
    if (this.#index === this.#lastError) return;
    this.#lastError = this.#index;
    this.#diagnostics.error(code, { start: span.start, end: span.end }, message, extras);
  }

  /** Reports a syntax error and throws `ParseError`. */
  fail(span: Span, message: string, extras: DiagnosticExtras = {}): never {
    this.report("E002", span, message, extras);
    throw new ParseError(this.#diagnostics.isFull);
  }

  /** Fails with "expected …, found …" at this token; without a second report if the lexer has reported the token. */
  unexpected(expected: string, extras: DiagnosticExtras = {}): never {
    const token = this.token;
    if (token.kind === "error") throw new ParseError(this.#diagnostics.isFull);
    const span = token.kind === "eof" ? { start: this.lastEnd, end: this.lastEnd } : token;
    this.fail(span, `expected ${expected}, found ${describeToken(token, this.text)}`, extras);
  }

  /** Takes a token of the kind or fails. */
  expect(kind: TokenKind, expected: string, extras: DiagnosticExtras = {}): Token {
    if (this.at(kind)) return this.next();
    this.unexpected(expected, extras);
  }

  /** Takes the bracket that closes `open`. `element` names, for messages, what the brackets hold: "an argument". */
  close(open: Token, bracket: Bracket, element: string): void {
    const closing = CLOSING[bracket];
    if (closing === ">" ? this.takeAngle() : this.take(closing)) return;
    if (bracket === "[" && this.at("for") && !this.token.newline) {
      this.fail(this.token, "there are no list comprehensions", {
        help: "write `list.map(xs, fn(x) { x + 1 })`, or `list.filter` to keep some elements",
      });
    }
    if (bracket === "<" && this.at(":")) {
      this.fail(this.token, "a type parameter has no bounds", {
        help: "write `<T>`; to work with a `T`, take the operation as a function parameter",
      });
    }
    if (this.#cannotClose()) this.neverClosed(open, bracket);
    const at = this.lastEnd;
    const separable = bracket !== "<" && CAN_FOLLOW_COMMA.has(this.kind);
    const fixes = [{ title: "insert `,`", edits: [{ span: { start: at, end: at }, text: "," }] }];
    if (this.at("=>") || this.at("->"))
      this.unexpected(`\`,\` or \`${closing}\` after ${element}`, { help: "a lambda is written `fn(x: Int) -> Int { x + 1 }`" });
    this.unexpected(`\`,\` or \`${closing}\` after ${element}`, separable ? { help: "separate the elements with commas", fixes } : {});
  }

  /** Like `close`, for brackets that hold exactly one element. */
  closeSingle(open: Token, bracket: Bracket, element: string, extras: DiagnosticExtras = {}): void {
    const closing = CLOSING[bracket];
    if (this.take(closing)) return;
    if (this.#cannotClose()) this.neverClosed(open, bracket);
    this.unexpected(`\`${closing}\` after ${element}`, extras);
  }

  /** The next token cannot come before the closing bracket, which must be missing further up. */
  #cannotClose(): boolean {
    return this.at("eof") || this.at("}") || this.at(";") || STATEMENT_WORDS.has(this.kind) || this.atOuterItem();
  }

  reportNeverClosed(open: Token, bracket: Bracket): void {
    this.report("E002", open, `this \`${bracket}\` is never closed`, { help: `add the missing \`${CLOSING[bracket]}\`` });
  }

  neverClosed(open: Token, bracket: Bracket): never {
    this.reportNeverClosed(open, bracket);
    throw new ParseError(this.#diagnostics.isFull);
  }

  // — recovery —

  mark(): Mark {
    return {
      index: this.#index,
      depth: this.#depth,
      newlines: this.#newlines,
      header: this.#header,
      parens: this.#parens,
      braces: this.#braces,
    };
  }

  /**
   * After an error: restores the context of the mark and skips to where the next statement (with `commas`: the next match
   * arm) may begin, or to the end of the surrounding block. Skips the contents of brackets that were still open at the error.
   * Moves past the mark unless the block ends or an item begins there.
   */
  recover(mark: Mark, commas = false): void {
    let parens = Math.max(0, this.#parens - mark.parens);
    let braces = Math.max(0, this.#braces - mark.braces);
    this.#depth = mark.depth;
    this.#parens = mark.parens;
    this.#braces = mark.braces;
    this.leave(mark);
    for (; !this.at("eof"); this.#index += 1) {
      const { kind, newline } = this.token;
      if (kind === "}" && braces === 0) return;
      if (newline && this.atOuterItem()) return;
      if (this.#index > mark.index && braces === 0) {
        if (newline && (parens === 0 || STATEMENT_WORDS.has(kind))) return;
        if (parens === 0 && (kind === ";" || (commas && kind === ","))) return;
      }
      if (kind === "{") braces += 1;
      else if (kind === "}") braces -= 1;
      else if (kind === "(" || kind === "[") parens += 1;
      else if ((kind === ")" || kind === "]") && parens > 0) parens -= 1;
    }
  }

  /** After an error in an item: skips to where the next item may begin. */
  recoverItem(from: number): void {
    this.#depth = 0;
    this.#parens = 0;
    this.#braces = 0;
    this.#setContext(true, null);
    for (; !this.at("eof"); this.#index += 1) {
      const border = this.token.newline || this.#tokens[this.#index - 1]?.kind === "}";
      if (this.#index > from && border && this.atItem()) return;
    }
  }

  get index(): number {
    return this.#index;
  }

  get full(): boolean {
    return this.#diagnostics.isFull;
  }

  /** An item begins here, not a statement. */
  atItem(): boolean {
    const following = this.peek(1).kind;
    switch (this.kind) {
      case "fn":
      case "type":
      case "enum":
      case "module":
        return following === "name";
      case "name":
        return this.#beginsRecord();
      case "import":
      case "test":
        return following === "string";
      case "export":
        return following === "fn" || following === "type" || following === "enum" || isRecordWord(this.peek(1));
      default:
        return false;
    }
  }

  /** `record` is not a keyword: it declares a type only if a name and `{` or `<` follow on its line. */
  #beginsRecord(): boolean {
    const name = this.peek(1);
    const open = this.peek(2).kind;
    return isRecordWord(this.token) && name.kind === "name" && !name.newline && (open === "{" || open === "<");
  }

  /** An item begins here in the first column: an open block is missing its `}`. */
  atOuterItem(): boolean {
    const { start } = this.token;
    return this.atItem() && (start === 0 || this.text.charCodeAt(start - 1) === 0x0a);
  }

  /** Takes the `>` that closes type arguments, or the first half of `>=` in `List<Int>= …`. Returns whether there was one. */
  takeAngle(): boolean {
    const token = this.token;
    if (token.kind !== ">=") return this.take(">");
    this.#splitEnd = token.start + 1;
    this.#splitIndex = this.#index;
    this.#tokens[this.#index] = { kind: "=", start: this.#splitEnd, end: token.end, newline: false, value: "" };
    return true;
  }
}

/** A synonym of `type`; an ordinary name where no item can begin. */
export const RECORD_WORD = "record";

export function isRecordWord(token: Token): boolean {
  return token.kind === "name" && token.value === RECORD_WORD;
}

const NO_TOKEN: Token = { kind: "eof", start: 0, end: 0, newline: false, value: "" };

const CAN_FOLLOW_COMMA: ReadonlySet<TokenKind> = new Set([...OPERAND_STARTS, "(", "[", "{"]);

export function spanOf(token: Token): Span {
  return { start: token.start, end: token.end };
}
