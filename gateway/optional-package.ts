/** Packages that only some commands and capabilities need (`optionalDependencies`): `npm install --omit=optional` leaves them out. */
import { BorunaError, errorCode } from "../vm/error.ts";

/**
 * Returns what `load` imports. If a package is not installed, throws `failure(text)`, where the text names the package. By default, this is
 * a `usage` error. `what` is the command or capability that needs the package.
 */
export async function importOptional<T>(
  what: string,
  load: () => Promise<T>,
  failure: (text: string) => Error = (text) => new BorunaError("usage", text),
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const name = missingPackage(error);
    throw name === undefined ? error : failure(installText(what, name));
  }
}

export function installText(what: string, name: string): string {
  return `${what} needs the package ${name}, which is not installed: npm install ${name}`;
}

/** Returns the package that an `import` or `require` did not find. Node's error has the package's name only in its message. */
function missingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error) || !["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"].includes(errorCode(error))) return undefined;
  return /^Cannot find (?:package|module) '((?:@[^/']+\/)?[^./'][^/']*)/.exec(error.message)?.[1];
}
