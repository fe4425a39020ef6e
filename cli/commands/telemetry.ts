import { closeSync, readSync } from "node:fs";
import { openRegular, systemErrorText, toIoError } from "../../replay/log/files.ts";
import { type EventFile, openEventFile } from "../../telemetry/usage/delivery.ts";
import { USAGE_FIELDS, type UsageEvent, usageLine } from "../../telemetry/usage/event.ts";
import { expandHome } from "../../telemetry/usage/folders.ts";
import { describeUrl, wasNoticeShown } from "../../telemetry/usage/notice.ts";
import { boundedLines, type CommandReport, UsageCounter } from "../../telemetry/usage/report.ts";
import { isBearerToken, readUsageSettings, type UsageSettings } from "../../telemetry/usage/settings.ts";
import { isLoopback, startUsageSink } from "../../telemetry/usage/sink.ts";
import { readVariable } from "../../telemetry/variables.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import type { CommandSession } from "../session.ts";
import { printJson, type Terminal, withoutControlCharacters } from "../terminal.ts";

export function telemetryStatusCommand({ terminal, json }: CommandSession): number {
  const settings = readUsageSettings(process.env);
  const noticeShown = wasNoticeShown(process.env);
  if (json) printJson(terminal, statusJson(settings, noticeShown));
  else for (const line of statusLines(settings, noticeShown)) terminal.out(withoutControlCharacters(line));
  return EXIT.done;
}

function statusJson({ destination, reason, tenant, warnings }: UsageSettings, noticeShown: boolean): Readonly<Record<string, unknown>> {
  return {
    on: destination !== undefined,
    reason,
    file: destination?.kind === "file" ? expandHome(destination.path) : null,
    url: destination?.kind === "url" ? describeUrl(destination.url) : null,
    token: destination?.kind === "url" && destination.token !== undefined,
    timeout_ms: destination?.kind === "url" ? destination.timeoutMs : null,
    tenant: tenant ?? null,
    ignored: warnings,
    notice_shown: noticeShown,
    fields: Object.keys(USAGE_FIELDS),
  };
}

function statusLines({ destination, reason, tenant, warnings }: UsageSettings, noticeShown: boolean): readonly string[] {
  const ignored = warnings.map((warning) => `note: ${warning}`);
  if (destination === undefined) {
    const how = "to turn them on: BORUNA_TELEMETRY_FILE=FILE, or BORUNA_TELEMETRY_ENABLED=1 and BORUNA_TELEMETRY_URL=URL";
    return ["usage events are off", `why: ${reason}`, how, ...ignored];
  }
  const where =
    destination.kind === "file"
      ? [`file: ${expandHome(destination.path)}`]
      : [
          `url: ${describeUrl(destination.url)}`,
          `token: ${destination.token === undefined ? "none" : "set"}`,
          `time limit: ${destination.timeoutMs} ms`,
        ];
  return [
    "usage events are on",
    `why: ${reason}`,
    ...where,
    `tenant: ${tenant ?? "none"}`,
    `each event: ${Object.keys(USAGE_FIELDS).join(", ")}`,
    `notice: ${noticeShown ? "shown" : "not yet shown"}`,
    "to turn them off: BORUNA_TELEMETRY_DISABLED=1 or DO_NOT_TRACK=1",
    ...ignored,
  ];
}

export interface SinkFlags {
  readonly host?: string;
  readonly port?: string;
  readonly append?: string;
  readonly dryRun?: boolean;
}

/** Receives events until SIGINT or SIGTERM. Prints them as JSON lines on stdout, or appends them to a file. */
export async function telemetrySinkCommand({ terminal, json }: CommandSession, flags: SinkFlags): Promise<number> {
  const host = flags.host ?? "127.0.0.1";
  const token = tokenFor(host);
  const port = portOf(flags.port);
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  const store = storeOf(terminal, flags);
  const counts = { accepted: 0, refused: 0 };
  const reportedStatuses = new Set<number>();
  try {
    const sink = await startUsageSink({
      host,
      port,
      token,
      onEvent: (event) => {
        store.append(event);
        counts.accepted += 1;
      },
      onRefused: (status, problem) => {
        counts.refused += 1;
        // One line for each status, so that a client that repeats a mistake cannot flood the terminal.
        if (!reportedStatuses.has(status)) terminal.err(`refused a request: ${status}, ${problem}; further ones are counted`);
        reportedStatuses.add(status);
      },
    });
    terminal.err(`listening: ${sink.url}`);
    await stopped;
    await sink.close();
  } finally {
    store.close();
  }
  if (json) printJson(terminal, counts);
  terminal.err(`${counts.accepted} accepted, ${counts.refused} refused`);
  return EXIT.done;
}

