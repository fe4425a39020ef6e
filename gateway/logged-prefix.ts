/** The part of a resumed run that its log already has. In this part the run is repeated: nothing reaches the outside world. */
import type { Handler, MachineHandler } from "./handlers.ts";
import type { HostStop } from "../vm/host.ts";

/** How a call is answered that the log has: with what the log says, or not at all because the run stops here. */
export type LoggedReply = { readonly handler: Handler | MachineHandler } | { readonly stop: HostStop };

export interface LoggedPrefix {
  /** Number of events in the log. */
  readonly events: number;
  /** Whether what the run does next was done by an earlier process. Observers and spans do not see it again. */
  readonly isAhead: boolean;
  /** Says how to answer the call whose `CapCall` was appended last. Undefined: by its handler. `call` is the number of the call. */
  reply(call: number): LoggedReply | undefined;
}
