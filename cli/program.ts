/** The command line as data for commander: commands, flags, help. What a command does is in `commands/`. */
import { Command, CommanderError, Option } from "commander";
import { BorunaError } from "../vm/error.ts";
import { EXIT } from "../vm/outcome.ts";
import { VERSION } from "../vm/version.ts";
import type { CompileFlags } from "./commands/compile.ts";
import type { FmtFlags } from "./commands/fmt.ts";
import type { ReplayFlags } from "./commands/replay.ts";
import type { RunFlags } from "./commands/run.ts";
import type { TestFlags } from "./commands/test.ts";
import type { VerifyFlags } from "./commands/verify.ts";
import { reportFailure } from "./failure.ts";
import type { Session } from "./session.ts";
import { type ColorChoice, createTerminal } from "./terminal.ts";

const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value];

/** Examples stand before everything else in the help. */
function withExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText("before", `Examples:\n${examples.map((e) => `  ${e}`).join("\n")}\n`);
}

/** Runs the command line; resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.done;
  const common = (command: Command): Command =>
    command
      .option("--json", "print one JSON object on stdout")
      .addOption(new Option("--color <when>", "when messages have colors").choices(["auto", "always", "never"]).default("auto"));

  /** Runs one command with its flags; every failure ends here. */
  const action =
    <Flags extends object>(body: (session: Session, flags: Flags, args: readonly string[]) => Promise<number> | number) =>
    async (...given: unknown[]): Promise<void> => {
      const command = given.at(-1);
      if (!(command instanceof Command)) return;
      const flags = command.opts<Flags & { json?: boolean; color: string }>();
      const color: ColorChoice = flags.color === "always" || flags.color === "never" ? flags.color : "auto";
      const session: Session = { terminal: createTerminal(color), json: flags.json === true, textOf: () => undefined };
      try {
        exitCode = await body(session, flags, command.args);
      } catch (error) {
        exitCode = reportFailure(session.terminal, error, { json: session.json, textOf: (file) => session.textOf(file) });
      }
    };

  const program = new Command("boruna")
    .description("Runs programs you did not write: what they may touch is in their signatures, what they did is in the log.")
    .version(VERSION, "-V, --version")
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => undefined });
  withExamples(
    program,
    "boruna run app.ax --policy policy.json --live --record run.jsonl",
    "boruna replay run.jsonl",
    "boruna verify run.jsonl",
  );

  withExamples(
    common(program.command("run <file>").description("compile and run a program (.ax) or a module (.axbc), and print its value"))
      .option("--policy <policy>", "allow-all, deny-all or a policy file", "deny-all")
      .option("--allow-net <hosts>", "also allow net.fetch to these hosts, parted by commas")
      .option("--allow-read <path>", "also allow fs.read under this path", collect)
      .option("--allow-write <path>", "also allow fs.write under this path", collect)
      .option("--allow <cap[=budget]>", "also allow a capability", collect)
      .option("--live", "let calls reach the world; without it every capability answers its mock")
      .option("--arg <name=value>", "an argument of main: text for a String, else JSON", collect)
      .option("--inputs <file>", "a JSON object with what step_input gives")
      .option("--max-steps <n>", "stop after so many instructions")
      .option("--max-wall-ms <ms>", "stop after so many milliseconds")
      .option("--record <file>", "write the event log")
      .option("--format <format>", "log, or eventlog for the older whole-file form", "log")
      .option("--force", "let --record replace an older log")
      .option("--durable", "sync the log to disk around every call")
      .addOption(
        new Option("--engine <engine>", "auto compiles what runs long, compiled all it can; the result is the same")
          .choices(["auto", "interpreter", "compiled"])
          .default("auto"),
      )
      .option("--trace", "print every instruction to stderr")
      .option("--explain", "print every policy decision to stderr")
      .option("--ui <form>", "print emitted trees: json")
      .option("--traceparent <header>", "W3C trace context of the caller"),
    "boruna run app.ax",
    "boruna run app.ax --policy policy.json --live --arg url=https://api.example.com/items",
    "boruna run app.ax --allow-read ./data --live --record run.jsonl --json",
  ).action(action<RunFlags>(async (session, flags, [file = ""]) => (await import("./commands/run.ts")).runCommand(session, file, flags)));

  withExamples(
    common(program.command("check <file>").description("report errors and warnings of a program or library")),
    "boruna check app.ax",
    "boruna check app.ax --json",
  ).action(action(async (session, _flags, [file = ""]) => (await import("./commands/check.ts")).checkCommand(session, file)));

  withExamples(
    common(
      program
        .command("test [what...]")
        .description(
          "run the `test` blocks of files and folders, each in a fresh machine; other words select tests by a part of their name",
        ),
    ).option("--max-steps <n>", "stop a test after so many instructions"),
    "boruna test",
    "boruna test app.ax",
    'boruna test libs "reads a date"',
  ).action(action<TestFlags>(async (session, flags, what) => (await import("./commands/test.ts")).testCommand(session, what, flags)));

  withExamples(
    common(program.command("explain <code>").description("explain a diagnostic: why it is there, a wrong program, a right one")),
    "boruna explain E007",
    "boruna explain W002 --json",
  ).action(action(async (session, _flags, [code = ""]) => (await import("./commands/explain.ts")).explainCommand(session, code)));

  withExamples(
    common(
      program.command("fmt <files...>").description("write programs in the one form, in place; prints the names of those that changed"),
    )
      .option("--check", "write nothing; exit with 1 where a file differs")
      .option("--stdout", "write nothing; print the programs"),
    "boruna fmt app.ax",
    "boruna fmt --check app.ax lib.ax",
  ).action(action<FmtFlags>(async (session, flags, files) => (await import("./commands/fmt.ts")).fmtCommand(session, files, flags)));

  withExamples(
    common(program.command("compile <file>").description("compile a program to a module"))
      .option("-o, --output <file>", "where to write the module (default: the program's name with .axbc, here)")
      .option("--strip", "leave out source text and positions"),
    "boruna compile app.ax -o app.axbc",
  ).action(
    action<CompileFlags>(async (session, flags, [file = ""]) =>
      (await import("./commands/compile.ts")).compileCommand(session, file, flags),
    ),
  );

  withExamples(
    common(program.command("inspect <file>").description("show a module's functions, capabilities, sizes and instructions")),
    "boruna inspect app.axbc",
  ).action(action(async (session, _flags, [file = ""]) => (await import("./commands/inspect.ts")).inspectCommand(session, file)));

  withExamples(
    common(program.command("replay <log> [file]").description("run a log's program again with the log as its only source of answers"))
      .option("--policy <policy>", "the policy for an older event log, which holds none")
      .option("--arg <name=value>", "an argument of main, for an older event log", collect),
    "boruna replay run.jsonl",
    "boruna replay run.jsonl changed.ax",
  ).action(
    action<ReplayFlags>(async (session, flags, [log = "", file]) =>
      (await import("./commands/replay.ts")).replayCommand(session, log, file, flags),
    ),
  );

  withExamples(
    common(program.command("verify <log>").description("check a log: chain, count, blobs, hashes"))
      .option("--expect-head <hash>", "the hash that the log must end with")
      .option("--replay", "replay the run too"),
    "boruna verify run.jsonl",
    "boruna verify run.jsonl --replay --expect-head 3f2a…",
  ).action(
    action<VerifyFlags>(async (session, flags, [log = ""]) => (await import("./commands/verify.ts")).verifyCommand(session, log, flags)),
  );

  const policy = withExamples(
    program.command("policy").description("work with policy files"),
    "boruna policy validate policy.json",
    "boruna policy show policy.json",
  );
  withExamples(common(policy.command("validate <file>").description("check a policy file")), "boruna policy validate policy.json").action(
    action(async (session, _flags, [file = ""]) => (await import("./commands/policy.ts")).policyValidateCommand(session, file)),
  );
  withExamples(common(policy.command("show <policy>").description("print the effective policy")), "boruna policy show policy.json").action(
    action(async (session, _flags, [file = ""]) => (await import("./commands/policy.ts")).policyShowCommand(session, file)),
  );

  const capability = withExamples(program.command("capability").description("work with capabilities"), "boruna capability list");
  withExamples(
    common(capability.command("list").description("list every capability, its call and the set's hash")),
    "boruna capability list --json",
  ).action(action(async (session) => (await import("./commands/capability.ts")).capabilityListCommand(session)));

  for (const command of everyCommand(program)) command.exitOverride();
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end with 0; everything else that commander refuses is a mistake in the command line.
    if (error.exitCode === 0) return EXIT.done;
    const json = argv.includes("--json");
    // Commander has printed the help where no command was named.
    if (error.code === "commander.help" && !json) return EXIT.usage;
    return reportFailure(createTerminal(), usageError(error), { json });
  }
  return exitCode;
}

/** Commander's own words, its suggestion as the hint. */
function usageError(error: CommanderError): BorunaError {
  if (error.code === "commander.help") return new BorunaError("usage", "no command is named", { hint: SEE_HELP });
  const [what = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  return new BorunaError("usage", what, { hint: suggestion === undefined ? SEE_HELP : suggestion.replace(/^\((.*)\)$/, "$1") });
}

const SEE_HELP = "boruna -h shows all commands, boruna COMMAND -h its arguments and flags";

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
