/** The import graph of the repository, read from the text of its files. */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the repository. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const ROOMS = [
  "vm",
  "compiler",
  "lsp",
  "dap",
  "repl",
  "policy",
  "analysis",
  "telemetry",
  "gateway",
  "replay",
  "runtime",
  "simulate",
  "mcp-tools",
  "worker",
  "viewer",
  "playground",
  "mcp",
  "cli",
] as const;

export interface Import {
  /** Path relative to the root, with `/`. */
  readonly from: string;
  /** For a file of the repository its path from the root, otherwise the specifier. */
  readonly to: string;
  readonly own: boolean;
  /** `type` imports do not exist at run time; `dynamic` imports load on demand. */
  readonly kind: "static" | "type" | "dynamic";
}

// The formatter puts import statements at the start of a line. A clause has names, braces or a star, but no quotes.
const STATEMENT = /^(?:import|export)\s+(type\s+)?(?:([\w$*{}\s,]+?)\s+from\s+)?"([^"\n]+)"/gm;
const DYNAMIC = /\b(typeof\s+)?import\(\s*"([^"\n]+)"\s*\)/g;

function isTypeClause(clause: string | undefined): boolean {
  const names = clause?.match(/^\{(.*)\}$/s)?.[1];
  return names !== undefined && names.split(",").every((name) => name.trim() === "" || name.trim().startsWith("type "));
}

/** Finds the imports in the text of a file. */
export function importsOf(from: string, text: string): readonly Import[] {
  const entry = (specifier: string, kind: Import["kind"]): Import => {
    const own = specifier.startsWith(".");
    // The text of a file is imported as `file?raw`.
    const [path = ""] = specifier.split("?");
    return { from, to: own ? posix.join(posix.dirname(from), path) : specifier, own, kind };
  };
  const statements = [...text.matchAll(STATEMENT)].map(([, type, clause, specifier = ""]) =>
    entry(specifier, type !== undefined || isTypeClause(clause) ? "type" : "static"),
  );
  const dynamic = [...text.matchAll(DYNAMIC)].map(([, type, specifier = ""]) => entry(specifier, type === undefined ? "dynamic" : "type"));
  return [...statements, ...dynamic];
}

/** All .ts and .tsx files of the rooms, and `index.ts`, as paths from the root with `/`. */
export function sourceFiles(): readonly string[] {
  const files = ROOMS.flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).split(sep).join("/")),
  );
  return [...files, "index.ts"].toSorted();
}

/** Returns the imports of all source files. */
export function allImports(): readonly Import[] {
  return sourceFiles().flatMap((file) => importsOf(file, readFileSync(join(ROOT, file), "utf8")));
}

/** The room of a file, or the file itself if it is in the root. The page of the viewer is a room of its own: it runs in a browser. */
export function roomOf(file: string): string {
  return file.startsWith("viewer/page/") ? "viewer/page" : (file.split("/")[0] ?? file);
}

/** The files and packages that loading `entry` loads: its static imports, recursively. */
export function loadedBy(entry: string, imports: readonly Import[]): ReadonlySet<string> {
  const loaded = new Set([entry]);
  // Iterating over a Set includes entries that are added meanwhile.
  for (const file of loaded) {
    for (const edge of imports) if (edge.from === file && edge.kind === "static") loaded.add(edge.to);
  }
  return loaded;
}

/** The files of one import cycle, type and dynamic imports included; the first and last are the same. Undefined when there is none. */
export function findCycle(imports: readonly Import[]): readonly string[] | undefined {
  const next = new Map<string, string[]>();
  for (const { from, to, own } of imports) if (own) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  for (const start of next.keys()) {
    const path = [start];
    const visit = (file: string): readonly string[] | undefined => {
      for (const to of next.get(file) ?? []) {
        if (path.includes(to)) return [...path.slice(path.indexOf(to)), to];
        if (done.has(to)) continue;
        path.push(to);
        const cycle = visit(to);
        if (cycle !== undefined) return cycle;
        path.pop();
      }
      done.add(file);
      return undefined;
    };
    const cycle = visit(start);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
