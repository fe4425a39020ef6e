import type { Diagnostic, Edit } from "../../compiler/diagnostics.ts";
import { renderDiagnostic } from "../../compiler/render.ts";

/** Returns the text after all edits, whose spans must not overlap. */
export function fixedText(text: string, edits: readonly Edit[]): string {
  return [...edits]
    .sort((a, b) => b.span.start - a.span.start)
    .reduce((result, edit) => result.slice(0, edit.span.start) + edit.text + result.slice(edit.span.end), text);
}

/** Returns the lines that differ, each after `+ `. */
function changedLines(before: string, after: string): string {
  const [old, fixed] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < fixed.length && old[start] === fixed[start]) start++;
  let end = 0;
  while (end < fixed.length - start && end < old.length - start && old.at(-1 - end) === fixed.at(-1 - end)) end++;
  return fixed
    .slice(start, fixed.length - end)
    .map((line) => `+ ${line}\n`)
    .join("");
}

/** Returns diagnostics as text, each followed by its fixes: the title and the lines that the fix changes. */
export function diagnosticsWithFixes(text: string, diagnostics: readonly Diagnostic[]): string {
  return diagnostics
    .map((diagnostic) => {
      const fixes = diagnostic.fixes.map((fix) => `fix: ${fix.title}\n${changedLines(text, fixedText(text, fix.edits))}`);
      return `${renderDiagnostic(diagnostic, () => text)}\n${fixes.join("")}`;
    })
    .join("\n");
}
