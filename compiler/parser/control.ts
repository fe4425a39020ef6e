/** `if` and `match`. */
import type { Block, Expr, IfBranch, MatchArm } from "../ast.ts";
import type { Token, TokenKind } from "../tokens.ts";
import { Bail, type Cursor, spanOf } from "./cursor.ts";
import { parsePattern } from "./patterns.ts";

/** What a head looks like, for who left it out. */
const HEADS = {
  if: { what: "a condition", help: "write `if x > 0 { … }`" },
  while: { what: "a condition", help: "write `while x > 0 { … }`; `while true { … }` goes on until a `break`" },
  match: { what: "a value", help: "write `match x { … }`" },
  for: { what: "a list", help: "write `for x in xs { … }`" },
  requires: { what: "a condition", help: "write `requires x > 0`" },
  ensures: { what: "a condition", help: "write `ensures result > 0`" },
} as const;

/** What stands between a keyword and its `{`: no `{` in it begins a literal. */
export function parseHead(c: Cursor, head: keyof typeof HEADS): Expr {
  const { what, help } = HEADS[head];
  if (c.at("{")) c.unexpected(`${what} after \`${head}\``, { help });
  if (c.at("let")) c.unexpected(`${what} after \`${head}\``, { help: "take a value apart with `match x { Some(y) => …, None => … }`" });
  const mode = c.enterHead(head);
  const expr = c.grammar.expression(c);
  c.leave(mode);
  if (c.at("=")) {
    const span = spanOf(c.token);
    c.fail(span, `\`=\` sets a variable and cannot stand in the head of \`${head}\``, {
      help: "write `==` to compare",
      fixes: [{ title: "write `==`", edits: [{ span, text: "==" }] }],
    });
  }
  if (c.at("{") && c.followsTypeName() && c.peek(1).kind === "name" && c.peek(2).kind === ":") {
    c.fail(c.token, `a record in the head of \`${head}\` stands in parentheses`, { help: `write \`${head} … (P { x: 1 }) …\`` });
  }
  return expr;
}

/** The `{ … }` that must follow a head. */
export function parseBody(c: Cursor, head: string): Block {
  if (!c.at("{")) c.unexpected(`\`{\` and the body of \`${head}\``, { help: `a body stands in braces: \`${head} … { … }\`` });
  return c.grammar.block(c);
}

/** An `if` with all its `else if`s as one flat node. */
export function parseIf(c: Cursor): Extract<Expr, { kind: "if" }> {
  const { start } = c.token;
  const branches: IfBranch[] = [];
  let otherwise: Block | null = null;
  c.deeper();
  do {
    c.next();
    const condition = parseHead(c, "if");
    branches.push({ condition, body: parseBody(c, "if") });
    if (atElseIfWord(c)) continue;
    if (!c.take("else")) break;
    if (!c.at("if")) otherwise = elseBody(c);
  } while (otherwise === null);
  c.shallower();
  return { kind: "if", branches, otherwise, span: c.spanFrom(start) };
}

const ELSE_IF_WORDS: ReadonlySet<string> = new Set(["elif", "elseif", "elsif"]);

/** `elif` and the like are told and read as `else if`. */
function atElseIfWord(c: Cursor): boolean {
  const { value } = c.token;
  const next = c.peek(1);
  if (!c.at("name") || !ELSE_IF_WORDS.has(value) || next.newline || next.kind === "=" || next.kind === "." || next.kind === "(")
    return false;
  const span = spanOf(c.token);
  const fixes = [{ title: "write `else if`", edits: [{ span, text: "else if" }] }];
  c.report("E002", span, `\`${value}\` is not a word of this language`, { help: "write `else if`", fixes });
  return true;
}

function elseBody(c: Cursor): Block {
  if (!c.at("{")) c.unexpected("`{` or `if` after `else`", { help: "a branch stands in braces: `else { 0 }`" });
  return c.grammar.block(c);
}

export function parseMatch(c: Cursor): Expr {
  const { start } = c.next();
  c.deeper();
  const scrutinee = parseHead(c, "match");
  skipWith(c);
  const open = c.expect("{", "`{` and the arms of `match`", { help: "write `match x { 1 => 2, _ => 3 }`" });
  const mode = c.enterBrace();
  const arms = parseArms(c, open);
  c.leave(mode);
  c.shallower();
  return { kind: "match", scrutinee, arms, span: c.spanFrom(start) };
}

