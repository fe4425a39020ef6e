/** Publishes the thread context of this thread. Removes the thread's slot when the thread or the process ends. */
import { readlinkSync } from "node:fs";
import { isMainThread, threadId } from "node:worker_threads";
import type { Environment } from "../variables.ts";
import { FileSlot, removeSlotsOfProcess, slotFolder } from "./file-slot.ts";
import { openNativeRecord } from "./native-record.ts";
import type { ThreadContext } from "./slot.ts";
import { errorCode } from "../../vm/error.ts";

/** Signals that end a process which does not handle them. */
const ENDING_SIGNALS = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

/** The publisher of this thread. Undefined until the first call of `publisherOfThread`. */
let opened: { readonly publisher: ThreadContext | undefined } | undefined;

/** Returns the publisher of this thread. The first call opens it. Returns undefined if the slot cannot be created. */
export function publisherOfThread(environment: Environment, report: (line: string) => void): ThreadContext | undefined {
  opened ??= { publisher: openPublisher(environment, report) };
  return opened.publisher;
}

function openPublisher(environment: Environment, report: (line: string) => void): ThreadContext | undefined {
  const folder = slotFolder(environment);
  try {
    const slot = new FileSlot(folder, process.pid, threadNumber());
    const remove = (): void => removeSlots(folder, slot);
    removeAtEnd(remove);
    const native = openNativeRecord(environment);
    if ("problem" in native && environment["BORUNA_DEBUG"] === "1")
      report(`thread context: the file slot alone, because ${native.problem}`);
    return new Publisher("problem" in native ? [slot] : [slot, native], (error) => {
      remove();
      report(`thread context is off: cannot write the slot: ${errorCode(error) || "it failed"}`);
    });
  } catch (error) {
    report(`thread context is off: cannot create a slot in ${folder}: ${errorCode(error) || "it failed"}`);
    return undefined;
  }
}

/** Returns the thread id of the operating system, if Linux shows it in /proc. Otherwise returns Node's number of the thread. */
function threadNumber(): number {
  if (process.platform !== "linux") return threadId;
  try {
    const [, pid, thread] = /^(\d+)\/task\/(\d+)$/.exec(readlinkSync("/proc/thread-self")) ?? [];
    if (Number(pid) === process.pid) return Number(thread);
  } catch {
    // /proc is not mounted.
  }
  // On Linux, the main thread has the id of the process.
  return isMainThread ? process.pid : threadId;
}

/** Publishes to the file slot and the native record. After a failed write it stops publishing, because telemetry never affects a run. */
class Publisher implements ThreadContext {
  readonly #onFailure: (error: unknown) => void;
  /** The file slot, and the native record if there is one. */
  #places: readonly ThreadContext[];
  /** Whether a record is published and valid. */
  #isValid = false;

  constructor(places: readonly ThreadContext[], onFailure: (error: unknown) => void) {
    this.#places = places;
    this.#onFailure = onFailure;
  }

  enter(record: Uint8Array): void {
    // The old record must be invalid before its ids are overwritten.
    this.leave();
    this.#isValid = true;
    this.#atPlaces((place) => place.enter(record));
  }

  leave(): void {
    if (!this.#isValid) return;
    this.#isValid = false;
    this.#atPlaces((place) => place.leave());
  }

  /** Calls `body` for each place where the context is published. After an error, publishes nothing more. */
  #atPlaces(body: (place: ThreadContext) => void): void {
    try {
      for (const place of this.#places) body(place);
    } catch (error) {
      this.#places = [];
      this.#onFailure(error);
    }
  }
}

function removeSlots(folder: string, slot: FileSlot): void {
  try {
    slot.remove();
    // The main thread ends last, so it also removes the slots that terminated workers left behind.
    if (isMainThread) removeSlotsOfProcess(folder, process.pid);
  } catch {
    // The file or the folder is gone. The thread is ending, so the error cannot be reported.
  }
}

/** Calls `remove` when this thread ends: at its normal end, `process.exit`, an uncaught error, or a signal that nothing else handles. */
function removeAtEnd(remove: () => void): void {
  process.on("exit", remove);
  // Workers get no signals.
  if (!isMainThread) return;
  for (const name of ENDING_SIGNALS) {
    const onSignal = (): void => {
      // If anything else listens, it decides what the signal does.
      if (process.listenerCount(name) > 1) return;
      remove();
      process.off(name, onSignal);
      process.kill(process.pid, name);
    };
    // This listener must run before all others: `listenerCount` does not count a `once` listener that has already run.
    process.prependListener(name, onSignal);
  }
}
