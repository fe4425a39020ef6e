/** Searches the functions of imported tools, so that a model reads only the functions that it needs. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { readDeclarationFile } from "../mcp-tools/imported-tools.ts";
import { isAllowed, type Policy } from "../policy/policy.ts";
import { toIoError } from "../replay/log/files.ts";
import { BorunaError } from "../vm/error.ts";
import { nearest } from "../vm/nearest.ts";

/** A module that `boruna import mcp` has made, and its declaration file. */
export interface ToolModule {
  readonly declarationPath: string;
  /** The name of the module's file, such as `mcp_notes.ax`. Programs import it with `./` before it. */
  readonly file: string;
  readonly text: string;
  readonly functions: readonly ToolFunction[];
  /** The text of every exported item with its comment, by name. */
  readonly items: ReadonlyMap<string, string>;
}

interface ToolFunction {
  readonly name: string;
  readonly signature: string;
  readonly capability: string;
  readonly doc: string;
}

/** Reads the declaration file, and the module beside it. Throws `io_error`, `json.*`, `capability.invalid_declaration`. */
export function readToolModule(declarationPath: string): ToolModule {
  const { tools } = readDeclarationFile(declarationPath);
  const modulePath = declarationPath.replace(/\.json$/, ".ax");
  let text: string;
  try {
    text = readFileSync(modulePath, "utf8");
  } catch (error) {
    throw toIoError(error, "read", modulePath);
  }
  const items = itemsOf(text);
  const functions = [...items].flatMap(([name, item]) => {
    // The effect row of a tool's function has exactly one capability.
    const [, params = "", result = "", capability = ""] = /export fn \w+\(([^]*?)\) -> ([^!]*?) ?!\{\s*([\w.]+),?\s*\}/.exec(item) ?? [];
    const declared = tools.find((tool) => tool.capability === capability);
    if (declared === undefined) return [];
    const signature = `fn ${name}(${params.replace(/\s+/g, " ").trim()}) -> ${result.trim()} !{${capability}}`;
    return [{ name, signature, capability, doc: declared.doc }];
  });
  return { declarationPath, file: basename(modulePath), text, functions, items };
}

/** Splits a formatted module into its exported items, which empty lines separate. */
function itemsOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(/\n\n(?=\/\/ |export |fn )/).flatMap((item) => {
      const name = /^export (?:fn|type|enum) (\w+)/m.exec(item)?.[1];
      return name === undefined ? [] : [[name, item.trim()] as const];
    }),
  );
}

/** A function as `boruna_search` shows it. */
export interface FoundTool {
  readonly name: string;
  readonly signature: string;
  readonly import: string;
  readonly allowed: boolean;
  readonly doc: string;
}

/** Maximum UTF-16 code units of a description in the list of found tools. */
const MAX_DOC_CHARS = 160;

/** Returns the functions whose names and descriptions contain the most words of the query, best first. An empty query finds all. */
export function searchTools(modules: readonly ToolModule[], policy: Policy, query: string, limit: number): readonly FoundTool[] {
  const words = [
    ...new Set(
      query
        .toLowerCase()
        .split(/[^a-z0-9]+/)
        .filter((word) => word !== ""),
    ),
  ];
  const found = modules.flatMap((module) =>
    module.functions.map((f) => ({ module, f, score: scoreOf(f, words) })).filter(({ score }) => score > 0 || words.length === 0),
  );
  return found
    .toSorted((a, b) => b.score - a.score)
    .slice(0, limit)
    .map(({ module, f }) => ({
      name: f.name,
      signature: f.signature,
      import: `./${module.file}`,
      allowed: isAllowed(policy, f.capability),
      doc: f.doc.length > MAX_DOC_CHARS ? `${f.doc.slice(0, MAX_DOC_CHARS)}…` : f.doc,
    }));
}

/** Adds 3 for each word of the query that is in the name, and 1 for each that is in the description. */
function scoreOf({ name, doc }: ToolFunction, words: readonly string[]): number {
  const [lowerName, lowerDoc] = [name.toLowerCase(), doc.toLowerCase()];
  return words.reduce((sum, word) => sum + (lowerName.includes(word) ? 3 : 0) + (lowerDoc.includes(word) ? 1 : 0), 0);
}

/**
 * Returns the declarations that a caller of these functions needs. For `notes_add`, these are `notes_add` and `notes_add_args` without their
 * bodies, and the types in their signatures. Throws `usage` for an unknown name.
 */
export function describeTools(modules: readonly ToolModule[], names: readonly string[]): string {
  const shown = new Set<string>();
  return names
    .flatMap((name) => {
      const module = modules.find(({ functions }) => functions.some((f) => f.name === name));
      if (module === undefined) {
        const all = modules.flatMap(({ functions }) => functions.map((f) => f.name));
        const near = nearest(name, all);
        throw new BorunaError("usage", `there is no tool ${JSON.stringify(name)}`, {
          hint: near === undefined ? "boruna_search finds tools" : `did you mean ${near}?`,
        });
      }
      return itemsFor(module, name, shown);
    })
    .join("\n\n");
}

function itemsFor(module: ToolModule, name: string, shown: Set<string>): readonly string[] {
  const wanted = [name, `${name}_args`];
  const texts: string[] = [];
  for (let next = wanted.shift(); next !== undefined; next = wanted.shift()) {
    const item = module.items.get(next);
    if (item === undefined || shown.has(next)) continue;
    shown.add(next);
    const text = withoutBody(item);
    texts.push(text);
    for (const [type = ""] of text.matchAll(/\b[A-Z]\w*/g)) wanted.push(type);
  }
  return texts;
}

/** Returns the text of a function without its body, and any other item unchanged. */
function withoutBody(item: string): string {
  if (!/^export fn /m.test(item)) return item;
  const row = /\) -> [^]*?!\{[^}]*\}/.exec(item);
  const end = row === null ? item.indexOf(" {\n") : row.index + row[0].length;
  return item
    .slice(0, end)
    .replace(/\s+/g, (space) => (space.includes("\n\n") ? "\n" : space))
    .replace(/!\{\s*([^}]*?),?\s*\}/, "!{$1}");
}
