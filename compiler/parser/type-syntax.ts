/** Types, type parameters and effect rows. */
import type { Name, RowExpr, TypeExpr } from "../ast.ts";
import { isKeyword } from "../tokens.ts";
import { GENERIC_TYPE_ARITY } from "../../vm/value/type.ts";
import { type Cursor, spanOf } from "./cursor.ts";
import { commaList } from "./lists.ts";
import { declaredName, nameOf, reservedName } from "./names.ts";

/** Parses a type: `Int`, `List<T>`, `Fn(A) -> R !{caps}`, or a type in parentheses. */
export function parseType(c: Cursor): TypeExpr {
  if (c.at("(")) return parenthesized(c);
  return c.at("fn") ? lowerFn(c) : named(c);
}

function named(c: Cursor): TypeExpr {
  if (c.at("reserved")) return nameType(reservedName(c));
  const token = c.token;
  if (token.kind !== "name") {
    if (token.kind === "[") c.unexpected("a type", { help: "a list type is written `List<Int>`" });
    if (token.kind === "{")
      c.unexpected("a type", { help: "a record type is declared with `type Name { x: Int }`; a map type is written `Map<String, Int>`" });
    c.unexpected("a type");
  }
  const name = nameOf(c.next());
  if (name.text === "Fn" && c.at("(")) return functionType(c, token.start);
  if (c.at("[")) {
    const help = GENERIC_TYPE_ARITY.has(name.text)
      ? "write type arguments between `<` and `>`: `List<Int>`"
      : `a list type is written \`List<${name.text}>\``;
    c.unexpected("the end of the type", { help });
  }
  if (!c.at("<") || c.atNewline()) return nameType(name);
  const open = c.next();
  c.deeper();
  const args = commaList(c, open, "<", "a type argument", parseType);
  c.shallower();
  if (args.length === 0)
    c.fail(open, `\`${name.text}<>\` has no type arguments`, { help: "write the types between `<` and `>`, or remove both" });
  return { kind: "name", name, args, span: c.spanFrom(token.start) };
}

function nameType(name: Name): TypeExpr {
  return { kind: "name", name, args: [], span: name.span };
}

/** Reports `fn(Int) -> Int` as a type and reads it as `Fn`. */
function lowerFn(c: Cursor): TypeExpr {
  const token = c.token;
  const fixes = [{ title: "write `Fn`", edits: [{ span: spanOf(token), text: "Fn" }] }];
  const message = "the type of a function is written `Fn`";
  if (c.peek(1).kind !== "(") c.fail(token, message, { help: "write `Fn(Int) -> Int`" });
  c.report("E002", token, message, { help: "write `Fn(Int) -> Int`", fixes });
  c.next();
  return functionType(c, token.start);
}

/** Parses a function type from the `(` after `Fn`. */
function functionType(c: Cursor, start: number): TypeExpr {
  const open = c.next();
  c.deeper();
  const params = commaList(c, open, "(", "the type of a parameter", parseType);
  const end = c.lastEnd;
  const unit: TypeExpr = nameType({ text: "Unit", span: { start: end, end } });
  const result = c.take("->") ? parseType(c) : unit;
  c.shallower();
  const row = parseRow(c);
  return { kind: "fn", params, result, row, span: c.spanFrom(start) };
}

function parenthesized(c: Cursor): TypeExpr {
  const open = c.next();
  if (c.at(")")) c.fail({ start: open.start, end: c.token.end }, "`()` is a value; its type is written `Unit`", { help: "write `Unit`" });
  c.deeper();
  const type = parseType(c);
  c.shallower();
  if (c.at(",")) c.fail(c.token, "there are no tuple types", { help: "declare a record: `type Pair { first: Int, second: Int }`" });
  c.closeSingle(open, "(", "the type");
  return type;
}

/** Parses `<T, U>` after the name of an item, if present. */
export function parseTypeParams(c: Cursor): readonly Name[] {
  if (!c.at("<")) return [];
  const open = c.next();
  const params = commaList(c, open, "<", "a type parameter", (inner) => declaredName(inner, "a type parameter"));
  if (params.length === 0) c.fail(open, "there are no type parameters between `<` and `>`", { help: "write `<T>`, or remove both" });
  return params;
}

/** Parses an effect row, `!{net.fetch, fs.read}`; null if there is none. */
export function parseRow(c: Cursor): RowExpr | null {
  if (!c.at("!")) return null;
  const { start } = c.next();
  const open = c.expect("{", "`{` and the capabilities", { help: "an effect row is written `!{net.fetch, fs.read}`" });
  const names = commaList(c, open, "{", "a capability", capabilityName);
  return { names, span: c.spanFrom(start) };
}

/** Parses names joined by dots. After a dot a keyword is also a name: `actor.send`. */
export function capabilityName(c: Cursor): Name {
  const { start } = c.token;
  let text = c.expect("name", "the name of a capability", { help: "an effect row is written `!{net.fetch, fs.read}`" }).value;
  while (c.take(".")) {
    if (c.kind !== "name" && !isKeyword(c.kind)) c.unexpected("the rest of the capability's name after `.`");
    text += `.${c.next().value}`;
  }
  return { text, span: c.spanFrom(start) };
}
