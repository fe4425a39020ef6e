/** The commands of `boruna debug`. A command is one line of text. Its answer has lines for people and an object for `--json`. */
import { type Breakpoint, type Debugger, isMove, type Move, MOVES, type Moved } from "../replay/debugger/debugger.ts";
import { answerText, shortText } from "../replay/debugger/views.ts";
import { stackLines } from "../replay/report/source-frame.ts";
import { readCondition, readExpression } from "../runtime/debug-expression.ts";
import { nearest } from "../vm/nearest.ts";
import { BorunaError } from "../vm/error.ts";
import { parseJson } from "../vm/json/json.ts";

export interface CommandAnswer {
  /** The answer for people. */
  readonly lines: readonly string[];
  /** The answer for `--json`. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Whether the command ends the session, as `quit` does. */
  readonly isOver?: boolean;
}

interface CommandRow {
  readonly syntax: string;
  readonly help: string;
  readonly run: (session: DebugSession, argument: string) => CommandAnswer | Promise<CommandAnswer>;
}

/** Short names of commands. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["s", "in"],
  ["step", "in"],
  ["n", "over"],
  ["next", "over"],
  ["c", "continue"],
  ["b", "break"],
  ["p", "print"],
  ["rc", "reverse"],
  ["q", "quit"],
  ["h", "help"],
]);

const COMMANDS: ReadonlyMap<string, CommandRow> = new Map<string, CommandRow>([
  ...Object.entries(MOVES).map(([name, { help }]): [string, CommandRow] => [
    name,
    { syntax: name, help, run: (session) => session.move(name) },
  ]),
  ["where", { syntax: "where", help: "the place, and the stack of the task", run: (session) => session.describePlace("where") }],
  ["tasks", { syntax: "tasks", help: "main, actors and branches that have not ended", run: (session) => session.tasks() }],
  ["task", { syntax: "task N", help: "shows the stack of a task", run: (session, argument) => session.stack(argument) }],
  [
    "locals",
    { syntax: "locals [FRAME]", help: "the locals of a frame; 0 is the innermost", run: (session, argument) => session.locals(argument) },
  ],
  ["print", { syntax: "print EXPR", help: "an expression over the locals", run: (session, argument) => session.print(argument) }],
  ["answer", { syntax: "answer", help: "the next call of the log and its answer", run: (session) => session.answer() }],
  ["set", { syntax: "set JSON", help: "what-if: replaces that answer", run: (session, argument) => session.set(argument) }],
  ["reset", { syntax: "reset", help: "drops the replaced answers", run: (session) => session.reset() }],
  [
    "break",
    {
      syntax: "break [FILE:]LINE|CAPABILITY [if EXPR]",
      help: "stops there; without argument lists the breakpoints",
      run: (session, argument) => session.break(argument),
    },
  ],
  ["delete", { syntax: "delete N", help: "removes a breakpoint", run: (session, argument) => session.delete(argument) }],
  ["help", { syntax: "help", help: "this list", run: () => help() }],
  ["quit", { syntax: "quit", help: "ends", run: () => ({ lines: [], data: {}, isOver: true }) }],
]);

function help(): CommandAnswer {
  const width = Math.max(...[...COMMANDS.values()].map(({ syntax }) => syntax.length));
  return {
    lines: [...COMMANDS.values()].map((row) => `${row.syntax.padEnd(width)}  ${row.help}`),
    data: { commands: [...COMMANDS.values()].map(({ syntax, help: text }) => ({ syntax, help: text })) },
  };
}

/** A breakpoint as the user wrote it. */
interface WrittenBreakpoint {
  readonly text: string;
  readonly breakpoint: Breakpoint;
}

/** A debugger with the breakpoints of its user. */
export class DebugSession {
  readonly #debug: Debugger;
  #breakpoints: readonly WrittenBreakpoint[] = [];

  constructor(debug: Debugger) {
    this.#debug = debug;
  }

  /** Runs one command. Throws `usage` for a wrong one. */
  async run(line: string, signal: AbortSignal): Promise<CommandAnswer> {
    const [, word = "", argument = ""] = /^\s*(\S*)\s*([^]*?)\s*$/.exec(line) ?? [];
    const name = ALIASES.get(word) ?? word;
    if (isMove(name) && argument === "") return this.move(name, signal);
    const row = COMMANDS.get(name);
    if (row !== undefined && !isMove(name)) return row.run(this, argument);
    if (row !== undefined) throw new BorunaError("usage", `${word} takes no argument`);
    const similar = nearest(word, [...COMMANDS.keys()]);
    throw new BorunaError("usage", `unknown command ${JSON.stringify(word)}`, {
      hint: similar === undefined ? "help lists the commands" : `did you mean ${similar}?`,
    });
  }

  async move(name: string, signal?: AbortSignal): Promise<CommandAnswer> {
    const kind: Move = isMove(name) ? name : "in";
    const moved = await this.#debug.move(kind, signal);
    return this.describePlace(kind, moved);
  }

  /** Describes where the run is. `command` is the name of the command that asks, for the JSON. */
  describePlace(command: string, moved?: Moved): CommandAnswer {
    const debug = this.#debug;
    const { reason, breakpoints } = moved ?? { reason: undefined, breakpoints: [] };
    const { step, events } = debug.progress();
    const numbers = breakpoints.map((index) => index + 1);
    const ended = debug.end();
    const { frames } = debug.stack(debug.task);
    const stack = frames.map(({ location }) => location);
    const why = numbers.length > 0 ? `breakpoint ${numbers.join(", ")}` : (reason ?? "");
    const head = ended === undefined ? `${this.#taskName()}, step ${step}` : `end of the run, step ${step}: ${ended.text}`;
    return {
      lines: [
        `${why === "" || why === "step" ? "" : `${why}: `}${head}`,
        ...(ended?.recorded === undefined ? [] : [`  recorded: ${ended.recorded}`]),
        ...stackLines(debug.program.module, stack),
      ],
      data: { command, reason, breakpoints: numbers, task: debug.task, step, events, end: ended, stack },
    };
  }

