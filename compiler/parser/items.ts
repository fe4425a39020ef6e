/** Parses items: functions, types, imports and tests. */
import type {
  Clause,
  EnumItem,
  FieldDecl,
  FnItem,
  ImportItem,
  Item,
  Name,
  Param,
  RecordItem,
  RowExpr,
  TestItem,
  VariantDecl,
} from "../ast.ts";
import { nearest } from "../../vm/nearest.ts";
import { MAX_TUPLE_SIZE } from "../../vm/value/type.ts";
import type { DiagnosticExtras } from "../diagnostics.ts";
import { hintForType } from "../other-languages.ts";
import { type Cursor, NO_BOUNDS_HELP, spanOf } from "./cursor.ts";
import { parseHeader } from "./control.ts";
import { parseCommaList, parseDeclarationList } from "./lists.ts";
import { parseDeclaredName, parseFieldName, nameOf } from "./names.ts";
import { parseBinder } from "./patterns.ts";
import { LONE_SURROGATE } from "../lexer/scanner.ts";
import { isRecordWord, RECORD_WORD } from "./sections.ts";
import { parseRow, parseType, parseTypeParams } from "./type-syntax.ts";

export function parseItem(c: Cursor): Item {
  const { start } = c.token;
  const isExported = c.take("export");
  switch (c.kind) {
    case "fn":
      return parseFn(c, start, isExported);
    case "type":
      return parseRecord(c, start, isExported);
    case "enum":
      return parseEnum(c, start, isExported);
    default:
      if (isRecordWord(c.token)) return parseRecord(c, start, isExported);
      if (isExported) rejectExported(c);
      return parseUnexportedItem(c);
  }
}

function rejectExported(c: Cursor): never {
  const expected = "`fn`, `type` or `enum` after `export`";
  rejectItemWord(c, expected);
  c.failExpected(expected, {
    help: c.at("reserved") || c.at("let") ? NO_GLOBALS_HELP : "only functions and types are exported: `export fn f() -> Int { 1 }`",
  });
}

function parseUnexportedItem(c: Cursor): Item {
  switch (c.kind) {
    case "import":
      return parseImport(c);
    case "test":
      return parseTest(c);
    case "module":
      c.fail(c.token, "`module` is allowed only once, at the start of the file", { help: "remove it, or move it to the first line" });
      break;
    default:
      return rejectItem(c);
  }
}

interface ItemWord {
  /** The keyword to write instead; absent if more than the word changes. */
  readonly word?: string;
  readonly help: string;
}

const FUNCTION_WORD: ItemWord = { word: "fn", help: "a function is written `fn name(x: Int) -> Int { … }`" };
const TYPE_WORD: ItemWord = {
  word: "type",
  help: "a record is written `type Point { x: Int, y: Int }`; its methods are functions that take it as a parameter",
};
const EXPORT_WORD: ItemWord = { word: "export", help: "an item that other files may import is written `export fn …`" };
const IMPORT_WORD: ItemWord = {
  help: 'an import names a library, `import "std-json"`, or a file, `import "./util.ax"`; the names it exports need no prefix',
};

/** What to write instead of a word that begins an item in another language. */
const FOREIGN_WORDS: ReadonlyMap<string, ItemWord> = new Map([
  ...["function", "func", "fun", "def"].map((word) => [word, FUNCTION_WORD] as const),
  ...["struct", "class", "interface", "data", "typedef"].map((word) => [word, TYPE_WORD] as const),
  ...["pub", "public"].map((word) => [word, EXPORT_WORD] as const),
  ...["use", "require", "include", "from", "mod", "using"].map((word) => [word, IMPORT_WORD] as const),
  ["package", { help: "remove the line: a file has no package" }],
]);

const ITEM_WORDS = ["fn", "type", RECORD_WORD, "enum", "import", "export", "test", "module"] as const;
const NO_GLOBALS_HELP =
  "there are no variables outside functions; write a function for a constant, `fn max_tries() -> Int { 3 }`, and call it as `max_tries()`";
const RESERVED_HELP: ReadonlyMap<string, string> = new Map([
  ["impl", "there are no methods: write functions beside the type that take it as a parameter, `fn area(s: Shape) -> Float { … }`"],
  [
    "trait",
    "there are no traits: a function takes the operations it needs as parameters, `fn show_all<T>(xs: List<T>, show: Fn(T) -> String)`",
  ],
  ["const", NO_GLOBALS_HELP],
  ["static", NO_GLOBALS_HELP],
  ["async", "write `fn name() { … }`; the effect row, such as `!{net.fetch}`, says what a function may do"],
]);
/** Words that declare a variable in other languages. */
const GLOBAL_WORDS: ReadonlySet<string> = new Set(["var", "val", "final", "define"]);
const EXPECTED_ITEM = "`fn`, `type`, `enum`, `import` or `test`";

