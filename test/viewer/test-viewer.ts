/** A viewer on a free port, and the requests that tests make. */
import { request } from "node:http";
import type { Api } from "../../viewer/api.ts";
import { startViewer, type Viewer, type ViewerOptions } from "../../viewer/server.ts";
import { afterFile } from "../after-file.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  /** The body as JSON; undefined if it is something else. */
  readonly body: unknown;
}

interface RequestParts {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** Makes a request with exactly these headers; `fetch` would not send `Host` and `Origin` as they are. */
export function ask(url: string, { method = "GET", headers = {}, body }: RequestParts = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        const isJson = response.headers["content-type"] === "application/json" && text !== "";
        const parsed: unknown = isJson ? JSON.parse(text) : undefined;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: parsed });
      });
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

export interface TestViewer extends Viewer {
  /** Returns the answer of a route. `path` is the path with its names replaced, and the query. Fails unless the status is 200. */
  read<R extends keyof Api>(route: R, path: string, body?: unknown): Promise<Api[R]["answer"]>;
  /** Asks the API with the page's token. */
  get(path: string): Promise<Answer>;
  post(path: string, body: unknown): Promise<Answer>;
  /** Sends a trace request as JSON with the sender's token. */
  send(traces: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

/** Starts a viewer, which is closed after the tests of the file. */
export async function testViewer(options: Partial<ViewerOptions> = {}): Promise<TestViewer> {
  const viewer = await startViewer({ port: 0, logs: [], limitBytes: 64 * 1024 * 1024, ...options });
  afterFile(() => viewer.close());
  await viewer.ready;
  const headers = { authorization: `Bearer ${viewer.pageToken}` };
  const get = (path: string): Promise<Answer> => ask(viewer.url + path, { headers });
  const post = (path: string, body: unknown): Promise<Answer> =>
    ask(viewer.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  return {
    ...viewer,
    get,
    post,
    read: async <R extends keyof Api>(route: R, path: string, body?: unknown): Promise<Api[R]["answer"]> => {
      const answer = route.startsWith("POST") ? await post(path, body) : await get(path);
      if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
      const assumeAnswer = (data: unknown): data is Api[R]["answer"] => data !== undefined;
      if (!assumeAnswer(answer.body)) throw new Error(`${path}: no JSON`);
      return answer.body;
    },
    send: (traces, more = {}) =>
      ask(`${viewer.url}/v1/traces`, {
        method: "POST",
        headers: { authorization: `Bearer ${viewer.senderToken}`, "content-type": "application/json", ...more },
        body: typeof traces === "string" || traces instanceof Uint8Array ? traces : JSON.stringify(traces),
      }),
  };
}

/** A span for `traceRequest`. Fields that are left out have default values. */
export interface SentSpan {
  readonly traceId?: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name?: string;
  readonly start?: number;
  readonly end?: number;
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
  readonly status?: number;
}

/** The id of the trace that spans belong to by default. */
export const TRACE = "0af7651916cd43dd8448eb211c80319c";
/** Returns the span id with this number. */
export const spanId = (n: number): string => n.toString(16).padStart(16, "0");
/** Returns the trace id with this number. */
export const traceId = (n: number): string => n.toString(16).padStart(32, "0");
const START = 1_700_000_000_000_000_000n;

/** A trace request with these spans. `start` and `end` are nanoseconds after some moment. */
export function traceRequest(spans: readonly SentSpan[], service = "svc"): unknown {
  const valueOf = (value: string | number | boolean): unknown =>
    typeof value === "string" ? { stringValue: value } : typeof value === "number" ? { intValue: value } : { boolValue: value };
  const sent = spans.map(
    ({ traceId: trace = TRACE, spanId: id, parentSpanId, name = "n", start = 0, end = start, attributes = {}, status }) => ({
      traceId: trace,
      spanId: id,
      parentSpanId,
      name,
      startTimeUnixNano: String(START + BigInt(start)),
      endTimeUnixNano: String(START + BigInt(end)),
      attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) })),
      status: { code: status },
    }),
  );
  const resource = { attributes: [{ key: "service.name", value: { stringValue: service } }] };
  return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "lib", version: "1" }, spans: sent }] }] };
}
