/** Formats the reports of `boruna evidence`, as lines for people or as JSON for programs. */
import { canonicalJson, type JsonData } from "../../vm/json/json.ts";
import { printable } from "../../vm/terminal-text.ts";
import type { PackedEvidence } from "../evidence/pack.ts";
import type { ValuePlace } from "../evidence/redaction.ts";
import type { StatedRun } from "../evidence/statement.ts";
import type { EvidenceVerification } from "../evidence/verify-evidence.ts";
import { jsonObject } from "../log/json-fields.ts";
import { plural } from "./replay-report.ts";

const placeText = ({ event, value }: ValuePlace): string => `event ${event}, ${value}`;
const placeJson = ({ event, value }: ValuePlace): JsonData => jsonObject({ event, value });

export function packLines({ folder, key, files, runs, repeated }: PackedEvidence): readonly string[] {
  return [
    printable(`${folder}: ${plural(runs.length, "run")} in ${plural(files, "file")}, signed with ${key}`),
    ...runs.flatMap(({ redacted }) => redacted.map((place) => `redacted: ${placeText(place)}`)),
    ...repeated.map((place) => `note: the same value is also in ${placeText(place)}, which is not redacted`),
  ];
}

export function packJson({ folder, key, files, runs, repeated }: PackedEvidence): JsonData {
  return jsonObject({ folder, key, files, runs: runs.map(runJson), repeated: repeated.map(placeJson) });
}

function runJson({ log, header, outcome, events, head, redacted }: StatedRun): JsonData {
  return jsonObject({ log, run_id: header.runId, outcome, events, head, redacted: redacted.map(placeJson) });
}

/** Returns what the files, the signature and a replay prove, one line each. With `explains`, also what the statement says and what is not proved. */
export function evidenceLines(v: EvidenceVerification, explains = false): readonly string[] {
  if (v.failure !== undefined) return [`evidence: failed, ${v.failure.check}: ${printable(v.failure.reason)}`];
  const redacted = v.runs.reduce((sum, { stated }) => sum + stated.redacted.length, 0);
  const values = redacted === 0 ? "" : `, ${plural(redacted, "value")} redacted`;
  const isReplayed = v.runs.every(({ verification }) => verification.replay !== undefined);
  const lines = [
    `evidence: ok; ${plural(v.runs.length, "run")} in ${plural(v.files, "file")}, as packed${values}`,
    `signature: ${v.keyGiven ? "signed with the given key" : `signed with the key ${v.key}, of which nothing here says whose it is`}`,
    `replay: ${isReplayed ? "each program did exactly what its log says" : "not made; --replay checks that the programs do what the logs say"}`,
  ];
  if (!explains) return lines;
  for (const [name, data] of v.claims) lines.push(printable(`  ${name}: ${canonicalJson(data)}`));
  for (const { stated } of v.runs) {
    const { log, header, outcome, events, head } = stated;
    lines.push(printable(`  ${log}: run ${header.runId} of ${header.program.name}, ${outcome}, ${plural(events, "event")}, head ${head}`));
    for (const place of stated.redacted) lines.push(`    redacted: ${placeText(place)}`);
  }
  lines.push("This proves:", "  The owner of the key signed this statement about exactly these files and these redactions.");
  lines.push("It does not prove:", "  What the statement says of its host (identity, times, trace, versions): its signer claims it.");
  if (!v.keyGiven) lines.push("  Whose key it is: give the key that you know with --key.");
  if (redacted > 0) lines.push("  What the redacted values are: only their hashes are here.");
  lines.push("  That the recorded answers are what the outside world gave.");
  return lines;
}

export function evidenceJson(v: EvidenceVerification): JsonData {
  return jsonObject({
    ok: v.ok,
    folder: v.folder,
    key: v.key,
    key_given: v.keyGiven,
    files: v.files,
    statement: v.claims,
    runs: v.runs.map(({ stated }) => runJson(stated)),
    failure: v.failure === undefined ? null : jsonObject({ check: v.failure.check, reason: v.failure.reason }),
  });
}
