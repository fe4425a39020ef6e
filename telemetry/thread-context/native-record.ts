/**
 * The record of this thread in the memory of the process. The optional native add-on (`native/`) makes the record and sets the
 * thread-local pointer `otel_thread_ctx_v1` to it (OTEP 4947). The process context (OTEP 4719) tells readers how to read the
 * record.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Environment, readVariable } from "../variables.ts";
import { processContext } from "./process-context.ts";
import { RECORD_BYTES, VALID_OFFSET } from "./slot.ts";
import type { ThreadContext } from "./slot.ts";

interface AddOn {
  /** Returns the record of this thread, and sets the pointer to it. Returns undefined if the thread already has one. */
  attach(): ArrayBuffer | undefined;
  /** Publishes the process context, unless the process has one. */
  publishProcessContext(payload: Uint8Array): void;
}

const FILE = "native/build/Release/thread_context.node";

/** Returns the record, or why there is none. Never throws: the add-on is optional. */
export function openNativeRecord(environment: Environment): ThreadContext | { readonly problem: string } {
  // The first path is right for the sources and the bundled command, the second for the built library.
  const paths = ["../../", "../../../"].map((path) => fileURLToPath(new URL(path + FILE, import.meta.url)));
  const path = paths.find((candidate) => existsSync(candidate));
  if (path === undefined) return { problem: "the native add-on is not built" };
  try {
    const addOn = { exports: {} };
    process.dlopen(addOn, path);
    if (!isAddOn(addOn.exports)) return { problem: "the native add-on is of another version" };
    const memory = addOn.exports.attach();
    if (memory?.byteLength !== RECORD_BYTES) return { problem: "another copy of Boruna publishes the context of this thread" };
    addOn.exports.publishProcessContext(processContext(readVariable(environment, "OTEL_SERVICE_NAME")));
    return new NativeRecord(new Uint8Array(memory));
  } catch (error) {
    return { problem: `the native add-on cannot be loaded (${error instanceof Error ? error.message : "it failed"})` };
  }
}

function isAddOn(exports: object): exports is AddOn {
  return ["attach", "publishProcessContext"].every((name) => typeof Object.getOwnPropertyDescriptor(exports, name)?.value === "function");
}

/** Readers stop the thread before they read, so only the order of the writes matters. `Atomics.store` writes `valid` after the ids. */
class NativeRecord implements ThreadContext {
  readonly #memory: Uint8Array;
  /** The record whose ids are in the memory. */
  #record: Uint8Array | undefined;

  constructor(memory: Uint8Array) {
    this.#memory = memory;
  }

  enter(record: Uint8Array): void {
    if (record !== this.#record) {
      this.#record = record;
      this.#memory.set(record.subarray(0, VALID_OFFSET));
      this.#memory.set(record.subarray(VALID_OFFSET + 1), VALID_OFFSET + 1);
    }
    Atomics.store(this.#memory, VALID_OFFSET, 1);
  }

  leave(): void {
    Atomics.store(this.#memory, VALID_OFFSET, 0);
  }
}