/** `match x with`: told, and passed over where braces follow. */
function skipWith(c: Cursor): void {
  if (!c.at("name") || c.token.value !== "with") return;
  const braces = c.peek(1).kind === "{";
  const fixes = [{ title: "remove `with`", edits: [{ span: { start: c.token.start, end: c.peek(1).start }, text: "" }] }];
  c.report("E002", c.token, "`with` does not stand after `match`", {
    help: "the arms stand in braces: `match x { 1 => 2, _ => 3 }`",
    fixes: braces ? fixes : [],
  });
  // Arms without braces have no end.
  if (!braces) throw new Bail(true);
  c.next();
}

function parseArms(c: Cursor, open: Token): readonly MatchArm[] {
  const arms: MatchArm[] = [];
  while (!c.take("}")) {
    if (c.at("eof") || c.atOuterItem()) c.neverClosed(open, "{");
    const mark = c.mark();
    try {
      arms.push(parseArm(c));
      endArm(c);
    } catch (error) {
      if (!(error instanceof Bail) || error.item) throw error;
      c.recover(mark, true);
      c.take(",");
    }
  }
  return arms;
}

/** Arms are parted by a comma or a line end; after a `}` nothing is needed. */
function endArm(c: Cursor): void {
  if (c.take(",") || c.atNewline() || c.at("}") || c.at("eof") || c.text.charCodeAt(c.lastEnd - 1) === 0x7d) return;
  const at = c.lastEnd;
  const fixes = [{ title: "insert `,`", edits: [{ span: { start: at, end: at }, text: "," }] }];
  const arm = PATTERN_STARTS.has(c.kind);
  c.unexpected("`,` or a new line between two arms", arm ? { help: "part the arms with commas or line ends", fixes } : {});
}

function parseArm(c: Cursor): MatchArm {
  const { start } = c.token;
  skipCase(c);
  const depth = c.restartDepth();
  const pattern = parsePattern(c);
  c.resumeDepth(depth);
  const guard = c.take("if") ? c.grammar.expression(c) : null;
  takeArrow(c);
  const { body, emptyBraces } = parseArmBody(c);
  return { pattern, guard, body, emptyBraces, span: c.spanFrom(start) };
}

const PATTERN_STARTS: ReadonlySet<TokenKind> = new Set([
  "name",
  "_",
  "int",
  "float",
  "string",
  "true",
  "false",
  "None",
  "Some",
  "Ok",
  "Err",
  "-",
]);

/** `case 1 => …`: told, and passed over; `else => …` is told. */
function skipCase(c: Cursor): void {
  const next = c.peek(1);
  const span = { start: c.token.start, end: next.start };
  if (c.at("else") && next.kind === "=>") {
    const fixes = [{ title: "write `_`", edits: [{ span: spanOf(c.token), text: "_" }] }];
    c.fail(c.token, "the arm for all other values is `_`", { help: "write `_ => …`", fixes });
  }
  if (!c.at("name") || (c.token.value !== "case" && c.token.value !== "when") || !PATTERN_STARTS.has(next.kind)) return;
  const message = `\`${c.token.value}\` does not stand before a pattern`;
  c.report("E002", c.token, message, {
    help: "an arm is written `pattern => value`",
    fixes: [{ title: `remove \`${c.token.value}\``, edits: [{ span, text: "" }] }],
  });
  c.next();
}

/** `=>`; `->`, `:` and `=` are told and read as `=>`. */
function takeArrow(c: Cursor): void {
  if (c.take("=>")) return;
  if (!c.at("->") && !c.at(":") && !c.at("=")) c.unexpected("`=>` after the pattern", { help: "an arm is written `pattern => value`" });
  const span = spanOf(c.token);
  c.report("E002", span, "the pattern and the value of an arm are parted by `=>`", {
    help: "write `=>`",
    fixes: [{ title: "write `=>`", edits: [{ span, text: "=>" }] }],
  });
  c.next();
}

function parseArmBody(c: Cursor): { readonly body: Block; readonly emptyBraces: boolean } {
  const token = c.token;
  if (token.kind === "," || token.kind === "}") c.unexpected("the value of the arm after `=>`", { help: "write `()` where there is none" });
  const stmt = c.grammar.statement(c);
  if (token.kind === "{" && stmt.kind === "expr" && stmt.value.span.start === token.start) {
    if (stmt.value.kind === "block") return { body: stmt.value.block, emptyBraces: false };
    if (stmt.value.kind === "map" && stmt.value.entries.length === 0) return { body: { stmts: [], span: stmt.span }, emptyBraces: true };
  }
  return { body: { stmts: [stmt], span: stmt.span }, emptyBraces: false };
}
