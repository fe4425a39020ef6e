/** The answers of a run that is not live. */
import { reachFrom } from "../policy/paths.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import { canonicalJson, type JsonData } from "../vm/json.ts";
import type { Value } from "../vm/value.ts";
import { CapabilityDenied, type Handler, type HandlerContext, type Handlers } from "./handlers.ts";

export interface MockOptions {
  /** What `step_input` gives, by name; the table's mock for any other name. */
  readonly inputs?: ReadonlyMap<string, JsonData>;
}

/** Each capability's mock of the table. Nothing is touched, but the policy holds as it does in a live run. */
export function mockHandlers(registry: CapabilityRegistry, options: MockOptions = {}): Handlers {
  const handlers = new Map<string, Handler>();
  for (const capability of registry.all) {
    if (capability.internal !== true) handlers.set(capability.name, (args) => capability.mock(args));
  }
  for (const [name, section] of [
    ["fs.read", "read"],
    ["fs.write", "write"],
  ] as const) {
    const mock = registry.byName.get(name)?.mock;
    if (mock !== undefined) handlers.set(name, (args, context) => (checkReach(args, context, section), mock(args)));
  }
  const stepInput = registry.byName.get("step.input");
  handlers.set("step.input", (args) => {
    const input = typeof args[0] === "string" ? options.inputs?.get(args[0]) : undefined;
    return input === undefined ? (stepInput?.mock(args) ?? "") : canonicalJson(input);
  });
  return handlers;
}

/** An absolute path under a relative folder: only here is the working directory known. */
function checkReach([path]: readonly Value[], { policy }: HandlerContext, section: "read" | "write"): void {
  if (typeof path === "string" && reachFrom(path, policy.fs_policy[section], process.cwd()) === "outside") {
    throw new CapabilityDenied(`the path ${JSON.stringify(path)} leads out of the folders that the policy allows`);
  }
}
