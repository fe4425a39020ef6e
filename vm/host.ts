/** The machine's only way out. Everything else in `vm/` is pure. */
import type { CapabilityDecl } from "./capabilities.ts";
import type { RunEvent } from "./events.ts";
import type { CallPlace } from "./bytecode/module.ts";
import type { TrapKind } from "./outcome.ts";
import type { Value } from "./value/value.ts";

/** One capability call as the machine makes it. */
export interface CapabilityRequest {
  readonly capability: CapabilityDecl;
  /** As the program passed them: trailing defaults are not filled in. */
  readonly args: readonly Value[];
  /** Whether the calling function declares the capability. Always true for `emit`, `spawn` and `send`. */
  readonly declared: boolean;
  /** The call stands under `try`. */
  readonly caught: boolean;
  readonly actorId: number;
  /** Steps executed so far, this call included. */
  readonly step: number;
  /** Computed when asked for, since few readers need it; without `caller` when asked after the call's answer. */
  place(): CallPlace;
}

export type CapabilityAnswer =
  | { readonly ok: true; readonly value: Value }
  /** `cause` is for the embedder: the machine hands it on to the trap and never looks at it. */
  | { readonly ok: false; readonly trap: TrapKind; readonly message: string; readonly rule?: string; readonly cause?: unknown };

/** What a host that can suspend gives for a call: its answer, or the wish to go on with the run elsewhere or later. */
export type CallReply = CapabilityAnswer | "suspend";

/** The host ends the run: a replay that diverged, or output over its limit. */
export interface HostStop {
  readonly trap: TrapKind;
  readonly message: string;
}

export type StopReason = "timeout" | "canceled";

export interface Host {
  /** Whether a run that the host stops at an actor's event has the stack of the spawn or send that the event tells of. */
  readonly locatesEvents?: boolean;
  /** A promise only where the handler is asynchronous. Never rejects, never throws for a program's mistake. */
  call(request: CapabilityRequest): CapabilityAnswer | Promise<CapabilityAnswer>;
  /** Called for every event but the `Cap…` ones, which `call` writes. */
  event(event: RunEvent): HostStop | undefined;
  /** Text of `debug` and `debug_msg`. */
  debug(text: string): HostStop | undefined;
  /** Asked every few thousand steps and at each call; outside the deterministic part. */
  interrupted(): StopReason | undefined;
  /**
   * Asked between slices, and when an answer has come that was waited for: a promise when the host wants a turn (for timers
   * and signals) before the machine goes on.
   */
  pause?(): Promise<undefined> | undefined;
}

/** A host of `startMachine` and `resumeMachine`: it may suspend the run at a call, at once or through a promise. */
export interface SuspendingHost extends Omit<Host, "call"> {
  call(request: CapabilityRequest): CallReply | Promise<CallReply>;
}
