/** Checks finished runs with an invariant: a program whose `main` takes a `Run` of `std-simulate`. */
import type { RunError, RunResult } from "../gateway/run.ts";
import { executeProgram } from "../gateway/run.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { BorunaError } from "../vm/error.ts";
import { type JsonData, jsonObjectOf } from "../vm/json/json.ts";
import { valueToTypedJson } from "../vm/json/typed-json.ts";
import type { SimulatedCall } from "./world.ts";

const LIMITS = { max_steps: 10_000_000 };

/** Why an invariant does not hold: its trap, or undefined if its value is `false`. */
export interface BrokenInvariant {
  readonly error: RunError | undefined;
}

/** Throws `usage` unless `main` takes one `Run`, returns Bool or Unit, and needs no capability. */
export function checkInvariant({ module }: Program): void {
  const [param, ...others] = module.signature?.params ?? [];
  const result = module.signature?.result;
  if (param?.type !== "Run" || others.length > 0 || (result !== "Bool" && result !== "Unit"))
    throw new BorunaError("usage", `the main of the invariant ${module.name} must take one Run, and return Bool or nothing`, {
      hint: 'import "std-simulate" and write `fn main(run: Run) -> Bool { … }`',
    });
  if ((module.functions[module.entry]?.capabilities.length ?? 0) > 0)
    throw new BorunaError("usage", `the invariant ${module.name} must be pure`, { hint: "remove the effect row of its main" });
}

/** Checks a finished run. Returns undefined if the invariant holds. */
export async function checkRun(
  invariant: Program,
  program: Program,
  run: { readonly args: ReadonlyMap<string, JsonData>; readonly calls: readonly SimulatedCall[]; readonly result: RunResult },
): Promise<BrokenInvariant | undefined> {
  const { types } = program.module;
  const callJson = ({ capability, args, done, answer }: SimulatedCall): JsonData =>
    jsonObjectOf(
      ["capability", capability],
      ["args", args.map((arg) => valueToTypedJson(arg, undefined, types))],
      ["done", done],
      [
        "answer",
        "failure" in answer
          ? jsonObjectOf(["err", answer.failure])
          : jsonObjectOf(["ok", valueToTypedJson(answer.value, answer.type, types)]),
      ],
    );
  const { value, resultType, error } = run.result;
  const some = (data: JsonData | undefined): JsonData => (data === undefined ? null : jsonObjectOf(["some", data]));
  const json = jsonObjectOf(
    ["args", run.args],
    ["calls", run.calls.map(callJson)],
    ["value", some(value === undefined ? undefined : valueToTypedJson(value, resultType, types))],
    ["failure", some(error?.message)],
  );
  const name = invariant.module.signature?.params[0]?.name ?? "run";
  const ended = await executeProgram(invariant, { args: new Map([[name, json]]), limits: LIMITS, runId: "invariant" });
  if (ended.error !== undefined) return { error: ended.error };
  return ended.value === false ? { error: undefined } : undefined;
}
