/**
 * The pages of the shipped libraries and the compiler's table of their exports, made from their sources: the first
 * comment is the page's text, the comment before an exported item its description.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { EnumItem, FnItem, RecordItem } from "../compiler/ast.ts";
import { Diagnostics } from "../compiler/diagnostics.ts";
import { parse } from "../compiler/parser/parse.ts";

const STD = fileURLToPath(new URL("../std/", import.meta.url));

export interface Library {
  readonly name: string;
  /** Markdown. */
  readonly intro: string;
  readonly exports: readonly Exported[];
}

interface Exported {
  readonly kind: "function" | "type";
  readonly name: string;
  readonly signature: string;
  readonly doc: string;
}

const withoutSlashes = (line: string): string => line.replace(/^\/\/ ?/, "");

/** The comment lines that end right before the offset. */
function commentBefore(text: string, start: number): string {
  const lines = text.slice(0, start).split("\n").slice(0, -1);
  let first = lines.length;
  while (lines[first - 1]?.startsWith("//") === true) first -= 1;
  return lines.slice(first).map(withoutSlashes).join("\n");
}

function signatureOf(text: string, item: FnItem | RecordItem | EnumItem): string {
  const end = item.kind === "fn" ? item.body.span.start : item.span.end;
  return text
    .slice(item.span.start, end)
    .replace(/^export /, "")
    .trim();
}

function libraryOf(name: string): Library {
  const file = `std/${name}/src/core.ax`;
  const text = readFileSync(`${STD}${name}/src/core.ax`, "utf8");
  const diagnostics = new Diagnostics(file);
  const { items } = parse({ name: file, text }, diagnostics);
  if (diagnostics.hasErrors) throw new Error(`${file} has syntax errors`);
  const intro = commentBefore(`${text.split("\n\n", 1)[0] ?? ""}\n`, Number.POSITIVE_INFINITY);
  const exports = items.flatMap((item): Exported[] => {
    if (item.kind === "import" || item.kind === "test" || !item.exported) return [];
    const kind = item.kind === "fn" ? "function" : "type";
    return [{ kind, name: item.name.text, signature: signatureOf(text, item), doc: commentBefore(text, item.span.start) }];
  });
  return { name, intro, exports };
}

/** By name, in order. */
export function libraries(): readonly Library[] {
  return readdirSync(STD)
    .filter((name) => existsSync(`${STD}${name}/src/core.ax`))
    .sort()
    .map(libraryOf);
}

export const LIBRARY_TABLE_FILE = fileURLToPath(new URL("../compiler/libraries.ts", import.meta.url));

/** The text of the compiler's table. */
export function libraryTable(): string {
  const all = libraries();
  const map = (name: string, doc: string, kind: Exported["kind"]): string => {
    const rows = all.flatMap((library) =>
      library.exports.flatMap((e): [string, string][] => (e.kind === kind ? [[e.name, library.name]] : [])),
    );
    const lines = rows.sort(([a], [b]) => (a < b ? -1 : 1)).map(([a, b]) => `  [${JSON.stringify(a)}, ${JSON.stringify(b)}],\n`);
    return `/** ${doc} */\nexport const ${name}: ReadonlyMap<string, string> = new Map([\n${lines.join("")}]);\n`;
  };
  return [
    "/** What the shipped libraries export, for messages. Made from their sources by `npm run docs`; a test compares. */\n",
    `export const LIBRARY_NAMES: readonly string[] = [\n${all.map(({ name }) => `  ${JSON.stringify(name)},\n`).join("")}];\n`,
    map("LIBRARY_FUNCTIONS", "The library of each function.", "function"),
    map("LIBRARY_TYPES", "The library of each record and enum.", "type"),
  ].join("\n");
}

/** Page text by path below docs/, without headings of their own: `page` puts title and note before the parts. */
export function libraryPages(page: (title: string, ...parts: readonly string[]) => string): readonly (readonly [string, string])[] {
  const all = libraries();
  const index = all
    .map(({ name, intro }) => `- [${name}](${name}.md): ${intro.split("\n\n", 1)[0]?.replaceAll("\n", " ") ?? ""}`)
    .join("\n");
  const entry = ({ name, signature, doc }: Exported): string => `### \`${name}\`\n\n\`\`\`ax signature\n${signature}\n\`\`\`\n\n${doc}`;
  return [
    [
      "reference/std/index.md",
      page(
        "Libraries",
        'Libraries written in the language, shipped with Boruna: `import "std-list"`. Their names stand for themselves in the importing file; no two libraries export the same name. What the machine itself can do is in [builtins](../builtins.md).',
        index,
      ),
    ],
    ...all.map(
      (library) =>
        [`reference/std/${library.name}.md`, page(library.name, library.intro, "## Exports", ...library.exports.map(entry))] as const,
    ),
  ];
}
