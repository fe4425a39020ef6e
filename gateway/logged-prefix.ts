/** What a replayed or resumed run reads from its log. While a resumed run repeats its log, nothing that it does reaches the outside world. */
import type { Decision } from "./approval.ts";
import type { Handler, MachineHandler } from "./handlers.ts";
import type { HostStop } from "../vm/host.ts";

/** How a call of the log continues: `handler` answers it, perhaps with the logged answer, or the run stops at the call. */
export type LoggedReply = { readonly handler: Handler | MachineHandler } | { readonly stop: HostStop };

/** What the log of a replayed or resumed run says about its calls. */
export interface LoggedCalls {
  /** Whether the log has the call's answer, or the run stops at the call. If neither, the handler may start before earlier calls are answered. */
  answersCall(call: number): boolean;
  /** Returns how to answer the call. Undefined: the capability's handler answers it. Called when that handler would start. */
  reply(call: number): LoggedReply | undefined;
  /** Returns the decision about the call, if the log has it. Called when the call is the earliest one without an answer. */
  approval(call: number): Decision | undefined;
}

/** The part of a resumed run that its log already has. */
export interface LoggedPrefix extends LoggedCalls {
  /** Number of events in the log. */
  readonly events: number;
  /** Whether an earlier process completed the run's next action. Observers and spans do not see this action again. */
  readonly isRepeating: boolean;
  /** Whether the run has repeated every event of its log. */
  readonly isPastLog: boolean;
}
