/** Parses patterns. */
import type { Binder, FieldPattern, Name, Pattern, RestPattern, WrapKind } from "../ast.ts";
import { isKeyword } from "../tokens.ts";
import { type Cursor, spanOf } from "./cursor.ts";
import { parseCommaList, parseTupleRest } from "./lists.ts";
import { isMinMagnitude, takeFloat, takeInt } from "./literals.ts";
import { parseBindingName, parseFieldName, nameOf, parseReservedName, parseVariantName } from "./names.ts";

/** Parses what a `let`, a `for` or a parameter binds: a name, `_`, or a pattern. `what` is its name in messages. */
export function parseBinder(c: Cursor, what: string): Binder {
  if (!atPattern(c)) return { name: parseBindingName(c, what), pattern: null };
  // A pattern has a limit of its own on the levels of nesting.
  const depth = c.restartDepth();
  const pattern = parsePattern(c);
  c.resumeDepth(depth);
  return { name: { text: "", span: pattern.span }, pattern };
}

/** Whether the next token begins a pattern that is more than a name. */
function atPattern(c: Cursor): boolean {
  switch (c.kind) {
    case "name": {
      const after = c.peek(1);
      // The name of a type begins with a capital letter. So in `for x { … }`, the `x` is only a name, and `in` is missing after it.
      return !after.isAfterLineBreak && (after.kind === "(" || after.kind === "::" || (after.kind === "{" && /^[A-Z]/.test(c.token.value)));
    }
    case "(":
    case "[":
    case "None":
    case "Some":
    case "Ok":
    case "Err":
    case "int":
    case "float":
    case "string":
    case "true":
    case "false":
    case "-":
      return true;
    default:
      return false;
  }
}

/** Reports and skips the `ref` or `mut` before a name in a pattern. */
function skipBindingWord(c: Cursor): void {
  const { kind, value, start } = c.token;
  const word = kind === "mut" ? kind : value;
  c.report("E002", c.token, `a pattern has no \`${word}\``, {
    help:
      word === "mut" ? "remove it; to change the value, copy it into a variable: `let mut y = x`" : "remove it: there are no references",
    fixes: [{ title: `remove \`${word}\``, edits: [{ span: { start, end: c.peek(1).start }, text: "" }] }],
  });
  c.next();
}

/** Parses a pattern with its alternatives, as in `p | q`. A `|` before the first alternative is allowed too. */
export function parsePattern(c: Cursor): Pattern {
  const { start } = c.token;
  takeBar(c);
  const firstAlternative = parseAlternative(c);
  if (!c.at("|") && !c.at("||")) return firstAlternative;
  const alternatives = [firstAlternative];
  while (takeBar(c)) alternatives.push(parseAlternative(c));
  return { kind: "or", alternatives, span: c.spanFrom(start) };
}

/** Takes `|`. Reports `||` and reads it as `|`. Returns whether there was either. */
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

function parseAlternative(c: Cursor): Pattern {
  const pattern = parseSimplePattern(c);
  if (c.at("..")) {
    c.fail(c.token, "there are no range patterns", { help: "compare in a guard: `n if n >= 1 && n <= 5 => …`" });
  }
  return pattern;
}

function parseSimplePattern(c: Cursor): Pattern {
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
      return parseNegative(c);
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
      return parseWrapped(c, token.kind);
    case "(":
      return parseParenthesized(c);
    case "mut":
      skipBindingWord(c);
      return parseNamed(c, nameOf(c.expect("name", "the name of a variable")));
    case "name":
      if (token.value === "ref" && c.peek(1).kind === "name") skipBindingWord(c);
      return parseNamed(c, nameOf(c.next()));
    case "reserved":
      return parseNamed(c, parseReservedName(c));
    case "[":
      return parseListPattern(c);
    default:
      c.failExpected(
        "a pattern",
        isKeyword(token.kind) ? { help: `\`${token.kind}\` is a keyword and cannot be bound; choose another name` } : {},
      );
  }
}

/** Parses `[a, b]` or `[a, ..rest, b]`. */
function parseListPattern(c: Cursor): Pattern {
  const opener = c.next();
  c.enterNesting();
  const parts = parseCommaList(c, opener, "[", "a pattern", parseListElement);
  c.leaveNesting();
  const restAt = parts.findIndex((part) => part.kind === "rest");
  const patternsOf = (elements: readonly (Pattern | ListRest)[]): readonly Pattern[] =>
    elements.flatMap((part) => {
      if (part.kind !== "rest") return [part];
      c.report("E002", part.span, "a list pattern has one `..`", { help: "write `[first, ..]`, `[.., last]` or `[first, .., last]`" });
      return [];
    });
  const prefix = patternsOf(restAt < 0 ? parts : parts.slice(0, restAt));
  const rest = parts[restAt];
  return {
    kind: "list",
    prefix,
    rest: rest?.kind === "rest" ? { name: rest.name, span: rest.span } : null,
    suffix: restAt < 0 ? [] : patternsOf(parts.slice(restAt + 1)),
    span: c.spanFrom(opener.start),
  };
}

