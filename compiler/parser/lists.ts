/** Lists between brackets. */
import type { Token } from "../tokens.ts";
import { type Bracket, CLOSING, type Cursor } from "./cursor.ts";

/** Elements parted by commas, a last comma allowed, and the closing bracket. `open` has been taken. */
export function commaList<T>(c: Cursor, open: Token, bracket: Bracket, element: string, parse: (c: Cursor) => T): readonly T[] {
  const closer = CLOSING[bracket];
  const elements: T[] = [];
  while (!c.at(closer) && !c.at("eof")) {
    elements.push(parse(c));
    if (!c.take(",")) break;
  }
  c.close(open, bracket, element);
  return elements;
}

/** `;` between declarations is told and read as a comma. */
function takeSemicolon(c: Cursor, element: string): boolean {
  if (!c.at(";")) return false;
  const span = { start: c.token.start, end: c.token.end };
  c.report("E002", span, `\`;\` cannot stand after ${element}`, {
    help: "write `,`, or begin a new line",
    fixes: [{ title: "write `,`", edits: [{ span, text: "," }] }],
  });
  c.next();
  return true;
}

/** Declarations parted by commas or line ends, and the closing brace. `open` has been taken. */
export function declarationList<T>(c: Cursor, open: Token, element: string, parse: (c: Cursor) => T): readonly T[] {
  const mode = c.enterBrace();
  const elements: T[] = [];
  while (!c.at("}") && !c.at("eof") && !c.atOuterItem()) {
    elements.push(parse(c));
    if (!c.take(",") && !takeSemicolon(c, element) && !c.atNewline()) break;
  }
  c.close(open, "{", element);
  c.leave(mode);
  return elements;
}
