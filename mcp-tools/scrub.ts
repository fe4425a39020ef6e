/** Removes secrets from the answers of a server: replaces the value of each declared variable with `{{env:NAME}}`. */
import type { ServerAddress } from "./declaration.ts";

/** Shorter values are not replaced, because they may be ordinary words. */
const MIN_SECRET = 6;

/** Returns a function that replaces secrets in all texts and keys of plain data. It returns data without secrets unchanged. */
export function scrubber(server: ServerAddress, env: Readonly<Record<string, string | undefined>>): (value: unknown) => unknown {
  const names = "url" in server ? [...server.headers.values()] : server.env;
  const secrets = names.flatMap((name) => {
    const value = env[name] ?? "";
    return value.length < MIN_SECRET ? [] : [{ value, placeholder: `{{env:${name}}}` }];
  });
  if (secrets.length === 0) return (value) => value;
  const scrubText = (text: string): string =>
    secrets.reduce((scrubbed, { value, placeholder }) => scrubbed.replaceAll(value, () => placeholder), text);
  return (value) => scrubbed(value, scrubText, 0);
}

/** Limit on nesting. Deeper values are not searched, because they are refused later. */
const MAX_DEPTH = 1_000;

function scrubbed(value: unknown, scrubText: (text: string) => string, depth: number): unknown {
  if (typeof value === "string") return scrubText(value);
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) return value.map((part) => scrubbed(part, scrubText, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [scrubText(key), scrubbed(part, scrubText, depth + 1)]));
}
