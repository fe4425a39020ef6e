/**
 * Runs the program in the worker: compiles and verifies it, and runs it behind the gateway, with the policy, the mocks, a log in memory and
 * spans in memory. The log is the same as that of `boruna run` without `--live`.
 */
import { compile } from "../compiler/compile.ts";
import { CompileError } from "../compiler/diagnostics.ts";
import { lineTable, positionAt } from "../compiler/source.ts";
import { mockHandlers, withAnswers } from "../gateway/mock.ts";
import type { CallEnd, Observers } from "../gateway/observers.ts";
import { executeProgram, type RunResult } from "../gateway/run.ts";
import { parsePolicy, ruleLine } from "../policy/parse.ts";
import type { Policy } from "../policy/policy.ts";
import { type MemoryRecorder, memoryRecorder } from "../replay/log/recorder.ts";
import { describeRun } from "../replay/log/run-description.ts";
import { memoryTracing } from "../telemetry/memory-tracing.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { BUILTIN_REGISTRY } from "../vm/capabilities.ts";
import { canonicalJson, isJsonObject, type JsonData, parseJson } from "../vm/json/json.ts";
import { type Limits, limitsFrom } from "../vm/limits.ts";
import { typedText } from "../vm/value/display.ts";
import type { Value } from "../vm/value/value.ts";
import { POLICY_FILE, problemOf } from "./check.ts";
import { type Inputs, readInputs } from "./inputs.ts";
import { findLibrary, loadLibraries } from "./libraries.ts";
import type { CallRow, FromWorker, LogRow, Problem, RunEnd, Sources } from "./messages.ts";
import { spanRows } from "./span-rows.ts";

export const PROGRAM_NAME = "main.ax";

/** Limits on what the page shows of a run. Lengths of texts are in UTF-16 code units. */
const MAX_TEXT_CHARS = 4_000;
const MAX_ROWS = 1_000;
const MAX_SPANS = 2_000;
const MAX_STACK_FRAMES = 20;
/** A policy cannot raise the limits above these, so that a program of a link cannot use up the browser's memory. */
const LIMIT_CEILINGS: Partial<Limits> = {
  max_steps: 10_000_000_000,
  max_alloc_bytes: 2 ** 31,
  max_call_depth: 10_000,
  max_output_bytes: 2 ** 20,
  max_log_bytes: 2 ** 24,
  max_tasks: 10_000,
};
/** The worker sends a progress message when it has collected this number of rows. */
const ROWS_IN_MESSAGE = 50;

export interface RunContext {
  /** Stops the run. */
  readonly signal: AbortSignal;
  readonly send: (message: FromWorker) => void;
}

/** Compiles and runs the program, and sends its progress. The last message is `refused` or `ended`. */
export async function runSources(sources: Sources, { signal, send }: RunContext): Promise<void> {
  await loadLibraries(sources.program);
  const ready = prepare(sources);
  if ("problems" in ready) return send({ kind: "refused", problems: ready.problems });
  try {
    send({ kind: "ended", end: await run(ready, sources, { signal, send }) });
  } catch (error) {
    // The arguments in the inputs do not fit `main`.
    send({ kind: "refused", problems: [problemOf("inputs", error)] });
  }
}

interface Prepared {
  readonly program: Program;
  readonly policy: Policy;
  readonly inputs: Inputs;
}

function prepare(sources: Sources): Prepared | { readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const attempt = <T>(where: keyof Sources, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      problems.push(...(error instanceof CompileError ? programProblems(sources.program, error) : [problemOf(where, error)]));
      return undefined;
    }
  };
  const program = attempt("program", () =>
    verifyModule(compile({ name: PROGRAM_NAME, text: sources.program }, { resolve: findLibrary }).module),
  );
  const policy = attempt("policy", () => parsePolicy(sources.policy, POLICY_FILE));
  const inputs = attempt("inputs", () => readInputs(sources.inputs));
  return program === undefined || policy === undefined || inputs === undefined ? { problems } : { program, policy, inputs };
}

function programProblems(text: string, { diagnostics }: CompileError): readonly Problem[] {
  const table = lineTable(text);
  return diagnostics
    .filter(({ severity }) => severity === "error")
    .map(({ message, file, span, help }) => ({
      where: "program",
      severity: "error",
      ...(file === PROGRAM_NAME ? positionAt(table, span.start) : { line: undefined, column: undefined }),
      message,
      hint: help,
    }));
}

const limitsOf = ({ limits }: Policy): Limits => limitsFrom((name) => Math.min(limits[name], LIMIT_CEILINGS[name] ?? limits[name]));

