/**
 * Verifies a bundle of evidence offline. The checks run in this order, and the first that fails ends the verification:
 *
 * - envelope: its bytes are those that `packEvidence` writes, and the owner of its key has signed the statement;
 * - key, if the caller names one: it is the one that has signed;
 * - files: the manifest has the SHA-256 in the statement, and the folder has exactly its files;
 * - logs: each log verifies as `verifyLog` does, without the values that the statement lists as redacted, and with the replay if the caller
 *   asks for it and no value is redacted;
 * - statement: computed again from the bundle, it is the same.
 */
import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { publicKeyOf } from "../../gateway/signing.ts";
import { BorunaError } from "../../vm/error.ts";
import { sha256Hex } from "../../gateway/digest.ts";
import { isMissing, readBounded, toIoError } from "../log/files.ts";
import type { JsonObject } from "../log/json-fields.ts";
import { readLog } from "../log/log-reader.ts";
import { decodeUtf8 } from "../log/utf8-text.ts";
import { type Verification, verifyLog } from "../verify.ts";
import type { ReplayLimits } from "../replay-limits.ts";
import { ENVELOPE_FILE, filesOf, MANIFEST_FILE, manifestOf, manifestText, readableFiles, readManifest } from "./bundle.ts";
import { openEnvelope } from "./dsse.ts";
import { placesOf } from "./redaction.ts";
import { type ReadStatement, readStatement, type StatedRun, statementBytes, subjectOf } from "./statement.ts";

export interface VerifyEvidenceOptions {
  /** The public key that must have signed the statement: PEM, or the base64 of its DER form. */
  readonly key?: string | undefined;
  /** Whether to replay the logs, too. A log with redacted values is not replayed, because a replay needs all values. */
  readonly replay?: boolean | undefined;
  readonly replayLimits?: ReplayLimits | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface EvidenceFailure {
  readonly check: "envelope" | "key" | "files" | "logs" | "statement";
  readonly reason: string;
  /** What this usually means, or what to do next. */
  readonly hint: string | undefined;
}

export interface EvidenceVerification {
  readonly ok: boolean;
  readonly folder: string;
  /** The public key whose owner has signed the statement. Undefined if there is no valid envelope. */
  readonly key: string | undefined;
  /** Whether the caller named the key, so that it is known whose it is. */
  readonly keyGiven: boolean;
  /** Whether the caller asked for a replay. A run with redacted values has none nevertheless. */
  readonly replayAsked: boolean;
  /** The number of files, including the envelope and the manifest. */
  readonly files: number;
  /** What the signed statement says, without its runs: `host`, `packedOn`, `versions`. These are claims of its signer. */
  readonly claims: JsonObject;
  readonly runs: readonly { readonly stated: StatedRun; readonly verification: Verification }[];
  readonly failure: EvidenceFailure | undefined;
}

/** Maximum bytes of the envelope, and of the manifest. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

/**
 * Verifies the bundle in `folder`. Reports everything that is wrong with it in the result. Throws `usage` for an invalid `key`, `log.io_error` if the
 * folder cannot be read, and `log.replay_limit` as `verifyLog` does.
 */
export async function verifyEvidence(folder: string, options: VerifyEvidenceOptions = {}): Promise<EvidenceVerification> {
  const key = options.key === undefined ? undefined : publicKeyOf(options.key);
  if (key === undefined && options.key !== undefined) throw new BorunaError("usage", "the key is no public Ed25519 key");
  const bundle = new CheckedBundle(folder);
  const steps: readonly (readonly [EvidenceFailure["check"], () => Finding | Promise<Finding>])[] = [
    ["envelope", () => bundle.openEnvelope()],
    ["key", () => bundle.checkKey(key)],
    ["files", () => bundle.checkFiles()],
    ["logs", () => bundle.checkLogs(options)],
    ["statement", () => bundle.checkStatement()],
  ];
  let failure: EvidenceFailure | undefined;
  for (const [check, step] of steps) {
    const finding = failure === undefined ? await step() : undefined;
    if (finding !== undefined) failure = { check, reason: finding.reason, hint: finding.hint };
  }
  const { runs, claims, key: signer, files } = bundle;
  return {
    ok: failure === undefined,
    folder,
    key: signer,
    keyGiven: key !== undefined,
    replayAsked: options.replay === true,
    files,
    claims,
    runs,
    failure,
  };
}

/** What is wrong with a bundle; undefined if nothing is. */
type Finding = { readonly reason: string; readonly hint?: string | undefined } | undefined;

/** The bundle under verification, and what the checks have found so far. Each check returns what is wrong, if something is. */
class CheckedBundle {
  readonly #folder: string;
  key: string | undefined;
  claims: JsonObject = new Map();
  runs: EvidenceVerification["runs"][number][] = [];
  #statement: Uint8Array = new Uint8Array();
  #logs: ReadStatement["logs"] = [];
  #sums: ReadonlyMap<string, string> = new Map();
  #manifest = "";

