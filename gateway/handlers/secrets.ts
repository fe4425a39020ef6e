/** `{{secret:NAME}}` in a header: the value goes to the secret's hosts alone, and never back to the program. */
import { Buffer } from "node:buffer";
import { matchesHost } from "../../policy/hosts.ts";
import type { Policy } from "../../policy/policy.ts";
import { CapabilityDenied, CapabilityFailure } from "../handlers.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Secrets {
  /** Whether the text holds a placeholder. */
  holds(text: string): boolean;
  /** The text with the values in place, for one host. Throws `CapabilityDenied` for a host that is not the secret's. */
  reveal(text: string, host: string): string;
  /** The text with every value, however spelled, turned back into its placeholder. */
  scrub(text: string): string;
}

const PLACEHOLDER = /\{\{secret:([A-Za-z_][A-Za-z0-9_]*)\}\}/g;

export function secretsOf(policy: Policy, env: Environment): Secrets {
  const read = (name: string): string | undefined => {
    const variable = policy.secrets.get(name)?.env;
    return variable === undefined ? undefined : env[variable];
  };
  return {
    holds: (text) => text.search(PLACEHOLDER) !== -1,
    reveal: (text, host) =>
      text.replace(PLACEHOLDER, (_, name: string) => {
        const secret = policy.secrets.get(name);
        if (secret === undefined) throw new CapabilityFailure(`the policy has no secret ${name}`);
        if (!secret.hosts.some((pattern) => matchesHost(pattern, host)))
          throw new CapabilityDenied(`the secret ${name} may not be sent to ${host}`);
        const value = read(name) ?? "";
        if (value === "") throw new CapabilityFailure(`the secret ${name} has no value: its environment variable is not set`);
        if (!/^[\t\x20-\x7e]+$/.test(value)) throw new CapabilityFailure(`the secret ${name} has characters that a header cannot hold`);
        return value;
      }),
    scrub: (text) => {
      const spellings = [...policy.secrets.keys()].flatMap((name) => spellingsOf(read(name) ?? "").map((value) => ({ name, value })));
      // Longest first: one secret may be a part of another.
      spellings.sort((a, b) => b.value.length - a.value.length);
      return spellings.reduce((done, { name, value }) => done.replaceAll(value, () => `{{secret:${name}}}`), text);
    },
  };
}

/** As it is, inside JSON, inside a URL, and in base64. */
function spellingsOf(value: string): readonly string[] {
  if (value === "") return [];
  return [...new Set([value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), Buffer.from(value).toString("base64")])];
}
