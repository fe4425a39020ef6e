/** The log of a run and its blobs, which no fs call of that run may touch. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

export const identityText = ({ dev, ino }: FileIdentity): string => `${dev}:${ino}`;

/** By identity: a name says little, since a file can have many and each can be given to another. */
export class OwnFiles {
  readonly #identities = new Set<string>();

  /** A file, or a folder with all that is in it. */
  add(identity: FileIdentity): void {
    this.#identities.add(identityText(identity));
  }

  has(identity: FileIdentity): boolean {
    return this.#identities.has(identityText(identity));
  }
}
