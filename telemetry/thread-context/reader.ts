/**
 * Reads the file slots of another process. It reports only what it is sure of: a slot must belong to the process, and its
 * content must be complete and of a known form.
 */
import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statSync,
} from "node:fs";
import { basename, join } from "node:path";
import { BorunaError, errorCode } from "../../vm/error.ts";
import type { Environment } from "../variables.ts";
import { slotFolder, slotPrefix } from "./file-slot.ts";
import { decodeSlot, SLOT_BYTES, type SpanIds } from "./slot.ts";

/** What one thread publishes. `ids` is undefined if the machine does not run on the thread, or runs without a span. */
export interface ThreadSpan {
  readonly thread: number;
  readonly ids: SpanIds | undefined;
}

/** Limit on the attempts to read a slot that is being written. A write takes microseconds, unless the writer is stopped in the middle. */
const MAX_ATTEMPTS = 2_000;
/** After this many attempts, the reader waits a millisecond before each further attempt. */
const QUICK_ATTEMPTS = 1_000;
/** Maximum number of open files or folder entries to examine, because another program decides how many there are. */
const MAX_ENTRIES = 100_000;

/** Nobody notifies this address, so `Atomics.wait` on it sleeps until its time is up. */
const NEVER_NOTIFIED = new Int32Array(new SharedArrayBuffer(4));

interface SlotPlace {
  readonly path: string;
  readonly thread: number;
}

/**
 * Returns what the threads of a process publish, by thread id. Throws `telemetry.no_process`, `telemetry.no_slot`,
 * `telemetry.not_readable`, `telemetry.not_a_slot` and `telemetry.slot_busy`.
 */
export function readThreadContext(pid: number, environment: Environment): readonly ThreadSpan[] {
  const owner = ownerOf(pid);
  const places = process.platform === "linux" ? openSlotsOf(pid) : slotsInFolder(pid, slotFolder(environment));
  if (places.length === 0) {
    throw new BorunaError("telemetry.no_slot", `process ${pid} publishes no thread context`, {
      hint: "It publishes one while it runs Boruna with BORUNA_THREAD_CONTEXT=1 and spans switched on.",
    });
  }
  return places.map(({ path, thread }) => ({ thread, ids: readSlot(path, thread, owner) })).toSorted((a, b) => a.thread - b.thread);
}

/** Returns the user id of the process's files; undefined if the system has no user ids. Throws if there is no such process. */
function ownerOf(pid: number): number | undefined {
  try {
    if (process.platform === "linux") return statSync(`/proc/${pid}`).uid;
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) !== "EPERM") throw new BorunaError("telemetry.no_process", `there is no process ${pid}`, { cause: error });
  }
  return process.getuid?.();
}

/**
 * Returns the slots that the process holds open. This finds them even if the process and the reader have different environments,
 * and so different folders. It also excludes slots of dead processes and files that somebody else put into the folder.
 */
function openSlotsOf(pid: number): readonly SlotPlace[] {
  const folder = `/proc/${pid}/fd`;
  return asNotReadable(`the open files of process ${pid}`, () => {
    // In a container, the process has another id for itself.
    const [, ownPid = pid] = /^NSpid:.*?(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return bounded(readdirSync(folder)).flatMap((name) => {
      const path = join(folder, name);
      return slotPlace(path, targetOf(path), Number(ownPid));
    });
  });
}

/** For systems without /proc: returns the files in the folder that have the names of the process's slots. */
function slotsInFolder(pid: number, folder: string): readonly SlotPlace[] {
  return asNotReadable(folder, () =>
    bounded(readdirSync(folder, { withFileTypes: true }))
      .filter((entry: Dirent) => entry.isFile())
      .flatMap(({ name }) => slotPlace(join(folder, name), name, pid)),
  );
}

function slotPlace(path: string, file: string, pid: number): readonly SlotPlace[] {
  const name = basename(file);
  const prefix = slotPrefix(pid);
  const thread = name.startsWith(prefix) ? name.slice(prefix.length) : "";
  return /^\d{1,10}$/.test(thread) ? [{ path, thread: Number(thread) }] : [];
}

/** Returns the path of an open file, or an empty text if it has been closed in the meantime. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "";
    throw error;
  }
}

function bounded<T>(entries: readonly T[]): readonly T[] {
  if (entries.length > MAX_ENTRIES) throw new BorunaError("telemetry.not_readable", `more than ${MAX_ENTRIES} files to search for slots`);
  return entries;
}

function readSlot(path: string, thread: number, owner: number | undefined): SpanIds | undefined {
  return asNotReadable(`the slot of thread ${thread}`, () => {
    // On Linux the path is a link of /proc, which leads to the file that the process opened. On other systems, refuse links.
    const file = openSync(path, constants.O_RDONLY | (process.platform === "linux" ? 0 : constants.O_NOFOLLOW) | constants.O_NONBLOCK);
    try {
      const { uid, size } = fstatSync(file);
      if (!fstatSync(file).isFile() || size !== SLOT_BYTES) throw notASlot(thread, `it is not a file of ${SLOT_BYTES} bytes`);
      if (owner !== undefined && uid !== owner) throw notASlot(thread, "it belongs to another user than the process");
      return readIds(file, thread);
    } finally {
      closeSync(file);
    }
  });
}

/** Reads the slot in an open file until two reads in a row return the same complete slot. Returns undefined if its record is invalid. */
export function readIds(file: number, thread: number): SpanIds | undefined {
  const reads = [Buffer.alloc(SLOT_BYTES), Buffer.alloc(SLOT_BYTES)] as const;
  for (let i = 0; i < MAX_ATTEMPTS; i++) {
    if (i >= QUICK_ATTEMPTS) Atomics.wait(NEVER_NOTIFIED, 0, 0, 1);
    for (const read of reads) readSync(file, read, 0, SLOT_BYTES, 0);
    if (!reads[0].equals(reads[1])) continue;
    const slot = decodeSlot(reads[1]);
    if (slot.state === "unknown") throw notASlot(thread, slot.problem);
    if (slot.state !== "writing") return slot.state === "valid" ? slot.ids : undefined;
  }
  throw new BorunaError("telemetry.slot_busy", `the slot of thread ${thread} was being written at each of ${MAX_ATTEMPTS} reads`, {
    hint: "Try again. If it stays so, the process was stopped in the middle of a write.",
  });
}

function notASlot(thread: number, problem: string): BorunaError {
  return new BorunaError("telemetry.not_a_slot", `the slot of thread ${thread} cannot be used: ${problem}`);
}

/** Runs `body`, and turns its system errors into `telemetry.not_readable`. */
function asNotReadable<T>(what: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof BorunaError || errorCode(error) === "") throw error;
    throw new BorunaError("telemetry.not_readable", `cannot read ${what}: ${errorCode(error)}`, {
      hint: "Only the user of the process, or root, can read its slots. The process may also have ended meanwhile.",
      cause: error,
    });
  }
}
