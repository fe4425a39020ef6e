/** Patterns of match arms. */
import type { FieldPattern, Name, Pattern, WrapKind } from "../ast.ts";
import { isKeyword } from "../tokens.ts";
import { type Cursor, spanOf } from "./cursor.ts";
import { commaList } from "./lists.ts";
import { isMinMagnitude, takeFloat, takeInt } from "./literals.ts";
import { fieldName, nameOf, reservedName, variantName } from "./names.ts";

/** Parses a pattern and its alternatives: `p | q`. The first may also have a `|` before it. */
export function parsePattern(c: Cursor): Pattern {
  const { start } = c.token;
  takeBar(c);
  const first = single(c);
  if (!c.at("|") && !c.at("||")) return first;
  const alternatives = [first];
  while (takeBar(c)) alternatives.push(single(c));
  return { kind: "or", alternatives, span: c.spanFrom(start) };
}

/** Takes `|`. Reports `||` and reads it as `|`. */
function takeBar(c: Cursor): boolean {
  if (c.at("||")) {
    const span = spanOf(c.token);
    c.report("E002", span, "`||` cannot join patterns", {
      help: "write `|`",
      fixes: [{ title: "write `|`", edits: [{ span, text: "|" }] }],
    });
    c.next();
    return true;
  }
  return c.take("|");
}

function single(c: Cursor): Pattern {
  const pattern = simple(c);
  if (c.at("..")) {
    c.fail(c.token, "there are no range patterns", { help: "compare in a guard: `n if n >= 1 && n <= 5 => …`" });
  }
  return pattern;
}

function simple(c: Cursor): Pattern {
  const token = c.token;
  const span = spanOf(token);
  switch (token.kind) {
    case "_":
      c.next();
      return { kind: "wildcard", span };
    case "int":
      return { kind: "int", value: takeInt(c), span };
    case "float":
      return { kind: "float", value: takeFloat(c), span };
    case "-":
      return negative(c);
    case "string":
      return { kind: "string", value: c.next().value, span };
    case "true":
    case "false":
      c.next();
      return { kind: "bool", value: token.kind === "true", span };
    case "None":
      c.next();
      return { kind: "none", span };
    case "Some":
    case "Ok":
    case "Err":
      return wrapped(c, token.kind);
    case "(":
      return parenthesized(c);
    case "name":
      return named(c, nameOf(c.next()));
    case "reserved":
      return named(c, reservedName(c));
    case "[":
      c.fail(token, "there are no list patterns", { help: "match on `list.len(xs)` or `list.head(xs)`" });
      break;
    default:
      c.unexpected(
        "a pattern",
        isKeyword(token.kind) ? { help: `\`${token.kind}\` is a keyword and cannot be bound; choose another name` } : {},
      );
  }
}

function negative(c: Cursor): Pattern {
  const { start } = c.next();
  if (isMinMagnitude(c.token)) {
    c.next();
    return { kind: "int", value: -9_223_372_036_854_775_808n, span: c.spanFrom(start) };
  }
  if (c.at("int")) {
    const value = -takeInt(c);
    return { kind: "int", value, span: c.spanFrom(start) };
  }
  if (!c.at("float")) c.unexpected("a number after `-`");
  const value = -takeFloat(c);
  return { kind: "float", value, span: c.spanFrom(start) };
}

function wrapped(c: Cursor, wrap: WrapKind): Pattern {
  const { start } = c.next();
  const open = c.expect("(", `\`(\` and a pattern after \`${wrap}\``, {
    help: `write \`${wrap}(x)\` to bind its value, \`${wrap}(_)\` to ignore it`,
  });
  c.deeper();
  const inner = parsePattern(c);
  c.shallower();
  c.closeSingle(open, "(", "the pattern");
  return { kind: "wrap", wrap, inner, span: c.spanFrom(start) };
}

function parenthesized(c: Cursor): Pattern {
  const open = c.next();
  if (c.take(")")) return { kind: "unit", span: c.spanFrom(open.start) };
  c.deeper();
  const inner = parsePattern(c);
  c.shallower();
  if (c.at(",")) c.fail(c.token, "there are no tuples", { help: "match on a record, or nest two matches" });
  c.closeSingle(open, "(", "the pattern");
  return inner;
}

function named(c: Cursor, first: Name): Pattern {
  const { start } = first.span;
  const qualified = takePathSeparator(c);
  const name = qualified ? variantName(c) : first;
  const owner = qualified ? first : null;
  if (c.at("(")) {
    const open = c.next();
    c.deeper();
    const args = commaList(c, open, "(", "a pattern", parsePattern);
    c.shallower();
    return { kind: "variant", enum: owner, variant: name, args, span: c.spanFrom(start) };
  }
  if (c.at("{")) {
    c.deeper();
    const { fields, rest } = structFields(c);
    c.shallower();
    return { kind: "struct", enum: owner, name, fields, rest, span: c.spanFrom(start) };
  }
  if (owner === null) return { kind: "name", name, span: name.span };
  return { kind: "variant", enum: owner, variant: name, args: null, span: c.spanFrom(start) };
}

/** Takes `::`. Reports `.` and reads it as `::`. */
function takePathSeparator(c: Cursor): boolean {
  if (!c.at(".")) return c.take("::");
  const span = spanOf(c.token);
  c.report("E002", span, "a variant is written after `::`", {
    help: "write `::`",
    fixes: [{ title: "write `::`", edits: [{ span, text: "::" }] }],
  });
  c.next();
  return true;
}

function structFields(c: Cursor): { fields: readonly FieldPattern[]; rest: boolean } {
  const open = c.next();
  const context = c.enterBraces();
  const fields: FieldPattern[] = [];
  let rest = false;
  while (!c.at("}") && !c.at("eof")) {
    rest = c.take("..");
    if (rest) {
      c.take(",");
      break;
    }
    fields.push(fieldPattern(c));
    if (!c.take(",")) break;
  }
  if (rest && !c.at("}")) c.unexpected("`}` after `..`", { help: "`..` comes last: `P { x, .. }`" });
  c.close(open, "{", "a field");
  c.leave(context);
  return { fields, rest };
}

function fieldPattern(c: Cursor): FieldPattern {
  const word = c.token;
  const name = fieldName(c, "in the pattern");
  if (c.take(":")) return { name, pattern: parsePattern(c) };
  if (word.kind !== "name") {
    c.report("E002", word, `\`${name.text}\` cannot be bound: it is a ${word.kind === "reserved" ? "reserved word" : "keyword"}`, {
      help: `bind it to another name: \`${name.text}: value\``,
    });
  }
  return { name, pattern: null };
}
