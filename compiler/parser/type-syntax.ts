/** Parses types, type parameters and effect rows. */
import type { Name, RowExpr, TypeExpr } from "../ast.ts";
import { hintForType } from "../other-languages.ts";
import { isKeyword } from "../tokens.ts";
import { GENERIC_TYPE_ARITY } from "../../vm/value/type.ts";
import { type Cursor, spanOf } from "./cursor.ts";
import { parseCommaList, parseTupleRest } from "./lists.ts";
import { parseDeclaredName, nameOf, parseReservedName } from "./names.ts";

/** Parses a type: `Int`, `List<T>`, `(A, B)`, `Fn(A) -> R !{caps}`, or a type in parentheses. */
export function parseType(c: Cursor): TypeExpr {
  const type = c.at("(") ? parseParenthesized(c) : c.at("fn") ? parseLowercaseFn(c) : parseNamed(c);
  if (c.at("|") && !c.atNewline()) skipAlternatives(c, type);
  if (c.at("?")) rejectNullable(c, type);
  return type;
}

/** The words for a value that is absent, in a type such as `Int | null`. */
const ABSENT: ReadonlySet<string> = new Set(["None", "null", "undefined", "nil"]);

/** Reports `T | None` and reads it as `T`. Fails at other alternatives. */
function skipAlternatives(c: Cursor, type: TypeExpr): void {
  const bar = spanOf(c.token);
  const other = c.peek(1);
  const word = other.kind === "None" ? "None" : other.value;
  const text = `Option<${c.text.slice(type.span.start, type.span.end)}>`;
  if (!ABSENT.has(word) || c.peek(2).kind === "|")
    c.fail(bar, "a type has no alternatives", {
      help: "declare an enum: `enum Value { Number(Int), Text(String) }`; a value that may be absent is an `Option<Int>`",
    });
  c.report("E002", { start: bar.start, end: other.end }, "a value that may be absent is an Option", {
    help: `write \`${text}\``,
    fixes: [{ title: `write \`${text}\``, edits: [{ span: { start: type.span.start, end: other.end }, text }] }],
  });
  c.next();
  c.next();
}

/** Words before a type that add nothing here: `readonly Int[]`, `impl Fn(Int) -> Int`. */
const NEEDLESS_WORDS: ReadonlySet<string> = new Set(["readonly", "impl", "dyn", "const", "final", "ref"]);

/** Reports a needless word before a type, and skips it. */
function skipNeedlessWord(c: Cursor): void {
  const { kind, value } = c.token;
  const nextToken = c.peek(1);
  if ((kind !== "name" && kind !== "reserved") || !NEEDLESS_WORDS.has(value) || nextToken.kind !== "name" || nextToken.isAfterLineBreak)
    return;
  const isTrait = (value === "impl" || value === "dyn") && nextToken.value !== "Fn";
  const edits = [{ span: { start: c.token.start, end: nextToken.start }, text: "" }];
  c.report("E002", c.token, `a type has no \`${value}\``, {
    help: isTrait ? "there are no traits: write the type of the value, or take its operations as parameters" : `remove \`${value}\``,
    fixes: isTrait ? [] : [{ title: `remove \`${value}\``, edits }],
  });
  c.next();
}

/** Fails at the `?` of `Int?`. */
function rejectNullable(c: Cursor, { span }: TypeExpr): never {
  const text = c.text.slice(span.start, span.end);
  const edits = [
    { span: { start: span.start, end: span.start }, text: "Option<" },
    { span: spanOf(c.token), text: ">" },
  ];
  const option = `\`Option<${text.length <= 40 && !text.includes("\n") ? text : "T"}>\``;
  c.fail(c.token, "a type has no `?`", {
    help: `a value that may be missing has the type ${option}`,
    fixes: [{ title: `write ${option}`, edits }],
  });
}

