/** Checks the `policy` and `limits` options of a run. An embedder may write plain JavaScript, so their types may be wrong. */
import { ALLOW_ALL, DENY_ALL, NAMED_POLICIES, type Policy, policyFromJson, readLimits } from "../policy/policy.ts";
import { BorunaError } from "../vm/error.ts";
import { jsonFromJs } from "../vm/json/js-interop.ts";
import type { Limits } from "../vm/limits.ts";

const POLICY_HINT = `Give ${[...NAMED_POLICIES.keys()].map((name) => JSON.stringify(name)).join(", ")}, or what loadPolicy or parsePolicy returns.`;

/** Returns the policy in force, as a copy that the caller cannot change. Throws `usage`, `policy.*`, naming the option. */
export function policyOption(given: unknown = DENY_ALL): Policy {
  const builtIn = [DENY_ALL, ALLOW_ALL].find((policy) => policy === given);
  if (builtIn !== undefined) return builtIn;
  if (typeof given !== "string") return named("policy", POLICY_HINT, () => policyFromJson(jsonFromJs(given)));
  const known = NAMED_POLICIES.get(given);
  if (known !== undefined) return known;
  throw new BorunaError("usage", `policy: there is no policy ${JSON.stringify(given.slice(0, 80))}`, { hint: POLICY_HINT });
}

/** Returns the limits that the caller set. Throws `usage`, `policy.*`, naming the option. */
export function limitsOption(given: unknown = {}): Partial<Limits> {
  return named("limits", undefined, () => readLimits(jsonFromJs(given)));
}

/** Runs `read` and adds the option's name to any error it throws, even an error of a getter. */
function named<T>(option: string, hint: string | undefined, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const known = error instanceof BorunaError ? error : undefined;
    const kind = known?.kind.startsWith("policy.") === true ? known.kind : "usage";
    const next = known?.hint ?? hint;
    const message = known?.message ?? "reading it throws an error";
    throw new BorunaError(kind, message.split(/\W/).includes(option) ? message : `${option}: ${message}`, {
      ...(next === undefined ? {} : { hint: next }),
      cause: error,
    });
  }
}
