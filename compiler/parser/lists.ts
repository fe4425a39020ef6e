/** Parses lists in brackets. */
import type { Token } from "../tokens.ts";
import { MAX_TUPLE_SIZE } from "../../vm/value/type.ts";
import { type Bracket, CLOSING, type Cursor } from "./cursor.ts";

/** Parses elements separated by commas, an optional trailing comma and the closing bracket. The caller has taken `opener`. */
export function parseCommaList<T>(c: Cursor, opener: Token, bracket: Bracket, element: string, parse: (c: Cursor) => T): readonly T[] {
  const closer = CLOSING[bracket];
  const isEmpty = c.at(closer) || c.at("eof");
  // An array with one element takes less space than one that grew by a push, and most lists have one element.
  const elements: T[] = isEmpty ? [] : [parse(c)];
  while (!isEmpty && c.take(",") && !c.at(closer) && !c.at("eof")) elements.push(parse(c));
  c.close(opener, bracket, element);
  return elements;
}

/** Parses the rest of a tuple after its first element, from the comma to the `)`. Returns all elements. Reports too few or too many. */
export function parseTupleRest<T>(c: Cursor, opener: Token, first: T, element: string, parse: (c: Cursor) => T): readonly T[] {
  c.next();
  const items = [first, ...parseCommaList(c, opener, "(", element, parse)];
  const span = c.spanFrom(opener.start);
  if (items.length < 2) c.report("E002", span, "a tuple has at least two elements", { help: "remove the comma" });
  if (items.length > MAX_TUPLE_SIZE) {
    c.report("E002", span, `a tuple has at most ${MAX_TUPLE_SIZE} elements, found ${items.length}`, {
      help: "declare a record, whose fields have names: `type Row { id: Int, name: String }`",
    });
  }
  return items;
}

/** Reports a `;` between declarations and reads it as a comma. Returns whether there was one. */
function takeSemicolon(c: Cursor, element: string): boolean {
  if (!c.at(";")) return false;
  const span = { start: c.token.start, end: c.token.end };
  c.report("E002", span, `\`;\` is not allowed after ${element}`, {
    help: "write `,`, or begin a new line",
    fixes: [{ title: "write `,`", edits: [{ span, text: "," }] }],
  });
  c.next();
  return true;
}

/** Parses declarations separated by commas or newlines, and the closing brace. The caller has taken `opener`. */
export function parseDeclarationList<T>(c: Cursor, opener: Token, element: string, parse: (c: Cursor) => T): readonly T[] {
  const context = c.enterBraces();
  const elements: T[] = [];
  while (!c.at("}") && !c.at("eof") && !c.atOuterItem()) {
    elements.push(parse(c));
    if (!c.take(",") && !takeSemicolon(c, element) && !c.atNewline()) break;
  }
  c.close(opener, "{", element);
  c.leave(context);
  return elements;
}
