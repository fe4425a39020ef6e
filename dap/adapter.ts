/**
 * Answers the requests of the Debug Adapter Protocol with the debugger for recorded runs. `REQUESTS` lists the requests. A handler receives
 * the arguments and returns the body of the response. Events go to `send`. The adapter handles one request after the other. Only `pause`,
 * `terminate` and `disconnect` act at once: they stop a move in progress. A move is a step or a `continue`, forward or back. A place of the
 * run is where the debugger may stop.
 */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { readFileSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { type Breakpoint, Debugger, isMove, type Move, type Moved } from "../replay/debugger/debugger.ts";
import { answerText, type NamedValue, partCount, partsFrom, shortText } from "../replay/debugger/views.ts";
import { fileSource } from "../replay/log/log-source.ts";
import type { ReplayLimits } from "../replay/replay-limits.ts";
import { readCondition, readExpression } from "../runtime/debug-expression.ts";
import { BorunaError } from "../vm/error.ts";
import { parseJson } from "../vm/json/json.ts";
import type { Value } from "../vm/value/value.ts";
import { type Arguments, argumentsOf, countOf, objectsOf, optionalCount, optionalFlag, optionalText, textOf } from "./arguments.ts";

export interface AdapterOptions {
  /** The log to open if `launch` names none. */
  readonly file: string | undefined;
  readonly limits: ReplayLimits;
}

/** Sends an event to the client. */
export type SendEvent = (event: string, body?: object) => void;

export const CAPABILITIES: DebugProtocol.Capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsConditionalBreakpoints: true,
  supportsFunctionBreakpoints: true,
  supportsStepBack: true,
  supportsSetVariable: true,
  supportsEvaluateForHovers: true,
  supportsDelayedStackTraceLoading: true,
  supportsLoadedSourcesRequest: true,
  supportsTerminateRequest: true,
};

/** The name of the variable that shows the next recorded answer. */
const ANSWER_VARIABLE = "answer";
/** Limit on the variable references, and on the frame ids, that one place of the run gives out. */
const MAX_REFERENCES = 100_000;
/** Limit on the frames, and on the variables, in one response. */
const MAX_FRAMES = 1_000;
const MAX_VARIABLES = 1_000;
const MAX_SOURCE_BYTES = 4 * 1024 * 1024;

/** Something that the client can expand. A `variablesReference` of the protocol is the index of one, plus 1. */
type Container =
  | { readonly kind: "locals"; readonly locals: readonly NamedValue[] }
  | { readonly kind: "answer" }
  | { readonly kind: "value"; readonly value: Value };

/** A breakpoint that the client has set, with its id in the protocol. */
interface ClientBreakpoint {
  readonly id: number;
  readonly breakpoint: Breakpoint;
}

export class Adapter {
  readonly #options: AdapterOptions;
  readonly #send: SendEvent;
  #debug: Debugger | undefined;
  /** The folder to which the file names in the log are relative. */
  #sourceFolder = process.cwd();
  #stopsOnEntry = true;
  /** The breakpoints by file name. The key "" has those of capabilities. */
  readonly #breakpoints = new Map<string, readonly ClientBreakpoint[]>();
  #nextId = 1;
  /** The containers at the current place. A variable reference of the protocol is an index of this list plus 1. */
  #containers: Container[] = [];
  /**
   * The frames at the current place: the task, and the index on its stack. The index -1 means the label that shows how the run ended. A frame
   * id is an index of this list plus 1.
   */
  #frames: { readonly task: number; readonly index: number }[] = [];
  /** Aborts the current move. */
  #moveAbort: AbortController | undefined;
  /** The current move. The next request waits for its end. */
  #moveInProgress: Promise<void> | undefined;
  /** Resolves when all requests so far have been answered and no move is in progress. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: AdapterOptions, send: SendEvent) {
    this.#options = options;
    this.#send = send;
  }

  /** Answers a request. Rejects with a `BorunaError` that says what is wrong with the request. */
  request(command: string, rawArguments: unknown): Promise<object | undefined> {
    const handler = Object.hasOwn(REQUESTS, command) ? REQUESTS[command] : undefined;
    if (handler === undefined) return Promise.reject(new BorunaError("usage", `unknown request ${JSON.stringify(command.slice(0, 100))}`));
    if (command === "pause" || command === "disconnect" || command === "terminate") this.#moveAbort?.abort();
    const answer = this.#queue.then(() => handler(this, argumentsOf(rawArguments)));
    this.#queue = answer.then(() => this.#moveInProgress).catch(() => undefined);
    return answer;
  }

