/** The files that the language server works on. The files of an editor are on the disk (`disk-workspace.ts`). */
import type { ProgramSources } from "../runtime/sources.ts";

/** Returns the text of a file that is open in the editor, by its path. */
export type OpenText = (path: string) => string | undefined;

export interface Workspace {
  /** Returns the path of a file, by which others import it. */
  pathOf(uri: string): string;
  uriOf(path: string): string;
  /** Returns a program whose main file has this text, with the resolver of its imports. Throws `BorunaError` if there is no place for it. */
  sources(path: string, text: string, openText: OpenText): Pick<ProgramSources, "source" | "resolve" | "pathOf">;
  /** Returns the paths of the programs in these folders, at most 2,000. */
  programsIn(folders: readonly string[]): readonly string[];
  /** Returns the text of a file; undefined if it is too long or cannot be read. */
  textAt(path: string): string | undefined;
}
