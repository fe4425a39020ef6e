/**
 * Verifying a log: whether it is complete and unchanged, and what that proves. The checks run in this order, and the first
 * one that fails ends the verification:
 *
 * - chain: every record has the right form, and its hash continues the chain;
 * - end: the end record is there and counts the events;
 * - blobs: every referenced long value is there with the right hash, and nothing else is beside them;
 * - module, policy: they have the hashes that the header names;
 * - head, if one is expected: the last hash is the expected one;
 * - replay, if asked for: the program does exactly what the log says.
 */
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import type { Outcome } from "../vm/outcome.ts";
import { BlobRef, loadCanonicalValue } from "./log/blob-values.ts";
import { type RecordedEnd, valuesOfEnd } from "./log/end-record.ts";
import { blobsOfEvent } from "./log/event-json.ts";
import { LOG_LIMITS, type LogLimits } from "./log/log-limits.ts";
import { isRunLog, logRecords, parseRunLog, type LogRecord, type RunLog } from "./log/log-reader.ts";
import { fileSource, type LogSource } from "./log/log-source.ts";
import { recordedPolicy, recordedProgram, type ReplayOptions, replayRun, type ReplayReport } from "./replay.ts";
import type { ReplayLimits } from "./replay-limits.ts";

export interface VerifyOptions {
  /** The hash that the log must end with, which the caller kept elsewhere. */
  readonly expectHead?: string;
  /** Also replays the log. */
  readonly replay?: boolean;
  /** The most that the replay may use, see `ReplayOptions`. */
  readonly replayLimits?: ReplayLimits;
  readonly registry?: CapabilityRegistry;
  readonly signal?: AbortSignal;
  readonly limits?: Partial<LogLimits>;
}

export type CheckName = "chain" | "end" | "blobs" | "module" | "policy" | "head" | "replay";

export interface Check {
  readonly name: CheckName;
  readonly ok: boolean;
  /** One sentence. */
  readonly detail: string;
}

export interface Failure {
  readonly check: CheckName;
  /** Stable: a `log.*` kind, or the kind of what is wrong with the module or the policy. */
  readonly kind: string;
  readonly reason: string;
  /** The first bad line, if the failure has one. */
  readonly line: number | undefined;
}

export interface Verification {
  readonly ok: boolean;
  readonly file: string;
  readonly runId: string | undefined;
  /** Number of events before the first bad record. */
  readonly events: number;
  readonly outcome: Outcome | undefined;
  /** Hash of the last record before the first bad one. */
  readonly head: string | undefined;
  /** The checks made, in order. */
  readonly checks: readonly Check[];
  readonly failure: Failure | undefined;
  readonly proves: readonly string[];
  readonly doesNotProve: readonly string[];
  readonly replay: ReplayReport | undefined;
}

/**
 * Verifies the log at `path`. Anything wrong with the log is in the result. Throws `usage` for an invalid `expectHead`,
 * `log.io_error` if the files cannot be read, and `log.replay_limit` if the replay would use more than `replayLimits` allow.
 */
export async function verifyLog(path: string, options: VerifyOptions = {}): Promise<Verification> {
  const { replay: replays, registry = BUILTIN_REGISTRY, expectHead, limits: givenLimits, replayLimits = {}, ...passedOn } = options;
  const expected = expectHead === undefined ? undefined : headDigest(expectHead);
  const limits = { ...LOG_LIMITS, ...givenLimits };
  const log = new CheckedLog(fileSource(path, limits), limits, registry);
  const steps: readonly (readonly [CheckName, (() => string | Promise<string>) | undefined])[] = [
    ["chain", () => log.chain()],
    ["end", () => log.end()],
    ["blobs", () => log.blobs()],
    ["module", () => log.module()],
    ["policy", () => log.policy()],
    ["head", expected === undefined ? undefined : () => log.head(expected)],
    ["replay", replays === true ? () => log.replay({ ...passedOn, limits: replayLimits }) : undefined],
  ];
  const checks: Check[] = [];
  let failure: Failure | undefined;
  for (const [name, check] of steps) {
    if (check !== undefined && failure === undefined) failure = await log.attempt(name, check, checks);
  }
  const holds = (name: CheckName): boolean => checks.some((check) => check.name === name && check.ok);
  return {
    ok: failure === undefined,
    ...log.facts(),
    checks,
    failure,
    proves: failure === undefined ? proofs(holds("head"), holds("replay")) : [],
    doesNotProve: limitsOfProof(holds("head"), holds("replay")),
  };
}

function headDigest(text: string): string {
  const digest = text.toLowerCase().replace(/^sha256:/, "");
  if (!/^[0-9a-f]{64}$/.test(digest)) throw new BorunaError("usage", "the expected head is not 64 hexadecimal digits");
  return digest;
}

/** The log under verification, with what the checks so far have found. Each check returns the detail of its success. */
class CheckedLog {
  readonly #source: LogSource;
  readonly #limits: LogLimits;
  readonly #registry: CapabilityRegistry;
  #runId: string | undefined;
  #events = 0;
  #lines = 0;
  #head: string | undefined;
  #end: RecordedEnd | undefined;
  #hasBlobs = false;
  /** Set once the chain holds. */
  #log: RunLog | undefined;
  #replay: ReplayReport | undefined;

  constructor(source: LogSource, limits: LogLimits, registry: CapabilityRegistry) {
    this.#source = source;
    this.#limits = limits;
    this.#registry = registry;
  }

