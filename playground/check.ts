/** Finds the mistakes in the policy and in the inputs. The language server finds those in the program. */
import { checkPolicy } from "../policy/parse.ts";
import { BorunaError } from "../vm/error.ts";
import { readInputs } from "./inputs.ts";
import type { Problem, Sources } from "./messages.ts";

export const POLICY_FILE = { file: "policy.jsonc", jsonc: true } as const;

export function problemsOf({ policy, inputs }: Sources): readonly Problem[] {
  return [
    ...problemsIn("policy", () =>
      checkPolicy(policy, POLICY_FILE).warnings.map(({ path, message, place }) => ({
        where: "policy",
        severity: "warning",
        line: place.line,
        column: place.column,
        message: `${path}: ${message}`,
        hint: undefined,
      })),
    ),
    ...problemsIn("inputs", () => {
      readInputs(inputs);
      return [];
    }),
  ];
}

function problemsIn(where: Problem["where"], check: () => readonly Problem[]): readonly Problem[] {
  try {
    return check();
  } catch (error) {
    return [problemOf(where, error)];
  }
}

/** Converts a `BorunaError` to a problem. Rethrows any other error, which is a bug. */
export function problemOf(where: Problem["where"], error: unknown): Problem {
  if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
  const { message, place, hint } = error;
  return { where, severity: "error", line: place?.line, column: place?.column, message, hint };
}
