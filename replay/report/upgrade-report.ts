/** Formats what the upgrade check found, as lines for people or as JSON for programs. */
import type { JsonData } from "../../vm/json/json.ts";
import { replaceUnsafe } from "../../vm/terminal-text.ts";
import { jsonObject } from "../log/json-fields.ts";
import type { CheckedRun, UpgradeSummary } from "../upgrade.ts";
import { divergenceJson, divergenceLines, note, plural } from "./replay-report.ts";

/** Returns the lines of one run: its verdict, then what differs or why it fails. */
export function checkedRunLines(run: CheckedRun): readonly string[] {
  const { divergence, error, verdict, events } = run;
  const engine = run.engine === "auto" ? "" : ` (${run.engine})`;
  const name = `${replaceUnsafe(run.log)}${engine}`;
  const detail = (lines: readonly string[]): readonly string[] => lines.map((line) => `    ${line}`);
  switch (verdict) {
    case "same":
      return [`${name}: same (${plural(events, "event")})`, ...detail(run.notes.map(note))];
    case "diverges":
      return [
        `${name}: same until event ${divergence?.event ?? events + 1}`,
        ...detail(divergence === undefined ? [] : divergenceLines(divergence)),
      ];
    case "fails":
      return [
        `${name}: fails`,
        ...detail([replaceUnsafe(error?.message ?? ""), ...(error?.hint === undefined ? [] : [replaceUnsafe(`help: ${error.hint}`)])]),
      ];
  }
}

export function upgradeSummaryLine({ counts }: UpgradeSummary): string {
  return `${plural(counts.same, "run")} the same, ${counts.diverges} diverging, ${counts.fails} failing`;
}

/** Returns one element of `runs` in the object that `--json` prints. */
export function checkedRunJson(run: CheckedRun): JsonData {
  return jsonObject({
    log: run.log,
    engine: run.engine,
    verdict: run.verdict,
    run_id: run.runId,
    program: run.program,
    events: run.events,
    divergence: run.divergence === undefined ? null : divergenceJson(run.divergence),
    error: run.error === undefined ? null : jsonObject(run.error),
    notes: run.notes,
  });
}

export function upgradeSummaryJson({ counts, exitCode }: UpgradeSummary): JsonData {
  return jsonObject({ ok: exitCode === 0, same: counts.same, diverging: counts.diverges, failing: counts.fails });
}
