/** The machine's engines, and a function that runs a program on an engine. */
import { compile } from "../compiler/compile.ts";
import type { Host } from "../vm/host.ts";
import { DEFAULT_LIMITS, type Limits } from "../vm/limits.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { runMachine } from "../vm/scheduler/scheduler.ts";
import { UNIT, type Value } from "../vm/value/value.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { sourceText } from "./sources.ts";
import { notMetered } from "./unmetered.ts";

export interface Engine {
  readonly name: string;
  /** Whether the engine counts steps, allocation and depth. Only `NOT_METERED` does not, which runs nothing but `bench/programs/`. */
  readonly metered: boolean;
  /** The options for `runMachine` and `execute` that choose the engine. */
  readonly options: { readonly engine: "auto" | "interpreter" | "compiled" };
}

/** The name of the engine without metering. Comparing the compiled engine with it shows the cost of metering. */
export const NOT_METERED = "compiled, not metered";

export const ENGINES: readonly Engine[] = [
  { name: "interpreter", metered: true, options: { engine: "interpreter" } },
  { name: "compiled", metered: true, options: { engine: "auto" } },
  { name: NOT_METERED, metered: false, options: { engine: "auto" } },
];

export const METERED = ENGINES.filter((engine) => engine.metered);

/** Limits that no benchmark reaches. The machine counts steps and allocation nevertheless. */
export const LIMITS: Limits = { ...DEFAULT_LIMITS, max_steps: Number.MAX_SAFE_INTEGER, max_alloc_bytes: Number.MAX_SAFE_INTEGER };

/** Allows actors and no other capability. */
const HOST: Host = {
  call: ({ capability }) =>
    capability.name.startsWith("actor.")
      ? { ok: true, value: UNIT }
      : { ok: false, trap: "capability_denied", message: "no capabilities here" },
  event: () => undefined,
  debug: () => undefined,
  interrupted: () => undefined,
};

export function programFrom(path: string): Program {
  return verifyModule(compile({ name: path, text: sourceText(path) }).module);
}

/** Runs `main(n)` of a program without calls and returns its value. Throws if the run does not complete. */
export function runOn(engine: Engine, program: Program, n: number): Value {
  const run = (): ReturnType<typeof runMachine> => runMachine(program, HOST, { limits: LIMITS, args: [n], ...engine.options });
  const end = engine.metered ? run() : notMetered(run);
  if (end instanceof Promise) throw new Error("the program waited");
  if (end.status !== "completed") throw new Error(`${end.trap.kind}: ${end.trap.message}`);
  return end.value;
}
