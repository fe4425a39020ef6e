/**
 * `net.fetch`: HTTP requests that the policy allows. Each request of a redirect chain is checked like the first one.
 * Secrets are inserted just before a request is sent, and removed from everything that comes back.
 */
import { STATUS_CODES } from "node:http";
import type { Dispatcher } from "undici";
import { type Decision, Decisions } from "../../policy/decide.ts";
import { HTTP_METHODS } from "../../policy/policy-fields.ts";
import { parseUrl } from "../../policy/host-names.ts";
import { canonicalHost } from "../../policy/hosts.ts";
import type { NetPolicy, Policy } from "../../policy/policy.ts";
import { builtinCapability } from "../../vm/capabilities.ts";
import { canonicalJson, type JsonData } from "../../vm/json/json.ts";
import { memoizePerObject } from "../../vm/lazy.ts";
import { MapValue } from "../../vm/value/map.ts";
import { replaceLoneSurrogates, type Value } from "../../vm/value/value.ts";
import { CapabilityDenied, CapabilityFailure, type MachineFunction, type HandlerContext } from "../handlers.ts";
import { startDeadline } from "../deadline.ts";
import { guardedAgent, resolveHost, type Resolve } from "./guarded-connect.ts";
import { ACCEPTED_ENCODINGS, discardBody, readBody, utf8Body } from "./http-body.ts";
import { httpFailure } from "./http-failure.ts";
import { CREDENTIAL_HEADERS, describesBody, requestHeaders, responseHeaders } from "./http-headers.ts";
import { secretsOf, type Environment, type Secrets } from "./secrets.ts";

interface NetFetchOptions {
  /** Environment variables: the values of the policy's secrets. */
  readonly env: Environment;
  /** Resolves host names. Default: the system's resolver. */
  readonly resolve?: Resolve | undefined;
}

const MAX_REDIRECTS = 10;
/** Limit on the bytes read from a response that is not used. A response must be read to its end, so that its connection can be reused. */
const DRAIN_BYTES = 16_384;
const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Creates the handler of one run. It ignores the proxy variables of the environment. */
export function netFetchHandler(options: NetFetchOptions): MachineFunction {
  const agents = new WeakMap<NetPolicy, Dispatcher>();
  const capability = builtinCapability("net.fetch");
  const decisionsOf = memoizePerObject((policy: Policy) => new Decisions(policy));
  const secretsFor = memoizePerObject((policy: Policy) => secretsOf(policy, options.env));
  return async (args, context) => {
    const undici = await import("undici");
    const { net_policy } = context.policy;
    const agent = agents.get(net_policy) ?? guardedAgent(undici, options.resolve ?? resolveHost, net_policy);
    agents.set(net_policy, agent);
    const secrets = secretsFor(context.policy);
    const timeLimit = startDeadline(context.signal, net_policy.timeout_ms);
    const call: FetchCall = {
      send: (url, request) => undici.request(url, { ...request, dispatcher: agent }),
      net: net_policy,
      decide: (url, method) => decisionsOf(context.policy).decide(capability, [url.href, method, ...args.slice(2)]),
      secrets,
      signal: timeLimit.signal,
    };
    try {
      return await fetchWith(call, args, context);
    } catch (error) {
      if (timeLimit.isOver()) throw new CapabilityFailure(`no answer within ${net_policy.timeout_ms} ms`);
      throw scrubbedFailure(httpFailure(error), secrets);
    } finally {
      timeLimit.end();
    }
  };
}

/** Removes secrets from the message, which may quote the server: for example, the target of a redirect. */
function scrubbedFailure(error: Error, secrets: Secrets): Error {
  if (!(error instanceof CapabilityFailure)) return error;
  const message = secrets.scrubAnyCase(error.message);
  return error.kind === "denied" ? new CapabilityDenied(message) : new CapabilityFailure(message, error.kind);
}

/** What all requests of one call share. */
interface FetchCall {
  readonly send: (url: URL, request: SentRequest) => Promise<Dispatcher.ResponseData>;
  readonly net: NetPolicy;
  /** Asks the policy about a request of the redirect chain, as if the program had called with this URL and method. */
  readonly decide: (url: URL, method: string) => Decision;
  readonly secrets: Secrets;
  readonly signal: AbortSignal;
}