  constructor(folder: string) {
    this.#folder = folder;
  }

  get files(): number {
    return this.#sums.size + 2;
  }

  openEnvelope(): Finding {
    try {
      const { payload, key } = openEnvelope(this.#read(ENVELOPE_FILE));
      this.key = key;
      this.#statement = payload;
      const { logs, claims } = readStatement(payload);
      this.#logs = logs;
      this.claims = claims;
      return undefined;
    } catch (error) {
      return findingOf(error);
    }
  }

  checkKey(key: string | undefined): Finding {
    return key === undefined || key === this.key ? undefined : { reason: `the statement is signed with another key: ${this.key}` };
  }

  /** Compares the files with the manifest, and then the manifest with itself: it must have the bytes of one that is made of the files. */
  checkFiles(): Finding {
    try {
      this.#manifest = decodeUtf8(this.#read(MANIFEST_FILE), MANIFEST_FILE);
      this.#sums = manifestOf(this.#folder);
    } catch (error) {
      return findingOf(error);
    }
    const listed = readManifest(this.#manifest);
    for (const [name, sum] of this.#sums) {
      if (!listed.has(name)) return { reason: `${name} is not in the manifest` };
      if (listed.get(name) === sum) continue;
      const hint = this.#logs.some(({ log }) => log === name) ? `boruna verify ${join(this.#folder, name)} says in which line.` : undefined;
      return { reason: `${name} does not have the SHA-256 that the manifest names`, hint };
    }
    for (const name of listed.keys()) if (!this.#sums.has(name)) return { reason: `${name} is missing` };
    return manifestText(this.#sums) === this.#manifest ? undefined : { reason: "the manifest is not written as boruna writes it" };
  }

  async checkLogs({ replay = false, replayLimits = {}, signal }: VerifyEvidenceOptions): Promise<Finding> {
    for (const { log: name, redacted } of this.#logs) {
      if (!this.#sums.has(name)) return { reason: `${name} is missing, and the statement names it` };
      const path = join(this.#folder, name);
      const options = { redacted, replay: replay && redacted.size === 0, replayLimits };
      const verification = await verifyLog(path, signal === undefined ? options : { ...options, signal });
      const { failure, outcome, head } = verification;
      if (failure !== undefined)
        return { reason: `${name}${failure.line === undefined ? "" : `, line ${failure.line}`}: ${failure.reason}`, hint: failure.hint };
      const log = readLog(path);
      if (log.format !== "log" || outcome === undefined || head === undefined) return { reason: `${name} is not a run log` };
      for (const [file, text] of readableFiles(log, name))
        if (this.#sums.get(file) !== sha256Hex(text)) return { reason: `${file} is not what ${name} has` };
      const redactions = placesOf(log, redacted);
      const stated = { log: name, header: log.header, outcome, events: log.eventCount, head, redacted: redactions };
      this.runs.push({ stated, verification });
    }
    return this.#logs.length === 0 ? { reason: "it has no log" } : undefined;
  }

  checkStatement(): Finding {
    const runs = this.runs.map(({ stated }) => stated);
    const known = new Set(runs.flatMap(({ log }) => filesOf(log)));
    const other = [...this.#sums.keys()].find((name) => !known.has(name.includes("/") ? name.slice(0, name.indexOf("/")) : name));
    if (other !== undefined) return { reason: `${other} belongs to no log of the statement` };
    const expected = statementBytes(subjectOf(this.#manifest, this.#sums, runs), runs, this.claims);
    return Buffer.compare(expected, this.#statement) === 0
      ? undefined
      : { reason: "the statement is about other files or other runs than the bundle has" };
  }

  #read(name: string): Uint8Array {
    const path = join(this.#folder, name);
    try {
      if (!lstatSync(path).isFile()) throw new BorunaError("evidence.form", `${name} is not a file`);
      return readBounded(path, MAX_FILE_BYTES);
    } catch (error) {
      // Without its folder, there is no bundle to report about.
      if (!isMissing(error) || !existsSync(this.#folder)) throw toIoError(error, "read", path);
      throw new BorunaError("evidence.form", `${name} is missing`);
    }
  }
}

/** Returns what is wrong with the bundle, if that is what the error says. Rethrows any other error. */
function findingOf(error: unknown): Finding {
  if (error instanceof BorunaError && error.kind !== "internal" && error.kind !== "log.io_error")
    return { reason: error.message, hint: error.hint };
  throw error;
}
