/** The documentation in pieces that are short enough for a model. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BorunaError } from "../vm/error.ts";
import { nearest } from "../vm/nearest.ts";

/** Pages and sections up to this length, in UTF-16 code units, are returned complete. */
const MAX_PIECE_CHARS = 24_000;

/** The page that is returned without arguments. */
export const COMPACT_DOCS_PAGE = "llms-small";

/** The answer of `boruna_docs`: a page, a section of it, or the index of pages. */
export interface DocsPiece {
  readonly page: string;
  readonly text: string;
  /** The titles of the sections, if the page is too long or a section was asked for. */
  readonly sections?: readonly string[];
  readonly pages?: readonly string[];
}

/** Returns `docs/` of the package: `../docs` beside the sources, `../../docs` beside `dist/mcp` and `dist/bin`. */
function docsFolder(): string {
  const candidates = ["../docs/", "../../docs/"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return candidates.find((path) => existsSync(join(path, "llms-small.txt"))) ?? "";
}

/** Returns the name of each page with its file: `guide/tour`, `reference/std/std-json`, `llms-small`. */
export function docsPages(): ReadonlyMap<string, string> {
  const folder = docsFolder();
  const pages = new Map<string, string>([[COMPACT_DOCS_PAGE, join(folder, "llms-small.txt")]]);
  for (const part of ["guide", "reference", "reference/std"]) {
    for (const file of readdirSync(join(folder, part)).toSorted()) {
      if (file.endsWith(".md")) pages.set(`${part}/${file.slice(0, -".md".length)}`, join(folder, part, file));
    }
  }
  return pages;
}

/** Returns the text of a page. Throws `usage`. */
export function docsText(name: string): string {
  const pages = docsPages();
  const file = pages.get(name);
  if (file !== undefined) return readFileSync(file, "utf8");
  const near = nearest(name, pages.keys());
  throw new BorunaError("usage", `there is no page ${JSON.stringify(name)}`, {
    hint: near === undefined ? "the page index lists all" : `did you mean ${near}?`,
  });
}

/** Answers `boruna_docs`. Throws `usage` for an unknown page or section. */
export function docsPiece(page: string | undefined, section: string | undefined): DocsPiece {
  if (page === "index") return { page, text: "The pages of the documentation.", pages: [...docsPages().keys()] };
  const name = page ?? COMPACT_DOCS_PAGE;
  const text = docsText(name);
  const sections = sectionsOf(text);
  const titles = sections.map(({ title }) => title);
  if (section !== undefined) {
    const found = sections.find(({ title }) => title.toLowerCase() === section.toLowerCase());
    if (found === undefined)
      throw new BorunaError("usage", `the page ${name} has no section ${JSON.stringify(section)}`, { hint: `it has ${titles.join(", ")}` });
    return { page: name, text: found.text.slice(0, MAX_PIECE_CHARS), sections: titles };
  }
  if (text.length <= MAX_PIECE_CHARS) return { page: name, text };
  const start = text.indexOf("\n## ");
  return { page: name, text: text.slice(0, Math.min(start < 0 ? MAX_PIECE_CHARS : start, MAX_PIECE_CHARS)), sections: titles };
}

/** Splits a page at its headings of the second and third level, so that each section is short. */
function sectionsOf(page: string): readonly { readonly title: string; readonly text: string }[] {
  return page.split(/^(?=#{2,3} )/m).flatMap((text) => {
    const title = /^#{2,3} (.+)$/m.exec(text)?.[1];
    return title === undefined || !text.startsWith("##") ? [] : [{ title, text }];
  });
}
