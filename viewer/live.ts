/** Tells open pages which runs have changed, by server-sent events. */
import type { ServerResponse } from "node:http";
import type { LiveMessage } from "./api.ts";
import type { Catalogue } from "./catalogue.ts";
import { HttpProblem } from "./http-answer.ts";

/** How long changes are collected before they are sent. */
const COLLECT_MS = 100;
const HEARTBEAT_MS = 15_000;
const MAX_CLIENTS = 32;
/** Maximum number of runs in one message. */
const MAX_RUNS = 100;
/** A slow page is disconnected once this many bytes are waiting for it. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/** The stream of `GET /api/live` and its clients. */
export class Live {
  readonly #catalogue: Catalogue;
  readonly #clients = new Set<ServerResponse>();
  /** Ids of runs, executions and traces that have changed since the last message. */
  readonly #changed = new Set<string>();
  /** The ids of the rows when the last message was sent, or when the first client connected. */
  #known: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  /** Answers with an endless stream of messages. Throws an `HttpProblem` if there are too many clients. */
  connect(response: ServerResponse): void {
    if (this.#clients.size >= MAX_CLIENTS) throw new HttpProblem(429, "usage", `more than ${MAX_CLIENTS} pages are open`);
    if (this.#clients.size === 0) this.#known = new Set(this.#catalogue.runs.keys());
    this.#clients.add(response);
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.write(": connected\n\n");
    response.once("close", () => {
      this.#clients.delete(response);
      if (this.#clients.size === 0) this.#stop();
    });
    this.#heartbeat ??= setInterval(() => this.#write(":\n\n"), HEARTBEAT_MS);
  }

  /** Records that a run, execution or trace has changed. */
  markChanged(id: string): void {
    if (this.#clients.size === 0) return;
    this.#changed.add(id);
    this.#timer ??= setTimeout(() => this.#send(), COLLECT_MS);
  }

  #send(): void {
    this.#timer = undefined;
    const { runs } = this.#catalogue;
    const ids = new Set([...this.#changed].flatMap((id) => this.#catalogue.find(id)?.id ?? []));
    for (const id of runs.keys()) if (!this.#known.has(id)) ids.add(id);
    const gone = [...this.#known].filter((id) => !runs.has(id));
    this.#changed.clear();
    this.#known = new Set(runs.keys());
    if (ids.size === 0 && gone.length === 0) return;
    const message: LiveMessage = {
      runs: [...ids].slice(0, MAX_RUNS).flatMap((id) => runs.get(id)?.summary ?? []),
      gone: gone.slice(0, MAX_RUNS),
      reload: ids.size > MAX_RUNS || gone.length > MAX_RUNS,
    };
    this.#write(`event: runs\ndata: ${JSON.stringify(message)}\n\n`);
  }

  #write(text: string): void {
    for (const client of this.#clients) {
      if (client.writableLength > MAX_WAITING_BYTES) client.destroy();
      else client.write(text);
    }
  }

  #stop(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#heartbeat);
    this.#timer = undefined;
    this.#heartbeat = undefined;
    this.#changed.clear();
  }

  close(): void {
    for (const client of this.#clients) client.end();
    this.#stop();
  }
}
