/** Whether a log is whole and unchanged, and what that proves. */
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import type { Outcome } from "../vm/outcome.ts";
import type { StoredEnd } from "./log/end-record.ts";
import { storedParts } from "./log/event-json.ts";
import type { LogHeader } from "./log/header.ts";
import { LOG_LIMITS, type LogLimits } from "./log/log-limits.ts";
import type { ReplayLimits } from "./replay-limits.ts";
import { isRunLog, logRecords, parseRunLog, type LogRecord, type RunLog } from "./log/log-reader.ts";
import { recordedPolicy, recordedProgram, replayRun, type ReplayReport } from "./replay.ts";
import { fileSource, type LogSource } from "./log/log-source.ts";
import { BlobRef, loadExactly, type Stored } from "./log/blob-values.ts";

export interface VerifyOptions {
  /** The hash that the log must end with, as it was kept elsewhere. */
  readonly expectHead?: string;
  /** Also replays the log. */
  readonly replay?: boolean;
  /** The most that the replay may take on this host, see `ReplayOptions`. */
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
  /** Stable, `log.…` or the kind of what was wrong inside. */
  readonly kind: string;
  readonly reason: string;
  /** The first bad line, where the fault has one. */
  readonly line?: number;
}

export interface Verification {
  readonly ok: boolean;
  readonly file: string;
  readonly runId?: string;
  /** Events in the valid prefix. */
  readonly events: number;
  readonly outcome?: Outcome;
  /** Hash of the last valid record. */
  readonly head?: string;
  /** In the order made; after a failure the rest is not made. */
  readonly checks: readonly Check[];
  readonly failure?: Failure;
  readonly proves: readonly string[];
  readonly doesNotProve: readonly string[];
  readonly replay?: ReplayReport;
}

/**
 * Checks the log at `path`: chain, counts, end record, blobs, module, policy, expected head, and with `replay` the run itself.
 * What is wrong with the log is a result; throws `log.io_error`, `usage` where it could not be looked at, and
 * `log.replay_limit` where its replay would take more than `replayLimits` allow.
 */
export async function verifyLog(path: string, options: VerifyOptions = {}): Promise<Verification> {
  const limits = { ...LOG_LIMITS, ...options.limits };
  return verifySource(fileSource(path, limits), options, limits);
}

export async function verifySource(source: LogSource, options: VerifyOptions = {}, limits: LogLimits = LOG_LIMITS): Promise<Verification> {
  const expectHead = expectedHead(options.expectHead);
  const work = new Work(source, limits, options.registry ?? BUILTIN_REGISTRY);
  const steps: readonly (readonly [CheckName, () => string | Promise<string>])[] = [
    ["chain", () => work.chain()],
    ["end", () => work.end()],
    ["blobs", () => work.blobs()],
    ["module", () => work.module()],
    ["policy", () => work.policy()],
    ...(expectHead === undefined ? [] : [["head", () => work.head(expectHead)] as const]),
    ...(options.replay === true ? [["replay", () => work.replay(options)] as const] : []),
  ];
  const checks: Check[] = [];
  let failure: Failure | undefined;
  for (const [name, check] of steps) {
    failure = await work.attempt(name, check, checks);
    if (failure !== undefined) break;
  }
  const holds = (name: CheckName): boolean => checks.some((check) => check.name === name && check.ok);
  return {
    ok: failure === undefined,
    ...work.facts(),
    checks,
    ...(failure === undefined ? {} : { failure }),
    proves: failure === undefined ? proofs(holds("head"), holds("replay")) : [],
    doesNotProve: limitsOfProof(holds("head"), holds("replay")),
  };
}

function expectedHead(text: string | undefined): string | undefined {
  const hash = text?.toLowerCase().replace(/^sha256:/, "");
  if (hash !== undefined && !/^[0-9a-f]{64}$/.test(hash)) throw new BorunaError("usage", "the expected head is not 64 hexadecimal digits");
  return hash;
}

/** The state that the checks hand on. */
class Work {
  readonly #source: LogSource;
  readonly #limits: LogLimits;
  readonly #registry: CapabilityRegistry;
  #header: LogHeader | undefined;
  #events = 0;
  #lines = 0;
  #head: string | undefined;
  #end: StoredEnd | undefined;
  #hasBlobs = false;
  /** Known once the chain holds. */
  #log: RunLog | undefined;
  #replay: ReplayReport | undefined;

  constructor(source: LogSource, limits: LogLimits, registry: CapabilityRegistry) {
    this.#source = source;
    this.#limits = limits;
    this.#registry = registry;
  }

