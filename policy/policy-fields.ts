/**
 * The policy format. Each field is declared once: its name, its schema, its default and its doc line.
 *
 *     max_rows: field("max_rows", integer(0, Number.MAX_SAFE_INTEGER), 10_000, "Rows of one result; more is a failure.")
 *
 * Everything else about a field comes from this declaration:
 *
 *   validator           `policyFileSchema(registry).read`, called by `readPolicy` (policy.ts)
 *   TypeScript type     `FieldValues<typeof DB_FIELDS>`
 *   JSON Schema, docs   json-schema.ts; `docs/reference/policy.md` is generated from the doc lines
 *   canonical JSON      `policyToJson` (policy.ts): every field, defaults included, except that a field wrapped in `addedLater` is omitted
 *                       if it has its default
 *   hash                `policyHash` (policy.ts): SHA-256 of the canonical JSON; logs and spans carry it
 *
 * The life of a policy: text -> parse.ts (syntax, with offsets) -> `readPolicy` (fields) -> `Policy` -> decide.ts
 * (one decision for each call). warnings.ts reports settings that are valid but have no effect.
 *
 * To add a field, wrap it in `addedLater`, and read it in the section's `objectOf`. With `addedLater`, policies without the field keep their hash.
 */
import { BUILTIN_REGISTRY, CAPABILITIES, type CapabilityDecl, type CapabilityRegistry } from "../vm/capabilities.ts";
import type { JsonData } from "../vm/json/json.ts";
import { LIMITS, limitsFrom } from "../vm/limits.ts";
import { type ApprovalRule, approvalSchema, NO_APPROVAL } from "./approval-fields.ts";
import type { DocumentNode } from "./document.ts";
import { parseAllowedDomain, parseHostPattern } from "./hosts.ts";
import { didYouMean } from "./did-you-mean.ts";
import {
  NON_NEGATIVE,
  BOOLEAN,
  field,
  type FieldValues,
  integer,
  addedLater,
  type KeyCheck,
  listOf,
  mapOf,
  nullable,
  objectOf,
  oneOf,
  requiredField,
  type FieldSchema,
  text,
  type TextParser,
} from "./field-schema.ts";
import type { Where } from "./where.ts";
import { whereSchema } from "./where-fields.ts";

const KIBIBYTE = 1_024;
const GIBIBYTE = KIBIBYTE ** 3;
const DEFAULT_BYTES = 10 * KIBIBYTE ** 2;
const DAY_MS = 86_400_000;
const DEFAULT_TIMEOUT_MS = 30_000;

const EMPTY_OBJECT: DocumentNode = { kind: "object", members: [], offset: 0 };
/** Returns the value of an object in which every field has its default. No field may be required. */
function defaultsOf<T>(schema: FieldSchema<T>): T {
  return schema.read(EMPTY_OBJECT, { path: "", kind: "policy.parse_error", lineAndColumnAt: () => ({}) });
}

const HOST = text("a host", (given) => {
  const parsed = parseHostPattern(given);
  return "pattern" in parsed ? { text: parsed.pattern } : parsed;
});
/** A host of `allowed_domains`. Unlike other hosts, a loopback host may have a port. */
const ALLOWED_DOMAIN = text("a host", (given) => {
  const parsed = parseAllowedDomain(given);
  return "pattern" in parsed ? { text: parsed.pattern } : parsed;
});
/** Headers that only the HTTP client may set: they control the connection, the framing of the message and the host (RFC 9110, RFC 9112). */
export const UNSETTABLE_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
/** The methods that `net.fetch` supports. */
export const HTTP_METHODS: readonly string[] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
const METHOD = text("an HTTP method", (given) => {
  const method = given.toUpperCase();
  return HTTP_METHODS.includes(method)
    ? { text: method }
    : { problem: `net.fetch has no such method. ${didYouMean(method, HTTP_METHODS, `It has ${HTTP_METHODS.join(", ")}.`)}` };
});
const parseName: TextParser = (given) =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(given) ? { text: given } : { problem: "write letters, digits and _" };
const FOLDER = text("a path", (given) =>
  given === "" || given.includes("\0") ? { problem: 'write a path; "." is the working directory' } : { text: given },
);
/** Headers that cannot carry the idempotency key: those that only the HTTP client may set, and those that have another meaning. */
const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  ...UNSETTABLE_HEADERS,
  "accept",
  "accept-encoding",
  "authorization",
  "baggage",
  "content-encoding",
  "content-type",
  "cookie",
  "proxy-authorization",
  "traceparent",
  "tracestate",
  "user-agent",
]);
const HEADER = text("the name of a header", (given) => {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(given)) return { problem: "write a header's name, such as Idempotency-Key" };
  return RESERVED_HEADERS.has(given.toLowerCase())
    ? { problem: "this header has another meaning; services document the one they read" }
    : { text: given };
});
const MODEL = text("a model's name", (given) =>
  given.trim() === given && given !== "" ? { text: given } : { problem: "write the model's name as the endpoint knows it" },
);

