/** Finds the home folder of the user and the folder where Boruna keeps state. */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { type Environment, readVariable } from "../variables.ts";
import { errorCode } from "../../vm/error.ts";

/** Replaces a leading `~` with the home folder. Without a home folder, returns the path unchanged. */
export function expandHome(path: string): string {
  const home = path === "~" || /^~[/\\]/.test(path) ? homeFolder() : undefined;
  return home === undefined ? path : join(home, path.slice(1));
}

/** Returns `XDG_STATE_HOME/boruna` or `~/.local/state/boruna`, or undefined if there is no home folder. The folder may not exist. */
export function stateFolder(environment: Environment): string | undefined {
  const state = readVariable(environment, "XDG_STATE_HOME");
  // A relative path is invalid and must be ignored (XDG Base Directory Specification 0.8).
  if (state !== undefined && isAbsolute(state)) return join(state, "boruna");
  const home = homeFolder();
  return home === undefined ? undefined : join(home, ".local", "state", "boruna");
}

function homeFolder(): string | undefined {
  try {
    const home = homedir();
    return isAbsolute(home) ? home : undefined;
  } catch (error) {
    // The user has no entry in the user database.
    if (errorCode(error) !== "") return undefined;
    throw error;
  }
}
