/**
 * Decides about the call at which a suspended run waits for an approval: appends the decision to the log. `resume` then continues the run,
 * in any process.
 */
import { type Decision, isDeciderName, signedBytes } from "../gateway/approval.ts";
import type { SuspendedCall } from "../gateway/call.ts";
import { type SigningKey, signingKeyOf } from "../gateway/signing.ts";
import { type RunLog, readLog } from "../replay/log/log-reader.ts";
import { fileStamp } from "../replay/log/log-file.ts";
import { readOpenJournal, removeOpenJournal } from "../replay/log/open-journal.ts";
import { writeOpenMark } from "../replay/log/open-mark.ts";
import { continueRecorder } from "../replay/log/file-recorder.ts";
import { replayRun, type ReplayReport } from "../replay/replay.ts";
import { BorunaError } from "../vm/error.ts";

/** What is decided, and by whom. */
export interface ApproveOptions {
  /** The number of the waiting call. The result of the suspended run has it. */
  readonly call: number;
  /** The hash of the waiting call, which the result of the suspended run has. If the log has another call, `approve` records nothing and throws. */
  readonly hash?: string | undefined;
  readonly decision: Decision["decision"];
  /** Who decides: 1 to 128 printable characters. */
  readonly by: string;
  /** The text of a PEM file with an Ed25519 private key. Needed if the policy's rule names keys. */
  readonly key?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What `approve` returns. */
export interface DecidedCall {
  readonly runId: string;
  readonly call: SuspendedCall;
  readonly decision: Decision["decision"];
  readonly by: string;
  /** The public key of the signature; undefined if the policy's rule names no keys. */
  readonly publicKey: string | undefined;
  /** Hash of the decision's record, which covers all earlier records. */
  readonly head: string | undefined;
}

/**
 * Returns the call at which the run waits for an approval. Replays the log, to refuse one that the program in it has not made. Throws
 * `log.*`, `log.not_waiting` if no call waits for an approval.
 */
export async function waitingCall(path: string, signal?: AbortSignal): Promise<SuspendedCall> {
  return (await readWaiting(path, signal)).call;
}

interface Waiting {
  readonly log: RunLog;
  readonly call: SuspendedCall;
  /** The file's stamp (`fileStamp`), taken before the file was read. */
  readonly stamp: string | undefined;
}

async function readWaiting(path: string, signal: AbortSignal | undefined): Promise<Waiting> {
  const stamp = fileStamp(path);
  const log = readLog(path);
  if (log.format !== "log") throw notWaiting(log.file, "it is an event log, which has no policy");
  if (log.openCall === undefined) throw notWaiting(log.file, log.end === undefined ? "its last call has an answer" : "the run has ended");
  const { max_steps, max_alloc_bytes } = log.header.limits;
  const limits = { max_steps, max_alloc_bytes };
  const report = await replayRun(log, { tracing: false, limits, ...(signal === undefined ? {} : { signal }) });
  const { suspended } = report.result;
  if (report.divergence !== undefined) {
    throw new BorunaError("log.divergence", `the run does not do what its log says: ${report.divergence.message}`, {
      place: { file: log.file },
      hint: `Nothing was changed. boruna replay ${log.file} shows the difference.`,
    });
  }
  if (suspended === undefined) throw notWaiting(log.file, whyNotWaiting(log, report));
  return { log, call: suspended, stamp };
}

function whyNotWaiting({ openCall }: RunLog, { status }: ReplayReport): string {
  if (status === "interrupted") return "the replay was interrupted";
  if (openCall?.decision !== undefined) return `the call of ${openCall.capability} is already ${openCall.decision}; boruna resume goes on`;
  return `the policy asks for no approval of the last call, of ${openCall?.capability ?? "?"}`;
}

function notWaiting(file: string, reason: string): BorunaError {
  return new BorunaError("log.not_waiting", `no call in ${file} waits for an approval: ${reason}`, { place: { file } });
}

/**
 * Appends the decision to the log at `path`. Throws what `waitingCall` throws, `log.other_call` for another call or other arguments,
 * `log.approval_key` for a missing or foreign key, `usage` for the options, `log.locked`, `log.io_error`. An error leaves the log unchanged.
 */
export async function approve(path: string, options: ApproveOptions): Promise<DecidedCall> {
  const { by, decision } = options;
  if (!isDeciderName(by)) throw new BorunaError("usage", "by: expected 1 to 128 printable characters");
  if (decision !== "approved" && decision !== "denied") throw new BorunaError("usage", "decision: expected approved or denied");
  const { log, call, stamp } = await readWaiting(path, options.signal);
  checkCall(log, call, options);
  const { runId } = log.header;
  const facts = { runId, call: call.call, hash: call.hash, decision, by };
  const key = signingKey(log, call, options.key);
  const signature = key?.sign(signedBytes(facts)) ?? "";
  const recorder = continueRecorder(log, stamp, { durable: true });
  try {
    // The mark is written first, because a mark without the decision has no effect. A journal says itself that no process has begun the call.
    if (decision === "approved" && log.openCall !== undefined && readOpenJournal(log) === undefined) {
      removeOpenJournal(path);
      writeOpenMark(path, { kind: "approved", hash: log.openCall.hash });
    }
    recorder.append({ type: "Approval", call: call.call, hash: call.hash, decision, by, signature });
    const { head } = recorder.suspend();
    return { runId, call, decision, by, publicKey: key?.publicKey, head };
  } finally {
    recorder.abandon();
  }
}

function checkCall({ file }: RunLog, call: SuspendedCall, options: ApproveOptions): void {
  const hint = `Nothing was changed. boruna resume ${file} shows the call that waits.`;
  if (options.call !== call.call) {
    const message = `call ${options.call} does not wait for an approval; call ${call.call} of ${call.capability} does`;
    throw new BorunaError("log.other_call", message, { place: { file }, hint });
  }
  if (options.hash !== undefined && options.hash !== call.hash) {
    const message = `call ${call.call} of ${call.capability} has the hash ${call.hash}, not ${options.hash.slice(0, 80)}: its arguments differ`;
    throw new BorunaError("log.other_call", message, { place: { file }, hint });
  }
}

/** Returns the key that signs, or undefined if no signature is needed. */
function signingKey({ file }: RunLog, { keys }: SuspendedCall, pem: string | undefined): SigningKey | undefined {
  const fail = (message: string, hint: string): never => {
    throw new BorunaError("log.approval_key", message, { place: { file }, hint });
  };
  if (keys.length === 0) {
    return pem === undefined
      ? undefined
      : fail("the policy's rule names no keys, so a signature would prove nothing", "Leave out the key.");
  }
  if (pem === undefined)
    return fail("the policy's rule names keys: the decision must be signed", "Give the private key in the option `key`.");
  const key = signingKeyOf(pem);
  if (key === undefined)
    return fail("the key is not an Ed25519 private key in PEM form, without a passphrase", "boruna keygen FILE makes one.");
  if (!keys.includes(key.publicKey))
    return fail(`the key ${key.publicKey} is not one of the policy's rule`, "Ask somebody who has one of its keys.");
  return key;
}
