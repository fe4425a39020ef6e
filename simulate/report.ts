/** Formats the result of a simulation, as lines for people or as an object for `--json`. */
import { callText } from "../gateway/call-text.ts";
import { excerpt } from "../replay/report/format-values.ts";
import { plural } from "../replay/report/replay-report.ts";
import { stackLines } from "../replay/report/source-frame.ts";
import { errorJson } from "../runtime/execution-json.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { canonicalJson, type JsonData } from "../vm/json/json.ts";
import { jsonToJs } from "../vm/json/js-interop.ts";
import { valueToTypedJson } from "../vm/json/typed-json.ts";
import { failureText } from "../vm/outcome.ts";
import { typedText } from "../vm/value/display.ts";
import type { Value } from "../vm/value/value.ts";
import { FAULTS } from "./faults.ts";
import type { Simulation, SimulationFailure } from "./simulate.ts";
import type { SimulatedCall } from "./world.ts";

/** At most this many calls are printed. */
const MAX_CALLS = 12;
/** At most this many UTF-16 code units of an argument are printed. */
const MAX_ARG_UNITS = 80;

/** Returns the lines for people. They contain texts of the program, so escape them before printing. */
export function simulationLines(simulation: Simulation, program: Program, invariant: Program | undefined): readonly string[] {
  const { failure, seed, runs, isCanceled } = simulation;
  if (failure === undefined)
    return [`${isCanceled ? "interrupted after " : ""}${plural(runs, "run")}, and none failed (seed ${seed})`, ...countLines(simulation)];
  const help =
    failure.log === undefined
      ? "`--record FILE` writes the log of this run, for `boruna debug` and `boruna replay`"
      : `\`boruna debug ${failure.log.path}\` steps through this run`;
  return [
    ...failureLines(failure, seed, program, invariant),
    ...countLines(simulation),
    `  help: ${help}`,
    ...(failure.args.size === 0 ? [] : ["  help: the arguments of main were chosen, too; `--arg NAME=VALUE` gives one"]),
  ];
}

function countLines({ runs, discarded, calls, faults, outcomes }: Simulation): readonly string[] {
  const list = (counts: ReadonlyMap<string, number>): string =>
    [...counts]
      .toSorted(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ");
  const lines = [
    `  ends of all runs: ${list(outcomes)}`,
    `  calls of all runs: ${calls}${faults.size === 0 ? "" : `, of these with a fault: ${list(faults)}`}`,
  ];
  if (discarded === 0) return lines;
  const hint = discarded * 2 > runs ? "; `--arg NAME=VALUE` gives arguments that are allowed" : "";
  return [...lines, `  without effect: ${plural(discarded, "run")} whose arguments a \`requires\` of main refused${hint}`];
}

function failureLines(failure: SimulationFailure, seed: number, program: Program, invariant: Program | undefined): readonly string[] {
  const { run, kind, message, error, args, calls, chosenAnswers, shrinkRuns } = failure;
  const source = kind === "invariant" ? invariant : program;
  const simplest = chosenAnswers === 0 ? "all with the simplest answers" : `${chosenAnswers} with an answer that matters`;
  return [
    `run ${run} failed (seed ${seed}): ${excerpt(failureText(kind, message))}`,
    ...(error === undefined || source === undefined ? [] : stackLines(source.module, error.stack)),
    ...(error?.rule === undefined ? [] : [`  rule: ${error.rule}`]),
    `the simplest such run, after ${plural(shrinkRuns, "try", "tries")}: ${plural(calls.length, "call")}, ${simplest}`,
    ...[...args].map(([name, value]) => `  argument ${name} = ${excerpt(canonicalJson(value))}`),
    ...calls.slice(0, MAX_CALLS).map((call) => `  ${callLine(call, program)}`),
    ...(calls.length > MAX_CALLS ? [`  … and ${calls.length - MAX_CALLS} more calls`] : []),
    ...(kind === "invariant" || kind === "actor_failed" ? [`  end: ${endOf(failure, program)}`] : []),
  ];
}

function endOf({ result }: SimulationFailure, { module }: Program): string {
  const { outcome, value, resultType, error } = result;
  const text = value === undefined ? (error?.message ?? "") : typedText(value, resultType, module.types, MAX_ARG_UNITS);
  return `${outcome.replaceAll("_", " ")}: ${excerpt(text)}`;
}

function callLine({ call, capability, args, answer, fault, note }: SimulatedCall, program: Program): string {
  const { types } = program.module;
  const answered = "failure" in answer ? `failed: ${answer.failure}` : excerpt(typedText(answer.value, answer.type, types));
  const facts = [fault === "none" ? undefined : fault, note].filter((fact) => fact !== undefined);
  return `call ${call}: ${callText(program, capability, args, MAX_ARG_UNITS)} → ${answered}${facts.length === 0 ? "" : `  [${facts.join(": ")}]`}`;
}

/** Returns the object that `--json` prints. Members that are undefined are left out. */
export function simulationJson(simulation: Simulation, program: Program): Readonly<Record<string, unknown>> {
  const { seed, runs, discarded, calls, outcomes, failure, isCanceled } = simulation;
  const faults: ReadonlyMap<string, number> = simulation.faults;
  return {
    ok: failure === undefined && !isCanceled,
    canceled: isCanceled,
    seed,
    runs,
    discarded,
    calls,
    faults: Object.fromEntries(Object.keys(FAULTS).flatMap((name) => (name === "none" ? [] : [[name, faults.get(name) ?? 0]]))),
    outcomes: Object.fromEntries(outcomes),
    failure: failure === undefined ? null : failureJson(failure, program),
  };
}

function failureJson(failure: SimulationFailure, { module }: Program): Readonly<Record<string, unknown>> {
  const { run, kind, message, error, args, calls, chosenAnswers, shrinkRuns, result, log } = failure;
  const typed = (value: Value, type?: Parameters<typeof valueToTypedJson>[1]): unknown =>
    jsonToJs(valueToTypedJson(value, type, module.types));
  return {
    run,
    kind,
    message,
    error: error === undefined ? null : errorJson(error),
    args: Object.fromEntries([...args].map(([name, value]: readonly [string, JsonData]) => [name, jsonToJs(value)])),
    calls: calls.map(({ call, capability, args: given, answer, done, fault, note }) => ({
      call,
      capability,
      args: given.map((arg) => typed(arg)),
      answer: "failure" in answer ? { err: answer.failure } : { ok: typed(answer.value, answer.type) },
      done,
      fault,
      note,
    })),
    chosen_answers: chosenAnswers,
    shrink_runs: shrinkRuns,
    outcome: result.outcome,
    value: result.value === undefined ? null : typed(result.value, result.resultType),
    log: log?.path ?? null,
  };
}
