/** Text from programs, files and peers, made safe to print on a terminal. */

/** Characters that a terminal obeys or hides: controls, line separators, marks that change the direction of text, and the zero-width no-break space. */
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufeff]/gu;

const escapeOf = (character: string): string => `\\u{${character.charCodeAt(0).toString(16)}}`;

/** The text with `replace` applied to every unsafe character; by default each becomes a visible escape, such as `\u{1b}`. */
export function printable(text: string, replace: (character: string) => string = escapeOf): string {
  return text.replace(UNSAFE, replace);
}