  get #run(): Debugger {
    if (this.#debug === undefined) throw new BorunaError("usage", "no log is open", { hint: "Send launch first." });
    return this.#debug;
  }

  async launch(args: Arguments): Promise<undefined> {
    const file = optionalText(args, "log") ?? this.#options.file;
    if (file === undefined) throw new BorunaError("usage", "launch must name a log", { hint: 'for example: "log": "run.jsonl"' });
    if (this.#debug !== undefined) throw new BorunaError("usage", "a log is open already");
    this.#stopsOnEntry = optionalFlag(args, "stopOnEntry") ?? true;
    this.#sourceFolder = resolve(optionalText(args, "sourceFolder") ?? ".");
    this.#debug = await Debugger.open(fileSource(file), { limits: this.#options.limits });
    this.#send("initialized");
    return undefined;
  }

  configurationDone(): undefined {
    // Without a current stop, the program ended before its first line, so there is nothing to continue.
    this.#beginMove(!this.#stopsOnEntry && this.#run.currentStop !== undefined ? "continue" : "start");
    return undefined;
  }

  /** Answers the request before the move. Sends `stopped` when the move has ended. */
  move(kind: Move): object {
    const { currentStop: stop } = this.#run;
    if (kind === "continue" && stop === undefined) {
      this.#send("terminated");
      return {};
    }
    this.#beginMove(kind);
    return { allThreadsContinued: true };
  }

  /** Begins a move after the response to the request has been sent. */
  #beginMove(kind: Move): void {
    const moveAbort = new AbortController();
    this.#moveAbort = moveAbort;
    this.#moveInProgress = new Promise((resolve) => setImmediate(resolve)).then(() => this.#runMove(kind, moveAbort.signal));
  }

