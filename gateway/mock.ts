/** The handlers of a run that is not live. Each handler returns its capability's mock, the answer that the table or the embedder declares. */
import { reachOf } from "../policy/paths.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import type { PlainValue } from "../vm/json/js-interop.ts";
import { canonicalJson, type JsonData } from "../vm/json/json.ts";
import { memoizePerObject } from "../vm/lazy.ts";
import {
  CapabilityDenied,
  type Handler,
  type HandlerContext,
  type Handlers,
  type MachineFunction,
  type MachineHandler,
  machineHandler,
} from "./handlers.ts";
import { ownMocks } from "./own-capabilities.ts";

interface MockOptions {
  /** Answers of `step.input`, by input name. Other names get the mock from the capability table. */
  readonly inputs?: ReadonlyMap<string, JsonData>;
}

/**
 * Creates handlers that touch nothing outside the process. The folders of `fs_policy` limit paths as in a live run. An own capability
 * without a mock has no handler.
 */
export function mockHandlers(registry: CapabilityRegistry, { inputs }: MockOptions = {}): Handlers {
  const mocks = mocksOf(registry);
  if (inputs === undefined || inputs.size === 0) return mocks;
  const mockInput = registry.byName.get("step.input")?.mock;
  const answer: MachineFunction = (args) => {
    const input = typeof args[0] === "string" ? inputs.get(args[0]) : undefined;
    return input === undefined ? (mockInput?.(args) ?? "") : canonicalJson(input);
  };
  return new Map([...mocks, ["step.input", machineHandler(answer)]]);
}

/** The handlers of a run without inputs. Runs share them. */
const mocksOf = memoizePerObject((registry: CapabilityRegistry): Handlers => {
  const handlers = new Map<string, Handler | MachineHandler>(ownMocks(registry));
  const serve = (name: string, run: MachineFunction): void => void handlers.set(name, machineHandler(run));
  for (const { name, internal, mock } of registry.all) {
    if (internal !== true && mock !== undefined) serve(name, (args) => mock(args));
  }
  for (const name of FS_SECTIONS.keys()) {
    const mock = registry.byName.get(name)?.mock;
    if (mock !== undefined) serve(name, (args, context) => (checkScope(name, args, context), mock(args)));
  }
  const stepInput = registry.byName.get("step.input");
  serve("step.input", (args) => stepInput?.mock?.(args) ?? "");
  return handlers;
});

/** A capability's answer in a mock run: plain data, or a failure. */
export type MockAnswer = { readonly value: PlainValue } | { readonly failure: string };

/**
 * Returns the mocks, with the answers in place of the mocks of their capabilities. Each call gets the next answer, and all later calls the
 * last one again. The folders of `fs_policy` limit paths.
 */
export function withAnswers(mocks: Handlers, answers: ReadonlyMap<string, readonly MockAnswer[]>): Handlers {
  const handlers = new Map(mocks);
  for (const [name, list] of answers) {
    let calls = 0;
    handlers.set(name, (args, context) => {
      checkScope(name, args, context);
      const answer = list[Math.min(calls, list.length - 1)];
      calls += 1;
      if (answer === undefined) throw context.failure("the mock has no answer");
      if ("failure" in answer) throw context.failure(answer.failure);
      return answer.value;
    });
  }
  return handlers;
}

/** The capabilities whose first argument is a path. Each has a section in `fs_policy`. */
const FS_SECTIONS: ReadonlyMap<string, "read" | "write"> = new Map([
  ["fs.read", "read"],
  ["fs.write", "write"],
]);

/**
 * For calls that no live handler answers: throws `CapabilityDenied` if the path is outside the folders of `fs_policy`. Also throws if only
 * the working directory could decide that, because a mock run must have the same result in every directory.
 */
export function checkScope(capability: string, [path]: readonly unknown[], { policy }: HandlerContext): void {
  const section = FS_SECTIONS.get(capability);
  if (section === undefined) return;
  const reach = typeof path === "string" ? reachOf(path, policy.fs_policy[section]) : "inside";
  if (reach === "inside") return;
  const why =
    reach === "outside"
      ? "leads out of the folders that the policy allows"
      : "is absolute and the policy's folders are relative: a mock run looks at no working directory, so only an absolute folder allows it";
  throw new CapabilityDenied(`the path ${JSON.stringify(path)} ${why}`);
}
