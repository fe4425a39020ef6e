/** Creates, writes and removes the file slot of one thread: a small file that says under which span the thread runs. */
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
import type { ThreadContext } from "./slot.ts";
import { emptySlot, RECORD_BYTES, RECORD_OFFSET, SEQUENCE_OFFSET, SLOT_BYTES, VALID_OFFSET } from "./slot.ts";

/** Returns the folder of the slots: `XDG_RUNTIME_DIR`, otherwise the temporary folder. */
export function slotFolder(environment: Environment): string {
  const runtimeFolder = environment["XDG_RUNTIME_DIR"];
  return runtimeFolder !== undefined && isAbsolute(runtimeFolder) ? runtimeFolder : tmpdir();
}

/** Prefix of the names of all slots of a process. The thread id follows. */
export const slotPrefix = (pid: number): string => `boruna-ctx-${pid}-`;

/** The bytes that each write covers: from the sequence to the end of the record. */
const WRITTEN_BYTES = RECORD_OFFSET + RECORD_BYTES - SEQUENCE_OFFSET;

/**
 * The file slot of this thread. A reader must never see a mixture of two records, even if the writer is stopped in the middle of a write.
 * So `enter` first writes new ids with an odd sequence number and `valid` 0. A second write then makes the number even and `valid` 1. If
 * the ids are the same, only the second write is needed. `leave` sets `valid` to 0 in one write.
 */
export class FileSlot implements ThreadContext {
  readonly #path: string;
  readonly #file: number;
  readonly #slot = emptySlot();
  #sequence = 0;
  /** The record in the slot. A caller passes the same object again to publish the same ids. */
  #record: Uint8Array | undefined;

  /**
   * Creates the slot with mode 0600. The file gets its content under a random name and is then renamed. So no reader sees an unfinished
   * slot, no link is followed, and the slot of a dead process with the same id is replaced. Throws system errors.
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

/** Removes the slots of all threads of this process. Terminated workers have left theirs behind. */
export function removeSlotsOfProcess(folder: string, pid: number): void {
  for (const name of readdirSync(folder)) if (name.startsWith(slotPrefix(pid))) unlinkSync(join(folder, name));
}
