import { readFileSync } from "node:fs";
import { publicKeyOf } from "../gateway/signing.ts";
import { systemErrorText } from "../replay/log/files.ts";
import { BorunaError } from "../vm/error.ts";

/** Reads the text of a key file. Throws `io_error`. */
export function readKey(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new BorunaError("io_error", `cannot read ${path}: ${systemErrorText(error, "read")}`, { place: { file: path }, cause: error });
  }
}

/** Returns the public key that the flag `--key` names. Throws `usage`, `io_error`. */
export function publicKeyFlag(flag: string): string {
  const key = publicKeyOf(flag) ?? publicKeyOf(readKey(flag));
  if (key !== undefined) return key;
  throw new BorunaError("usage", `--key ${flag}: the file has no public Ed25519 key in PEM form`, {
    hint: "boruna keygen FILE writes the public key to FILE.pub; give that file.",
  });
}