/** A request of a redirect chain as it is sent, with its secrets. */
interface SentRequest {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string | null;
  readonly signal: AbortSignal;
}

/** A request of a redirect chain before its secrets are inserted. */
interface PlannedRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string | null;
}

async function fetchWith(call: FetchCall, [url, method, body, headers, want]: readonly Value[], context: HandlerContext): Promise<string> {
  if (typeof url !== "string" || typeof method !== "string" || typeof body !== "string" || !(headers instanceof MapValue))
    throw new CapabilityFailure("net.fetch takes a URL, a method, a body and headers");
  if (want !== "body" && want !== "response") throw new CapabilityFailure('the last argument of net.fetch is "body" or "response"');
  let plan = firstRequest(call, url, method, body, headers, context);
  for (let hops = 0; ; hops++) {
    const response = await call.send(plan.url, requestOf(call, plan));
    try {
      const next = REDIRECT_STATUSES.has(response.statusCode) && call.net.allow_redirects ? redirectOf(call, plan, response) : undefined;
      if (next === undefined) return await answerOf(call, response, want, plan.method);
      if (hops >= MAX_REDIRECTS) throw new CapabilityFailure(`more than ${MAX_REDIRECTS} redirects`);
      await response.body.dump({ limit: DRAIN_BYTES, signal: call.signal });
      plan = next;
    } catch (error) {
      discardBody(response.body);
      throw error;
    }
  }
}

const BODY_METHODS: ReadonlySet<string> = new Set(["PATCH", "POST", "PUT"]);

function firstRequest(
  call: FetchCall,
  url: string,
  method: string,
  body: string,
  programHeaders: MapValue,
  context: HandlerContext,
): PlannedRequest {
  const upperMethod = method.toUpperCase();
  if (!HTTP_METHODS.includes(upperMethod)) throw new CapabilityFailure(`net.fetch does not know the method ${JSON.stringify(method)}`);
  const headers = requestHeaders(programHeaders);
  if (!headers.has("accept")) headers.set("accept", "*/*");
  if (!headers.has("accept-encoding")) headers.set("accept-encoding", ACCEPTED_ENCODINGS);
  if (!headers.has("user-agent")) headers.set("user-agent", "boruna");
  addTraceHeaders(headers, call.net, context);
  addIdempotencyKey(headers, call.net, context);
  return { url: readUrl(url), method: upperMethod, headers, body: body === "" && !BODY_METHODS.has(upperMethod) ? null : body };
}

/**
 * Adds the trace headers that the program has not set. If it adds `traceparent`, replaces the program's `tracestate`, which belongs to
 * another one.
 */
function addTraceHeaders(headers: Map<string, string>, net: NetPolicy, { traceparent, tracestate, baggage }: HandlerContext): void {
  if (net.propagate_trace && traceparent !== undefined && !headers.has("traceparent")) {
    headers.set("traceparent", traceparent);
    headers.delete("tracestate");
    if (tracestate !== undefined) headers.set("tracestate", tracestate);
  }
  if (net.propagate_baggage && baggage !== undefined && !headers.has("baggage")) headers.set("baggage", baggage);
}

/**
 * Adds the call's idempotency key in the header that the policy names. Throws `CapabilityFailure` if the program sets this header itself,
 * because a repeated call could then have another key.
 */
function addIdempotencyKey(
  headers: Map<string, string>,
  { idempotency_header: header }: NetPolicy,
  { idempotencyKey }: HandlerContext,
): void {
  if (header === null) return;
  const name = header.toLowerCase();
  if (headers.has(name)) throw new CapabilityFailure(`the policy sets the header ${header}; the program may not`);
  headers.set(name, idempotencyKey);
}

/**
 * Parses a URL and removes one trailing dot of its host. `prepareForMessage` removes secrets from a text that a message quotes. Throws
 * `CapabilityFailure` for a URL that cannot be fetched.
 */
