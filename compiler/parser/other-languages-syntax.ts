/** Recognizes statements, operators and lambdas of other languages. The errors say what to write instead. */
import type { Name } from "../ast.ts";
import { hintForType } from "../other-languages.ts";
import { INTERPOLATION_HELP } from "../other-languages-calls.ts";
import { OPERAND_STARTS, type Token, type TokenKind } from "../tokens.ts";
import { type Cursor, spanOf } from "./cursor.ts";

export const LAMBDA_HELP = "a lambda is written `fn(x: Int) -> Int { x + 1 }`";

interface ForeignWord {
  readonly help: string;
  /** Whether the rest of the function cannot be read, so that parsing continues at the next item. */
  readonly skipsItem?: boolean;
  /** The text that replaces the word, "" to remove it; absent if no single text can replace the word. */
  readonly fix?: string;
}

// Help for several words of `STATEMENTS`.
const MATCH = { help: 'write `match x { 1 => "one", _ => "many" }`', skipsItem: true };
const REMOVE_KEY = { help: 'values do not change: write `m = map.remove(m, "key")`, or `xs = list.filter(xs, fn(x) { … })`' };
const LOOP = { help: "write `while true { … }`, and `break` to leave it", fix: "while true" };
const FAIL = { help: "for a failure that the caller handles, return `Err(text)`; `panic(text)` ends the program" };
const FUNCTION = {
  help: "a function is written `fn f(x: Int) -> Int { x + 1 }`, also inside another",
};
const DECLARATION = { help: "write `let x: Int = 1`" };

/** Words that begin a statement in other languages. They are valid names here, so only uses that cannot be part of a valid statement are errors. */
const STATEMENTS: ReadonlyMap<string, ForeignWord> = new Map([
  ["var", { help: "write `let mut` for a variable that changes, else `let`", fix: "let mut" }],
  ["val", { help: "write `let`", fix: "let" }],
  ["local", { help: "write `let`", fix: "let" }],
  ["switch", MATCH],
  ["case", MATCH],
  ["when", MATCH],
  ["loop", LOOP],
  ["forever", LOOP],
  ["do", { help: "a loop is written `while c { … }`, a block `{ … }`" }],
  ["until", { help: "write `while !c { … }`" }],
  ["unless", { help: "write `if !c { … }`" }],
  ["foreach", { help: "write `for x in xs { … }`", fix: "for" }],
  ["elif", { help: "write `else if`, after the `}` of an `if`", fix: "else if" }],
  ["elseif", { help: "write `else if`, after the `}` of an `if`", fix: "else if" }],
  ["elsif", { help: "write `else if`, after the `}` of an `if`", fix: "else if" }],
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
  ["auto", { help: "write `let`", fix: "let" }],
  ["print", { help: "write `emit v` (the row needs `ui.render`), or `debug(v)` to see it on stderr" }],
  ["echo", { help: "write `emit v` (the row needs `ui.render`), or `debug(v)` to see it on stderr" }],
  ["yield", { help: "a function returns once; return a list" }],
  ["delete", REMOVE_KEY],
  ["del", REMOVE_KEY],
  ["with", { help: "write `let text = fs.read(path)`; nothing needs to be closed" }],
  ["using", { help: "write `let text = fs.read(path)`; nothing needs to be closed" }],
  ["defer", { help: "nothing needs to be closed; write the call at the end" }],
  ["assert", { help: '`guard((), n > 0, "n is positive")` checks a condition; in a test, `assert(n > 0)` with `import "std-testing"`' }],
  ["go", { help: "`spawn f` starts an actor, which runs the function `f`" }],
  ["unsafe", { help: "remove `unsafe`", fix: "" }],
  ["default", { help: "the arm for all other values is `_ => …`" }],
]);

