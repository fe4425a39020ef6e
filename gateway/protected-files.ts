/** The files of a run's own log: its `fs.read` and `fs.write` calls are denied on them, so that a program cannot edit its log. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

export const identityText = ({ dev, ino }: FileIdentity): string => `${dev}:${ino}`;

/** Files are compared by device and inode: a file can have many names, and any name can be given to another file. */
export class ProtectedFiles {
  readonly #identities = new Set<string>();

  /** Adds a file, or a folder with everything in it. */
  add(identity: FileIdentity): void {
    this.#identities.add(identityText(identity));
  }

  has(identity: FileIdentity): boolean {
    return this.#identities.has(identityText(identity));
  }
}
