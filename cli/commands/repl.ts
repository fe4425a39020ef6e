/** The terminal of `boruna repl`. `repl/session.ts` interprets the entries. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { renderDiagnostic } from "../../compiler/render.ts";
import { type Evaluation, ReplSession, type Wrong } from "../../repl/session.ts";
import { stateFolder } from "../../telemetry/usage/folders.ts";
import { BorunaError, errorCode } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import { VERSION } from "../../vm/version.ts";
import { answerIn, promptApprover } from "../approval-prompt.ts";
import { type CapabilityFlags, loadRegistry } from "../capabilities.ts";
import { errorText } from "../execution-output.ts";
import { INTERRUPTED, LineInput } from "../line-input.ts";
import { MockedCalls } from "../mocked.ts";
import { type PolicyFlags, policyOf } from "../policy-flags.ts";
import { failureLines } from "../run-error.ts";
import type { CommandSession } from "../session.ts";
import { jsonLine, type Terminal, withoutControlCharacters } from "../terminal.ts";

export interface ReplFlags extends CapabilityFlags, PolicyFlags {
  readonly live?: boolean;
}

const MAX_HISTORY = 1_000;

/** The commands of the session, which begin with a colon. */
const COMMANDS: readonly { readonly name: string; readonly argument: string; readonly help: string }[] = [
  { name: ":type", argument: "EXPR", help: "the type of an expression, which is not run" },
  { name: ":effects", argument: "EXPR", help: "the capabilities that it may use" },
  { name: ":doc", argument: "NAME", help: "what a function, a type, a builtin, a capability or a module is" },
  { name: ":reset", argument: "", help: "forget all entries" },
  { name: ":help", argument: "", help: "this list" },
  { name: ":quit", argument: "", help: "end the session, as Ctrl-D does" },
];

export async function replCommand(session: CommandSession, flags: ReplFlags): Promise<number> {
  const { terminal } = session;
  if (session.json) throw new BorunaError("usage", "a session prints no JSON", { hint: "`boruna run - --json` runs a program from stdin" });
  const registry = await loadRegistry(flags, session);
  const isLive = flags.live === true;
  // Mocks can do no harm, so without --live the default policy allows everything.
  const policy = await policyOf({ ...flags, policy: flags.policy ?? (isLive ? "deny-all" : "allow-all") }, registry);
  const historyFile = historyPath();
  /** The lines of the entry that the user is typing. */
  let buffer: readonly string[] = [];
  let running: AbortController | undefined;
  /** Whether the user has interrupted since the last prompt. */
  let isInterrupted = false;
  let mockedCalls = new MockedCalls([]);
  const input = new LineInput({
    complete: (line) => completions(repl, buffer, line),
    history: historyFile === undefined ? [] : readHistory(historyFile),
    maxHistory: MAX_HISTORY,
    onInterrupt: () => {
      isInterrupted = true;
      running?.abort();
    },
  });
  const ask: Parameters<typeof promptApprover>[1] = async (question, signal) => {
    for (;;) {
      const line = await input.ask(question, signal);
      const answer = line === undefined ? undefined : answerIn(line);
      if (line === undefined || answer !== undefined) return answer;
    }
  };
  const repl = new ReplSession({
    registry,
    policy,
    live: isLive,
    approve: promptApprover(terminal, ask),
    onDebug: (text) => terminal.err(withoutControlCharacters(text)),
    onCall: (call) => mockedCalls.end(call),
  });
  if (input.isTerminal)
    terminal.err(`Boruna ${VERSION}; ${isLive ? "calls are real" : "mocks answer calls"}. :help lists commands, Ctrl-D ends.`);
  const evaluate = async (text: string): Promise<void> => {
    running = new AbortController();
    if (isInterrupted) running.abort();
    mockedCalls = new MockedCalls([]);
    printEvaluation(terminal, await repl.evaluate(text, running.signal));
    running = undefined;
    const note = isLive ? undefined : mockedCalls.note();
    if (note !== undefined) terminal.err(note);
  };
  for (;;) {
    isInterrupted = false;
    const line = await input.next(buffer.length === 0 ? `${repl.nextNumber}> ` : ".. ");
    if (line === INTERRUPTED) {
      input.discardLine();
      terminal.err("");
      buffer = [];
    } else if (line !== undefined && buffer.length === 0 && line.trimStart().startsWith(":")) {
      if (runCommand(terminal, repl, line.trim()) === "quit") break;
    } else {
      if (line !== undefined) buffer = [...buffer, line];
      const text = buffer.join("\n");
      const missing = line === undefined ? "nothing" : repl.missingIn(text);
      // An empty line ends an entry that is not complete.
      if (missing === "bracket" || (missing === "more" && line?.trim() !== "")) continue;
      buffer = [];
      await evaluate(text);
      if (line === undefined) break;
    }
  }
  if (input.isTerminal) terminal.err("");
  input.close();
  if (historyFile !== undefined && input.isTerminal) writeHistory(historyFile, input.history);
  return EXIT.done;
}

