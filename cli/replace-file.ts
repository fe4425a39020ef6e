import { chmodSync, closeSync, openSync, realpathSync, renameSync, statSync } from "node:fs";
import { removeIncompleteFile, systemErrorText, writeAll } from "../replay/log/files.ts";
import { BorunaError } from "../vm/error.ts";

/** Replaces the text of a file atomically: a reader sees the old text or the new one. If the file is a symbolic link, replaces its target. */
export function replaceFile(file: string, text: string): void {
  let temporary: string | undefined;
  try {
    const target = realpathSync(file);
    const mode = statSync(target).mode & 0o777;
    const name = `${target}.${process.pid}.tmp`;
    const descriptor = openSync(name, "wx", mode);
    temporary = name;
    try {
      writeAll(descriptor, Buffer.from(text, "utf8"));
    } finally {
      closeSync(descriptor);
    }
    chmodSync(name, mode);
    renameSync(name, target);
  } catch (error) {
    if (temporary !== undefined) removeIncompleteFile(temporary);
    throw new BorunaError("io_error", `cannot write ${file}: ${systemErrorText(error, "write")}`, { place: { file }, cause: error });
  }
}
