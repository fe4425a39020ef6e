/** Finds the secrets that a call of net.fetch can send: placeholders, `{{secret:NAME}}`, in the values of its headers. */
import { SECRET_PLACEHOLDER } from "../policy/secret-placeholder.ts";
import { asMap, type Known } from "./known.ts";
import { hostsOf } from "./urls.ts";

export interface SentSecret {
  /** The name in the placeholder. Undefined if only the beginning of the placeholder is known. */
  readonly name: string | undefined;
  /** The hosts to which the secret can be sent. Undefined if a host is unknown. */
  readonly hosts: readonly string[] | undefined;
  /** `certain`: every such call sends the secret. `named`: a known header may have it. `possible`: only an unknown header may have it. */
  readonly certainty: "possible" | "named" | "certain";
}

/** Returns the names in the placeholders of a text. For an incomplete placeholder, the name is undefined. */
function namesIn(text: string): readonly (string | undefined)[] {
  const names: (string | undefined)[] = [...text.matchAll(SECRET_PLACEHOLDER)].map(([, name]) => name);
  return text.replace(SECRET_PLACEHOLDER, "").includes("{{secret:") ? [...names, undefined] : names;
}

/** Returns the names in the placeholders of all these texts. */
export const secretNames = (texts: Iterable<string>): ReadonlySet<string | undefined> => new Set([...texts].flatMap(namesIn));

/**
 * Returns the secrets that a call with this URL and these headers can send. An unknown header may have any of `programSecrets`, the names in
 * all placeholders of the program.
 */
export function sentSecrets(url: Known, headers: Known, programSecrets: ReadonlySet<string | undefined>): readonly SentSecret[] {
  const { entries, isOpen } = asMap(headers);
  const found = new Map<string | undefined, SentSecret["certainty"]>();
  let hasUnknownHeader = isOpen;
  for (const { value, isCertain } of entries.values()) {
    if (value?.kind !== "text") {
      hasUnknownHeader = true;
      continue;
    }
    const names = value.texts.map(({ text }) => namesIn(text));
    hasUnknownHeader ||= value.texts.some(({ isExact }) => !isExact);
    for (const name of names.flat()) {
      const certainty = isCertain && names.every((each) => each.includes(name)) ? "certain" : "named";
      if (found.get(name) !== "certain") found.set(name, certainty);
    }
  }
  if (hasUnknownHeader) for (const name of programSecrets) if (!found.has(name)) found.set(name, "possible");
  return [...found].map(([name, certainty]) => ({ name, hosts: hostsOf(url), certainty }));
}

/** Describes a secret and where it goes: `secret BOARD to news.example`. */
export const secretText = (name: string | undefined, host: string | undefined): string =>
  `${name === undefined ? "a secret whose name is not known before the run" : `secret ${name}`} to ${host ?? "any host"}`;
