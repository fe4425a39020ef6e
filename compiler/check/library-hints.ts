/** Names that shipped libraries export, where they are used without the import or with a module before them. */
import type { Name } from "../ast.ts";
import type { DiagnosticExtras, Edit, Fix } from "../diagnostics.ts";
import { hintForFunction } from "../other-languages.ts";
import { insertImport } from "../insert-edits.ts";
import { LIBRARY_FUNCTIONS, LIBRARY_TYPES } from "../libraries.ts";
import type { Unit } from "../scope.ts";

/** Imports the library and makes the other edits. */
export function importFix(unit: Unit, library: string, edits: readonly Edit[]): Fix {
  return { title: `import \`${library}\``, edits: [insertImport(unit.parsed, library), ...edits] };
}

/** What to do to have what a shipped library exports; `edits` are those of the fix beside the import. */
function libraryHint(unit: Unit, name: string, library: string, here = "", edits: readonly Edit[] = []): DiagnosticExtras {
  return {
    help: `\`${name}\` is in ${library}: write \`import "${library}"\` at the top${here === "" ? "" : `, and \`${here}\` here`}`,
    fixes: [importFix(unit, library, edits)],
  };
}

/** A type that a shipped library exports, where it has not been imported. */
export function libraryTypeHint(unit: Unit, name: string): DiagnosticExtras | undefined {
  const library = unit.diagnostics.full ? undefined : LIBRARY_TYPES.get(name);
  return library === undefined ? undefined : libraryHint(unit, name, library);
}

/** A function that a shipped library exports; the word may mean something else, too, to those who know other languages. */
export function libraryFunctionHint(unit: Unit, name: string): DiagnosticExtras | undefined {
  const library = LIBRARY_FUNCTIONS.get(name);
  if (library === undefined) return undefined;
  const report = libraryHint(unit, name, library);
  const other = hintForFunction(name);
  return other === undefined ? report : { ...report, help: `${report.help}; ${other.help}` };
}

/** `list.take` where `take` is a function of the file, of what it imports, or of a shipped library. */
export function unqualifiedNameHint(unit: Unit, name: Name, part: string, called: boolean): DiagnosticExtras | undefined {
  const here = called ? `${part}(…)` : part;
  const edits = [{ span: name.span, text: part }];
  if (unit.functions.has(part)) {
    const whose = unit.declaredIn.get(`fn ${part}`) === unit.name ? "names of a file" : "imported names";
    return { help: `${whose} stand alone: write \`${here}\``, fixes: [{ title: `write \`${part}\``, edits }] };
  }
  const library = LIBRARY_FUNCTIONS.get(part);
  return library === undefined ? undefined : libraryHint(unit, part, library, here, edits);
}
