/**
 * Parses a correct command line with `node:util`. Anything else (help, abbreviations, mistakes) goes to `full-parser.ts`,
 * which loads commander and so makes the start of a small program about 10% slower. A property test checks that commander gives the same
 * result for every command line that this parser accepts.
 */
import { parseArgs, type ParseArgsConfig } from "node:util";
import type { CommandSpec, Flags, OptionSpec } from "./command-spec.ts";
import { COMMANDS, COMMON_OPTIONS } from "./command-table.ts";

interface CommandLine {
  readonly command: CommandSpec;
  readonly flags: Flags;
  readonly args: readonly string[];
}

/** Parses `argv`. Returns undefined if the command or an option is unknown, a value is missing or wrong, or the number of arguments is wrong. */
export function parseFast(argv: readonly string[]): CommandLine | undefined {
  const command = commandNamed(argv);
  if (command === undefined) return undefined;
  const parsed = parseOptions([...COMMON_OPTIONS, ...command.options], argv.slice(command.name.split(" ").length));
  if (parsed === undefined || !acceptsArgumentCount(command.argsSyntax, parsed.args.length)) return undefined;
  return { command, ...parsed };
}

/** Returns the command whose words the command line begins with. */
export function commandNamed(argv: readonly string[]): CommandSpec | undefined {
  return COMMANDS.find(({ name }) => name.split(" ").every((word, i) => argv[i] === word));
}

function parseOptions(options: readonly OptionSpec[], words: readonly string[]): Omit<CommandLine, "command"> | undefined {
  const config: NonNullable<ParseArgsConfig["options"]> = {};
  for (const option of options) {
    const short = namesOf(option)
      .find((name) => !name.startsWith("--"))
      ?.slice(1);
    const type = takesValue(option) ? "string" : "boolean";
    config[longName(option)] = { type, multiple: true, ...(short === undefined ? {} : { short }) };
  }
  const parsed = undefinedIfInvalid(() => parseArgs({ args: [...words], options: config, allowPositionals: true }));
  if (parsed === undefined) return undefined;
  const flags: Record<string, string | boolean | readonly string[]> = {};
  for (const option of options) {
    const values = parsed.values[longName(option)];
    if (!Array.isArray(values)) {
      if (option.defaultValue !== undefined) flags[flagKey(option)] = option.defaultValue;
      continue;
    }
    const texts = values.filter((value) => typeof value === "string");
    if (texts.some((text) => option.choices?.includes(text) === false)) return undefined;
    // Leave it to the full parser to report that an option was given twice.
    if (option.repeatable !== true && texts.length > 1) return undefined;
    flags[flagKey(option)] = option.repeatable === true ? texts : (texts[0] ?? true);
  }
  return { flags, args: parsed.positionals };
}

/** Returns the result of `parse`, or undefined if the command line is wrong. */
function undefinedIfInvalid<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_")) return undefined;
    throw error;
  }
}

const takesValue = (option: OptionSpec): boolean => option.flags.endsWith(">");

/** For `-o, --output <file>`: `-o` and `--output`. */
export const namesOf = (option: OptionSpec): readonly string[] => option.flags.replace(/ <.*$/, "").split(", ");

/** For `--max-steps <n>`: `max-steps`. */
const longName = (option: OptionSpec): string => (namesOf(option).at(-1) ?? "").slice(2);

/** For `--max-steps <n>`: `maxSteps`. */
export const flagKey = (option: OptionSpec): string => longName(option).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

function acceptsArgumentCount(argsSyntax: string, count: number): boolean {
  const argNames = argsSyntax === "" ? [] : argsSyntax.split(" ");
  const required = argNames.filter((word) => word.startsWith("<")).length;
  return count >= required && (count <= argNames.length || argsSyntax.includes("..."));
}
