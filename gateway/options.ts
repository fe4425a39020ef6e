/** Checks the `policy` and `limits` options of a run. An embedder may write plain JavaScript, so the options may have wrong types. */
import { ALLOW_ALL, areCheckedRules, DENY_ALL, NAMED_POLICIES, type Policy, policyFromJson, readLimits } from "../policy/policy.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import { TRACE_DETAILS, type TraceDetail } from "../telemetry/tracing.ts";
import { BorunaError } from "../vm/error.ts";
import { jsonFromJs } from "../vm/json/js-interop.ts";
import type { Limits } from "../vm/limits.ts";

const POLICY_HINT = `Give ${[...NAMED_POLICIES.keys()].map((name) => JSON.stringify(name)).join(", ")}, the object of a policy, or what loadPolicy or parsePolicy returns.`;

/**
 * Returns the effective policy, as a copy that the caller cannot change. The rules of a plain object may name only capabilities of
 * `registry`: with `default_allow: true`, a denial of a misspelled capability would deny nothing. The rules of a parsed policy may name
 * others, because they were checked when it was parsed. Throws `usage`, `policy.*`, naming the option.
 */
export function policyOption(option: unknown, registry: CapabilityRegistry): Policy {
  if (option === undefined) return DENY_ALL;
  const builtIn = [DENY_ALL, ALLOW_ALL].find((policy) => policy === option);
  if (builtIn !== undefined) return builtIn;
  if (typeof option !== "string") {
    return withOptionName("policy", POLICY_HINT, () => policyFromJson(jsonFromJs(option), wasParsed(option) ? undefined : registry));
  }
  const namedPolicy = NAMED_POLICIES.get(option);
  if (namedPolicy !== undefined) return namedPolicy;
  throw new BorunaError("usage", `policy: there is no policy ${JSON.stringify(option.slice(0, 80))}`, { hint: POLICY_HINT });
}

/** Whether the policy, or the one of which it is a changed copy, is a result of `loadPolicy`, `parsePolicy` or `withShorthands`. */
const wasParsed = (option: unknown): boolean =>
  typeof option === "object" && option !== null && "rules" in option && areCheckedRules(option.rules);

/** Returns the limits that the caller set. Throws `usage`, `policy.*`, naming the option. */
export function limitsOption(option?: unknown): Partial<Limits> {
  if (option === undefined) return {};
  return withOptionName("limits", undefined, () => readLimits(jsonFromJs(option)));
}

/** Returns the trace detail. Throws `usage`, naming the option. */
export function traceDetailOption(option: unknown = "cap"): TraceDetail {
  const detail = TRACE_DETAILS.find((name) => name === option);
  if (detail !== undefined) return detail;
  throw new BorunaError("usage", `traceDetail: expected ${TRACE_DETAILS.map((name) => JSON.stringify(name)).join(", ")}`);
}

/** Returns how many handlers may run at once. Throws `usage`, naming the option. */
export function maxParallelCallsOption(option: unknown): number | undefined {
  if (option === undefined || (typeof option === "number" && Number.isInteger(option) && option >= 1)) return option;
  throw new BorunaError("usage", "maxParallelCalls: expected a whole number from 1");
}

/** Runs `read`. If it throws, even in a getter of the option, throws a `BorunaError` that names the option. */
function withOptionName<T>(option: string, hint: string | undefined, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const borunaError = error instanceof BorunaError ? error : undefined;
    const kind = borunaError?.kind.startsWith("policy.") === true ? borunaError.kind : "usage";
    const message = borunaError?.message ?? "reading it throws an error";
    throw new BorunaError(kind, message.split(/\W/).includes(option) ? message : `${option}: ${message}`, {
      hint: borunaError?.hint ?? hint,
      cause: error,
    });
  }
}