/** Words that stand before an operand in other languages. */
const PREFIXES: ReadonlyMap<string, ForeignWord> = new Map([
  ["not", { help: "write `!`", fix: "!" }],
  ["new", { help: "remove `new`: a record is written `P { x: 1 }`", fix: "" }],
  ["lambda", { help: LAMBDA_HELP }],
  ["function", { help: LAMBDA_HELP }],
  ["func", { help: LAMBDA_HELP }],
  ["await", { help: "remove `await`: a call always waits for its answer", fix: "" }],
  ["typeof", { help: "types are known at compile time; to look inside a value, write `match`" }],
]);

/** Words that stand between two operands in other languages. */
const INFIXES: ReadonlyMap<string, ForeignWord> = new Map([
  ["and", { help: "write `&&`", fix: "&&" }],
  ["or", { help: "write `||`", fix: "||" }],
  ["xor", { help: "write `!=` between two Bools", fix: "!=" }],
  ["mod", { help: "write `%`", fix: "%" }],
  ["div", { help: "write `/`, which is integer division between two Ints", fix: "/" }],
  ["is", { help: "write `==`, or `!=` for `is not`", fix: "==" }],
  ["instanceof", { help: "types are known at compile time; to look inside a value, write `match`" }],
]);

/** Tokens that can begin an operand but cannot continue one. */
const ONLY_OPERAND_STARTS: ReadonlySet<TokenKind> = new Set([...OPERAND_STARTS, "text{", "reserved", "fn", "if", "match", "!", "let"]);

const LAMBDA_WORDS: ReadonlySet<string> = new Set(["function", "func", "fun"]);
const notInLanguage = (c: Cursor): string => `\`${c.token.value}\` is not part of this language`;
const touchesNext = (c: Cursor): boolean => c.peek(1).start === c.token.end;

function rejectWord(c: Cursor, word: ForeignWord, message = notInLanguage(c)): never {
  const span = spanOf(c.token);
  const { fix, help } = word;
  if (word.skipsItem === true) c.failItem(span, message, { help });
  const edit = { span: fix === "!" || fix === "" ? { start: span.start, end: c.peek(1).start } : span, text: fix ?? "" };
  c.fail(span, message, {
    help,
    fixes: fix === undefined ? [] : [{ title: fix === "" ? `remove \`${c.token.value}\`` : `write \`${fix}\``, edits: [edit] }],
  });
}

/**
 * Reports what other languages write between the variable of a `for` and its list: `for k, v in m`, `for x of xs`. Fails at
 * `for i := 0; i < 3; i++` and `for i = 0; …`. Returns whether it took a word in place of the `in`.
 */
export function skipForeignLoop(c: Cursor, name: Name): boolean {
  if (c.at("name") && c.token.value === "of") {
    const span = spanOf(c.token);
    c.report("E002", span, "a `for` has `in` before its list", {
      help: "write `in`",
      fixes: [{ title: "write `in`", edits: [{ span, text: "in" }] }],
    });
    c.next();
    return true;
  }
  if (c.at("=") || (c.at(":") && c.peek(1).kind === "=")) {
    c.fail(c.token, "a `for` goes over a list", {
      help: `write \`for ${name.text} in 0..10 { … }\`; other loops are written with \`while\``,
    });
  }
  if (!c.at(",")) return false;
  let count = 1;
  while (count < 16 && (c.peek(count).kind === "name" || c.peek(count).kind === "_" || c.peek(count).kind === ",")) count += 1;
  if (c.peek(count).kind !== "in")
    c.fail(c.token, "a `for` has `in` before its list", {
      help: "write `for x in xs { … }`; with the index, `for (i, x) in list.enumerate(xs) { … }`",
    });
  const span = { start: name.span.start, end: c.peek(count - 1).end };
  const edits = [
    { span: { start: span.start, end: span.start }, text: "(" },
    { span: { start: span.end, end: span.end }, text: ")" },
  ];
  const text = `(${c.text.slice(span.start, span.end)})`;
  c.report("E002", span, "several names need parentheses", {
    help: `write \`for ${text} in …\``,
    fixes: [{ title: `write \`${text}\``, edits }],
  });
  for (let i = 0; i < count; i++) c.next();
  return false;
}

