/**
 * Makes the calls of one execution of a run. Each call is a step of the engine (`engine.ts`): the engine keeps its answer before the program
 * gets it, and a later execution gets the kept answer. The text of a step is the event that a log would have, or the word `later`:
 *
 *     {"CapResult":{"capability":"time.now","result":{"Int":1700000000}}}
 *     {"CapError":{"capability":"net.fetch","kind":"runtime_error","message":"HTTP 503"}}
 *
 * - Steps begin in the order of the log, because the gateway starts handlers without a limit. The limit on handlers that run at once
 *   (`Slots`) applies inside the step.
 * - A step never throws. The engine would keep the error, and a later execution would get a plain `Error`.
 * - A call that may not be repeated first writes an intent with the token of this execution. If there is an intent with another token, an earlier
 *   execution has begun the call and left no answer: the call is in doubt.
 * - The promise of a step without an outcome, such as one in doubt, never settles. The engine keeps nothing of it, and a later execution
 *   begins the step again.
 * - While the worker drains (ends, and lets others go on), no call begins. The run stops at its next call, once the answers of the calls in
 *   flight are kept.
 */
import type { DurableCall, DurableCalls } from "../gateway/durable-calls.ts";
import { cleanMessage, isFailureKind } from "../gateway/failure.ts";
import { MachineHandler } from "../gateway/handlers.ts";
import type { Arrival } from "../gateway/open-calls.ts";
import { callHash } from "../gateway/call-hash.ts";
import { mayRepeat } from "../policy/may-repeat.ts";
import type { Policy } from "../policy/policy.ts";
import { jsonText } from "../replay/log/blob-values.ts";
import { memoryBlobs } from "../replay/log/memory-blobs.ts";
import { eventFromJson, eventToJson, loadEvent } from "../replay/log/event-json.ts";
import { RECORD_JSON_DEPTH } from "../replay/log/log-limits.ts";
import { type InDoubt, lostAnswerText, type OpenCall } from "../replay/resumer.ts";
import { BorunaError } from "../vm/error.ts";
import type { AnswerEvent } from "../vm/events.ts";
import { parseJson } from "../vm/json/json.ts";
import { replaceUnsafe } from "../vm/terminal-text.ts";
import { textForm } from "../vm/value/display.ts";
import type { Value } from "../vm/value/value.ts";
import type { RunStep } from "./engine.ts";
import type { Intent } from "./store.ts";

export interface RecordedCallsOptions {
  readonly step: RunStep;
  /** The numbers of the calls whose answers an earlier execution kept. It has also reported their spans. */
  readonly kept: ReadonlySet<number>;
  readonly policy: Policy;
  readonly inDoubt: InDoubt;
  readonly maxParallelCalls: number;
  /** Writes the intent of the call, unless there is one. Returns the intent that is there then. */
  readonly intent: (call: number, token: string) => Promise<Intent | undefined>;
  /** Writes this token into the intent of a call in doubt. */
  readonly takeOver: (call: number, token: string) => Promise<void>;
  /** Returns undefined if the worker surely has its lease, otherwise a promise that resolves when it has. */
  readonly untilLeased: () => Promise<void> | undefined;
  /** Whether the worker drains, so that another one should make the next call. */
  readonly isDraining: () => boolean;
  /** The token of this execution, never used by another. */
  readonly token: string;
  /** Returns the answer of a call whose handler answers later, if it is there. */
  readonly answerOf: (call: DurableCall) => Arrival | undefined;
  /** Stops this execution of the run, because the engine failed. */
  readonly onEngineFailure: () => void;
}

/** An answer of this execution, and the text that is kept of it. */
interface MadeAnswer {
  readonly text: string;
  readonly arrival: Arrival;
}

/** An argument in a message is cut at this many UTF-16 code units. */
const SHOWN_UNITS = 200;
/** The text of a step whose handler answers later. */
const LATER_TEXT = "later";
/** Limit on the memory of an answer's parsed JSON, in bytes. The same as for a blob of a log. */
const MAX_ANSWER_MEMORY_BYTES = 3 * 512 * 1024 * 1024;

