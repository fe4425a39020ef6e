/** The policy in force, as data: built-in ones, additions from the command line, its JSON form and hash. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError, type ErrorPlace } from "../vm/error.ts";
import { canonicalJson, isJsonObject, type JsonData } from "../vm/json/json.ts";
import type { Limits } from "../vm/limits.ts";
import { FloatValue } from "../vm/value/value.ts";
import { documentOf, type DocumentNode } from "./document.ts";
import { LIMIT_FIELDS, LIMITS_SHAPE, NET_FIELDS, type Policy, policyShape, SCHEMA_VERSION } from "./policy-fields.ts";
import { parseHostPattern } from "./hosts.ts";
import { didYouMean } from "./did-you-mean.ts";
import { fail, type FieldTable, type Place } from "./field-schema.ts";

export type { DbPolicy, FsPolicy, LlmPolicy, ModelPrice, NetPolicy, Policy, PolicyRule, PolicySecret } from "./policy-fields.ts";

/** Reads a document. `registry` tells which capabilities there are; without one any name of the right form. Throws `policy.*`. */
export function readPolicy(root: DocumentNode, placeOf: (offset: number) => ErrorPlace, registry: CapabilityRegistry | undefined): Policy {
  const at: Place = { path: "", kind: "policy.parse_error", placeOf };
  const version = root.kind === "object" ? root.members.find((m) => m.name === "schema_version")?.node : undefined;
  // Before anything else: another version may have other fields.
  if (version !== undefined && (version.kind !== "scalar" || version.value !== SCHEMA_VERSION)) {
    const given = version.kind === "scalar" ? JSON.stringify(version.value) : "not a number";
    fail(
      at,
      version.offset,
      `schema_version is ${given}`,
      `This version of boruna reads schema_version ${SCHEMA_VERSION}.`,
      "policy.unknown_schema_version",
    );
  }
  return policyShape(registry).read(root, at);
}

const fromMembers = (members: ReadonlyMap<string, JsonData>): Policy => policyFromJson(members);

/** Reads what `policyToJson` gives, or any policy as JSON data. Throws `policy.*`. */
export function policyFromJson(data: JsonData): Policy {
  return readPolicy(documentOf(data), () => ({}), undefined);
}

