/** Counts the calls that mocks answered, so that a run without `--live` is not mistaken for a live one. */
import type { CallEnd, CallStart } from "../gateway/observers.ts";
import { BUILTIN_REGISTRY } from "../vm/capabilities.ts";

/** Counts the mocked calls of a run without `--live`. A call answered from `inputs` (`--inputs`) does not count as mocked. */
export class MockedCalls {
  readonly #inputs: ReadonlySet<string>;
  /** Numbers of the calls that an input answers. */
  readonly #answeredByInput = new Set<number>();
  /** Number of mocked calls by capability, in order of first use. */
  readonly #counts = new Map<string, number>();

  constructor(inputs: Iterable<string>) {
    this.#inputs = new Set(inputs);
  }

  /** Call it at the start of each call. Notes the calls that `--inputs` answers. */
  start({ call, capability, args: [first] }: CallStart): void {
    if (capability === "step.input" && typeof first === "string" && this.#inputs.has(first)) this.#answeredByInput.add(call);
  }

  /** Call it at the end of each call. Counts the call if a mock answered it. */
  end({ call, capability, outcome }: CallEnd): void {
    const isInternal = BUILTIN_REGISTRY.byName.get(capability)?.internal === true;
    if (outcome === "ok" && !isInternal && !this.#answeredByInput.delete(call))
      this.#counts.set(capability, (this.#counts.get(capability) ?? 0) + 1);
  }

  /** Returns a line that says how many calls were mocked, or undefined if none were. */
  note(): string | undefined {
    const total = [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
    if (total === 0) return undefined;
    const calls = [...this.#counts].map(([capability, count]) => `${capability} ${count}`).join(", ");
    return `note: mocks answered ${total === 1 ? "1 call" : `${total} calls`} (${calls}); add --live to make real calls`;
  }
}
