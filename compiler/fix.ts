/** Applies the fixes of diagnostics to a program. */
import { check, type CompileOptions } from "./compile.ts";
import type { Diagnostic, Edit } from "./diagnostics.ts";
import type { SourceFile } from "./source.ts";

/** Maximum number of rounds. A fix may reveal another mistake, which needs another round. */
const MAX_ROUNDS = 10;

/** Returns the text after the edits, which must not overlap. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  let result = text;
  for (const { span, text: inserted } of edits.toSorted((a, b) => b.span.start - a.span.start))
    result = result.slice(0, span.start) + inserted + result.slice(span.end);
  return result;
}

/**
 * Applies the first fix of each diagnostic of the file, and repeats that until no diagnostic has a fix, up to `MAX_ROUNDS` times. Stops before
 * a round after which the program would have more errors. Returns the text with the number of applied fixes.
 */
export function fixAll(source: SourceFile, options: CompileOptions): { readonly text: string; readonly count: number } {
  let { text } = source;
  let count = 0;
  let diagnostics = check(source, options).diagnostics;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const fixes = compatibleFixes(diagnostics.filter(({ file }) => file === source.name));
    if (fixes.length === 0) break;
    const fixedText = applyEdits(text, fixes.flat());
    const after = check({ name: source.name, text: fixedText }, options).diagnostics;
    if (fixedText === text || errorCount(after) > errorCount(diagnostics)) break;
    text = fixedText;
    count += fixes.length;
    diagnostics = after;
  }
  return { text, count };
}

const errorCount = (diagnostics: readonly Diagnostic[]): number => diagnostics.filter(({ severity }) => severity === "error").length;

/** Returns the edits of the first fix of each diagnostic. Leaves out a fix that overlaps or touches an earlier one. */
function compatibleFixes(diagnostics: readonly Diagnostic[]): readonly (readonly Edit[])[] {
  const acceptedEdits: Edit[] = [];
  return diagnostics.flatMap(({ fixes: [fix] }) => {
    if (fix === undefined || fix.edits.some((edit) => acceptedEdits.some((other) => overlapOrTouch(edit, other)))) return [];
    acceptedEdits.push(...fix.edits);
    return [fix.edits];
  });
}

/** Whether two edits overlap, or one begins where the other ends. */
const overlapOrTouch = ({ span: a }: Edit, { span: b }: Edit): boolean => a.start <= b.end && b.start <= a.end;