type ListRest = RestPattern & { readonly kind: "rest" };

function parseListElement(c: Cursor): Pattern | ListRest {
  const { start } = c.token;
  if (!c.take("..")) return parsePattern(c);
  if (c.at(".")) c.fail({ start, end: c.token.end }, "the rest of a list is written with two points", { help: "write `..rest`" });
  const name = c.at(",") || c.at("]") ? null : parseBindingName(c, "the rest of the list");
  return { kind: "rest", name, span: c.spanFrom(start) };
}

function parseNegative(c: Cursor): Pattern {
  const { start } = c.next();
  if (isMinMagnitude(c.token)) {
    c.next();
    return { kind: "int", value: -9_223_372_036_854_775_808n, span: c.spanFrom(start) };
  }
  if (c.at("int")) {
    const magnitude = takeInt(c);
    // The number -0 is no Int.
    const value = typeof magnitude === "bigint" ? -magnitude : 0 - magnitude;
    return { kind: "int", value, span: c.spanFrom(start) };
  }
  if (!c.at("float")) c.failExpected("a number after `-`");
  const value = -takeFloat(c);
  return { kind: "float", value, span: c.spanFrom(start) };
}

function parseWrapped(c: Cursor, wrap: WrapKind): Pattern {
  const { start } = c.next();
  const opener = c.expect("(", `\`(\` and a pattern after \`${wrap}\``, {
    help: `write \`${wrap}(x)\` to bind its value, \`${wrap}(_)\` to ignore it`,
  });
  c.enterNesting();
  const inner = parsePattern(c);
  c.leaveNesting();
  c.closeAfterOne(opener, "(", "the pattern");
  return { kind: "someOkErr", wrap, inner, span: c.spanFrom(start) };
}

function parseParenthesized(c: Cursor): Pattern {
  const opener = c.next();
  if (c.take(")")) return { kind: "unit", span: c.spanFrom(opener.start) };
  c.enterNesting();
  const inner = parsePattern(c);
  const items = c.at(",") ? parseTupleRest(c, opener, inner, "a pattern", parsePattern) : null;
  c.leaveNesting();
  if (items !== null) return { kind: "tuple", items, span: c.spanFrom(opener.start) };
  c.closeAfterOne(opener, "(", "the pattern");
  return inner;
}

function parseNamed(c: Cursor, firstName: Name): Pattern {
  const { start } = firstName.span;
  const isQualified = takePathSeparator(c);
  const name = isQualified ? parseVariantName(c) : firstName;
  const owner = isQualified ? firstName : null;
  if (c.at("(")) {
    const opener = c.next();
    c.enterNesting();
    const args = parseCommaList(c, opener, "(", "a pattern", parsePattern);
    c.leaveNesting();
    return { kind: "variant", enum: owner, variant: name, args, span: c.spanFrom(start) };
  }
  if (c.at("{")) {
    c.enterNesting();
    const { fields, rest } = parseStructFields(c);
    c.leaveNesting();
    return { kind: "struct", enum: owner, name, fields, hasRest: rest, span: c.spanFrom(start) };
  }
  if (owner === null) return { kind: "name", name, span: name.span };
  return { kind: "variant", enum: owner, variant: name, args: null, span: c.spanFrom(start) };
}

/** Takes `::`. Reports `.` and reads it as `::`. Returns whether there was either. */
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

function parseStructFields(c: Cursor): { fields: readonly FieldPattern[]; rest: boolean } {
  const opener = c.next();
  const context = c.enterBraces();
  const fields: FieldPattern[] = [];
  let rest = false;
  while (!c.at("}") && !c.at("eof")) {
    rest = c.take("..");
    if (rest) {
      c.take(",");
      break;
    }
    fields.push(parseFieldPattern(c));
    if (!c.take(",")) break;
  }
  if (rest && !c.at("}")) c.failExpected("`}` after `..`", { help: "`..` comes last: `P { x, .. }`" });
  c.close(opener, "{", "a field");
  c.leave(context);
  return { fields, rest };
}

function parseFieldPattern(c: Cursor): FieldPattern {
  const word = c.token;
  const name = parseFieldName(c, "in the pattern");
  if (c.take(":")) return { name, pattern: parsePattern(c) };
  if (word.kind !== "name") {
    c.report("E002", word, `\`${name.text}\` cannot be bound: it is a ${word.kind === "reserved" ? "reserved word" : "keyword"}`, {
      help: `bind it to another name: \`${name.text}: value\``,
    });
  }
  return { name, pattern: null };
}
