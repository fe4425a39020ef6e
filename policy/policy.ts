/**
 * Makes effective policies (with all defaults filled in): from a document, from JSON, with additions from the command line. Also has the
 * built-in policies, and the JSON form and the hash of a policy. `policy-fields.ts` declares the fields; `decide.ts` applies a policy to
 * calls.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError, type ErrorPlace } from "../vm/error.ts";
import { canonicalJson, isJsonObject, type JsonData } from "../vm/json/json.ts";
import type { Limits } from "../vm/limits.ts";
import { jsonFromJs } from "../vm/json/js-interop.ts";
import { lazily } from "../vm/lazy.ts";
import { NO_APPROVAL } from "./approval-fields.ts";
import { documentFromJson, type DocumentNode } from "./document.ts";
import { LIMITS_SCHEMA, type Policy, policyFileSchema, type PolicyRule, SCHEMA_VERSION } from "./policy-fields.ts";
import { EVERY_HOST, isLoopbackPattern, parseAllowedDomain } from "./hosts.ts";
import { didYouMean } from "./did-you-mean.ts";
import { failAt, type FieldPosition } from "./field-schema.ts";

export type { DbPolicy, FsPolicy, LlmPolicy, NetPolicy, Policy } from "./policy-fields.ts";

/** The rules of all policies that this file made. Their names were checked. */
const checkedRules = new WeakSet<object>();

function withCheckedRules(policy: Policy): Policy {
  checkedRules.add(policy.rules);
  return policy;
}

/** Whether the rules are those of a policy that was read, even if other members of the policy were replaced. */
export const areCheckedRules = (rules: unknown): boolean => typeof rules === "object" && rules !== null && checkedRules.has(rules);

/** Validates a document. `registry` lists the known capabilities; without one, rules may name any well-formed id. Throws `policy.*`. */
export function readPolicy(
  root: DocumentNode,
  lineAndColumnAt: (offset: number) => ErrorPlace,
  registry: CapabilityRegistry | undefined,
): Policy {
  const at: FieldPosition = { path: "", kind: "policy.parse_error", lineAndColumnAt };
  const version = root.kind === "object" ? root.members.find((m) => m.name === "schema_version")?.node : undefined;
  // Check the version first, because another version may have other fields.
  if (version !== undefined && (version.kind !== "scalar" || version.value !== SCHEMA_VERSION)) {
    const given = version.kind === "scalar" ? JSON.stringify(version.value) : "not a number";
    failAt(
      at,
      version.offset,
      `schema_version is ${given}`,
      `This version of boruna reads schema_version ${SCHEMA_VERSION}.`,
      "policy.unknown_schema_version",
    );
  }
  return withCheckedRules(policyFileSchema(registry).read(root, at));
}

/**
 * Reads a policy from JSON data, such as the result of `policyToJson`. With a registry, a rule for another capability is an error. Throws
 * `policy.*`.
 */
export function policyFromJson(data: JsonData, registry?: CapabilityRegistry): Policy {
  return readPolicy(documentFromJson(data), () => ({}), registry);
}

/** Denies every capability. */
export const DENY_ALL: Policy = policyFromJson(new Map([["default_allow", false]]));
/** Allows every capability. `fs.read` and `fs.write` reach the working directory; private networks stay closed. */
export const ALLOW_ALL: Policy = policyFromJson(
  new Map<string, JsonData>([
    ["default_allow", true],
    [
      "fs_policy",
      new Map([
        ["read", ["."]],
        ["write", ["."]],
      ]),
    ],
  ]),
);

/** The built-in policies by name. */
export const NAMED_POLICIES: ReadonlyMap<string, Policy> = new Map([
  ["allow-all", ALLOW_ALL],
  ["deny-all", DENY_ALL],
]);

/** The schema of policies whose rules may name any well-formed capability. */
const anyPolicy = lazily(() => policyFileSchema(undefined));