/** Returns what receives the events: a file, stdout, or nothing. */
function storeOf(terminal: Terminal, { append, dryRun }: SinkFlags): EventFile {
  if (dryRun === true) return { append: () => undefined, close: () => undefined };
  if (append === undefined) return { append: (event: UsageEvent) => terminal.out(usageLine(event)), close: () => undefined };
  try {
    return openEventFile(expandHome(append));
  } catch (error) {
    const reason = error instanceof BorunaError ? error.message : systemErrorText(error, "write");
    throw new BorunaError("io_error", `cannot write ${append}: ${reason}`, {
      place: { file: append },
      cause: error,
    });
  }
}

/** Returns the token that requests must have. Throws `usage` without one, if other machines can reach the host. */
function tokenFor(host: string): string | undefined {
  const token = readVariable(process.env, "BORUNA_TELEMETRY_TOKEN");
  if (token === undefined && !isLoopback(host)) {
    throw new BorunaError("usage", `--host ${host}: other machines can reach it, so a token is necessary`, {
      hint: "set BORUNA_TELEMETRY_TOKEN to the same value here and where the commands run",
    });
  }
  if (token === undefined || isBearerToken(token)) return token;
  throw new BorunaError("usage", "BORUNA_TELEMETRY_TOKEN is not a bearer token", {
    hint: "it may have letters, digits and the characters - . _ ~ + / and = at its end",
  });
}

function portOf(text = "0"): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new BorunaError("usage", `--port ${text}: expected a port number, or 0 for any free port`);
}

export function telemetryReportCommand({ terminal, json }: CommandSession, file: string): number {
  const counter = new UsageCounter();
  for (const line of boundedLines(chunksOf(file))) counter.addLine(line);
  const { events, malformed, commands } = counter.report();
  if (json) {
    printJson(terminal, { events, malformed, commands: commands.map(commandJson) });
    return EXIT.done;
  }
  const rows = [HEADINGS, ...commands.map(rowOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  if (commands.length > 0) for (const row of rows) terminal.out(alignedRow(row, widths));
  terminal.out(`events: ${events}, malformed lines: ${malformed}`);
  return EXIT.done;
}

const CHUNK_BYTES = 65_536;

function* chunksOf(file: string): Generator<Uint8Array> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  let descriptor: number | undefined;
  try {
    descriptor = openRegular(file);
    for (let size = readSync(descriptor, buffer); size > 0; size = readSync(descriptor, buffer)) yield buffer.subarray(0, size);
  } catch (error) {
    const ioError = toIoError(error, "read", file);
    throw new BorunaError("io_error", ioError.message, { place: { file }, cause: ioError });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

const HEADINGS = ["command", "events", "errors", "error rate", "p50 ms", "p90 ms", "p99 ms", "most frequent errors"];
const MAX_SHOWN_CLASSES = 3;

function rowOf({ command, events, errors, errorClasses, p50, p90, p99 }: CommandReport): readonly string[] {
  const classes = errorClasses.slice(0, MAX_SHOWN_CLASSES).map(([word, count]) => `${word} ${count}`);
  const numbers = [events, errors, `${((100 * errors) / events).toFixed(1)}%`, p50, p90, p99].map(String);
  return [command, ...numbers, classes.join(", ")];
}

/** Aligns names to the left and numbers to the right. */
function alignedRow(row: readonly string[], widths: readonly number[]): string {
  const isText = (column: number): boolean => column === 0 || column === row.length - 1;
  const cells = row.map((cell, column) => (isText(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)));
  return cells.join("  ").trimEnd();
}

function commandJson({ command, events, errors, errorClasses, p50, p90, p99 }: CommandReport): Readonly<Record<string, unknown>> {
  return {
    command,
    events,
    errors,
    error_rate: errors / events,
    err_classes: Object.fromEntries(errorClasses),
    p50_ms: p50,
    p90_ms: p90,
    p99_ms: p99,
  };
}
