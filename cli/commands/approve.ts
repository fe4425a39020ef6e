import { existsSync } from "node:fs";
import type { SuspendedCall } from "../../gateway/call.ts";
import { approve, type ApproveOptions, type DecidedCall, waitingCall } from "../../runtime/approve.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import { approvalRequestLines } from "../approval.ts";
import { userName } from "../approval-prompt.ts";
import { suspendedJson } from "../../runtime/execution-json.ts";
import type { ApproveRunOptions } from "../../worker/api.ts";
import { type DatabaseFlags, databaseUrlOf, withClient } from "../database-flag.ts";
import { readKey } from "../keys.ts";
import { omitUndefined } from "../omit-undefined.ts";
import type { CommandSession } from "../session.ts";
import { printJson } from "../terminal.ts";

/** The options of `boruna approve`, which `command-table.ts` explains. */
export interface ApproveFlags extends DatabaseFlags {
  readonly call?: string;
  readonly deny?: boolean;
  readonly by?: string;
  readonly key?: string;
  readonly hash?: string;
}

export async function approveCommand(session: CommandSession, file: string, flags: ApproveFlags): Promise<number> {
  const { terminal, json } = session;
  // A submitted run is named by its id, not by a log file.
  if (!existsSync(file) && (await databaseUrlOf(flags)) !== undefined) return approveSubmitted(session, file, flags);
  if (flags.call === undefined) throw await missingCallError(file);
  const decided = await approve(file, {
    call: callNumber(flags.call),
    decision: flags.deny === true ? "denied" : "approved",
    by: flags.by ?? userName(),
    ...omitUndefined<ApproveOptions>({ hash: flags.hash, key: flags.key === undefined ? undefined : readKey(flags.key) }),
  });
  if (json) printJson(terminal, decidedJson(file, decided));
  else for (const line of decidedLines(file, decided)) terminal.out(line);
  return EXIT.done;
}

async function approveSubmitted({ terminal, json }: CommandSession, runId: string, flags: ApproveFlags): Promise<number> {
  const decision = flags.deny === true ? "denied" : "approved";
  const by = flags.by ?? userName();
  const call = await withClient(flags, async (client) => {
    const { waiting } = await client.show(runId);
    if (flags.call === undefined) throw whichCallError(runId, waiting);
    const number = callNumber(flags.call);
    const keyText = flags.key === undefined ? undefined : readKey(flags.key);
    await client.approve(runId, { call: number, decision, by, ...omitUndefined<ApproveRunOptions>({ hash: flags.hash, key: keyText }) });
    return waiting.find((candidate) => candidate.call === number);
  });
  if (json) printJson(terminal, { run_id: runId, call: call === undefined ? null : suspendedJson(call), decision, by });
  else if (call !== undefined) {
    const [request = "", ...args] = approvalRequestLines(call);
    for (const line of [`${decision} by ${by}: ${request}`, ...args, "the workers go on with the run"]) terminal.out(line);
  }
  return EXIT.done;
}

/** Returns the error for a missing `--call` of a submitted run. It shows the calls that wait. */
function whichCallError(runId: string, waiting: readonly SuspendedCall[]): BorunaError {
  const calls = waiting.filter(({ waitsFor }) => waitsFor === "approval");
  const [first] = calls;
  if (first === undefined) return new BorunaError("worker.not_waiting", `no call of run ${runId} waits for an approval`);
  return new BorunaError("usage", `which call? This one waits:\n${calls.flatMap(approvalRequestLines).join("\n")}`, {
    hint: `boruna approve ${runId} --call ${first.call} approves it, with --deny it is refused`,
  });
}

/** Returns the error for a missing `--call`. It shows the call that waits, so that nobody approves what they have not seen. */
async function missingCallError(file: string): Promise<BorunaError> {
  const call = await waitingCall(file);
  return new BorunaError("usage", `which call? This one waits:\n${approvalRequestLines(call).join("\n")}`, {
    hint: `boruna approve ${file} --call ${call.call} approves it, with --deny it is refused`,
  });
}

function callNumber(text: string): number {
  if (/^[1-9][0-9]{0,14}$/.test(text)) return Number(text);
  throw new BorunaError("usage", `--call ${text}: expected the number of a call, such as 3`);
}

function decidedLines(file: string, { call, decision, by, publicKey }: DecidedCall): readonly string[] {
  const [request = "", ...args] = approvalRequestLines(call);
  return [
    `${decision} by ${by}${publicKey === undefined ? " (not signed)" : ` (signed with ${publicKey})`}: ${request}`,
    ...args,
    `boruna resume ${file} goes on with the run`,
  ];
}

function decidedJson(file: string, { runId, call, decision, by, publicKey, head }: DecidedCall): Readonly<Record<string, unknown>> {
  return { log: file, run_id: runId, call: suspendedJson(call), decision, by, public_key: publicKey ?? null, head };
}
