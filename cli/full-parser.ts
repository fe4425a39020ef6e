/** Parses any command line with commander, which also provides help, suggestions and error messages. */
import { Command, CommanderError, Option } from "commander";
import { BorunaError } from "../vm/error.ts";
import { EXIT } from "../vm/outcome.ts";
import { VERSION } from "../vm/version.ts";
import type { CommandSpec, Flags, OptionSpec } from "./command-spec.ts";
import { COMMANDS, COMMON_OPTIONS, EXAMPLES, GROUPS, SUMMARY } from "./command-table.ts";
import { reportFailure } from "./failure.ts";
import { commandNamed } from "./fast-parser.ts";
import { createTerminal } from "./terminal.ts";
import { reportUsage } from "./usage.ts";

type Invoke = (command: CommandSpec, flags: Flags, args: readonly string[]) => Promise<number>;

const collect = (value: string, previous: readonly string[] | undefined): readonly string[] => [...(previous ?? []), value];

/** Puts the examples at the top of the help of the command. */
function withExamples(command: Command, examples: readonly string[]): Command {
  return command.addHelpText("before", `Examples:\n${examples.map((e) => `  ${e}`).join("\n")}\n`);
}

function toCommanderOption({ flags, help, defaultValue, choices, repeatable }: OptionSpec): Option {
  const option = new Option(flags, help);
  // Commander would take `--no-pager` for the opposite of an option `--pager`.
  option.negate = false;
  if (defaultValue !== undefined) option.default(defaultValue);
  if (choices !== undefined) option.choices(choices);
  if (repeatable === true) option.argParser(collect);
  else if (option.required) rejectRepeats(option);
  return option;
}

/** Rejects a second value, because commander would silently replace the first one. */
function rejectRepeats(option: Option): void {
  const { parseArg } = option;
  let isGiven = false;
  option.argParser((value: string, previous: unknown): unknown => {
    if (isGiven) throw new CommanderError(EXIT.usage, "boruna.given_twice", `${option.long ?? option.flags} is given twice`);
    isGiven = true;
    return parseArg === undefined ? value : parseArg(value, previous);
  });
}

/** Parses the command line, runs its command, and resolves to the exit code. */
export async function parseAndRun(argv: readonly string[], invoke: Invoke): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = new Command("boruna")
    .description(SUMMARY)
    .version(VERSION, "-V, --version")
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => undefined });
  withExamples(program, EXAMPLES);

  const groups = new Map<string, Command>();
  const parentOf = (spec: CommandSpec): Command => {
    const group = GROUPS.find(({ name }) => spec.name.startsWith(`${name} `));
    if (group === undefined) return program;
    const parent = groups.get(group.name) ?? withExamples(program.command(group.name).description(group.help), group.examples);
    groups.set(group.name, parent);
    return parent;
  };
  for (const spec of COMMANDS) {
    const name = spec.name.split(" ").at(-1) ?? "";
    const command = parentOf(spec).command(`${name} ${spec.argsSyntax}`.trimEnd()).description(spec.help);
    for (const option of [...COMMON_OPTIONS, ...spec.options]) command.addOption(toCommanderOption(option));
    withExamples(command, spec.examples).action(async () => {
      exitCode = await invoke(spec, command.opts<Flags>(), command.args);
    });
  }

  for (const command of withSubcommands(program)) command.exitOverride();
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // For help and version, commander throws an error with exit code 0. Any other error is a mistake in the command line.
    if (error.exitCode === 0) return EXIT.done;
    const json = argv.includes("--json");
    // If no command was named, commander has already printed the help.
    if (error.code === "commander.help" && !json) return EXIT.usage;
    const terminal = createTerminal();
    const failureCode = reportFailure(terminal, usageError(error), { json });
    const command = commandNamed(argv);
    // A mistake in or before the name of the command is not a usage event, because an event names its command.
    if (command !== undefined) await reportUsage(terminal, command, { exitCode: failureCode, errorClass: "usage", traceId: undefined });
    return failureCode;
  }
  return exitCode;
}

/** Converts a commander error into a usage error, with commander's suggestion as the hint. */
function usageError(error: CommanderError): BorunaError {
  if (error.code === "commander.help") return new BorunaError("usage", "no command is named", { hint: SEE_HELP });
  const [message = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  return new BorunaError("usage", message, { hint: suggestion === undefined ? SEE_HELP : suggestion.replace(/^\((.*)\)$/, "$1") });
}

const SEE_HELP = "boruna -h shows all commands, boruna COMMAND -h its arguments and flags";

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}
