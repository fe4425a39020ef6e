/** What the debugger shows of a run: tasks, frames with their locals, the next call, the end, and the parts of values. */
import { locationOf, type SourceLocation, type TypeDef } from "../../vm/bytecode/module.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { type Actor, hasEnded, type Tasks } from "../../vm/interpreter/actor.ts";
import { slotValue } from "../../vm/interpreter/stack-slots.ts";
import type { Outcome } from "../../vm/outcome.ts";
import { outcomeOfTrap } from "../../vm/outcome.ts";
import { isContainer, partsOf } from "../../vm/value/children.ts";
import { typedText } from "../../vm/value/display.ts";
import { ListValue } from "../../vm/value/list.ts";
import { MapValue } from "../../vm/value/map.ts";
import { EnumValue, RecordValue, type Value } from "../../vm/value/value.ts";
import { signatureOf } from "../entries.ts";
import { loadValue } from "../log/blob-values.ts";
import type { Answer, WhatIfStop } from "../recorded-calls.ts";
import { endText, excerpt } from "../report/format-values.ts";
import type { LineTable } from "./line-table.ts";
import type { Edits, RecordedRun, Recording } from "./recorded-run.ts";

export interface TaskView {
  readonly id: number;
  /** `main`, `actor 2 worker`, `branch 0 of task 1`. */
  readonly name: string;
  readonly status: Actor["status"];
}

export interface NamedValue {
  readonly name: string;
  readonly value: Value;
}

export interface FrameView {
  /** The call at which the frame waits for a function, an answer or branches of a `par`. If it does not wait, the next instruction. */
  readonly location: SourceLocation;
  readonly locals: readonly NamedValue[];
}

export interface NextCallView {
  /** The number of the call in the log, from 1. */
  readonly call: number;
  readonly capability: string;
  readonly args: readonly NamedValue[];
  /** The answer that the program will get; undefined if the log has none. */
  readonly answer: Answer | undefined;
  readonly isEdited: boolean;
}

export interface EndView {
  readonly outcome: Outcome | "interrupted" | "what-if";
  /** How the run ended, in one line. */
  readonly text: string;
  /** How the recorded run ended. Undefined unless answers were replaced. */
  readonly recorded: string | undefined;
}

/** Maximum UTF-16 code units of the text of a value. */
const MAX_TEXT_UNITS = 240;

/** Returns the text of a value, cut at `MAX_TEXT_UNITS`. */
export const shortText = (value: Value, types: readonly TypeDef[]): string => typedText(value, undefined, types, MAX_TEXT_UNITS);

export function answerText(answer: Answer | undefined, types: readonly TypeDef[]): string {
  if (answer === undefined) return "(the log has no answer)";
  return "value" in answer ? shortText(answer.value, types) : `failure (${answer.failure.kind}): ${excerpt(answer.failure.message)}`;
}

export function tasksOf(program: Program, tasks: Tasks): readonly TaskView[] {
  return [...tasks.values()]
    .filter((task) => task.id === 0 || !hasEnded(task))
    .map((task) => ({ id: task.id, name: nameOfTask(program, task), status: task.status }));
}

function nameOfTask(program: Program, { id, branch, parent, depth, frameFunction }: Actor): string {
  if (id === 0) return "main";
  const name = depth === 0 ? "" : ` ${program.module.functions[frameFunction[0] ?? -1]?.name ?? "?"}`;
  return branch === undefined ? `actor ${id}${name}` : `branch ${branch} of task ${parent}${name}`;
}

