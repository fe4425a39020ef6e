import { expect, test } from "vitest";
import { policyChanges } from "../../analysis/policy-diff.ts";
import { parsePolicy } from "../../policy/parse.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { type Changed, changesToReview, shownChanges } from "./changes.ts";

/** A policy in which every section has an effect. */
const BASE = {
  rules: {
    "net.fetch": { allow: true, budget: 5, where: { method: { in: ["GET", "POST"] }, url: { prefix: "https://a.example/x/" } } },
    "fs.read": { allow: true, budget: 3 },
    "fs.write": { allow: true, approval: { required: true, where: { how: { equal: "delete" } } } },
    "db.query": { allow: true },
    "llm.call": { allow: true },
    random: { allow: true, where: { hi: { min: 1, max: 6 } } },
    "time.now": { allow: false },
  },
  net_policy: { allowed_domains: ["a.example", "*.b.example"], allowed_methods: ["GET", "POST"], allowed_ports: [443], timeout_ms: 1000 },
  fs_policy: { read: ["notes"], write: ["out/x"], max_bytes: 1000 },
  db_policy: { statements: ["select"], max_rows: 100, timeout_ms: 1000 },
  llm_policy: {
    allowed_models: ["small"],
    max_output_tokens: 100,
    max_total_tokens: 1000,
    max_cost_usd: 1,
    prices: { small: { input_per_mtok: 1, output_per_mtok: 2 } },
  },
  limits: { max_steps: 1000, max_wall_ms: 1000 },
  secrets: { key: { env: "KEY", hosts: ["a.example"] } },
};
type Edit = (policy: typeof BASE) => unknown;

const policyOf = (data: unknown) => parsePolicy(JSON.stringify(data), { file: "policy.json", jsonc: false });
function changesOf(edit: Edit): readonly Changed[] {
  const copy = structuredClone(BASE);
  const edited = edit(copy);
  return policyChanges(policyOf(BASE), policyOf(edited ?? copy), BUILTIN_REGISTRY);
}
/** Returns an edit that adds or replaces rules. */
const rules =
  (more: object): Edit =>
  (p) => ({ ...p, rules: { ...p.rules, ...more } });
/** Returns an edit that adds or replaces fields of a section. */
const section =
  (name: "net_policy" | "fs_policy" | "db_policy" | "llm_policy" | "limits", more: object): Edit =>
  (p) => ({ ...p, [name]: { ...p[name], ...more } });
const net = BASE.rules["net.fetch"];

