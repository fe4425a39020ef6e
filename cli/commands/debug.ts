import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Debugger } from "../../replay/debugger/debugger.ts";
import { fileSource } from "../../replay/log/log-source.ts";
import { toIoError } from "../../replay/log/files.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import { type CommandAnswer, DebugSession } from "../debug-commands.ts";
import { reportFailure } from "../failure.ts";
import { type ReplayLimitFlags, replayLimits } from "../run-arguments.ts";
import type { CommandSession } from "../session.ts";
import { printJson } from "../terminal.ts";
import { replaceUnsafe } from "../../vm/terminal-text.ts";

/** The options of `boruna debug`, which `command-table.ts` explains. */
export interface DebugFlags extends ReplayLimitFlags {
  readonly commands?: string;
  readonly dap?: boolean;
}

/** Debugs a log. The commands come from a file, the terminal or a pipe; with `--dap`, an editor sends them. */
export async function debugCommand(session: CommandSession, file: string | undefined, flags: DebugFlags): Promise<number> {
  const limits = replayLimits(flags);
  if (flags.dap === true) {
    const { serveDebugAdapter } = await import("../../dap/server.ts");
    await serveDebugAdapter(process.stdin, process.stdout, { file, limits });
    return EXIT.done;
  }
  if (file === undefined) throw new BorunaError("usage", "no log is named", { hint: "boruna debug run.jsonl" });
  const debug = new DebugSession(await Debugger.open(fileSource(file), { limits }));
  if (flags.commands === undefined) return prompt(session, debug);
  print(session, debug.describePlace("where"));
  for (const line of linesOf(flags.commands)) {
    const answer = await debug.run(line, new AbortController().signal);
    if (answer.isOver === true) break;
    print(session, answer);
  }
  return EXIT.done;
}

/** Returns the commands of a file. A line that begins with `#` is a comment. Throws `io_error`. */
function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => !/^\s*(#|$)/.test(line));
  } catch (error) {
    throw toIoError(error, "read", file);
  }
}

function print({ terminal, json }: CommandSession, { lines, data }: CommandAnswer): void {
  if (json) printJson(terminal, data);
  // Values come from the program and its answers. A line break in one must not look like a line of the debugger.
  else for (const line of lines) terminal.out(replaceUnsafe(line));
}

/** Reads commands from stdin until `quit` or the end of stdin. An empty line repeats the last command. After a wrong command, the session goes on. */
async function prompt(session: CommandSession, debug: DebugSession): Promise<number> {
  const isTerminal = process.stdin.isTTY === true && !session.json;
  const lines = createInterface({ input: process.stdin, output: isTerminal ? process.stderr : undefined, terminal: isTerminal });
  let running: AbortController | undefined;
  // Ctrl-C stops a running command, such as `continue`. Otherwise it ends the session.
  lines.on("SIGINT", () => (running === undefined ? lines.close() : running.abort()));
  lines.setPrompt("(debug) ");
  print(session, debug.describePlace("where"));
  if (isTerminal) lines.prompt();
  let last = "";
  for await (const written of lines) {
    const line = written.trim() === "" ? last : written;
    last = line;
    running = new AbortController();
    try {
      const answer = line === "" ? undefined : await debug.run(line, running.signal);
      if (answer?.isOver === true) break;
      if (answer !== undefined) print(session, answer);
    } catch (error) {
      if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
      reportFailure(session.terminal, error, { json: session.json, sourceOf: () => undefined });
    }
    running = undefined;
    if (isTerminal) lines.prompt();
  }
  lines.close();
  return EXIT.done;
}
