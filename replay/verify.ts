/**
 * Verifies a log: checks that the log is complete and unchanged, and says what that proves. The checks run in this order, and the first
 * failed check ends the verification:
 *
 * - chain: every record has the right form, and its hash continues the chain;
 * - end: there is an end record with the right number of events, or the run is suspended;
 * - blobs: every blob that a record refers to exists and has the right hash. A blob that the caller lists as redacted must be missing, and
 *   nothing else may be in the folder of blobs;
 * - module, policy: the module and the policy have the hashes that are in the header;
 * - approvals, if the log has decisions: each decision is about its call, and signed if the policy's rule names keys;
 * - signature, if the log has one or the caller names a key: the owner of the key has signed the last hash;
 * - head, if the caller expects one: the last hash equals the expected hash;
 * - replay, if the caller asks for it: the program does exactly what the log says.
 */
import { basename } from "node:path";
import { publicKeyOf } from "../gateway/signing.ts";
import { BorunaError } from "../vm/error.ts";
import type { Outcome } from "../vm/outcome.ts";
import { loadCanonicalValue } from "./log/blob-values.ts";
import type { RecordedEnd } from "./log/end-record.ts";
import { hasBlobs } from "./log/event-json.ts";
import { type HeadSignature, isValidSignature } from "./log/head-signature.ts";
import { LOG_LIMITS, type LogLimits } from "./log/log-limits.ts";
import { isRunLog, logRecords, parseRunLog, type LogRecord, type RunLog } from "./log/log-reader.ts";
import { blobsOfRecord } from "./log/record-blobs.ts";
import { fileSource, type LogSource, type OnRead } from "./log/log-source.ts";
import { type ApprovalCounts, checkApprovals, waitingText } from "./approvals.ts";
import { recordedPolicy, recordedProgram, type ReplayOptions, replayRun, type ReplayReport } from "./replay.ts";
import type { ReplayLimits } from "./replay-limits.ts";

export interface VerifyOptions {
  /** The hash that the log must end with. It proves something only if the caller kept it where the writer of the log could not change it. */
  readonly expectHead?: string | undefined;
  /** The public key that must have signed the log: PEM, or the base64 of its DER form. */
  readonly key?: string | undefined;
  /** Whether to replay the log, too. */
  readonly replay?: boolean | undefined;
  /**
   * The SHA-256 of each redacted blob. The log must name the blob, and the blob's file must be missing. Any other missing blob is a failure.
   * `verifyEvidence` gets this set from a signed statement.
   */
  readonly redacted?: ReadonlySet<string> | undefined;
  /** Limits on the replay, see `limits` in `ReplayOptions`. */
  readonly replayLimits?: ReplayLimits | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly limits?: Partial<LogLimits> | undefined;
  /** Called while the log is read. The log is read several times. */
  readonly onRead?: OnRead | undefined;
}

type CheckName = "chain" | "end" | "blobs" | "module" | "policy" | "approvals" | "signature" | "head" | "replay";

interface Check {
  readonly name: CheckName;
  readonly ok: boolean;
  /** What the check found, in one sentence. */
  readonly detail: string;
}

export interface Failure {
  readonly check: CheckName;
  /** A stable error kind: `log.*`, or the kind of an error in the module or the policy. */
  readonly kind: string;
  readonly reason: string;
  /** Number of the first invalid line; undefined if the failure does not belong to a line. */
  readonly line: number | undefined;
  /** What this usually means, or what to do next. */
  readonly hint: string | undefined;
}

export interface Verification {
  readonly ok: boolean;
  readonly file: string;
  readonly runId: string | undefined;
  /** Number of events before the first invalid record. */
  readonly events: number;
  readonly outcome: Outcome | undefined;
  /** Hash of the last record before the first invalid one. */
  readonly head: string | undefined;
  /** The checks that were made, in order. */
  readonly checks: readonly Check[];
  readonly failure: Failure | undefined;
  readonly proves: readonly string[];
  readonly doesNotProve: readonly string[];
  readonly replay: ReplayReport | undefined;
  /** How many decisions about calls are signed with a key of the policy, and how many are unsigned claims. */
  readonly approvals: ApprovalCounts;
}

/**
 * Verifies the log at `path`. The result says whether the log is valid, and otherwise which check failed first. Throws `usage` for an invalid
 * `expectHead` or `key`, `log.io_error` if the files cannot be read, and `log.replay_limit` if the replay would use more than `replayLimits` allow.
 */
