import { replaceLoneSurrogates } from "../vm/value/value.ts";

/** Limit on a text that a reason quotes, in UTF-16 code units. */
const MAX_QUOTED_UNITS = 200;

/** Puts a text in quotes for use in a reason, escapes its control characters, and shortens it. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED_UNITS ? `${replaceLoneSurrogates(text.slice(0, MAX_QUOTED_UNITS))}…` : text);
}
