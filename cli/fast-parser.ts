/**
 * Parses a correct command line with `node:util`. Anything else (help, abbreviations, mistakes) goes to `full-parser.ts`,
 * which loads commander; that adds a tenth to the start of a small program. A property test holds that both read
 * a command line the same way.
 */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { COMMANDS, COMMON, type CommandSpec, type Flags, type OptionSpec } from "./command-table.ts";

export interface CommandLine {
  readonly command: CommandSpec;
  readonly flags: Flags;
  readonly args: readonly string[];
}

/** Undefined unless it is a known command with known options, each with its value, and the right number of arguments. */
export function parseFast(argv: readonly string[]): CommandLine | undefined {
  const command = COMMANDS.find(({ name }) => name.split(" ").every((word, i) => argv[i] === word));
  if (command === undefined) return undefined;
  const parsed = parseOptions([...COMMON, ...command.options], argv.slice(command.name.split(" ").length));
  if (parsed === undefined || !isArgumentCount(command.args, parsed.args.length)) return undefined;
  return { command, ...parsed };
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
  const parsed = unlessMistaken(() => parseArgs({ args: [...words], options: config, allowPositionals: true }));
  if (parsed === undefined) return undefined;
  const flags: Record<string, string | boolean | readonly string[]> = {};
  for (const option of options) {
    const values = parsed.values[longName(option)];
    if (!Array.isArray(values)) {
      if (option.preset !== undefined) flags[keyOf(option)] = option.preset;
      continue;
    }
    const texts = values.filter((value) => typeof value === "string");
    if (texts.some((text) => option.choices?.includes(text) === false)) return undefined;
    // The full parser reports an option with one value that is given twice.
    if (option.repeated !== true && texts.length > 1) return undefined;
    flags[keyOf(option)] = option.repeated === true ? texts : (texts[0] ?? true);
  }
  return { flags, args: parsed.positionals };
}

/** The result of `parse`, or undefined where the command line is wrong. */
function unlessMistaken<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_")) return undefined;
    throw error;
  }
}

const takesValue = (option: OptionSpec): boolean => option.flags.endsWith(">");

/** `-o` and `--output` of `-o, --output <file>`. */
export const namesOf = (option: OptionSpec): readonly string[] => option.flags.replace(/ <.*$/, "").split(", ");

/** `max-steps` of `--max-steps <n>`. */
const longName = (option: OptionSpec): string => (namesOf(option).at(-1) ?? "").slice(2);

/** `maxSteps` of `--max-steps <n>`. */
export const keyOf = (option: OptionSpec): string => longName(option).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

function isArgumentCount(spec: string, given: number): boolean {
  const words = spec === "" ? [] : spec.split(" ");
  const required = words.filter((word) => word.startsWith("<")).length;
  return given >= required && (given <= words.length || spec.includes("..."));
}
