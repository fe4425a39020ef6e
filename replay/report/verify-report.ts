/** Formats the report of `boruna verify`, as lines for people or as JSON for programs. */
import type { JsonData } from "../../vm/json/json.ts";
import { printable } from "../../vm/terminal-text.ts";
import { jsonObject } from "../log/json-fields.ts";
import { replayJson, replayLines } from "./replay-report.ts";
import type { Verification } from "../verify.ts";

/** Returns lines without line feeds. The first one begins with `verify: ok`, or begins with `verify: failed`. */
export function verifyLines(v: Verification): readonly string[] {
  const lines = [
    v.failure === undefined
      ? v.outcome === "suspended"
        ? "verify: ok so far; the run is suspended"
        : "verify: ok"
      : `verify: failed${v.failure.line === undefined ? "" : ` at line ${v.failure.line}`}: ${printable(v.failure.reason)}`,
  ];
  for (const check of v.checks) if (check.ok) lines.push(`  ${check.name}: ${printable(check.detail)}`);
  if (v.head !== undefined) lines.push(`  ${v.ok ? "head" : "last valid hash"}: ${v.head}`);
  if (v.replay?.divergence !== undefined) lines.push(...replayLines(v.replay));
  if (v.proves.length > 0) lines.push("This proves:", ...v.proves.map((text) => `  ${text}`));
  lines.push("It does not prove:", ...v.doesNotProve.map((text) => `  ${text}`));
  return lines;
}

/** Returns the object that `--json` prints. */
export function verifyJson(v: Verification): JsonData {
  const { failure } = v;
  return jsonObject({
    ok: v.ok,
    log: v.file,
    run_id: v.runId,
    events: v.events,
    outcome: v.outcome,
    head: v.head,
    checks: v.checks.map(({ name, ok, detail }) => jsonObject({ name, ok, detail })),
    failure:
      failure === undefined ? null : jsonObject({ check: failure.check, kind: failure.kind, reason: failure.reason, line: failure.line }),
    proves: v.proves,
    does_not_prove: v.doesNotProve,
    replay: v.replay === undefined ? undefined : replayJson(v.replay),
  });
}
