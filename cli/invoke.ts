/** One command from its flags to its exit code. */
import type { CommandSpec, Flags } from "./command-table.ts";
import { reportFailure } from "./failure.ts";
import type { Session } from "./session.ts";
import { type ColorChoice, createTerminal } from "./terminal.ts";

/** Runs the command; every failure ends here. */
export async function invoke(command: CommandSpec, flags: Flags, args: readonly string[]): Promise<number> {
  const color: ColorChoice = flags["color"] === "always" || flags["color"] === "never" ? flags["color"] : "auto";
  const session: Session = { terminal: createTerminal(color), json: flags["json"] === true, textOf: () => undefined };
  try {
    return await command.run(session, flags, args);
  } catch (error) {
    return reportFailure(session.terminal, error, { json: session.json, textOf: (file) => session.textOf(file) });
  }
}
