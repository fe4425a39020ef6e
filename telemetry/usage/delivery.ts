/** Delivers one usage event: appends it to a file, or posts it to a URL within a time limit. */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { socketLookup } from "../lookup.ts";
import { BorunaError, errorCode } from "../../vm/error.ts";
import { VERSION } from "../../vm/version.ts";
import { MAX_EVENT_BYTES, usageLine, type UsageEvent } from "./event.ts";
import { expandHome } from "./folders.ts";
import type { UsageDestination } from "./settings.ts";

/** Delivers the event. Never rejects. Resolves to undefined, or to the reason why the event was not delivered. */
export async function deliver(event: UsageEvent, destination: UsageDestination): Promise<string | undefined> {
  try {
    if (destination.kind === "url") return await post(usageLine(event), destination);
    const file = openEventFile(expandHome(destination.path));
    try {
      file.append(event);
    } finally {
      file.close();
    }
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** Returns a reason without any text of a system error's message, which could contain a path or a URL. */
function reasonOf(error: unknown): string {
  if (error instanceof BorunaError) return error.message;
  const code = errorCode(error);
  return /^[A-Z][A-Z0-9_]{1,40}$/.test(code) ? code : "it failed";
}

export interface EventFile {
  /** Appends one line. Concurrent writers do not mix their lines, because each line is one `write` at the end of the file. */
  append(event: UsageEvent): void;
  close(): void;
}

/**
 * Opens a file to append events to it, and creates it if necessary. Throws the system's error. Throws `io_error`, without the path, for a
 * pipe, a device, or a file with other content: no event may be written into a program or the log of a run.
 */
export function openEventFile(path: string): EventFile {
  // Without O_NONBLOCK, opening some devices would block here. For a pipe, POSIX does not define whether O_RDWR alone blocks.
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
  const descriptor = openSync(path, flags, 0o600);
  try {
    if (!fstatSync(descriptor).isFile()) throw new BorunaError("io_error", "it is not a regular file");
    if (!holdsEvents(descriptor)) throw new BorunaError("io_error", "it holds something else than usage events");
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  return {
    append: (event) => {
      writeSync(descriptor, `${usageLine(event)}\n`);
    },
    close: () => closeSync(descriptor),
  };
}

/** The first fields of an event, which have a narrow form. Later fields may differ in other versions of Boruna. */
const EVENT_START = /^\{"schema_version":"\d+","ts":"\d{4}-\d\d-\d\dT[\d:.]{12}Z","trace_id":"[0-9a-f]{32}","command":"/;

/** Whether the file is empty or begins with an event. */
function holdsEvents(descriptor: number): boolean {
  const start = Buffer.alloc(MAX_EVENT_BYTES);
  const size = readSync(descriptor, start, 0, start.length, 0);
  return size === 0 || EVENT_START.test(start.toString("latin1", 0, size));
}

/**
 * Posts the line. Looking up the host, connecting, sending and the response's status together take at most `timeoutMs`.
 * Follows no redirect, and reads nothing of the response but its status.
 */
async function post(line: string, { url, token, timeoutMs }: Extract<UsageDestination, { kind: "url" }>): Promise<string | undefined> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  try {
    const { request } = url.startsWith("https:") ? await import("node:https") : await import("node:http");
    const body = Buffer.from(line, "utf8");
    const headers: OutgoingHttpHeaders = {
      "Content-Type": "application/json",
      "Content-Length": body.length,
      "User-Agent": `boruna/${VERSION}`,
    };
    if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      // Not Node's own lookup: `process.exit` would wait for it, even after the time limit.
      request(url, { method: "POST", headers, signal: abort.signal, agent: false, lookup: socketLookup() }, resolve)
        .on("error", reject)
        .end(body);
    });
    response.destroy();
    const status = response.statusCode ?? 0;
    return status >= 200 && status < 300 ? undefined : `the server answered ${status}`;
  } catch (error) {
    return abort.signal.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error);
  } finally {
    clearTimeout(timer);
  }
}
