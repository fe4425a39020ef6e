/**
 * Suggests the narrowest policy under which recorded runs succeed. Each rule says where it comes from. `observed`: the runs made such calls.
 * `never_seen`: the program can make such calls, but no run did, so the rule refuses them. A capability that the program cannot call gets
 * no rule.
 *
 *     two runs that read notes/a.txt and notes/b.txt      "fs.read": { "allow": true, "budget": 1,
 *     once each                                                        "where": { "path": { "in": ["notes/a.txt", "notes/b.txt"] } } }
 *
 * If an argument had few values, its condition lists them. Otherwise the condition has their range, or their longest common prefix. Any
 * narrower rule would refuse a recorded call. Arguments that only carry content, such as the body of a request, get no condition.
 */
import { NO_APPROVAL } from "../policy/approval-fields.ts";
import { loopbackName, matchesHost, parseTarget, privateReason } from "../policy/hosts.ts";
import { isBelow, normalizePath } from "../policy/paths.ts";
import { HTTP_METHODS } from "../policy/policy-fields.ts";
import { type Policy, policyFromJson, policyToJson } from "../policy/policy.ts";
import { type CapabilityRegistry } from "../vm/capabilities.ts";
import { jsonFromJs } from "../vm/json/js-interop.ts";
import { canonicalJson, isJsonObject, type JsonData } from "../vm/json/json.ts";
import { DEFAULT_LIMITS, LIMIT_FIELDS, type Limits } from "../vm/limits.ts";
import { MapValue } from "../vm/value/map.ts";
import type { Value } from "../vm/value/value.ts";
import type { EffectCall, Effects } from "./effects.ts";
import { ObservedCapability, ObservedTexts } from "./observed.ts";

/** A recorded run, apart from its calls. */
export interface ObservedRun {
  /** The policy in the header of the log. */
  readonly policy: Policy;
  readonly isAudit: boolean;
  readonly limits: Limits;
}

export interface SuggestedRule {
  readonly capability: string;
  readonly status: "observed" | "never_seen";
  /** Number of calls in all runs. */
  readonly calls: number;
  /** Number of runs with calls. */
  readonly runs: number;
  /** The highest number of calls in one run. */
  readonly most: number;
  /** A call in the program that no run made. Undefined for an observed capability. */
  readonly example: EffectCall | undefined;
}

export interface Suggestion {
  readonly policy: Policy;
  /** The policy in the form of a policy file, without fields at their defaults. */
  readonly file: JsonData;
  readonly rules: readonly SuggestedRule[];
}

/** The parameters without conditions: they only carry content, or another part of the policy restricts them. */
const WITHOUT_CONDITION: ReadonlyMap<string, readonly string[]> = new Map([
  ["net.fetch", ["method", "body", "headers"]],
  ["fs.write", ["content"]],
  ["db.query", ["params"]],
  ["llm.call", ["prompt", "options"]],
]);

const STATEMENTS = ["select", "insert", "update", "delete"] as const;
/** Words of SQL statements that change the schema (data definition language). */
const DDL = /\b(?:create|alter|drop|truncate|comment|reindex|refresh)\b/i;
const SECRET = /\{\{secret:([A-Za-z_][A-Za-z0-9_]*)\}\}/g;

/** Collects the calls of recorded runs, and suggests a policy for them. */
export class Observations {
  readonly #registry: CapabilityRegistry;
  readonly #observed = new Map<string, ObservedCapability>();
  readonly #runs: ObservedRun[] = [];
  readonly #hosts = new ObservedTexts();
  readonly #ports = new Set<number>();
  readonly #loopbackPorts = new Set<number>();
  readonly #methods = new Set<string>();
  /** Whether some URL names no host. Every list of hosts would refuse that URL. */
  #hasOddUrl = false;
  #needsPrivateNetwork = false;
  /** The hosts to which each secret was sent, by the name of the secret. */
  readonly #secrets = new Map<string, Set<string>>();
  /** The entries of `fs_policy`. */
  readonly #folders = { read: new ObservedTexts(), write: new ObservedTexts() };
  readonly #statements = new Set<string>();
  readonly #models = new ObservedTexts();
  /** Whether some call of llm.call named no model. */
  #usesDefaultModel = false;
  /** The largest `max_output_tokens` of a call of llm.call. */
  #mostTokens = 0;
  /** Whether some call of llm.call had no `max_output_tokens`. */
  #usesDefaultTokens = false;

