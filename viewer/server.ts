/**
 * The server of `boruna view`, the entry point of this room:
 *
 *   spans ──► otlp-http.ts ──► stored-span.ts ──► span-store.ts ┐
 *                                                               ├─► catalogue.ts ──► routes.ts ──► JSON
 *   logs ──► log-watcher.ts ──► log-index.ts ───────────────────┘         └────────► live.ts ────► server-sent events
 *
 * All input is untrusted: requests, spans, logs. The server listens on the loopback interface only. Sending spans needs the sender's token;
 * reading data needs the page's token. Requests with a foreign `Host` or `Origin` are refused, so that no other web page can reach the
 * server, not even by DNS rebinding.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { randomHex } from "../gateway/digest.ts";
import { startServer } from "../telemetry/http-server.ts";
import { Catalogue, executionId } from "./catalogue.ts";
import { HttpProblem, notFound, problemAnswer } from "./http-answer.ts";
import { Live } from "./live.ts";
import { LogWatcher } from "./log-watcher.ts";
import { answerOtlp } from "./otlp-http.ts";
import { pageFiles, type PageFile } from "./page-files.ts";
import { type Route, routeOf, type Sources } from "./routes.ts";
import type { DecodedSpan } from "./span-data.ts";
import { SpanStore } from "./span-store.ts";
import { StoreFile } from "./store-file.ts";
import { storedSpan } from "./stored-span.ts";
import { BorunaError } from "../vm/error.ts";
import { isSameText } from "../telemetry/same-text.ts";

export interface ViewerOptions {
  /** The port to listen on. 0 means any free port. */
  readonly port: number;
  /** Logs and folders of logs to show and watch. */
  readonly logs: readonly string[];
  /** Maximum bytes of memory for spans. At least 1 MiB. */
  readonly limitBytes: number;
  /** The file that keeps the spans. It is created if it does not exist. */
  readonly storeFile?: string | undefined;
  /** Called with one sentence if the file can no longer be written. The spans stay in memory. */
  readonly onProblem?: ((problem: string) => void) | undefined;
}

export interface Viewer {
  /** The value for `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  /** The address of the page, with its token. */
  readonly pageUrl: string;
  readonly senderToken: string;
  readonly pageToken: string;
  /** Resolves when all logs have been read once. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

const HOST = "127.0.0.1";
const TOKEN_BYTES = 16;
/** Maximum number of requests whose bodies are read at the same time. */
const MAX_BODIES_AT_ONCE = 8;
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Maximum number of requests for slow routes that wait for their turn. */
const MAX_WAITING_REQUESTS = 8;
const SLOW_TIMEOUT_MS = 120_000;

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** Starts the viewer. Throws `telemetry.viewer_unavailable` if the port is not available, `usage` for a log that does not exist. */
export async function startViewer(options: ViewerOptions): Promise<Viewer> {
  const server = new ViewerServer(options);
  try {
    return await server.start();
  } catch (error) {
    server.closeFile();
    throw error;
  }
}

class ViewerServer {
  readonly #options: ViewerOptions;
  readonly #senderToken = randomHex(TOKEN_BYTES);
  readonly #pageToken = randomHex(TOKEN_BYTES);
  readonly #store: SpanStore;
  readonly #watcher: LogWatcher;
  readonly #catalogue: Catalogue;
  readonly #live: Live;
  readonly #sources: Sources;
  readonly #page: ReadonlyMap<string, PageFile> = pageFiles();
  /** The values of the header `Host` in requests to this server. */
  #hosts: readonly string[] = [];
  #bodiesBeingRead = 0;
  /** Number of requests for slow routes that have no answer yet. */
  #slowRequests = 0;
  /** Settles when the request that came last may be decoded. */
  #lastDecodingTurn: Promise<void> = Promise.resolve();
  /** Settles when the slow requests so far have been answered. */
  #lastSlowAnswer: Promise<unknown> = Promise.resolve();
  #file: StoreFile | undefined;

