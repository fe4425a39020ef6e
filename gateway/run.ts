/** Runs one verified program behind the gateway, from its arguments to its result. */
import { DENY_ALL, effectiveLimits, type Policy } from "../policy/policy.ts";
import type { CallCounters, RunMode, RunTracing, Tracing } from "../telemetry/tracing.ts";
import { policyHash } from "../policy/policy.ts";
import type { EngineChoice } from "../vm/compiled/engine.ts";
import { BorunaError } from "../vm/error.ts";
import type { RunEvent } from "../vm/events.ts";
import type { CapabilityAnswer, CapabilityRequest, Host, HostStop, StopReason } from "../vm/host.ts";
import type { JsonData } from "../vm/json/json.ts";
import { type Limits, LOG_NOT_CHARGED } from "../vm/limits.ts";
import type { CodePlace } from "../vm/bytecode/module.ts";
import { matchesType } from "../vm/value/matches-type.ts";
import { type LimitName, type Outcome, outcomeOfTrap, type TrapKind } from "../vm/outcome.ts";
import { valueFromTypedJson } from "../vm/json/typed-json.ts";
import type { MachineEnd, Program, Trap, UnreceivedFailure } from "../vm/bytecode/program.ts";
import { runMachine } from "../vm/scheduler/scheduler.ts";
import { parseType, type Type } from "../vm/value/type.ts";
import { utf8Length } from "../vm/value/utf8.ts";
import type { Value } from "../vm/value/value.ts";
import { type EventSink, Gateway, type ObserverEvents, type Observers, type SurroundingRun } from "./gateway.ts";
import type { Handlers } from "./handlers.ts";
import { recordBytes, valueBytes } from "./logged-bytes.ts";
import { mockHandlers } from "./mock.ts";

export interface ExecuteOptions {
  /** Default: deny-all. It must not change while the run lasts. */
  readonly policy?: Policy;
  /** Default: the mocks. */
  readonly handlers?: Handlers;
  /** What the spans say of the answers. Default: mock. */
  readonly mode?: RunMode;
  /** By parameter name of `main`, in the JSON forms of values. */
  readonly args?: ReadonlyMap<string, JsonData>;
  /** Over those of the policy. */
  readonly limits?: Partial<Limits>;
  readonly sink?: EventSink;
  readonly signal?: AbortSignal;
  /** W3C trace context of the caller. */
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly baggage?: string;
  /** Absent: no spans. */
  readonly tracing?: Tracing;
  /** Id of the recorded run that this one replays. */
  readonly replayOf?: string;
  readonly on?: Observers;
  /** Asked for when something needs it. */
  readonly runId: string;
  /** Text of `debug` and `debug_msg`, a line each. */
  readonly onDebug?: (text: string) => void;
  /** Which engines may run the program. It changes nothing but the time. Default: auto. */
  readonly engine?: EngineChoice;
  /** Whether an error at an actor's event has the stack of the spawn or send that the event tells of. It costs a little for each. */
  readonly locatesEvents?: boolean;
  /** Each instruction, as text. */
  readonly trace?: (line: string) => void;
  /** Told once of the first observer that threw. Default: a line on stderr. */
  readonly onObserverError?: (error: unknown) => void;
  /** Milliseconds of a monotonic clock. Default: the host's. */
  readonly clock?: () => number;
}

export interface RunError {
  readonly kind: TrapKind;
  readonly message: string;
  readonly capability?: string;
  /** Path of the policy rule that refused the call. */
  readonly rule?: string;
  /** Innermost first. */
  readonly stack: readonly CodePlace[];
  readonly limit?: LimitName;
  readonly counterexample?: readonly string[];
  readonly step: number;
  /** What the handler of the call threw, for the embedder. Not enumerable, so that JSON made of the error does not have it. */
  readonly cause?: unknown;
}

export interface RunResult {
  readonly outcome: Outcome;
  readonly value?: Value;
  readonly resultType?: Type;
  readonly error?: RunError;
  readonly steps: number;
  /** Bytes of all values made. */
  readonly allocBytes: number;
  readonly counters: CallCounters;
  /** Emitted trees, in order. */
  readonly ui: readonly Value[];
  readonly runId: string;
  readonly limit?: LimitName;
  /** Events of the run, whether a log took them or not. */
  readonly events: number;
  /** Failures of actors that nobody received. They change nothing of the outcome. */
  readonly unreceived: readonly ActorFailure[];
}

export interface ActorFailure extends UnreceivedFailure {
  /** What the actor ran. */
  readonly functionName: string;
}

/** `performance` is loaded by its first use, which takes longer than a short run. */
function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** How long the machine may run before it lets the host's event loop have a turn, in milliseconds. */
const TURN_MS = 50;

/**
 * Runs the program. How it ends is the result's `outcome`. Throws `BorunaError`: `usage` for arguments that do not
 * fit `main`, and what the sink throws.
 */
export async function executeProgram(program: Program, options: ExecuteOptions): Promise<RunResult> {
  const policy = options.policy ?? DENY_ALL;
  const limits = effectiveLimits(policy, options.limits ?? {});
  const args = bindArguments(program, options.args ?? new Map());
  const run = new Run(program, policy, limits, options);
  return run.finish(await run.machine(args));
}