/** Fails if a word of another language begins the statement. In a valid statement, a name is never followed by another name or a literal. */
export function rejectForeignStatement(c: Cursor): void {
  const word = STATEMENTS.get(c.token.value);
  if (word === undefined) return;
  const nextToken = c.peek(1);
  if (!nextToken.isAfterLineBreak && (ONLY_OPERAND_STARTS.has(nextToken.kind) || (nextToken.kind === "{" && !beginsRecord(c))))
    rejectWord(c, word);
}

/** Whether the braces after the name may contain the fields of a record. */
function beginsRecord(c: Cursor): boolean {
  const [first, second] = [c.peek(2).kind, c.peek(3).kind];
  return first === ".." || first === "}" || second === ":" || (first === "name" && (second === "," || second === "}"));
}

/** The limit on the look-ahead for the end of a parameter list, in tokens. */
const MAX_PARAM_LIST_TOKENS = 64;

/** Whether this is a lambda like `function(x) { … }`. A call followed by a block on the same line is never valid. */
function isForeignLambda(c: Cursor): boolean {
  if (!LAMBDA_WORDS.has(c.token.value) || c.header !== null || c.peek(1).kind !== "(") return false;
  for (let distance = 2, depth = 1; distance < MAX_PARAM_LIST_TOKENS; distance++) {
    const { kind } = c.peek(distance);
    if (kind === "(") depth += 1;
    else if (kind === ")") depth -= 1;
    if (depth === 0) return c.peek(distance + 1).kind === "{" && !c.peek(distance + 1).isAfterLineBreak;
  }
  return false;
}

const COLLECTIONS: ReadonlyMap<string, string> = new Map([
  ["Map", "{}"],
  ["HashMap", "{}"],
  ["List", "[]"],
  ["Array", "[]"],
  ["ArrayList", "[]"],
]);

/** Fails at `new Map()` and the like. */
function rejectNewCollection(c: Cursor): void {
  const text = c.token.value === "new" && !c.peek(1).isAfterLineBreak ? COLLECTIONS.get(c.peek(1).value) : undefined;
  if (text === undefined) return;
  const isEmpty = c.peek(2).kind === "(" && c.peek(3).kind === ")";
  const span = { start: c.token.start, end: c.peek(3).end };
  c.fail(c.token, notInLanguage(c), {
    help: `write \`${text}\`, or a list or map with its elements`,
    fixes: isEmpty ? [{ title: `write \`${text}\``, edits: [{ span, text }] }] : [],
  });
}

/** The words that `rejectForeignPrefix` may reject. */
const PREFIX_WORDS: ReadonlySet<string> = new Set([...PREFIXES.keys(), ...LAMBDA_WORDS, "self", "loop"]);

/** Fails if the operand that begins here is syntax of another language. */
export function rejectForeignPrefix(c: Cursor): void {
  const nextToken = c.peek(1);
  if (nextToken.isAfterLineBreak || (nextToken.kind !== "string" && !PREFIX_WORDS.has(c.token.value))) return;
  if (c.token.value === "self" && nextToken.kind === ".") {
    c.fail(c.token, notInLanguage(c), { help: "there are no methods: a function takes the value as a parameter" });
  }
  if (isForeignLambda(c)) {
    const fixes = [{ title: "write `fn`", edits: [{ span: spanOf(c.token), text: "fn" }] }];
    c.fail(c.token, notInLanguage(c), { help: LAMBDA_HELP, fixes });
  }
  if (nextToken.kind === "string" && touchesNext(c)) {
    c.fail(c.token, `a string has no prefix \`${c.token.value}\``, {
      help: 'write `f"{x}"` to put values into text, `r"\\d"` for a string without escapes',
    });
  }
  if (c.token.value === "loop" && nextToken.kind === "{" && c.header === null && !beginsRecord(c)) {
    c.failItem(c.token, notInLanguage(c), { help: "write `while true { … }`; it has no value: assign a variable before the `break`" });
  }
  rejectNewCollection(c);
  const word = PREFIXES.get(c.token.value);
  if (word !== undefined && ONLY_OPERAND_STARTS.has(nextToken.kind)) rejectWord(c, word);
}