  constructor(registry: CapabilityRegistry) {
    this.#registry = registry;
  }

  startRun(run: ObservedRun): void {
    this.#runs.push(run);
    for (const observed of this.#observed.values()) observed.startRun();
  }

  /** Adds a call of the current run. `args` have no defaults filled in. */
  addCall(name: string, args: readonly Value[]): void {
    const capability = this.#registry.byName.get(name);
    if (capability === undefined) return;
    const observed = this.#observed.get(name) ?? new ObservedCapability(capability);
    this.#observed.set(name, observed);
    this.#addScope(name, observed.add(args));
  }

  #addScope(name: string, args: ReadonlyMap<string, Value>): void {
    const text = (param: string): string => {
      const value = args.get(param);
      return typeof value === "string" ? value : "";
    };
    if (name === "net.fetch") this.#addRequest(text("url"), text("method"), args.get("headers"));
    if (name === "fs.read" || name === "fs.write") this.#addFile(name === "fs.read" ? "read" : "write", text("path"));
    if (name === "db.query") this.#addStatement(text("sql"));
    if (name === "llm.call") this.#addModel(text("model"), args.get("options"));
  }

  #addRequest(url: string, method: string, headers: Value | undefined): void {
    this.#methods.add(method);
    const target = parseTarget(url);
    if (target === undefined) {
      this.#hasOddUrl = true;
      return;
    }
    const loopback = loopbackName(target.host, target.port);
    this.#hosts.add(loopback ?? target.host);
    if (loopback === undefined) {
      this.#ports.add(target.port);
      this.#needsPrivateNetwork ||= privateReason(target.host) !== undefined;
    } else this.#loopbackPorts.add(target.port);
    if (!(headers instanceof MapValue)) return;
    for (const [, value] of headers.entries()) {
      for (const [, secret = ""] of typeof value === "string" ? value.matchAll(SECRET) : [])
        this.#secrets.set(secret, (this.#secrets.get(secret) ?? new Set()).add(target.host));
    }
  }

  /** Adds the narrowest entry of `fs_policy` that allows the path: the path itself for fs.read, its folder for fs.write. */
  #addFile(section: "read" | "write", path: string): void {
    const roots = this.#runs.at(-1)?.policy.fs_policy[section] ?? [];
    const isBelowRoot = roots.some((root) => {
      const normal = normalizePath(root);
      return normal.startsWith("/") === path.startsWith("/") && isBelow(path, normal);
    });
    // The handler looks in every root for a relative path that is below none of them. So add all roots.
    if (!isBelowRoot && !path.startsWith("/")) for (const root of roots) this.#folders[section].add(root);
    else this.#folders[section].add(section === "read" ? path || "." : parentOf(path));
  }

  #addStatement(sql: string): void {
    const listed = this.#runs.at(-1)?.policy.db_policy.statements ?? [];
    this.#statements.add("select");
    for (const kind of STATEMENTS) if (new RegExp(`\\b${kind}\\b`, "i").test(sql)) this.#statements.add(kind);
    if (listed.includes("ddl") && DDL.test(sql)) this.#statements.add("ddl");
  }

  #addModel(model: string, options: Value | undefined): void {
    if (model === "") this.#usesDefaultModel = true;
    else this.#models.add(model);
    const tokens = options instanceof MapValue ? options.get("max_output_tokens") : undefined;
    if (typeof tokens === "number") this.#mostTokens = Math.max(this.#mostTokens, tokens);
    else this.#usesDefaultTokens = true;
  }

  /** Returns the suggestion. `effects` are those of the program. */
  suggest(effects: Effects): Suggestion {
    const reachable = [...effects.totals.keys()].filter((name) => !this.#observed.has(name));
    const rules = new Map<string, unknown>();
    const reported: SuggestedRule[] = [];
    for (const { name } of this.#registry.all) {
      const observed = this.#observed.get(name);
      if (observed !== undefined) {
        rules.set(name, this.#ruleOf(observed));
        const { calls, runs, mostInRun } = observed;
        reported.push({ capability: name, status: "observed", calls, runs, most: mostInRun, example: undefined });
      } else if (reachable.includes(name)) {
        rules.set(name, { allow: false });
        const example = effects.calls.find(({ capability, path }) => capability.name === name && path !== undefined);
        reported.push({ capability: name, status: "never_seen", calls: 0, runs: 0, most: 0, example });
      }
    }
    const written = jsonFromJs({ schema_version: 1, rules: Object.fromEntries(rules), ...this.#sections() });
    return { policy: policyFromJson(written), file: withoutDefaults(written), rules: reported };
  }

  #ruleOf({ capability, values, mostInRun }: ObservedCapability): Readonly<Record<string, unknown>> {
    const skipped = WITHOUT_CONDITION.get(capability.name) ?? [];
    const where = [...values].flatMap(([param, observed]) => {
      const covered = capability.name === "llm.call" && param === "model" && this.#listsModels();
      const conditions = skipped.includes(param) || covered ? undefined : observed.conditions();
      return conditions === undefined ? [] : [[param, conditions.length === 1 ? conditions[0] : conditions] as const];
    });
    const approval = this.#approvalOf(capability.name);
    return {
      allow: true,
      budget: mostInRun,
      ...(where.length === 0 ? {} : { where: Object.fromEntries(where) }),
      ...(approval === undefined ? {} : { approval }),
    };
  }

  /** Returns the approval that the policies of all runs require, if they agree. An audit run requires none. */
  #approvalOf(name: string): unknown {
    const approvals = this.#runs.map(({ policy, isAudit }) => (isAudit ? NO_APPROVAL : (policy.rules.get(name)?.approval ?? NO_APPROVAL)));
    const [first] = approvals;
    const text = (approval: typeof NO_APPROVAL): string => canonicalJson(jsonFromJs(approval));
    if (first === undefined || !first.required || approvals.some((approval) => text(approval) !== text(first))) return undefined;
    return { ...first, where: Object.fromEntries(first.where) };
  }

  #listsModels(): boolean {
    return !this.#usesDefaultModel && !this.#models.hasMany && this.#models.texts.size > 0;
  }

  /** Returns the sections of the policy. Settings that calls do not show, such as timeouts, get their widest recorded value. */
  #sections(): Readonly<Record<string, unknown>> {
    const has = (name: string): boolean => this.#observed.has(name);
    const listsHosts = has("net.fetch") && !this.#hasOddUrl;
    return {
      ...(has("net.fetch") ? { net_policy: this.#net(listsHosts) } : {}),
      ...(has("fs.read") || has("fs.write") ? { fs_policy: this.#fs() } : {}),
      ...(has("db.query") ? { db_policy: this.#db() } : {}),
      ...(has("llm.call") ? { llm_policy: this.#llm() } : {}),
      limits: this.#limits(),
      ...(this.#secrets.size === 0 ? {} : { secrets: this.#secretsOf() }),
    };
  }

  /** Returns the highest value that a setting has in the policies of the runs. */
  #widest(valueIn: (policy: Policy) => number): number {
    return this.#runs.reduce((most, { policy }) => Math.max(most, valueIn(policy)), 0);
  }

  /** Like `#widest`, but 0 means no limit. */
  #widestOrNone(valueIn: (policy: Policy) => number): number {
    return this.#runs.some(({ policy }) => valueIn(policy) === 0) ? 0 : this.#widest(valueIn);
  }

  // `#net`, `#fs`, `#db` and `#llm` each return one section of the policy.

  /** `listsHosts`: whether the section may name hosts and ports, so that all others are refused. */
  #net(listsHosts: boolean): Readonly<Record<string, unknown>> {
    const hosts = listsHosts && !this.#hosts.hasMany ? [...this.#hosts.texts].sort() : [];
    // A listed loopback host includes its port. If no hosts are listed, loopback hosts need their ports and access to private networks.
    const loopbackPorts = hosts.length === 0 ? this.#loopbackPorts : new Set<number>();
    return {
      allowed_domains: hosts,
      allowed_ports: listsHosts ? [...new Set([...this.#ports, ...loopbackPorts])].sort((a, b) => a - b) : [],
      // A policy can list only known methods. If a call had another text, list none; the handler refuses such a call anyway.
      allowed_methods: this.#methodsOf(),
      allow_private_networks: this.#needsPrivateNetwork || loopbackPorts.size > 0,
      max_response_bytes: this.#widest(({ net_policy }) => net_policy.max_response_bytes),
      timeout_ms: this.#widestOrNone(({ net_policy }) => net_policy.timeout_ms),
      allow_redirects: this.#runs.some(({ policy }) => policy.net_policy.allow_redirects),
    };
  }

  #methodsOf(): readonly string[] {
    const methods = [...this.#methods].sort();
    return methods.every((method) => HTTP_METHODS.includes(method)) ? methods : [];
  }

  #fs(): Readonly<Record<string, unknown>> {
    const folders = ({ texts, hasMany }: ObservedTexts, section: "read" | "write"): readonly string[] =>
      hasMany ? [...new Set(this.#runs.flatMap(({ policy }) => policy.fs_policy[section]))] : [...texts].sort();
    return {
      read: folders(this.#folders.read, "read"),
      write: folders(this.#folders.write, "write"),
      max_bytes: this.#widest(({ fs_policy }) => fs_policy.max_bytes),
    };
  }

  #db(): Readonly<Record<string, unknown>> {
    return {
      statements: [...this.#statements],
      max_rows: this.#widest(({ db_policy }) => db_policy.max_rows),
      timeout_ms: this.#widestOrNone(({ db_policy }) => db_policy.timeout_ms),
    };
  }

  #llm(): Readonly<Record<string, unknown>> {
    const [first] = this.#runs;
    const recorded = this.#widest(({ llm_policy }) => llm_policy.max_output_tokens);
    const isSameSpending = this.#runs.every(({ policy }) => spendingKey(policy) === (first === undefined ? "" : spendingKey(first.policy)));
    const { max_total_tokens = null, max_cost_usd = null, prices = new Map() } = first?.policy.llm_policy ?? {};
    return {
      allowed_models: this.#listsModels() ? [...this.#models.texts].sort() : [],
      max_output_tokens: this.#usesDefaultTokens ? Math.max(recorded, this.#mostTokens) : this.#mostTokens,
      ...(isSameSpending ? { max_total_tokens, max_cost_usd, prices: Object.fromEntries(prices) } : {}),
    };
  }

  /** Returns the widest limits of all runs. Under them, a run that reached a narrower limit ends differently than recorded. */
  #limits(): Readonly<Record<string, number>> {
    const widest = (name: keyof Limits): number => {
      const limits = this.#runs.map((run) => run.limits[name]);
      // A `max_wall_ms` of 0 means no limit. Older logs have no `max_log_bytes`, which is then read as 0.
      if (limits.includes(0)) return name === "max_wall_ms" ? 0 : DEFAULT_LIMITS[name];
      return Math.max(...limits);
    };
    return Object.fromEntries(LIMIT_FIELDS.filter((name) => widest(name) !== DEFAULT_LIMITS[name]).map((name) => [name, widest(name)]));
  }

  /** Returns the secrets in recorded headers, each with the hosts to which it was sent and to which a recorded policy lets it be sent. */
  #secretsOf(): Readonly<Record<string, unknown>> {
    const secrets = [...this.#secrets].flatMap(([name, hosts]) => {
      const recorded = this.#runs.map(({ policy }) => policy.secrets.get(name)).find((secret) => secret !== undefined);
      const allowed = [...hosts].filter((host) => recorded?.hosts.some((pattern) => matchesHost(pattern, host))).sort();
      return recorded === undefined || allowed.length === 0 ? [] : [[name, { env: recorded.env, hosts: allowed }] as const];
    });
    return Object.fromEntries(secrets);
  }
}

/** Returns a text that is equal for two policies with the same limits on spending, and the same prices. */
const spendingKey = ({ llm_policy: { max_total_tokens, max_cost_usd, prices } }: Policy): string =>
  canonicalJson(jsonFromJs({ max_total_tokens, max_cost_usd, prices }));

/** Returns the folder of a normalized path. */
function parentOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end < 0 ? "." : end === 0 ? "/" : path.slice(0, end);
}

/** Removes the fields of a policy that have their default. */
function withoutDefaults(data: JsonData): JsonData {
  const defaults = policyToJson(policyFromJson(new Map()));
  return withoutEqual(data, defaults) ?? new Map();
}

/** Returns `data` without the members that are equal in `base`. Undefined if none is left. */
function withoutEqual(data: JsonData, base: JsonData | undefined): JsonData | undefined {
  if (base === undefined || !isJsonObject(data) || !isJsonObject(base))
    return base !== undefined && canonicalJson(data) === canonicalJson(base) ? undefined : data;
  const entries = [...data].flatMap(([name, part]) => {
    const difference = name === "schema_version" ? part : withoutEqual(part, base.get(name));
    return difference === undefined ? [] : [[name, difference] as const];
  });
  return entries.length === 0 ? undefined : new Map(entries);
}