export const DENY_ALL: Policy = fromMembers(new Map([["default_allow", false]]));
/** Every capability, and the working directory for fs; private networks stay closed. */
export const ALLOW_ALL: Policy = fromMembers(
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

/** The policies that have a name instead of a file. */
export const NAMED_POLICIES: ReadonlyMap<string, Policy> = new Map([
  ["allow-all", ALLOW_ALL],
  ["deny-all", DENY_ALL],
]);

/** What the fields of a policy hold. */
type PolicyData =
  | null
  | boolean
  | number
  | string
  | readonly PolicyData[]
  | ReadonlyMap<string, PolicyData>
  | { readonly [name: string]: PolicyData };

function toJson(data: PolicyData): JsonData {
  if (data === null || typeof data === "boolean" || typeof data === "string") return data;
  if (typeof data === "number") return Number.isSafeInteger(data) ? data : new FloatValue(data);
  if (Array.isArray(data)) return data.map((item: PolicyData) => toJson(item));
  const entries: readonly (readonly [string, PolicyData])[] = data instanceof Map ? [...data] : Object.entries(data);
  return new Map(entries.map(([name, part]) => [name, toJson(part)]));
}

/** The section without the fields that came after version 1 and have their default. */
function withoutLaterDefaults(section: { readonly [name: string]: PolicyData }, fields: FieldTable): PolicyData {
  return Object.fromEntries(Object.entries(section).filter(([name, value]) => !isLaterDefault(fields, name, value)));
}

/** The effective policy in the format of a policy file, every default filled in but those of later fields. */
export function policyToJson(policy: Policy): JsonData {
  const { schema_version, default_allow, rules, fs_policy, db_policy, llm_policy, secrets } = policy;
  const net_policy = withoutLaterDefaults({ ...policy.net_policy }, NET_FIELDS);
  const limits = withoutLaterDefaults({ ...policy.limits }, LIMIT_FIELDS);
  return toJson({ schema_version, default_allow, rules, net_policy, fs_policy, db_policy, llm_policy, limits, secrets });
}

function isLaterDefault(table: FieldTable, name: string, value: unknown): boolean {
  const field = Object.values(table).find((f) => f.name === name);
  return field?.isLater === true && field.fallback === value;
}

/** `sha256:` and hex, over the canonical JSON of the effective policy. */
export function policyHash(policy: Policy): string {
  return `sha256:${bytesToHex(sha256(utf8ToBytes(canonicalJson(policyToJson(policy)))))}`;
}

/** Reads limits as a policy names them, those that are given alone. Throws `policy.unknown_field`, `policy.invalid_limits`. */
export function readLimits(data: JsonData): Partial<Limits> {
  const limits = LIMITS_SHAPE.read(documentOf(data), { path: "limits", kind: "policy.invalid_limits", placeOf: () => ({}) });
  return Object.fromEntries(Object.entries(limits).filter(([name]) => isJsonObject(data) && data.has(name)));
}

/** The policy's limits, those of the caller put over them. */
export function effectiveLimits(policy: Policy, overrides: Partial<Limits>): Limits {
  return { ...policy.limits, ...overrides };
}

export interface Shorthands {
  /** Hosts, in the form of `net_policy.allowed_domains`. */
  readonly allowNet?: readonly string[];
  readonly allowRead?: readonly string[];
  readonly allowWrite?: readonly string[];
  /** `CAP`, or `CAP=BUDGET`. */
  readonly allow?: readonly string[];
}

/**
 * Adds to a policy. `--allow-net`, `--allow-read`, `--allow-write` open their capability for just these hosts and
 * folders, beside those it already reaches; an allowed capability keeps its budget unless a new one is given.
 * Throws `policy.invalid_capability`, `policy.invalid_net_policy`, `policy.invalid_fs_policy`.
 */
export function withShorthands(policy: Policy, shorthands: Shorthands, registry: CapabilityRegistry = BUILTIN_REGISTRY): Policy {
  const { allowNet = [], allowRead = [], allowWrite = [], allow = [] } = shorthands;
  const rules = new Map(policy.rules);
  for (const given of allow) {
    const { name, budget } = parseAllow(given, registry);
    rules.set(name, { allow: true, budget: budget ?? budgetOf(policy, name) });
  }
  for (const [name, given] of [
    ["net.fetch", allowNet],
    ["fs.read", allowRead],
    ["fs.write", allowWrite],
  ] as const) {
    if (given.length > 0)
      rules.set(
        name,
        rules.get(name)?.allow === true
          ? { ...rules.get(name), allow: true, budget: rules.get(name)?.budget ?? 0 }
          : { allow: true, budget: 0 },
      );
  }
  return {
    ...policy,
    rules,
    net_policy: { ...policy.net_policy, allowed_domains: withHosts(policy, allowNet) },
    fs_policy: {
      ...policy.fs_policy,
      read: withFolders(policy, "fs.read", policy.fs_policy.read, allowRead),
      write: withFolders(policy, "fs.write", policy.fs_policy.write, allowWrite),
    },
  };
}

/** Whether the rules let the capability be called; the scopes may still refuse a call. */
export function isAllowed(policy: Policy, capability: string): boolean {
  return policy.rules.get(capability)?.allow ?? policy.default_allow;
}

/** 0 is no limit. */
export function budgetOf(policy: Policy, capability: string): number {
  const rule = policy.rules.get(capability);
  return rule?.allow === true ? rule.budget : 0;
}

function parseAllow(given: string, registry: CapabilityRegistry): { readonly name: string; readonly budget?: number } {
  const [name = "", budget, ...rest] = given.split("=");
  if (!registry.byName.has(name)) {
    throw new BorunaError("policy.invalid_capability", `--allow names the capability ${JSON.stringify(name)}, which there is not`, {
      hint: didYouMean(name, registry.byName.keys(), `Known are: ${[...registry.byName.keys()].join(", ")}.`),
    });
  }
  if (budget === undefined) return { name };
  if (rest.length > 0 || !/^[0-9]{1,15}$/.test(budget) || Number(budget) === 0) {
    throw new BorunaError("policy.invalid_capability", `--allow ${given}: the budget must be a whole number, 1 or more`, {
      hint: `Write --allow ${name}=5, for instance, or --allow ${name} for calls without a limit.`,
    });
  }
  return { name, budget: Number(budget) };
}

function withHosts(policy: Policy, given: readonly string[]): readonly string[] {
  const { allowed_domains } = policy.net_policy;
  if (given.length === 0) return allowed_domains;
  const hosts = given.map((host) => {
    const parsed = parseHostPattern(host);
    if ("pattern" in parsed) return parsed.pattern;
    throw new BorunaError("policy.invalid_net_policy", `--allow-net ${host}: ${parsed.problem}`);
  });
  const isOpen = isAllowed(policy, "net.fetch");
  // An open capability without a list reaches every public host already.
  if (isOpen && allowed_domains.length === 0) return [];
  return [...new Set([...(isOpen ? allowed_domains : []), ...hosts])];
}

function withFolders(policy: Policy, capability: string, folders: readonly string[], given: readonly string[]): readonly string[] {
  if (given.length === 0) return folders;
  const wrong = given.find((path) => path === "" || path.includes("\0"));
  if (wrong !== undefined)
    throw new BorunaError("policy.invalid_fs_policy", `a folder of ${capability} must be a path`, {
      hint: 'Write "." for the working directory.',
    });
  return [...new Set([...(isAllowed(policy, capability) ? folders : []), ...given])];
}
