/**
 * The pool's side of one run: calls the handlers of its calls, and resolves the promise of `execute` when the run ends.
 *
 * Handlers run in the async context of the caller of `execute`. That context is saved when `execute` is called, because messages arrive in
 * another one. Without it, the handlers would not see the caller's `AsyncLocalStorage`, active OpenTelemetry span or workflow engine.
 */
import { AsyncResource } from "node:async_hooks";
import { isPromise } from "node:util/types";
import { checkAnswer } from "../../gateway/answer.ts";
import { failureOf } from "../../gateway/failure.ts";
import {
  CapabilityFailure,
  type FailureKind,
  type Handler,
  type HandlerContext,
  type Handlers,
  isLater,
  LATER,
  MachineHandler,
} from "../../gateway/handlers.ts";
import { plainAnswer, plainFromValue } from "../../gateway/plain-values.ts";
import type { ProtectedFiles } from "../../gateway/protected-files.ts";
import type { RunError, RunResult } from "../../gateway/run.ts";
import type { Diagnostic } from "../../compiler/diagnostics.ts";
import type { Policy } from "../../policy/policy.ts";
import type { FinishedLog } from "../../replay/log/recorder.ts";
import { signatureFor } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import type { Outcome, TrapKind } from "../../vm/outcome.ts";
import type { Value } from "../../vm/value/value.ts";
import { type Execution, executionWithTypes } from "../execute.ts";
import { Inbox, type LongValues, type Outbox } from "./long-values.ts";
import type {
  AnswerMessage,
  CallMessage,
  RunData,
  RunReport,
  PieceMessage,
  ToWorker,
  WireAnswer,
  WireResult,
  WireValue,
} from "./messages.ts";
import type { PoolProgram } from "./programs.ts";
import type { SpanReceiver } from "./span-receiver.ts";
import type { Piece } from "./value-pieces.ts";

/** Why a run of a pool did not complete. */
export interface PoolRunError extends Omit<RunError, "kind"> {
  readonly kind: TrapKind | "worker_lost";
}

/** What `Pool.execute` returns. */
export interface PoolExecution extends Omit<Execution, "outcome" | "error" | "result" | "program"> {
  /**
   * How the run ended. `lost`: its worker ended before the run did. In this case the effects of its last calls are unknown and the counts are 0.
   * The log has no end record, so `resume` can continue the run.
   */
  readonly outcome: Outcome | "lost";
  readonly error?: PoolRunError;
  /** Absent if the run was lost, or canceled before it started. */
  readonly result?: RunResult;
  /** Absent if the run was given as source text, which only workers compile. */
  readonly program?: Execution["program"];
  /** The warnings of the compiler. Absent unless the run was given as source text and has been compiled. */
  readonly diagnostics?: readonly Diagnostic[];
}

/** The checked options of a run. */
export interface PreparedRun {
  readonly tenant: string;
  readonly program: PoolProgram;
  readonly data: RunData;
  /** The run's `max_alloc_bytes`. */
  readonly allocBytes: number;
  readonly policy: Policy;
  readonly handlers: Handlers;
  readonly protectedFiles: ProtectedFiles;
  readonly signal: AbortSignal | undefined;
  readonly onDebug: ((text: string) => void) | undefined;
  /** Makes the receiver of the run's spans. Undefined if nobody wants them. */
  readonly spans: ((onRead: (reports: number, isWanted: boolean) => void) => SpanReceiver) | undefined;
}

/** Number of errors of handlers that a run keeps. One of them may become the `cause` of the error that ends the run. */
const MAX_CAUSES = 64;

let runs = 0;

export class PoolRun {
  readonly id: number;
  readonly prepared: PreparedRun;
  /** When the run joined the queue, in milliseconds of `performance.now`. */
  readonly queuedAt: number = performance.now();
  /** The async context of the caller of `execute`. */
  readonly #scope = new AsyncResource("boruna.PoolRun");
  readonly #handlersAbort = new AbortController();
  /** Errors of handlers by call number, see `MAX_CAUSES`. */
  readonly #causes = new Map<number, unknown>();
  readonly #spans: SpanReceiver | undefined;
  readonly #settle: { readonly resolve: (execution: PoolExecution) => void; readonly reject: (error: unknown) => void };
  readonly #onAbort: () => void;
  /** Sends to the worker that has the run. Undefined while the run waits, and after its end. */
  #send: ((message: ToWorker) => void) | undefined;
  /** Sends the answers to that worker. */
  #answers: Outbox<AnswerMessage> | undefined;
  readonly #inbox = new Inbox();
  /** The error that a callback of the caller threw. */
  #fault: { readonly error: unknown } | undefined;

