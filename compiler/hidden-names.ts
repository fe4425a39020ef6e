/**
 * Finds the names that a file may declare in text that the parser could not read. Uses of these names are not reported as unknown,
 * so that a mistake in one item causes no error in another.
 */
import type { ParsedFile, Span } from "./ast.ts";

/** The names that a file may declare in its damaged sections, which are those with a syntax error (`parser/sections.ts`). */
export interface HiddenNames {
  /** The names that look like functions and types in these sections. */
  readonly names: ReadonlySet<string>;
  /** Whether any name may be declared, because an import or the imported file is damaged or missing. Set also for a text that is too long. */
  all: boolean;
}

/** The beginning of an item, anywhere: text after an unclosed bracket or quote may hold items that the parser did not see. */
const ITEM = /\b(?:fn|type|record|enum)[ \t]+([A-Za-z_]\w*)/g;
/** A line that begins an item of another language in the first column: `MAX = 10`, `const f = …`, `def f(…)`. */
const FOREIGN_ITEM_LINE = /^(?:[A-Za-z_]\w*[ \t]+){0,4}([A-Za-z_]\w*)[ \t]*[=:(<{]/gm;
const IMPORT_LINE = /^[ \t]*import\b/m;

/** Returns the names that the damaged sections of the text may declare. */
export function hiddenNames(text: string, damaged: readonly Span[]): HiddenNames {
  const names = new Set<string>();
  let all = false;
  for (const { start, end } of damaged) {
    const section = text.slice(start, end);
    for (const form of [ITEM, FOREIGN_ITEM_LINE]) for (const [, name] of section.matchAll(form)) if (name !== undefined) names.add(name);
    all ||= IMPORT_LINE.test(section);
  }
  return { names, all };
}

/** Whether the span begins in a damaged section. */
export function isDamaged({ damaged }: ParsedFile, { start }: Span): boolean {
  return damaged.some((section) => start >= section.start && start < section.end);
}
