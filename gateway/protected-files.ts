/**
 * The files of a run's own log and of the embedded database. The run's `fs.read` and `fs.write` calls on them are denied. Otherwise a program
 * could edit its log, or read the database without the checks of `db_policy`.
 */

/** Identifies a file by device and inode. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

export const identityText = ({ dev, ino }: FileIdentity): string => `${dev}:${ino}`;

/** A set of files. Compares them by device and inode, because a file can have several names, and a name can pass to another file. */
export class ProtectedFiles {
  readonly #identities = new Set<string>();
  /** The identities in the order in which they were added. */
  readonly #texts: string[] = [];

  /** Protects a file or folder. The handlers of `fs.read` and `fs.write` also deny everything below a protected folder. */
  add(identity: FileIdentity): void {
    this.addText(identityText(identity));
  }

  /** Protects a file by its `identityText`. */
  addText(text: string): void {
    if (this.#identities.has(text)) return;
    this.#identities.add(text);
    this.#texts.push(text);
  }

  /** Returns the texts of all identities that were added after the first `index` ones. */
  identityTextsFrom(index: number): readonly string[] {
    return this.#texts.slice(index);
  }

  has(identity: FileIdentity): boolean {
    return this.#identities.has(identityText(identity));
  }
}
