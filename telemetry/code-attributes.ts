/** Prepares names and paths of a module for spans. They are shortened or refused, because a hostile module may choose any text. */

/** Limit on a name or path, in UTF-16 code units. A longer text is cut. */
const MAX_TEXT_LENGTH = 1_024;
/** Matches absolute paths and file URLs. */
const ABSOLUTE_PATH = /^(?:[/\\~]|[A-Za-z]:|file:)/;

export function shorten(text: string): string {
  return text.length <= MAX_TEXT_LENGTH ? text : text.slice(0, MAX_TEXT_LENGTH);
}

/** A cache of the last argument and result of `filePath`, because consecutive spans are usually in the same file. */
let lastFile = "";
let lastPath: string | undefined = "";

/** Returns the path of a file for a span, or undefined for an absolute path, because no span may contain one. */
export function filePath(file: string): string | undefined {
  if (file !== lastFile) {
    lastFile = file;
    lastPath = ABSOLUTE_PATH.test(file) ? undefined : shorten(file);
  }
  return lastPath;
}