export async function verifyLog(path: string, options: VerifyOptions = {}): Promise<Verification> {
  const {
    replay: replays,
    expectHead,
    key: givenKey,
    redacted = new Set(),
    limits: givenLimits,
    replayLimits = {},
    onRead,
    ...replayOptions
  } = options;
  const key = givenKey === undefined ? undefined : publicKeyOf(givenKey);
  if (key === undefined && givenKey !== undefined) throw new BorunaError("usage", "the key is no public Ed25519 key");
  const expectedHead = expectHead === undefined ? undefined : headDigest(expectHead);
  const limits = { ...LOG_LIMITS, ...givenLimits };
  const log = new CheckedLog(fileSource(path, limits, onRead), limits);
  const steps: readonly (readonly [CheckName, (() => string | undefined | Promise<string>) | undefined])[] = [
    ["chain", () => log.chain()],
    ["end", () => log.end()],
    ["blobs", () => log.blobs(redacted)],
    ["module", () => log.module()],
    ["policy", () => log.policy()],
    ["approvals", () => (log.hasApprovals ? log.approvals() : undefined)],
    ["signature", () => log.signature(key)],
    ["head", expectedHead === undefined ? undefined : () => log.head(expectedHead)],
    ["replay", replays === true ? () => log.replay({ ...replayOptions, limits: replayLimits }) : undefined],
  ];
  const checks: Check[] = [];
  let failure: Failure | undefined;
  for (const [name, check] of steps) {
    if (check !== undefined && failure === undefined) failure = await log.runCheck(name, check, checks);
  }
  const hasPassed = (name: CheckName): boolean => checks.some((check) => check.name === name && check.ok);
  const proven: Proven = {
    headGiven: hasPassed("head"),
    signedBy: hasPassed("signature") ? (key ?? null) : undefined,
    replayed: hasPassed("replay"),
    isSuspended: log.isSuspended,
    approvals: log.approvalCounts,
    redacted: redacted.size,
  };
  return {
    ok: failure === undefined,
    ...log.facts(),
    checks,
    failure,
    proves: failure === undefined ? proofs(proven) : [],
    doesNotProve: limitsOfProof(proven),
    approvals: log.approvalCounts,
  };
}

function headDigest(text: string): string {
  const digest = text.toLowerCase().replace(/^sha256:/, "");
  if (!/^[0-9a-f]{64}$/.test(digest)) throw new BorunaError("usage", "the expected head is not 64 hexadecimal digits");
  return digest;
}

/** The log under verification, and what the checks have found so far. Each check returns its `detail`, or throws. */
class CheckedLog {
  readonly #source: LogSource;
  readonly #limits: LogLimits;
  #runId: string | undefined;
  #events = 0;
  #lines = 0;
  #head: string | undefined;
  #end: RecordedEnd | undefined;
  #signature: HeadSignature | undefined;
  #hasBlobs = false;
  #isSuspended = false;
  #hasApprovals = false;
  #approvals: ApprovalCounts = { signed: 0, claimed: 0 };
  /** Undefined until the check of the chain has passed. */
  #log: RunLog | undefined;
  #replay: ReplayReport | undefined;

  constructor(source: LogSource, limits: LogLimits) {
    this.#source = source;
    this.#limits = limits;
  }

  /** Runs a check and adds its result to `checks`, unless it returns undefined because it does not apply. Returns the failure, if any. */
  async runCheck(name: CheckName, check: () => string | undefined | Promise<string>, checks: Check[]): Promise<Failure | undefined> {
    try {
      const detail = await check();
      if (detail !== undefined) checks.push({ name, ok: true, detail });
      return undefined;
    } catch (error) {
      if (!(error instanceof BorunaError) || ["log.io_error", "log.replay_limit", "internal", "usage"].includes(error.kind)) throw error;
      checks.push({ name, ok: false, detail: error.message });
      const line = error.place?.file === this.#source.name ? error.place.line : undefined;
      return { check: name, kind: error.kind, reason: error.message, line, hint: error.hint };
    }
  }

  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  facts(): Pick<Verification, "file" | "runId" | "events" | "outcome" | "head" | "replay"> {
    return {
      file: this.#source.name,
      runId: this.#runId,
      events: this.#events,
      outcome: this.#isSuspended ? "suspended" : this.#end?.outcome,
      head: this.#head,
      replay: this.#replay,
    };
  }