function parseNamed(c: Cursor): TypeExpr {
  skipNeedlessWord(c);
  if (c.at("reserved")) return typeOfName(parseReservedName(c));
  if (c.at("None")) return parseUnitWord(c);
  const token = c.token;
  if (token.kind !== "name") {
    if (token.kind === "[") return parseBracketedList(c);
    if (token.kind === "_") rejectHole(c);
    if (token.kind === "{")
      c.failExpected("a type", { help: "a record type is declared with `type Name { x: Int }`; a map type is written `Map<String, Int>`" });
    c.failExpected("a type");
  }
  const name = nameOf(c.next());
  if (name.text === "Fn" && c.at("(")) return parseFunctionType(c, token.start);
  if (c.at("[")) rejectBracketsAfter(c, name);
  if (!c.at("<") || c.atNewline()) return typeOfName(name);
  const opener = c.next();
  c.enterNesting();
  const args = parseCommaList(c, opener, "<", "a type argument", parseType);
  c.leaveNesting();
  if (args.length === 0)
    c.fail(opener, `\`${name.text}<>\` has no type arguments`, { help: "write the types between `<` and `>`, or remove both" });
  return { kind: "name", name, args, span: c.spanFrom(token.start) };
}

/** Fails at `_` in a type. In the type of a `let`, the fix removes the type. */
function rejectHole(c: Cursor): never {
  const { start, end } = c.token;
  const lineStart = c.text.lastIndexOf("\n", start) + 1;
  const annotation = /\blet +(?:mut +)?\w+( *:[^=]*)$/.exec(c.text.slice(Math.max(lineStart, start - 100), start))?.[1];
  const rest = /^[^=\n]{0,100}?(?= *=)/.exec(c.text.slice(end, end + 200))?.[0];
  const edits =
    annotation === undefined || rest === undefined
      ? []
      : [{ span: { start: start - annotation.length, end: end + rest.length }, text: "" }];
  c.failExpected("a type", {
    help: annotation === undefined ? "write the type; `_` is not a type" : "leave the type out: the `let` gets the type of its value",
    fixes: edits.length === 0 ? [] : [{ title: "remove the type", edits }],
  });
}

/** Fails at the `[` of `Int[]` and `List[Int]`. */
function rejectBracketsAfter(c: Cursor, name: Name): never {
  const closer = c.peek(1);
  const type = hintForType(name.text)?.replacement ?? name.text;
  if (GENERIC_TYPE_ARITY.has(name.text) || closer.kind !== "]")
    c.failExpected("the end of the type", { help: "write type arguments between `<` and `>`: `List<Int>`" });
  const text = `List<${type}>`;
  const edits = [{ span: { start: name.span.start, end: closer.end }, text }];
  c.failExpected("the end of the type", { help: `a list type is written \`${text}\``, fixes: [{ title: `write \`${text}\``, edits }] });
}

/** Reports `None` as the type of no value, and reads it as `Unit`. */
function parseUnitWord(c: Cursor): TypeExpr {
  const span = spanOf(c.next());
  c.report("E002", span, "`None` is a value; the type of no value is `Unit`", {
    help: "write `Unit`, or leave out the result type of a function",
    fixes: [{ title: "write `Unit`", edits: [{ span, text: "Unit" }] }],
  });
  return typeOfName({ text: "Unit", span });
}

/** Reports `[Int]` as a type and reads it as `List<Int>`. */
function parseBracketedList(c: Cursor): TypeExpr {
  const opener = c.next();
  c.enterNesting();
  const element = c.at("]") ? undefined : parseType(c);
  c.leaveNesting();
  if (element === undefined || !c.at("]"))
    c.fail(opener, "a list type is written `List<Int>`", { help: "write `List<…>` with the type of the elements" });
  const closer = c.next();
  const edits = [
    { span: spanOf(opener), text: "List<" },
    { span: spanOf(closer), text: ">" },
  ];
  const text = `List<${c.text.slice(opener.end, closer.start)}>`;
  c.report("E002", { start: opener.start, end: closer.end }, "a list type has no brackets", {
    help: `write \`${text}\``,
    fixes: [{ title: `write \`${text}\``, edits }],
  });
  return { kind: "name", name: { text: "List", span: spanOf(opener) }, args: [element], span: c.spanFrom(opener.start) };
}

