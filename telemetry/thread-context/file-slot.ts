/** The file slot of one thread: creates it, writes it, and removes it. */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Environment } from "../variables.ts";
import type { ThreadContext } from "./thread-context.ts";
import { emptySlot, RECORD_BYTES, RECORD_OFFSET, SEQUENCE_OFFSET, SLOT_BYTES, VALID_OFFSET } from "./slot.ts";

/** Returns the folder of the slots: `XDG_RUNTIME_DIR`, otherwise the temporary folder. */
export function slotFolder(environment: Environment): string {
  const runtimeFolder = environment["XDG_RUNTIME_DIR"];
  return runtimeFolder !== undefined && isAbsolute(runtimeFolder) ? runtimeFolder : tmpdir();
}

/** Prefix of the names of all slots of a process. The thread id follows. */
export const slotPrefix = (pid: number): string => `boruna-ctx-${pid}-`;

const WRITTEN_BYTES = RECORD_OFFSET + RECORD_BYTES - SEQUENCE_OFFSET;

/**
 * A writer that is stopped in the middle of a write must not leave a mixture of two records for a reader. So new ids are
 * written first, with an odd sequence and `valid` 0. After that, only the sequence and `valid` change, in one write each time
 * that the machine enters or leaves.
 */
export class FileSlot implements ThreadContext {
  readonly #path: string;
  readonly #file: number;
  readonly #slot = emptySlot();
  #sequence = 0;
  /** The record in the slot. */
  #record: Uint8Array | undefined;

  /**
   * Creates the slot with mode 0600. It gets its content under a random name and is then renamed, so that no reader sees an
   * unfinished slot, no link is followed, and a slot left by a dead process with the same id is replaced. Throws system errors.
   */
  constructor(folder: string, pid: number, thread: number) {
    this.#path = join(folder, `${slotPrefix(pid)}${thread}`);
    const temporary = `${this.#path}.${randomBytes(6).toString("hex")}`;
    const { O_RDWR, O_CREAT, O_EXCL } = constants;
    this.#file = openSync(temporary, O_RDWR | O_CREAT | O_EXCL, 0o600);
    try {
      // The umask of the process may have removed permissions.
      fchmodSync(this.#file, 0o600);
      writeSync(this.#file, this.#slot, 0, SLOT_BYTES, 0);
      renameSync(temporary, this.#path);
    } catch (error) {
      closeSync(this.#file);
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  enter(record: Uint8Array): void {
    if (record !== this.#record) {
      this.#record = record;
      this.#slot.set(record, RECORD_OFFSET);
      this.#write(this.#sequence + 1, 0);
    }
    // The next even number.
    this.#write(this.#sequence + 2 - (this.#sequence % 2), 1);
  }

  leave(): void {
    this.#write(this.#sequence + 2, 0);
  }

  #write(sequence: number, valid: 0 | 1): void {
    this.#sequence = sequence >>> 0;
    this.#slot.writeUInt32LE(this.#sequence, SEQUENCE_OFFSET);
    this.#slot[RECORD_OFFSET + VALID_OFFSET] = valid;
    writeSync(this.#file, this.#slot, SEQUENCE_OFFSET, WRITTEN_BYTES, SEQUENCE_OFFSET);
  }

  /** Removes the file, unless it has been replaced. */
  remove(): void {
    if (lstatSync(this.#path).ino === fstatSync(this.#file).ino) unlinkSync(this.#path);
  }
}

/** Removes the slots of all threads of this process. Those of workers that were terminated are still there. */
export function removeSlotsOfProcess(folder: string, pid: number): void {
  for (const name of readdirSync(folder)) if (name.startsWith(slotPrefix(pid))) unlinkSync(join(folder, name));
}
