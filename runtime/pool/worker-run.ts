/** One run inside a worker. Mocks answer its calls here, and handlers in the process of the pool. */
import { CallContext } from "../../gateway/call.ts";
import {
  CapabilityFailure,
  type HandlerContext,
  type Handlers,
  type Later,
  LATER,
  MachineHandler,
  type UsageHooks,
} from "../../gateway/handlers.ts";
import { valueBytes } from "../../gateway/logged-bytes.ts";
import { mockHandlers } from "../../gateway/mock.ts";
import type { ProtectedFiles } from "../../gateway/protected-files.ts";
import type { RunResult } from "../../gateway/run.ts";
import { policyFromJson } from "../../policy/policy.ts";
import type { FinishedLog } from "../../replay/log/recorder.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import type { CapabilityRegistry } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { isJsonObject, type JsonData, parseJson } from "../../vm/json/json.ts";
import { checkSerializable } from "../../vm/value/serializable.ts";
import type { Value } from "../../vm/value/value.ts";
import { executeWith } from "../execute.ts";
import { Inbox, type LongValues, type Outbox } from "./long-values.ts";
import type { CallMessage, RunData, RunReport, ServedCapability, UsageStep, WireAnswer, WireResult } from "./messages.ts";
import { SpanSender } from "./span-sender.ts";
import { MAX_VALUE_BYTES, type Piece } from "./value-pieces.ts";

interface WaitingCall {
  readonly context: HandlerContext;
  readonly resolve: (answer: Value | Later) => void;
  readonly reject: (error: CapabilityFailure) => void;
}

export class WorkerRun {
  readonly #id: number;
  readonly #data: RunData;
  readonly #outbox: Outbox<RunReport>;
  readonly #inbox = new Inbox();
  readonly #spans: SpanSender | undefined;
  readonly #abort = new AbortController();
  /** The calls that wait for answers of handlers in the pool's process. */
  readonly #calls = new Map<number, WaitingCall>();
  /** Call number by failure object, to find the call whose failure ended the run. */
  readonly #failedCalls = new WeakMap<object, number>();
  /** Whether the pool is informed when the signal of the handlers is aborted. */
  #watchesSignal = false;
  #protectedFiles: () => ProtectedFiles | undefined = () => undefined;
  /** How many of the run's log files were reported to the pool. */
  #filesSent = 0;

  constructor(id: number, data: RunData, outbox: Outbox<RunReport>) {
    this.#id = id;
    this.#data = data;
    this.#outbox = outbox;
    this.#spans = data.isTraced ? new SpanSender((report) => outbox.send({ type: "spans", run: id, report })) : undefined;
  }

  /** Executes the run and sends the message about its end. Throws what `execute` throws. */
  async execute(program: Program): Promise<void> {
    const { policy, args, outputSchema, hasDebug, record, live, audit, limits, maxParallelCalls, traceDetail, runId, engine } = this.#data;
    const { result, log } = await executeWith(
      program,
      {
        policy: policyFromJson(parseJson(policy)),
        args: objectOf(args),
        tracing: this.#spans?.tracing ?? false,
        signal: this.#abort.signal,
        live,
        audit,
        limits,
        maxParallelCalls,
        traceDetail,
        runId,
        engine,
        record,
        outputSchema: outputSchema === undefined ? undefined : parseJson(outputSchema),
        onDebug: hasDebug ? (text) => this.#outbox.send({ type: "debug", run: this.#id, text }) : undefined,
      },
      (protectedFiles) => {
        this.#protectedFiles = protectedFiles;
        return this.#handlers(program.registry);
      },
    );
    this.#sendEnd(result, log);
  }

  abort(): void {
    this.#abort.abort();
  }

  addPiece(piece: Piece): void {
    this.#inbox.add(piece);
  }

  acknowledgeReports(reports: number, isWanted: boolean): void {
    this.#spans?.acknowledge(reports, isWanted);
  }