  #taskName(): string {
    return this.#debug.tasks().find(({ id }) => id === this.#debug.task)?.name ?? "";
  }

  tasks(): CommandAnswer {
    const tasks = this.#debug.tasks();
    const lines = tasks.map(({ id, name, status }) => `${id === this.#debug.task ? "*" : " "} ${id}  ${name}  ${status}`);
    return { lines, data: { command: "tasks", tasks } };
  }

  stack(argument: string): CommandAnswer {
    const task = numberOf(argument === "" ? String(this.#debug.task) : argument, "the number of a task");
    if (!this.#debug.tasks().some(({ id }) => id === task))
      throw new BorunaError("usage", `no task ${task} here`, { hint: "tasks lists them" });
    const stack = this.#debug.stack(task).frames.map(({ location }) => location);
    return { lines: stackLines(this.#debug.program.module, stack), data: { command: "task", task, stack } };
  }

  locals(argument: string): CommandAnswer {
    const index = argument === "" ? 0 : numberOf(argument, "the number of a frame");
    const locals = this.#localsOf(index).map(({ name, value }) => ({ name, value: shortText(value, this.#debug.program.module.types) }));
    return { lines: locals.map(({ name, value }) => `${name} = ${value}`), data: { command: "locals", frame: index, locals } };
  }

  #localsOf(index: number) {
    const [frame] = this.#debug.stack(this.#debug.task, index, 1).frames;
    if (frame === undefined) throw new BorunaError("usage", `no frame ${index} here`, { hint: "where lists the frames" });
    return frame.locals;
  }

  print(text: string): CommandAnswer {
    const { types } = this.#debug.program.module;
    const locals = this.#localsOf(0);
    const value = readExpression(text, types)((name) => locals.find((local) => local.name === name)?.value);
    const shown = shortText(value, types);
    return { lines: [shown], data: { command: "print", value: shown } };
  }

  answer(): CommandAnswer {
    const call = this.#debug.nextCall();
    if (call === undefined) return { lines: ["the log has no further call"], data: { command: "answer" } };
    const { types } = this.#debug.program.module;
    const args = call.args.map(({ name, value }) => ({ name, value: shortText(value, types) }));
    const answer = answerText(call.answer, types);
    const text = `call ${call.call}: ${call.capability}(${args.map(({ value }) => value).join(", ")}) → ${answer}${call.isEdited ? " (replaced)" : ""}`;
    return {
      lines: [text],
      data: { command: "answer", call: call.call, capability: call.capability, args, answer, replaced: call.isEdited },
    };
  }

  set(text: string): CommandAnswer {
    this.#debug.setAnswer(parseJson(text));
    return { ...this.answer(), lines: [...this.answer().lines, "from here on, the run is a what-if"] };
  }

  async reset(): Promise<CommandAnswer> {
    await this.#debug.resetAnswers();
    return this.describePlace("reset");
  }

  break(text: string): CommandAnswer {
    if (text !== "") this.#setBreakpoints([...this.#breakpoints, { text, breakpoint: this.#breakpoint(text) }]);
    const lines = this.#breakpoints.map((breakpoint, i) => `${i + 1}  ${breakpoint.text}`);
    return { lines, data: { command: "break", breakpoints: this.#breakpoints.map((breakpoint) => breakpoint.text) } };
  }

  #breakpoint(text: string): Breakpoint {
    const [, where = "", conditionText] = /^(\S+)(?:\s+if\s+([^]+))?$/.exec(text) ?? [];
    const { module } = this.#debug.program;
    const condition = conditionText === undefined ? undefined : readCondition(conditionText, module.types);
    const [, file, line] = /^(?:(.+):)?([1-9]\d{0,8})$/.exec(where) ?? [];
    if (line === undefined && where !== "") return { capability: where, condition };
    const main = module.debug?.files[module.debug.functions[module.entry]?.file ?? 0]?.name ?? "";
    if (line !== undefined) return { file: file ?? main, line: Number(line), condition };
    throw new BorunaError("usage", `${text} is no place to stop at`, {
      hint: "for example: break 12, break lib.ax:3 if n > 2, break net.fetch",
    });
  }

  delete(argument: string): CommandAnswer {
    const number = numberOf(argument, "the number of a breakpoint");
    if (this.#breakpoints[number - 1] === undefined)
      throw new BorunaError("usage", `no breakpoint ${number}`, { hint: "break lists them" });
    this.#setBreakpoints(this.#breakpoints.filter((_, i) => i !== number - 1));
    return this.break("");
  }

  /** Replaces the breakpoints. If the run cannot stop at a new one, keeps the old ones and throws `usage`. */
  #setBreakpoints(written: readonly WrittenBreakpoint[]): void {
    const lines = this.#debug.setBreakpoints(written.map(({ breakpoint }) => breakpoint));
    const index = lines.indexOf(undefined);
    const wrong = written[index];
    if (wrong === undefined) {
      this.#breakpoints = written;
      return;
    }
    this.#debug.setBreakpoints(this.#breakpoints.map(({ breakpoint }) => breakpoint));
    throw new BorunaError("usage", `nothing can stop at ${wrong.text}`, {
      hint:
        "capability" in wrong.breakpoint
          ? "boruna capability list names the capabilities"
          : "no code begins at or after this line of the file",
    });
  }
}

function numberOf(text: string, what: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new BorunaError("usage", `${JSON.stringify(text)}: expected ${what}`);
}