function readUrl(text: string, base?: URL, prepareForMessage = (quoted: string): string => quoted): URL {
  const url = parseUrl(text, base?.href);
  // Scrub before cutting: a secret that is cut in two would not be found.
  if (url === undefined) {
    const hint = /[^\0-\x7f]|xn--/i.test(text)
      ? " (a host beyond ASCII must be one that every Node reads alike; docs/reference/policy.md)"
      : "";
    throw new CapabilityFailure(`not a URL: ${JSON.stringify(replaceLoneSurrogates(prepareForMessage(text).slice(0, 200)))}${hint}`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new CapabilityFailure(`net.fetch reaches http and https, not ${url.protocol}`);
  if (url.username !== "" || url.password !== "") throw new CapabilityFailure("a URL may not hold a user name or password; send a header");
  if (url.hostname.endsWith(".")) url.hostname = canonicalHost(url.hostname);
  if (url.hostname.endsWith(".") || url.hostname === "") throw new CapabilityFailure("the URL has no host that can be reached");
  return url;
}

/** Returns the request with its secrets. First checks it against the policy, because it may be the target of a redirect. */
function requestOf(call: FetchCall, plan: PlannedRequest): SentRequest {
  const { allowed, reason, rule } = call.decide(plan.url, plan.method);
  if (!allowed) throw new CapabilityDenied(`${reason} (${rule})`);
  const host = canonicalHost(plan.url.hostname);
  const headers: Record<string, string> = Object.fromEntries(
    [...plan.headers].map(([name, value]) => [name, call.secrets.reveal(value, host)]),
  );
  return { method: plan.method, headers, body: plan.body, signal: call.signal };
}

/** Returns the next request by the Fetch standard (section "HTTP-redirect fetch"), or undefined if this response is the last. */
function redirectOf(call: FetchCall, plan: PlannedRequest, response: Dispatcher.ResponseData): PlannedRequest | undefined {
  const location = response.headers["location"];
  if (typeof location !== "string") return undefined;
  const url = readUrl(location, plan.url, (text) => call.secrets.scrubAnyCase(text));
  if (call.secrets.scrubAnyCase(url.hostname) !== url.hostname)
    throw new CapabilityFailure("a redirect leads to a host that spells a secret");
  if (plan.url.protocol === "https:" && url.protocol === "http:")
    throw new CapabilityFailure("a redirect from https to http is not followed");
  const isReading = plan.method === "GET" || plan.method === "HEAD";
  const becomesGet = !isReading && (response.statusCode === 303 || response.statusCode === 301 || response.statusCode === 302);
  const isSameOrigin = url.origin === plan.url.origin;
  const headers = new Map<string, string>();
  for (const [name, value] of plan.headers) {
    if (becomesGet && describesBody(name)) continue;
    if (!isSameOrigin && (CREDENTIAL_HEADERS.includes(name) || call.secrets.hasPlaceholder(value))) continue;
    headers.set(name, value);
  }
  return { url, method: becomesGet ? "GET" : plan.method, headers, body: becomesGet ? null : plan.body };
}

async function answerOf(call: FetchCall, response: Dispatcher.ResponseData, want: "body" | "response", method: string): Promise<string> {
  const { statusCode: status } = response;
  if (want === "body" && (status < 200 || status > 299)) {
    await response.body.dump({ limit: DRAIN_BYTES, signal: call.signal });
    throw new CapabilityFailure(`HTTP ${status} ${STATUS_CODES[status] ?? ""}`.trimEnd());
  }
  const headers = responseHeaders(response.headers);
  const isEmpty = method === "HEAD" || status === 204 || status === 304;
  const bytes = await readBody(response.body, isEmpty ? "" : (headers.get("content-encoding") ?? ""), call.net.max_response_bytes);
  const body = call.secrets.scrub(utf8Body(bytes));
  if (want === "body") return body;
  const scrubbedHeaders = new Map<string, string>();
  for (const [rawName, value] of headers) {
    // The client has lower-cased the names. Scrubbing can make two names equal.
    const name = call.secrets.scrubAnyCase(rawName);
    const earlierValue = scrubbedHeaders.get(name);
    const scrubbedValue = call.secrets.scrub(replaceLoneSurrogates(value));
    scrubbedHeaders.set(name, earlierValue === undefined ? scrubbedValue : `${earlierValue}, ${scrubbedValue}`);
  }
  return canonicalJson(
    new Map<string, JsonData>([
      ["body", body],
      ["headers", scrubbedHeaders],
      ["status", status],
    ]),
  );
}
