/** Sends requests to the API of a running viewer, or answers them from the file of a store, without a server. */
import type { RunDetail, RunsAnswer, SpansAnswer } from "./api.ts";
import { Catalogue } from "./catalogue.ts";
import { problemAnswer } from "./http-answer.ts";
import { routeOf } from "./routes.ts";
import { SpanStore } from "./span-store.ts";
import { readStoreFile } from "./store-file.ts";
import { BorunaError } from "../vm/error.ts";

/** Requests a route. `path` is the path and query of the URL: `/api/runs/ID?from=0`. Throws `usage`, `io_error`, `telemetry.*`. */
export type Ask = (path: string) => Promise<unknown>;

const MAX_STORE_BYTES = 1024 * 1024 * 1024;
const TIMEOUT_MS = 60_000;

/** Returns a function that answers from the file of `boruna view --store`. */
export function askFile(file: string): Ask {
  const store = new SpanStore({ limitBytes: MAX_STORE_BYTES, onChange: () => undefined });
  for (const spans of readStoreFile(file)) store.add(spans);
  // The list of runs (`Catalogue`) can also have logs of watched folders. Here it has only the spans of the file.
  const logs = { logs: new Map() };
  const catalogue = new Catalogue(store, logs);
  return async (path) => {
    const { pathname, searchParams } = new URL(path, "http://viewer");
    try {
      const sources = { store, logs, catalogue, watched: [], storeFile: file };
      const signal = new AbortController().signal;
      return await routeOf("GET", pathname).answer({ sources, query: searchParams, body: "", signal });
    } catch (error) {
      if (problemAnswer(error).status !== 404) throw error;
      throw new BorunaError("usage", problemAnswer(error).body.error.message, { place: { file } });
    }
  };
}

/** Returns a function that asks a running viewer. `address` is the printed URL, with the page's token in the fragment. */
export function askViewer(address: string): Ask {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const token = /^#token=([0-9a-f]+)$/.exec(url?.hash ?? "")?.[1];
  if (url === undefined || url.protocol !== "http:" || token === undefined) {
    throw new BorunaError("usage", "--viewer: expected the address that boruna view prints", {
      hint: "for example --viewer 'http://127.0.0.1:4318/#token=…'",
    });
  }
  return async (path) => {
    let response: Response;
    try {
      const headers = { authorization: `Bearer ${token}` };
      response = await fetch(new URL(path, url.origin), { headers, redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (error) {
      throw new BorunaError("io_error", `no viewer answers at ${url.origin}`, { hint: "start one: boruna view", cause: error });
    }
    const answer: unknown = await response.json();
    if (response.ok) return answer;
    throw new BorunaError("usage", errorMessage(answer) ?? `the viewer answered ${response.status}`);
  };
}

function errorMessage(answer: unknown): string | undefined {
  if (typeof answer !== "object" || answer === null || !("error" in answer)) return undefined;
  const { error } = answer;
  return typeof error === "object" && error !== null && "message" in error && typeof error.message === "string" ? error.message : undefined;
}

const isObject = (data: unknown): data is object => typeof data === "object" && data !== null;
const isRuns = (data: unknown): data is RunsAnswer => isObject(data) && "runs" in data && Array.isArray(data.runs) && "total" in data;
const isRun = (data: unknown): data is RunDetail => isObject(data) && "run" in data && isObject(data.run) && "executions" in data;
const isSpans = (data: unknown): data is SpansAnswer => isObject(data) && "spans" in data && Array.isArray(data.spans) && "total" in data;

const anotherVersionError = (): BorunaError =>
  new BorunaError("usage", "the answer is not of this version of boruna", { hint: "Use the boruna that runs the viewer." });

export async function askRuns(ask: Ask, query: string): Promise<RunsAnswer> {
  const answer = await ask(`/api/runs?${query}`);
  if (!isRuns(answer)) throw anotherVersionError();
  return answer;
}

export async function askRun(ask: Ask, id: string): Promise<RunDetail> {
  const answer = await ask(`/api/runs/${encodeURIComponent(id)}`);
  if (!isRun(answer)) throw anotherVersionError();
  return answer;
}

export async function askSpans(ask: Ask, id: string, from: number, count: number): Promise<SpansAnswer> {
  const answer = await ask(`/api/runs/${encodeURIComponent(id)}/spans?from=${from}&count=${count}`);
  if (!isSpans(answer)) throw anotherVersionError();
  return answer;
}