export class RecordedCalls implements DurableCalls {
  readonly #options: RecordedCallsOptions;
  readonly #slots: Slots;
  readonly #inFlight = new InFlight();
  #isHandedOver = false;
  #engineFailure: { readonly error: unknown } | undefined;
  #callInDoubt: OpenCall | undefined;

  constructor(options: RecordedCallsOptions) {
    this.#options = options;
    this.#slots = new Slots(options.maxParallelCalls);
  }

  /** The failure of the engine. It is not part of the program's result. Undefined if there was none. */
  get engineFailure(): { readonly error: unknown } | undefined {
    return this.#engineFailure;
  }

  /** The first call in doubt, which ends the run. */
  get callInDoubt(): OpenCall | undefined {
    return this.#callInDoubt;
  }

  /** Whether the run stopped at a call that another worker should make. */
  get isHandedOver(): boolean {
    return this.#isHandedOver;
  }

  isKept(call: number): boolean {
    return this.#options.kept.has(call);
  }

  carryOut(call: DurableCall, make: () => Arrival | Promise<Arrival>): Promise<Arrival> {
    return new Promise((settle) => {
      let made: MadeAnswer | undefined;
      const resolve = (arrival: Arrival): void => {
        this.#inFlight.remove(call.number);
        settle(arrival);
      };
      // If the run stops, `#step` calls `resolve` itself, because the engine may then end the step late or never.
      const step = async (): Promise<string> => {
        made = await this.#step(call, make, resolve);
        return made.text;
      };
      const fail = (error: unknown): void => resolve(this.#fail(error));
      this.#options
        .step(stepName(call), step)
        .then((text) => resolve(text === made?.text ? made.arrival : this.#arrivalOf(call, text)))
        .catch(fail);
    });
  }

  /** Makes the call. Resolves to the answer to keep. If there is none, calls `stop`, and never settles. Never rejects. */
  async #step(call: DurableCall, make: () => Arrival | Promise<Arrival>, stop: (arrival: Arrival) => void): Promise<MadeAnswer> {
    const waiting = this.#slots.take();
    if (waiting !== undefined) await waiting;
    try {
      // Checked before `#makeCall` writes an intent: a call that does not begin must not be in doubt.
      const arrival = this.#options.isDraining() ? await this.#handOver() : await this.#makeCall(call, make);
      if ("later" in arrival) return { text: LATER_TEXT, arrival: this.#laterAnswer(call) };
      if (!("stop" in arrival)) return { text: textOf(call, arrival), arrival };
      stop(arrival);
    } catch (error) {
      stop(this.#fail(error));
    } finally {
      this.#slots.give();
    }
    return new Promise<MadeAnswer>(() => undefined);
  }

  /**
   * Makes the call, once the worker surely has its lease. If the call is in doubt and must not be made again, returns another answer
   * instead.
   */
  async #makeCall(call: DurableCall, make: () => Arrival | Promise<Arrival>): Promise<Arrival> {
    this.#inFlight.add(call.number);
    const otherAnswer = mayRepeat(call.capability, call.request.args, this.#options.policy)
      ? undefined
      : await this.#answerInsteadOfCall(call);
    // If the process was paused meanwhile, it may have lost its lease, and so the run.
    const leased = this.#options.untilLeased();
    if (leased !== undefined) await leased;
    return otherAnswer ?? make();
  }

  /** Stops the run, for another worker, when the answers of the calls in flight are kept. */
  async #handOver(): Promise<Arrival> {
    await this.#inFlight.none();
    this.#isHandedOver = true;
    return { stop: { trap: "suspended", message: "the worker drains, and another one goes on with the run" } };
  }

  /** Writes the intent of a call that may not be repeated. Returns the answer if the call must not be made now. */
  async #answerInsteadOfCall(call: DurableCall): Promise<Arrival | undefined> {
    const { intent, token, takeOver, inDoubt } = this.#options;
    const { number, capability, request, handler } = call;
    const found = await intent(number, token);
    if (found?.token === token) return undefined;
    const decision = found?.decision ?? inDoubt;
    if (decision === "fail") return { failure: "in_doubt", message: lostAnswerText(number, capability.name), cause: undefined };
    if (decision === "retry") {
      await takeOver(number, token);
      if (handler instanceof MachineHandler) handler.usage?.mayHaveBeenMade(number);
      return undefined;
    }
    this.#callInDoubt ??= { call: number, capability: capability.name, hash: callHash(capability.name, request.args) };
    const { hash } = this.#callInDoubt;
    const message = `call ${number} of ${capability.name}${shownArgument(request.args[0])} (${hash}) has no answer: nobody knows whether it was carried out`;
    return { stop: { trap: "in_doubt", message, capability: capability.name } };
  }

  #arrivalOf(call: DurableCall, text: string): Arrival {
    return text === LATER_TEXT ? this.#laterAnswer(call) : arrivalOf(text);
  }

  #laterAnswer(call: DurableCall): Arrival {
    return this.#options.answerOf(call) ?? { later: true };
  }