/** Edits that allow more, and the changes that say so. */
const PLANTED_IN_POLICIES: readonly (readonly [edit: Edit, change: string])[] = [
  [
    section("net_policy", { allowed_domains: ["a.example", "*.b.example", "c.example"] }),
    "net_policy.allowed_domains: net.fetch may reach c.example",
  ],
  [section("net_policy", { allowed_domains: ["*.example"] }), "net_policy.allowed_domains: net.fetch may reach *.example"],
  [section("net_policy", { allowed_domains: [] }), "net_policy.allowed_domains: net.fetch may reach *"],
  [
    section("net_policy", { allowed_domains: ["a.example", "127.0.0.1:80"] }),
    "net_policy.allowed_domains: net.fetch may reach 127.0.0.1:80",
  ],
  [section("net_policy", { allowed_methods: ["GET", "DELETE"] }), "net_policy.allowed_methods: net.fetch may use DELETE"],
  [section("net_policy", { allowed_methods: [] }), "net_policy.allowed_methods: net.fetch may use DELETE, HEAD, OPTIONS, PATCH, PUT"],
  [section("net_policy", { allowed_ports: [] }), "net_policy.allowed_ports: net.fetch may reach any port"],
  [section("net_policy", { allowed_ports: [80, 443] }), "net_policy.allowed_ports: net.fetch may reach 80"],
  [section("net_policy", { allow_private_networks: true }), "net_policy.allow_private_networks: now true"],
  [section("net_policy", { timeout_ms: 0 }), "net_policy.timeout_ms: from 1000 to no limit"],
  [section("net_policy", { propagate_baggage: true }), "net_policy.propagate_baggage: now true"],
  [rules({ "net.fetch": { ...net, budget: 6 } }), 'rules["net.fetch"].budget: from 5 to 6'],
  [rules({ "net.fetch": { ...net, budget: 0 } }), 'rules["net.fetch"].budget: from 5 to no limit'],
  [rules({ "net.fetch": { ...net, where: { method: net.where.method } } }), 'rules["net.fetch"].where: url may be anything'],
  [
    rules({ "net.fetch": { ...net, where: { ...net.where, method: { in: ["GET", "PUT"] } } } }),
    'rules["net.fetch"].where: method may have other values',
  ],
  [
    rules({ "net.fetch": { ...net, where: { ...net.where, url: { prefix: "https://a.example/" } } } }),
    'rules["net.fetch"].where: url may have other values',
  ],
  [rules({ random: { allow: true, where: { hi: { min: 1 } } } }), "rules.random.where: hi may have other values"],
  [rules({ random: { allow: true, where: { hi: [{ min: 1, max: 6 }, { equal: 9 }] } } }), "rules.random.where: hi may have other values"],
  [rules({ "fs.write": { allow: true } }), 'rules["fs.write"].approval: calls no longer wait for an approval'],
  [
    rules({ "fs.write": { allow: true, approval: { required: true, where: { how: { equal: "delete" }, path: { prefix: "a" } } } } }),
    'rules["fs.write"].approval: fewer calls wait: path has conditions',
  ],
  [rules({ "time.now": { allow: true } }), 'rules["time.now"]: time.now may be called'],
  [
    (p) => ({ ...p, default_allow: true }),
    "default_allow: ui.render, actor.spawn, actor.send, step.input, every capability of your own may be called",
  ],
  [section("fs_policy", { read: ["notes", "etc"] }), "fs_policy.read: fs.read may read etc"],
  [section("fs_policy", { read: ["."] }), "fs_policy.read: fs.read may read ."],
  [section("fs_policy", { write: ["out"] }), "fs_policy.write: fs.write may write out"],
  [section("fs_policy", { max_bytes: 1001 }), "fs_policy.max_bytes: from 1000 to 1001"],
  [section("db_policy", { statements: ["select", "delete"] }), "db_policy.statements: db.query may run delete"],
  [section("db_policy", { max_rows: 101 }), "db_policy.max_rows: from 100 to 101"],
  [section("llm_policy", { allowed_models: [] }), "llm_policy.allowed_models: llm.call may ask any model"],
  [section("llm_policy", { max_total_tokens: null }), "llm_policy.max_total_tokens: from 1000 to no limit"],
  [
    section("llm_policy", { prices: { small: { input_per_mtok: 1, output_per_mtok: 2 }, big: { input_per_mtok: 1, output_per_mtok: 2 } } }),
    'llm_policy.prices: llm.call may ask "big", which has a price now',
  ],
  [
    section("llm_policy", { prices: { small: { input_per_mtok: 1, output_per_mtok: 1 } } }),
    'llm_policy.prices: "small" costs less, so more calls fit into the cost limit',
  ],
  [section("llm_policy", { max_cost_usd: 2 }), "llm_policy.max_cost_usd: from 1 to 2"],
  [section("limits", { max_steps: 2000 }), "limits.max_steps: from 1000 to 2000"],
  [section("limits", { max_wall_ms: 0 }), "limits.max_wall_ms: from 1000 to no limit"],
  [(p) => ({ ...p, secrets: { ...p.secrets, more: { env: "X", hosts: ["a.example"] } } }), "secrets.more: it may be sent to a.example"],
];

test.each(PLANTED_IN_POLICIES.map(([edit, change], i) => [change, edit, i] as const))("a policy that allows more: %s", (change, edit) => {
  expect(changesToReview(changesOf(edit))).toEqual([`grows: ${change}`]);
});

