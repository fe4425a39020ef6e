/** Names and places of code on spans. A hostile module may choose any names. */

/** In UTF-16 code units. Longer names are cut. */
const MAX_TEXT_LENGTH = 1_024;
/** Matches absolute paths and file URLs. */
const ABSOLUTE_PATH = /^(?:[/\\~]|[A-Za-z]:|file:)/;

export function shorten(text: string): string {
  return text.length <= MAX_TEXT_LENGTH ? text : text.slice(0, MAX_TEXT_LENGTH);
}

/** The file that `filePath` was last asked about, and its answer. Most spans in a row are in the same file. */
let lastFile = "";
let lastPath: string | undefined = "";

/** Returns the path of a file as spans have it. Undefined if it is an absolute path, which a module may choose as a name. */
export function filePath(file: string): string | undefined {
  if (file !== lastFile) {
    lastFile = file;
    lastPath = ABSOLUTE_PATH.test(file) ? undefined : shorten(file);
  }
  return lastPath;
}
