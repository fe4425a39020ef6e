/**
 * Compares what two policies allow. Each field of the policy format has a comparison here. It says what only the second value allows
 * (`grows`), and what only the first value allows (`shrinks`). A field of `policy-fields.ts` without a comparison is a type error.
 *
 *     net_policy.allowed_domains  ["a.example"] → ["*.example"]    grows: net.fetch may reach *.example
 *     rules["fs.read"].budget     3 → 2                            shrinks: from 3 to 2
 *
 * A field is compared only where it has an effect: if a policy refuses net.fetch, lists of hosts are not compared.
 */
import { type ApprovalRule, NO_APPROVAL } from "../policy/approval-fields.ts";
import { type FieldValues, memberPath } from "../policy/field-schema.ts";
import { EVERY_HOST, isLoopbackPattern, matchesHost } from "../policy/hosts.ts";
import { isBelow, normalizePath } from "../policy/paths.ts";
import { isAllowed, type Policy } from "../policy/policy.ts";
import {
  DB_FIELDS,
  type FS_FIELDS,
  HTTP_METHODS,
  type LIMIT_FIELDS,
  type LLM_FIELDS,
  type NET_FIELDS,
  type PRICE_FIELDS,
  type PolicyRule,
  type RULE_FIELDS,
  type SECRET_FIELDS,
} from "../policy/policy-fields.ts";
import type { Where } from "../policy/where.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import { wherePathChanges } from "./where-diff.ts";

/**
 * Whether a change allows more or less. `moves`: as much is allowed in another way; for example, a secret comes from another variable.
 * `cannot_tell`, only for programs: a call could already have any target, and the code that chooses its target has changed.
 */
export type Direction = "grows" | "cannot_tell" | "shrinks" | "moves";

/** Whether somebody must approve the change. */
export const needsReview = ({ direction }: { readonly direction: Direction }): boolean =>
  direction === "grows" || direction === "cannot_tell";

/** A difference between two values of a field. */
interface Difference {
  readonly direction: Direction;
  /** A phrase without a subject: `from 2 to 3`. */
  readonly text: string;
}

export interface PolicyChange extends Difference {
  /** The path of the field in the policy: `rules["net.fetch"].budget`. */
  readonly path: string;
}

type Compare<T> = (before: T, after: T) => readonly Difference[];
type Comparisons<Table> = { readonly [K in keyof FieldValues<Table>]: Compare<FieldValues<Table>[K]> };

/** Returns the differences between what two policies allow, in the order of the policy format. */
export function policyChanges(before: Policy, after: Policy, registry: CapabilityRegistry): readonly PolicyChange[] {
  const bothCanCall = (name: string): boolean => canCall(before, name) && canCall(after, name);
  const section = <K extends keyof typeof SECTIONS>(name: K): readonly PolicyChange[] =>
    SECTIONS[name].capabilities.some(bothCanCall) ? SECTIONS[name].changes(before, after) : [];
  return [
    ...allowChanges(before, after, registry),
    ...ruleNames(before, after, registry)
      .filter(bothCanCall)
      .flatMap((name) => {
        const [old, now] = [ruleOf(before, name), ruleOf(after, name)];
        const [oldWhere, newWhere] = [withScope(before, name, now.where), withScope(after, name, old.where)];
        return fieldChanges(RULE, { ...old, where: oldWhere }, { ...now, where: newWhere }, memberPath("rules", name));
      }),
    ...section("net_policy"),
    ...(bothCanCall("fs.read") || bothCanCall("fs.write") ? fsChanges(before, after, bothCanCall) : []),
    ...section("db_policy"),
    ...section("llm_policy"),
    ...fieldChanges(LIMITS, before.limits, after.limits, "limits"),
    ...(bothCanCall("net.fetch") ? secretChanges(before, after) : []),
  ];
}

const grows = (text: string): Difference => ({ direction: "grows", text });
const shrinks = (text: string): Difference => ({ direction: "shrinks", text });
const moves = (text: string): Difference => ({ direction: "moves", text });

/** The lists in a policy that restrict a parameter as a condition does. An empty list restricts nothing. */
const SCOPED_PARAMETERS: ReadonlyMap<string, { readonly param: string; readonly list: (policy: Policy) => readonly string[] }> = new Map([
  ["llm.call", { param: "model", list: ({ llm_policy }: Policy) => llm_policy.allowed_models }],
  ["net.fetch", { param: "method", list: ({ net_policy }: Policy) => net_policy.allowed_methods }],
]);

