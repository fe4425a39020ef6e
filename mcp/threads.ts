/** Runs each call of a tool that compiles or runs a program in its own thread, so that the server can answer other requests. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { BorunaError, errorCode } from "../vm/error.ts";
import { CANCEL, type FromThread, type Job, type Progress } from "./job.ts";
import type { ToolAnswer } from "./settings.ts";

/** Maximum number of threads at a time. Further calls are refused. */
const MAX_THREADS = 16;
/** How long a canceled run may take to close its log, in milliseconds. Then its thread is terminated. */
const CANCEL_MS = 150;

export interface ThreadAnswer {
  readonly answer: ToolAnswer;
  readonly isError: boolean;
}

/** The running threads. */
export interface Threads {
  /** Runs the tool of the job in a thread. Throws `mcp.busy`, `mcp.canceled`, and `mcp.thread` if the thread ends without an answer. */
  run(job: Job, signal: AbortSignal, onProgress: (progress: Progress) => void): Promise<ThreadAnswer>;
  /** Ends all threads. */
  close(): Promise<void>;
}

export function createThreads(): Threads {
  const workers = new Set<Worker>();
  return {
    run: async (job, signal, onProgress) => {
      if (workers.size >= MAX_THREADS)
        throw new BorunaError("mcp.busy", `${MAX_THREADS} tool calls run already`, { hint: "try again when one has ended" });
      // Stdout belongs to the protocol, so the output of a thread must not get there.
      const worker = new Worker(threadFile(), { workerData: job, stdout: true, stderr: true });
      worker.stdout.resume();
      worker.stderr.on("data", (chunk: Uint8Array) => process.stderr.write(chunk));
      workers.add(worker);
      worker.once("exit", () => workers.delete(worker));
      return answerOf(worker, signal, onProgress);
    },
    close: async () => {
      await Promise.all([...workers].map((worker) => worker.terminate()));
    },
  };
}

/** Returns the main file of the thread: bundled beside the command, or the module in this folder. */
function threadFile(): string {
  const candidates = ["./mcp/thread.js", "./thread.js"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined) throw new BorunaError("internal", "the file of the MCP threads is missing");
  return found;
}

function answerOf(worker: Worker, signal: AbortSignal, onProgress: (progress: Progress) => void): Promise<ThreadAnswer> {
  return new Promise((resolve, reject) => {
    let killTimer: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      worker.postMessage(CANCEL);
      killTimer = setTimeout(() => void worker.terminate(), CANCEL_MS);
    };
    const end = (): void => {
      // Over HTTP, the signal also aborts after the call has ended normally.
      signal.removeEventListener("abort", cancel);
      clearTimeout(killTimer);
    };
    worker.on("message", (message: FromThread) => {
      if (message.type === "progress") return onProgress(message.progress);
      end();
      resolve({ answer: message.answer, isError: message.isError });
    });
    worker.once("error", (error) => {
      end();
      const isMemory = errorCode(error) === "ERR_WORKER_OUT_OF_MEMORY";
      const message = isMemory ? "the program needed more memory than the server has" : "the thread of the tool failed: a bug in Boruna";
      reject(new BorunaError("mcp.thread", message, { cause: error, hint: isMemory ? "lower max_alloc_bytes" : undefined }));
    });
    worker.once("exit", () => {
      end();
      reject(
        new BorunaError(signal.aborted ? "mcp.canceled" : "mcp.thread", signal.aborted ? "the call was canceled" : "the thread ended"),
      );
    });
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel, { once: true });
  });
}
