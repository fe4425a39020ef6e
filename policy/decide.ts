/**
 * Decides whether a policy allows one call. The capability's rule decides first, or `default_allow` if there is no rule. If it allows the
 * call, the arguments are checked against the rule's conditions (`where`) and the capability's scope: `net_policy`, `fs_policy` or
 * `llm_policy`. The gateway counts the budget. A call gets the same decision on every machine, in a recorded run and in its replay.
 */
import type { TypeDef } from "../vm/bytecode/module.ts";
import type { CapabilityDecl } from "../vm/capabilities.ts";
import { MapValue } from "../vm/value/map.ts";
import type { Value } from "../vm/value/value.ts";
import { loopbackName, matchesHost, namesLoopback, parseTarget, privateReason } from "./hosts.ts";
import { reachOf } from "./paths.ts";
import type { FsPolicy, LlmPolicy, NetPolicy, Policy } from "./policy.ts";
import { memberPath } from "./field-schema.ts";
import { quote } from "./quote.ts";
import { whereCheck, type WhereCheck } from "./where.ts";

export interface Decision {
  readonly allowed: boolean;
  /** Path in the policy file of the rule that decided: `rules["net.fetch"].allow`, `net_policy.allowed_domains`. */
  readonly rule: string;
  /** Why the call is allowed or not: one sentence for people. */
  readonly reason: string;
  /** Number of calls that one run may make. Undefined: no limit. */
  readonly budget?: number | undefined;
  /** Present if the call must wait until a person has approved it. */
  readonly approval?: RequiredApproval;
}

/** The approval that a call needs. */
export interface RequiredApproval {
  /** Path of the rule's `approval` in the policy file. */
  readonly rule: string;
  /** The public keys of the people who may decide; empty if anyone may. */
  readonly keys: readonly string[];
}

/** Returns the path of the rule that sets the budget of a capability. */
export function budgetRule(capability: string): string {
  return memberPath(memberPath("rules", capability), "budget");
}

/** Why a call is refused. `rule` and `reason` are as in `Decision`. */
interface Refusal {
  readonly rule: string;
  readonly reason: string;
}

/** What a rule decides about the calls of its capability. */
interface RuleDecision {
  /** The decision before the arguments are checked. */
  readonly decision: Decision;
  /** Checks the rule's conditions. Undefined if the rule has none. */
  readonly whereRefusal: WhereCheck | undefined;
  /** The decision for a call that needs an approval. Undefined if the rule requires no approvals. */
  readonly approvalDecision: Decision | undefined;
  /**
   * Checks the conditions of `approval`: only calls that meet them need an approval, so if this returns a reason, the call needs none.
   * Undefined if there are no conditions.
   */
  readonly exemption: WhereCheck | undefined;
}

/** Decides calls by one policy. */
export class Decisions {
  readonly #policy: Policy;
  readonly #types: readonly TypeDef[];
  /** The parts of decisions that do not depend on the arguments, by capability name. */
  readonly #ruleDecisions = new Map<string, RuleDecision>();

  /** `types` are those of the program's module. They name the fields of its records. */
  constructor(policy: Policy, types: readonly TypeDef[] = []) {
    this.#policy = policy;
    this.#types = types;
  }

