/** Starts an HTTP server that receives telemetry from others. */
import { createServer, type RequestListener } from "node:http";
import { BorunaError, type ErrorKind, errorCode } from "../vm/error.ts";

export interface ServerOptions {
  /** The address or name of the interface to listen on. */
  readonly host: string;
  /** 0 means any free port. */
  readonly port: number;
  /** Kind and hint of the error that is thrown if the address is not available. */
  readonly unavailable: ErrorKind;
  readonly hint: string;
}

export interface RunningServer {
  readonly port: number;
  /** Stops listening and closes open connections. */
  readonly close: () => Promise<void>;
}

const REQUEST_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 256;

/** Starts listening. Throws an error of the kind `unavailable`. */
export async function startServer(listener: RequestListener, options: ServerOptions): Promise<RunningServer> {
  const { host, port, unavailable, hint } = options;
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }, listener);
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const code = errorCode(error) || "unknown error";
      reject(new BorunaError(unavailable, `port ${port} on ${host} is not available (${code})`, { hint, cause: error }));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new BorunaError("internal", "a TCP server without a port");
  return {
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
