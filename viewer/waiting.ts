/** Finds out what a suspended run waits for. */
import { needsApproval } from "../replay/approvals.ts";
import { loadEvent } from "../replay/log/event-json.ts";
import { recordedPolicy } from "../replay/replay.ts";
import { BorunaError } from "../vm/error.ts";
import type { Waiting } from "./api.ts";
import type { LogIndex } from "./log-index.ts";
import { recordedProgramOf } from "./recorded-program.ts";

const cache = new WeakMap<LogIndex, { readonly version: number; readonly waiting: Waiting | undefined }>();

/** Returns the call at which the run waits. Undefined if it does not wait, or if its program or policy cannot be read. Cached until the log changes. */
export function waitingCall(index: LogIndex): Waiting | undefined {
  const cached = cache.get(index);
  if (cached?.version === index.version) return cached.waiting;
  let waiting: Waiting | undefined;
  try {
    waiting = findWaitingCall(index);
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
  }
  cache.set(index, { version: index.version, waiting });
  return waiting;
}

function findWaitingCall(index: LogIndex): Waiting | undefined {
  const log = index.toRunLog();
  if (log?.openCall === undefined || log.end !== undefined) return undefined;
  const { n: event, capability, mark, decision } = log.openCall;
  const call = index.callOfEvent(event) ?? 0;
  const resume = `boruna resume ${shellWord(index.file)}`;
  const common = { call, event, capability, decision };
  if (mark === "later") return { ...common, for: "answer", commands: [resume] };
  if (decision === undefined) {
    const [logged] = index.readEvents([event]);
    const content = logged === undefined ? undefined : loadEvent(logged.event, log.blobs);
    if (content?.type !== "CapCall" || !needsApproval(content, recordedProgramOf(index), recordedPolicy(log))) return undefined;
    const approve = `boruna approve ${shellWord(index.file)} --call ${call}`;
    return { ...common, for: "approval", commands: [approve, `${approve} --deny`] };
  }
  // A process deletes the mark `LOG.open` (`replay/log/open-mark.ts`) before it makes the approved call. So without the mark, the call has
  // already begun.
  return decision === "approved" && mark === undefined ? undefined : { ...common, for: "approval", commands: [resume] };
}

/** Quotes a text so that a POSIX shell reads it as one word. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) && !text.startsWith("-") ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
