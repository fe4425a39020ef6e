/** Decides whether a call may be made again after its answer was lost, for example because the process ended before the answer was recorded. */
import { type CapabilityDecl, signatureFor, withDefaults } from "../vm/capabilities.ts";
import type { Value } from "../vm/value/value.ts";
import type { Policy } from "./policy-fields.ts";

interface PolicyCondition {
  /** Completes the sentence "A call may be repeated if …". */
  readonly doc: string;
  readonly holds: (policy: Policy) => boolean;
}

/** The setting of a policy that makes the calls of a capability repeatable, by capability. The docs page lists these. */
export const REPEATABLE_BY_POLICY: ReadonlyMap<string, PolicyCondition> = new Map([
  [
    "net.fetch",
    {
      doc: "`net_policy.idempotency_header` is set, because the server then sees that it is the same call",
      holds: ({ net_policy }) => net_policy.idempotency_header !== null,
    },
  ],
  [
    "db.query",
    {
      doc: '`db_policy.statements` is `["select"]`, because the database then refuses every write',
      holds: ({ db_policy }) => db_policy.statements.every((kind) => kind === "select"),
    },
  ],
]);

/** Whether the call may be made again. `args` are as the program passed them; trailing arguments with defaults may be missing. */
export function mayRepeat(capability: CapabilityDecl, args: readonly Value[], policy: Policy): boolean {
  return mayRepeatArguments(capability, args) || REPEATABLE_BY_POLICY.get(capability.name)?.holds(policy) === true;
}

function mayRepeatArguments(capability: CapabilityDecl, args: readonly Value[]): boolean {
  const { mayRepeat: condition } = capability;
  if (typeof condition === "boolean") return condition;
  const signature = signatureFor(capability, args.length);
  if (signature === undefined) return false;
  const values = withDefaults(signature, args);
  return Object.entries(condition).every(([name, allowed]) => {
    const value = values[signature.params.findIndex((p) => p.name === name)];
    return typeof value === "string" && allowed.includes(value);
  });
}
