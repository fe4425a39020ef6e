/** A replay's report for people and for programs. */
import type { JsonData } from "../../vm/json/json.ts";
import type { CodePlace } from "../../vm/bytecode/module.ts";
import type { Divergence, PathDifference } from "./divergence.ts";
import { jsonObject } from "../log/json-fields.ts";
import { frameLines, placeText, printable } from "./render-frame.ts";
import type { ReplayReport } from "../replay.ts";

/** Lines without line feeds. The first begins with `replay: ` and the status. */
export function replayLines(report: ReplayReport): readonly string[] {
  const { divergence } = report;
  if (divergence !== undefined) return [...divergenceLines(divergence), ...report.notes.map(note)];
  const counts = `${plural(report.events.compared, "event")}, ${plural(report.answers, "answer")}, ${plural(report.result.steps, "step")}`;
  return [`replay: ${report.status} (${counts})`, ...report.notes.map(note)];
}

const note = (text: string): string => `note: ${printable(text)}`;
const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

function divergenceLines(d: Divergence): readonly string[] {
  const where = d.atEnd ? `event ${d.event}, the end` : `event ${d.event}`;
  const lines = [`replay: divergence at ${where} (step ${d.step}): ${printable(d.message)}`];
  if (d.difference !== undefined) lines.push(...differenceLines(d.difference));
  lines.push(`  recorded: ${printable(d.expected)}`, `  replayed: ${printable(d.actual)}`);
  if (d.frame !== undefined) lines.push(...frameLines(d.frame));
  else if (d.place !== undefined) lines.push(`  at ${placeText(d.place)}`);
  for (const place of d.stack.slice(1)) lines.push(`  called from ${placeText(place)}`);
  if (d.lastAnswer !== undefined) lines.push(`last answer before it: event ${d.lastAnswer.event}, ${printable(d.lastAnswer.text)}`);
  return lines;
}

function differenceLines(d: PathDifference): readonly string[] {
  const name = d.parameter === undefined ? "" : ` (${d.parameter})`;
  const agree = d.agree === undefined || d.agree === 0 ? "" : `, after ${plural(d.agree, "equal character")}`;
  return [`  ${printable(d.path)}${name}${agree}:`, `    expected ${printable(d.expected)}`, `    actual   ${printable(d.actual)}`];
}

/** Field names are those of `--json`. */
export function replayJson(report: ReplayReport): JsonData {
  const { program, divergence, result } = report;
  return jsonObject([
    ["status", report.status],
    ["format", report.format],
    ["run_id", report.runId],
    [
      "program",
      jsonObject([
        ["name", program.name],
        ["module_hash", program.moduleHash],
        ["recorded_module_hash", program.recordedModuleHash],
      ]),
    ],
    ["same_program", report.sameProgram],
    [
      "events",
      jsonObject([
        ["recorded", report.events.recorded],
        ["compared", report.events.compared],
      ]),
    ],
    ["answers", report.answers],
    ["outcome", report.outcome],
    ["steps", result.steps],
    ["alloc_bytes", result.allocBytes],
    ["divergence", divergence === undefined ? null : divergenceJson(divergence)],
    ["notes", report.notes],
  ]);
}

function divergenceJson(d: Divergence): JsonData {
  const { difference, frame } = d;
  return jsonObject([
    ["kind", d.kind],
    ["event", d.event],
    ["at_end", d.atEnd],
    ["message", d.message],
    ["expected", d.expected],
    ["actual", d.actual],
    [
      "difference",
      difference === undefined
        ? undefined
        : jsonObject([
            ["path", difference.path],
            ["parameter", difference.parameter],
            ["expected", difference.expected],
            ["actual", difference.actual],
            ["equal_characters", difference.agree],
          ]),
    ],
    ["location", d.place === undefined ? null : placeJson(d.place)],
    ["source", frame?.lines.at(-1)?.text],
    ["stack", d.stack.map(placeJson)],
    ["step", d.step],
    [
      "last_answer",
      d.lastAnswer === undefined
        ? null
        : jsonObject([
            ["event", d.lastAnswer.event],
            ["text", d.lastAnswer.text],
          ]),
    ],
  ]);
}

function placeJson(place: CodePlace): JsonData {
  return jsonObject([
    ["function", place.function],
    ["pc", place.pc],
    ["file", place.file],
    ["line", place.line],
    ["column", place.column],
  ]);
}
