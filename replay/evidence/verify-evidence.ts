/**
 * Verifies a bundle of evidence offline. The checks run in this order, and the first failed check ends the verification:
 *
 * - envelope: its bytes are exactly what `packEvidence` writes, and its signature of the statement is valid for the key that it names;
 * - key, if the caller names one: the envelope has this key;
 * - files: the folder has exactly the files of the manifest, with the SHA-256 that the manifest lists;
 * - logs: `verifyLog` accepts each log without the values that the statement lists as redacted. If the caller asks for a replay, a log
 *   without redacted values is also replayed;
 * - statement: the statement computed again from the bundle has the same bytes. It includes the SHA-256 of the manifest.
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
import { bundleFilesOf, ENVELOPE_FILE, MANIFEST_FILE, manifestOf, manifestText, readableFiles, readManifest } from "./bundle.ts";
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
  /** The public key whose owner signed the statement. Undefined if the envelope is missing or invalid. */
  readonly key: string | undefined;
  /** Whether the caller named the key. If not, nothing says who owns `key`. */
  readonly keyGiven: boolean;
  /** Whether the caller asked for a replay. A run with redacted values is not replayed even then. */
  readonly replayAsked: boolean;
  /** The number of files, including the envelope and the manifest. */
  readonly files: number;
  /** The parts of the signed statement that are only claims of its signer: `host`, `packedOn`, `versions`. */
  readonly claims: JsonObject;
  readonly runs: readonly { readonly stated: StatedRun; readonly verification: Verification }[];
  readonly failure: EvidenceFailure | undefined;
}

/** Maximum bytes of the envelope and of the manifest, each. */
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
  const { runs, signerClaims, signerKey, files } = bundle;
  return {
    ok: failure === undefined,
    folder,
    key: signerKey,
    keyGiven: key !== undefined,
    replayAsked: options.replay === true,
    files,
    claims: signerClaims,
    runs,
    failure,
  };
}

/** What is wrong with a bundle. Undefined: the check passed. */
type Finding = { readonly reason: string; readonly hint?: string | undefined } | undefined;

/** The bundle under verification, and what the checks have read so far. Call the checks in the order of the file comment. */
class CheckedBundle {
  readonly #folder: string;
  signerKey: string | undefined;
  signerClaims: JsonObject = new Map();
  runs: EvidenceVerification["runs"][number][] = [];
  #statement: Uint8Array = new Uint8Array();
  /** The logs that the statement names. */
  #logs: ReadStatement["logs"] = [];
  /** The SHA-256 of each file in the folder, by name, without the envelope and the manifest. */
  #sums: ReadonlyMap<string, string> = new Map();
  /** The text of the manifest. */
  #manifest = "";

  constructor(folder: string) {
    this.#folder = folder;
  }

  get files(): number {
    return this.#sums.size + 2;
  }

  openEnvelope(): Finding {
    try {
      const { payload, signerKey } = openEnvelope(this.#read(ENVELOPE_FILE));
      this.signerKey = signerKey;
      this.#statement = payload;
      const { logs, signerClaims } = readStatement(payload);
      this.#logs = logs;
      this.signerClaims = signerClaims;
      return undefined;
    } catch (error) {
      return findingOf(error);
    }
  }

  checkKey(key: string | undefined): Finding {
    return key === undefined || key === this.signerKey
      ? undefined
      : { reason: `the statement is signed with another key: ${this.signerKey}` };
  }

  /** Compares the files with the manifest. Then the text of the manifest must be exactly the text that `manifestText` makes of the files. */
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
    const known = new Set(runs.flatMap(({ log }) => bundleFilesOf(log)));
    const other = [...this.#sums.keys()].find((name) => !known.has(name.includes("/") ? name.slice(0, name.indexOf("/")) : name));
    if (other !== undefined) return { reason: `${other} belongs to no log of the statement` };
    const expected = statementBytes(subjectOf(this.#manifest, this.#sums, runs), runs, this.signerClaims);
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
      // A missing folder is an error of the caller, not a finding about a bundle.
      if (!isMissing(error) || !existsSync(this.#folder)) throw toIoError(error, "read", path);
      throw new BorunaError("evidence.form", `${name} is missing`);
    }
  }
}

/** Converts an error about the contents of the bundle to a finding. Rethrows internal errors and `log.io_error`. */
function findingOf(error: unknown): Finding {
  if (error instanceof BorunaError && error.kind !== "internal" && error.kind !== "log.io_error")
    return { reason: error.message, hint: error.hint };
  throw error;
}
