/**
 * Sends requests to the server of `boruna view`. Every request carries the token, which is in the address that the command prints.
 * `localStorage` keeps it, so that a permalink works in another tab.
 */
import type { Api, ApiError, LiveMessage } from "../api.ts";

const TOKEN_KEY = "boruna.token";
/** Maximum UTF-16 code units of one message of the live stream. */
const MAX_LIVE_CHARS = 4 * 1024 * 1024;

type Route = keyof Api;
type GetRoute = Exclude<Extract<Route, `GET ${string}`>, "GET /api/live">;
/** The query of a route. Undefined parameters are not sent. */
export type QueryOf<R extends GetRoute> = { readonly [Name in keyof Api[R]["query"]]: Api[R]["query"][Name] | undefined };

/** The values for the words in capitals in a route, such as RUN. */
type Names = Readonly<Partial<Record<"RUN" | "SPAN" | "N", string | number>>>;

/** An answer with a status other than 200, or no answer (status 0). */
export class RequestError extends Error {
  readonly status: number;
  readonly hint: string | undefined;
  constructor(status: number, message: string, hint?: string) {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

/** Moves the token of `#token=…` from the address to the storage. Returns whether there was one. */
export function takeToken(): boolean {
  const token = /^#token=([\w-]+)$/.exec(location.hash)?.[1];
  if (token === undefined) return false;
  storeToken(token);
  history.replaceState(null, "", "#/");
  return true;
}

export function storeToken(token: string): void {
  localStorage.setItem(TOKEN_KEY, token);
}

async function request(path: string, init: RequestInit): Promise<Response> {
  const headers = { ...init.headers, authorization: `Bearer ${localStorage.getItem(TOKEN_KEY) ?? ""}` };
  const response = await fetch(path, { ...init, headers }).catch((error: unknown) => {
    if (init.signal?.aborted === true) throw error;
    throw new RequestError(0, "The viewer does not answer.", "Is `boruna view` still running?");
  });
  if (response.ok) return response;
  const body: unknown = await response.json().catch(() => undefined);
  if (!isApiError(body)) throw new RequestError(response.status, `The viewer answers with status ${response.status}.`);
  throw new RequestError(response.status, body.error.message, body.error.hint);
}

function isApiError(data: unknown): data is ApiError {
  if (typeof data !== "object" || data === null || !("error" in data)) return false;
  const { error } = data;
  return typeof error === "object" && error !== null && "message" in error && typeof error.message === "string";
}

/** Narrows an answer to the type of its route. Checks only that it is an object, because the server is of the same package. */
function isAnswer<R extends Route>(data: unknown, _route: R): data is Api[R]["answer"] {
  return typeof data === "object" && data !== null;
}

async function answerOf<R extends Route>(route: R, response: Response): Promise<Api[R]["answer"]> {
  const data: unknown = await response.json();
  if (!isAnswer(data, route)) throw new RequestError(response.status, "The viewer's answer is not understood.");
  return data;
}

function pathOf(route: Route, names: Names, query: Readonly<Record<string, unknown>>): string {
  const path = route
    .replace(/^\w+ \//, "")
    .replace(/\b(RUN|SPAN|N)\b/g, (word) => encodeURIComponent(String(new Map(Object.entries(names)).get(word))));
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (typeof value === "string" || typeof value === "number") params.set(name, `${value}`);
  const text = params.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** Requests a route and returns its answer. Throws `RequestError`, and the error of `fetch` when `signal` aborts. */
export async function get<R extends GetRoute>(route: R, names: Names, query: QueryOf<R>, signal: AbortSignal): Promise<Api[R]["answer"]> {
  return answerOf(route, await request(pathOf(route, names, query), { signal }));
}

/** Like `get`, with a body. */
export async function post<R extends Extract<Route, `POST ${string}`>>(
  route: R,
  names: Names,
  body: Api[R]["body"],
  signal: AbortSignal,
): Promise<Api[R]["answer"]> {
  const headers = { "content-type": "application/json" };
  return answerOf(route, await request(pathOf(route, names, {}), { method: "POST", headers, body: JSON.stringify(body), signal }));
}

/** Yields the messages of the live stream. Ends when the server closes it. Throws the errors of `get`. */
export async function* liveMessages(signal: AbortSignal, onOpen: () => void): AsyncGenerator<LiveMessage, void> {
  const response = await request("api/live", { signal, headers: { accept: "text/event-stream" } });
  onOpen();
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    if (text.length > MAX_LIVE_CHARS) throw new RequestError(0, "The live stream sent too long a message.");
    const blocks = text.split(/\r?\n\r?\n/);
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const message = messageIn(block);
      if (message !== undefined) yield message;
    }
  }
}

function messageIn(block: string): LiveMessage | undefined {
  const data = block
    .split(/\r?\n/)
    .flatMap((line) => (line.startsWith("data:") ? [line.slice(5).trimStart()] : []))
    .join("\n");
  if (data === "") return undefined;
  const message: unknown = JSON.parse(data);
  return isAnswer(message, "GET /api/live") ? message : undefined;
}
