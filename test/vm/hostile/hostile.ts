/** Helpers for tests with hostile modules: seeded random choices, and the property that holds for every module. */
import { BorunaError } from "../../../vm/error.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../vm/limits.ts";
import type { Module } from "../../../vm/bytecode/module.ts";
import type { MachineEnd, Program } from "../../../vm/bytecode/program.ts";
import { runMachine } from "../../../vm/scheduler/scheduler.ts";
import { textForm } from "../../../vm/value/display.ts";
import type { Value } from "../../../vm/value/value.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { testHost } from "../helpers.ts";

export const ENGINES = ["interpreter", "compiled"] as const;
export type EngineName = (typeof ENGINES)[number];

/** Random choices, determined by a seed (mulberry32). */
export class Choices {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to `bound` - 1. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % bound;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  oneOf<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error("nothing to choose from");
    return item;
  }
}

/** The parts of a run that must be the same on both engines. */
interface Observed {
  readonly ended: string;
  readonly steps: number;
  readonly allocBytes: number;
  readonly actors: number;
  readonly events: string;
}

/** Returns what a run shows to its host. */
export function observe(end: MachineEnd, host: ReturnType<typeof testHost>): Observed {
  const ended = end.status === "completed" ? `value ${textForm(end.value)}` : `trap ${JSON.stringify(end.trap)}`;
  const events = host.events.map((e) => e.type).join(" ") + host.debugged.join("\n");
  return { ended, steps: end.steps, allocBytes: end.allocBytes, actors: end.actors, events };
}

/** Runs a program whose host answers synchronously. */
export function runOn(
  engine: EngineName,
  program: Program,
  limits: Partial<Limits> = {},
  args: readonly Value[] = [],
): Observed & { end: MachineEnd } {
  const host = testHost();
  const end = runMachine(program, host, { limits: { ...DEFAULT_LIMITS, ...limits }, args, engine });
  if ("then" in end) throw new Error("a promise without an asynchronous call");
  return { ...observe(end, host), end };
}

/** Runs a program on both engines; throws if the runs differ. */
export function runOnBoth(program: Program, limits: Partial<Limits> = {}, args: readonly Value[] = []): MachineEnd {
  const { end, ...expected } = runOn("interpreter", program, limits, args);
  const { end: _end, ...found } = runOn("compiled", program, limits, args);
  const [a, b] = [JSON.stringify(expected), JSON.stringify(found)];
  if (a !== b) throw new Error(`the engines differ\ninterpreter ${a.slice(0, 2_000)}\ncompiled    ${b.slice(0, 2_000)}`);
  return end;
}

/**
 * Decodes, verifies and runs a module. Returns "refused", "completed" or the kind of the trap. Throws on anything that a
 * hostile module must not cause: an untyped error, an internal trap, an exceeded limit, a difference between the engines.
 */
export function endOf(decode: () => Module, limits: Partial<Limits>, args: readonly Value[] = []): string {
  let program: Program;
  try {
    program = verifyModule(decode());
  } catch (error) {
    if (error instanceof BorunaError && error.kind !== "internal") return "refused";
    throw error;
  }
  const end = runOnBoth(program, limits, args);
  if (end.steps > (limits.max_steps ?? DEFAULT_LIMITS.max_steps)) throw new Error(`${end.steps} steps`);
  if (end.allocBytes > (limits.max_alloc_bytes ?? DEFAULT_LIMITS.max_alloc_bytes)) throw new Error(`${end.allocBytes} bytes`);
  if (end.status === "completed") return "completed";
  if (end.trap.kind === "internal") throw new Error(`internal: ${end.trap.message}`);
  return end.trap.kind;
}
