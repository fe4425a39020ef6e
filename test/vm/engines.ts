/** Runs a program on each engine and compares everything that a host can observe. */
import { expect } from "vitest";
import { Engine, type EngineChoice } from "../../vm/compiled/engine.ts";
import { disassemble } from "../../vm/bytecode/disassembler.ts";
import type { RunEvent } from "../../vm/events.ts";
import { canonicalJson } from "../../vm/json/json.ts";
import { DEFAULT_LIMITS, type Limits } from "../../vm/limits.ts";
import type { MachineEnd, Program } from "../../vm/bytecode/program.ts";
import { runMachine } from "../../vm/scheduler/scheduler.ts";
import type { Value } from "../../vm/value/value.ts";
import { valueToTaggedJson } from "../../vm/json/tagged-json.ts";
import { type HostOptions, type TestHost, testHost } from "./helpers.ts";

interface EngineRun {
  readonly limits?: Partial<Limits>;
  readonly args?: readonly Value[];
  /** Whether actors are scheduled, as in `MachineOptions`. */
  readonly actors?: boolean;
  readonly host?: HostOptions;
}

/** What a run shows to its host. It must be the same on both engines. */
export interface Seen {
  readonly end: string;
  readonly steps: number;
  readonly allocBytes: number;
  readonly actors: number;
  readonly events: readonly string[];
  readonly calls: readonly string[];
  readonly debug: readonly string[];
}

const show = (value: Value): string => canonicalJson(valueToTaggedJson(value));

function showEvent(event: RunEvent): string {
  const parts = Object.entries(event).map(([name, part]) => {
    if (name === "payload" || name === "tree" || name === "result") return `${name} ${show(part)}`;
    return `${name} ${Array.isArray(part) ? part.map(show).join(", ") : String(part)}`;
  });
  return parts.join("; ");
}

/** Returns what a run has shown to its host. */
export function seen(end: MachineEnd, host: TestHost): Seen {
  return {
    end: end.status === "completed" ? `value ${show(end.value)}` : `trap ${JSON.stringify(end.trap)}`,
    steps: end.steps,
    allocBytes: end.allocBytes,
    actors: end.actors,
    events: host.events.map(showEvent),
    calls: host.calls.map(({ capability, step, actorId, declared }) => `${capability.name} at ${step} by ${actorId}, ${declared}`),
    debug: host.debugged,
  };
}

/** Runs a program whose host answers every call at once. */
export function runOn(engine: EngineChoice, program: Program, { limits, args = [], actors, host: options }: EngineRun = {}): Seen {
  const host = testHost(options);
  const end = runMachine(program, host, {
    limits: { ...DEFAULT_LIMITS, ...limits },
    args,
    engine,
    ...(actors === undefined ? {} : { actors }),
  });
  if (end instanceof Promise) throw new Error("the run waits for a promise");
  return seen(end, host);
}

/** Runs on the interpreter and on `engine`, expects the same from both, and returns it. */
export function sameOnBoth(program: Program, options: EngineRun = {}, engine: EngineChoice = "compiled"): Seen {
  const expected = runOn("interpreter", program, options);
  const found = runOn(engine, program, options);
  if (JSON.stringify(found) !== JSON.stringify(expected)) expect(found, disassemble(program)).toEqual(expected);
  return expected;
}

/** The counts of `Engine.counts`. */
interface Counts {
  readonly entered: number;
  readonly deoptimized: number;
  readonly compiled: number;
  readonly work: number;
  readonly wasted: number;
}

/** Returns what the compiled engine has counted for this program so far. `Engine.counts` explains the counts. */
export function countsOf(program: Program, engine: EngineChoice = "compiled"): Counts {
  return Engine.for(program, engine)?.counts ?? { entered: 0, deoptimized: 0, compiled: 0, work: 0, wasted: 0 };
}
