/** Formats the differences that `boruna diff` prints, as lines for people or as JSON for programs. */
import type { JsonData } from "../../vm/json/json.ts";
import { replaceUnsafe } from "../../vm/terminal-text.ts";
import type { DiffSummary, EntryPosition, LogDifference } from "../diff.ts";
import type { LocatedEvent } from "../entries.ts";
import { jsonObject } from "../log/json-fields.ts";
import type { PathDifference } from "./divergence.ts";
import { differenceJson, differencesOf, locationJson, MAX_SHOWN_DIFFERENCES, moreText, plural } from "./replay-report.ts";

const SENTENCES: Readonly<Record<LogDifference["kind"], string>> = {
  header: "header",
  arguments: "other arguments",
  answer: "other answer",
  content: "other contents",
  only_a: "only in a",
  only_b: "only in b",
  end: "the runs end differently",
};

const positionText = ({ event, call }: EntryPosition): string => (call === undefined ? `event ${event}` : `call ${call} (event ${event})`);

/** Returns the lines of one difference, in which `a` is the first log and `b` the second. */
export function differenceReport(found: LogDifference): readonly string[] {
  const { kind, a, b, aText, bText, difference } = found;
  if (kind === "header") return [replaceUnsafe(`header ${difference?.path ?? ""}:`), ...sides(aText, bText)];
  const where = [a, b].filter((position) => position !== undefined).map(positionText);
  const places = where[0] === where[1] ? where.slice(0, 1) : where;
  const lines = [`${kind === "end" ? "" : `${places.join(" / ")}: `}${SENTENCES[kind]}`, ...sides(aText, bText)];
  const differences = differencesOf(found);
  return [...lines, ...differences.slice(0, MAX_SHOWN_DIFFERENCES).flatMap(lineOf), ...moreText(differences.length)];
}

function lineOf({ path, parameter, expected, actual, agree: count }: PathDifference): readonly string[] {
  const name = parameter === undefined ? "" : ` (${parameter})`;
  const agree = count === undefined || count === 0 ? "" : `, after ${plural(count, "equal character")}`;
  return [`  at ${replaceUnsafe(path)}${name}${agree}:`, ...sides(expected, actual).map((l) => `  ${l}`)];
}

function sides(a: string | undefined, b: string | undefined): readonly string[] {
  return [...(a === undefined ? [] : [`  a: ${replaceUnsafe(a)}`]), ...(b === undefined ? [] : [`  b: ${replaceUnsafe(b)}`])];
}

export function diffSummaryLine({ same, differences, equal }: DiffSummary): string {
  const equalText = `${plural(equal, "call or event", "calls and events")} equal`;
  return same ? `diff: the same (${equalText})` : `diff: ${plural(differences, "difference")} (${equalText})`;
}

/** Returns one element of `differences` in the object that `--json` prints. */
export function logDifferenceJson(found: LogDifference, located?: LocatedEvent): JsonData {
  const { kind, a, b, aText, bText, difference } = found;
  const position = (at: EntryPosition | undefined): JsonData => (at === undefined ? null : jsonObject({ event: at.event, call: at.call }));
  return jsonObject({
    kind,
    a: position(a),
    b: position(b),
    a_text: aText,
    b_text: bText,
    difference: difference === undefined ? undefined : differenceJson(difference),
    differences: difference === undefined ? undefined : differencesOf(found).map(differenceJson),
    stack: located?.stack.map(locationJson),
  });
}