/** Edits that allow no more than before. */
const HARMLESS_IN_POLICIES: readonly Edit[] = [
  (p) => p,
  (p) => ({ schema_version: 1, ...p }),
  (p) => ({ ...p, default_allow: false }),
  (p) => ({ ...p, rules: Object.fromEntries(Object.entries(p.rules).reverse()) }),
  rules({ "step.input": { allow: false } }),
  rules({ "time.now": { allow: false, budget: 100 } }),
  rules({ "net.fetch": { ...net, budget: 4 } }),
  rules({ "net.fetch": { allow: false } }),
  rules({ "net.fetch": { ...net, where: { url: net.where.url, method: net.where.method } } }),
  rules({ "net.fetch": { ...net, where: { ...net.where, method: { in: ["POST", "GET"] } } } }),
  rules({ "net.fetch": { ...net, where: { ...net.where, method: [{ equal: "GET" }, { equal: "POST" }] } } }),
  rules({ "net.fetch": { ...net, where: { ...net.where, url: { prefix: "https://a.example/x/y/" } } } }),
  rules({ "net.fetch": { ...net, where: { ...net.where, body: { equal: "" } } } }),
  // Without this condition nothing changes, because `allowed_methods` lists the same methods.
  rules({ "net.fetch": { ...net, where: { url: net.where.url } } }),
  rules({ random: { allow: true, where: { hi: { min: 2, max: 5 } } } }),
  rules({ random: { allow: true, where: { hi: { in: [1, 6] } } } }),
  rules({ "fs.write": { allow: true, approval: { required: true } } }),
  section("net_policy", { allowed_domains: ["*.b.example", "a.example"] }),
  section("net_policy", { allowed_domains: ["*.b.example", "a.example", "x.b.example"] }),
  section("net_policy", { allowed_domains: ["x.b.example"] }),
  section("net_policy", { allowed_methods: ["POST", "GET"] }),
  section("net_policy", { allow_redirects: false }),
  section("net_policy", { idempotency_header: "Idempotency-Key" }),
  section("fs_policy", { read: ["./notes/"] }),
  section("fs_policy", { read: ["notes", "notes/deep"] }),
  section("fs_policy", { write: [] }),
  section("db_policy", { statements: [] }),
  section("llm_policy", { max_output_tokens: 50 }),
  section("limits", { max_steps: 999, max_alloc_bytes: 1000 }),
  (p) => ({ ...p, secrets: {} }),
  (p) => ({ ...p, secrets: { key: { env: "KEY_2", hosts: ["a.example"] } } }),
];

test.each(HARMLESS_IN_POLICIES.map((edit, i) => [i, edit] as const))("a policy that allows no more: edit %i", (_, edit) => {
  expect(changesToReview(changesOf(edit))).toEqual([]);
});

test("a condition and a list of the same models or methods are the same", () => {
  const byList = { rules: { "llm.call": { allow: true } }, llm_policy: { allowed_models: ["small"] } };
  const byBoth = {
    rules: { "llm.call": { allow: true, where: { model: { equal: "small" } } } },
    llm_policy: { allowed_models: ["small", "large"] },
  };
  const changes = (a: unknown, b: unknown): readonly string[] => shownChanges(policyChanges(policyOf(a), policyOf(b), BUILTIN_REGISTRY));
  expect(changes({ ...byBoth, llm_policy: byList.llm_policy }, byList)).toEqual([]);
  expect(changes(byList, { ...byBoth, llm_policy: byList.llm_policy })).toEqual([]);
  expect(changes(byBoth, { ...byList, llm_policy: byBoth.llm_policy })).toEqual([
    'grows: rules["llm.call"].where: model may have other values',
  ]);
  const methods = { rules: { "net.fetch": { allow: true } }, net_policy: { allowed_methods: ["GET"] } };
  const withWhere = { ...methods, rules: { "net.fetch": { allow: true, where: { method: { equal: "GET" } } } } };
  expect([...changes(methods, withWhere), ...changes(withWhere, methods)]).toEqual([]);
  expect(changes(withWhere, { rules: methods.rules })).toEqual([
    'grows: rules["net.fetch"].where: method may be anything',
    "grows: net_policy.allowed_methods: net.fetch may use DELETE, HEAD, OPTIONS, PATCH, POST, PUT",
  ]);
});

test.each<[unknown, unknown, readonly string[]]>([
  [{ names: [] }, { names: ["accept"] }, ["grows: headers may have other values"]],
  [{ names: ["accept", "x"] }, { names: ["x"] }, ["shrinks: headers may no longer have some values"]],
  [{ names: ["accept"] }, [{ names: ["accept"] }, { names: [] }], []],
  [{ names: ["accept"] }, { absent: false }, ["grows: headers may have other values"]],
])("names of a map: from %j to %j", (before, after, expected) => {
  const policy = (headers: unknown) => policyOf({ rules: { "net.fetch": { allow: true, where: { headers } } } });
  expect(policyChanges(policy(before), policy(after), BUILTIN_REGISTRY).map(({ direction, text }) => `${direction}: ${text}`)).toEqual(
    expected,
  );
});

test("fields of a capability that the policy refuses do not count", () => {
  const [deny, open] = [
    policyOf({}),
    policyOf({
      net_policy: { allow_private_networks: true },
      fs_policy: { read: ["/"] },
      secrets: { k: { env: "K", hosts: ["a.example"] } },
    }),
  ];
  expect(policyChanges(deny, open, BUILTIN_REGISTRY)).toEqual([]);
  expect(shownChanges(policyChanges(deny, policyOf({ rules: { "fs.read": { allow: true } } }), BUILTIN_REGISTRY))).toEqual([]);
});
