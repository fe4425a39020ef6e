/** Recognizes statements, operators and lambdas of other languages, to say what to write instead. */
import { OPERAND_STARTS, type TokenKind } from "../tokens.ts";
import { type Cursor, spanOf } from "./cursor.ts";

export const LAMBDA_HELP = "a lambda is written `fn(x: Int) -> Int { x + 1 }`";

interface ForeignWord {
  readonly help: string;
  readonly instead?: string;
}

const MATCH = { help: 'write `match x { 1 => "one", _ => "many" }`' };
const LOOP = { help: "write `while true { … }`, and `break` to leave it", instead: "while true" };
const FAIL = { help: "for a failure that the caller handles, return `Err(text)`; `panic(text)` ends the program" };
const FUNCTION = {
  help: "functions belong at the top level of the file; inside one, write a lambda: `let f = fn(x: Int) -> Int { x + 1 }`",
};
const DECLARATION = { help: "write `let x: Int = 1`" };

/** Words that begin a statement in other languages. They are valid names, so only uses that no valid statement has are errors. */
const STATEMENTS: ReadonlyMap<string, ForeignWord> = new Map([
  ["var", { help: "write `let mut` for a variable that changes, else `let`", instead: "let mut" }],
  ["val", { help: "write `let`", instead: "let" }],
  ["local", { help: "write `let`", instead: "let" }],
  ["switch", MATCH],
  ["case", MATCH],
  ["when", MATCH],
  ["loop", LOOP],
  ["forever", LOOP],
  ["do", { help: "a loop is written `while c { … }`, a block `{ … }`" }],
  ["until", { help: "write `while !c { … }`" }],
  ["unless", { help: "write `if !c { … }`" }],
  ["foreach", { help: "write `for x in xs { … }`", instead: "for" }],
  ["elif", { help: "write `else if`, after the `}` of an `if`", instead: "else if" }],
  ["elseif", { help: "write `else if`, after the `}` of an `if`", instead: "else if" }],
  ["elsif", { help: "write `else if`, after the `}` of an `if`", instead: "else if" }],
  ["throw", FAIL],
  ["raise", FAIL],
  ["catch", { help: "there are no exceptions: `try net.fetch(url)` returns a Result; handle it with `match`" }],
  ["except", { help: "there are no exceptions: `try net.fetch(url)` returns a Result; handle it with `match`" }],
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
  ["yield", { help: "a function returns once; return a list" }],
  ["delete", { help: "values do not change; `map.remove` and `list.filter` return new ones" }],
  ["del", { help: "values do not change; `map.remove` and `list.filter` return new ones" }],
]);

/** Words before an operand in other languages. */
const PREFIXES: ReadonlyMap<string, ForeignWord> = new Map([
  ["not", { help: "write `!`", instead: "!" }],
  ["new", { help: "remove `new`: a record is written `P { x: 1 }`", instead: "" }],
  ["lambda", { help: LAMBDA_HELP }],
  ["function", { help: LAMBDA_HELP }],
  ["func", { help: LAMBDA_HELP }],
  ["await", { help: "remove `await`: a call always waits for its answer", instead: "" }],
  ["typeof", { help: "types are known at compile time; to look inside a value, write `match`" }],
]);

/** Words between two operands in other languages. */
const INFIXES: ReadonlyMap<string, ForeignWord> = new Map([
  ["and", { help: "write `&&`", instead: "&&" }],
  ["or", { help: "write `||`", instead: "||" }],
  ["xor", { help: "write `!=` between two Bools", instead: "!=" }],
  ["mod", { help: "write `%`", instead: "%" }],
  ["div", { help: "write `/`, which is integer division between two Ints", instead: "/" }],
  ["is", { help: "write `==`", instead: "==" }],
  ["instanceof", { help: "types are known at compile time; to look inside a value, write `match`" }],
]);

/** Tokens that begin an operand and cannot continue one. */
const ONLY_OPERAND_STARTS: ReadonlySet<TokenKind> = new Set([...OPERAND_STARTS, "reserved", "fn", "if", "match", "!", "let"]);

const LAMBDA_WORDS: ReadonlySet<string> = new Set(["function", "func", "fun"]);
const notInLanguage = (c: Cursor): string => `\`${c.token.value}\` is not part of this language`;
const touches = (c: Cursor): boolean => c.peek(1).start === c.token.end;

