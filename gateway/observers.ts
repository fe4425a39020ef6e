/** The callbacks of an embedder that watch a run. */
import type { CallErrorKind } from "../telemetry/tracing.ts";
import type { CallPlace } from "../vm/bytecode/module.ts";
import type { RunEvent } from "../vm/events.ts";
import type { Value } from "../vm/value/value.ts";

/** A capability call that is about to be decided. */
export interface CallStart {
  /** Number of the call in the run, from 1. */
  readonly call: number;
  readonly capability: string;
  /** As the program passed them: trailing defaults are not filled in. */
  readonly args: readonly Value[];
  /** The source location of the call, computed on request. It includes `caller` only while the observer runs. */
  place(): CallPlace;
}

/** A capability call that has ended. */
export interface CallEnd {
  /** Number of the call in the run, from 1. */
  readonly call: number;
  readonly capability: string;
  readonly outcome: "ok" | CallErrorKind;
  /** The answer of a call that succeeded. */
  readonly result?: Value | undefined;
  /** Why the call failed. */
  readonly message?: string | undefined;
  /** Path of the policy rule that decided the call, and the reason it gave. Undefined when the policy was not asked. */
  readonly rule?: string | undefined;
  readonly reason?: string | undefined;
  /** Calls still allowed after this one. Undefined without a budget. */
  readonly budgetRemaining?: number | undefined;
  /** What the handler threw. Not enumerable, so `JSON.stringify` leaves it out. */
  readonly cause?: unknown;
}

/** What each observer receives, by its name. */
export interface ObserverEvents {
  readonly runStart: { readonly runId: string; readonly program: string };
  readonly runEnd: { readonly runId: string; readonly outcome: string; readonly steps: number };
  readonly callStart: CallStart;
  readonly callEnd: CallEnd;
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
      observer(info);
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      this.#onError(error);
    }
  }
}
