/** Parses a file and all files that it imports, and finds circular imports. */
import { hiddenNames } from "./hidden-names.ts";
import type { ImportItem, Name } from "./ast.ts";
import { type DiagnosticExtras, Diagnostics } from "./diagnostics.ts";
import { nearest } from "../vm/nearest.ts";
import type { SourceFile } from "./source.ts";
import { LIBRARY_NAMES } from "./libraries.ts";
import { parse } from "./parser/parse.ts";
import type { SourceUnit } from "./scope.ts";

/** The result for an import of a file that cannot be read. */
interface UnreadableImport {
  /** The message of the diagnostic, which says what cannot be read and why. */
  readonly unreadable: string;
}

export interface ImportedSource extends SourceFile {
  /** Whether the file is a library of the project that has the same name as a shipped library. */
  readonly hidesShipped?: boolean;
}

/** Returns the file that an import names, or undefined if the file does not exist. `importer` is the name of the importing file. */
export type Resolver = (specifier: string, importer: string) => ImportedSource | UnreadableImport | undefined;

/** Maximum number of files of one program. */
const MAX_FILES = 1_000;

/** Parses one file and returns its unit, in which nothing is declared yet. */
export function makeUnit(source: SourceFile): SourceUnit {
  const diagnostics = new Diagnostics(source.name);
  const parsed = parse(source, diagnostics);
  const hidden = hiddenNames(source.text, parsed.damaged);
  return {
    name: source.name,
    text: source.text,
    parsed,
    diagnostics,
    hidden,
    functions: new Map(),
    types: new Map(),
    declaredIn: new Map(),
    privateIn: new Map(),
  };
}

export interface LoadedUnit {
  readonly unit: SourceUnit;
  /** The imported units, in the order of the import items. */
  readonly imports: readonly { readonly item: ImportItem; readonly unit: SourceUnit }[];
}

/** Returns help for an import that was not found. For `std-lists`, `list` or `std/list` it suggests the shipped library `std-list`. */
function suggestImport({ text, span }: Name): DiagnosticExtras {
  const [last] = text.split(/[^A-Za-z]/).slice(-1);
  const meantLibrary = text.startsWith(".")
    ? undefined
    : (LIBRARY_NAMES.find((name) => name === `std-${last}` && name !== text) ?? nearest(text, LIBRARY_NAMES));
  if (meantLibrary !== undefined)
    return {
      help: `did you mean \`${meantLibrary}\`?`,
      fixes: [{ title: `write \`${meantLibrary}\``, edits: [{ span, text: `"${meantLibrary}"` }] }],
    };
  return {
    help: "a library name is searched in libs/ of the project and among the libraries shipped with Boruna; a path starts with ./ or ../ and stays inside the project",
  };
}

/**
 * Loads a file and all files that it imports, directly and indirectly. In the result, imported files come before the files
 * that import them. Errors are reported in the importing file. An explicit stack is used, so that long chains of imports
 * do not overflow the JavaScript stack. `make` makes the unit of a file.
 */
export function loadUnits(root: SourceFile, resolve: Resolver, make: (source: SourceFile) => SourceUnit = makeUnit): readonly LoadedUnit[] {
  const loaded: LoadedUnit[] = [];
  const byName = new Map<string, SourceUnit>();
  /** The stack of files that are being loaded. Each file is imported by the file before it. */
  const loading: {
    readonly unit: SourceUnit;
    readonly remaining: ImportItem[];
    readonly imports: { item: ImportItem; unit: SourceUnit }[];
  }[] = [];
  const begin = (source: SourceFile): SourceUnit => {
    const unit = make(source);
    byName.set(unit.name, unit);
    const remaining = unit.parsed.items.filter((i): i is ImportItem => i.kind === "import").reverse();
    loading.push({ unit, remaining, imports: [] });
    return unit;
  };
  begin(root);
  for (let top = loading.at(-1); top !== undefined; top = loading.at(-1)) {
    const item = top.remaining.pop();
    if (item === undefined) {
      loading.pop();
      loaded.push({ unit: top.unit, imports: top.imports });
      continue;
    }
    const { diagnostics, hidden } = top.unit;
    const source = resolve(item.specifier.text, top.unit.name);
    if (source === undefined) {
      hidden.all = true;
      diagnostics.error("E012", item.specifier.span, `cannot find \`${item.specifier.text}\``, suggestImport(item.specifier));
      continue;
    }
    if ("unreadable" in source) {
      hidden.all = true;
      diagnostics.error("E012", item.specifier.span, source.unreadable, {
        help: "an import names a file of UTF-8 text inside the project",
      });
      continue;
    }
    if (source.hidesShipped === true) {
      const message = `\`${item.specifier.text}\` means ${source.name}, which hides the shipped library of that name`;
      diagnostics.warning("W006", item.specifier.span, message, { help: "rename the project's library to import the shipped one" });
    }
    const cycleFrom = loading.findIndex((l) => l.unit.name === source.name);
    if (cycleFrom >= 0) {
      hidden.all = true;
      const path = [...loading.slice(cycleFrom).map((l) => l.unit.name), source.name].join(" → ");
      diagnostics.error("E012", item.specifier.span, `circular import: ${path}`, { help: "move what both files need into a third one" });
      continue;
    }
    const loadedBefore = byName.get(source.name);
    if (loadedBefore === undefined && byName.size >= MAX_FILES) {
      hidden.all = true;
      diagnostics.error("E015", item.specifier.span, `more than ${MAX_FILES} files`);
      continue;
    }
    top.imports.push({ item, unit: loadedBefore ?? begin(source) });
  }
  return loaded;
}