  #fail(error: unknown): Arrival {
    this.#engineFailure ??= { error };
    this.#options.onEngineFailure();
    return { stop: { trap: "canceled", message: "the engine failed" } };
  }
}

/** The name of the step of a call. */
export function stepName({ number, capability }: Pick<DurableCall, "number" | "capability">): string {
  return `${number} ${capability.name}`;
}

export function callOfStep(name: string): number {
  return Number.parseInt(name, 10);
}

/** Whether the text of a step is an answer. If not, the call's handler answers later, and a later execution will get the answer. */
export function isAnswered(text: string): boolean {
  return text !== LATER_TEXT;
}

/** Returns the text of a call's first argument, such as a URL, for a message. */
function shownArgument(value: Value | undefined): string {
  if (value === undefined) return "";
  const text = replaceUnsafe(textForm(value, SHOWN_UNITS + 1));
  return ` ${text.length > SHOWN_UNITS ? `${text.slice(0, SHOWN_UNITS)}…` : text}`;
}

function textOf({ capability }: DurableCall, arrival: Exclude<Arrival, { readonly stop: unknown } | { readonly later: true }>): string {
  const event: AnswerEvent =
    "value" in arrival
      ? { type: "CapResult", capability: capability.name, result: arrival.value }
      : { type: "CapError", capability: capability.name, kind: arrival.failure, message: cleanMessage(arrival.message) };
  return jsonText(eventToJson(event, 0));
}

/** Reads the text of a step. Throws `log.form`, `json.*`, `value.form` for a text that no worker wrote. */
export function arrivalOf(text: string): Arrival {
  if (text === LATER_TEXT) return { later: true };
  const recorded = eventFromJson(parseJson(text, { maxDepth: RECORD_JSON_DEPTH, maxBytes: MAX_ANSWER_MEMORY_BYTES }));
  const event = loadEvent(recorded, memoryBlobs());
  if (event.type === "CapResult") return { value: event.result };
  if (event.type === "CapError" && isFailureKind(event.kind)) return { failure: event.kind, message: event.message, cause: undefined };
  throw new BorunaError("log.form", "a step holds something else than an answer");
}

/** Lets at most `count` steps run at once, in the order in which they ask for a slot. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Takes a slot. Returns a promise if the caller has to wait for it, otherwise undefined. */
  take(): Promise<void> | undefined {
    if (this.#free === 0) return new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#free -= 1;
    return undefined;
  }

  /** Gives a slot back, or passes it to the caller that waits longest. */
  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

/** The numbers of the calls that have begun, and whose answers are not kept yet. */
class InFlight {
  readonly #calls = new Set<number>();
  readonly #waiting: (() => void)[] = [];

  add(call: number): void {
    this.#calls.add(call);
  }

  remove(call: number): void {
    this.#calls.delete(call);
    if (this.#calls.size === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when no call is in flight. */
  none(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      // There is no call 0, so this only resolves.
      if (this.#calls.size === 0) this.remove(0);
    });
  }
}
