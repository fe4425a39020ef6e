/** Tells the user what usage events contain, where they go and how to stop them, once. */
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../variables.ts";
import { USAGE_FIELDS } from "./event.ts";
import { stateFolder } from "./folders.ts";
import type { UsageDestination } from "./settings.ts";
import { errorCode } from "../../vm/error.ts";

/** An empty file with this name in the state folder says that the notice was shown. The number is the version of the event's schema. */
const MARKER = "usage-notice-1";

/**
 * Whether this process must show the notice. Creates the marker, so that only one of several concurrent commands shows it. If the
 * marker cannot be created, for example in a read-only home folder, every command shows the notice: nothing records that the
 * user has seen it.
 */
export function mustShowNotice(environment: Environment): boolean {
  const folder = stateFolder(environment);
  if (folder === undefined) return true;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    closeSync(openSync(join(folder, MARKER), "wx", 0o600));
    return true;
  } catch (error) {
    return !(errorCode(error) === "EEXIST" && wasNoticeShown(environment));
  }
}

export function wasNoticeShown(environment: Environment): boolean {
  const folder = stateFolder(environment);
  return folder !== undefined && existsSync(join(folder, MARKER));
}

export function noticeText(destination: UsageDestination): string {
  return [
    `Boruna sends a usage event for each command to ${destination.kind === "file" ? "the file that BORUNA_TELEMETRY_FILE names" : describeUrl(destination.url)}.`,
    `  It contains ${Object.keys(USAGE_FIELDS).join(", ")}.`,
    "  It never contains a user, host, path, argument, program text, URL or error message.",
    "  BORUNA_TELEMETRY_DISABLED=1 or DO_NOT_TRACK=1 stops it; `boruna telemetry status` says more. This notice is shown once.",
  ].join("\n");
}

/** Returns the URL for a terminal. Leaves out path and query, which may hold a key, because logs of CI jobs are read by many. */
export function describeUrl(url: string): string {
  const { origin, pathname, search } = new URL(url);
  return `${origin}/${pathname === "/" && search === "" ? "" : "…"}`;
}
