/**
 * Implements `boruna fmt`. The source is parsed; the printers (`items`, `expressions`, `patterns`, `type-layout`, `lists`) walk
 * the tree and turn the token stream into a document; `render` breaks the document into lines of at most 100 characters, if
 * the grammar allows it. Formatting changes neither the program's meaning nor its comments.
 */
import type { ParsedFile } from "../ast.ts";
import { type Diagnostic, Diagnostics } from "../diagnostics.ts";
import { lex } from "../lexer.ts";
import { parse } from "../parser/parse.ts";
import { printFile } from "./items.ts";
import { render } from "./render.ts";
import { withoutTrailingSpace, TokenStream } from "./token-stream.ts";

type Formatted =
  | { readonly ok: true; readonly text: string }
  /** The errors of a file that has syntax errors. */
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/**
 * Formats a file: indents by four spaces, breaks lines longer than 100 characters if the grammar allows it, and keeps the comments where they
 * are, except that a comma moves before the comments that separate it from its element. The result is parsed again; if it is a different
 * program, the source is returned unchanged.
 */
export function formatSource(source: { readonly name: string; readonly text: string }): Formatted {
  const diagnostics = new Diagnostics(source.name);
  const file = parse(source, diagnostics);
  if (diagnostics.hasErrors) return { ok: false, diagnostics: diagnostics.sorted() };
  const text = formatUnchecked(file);
  return { ok: true, text: sameProgram(file, text) ? text : source.text };
}

/** Formats a file that has no syntax errors. Does not check the result. */
export function formatUnchecked(file: ParsedFile): string {
  const { tokens } = lex(file.text, new Diagnostics(file.name));
  const stream = new TokenStream(file.text, tokens, file.comments);
  return render(printFile(stream, file));
}

/** Whether the text parses to the same tree except for spans, and has the same comments in the same order. */
export function sameProgram(file: ParsedFile, text: string): boolean {
  const diagnostics = new Diagnostics(file.name);
  const otherFile = parse({ name: file.name, text }, diagnostics);
  if (diagnostics.hasErrors) return false;
  const tree = ({ moduleName, items, comments }: ParsedFile): unknown => ({
    moduleName,
    items,
    comments: comments.map((comment) => withoutTrailingSpace(comment.text)),
  });
  return sameTree(tree(file), tree(otherFile));
}

const POSITION_FIELDS: ReadonlySet<string> = new Set(["span", "opSpan"]);

/** Compares two trees. Uses an explicit stack, because trees may be deep. */
function sameTree(left: unknown, right: unknown): boolean {
  const stack: [unknown, unknown][] = [[left, right]];
  for (let pair = stack.pop(); pair !== undefined; pair = stack.pop()) {
    const [a, b] = pair;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
      if (!Object.is(a, b)) return false;
      continue;
    }
    const entries: [string, unknown][] = Object.entries(a);
    const otherEntries = new Map<string, unknown>(Object.entries(b));
    if (entries.length !== otherEntries.size) return false;
    for (const [key, value] of entries) {
      if (!otherEntries.has(key)) return false;
      if (!POSITION_FIELDS.has(key)) stack.push([value, otherEntries.get(key)]);
    }
  }
  return true;
}
