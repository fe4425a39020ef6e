/**
 * Decides before a run what a policy will say about a call, given what is known about the call's arguments.
 *
 * A policy allows a call if all checks accept it: the rule, each path of `where`, the scope, and secrets. A check reads at most one
 * argument. This file applies each check, with the gateway's own code, to every value that the argument may have. A call is `denied` if a
 * check refuses all values. It is `allowed` if every check accepts all values, and nothing else can refuse the call. Otherwise it is
 * `can_be_denied`.
 */
import { budgetRule, Decisions } from "../policy/decide.ts";
import { memberPath } from "../policy/field-schema.ts";
import { parseArgumentPath } from "../policy/argument-path.ts";
import { NO_APPROVAL } from "../policy/approval-fields.ts";
import { matchesHost } from "../policy/hosts.ts";
import { ALLOW_ALL, isAllowed, type Policy } from "../policy/policy.ts";
import { reachOf } from "../policy/paths.ts";
import { type Where, whereCheck } from "../policy/where.ts";
import { UNIT, type Value } from "../vm/value/value.ts";
import type { EffectCall } from "./effects.ts";
import type { Known } from "./known.ts";
import { areDecidedByHost, hasHost } from "./urls.ts";

export const VERDICTS = {
  never_reached: "no path of calls leads to it",
  denied: "the policy refuses it, whatever the run does",
  can_be_denied: "the policy may refuse it, depending on its arguments and on earlier calls",
  allowed: "nothing refuses it",
} as const;
export type Verdict = keyof typeof VERDICTS;

/** Why a call is, or can be, denied. */
export interface Reason {
  /** The path of the setting in the policy. */
  readonly rule: string;
  readonly reason: string;
}

export interface Judgement {
  readonly verdict: Verdict;
  readonly reasons: readonly Reason[];
}

/** How many of the possible values of an argument a check refuses, and why. */
type CheckResult = { readonly refuses: "none" | "some" | "all"; readonly reason: Reason };

/** Judges a call. `total` is how many calls of the capability one run can make. */
export function judgeCall(call: EffectCall, policy: Policy, total: number): Judgement {
  if (call.path === undefined) return { verdict: "never_reached", reasons: [] };
  const { capability } = call;
  const [rule] = checkAll([undefined], () =>
    new Decisions(policyWithOnlyRule(policy, capability.name)).decide(capability, unreadArguments(call)),
  );
  const checks =
    rule?.refuses === "all" ? [rule] : [...whereChecks(call, policy), ...scopeChecks(call, policy), ...secretChecks(call, policy)];
  const refusing = checks.filter(({ refuses }) => refuses === "all");
  if (refusing.length > 0) return { verdict: "denied", reasons: refusing.map(({ reason }) => reason) };
  const reasons = [
    ...checks.filter(({ refuses }) => refuses === "some").map(({ reason }) => reason),
    ...budgetReasons(capability.name, policy, total),
    ...approvalReasons(call, policy),
    ...handlerReasons(call, policy),
  ];
  return { verdict: reasons.length === 0 ? "allowed" : "can_be_denied", reasons };
}

/** Returns a policy with only the rule of this capability, without its conditions and approval, and with scopes that accept everything. */
function policyWithOnlyRule(policy: Policy, name: string): Policy {
  const rule = policy.rules.get(name);
  const rules = rule === undefined ? [] : [[name, { ...rule, where: new Map(), approval: NO_APPROVAL }] as const];
  const { net_policy, fs_policy, llm_policy } = ALLOW_ALL;
  return {
    ...policy,
    rules: new Map(rules),
    net_policy: { ...net_policy, allow_private_networks: true },
    fs_policy,
    llm_policy: { ...llm_policy, max_output_tokens: Number.MAX_SAFE_INTEGER },
  };
}

/** Returns Unit for each argument, for checks that read none. */
const unreadArguments = ({ args }: EffectCall): Value[] => args.map(() => UNIT);