  chain(): string {
    if (!isRunLog(this.#source, this.#limits)) {
      throw this.#failure("log.no_chain", "the file is no run log, or an event log of the older form, which has no hashes to verify", 1);
    }
    this.#log = parseRunLog(this.#source, this.#limits, (record) => this.#noteRecord(record));
    return `the hashes of ${this.#lines} records form one chain`;
  }

  #noteRecord(record: LogRecord): void {
    this.#head = record.hash;
    this.#lines = record.line;
    if (record.kind === "header") this.#runId = record.header.runId;
    else if (record.kind === "end") {
      this.#end = record.end;
      this.#signature = record.signature;
    } else {
      this.#events = record.n;
      this.#hasApprovals ||= record.event.type === "Approval";
    }
    this.#hasBlobs ||= record.kind === "event" ? hasBlobs(record.event) : blobsOfRecord(record).length > 0;
  }

  end(): string {
    const cut = this.#log?.cut;
    if (cut !== undefined) throw this.#failure("log.cut", `the file is cut inside line ${cut.line}`, cut.line);
    const waits = this.#end === undefined ? waitingText(this.#parsed()) : undefined;
    if (waits !== undefined) {
      this.#isSuspended = true;
      return `there is no end record, because the run is suspended: ${waits}`;
    }
    if (this.#end === undefined)
      throw this.#failure("log.no_end", "the end record is missing: the run was killed, or the file cut", this.#lines + 1);
    return `${this.#events} events and the end record, which counts as many`;
  }

  approvals(): string {
    this.#approvals = checkApprovals(this.#parsed(), recordedPolicy(this.#parsed()));
    const { signed, claimed } = this.#approvals;
    return `about calls: ${decisions(signed)} signed with a key of the policy, ${claimed} claimed`;
  }

  get approvalCounts(): ApprovalCounts {
    return this.#approvals;
  }

  get hasApprovals(): boolean {
    return this.#hasApprovals;
  }

  /**
   * Reads the log again to collect the blobs that it names. The check of the chain does not collect them: a forged log could name too many
   * for memory.
   */
  blobs(redacted: ReadonlySet<string>): string {
    const moduleBlob = this.#parsed().header.program.moduleBlob.slice("sha256:".length);
    const checkedBlobs = new Map<string, number | undefined>([[moduleBlob, undefined]]);
    const unusedRedactions = new Set(redacted);
    for (const record of this.#hasBlobs ? logRecords(this.#source, this.#limits, { checksBytes: false }) : []) {
      for (const ref of blobsOfRecord(record)) {
        if (redacted.has(ref.sha256)) unusedRedactions.delete(ref.sha256);
        if (redacted.has(ref.sha256) || checkedBlobs.get(ref.sha256) === ref.bytes) continue;
        try {
          loadCanonicalValue(ref, this.#source.blobs);
        } catch (error) {
          if (!(error instanceof BorunaError) || error.kind === "log.io_error") throw error;
          throw this.#failure(error.kind.startsWith("log.") ? error.kind : "log.form", error.message, record.line, error);
        }
        checkedBlobs.set(ref.sha256, ref.bytes);
      }
    }
    const unknownFile = this.#source.blobs.findUnknown(checkedBlobs);
    if (unknownFile !== undefined)
      throw redacted.has(basename(unknownFile))
        ? this.#failure("log.redacted", `${unknownFile} is there, although its value is listed as redacted`)
        : this.#failure("log.blob_unknown", `${unknownFile} is beside the blobs, and no record of the log names it`);
    const [other] = unusedRedactions;
    if (other !== undefined) throw this.#failure("log.redacted", `no record names the redacted value ${other}`);
    const missing = redacted.size === 0 ? "" : `, ${redacted.size} are redacted`;
    return `${checkedBlobs.size - 1} values in blobs have the hashes that name them${missing}, and nothing else is beside them`;
  }

  module(): string {
    const { moduleHash } = recordedProgram(this.#parsed());
    return `the module beside the log is ${moduleHash} and passes the verifier`;
  }

  policy(): string {
    recordedPolicy(this.#parsed());
    return "the recorded policy has the hash in the header";
  }

  /** Checks that the owner of `key`, which the caller names, signed the log. Without a key, the log need not be signed, but a signature must be valid. */
  signature(key: string | undefined): string | undefined {
    const signature = this.#signature;
    if (signature === undefined) {
      if (key === undefined) return undefined;
      throw this.#failure(
        "log.signature",
        this.#isSuspended ? "the run is suspended, so its log is not signed yet" : "the log is not signed",
        this.#lines,
      );
    }
    if (!isValidSignature(signature, this.#runId ?? "", this.#head ?? ""))
      throw this.#failure("log.signature", "the signature is not one of this log's last hash by the key that it names", this.#lines);
    if (key !== undefined && signature.key !== key)
      throw this.#failure("log.signature", `the log is signed with another key: ${signature.key}`, this.#lines);
    return key === undefined ? `signed with the key ${signature.key}, of which nothing here says whose it is` : "signed with the given key";
  }

  head(expectedHead: string): string {
    if (this.#head !== expectedHead)
      throw this.#failure("log.head", `the log ends with the hash ${this.#head ?? "(none)"}, expected was ${expectedHead}`, this.#lines);
    return "the log ends with the expected hash";
  }

  async replay(options: ReplayOptions): Promise<string> {
    const report = await replayRun(this.#parsed(), { ...options, tracing: false });
    this.#replay = report;
    // Event n is on line n + 1, because line 1 is the header.
    if (report.divergence !== undefined)
      throw this.#failure("log.divergence", `the replay diverges: ${report.divergence.message}`, report.divergence.event + 1);
    if (report.status !== (this.#isSuspended ? "suspended" : "identical"))
      throw this.#failure("log.not_replayed", `the replay ended as ${report.status}`);
    return "the replay did exactly what the log says";
  }

  #parsed(): RunLog {
    if (this.#log === undefined) throw new BorunaError("internal", "a check ran before the check of the chain");
    return this.#log;
  }

  #failure(kind: BorunaError["kind"], message: string, line?: number, cause?: unknown): BorunaError {
    const hint = cause instanceof BorunaError ? cause.hint : undefined;
    return new BorunaError(kind, message, { place: { file: this.#source.name, line }, hint, cause });
  }
}

interface Proven {
  readonly headGiven: boolean;
  /** The caller's key, if it signed the log. Null: the log is signed, and the caller named no key. Undefined: the log is not signed. */
  readonly signedBy: string | null | undefined;
  readonly replayed: boolean;
  readonly isSuspended: boolean;
  readonly approvals: ApprovalCounts;
  /** Number of redacted blobs. */
  readonly redacted: number;
}

const decisions = (count: number): string => (count === 1 ? "1 decision" : `${count} decisions`);

function proofs({ headGiven, signedBy, replayed, approvals, redacted }: Proven): readonly string[] {
  const proofList = [
    "No record was changed, added, taken out or moved since the last hash was computed.",
    `The module, the policy and the ${redacted === 0 ? "" : "other "}values in blobs are those that the log names.`,
  ];
  if (approvals.signed > 0) {
    proofList.push(`An owner of a key of the policy made the ${decisions(approvals.signed)} about these very calls of a run with this id.`);
  }
  if (signedBy === null)
    proofList.push(
      "An owner of the key above signed this log when the run ended. Give the key in the option `key` to make sure whose it is.",
    );
  else if (signedBy !== undefined) proofList.push("An owner of the key that you gave signed this log when the run ended, or later.");
  if (headGiven) proofList.push("The log is the one whose head you gave.");
  if (replayed) proofList.push("This program, given these answers, does exactly what the log says.");
  return proofList;
}

function limitsOfProof({ headGiven, signedBy, replayed, isSuspended, approvals, redacted }: Proven): readonly string[] {
  const unprovenClaims: string[] = [];
  if (isSuspended) unprovenClaims.push("That nothing followed: a longer log that was cut after this call looks the same.");
  if (!headGiven && typeof signedBy !== "string")
    unprovenClaims.push(
      "Who wrote the log: one that is rewritten completely, with new hashes, verifies too. Keep the head elsewhere and give it in the option `expectHead`, or sign runs and give the key in the option `key`.",
    );
  if (redacted > 0) unprovenClaims.push(`What the ${redacted} redacted values are: only their hashes are in the log.`);
  if (!replayed) unprovenClaims.push("That the program does what the log says: the option `replay` checks that.");
  if (approvals.claimed > 0)
    unprovenClaims.push(`Who made ${decisions(approvals.claimed)}: the policy's rules name no keys, so the names in the log are claims.`);
  unprovenClaims.push("That the recorded answers are what the outside world gave, nor when the run took place.");
  return unprovenClaims;
}