/** What to write instead of `x as T`, by the name of T. In the template, `$1` is `x`; there is none if the right expression depends on the type of `x`. */
const CONVERSIONS: ReadonlyMap<string, { readonly help: string; readonly template?: string }> = new Map([
  ["Float", { help: "write `int.to_float(n)`", template: "int.to_float($1)" }],
  ["Int", { help: "`float.trunc(x)` makes an Int of a Float, `int.parse(s)` reads one from a String" }],
  ["String", { help: "write `int.to_string(n)`; `string.inspect(v)` takes any value" }],
]);

/** Fails at `x as T`. `operandStart` is the start of `x`. */
export function rejectAsCast(c: Cursor, operandStart: number): void {
  const target = c.peek(1);
  if (!c.at("name") || c.token.value !== "as" || c.atNewline() || target.kind !== "name" || target.isAfterLineBreak) return;
  const type = hintForType(target.value)?.replacement ?? target.value;
  const conversion = CONVERSIONS.get(type);
  const operand = c.text.slice(operandStart, c.lastEnd);
  const isShort = operand.length <= 40 && !operand.includes("\n");
  const text = conversion?.template?.replace("$1", () => operand);
  c.fail(spanOf(c.token), "there is no conversion with `as`", {
    help:
      text !== undefined && isShort
        ? `write \`${text}\``
        : (conversion?.help ?? `values are not cast; write the type where the value gets its name: \`let x: ${type} = …\``),
    fixes:
      text === undefined || !isShort
        ? []
        : [{ title: `write \`${text}\``, edits: [{ span: { start: operandStart, end: target.end }, text }] }],
  });
}

/** Fails at `try {` and `try:`. Parsing continues at the next item, because `catch` or `except` follows. */
export function rejectTryBlock(c: Cursor, word: Token): void {
  if (!c.at("{") && !c.at(":")) return;
  c.failItem(word, "`try` takes one call, not a block", {
    help: "there are no exceptions: `match try fs.read(path) { Ok(text) => …, Err(why) => … }`; a failure of your own is the result `Err(text)`",
  });
}

/** Macros of Rust, by their names. */
const MACROS: ReadonlyMap<string, ForeignWord> = new Map([
  ["println", { help: "write `debug(v)` to see a value on stderr, or `emit v` to show it (the row needs `ui.render`)" }],
  ["print", { help: "write `debug(v)` to see a value on stderr, or `emit v` to show it (the row needs `ui.render`)" }],
  ["eprintln", { help: "write `debug(v)` to see a value on stderr", fix: "debug" }],
  ["dbg", { help: "write `debug(v)`", fix: "debug" }],
  ["panic", { help: "write `panic(text)`", fix: "panic" }],
  ["todo", { help: 'write `panic("not written yet")`' }],
  ["unimplemented", { help: 'write `panic("not written yet")`' }],
  ["unreachable", { help: 'write `panic("cannot happen")`' }],
  ["vec", { help: "a list is written `[1, 2]`", fix: "" }],
  ["format", { help: INTERPOLATION_HELP }],
  ["assert", { help: '`guard(value, passed, label)` checks a condition: `guard((), n > 0, "n is positive")`' }],
  ["assert_eq", { help: 'in a `test`, write `assert_equal(found, expected)` with `import "std-testing"`' }],
  ["matches", { help: "write `match v { pattern => true, _ => false }`" }],
]);

