/** Code blocks of a page, and the commands in them. */

export interface Block {
  readonly language: string;
  readonly text: string;
  /** Line of the block's first line of text, from 1. */
  readonly line: number;
}

export function codeBlocksOf(page: string): readonly Block[] {
  return [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(({ index, 1: language = "", 2: text = "" }) => ({
    language,
    text,
    line: page.slice(0, index).split("\n").length + 1,
  }));
}

/** Splits a command line into words. Double quotes enclose words with spaces. */
export const wordsOf = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|(\S+?)="([^"]*)"|(\S+)/g)].map(
    ([, quoted, key, value, word]) => quoted ?? (key === undefined ? (word ?? "") : `${key}=${value}`),
  );
