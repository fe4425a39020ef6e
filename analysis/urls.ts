/** Says what is known about the hosts of URLs. */
import { parseTarget } from "../policy/hosts.ts";
import { parseUrl } from "../policy/host-names.ts";
import type { Condition } from "../policy/where.ts";
import type { Known } from "./known.ts";

/** The beginning of a URL that includes the complete host and port. */
const HOST = /^https?:\/\/(?:[a-z0-9._-]+|\[[0-9a-f:]+\])(?::[0-9]+)?[/?#]/i;

/** Whether the beginning of a URL includes the complete host and port. */
export const hasHost = (text: string): boolean => HOST.test(text);

/** Returns the possible hosts of a URL. Undefined if a host is unknown. A text that is not a URL has no host. */
export function hostsOf(url: Known): readonly string[] | undefined {
  if (url?.kind !== "text") return undefined;
  const hosts = new Set<string>();
  for (const { text, isExact } of url.texts) {
    if (!isExact && !hasHost(text)) return undefined;
    const host = parseTarget(text)?.host;
    if (host !== undefined) hosts.add(host);
  }
  return [...hosts];
}

/**
 * Whether each condition decides about the URL by its origin alone, so that the beginning of the URL is enough. That is so if the condition
 * is only a prefix like `https://host/`, or if all texts in the condition have other origins than the URL.
 */
export function areDecidedByHost(url: Known, conditions: readonly Condition[]): boolean {
  if (url?.kind !== "text") return false;
  const origins = url.texts.map(({ text, isExact }) => (isExact || hasHost(text) ? parseUrl(text)?.origin : undefined));
  const isOther = (text: unknown): boolean => {
    const origin = typeof text === "string" && hasHost(text) ? parseUrl(text)?.origin : undefined;
    return origin !== undefined && origins.every((each) => each !== undefined && each !== origin);
  };
  return conditions.every(({ equal, in: list, prefix, min, max, names, absent }) => {
    if (min !== undefined || max !== undefined || names !== undefined || absent !== undefined) return false;
    if (equal === undefined && list === undefined && prefix !== undefined && isOriginOnly(prefix)) return true;
    const texts = [...(equal === undefined ? [] : [equal]), ...(list ?? []), ...(prefix === undefined ? [] : [prefix])];
    return texts.length > 0 && texts.every(isOther);
  });
}

/** Whether the text is a URL with only a scheme, a host and perhaps a port: `https://a.example/`. */
function isOriginOnly(text: string): boolean {
  const url = parseUrl(text);
  return url !== undefined && hasHost(text) && text === `${url.origin}/`;
}