/** Returns the effective policy in the format of a policy file, with all defaults but those of `addedLater` fields. */
export function policyToJson(policy: Policy): JsonData {
  return anyPolicy().withoutLaterDefaults(jsonFromJs(policy));
}

/** Returns the SHA-256 of the canonical JSON of the effective policy, as `sha256:` and hex. */
export function policyHash(policy: Policy): string {
  return `sha256:${bytesToHex(sha256(utf8ToBytes(canonicalJson(policyToJson(policy)))))}`;
}

/** Reads limits, which have the same names as in policies. Returns only those in `data`. Throws `policy.unknown_field`, `policy.invalid_limits`. */
export function readLimits(data: JsonData): Partial<Limits> {
  const limits = LIMITS_SCHEMA.read(documentFromJson(data), { path: "limits", kind: "policy.invalid_limits", lineAndColumnAt: () => ({}) });
  return Object.fromEntries(Object.entries(limits).filter(([name]) => isJsonObject(data) && data.has(name)));
}

/** The policy's limits, overridden by the caller's. */
export function effectiveLimits(policy: Policy, overrides: Partial<Limits>): Limits {
  return { ...policy.limits, ...overrides };
}

/** Additions to a policy from the command line. */
export interface Shorthands {
  /** Hosts, in the form of `net_policy.allowed_domains`. */
  readonly allowNet?: readonly string[] | undefined;
  readonly allowRead?: readonly string[] | undefined;
  readonly allowWrite?: readonly string[] | undefined;
  /** `CAP`, or `CAP=BUDGET`. */
  readonly allow?: readonly string[] | undefined;
}

/**
 * Adds the `--allow…` options to a policy. `--allow-net`, `--allow-read` and `--allow-write` allow their capability. The given hosts or
 * folders are added to its scope, or are its only scope if the policy did not allow it. A capability that is already allowed keeps its
 * conditions and approval, and its budget unless `--allow` gives a new one.
 * Throws `policy.invalid_capability`, `policy.invalid_net_policy`, `policy.invalid_fs_policy`.
 */
export function withShorthands(policy: Policy, shorthands: Shorthands, registry: CapabilityRegistry = BUILTIN_REGISTRY): Policy {
  const { allowNet = [], allowRead = [], allowWrite = [], allow = [] } = shorthands;
  const rules = new Map(policy.rules);
  for (const given of allow) {
    const { name, budget } = parseAllow(given, registry);
    rules.set(name, { ...ruleOf(policy, name), allow: true, ...(budget === undefined ? {} : { budget }) });
  }
  for (const [name, given] of [
    ["net.fetch", allowNet],
    ["fs.read", allowRead],
    ["fs.write", allowWrite],
  ] as const) {
    const rule = rules.get(name);
    if (given.length > 0 && rule?.allow !== true) rules.set(name, ALLOW_RULE);
  }
  return withCheckedRules({
    ...policy,
    rules,
    net_policy: { ...policy.net_policy, allowed_domains: withHosts(policy, allowNet) },
    fs_policy: {
      ...policy.fs_policy,
      read: withFolders(policy, "fs.read", policy.fs_policy.read, allowRead),
      write: withFolders(policy, "fs.write", policy.fs_policy.write, allowWrite),
    },
  });
}

/**
 * Returns the policy with only the capabilities in `allow`, each written `name` or `name=budget`. A budget can only get smaller. Throws
 * `policy.invalid_capability` for an unknown capability, and `policy.not_within` for one that the policy does not allow.
 */
