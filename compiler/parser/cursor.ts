/** The parser's place among the tokens: what comes next, which rules of newlines hold, what to do after an error. */
import type { Block, Expr, Span, Stmt } from "../ast.ts";
import type { DiagnosticCode, DiagnosticExtras, Diagnostics } from "../diagnostics.ts";
import type { Token, TokenKind } from "../tokens.ts";
import { describe } from "./describe.ts";

/** Levels of brackets, constructs, unary operators and postfix parts inside one another. */
export const MAX_NESTING = 256;

/** What lower rules need of higher ones; handed in, so that the files import one way only. */
export interface Grammar {
  readonly expression: (c: Cursor) => Expr;
  readonly statement: (c: Cursor) => Stmt;
  readonly block: (c: Cursor) => Block;
  /** At `{` where an expression is wanted: a map or a block. */
  readonly brace: (c: Cursor) => Expr;
}

/** Thrown after an error has been reported, caught where parsing can go on. Never leaves the parser. */
export class Bail extends Error {
  /** The whole item is given up, not only the statement. */
  readonly item: boolean;

  constructor(item: boolean) {
    super("parse error");
    this.item = item;
  }
}

/** Whose head is being read: a `{` there begins the body. Null where a `{` may begin a literal. */
export type Head = "if" | "while" | "match" | "for" | "requires" | "ensures" | "send" | null;

/** The rules in force at a place. */
export interface Mode {
  readonly newlines: boolean;
  readonly head: Head;
}

interface Mark extends Mode {
  readonly index: number;
  readonly depth: number;
  readonly parens: number;
  readonly braces: number;
}

export const CLOSING = { "(": ")", "[": "]", "{": "}", "<": ">" } as const;
export type Bracket = keyof typeof CLOSING;

/** Words that begin a statement and never stand inside an expression. */
const STATEMENT_WORDS: ReadonlySet<TokenKind> = new Set(["let", "while", "for", "return", "break", "continue"]);

export class Cursor {
  readonly text: string;
  readonly grammar: Grammar;
  /** Reserved words used as names: each is told once. */
  readonly misused = new Set<string>();
  readonly #tokens: Token[];
  readonly #diagnostics: Diagnostics;
  #index = 0;
  #depth = 0;
  #newlines = true;
  #head: Head = null;
  #parens = 0;
  #braces = 0;
  #lastError = -1;
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

  get head(): Head {
    return this.#head;
  }

  /** Where the token before this one ends. */
  get lastEnd(): number {
    return this.#index === this.#splitIndex ? this.#splitEnd : (this.#tokens[this.#index - 1]?.end ?? 0);
  }

  /** The token before this one is a name that begins like that of a type. */
  followsTypeName(): boolean {
    const token = this.#tokens[this.#index - 1];
    return token?.kind === "name" && /^[A-Z]/.test(token.value);
  }

  /** The token at a distance; past the end, `eof`. */
  peek(distance: number): Token {
    return this.#tokens[Math.min(this.#index + distance, this.#tokens.length - 1)] ?? NO_TOKEN;
  }

  at(kind: TokenKind): boolean {
    return this.peek(0).kind === kind;
  }

  next(): Token {
    const token = this.peek(0);
    if (token.kind === "(" || token.kind === "[") this.#parens += 1;
    else if (token.kind === ")" || token.kind === "]") this.#parens -= 1;
    else if (token.kind === "{") this.#braces += 1;
    else if (token.kind === "}") this.#braces -= 1;
    if (token.kind !== "eof") this.#index += 1;
    return token;
  }

  take(kind: TokenKind): boolean {
    if (!this.at(kind)) return false;
    this.next();
    return true;
  }

  /** Not directly inside `( )` or `[ ]`. */
  get linesCount(): boolean {
    return this.#newlines;
  }

  /** A line ends before this token, and lines count here. */
  atNewline(): boolean {
    return this.#newlines && this.peek(0).newline;
  }

  spanFrom(start: number): Span {
    return { start, end: Math.max(start, this.lastEnd) };
  }

  // — modes: inside ( ) and [ ] lines do not count; inside { } they count again; both end a head —

  enterRound(): Mode {
    return this.#setMode(false, null);
  }

  enterBrace(): Mode {
    return this.#setMode(true, null);
  }

  enterHead(head: Head): Mode {
    return this.#setMode(this.#newlines, head);
  }

  leave(mode: Mode): void {
    this.#setMode(mode.newlines, mode.head);
  }

  #setMode(newlines: boolean, head: Head): Mode {
    const before = { newlines: this.#newlines, head: this.#head };
    this.#newlines = newlines;
    this.#head = head;
    return before;
  }

  // — nesting —

  deeper(): void {
    this.#depth += 1;
    if (this.#depth > MAX_NESTING) this.tooDeep(this.token);
  }

  shallower(): void {
    this.#depth -= 1;
  }

  /** Begins a count of its own, for a tree that is bounded apart from what it hangs on; gives the count to go back to. */
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
    throw new Bail(true);
  }

  // — errors —