/** Returns the fields of a capability's rule. Without a capability, `where` may name any parameter. */
const ruleFields = (capability: CapabilityDecl | undefined) => ({
  allow: requiredField("allow", BOOLEAN, "Whether the capability may be called."),
  budget: field("budget", integer(0, Number.MAX_SAFE_INTEGER), 0, "Calls that one run may make; 0 is no limit."),
  where: addedLater(
    field<Where>("where", whereSchema(capability), new Map(), "Conditions on the arguments; a call that does not meet all is denied."),
  ),
  approval: addedLater(
    field<ApprovalRule>("approval", approvalSchema(capability), NO_APPROVAL, "Which calls wait until a person has approved them."),
  ),
});
export const RULE_FIELDS = ruleFields(undefined);
export type PolicyRule = FieldValues<typeof RULE_FIELDS>;

export const NET_FIELDS = {
  allowed_domains: field(
    "allowed_domains",
    listOf(ALLOWED_DOMAIN, "hosts"),
    [],
    "Hosts that net.fetch may reach; *.example.org is every name below example.org, * every public host. 127.0.0.1:8080, [::1]:8080 and localhost:8080 open exactly that port of this machine. Empty: every public host.",
  ),
  allowed_methods: field("allowed_methods", listOf(METHOD, "HTTP methods"), [], "HTTP methods that net.fetch may use. Empty: all."),
  max_response_bytes: field(
    "max_response_bytes",
    integer(0, GIBIBYTE),
    DEFAULT_BYTES,
    "Bytes of a decoded response body; more is a failure.",
  ),
  timeout_ms: field(
    "timeout_ms",
    integer(0, DAY_MS),
    DEFAULT_TIMEOUT_MS,
    "Time for one call with all its redirects, in milliseconds; 0 is no limit but the run's own.",
  ),
  allow_redirects: field("allow_redirects", BOOLEAN, true, "Whether redirects are followed; each is checked like the first request."),
  allowed_ports: field("allowed_ports", listOf(integer(1, 65_535), "ports"), [], "Ports that net.fetch may reach. Empty: all."),
  allow_private_networks: field(
    "allow_private_networks",
    BOOLEAN,
    false,
    "Whether addresses that are not public (loopback, private, link-local, …) may be reached.",
  ),
  propagate_trace: field(
    "propagate_trace",
    BOOLEAN,
    false,
    "Whether the trace context is sent along, in the headers traceparent and tracestate.",
  ),
  propagate_baggage: addedLater(
    field(
      "propagate_baggage",
      BOOLEAN,
      false,
      "Whether the caller's baggage is sent along, in the header baggage. It may tell of users; name the hosts that may see it.",
    ),
  ),
  idempotency_header: addedLater(
    field<string | null>(
      "idempotency_header",
      nullable(HEADER),
      null,
      "Header that carries the call's idempotency key, such as Idempotency-Key, for services that answer a repeated request without doing its work again. The program cannot set it. null: none.",
    ),
  ),
};
export type NetPolicy = FieldValues<typeof NET_FIELDS>;

