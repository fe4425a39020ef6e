/** Formats the reports of `boruna evidence`, as lines for people or as JSON for programs. */
import { canonicalJson, type JsonData } from "../../vm/json/json.ts";
import { replaceUnsafe } from "../../vm/terminal-text.ts";
import type { PackedEvidence } from "../evidence/pack.ts";
import type { ValuePlace } from "../evidence/redaction.ts";
import type { StatedRun } from "../evidence/statement.ts";
import type { EvidenceFailure, EvidenceVerification } from "../evidence/verify-evidence.ts";
import { jsonObject } from "../log/json-fields.ts";
import { plural } from "./replay-report.ts";

const placeText = ({ event, value: valueName }: ValuePlace): string => `event ${event}, ${valueName}`;
const placeJson = ({ event, value: valueName }: ValuePlace): JsonData => jsonObject({ event, value: valueName });

export function packLines({ folder, key, files, runs, repeated }: PackedEvidence): readonly string[] {
  return [
    replaceUnsafe(`${folder}: ${plural(runs.length, "run")} in ${plural(files, "file")}, signed with ${key}`),
    ...runs.flatMap(({ redacted }) => redacted.map((place) => `redacted: ${placeText(place)}`)),
    ...repeated.map((place) => `note: the same value is also in ${placeText(place)}, which is not redacted`),
  ];
}

export function packJson({ folder, key, files, runs, repeated }: PackedEvidence): JsonData {
  return jsonObject({ folder, key, files, runs: runs.map(runJson), repeated: repeated.map(placeJson) });
}

const runJson = (run: StatedRun): JsonData => jsonObject(runFacts(run));

const runFacts = ({ log, header, outcome, events, head: headHash, redacted }: StatedRun) => ({
  log,
  run_id: header.runId,
  outcome,
  events,
  head: headHash,
  redacted: redacted.map(placeJson),
});

const verifiedRunJson = ({ stated, verification }: VerifiedRun): JsonData =>
  jsonObject({
    ...runFacts(stated),
    mode: stated.header.mode,
    log_signed: verification.checks.some(({ name }) => name === "signature"),
    decisions: jsonObject({ signed: verification.approvals.signed, claimed: verification.approvals.claimed }),
    replayed: verification.replay !== undefined,
  });

/**
 * Returns one line each for the files, the signature and the replay. Adds a note for each run that was not live, and for each run with
 * unsigned decisions. With `explains`, more lines tell what the statement says, what it proves, and what it does not prove.
 */
export function evidenceLines(v: EvidenceVerification, explains = false): readonly string[] {
  if (v.failure !== undefined) return failureLines(v, v.failure);
  const redacted = v.runs.reduce((sum, { stated }) => sum + stated.redacted.length, 0);
  const values = redacted === 0 ? "" : `, ${plural(redacted, "value")} redacted`;
  const lines = [
    `evidence: ok; ${plural(v.runs.length, "run")} in ${plural(v.files, "file")}, as packed${values}`,
    `signature: ${v.keyGiven ? "signed with the given key" : `signed with the key ${v.key}, of which nothing here says whose it is`}`,
    `replay: ${replayText(v)}`,
    ...v.runs.flatMap(notesOf),
  ];
  if (!explains) return lines;
  for (const [name, data] of v.claims) if (!isEmptyObject(data)) lines.push(replaceUnsafe(`  ${name}: ${canonicalJson(data)}`));
  for (const run of v.runs) lines.push(...runLines(run));
  lines.push("This proves:", "  The owner of the key signed this statement about exactly these files and these redactions.");
  lines.push("It does not prove:", "  What the statement says of its host (identity, times, trace, versions): its signer claims it.");
  if (!v.keyGiven) lines.push("  Whose key it is: give the key that you know with --key.");
  if (redacted > 0) lines.push("  What the redacted values are: only their hashes are here.");
  lines.push("  That the recorded answers are what the outside world gave.");
  return lines;
}

type VerifiedRun = EvidenceVerification["runs"][number];

function failureLines({ key }: EvidenceVerification, { check, reason, hint }: EvidenceFailure): readonly string[] {
  const lines = [`evidence: failed, ${check}: ${replaceUnsafe(reason)}`];
  if (hint !== undefined) lines.push(`help: ${replaceUnsafe(hint)}`);
  if (key !== undefined && check !== "key") lines.push(`signature: the statement is signed with the key ${key}`);
  return lines;
}

function replayText({ runs, replayAsked }: EvidenceVerification): string {
  if (!replayAsked) return "not made; --replay checks that the programs do what the logs say";
  const withoutReplay = runs.filter(({ verification }) => verification.replay === undefined).length;
  if (withoutReplay === 0) return "each program did exactly what its log says";
  const others = withoutReplay < runs.length ? "; each other program did exactly what its log says" : "";
  return `not possible for ${plural(withoutReplay, "run")}, because values are redacted${others}`;
}

function notesOf({ stated: { log, header }, verification: { approvals } }: VerifiedRun): readonly string[] {
  const notes: string[] = [];
  if (header.mode !== "live") notes.push(`${log} is of the mode ${header.mode}: ${MODE_NOTES[header.mode]}`);
  if (approvals.claimed > 0)
    notes.push(
      `${log} has ${plural(approvals.claimed, "decision")} of a person without a signature: whoever wrote the log can have made it up`,
    );
  return notes.map((note) => replaceUnsafe(`note: ${note}`));
}

const MODE_NOTES = { mock: "no call was real", audit: "the policy refused nothing" } as const;

function runLines({ stated, verification: { approvals, checks } }: VerifiedRun): readonly string[] {
  const { log, header, outcome, events, head: headHash, redacted } = stated;
  const isSigned = checks.some(({ name }) => name === "signature");
  const decided = approvals.signed === 0 ? "" : `, ${plural(approvals.signed, "decision")} signed with a key of the policy`;
  return [
    replaceUnsafe(
      `  ${log}: ${header.mode} run ${header.runId} of ${header.program.name}, ${outcome}, ${plural(events, "event")}, head ${headHash}`,
    ),
    `    the log itself is ${isSigned ? "signed, too" : "not signed"}${decided}`,
    ...redacted.map((place) => `    redacted: ${placeText(place)}`),
  ];
}

const isEmptyObject = (data: JsonData): boolean => data instanceof Map && data.size === 0;

export function evidenceJson(v: EvidenceVerification): JsonData {
  return jsonObject({
    ok: v.ok,
    folder: v.folder,
    key: v.key,
    key_given: v.keyGiven,
    files: v.files,
    statement: v.claims,
    runs: v.runs.map(verifiedRunJson),
    failure: v.failure === undefined ? null : jsonObject({ check: v.failure.check, reason: v.failure.reason, hint: v.failure.hint }),
  });
}