/** Limit on the Ints that are checked one by one. */
const MAX_VALUES = 16;

/** Returns every value that the argument may have. Undefined if a value is not known exactly, or there are too many. */
export function valuesOf(known: Known): readonly Value[] | undefined {
  switch (known?.kind) {
    case "text":
      return known.texts.every(({ isExact }) => isExact) ? known.texts.map(({ text }) => text) : undefined;
    case "int": {
      const { min, max } = known;
      return max - min < MAX_VALUES ? Array.from({ length: max - min + 1 }, (_, i) => min + i) : undefined;
    }
    case "constant":
      return [known.value];
    case "list":
    case "record":
    case "map":
    case "functions":
    case "never":
    case undefined:
      return undefined;
  }
}

/**
 * Returns the possible URLs, or undefined if one is unknown. If only the beginning of a URL is known, the beginning is enough if it includes
 * the complete host and port.
 */
function urlsOf(known: Known): readonly Value[] | undefined {
  if (known?.kind !== "text") return valuesOf(known);
  return known.texts.every(({ text, isExact }) => isExact || hasHost(text)) ? known.texts.map(({ text }) => text) : undefined;
}

/** Applies a check to all values. */
function checkAll<T>(values: readonly T[], decide: (value: T) => { readonly allowed: boolean } & Reason): readonly CheckResult[] {
  const decisions = values.map(decide);
  const refused = decisions.filter(({ allowed }) => !allowed);
  const [first] = refused;
  if (first === undefined) return [];
  return [{ refuses: refused.length === decisions.length ? "all" : "some", reason: { rule: first.rule, reason: first.reason } }];
}

const unknownArgument = (rule: string, param: string): readonly CheckResult[] => [
  { refuses: "some", reason: { rule, reason: `the value of ${param} is not known before the run` } },
];

/** Returns arguments for a check that reads only `param`. The other arguments are Unit. */
function withArgument(call: EffectCall, param: string, value: Value): readonly Value[] {
  return call.args.map((arg) => (arg.param === param ? value : UNIT));
}

function whereChecks(call: EffectCall, policy: Policy): readonly CheckResult[] {
  const { capability } = call;
  const where: Where = policy.rules.get(capability.name)?.where ?? new Map();
  return [...where].flatMap(([pathText, conditions]) => {
    const param = parseArgumentPath(pathText)?.param ?? pathText;
    const rule = memberPath(memberPath(memberPath("rules", capability.name), "where"), pathText);
    const check = whereCheck(capability, new Map([[pathText, conditions]]), []);
    const arg = call.args.find((each) => each.param === param);
    const byHost = capability.name === "net.fetch" && pathText === "url" && areDecidedByHost(arg?.known, conditions);
    const possibleValues = byHost ? urlsOf(arg?.known) : valuesOf(arg?.known);
    // If the called signature lacks the parameter, the check finds an absent argument and reads no value, so any one value will do. The
    // arguments of an internal capability (one that the machine carries out itself) are never known.
    const values = arg === undefined && capability.internal !== true ? [UNIT] : possibleValues;
    if (values === undefined) return unknownArgument(rule, param);
    return checkAll(values, (value) => {
      const refusal = check?.(withArgument(call, param, value));
      return refusal === undefined ? { allowed: true, rule, reason: "" } : { allowed: false, ...refusal };
    });
  });
}

function knownOf({ args }: EffectCall, param: string): Known {
  return args.find((arg) => arg.param === param)?.known;
}