/**
 * Returns the conditions of a rule for the comparison with `other`, the conditions of the same rule in the other policy. A list such as
 * `allowed_models` restricts the parameter `model` as a condition does. So if only `other` has a condition on `model`, this policy's list
 * counts as its condition.
 */
function withScope(policy: Policy, name: string, other: Where): Where {
  const { where } = ruleOf(policy, name);
  const scoped = SCOPED_PARAMETERS.get(name);
  if (scoped === undefined || where.has(scoped.param) || !other.has(scoped.param)) return where;
  const list = scoped.list(policy);
  if (list.length === 0) return where;
  const condition = { equal: undefined, in: list, prefix: undefined, min: undefined, max: undefined, names: undefined, absent: undefined };
  return new Map([...where, [scoped.param, [condition]]]);
}

/** Returns the differences of all fields of a table. */
function fieldChanges<T extends object>(
  comparisons: { readonly [K in keyof T]: Compare<T[K]> },
  before: T,
  after: T,
  path: string,
): readonly PolicyChange[] {
  return keysOf(comparisons).flatMap((name) =>
    comparisons[name](before[name], after[name]).map((difference) => ({ ...difference, path: memberPath(path, String(name)) })),
  );
}

function keysOf<T extends object>(table: T): readonly (keyof T)[] {
  const keys: (keyof T)[] = [];
  for (const name in table) if (Object.hasOwn(table, name)) keys.push(name);
  return keys;
}

/** Compares numbers. The larger number allows more. */
const largerAllowsMore: Compare<number> = (before, after) =>
  before === after ? [] : [(after > before ? grows : shrinks)(`from ${before} to ${after}`)];

/** Like `largerAllowsMore`, but the value `unlimited` means no limit. */
const largerOrNoLimit =
  <T extends number | null>(unlimited: T): Compare<number | T> =>
  (before, after) => {
    if (before === after) return [];
    const size = (value: number | T): number => (value === unlimited || value === null ? Infinity : value);
    const text = (value: number | T): string => (value === unlimited ? "no limit" : String(value));
    return [(size(after) > size(before) ? grows : shrinks)(`from ${text(before)} to ${text(after)}`)];
  };

/** Compares switches. `true` allows more. */
const trueAllowsMore: Compare<boolean> = (before, after) => (before === after ? [] : [after ? grows("now true") : shrinks("now false")]);

/** Compares settings of which no value allows more than another. */
const compareNeutral: Compare<string | null> = (before, after) =>
  before === after ? [] : [moves(`from ${before ?? "none"} to ${after ?? "none"}`)];

/**
 * Compares lists that allow what their entries cover. An empty list means the entries of `all`. An entry that only the second list covers
 * is reported as `grows`, and one that only the first list covers as `shrinks`. `may` is the phrase before the entries in the message.
 */
const compareCoverage =
  <T extends string>(all: readonly T[], may: string, covers: (wide: T, narrow: T) => boolean): Compare<readonly T[]> =>
  (listBefore, listAfter) => {
    const before = listBefore.length === 0 ? all : listBefore;
    const after = listAfter.length === 0 ? all : listAfter;
    const added = after.filter((entry) => !before.some((wide) => covers(wide, entry)));
    const removed = before.filter((entry) => !after.some((wide) => covers(wide, entry)));
    return [
      ...(added.length === 0 ? [] : [grows(`${may} ${added.join(", ")}`)]),
      ...(removed.length === 0 ? [] : [shrinks(`${may.replace("may", "may no longer")} ${removed.join(", ")}`)]),
    ];
  };

const isEqual = <T>(wide: T, narrow: T): boolean => wide === narrow;
/** Whether a host pattern matches all hosts that another one matches. */
function coversHost(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  if (isLoopbackPattern(wide) || isLoopbackPattern(narrow) || narrow === EVERY_HOST) return false;
  if (narrow.startsWith("*.") && !wide.startsWith("*")) return false;
  return matchesHost(wide, narrow.replace(/^\*/, "a"));
}
const coversFolder = (wide: string, narrow: string): boolean => isBelow(normalizePath(narrow), normalizePath(wide));

/** Like `compareCoverage`, but each entry covers only itself, and an empty list allows everything. `anyText` is the text for an empty list. */
const compareLists =
  <T extends number | string>(anyText: string, may: string): Compare<readonly T[]> =>
  (before, after) => {
    const texts = (list: readonly T[]): readonly string[] =>
      list.length === 0 ? [anyText] : list.map((entry) => (typeof entry === "number" ? String(entry) : `"${entry}"`));
    return compareCoverage<string>([], may, (wide, narrow) => wide === anyText || wide === narrow)(texts(before), texts(after));
  };

