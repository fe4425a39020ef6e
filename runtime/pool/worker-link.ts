/** Starts a worker as a thread or a process, which uses the messages of `messages.ts`. The pool survives if V8 aborts in a worker process. */
import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { BorunaError, errorCode } from "../../vm/error.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

/** Whether a worker is a thread or a process. */
export type Isolation = "thread" | "process";

export interface WorkerLink {
  send(message: ToWorker): void;
  /** Ends the worker, whatever it does. `onExit` follows. */
  stop(): void;
  /** Whether the worker keeps the process of the pool alive. */
  keepAlive(isNeeded: boolean): void;
}

export interface WorkerEvents {
  readonly onMessage: (message: FromWorker) => void;
  /** The worker has ended. `why` completes the sentence "the worker …". No message follows. */
  readonly onExit: (why: string) => void;
}

/** Starts a worker. `heapBytes` limits its V8 heap. */
export function startWorker(isolation: Isolation, heapBytes: number, events: WorkerEvents): WorkerLink {
  const heapMb = Math.ceil(heapBytes / 2 ** 20);
  return isolation === "thread" ? startThread(heapMb, events) : startProcess(heapMb, events);
}

/**
 * The size of a thread's young generation in MiB: an eighth of V8's default. If all of it is alive, a collection stops the runs beside it for an
 * eighth of the time. Programs that keep what they make need about as much processor time as with four times the size (0.83 to 1.2 times).
 */
const YOUNG_MB = 6;

/** The reason for `onExit` if the worker's heap was full. */
export const OUT_OF_MEMORY = "needed more memory than it may have";

function startThread(heapMb: number, { onMessage, onExit }: WorkerEvents): WorkerLink {
  const resourceLimits = { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: YOUNG_MB };
  const worker = new Worker(workerFile(), { resourceLimits });
  let why = "was ended";
  worker.on("message", onMessage);
  worker.once("error", (error) => {
    why = errorCode(error) === "ERR_WORKER_OUT_OF_MEMORY" ? OUT_OF_MEMORY : `failed: ${error instanceof Error ? error.message : "a bug"}`;
  });
  worker.once("exit", () => onExit(why));
  worker.unref();
  return {
    send: (message) => worker.postMessage(message),
    stop: () => void worker.terminate(),
    keepAlive: (isNeeded) => (isNeeded ? worker.ref() : worker.unref()),
  };
}

function startProcess(heapMb: number, { onMessage, onExit }: WorkerEvents): WorkerLink {
  // V8 prints many lines when it aborts. They are of no use to the caller.
  const child = fork(workerFile(), {
    serialization: "advanced",
    execArgv: [`--max-old-space-size=${heapMb}`],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  child.on("message", onMessage);
  const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
    const how = signal === null ? `exit code ${code}` : signal;
    const why = signal === "SIGABRT" ? OUT_OF_MEMORY : `ended with ${how}`;
    // Messages that the worker has sent may still arrive until the channel is disconnected.
    if (child.connected) child.once("disconnect", () => onExit(why));
    else onExit(why);
  };
  child.once("exit", ended);
  // A process that cannot be started emits no `exit`.
  child.once("error", (error) => {
    if (child.pid === undefined) onExit(`cannot be started: ${error.message}`);
  });
  const keepAlive = (isNeeded: boolean): void => {
    const channel = child.channel;
    if (isNeeded) {
      child.ref();
      channel?.ref();
    } else {
      child.unref();
      channel?.unref();
    }
  };
  keepAlive(false);
  return {
    // An error of the channel means that the process has ended, and `exit` reports that.
    send: (message) => void child.send(message, () => undefined),
    stop: () => void child.kill("SIGKILL"),
    keepAlive,
  };
}

/** Returns the main file of workers. In the built package, it is beside this file; for the source, it is in `dist/`. */
function workerFile(): string {
  const candidates = ["./worker.js", "../../dist/runtime/pool/worker.js"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined) throw new BorunaError("internal", "the file of the pool's workers is missing");
  return found;
}