export function framesOf(
  program: Program,
  lines: LineTable,
  task: Actor | undefined,
  start: number,
  count: number,
): { readonly frames: readonly FrameView[]; readonly total: number } {
  if (task === undefined) return { frames: [], total: 0 };
  const frames: FrameView[] = [];
  for (let i = task.depth - 1 - start; i >= 0 && frames.length < count; i--) {
    const index = task.frameFunction[i] ?? 0;
    const isInnermost = i === task.depth - 1;
    // For a frame that waits for a call, `framePc` is the instruction after the call.
    const isAtNext = isInnermost && (task.status === "runnable" || task.status === "blocked");
    const pc = Math.max(0, (task.framePc[i] ?? 0) - (isAtNext ? 0 : 1));
    const fn = program.functions[index];
    const base = task.frameBase[i] ?? 0;
    const locals = fn === undefined ? [] : lines.localsAt(fn, pc);
    frames.push({
      location: locationOf(program.module, index, pc),
      locals: locals.map(({ name, slot }) => ({ name, value: slotValue(task.stack, task.numbers, base + slot) })),
    });
  }
  return { frames, total: task.depth };
}

export function nextCallOf({ log, program }: Recording, run: RecordedRun, edits: Edits): NextCallView | undefined {
  const call = run.nextCall;
  if (call === undefined) return undefined;
  const params = signatureOf(call, program.registry)?.params ?? [];
  const args = call.args.map((arg, i) => ({ name: params[i]?.name ?? `argument ${i + 1}`, value: loadValue(arg, log.blobs) }));
  return { call: call.call, capability: call.capability, args, answer: run.answerTo(call), isEdited: edits.has(call.call) };
}

/** Describes the end of a run whose machine has ended, or has reached the step at which the recorded run was interrupted. */
export function endOfRun({ program, end }: Recording, run: RecordedRun, edits: Edits): EndView {
  const { types } = program.module;
  const recorded = edits.size === 0 || end === undefined ? undefined : endText(end, types);
  const ended = run.machine.end;
  if (ended === undefined) return { outcome: "interrupted", text: end === undefined ? "" : endText(end, types), recorded };
  if (run.stop !== undefined) return { outcome: "what-if", text: stopText(run.stop), recorded };
  if (ended.status === "completed") return { outcome: "success", text: `success: ${shortText(ended.value, types)}`, recorded };
  const { kind, message, step } = ended.trap;
  const { outcome } = outcomeOfTrap(kind);
  return { outcome, text: `${outcome}: ${kind} at step ${step}: ${excerpt(message)}`, recorded };
}

function stopText(stop: WhatIfStop): string {
  if (stop.reason === "refused") return `the policy refuses ${stop.text}: ${stop.message}`;
  if (stop.reason === "no_answer") return `the log has no answer for ${stop.text}`;
  return `the program makes another call than the log has: event ${stop.mismatch.event}: ${stop.mismatch.message}`;
}

/** Returns how many parts a value has. */
export function partCount(value: Value): number {
  if (!isContainer(value)) return 0;
  if (value instanceof ListValue) return value.length;
  return value instanceof MapValue ? value.size : partsOf(value).length;
}

/** Returns the parts of a value from the index `start` on, at most `count`. */
export function partsFrom(value: Value, types: readonly TypeDef[], start: number, count: number): readonly NamedValue[] {
  if (!isContainer(value)) return [];
  const end = Math.min(partCount(value), start + count);
  const parts: NamedValue[] = [];
  if (value instanceof MapValue) {
    let i = 0;
    for (const [key, part] of value.entries()) {
      if (i >= end) break;
      if (i >= start) parts.push({ name: key, value: part });
      i += 1;
    }
    return parts;
  }
  const fields = value instanceof RecordValue ? fieldNames(value, types) : undefined;
  const all = value instanceof ListValue ? undefined : partsOf(value);
  for (let i = start; i < end; i++) {
    const part = value instanceof ListValue ? value.get(i) : all?.[i];
    const name = value instanceof EnumValue ? "payload" : value instanceof ListValue ? `[${i}]` : (fields?.[i] ?? `${i}`);
    if (part !== undefined) parts.push({ name, value: part });
  }
  return parts;
}

function fieldNames({ typeId }: RecordValue, types: readonly TypeDef[]): readonly string[] {
  const type = types[typeId];
  return type?.kind === "record" ? type.fields.map(({ name }) => name) : [];
}
