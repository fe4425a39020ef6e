/** Shows calls that wait for an approval. */
import type { WaitingCall } from "../gateway/approval.ts";
import { replaceUnsafe } from "../vm/terminal-text.ts";

/** Maximum number of UTF-16 code units that are shown of one argument. */
const MAX_SHOWN_CHARS = 2_000;

/**
 * Characters that no reader sees: format characters, such as zero-width ones and tags. `replaceUnsafe` escapes all other invisible
 * characters.
 */
const INVISIBLE = /\p{Cf}/gu;

/** Replaces every invisible character of a text by an escape, so that a person sees what the program asks. */
export function escapeInvisible(text: string): string {
  return replaceUnsafe(text).replace(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Returns one line for the call and one for each argument, safe to print. A long argument is cut, and the line says so. */
export function approvalRequestLines({ call, capability, args, hash }: WaitingCall): readonly string[] {
  return [
    `call ${call} of ${escapeInvisible(capability)} (${hash})`,
    ...args.map(({ name, text }) => `  ${escapeInvisible(name)}: ${argumentText(text)}`),
  ];
}

function argumentText(text: string): string {
  if (text.length <= MAX_SHOWN_CHARS) return escapeInvisible(text);
  return `${escapeInvisible(text.slice(0, MAX_SHOWN_CHARS))}… (${text.length - MAX_SHOWN_CHARS} of ${text.length} characters are not shown; the hash covers all)`;
}