  /** Decides one call. `args` must have their defaults filled in and match the capability's types. */
  decide(capability: CapabilityDecl, args: readonly Value[]): Decision {
    const { name } = capability;
    let prepared = this.#ruleDecisions.get(name);
    if (prepared === undefined) {
      prepared = this.#ruleOf(capability);
      this.#ruleDecisions.set(name, prepared);
    }
    const { decision, whereRefusal, approvalDecision, exemption } = prepared;
    const refusal = decision.allowed ? (whereRefusal?.(args) ?? scopeRefusal(this.#policy, name, args)) : undefined;
    if (refusal !== undefined) return { allowed: false, ...refusal };
    return approvalDecision !== undefined && exemption?.(args) === undefined ? approvalDecision : decision;
  }

  /** Returns what the rule of a capability decides, which is the same for all of its calls. */
  #ruleOf(capability: CapabilityDecl): RuleDecision {
    const { name } = capability;
    const decision = ruleDecision(this.#policy, name);
    const rule = this.#policy.rules.get(name);
    if (rule === undefined) return { decision, whereRefusal: undefined, approvalDecision: undefined, exemption: undefined };
    const { where, approval } = rule;
    const path = memberPath(memberPath("rules", name), "approval");
    return {
      decision,
      whereRefusal: whereCheck(capability, where, this.#types),
      approvalDecision: decision.allowed && approval.required ? { ...decision, approval: { rule: path, keys: approval.keys } } : undefined,
      exemption: whereCheck(capability, approval.where, this.#types),
    };
  }
}

/** Returns the decision of the capability's rule, which does not depend on the arguments. */
function ruleDecision(policy: Policy, name: string): Decision {
  const rule = policy.rules.get(name);
  const path = rule === undefined ? "default_allow" : memberPath(memberPath("rules", name), "allow");
  if (!(rule?.allow ?? policy.default_allow)) {
    const reason = rule === undefined ? `the policy has no rule that allows ${name}` : `the policy's rule refuses ${name}`;
    return { allowed: false, rule: path, reason };
  }
  const budget = rule?.budget ?? 0;
  const reason = rule === undefined ? `the policy allows what it has no rule for` : `the policy's rule allows ${name}`;
  return { allowed: true, rule: path, reason, budget: budget === 0 ? undefined : budget };
}

function scopeRefusal(policy: Policy, name: string, args: readonly Value[]): Refusal | undefined {
  const [first, second, third] = args;
  switch (name) {
    case "net.fetch":
      return typeof first === "string" && typeof second === "string" ? urlRefusal(policy.net_policy, first, second) : undefined;
    case "fs.read":
    case "fs.write":
      return typeof first === "string" ? pathRefusal(policy.fs_policy, name, first) : undefined;
    case "llm.call":
      return typeof second === "string" ? modelRefusal(policy.llm_policy, second, requestedTokens(third)) : undefined;
    default:
      return undefined;
  }
}

/**
 * Checks method, host, port and, if the host is an IP address, its range. Returns undefined if the policy refuses nothing. If
 * `allowed_domains` names a loopback address with its port, that address is open whatever the policy says about ports and private networks.
 * A URL that does not parse is refused if the policy restricts hosts or ports. Otherwise the handler fails the call.
 */
function urlRefusal(net: NetPolicy, url: string, method: string): Refusal | undefined {
  const { allowed_domains, allowed_ports, allowed_methods, allow_private_networks } = net;
  const upperMethod = method.toUpperCase();
  if (allowed_methods.length > 0 && !allowed_methods.includes(upperMethod)) {
    return { rule: "net_policy.allowed_methods", reason: `the method ${quote(upperMethod)} is not one of ${allowed_methods.join(", ")}` };
  }
  const target = parseTarget(url);
  if (target === undefined) {
    if (allowed_domains.length > 0) return { rule: "net_policy.allowed_domains", reason: "the URL names no host that could be allowed" };
    return allowed_ports.length === 0
      ? undefined
      : { rule: "net_policy.allowed_ports", reason: "the URL names no port that could be allowed" };
  }
  if (namesLoopback(allowed_domains, target.host, target.port)) return undefined;
  const loopback = loopbackName(target.host, target.port);
  // Do not change this text: logs hold it, and a replay compares it.
  const hint = loopback === undefined ? "" : `; name it outright to open it: --allow-net ${loopback}`;
  if (allowed_domains.length > 0 && !allowed_domains.some((pattern) => matchesHost(pattern, target.host))) {
    return { rule: "net_policy.allowed_domains", reason: `the host ${quote(target.host)} is not allowed${hint}` };
  }
  if (allowed_ports.length > 0 && !allowed_ports.includes(target.port)) {
    return { rule: "net_policy.allowed_ports", reason: `the port ${target.port} is not one of ${allowed_ports.join(", ")}` };
  }
  const reason = allow_private_networks ? undefined : privateReason(target.host);
  return reason === undefined
    ? undefined
    : { rule: "net_policy.allow_private_networks", reason: `${quote(target.host)} is ${reason}${hint}` };
}

function pathRefusal(fs: FsPolicy, name: "fs.read" | "fs.write", path: string): Refusal | undefined {
  const section = name === "fs.read" ? "read" : "write";
  const rule = `fs_policy.${section}`;
  const roots = fs[section];
  if (roots.length === 0) return { rule, reason: `the policy names no folder to ${section}` };
  if (path.includes("\0")) return { rule, reason: "the path holds a NUL character" };
  if (reachOf(path, roots) !== "outside") return undefined;
  return { rule, reason: `the path ${quote(path)} leads out of the folders that the policy lets the program ${section}` };
}

/** Checks the model, its price and the token limit. An empty model means the operator's default model, which the handler checks. */
export function modelRefusal(llm: LlmPolicy, model: string, maxOutputTokens: number | bigint | undefined): Refusal | undefined {
  if (maxOutputTokens !== undefined && maxOutputTokens > llm.max_output_tokens) {
    return {
      rule: "llm_policy.max_output_tokens",
      reason: `the program asks for ${maxOutputTokens} output tokens, ${llm.max_output_tokens} are allowed`,
    };
  }
  if (model === "") return undefined;
  if (llm.allowed_models.length > 0 && !llm.allowed_models.includes(model)) {
    return { rule: "llm_policy.allowed_models", reason: `the model ${quote(model)} is not allowed` };
  }
  if (llm.max_cost_usd === null || llm.prices.has(model)) return undefined;
  return { rule: "llm_policy.prices", reason: `the policy limits the cost and knows no price of the model ${quote(model)}` };
}

/** Returns the option `max_output_tokens` of an `llm.call`, or undefined if it is absent. */
export function requestedTokens(options: Value | undefined): number | bigint | undefined {
  const requested = options instanceof MapValue ? options.get("max_output_tokens") : undefined;
  return typeof requested === "number" || typeof requested === "bigint" ? requested : undefined;
}