async function run({ program, policy, inputs }: Prepared, sources: Sources, { signal, send }: RunContext): Promise<RunEnd> {
  const handlers = withAnswers(mockHandlers(BUILTIN_REGISTRY), inputs.answers);
  const limits = limitsOf(policy);
  const { args } = inputs;
  const description = describeRun(program, { policy, args, limits, mode: "mock", served: new Set(handlers.keys()), runId: undefined });
  const recorder = memoryRecorder(description);
  const { tracing, spans } = memoryTracing(MAX_SPANS);
  const progress = new Progress(program, sources.policy, send);
  const result = await executeProgram(program, {
    policy,
    handlers,
    args,
    limits,
    sink: recorder,
    signal,
    tracing,
    traceDetail: "flow",
    runId: description.header.runId,
    engine: "interpreter",
    onDebug: (text) => progress.print(text),
    on: progress.observers,
  });
  progress.flush();
  if (result.suspended === undefined) recorder.finish(result);
  else recorder.suspend();
  return { ...summary(program, result, sources.policy), ...logOf(recorder), spans: spanRows(spans) };
}

/** Collects the calls and printed texts of a run, and sends them to the page while the program runs. */
class Progress {
  readonly observers: Observers;
  readonly #policy: string;
  readonly #send: RunContext["send"];
  /** The arguments of each call in progress, by the call's number. */
  readonly #args = new Map<number, string>();
  #calls: CallRow[] = [];
  #printed: string[] = [];
  /** Number of rows sent so far. From `MAX_ROWS` on, no more are sent. */
  #sent = 0;

  constructor(program: Program, policy: string, send: RunContext["send"]) {
    const { types } = program.module;
    this.#policy = policy;
    this.#send = send;
    this.observers = {
      callStart: ({ call, args }) =>
        this.#args.set(call, cut(args.map((arg) => typedText(arg, undefined, types, MAX_TEXT_CHARS)).join(", "))),
      callEnd: (end) =>
        this.#addCall(end, end.result === undefined ? (end.message ?? "") : typedText(end.result, undefined, types, MAX_TEXT_CHARS)),
    };
  }

  #addCall({ call, capability, outcome, rule }: CallEnd, text: string): void {
    const args = this.#args.get(call) ?? "";
    this.#args.delete(call);
    this.#calls.push({ number: call, capability, args, outcome, text: cut(text), rule, ruleLine: lineOfRule(this.#policy, rule) });
    this.#flushIfLong();
  }

  print(text: string): void {
    this.#printed.push(cut(text));
    this.#flushIfLong();
  }

  #flushIfLong(): void {
    if (this.#calls.length + this.#printed.length >= ROWS_IN_MESSAGE) this.flush();
  }

  flush(): void {
    const left = Math.max(0, MAX_ROWS - this.#sent);
    const calls = this.#calls.slice(0, left);
    const printed = this.#printed.slice(0, left);
    this.#sent += calls.length + printed.length;
    this.#calls = [];
    this.#printed = [];
    if (calls.length + printed.length > 0) this.#send({ kind: "progress", calls, printed });
  }
}

const cut = (text: string): string => (text.length <= MAX_TEXT_CHARS ? text : `${text.slice(0, MAX_TEXT_CHARS)}…`);

const lineOfRule = (policy: string, rule: string | undefined): number | undefined =>
  rule === undefined ? undefined : ruleLine(policy, rule);

function summary({ module }: Program, result: RunResult, policy: string): Omit<RunEnd, "log" | "logRecords" | "head" | "spans"> {
  const { outcome, value, resultType, error, suspended, steps, allocBytes, counters, ui } = result;
  const text = (shown: Value): string => typedText(shown, undefined, module.types, MAX_TEXT_CHARS);
  const waiting = suspended === undefined ? undefined : `call ${suspended.call}, ${suspended.capability}, waits for an approval`;
  return {
    outcome,
    value: value === undefined ? undefined : typedText(value, resultType, module.types, MAX_TEXT_CHARS),
    error: waiting ?? (error === undefined ? undefined : cut(error.message)),
    rule: error?.rule,
    ruleLine: lineOfRule(policy, error?.rule),
    stack: (error?.stack ?? []).slice(0, MAX_STACK_FRAMES).map(({ function: name, file, line }) => ({ function: name, file, line })),
    steps,
    allocBytes,
    calls: counters.total,
    emitted: ui.slice(0, MAX_ROWS).map(text),
  };
}

function logOf(recorder: MemoryRecorder): Pick<RunEnd, "log" | "logRecords" | "head"> {
  const lines = new TextDecoder().decode(recorder.bytes()).trimEnd().split("\n");
  const last = parseJson(lines.at(-1) ?? "{}");
  const head = isJsonObject(last) ? last.get("hash") : undefined;
  return { log: lines.slice(0, MAX_ROWS).map(logRow), logRecords: lines.length, head: typeof head === "string" ? head : "" };
}

/** Returns the row of a record: a header, an event or an end. */
function logRow(line: string): LogRow {
  const record = parseJson(line);
  const fields: ReadonlyMap<string, JsonData> = isJsonObject(record) ? record : new Map();
  const [event, n] = [fields.get("event"), fields.get("n")];
  const [named] = event !== undefined && isJsonObject(event) ? event : [];
  if (named !== undefined) return { n: typeof n === "number" ? n : undefined, type: named[0], text: cut(canonicalJson(named[1])) };
  const end = fields.get("end");
  if (end !== undefined) return { n: undefined, type: "end", text: cut(canonicalJson(end)) };
  return { n: undefined, type: "header", text: cut(line) };
}
