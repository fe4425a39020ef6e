/** Statements and operators of other languages, told where they stand. */
import type { TokenKind } from "../tokens.ts";
import { type Cursor, spanOf } from "./cursor.ts";

export const LAMBDA_HELP = "a lambda is written `fn(x: Int) -> Int { x + 1 }`";

interface ForeignWord {
  readonly help: string;
  readonly instead?: string;
}

const MATCH = { help: 'write `match x { 1 => "one", _ => "many" }`' };
const LOOP = { help: "write `while true { … }`, and `break` where it ends", instead: "while true" };
const FAIL = { help: "`panic(text)` ends the program; a failure that the caller may handle is the result `Err(text)`" };
const FUNCTION = {
  help: "functions stand at the top level of the file; inside one, write a lambda: `let f = fn(x: Int) -> Int { x + 1 }`",
};
const DECLARATION = { help: "write `let x: Int = 1`" };

/** Words that begin a statement elsewhere. A name here, so it is told only where no statement can have it so. */
const STATEMENTS: ReadonlyMap<string, ForeignWord> = new Map([
  ["var", { help: "write `let mut` for what changes, `let` for what does not", instead: "let mut" }],
  ["val", { help: "write `let`", instead: "let" }],
  ["local", { help: "write `let`", instead: "let" }],
  ["switch", MATCH],
  ["case", MATCH],
  ["when", MATCH],
  ["loop", LOOP],
  ["forever", LOOP],
  ["do", { help: "a loop is written `while c { … }`; a block is `{ … }` alone" }],
  ["until", { help: "write `while !c { … }`" }],
  ["unless", { help: "write `if !c { … }`" }],
  ["foreach", { help: "write `for x in xs { … }`", instead: "for" }],
  ["elif", { help: "write `else if`, after the `}` of an `if`", instead: "else if" }],
  ["elseif", { help: "write `else if`, after the `}` of an `if`", instead: "else if" }],
  ["elsif", { help: "write `else if`, after the `}` of an `if`", instead: "else if" }],
  ["throw", FAIL],
  ["raise", FAIL],
  ["catch", { help: "nothing is caught: `try net.fetch(url)` gives a Result, which `match` takes apart" }],
  ["except", { help: "nothing is caught: `try net.fetch(url)` gives a Result, which `match` takes apart" }],
  ["def", FUNCTION],
  ["func", FUNCTION],
  ["function", FUNCTION],
  ["fun", FUNCTION],
  ["int", DECLARATION],
  ["float", DECLARATION],
  ["double", DECLARATION],
  ["bool", DECLARATION],
  ["string", DECLARATION],
  ["auto", { help: "write `let`", instead: "let" }],
  ["print", { help: "write `emit v` (the row needs `ui.render`), or `debug(v)` to see it on stderr" }],
  ["echo", { help: "write `emit v` (the row needs `ui.render`), or `debug(v)` to see it on stderr" }],
  ["yield", { help: "a function gives one value: give a list" }],
  ["delete", { help: "values do not change: `map.remove` and `list.filter` give new ones" }],
  ["del", { help: "values do not change: `map.remove` and `list.filter` give new ones" }],
]);

/** Words that stand before an operand elsewhere. */
const PREFIXES: ReadonlyMap<string, ForeignWord> = new Map([
  ["not", { help: "write `!`", instead: "!" }],
  ["new", { help: "leave `new` out: a record is written `P { x: 1 }`", instead: "" }],
  ["lambda", { help: LAMBDA_HELP }],
  ["function", { help: LAMBDA_HELP }],
  ["func", { help: LAMBDA_HELP }],
  ["await", { help: "leave `await` out: a call waits for its answer", instead: "" }],
  ["typeof", { help: "types are known before the program runs: take a value apart with `match`" }],
]);

/** Words that stand between two operands elsewhere. */
const INFIXES: ReadonlyMap<string, ForeignWord> = new Map([
  ["and", { help: "write `&&`", instead: "&&" }],
  ["or", { help: "write `||`", instead: "||" }],
  ["xor", { help: "write `!=` between two Bools", instead: "!=" }],
  ["mod", { help: "write `%`", instead: "%" }],
  ["div", { help: "write `/`: between two Ints it gives the whole part", instead: "/" }],
  ["is", { help: "write `==`", instead: "==" }],
  ["instanceof", { help: "types are known before the program runs: take a value apart with `match`" }],
]);

/** Tokens that begin an operand and never go on with one. */
// biome-ignore format: rows read better
const OPERAND_STARTS: ReadonlySet<TokenKind> = new Set([
  "name", "reserved", "int", "float", "string", "true", "false", "None", "Some", "Ok", "Err", "fn", "if", "match", "!", "let",
]);

const LAMBDA_WORDS: ReadonlySet<string> = new Set(["function", "func", "fun"]);
const noWord = (c: Cursor): string => `\`${c.token.value}\` is not a word of this language`;
const touches = (c: Cursor): boolean => c.peek(1).start === c.token.end;

