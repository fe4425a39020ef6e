/**
 * Calls whose answers a host stores outside the process, so that another process can continue the run. The gateway calls `carryOut` in
 * place of the handler, and logs the answer as it logs a handler's answer.
 */
import type { CapabilityDecl } from "../vm/capabilities.ts";
import type { Value } from "../vm/value/value.ts";
import type { Handler, MachineHandler } from "./handlers.ts";
import type { Arrival } from "./open-calls.ts";

/** A logged call whose handler would start now. */
export interface DurableCall {
  /** Number of the call in the run, from 1. */
  readonly number: number;
  readonly capability: CapabilityDecl;
  /** The arguments that the program passed. Defaults are not filled in. */
  readonly request: { readonly args: readonly Value[] };
  readonly handler: Handler | MachineHandler | undefined;
}

export interface DurableCalls {
  /**
   * Whether the answer of this call is stored, because an earlier process made the call. That process also reported the call's span, so the
   * gateway opens no second one.
   */
  isKept(call: number): boolean;
  /** Returns the answer that an earlier process stored. If there is none, calls `make`, which runs the handler. Rejects only if a stored answer cannot be read. */
  carryOut(call: DurableCall, make: () => Arrival | Promise<Arrival>): Promise<Arrival>;
}