function rejectWord(c: Cursor, word: ForeignWord, message = notInLanguage(c)): never {
  const span = spanOf(c.token);
  const { instead, help } = word;
  const edit = { span: instead === "!" || instead === "" ? { start: span.start, end: c.peek(1).start } : span, text: instead ?? "" };
  c.fail(span, message, {
    help,
    fixes: instead === undefined ? [] : [{ title: instead === "" ? `remove \`${c.token.value}\`` : `write \`${instead}\``, edits: [edit] }],
  });
}

/** Fails if a word of another language begins the statement: in valid statements no name or literal follows a name. */
export function rejectForeignStatement(c: Cursor): void {
  const word = STATEMENTS.get(c.token.value);
  if (word === undefined) return;
  const next = c.peek(1);
  if (!next.newline && (ONLY_OPERAND_STARTS.has(next.kind) || (next.kind === "{" && !beginsRecord(c)))) rejectWord(c, word);
}

/** Whether the braces after the name may hold the fields of a record. */
function beginsRecord(c: Cursor): boolean {
  const [first, second] = [c.peek(2).kind, c.peek(3).kind];
  return first === ".." || first === "}" || second === ":" || (first === "name" && (second === "," || second === "}"));
}

/** Bounds the look-ahead for the end of a parameter list, in tokens. */
const MAX_PARAMS = 64;

/** `function(x) { … }`: as a call with a block after it on its line it would make no sense. */
function foreignLambda(c: Cursor): boolean {
  if (!LAMBDA_WORDS.has(c.token.value) || c.header !== null || c.peek(1).kind !== "(") return false;
  for (let at = 2, depth = 1; at < MAX_PARAMS; at++) {
    const { kind } = c.peek(at);
    if (kind === "(") depth += 1;
    else if (kind === ")") depth -= 1;
    if (depth === 0) return c.peek(at + 1).kind === "{" && !c.peek(at + 1).newline;
  }
  return false;
}

/** Fails at the start of an operand if it is syntax of another language. */
export function rejectForeignPrefix(c: Cursor): void {
  const next = c.peek(1);
  if (next.newline) return;
  if (c.token.value === "self" && next.kind === ".") {
    c.fail(c.token, notInLanguage(c), { help: "there are no methods: a function takes the value as a parameter" });
  }
  if (foreignLambda(c)) {
    const fixes = [{ title: "write `fn`", edits: [{ span: spanOf(c.token), text: "fn" }] }];
    c.fail(c.token, notInLanguage(c), { help: LAMBDA_HELP, fixes });
  }
  if (next.kind === "string" && touches(c)) {
    c.fail(c.token, "a string has no prefix", {
      help: 'join strings with `++`, as in `"a" ++ b`; convert other values first, for example with `int.to_string`',
    });
  }
  const word = PREFIXES.get(c.token.value);
  if (word !== undefined && ONLY_OPERAND_STARTS.has(next.kind)) rejectWord(c, word);
}

/** Fails after an operand if syntax of another language follows. */
export function rejectForeignInfix(c: Cursor): void {
  if (c.atNewline()) return;
  const word = c.at("name") ? INFIXES.get(c.token.value) : undefined;
  const next = c.peek(1);
  if (word !== undefined && !next.newline && (ONLY_OPERAND_STARTS.has(next.kind) || next.kind === "(")) rejectWord(c, word);
  if (c.at("!") && next.kind === "(" && touches(c) && c.token.start === c.lastEnd) {
    c.fail(c.token, "there are no macros", { help: "call functions without `!`; `debug(v)` prints to stderr" });
  }
  if (c.at("..") && c.newlinesMatter) {
    c.fail(c.token, "there are no ranges", { help: "write `list.range(0, 10)`: the list of numbers from 0 to 9" });
  }
}

/** Operators of other languages that the lexer reads as two tokens. */
const PAIRS: ReadonlyMap<string, ForeignWord> = new Map([
  ["**", { help: "write `int.pow(2, 3)`" }],
  ["<<", { help: "there are no bit operators" }],
  [">>", { help: "there are no bit operators" }],
  ["<>", { help: "write `!=`", instead: "!=" }],
]);

/** Fails after the operator `first` if it is part of `**`, `<>`, `i++` or `i--`. */
export function rejectForeignOperator(c: Cursor, first: { readonly start: number; readonly end: number }): void {
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
    c.fail(span, `\`${sign}\` does not increment`, { help: `write \`x = x ${operator} 1\`` });
  }
}
