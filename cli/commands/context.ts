import { readThreadContext, type ThreadSpan } from "../../telemetry/thread-context/reader.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import type { CommandSession } from "../session.ts";
import { printJson } from "../terminal.ts";

export function contextCommand({ terminal, json }: CommandSession, pidText: string): number {
  if (!/^[1-9]\d{0,9}$/.test(pidText)) {
    throw new BorunaError("usage", "the argument is not a process id", { hint: "give a number, as `ps` and `pgrep` print it" });
  }
  const pid = Number(pidText);
  const threads = readThreadContext(pid, process.env);
  if (json) printJson(terminal, { ok: true, pid, threads: threads.map(threadJson) });
  else for (const thread of threads) terminal.out(threadLine(thread));
  return EXIT.done;
}

function threadJson({ thread, ids }: ThreadSpan): Readonly<Record<string, unknown>> {
  return { thread, valid: ids !== undefined, trace_id: ids?.traceId, span_id: ids?.spanId, trace_flags: ids?.traceFlags };
}

function threadLine({ thread, ids }: ThreadSpan): string {
  if (ids === undefined) return `thread ${thread}  invalid`;
  return `thread ${thread}  valid  trace=${ids.traceId}  span=${ids.spanId}  flags=${ids.traceFlags.toString(16).padStart(2, "0")}`;
}
