/** Runs one command. */
import { BorunaError } from "../vm/error.ts";
import type { CommandSpec, Flags, OptionSpec } from "./command-spec.ts";
import { reportFailure } from "./failure.ts";
import { flagKey, namesOf } from "./fast-parser.ts";
import type { CommandSession } from "./session.ts";
import { type ColorChoice, createTerminal } from "./terminal.ts";
import { errorClassOf, reportUsage } from "./usage.ts";

/** Runs the command, prints any failure, reports the command's end as a usage event, and returns the exit code. */
export async function invoke(command: CommandSpec, flags: Flags, args: readonly string[]): Promise<number> {
  const color: ColorChoice = flags["color"] === "always" || flags["color"] === "never" ? flags["color"] : "auto";
  const session: CommandSession = {
    terminal: createTerminal(color),
    json: flags["json"] === true,
    sourceOf: () => undefined,
    filesRead: () => [],
    endedAs: undefined,
    traceId: undefined,
    closers: [],
  };
  const exitCode = await runCommand(session, command, flags, args);
  await reportUsage(session.terminal, command, { exitCode, errorClass: session.endedAs, traceId: session.traceId });
  return exitCode;
}

async function runCommand(session: CommandSession, command: CommandSpec, flags: Flags, args: readonly string[]): Promise<number> {
  try {
    rejectIgnoredOptions(command.options, flags);
    return await command.run(session, flags, args);
  } catch (error) {
    session.endedAs = errorClassOf(error);
    return reportFailure(session.terminal, error, { json: session.json, sourceOf: (file) => session.sourceOf(file) });
  } finally {
    await Promise.all(session.closers.map((close) => close()));
  }
}

/** Throws `usage` for an option that would have no effect, because the option it needs is missing or another option excludes it. */
function rejectIgnoredOptions(options: readonly OptionSpec[], flags: Flags): void {
  const isGiven = (option: OptionSpec): boolean => ![undefined, option.defaultValue].some((value) => flags[flagKey(option)] === value);
  const givenNames = new Set(options.filter(isGiven).flatMap(namesOf));
  for (const option of options.filter(isGiven)) {
    const name = namesOf(option).at(-1) ?? "";
    const { needs, excludes } = option;
    if (needs !== undefined && !givenNames.has(needs)) {
      throw new BorunaError("usage", `${name} has no effect without ${needs}`, { hint: `add ${needs}, or leave out ${name}` });
    }
    if (excludes !== undefined && givenNames.has(excludes)) {
      throw new BorunaError("usage", `${excludes} has no effect beside ${name}`, { hint: `leave out one of the two` });
    }
  }
}
