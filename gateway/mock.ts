/** The handlers of a run that is not live: each capability answers the mock of the capability table. */
import { reachOf } from "../policy/paths.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import { canonicalJson, type JsonData } from "../vm/json/json.ts";
import type { Value } from "../vm/value/value.ts";
import { CapabilityDenied, type Handler, type HandlerContext, type Handlers } from "./handlers.ts";

export interface MockOptions {
  /** Answers of `step_input`, by name. Any other name gets the table's mock. */
  readonly inputs?: ReadonlyMap<string, JsonData>;
}

/** Touches nothing outside the process. Scopes of `fs_policy` hold as in a live run. */
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

/**
 * Denies a path outside the policy's folders, and a path for which that depends on the working directory: a mock run has
 * the same result from every directory.
 */
function checkReach([path]: readonly Value[], { policy }: HandlerContext, section: "read" | "write"): void {
  const reach = typeof path === "string" ? reachOf(path, policy.fs_policy[section]) : "inside";
  if (reach === "inside") return;
  const why =
    reach === "outside"
      ? "leads out of the folders that the policy allows"
      : "is absolute and the policy's folders are relative: a mock run looks at no working directory, so only an absolute folder allows it";
  throw new CapabilityDenied(`the path ${JSON.stringify(path)} ${why}`);
}
