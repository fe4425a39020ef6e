import type { Value } from "./value/value.ts";

/** An event of a run. Names and fields are those of the older machine's event log, except where a comment says otherwise. */
export type RunEvent =
  | { readonly type: "CapCall"; readonly capability: string; readonly args: readonly Value[] }
  | { readonly type: "CapResult"; readonly capability: string; readonly result: Value }
  /** Not in the older log. `kind` is the outcome of the call: `runtime_error` or `unknown`. */
  | { readonly type: "CapError"; readonly capability: string; readonly kind: string; readonly message: string }
  | { readonly type: "ActorSpawn"; readonly actor_id: number; readonly function: string }
  | { readonly type: "MessageSend"; readonly from: number; readonly to: number; readonly payload: Value }
  | { readonly type: "MessageReceive"; readonly actor_id: number; readonly payload: Value }
  | { readonly type: "UiEmit"; readonly tree: Value }
  | { readonly type: "SchedulerTick"; readonly round: number; readonly active_actor: number }
  | {
      readonly type: "ContractCheck";
      readonly function: string;
      /** `output` is read from older logs only: the result of a guard, with its label in `function`. */
      readonly kind: "requires" | "ensures" | "output";
      readonly index: number;
      readonly passed: boolean;
    }
  /** Not in the older log. The result of `guard(value, passed, label)`. */
  | { readonly type: "GuardCheck"; readonly function: string; readonly label: string; readonly passed: boolean };

export type RunEventType = RunEvent["type"];