const compareApprovals: Compare<ApprovalRule> = (before, after) => {
  if (!before.required && !after.required) return [];
  if (before.required !== after.required)
    return [after.required ? shrinks("calls wait for an approval") : grows("calls no longer wait for an approval")];
  const keys = compareLists<string>("anyone", "may be given by")(before.keys, after.keys);
  // A call that meets the conditions waits for an approval. So wider conditions allow less.
  const waiting = wherePathChanges(before.where, after.where).map(({ direction, text }) =>
    direction === "grows" ? shrinks(`more calls wait: ${text}`) : grows(`fewer calls wait: ${text}`),
  );
  return [...keys, ...waiting];
};

const RULE: Comparisons<typeof RULE_FIELDS> = {
  // `allowChanges` compares this field.
  allow: () => [],
  budget: largerOrNoLimit(0),
  where: wherePathChanges,
  approval: compareApprovals,
};

const NET: Comparisons<typeof NET_FIELDS> = {
  allowed_domains: compareCoverage([EVERY_HOST], "net.fetch may reach", coversHost),
  allowed_methods: compareCoverage(HTTP_METHODS, "net.fetch may use", isEqual),
  max_response_bytes: largerAllowsMore,
  timeout_ms: largerOrNoLimit(0),
  allow_redirects: trueAllowsMore,
  allowed_ports: compareLists("any port", "net.fetch may reach"),
  allow_private_networks: trueAllowsMore,
  propagate_trace: trueAllowsMore,
  propagate_baggage: trueAllowsMore,
  idempotency_header: compareNeutral,
};

const FS: Comparisons<typeof FS_FIELDS> = {
  read: compareCoverage<string>([], "fs.read may read", coversFolder),
  write: compareCoverage<string>([], "fs.write may write", coversFolder),
  max_bytes: largerAllowsMore,
};

const DB: Comparisons<typeof DB_FIELDS> = {
  statements: compareCoverage<(typeof STATEMENTS)[number]>([], "db.query may run", isEqual),
  max_rows: largerAllowsMore,
  timeout_ms: largerOrNoLimit(0),
};
const STATEMENTS = DB_FIELDS.statements.fallback?.value ?? [];

/** Compares prices under a cost limit. A model without a price is refused. The lower the prices, the more calls fit into the limit. */
const comparePrices: Compare<ReadonlyMap<string, FieldValues<typeof PRICE_FIELDS>>> = (before, after) => {
  const models = [...new Set([...before.keys(), ...after.keys()])];
  return models.flatMap((model): readonly Difference[] => {
    const [old, now] = [before.get(model), after.get(model)];
    if (old === undefined) return [grows(`llm.call may ask "${model}", which has a price now`)];
    if (now === undefined) return [shrinks(`llm.call may no longer ask "${model}", which has no price any more`)];
    const prices = [
      [old.input_per_mtok, now.input_per_mtok],
      [old.output_per_mtok, now.output_per_mtok],
    ] as const;
    return [
      ...(prices.some(([a, b]) => b < a) ? [grows(`"${model}" costs less, so more calls fit into the cost limit`)] : []),
      ...(prices.some(([a, b]) => b > a) ? [shrinks(`"${model}" costs more, so fewer calls fit into the cost limit`)] : []),
    ];
  });
};

const LLM: Comparisons<typeof LLM_FIELDS> = {
  allowed_models: compareLists("any model", "llm.call may ask"),
  max_output_tokens: largerAllowsMore,
  max_total_tokens: largerOrNoLimit(null),
  max_cost_usd: largerOrNoLimit(null),
  prices: comparePrices,
};

const LIMITS: Comparisons<typeof LIMIT_FIELDS> = {
  max_steps: largerAllowsMore,
  max_alloc_bytes: largerAllowsMore,
  max_call_depth: largerAllowsMore,
  max_output_bytes: largerAllowsMore,
  max_log_bytes: largerAllowsMore,
  max_tasks: largerAllowsMore,
  max_wall_ms: largerOrNoLimit(0),
};

const SECRET: Comparisons<typeof SECRET_FIELDS> = {
  env: compareNeutral,
  hosts: compareCoverage<string>([], "it may be sent to", coversHost),
};

