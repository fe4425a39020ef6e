/**
 * The interface through which the machine reaches the outside. Everything else in `vm/` is pure: no clock, no files, no network.
 * In a run, the gateway implements `Host`.
 */
import type { CapabilityDecl } from "./capabilities.ts";
import type { RunEvent } from "./events.ts";
import type { CallPlace } from "./bytecode/module.ts";
import type { TrapKind } from "./outcome.ts";
import type { Value } from "./value/value.ts";

/** One capability call as the machine makes it. */
export interface CapabilityRequest {
  readonly capability: CapabilityDecl;
  /** The arguments that the program passed. Trailing defaults are not filled in. */
  readonly args: readonly Value[];
  /** Whether the calling function declares the capability. Always true for `emit`, `spawn` and `send`. */
  readonly declared: boolean;
  /** Whether the call is under `try`. */
  readonly caught: boolean;
  readonly actorId: number;
  /** Steps so far, this call included. */
  readonly step: number;
  /** The source location of the call, computed on request. Without `caller` when requested after the call's answer. */
  place(): CallPlace;
}

export type CapabilityAnswer =
  | { readonly ok: true; readonly value: Value }
  /** The machine passes `cause` on to the trap, for the embedder, and does not read it. */
  | { readonly ok: false; readonly trap: TrapKind; readonly message: string; readonly rule?: string; readonly cause?: unknown };

/** The reply of a host that can suspend: the answer, or "suspend" to continue the run later or in another process. */
export type CallReply = CapabilityAnswer | "suspend";

/** A host returns it to end the run: a replay diverged, or the output exceeds its limit. */
export interface HostStop {
  readonly trap: TrapKind;
  readonly message: string;
}

export type StopReason = "timeout" | "canceled";

export interface Host {
  /** Whether the trap has the stack of the spawn or send when the host stops the run at an actor's event. */
  readonly locatesEvents?: boolean;
  /** Returns a promise only when the handler is asynchronous. It never rejects, and never throws for a mistake of the program. */
  call(request: CapabilityRequest): CapabilityAnswer | Promise<CapabilityAnswer>;
  /** Called for every event except the `Cap…` events, which `call` itself produces. */
  event(event: RunEvent): HostStop | undefined;
  /** Called with the text of `debug` and `debug_msg`. */
  debug(text: string): HostStop | undefined;
  /** Polled every few thousand steps and at each call. Not deterministic. */
  interrupted(): StopReason | undefined;
  /**
   * Asked between slices, and when an answer has come that was waited for: a promise when the host wants a turn (for timers
   * and signals) before the machine goes on.
   */
  pause?(): Promise<undefined> | undefined;
}

/** A host for `startMachine` and `resumeMachine`. It may suspend the run at a call, also through a promise. */
export interface SuspendingHost extends Omit<Host, "call"> {
  call(request: CapabilityRequest): CallReply | Promise<CallReply>;
}
