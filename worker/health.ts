/**
 * The health of a worker over HTTP, for process supervisors: `/healthz` says whether the worker is alive, `/readyz` whether it is in
 * contact with the database and takes runs. Both answer with a line of JSON, and 200 or 503.
 */
import { createServer, type Server } from "node:http";
import { BorunaError, errorCode } from "../vm/error.ts";

/** What the health pages report. */
export interface Health {
  readonly worker: string;
  readonly isAlive: boolean;
  readonly isReady: boolean;
  readonly activeRuns: number;
}

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves on the host and port; port 0 is any free one. Throws `io_error`. */
export async function serveHealth(host: string, port: number, health: () => Health): Promise<HealthServer> {
  const server = createServer((request, response) => {
    request.resume();
    const { worker, isAlive, isReady, activeRuns } = health();
    const answers = new Map([
      ["/healthz", isAlive],
      ["/readyz", isReady],
    ]);
    const isGood = request.method === "GET" ? answers.get(request.url ?? "") : undefined;
    response.writeHead(isGood === undefined ? 404 : isGood ? 200 : 503, { "content-type": "application/json" });
    response.end(`${JSON.stringify({ worker, alive: isAlive, ready: isReady, active_runs: activeRuns })}\n`);
  });
  await listen(server, host, port);
  const address = server.address();
  const shownHost = host.includes(":") ? `[${host}]` : host;
  return {
    url: `http://${shownHost}:${typeof address === "object" ? (address?.port ?? port) : port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(new BorunaError("io_error", `cannot listen on ${host}:${port} (${errorCode(error)})`, { cause: error })),
    );
    server.listen(port, host, resolve);
  });
}