/** Fails at a word that begins an item in another language. */
function rejectItemWord(c: Cursor, expected: string): void {
  const token = c.token;
  const known = token.kind === "name" ? FOREIGN_WORDS.get(token.value) : undefined;
  if (known === undefined) return;
  const { word, help } = known;
  const fixes = word === undefined ? [] : [{ title: `write \`${word}\``, edits: [{ span: spanOf(token), text: word }] }];
  c.failExpected(expected, { help, fixes });
}

function rejectItem(c: Cursor): never {
  const token = c.token;
  switch (token.kind) {
    case "name": {
      const isGlobal = GLOBAL_WORDS.has(token.value) ? c.peek(1).kind === "name" : c.peek(1).kind === "=";
      if (isGlobal) c.failExpected(EXPECTED_ITEM, { help: NO_GLOBALS_HELP });
      rejectItemWord(c, EXPECTED_ITEM);
      const word = nearest(token.value, ITEM_WORDS);
      if (word === undefined) c.failExpected(EXPECTED_ITEM, { help: "statements belong inside a function: `fn main() -> Int { … }`" });
      const fixes = [{ title: `write \`${word}\``, edits: [{ span: spanOf(token), text: word }] }];
      c.failExpected(EXPECTED_ITEM, { help: `did you mean \`${word}\`?`, fixes });
      break;
    }
    case "}":
      c.fail(token, "this `}` has no matching `{`", { help: "remove it, or look for an extra `}` above" });
      break;
    case "reserved":
      c.fail(token, `\`${token.value}\` is a reserved word without a meaning yet`, {
        help: RESERVED_HELP.get(token.value) ?? "a program consists of `fn`, `type`, `enum`, `import` and `test` items",
      });
      break;
    case "let":
      c.failExpected(EXPECTED_ITEM, { help: NO_GLOBALS_HELP });
      break;
    case ";":
      c.failExpected(EXPECTED_ITEM, { help: "items need no `;`" });
      break;
    default:
      c.failExpected(EXPECTED_ITEM, { help: "statements belong inside a function: `fn main() -> Int { … }`" });
  }
}

/** Parses a function from its `fn` on. `start` is where the item begins. */
export function parseFn(c: Cursor, start: number, isExported: boolean): FnItem {
  c.next();
  const name = parseDeclaredName(c, "a function");
  const typeParams = parseTypeParams(c);
  if (!c.at("(")) {
    const squareBracketHelp = c.at("[") ? { help: `write type parameters between \`<\` and \`>\`: \`fn ${name.text}<T>(x: T)\`` } : {};
    c.failExpected(`\`(\` and the parameters of \`${name.text}\``, squareBracketHelp);
  }
  const opener = c.next();
  const params = parseCommaList(c, opener, "(", "a parameter", parseParam);
  const result = takeArrow(c) ? parseType(c) : null;
  const receives = takeReceives(c) ? parseType(c) : null;
  const row = parseRow(c);
  if (row !== null && c.at("->")) rejectRowBeforeResult(c, row);
  const { intent, requires, ensures } = parseClauses(c);
  if (c.at("=") || c.at("=>") || c.at(":"))
    c.failExpected("`{` and the body of the function", { help: "a body needs braces: `fn f() -> Int { 1 }`" });
  if (!c.at("{")) {
    const { start: insertAt } = c.token;
    const fixes = [{ title: "insert `->`", edits: [{ span: { start: insertAt, end: insertAt }, text: "-> " }] }];
    const rowHelp = { help: "write the capabilities in an effect row: `fn f() -> Int !{net.fetch}`" };
    c.failExpected(
      `\`{\` and the body of \`${name.text}\``,
      !c.at("name")
        ? {}
        : c.token.value === "where"
          ? { help: NO_BOUNDS_HELP }
          : EFFECT_WORDS.has(c.token.value)
            ? rowHelp
            : result === null
              ? { help: "write `->` before the result type", fixes }
              : {},
    );
  }
  const body = c.grammar.block(c);
  return {
    kind: "fn",
    isExported,
    name,
    typeParams,
    params,
    result,
    receives,
    row,
    intent,
    requires,
    ensures,
    body,
    span: c.spanFrom(start),
  };
}