function typeOfName(name: Name): TypeExpr {
  return { kind: "name", name, args: [], span: name.span };
}

/** Reports `fn(Int) -> Int` as a type and reads it as `Fn`. */
function parseLowercaseFn(c: Cursor): TypeExpr {
  const token = c.token;
  const fixes = [{ title: "write `Fn`", edits: [{ span: spanOf(token), text: "Fn" }] }];
  const message = "the type of a function is written `Fn`";
  if (c.peek(1).kind !== "(") c.fail(token, message, { help: "write `Fn(Int) -> Int`" });
  c.report("E002", token, message, { help: "write `Fn(Int) -> Int`", fixes });
  c.next();
  return parseFunctionType(c, token.start);
}

/** Parses a function type from the `(` after `Fn`. */
function parseFunctionType(c: Cursor, start: number): TypeExpr {
  const opener = c.next();
  c.enterNesting();
  const params = parseCommaList(c, opener, "(", "the type of a parameter", parseType);
  const end = c.lastEnd;
  const unitType: TypeExpr = typeOfName({ text: "Unit", span: { start: end, end } });
  const result = c.take("->") ? parseType(c) : unitType;
  c.leaveNesting();
  const row = parseRow(c);
  return { kind: "fn", params, result, row, span: c.spanFrom(start) };
}

function parseParenthesized(c: Cursor): TypeExpr {
  const opener = c.next();
  if (c.at(")")) {
    const span = { start: opener.start, end: c.next().end };
    const fixes = [{ title: "write `Unit`", edits: [{ span, text: "Unit" }] }];
    c.report("E002", span, "`()` is a value; its type is written `Unit`", { help: "write `Unit`", fixes });
    return typeOfName({ text: "Unit", span });
  }
  c.enterNesting();
  const type = parseType(c);
  const items = c.at(",") ? parseTupleRest(c, opener, type, "a type", parseType) : null;
  c.leaveNesting();
  if (items !== null) return { kind: "tuple", items, span: c.spanFrom(opener.start) };
  c.closeAfterOne(opener, "(", "the type");
  return type;
}

/** Parses the `<T, U>` after the name of an item. Returns an empty array if no `<` follows. */
export function parseTypeParams(c: Cursor): readonly Name[] {
  if (!c.at("<")) return [];
  const opener = c.next();
  const params = parseCommaList(c, opener, "<", "a type parameter", (inner) => parseDeclaredName(inner, "a type parameter"));
  if (params.length === 0) c.fail(opener, "there are no type parameters between `<` and `>`", { help: "write `<T>`, or remove both" });
  return params;
}

/** Parses an effect row, such as `!{net.fetch, fs.read}`. Returns null if no `!` follows. */
export function parseRow(c: Cursor): RowExpr | null {
  if (!c.at("!")) return null;
  const { start } = c.next();
  const opener = c.expect("{", "`{` and the capabilities", { help: "an effect row is written `!{net.fetch, fs.read}`" });
  const names = parseCommaList(c, opener, "{", "a capability", parseCapabilityName);
  return { names, span: c.spanFrom(start) };
}

/** Parses names joined by dots. After a dot, keywords are also allowed as names, as in `actor.send`. */
export function parseCapabilityName(c: Cursor): Name {
  const { start } = c.token;
  let text = c.expect("name", "the name of a capability", { help: "an effect row is written `!{net.fetch, fs.read}`" }).value;
  while (c.take(".")) {
    if (c.kind !== "name" && !isKeyword(c.kind)) c.failExpected("the rest of the capability's name after `.`");
    text += `.${c.next().value}`;
  }
  return { text, span: c.spanFrom(start) };
}
