/** The callbacks with which an embedder watches a run. */
import type { AuditDecision } from "../policy/audit.ts";
import type { FlowAttributes, FlowSpanName } from "../telemetry/flow-attributes.ts";
import type { CallErrorKind } from "../telemetry/tracing.ts";
import type { CallPlace } from "../vm/bytecode/module.ts";
import type { RunEvent } from "../vm/events.ts";
import type { Value } from "../vm/value/value.ts";
import { isPromise } from "./platform.ts";

/** A capability call before the policy decides it. */
export interface CallStart {
  /** Number of the call in the run, from 1. */
  readonly call: number;
  readonly capability: string;
  /** The arguments as the program passed them. Default arguments are not filled in. */
  readonly args: readonly Value[];
  /** The id of the innermost `FlowStart` around the call. Undefined without trace detail, and if all spans around the call were dropped. */
  readonly parentId?: number | undefined;
  /** Computes the source location of the call. The location includes `caller` only if you call `place` while the observer runs. */
  place(): CallPlace;
}

/** A capability call that has ended. */
export interface CallEnd {
  /** Number of the call in the run, from 1. */
  readonly call: number;
  readonly capability: string;
  /** `suspended`: the call waits, and the run ends as `suspended`. */
  readonly outcome: "ok" | "suspended" | CallErrorKind;
  /** The answer, if the call succeeded. */
  readonly result?: Value | undefined;
  /** Why the call failed, if it failed. */
  readonly message?: string | undefined;
  /** Path of the policy rule that decided the call, and the reason of that decision. Undefined if the policy was not asked. */
  readonly rule?: string | undefined;
  readonly reason?: string | undefined;
  /** In an audit run, what the given policy would have decided. */
  readonly audit?: AuditDecision | undefined;
  /** Number of calls of this capability that are still allowed after this one. Undefined without a budget. */
  readonly budgetRemaining?: number | undefined;
  /** What the handler threw. Not enumerable, so `JSON.stringify` omits it. */
  readonly cause?: unknown;
}

/** A part of an answer, which a handler reports while its call goes on. It is not in the log, so a replay does not repeat it. */
export interface CallProgress {
  /** Number of the call in the run, from 1. */
  readonly call: number;
  readonly capability: string;
  /** The next part. A live `llm.call` passes on the text of the answer as it arrives. */
  readonly text: string;
}

/** The start of a function call or a construct of control flow. The trace detail decides which of them are reported. */
export interface FlowStart {
  /** Number of the span in its run, from 1. */
  readonly id: number;
  /** The id of the enclosing span. Undefined if there is none. */
  readonly parentId?: number | undefined;
  readonly actorId: number;
  readonly name: FlowSpanName;
  /** The attributes of the span, by the names in `docs/reference/spans.md`. */
  readonly attributes: FlowAttributes;
}

/** The end of a function call or a construct of control flow. */
export interface FlowEnd {
  /** The id of its `FlowStart`. */
  readonly id: number;
  /** The attributes that were not known at the start. `error.type` is present only if a failure ended the span. */
  readonly attributes: FlowAttributes;
}

/** What each observer receives, by the name of the observer. */
export interface ObserverEvents {
  readonly runStart: { readonly runId: string; readonly program: string };
  readonly runEnd: { readonly runId: string; readonly outcome: string; readonly steps: number };
  readonly callStart: CallStart;
  readonly callProgress: CallProgress;
  readonly callEnd: CallEnd;
  readonly flowStart: FlowStart;
  readonly flowEnd: FlowEnd;
  readonly eventAppended: RunEvent;
}

/** All observers are optional. The first error that an observer throws is reported; no error changes the run. */
export type Observers = { readonly [K in keyof ObserverEvents]?: (info: ObserverEvents[K]) => void };

function printError(error: unknown): void {
  process.stderr.write(`boruna: an observer failed: ${error instanceof Error ? error.message : String(error)}\n`);
}

/** Calls the observers of one run. */
export class RunObservers {
  readonly #observers: Observers;
  readonly #onError: (error: unknown) => void;
  #hasFailed = false;

  /** `onError` receives the first error that an observer throws. Default: print it to stderr. */
  constructor(observers: Observers = {}, onError: (error: unknown) => void = printError) {
    this.#observers = observers;
    this.#onError = onError;
  }

  has(name: keyof ObserverEvents): boolean {
    return this.#observers[name] !== undefined;
  }

  notify<K extends keyof ObserverEvents>(name: K, info: ObserverEvents[K]): void {
    const observer: Observers[K] | undefined = this.#observers[name];
    if (observer === undefined) return;
    try {
      const result: unknown = observer(info);
      // An observer may be an async function. Unobserved, its rejection would end the process.
      if (isPromise(result)) result.catch((error: unknown) => this.#report(error));
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#onError(error);
  }
}