  /** Reports, once a place: a second error at the same token is a consequence of the first. */
  report(code: DiagnosticCode, span: Span, message: string, extras: DiagnosticExtras = {}): void {
    if (this.#index === this.#lastError) return;
    this.#lastError = this.#index;
    this.#diagnostics.error(code, { start: span.start, end: span.end }, message, extras);
  }

  fail(span: Span, message: string, extras: DiagnosticExtras = {}): never {
    this.report("E002", span, message, extras);
    throw new Bail(this.#diagnostics.full);
  }

  /** "expected …, found …" at this token. Silent where the lexer has already told. */
  unexpected(expected: string, extras: DiagnosticExtras = {}): never {
    const token = this.token;
    if (token.kind === "error") throw new Bail(this.#diagnostics.full);
    const span = token.kind === "eof" ? { start: this.lastEnd, end: this.lastEnd } : token;
    this.fail(span, `expected ${expected}, found ${describe(token, this.text)}`, extras);
  }

  expect(kind: TokenKind, expected: string, extras: DiagnosticExtras = {}): Token {
    if (this.at(kind)) return this.next();
    this.unexpected(expected, extras);
  }

  /** The bracket that closes `open`, after an element of what is called `element`. */
  close(open: Token, bracket: Bracket, element: string): void {
    const closing = CLOSING[bracket];
    if (closing === ">" ? this.takeAngle() : this.take(closing)) return;
    if (bracket === "[" && this.at("for") && !this.token.newline) {
      this.fail(this.token, "there are no list comprehensions", {
        help: "write `list.map(xs, fn(x) { x + 1 })`; `list.filter` takes some out",
      });
    }
    if (bracket === "<" && this.at(":")) {
      this.fail(this.token, "a type parameter has no bounds", {
        help: "write `<T>`: a function knows nothing of a `T`; hand in as a function what it needs",
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

  /** As `close`, where one element alone may stand. */
  closeSingle(open: Token, bracket: Bracket, element: string, extras: DiagnosticExtras = {}): void {
    const closing = CLOSING[bracket];
    if (this.take(closing)) return;
    if (this.#cannotClose()) this.neverClosed(open, bracket);
    this.unexpected(`\`${closing}\` after ${element}`, extras);
  }

  /** Nothing that could come before the closing bracket: it was forgotten further up. */
  #cannotClose(): boolean {
    return this.at("eof") || this.at("}") || this.at(";") || STATEMENT_WORDS.has(this.kind) || this.atOuterItem();
  }

  reportNeverClosed(open: Token, bracket: Bracket): void {
    this.report("E002", open, `this \`${bracket}\` is never closed`, { help: `add the missing \`${CLOSING[bracket]}\`` });
  }

  neverClosed(open: Token, bracket: Bracket): never {
    this.reportNeverClosed(open, bracket);
    throw new Bail(this.#diagnostics.full);
  }

  // — recovery —

  mark(): Mark {
    return {
      index: this.#index,
      depth: this.#depth,
      newlines: this.#newlines,
      head: this.#head,
      parens: this.#parens,
      braces: this.#braces,
    };
  }

  /**
   * Back to the rules of the mark, and on to where the next statement (or match arm, with `commas`) may begin or the
   * block around ends. Brackets that the broken part left open are skipped with their contents. Always moves on,
   * unless it stands at a border.
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

  /** After an error in an item: on to where the next one may begin. */
  recoverItem(from: number): void {
    this.#depth = 0;
    this.#parens = 0;
    this.#braces = 0;
    this.#setMode(true, null);
    for (; !this.at("eof"); this.#index += 1) {
      const border = this.token.newline || this.#tokens[this.#index - 1]?.kind === "}";
      if (this.#index > from && border && this.atItem()) return;
    }
  }

  get index(): number {
    return this.#index;
  }

  get full(): boolean {
    return this.#diagnostics.full;
  }

  /** An item, and not a statement, begins here. */
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

  /** `record` is no keyword: here it declares a type only where the head of one follows on its line. */
  #beginsRecord(): boolean {
    const name = this.peek(1);
    const open = this.peek(2).kind;
    return isRecordWord(this.token) && name.kind === "name" && !name.newline && (open === "{" || open === "<");
  }

  /** An item at the very start of a line: whatever block is open here lacks its `}`. */
  atOuterItem(): boolean {
    const { start } = this.token;
    return this.atItem() && (start === 0 || this.text.charCodeAt(start - 1) === 0x0a);
  }

  /** The `>` that closes type arguments, also the first half of `>=` in `List<Int>= …`. True when it was there. */
  takeAngle(): boolean {
    const token = this.token;
    if (token.kind !== ">=") return this.take(">");
    this.#splitEnd = token.start + 1;
    this.#splitIndex = this.#index;
    this.#tokens[this.#index] = { kind: "=", start: this.#splitEnd, end: token.end, newline: false, value: "" };
    return true;
  }
}

/** The other word for `type`; a name wherever no item can begin. */
export const RECORD_WORD = "record";

export function isRecordWord(token: Token): boolean {
  return token.kind === "name" && token.value === RECORD_WORD;
}

const NO_TOKEN: Token = { kind: "eof", start: 0, end: 0, newline: false, value: "" };

const CAN_FOLLOW_COMMA: ReadonlySet<TokenKind> = new Set([
  "name",
  "int",
  "float",
  "string",
  "true",
  "false",
  "None",
  "Some",
  "Ok",
  "Err",
  "(",
  "[",
  "{",
]);

export function spanOf(token: Token): Span {
  return { start: token.start, end: token.end };
}
