/** The interface through which the language server finds files. For an editor, the files are on the disk (`disk-workspace.ts`). */
import type { ProgramSources } from "../runtime/sources.ts";

/** Returns the text of a file that is open in the editor, by its path. */
export type OpenText = (path: string) => string | undefined;

export interface Workspace {
  /** Returns the path by which other files import this one. */
  pathOf(uri: string): string;
  uriOf(path: string): string;
  /** Returns the source of the program whose main file has this text, and the resolver of its imports. Throws `BorunaError` for a path that it cannot open. */
  sources(path: string, text: string, openText: OpenText): Pick<ProgramSources, "source" | "resolve" | "pathOf">;
  /** Returns the paths of the programs in these folders, at most 2,000. */
  programsIn(folders: readonly string[]): readonly string[];
  /** Returns the text of a file. Undefined if the file is too long or cannot be read. */
  textAt(path: string): string | undefined;
}