/** The sections whose fields all belong to the same capabilities. */
const SECTIONS = {
  net_policy: {
    capabilities: ["net.fetch"],
    changes: (before: Policy, after: Policy) => fieldChanges(NET, before.net_policy, after.net_policy, "net_policy"),
  },
  db_policy: {
    capabilities: ["db.query"],
    changes: (before: Policy, after: Policy) => fieldChanges(DB, before.db_policy, after.db_policy, "db_policy"),
  },
  llm_policy: {
    capabilities: ["llm.call"],
    changes: (before: Policy, after: Policy) => {
      const changes = fieldChanges(LLM, before.llm_policy, after.llm_policy, "llm_policy");
      // Without a cost limit, prices have no effect.
      const isLimited = before.llm_policy.max_cost_usd !== null && after.llm_policy.max_cost_usd !== null;
      return changes.filter(({ path }) => isLimited || path !== "llm_policy.prices");
    },
  },
} as const;

function fsChanges(before: Policy, after: Policy, bothCanCall: (name: string) => boolean): readonly PolicyChange[] {
  return fieldChanges(FS, before.fs_policy, after.fs_policy, "fs_policy").filter(
    ({ path }) => (path !== "fs_policy.read" || bothCanCall("fs.read")) && (path !== "fs_policy.write" || bothCanCall("fs.write")),
  );
}

function secretChanges(before: Policy, after: Policy): readonly PolicyChange[] {
  const names = [...new Set([...before.secrets.keys(), ...after.secrets.keys()])];
  return names.flatMap((name): readonly PolicyChange[] => {
    const path = memberPath("secrets", name);
    const [old, now] = [before.secrets.get(name), after.secrets.get(name)];
    if (old !== undefined && now !== undefined) return fieldChanges(SECRET, old, now, path);
    const hosts = (old ?? now)?.hosts ?? [];
    if (hosts.length === 0) return [];
    return [{ ...(now === undefined ? shrinks : grows)(`it may ${now === undefined ? "not " : ""}be sent to ${hosts.join(", ")}`), path }];
  });
}

const NO_RULE: PolicyRule = { allow: true, budget: 0, where: new Map(), approval: NO_APPROVAL };
const ruleOf = (policy: Policy, name: string): PolicyRule => policy.rules.get(name) ?? NO_RULE;

/** Whether the policy allows at least one call of the capability. */
function canCall(policy: Policy, name: string): boolean {
  if (!isAllowed(policy, name)) return false;
  if (name === "fs.read") return policy.fs_policy.read.length > 0;
  if (name === "fs.write") return policy.fs_policy.write.length > 0;
  return name !== "db.query" || policy.db_policy.statements.length > 0;
}

/** Returns the names of the known capabilities, and of those that have a rule in either policy. */
const ruleNames = (before: Policy, after: Policy, registry: CapabilityRegistry): readonly string[] => [
  ...new Set([...registry.byName.keys(), ...before.rules.keys(), ...after.rules.keys()]),
];

function allowChanges(before: Policy, after: Policy, registry: CapabilityRegistry): readonly PolicyChange[] {
  const names = ruleNames(before, after, registry).filter((name) => canCall(before, name) !== canCall(after, name));
  const change = (now: boolean, who: string, path: string): PolicyChange => ({
    ...(now ? grows(`${who} may be called`) : shrinks(`${who} may no longer be called`)),
    path,
  });
  const hasRule = (name: string): boolean => before.rules.has(name) || after.rules.has(name);
  const isDefaultSame = before.default_allow === after.default_allow;
  const byDefault = isDefaultSame ? [] : [[...names.filter((name) => !hasRule(name)), "every capability of your own"].join(", ")];
  return [
    ...byDefault.map((who) => change(after.default_allow, who, "default_allow")),
    ...names
      .filter((name) => isDefaultSame || hasRule(name))
      .map((name) => change(canCall(after, name), name, hasRule(name) ? memberPath("rules", name) : "default_allow")),
  ];
}

/** Returns the changes as lines of text. Changes that allow more come first. */
export function changeLines(
  changes: readonly { readonly direction: Direction; readonly path: string; readonly text: string }[],
): readonly string[] {
  const order: readonly Direction[] = ["grows", "cannot_tell", "moves", "shrinks"];
  return order.flatMap((direction) =>
    changes.filter((change) => change.direction === direction).map(({ path, text }) => `${direction.replace("_", " ")}: ${path}: ${text}`),
  );
}