export const FS_FIELDS = {
  read: field("read", listOf(FOLDER, "folders"), [], "Folders and files below which fs.read may read. Relative to the working directory."),
  write: field(
    "write",
    listOf(FOLDER, "folders"),
    [],
    "Folders below which fs.write may write, no files. Relative to the working directory. A missing one is made by the first write.",
  ),
  max_bytes: field("max_bytes", integer(0, GIBIBYTE), DEFAULT_BYTES, "Bytes of one file read or written; more is a failure."),
};
export type FsPolicy = FieldValues<typeof FS_FIELDS>;

const STATEMENTS = ["select", "insert", "update", "delete", "ddl"] as const;
export const DB_FIELDS = {
  statements: field<readonly (typeof STATEMENTS)[number][]>(
    "statements",
    listOf(oneOf(STATEMENTS), "kinds of statement"),
    ["select"],
    "Kinds of SQL statement that db.query may run. What CTEs, functions and triggers do counts too.",
  ),
  max_rows: field("max_rows", integer(0, Number.MAX_SAFE_INTEGER), 10_000, "Rows of one result; more is a failure."),
  timeout_ms: field(
    "timeout_ms",
    integer(0, DAY_MS),
    DEFAULT_TIMEOUT_MS,
    "Time for one statement, in milliseconds; 0 is no limit but the run's own.",
  ),
};
export type DbPolicy = FieldValues<typeof DB_FIELDS>;

export const PRICE_FIELDS = {
  input_per_mtok: requiredField("input_per_mtok", NON_NEGATIVE, "US dollars for a million input tokens."),
  output_per_mtok: requiredField("output_per_mtok", NON_NEGATIVE, "US dollars for a million output tokens."),
};
type ModelPrice = FieldValues<typeof PRICE_FIELDS>;
const PRICE = objectOf<ModelPrice>("the prices of a model", PRICE_FIELDS, (read) => ({
  input_per_mtok: read(PRICE_FIELDS.input_per_mtok),
  output_per_mtok: read(PRICE_FIELDS.output_per_mtok),
}));

export const LLM_FIELDS = {
  allowed_models: field("allowed_models", listOf(MODEL, "models"), [], "Models that llm.call may ask. Empty: all."),
  max_output_tokens: field(
    "max_output_tokens",
    integer(1, 1_000_000),
    4_096,
    "Tokens of one answer; also what is asked for when the program does not say.",
  ),
  max_total_tokens: field(
    "max_total_tokens",
    nullable(integer(0, Number.MAX_SAFE_INTEGER)),
    null,
    "Input and output tokens of all calls of a run; null is no limit.",
  ),
  max_cost_usd: field(
    "max_cost_usd",
    nullable(NON_NEGATIVE),
    null,
    "Cost of all calls of a run, in US dollars; null is no limit. A model without a price is denied.",
  ),
  prices: field<ReadonlyMap<string, ModelPrice>>(
    "prices",
    mapOf("prices by model", PRICE, () => undefined),
    new Map(),
    "What each model costs.",
  ),
};
export type LlmPolicy = FieldValues<typeof LLM_FIELDS>;

const limitField = (name: keyof typeof LIMITS, min: number): ReturnType<typeof field<number>> =>
  field(name, integer(min, LIMITS[name].max), LIMITS[name].default, `Limit in ${LIMITS[name].unit}: ${LIMITS[name].doc}.`);

export const LIMIT_FIELDS = {
  max_steps: limitField("max_steps", 1),
  max_alloc_bytes: limitField("max_alloc_bytes", 1),
  max_call_depth: limitField("max_call_depth", 1),
  max_output_bytes: limitField("max_output_bytes", 0),
  max_log_bytes: addedLater(limitField("max_log_bytes", 1)),
  max_tasks: addedLater(limitField("max_tasks", 1)),
  max_wall_ms: limitField("max_wall_ms", 0),
};
type PolicyLimits = FieldValues<typeof LIMIT_FIELDS>;

export const SECRET_FIELDS = {
  env: requiredField("env", text("the name of an environment variable", parseName), "Environment variable that holds the secret."),
  hosts: requiredField("hosts", listOf(HOST, "hosts"), "Hosts that the secret may be sent to."),
};
type PolicySecret = FieldValues<typeof SECRET_FIELDS>;

