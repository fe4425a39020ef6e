/**
 * The library's messages and hints mention options of its functions, such as `expectHead`. The command replaces each option by the flag that
 * sets it, such as `--expect-head`. A test checks that no file of the library mentions a flag.
 */

/** Phrases in messages of the library, each with the phrase that the command prints instead. */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/give each in the option `args`/, "give each as --arg name=VALUE"],
  [/set `force` in the option `record`/, "say --force"],
  [/pass the `registry` that the program was compiled with/, "name the file of its capabilities with --capabilities"],
  [/pass the `registry` that has it/, "name its file with --capabilities"],
  [/(in|of) the option `databaseUrl`/, "$1 DATABASE_URL or --database-url"],
];
const LIMIT = /`(max_[a-z_]+)` in the limits of the replay/g;
const OPTION = /\b(in )?the option `([A-Za-z]+)`/g;

const flagOf = (option: string): string => `--${option.replace(/_/g, "-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Returns a message of the library with flags in place of options. */
export function withFlagNames(text: string): string {
  return PHRASES.reduce((current, [option, flag]) => current.replace(option, flag), text)
    .replace(LIMIT, (_, limit: string) => flagOf(limit))
    .replace(
      OPTION,
      (_, preposition: string | undefined, option: string) => `${preposition === undefined ? "" : "with "}${flagOf(option)}`,
    );
}