/** Fails at the `!` of a macro call, such as `println!("a")` and `vec![1]`. */
function rejectMacro(c: Cursor): void {
  const opener = c.peek(1);
  if (!c.at("!") || (opener.kind !== "(" && opener.kind !== "[") || !touchesNext(c) || c.token.start !== c.lastEnd) return;
  const name = /[A-Za-z_]\w*$/.exec(c.text.slice(Math.max(0, c.lastEnd - 32), c.lastEnd))?.[0] ?? "";
  const macro = MACROS.get(name);
  const span = { start: c.lastEnd - name.length, end: c.token.end };
  const fix = macro?.fix;
  c.fail(span, `there are no macros: \`${name}!\``, {
    help: macro?.help ?? "call functions without `!`",
    fixes: fix === undefined ? [] : [{ title: fix === "" ? `remove \`${name}!\`` : `write \`${fix}\``, edits: [{ span, text: fix }] }],
  });
}

/** Fails if the next token, which follows an operand, is syntax of another language, as in `a and b`. */
export function rejectForeignAfterOperand(c: Cursor): void {
  if (c.atNewline()) return;
  const word = c.at("name") ? INFIXES.get(c.token.value) : undefined;
  const nextToken = c.peek(1);
  if (c.at("name") && c.token.value === "is" && nextToken.value === "not" && !nextToken.isAfterLineBreak) {
    const span = { start: c.token.start, end: nextToken.end };
    c.fail(span, "`is not` is not an operator", { help: "write `!=`", fixes: [{ title: "write `!=`", edits: [{ span, text: "!=" }] }] });
  }
  if (word !== undefined && !nextToken.isAfterLineBreak && (ONLY_OPERAND_STARTS.has(nextToken.kind) || nextToken.kind === "("))
    rejectWord(c, word);
  rejectMacro(c);
  if (word === undefined && c.token.value === "not" && c.at("name") && nextToken.kind === "in") {
    c.fail({ start: c.token.start, end: nextToken.end }, "`not in` is not an operator", { help: "write `!list.contains(xs, x)`" });
  }
  if (c.at("!") && c.token.start === c.lastEnd && (nextToken.isAfterLineBreak || CANNOT_BEGIN.has(nextToken.kind))) {
    c.fail(c.token, "`!` does not follow a value", {
      help: "an Option is unwrapped with `option.unwrap_or(o, other)`, or taken apart with `match`",
    });
  }
}

/** Tokens that cannot begin an operand. */
const CANNOT_BEGIN: ReadonlySet<TokenKind> = new Set([")", "]", "}", ",", ";", ".", "eof"]);

/** Operators of other languages that the lexer reads as two tokens. */
const TWO_TOKEN_OPERATORS: ReadonlyMap<string, ForeignWord> = new Map([
  ["**", { help: "write `int.pow(2, 3)`" }],
  ["<<", { help: "write `int.shift_left(n, bits)`" }],
  [">>", { help: "write `int.shift_right(n, bits)`" }],
  ["<>", { help: "write `!=`", fix: "!=" }],
]);

/** Fails if the operator `first`, alone or with the next token, is one of another language: `**`, `<<`, `>>`, `<>`, `i++` or `i--`. */
export function rejectForeignAfterOperator(c: Cursor, first: { readonly start: number; readonly end: number }): void {
  const touches = c.token.start === first.end;
  if (!touches && first.end - first.start === 1) return;
  const sign = c.text.slice(first.start, touches ? c.token.end : first.end);
  const span = { start: first.start, end: first.start + sign.length };
  const pair = TWO_TOKEN_OPERATORS.get(sign);
  if (pair !== undefined) {
    const fixes = pair.fix === undefined ? [] : [{ title: `write \`${pair.fix}\``, edits: [{ span, text: pair.fix }] }];
    c.fail(span, `\`${sign}\` is not an operator`, { help: pair.help, fixes });
  }
  const lastToken = sign === "--" ? c.peek(1) : c.token;
  const canEndStatement = lastToken.kind === "eof" || lastToken.kind === "}" || lastToken.kind === ")" || lastToken.kind === ";";
  if ((sign === "++" && canEndStatement) || (sign === "--" && (canEndStatement || lastToken.isAfterLineBreak))) {
    const operator = sign.charAt(0);
    c.fail(span, `\`${sign}\` does not increment`, { help: `write \`x ${operator}= 1\`` });
  }
}