function ruleSchema(fields: typeof RULE_FIELDS): FieldSchema<PolicyRule> {
  return objectOf<PolicyRule>("an object with allow and budget", fields, (read) => ({
    allow: read(fields.allow),
    budget: read(fields.budget),
    where: read(fields.where),
    approval: read(fields.approval),
  }));
}

const NET = objectOf<NetPolicy>(
  "an object",
  NET_FIELDS,
  (read) => ({
    allowed_domains: read(NET_FIELDS.allowed_domains),
    allowed_methods: read(NET_FIELDS.allowed_methods),
    max_response_bytes: read(NET_FIELDS.max_response_bytes),
    timeout_ms: read(NET_FIELDS.timeout_ms),
    allow_redirects: read(NET_FIELDS.allow_redirects),
    allowed_ports: read(NET_FIELDS.allowed_ports),
    allow_private_networks: read(NET_FIELDS.allow_private_networks),
    propagate_trace: read(NET_FIELDS.propagate_trace),
    propagate_baggage: read(NET_FIELDS.propagate_baggage),
    idempotency_header: read(NET_FIELDS.idempotency_header),
  }),
  "policy.invalid_net_policy",
);

const FS = objectOf<FsPolicy>(
  "an object",
  FS_FIELDS,
  (read) => ({ read: read(FS_FIELDS.read), write: read(FS_FIELDS.write), max_bytes: read(FS_FIELDS.max_bytes) }),
  "policy.invalid_fs_policy",
);

const DB = objectOf<DbPolicy>(
  "an object",
  DB_FIELDS,
  (read) => ({ statements: read(DB_FIELDS.statements), max_rows: read(DB_FIELDS.max_rows), timeout_ms: read(DB_FIELDS.timeout_ms) }),
  "policy.invalid_db_policy",
);

const LLM = objectOf<LlmPolicy>(
  "an object",
  LLM_FIELDS,
  (read) => ({
    allowed_models: read(LLM_FIELDS.allowed_models),
    max_output_tokens: read(LLM_FIELDS.max_output_tokens),
    max_total_tokens: read(LLM_FIELDS.max_total_tokens),
    max_cost_usd: read(LLM_FIELDS.max_cost_usd),
    prices: read(LLM_FIELDS.prices),
  }),
  "policy.invalid_llm_policy",
);

export const LIMITS_SCHEMA = objectOf<PolicyLimits>(
  "an object",
  LIMIT_FIELDS,
  (read) => limitsFrom((name) => read(LIMIT_FIELDS[name])),
  "policy.invalid_limits",
);

const SECRET = objectOf<PolicySecret>(
  "an object with env and hosts",
  SECRET_FIELDS,
  (read) => ({ env: read(SECRET_FIELDS.env), hosts: read(SECRET_FIELDS.hosts) }),
  "policy.invalid_secret",
);

const checkSecretName: KeyCheck = (name) => {
  const parsed = parseName(name);
  return "text" in parsed
    ? undefined
    : { kind: "policy.invalid_secret", message: `secrets has the name ${JSON.stringify(name)}: ${parsed.problem}` };
};
const SECRETS: FieldSchema<ReadonlyMap<string, PolicySecret>> = mapOf("secrets by name", SECRET, checkSecretName);

/** Short names of capabilities, which the compiler accepts with a warning. A policy refuses them with these hints. */
const ALIAS_HINTS: ReadonlyMap<string, string> = new Map([
  ["net", 'Write "net.fetch".'],
  ["fs", 'Write "fs.read" or "fs.write".'],
  ["db", 'Write "db.query".'],
  ["ui", 'Write "ui.render".'],
  ["time", 'Write "time.now".'],
  ["llm", 'Write "llm.call".'],
]);

/** Returns the check of the names of rules. Without a registry, for example for a policy from a log, any well-formed id is valid. */
function ruleNames(registry: CapabilityRegistry | undefined): KeyCheck {
  return (name) => {
    const known =
      registry === undefined
        ? CAPABILITIES.some((c) => c.name === name) || /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+$/.test(name)
        : registry.byName.has(name);
    if (known) return undefined;
    const names = registry === undefined ? CAPABILITIES.map((c) => c.name) : [...registry.byName.keys()];
    const hint =
      ALIAS_HINTS.get(name) ??
      didYouMean(name, names, `Known are: ${names.join(", ")}. If it is a capability of your own, pass the \`registry\` that has it.`);
    return { kind: "policy.invalid_capability", message: `rules names the unknown capability ${JSON.stringify(name)}`, hint };
  };
}

