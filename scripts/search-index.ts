/** Makes the index of the site's search page from the pages' HTML: which sections have a word, and its weight in each section. */

export interface IndexedPage {
  /** The path in the site. */
  readonly path: string;
  readonly title: string;
  /** The HTML of its text. */
  readonly body: string;
}

interface Section {
  readonly page: number;
  readonly anchor: string;
  readonly heading: string;
  readonly text: string;
}

const HEADING = /<h[1-6] id="([^"]*)">([\s\S]*?) <a class="anchor"[^>]*>#<\/a><\/h[1-6]>/;
const HEADING_WEIGHT = 8;
/** Maximum number of times that a word counts in one section. */
const MAX_COUNT = 4;
const MAX_WORD_LENGTH = 30;
const EXCERPT_LENGTH = 140;

const plainText = (html: string): string =>
  html
    .replace(/<[^>]*>/g, " ")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&")
    .replace(/\s+/g, " ")
    .trim();

function sectionsOf({ title, body }: IndexedPage, page: number): readonly Section[] {
  const [before = "", ...rest] = body.split(HEADING);
  const sections: Section[] = before.trim() === "" ? [] : [{ page, anchor: "", heading: title, text: plainText(before) }];
  for (let i = 0; i + 2 < rest.length; i += 3) {
    const [anchor = "", heading = "", text = ""] = rest.slice(i, i + 3);
    sections.push({ page, anchor: plainText(anchor), heading: plainText(heading), text: plainText(text) });
  }
  return sections;
}

const wordsOf = (text: string): readonly string[] =>
  (text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []).filter((word) => word.length <= MAX_WORD_LENGTH && !/^[0-9a-f]{12,}$/.test(word));

/** Returns the script that defines `SEARCH_INDEX`. It is a script and not JSON, because a page that is opened from a file cannot load data. */
export function searchIndex(pages: readonly IndexedPage[]): string {
  const sections = pages.flatMap(sectionsOf);
  const words = new Map<string, number[]>();
  for (const [n, { heading, text }] of sections.entries()) {
    const weights = new Map<string, number>();
    for (const word of wordsOf(text)) weights.set(word, Math.min((weights.get(word) ?? 0) + 1, MAX_COUNT));
    for (const word of wordsOf(heading)) weights.set(word, HEADING_WEIGHT);
    for (const [word, weight] of weights) {
      const sectionWeights = words.get(word) ?? [];
      sectionWeights.push(n, weight);
      words.set(word, sectionWeights);
    }
  }
  const index = {
    pages: pages.map(({ path, title }) => [path, title]),
    sections: sections.map(({ page, anchor, heading, text }) => [page, anchor, heading, text.slice(0, EXCERPT_LENGTH)]),
    words: Object.fromEntries([...words].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  // Parsed as JSON, because `__proto__` in an object literal would set the prototype.
  return `const SEARCH_INDEX = JSON.parse(${JSON.stringify(JSON.stringify(index))});\n`;
}
