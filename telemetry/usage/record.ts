/**
 * Makes and delivers the usage event of one command, after the command has done its work:
 *
 *   settings.ts ──► notice.ts ──► event.ts ──► delivery.ts ──► a file, or POST to a URL
 *   on or off       once          one event    time limit      report.ts reads such a file, sink.ts is such a server
 *
 * Nothing here changes the exit code or stdout of the command.
 */
import { randomBytes } from "node:crypto";
import { VERSION } from "../../vm/version.ts";
import type { Environment } from "../variables.ts";
import { deliver } from "./delivery.ts";
import type { UsageEvent } from "./event.ts";
import { mustShowNotice, noticeText } from "./notice.ts";
import type { UsageDestination } from "./settings.ts";

export interface EndedCommand {
  /** The words of the command in the command table: `run`, `policy show`. */
  readonly name: string;
  readonly exitCode: number;
  /** One stable word for the error. Ignored if the exit code is 0. */
  readonly errorClass: string;
  /** The trace id of the run's span, if there is one. */
  readonly traceId: string | undefined;
}

/** Shows the notice if it is due, then delivers the event. Resolves to undefined, or to the reason why the event was not delivered. */
export async function recordUsage(
  ended: EndedCommand,
  destination: UsageDestination,
  tenant: string | undefined,
  environment: Environment,
  writeLine: (line: string) => void,
): Promise<string | undefined> {
  const event = usageEvent(ended, tenant);
  if (mustShowNotice(environment)) writeLine(noticeText(destination));
  return deliver(event, destination);
}

export function usageEvent({ name, exitCode, errorClass, traceId }: EndedCommand, tenant: string | undefined): UsageEvent {
  const [command = "", subcommand = null] = name.split(" ");
  return {
    schema_version: "1",
    ts: new Date(performance.timeOrigin).toISOString(),
    trace_id: traceId ?? randomBytes(16).toString("hex"),
    command,
    subcommand,
    outcome: exitCode === 0 ? "ok" : "error",
    err_class: exitCode === 0 ? null : errorClass,
    exit_code: exitCode,
    duration_ms: Math.round(performance.now()),
    cli_version: VERSION,
    channel: channelOf(VERSION),
    os: process.platform,
    tenant,
  };
}

/** Returns the name of a prerelease, `beta` for 1.0.0-beta.2, and `stable` for any other version. */
export function channelOf(version: string): string {
  return /^[^-+]*-([a-z][a-z0-9]*)/.exec(version)?.[1] ?? "stable";
}