function scopeChecks(call: EffectCall, policy: Policy): readonly CheckResult[] {
  const { capability } = call;
  const ruleOnly = policyWithOnlyRule(policy, capability.name);
  /** Checks one argument against the sections of the policy that `scope` holds, such as `net_policy`. The other sections accept everything here. */
  const apply = (scope: Partial<Policy>, param: string, values: readonly Value[] | undefined, rule: string): readonly CheckResult[] => {
    if (values === undefined) return unknownArgument(rule, param);
    const decisions = new Decisions({ ...ruleOnly, ...scope });
    // The other arguments have values that the scope accepts.
    const others = ACCEPTED_ARGUMENTS.get(capability.name) ?? {};
    const args = (value: Value): readonly Value[] => call.args.map((arg) => (arg.param === param ? value : (others[arg.param] ?? UNIT)));
    return checkAll(values, (value) => decisions.decide(capability, args(value)));
  };
  switch (capability.name) {
    case "net.fetch": {
      const { net_policy } = policy;
      const { allowed_domains, allowed_methods, allowed_ports, allow_private_networks } = net_policy;
      const rule = allowed_domains.length > 0 ? "allowed_domains" : allowed_ports.length > 0 ? "allowed_ports" : "allow_private_networks";
      const isOpen = allowed_domains.length === 0 && allowed_ports.length === 0 && allow_private_networks;
      return [
        ...(isOpen
          ? []
          : apply({ net_policy: { ...net_policy, allowed_methods: [] } }, "url", urlsOf(knownOf(call, "url")), `net_policy.${rule}`)),
        ...(allowed_methods.length === 0
          ? []
          : apply(
              { net_policy: { ...ruleOnly.net_policy, allowed_methods } },
              "method",
              valuesOf(knownOf(call, "method")),
              "net_policy.allowed_methods",
            )),
      ];
    }
    case "fs.read":
    case "fs.write": {
      const section = capability.name === "fs.read" ? "read" : "write";
      const { fs_policy } = policy;
      // Without folders, every path is refused.
      const values = fs_policy[section].length === 0 ? [""] : valuesOf(knownOf(call, "path"));
      return apply({ fs_policy }, "path", values, `fs_policy.${section}`);
    }
    case "llm.call": {
      const { allowed_models, max_cost_usd, max_output_tokens } = policy.llm_policy;
      const isOpen = allowed_models.length === 0 && max_cost_usd === null;
      const models = { llm_policy: { ...policy.llm_policy, max_output_tokens: Number.MAX_SAFE_INTEGER } };
      const tokens = { llm_policy: { ...ruleOnly.llm_policy, max_output_tokens } };
      return [
        ...(isOpen ? [] : apply(models, "model", valuesOf(knownOf(call, "model")), "llm_policy.allowed_models")),
        ...apply(tokens, "options", valuesOf(knownOf(call, "options")), "llm_policy.max_output_tokens"),
      ];
    }
    default:
      return [];
  }
}

/** Checks the secrets that the call's headers name. In a live run, the handler refuses a request with a secret that the policy does not allow. */
function secretChecks({ secrets }: EffectCall, policy: Policy): readonly CheckResult[] {
  return secrets.flatMap(({ name, hosts, certainty }): readonly CheckResult[] => {
    if (name === undefined || certainty === "possible") return [];
    const secret = policy.secrets.get(name);
    const refusesIfSent = certainty === "certain" ? "all" : "some";
    if (secret === undefined) return [{ refuses: refusesIfSent, reason: { rule: "secrets", reason: `the policy has no secret ${name}` } }];
    const rule = memberPath(memberPath("secrets", name), "hosts");
    if (hosts === undefined)
      return [{ refuses: "some", reason: { rule, reason: `the host that gets the secret ${name} is not known before the run` } }];
    const refused = hosts.filter((host) => !secret.hosts.some((pattern) => matchesHost(pattern, host)));
    if (refused.length === 0) return [];
    const reason = `the secret ${name} may not be sent to ${refused.join(", ")}`;
    return [{ refuses: refused.length === hosts.length ? refusesIfSent : "some", reason: { rule, reason } }];
  });
}

/** For each capability, arguments that are accepted if no section of the policy restricts them. */
const ACCEPTED_ARGUMENTS: ReadonlyMap<string, Readonly<Record<string, Value>>> = new Map([
  ["net.fetch", { url: "https://a.example/", method: "GET" }],
  ["llm.call", { model: "" }],
]);

