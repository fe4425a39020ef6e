/**
 * Defines the interface through which the machine reaches the outside. Everything else in `vm/` is pure and uses no clock, no files
 * and no network. In a run, the gateway implements `Host`.
 */
import type { CapabilityDecl } from "./capabilities.ts";
import type { RunEvent } from "./events.ts";
import type { CallPlace } from "./bytecode/module.ts";
import type { Outcome, TrapKind } from "./outcome.ts";
import type { Value } from "./value/value.ts";

/** One capability call that the machine makes. */
export interface CapabilityRequest {
  readonly capability: CapabilityDecl;
  /** The arguments that the program passed. Trailing defaults are not filled in. */
  readonly args: readonly Value[];
  /** Whether the calling function declares the capability. For `emit`, `spawn` and `send`, this is always true. */
  readonly declared: boolean;
  /** Whether the call is inside a `try`. */
  readonly caught: boolean;
  readonly actorId: number;
  /** The number of steps so far, including this call. */
  readonly step: number;
  /** The control-flow span of the function call or construct that makes this call. Undefined if the host does not ask for control flow. */
  readonly span: FlowSpan | undefined;
  /** Returns the source location of the call. After the call is answered, the location has no `caller`. */
  place(): CallPlace;
}

export type CapabilityAnswer =
  | { readonly ok: true; readonly value: Value }
  /** The machine does not read `cause`. It passes `cause` on to the trap, for the embedder. */
  | {
      readonly ok: false;
      readonly trap: TrapKind;
      readonly message: string;
      readonly rule?: string;
      readonly capability?: string;
      readonly cause?: unknown;
    };

/** The reply of a host that can suspend a run: the answer, or "suspend" to continue the run later, perhaps in another process. */
export type CallReply = CapabilityAnswer | "suspend";

/** A call that has begun. The machine takes the answers of its open calls in the order of the calls. */
export interface OpenCall {
  /** Logs the answer and returns it, or a promise if the handler has not answered yet. Called once, after all earlier calls were answered. */
  answer(): CallReply | Promise<CallReply>;
}

/** What a host returns to end the run, for example because a replay diverged or the output exceeds its limit. */
export interface HostStop {
  readonly trap: TrapKind;
  readonly message: string;
  /** The capability to report in the trap. If undefined, the trap reports the capability of the call at which the run stops, if there is one. */
  readonly capability?: string;
}

export type StopReason = "timeout" | "canceled";

/** A construct of control flow, or `call` for a function that is called. */
export type FlowConstructName = "call" | "if" | "match" | "while" | "for" | "for.iteration" | "par" | "par.branch";

/** A span of control flow that begins: the call of a function that declares a capability, or a construct in such a function. */
export interface FlowSpanStart {
  readonly construct: FlowConstructName;
  readonly actorId: number;
  /** The span around this span. Undefined for the first call of the run. */
  readonly parent: FlowSpan | undefined;
  /** The function that is called, or that has the construct. */
  readonly function: string;
  /** The file of the function. Without debug info, `file` and `line` are absent. */
  readonly file?: string | undefined;
  /** The line of the function's declaration or of the construct. */
  readonly line?: number | undefined;
  /** For a call: the number of arguments that the program passes, without captured values. */
  readonly argumentCount?: number | undefined;
  /** For an `if`: the number of its conditions. An `else` has no condition. For a `par`: the number of its branches. */
  readonly branchCount?: number | undefined;
  /** For a `match`: the number of its arms. */
  readonly armCount?: number | undefined;
  /** For a `for`: the name of its variable. */
  readonly variableName?: string | undefined;
  /** For an iteration of a `for` and a branch of a `par`: its number, from 0. */
  readonly index?: number | undefined;
}

export interface FlowSpanEnd {
  /** How the actor or the run ended. Undefined unless a failure ended the span. */
  readonly outcome: Outcome | undefined;
  /** For an `if`: the index of the branch taken; -1 for the `else`, -2 if no branch was taken. */
  readonly branchTaken?: number | undefined;
  /** For a `match`: the index of the arm taken; undefined if no arm was taken. */
  readonly armTaken?: number | undefined;
  /** For a loop: the number of iterations that began. */
  readonly iterationCount?: number | undefined;
  /** For a loop: whether it ended before its condition was false or its list was at its end, for example by `break`. */
  readonly brokeEarly?: boolean | undefined;
}

/** A span of control flow that has begun. `end` is called exactly once, and it must not throw. */
export interface FlowSpan {
  end(end: FlowSpanEnd): void;
}

/** Receives the control flow of a run. */
export interface FlowHost {
  /** Whether the run reports constructs and calls, or only calls. */
  readonly constructs: boolean;
  /** Begins a span, or returns undefined to drop it. Must not throw. */
  start(start: FlowSpanStart): FlowSpan | undefined;
}

export interface Host {
  /** If present, the run reports its control flow. Functions that declare a capability then run slower, without the compiled engine. */
  readonly flow?: FlowHost | undefined;
  /** Whether the host needs source locations for the events of actors. If the host stops the run at a spawn or send, the trap then has its stack. */
  readonly locatesEvents?: boolean;
  /**
   * Answers a call. Returns a promise only if the handler is asynchronous. A mistake in the program never makes the method throw or the
   * promise reject.
   */
  call(request: CapabilityRequest): CapabilityAnswer | Promise<CapabilityAnswer>;
  /**
   * Begins a call that may overlap with others, and logs it. Returns the answer only if the call is refused. If this method is
   * absent, `call` answers such calls too, when they are made. Throws what `call` throws. A host that suspends runs does not have this method.
   */
  open?(request: CapabilityRequest): CapabilityAnswer | OpenCall;
  /** Receives every event except `Cap…` and `Approval`, which the host itself logs when it answers calls. */
  event(event: RunEvent): HostStop | undefined;
  /** Receives the text of `debug` and `debug_msg`. */
  debug(text: string): HostStop | undefined;
  /** Returns why the run must stop, or undefined. Called every few thousand steps and at each call. The result is not deterministic. */
  interrupted(): StopReason | undefined;
  /**
   * Returns a promise if the host needs time for timers and signals before the machine goes on. Called between slices, and after
   * each answer that was a promise.
   */
  pause?(): Promise<undefined> | undefined;
  /** Whether `pause` would return a promise now. Compiled code, which asks every hundred thousand steps, then stops at the end of an iteration. */
  pauseIsDue?(): boolean;
  /** Whether a pause has been due for so long that compiled code must give up the work of a call, so that the interpreter can pause inside it. */
  pauseIsLate?(): boolean;
  /** The machine calls this when it gets the thread: at the start, and after each wait or suspension. */
  enter?(): void;
  /** The machine calls this when it gives the thread back, because it waits, is suspended, or has ended the run. */
  leave?(): void;
}

/** A host for `startMachine` and `resumeMachine`. It may suspend the run at a call by returning "suspend" or a promise of it. */
export interface SuspendingHost extends Omit<Host, "call"> {
  call(request: CapabilityRequest): CallReply | Promise<CallReply>;
}
