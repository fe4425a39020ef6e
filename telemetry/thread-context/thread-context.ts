/**
 * Thread context: tells profilers and security agents outside the process under which span the machine runs (ADR 026).
 *
 *   ../otel.ts     calls `enter` when the machine starts or resumes a run, and `leave` when other code gets the thread
 *   publisher.ts   publishes the ids of the span in two places:
 *   file slot      `boruna-ctx-PID-TID`, 64 bytes; always
 *   native add-on  the thread-local pointer `otel_thread_ctx_v1`; on Linux, if somebody has built the add-on
 *   reader.ts      finds and reads the slots of another process, for `boruna context`
 *
 * Each thread has a slot of its own, and only that thread writes it. slot.ts declares the layout.
 */
import { type Environment, readVariable } from "../variables.ts";
import type { ThreadContext } from "./slot.ts";

/**
 * Returns the thread context of this thread, or undefined if the environment does not ask for one or no slot can be made.
 * `report` receives one line, without a prefix, if something does not work.
 */
export async function openThreadContext(environment: Environment, report: (line: string) => void): Promise<ThreadContext | undefined> {
  if (readVariable(environment, "BORUNA_THREAD_CONTEXT") !== "1") return undefined;
  const { publisherOfThread } = await import("./publisher.ts");
  return publisherOfThread(environment, report);
}
