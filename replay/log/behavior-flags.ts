/**
 * Behavior flags: numbered changes in behavior that would alter the replay of older logs. The header of a log lists the flags that its run
 * had. If a log lacks a flag, every later version of Boruna replays and resumes it with the behavior before that change.
 */
import { BorunaError } from "../../vm/error.ts";
import type { JsonData } from "../../vm/json/json.ts";
import type { Module } from "../../vm/bytecode/module.ts";
import { countOf } from "./json-fields.ts";

/** Calls of different tasks overlap. A run has this flag if and only if its module has `tasks`. */
export const TASKS_FLAG = 1;

/** What each flag changed, by number, ascending from 1. Never remove or reuse a number. */
export const BEHAVIOR_FLAGS: ReadonlyMap<number, string> = new Map([[TASKS_FLAG, "tasks: calls of different tasks overlap"]]);

/** Returns the flags of a run of this module. */
export const flagsOf = (module: Module): readonly number[] => (module.tasks === undefined ? [] : [TASKS_FLAG]);

/** Reads the flags of a header. Throws `log.form`, and `log.flag` for a flag of a later version. */
export function flagsFromJson(
  flags: readonly JsonData[],
  known: Pick<ReadonlyMap<number, string>, "has"> = BEHAVIOR_FLAGS,
): readonly number[] {
  const numbers = flags.map((flag, i) => countOf(flag, `flags[${i}]`));
  if (numbers.some((number, i) => number <= (numbers[i - 1] ?? 0)))
    throw new BorunaError("log.form", "flags: expected numbers from 1, ascending");
  const unknown = numbers.find((number) => !known.has(number));
  if (unknown === undefined) return numbers;
  throw new BorunaError("log.flag", `the log was recorded with behavior flag ${unknown}, which this version does not know`, {
    hint: "Use a newer boruna.",
  });
}
