/** Decodes the text of logs and other files. */
import { BorunaError } from "../../vm/error.ts";
import { lazily } from "../../vm/lazy.ts";

const utf8 = lazily(() => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }));

/** Decodes UTF-8. Returns undefined if the bytes are not UTF-8. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return utf8().decode(bytes);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Decodes UTF-8. `displayName` names the bytes in the error message. Throws `log.utf8`. */
export function decodeUtf8(bytes: Uint8Array, displayName: string): string {
  const text = utf8Text(bytes);
  if (text === undefined) throw new BorunaError("log.utf8", `${displayName} is not UTF-8 text`);
  return text;
}
