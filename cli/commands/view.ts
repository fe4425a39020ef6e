import { startViewer } from "../../viewer/server.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import type { CommandSession } from "../session.ts";
import { printJson, withoutControlCharacters } from "../terminal.ts";

/** The options of `boruna view`, which `command-table.ts` explains. */
export interface ViewFlags {
  readonly port?: string;
  readonly store?: string;
  readonly storeLimit?: string;
}

const MEBIBYTE = 1024 * 1024;
const MAX_LIMIT_MIB = 65_536;

/** Serves the viewer until SIGINT or SIGTERM. */
export async function viewCommand({ terminal, json }: CommandSession, logs: readonly string[], flags: ViewFlags): Promise<number> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  const viewer = await startViewer({
    port: numberOf("--port", flags.port ?? "4318", 0, 65_535),
    logs,
    limitBytes: numberOf("--store-limit", flags.storeLimit ?? "256", 1, MAX_LIMIT_MIB) * MEBIBYTE,
    storeFile: flags.store,
    onProblem: (problem) => terminal.err(withoutControlCharacters(problem)),
  });
  const headers = `Authorization=Bearer%20${viewer.senderToken}`;
  if (json) printJson(terminal, { page: viewer.pageUrl, endpoint: viewer.url, headers });
  else {
    terminal.out(`page: ${viewer.pageUrl}`);
    terminal.out("to send spans to it:");
    terminal.out(`  export OTEL_EXPORTER_OTLP_ENDPOINT=${viewer.url}`);
    terminal.out(`  export OTEL_EXPORTER_OTLP_HEADERS=${headers}`);
  }
  // Waits for the signal, or fails if the first reading of the logs does.
  await Promise.race([stopped, viewer.ready.then(() => stopped)]);
  await viewer.close();
  return EXIT.done;
}

function numberOf(flag: string, text: string, least: number, most: number): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new BorunaError("usage", `${flag} ${text}: expected a whole number from ${least} to ${most}`);
}
