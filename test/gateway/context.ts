/** A handler's context for tests, and helpers that call a handler. */
import {
  CapabilityFailure,
  type Handler,
  type HandlerContext,
  isLater,
  type MachineFunction,
  MachineHandler,
} from "../../gateway/handlers.ts";
import { type Policy, policyFromJson } from "../../policy/policy.ts";
import { BUILTIN_REGISTRY, signatureFor } from "../../vm/capabilities.ts";
import { parseJson } from "../../vm/json/json.ts";
import type { Value } from "../../vm/value/value.ts";
import { contextOf } from "./handlers/support.ts";

/** Returns the policy with these fields. All other fields have their defaults. */
export const policyOf = (data: unknown): Policy => policyFromJson(parseJson(JSON.stringify(data)));

/** Fills in the default arguments of the capability table. */
function fullArgs(capability: string, args: readonly Value[]): readonly Value[] {
  const declared = BUILTIN_REGISTRY.byName.get(capability);
  const params = declared === undefined ? [] : (signatureFor(declared, args.length)?.params ?? []);
  return params.map((p, i) => args[i] ?? p.default ?? false);
}

/** Returns the answer, or `denied: …` or `failed: …`. */
async function outcomeOf(call: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof CapabilityFailure) return `${error.kind === "denied" ? "denied" : "failed"}: ${error.message}`;
    throw error;
  }
}

/** Returns the function of a built-in handler. It takes and returns the machine's values, not plain JavaScript data. */
export function machineFunctionOf(handler: Handler | MachineHandler | undefined): MachineFunction {
  if (handler instanceof MachineHandler) return handler.run;
  throw new Error("not a handler for the machine's values");
}

/** Returns a function that calls the handler, and returns its answer or its error as text. */
export function callerOf(capability: string, handler: MachineFunction, policy: Policy, more: Partial<HandlerContext> = {}) {
  return (...args: readonly Value[]): Promise<Value> =>
    outcomeOf(async () => {
      const answer = await handler(fullArgs(capability, args), contextOf(policy, more));
      if (isLater(answer)) throw new Error("the handler answers later");
      return answer;
    });
}
