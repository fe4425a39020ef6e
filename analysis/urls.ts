/** What is known about the hosts of URLs. */
import { parseTarget } from "../policy/hosts.ts";
import { parseUrl } from "../policy/host-names.ts";
import type { Condition } from "../policy/where.ts";
import type { Known } from "./known.ts";

/** The beginning of a URL that includes the complete host and port. */
const HOST = /^https?:\/\/(?:[a-z0-9._-]+|\[[0-9a-f:]+\])(?::[0-9]+)?[/?#]/i;

/** Whether the beginning of a URL includes the complete host and port. */
export const hasHost = (text: string): boolean => HOST.test(text);

/** Returns the hosts of a URL. Undefined if one is not known. A text that is no URL has none. */
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
 * Whether the conditions accept or refuse a URL by its host alone, so that the beginning of a URL decides like all URLs that begin with
 * it. A condition does if it is the prefix `https://host/`, or if its texts have other hosts than the URL.
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
    if (equal === undefined && list === undefined && prefix !== undefined && isWholeHost(prefix)) return true;
    const texts = [...(equal === undefined ? [] : [equal]), ...(list ?? []), ...(prefix === undefined ? [] : [prefix])];
    return texts.length > 0 && texts.every(isOther);
  });
}

/** Whether the text is a URL of which only the host matters: `https://a.example/`. */
function isWholeHost(text: string): boolean {
  const url = parseUrl(text);
  return url !== undefined && hasHost(text) && text === `${url.origin}/`;
}