export function narrowPolicy(policy: Policy, allow: readonly string[], registry: CapabilityRegistry = BUILTIN_REGISTRY): Policy {
  const rules = new Map(registry.all.map(({ name }) => [name, { ...ruleOf(policy, name), allow: false }]));
  for (const given of allow) {
    const { name, budget } = parseAllow(given, registry);
    if (!isAllowed(policy, name)) {
      const allowed = registry.all.map((capability) => capability.name).filter((one) => isAllowed(policy, one));
      throw new BorunaError("policy.not_within", `${name} is not allowed here`, { hint: `allowed are: ${allowed.join(", ") || "none"}` });
    }
    const rule = ruleOf(policy, name);
    // A budget of 0 is no limit.
    const smallest = Math.min(...[budget ?? 0, rule.budget].filter((calls) => calls > 0));
    rules.set(name, { ...rule, allow: true, budget: Number.isFinite(smallest) ? smallest : 0 });
  }
  return withCheckedRules({ ...policy, default_allow: false, rules });
}

/** Whether some rule requires approvals. */
export function asksForApprovals({ rules }: Policy): boolean {
  return [...rules.values()].some(({ allow, approval }) => allow && approval.required);
}

/** Whether the rules allow the capability. Its scope may still refuse a call. */
export function isAllowed(policy: Policy, capability: string): boolean {
  return policy.rules.get(capability)?.allow ?? policy.default_allow;
}

const ALLOW_RULE: PolicyRule = { allow: true, budget: 0, where: new Map(), approval: NO_APPROVAL };

/** Returns the capability's rule if that allows calls, otherwise a rule without restrictions. */
function ruleOf(policy: Policy, capability: string): PolicyRule {
  const rule = policy.rules.get(capability);
  return rule?.allow === true ? rule : ALLOW_RULE;
}

function parseAllow(given: string, registry: CapabilityRegistry): { readonly name: string; readonly budget?: number } {
  const [name = "", budget, ...rest] = given.split("=");
  if (!registry.byName.has(name)) {
    throw new BorunaError("policy.invalid_capability", `the option \`allow\` names the unknown capability ${JSON.stringify(name)}`, {
      hint: didYouMean(name, registry.byName.keys(), `Known are: ${[...registry.byName.keys()].join(", ")}.`),
    });
  }
  if (budget === undefined) return { name };
  if (rest.length > 0 || !/^[0-9]{1,15}$/.test(budget) || Number(budget) === 0) {
    throw new BorunaError("policy.invalid_capability", `the option \`allow\` has ${given}: the budget must be a whole number, 1 or more`, {
      hint: `Write ${name}=5, for instance, or ${name} for calls without a limit.`,
    });
  }
  return { name, budget: Number(budget) };
}

/** Returns `allowed_domains` with the given hosts added. */
function withHosts(policy: Policy, given: readonly string[]): readonly string[] {
  const { allowed_domains } = policy.net_policy;
  if (given.length === 0) return allowed_domains;
  const hosts = given.map((host) => {
    const parsed = parseAllowedDomain(host);
    if ("pattern" in parsed) return parsed.pattern;
    throw new BorunaError("policy.invalid_net_policy", `the option \`allowNet\` has ${host}: ${parsed.problem}`);
  });
  const wasAllowed = isAllowed(policy, "net.fetch");
  if (wasAllowed && allowed_domains.length === 0) {
    // Without a list, an allowed net.fetch already reaches every public host.
    const loopback = hosts.filter(isLoopbackPattern);
    return loopback.length === 0 ? [] : [EVERY_HOST, ...new Set(loopback)];
  }
  return [...new Set([...(wasAllowed ? allowed_domains : []), ...hosts])];
}

/** Returns the folders of a capability's scope with the given ones added. */
function withFolders(policy: Policy, capability: string, folders: readonly string[], given: readonly string[]): readonly string[] {
  if (given.length === 0) return folders;
  const wrong = given.find((path) => path === "" || path.includes("\0"));
  if (wrong !== undefined)
    throw new BorunaError("policy.invalid_fs_policy", `a folder of ${capability} must be a path`, {
      hint: 'Write "." for the working directory.',
    });
  return [...new Set([...(isAllowed(policy, capability) ? folders : []), ...given])];
}