export const SCHEMA_VERSION = 1;

/** Returns the top-level fields. */
export function policyFields(registry: CapabilityRegistry | undefined) {
  const names: readonly JsonData[] = [...(registry?.byName.keys() ?? CAPABILITIES.map((c) => c.name))];
  const { byName } = registry ?? BUILTIN_REGISTRY;
  const rules: FieldSchema<ReadonlyMap<string, PolicyRule>> = mapOf("rules by capability", ruleSchema(RULE_FIELDS), ruleNames(registry), {
    itemFor: (name) => ruleSchema(ruleFields(byName.get(name))),
    extraSchema: new Map([["propertyNames", new Map([["enum", names]])]]),
  });
  // The policy format of the Rust toolchain writes null for an absent section.
  const net = nullable(NET);
  return {
    schema_version: field("schema_version", integer(SCHEMA_VERSION, SCHEMA_VERSION), SCHEMA_VERSION, "Version of this format."),
    default_allow: field("default_allow", BOOLEAN, false, "Whether a capability without a rule may be called."),
    rules: field("rules", rules, new Map(), "A rule for each capability."),
    net_policy: field("net_policy", net, null, "Where net.fetch may go."),
    fs_policy: field("fs_policy", FS, defaultsOf(FS), "Where fs.read and fs.write may reach. Without folders they reach nothing."),
    db_policy: field("db_policy", DB, defaultsOf(DB), "What db.query may do."),
    llm_policy: field("llm_policy", LLM, defaultsOf(LLM), "What llm.call may ask and spend."),
    limits: field("limits", LIMITS_SCHEMA, defaultsOf(LIMITS_SCHEMA), "Limits of a run."),
    secrets: field("secrets", SECRETS, new Map(), "Secrets by name. {{secret:NAME}} in a header of net.fetch is replaced by one."),
  };
}

/** An effective policy: every field has its value, defaults included. */
export interface Policy {
  readonly schema_version: number;
  readonly default_allow: boolean;
  readonly rules: ReadonlyMap<string, PolicyRule>;
  readonly net_policy: NetPolicy;
  readonly fs_policy: FsPolicy;
  readonly db_policy: DbPolicy;
  readonly llm_policy: LlmPolicy;
  readonly limits: PolicyLimits;
  readonly secrets: ReadonlyMap<string, PolicySecret>;
}

/**
 * A policy as plain data: the members of a policy file, such as `{ rules: { "fs.read": { allow: true } } }`, or a result of `loadPolicy` or
 * `parsePolicy`. It is checked when a run starts. A rule for a capability that the program does not know is an error, as in a policy file.
 */
export interface PolicyInput {
  readonly schema_version?: number | undefined;
  readonly default_allow?: boolean | undefined;
  readonly rules?: object | undefined;
  readonly net_policy?: object | undefined;
  readonly fs_policy?: object | undefined;
  readonly db_policy?: object | undefined;
  readonly llm_policy?: object | undefined;
  readonly limits?: object | undefined;
  readonly secrets?: object | undefined;
}

/** Returns the schema of a policy file. `registry` lists the capabilities that rules may name. */
export function policyFileSchema(registry: CapabilityRegistry | undefined): FieldSchema<Policy> {
  const fields = policyFields(registry);
  return objectOf<Policy>("an object", fields, (read) => ({
    schema_version: read(fields.schema_version),
    default_allow: read(fields.default_allow),
    rules: read(fields.rules),
    net_policy: read(fields.net_policy) ?? defaultsOf(NET),
    fs_policy: read(fields.fs_policy),
    db_policy: read(fields.db_policy),
    llm_policy: read(fields.llm_policy),
    limits: read(fields.limits),
    secrets: read(fields.secrets),
  }));
}
