/** Converts names on a server, which may be any text, to names of the language. */
import { kindOfWord } from "../compiler/tokens.ts";

/** Splits a text into words in lower case: `maxResults`, `max-results` and `MAX_RESULTS` are `max` and `results`. */
export function wordsOf(text: string): readonly string[] {
  return text
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1 $2")
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "")
    .map((word) => word.toLowerCase());
}

/** Returns a name such as `max_results`. If the text has no letter or digit, returns `fallback`. */
export function snakeCase(text: string, fallback: string): string {
  const name = wordsOf(text).join("_");
  if (name === "") return fallback;
  return /^[0-9]/.test(name) ? `${fallback}_${name}` : name;
}

/** Returns a name such as `MaxResults`; empty if the text has no letter or digit. */
export function pascalCase(text: string): string {
  return wordsOf(text)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}

/** Whether the word may name a parameter or a variant. */
export function isFreeName(word: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(word) && kindOfWord(word) === "name";
}

/** Makes names unique. Names that differ only in case count as equal. */
export class UniqueNames {
  readonly #used = new Set<string>();

  /** Returns the name. If an earlier call returned it, appends a number. */
  unique(name: string, separator = ""): string {
    let candidate = name;
    for (let n = 2; this.#used.has(candidate.toLowerCase()); n++) candidate = `${name}${separator}${n}`;
    this.#used.add(candidate.toLowerCase());
    return candidate;
  }
}
