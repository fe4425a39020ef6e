/** `boruna fmt`: one form for every program, with its meaning and its comments as they were. */
import type { ParsedFile } from "../ast.ts";
import { type Diagnostic, Diagnostics } from "../diagnostics.ts";
import { lex } from "../lexer.ts";
import { parse } from "../parser/parse.ts";
import { printFile } from "./items.ts";
import { render } from "./render.ts";
import { trimmed, Words } from "./type-text.ts";

export type Formatted =
  | { readonly ok: true; readonly text: string }
  /** The file has syntax errors. */
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/**
 * The text in the one form: four spaces, lines of at most 100 characters where that can be, each comment in its place.
 * What is made is read again; should it not mean the same, the text comes back as it was.
 */
export function formatSource(source: { readonly name: string; readonly text: string }): Formatted {
  const diagnostics = new Diagnostics(source.name);
  const file = parse(source, diagnostics);
  if (diagnostics.hasErrors) return { ok: false, diagnostics: diagnostics.sorted() };
  const text = layout(file);
  return { ok: true, text: sameProgram(file, text) ? text : source.text };
}

/** The text of a file without syntax errors in the one form, unchecked. */
export function layout(file: ParsedFile): string {
  const { tokens } = lex(file.text, new Diagnostics(file.name));
  const words = new Words(file.text, tokens, file.comments);
  return render(printFile(words, file));
}

/** True when the text is read as the file was: the same tree but for spans, the same comments in the same order. */
export function sameProgram(file: ParsedFile, text: string): boolean {
  const diagnostics = new Diagnostics(file.name);
  const other = parse({ name: file.name, text }, diagnostics);
  if (diagnostics.hasErrors) return false;
  const tree = ({ moduleName, items, comments }: ParsedFile): unknown => ({
    moduleName,
    items,
    comments: comments.map((comment) => trimmed(comment.text)),
  });
  return sameTree(tree(file), tree(other));
}

const PLACES: ReadonlySet<string> = new Set(["span", "opSpan"]);

/** Walks with a stack of its own: trees may be deep. */
function sameTree(left: unknown, right: unknown): boolean {
  const stack: [unknown, unknown][] = [[left, right]];
  for (let pair = stack.pop(); pair !== undefined; pair = stack.pop()) {
    const [a, b] = pair;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
      if (!Object.is(a, b)) return false;
      continue;
    }
    const entries: [string, unknown][] = Object.entries(a);
    const others = new Map<string, unknown>(Object.entries(b));
    if (entries.length !== others.size) return false;
    for (const [key, value] of entries) {
      if (!others.has(key)) return false;
      if (!PLACES.has(key)) stack.push([value, others.get(key)]);
    }
  }
  return true;
}
