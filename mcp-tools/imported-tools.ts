/** Opens a declaration file of `boruna import mcp`. Returns its tools as capabilities, for `createRegistry`. */
import { dirname, resolve } from "node:path";
import type { CapabilitySpec } from "../gateway/own-capabilities.ts";
import { readBounded, toIoError } from "../replay/log/files.ts";
import { decodeUtf8 } from "../replay/log/utf8-text.ts";
import { BorunaError } from "../vm/error.ts";
import { capabilitySpec } from "./capability-spec.ts";
import { parseDeclaration, type ToolDeclaration } from "./declaration.ts";
import { ToolServer } from "./tool-server.ts";

export interface ImportedTools {
  /** One capability for each tool. A live call reaches the server; other runs get the mock in the file. */
  readonly capabilities: readonly CapabilitySpec[];
  /** Ends the server, if a call has started it. Call it after the last run. */
  close(): Promise<void>;
}

export interface ImportedToolsOptions {
  /** The environment in which the variables named by the declaration file are looked up. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Receives warnings, such as a tool whose description has changed. Default: they are dropped. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/**
 * Reads a declaration file. The server starts at the first live call, and serves all runs until `close`. If the server is started by
 * a command, its working folder is that of the file. Throws `io_error`, `json.*`, `capability.invalid_declaration`.
 */
export function openImportedTools(
  path: string,
  { env = process.env, onWarning = () => undefined }: ImportedToolsOptions = {},
): ImportedTools {
  const declaration = readDeclarationFile(path);
  const server = new ToolServer(declaration, { cwd: dirname(resolve(path)), env, onWarning });
  return {
    capabilities: declaration.tools.map((tool) => capabilitySpec(tool, ([args = null], context) => server.call(tool, args, context))),
    close: () => server.close(),
  };
}

const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** Reads a declaration file. Throws `io_error`, `json.*` and `capability.invalid_declaration`, which name the file. */
export function readDeclarationFile(path: string): ToolDeclaration {
  try {
    return parseDeclaration(decodeUtf8(readBounded(path, MAX_FILE_BYTES), path));
  } catch (error) {
    // `toIoError` is for logs: an error of the system becomes `log.io_error`. It returns a BorunaError unchanged.
    const ioError = toIoError(error, "read", path);
    const kind = ioError.kind.startsWith("log.") ? "io_error" : ioError.kind;
    throw new BorunaError(kind, ioError.message, { place: { ...ioError.place, file: path }, hint: ioError.hint, cause: ioError });
  }
}
