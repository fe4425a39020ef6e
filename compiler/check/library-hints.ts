/** Makes help for names that need an import of a shipped library, and for names of functions with a wrong prefix. */
import type { Name } from "../ast.ts";
import type { DiagnosticExtras, Edit, Fix } from "../diagnostics.ts";
import { hintForFunction } from "../other-languages.ts";
import { insertImport } from "../insert-edits.ts";
import { LIBRARY_FUNCTIONS, LIBRARY_TYPES } from "../libraries.ts";
import type { SourceUnit } from "../scope.ts";

/** Returns a fix that imports the library and makes the other edits. */
export function importFix(unit: SourceUnit, library: string, edits: readonly Edit[]): Fix {
  return { title: `import \`${library}\``, edits: [insertImport(unit.parsed, library), ...edits] };
}

/**
 * Returns help for a name that a shipped library exports. The fix makes `edits` together with the import. `replacement` is
 * the text to write instead of the name; empty if the name stays.
 */
function libraryHint(unit: SourceUnit, name: string, library: string, replacement = "", edits: readonly Edit[] = []): DiagnosticExtras {
  return {
    help: `\`${name}\` is in ${library}: write \`import "${library}"\` at the top${replacement === "" ? "" : `, and \`${replacement}\` here`}`,
    fixes: [importFix(unit, library, edits)],
  };
}

/** Returns help for an item that an imported file declares without `export`. `key` is its key in `SourceUnit.declaredIn`. */
export function privateHint(unit: SourceUnit, key: string): DiagnosticExtras | undefined {
  const file = unit.privateIn.get(key);
  if (file === undefined) return undefined;
  const [, name = ""] = key.split(" ");
  const instead = file.startsWith("std/") ? "" : ": write `export` before its declaration to use it here";
  return { help: `\`${name}\` is private to ${file}${instead}` };
}

/** Returns help for a type that an imported file does not export, or that a shipped library exports. */
export function libraryTypeHint(unit: SourceUnit, name: string): DiagnosticExtras | undefined {
  const hint = privateHint(unit, `type ${name}`);
  if (hint !== undefined) return hint;
  const library = unit.diagnostics.isFull ? undefined : LIBRARY_TYPES.get(name);
  return library === undefined ? undefined : libraryHint(unit, name, library);
}

/** Returns help for a function that an imported file does not export, or that a shipped library exports. Adds the hint for a word of another language. */
export function libraryFunctionHint(unit: SourceUnit, name: string): DiagnosticExtras | undefined {
  const hint = privateHint(unit, `fn ${name}`);
  if (hint !== undefined) return hint;
  const library = LIBRARY_FUNCTIONS.get(name);
  if (library === undefined) return undefined;
  const exportHint = libraryHint(unit, name, library);
  const languageHint = hintForFunction(name);
  return languageHint === undefined ? exportHint : { ...exportHint, help: `${exportHint.help}; ${languageHint.help}` };
}

/** Returns help for a name like `list.take` if `part`, here `take`, is a function of the file, of one of its imports, or of a shipped library. */
export function unqualifiedNameHint(
  unit: SourceUnit,
  name: Name,
  part: string,
  { isCalled }: { readonly isCalled: boolean },
): DiagnosticExtras | undefined {
  const replacement = isCalled ? `${part}(…)` : part;
  const edits = [{ span: name.span, text: part }];
  if (unit.functions.has(part)) {
    const origin = unit.declaredIn.get(`fn ${part}`) === unit.name ? "functions of this file" : "imported functions";
    return { help: `${origin} have no prefix: write \`${replacement}\``, fixes: [{ title: `write \`${part}\``, edits }] };
  }
  const library = LIBRARY_FUNCTIONS.get(part);
  return library === undefined ? undefined : libraryHint(unit, part, library, replacement, edits);
}
