/**
 * An audit run shows what a program does before it has a policy. The run allows every capability, and reports what the given policy would
 * have decided. That policy's scopes still apply, so the program reaches only the folders that the policy names. Private networks and
 * secrets stay closed, whatever the policy says.
 */
import type { TypeDef } from "../vm/bytecode/module.ts";
import type { CapabilityDecl } from "../vm/capabilities.ts";
import type { Value } from "../vm/value/value.ts";
import { budgetRule, Decisions } from "./decide.ts";
import type { Policy } from "./policy.ts";

/** What a policy would have decided about a call of an audit run. */
export interface AuditDecision {
  readonly allowed: boolean;
  readonly rule: string;
  readonly reason: string;
}

/** Returns the policy that an audit run obeys. */
export function auditPolicy(policy: Policy): Policy {
  return {
    ...policy,
    default_allow: true,
    rules: new Map(),
    net_policy: { ...policy.net_policy, allow_private_networks: false },
    secrets: new Map(),
  };
}

/** Decides calls as the audited policy would, and counts them against its budgets. */
export class AuditDecisions {
  readonly #decisions: Decisions;
  /** Number of calls that the policy would have allowed, by capability. */
  readonly #allowedCalls = new Map<string, number>();

  constructor(policy: Policy, types: readonly TypeDef[]) {
    this.#decisions = new Decisions(policy, types);
  }

  decide(capability: CapabilityDecl, args: readonly Value[]): AuditDecision {
    const { allowed, rule, reason, budget, approval } = this.#decisions.decide(capability, args);
    if (!allowed) return { allowed, rule, reason };
    const count = (this.#allowedCalls.get(capability.name) ?? 0) + 1;
    if (budget !== undefined && count > budget)
      return { allowed: false, rule: budgetRule(capability.name), reason: `the budget of ${budget} calls is used up` };
    this.#allowedCalls.set(capability.name, count);
    if (approval !== undefined) return { allowed: false, rule: approval.rule, reason: "the call would wait for an approval" };
    return { allowed, rule, reason };
  }
}
