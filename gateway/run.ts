/**
 * One run of a verified program behind the gateway.
 *
 * `executeProgram` takes a `Program`, its arguments, a policy and handlers, and returns a `RunResult`. `Run` is the
 * machine's `Host`. It shares three objects with the `Gateway`: `RunClock` stops the run, `RunEvents` logs its events, and
 * `RunObservers` calls the embedder's observers. Time can change the result only by the outcomes `timeout` and `canceled`.
 */
import { DENY_ALL, effectiveLimits, type Policy, policyHash } from "../policy/policy.ts";
import type { CallCounters, RunMode, RunSpanStart, RunTracing, TraceDetail, Tracing } from "../telemetry/tracing.ts";
import type { EngineChoice } from "../vm/compiled/engine.ts";
import { BorunaError } from "../vm/error.ts";
import { type AddText, textOnRead } from "../vm/lazy.ts";
import type { RunEvent } from "../vm/events.ts";
import type { CapabilityAnswer, CapabilityRequest, Host, HostStop, OpenCall, StopReason } from "../vm/host.ts";
import type { JsonData } from "../vm/json/json.ts";
import type { JsonSchema } from "../vm/json-schema/schema.ts";
import type { Limits } from "../vm/limits.ts";
import type { SourceLocation } from "../vm/bytecode/module.ts";
import { matchesType } from "../vm/value/matches-type.ts";
import { type LimitWord, type Outcome, outcomeOfTrap, type TrapKind } from "../vm/outcome.ts";
import { valueFromTypedJson } from "../vm/json/typed-json.ts";
import type { MachineEnd, Program, Trap, UnreceivedFailure } from "../vm/bytecode/program.ts";
import { runMachine } from "../vm/scheduler/scheduler.ts";
import { parseType, type Type } from "../vm/value/type.ts";
import type { Value } from "../vm/value/value.ts";
import { RunFlow } from "./flow.ts";
import type { SuspendedCall } from "./call.ts";
import type { DurableCalls } from "./durable-calls.ts";
import { Gateway } from "./gateway.ts";
import type { Handlers } from "./handlers.ts";
import type { Approver } from "./approval.ts";
import type { LoggedCalls, LoggedPrefix } from "./logged-prefix.ts";
import { mockHandlers } from "./mock.ts";
import { outputError } from "./output.ts";
import { OutputMeter } from "./output-meter.ts";
import { type Observers, RunObservers } from "./observers.ts";
import { RunClock } from "./run-clock.ts";
import { type EventSink, RunEvents } from "./run-events.ts";
import { RunTurns } from "./turns.ts";

export interface ExecuteOptions {
  /** What the program may do. Default: deny-all. The object must not change during the run. */
  readonly policy?: Policy | undefined;
  /** In an audit run, the policy whose decisions the observers get. The run itself obeys `policy`. */
  readonly audited?: Policy | undefined;
  /** Functions that carry out the capability calls. Default: the mocks. */
  readonly handlers?: Handlers | undefined;
  /** The mode that spans record. Default: mock. */
  readonly mode?: RunMode | undefined;
  /** Arguments of `main` by parameter name, as typed JSON. */
  readonly args?: ReadonlyMap<string, JsonData> | undefined;
  /** Limits that override those of the policy. */
  readonly limits?: Partial<Limits> | undefined;
  /** Receives the events. By default, events are only counted. */
  readonly sink?: EventSink | undefined;
  /** The part of the run that its log already has, if the run is resumed. */
  readonly prefix?: LoggedPrefix | undefined;
  /** What the log says about the calls, if the run is replayed. */
  readonly logged?: LoggedCalls | undefined;
  /** Decides about calls that need an approval. Default: such a call suspends the run. */
  readonly approve?: Approver | undefined;
  /** Stores the answers of calls outside the process, so that another process can continue the run. Default: only the log has them. */
  readonly durable?: DurableCalls | undefined;
  /** How many handlers may run at once. It affects only the time of the run. Default: `MAX_PARALLEL_CALLS`. */
  readonly maxParallelCalls?: number | undefined;
  /** Cancels the run when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** W3C trace context and baggage of the caller. */
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  readonly baggage?: string | undefined;
  /** Receives the run and its calls as spans. Default: no spans. */
  readonly tracing?: Tracing | undefined;
  /** How much of the control flow `tracing` and the observers receive. Default: cap, which is none of it. */
  readonly traceDetail?: TraceDetail | undefined;
  /** Id of the recorded run that this run replays. */
  readonly replayOf?: string | undefined;
  /** Callbacks that watch the run. */
  readonly on?: Observers | undefined;
  /** The run id, or a function that returns it and is called only if something needs the id. */
  readonly runId: string | (() => string);
  /** The JSON Schema that the program's value must match. */
  readonly outputSchema?: JsonSchema | undefined;
  /** Receives each text of `debug` and `debug_msg`. */
  readonly onDebug?: ((text: string) => void) | undefined;
  /** The engines that may run the program. The choice affects only how long the run takes. Default: auto. */
  readonly engine?: EngineChoice | undefined;
  /** Whether a run that stops at an event of an actor reports the stack of the spawn or send that caused the event. Slows events a little. */
  readonly locatesEvents?: boolean | undefined;
  /** Receives each instruction as a line of text. */
  readonly trace?: ((line: string) => void) | undefined;
  /** Receives the first error that an observer throws. Default: print it to stderr. */
  readonly onObserverError?: ((error: unknown) => void) | undefined;
  /** Returns the milliseconds of a monotonic clock. Default: the system's clock. */
  readonly clock?: (() => number) | undefined;
}

