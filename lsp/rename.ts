/** Renames a binding or declaration in all files that refer to it. Refuses a new name that would change the meaning of a program. */
import type { Edit } from "../compiler/diagnostics.ts";
import { applyEdits } from "../compiler/fix.ts";
import { nameProblem, referencesTo, renameEdits } from "./features.ts";
import { type Place, AnalyzedProgram } from "./program.ts";
import type { OpenText } from "./workspace.ts";

/**
 * Returns the edits, by path, that rename what the name at an offset of `from` refers to. If it cannot be renamed, returns a text that says
 * why. `programs` are all programs that may refer to it.
 */
export function renameOf(
  programs: readonly AnalyzedProgram[],
  from: AnalyzedProgram,
  offset: number,
  newName: string,
  openText: OpenText,
): ReadonlyMap<string, readonly Edit[]> | string {
  const problem = nameProblem(newName);
  const name = from.namesAt(offset).find(({ referent, section }) => from.definitionOf(referent, section) !== undefined);
  const target = name === undefined ? undefined : from.definitionOf(name.referent, name.section);
  const oldName = name === undefined ? "" : (from.main?.text.slice(name.span.start, name.span.end) ?? "");
  if (problem !== undefined) return problem;
  if (name === undefined || target === undefined) return "this name cannot be renamed";
  const edits = new Map<string, readonly Edit[]>();
  for (const program of programs) {
    const own = renameEdits(program, target, oldName, newName);
    if (own.length > 0) edits.set(program.path, own);
  }
  // `main` and `result` are names of the language. Declarations in a file outside the workspace cannot be renamed either.
  const declares = edits.get(target.path)?.some(({ span }) => span.start === target.span.start) === true;
  if (!declares || (name.referent.kind === "function" && oldName === "main")) return `\`${oldName}\` cannot be renamed`;
  return changesMeaning(programs, target, edits, newName, openText)
    ? `\`${newName}\` already means something else in one of the places to rename`
    : edits;
}

/** Whether an edited program has more errors, or another number of references to what is declared at `target`. */
function changesMeaning(
  programs: readonly AnalyzedProgram[],
  target: Place,
  edits: ReadonlyMap<string, readonly Edit[]>,
  newName: string,
  openText: OpenText,
): boolean {
  const texts = new Map(programs.map((program) => [program.path, applyEdits(program.main?.text ?? "", edits.get(program.path) ?? [])]));
  const offsetAfterEdits = (path: string, offset: number): number =>
    offset +
    (edits.get(path) ?? []).reduce((sum, { span, text }) => sum + (span.start < offset ? text.length - (span.end - span.start) : 0), 0);
  const declared = edits.get(target.path)?.find(({ span }) => span.start === target.span.start)?.text ?? newName;
  // In a pattern, `{ x }` becomes `{ x: y }`, so the new declaration is the `y` at the end of the edit.
  const prefix = declared.endsWith(newName) ? declared.length - newName.length : 0;
  const newTarget = { path: target.path, span: { start: offsetAfterEdits(target.path, target.span.start) + prefix, end: 0 } };
  return programs.some((program) => {
    const renamed = new AnalyzedProgram(program.path, program.workspace);
    renamed.update(texts.get(program.path) ?? "", (path) => texts.get(path) ?? openText(path));
    const errorCount = ({ diagnostics }: AnalyzedProgram): number => diagnostics.filter(({ severity }) => severity === "error").length;
    return errorCount(renamed) > errorCount(program) || referencesTo(renamed, newTarget).length !== referencesTo(program, target).length;
  });
}

/**
 * Returns the programs that may refer to what is declared at `target`: the open programs, and those of the files in `folders` whose text
 * contains the name.
 */
export function programsMentioning(
  from: AnalyzedProgram,
  target: Place,
  open: readonly AnalyzedProgram[],
  folders: readonly string[],
  openText: OpenText,
): readonly AnalyzedProgram[] {
  const text = [...from.analysis.files()].find((file) => from.pathOf(file) === target.path)?.text ?? "";
  const name = text.slice(target.span.start, target.span.end);
  const openPaths = new Set(open.map(({ path }) => path));
  const others = from.workspace.programsIn(folders).filter((path) => !openPaths.has(path));
  const found = others.flatMap((path) => {
    const source = from.workspace.textAt(path);
    if (source?.includes(name) !== true) return [];
    const program = new AnalyzedProgram(path, from.workspace);
    program.update(source, openText);
    return [program];
  });
  return [...open, ...found];
}