  /** Undefined when the check holds. */
  async attempt(name: CheckName, check: () => string | Promise<string>, checks: Check[]): Promise<Failure | undefined> {
    try {
      checks.push({ name, ok: true, detail: await check() });
      return undefined;
    } catch (error) {
      if (!(error instanceof BorunaError) || ["log.io_error", "log.replay_limit", "internal", "usage"].includes(error.kind)) throw error;
      checks.push({ name, ok: false, detail: error.message });
      const line = error.place?.file === this.#source.name ? error.place.line : undefined;
      return { check: name, kind: error.kind, reason: error.message, ...(line === undefined ? {} : { line }) };
    }
  }

  facts(): Pick<Verification, "file" | "runId" | "events" | "outcome" | "head" | "replay"> {
    return {
      file: this.#source.name,
      events: this.#events,
      ...(this.#header === undefined ? {} : { runId: this.#header.runId }),
      ...(this.#end === undefined ? {} : { outcome: this.#end.outcome }),
      ...(this.#head === undefined ? {} : { head: this.#head }),
      ...(this.#replay === undefined ? {} : { replay: this.#replay }),
    };
  }

  chain(): string {
    if (!isRunLog(this.#source, this.#limits)) {
      throw this.#wrong("log.no_chain", "the file is no run log, or an event log of the older form, which has no hashes to verify", 1);
    }
    this.#log = parseRunLog(this.#source, this.#limits, (record) => this.#take(record));
    return `the hashes of ${this.#lines} records form one chain`;
  }

  #take(record: LogRecord): void {
    this.#head = record.hash;
    this.#lines = record.line;
    if (record.kind === "header") this.#header = record.header;
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

  /** Reads the log a second time where it refers to blobs, so that only names that have a file are held. */
  blobs(): string {
    const moduleBlob = this.#parsed().header.program.moduleBlob.slice("sha256:".length);
    const seen = new Map<string, number | undefined>([[moduleBlob, undefined]]);
    for (const record of this.#hasBlobs ? logRecords(this.#source, this.#limits, false) : []) {
      for (const ref of blobsOf(record)) {
        if (seen.get(ref.sha256) === ref.bytes) continue;
        try {
          loadExactly(ref, this.#source.blobs);
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

  async replay({ signal, replayLimits }: VerifyOptions): Promise<string> {
    const report = await replayRun(this.#parsed(), {
      registry: this.#registry,
      tracing: false,
      ...(signal === undefined ? {} : { signal }),
      ...(replayLimits === undefined ? {} : { limits: replayLimits }),
    });
    this.#replay = report;
    // Event n stands in line n + 1.
    if (report.divergence !== undefined)
      throw this.#wrong("log.divergence", `the replay diverges: ${report.divergence.message}`, report.divergence.event + 1);
    if (report.status !== "identical") throw this.#wrong("log.not_replayed", `the replay ended as ${report.status}`);
    return "the replay did exactly what the log says";
  }

  #parsed(): RunLog {
    if (this.#log === undefined) throw new BorunaError("internal", "a check came before the chain's");
    return this.#log;
  }

  #wrong(kind: BorunaError["kind"], message: string, line?: number, cause?: unknown): BorunaError {
    return new BorunaError(kind, message, { place: { file: this.#source.name, ...(line === undefined ? {} : { line }) }, cause });
  }
}

function blobsOf(record: LogRecord): readonly BlobRef[] {
  const stored = record.kind === "event" ? storedParts(record.event) : record.kind === "end" ? endParts(record.end) : [];
  return stored.filter((part) => part instanceof BlobRef);
}

function endParts(end: StoredEnd): readonly (Stored | undefined)[] {
  return [end.value, end.error?.message, ...(end.error?.counterexample ?? [])];
}

function proofs(headGiven: boolean, replayed: boolean): readonly string[] {
  return [
    "No record was changed, added, taken out or moved since the last hash was computed.",
    "The module, the policy and the long values are those that the log names.",
    ...(headGiven ? ["The log is the one whose head you gave."] : []),
    ...(replayed ? ["This program, given these answers, does exactly what the log says."] : []),
  ];
}

function limitsOfProof(headGiven: boolean, replayed: boolean): readonly string[] {
  return [
    ...(headGiven
      ? []
      : [
          "Who wrote the log: one that is rewritten whole, with new hashes, verifies too. Keep the head elsewhere and give it with --expect-head.",
        ]),
    ...(replayed ? [] : ["That the program does what the log says: --replay checks that."]),
    "That the recorded answers are what the outside world gave, nor when the run took place.",
  ];
}
