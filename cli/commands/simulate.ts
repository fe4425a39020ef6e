import { renderDiagnostic } from "../../compiler/render.ts";
import type { Policy } from "../../policy/policy.ts";
import { simulationJson, simulationLines } from "../../simulate/report.ts";
import { simulate, type SimulateOptions, type Simulation, type SimulationProgress } from "../../simulate/simulate.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import type { CapabilityRegistry } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { nearest } from "../../vm/nearest.ts";
import { EXIT, type TrapKind, TRAPS } from "../../vm/outcome.ts";
import { type CapabilityFlags, loadRegistry } from "../capabilities.ts";
import { withFlagNames } from "../hints.ts";
import { loadInput } from "../load.ts";
import { omitUndefined } from "../omit-undefined.ts";
import { type PolicyFlags, policyOf } from "../policy-flags.ts";
import { withProgress } from "../progress.ts";
import { limitFromFlag, parseArguments } from "../run-arguments.ts";
import type { CommandSession } from "../session.ts";
import { exitCodeOfOutcome, withTelemetry } from "../telemetry.ts";
import { printJson, withoutControlCharacters } from "../terminal.ts";

export interface SimulateFlags extends CapabilityFlags, PolicyFlags {
  readonly runs: string;
  readonly seed: string;
  readonly accept: string;
  readonly maxCalls: string;
  readonly invariant?: string;
  readonly arg?: readonly string[];
  readonly maxSteps?: string;
  readonly record?: string;
  readonly force?: boolean;
}

export async function simulateCommand(session: CommandSession, file: string, flags: SimulateFlags): Promise<number> {
  const { terminal, json } = session;
  const runs = countFromFlag("--runs", flags.runs);
  const seed = countFromFlag("--seed", flags.seed);
  const maxCalls = countFromFlag("--max-calls", flags.maxCalls);
  const accept = trapsFromFlag(flags.accept);
  const limits = limitFromFlag("--max-steps", "max_steps", flags.maxSteps);
  const registry = await loadRegistry(flags, session);
  const policy = await policyOfSimulation(flags, registry);
  const program = await load(session, file, registry);
  const args = parseArguments(flags.arg ?? [], program.module);
  const invariant = flags.invariant === undefined ? undefined : await load(session, flags.invariant, registry);
  const simulation = await withProgress(session, "simulate", (progress) => {
    const onProgress = ({ runs: done, shrinkRuns }: SimulationProgress): void =>
      progress.step(shrinkRuns === undefined ? `run ${done} of ${runs}` : `run ${done} fails, try ${shrinkRuns} of a simpler one`);
    return withTelemetry(session, { exitCode }, ({ signal }) =>
      simulate(
        program,
        omitUndefined<SimulateOptions>({
          policy,
          args,
          runs,
          seed,
          accept,
          maxCalls,
          limits,
          invariant,
          record: flags.record === undefined ? undefined : { path: flags.record, force: flags.force === true },
          signal,
          onProgress,
        }),
      ),
    );
  });
  session.endedAs = simulation.isCanceled ? "canceled" : "success";
  if (json) printJson(terminal, simulationJson(simulation, program));
  else for (const line of simulationLines(simulation, program, invariant)) terminal.out(withoutControlCharacters(withFlagNames(line)));
  return exitCode(simulation);
}

function exitCode({ failure, isCanceled }: Simulation): number {
  if (isCanceled) return exitCodeOfOutcome("canceled");
  return failure === undefined ? EXIT.done : EXIT.failed;
}

/** Compiles the simulated program or the invariant. Adds its sources to the session, so that messages can quote those of both programs. */
async function load(session: CommandSession, file: string, registry: CapabilityRegistry): Promise<Program> {
  const earlier = session.sourceOf;
  const { program, warnings } = await loadInput(
    file,
    (sourceOf) => {
      session.sourceOf = (name) => sourceOf(name) ?? earlier(name);
    },
    registry,
  );
  for (const warning of warnings) session.terminal.err(renderDiagnostic(warning, session.sourceOf, { color: session.terminal.color }));
  return program;
}

/** A simulation makes no real call, so without flags everything is allowed. */
async function policyOfSimulation(flags: PolicyFlags, registry: CapabilityRegistry): Promise<Policy | "allow-all"> {
  const { policy, allowNet, allowRead, allowWrite, allow } = flags;
  const isOpen = [policy, allowNet, allowRead, allowWrite, allow].every((flag) => flag === undefined);
  return isOpen ? "allow-all" : policyOf(flags, registry);
}

function countFromFlag(flag: string, text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new BorunaError("usage", `${flag} ${text}: expected a whole number`);
}

function trapsFromFlag(text: string): readonly TrapKind[] {
  return text === "none" ? [] : text.split(",").map(trapNamed);
}

function trapNamed(name: string): TrapKind {
  if (isTrap(name)) return name;
  const similar = nearest(name, Object.keys(TRAPS));
  throw new BorunaError("usage", `--accept ${name}: there is no such trap`, {
    hint: similar === undefined ? "the first line of a failing run names its trap" : `did you mean ${similar}?`,
  });
}

const isTrap = (name: string): name is TrapKind => Object.hasOwn(TRAPS, name);
