/** Formats the report of `boruna verify`, as lines for people or as JSON for programs. */
import type { JsonData } from "../../vm/json/json.ts";
import { replaceUnsafe } from "../../vm/terminal-text.ts";
import { jsonObject } from "../log/json-fields.ts";
import { plural, replayJson, replayLines } from "./replay-report.ts";
import type { Failure, Verification } from "../verify.ts";

/**
 * Returns lines without line feeds: what the chain, the signature and a replay prove, one line each. The first line begins with `verify: ok`,
 * or with `verify: failed` and the reason. With `explains`, more lines list the checks that passed, what they prove, and what they do not.
 */
export function verifyLines(v: Verification, explains = false): readonly string[] {
  const lines = v.failure === undefined ? okLines(v) : failureLines(v, v.failure);
  if (!explains) return lines;
  for (const check of v.checks) if (check.ok) lines.push(`  ${check.name}: ${replaceUnsafe(check.detail)}`);
  if (v.proves.length > 0) lines.push("This proves:", ...v.proves.map((text) => `  ${text}`));
  lines.push("It does not prove:", ...v.doesNotProve.map((text) => `  ${text}`));
  return lines;
}

function okLines({ checks, outcome, events, head }: Verification): string[] {
  const isSuspended = outcome === "suspended";
  const detailOf = (name: string): string | undefined => checks.find((check) => check.name === name)?.detail;
  const isExpectedHead = detailOf("head") !== undefined;
  const unsigned = isSuspended
    ? "none yet, because the run is suspended"
    : isExpectedHead
      ? "none; the head is the one that you expect"
      : "none; whoever can write this file could have written all of it";
  return [
    `verify: ${isSuspended ? "ok so far; the run is suspended" : "ok"}; one chain of ${plural(events, "event")}, head ${head}`,
    `signature: ${detailOf("signature") ?? unsigned}`,
    `replay: ${detailOf("replay") ?? "not made; --replay checks that the program does what the log says"}`,
  ];
}

function failureLines(v: Verification, { line, reason, hint }: Failure): string[] {
  const lines = [`verify: failed${line === undefined ? "" : ` at line ${line}`}: ${replaceUnsafe(reason)}`];
  if (hint !== undefined) lines.push(`help: ${replaceUnsafe(hint)}`);
  if (v.head !== undefined) lines.push(`last valid hash: ${v.head}`);
  if (v.replay?.divergence !== undefined) lines.push(...replayLines(v.replay));
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