/** Why a run did not complete. */
export interface RunError {
  readonly kind: TrapKind;
  readonly message: string;
  /** The capability whose call failed. */
  readonly capability?: string;
  /** Path of the policy rule that refused the call. */
  readonly rule?: string;
  /** Source locations, innermost call first. */
  readonly stack: readonly SourceLocation[];
  /** The limit that the run reached. */
  readonly limit?: LimitWord;
  /** Text forms of the arguments of a function whose contract failed. */
  readonly counterexample?: readonly string[];
  /** Where the value does not match the output schema, such as `value.items[3].price`. */
  readonly path?: string;
  /** The step at which the run stopped. */
  readonly step: number;
  /** What the handler of the call threw. Not enumerable, so `JSON.stringify` omits it. */
  readonly cause?: unknown;
}

/** How a run ended. It has a `value` if the outcome is `success`, otherwise an `error`. */
export interface RunResult {
  readonly outcome: Outcome;
  readonly value?: Value;
  /** The declared type of `value`; absent if the module does not name the type. */
  readonly resultType?: Type;
  readonly error?: RunError;
  /** Why the value does not match the output schema. The outcome is still `success`, as in a replay, which has no schema. */
  readonly outputError?: RunError;
  readonly steps: number;
  /** Total bytes of all values that the run created. */
  readonly allocBytes: number;
  readonly counters: CallCounters;
  /** The values that the program emitted (`emit`), in order. */
  readonly ui: readonly Value[];
  readonly runId: string;
  /** The limit that the run reached. */
  readonly limit?: LimitWord;
  /** Number of events, whether or not a log was written. */
  readonly events: number;
  /** The call at which the run waits. Present if and only if the outcome is `suspended`. */
  readonly suspended?: SuspendedCall;
  /** Other calls that wait for their answers too, if the outcome is `suspended`. Absent if there are none. */
  readonly alsoWaiting?: readonly SuspendedCall[];
  /** Failures of actors that their parent did not receive. They do not change the outcome. */
  readonly unreceived: readonly ActorFailure[];
}

/** The failure of an actor that its parent did not receive. */
export interface ActorFailure extends UnreceivedFailure {
  /** Name of the function that the actor was spawned with. */
  readonly functionName: string;
}

/**
 * Runs the program. The result's `outcome` says how the program ended. Throws `BorunaError`: `usage` and `value.*` for
 * arguments that do not fit `main`, and whatever the sink throws.
 */
export async function executeProgram(program: Program, options: ExecuteOptions): Promise<RunResult> {
  const args = bindArguments(program, options.args ?? new Map());
  const run = new Run(program, options);
  return run.finish(await run.runProgram(args));
}

/** Returns the values of `main`'s parameters, converted from typed JSON. Throws `usage`, `value.*`. */
export function bindArguments(program: Program, args: ReadonlyMap<string, JsonData>): readonly Value[] {
  const { signature, functions, entry, types } = program.module;
  const params = signature?.params ?? [];
  const unknownName = [...args.keys()].find((name) => !params.some((p) => p.name === name));
  if (unknownName !== undefined)
    throw new BorunaError("usage", `the program has no argument ${JSON.stringify(unknownName)}`, { hint: argumentsHint(params) });
  if (signature === undefined && (functions[entry]?.arity ?? 0) > 0) {
    throw new BorunaError("usage", "the entry function takes arguments, but the module does not name them", {
      hint: "compile it again from its source",
    });
  }
  return params.map((p) => {
    const data = args.get(p.name);
    if (data === undefined) throw new BorunaError("usage", `the argument ${p.name} is missing`, { hint: argumentsHint(params) });
    return valueFromTypedJson(data, parseType(p.type), types, p.name);
  });
}

function argumentsHint(params: readonly { readonly name: string; readonly type: string }[]): string {
  const list = params.map((p) => `${p.name}: ${p.type}`).join(", ");
  return params.length === 0 ? "its main takes no arguments" : `its main takes (${list}); give each in the option \`args\``;
}

