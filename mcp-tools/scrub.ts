/** Removes secrets from the answers of a server: replaces the value of each declared variable with `{{env:NAME}}`. */
import { CapabilityFailure } from "../gateway/handlers.ts";
import type { ServerAddress } from "./declaration.ts";

/** In UTF-16 code units. Shorter values are not replaced, because they may be ordinary words. */
const MIN_SECRET_CHARS = 6;
/** The limit on the nesting of data. */
const MAX_DEPTH = 1_000;

/**
 * Returns a function that replaces secrets in all texts and keys of plain data, and leaves everything else as it is. The function throws
 * `CapabilityFailure` if there are secrets to look for and the data is nested deeper than `MAX_DEPTH`.
 */
export function scrubber(server: ServerAddress, env: Readonly<Record<string, string | undefined>>): (value: unknown) => unknown {
  const names = "url" in server ? [...server.headerVariables.values()] : server.variableNames;
  const secrets = names.flatMap((name) => {
    const value = env[name] ?? "";
    return value.length < MIN_SECRET_CHARS ? [] : [{ value, placeholder: `{{env:${name}}}` }];
  });
  if (secrets.length === 0) return (value) => value;
  const scrubText = (text: string): string =>
    secrets.reduce((result, { value, placeholder }) => result.replaceAll(value, () => placeholder), text);
  return (value) => scrubData(value, scrubText, 0);
}

function scrubData(value: unknown, scrubText: (text: string) => string, depth: number): unknown {
  if (typeof value === "string") return scrubText(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH) throw new CapabilityFailure(`the server answered with data that is nested deeper than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) return value.map((part) => scrubData(part, scrubText, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [scrubText(key), scrubData(part, scrubText, depth + 1)]));
}
