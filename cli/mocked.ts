/** Counts the calls that mocks answered: a run without `--live` must not pass for one that reached the world. */
import type { CallEnd, CallStart } from "../gateway/observers.ts";
import { BUILTIN_REGISTRY } from "../vm/capabilities.ts";

/** Of a run without `--live`. `inputs` are those of `--inputs`: what they answer is no mock. */
export class MockedCalls {
  readonly #inputs: ReadonlySet<string>;
  /** Numbers of the calls that an input answers. */
  readonly #given = new Set<number>();
  /** By capability, in the order of their first calls. */
  readonly #counts = new Map<string, number>();

  constructor(inputs: Iterable<string>) {
    this.#inputs = new Set(inputs);
  }

  start({ call, capability, args: [first] }: CallStart): void {
    if (capability === "step.input" && typeof first === "string" && this.#inputs.has(first)) this.#given.add(call);
  }

  end({ call, capability, outcome }: CallEnd): void {
    const inMachine = BUILTIN_REGISTRY.byName.get(capability)?.internal === true;
    if (outcome === "ok" && !inMachine && !this.#given.delete(call)) this.#counts.set(capability, (this.#counts.get(capability) ?? 0) + 1);
  }

  /** Undefined where no call was mocked. */
  note(): string | undefined {
    const total = [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
    if (total === 0) return undefined;
    const calls = [...this.#counts].map(([capability, count]) => `${capability} ${count}`).join(", ");
    return `note: mocks answered ${total === 1 ? "1 call" : `${total} calls`} (${calls}); add --live to make real calls`;
  }
}
