/** Events of a run, in the order they happen. Names and fields are those of the older machine's event log. */
import type { Value } from "./value/value.ts";

export type RunEvent =
  | { readonly type: "CapCall"; readonly capability: string; readonly args: readonly Value[] }
  | { readonly type: "CapResult"; readonly capability: string; readonly result: Value }
  /** Ours: `kind` is the call's outcome, `runtime_error` or `unknown`. */
  | { readonly type: "CapError"; readonly capability: string; readonly kind: string; readonly message: string }
  | { readonly type: "ActorSpawn"; readonly actor_id: number; readonly function: string }
  | { readonly type: "MessageSend"; readonly from: number; readonly to: number; readonly payload: Value }
  | { readonly type: "MessageReceive"; readonly actor_id: number; readonly payload: Value }
  | { readonly type: "UiEmit"; readonly tree: Value }
  | { readonly type: "SchedulerTick"; readonly round: number; readonly active_actor: number }
  | {
      readonly type: "ContractCheck";
      readonly function: string;
      /** `output`: a guard's verdict in the older log, with the label in `function`. No machine here makes it. */
      readonly kind: "requires" | "ensures" | "output";
      readonly index: number;
      readonly passed: boolean;
    }
  /** Ours: the verdict of `guard(value, passed, label)`. */
  | { readonly type: "GuardCheck"; readonly function: string; readonly label: string; readonly passed: boolean };

export type RunEventType = RunEvent["type"];
