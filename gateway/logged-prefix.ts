/** What a replayed or resumed run takes from its log. A resumed run repeats the part that is in its log, and nothing in this part reaches the outside world. */
import type { Decision } from "./approval.ts";
import type { Handler, MachineHandler } from "./handlers.ts";
import type { HostStop } from "../vm/host.ts";

/** How a logged call is answered: with the answer in the log, or not at all, because the run stops here. */
export type LoggedReply = { readonly handler: Handler | MachineHandler } | { readonly stop: HostStop };

/** What the log of a replayed or resumed run says about its calls. */
export interface LoggedCalls {
  /** Whether the log answers the call with this number, or the run stops at it. If not, its handler may run before its turn. */
  answersCall(call: number): boolean;
  /** Says how to answer the call with this number. Undefined: by its handler. Called when the handler would start. */
  reply(call: number): LoggedReply | undefined;
  /** Returns the decision about the call, if the log has it. Called when the call is the earliest one without an answer. */
  approval(call: number): Decision | undefined;
}

/** The part of a resumed run that its log already has. */
export interface LoggedPrefix extends LoggedCalls {
  /** Number of events in the log. */
  readonly events: number;
  /** Whether what the run does next was done by an earlier process. Observers and spans do not see it again. */
  readonly isRepeating: boolean;
  /** Whether the run has repeated every event of its log. */
  readonly isPastLog: boolean;
}
