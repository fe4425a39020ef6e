/** Formats the report of `boruna replay --policy` and `--edit`, as lines for people or as JSON for programs. */
import type { JsonData } from "../../vm/json/json.ts";
import { replaceUnsafe } from "../../vm/terminal-text.ts";
import { jsonObject } from "../log/json-fields.ts";
import type { WhatIfStop } from "../recorded-calls.ts";
import type { WhatIfReport } from "../what-if.ts";
import { differenceJson, differenceLines, locationJson, plural } from "./replay-report.ts";
import { framedStackLines } from "./source-frame.ts";

/** Returns lines without line feeds. The first line begins with `what-if: ` and the status. */
export function whatIfLines(report: WhatIfReport): readonly string[] {
  const { calls, edits, stop, status, stack, frame } = report;
  const lines = [`what-if: ${status} (${calls.answered} of ${plural(calls.recorded, "recorded call")} answered)`];
  for (const { call, text, recorded, edited, used } of edits) {
    if (used)
      lines.push(replaceUnsafe(`call ${call}, ${text}:`), replaceUnsafe(`  recorded ${recorded}`), replaceUnsafe(`  edited   ${edited}`));
    else lines.push(`call ${call}: the program does not get to it, so that its edit was not used`);
  }
  if (status !== "same") {
    if (stop !== undefined) lines.push(...stopLines(stop, calls.answered));
    if (stack.length > 0) lines.push(...framedStackLines(frame, stack));
  }
  return [...lines, ...endLines(report)];
}

function stopLines(stop: WhatIfStop, answered: number): readonly string[] {
  switch (stop.reason) {
    case "refused":
      return [
        replaceUnsafe(`after ${plural(answered, "call")} the policy refuses ${stop.text}`),
        replaceUnsafe(`  ${stop.rule === undefined ? "" : `${stop.rule}: `}${stop.message}`),
      ];
    case "other_call": {
      const { event, message, difference, expected, actual } = stop.mismatch;
      return [
        `calls stop matching after ${plural(answered, "call")}, at event ${event}: ${replaceUnsafe(message)}`,
        ...(difference === undefined ? [] : differenceLines(difference)),
        `  recorded: ${replaceUnsafe(expected)}`,
        `  now:      ${replaceUnsafe(actual)}`,
      ];
    }
    case "no_answer":
      return [replaceUnsafe(`after ${plural(answered, "call")} the program calls ${stop.text}`), "  the log has no answer for it"];
  }
}

function endLines({ recordedEnd, end, status }: WhatIfReport): readonly string[] {
  if (status === "same" && end !== undefined) return [`ends as recorded: ${replaceUnsafe(end)}`];
  return [
    `recorded end: ${replaceUnsafe(recordedEnd ?? "(the log does not say)")}`,
    `now:          ${replaceUnsafe(end ?? "(the log has no answer; the replay ends here)")}`,
  ];
}

/** Returns the object that `--json` prints. */
export function whatIfJson(report: WhatIfReport): JsonData {
  const { stop, calls, result } = report;
  return jsonObject({
    status: report.status,
    run_id: report.runId,
    same_program: report.sameProgram,
    calls: jsonObject({ recorded: calls.recorded, answered: calls.answered }),
    edits: report.edits.map(({ call, text, recorded, edited, used }) => jsonObject({ call, text, recorded, edited, used })),
    stop: stop === undefined ? null : stopJson(stop),
    stack: report.stack.map(locationJson),
    source: report.frame?.lines.at(-1)?.text,
    recorded_end: report.recordedEnd ?? null,
    end: report.end ?? null,
    outcome: report.end === undefined ? null : result.outcome,
  });
}

function stopJson(stop: WhatIfStop): JsonData {
  if (stop.reason === "refused") return jsonObject({ reason: stop.reason, call: stop.text, rule: stop.rule, message: stop.message });
  if (stop.reason === "no_answer") return jsonObject({ reason: stop.reason, call: stop.text });
  const { event, message, expected, actual, difference } = stop.mismatch;
  const path = difference === undefined ? undefined : differenceJson(difference);
  return jsonObject({ reason: stop.reason, event, message, expected, actual, difference: path });
}