function printEvaluation(terminal: Terminal, evaluation: Evaluation): void {
  switch (evaluation.kind) {
    case "nothing":
      return;
    case "declared":
      return terminal.err(`defined ${evaluation.names.join(", ")}`);
    case "wrong":
      return printWrong(terminal, evaluation);
    case "refused":
      return terminal.err(`error: ${evaluation.message}\n  help: ${evaluation.hint}`);
    case "value":
      for (const tree of evaluation.emittedTrees) terminal.err(`emitted ${jsonLine(tree)}`);
      if (evaluation.value !== undefined) terminal.out(withoutControlCharacters(evaluation.value));
      return;
    case "failed": {
      const { execution, stack } = evaluation;
      if (execution.error !== undefined) terminal.err(errorText(execution, execution.error, stack));
      for (const line of failureLines(execution.result.unreceived)) terminal.err(withoutControlCharacters(`note: ${line}`));
    }
  }
}

function printWrong(terminal: Terminal, { diagnostics, textOf }: Wrong): void {
  for (const diagnostic of diagnostics) terminal.err(renderDiagnostic(diagnostic, textOf, { color: terminal.color }));
}

/** Runs a command that begins with a colon. */
function runCommand(terminal: Terminal, repl: ReplSession, line: string): "quit" | "done" {
  const [, name = "", argument = ""] = /^(:\w*)\s*([^]*)$/.exec(line) ?? [];
  const command = COMMANDS.find((candidate) => candidate.name === name || (name.length > 1 && candidate.name.startsWith(name)));
  if (command === undefined || (command.argument === "") !== (argument === "")) {
    const usage = command === undefined ? ":help lists the commands" : `${command.name} ${command.argument}`.trim();
    terminal.err(`error: ${command === undefined ? `there is no command ${name}` : `wrong use of ${command.name}`}\n  help: ${usage}`);
    return "done";
  }
  const print = (answer: string | Wrong): void => {
    if (typeof answer === "string") terminal.out(withoutControlCharacters(answer));
    else printWrong(terminal, answer);
  };
  if (command.name === ":quit") return "quit";
  if (command.name === ":reset") repl.reset();
  else if (command.name === ":help")
    for (const { name: word, argument: example, help } of COMMANDS) terminal.err(`${`${word} ${example}`.padEnd(16)} ${help}`);
  else if (command.name === ":type") print(repl.typeOf(argument));
  else if (command.name === ":effects") print(repl.effectsOf(argument));
  else print(repl.docOf(argument) ?? `nothing is known about ${argument}`);
  return "done";
}

/** Returns completions for the last word of the line. `before` contains the earlier lines of the entry. */
function completions(repl: ReplSession, before: readonly string[], line: string): readonly [readonly string[], string] {
  if (/^:\w*$/.test(line)) return [COMMANDS.map(({ name }) => `${name} `).filter((name) => name.startsWith(line)), line];
  const word = /\w*$/.exec(line)?.[0] ?? "";
  if (word === "" && !/(\.|::)$/.test(line)) return [[], word];
  const text = [...before, line.replace(/^:\w+ /, "")].join("\n");
  const names = repl.completions(text, text.length).map(({ label }) => label);
  return [[...new Set(names)].filter((name) => name.startsWith(word)).toSorted(), word];
}

function historyPath(): string | undefined {
  const folder = stateFolder(process.env);
  return folder === undefined ? undefined : join(folder, "repl_history");
}

/** Returns the lines of the last sessions, the newest first. */
function readHistory(file: string): readonly string[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .slice(-MAX_HISTORY)
      .reverse();
  } catch (error) {
    // The session works without its history.
    if (errorCode(error) !== "") return [];
    throw error;
  }
}

function writeHistory(file: string, history: readonly string[]): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, `${history.toReversed().join("\n")}\n`, { mode: 0o600 });
  } catch (error) {
    // The folder may be read-only.
    if (errorCode(error) === "") throw error;
  }
}
