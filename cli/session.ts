/** What every command gets: where and how to print. */
import type { TextOf } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

export interface Session {
  readonly terminal: Terminal;
  readonly json: boolean;
  /** Returns the text of a source file. Set by commands that read sources, so that errors can show lines. */
  textOf: TextOf;
}
