/**
 * Calls whose answers a host keeps outside of the process, so that another process can go on with the run. The gateway asks `DurableCalls`
 * in place of the handler. What it returns is logged like any other answer.
 */
import type { CapabilityDecl } from "../vm/capabilities.ts";
import type { Value } from "../vm/value/value.ts";
import type { Handler, MachineHandler } from "./handlers.ts";
import type { Arrival } from "./open-calls.ts";

/** A call that is logged and whose handler would start now. */
export interface DurableCall {
  /** Number of the call in the run, from 1. */
  readonly number: number;
  readonly capability: CapabilityDecl;
  /** With the arguments that the program passed. Trailing defaults are not filled in. */
  readonly request: { readonly args: readonly Value[] };
  readonly handler: Handler | MachineHandler | undefined;
}

export interface DurableCalls {
  /** Returns what an earlier process has kept for the call, or what `make` returns, which runs the handler. Never rejects. */
  carryOut(call: DurableCall, make: () => Promise<Arrival>): Promise<Arrival>;
}
