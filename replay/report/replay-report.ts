/** Formats the report of `boruna replay`, as lines for people or as JSON for programs. */
import type { SourceLocation } from "../../vm/bytecode/module.ts";
import type { JsonData } from "../../vm/json/json.ts";
import { replaceUnsafe } from "../../vm/terminal-text.ts";
import { jsonObject } from "../log/json-fields.ts";
import type { ReplayReport } from "../replay.ts";
import type { Divergence, PathDifference } from "./divergence.ts";
import { framedStackLines } from "./source-frame.ts";

/** Returns lines without line feeds. The first line begins with `replay: ` and the status. */
export function replayLines(report: ReplayReport): readonly string[] {
  const { divergence } = report;
  if (divergence !== undefined) return [...divergenceLines(divergence), ...report.notes.map(note)];
  const counts = `${plural(report.events.compared, "event")}, ${plural(report.answers, "answer")}, ${plural(report.result.steps, "step")}`;
  return [`replay: ${report.status} (${counts})`, ...report.notes.map(note)];
}

export const note = (text: string): string => `note: ${replaceUnsafe(text)}`;
export const plural = (count: number, noun: string, many = `${noun}s`): string => `${count} ${count === 1 ? noun : many}`;

export function divergenceLines(d: Divergence): readonly string[] {
  const where = d.atEnd ? `event ${d.event}, the end` : `event ${d.event}`;
  const lines = [`replay: divergence at ${where} (step ${d.step}): ${replaceUnsafe(d.message)}`];
  const differences = differencesOf(d);
  lines.push(...differences.slice(0, MAX_SHOWN_DIFFERENCES).flatMap(differenceLines), ...moreText(differences.length));
  lines.push(`  recorded: ${replaceUnsafe(d.expected)}`, `  replayed: ${replaceUnsafe(d.actual)}`);
  if (d.location !== undefined) lines.push(...framedStackLines(d.frame, [d.location, ...d.stack.slice(1)]));
  if (d.lastAnswer !== undefined) lines.push(`last answer before it: event ${d.lastAnswer.event}, ${replaceUnsafe(d.lastAnswer.text)}`);
  return lines;
}

/** Reports show at most this many differing arguments of a call. */
export const MAX_SHOWN_DIFFERENCES = 3;

/** Returns the line that says how many of `count` differing arguments are not shown, if any. */
export function moreText(count: number): readonly string[] {
  const more = count - MAX_SHOWN_DIFFERENCES;
  return more > 0 ? [`  and ${plural(more, "more argument")}`] : [];
}

/** Returns the differences of all arguments of a call. For another event, returns its first difference, if any. */
export function differencesOf(found: {
  readonly difference?: PathDifference | undefined;
  readonly moreDifferences?: readonly PathDifference[];
}): readonly PathDifference[] {
  return found.difference === undefined ? [] : [found.difference, ...(found.moreDifferences ?? [])];
}

export function differenceLines(d: PathDifference): readonly string[] {
  const name = d.parameter === undefined ? "" : ` (${d.parameter})`;
  const agree = d.agree === undefined || d.agree === 0 ? "" : `, after ${plural(d.agree, "equal character")}`;
  return [
    `  ${replaceUnsafe(d.path)}${name}${agree}:`,
    `    expected ${replaceUnsafe(d.expected)}`,
    `    actual   ${replaceUnsafe(d.actual)}`,
  ];
}

/** Returns the object that `--json` prints. */
export function replayJson(report: ReplayReport): JsonData {
  const { program, events, divergence, result } = report;
  return jsonObject({
    status: report.status,
    format: report.format,
    run_id: report.runId,
    program: jsonObject({ name: program.name, module_hash: program.moduleHash, recorded_module_hash: program.recordedModuleHash }),
    same_program: report.sameProgram,
    events: jsonObject({ recorded: events.recorded, compared: events.compared }),
    answers: report.answers,
    outcome: report.outcome,
    steps: result.steps,
    alloc_bytes: result.allocBytes,
    divergence: divergence === undefined ? null : divergenceJson(divergence),
    notes: report.notes,
  });
}

export function divergenceJson(d: Divergence): JsonData {
  const { difference, lastAnswer } = d;
  return jsonObject({
    kind: d.kind,
    event: d.event,
    at_end: d.atEnd,
    message: d.message,
    expected: d.expected,
    actual: d.actual,
    difference: difference === undefined ? undefined : differenceJson(difference),
    differences: difference === undefined ? undefined : differencesOf(d).map(differenceJson),
    location: d.location === undefined ? null : locationJson(d.location),
    source: d.frame?.lines.at(-1)?.text,
    stack: d.stack.map(locationJson),
    step: d.step,
    last_answer: lastAnswer === undefined ? null : jsonObject({ event: lastAnswer.event, text: lastAnswer.text }),
  });
}

export function differenceJson({ path, parameter, expected, actual, agree }: PathDifference): JsonData {
  return jsonObject({ path, parameter, expected, actual, equal_characters: agree });
}

export function locationJson({ function: name, pc, file, line, column }: SourceLocation): JsonData {
  return jsonObject({ function: name, pc, file, line, column });
}
