/** Warnings about settings of a valid policy that have no effect or a surprising effect. */
import type { CapabilityDecl, CapabilityRegistry } from "../vm/capabilities.ts";
import type { DocumentMember, DocumentNode } from "./document.ts";
import { hasValidPunycode } from "./host-names.ts";
import { hostOfPattern, matchesHost } from "./hosts.ts";
import { isAllowed, type Policy } from "./policy.ts";
import { memberPath } from "./field-schema.ts";
import { conditionWarnings } from "./where-warnings.ts";
import type { Where } from "./where.ts";

export interface PolicyWarning {
  /** Path as in error messages: `rules["net.fetch"].budget`. */
  readonly path: string;
  /** What is wrong, and what to do about it. */
  readonly message: string;
  /** Offset in the policy's text. */
  readonly offset: number;
}

/** Returns warnings in the order of the file. `root` must be the document of `policy`: it shows which settings the file has. */
export function policyWarnings(root: DocumentNode, policy: Policy, registry: CapabilityRegistry): readonly PolicyWarning[] {
  const warnings: PolicyWarning[] = [];
  const warn = (path: string, { nameOffset }: DocumentMember, message: string): void =>
    void warnings.push({ path, message, offset: nameOffset });
  for (const section of membersOf(root)) {
    for (const [index, capability] of (SECTIONS.get(section.name) ?? []).entries()) {
      if (!isAllowed(policy, capability.name) && isWritten(section, capability.field))
        warn(pathTo(section.name, capability.field), section, `it has no effect, since no rule allows ${capability.name}.`);
      if (index === 0) checkSection(policy, section, warn);
    }
    if (section.name === "rules") {
      checkRules(policy, section, warn);
      checkConditions(policy, section, registry, warn);
    }
    if (section.name === "secrets") checkSecrets(policy, section, warn);
  }
  return warnings.toSorted((a, b) => a.offset - b.offset);
}

type Warn = (path: string, at: DocumentMember, message: string) => void;

/** The capabilities to which each section applies. If there is a `field`, only that field of the section applies to the capability. */
const SECTIONS: ReadonlyMap<string, readonly { readonly name: string; readonly field?: string }[]> = new Map([
  ["net_policy", [{ name: "net.fetch" }]],
  [
    "fs_policy",
    [
      { name: "fs.read", field: "read" },
      { name: "fs.write", field: "write" },
    ],
  ],
  ["db_policy", [{ name: "db.query" }]],
  ["llm_policy", [{ name: "llm.call" }]],
  ["secrets", [{ name: "net.fetch" }]],
]);

const membersOf = (node: DocumentNode | undefined): readonly DocumentMember[] => (node?.kind === "object" ? node.members : []);
const memberOf = (node: DocumentNode | undefined, name: string): DocumentMember | undefined => membersOf(node).find((m) => m.name === name);
const pathTo = (section: string, field: string | undefined): string => (field === undefined ? section : memberPath(section, field));

/** Whether the section, or the given field of it, sets anything. `null`, `{}` and `[]` set nothing. */
function isWritten(section: DocumentMember, field: string | undefined): boolean {
  const node = field === undefined ? section.node : memberOf(section.node, field)?.node;
  return (node?.kind === "object" && node.members.length > 0) || (node?.kind === "list" && node.items.length > 0);
}

function checkRules(policy: Policy, section: DocumentMember, warn: Warn): void {
  for (const rule of membersOf(section.node)) {
    const { name } = rule;
    const path = memberPath("rules", name);
    const budget = memberOf(rule.node, "budget");
    const mayCall = isAllowed(policy, name);
    if (budget !== undefined && !mayCall)
      warn(memberPath(path, "budget"), budget, `it has no effect, since the rule does not allow ${name}.`);
    else if (budget !== undefined && policy.rules.get(name)?.budget === 0)
      warn(memberPath(path, "budget"), budget, "0 is no limit. Leave it out to say so, or set allow to false to allow no call.");
    const folders = name === "fs.read" ? policy.fs_policy.read : name === "fs.write" ? policy.fs_policy.write : undefined;
    if (mayCall && folders?.length === 0)
      warn(path, rule, `every call is denied, since fs_policy.${name === "fs.read" ? "read" : "write"} names no folder.`);
  }
}

function checkConditions(policy: Policy, section: DocumentMember, registry: CapabilityRegistry, warn: Warn): void {
  for (const rule of membersOf(section.node)) {
    const capability = registry.byName.get(rule.name);
    const declared = policy.rules.get(rule.name);
    if (capability === undefined || declared === undefined) continue;
    const path = memberPath("rules", rule.name);
    const approval = memberOf(rule.node, "approval");
    for (const [name, member] of [
      ["where", memberOf(rule.node, "where")],
      ["approval", approval],
    ] as const)
      if (member !== undefined && !declared.allow)
        warn(memberPath(path, name), member, `it has no effect, since the rule does not allow ${rule.name}.`);
    if (approval?.node.kind === "object" && !declared.approval.required)
      warn(memberPath(path, "approval"), approval, "no call waits for an approval, since required is false.");
    warnOfWhere(capability, memberPath(path, "where"), memberOf(rule.node, "where"), declared.where, warn);
    const approvalWhere = memberOf(approval?.node, "where");
    warnOfWhere(capability, memberPath(memberPath(path, "approval"), "where"), approvalWhere, declared.approval.where, warn);
  }
}

function warnOfWhere(capability: CapabilityDecl, path: string, where: DocumentMember | undefined, conditions: Where, warn: Warn): void {
  for (const member of membersOf(where?.node)) {
    const alternatives = conditions.get(member.name) ?? [];
    for (const [i, condition] of alternatives.entries()) {
      const conditionPath = memberPath(path, member.name) + (alternatives.length > 1 ? `[${i}]` : "");
      for (const message of conditionWarnings(capability, member.name, condition)) warn(conditionPath, member, message);
    }
  }
}

function checkSection(policy: Policy, section: DocumentMember, warn: Warn): void {
  if (section.name === "net_policy")
    for (const host of policy.net_policy.allowed_domains)
      if (!hasValidPunycode(host))
        warn("net_policy.allowed_domains", section, `no URL has the host ${JSON.stringify(host)}: its label xn--… does not decode.`);
  if (section.name !== "llm_policy" || policy.llm_policy.max_cost_usd === null) return;
  const { allowed_models, prices } = policy.llm_policy;
  const unpriced = allowed_models.filter((model) => !prices.has(model));
  for (const model of unpriced)
    warn(
      "llm_policy.allowed_models",
      section,
      `every call of ${JSON.stringify(model)} is denied, since max_cost_usd is set and prices does not name it.`,
    );
  if (allowed_models.length === 0 && prices.size === 0)
    warn("llm_policy.prices", section, "every call is denied, since max_cost_usd is set and no model has a price.");
}

function checkSecrets(policy: Policy, section: DocumentMember, warn: Warn): void {
  const { allowed_domains } = policy.net_policy;
  for (const secret of membersOf(section.node)) {
    const hosts = policy.secrets.get(secret.name)?.hosts ?? [];
    const isReachable = (host: string): boolean =>
      allowed_domains.length === 0 ||
      allowed_domains.map(hostOfPattern).some((pattern) => matchesHost(pattern, host) || matchesHost(host, pattern));
    const path = memberPath("secrets", secret.name);
    if (hosts.length === 0) warn(path, secret, "it can be sent nowhere, since hosts is empty.");
    else if (!hosts.some(isReachable))
      warn(path, secret, "it can be sent nowhere, since net_policy.allowed_domains has none of its hosts.");
  }
}
