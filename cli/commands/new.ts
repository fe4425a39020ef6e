/** Starts a project from the one template, which is `examples/starter` of the package. */
import { copyFileSync, constants, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemErrorText } from "../../replay/log/files.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import type { CommandSession } from "../session.ts";
import { printJson, withoutControlCharacters } from "../terminal.ts";

/** `../../` is the root of the package, both from this file and from the built command in `dist/bin`. */
const TEMPLATE = fileURLToPath(new URL("../../examples/starter/", import.meta.url));

/** Creates a folder with the template. Throws `usage` if the path exists, and `io_error` if it cannot be written. */
export function newCommand(session: CommandSession, folder: string): number {
  if (existsSync(folder))
    throw new BorunaError("usage", `${folder} exists`, { hint: "`boruna init`, in that folder, adds the files to it" });
  withIoError(folder, () => mkdirSync(folder, { recursive: true }));
  return writeTemplate(session, folder);
}

/** Writes the template into the current folder. Throws `usage` if one of the files exists, and `io_error` if one cannot be written. */
export function initCommand(session: CommandSession): number {
  return writeTemplate(session, ".");
}

function writeTemplate({ terminal, json }: CommandSession, folder: string): number {
  const files = readdirSync(TEMPLATE).map((name) => ({ from: join(TEMPLATE, name), to: join(folder, name) }));
  const existing = files.find(({ to }) => existsSync(to));
  if (existing !== undefined)
    throw new BorunaError("usage", `${existing.to} exists, and nothing is overwritten`, { hint: "`boruna new NAME` makes a new folder" });
  for (const { from, to } of files) withIoError(to, () => copyFileSync(from, to, constants.COPYFILE_EXCL));
  if (json) printJson(terminal, { folder, files: files.map(({ to }) => to) });
  else {
    for (const { to } of files) terminal.out(withoutControlCharacters(to));
    terminal.err(withoutControlCharacters(`next: ${folder === "." ? "" : `cd ${folder} && `}boruna test`));
  }
  return EXIT.done;
}

/** Runs `body`. Throws `io_error` with the path for an error of the system. */
function withIoError(path: string, body: () => void): void {
  try {
    body();
  } catch (error) {
    throw new BorunaError("io_error", `cannot write ${path}: ${systemErrorText(error, "write")}`, { place: { file: path }, cause: error });
  }
}
