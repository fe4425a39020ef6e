import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { McpOptions } from "../../mcp/server.ts";
import { readToolModule } from "../../mcp/tool-search.ts";
import { createThreads } from "../../mcp/threads.ts";
import { policyToJson } from "../../policy/policy.ts";
import { toIoError } from "../../replay/log/files.ts";
import { importOptional } from "../../gateway/optional-package.ts";
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson } from "../../vm/json/json.ts";
import { EXIT } from "../../vm/outcome.ts";
import { loadRegistry } from "../capabilities.ts";
import { type PolicyFlags, policyOf } from "../policy-flags.ts";
import type { CommandSession } from "../session.ts";
import { withTelemetry } from "../telemetry.ts";
import { withoutControlCharacters } from "../terminal.ts";

/** The options of `boruna mcp`, which `command-table.ts` explains. */
export interface McpFlags extends PolicyFlags {
  readonly live?: boolean;
  readonly logs?: string;
  readonly port?: string;
  readonly tools?: readonly string[];
}

export async function mcpCommand(session: CommandSession, flags: McpFlags): Promise<number> {
  const tools = (flags.tools ?? []).map((path) => resolve(path));
  // A mistake in a file is reported now, not at a client's request. The servers of the tools start later, at the first call of a run.
  for (const path of tools) readToolModule(path);
  const registry = await loadRegistry({ capabilities: tools }, session);
  const policy = await policyOf(flags, registry);
  const folder = flags.logs === undefined ? mkdtempSync(join(tmpdir(), "boruna-mcp-logs-")) : logsFolder(flags.logs);
  const threads = createThreads();
  const port = portOf(flags.port);
  const options: McpOptions = {
    settings: { policy: canonicalJson(policyToJson(policy)), live: flags.live === true, logs: folder, tools },
    threads,
    transport: port === undefined ? "pipe" : "tcp",
    onNotice: (line) => session.terminal.err(withoutControlCharacters(line)),
  };
  try {
    const serve =
      port === undefined
        ? (await importOptional("boruna mcp", () => import("../../mcp/server.ts"))).serveOnStdio
        : httpServer(session, port);
    await withTelemetry(session, { exitCode: () => EXIT.done }, ({ signal }) => serve(options, signal));
    return EXIT.done;
  } finally {
    await threads.close();
    if (flags.logs === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** Parses `--port`. Throws `usage`. */
function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 65_536;
  if (port > 65_535) throw new BorunaError("usage", `--port ${text}: expected a number from 0 to 65535`);
  return port;
}

/** Returns a function that serves until the signal aborts. It prints the URL, and the token unless the caller chose it. */
function httpServer({ terminal }: CommandSession, port: number): (options: McpOptions, signal: AbortSignal) => Promise<void> {
  return async (options, signal) => {
    const [{ mcpFactory }, { serveHttp }] = await importOptional("boruna mcp", () =>
      Promise.all([import("../../mcp/server.ts"), import("../../mcp/http.ts")]),
    );
    const chosen = process.env["BORUNA_MCP_TOKEN"]?.trim() || undefined;
    const token = chosen ?? randomBytes(32).toString("base64url");
    const server = await serveHttp(mcpFactory(options), { host: "127.0.0.1", port, token, onNotice: options.onNotice });
    terminal.err(`listening on ${server.url}${chosen === undefined ? `, token ${token}` : ""}`);
    if (!signal.aborted) await once(signal, "abort");
    await server.close();
  };
}

/** Makes the folder if it does not exist. Throws `io_error`. */
function logsFolder(path: string): string {
  try {
    mkdirSync(path, { recursive: true });
    return resolve(path);
  } catch (error) {
    throw toIoError(error, "write", path);
  }
}