function budgetReasons(name: string, policy: Policy, total: number): readonly Reason[] {
  const budget = policy.rules.get(name)?.budget ?? 0;
  if (budget === 0 || total <= budget) return [];
  const most = total === Infinity ? "any number of" : `up to ${total}`;
  return [{ rule: budgetRule(name), reason: `the budget is ${budget}, and a run can make ${most} calls` }];
}

function approvalReasons(call: EffectCall, policy: Policy): readonly Reason[] {
  const { name } = call.capability;
  const approval = policy.rules.get(name)?.approval ?? NO_APPROVAL;
  if (!approval.required || isExempt(call, approval.where)) return [];
  const reason =
    approval.where.size === 0
      ? "it waits for an approval, which may be refused"
      : "it may have to wait for an approval, which may be refused";
  return [{ rule: memberPath(memberPath("rules", name), "approval"), reason }];
}

/** Whether the call surely needs no approval. Only a call that meets all conditions of `where` needs one, and one of them cannot be met. */
function isExempt(call: EffectCall, where: Where): boolean {
  return [...where].some(([pathText, conditions]) => {
    const param = parseArgumentPath(pathText)?.param ?? pathText;
    const check = whereCheck(call.capability, new Map([[pathText, conditions]]), []);
    const values = valuesOf(knownOf(call, param));
    return values !== undefined && values.length > 0 && values.every((value) => check?.(withArgument(call, param, value)) !== undefined);
  });
}

/** Returns why the handler of the capability may still refuse the call. */
function handlerReasons(call: EffectCall, policy: Policy): readonly Reason[] {
  const reason = HANDLER_CHECKS.get(call.capability.name)?.(policy, call);
  return reason === undefined ? [] : [reason];
}

type HandlerCheck = (policy: Policy, call: EffectCall) => Reason;

const HANDLER_CHECKS: ReadonlyMap<string, HandlerCheck> = new Map<string, HandlerCheck>([
  [
    "net.fetch",
    ({ net_policy }) => {
      const { allowed_domains, allow_private_networks } = net_policy;
      const reason = "the handler checks the address that the host has, each redirect, and the secrets in headers";
      return { rule: allow_private_networks || allowed_domains.length > 0 ? "net_policy" : "net_policy.allow_private_networks", reason };
    },
  ],
  ["fs.read", ({ fs_policy: { read } }, call) => linkReason("fs_policy.read", read, call)],
  ["fs.write", ({ fs_policy: { write } }, call) => linkReason("fs_policy.write", write, call)],
  ["db.query", () => ({ rule: "db_policy.statements", reason: "the handler checks the kind of the statement" })],
  ["llm.call", () => ({ rule: "llm_policy", reason: "the handler checks its own model, and what the calls of a run have spent" })],
]);

function linkReason(rule: string, roots: readonly string[], call: EffectCall): Reason {
  const values = valuesOf(knownOf(call, "path")) ?? [];
  // "depends": the path is absolute and a folder of the policy is relative, so only the handler can compare them.
  const depends = values.some((path) => typeof path === "string" && reachOf(path, roots) === "depends");
  const reason = depends
    ? "the handler checks whether the path, with its links followed, is in these folders"
    : "the handler checks where the links of the path lead";
  return { rule, reason };
}

/** Whether the policy's own checks accept the call, and the handler checks the rest, such as where the links of a path lead. */
export function isLeftToHandler(policy: Policy, call: EffectCall, { verdict, reasons }: Judgement): boolean {
  return verdict === "can_be_denied" && reasons.length === handlerReasons(call, policy).length;
}

/** Returns the capabilities that a rule of the policy allows but the program never calls. */
export function unusedRules(policy: Policy, totals: ReadonlyMap<string, number>): readonly string[] {
  return [...policy.rules.keys()].filter((name) => isAllowed(policy, name) && !totals.has(name));
}