/** The values of `main`'s parameters, checked against their types. Throws `usage`, `value.*`. */
function bindArguments(program: Program, given: ReadonlyMap<string, JsonData>): readonly Value[] {
  const { signature, functions, entry, types } = program.module;
  const params = signature?.params ?? [];
  const list = params.map((p) => `${p.name}: ${p.type}`).join(", ");
  const hint = params.length === 0 ? "its main takes no arguments" : `its main takes (${list}); give each as --arg name=VALUE`;
  const unknown = [...given.keys()].find((name) => !params.some((p) => p.name === name));
  if (unknown !== undefined) throw new BorunaError("usage", `the program has no argument ${JSON.stringify(unknown)}`, { hint });
  if (signature === undefined && (functions[entry]?.arity ?? 0) > 0) {
    throw new BorunaError("usage", "the entry function takes arguments, but the module does not say which", {
      hint: "compile it anew from its source",
    });
  }
  return params.map((p) => {
    const data = given.get(p.name);
    if (data === undefined) throw new BorunaError("usage", `the argument ${p.name} is missing`, { hint });
    return valueFromTypedJson(data, parseType(p.type), types, p.name);
  });
}

/** What one run holds beside the machine. */
class Run implements Host, SurroundingRun {
  readonly locatesEvents: boolean;
  readonly #program: Program;
  readonly #limits: Limits;
  readonly #options: ExecuteOptions;
  readonly #clock: () => number;
  readonly #deadline: number;
  readonly #abort = new AbortController();
  /** The reason of the abort. */
  #stopReason: StopReason | undefined;
  readonly #gateway: Gateway;
  readonly #tracing: RunTracing | undefined;
  readonly #ui: Value[] = [];
  /** What each spawned actor runs. */
  readonly #actors = new Map<number, string>();
  #events = 0;
  #outputBytes = 0;
  /** Of the records of all events, whether a log has them or not. */
  #logBytes = 0;
  #turnEnds: number;
  #observerFailed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(program: Program, policy: Policy, limits: Limits, options: ExecuteOptions) {
    this.#program = program;
    this.#limits = limits;
    this.#options = options;
    this.locatesEvents = options.locatesEvents === true;
    this.#clock = options.clock ?? monotonicMs;
    const now = this.#clock();
    this.#deadline = limits.max_wall_ms === 0 ? Number.POSITIVE_INFINITY : now + limits.max_wall_ms;
    this.#turnEnds = now + TURN_MS;
    const mode = options.mode ?? "mock";
    this.#tracing = options.tracing?.startRun({
      runId: () => options.runId,
      programName: program.module.name,
      moduleHash: program.moduleHash,
      policyHash: policyHash(policy),
      mode,
      ...(options.traceparent === undefined ? {} : { traceparent: options.traceparent }),
      ...(options.tracestate === undefined ? {} : { tracestate: options.tracestate }),
      ...(options.baggage === undefined ? {} : { baggage: options.baggage }),
      ...(options.replayOf === undefined ? {} : { replayOf: options.replayOf }),
    });
    this.#gateway = new Gateway({
      policy,
      handlers: options.handlers ?? mockHandlers(program.registry),
      mode,
      get runId() {
        return options.runId;
      },
      types: program.module.types,
      tracing: this.#tracing,
      signal: this.#abort.signal,
      mayWait: limits.max_wall_ms === 0,
      run: this,
    });
    if (this.observes("runStart")) this.notify("runStart", { runId: options.runId, program: program.module.name });
  }

  async machine(args: readonly Value[]): Promise<MachineEnd> {
    const { signal, trace, engine } = this.#options;
    const cancel = (): void => this.#stop("canceled");
    if (signal?.aborted === true) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    if (Number.isFinite(this.#deadline)) {
      this.#timer = setTimeout(() => this.#stop("timeout"), Math.min(this.#limits.max_wall_ms, 2 ** 31 - 1));
    }
    try {
      return await runMachine(this.#program, this, {
        limits: this.#limits,
        args,
        ...(engine === undefined ? {} : { engine }),
        ...(trace === undefined ? {} : { trace }),
      });
    } catch (error) {
      this.#tracing?.end({ outcome: "fatal", steps: 0, allocBytes: 0, counters: this.#gateway.counters() });
      throw error;
    } finally {
      clearTimeout(this.#timer);
      signal?.removeEventListener("abort", cancel);
    }
  }

  finish(end: MachineEnd): RunResult {
    const options = this.#options;
    const result: RunResult = {
      ...this.#result(end),
      get runId() {
        return options.runId;
      },
    };
    const { outcome, steps, allocBytes, counters, limit } = result;
    this.#tracing?.end({ outcome, steps, allocBytes, counters, ...(limit === undefined ? {} : { limit }) });
    if (this.observes("runEnd")) this.notify("runEnd", { runId: result.runId, outcome, steps });
    return result;
  }

  #result(end: MachineEnd): Omit<RunResult, "runId"> {
    const type = this.#program.module.signature?.result;
    const common = {
      steps: end.steps,
      allocBytes: end.allocBytes,
      counters: this.#gateway.counters(),
      ui: this.#ui,
      events: this.#events,
      unreceived: end.unreceived.map((failure) => ({ ...failure, functionName: this.#actors.get(failure.actorId) ?? "?" })),
    };
    if (end.status === "completed") {
      const resultType = type === undefined ? undefined : parseType(type);
      // A message is dynamic: what `receive` gave may have travelled here unnoticed.
      if (resultType !== undefined && !matchesType(end.value, resultType, this.#program.module.types)) {
        const message = `main gave something else than ${type}`;
        return { outcome: "program_error", error: { kind: "type_error", message, stack: [], step: end.steps }, ...common };
      }
      return { outcome: "success", value: end.value, ...(resultType === undefined ? {} : { resultType }), ...common };
    }
    const { outcome, limit } = outcomeOfTrap(end.trap.kind);
    return { outcome, error: runError(end.trap, limit), ...common, ...(limit === undefined ? {} : { limit }) };
  }

  call(request: CapabilityRequest): CapabilityAnswer | Promise<CapabilityAnswer> {
    return this.#gateway.call(request);
  }

  event(event: RunEvent): HostStop | undefined {
    return event.type === "UiEmit" ? this.#emit(event) : this.append(event);
  }

  debug(text: string): HostStop | undefined {
    const over = this.#output(utf8Length(text) + 1);
    if (over === undefined) this.#options.onDebug?.(text);
    return over;
  }

  interrupted(): StopReason | undefined {
    if (this.#stopReason !== undefined) return this.#stopReason;
    return this.#limits.max_wall_ms > 0 && this.#clock() >= this.#deadline ? "timeout" : undefined;
  }

  #stop(reason: StopReason): void {
    this.#stopReason ??= reason;
    this.#abort.abort(this.#stopReason);
  }

  /** Signals and timers reach the process only while the machine is not running. */
  pause(): Promise<void> | undefined {
    if (this.#clock() < this.#turnEnds) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#turnEnds = this.#clock() + TURN_MS;
        resolve();
      });
    });
  }

  #emit(event: RunEvent & { readonly type: "UiEmit" }): HostStop | undefined {
    const over = this.#output(valueBytes(event.tree));
    if (over !== undefined) return over;
    this.#ui.push(event.tree);
    return this.append(event);
  }

  #output(bytes: number): HostStop | undefined {
    this.#outputBytes += bytes;
    if (this.#outputBytes <= this.#limits.max_output_bytes) return undefined;
    return { trap: "output_limit", message: `output limit exceeded: more than ${this.#limits.max_output_bytes} bytes emitted or printed` };
  }

  /** Of an event that the log has no room for, only an answer is written even so: without it no replay comes this far. */
  append(event: RunEvent): HostStop | undefined {
    const over = this.#logged(event);
    if (over !== undefined && event.type !== "CapResult" && event.type !== "CapError") return over;
    const stop = this.#options.sink?.append(event);
    if (stop !== undefined) return stop;
    if (event.type === "ActorSpawn") this.#actors.set(event.actor_id, event.function);
    this.#events += 1;
    this.notify("eventAppended", event);
    return over;
  }

  #logged(event: RunEvent): HostStop | undefined {
    const { max_log_bytes } = this.#limits;
    if (max_log_bytes === LOG_NOT_CHARGED) return undefined;
    this.#logBytes += recordBytes(event, this.#events + 1);
    if (this.#logBytes <= max_log_bytes) return undefined;
    return { trap: "log_limit", message: `log limit exceeded: the events take more than ${max_log_bytes} bytes of a log` };
  }

  remainingMs(): number | undefined {
    return this.#limits.max_wall_ms === 0 ? undefined : Math.max(0, this.#deadline - this.#clock());
  }

  observes(name: keyof ObserverEvents): boolean {
    return this.#options.on?.[name] !== undefined;
  }

  /** An observer that throws is reported once and never changes the run. */
  notify<K extends keyof ObserverEvents>(name: K, info: ObserverEvents[K]): void {
    const observer: Observers[K] | undefined = this.#options.on?.[name];
    if (observer === undefined) return;
    try {
      observer(info);
    } catch (error) {
      if (this.#observerFailed) return;
      this.#observerFailed = true;
      const report =
        this.#options.onObserverError ??
        ((e: unknown) => process.stderr.write(`boruna: an observer failed: ${e instanceof Error ? e.message : String(e)}\n`));
      report(error);
    }
  }
}

function runError(trap: Trap, limit: LimitName | undefined): RunError {
  const { kind, message, stack, step, capability, rule, counterexample, cause } = trap;
  const error: RunError = {
    kind,
    message,
    ...(capability === undefined ? {} : { capability }),
    ...(rule === undefined ? {} : { rule }),
    stack,
    ...(limit === undefined ? {} : { limit }),
    ...(counterexample === undefined ? {} : { counterexample }),
    step,
  };
  return cause === undefined ? error : Object.defineProperty(error, "cause", { value: cause });
}