/** Fails at the `->` of `fn f() !{fs.read} -> String`. */
function rejectRowBeforeResult(c: Cursor, row: RowExpr): never {
  const arrow = c.next();
  const type = parseType(c);
  const rowText = c.text.slice(row.span.start, row.span.end);
  const edits = [
    { span: { start: row.span.start, end: arrow.start }, text: "" },
    { span: { start: type.span.end, end: type.span.end }, text: ` ${rowText}` },
  ];
  const typeText = c.text.slice(type.span.start, type.span.end);
  return c.failItem(row.span, "the effect row follows the result type", {
    help: `write \`-> ${typeText} ${rowText}\``,
    fixes: type.kind === "fn" ? [] : [{ title: "move the row behind the type", edits }],
  });
}

/** Words that other languages write before the effects or exceptions of a function. */
const EFFECT_WORDS: ReadonlySet<string> = new Set(["uses", "throws", "raises", "with", "effects"]);

/** Returns help for `x Int` and `Int x`, which should be `x: Int`. The word that looks like a type is taken as the type. */
function typeOrderHint(c: Cursor, name: Name): DiagnosticExtras {
  if (c.at("[")) return { help: `write the name, \`:\` and the type: \`${name.text}: List<Int>\`` };
  if (c.at("?")) return { help: `a value that may be absent has the type Option: \`${name.text}: Option<Int>\`` };
  if (!c.at("name")) return { help: `every parameter has a type: \`${name.text}: Int\`` };
  const { value, end } = c.token;
  const typeFirst = /^[A-Z]/.test(name.text) || hintForType(name.text) !== undefined;
  const parameterText = typeFirst
    ? `${value}: ${hintForType(name.text)?.replacement ?? name.text}`
    : `${name.text}: ${hintForType(value)?.replacement ?? value}`;
  const fixes = [{ title: `write \`${parameterText}\``, edits: [{ span: { start: name.span.start, end }, text: parameterText }] }];
  return { help: `write the name, \`:\` and the type: \`${parameterText}\``, fixes: c.peek(1).kind === "<" ? [] : fixes };
}

/** Takes `receives`, which is a keyword only after a signature. */
function takeReceives(c: Cursor): boolean {
  if (!c.at("name") || c.token.value !== "receives") return false;
  c.next();
  return true;
}

/** Takes `->`. Reports `:` and `=>` before a type, and reads them as `->`. */
function takeArrow(c: Cursor): boolean {
  if ((!c.at(":") && !c.at("=>")) || c.peek(1).kind !== "name") return c.take("->");
  const span = spanOf(c.token);
  const touches = c.lastEnd === span.start;
  c.report("E002", span, "a function has `->` before its result type", {
    help: "write `->`",
    fixes: [{ title: "write `->`", edits: [{ span, text: touches ? " ->" : "->" }] }],
  });
  c.next();
  return true;
}

function parseParam(c: Cursor): Param {
  if (c.token.value === "self") {
    c.fail(c.token, "there are no methods", {
      help: "a function takes the value as an ordinary parameter: `fn area(s: Shape) -> Float { … }`",
    });
  }
  if (c.at("*") || c.at("..") || c.at("&&"))
    c.failExpected("the name of a parameter", {
      help: "a function has a fixed number of parameters; to take any number of values, take a list: `xs: List<Int>`",
    });
  if (c.at("mut")) c.fail(c.token, "a parameter cannot be `mut`", { help: "copy it into a variable: `let mut y = x`" });
  const { name, pattern } = parseBinder(c, "a parameter");
  if (!c.take(":")) {
    const what = pattern === null ? `\`${name.text}\`` : "the pattern";
    c.failExpected(`\`:\` and the type of ${what}`, pattern === null ? typeOrderHint(c, name) : {});
  }
  const type = parseType(c);
  if (c.at("=")) c.fail(c.token, "parameters have no default values", { help: "write a second function that passes the value" });
  return { name, pattern, type };
}

interface Clauses {
  readonly intent: string | null;
  readonly requires: readonly Clause[];
  readonly ensures: readonly Clause[];
}

