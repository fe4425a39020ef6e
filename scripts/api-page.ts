/**
 * Generates the page `docs/reference/api.md`: every export of `index.ts` with its docstring and declaration. The functions here
 * search the text of the sources. They rely on the layout of the formatter: a declaration starts in the first column and ends
 * with `}` or `;` at the end of a line, and members of a class are indented by two spaces.
 */
import { readFileSync } from "node:fs";
import { page } from "./markdown.ts";

interface ApiExport {
  readonly name: string;
  /** The file that declares the export or exports it again, as a path relative to the root of the repository. */
  readonly file: string;
  /** The text of the docstring; empty if there is none. */
  readonly doc: string;
  /** The declaration without function bodies and private members. */
  readonly declaration: string;
}

interface Section {
  readonly title: string;
  readonly exports: readonly ApiExport[];
}

const ROOT = new URL("../", import.meta.url);
const EXPORT_FROM = /^export (?:type )?\{ (.*) \} from "\.\/(.*)";$/;

/** Returns the sections of `index.ts` in order, each with its exports. */
export function apiSections(): readonly Section[] {
  const sections: { title: string; exports: ApiExport[] }[] = [];
  for (const line of readFileSync(new URL("index.ts", ROOT), "utf8").split("\n")) {
    if (line.startsWith("// ")) sections.push({ title: line.slice("// ".length), exports: [] });
    const [, names, file] = EXPORT_FROM.exec(line) ?? [];
    if (names === undefined || file === undefined) {
      if (line.startsWith("export")) throw new Error(`index.ts: cannot read ${line}`);
      continue;
    }
    const text = readFileSync(new URL(file, ROOT), "utf8");
    sections.at(-1)?.exports.push(...names.split(", ").map((spec) => exportOf(spec.replace(/^type /, ""), file, text)));
  }
  return sections;
}

const exportOf = (name: string, file: string, text: string): ApiExport => ({ name, file, ...declarationOf(name, file, text) });

function declarationOf(name: string, file: string, text: string): Pick<ApiExport, "doc" | "declaration"> {
  const start = new RegExp(`^export (?:async )?(?:abstract )?(function\\*?|class|interface|type|const) ${name}\\b`, "m").exec(text);
  if (start === null) {
    // The file imports this type and exports it again.
    const [, importedFile] = new RegExp(`import (?:type )?\\{[^}]*\\b${name}\\b[^}]*\\} from "(.*)";`).exec(text) ?? [];
    if (importedFile === undefined) throw new Error(`${file} does not declare ${name}`);
    const declaringFile = new URL(importedFile, new URL(file, ROOT));
    return declarationOf(name, declaringFile.pathname, readFileSync(declaringFile, "utf8"));
  }
  const lines = text.slice(start.index).split("\n");
  const declaration = start[1] === "class" ? classDeclaration(lines) : nonClassDeclaration(lines, start[1] ?? "");
  return { doc: docBefore(text.slice(0, start.index)), declaration: declaration.replace(/^export (?:async )?/, "") };
}

/** Returns the content of the docstring at the end of `text`. */
function docBefore(text: string): string {
  if (!text.endsWith("*/\n")) return "";
  return text
    .slice(text.lastIndexOf("/**") + "/**".length, -"*/\n".length)
    .replace(/^[ \t]*\* ?/gm, "")
    .trim();
}

const depthOf = (text: string): number => (text.match(/[([{]/g)?.length ?? 0) - (text.match(/[)\]}]/g)?.length ?? 0);

/** Returns the declaration of a function without its body, or of an interface, type or constant in full. */
function nonClassDeclaration(lines: readonly string[], keyword: string): string {
  const isFunction = keyword.startsWith("function");
  const end = keyword === "interface" ? "}" : ";";
  const takenLines: string[] = [];
  for (const line of lines) {
    takenLines.push(line);
    const text = takenLines.join("\n");
    if (isFunction && line.endsWith(" {") && depthOf(text) === 1) return `${text.slice(0, -" {".length)};`;
    if (!isFunction && depthOf(text) === 0 && line.endsWith(end)) return text;
  }
  throw new Error(`unfinished declaration: ${lines[0]}`);
}

/** Returns the declaration of a class with the docstrings and signatures of its public members, without those marked `@internal`. */
function classDeclaration(lines: readonly string[]): string {
  const takenLines = [lines[0] ?? ""];
  let doc: string[] = [];
  for (let i = 1; i < lines.length && lines[i] !== "}"; i++) {
    const line = lines[i] ?? "";
    if (/^ {2}(\/\*\*| \*)/.test(line)) doc.push(line);
    else if (/^ {2}[^\s}/]/.test(line)) {
      const member = memberDeclaration(lines.slice(i)).replace(/^ {2}declare /, "  ");
      if (!/^ {2}(#|(static |readonly )*#|private )/.test(line) && !doc.join("").includes("@internal")) takenLines.push(...doc, member);
      doc = [];
    } else if (line === "") doc = [];
  }
  return [...takenLines, "}"].join("\n");
}

function memberDeclaration(lines: readonly string[]): string {
  const takenLines: string[] = [];
  for (const line of lines) {
    takenLines.push(line);
    const text = takenLines.join("\n");
    if (line.endsWith(" {") && depthOf(text) === 1) return `${text.slice(0, -" {".length)};`;
    if (line.endsWith(";") && depthOf(text) === 0) return text.includes(": ") ? text.replace(/ = [^]*;$/, ";") : text;
  }
  throw new Error(`unfinished member: ${lines[0]}`);
}

export function apiPage(): string {
  const parts = apiSections().flatMap(({ title, exports }) => [
    `## ${title}`,
    ...exports.flatMap(({ name, doc, declaration }) => [`### ${name}`, ...(doc === "" ? [] : [doc]), `\`\`\`ts\n${declaration}\n\`\`\``]),
  ]);
  return page("API", 'Everything that `import … from "boruna"` offers. [Embedding](../guide/embedding.md) shows how to use it.', ...parts);
}
