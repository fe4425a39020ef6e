/** Help for names of the shipped libraries that are used without the import, or with a module name before them. */
import type { Name } from "../ast.ts";
import type { DiagnosticExtras, Edit, Fix } from "../diagnostics.ts";
import { hintForFunction } from "../other-languages.ts";
import { insertImport } from "../insert-edits.ts";
import { LIBRARY_FUNCTIONS, LIBRARY_TYPES } from "../libraries.ts";
import type { Unit } from "../scope.ts";

/** A fix that imports the library and makes the other edits. */
export function importFix(unit: Unit, library: string, edits: readonly Edit[]): Fix {
  return { title: `import \`${library}\``, edits: [insertImport(unit.parsed, library), ...edits] };
}

/** How to import what a shipped library exports. `edits` are made together with the import; `here` is what to write in place. */
function libraryHint(unit: Unit, name: string, library: string, here = "", edits: readonly Edit[] = []): DiagnosticExtras {
  return {
    help: `\`${name}\` is in ${library}: write \`import "${library}"\` at the top${here === "" ? "" : `, and \`${here}\` here`}`,
    fixes: [importFix(unit, library, edits)],
  };
}

/** Help for a type that a shipped library exports. */
export function libraryTypeHint(unit: Unit, name: string): DiagnosticExtras | undefined {
  const library = unit.diagnostics.isFull ? undefined : LIBRARY_TYPES.get(name);
  return library === undefined ? undefined : libraryHint(unit, name, library);
}

/** Help for a function that a shipped library exports, with what the word means in other languages. */
export function libraryFunctionHint(unit: Unit, name: string): DiagnosticExtras | undefined {
  const library = LIBRARY_FUNCTIONS.get(name);
  if (library === undefined) return undefined;
  const report = libraryHint(unit, name, library);
  const other = hintForFunction(name);
  return other === undefined ? report : { ...report, help: `${report.help}; ${other.help}` };
}

/** Help for `list.take` if `take` is a function of the file, of one of its imports, or of a shipped library. */
export function unqualifiedNameHint(unit: Unit, name: Name, part: string, called: boolean): DiagnosticExtras | undefined {
  const here = called ? `${part}(…)` : part;
  const edits = [{ span: name.span, text: part }];
  if (unit.functions.has(part)) {
    const whose = unit.declaredIn.get(`fn ${part}`) === unit.name ? "functions of this file" : "imported functions";
    return { help: `${whose} have no prefix: write \`${here}\``, fixes: [{ title: `write \`${part}\``, edits }] };
  }
  const library = LIBRARY_FUNCTIONS.get(part);
  return library === undefined ? undefined : libraryHint(unit, part, library, here, edits);
}
