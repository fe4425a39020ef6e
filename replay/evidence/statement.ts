/**
 * The statement about the runs of a bundle: an in-toto statement (https://github.com/in-toto/attestation, version 1). Shortened, and with line
 * breaks added:
 *
 *     {"_type":"https://in-toto.io/Statement/v1",
 *      "predicate":{
 *        "host":{"finishedOn":"2026-11-30T08:00:04Z","identity":"ci@example.com","startedOn":"2026-11-30T08:00:01Z","traceId":"4bf9…"},
 *        "packedOn":"2026-11-30T08:00:05.120Z",
 *        "runs":[{"events":6,"head":"3f2a…","log":"july.jsonl","mode":"live","outcome":"success","policyHash":"sha256:…","program":{…},
 *                 "redacted":[{"event":3,"sha256":"9f86…","value":"args[0]"}],"runId":"9c0f…"}],
 *        "versions":{"boruna":"0.1.0","node":"v24.1.0","platform":"linux-x64"}},
 *      "predicateType":"urn:boruna:evidence:v1",
 *      "subject":[{"digest":{"sha256":"…"},"name":"SHA256SUMS"},{"digest":{"sha256":"…"},"name":"july.jsonl"}]}
 *
 * `host`, `packedOn` and `versions` are claims of the signer, which no log can confirm. `runs` and `subject` are computed from the bundle, and
 * a verifier computes them again.
 */
import { sha256Hex } from "../../gateway/digest.ts";
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson, type JsonData, jsonObjectOf, parseJson } from "../../vm/json/json.ts";
import { VERSION } from "../../vm/version.ts";
import { arrayOf, digestOf, jsonObject, type JsonObject, objectOf, textOf } from "../log/json-fields.ts";
import type { LogHeader } from "../log/header.ts";
import { decodeUtf8 } from "../log/utf8-text.ts";
import { isLogName, MANIFEST_FILE } from "./bundle.ts";
import type { RedactedValue } from "./redaction.ts";

/** What the host that packs a bundle claims about its runs. No log contains these facts. */
export interface HostClaims {
  /** Who ran the programs, such as `ci@example.com`: 1 to 256 characters, none of them a control character. */
  readonly identity?: string | undefined;
  /** When the first run started, and when the last one ended: RFC 3339 in UTC, such as `2026-11-30T08:00:00Z`. */
  readonly startedOn?: string | undefined;
  readonly finishedOn?: string | undefined;
  /** The trace of the runs: 32 hexadecimal digits. */
  readonly traceId?: string | undefined;
}

/** What a statement says about one run. */
export interface StatedRun {
  /** The name of the log in the bundle. */
  readonly log: string;
  readonly header: LogHeader;
  readonly outcome: string;
  readonly events: number;
  /** The hash of the log's last record, which covers all earlier ones. */
  readonly head: string;
  readonly redacted: readonly RedactedValue[];
}

const UTC_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;
const isTime = (text: string): boolean => UTC_TIME.test(text) && !Number.isNaN(Date.parse(text));

/** Throws `usage` for a claim in the wrong form. */
export function checkClaims({ identity, startedOn, finishedOn, traceId }: HostClaims): void {
  // oxlint-disable-next-line no-control-regex
  if (identity !== undefined && !/^[^\u0000-\u001f\u007f-\u009f]{1,256}$/u.test(identity))
    throw new BorunaError("usage", "identity: expected 1 to 256 characters, none of them a control character");
  for (const [name, time] of [
    ["started", startedOn],
    ["finished", finishedOn],
  ] as const) {
    if (time !== undefined && !isTime(time))
      throw new BorunaError("usage", `${name}: expected a time in UTC, such as 2026-11-30T08:00:00Z`, {
        hint: "date -u +%Y-%m-%dT%H:%M:%SZ prints one.",
      });
  }
  if (startedOn !== undefined && finishedOn !== undefined && Date.parse(finishedOn) < Date.parse(startedOn))
    throw new BorunaError("usage", "the runs cannot finish before they start");
  if (traceId !== undefined && (!/^[0-9a-f]{32}$/.test(traceId) || /^0+$/.test(traceId)))
    throw new BorunaError("usage", "trace id: expected 32 lower-case hexadecimal digits, not all zero");
}

