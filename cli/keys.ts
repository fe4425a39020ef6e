import { readFileSync } from "node:fs";
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
