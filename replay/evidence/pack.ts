/** Packs logs into a bundle of evidence (`bundle.ts` lists its files). Anybody can verify the bundle without access to the host that packed it. */
import { copyFileSync, constants, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { signingKeyOf } from "../../gateway/signing.ts";
import { temporaryName } from "../../gateway/temporaries.ts";
import { BorunaError } from "../../vm/error.ts";
import { blobsOfRecord } from "../log/record-blobs.ts";
import { alreadyExists, isNotEmpty, toIoError } from "../log/files.ts";
import { type LogRecord, logRecords, readLog, type RunLog } from "../log/log-reader.ts";
import { fileSource } from "../log/log-source.ts";
import type { BlobReader } from "../log/memory-blobs.ts";
import { verifyLog } from "../verify.ts";
import { ENVELOPE_FILE, isLogName, MANIFEST_FILE, manifestOf, manifestText, readableFiles } from "./bundle.ts";
import { signEnvelope } from "./dsse.ts";
import { chooseValues, placesOf, type ValuePlace } from "./redaction.ts";
import { checkClaims, type HostClaims, signerClaimsJson, statementBytes, type StatedRun, subjectOf } from "./statement.ts";

export interface PackOptions extends HostClaims {
  /** The folder to create. */
  readonly output: string;
  /** The text of a PEM file with the Ed25519 private key that signs the statement. */
  readonly sign: string;
  /**
   * The values to leave out; allowed only if one log is packed. `2` selects the arguments and the answer of call 2, `2.url` one argument,
   * `2.result` the answer, `event:5` an event, `end` the end record. Each value must be in a blob: the log was recorded with `redactable`,
   * or the value is long.
   */
  readonly redact?: readonly string[] | undefined;
}

export interface PackedEvidence {
  readonly folder: string;
  /** The public key that belongs to `sign`. */
  readonly key: string;
  /** Number of files, including the envelope and the manifest. */
  readonly files: number;
  readonly runs: readonly StatedRun[];
  /** Places at which a redacted value appears again in the log. These were not redacted. */
  readonly repeated: readonly ValuePlace[];
}

/**
 * Copies the logs, verifies the copies and signs a statement about them. Throws `usage` for invalid options, `evidence.unverified` for a log
 * that does not verify or whose run has not ended, `evidence.exists` if `output` exists, and `log.*`.
 */
export async function packEvidence(logs: readonly string[], options: PackOptions): Promise<PackedEvidence> {
  const { output, sign, redact = [] } = options;
  const key = signingKeyOf(sign);
  if (key === undefined)
    throw new BorunaError("usage", "sign: the key is not an Ed25519 private key in PEM form, without a passphrase", {
      hint: "boruna keygen FILE makes one.",
    });
  checkClaims(options);
  checkNames(logs);
  if (redact.length > 0 && logs.length > 1)
    throw new BorunaError("usage", "values can be redacted in one log at a time", { hint: "Pack that log by itself." });
  const folder = join(dirname(output), temporaryName());
  try {
    mkdirSync(folder, { mode: 0o700 });
    const runs: StatedRun[] = [];
    const repeated: ValuePlace[] = [];
    for (const log of logs) {
      const packed = await packLog(log, folder, redact);
      runs.push(packed.run);
      repeated.push(...packed.repeated);
    }
    const sums = manifestOf(folder);
    const manifest = manifestText(sums);
    writeNewFile(join(folder, MANIFEST_FILE), manifest);
    const claims = signerClaimsJson(options, new Date().toISOString());
    const statement = statementBytes(subjectOf(manifest, sums, runs), runs, claims);
    writeNewFile(join(folder, ENVELOPE_FILE), signEnvelope(statement, key));
    publish(folder, output);
    return { folder: output, key: key.publicKey, files: sums.size + 2, runs, repeated };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw toIoError(error, "write", output);
  }
}

function checkNames(logs: readonly string[]): void {
  const names = logs.map((log) => basename(log));
  const wrong = names.find((name) => !isLogName(name));
  if (wrong !== undefined)
    throw new BorunaError("usage", `${JSON.stringify(wrong)} cannot be the name of a log in a bundle`, {
      hint: "Copy the log with its blobs to a name of ASCII letters, digits, _, . and -.",
    });
  const duplicate = names.find((name, i) => names.indexOf(name) !== i);
  if (duplicate !== undefined)
    throw new BorunaError("usage", `two logs have the name ${duplicate}`, { hint: "Pack them into two bundles." });
  if (logs.length === 0) throw new BorunaError("usage", "no log to pack");
}

async function packLog(
  path: string,
  folder: string,
  redact: readonly string[],
): Promise<{ readonly run: StatedRun; readonly repeated: readonly ValuePlace[] }> {
  const name = basename(path);
  const copy = join(folder, name);
  const original = requireRunLog(readLog(path), path);
  const { blobs, repeated } = chooseValues(original, redact, original.blobs);
  copyFileSync(path, copy, constants.COPYFILE_EXCL);
  copyBlobs(copy, original.blobs, blobs);
  const verification = await verifyLog(copy, { redacted: blobs });
  const { failure, outcome, head } = verification;
  if (failure !== undefined || outcome === undefined || outcome === "suspended" || head === undefined)
    throw new BorunaError("evidence.unverified", `${path} cannot be evidence: ${failure?.reason ?? "its run is suspended"}`, {
      place: { file: path, line: failure?.line },
      hint:
        blobs.size > 0
          ? "A decision about a call needs the call's arguments, so they cannot be redacted."
          : "boruna verify LOG --explain says more.",
    });
  const log = requireRunLog(readLog(copy), path);
  for (const [file, text] of readableFiles(log, name)) writeNewFile(join(folder, file), text);
  const run = { log: name, header: log.header, outcome, events: log.eventCount, head, redacted: placesOf(log, blobs) };
  return { run, repeated };
}

function requireRunLog(log: ReturnType<typeof readLog>, path: string): RunLog {
  if (log.format === "log") return log;
  throw new BorunaError("evidence.unverified", `${path} is an event log, which has no hashes`, { place: { file: path } });
}

/** Copies the module and each blob that the log names, except the redacted blobs. */
function copyBlobs(log: string, blobs: BlobReader, redacted: ReadonlySet<string>): void {
  const target = `${log}.blobs`;
  mkdirSync(target, { mode: 0o700 });
  const copied = new Set<string>(redacted);
  for (const record of logRecords(fileSource(log))) {
    for (const ref of blobsNamedBy(record)) {
      if (copied.has(ref.sha256)) continue;
      copied.add(ref.sha256);
      writeNewFile(join(target, ref.sha256), blobs.read(ref));
    }
  }
}

function blobsNamedBy(record: LogRecord): readonly { readonly sha256: string; readonly bytes?: number }[] {
  return record.kind === "header" ? [{ sha256: record.header.program.moduleBlob.slice("sha256:".length) }] : blobsOfRecord(record);
}

const writeNewFile = (path: string, content: string | Uint8Array): void => writeFileSync(path, content, { flag: "wx", mode: 0o600 });

/** Renames the finished folder to `output`. Throws `evidence.exists` instead of replacing anything. */
function publish(folder: string, output: string): void {
  try {
    // Reserves the name. The rename can replace only an empty folder.
    mkdirSync(output);
    renameSync(folder, output);
  } catch (error) {
    if (!alreadyExists(error) && !isNotEmpty(error)) throw error;
    throw new BorunaError("evidence.exists", `${output} exists`, {
      place: { file: output },
      hint: "Choose another folder: evidence is never replaced.",
    });
  }
}
