import { canonicalJson, type JsonData } from "../vm/json.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import type { Handler, Handlers } from "./handlers.ts";

/** The answers of a run that is not live: each capability's mock of the table, and the inputs that were given. */
export function mockHandlers(registry: CapabilityRegistry, options: { readonly inputs?: ReadonlyMap<string, JsonData> } = {}): Handlers {
  const handlers = new Map<string, Handler>();
  for (const capability of registry.all) {
    if (capability.internal !== true) handlers.set(capability.name, (args) => capability.mock(args));
  }
  const stepInput = registry.byName.get("step.input");
  handlers.set("step.input", (args) => {
    const input = typeof args[0] === "string" ? options.inputs?.get(args[0]) : undefined;
    return input === undefined ? (stepInput?.mock(args) ?? "") : canonicalJson(input);
  });
  return handlers;
}