/** Returns the predicate without `runs`. Only the signer can say these things. */
export function signerClaimsJson({ identity, startedOn, finishedOn, traceId }: HostClaims, packedOn: string): JsonObject {
  return jsonObject({
    host: jsonObject({ identity, startedOn, finishedOn, traceId }),
    packedOn,
    versions: jsonObject({ boruna: VERSION, node: process.version, platform: `${process.platform}-${process.arch}` }),
  });
}

const STATEMENT = "https://in-toto.io/Statement/v1";
const PREDICATE = "urn:boruna:evidence:v1";

/** Returns the subject of a statement: the SHA-256 of the manifest and of each log. `sums` has the SHA-256 of each file in the bundle, by name. */
export function subjectOf(manifest: string, sums: ReadonlyMap<string, string>, runs: readonly StatedRun[]): Subject {
  return [[MANIFEST_FILE, sha256Hex(manifest)], ...runs.map(({ log }) => [log, sums.get(log) ?? ""] as const)];
}

type Subject = readonly (readonly [name: string, sha256: string])[];

/** Returns the bytes of the statement. */
export function statementBytes(subject: Subject, runs: readonly StatedRun[], signerClaims: JsonObject): Uint8Array {
  const statement = jsonObjectOf(
    ["_type", STATEMENT],
    ["predicateType", PREDICATE],
    ["subject", subject.map(([name, sha256]) => jsonObjectOf(["name", name], ["digest", jsonObjectOf(["sha256", sha256])]))],
    ["predicate", new Map([...signerClaims, ["runs", runs.map(runJson)]])],
  );
  return Buffer.from(canonicalJson(statement));
}

function runJson({ log, header, outcome, events, head: headHash, redacted }: StatedRun): JsonData {
  const { name, moduleHash, sourceHash } = header.program;
  return jsonObject({
    log,
    runId: header.runId,
    program: jsonObject({ name, moduleHash, sourceHash }),
    policyHash: header.policyHash,
    mode: header.mode,
    outcome,
    events,
    head: headHash,
    redacted: redacted.map(({ event, value: valueName, sha256 }) => jsonObject({ event, value: valueName, sha256 })),
  });
}

/** The parts of a statement that a verifier needs to compute the statement again. */
export interface ReadStatement {
  /** Each log with the SHA-256 of its redacted blobs. */
  readonly logs: readonly { readonly log: string; readonly redacted: ReadonlySet<string> }[];
  readonly signerClaims: JsonObject;
}

/** Reads a statement. Check its signature first. Throws `evidence.statement`. */
export function readStatement(bytes: Uint8Array): ReadStatement {
  try {
    const statement = objectOf(parseJson(decodeUtf8(bytes, "the statement"), { maxDepth: 32 }), "statement");
    if (statement.get("_type") !== STATEMENT || statement.get("predicateType") !== PREDICATE)
      throw new BorunaError("log.form", `expected the type ${STATEMENT} and the predicate type ${PREDICATE}`);
    const signerClaims = new Map(objectOf(statement.get("predicate"), "predicate"));
    const runs = arrayOf(signerClaims.get("runs"), "runs").map((run) => objectOf(run, "run"));
    signerClaims.delete("runs");
    return { logs: runs.map(readRun), signerClaims };
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
    throw new BorunaError("evidence.statement", `the statement: ${error.message}`);
  }
}

function readRun(run: JsonObject): ReadStatement["logs"][number] {
  const log = textOf(run.get("log"), "log");
  if (!isLogName(log)) throw new BorunaError("log.form", "log: not the name of a log in a bundle");
  const redacted = arrayOf(run.get("redacted"), "redacted").map((value) => digestOf(objectOf(value, "redacted").get("sha256"), "sha256"));
  return { log, redacted: new Set(redacted) };
}
