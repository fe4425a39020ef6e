/** Makes text from programs, files and network peers safe to print on a terminal. */

/** Characters that control a terminal or are invisible on it: control characters, line separators, bidirectional marks and U+FEFF. */
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufeff]/gu;

const escapeOf = (character: string): string => `\\u{${character.charCodeAt(0).toString(16)}}`;

/** Replaces each unsafe character with the result of `replace`, which by default is a visible escape such as `\u{1b}`. */
export function replaceUnsafe(text: string, replace: (character: string) => string = escapeOf): string {
  return text.replace(UNSAFE, replace);
}
