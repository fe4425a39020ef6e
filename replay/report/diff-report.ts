/** Formats the differences that `boruna diff` prints, as lines for people or as JSON for programs. */
import type { JsonData } from "../../vm/json/json.ts";
import { printable } from "../../vm/terminal-text.ts";
import type { DiffSummary, EntryPosition, LogDifference } from "../diff.ts";
import type { LocatedEvent } from "../entries.ts";
import { jsonObject } from "../log/json-fields.ts";
import { differenceJson, locationJson, plural } from "./replay-report.ts";

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

/** Returns the lines of one difference. In them, `a` is the first log and `b` the second. */
export function differenceReport(found: LogDifference): readonly string[] {
  const { kind, a, b, aText, bText, difference } = found;
  if (kind === "header") return [printable(`header ${difference?.path ?? ""}:`), ...sides(aText, bText)];
  const where = [a, b].filter((position) => position !== undefined).map(positionText);
  const places = where[0] === where[1] ? where.slice(0, 1) : where;
  const lines = [`${kind === "end" ? "" : `${places.join(" / ")}: `}${SENTENCES[kind]}`, ...sides(aText, bText)];
  if (difference === undefined) return lines;
  const name = difference.parameter === undefined ? "" : ` (${difference.parameter})`;
  const agree = difference.agree === undefined || difference.agree === 0 ? "" : `, after ${plural(difference.agree, "equal character")}`;
  return [
    ...lines,
    `  at ${printable(difference.path)}${name}${agree}:`,
    ...sides(difference.expected, difference.actual).map((l) => `  ${l}`),
  ];
}

function sides(a: string | undefined, b: string | undefined): readonly string[] {
  return [...(a === undefined ? [] : [`  a: ${printable(a)}`]), ...(b === undefined ? [] : [`  b: ${printable(b)}`])];
}

export function diffSummaryLine({ same, differences, equal }: DiffSummary): string {
  const equalText = `${plural(equal, "call or event", "calls and events")} equal`;
  return same ? `diff: the same (${equalText})` : `diff: ${plural(differences, "difference")} (${equalText})`;
}

/** Returns one element of `differences` in the object that `--json` prints. */
export function logDifferenceJson({ kind, a, b, aText, bText, difference }: LogDifference, located?: LocatedEvent): JsonData {
  const position = (at: EntryPosition | undefined): JsonData => (at === undefined ? null : jsonObject({ event: at.event, call: at.call }));
  return jsonObject({
    kind,
    a: position(a),
    b: position(b),
    a_text: aText,
    b_text: bText,
    difference: difference === undefined ? undefined : differenceJson(difference),
    stack: located?.stack.map(locationJson),
  });
}