  async #runMove(kind: Move, signal: AbortSignal): Promise<void> {
    try {
      this.#reportStop(await this.#run.move(kind, signal));
    } catch (error) {
      if (!(error instanceof BorunaError)) throw error;
      this.#send("output", { category: "stderr", output: `${error.message}\n` });
      this.#send("terminated");
    } finally {
      this.#moveAbort = undefined;
    }
  }

  #reportStop({ reason, breakpoints }: Moved): void {
    this.#containers = [];
    this.#frames = [];
    const ids = this.#allBreakpoints();
    const end = this.#run.end();
    const reasons = { step: "step", breakpoint: "breakpoint", start: "entry", end: "pause", interrupted: "pause" } as const;
    this.#send("stopped", {
      reason: reasons[reason],
      description: end === undefined ? undefined : "The run has ended",
      text: end?.text,
      threadId: this.#run.task + 1,
      allThreadsStopped: true,
      hitBreakpointIds: breakpoints.flatMap((index) => ids[index]?.id ?? []),
    });
  }

  setBreakpoints(args: Arguments): object {
    const file = this.#fileOf(argumentsOf(args.get("source")));
    const wanted = objectsOf(args, "breakpoints").map((item) => ({
      line: countOf(item, "line"),
      condition: optionalText(item, "condition"),
    }));
    if (file === undefined) {
      return { breakpoints: wanted.map(() => ({ verified: false, message: "the recorded program does not have this file" })) };
    }
    return this.#replaceBreakpoints(file, wanted, ({ line }, condition) => ({ file, line, condition }));
  }

  setFunctionBreakpoints(args: Arguments): object {
    const wanted = objectsOf(args, "breakpoints").map((item) => ({
      name: textOf(item, "name"),
      condition: optionalText(item, "condition"),
    }));
    return this.#replaceBreakpoints("", wanted, ({ name }, condition) => ({ capability: name, condition }));
  }

  /** Replaces the breakpoints of a file or, if `group` is "", those of capabilities. */
  #replaceBreakpoints<Item extends { readonly condition: string | undefined }>(
    group: string,
    items: readonly Item[],
    make: (item: Item, condition: Breakpoint["condition"]) => Breakpoint,
  ): object {
    const results = items.map((item) => this.#readBreakpoint(item, make));
    this.#breakpoints.set(
      group,
      results.flatMap((result) => ("breakpoint" in result ? [result.breakpoint] : [])),
    );
    const all = this.#allBreakpoints();
    const lines = this.#run.setBreakpoints(all.map(({ breakpoint }) => breakpoint));
    return {
      breakpoints: results.map((result) => {
        if ("message" in result) return { verified: false, message: result.message };
        const line = lines[all.indexOf(result.breakpoint)];
        if (line === undefined)
          return { id: result.breakpoint.id, verified: false, message: "nothing of the recorded program can stop here" };
        return { id: result.breakpoint.id, verified: true, ...(line === 0 ? {} : { line }) };
      }),
    };
  }

  #readBreakpoint<Item extends { readonly condition: string | undefined }>(
    item: Item,
    make: (item: Item, condition: Breakpoint["condition"]) => Breakpoint,
  ): { readonly breakpoint: ClientBreakpoint } | { readonly message: string } {
    const { condition } = item;
    try {
      const compiled = condition === undefined || condition === "" ? undefined : readCondition(condition, this.#run.program.module.types);
      return { breakpoint: { id: this.#nextId++, breakpoint: make(item, compiled) } };
    } catch (error) {
      if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
      return { message: error.message };
    }
  }

  #allBreakpoints(): readonly ClientBreakpoint[] {
    return [...this.#breakpoints.values()].flat();
  }

  threads(): object {
    return {
      threads: this.#run
        .tasks()
        .map(({ id, name, status }) => ({ id: id + 1, name: status === "runnable" ? name : `${name} (${status})` })),
    };
  }

  stackTrace(args: Arguments): object {
    const task = countOf(args, "threadId") - 1;
    const start = optionalCount(args, "startFrame") ?? 0;
    const levels = optionalCount(args, "levels") ?? 0;
    const end = task === 0 ? this.#run.end() : undefined;
    const { frames, total } = this.#run.stack(task, start, Math.min(levels === 0 ? MAX_FRAMES : levels, MAX_FRAMES));
    const stackFrames = frames.map(({ location }, i) => ({
      id: this.#frameId(task, start + i),
      name: location.function,
      line: location.line ?? 0,
      column: location.column ?? 0,
      source: location.file === undefined ? undefined : this.#source(location.file),
    }));
    if (end === undefined || start > 0) return { stackFrames, totalFrames: total };
    const label = { id: this.#frameId(task, -1), name: `end of the run: ${end.text}`, line: 0, column: 0, presentationHint: "label" };
    return { stackFrames: [label, ...stackFrames], totalFrames: total + 1 };
  }

  #frameId(task: number, index: number): number {
    if (this.#frames.length >= MAX_REFERENCES) throw new BorunaError("usage", "too many frames were asked for at this place");
    this.#frames.push({ task, index });
    return this.#frames.length;
  }

  #locals(frameId: number): readonly NamedValue[] {
    const frame = this.#frames[frameId - 1];
    if (frame === undefined) throw new BorunaError("usage", `no frame ${frameId} at this place`);
    return frame.index < 0 ? [] : (this.#run.stack(frame.task, frame.index, 1).frames[0]?.locals ?? []);
  }

  scopes(args: Arguments): object {
    const locals = this.#locals(countOf(args, "frameId"));
    const scopes = [
      { name: "Locals", presentationHint: "locals", variablesReference: this.#reference({ kind: "locals", locals }), expensive: false },
    ];
    if (this.#run.nextCall() === undefined) return { scopes };
    return { scopes: [...scopes, { name: "Next answer", variablesReference: this.#reference({ kind: "answer" }), expensive: false }] };
  }

  #reference(container: Container): number {
    if (this.#containers.length >= MAX_REFERENCES) throw new BorunaError("usage", "too many values were asked for at this place");
    this.#containers.push(container);
    return this.#containers.length;
  }

  variables(args: Arguments): object {
    const container = this.#container(args);
    const start = optionalCount(args, "start") ?? 0;
    const asked = optionalCount(args, "count") ?? 0;
    const count = Math.min(asked === 0 ? MAX_VARIABLES : asked, MAX_VARIABLES);
    const { types } = this.#run.program.module;
    if (container.kind === "value")
      return { variables: partsFrom(container.value, types, start, count).map((part) => this.#variable(part)) };
    const all = container.kind === "locals" ? container.locals.map((local) => this.#variable(local)) : this.#answerVariables();
    return { variables: all.slice(start, start + count) };
  }

  /** Returns the container that the `variablesReference` of a request refers to. */
  #container(args: Arguments): Container {
    const reference = countOf(args, "variablesReference");
    const container = this.#containers[reference - 1];
    if (container === undefined) throw new BorunaError("usage", `no variables ${reference} at this place`);
    return container;
  }

  #variable({ name, value }: NamedValue): DebugProtocol.Variable {
    const parts = partCount(value);
    return {
      name,
      value: shortText(value, this.#run.program.module.types),
      variablesReference: parts === 0 ? 0 : this.#reference({ kind: "value", value }),
      ...(parts > MAX_VARIABLES ? { indexedVariables: parts } : {}),
    };
  }

  #answerVariables(): readonly DebugProtocol.Variable[] {
    const call = this.#run.nextCall();
    if (call === undefined) return [];
    const { types } = this.#run.program.module;
    const answer =
      call.answer !== undefined && "value" in call.answer
        ? this.#variable({ name: ANSWER_VARIABLE, value: call.answer.value })
        : { name: ANSWER_VARIABLE, value: answerText(call.answer, types), variablesReference: 0 };
    return [
      { name: "call", value: `${call.call} ${call.capability}`, variablesReference: 0, presentationHint: { attributes: ["readOnly"] } },
      ...call.args.map((arg) => this.#variable(arg)),
      { ...answer, ...(call.isEdited ? { type: "replaced" } : {}) },
    ];
  }

  setVariable(args: Arguments): object {
    const name = textOf(args, "name");
    if (this.#container(args).kind !== "answer" || name !== ANSWER_VARIABLE) {
      throw new BorunaError("usage", `${name} cannot be set: the run is recorded`, { hint: "Only the next answer can be replaced." });
    }
    this.#run.setAnswer(parseJson(textOf(args, "value")));
    this.#send("output", { category: "console", output: "The next answer is replaced: from here on, the run is a what-if.\n" });
    const call = this.#run.nextCall();
    return { value: answerText(call?.answer, this.#run.program.module.types), variablesReference: 0 };
  }

  evaluate(args: Arguments): object {
    const { types } = this.#run.program.module;
    const frameId = optionalCount(args, "frameId");
    const locals = frameId === undefined ? [] : this.#locals(frameId);
    const value = readExpression(textOf(args, "expression"), types)((name) => locals.find((local) => local.name === name)?.value);
    const { value: result, variablesReference } = this.#variable({ name: "", value });
    return { result, variablesReference };
  }

  loadedSources(): object {
    return { sources: (this.#run.program.module.debug?.files ?? []).map(({ name }) => this.#source(name)) };
  }

  source(args: Arguments): object {
    const reference = optionalCount(argumentsOf(args.get("source")), "sourceReference") ?? countOf(args, "sourceReference");
    const file = this.#run.program.module.debug?.files[reference - 1];
    if (file === undefined) throw new BorunaError("usage", `no source ${reference}`);
    return { content: file.text };
  }

  /** Returns the path on disk if that file has the recorded text, otherwise a reference to the recorded text. */
  #source(name: string): DebugProtocol.Source {
    const index = this.#run.program.module.debug?.files.findIndex((file) => file.name === name) ?? -1;
    const path = isAbsolute(name) ? name : join(this.#sourceFolder, name);
    const isSame = textOfFile(path) === this.#run.program.module.debug?.files[index]?.text;
    return isSame ? { name, path } : { name, sourceReference: index + 1, origin: "recorded" };
  }

  /** Returns the name of the recorded file that a source of the client stands for. Undefined if there is none. */
  #fileOf(source: Arguments): string | undefined {
    const files = this.#run.program.module.debug?.files ?? [];
    const reference = optionalCount(source, "sourceReference") ?? 0;
    if (reference > 0) return files[reference - 1]?.name;
    const path = optionalText(source, "path") ?? optionalText(source, "name") ?? "";
    const slashed = path.replaceAll("\\", "/");
    const matches = files.filter(({ name }) => join(this.#sourceFolder, name) === path || slashed === name || slashed.endsWith(`/${name}`));
    return matches.toSorted((a, b) => b.name.length - a.name.length)[0]?.name;
  }
}

/** Returns the text of a file; undefined if it cannot be read or is too long. */
function textOfFile(path: string): string | undefined {
  try {
    const stats = statSync(path);
    return stats.isFile() && stats.size <= MAX_SOURCE_BYTES ? readFileSync(path, "utf8") : undefined;
  } catch {
    // The program was recorded elsewhere. The caller then shows the recorded text.
    return undefined;
  }
}

type Handler = (adapter: Adapter, args: Arguments) => Promise<object | undefined> | object | undefined;

const moveHandler =
  (move: Move): Handler =>
  (adapter) =>
    adapter.move(move);

const REQUESTS: Readonly<Record<string, Handler>> = {
  initialize: () => CAPABILITIES,
  launch: (adapter, args) => adapter.launch(args),
  attach: (adapter, args) => adapter.launch(args),
  configurationDone: (adapter) => adapter.configurationDone(),
  setBreakpoints: (adapter, args) => adapter.setBreakpoints(args),
  setFunctionBreakpoints: (adapter, args) => adapter.setFunctionBreakpoints(args),
  setExceptionBreakpoints: () => ({}),
  threads: (adapter) => adapter.threads(),
  stackTrace: (adapter, args) => adapter.stackTrace(args),
  scopes: (adapter, args) => adapter.scopes(args),
  variables: (adapter, args) => adapter.variables(args),
  setVariable: (adapter, args) => adapter.setVariable(args),
  evaluate: (adapter, args) => adapter.evaluate(args),
  source: (adapter, args) => adapter.source(args),
  loadedSources: (adapter) => adapter.loadedSources(),
  next: moveHandler("over"),
  stepIn: moveHandler("in"),
  stepOut: moveHandler("out"),
  stepBack: moveHandler("back-over"),
  continue: moveHandler("continue"),
  reverseContinue: moveHandler("reverse"),
  /** Any move of the debugger, by its name in `MOVES`: `{"move": "call"}`. */
  "boruna/move": (adapter, args) => {
    const name = textOf(args, "move");
    if (isMove(name)) return adapter.move(name);
    throw new BorunaError("usage", `unknown move ${JSON.stringify(name.slice(0, 100))}`);
  },
  // `Adapter.request` already stopped the move.
  pause: () => undefined,
  terminate: () => undefined,
  disconnect: () => undefined,
};