  constructor(options: ViewerOptions) {
    this.#options = options;
    this.#store = new SpanStore({
      limitBytes: options.limitBytes,
      onChange: (changed) => {
        this.#catalogue.invalidate();
        for (const { traceId, executions } of changed) {
          this.#live.markChanged(traceId);
          for (const span of executions) this.#live.markChanged(executionId(span));
        }
      },
    });
    this.#watcher = new LogWatcher({
      paths: options.logs,
      onChange: ({ id }) => {
        this.#catalogue.invalidate();
        this.#live.markChanged(id);
      },
    });
    this.#catalogue = new Catalogue(this.#store, this.#watcher);
    this.#live = new Live(this.#catalogue);
    this.#sources = {
      store: this.#store,
      logs: this.#watcher,
      catalogue: this.#catalogue,
      watched: options.logs,
      storeFile: options.storeFile,
    };
  }

  async start(): Promise<Viewer> {
    this.#watcher.check();
    this.#openFile();
    const { port, close } = await startServer((request, response) => void this.#answer(request, response), {
      host: HOST,
      port: this.#options.port,
      unavailable: "telemetry.viewer_unavailable",
      hint: "Choose another port with --port; 0 means any free port.",
    });
    this.#hosts = [`${HOST}:${port}`, `localhost:${port}`];
    const url = `http://${HOST}:${port}`;
    return {
      url,
      pageUrl: `${url}/#token=${this.#pageToken}`,
      senderToken: this.#senderToken,
      pageToken: this.#pageToken,
      ready: this.#watcher.start(),
      close: () => {
        this.#watcher.close();
        this.#live.close();
        this.closeFile();
        return close();
      },
    };
  }

  closeFile(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #openFile(): void {
    const { storeFile } = this.#options;
    if (storeFile === undefined) return;
    this.#file = new StoreFile(storeFile, (spans) => void this.#store.add(spans));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    try {
      this.#checkPeer(request);
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://viewer");
      if (pathname.startsWith("/v1/")) await this.#receive(request, response);
      else if (pathname === "/api/live" && request.method === "GET") {
        this.#checkToken(request, this.#pageToken);
        this.#live.connect(response);
      } else if (pathname.startsWith("/api/")) await this.#answerApi(request, response, pathname, searchParams);
      else this.#sendPage(request, response, pathname);
    } catch (error) {
      if (request.destroyed && !request.complete) return;
      if (response.headersSent) {
        response.destroy();
        return;
      }
      const { status, body } = problemAnswer(error);
      if (status === 401) response.setHeader("www-authenticate", "Bearer");
      if (status === 429) response.setHeader("retry-after", "1");
      if (!request.complete) response.setHeader("connection", "close");
      sendJson(response, status, body);
      request.resume();
    }
  }

  /** Refuses requests from other web pages. Their `Origin` differs, or their `Host` is another name for this address. */
  #checkPeer({ headers: { host, origin } }: IncomingMessage): void {
    if (host === undefined || !this.#hosts.includes(host.toLowerCase()))
      throw new HttpProblem(403, "forbidden", "the Host is not this viewer");
    if (origin !== undefined && origin !== `http://${host.toLowerCase()}`)
      throw new HttpProblem(403, "forbidden", "requests from other origins are refused");
  }

  #checkToken(request: IncomingMessage, token: string): void {
    if (!isSameText(request.headers.authorization ?? "", `Bearer ${token}`))
      throw new HttpProblem(401, "unauthorized", "the token is missing or wrong; the command prints it when it starts");
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#checkToken(request, this.#senderToken);
    await this.#limitBodies(() =>
      answerOtlp(
        request,
        response,
        (spans) => this.#addSpans(spans),
        () => this.#decodingTurn(),
      ),
    );
  }

  /** Yields to the event loop between two decoded requests, so that the API still answers while many spans arrive. */
  #decodingTurn(): Promise<void> {
    this.#lastDecodingTurn = this.#lastDecodingTurn.then(() => new Promise((resolve) => setImmediate(resolve)));
    return this.#lastDecodingTurn;
  }

  async #limitBodies<T>(body: () => Promise<T>): Promise<T> {
    if (this.#bodiesBeingRead >= MAX_BODIES_AT_ONCE) throw new HttpProblem(429, "busy", "too many requests at once");
    this.#bodiesBeingRead += 1;
    try {
      return await body();
    } finally {
      this.#bodiesBeingRead -= 1;
    }
  }

  #addSpans(spans: readonly DecodedSpan[]): number {
    const { added, dropped } = this.#store.add(spans.map(storedSpan));
    try {
      this.#file?.append(added, this.#store.bytes, () => this.#store.allSpans());
    } catch (error) {
      if (!(error instanceof BorunaError)) throw error;
      this.closeFile();
      this.#options.onProblem?.(`${error.message}; spans are only in memory from now on`);
    }
    return dropped;
  }

  async #answerApi(request: IncomingMessage, response: ServerResponse, path: string, query: URLSearchParams): Promise<void> {
    this.#checkToken(request, this.#pageToken);
    const route = routeOf(request.method ?? "", path);
    const body = route.hasBody ? await this.#limitBodies(() => textOf(request)) : "";
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const question = { sources: this.#sources, query, body, signal: gone.signal };
    const answer = await (route.isSlow ? this.#inTurn(() => answerWithin(route, question)) : route.answer(question));
    sendJson(response, 200, answer);
  }

  /** Answers requests for slow routes one after the other. */
  async #inTurn<T>(answer: () => Promise<T>): Promise<T> {
    if (this.#slowRequests > MAX_WAITING_REQUESTS) throw new HttpProblem(429, "busy", "too many questions wait for an answer");
    this.#slowRequests += 1;
    const turn = this.#lastSlowAnswer.then(answer);
    this.#lastSlowAnswer = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#slowRequests -= 1;
    }
  }

  #sendPage(request: IncomingMessage, response: ServerResponse, path: string): void {
    if (request.method !== "GET" && request.method !== "HEAD") throw new HttpProblem(405, "usage", "only GET is served here");
    const file = this.#page.get(path);
    if (file === undefined) throw notFound(path === "/" ? "the page was not built: npm run build" : "there is no such page");
    response.writeHead(200, { "content-type": file.type, "cache-control": path === "/" ? "no-cache" : "max-age=31536000, immutable" });
    response.end(request.method === "HEAD" ? undefined : file.bytes);
  }
}

type Question = Parameters<Route["answer"]>[0];

/** Answers a request for a slow route. Stops if the client disconnects, or after `SLOW_TIMEOUT_MS`. */
async function answerWithin(route: Route, question: Question): Promise<unknown> {
  const timeout = AbortSignal.timeout(SLOW_TIMEOUT_MS);
  const signal = AbortSignal.any([question.signal, timeout]);
  signal.throwIfAborted();
  try {
    return await route.answer({ ...question, signal });
  } catch (error) {
    if (timeout.aborted) throw new HttpProblem(503, "timeout", `the answer took longer than ${SLOW_TIMEOUT_MS / 1_000} s`);
    throw error;
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (!(chunk instanceof Buffer)) throw new HttpProblem(400, "usage", "the body is not bytes");
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new HttpProblem(413, "usage", `the body has more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