/** Adds the property `runId`, whose text is made only when it is read. */
export const addRunId: AddText<"runId"> = textOnRead("runId");

/** How many handlers of one run may run at once, unless the host says otherwise. */
export const MAX_PARALLEL_CALLS = 16;

/** The machine's host for one run. */
class Run implements Host {
  readonly locatesEvents: boolean;
  readonly flow: RunFlow | undefined;
  readonly #program: Program;
  readonly #limits: Limits;
  readonly #options: ExecuteOptions;
  readonly #runId: () => string;
  readonly #clock: RunClock;
  readonly #observers: RunObservers;
  readonly #events: RunEvents;
  readonly #gateway: Gateway;
  readonly #tracing: RunTracing | undefined;
  /** The values that the program has emitted so far. */
  readonly #emittedTrees: Value[] = [];
  /** The function name of each spawned actor, by actor id. */
  readonly #actorFunctions = new Map<number, string>();
  readonly #output: OutputMeter;
  readonly #turns: RunTurns;

  constructor(program: Program, options: ExecuteOptions) {
    const { policy = DENY_ALL, mode = "mock" } = options;
    const limits = effectiveLimits(policy, options.limits ?? {});
    this.#program = program;
    this.#limits = limits;
    this.#options = options;
    const { runId } = options;
    this.#runId = typeof runId === "string" ? () => runId : runId;
    this.locatesEvents = options.locatesEvents === true;
    this.#clock = new RunClock(limits.max_wall_ms, options.clock);
    this.#observers = new RunObservers(options.on, options.onObserverError);
    this.#events = new RunEvents(limits.max_log_bytes, options.sink, this.#observers, options.prefix);
    this.#output = new OutputMeter(limits.max_output_bytes);
    this.#turns = new RunTurns(this.#clock.now);
    this.#tracing = options.tracing?.startRun(runStart(program, policy, this.#runId, options));
    this.flow = this.#flowOf(options.traceDetail);
    this.#gateway = new Gateway({
      policy,
      audited: options.audited,
      handlers: options.handlers ?? mockHandlers(program.registry),
      mode,
      runId: this.#runId,
      types: program.module.types,
      tracing: this.#tracing,
      clock: this.#clock,
      observers: this.#observers,
      events: this.#events,
      prefix: options.prefix,
      logged: options.logged ?? options.prefix,
      approve: options.approve,
      durable: options.durable,
      maxParallelCalls: options.maxParallelCalls ?? MAX_PARALLEL_CALLS,
    });
    if (this.#observers.has("runStart")) this.#observers.notify("runStart", { runId: this.#runId(), program: program.module.name });
  }

  /** Returns what reports the control flow of the run. Undefined if nobody would receive it. */
  #flowOf(detail: TraceDetail = "cap"): RunFlow | undefined {
    const { prefix } = this.#options;
    const isObserved = this.#observers.has("flowStart") || this.#observers.has("flowEnd");
    if (detail === "cap" || (this.#tracing === undefined && !isObserved)) return undefined;
    return new RunFlow({ detail, tracing: this.#tracing, observers: this.#observers, mayWait: !this.#clock.isLimited, prefix });
  }

  async runProgram(args: readonly Value[]): Promise<MachineEnd> {
    const { signal, trace, engine = "auto" } = this.#options;
    const options = { limits: this.#limits, args, engine, ...(trace === undefined ? {} : { trace }) };
    this.#turns.begin();
    try {
      return await this.#clock.watch(signal, async () => {
        const end = await runMachine(this.#program, this, options);
        const running = this.#gateway.end(end.status === "trapped" && end.trap.kind === "suspended");
        if (running !== undefined) await running;
        await this.flow?.settle(this.#clock.signal);
        return end;
      });
    } catch (error) {
      await this.#gateway.end(false);
      const spansDropped = this.flow?.dropped ?? 0;
      this.#tracing?.end({ outcome: "fatal", steps: 0, allocBytes: 0, counters: this.#gateway.counters(), spansDropped });
      throw error;
    } finally {
      this.#turns.end();
    }
  }

  finish(end: MachineEnd): RunResult {
    const { outputSchema } = this.#options;
    const ended = this.#result(end);
    const failure = outputSchema === undefined ? undefined : outputError(ended, outputSchema, this.#program.module.types);
    const result = failure === undefined ? ended : { ...ended, outputError: failure };
    addRunId(result, this.#runId);
    const { steps, allocBytes, counters, limit } = result;
    const outcome = failure === undefined ? result.outcome : "output_mismatch";
    this.#tracing?.end({ outcome, steps, allocBytes, counters, limit, spansDropped: this.flow?.dropped ?? 0 });
    if (this.#observers.has("runEnd")) this.#observers.notify("runEnd", { runId: result.runId, outcome, steps });
    return result;
  }

  #result(end: MachineEnd): Omit<RunResult, "runId"> {
    const { signature, types } = this.#program.module;
    const commonFields = {
      steps: end.steps,
      allocBytes: end.allocBytes,
      counters: this.#gateway.counters(),
      ui: this.#emittedTrees,
      events: this.#events.count,
      unreceived: end.unreceived.map((failure) => ({ ...failure, functionName: this.#actorFunctions.get(failure.actorId) ?? "?" })),
    };
    if (end.status === "trapped") {
      const { outcome, ...limit } = outcomeOfTrap(end.trap.kind);
      const [suspended, ...alsoWaiting] = this.#gateway.suspended;
      const others = alsoWaiting.length === 0 ? {} : { alsoWaiting };
      const waits = suspended === undefined || outcome !== "suspended" ? {} : { suspended, ...others };
      return { outcome, error: runError(end.trap, limit), ...commonFields, ...limit, ...waits };
    }
    const { value } = end;
    if (signature === undefined) return { outcome: "success", value, ...commonFields };
    const resultType = parseType(signature.result);
    // The types of messages between actors are not checked, so a value of another type can get here.
    if (!matchesType(value, resultType, types)) {
      const message = `main gave something else than ${signature.result}`;
      return { outcome: "program_error", error: { kind: "type_error", message, stack: [], step: end.steps }, ...commonFields };
    }
    return { outcome: "success", value, resultType, ...commonFields };
  }

  call(request: CapabilityRequest): CapabilityAnswer | Promise<CapabilityAnswer> {
    // The handler is code of the host, so the machine does not run on the thread now.
    this.leave();
    const answer = this.#gateway.call(request);
    if (answer instanceof Promise) this.#turns.leave();
    else this.enter();
    return answer;
  }

  open(request: CapabilityRequest): CapabilityAnswer | OpenCall {
    // The handler is code of the host, as in `call`.
    this.leave();
    const opened = this.#gateway.open(request);
    this.enter();
    if ("ok" in opened) return opened;
    return {
      answer: () => {
        this.leave();
        const answer = opened.answer();
        if (answer instanceof Promise) this.#turns.leave();
        else this.enter();
        return answer;
      },
    };
  }

  enter(): void {
    this.#tracing?.enterMachine?.();
  }

  leave(): void {
    this.#tracing?.leaveMachine?.();
  }

  event(event: RunEvent): HostStop | undefined {
    if (event.type === "UiEmit") return this.#emit(event);
    const stop = this.#events.append(event);
    if (stop === undefined && event.type === "ActorSpawn") this.#actorFunctions.set(event.actor_id, event.function);
    return stop;
  }

  debug(text: string): HostStop | undefined {
    const overLimit = this.#output.print(text);
    if (overLimit === undefined && this.#options.prefix?.isRepeating !== true) this.#options.onDebug?.(text);
    return overLimit;
  }

  interrupted(): StopReason | undefined {
    return this.#clock.stopReason();
  }

  pause(): Promise<undefined> | undefined {
    return this.#turns.pause();
  }

  pauseIsDue(): boolean {
    return this.#turns.isOver();
  }

  pauseIsLate(): boolean {
    return this.#turns.isLate();
  }

  #emit(event: RunEvent & { readonly type: "UiEmit" }): HostStop | undefined {
    const overLimit = this.#output.emit(event);
    if (overLimit !== undefined) return overLimit;
    this.#emittedTrees.push(event.tree);
    return this.#events.append(event);
  }
}

const addModuleHash: AddText<"moduleHash"> = textOnRead("moduleHash");
const addPolicyHash: AddText<"policyHash"> = textOnRead("policyHash");

/** Returns what is known at the start of a run's span. Only a span that is recorded reads the hashes, because hashing takes longer than a short run. */
function runStart(program: Program, policy: Policy, runId: () => string, options: ExecuteOptions): RunSpanStart {
  const { mode = "mock", traceparent, tracestate, baggage, replayOf, prefix } = options;
  const start = { runId, programName: program.module.name, mode, traceparent, tracestate, baggage, replayOf, resumedFrom: prefix?.events };
  addModuleHash(start, () => program.moduleHash);
  addPolicyHash(start, () => policyHash(policy));
  return start;
}

/** Converts a trap to the error of a result. `reached` has the limit that the run reached, if any. */
function runError(trap: Trap, reached: { readonly limit?: LimitWord }): RunError {
  const { kind, message, stack, step, actorId: _, cause, ...detail } = trap;
  const error: RunError = { kind, message, ...detail, stack, ...reached, step };
  return cause === undefined ? error : Object.defineProperty(error, "cause", { value: cause });
}