/** Parses `intent`, `requires` and `ensures` in any order. */
function parseClauses(c: Cursor): Clauses {
  const requires: Clause[] = [];
  const ensures: Clause[] = [];
  let intent: string | null = null;
  for (;;) {
    const token = c.token;
    if (token.kind === "intent") {
      if (intent !== null) c.report("E002", token, "a function has one `intent`", { help: "join the two into one string" });
      c.next();
      intent = c.expect("string", "a string after `intent`", { help: 'write why the function exists: `intent "greets the user"`' }).value;
    } else if (token.kind === "requires" || token.kind === "ensures") {
      c.next();
      (token.kind === "requires" ? requires : ensures).push(parseClause(c, token.kind));
    } else if (token.kind === "!") {
      reportMisplacedRow(c, parseRow(c));
    } else return { intent, requires, ensures };
  }
}

function parseClause(c: Cursor, word: "requires" | "ensures"): Clause {
  const { start } = c.token;
  const condition = parseHeader(c, word);
  const span = c.spanFrom(start);
  const text = c.text.slice(span.start, span.end).replaceAll("\r\n", "\n").replace(LONE_SURROGATE, "\ufffd");
  return { condition, text, span };
}

function reportMisplacedRow(c: Cursor, row: RowExpr | null): void {
  if (row !== null)
    c.report("E002", row.span, "the effect row is written once, before `intent`, `requires` and `ensures`", {
      help: "write it after the result type: `fn f() -> Int !{net.fetch} requires …`",
    });
}

function parseRecord(c: Cursor, start: number, isExported: boolean): RecordItem {
  const word = c.next();
  const name = parseDeclaredName(c, "a type");
  const typeParams = parseTypeParams(c);
  if (c.at("=")) skipTypeEquals(c, name);
  if (c.token.value === "struct" && c.peek(1).kind === "{") {
    const edits = [{ span: { start: c.token.start, end: c.peek(1).start }, text: "" }];
    c.report("E002", c.token, "a type has no `struct`", {
      help: `write \`type ${name.text} { x: Int }\``,
      fixes: [{ title: "remove `struct`", edits }],
    });
    c.next();
  }
  const parenHelp = c.at("(") ? { help: `fields need braces: \`${word.value} ${name.text} { x: Int }\`` } : {};
  const opener = c.expect("{", `\`{\` and the fields of \`${name.text}\``, parenHelp);
  const fields = parseDeclarationList(c, opener, "a field", parseField);
  return { kind: "record", isExported, name, typeParams, fields, span: c.spanFrom(start) };
}

/** Reports the `=` of `type P = { x: Int }` and skips it. Fails at any other `=`. */
function skipTypeEquals(c: Cursor, name: Name): void {
  const equals = spanOf(c.token);
  const first = c.peek(1);
  const isRecord = first.kind === "{";
  const alternatives = alternativesAfter(c);
  const help = isRecord
    ? `write \`type ${name.text} { x: Int }\`, without \`=\``
    : alternatives.length > 0
      ? `a type of several alternatives is an enum: \`enum ${name.text} { ${alternatives.join(", ")} }\``
      : "a type has one name: write the other type where this name is used, or declare a record with it as a field";
  const message = isRecord
    ? "a record type has no `=`"
    : alternatives.length > 0
      ? "a type has no alternatives"
      : "there are no type aliases";
  const fixes = isRecord ? [{ title: "remove `=`", edits: [{ span: { start: equals.start, end: first.start }, text: "" }] }] : [];
  if (!isRecord) c.fail(equals, message, { help });
  c.report("E002", equals, message, { help, fixes });
  c.next();
}

/** Names of variants for the built-in types in a union such as `Int | String`. */
const VARIANT_NAMES: ReadonlyMap<string, string> = new Map([
  ["Int", "Number(Int)"],
  ["Float", "Decimal(Float)"],
  ["String", "Text(String)"],
  ["Bool", "Flag(Bool)"],
]);

/** Returns a variant for each of the alternatives separated by `|` after the `=` at the cursor; empty if there is no `|`. */
function alternativesAfter(c: Cursor): readonly string[] {
  const variants: string[] = [];
  let hasBar = false;
  for (let distance = 1; distance < 64; distance++) {
    const token = c.peek(distance);
    const isPayload = c.peek(distance - 1).kind === "(";
    if (token.kind === "eof" || c.peek(distance).kind === "{") break;
    if (token.kind === "|") hasBar = true;
    else if (token.isAfterLineBreak && distance > 1 && c.peek(distance - 1).kind !== "|") break;
    else if (token.kind === "name" && isPayload)
      variants.push(`${variants.pop() ?? ""}(${hintForType(token.value)?.replacement ?? token.value})`);
    else if (token.kind === "name") {
      const type = hintForType(token.value)?.replacement ?? token.value;
      variants.push(VARIANT_NAMES.get(type) ?? type);
    } else if (token.kind === "string") variants.push(variantOfText(token.value, variants.length));
    else if (token.kind !== "(" && token.kind !== ")") break;
  }
  return hasBar ? variants : [];
}

