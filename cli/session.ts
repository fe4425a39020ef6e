/** What the command line passes to every command, and what the command reports back. */
import type { SourceOf } from "../compiler/diagnostics.ts";
import type { Terminal } from "./terminal.ts";

export interface CommandSession {
  readonly terminal: Terminal;
  readonly json: boolean;
  /** Returns the text of a source file. Commands that read sources set it, so that error messages can quote source lines. */
  sourceOf: SourceOf;
  /** Returns the paths of the source files that were read. Commands that can watch files set it. */
  filesRead: () => Iterable<string>;
  /** How the command ended, as one stable word. Commands that run a program set it, because several outcomes share an exit code. */
  endedAs: string | undefined;
  /** The trace id of the run's span. Set if spans are on and the command runs a program. */
  traceId: string | undefined;
  /** Functions that run at the end of the command, for example to stop servers that it has started. */
  readonly closers: (() => Promise<void>)[];
}
