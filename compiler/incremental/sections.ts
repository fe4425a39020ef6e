/** Splits a text into parsed sections, and reuses those that an edit has not changed. `parser/sections.ts` says what a section is. */
import type { Comment, Item, Name, Span } from "../ast.ts";
import { Diagnostics } from "../diagnostics.ts";
import { hiddenNames, type HiddenNames } from "../hidden-names.ts";
import { lexSection } from "../lexer.ts";
import { parseSection } from "../parser/parse.ts";

/** A parsed section. All spans in it count from its start. */
export interface Section {
  readonly text: string;
  /** The text after the section that its parser saw. */
  readonly lookahead: string;
  readonly isFirst: boolean;
  readonly moduleName: Name | null;
  readonly items: readonly Item[];
  readonly comments: readonly Comment[];
  /** The lexical and syntax errors. A section with an error is damaged. */
  readonly diagnostics: Diagnostics;
  /** The names that the section may declare, if it is damaged. */
  readonly hidden: HiddenNames;
  /** The offset of the section in the text of the file. */
  start: number;
}

/** Returns a copy of a slice of a text. V8 would otherwise keep the whole text alive with its slice. */
const detach = (text: string): string => `\n${text}`.slice(1);

function readSection(file: string, fileText: string, start: number): Section {
  const isFirst = start === 0;
  const lexical = new Diagnostics(file);
  const { tokens, comments, count, length, lookaheadEnd } = lexSection(fileText.slice(start), lexical);
  const text = detach(fileText.slice(start, start + length));
  const diagnostics = new Diagnostics(file);
  // Errors in the lookahead are reported in the next section.
  for (const { code, span, message, help, fixes } of lexical.sorted())
    if (span.start < length || count === tokens.length) diagnostics.error(code, span, message, { help, fixes });
  const seenText = detach(fileText.slice(start, start + lookaheadEnd));
  const { moduleName, items } = parseSection(seenText, tokens, count, { isFirst }, diagnostics);
  return {
    text,
    lookahead: seenText.slice(length),
    isFirst,
    moduleName,
    items,
    comments,
    diagnostics,
    hidden: hiddenNames(text, diagnostics.hasErrors ? [WHOLE_SECTION] : []),
    start,
  };
}

const WHOLE_SECTION: Span = { start: 0, end: Number.MAX_SAFE_INTEGER };

/** Whether the text has this section at the offset, followed by the section's `lookahead`. */
function isAt(section: Section, text: string, offset: number): boolean {
  const end = offset + section.text.length;
  if (section.isFirst !== (offset === 0) || !text.startsWith(section.text, offset)) return false;
  return section.lookahead === "" ? end === text.length : end < text.length && text.startsWith(section.lookahead, end);
}

/** Returns the sections of the text. Reuses the sections of `old` whose text has not changed, and moves them to their new offsets. */
export function splitSections(file: string, text: string, old: readonly Section[]): readonly Section[] {
  const sections: Section[] = [];
  let offset = 0;
  const take = (section: Section): void => {
    section.start = offset;
    sections.push(section);
    offset += section.text.length;
  };
  const oldLength = old.reduce((sum, section) => sum + section.text.length, 0);
  /** The indexes of the old sections, by the distance from the section's start to the end of the old text. An edit before a section keeps its distance. */
  const indexByDistanceToEnd = new Map<number, number>();
  let distanceToEnd = oldLength;
  old.forEach((section, i) => {
    indexByDistanceToEnd.set(distanceToEnd, i);
    distanceToEnd -= section.text.length;
  });
  let next = 0;
  for (let same = old[next]; same !== undefined && isAt(same, text, offset); same = old[next]) {
    take(same);
    next += 1;
  }
  while (offset < text.length || sections.length === 0) {
    const i = indexByDistanceToEnd.get(text.length - offset);
    const tail = i === undefined || i < next ? [] : old.slice(i);
    let end = offset;
    const fits = tail.every((section) => {
      const found = isAt(section, text, end);
      end += section.text.length;
      return found;
    });
    if (tail.length > 0 && fits) {
      for (const section of tail) take(section);
      return sections;
    }
    take(readSection(file, text, offset));
  }
  return sections;
}
