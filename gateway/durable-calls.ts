/**
 * Calls whose answers a host keeps outside of the process, so that another process can continue the run. The gateway asks `DurableCalls`
 * in place of the handler, and logs its answer like that of a handler.
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
  /** The arguments that the program passed. Trailing defaults are not filled in. */
  readonly request: { readonly args: readonly Value[] };
  readonly handler: Handler | MachineHandler | undefined;
}

export interface DurableCalls {
  /** Whether an earlier process made the call with this number. It gets no second span. */
  isKept(call: number): boolean;
  /** Returns the answer that an earlier process kept. Without one, returns the answer of `make`, which runs the handler. Never rejects. */
  carryOut(call: DurableCall, make: () => Arrival | Promise<Arrival>): Promise<Arrival>;
}
