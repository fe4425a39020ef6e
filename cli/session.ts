/** What every command gets: where to print, and how. */
import type { TextOf } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

export interface Session {
  readonly terminal: Terminal;
  readonly json: boolean;
  /** Set by a command that reads sources, so that a failure can show their lines. */
  textOf: TextOf;
}