  answer(call: number, answer: WireAnswer): void {
    // Read even if nobody waits any more, because the values come in order.
    const checked = "value" in answer ? this.#inbox.read(answer.value) : undefined;
    const waiting = this.#calls.get(call);
    this.#calls.delete(call);
    if (waiting === undefined) return;
    if (checked !== undefined) {
      CallContext.answer(waiting.context, checked);
      waiting.resolve(checked.value);
    } else if ("message" in answer) {
      const failure = new CapabilityFailure(answer.message, answer.failure);
      this.#failedCalls.set(failure, call);
      waiting.reject(failure);
    } else waiting.resolve(LATER);
  }

  #handlers(registry: CapabilityRegistry): Handlers {
    const served = this.#data.handlers.map((capability) => [capability.name, this.#handler(capability)] as const);
    return new Map(this.#data.live === true ? served : [...mockHandlers(registry, { inputs: objectOf(this.#data.mockInputs) }), ...served]);
  }

  #handler({ name, hasUsage }: ServedCapability): MachineHandler {
    return new MachineHandler((args, context) => this.#call(name, args, context), hasUsage ? this.#usageHooks(name) : undefined);
  }

  #call(capability: string, args: readonly Value[], context: HandlerContext): Promise<Value | Later> {
    const { callNumber: call, remainingMs, budgetRemaining, idempotencyKey, signal } = context;
    if (!this.#watchesSignal) {
      this.#watchesSignal = true;
      signal.addEventListener("abort", () => this.#outbox.send({ type: "abortCalls", run: this.#id, reason: String(signal.reason) }));
    }
    const ownFiles = this.#protectedFiles()?.identityTextsFrom(this.#filesSent) ?? [];
    this.#filesSent += ownFiles.length;
    const long: LongValues = [];
    const message: CallMessage = {
      type: "call",
      run: this.#id,
      call,
      capability,
      args: args.map((arg) => this.#outbox.wireValue(arg, long)),
      remainingMs,
      budgetRemaining,
      idempotencyKey,
      ownFiles,
    };
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { context, resolve, reject });
      this.#outbox.send(message, long);
    });
  }

  /** Returns hooks that call the handler's hooks in the pool's process. Messages keep their order, which is that of the log. */
  #usageHooks(capability: string): UsageHooks {
    const report = (call: number, step: (long: LongValues) => UsageStep): void => {
      const long: LongValues = [];
      this.#outbox.send({ type: "usage", run: this.#id, call, capability, usage: step(long) }, long);
    };
    return {
      reserve: (args, call) => report(call, (long) => ({ step: "reserve", args: args.map((arg) => this.#outbox.wireValue(arg, long)) })),
      settle: (call, answer) =>
        report(call, (long) => ({
          step: "settle",
          answer: "value" in answer ? { value: this.#outbox.wireValue(answer.value, long) } : answer,
        })),
      mayHaveBeenMade: (call) => report(call, () => ({ step: "mayHaveBeenMade" })),
    };
  }

  /** Throws the errors of `checkSerializable`, and `value.too_large`. */
  #sendEnd(result: RunResult, log: FinishedLog | undefined): void {
    const { value, ui: emittedTrees, error } = result;
    for (const part of [value, ...emittedTrees]) if (typeof part === "object") checkResult(part);
    const long: LongValues = [];
    const cause: unknown = error?.cause;
    const causedBy = typeof cause === "object" && cause !== null ? this.#failedCalls.get(cause) : undefined;
    // Spreading copies no `error.cause`, so the cause stays in the pool's process. `runId` is a getter, so it is read here.
    const wire: WireResult = {
      ...result,
      ...(error === undefined ? {} : { error: { ...error } }),
      runId: result.runId,
      value: value === undefined ? undefined : this.#outbox.wireValue(value, long),
      ui: emittedTrees.map((tree) => this.#outbox.wireValue(tree, long)),
      causedBy,
    };
    this.#outbox.send({ type: "ended", run: this.#id, result: wire, log }, long);
  }
}

function checkResult(value: Value): void {
  checkSerializable(value);
  if (valueBytes(value) > MAX_VALUE_BYTES)
    throw new BorunaError("value.too_large", `a value of more than ${MAX_VALUE_BYTES} bytes as JSON cannot leave the worker`);
}

function objectOf(json: string): ReadonlyMap<string, JsonData> {
  const data = parseJson(json);
  return isJsonObject(data) ? data : new Map();
}
