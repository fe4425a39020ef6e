import { invoke } from "./invoke.ts";
import { parseFast } from "./fast-parser.ts";

/** Runs the command that the words name, and returns the exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const line = parseFast(argv);
  if (line !== undefined) return invoke(line.command, line.flags, line.args);
  return (await import("./full-parser.ts")).parseAndRun(argv, invoke);
}