/** Returns `Red` for "red", and an invented name for a text that cannot be a name. */
function variantOfText(text: string, index: number): string {
  return /^[A-Za-z]\w{0,30}$/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : `Case${index + 1}`;
}

function parseField(c: Cursor): FieldDecl {
  const isMethod = c.peek(1).kind === "(" || (c.peek(1).kind === "name" && c.peek(2).kind === "(" && !c.peek(1).isAfterLineBreak);
  if (isMethod)
    c.fail(c.token, "a type has fields, but no methods", { help: "write the function beside the type, and take the value as a parameter" });
  const name = parseFieldName(c, "and its type");
  c.expect(
    ":",
    `\`:\` and the type of \`${name.text}\``,
    c.at("name") || c.at("?") ? typeOrderHint(c, name) : { help: `every field has a type: \`${name.text}: Int\`` },
  );
  return { name, type: parseType(c) };
}

function parseEnum(c: Cursor, start: number, isExported: boolean): EnumItem {
  c.next();
  const name = parseDeclaredName(c, "an enum");
  const typeParams = parseTypeParams(c);
  const opener = c.expect("{", `\`{\` and the variants of \`${name.text}\``);
  const variants = parseDeclarationList(c, opener, "a variant", parseVariant);
  return { kind: "enum", isExported, name, typeParams, variants, span: c.spanFrom(start) };
}

function parseVariant(c: Cursor): VariantDecl {
  const { start } = c.token;
  const name = parseDeclaredName(c, "a variant");
  if (c.at("{")) {
    const opener = c.next();
    const fields = parseDeclarationList(c, opener, "a field", parseField);
    return { name, payload: { kind: "struct", fields }, span: c.spanFrom(start) };
  }
  if (c.at("="))
    c.failExpected("`,` or `}` after a variant", { help: "a variant has no number; write a function with a `match` that returns one" });
  if (!c.at("(")) return { name, payload: null, span: c.spanFrom(start) };
  const opener = c.next();
  if (c.at(")")) c.fail({ start: opener.start, end: c.token.end }, `\`${name.text}()\` has no payload`, { help: `write \`${name.text}\`` });
  const types = parseCommaList(c, opener, "(", "a type", parseType);
  const span = c.spanFrom(start);
  if (types.length > MAX_TUPLE_SIZE) {
    c.report("E002", span, `a variant has at most ${MAX_TUPLE_SIZE} values without names, found ${types.length}`, {
      help: `name the values: \`${name.text} { first: Int, second: Int }\``,
    });
  }
  return { name, payload: { kind: "positional", types }, span };
}

function parseImport(c: Cursor): ImportItem {
  const { start } = c.next();
  const help = 'name a library, `import "std-json"`, or a file beside this one, `import "./util.ax"`';
  skipImportedNames(c);
  const specifier = parseStringName(c, "a string after `import`", help);
  return { kind: "import", specifier, span: c.spanFrom(start) };
}

/** Reports and skips the names in `import { a } from "./util.ax"`. */
function skipImportedNames(c: Cursor): void {
  let count = 0;
  while (count < 64 && c.peek(count).kind !== "string" && c.peek(count).kind !== "eof") count += 1;
  const specifier = c.peek(count);
  if (count === 0 || specifier.kind !== "string" || c.peek(count - 1).value !== "from") return;
  const span = { start: c.token.start, end: specifier.start };
  c.report("E002", { start: span.start, end: c.peek(count - 1).end }, "an import names no items", {
    help: "everything that the file exports is imported: write only its name",
    fixes: [{ title: `write \`import "${specifier.value}"\``, edits: [{ span, text: "" }] }],
  });
  for (let i = 0; i < count; i++) c.next();
}

function parseTest(c: Cursor): TestItem {
  const { start } = c.next();
  const name = parseStringName(c, "a string after `test`", 'a test is written `test "adds" { … }`');
  if (!c.at("{")) c.failExpected("`{` and the body of the test");
  const body = c.grammar.block(c);
  return { kind: "test", name, body, span: c.spanFrom(start) };
}

function parseStringName(c: Cursor, expected: string, help: string): Name {
  return nameOf(c.expect("string", expected, { help }));
}
