/**
 * Reads a command line that is plainly well formed, without the parser that knows everything else: help, abbreviations,
 * what to say of mistakes. Loading that one takes longer than running a small program. What this one takes, the other
 * reads the same way, which a test holds.
 */
import { COMMANDS, COMMON, type CommandSpec, type Flags, type OptionSpec } from "./command-table.ts";

export interface CommandLine {
  readonly command: CommandSpec;
  readonly flags: Flags;
  readonly args: readonly string[];
}

/** Undefined for anything but known options with their values, in the right number of arguments. */
export function plainCommandLine(argv: readonly string[]): CommandLine | undefined {
  const command = COMMANDS.find(({ name }) => name.split(" ").every((word, i) => argv[i] === word));
  if (command === undefined) return undefined;
  const read = readOptions([...COMMON, ...command.options], argv.slice(command.name.split(" ").length));
  if (read === undefined || !isCount(command.args, read.args.length)) return undefined;
  return { command, ...read };
}

function readOptions(options: readonly OptionSpec[], words: readonly string[]): Omit<CommandLine, "command"> | undefined {
  const byName = new Map(options.flatMap((option) => namesOf(option).map((name) => [name, option])));
  const flags: Record<string, string | boolean | readonly string[]> = {};
  for (const option of options) if (option.preset !== undefined) flags[keyOf(option)] = option.preset;
  const repeated = new Map<OptionSpec, readonly string[]>();
  const given = new Set<OptionSpec>();
  const args: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    if (!word.startsWith("-")) {
      args.push(word);
      continue;
    }
    const option = byName.get(word);
    if (option === undefined) return undefined;
    if (!takesValue(option)) {
      flags[keyOf(option)] = true;
      continue;
    }
    at += 1;
    const value = words[at];
    if (value === undefined || value.startsWith("-") || option.choices?.includes(value) === false) return undefined;
    // The other parser says what is wrong with that.
    if (option.repeated !== true && given.has(option)) return undefined;
    given.add(option);
    if (option.repeated === true) {
      const values = [...(repeated.get(option) ?? []), value];
      repeated.set(option, values);
      flags[keyOf(option)] = values;
    } else flags[keyOf(option)] = value;
  }
  return { flags, args };
}

const takesValue = (option: OptionSpec): boolean => option.flags.endsWith(">");

/** `-o` and `--output` of `-o, --output <file>`. */
export const namesOf = (option: OptionSpec): readonly string[] => option.flags.replace(/ <.*$/, "").split(", ");

/** `maxSteps` of `--max-steps <n>`. */
export const keyOf = (option: OptionSpec): string =>
  (namesOf(option).at(-1) ?? "").slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

function isCount(spec: string, given: number): boolean {
  const words = spec === "" ? [] : spec.split(" ");
  const least = words.filter((word) => word.startsWith("<")).length;
  return given >= least && (given <= words.length || spec.includes("..."));
}