function tell(c: Cursor, word: ForeignWord, message = noWord(c)): never {
  const span = spanOf(c.token);
  const { instead, help } = word;
  const edit = { span: instead === "!" || instead === "" ? { start: span.start, end: c.peek(1).start } : span, text: instead ?? "" };
  c.fail(span, message, {
    help,
    fixes: instead === undefined ? [] : [{ title: instead === "" ? `remove \`${c.token.value}\`` : `write \`${instead}\``, edits: [edit] }],
  });
}

/** At a name: two names after one another, or a name and a literal, are no statement worth having. */
export function foreignStatement(c: Cursor): void {
  const word = STATEMENTS.get(c.token.value);
  if (word === undefined) return;
  const next = c.peek(1);
  if (!next.newline && (OPERAND_STARTS.has(next.kind) || (next.kind === "{" && !beginsRecord(c)))) tell(c, word);
}

/** Whether what stands in the braces after the name may be the fields of a record. */
function beginsRecord(c: Cursor): boolean {
  const [first, second] = [c.peek(2).kind, c.peek(3).kind];
  return first === ".." || first === "}" || second === ":" || (first === "name" && (second === "," || second === "}"));
}

/** Longer parameter lists are not looked through. */
const MAX_PARAMS = 64;

/** `function(x) { … }`, where a call and a block after it on one line would be worth nothing. */
function foreignLambda(c: Cursor): boolean {
  if (!LAMBDA_WORDS.has(c.token.value) || c.head !== null || c.peek(1).kind !== "(") return false;
  for (let at = 2, depth = 1; at < MAX_PARAMS; at++) {
    const { kind } = c.peek(at);
    if (kind === "(") depth += 1;
    else if (kind === ")") depth -= 1;
    if (depth === 0) return c.peek(at + 1).kind === "{" && !c.peek(at + 1).newline;
  }
  return false;
}

/** At a name where an operand is wanted. */
export function foreignPrefix(c: Cursor): void {
  const next = c.peek(1);
  if (next.newline) return;
  if (c.token.value === "self" && next.kind === ".") {
    c.fail(c.token, noWord(c), { help: "there are no methods: a function takes the value as a parameter" });
  }
  if (foreignLambda(c)) {
    const fixes = [{ title: "write `fn`", edits: [{ span: spanOf(c.token), text: "fn" }] }];
    c.fail(c.token, noWord(c), { help: LAMBDA_HELP, fixes });
  }
  if (next.kind === "string" && touches(c)) {
    c.fail(c.token, "a string has no prefix", {
      help: 'join strings with `++`: `"a" ++ b`; other values become text with `int.to_string` and the like',
    });
  }
  const word = PREFIXES.get(c.token.value);
  if (word !== undefined && OPERAND_STARTS.has(next.kind)) tell(c, word);
}

/** After an operand. */
export function foreignInfix(c: Cursor): void {
  if (c.atNewline()) return;
  const word = c.at("name") ? INFIXES.get(c.token.value) : undefined;
  const next = c.peek(1);
  if (word !== undefined && !next.newline && (OPERAND_STARTS.has(next.kind) || next.kind === "(")) tell(c, word);
  if (c.at("!") && next.kind === "(" && touches(c) && c.token.start === c.lastEnd) {
    c.fail(c.token, "there are no macros", { help: "call a function by its name; `debug(v)` prints to stderr" });
  }
  if (c.at("..") && c.linesCount) {
    c.fail(c.token, "there are no ranges", { help: "a list of numbers is `list.range(0, 10)`, the second number excluded" });
  }
}

/** What two signs that touch mean elsewhere; `first` is the operator that has just been read. */
const PAIRS: ReadonlyMap<string, ForeignWord> = new Map([
  ["**", { help: "write `int.pow(2, 3)`" }],
  ["<<", { help: "there are no bit operators" }],
  [">>", { help: "there are no bit operators" }],
  ["<>", { help: "write `!=`", instead: "!=" }],
]);

/** After an operator: `**`, `<>`, `i++`, `i--`. */
export function foreignOperator(c: Cursor, first: { readonly start: number; readonly end: number }): void {
  const sign = c.text.slice(first.start, c.token.start === first.end ? c.token.end : first.end);
  const span = { start: first.start, end: first.start + sign.length };
  const pair = PAIRS.get(sign);
  if (pair !== undefined) {
    const fixes = pair.instead === undefined ? [] : [{ title: `write \`${pair.instead}\``, edits: [{ span, text: pair.instead }] }];
    c.fail(span, `\`${sign}\` is not an operator`, { help: pair.help, fixes });
  }
  const last = sign === "--" ? c.peek(1) : c.token;
  const ends = last.kind === "eof" || last.kind === "}" || last.kind === ")" || last.kind === ";";
  if ((sign === "++" && ends) || (sign === "--" && (ends || last.newline))) {
    const operator = sign.charAt(0);
    c.fail(span, `\`${sign}\` does not count`, { help: `write \`x = x ${operator} 1\`` });
  }
}