  /** Runs a check and adds it to `checks`. Returns undefined if it holds. */
  async attempt(name: CheckName, check: () => string | Promise<string>, checks: Check[]): Promise<Failure | undefined> {
    try {
      checks.push({ name, ok: true, detail: await check() });
      return undefined;
    } catch (error) {
      if (!(error instanceof BorunaError) || ["log.io_error", "log.replay_limit", "internal", "usage"].includes(error.kind)) throw error;
      checks.push({ name, ok: false, detail: error.message });
      const line = error.place?.file === this.#source.name ? error.place.line : undefined;
      return { check: name, kind: error.kind, reason: error.message, line };
    }
  }

  facts(): Pick<Verification, "file" | "runId" | "events" | "outcome" | "head" | "replay"> {
    return {
      file: this.#source.name,
      runId: this.#runId,
      events: this.#events,
      outcome: this.#end?.outcome,
      head: this.#head,
      replay: this.#replay,
    };
  }

  chain(): string {
    if (!isRunLog(this.#source, this.#limits)) {
      throw this.#wrong("log.no_chain", "the file is no run log, or an event log of the older form, which has no hashes to verify", 1);
    }
    this.#log = parseRunLog(this.#source, this.#limits, (record) => this.#note(record));
    return `the hashes of ${this.#lines} records form one chain`;
  }

  #note(record: LogRecord): void {
    this.#head = record.hash;
    this.#lines = record.line;
    if (record.kind === "header") this.#runId = record.header.runId;
    else if (record.kind === "end") this.#end = record.end;
    else this.#events = record.n;
    this.#hasBlobs ||= blobsOf(record).length > 0;
  }

  end(): string {
    const cut = this.#log?.cut;
    if (cut !== undefined) throw this.#wrong("log.cut", `the file is cut inside line ${cut.line}`, cut.line);
    if (this.#end === undefined)
      throw this.#wrong("log.no_end", "the end record is missing: the run was killed, or the file cut", this.#lines + 1);
    return `${this.#events} events and the end record, which counts as many`;
  }

  /** If the log refers to blobs, reads it a second time, so that a forged log cannot fill memory with names of blobs that do not exist. */
  blobs(): string {
    const moduleBlob = this.#parsed().header.program.moduleBlob.slice("sha256:".length);
    const seen = new Map<string, number | undefined>([[moduleBlob, undefined]]);
    for (const record of this.#hasBlobs ? logRecords(this.#source, this.#limits, false) : []) {
      for (const ref of blobsOf(record)) {
        if (seen.get(ref.sha256) === ref.bytes) continue;
        try {
          loadCanonicalValue(ref, this.#source.blobs);
        } catch (error) {
          if (!(error instanceof BorunaError) || error.kind === "log.io_error") throw error;
          throw this.#wrong(error.kind.startsWith("log.") ? error.kind : "log.form", error.message, record.line, error);
        }
        seen.set(ref.sha256, ref.bytes);
      }
    }
    const other = this.#source.blobs.firstOther(seen);
    if (other !== undefined) throw this.#wrong("log.blob_unknown", `${other} is beside the blobs, and no record of the log names it`);
    return `${seen.size - 1} long values have the hashes that name them, and nothing else is beside them`;
  }

  module(): string {
    const { moduleHash } = recordedProgram(this.#parsed(), this.#registry);
    return `the module beside the log is ${moduleHash} and passes the verifier`;
  }

  policy(): string {
    recordedPolicy(this.#parsed());
    return "the recorded policy has the hash in the header";
  }

  head(expected: string): string {
    if (this.#head !== expected)
      throw this.#wrong("log.head", `the log ends with the hash ${this.#head ?? "(none)"}, expected was ${expected}`, this.#lines);
    return "the log ends with the expected hash";
  }

  async replay(options: ReplayOptions): Promise<string> {
    const report = await replayRun(this.#parsed(), { ...options, registry: this.#registry, tracing: false });
    this.#replay = report;
    // Event n is in line n + 1.
    if (report.divergence !== undefined)
      throw this.#wrong("log.divergence", `the replay diverges: ${report.divergence.message}`, report.divergence.event + 1);
    if (report.status !== "identical") throw this.#wrong("log.not_replayed", `the replay ended as ${report.status}`);
    return "the replay did exactly what the log says";
  }

  #parsed(): RunLog {
    if (this.#log === undefined) throw new BorunaError("internal", "a check ran before the check of the chain");
    return this.#log;
  }

  #wrong(kind: BorunaError["kind"], message: string, line?: number, cause?: unknown): BorunaError {
    return new BorunaError(kind, message, { place: { file: this.#source.name, line }, cause });
  }
}

function blobsOf(record: LogRecord): readonly BlobRef[] {
  if (record.kind === "event") return blobsOfEvent(record.event);
  return record.kind === "end" ? valuesOfEnd(record.end).filter((value) => value instanceof BlobRef) : [];
}

function proofs(headGiven: boolean, replayed: boolean): readonly string[] {
  const proved = [
    "No record was changed, added, taken out or moved since the last hash was computed.",
    "The module, the policy and the long values are those that the log names.",
  ];
  if (headGiven) proved.push("The log is the one whose head you gave.");
  if (replayed) proved.push("This program, given these answers, does exactly what the log says.");
  return proved;
}

function limitsOfProof(headGiven: boolean, replayed: boolean): readonly string[] {
  const open: string[] = [];
  if (!headGiven)
    open.push(
      "Who wrote the log: one that is rewritten completely, with new hashes, verifies too. Keep the head elsewhere and give it with --expect-head.",
    );
  if (!replayed) open.push("That the program does what the log says: --replay checks that.");
  open.push("That the recorded answers are what the outside world gave, nor when the run took place.");
  return open;
}
