/**
 * Golden files in chunks: each has a title, a program as it is, and the text expected for it.
 *
 *     === a misspelled variable
 *     fn main(total: Int) -> Int { totl }
 *     ---
 *     error[E003]: unknown variable `totl`
 *
 * Lines before the first chunk are comments. To add a chunk, write its title, its program and `---`; then run
 * `BORUNA_UPDATE=1 npx vitest run FILE`, which rewrites the expected texts, and read the diff.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

interface Chunk {
  readonly title: string;
  /** The line of the title, from 1. */
  readonly line: number;
  /** Ends with a line feed, as `expected` does. */
  readonly program: string;
  readonly expected: string;
}

const TITLE = "=== ";
const SEPARATOR = "---";

interface GoldenFile {
  /** The lines before the first chunk. */
  readonly comment: readonly string[];
  readonly chunks: readonly Chunk[];
}

/** Throws when a chunk has no title, no program or no `---`, or when two have one title. */
function parseGolden(name: string, text: string): GoldenFile {
  const lines = text.replace(/\n$/, "").split("\n");
  const starts = lines.flatMap((line, i) => (line.startsWith(TITLE) ? [i] : []));
  const chunks = starts.map((start, i): Chunk => {
    const title = (lines[start] ?? "").slice(TITLE.length).trim();
    const body = lines.slice(start + 1, starts[i + 1]);
    const separator = body.indexOf(SEPARATOR);
    if (title === "" || separator < 1) throw new Error(`${name}:${start + 1}: a chunk needs a title, a program and a line ${SEPARATOR}`);
    const blank = starts[i + 1] !== undefined && body.at(-1) === "" ? -1 : undefined;
    const joined = (part: readonly string[]): string => part.map((line) => `${line}\n`).join("");
    return { title, line: start + 1, program: joined(body.slice(0, separator)), expected: joined(body.slice(separator + 1, blank)) };
  });
  const titles = new Set<string>();
  for (const { title, line } of chunks) {
    if (titles.has(title)) throw new Error(`${name}:${line}: a second chunk has the title ${title}`);
    titles.add(title);
  }
  return { comment: lines.slice(0, starts[0] ?? lines.length), chunks };
}

function renderGolden({ comment, chunks }: GoldenFile): string {
  const texts = chunks.map(({ title, program, expected }) => `${TITLE}${title}\n${program}${SEPARATOR}\n${expected}`);
  return `${comment.map((line) => `${line}\n`).join("")}${texts.join("\n")}`;
}

/** Declares a test for each chunk of the file and returns the chunks. `textFor` returns the text to compare with the expected text. */
export function testChunks(file: URL, textFor: (program: string, title: string) => string): readonly Chunk[] {
  const path = fileURLToPath(file);
  const name = basename(path);
  let golden = parseGolden(name, readFileSync(path, "utf8"));
  if (process.env["BORUNA_UPDATE"] === "1") {
    const updated = golden.chunks.map((chunk) => ({ ...chunk, expected: textFor(chunk.program, chunk.title) }));
    writeFileSync(path, renderGolden({ ...golden, chunks: updated }));
    golden = parseGolden(name, readFileSync(path, "utf8"));
  }
  for (const { title, line, program, expected } of golden.chunks) {
    test(`${title} (${name}:${line})`, () => expect(textFor(program, title), `${name}:${line}: ${title}`).toBe(expected));
  }
  return golden.chunks;
}