  /** `onAbort` is called when the caller cancels the run. */
  constructor(
    prepared: PreparedRun,
    settle: { readonly resolve: (execution: PoolExecution) => void; readonly reject: (error: unknown) => void },
    onAbort: (run: PoolRun) => void,
  ) {
    runs += 1;
    this.id = runs;
    this.prepared = prepared;
    this.#settle = settle;
    this.#onAbort = () => onAbort(this);
    this.#spans = prepared.spans?.((reports, isWanted) => this.#send?.({ type: "read", run: this.id, reports, isWanted }));
    prepared.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  start(program: number, send: (message: ToWorker) => void, answers: Outbox<AnswerMessage>): void {
    this.#send = send;
    this.#answers = answers;
    send({ type: "run", run: this.id, program, data: this.prepared.data });
  }

  /** Stops the run. It ends as `canceled` when the worker reports its end. */
  abort(): void {
    this.#send?.({ type: "abort", run: this.id });
    this.#handlersAbort.abort("canceled");
  }

  /** Throws `internal` if the piece does not fit the ones before it. */
  addPiece(piece: Piece): void {
    this.#inbox.add(piece);
  }

  /** Handles a message about the run. Returns whether the run has ended. */
  receive(message: Exclude<RunReport, PieceMessage>): boolean {
    switch (message.type) {
      case "call":
        void this.#answerCall(message, message.args.map(this.#read));
        return false;
      case "usage":
        this.#countUsage(message);
        return false;
      case "abortCalls":
        this.#handlersAbort.abort(message.reason);
        return false;
      case "debug":
        this.#inScope(() => this.prepared.onDebug?.(message.text));
        return false;
      case "spans":
        this.#inScope(() => this.#spans?.receive(message.report));
        return false;
      case "ended":
        this.#end(() => this.#executionOf(message.result, message.log));
        return true;
      case "failed": {
        const { kind, message: text, place, hint } = message.error;
        this.#end(() => {
          throw new BorunaError(kind, text, { place, hint });
        });
        return true;
      }
    }
  }

  /** Ends the run, because its worker has ended. `why` completes the sentence "the worker …". */
  lose(why: string): void {
    this.#handlersAbort.abort("ended");
    this.#inScope(() => this.#spans?.lose());
    const message = `the worker ${why}`;
    this.#end(() => unfinished("lost", { kind: "worker_lost", message, stack: [], step: 0 }, this.prepared.data, this.prepared.program));
  }

  /** Ends the run, because the caller canceled it before it started. */
  cancelWaiting(): void {
    this.#end(() => canceledExecution(this.prepared.data, this.prepared.program));
  }

  reject(error: BorunaError): void {
    this.#end(() => {
      throw error;
    });
  }

  readonly #read = (wire: WireValue): Value => this.#inbox.read(wire).value;

  #end(outcome: () => PoolExecution): void {
    this.#send = undefined;
    this.#answers = undefined;
    this.prepared.signal?.removeEventListener("abort", this.#onAbort);
    if (this.#fault !== undefined) return this.#settle.reject(this.#fault.error);
    try {
      this.#settle.resolve(outcome());
    } catch (error) {
      this.#settle.reject(error);
    }
  }

  /** Runs a callback of the caller in the caller's async context. An error that it throws ends the run. */
  #inScope(body: () => void): void {
    try {
      this.#scope.runInAsyncScope(body);
    } catch (error) {
      this.#fault ??= { error };
      this.abort();
    }
  }

  async #answerCall(message: CallMessage, args: readonly Value[]): Promise<void> {
    for (const text of message.ownFiles) this.prepared.protectedFiles.addText(text);
    const answers = this.#answers;
    // Nobody waits for the answer.
    if (answers === undefined || this.#handlersAbort.signal.aborted) return;
    const long: LongValues = [];
    const answer = await this.#answerOf(message, args, (value) => answers.wireValue(value, long));
    this.#answers?.send({ type: "answer", run: this.id, call: message.call, answer }, long);
  }

  /** Calls the handler and checks its answer, as the gateway does in a run without a pool. Never rejects. */
  async #answerOf(
    { call, capability, ...context }: CallMessage,
    args: readonly Value[],
    wireValue: (value: Value) => WireValue,
  ): Promise<WireAnswer> {
    const { program, handlers } = this.prepared;
    const handler = handlers.get(capability);
    const declaration = program.registry.byName.get(capability);
    const resultType = declaration === undefined ? undefined : signatureFor(declaration, args.length)?.result;
    if (handler === undefined || resultType === undefined)
      return { failure: "unknown", message: `nothing serves the capability ${capability} here` };
    let answer: unknown;
    try {
      answer = this.#callHandler(handler, args, this.#contextOf(call, context));
      if (isPromise(answer)) answer = await answer;
    } catch (error) {
      const { kind, message } = failureOf(capability, error);
      return this.#failed(call, kind, message, error);
    }
    if (isLater(answer)) return { later: true };
    const checked = (handler instanceof MachineHandler ? checkAnswer : plainAnswer)(answer, resultType, program.types);
    if (!("problem" in checked)) return { value: wireValue(checked.value) };
    return this.#failed(call, "host_fault", `the handler of ${capability} answered ${checked.problem}`, checked.cause);
  }

  #callHandler(handler: Handler | MachineHandler, args: readonly Value[], context: HandlerContext): unknown {
    const span = this.#spans?.callSpan(context.callNumber);
    const run = (): unknown =>
      handler instanceof MachineHandler ? handler.run(args, context) : handler(args.map(plainFromValue), context);
    return this.#scope.runInAsyncScope(() => (span === undefined ? run() : span.run(run)));
  }

  #contextOf(callNumber: number, given: Pick<CallMessage, "remainingMs" | "budgetRemaining" | "idempotencyKey">): HandlerContext {
    const span = this.#spans?.callSpan(callNumber);
    const { remainingMs, budgetRemaining, idempotencyKey } = given;
    return {
      signal: this.#handlersAbort.signal,
      remainingMs,
      budgetRemaining,
      callNumber,
      idempotencyKey,
      ...span?.headers(),
      onModel: span === undefined ? undefined : (model, provider) => span.setModel(model, provider),
      onProgress: undefined,
      policy: this.prepared.policy,
      failure: (message) => new CapabilityFailure(message),
      later: () => LATER,
    };
  }

  /** Keeps the error of a handler as a possible cause, and returns the failure for the worker. */
  #failed(call: number, failure: FailureKind, message: string, cause: unknown): WireAnswer {
    this.#causes.set(call, cause);
    const [oldest] = this.#causes.keys();
    if (this.#causes.size > MAX_CAUSES && oldest !== undefined) this.#causes.delete(oldest);
    return { failure, message };
  }

  #countUsage({ call, capability, usage }: RunReport & { readonly type: "usage" }): void {
    const handler = this.prepared.handlers.get(capability);
    const hooks = handler instanceof MachineHandler ? handler.usage : undefined;
    switch (usage.step) {
      case "reserve": {
        const args = usage.args.map(this.#read);
        return hooks?.reserve(args, call, this.prepared.policy);
      }
      case "settle": {
        const { answer } = usage;
        const settled = "value" in answer ? { value: this.#read(answer.value) } : answer;
        return hooks?.settle(call, settled);
      }
      case "mayHaveBeenMade":
        return hooks?.mayHaveBeenMade(call);
    }
  }

  #executionOf(wire: WireResult, log: FinishedLog | undefined): PoolExecution {
    const { program } = this.prepared;
    const { value, ui, error, causedBy, ...rest } = wire;
    const cause = causedBy === undefined ? undefined : this.#causes.get(causedBy);
    if (error !== undefined && cause !== undefined) Object.defineProperty(error, "cause", { value: cause });
    const result: RunResult = {
      ...rest,
      ...(error === undefined ? {} : { error }),
      ...(value === undefined ? {} : { value: this.#read(value) }),
      ui: ui.map(this.#read),
    };
    return Object.assign(executionWithTypes(program.types, result, log), shownProgram(program));
  }
}

const shownProgram = ({ program, diagnostics }: PoolProgram): Pick<PoolExecution, "program" | "diagnostics"> => ({
  ...(program === undefined ? {} : { program }),
  ...(diagnostics === undefined ? {} : { diagnostics }),
});

/** Returns the end of a run that was canceled before it started. `program` is undefined if it was not compiled yet. */
export function canceledExecution(data: Pick<RunData, "runId">, program: PoolProgram | undefined): PoolExecution {
  return unfinished("canceled", { kind: "canceled", message: "the run was canceled before it started", stack: [], step: 0 }, data, program);
}

/** Returns the end of a run that has no result. */
function unfinished(
  outcome: "lost" | "canceled",
  error: PoolRunError,
  { runId = "" }: Pick<RunData, "runId">,
  program: PoolProgram | undefined,
): PoolExecution {
  const counters = { total: 0, dispatched: 0, denied: 0, unknown: 0, budget_exceeded: 0, failed: 0 };
  return { outcome, error, steps: 0, allocBytes: 0, counters, ui: [], runId, ...(program === undefined ? {} : shownProgram(program)) };
}
