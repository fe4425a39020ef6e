/** A model endpoint on loopback that records what each request costs, and that bills in the worst ways. */
import type { ServerResponse } from "node:http";
import { startTestServer, type TestServer } from "./support.ts";

/** What one request cost, by the endpoint's books. */
export interface BookEntry {
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** The share of the maximum that the endpoint bills, from 0 to 1. */
export interface Bill {
  readonly inputShare: number;
  readonly outputShare: number;
}

interface Exchange {
  readonly response: ServerResponse;
  readonly streams: boolean;
  /** The largest number of tokens that the request could cost. */
  readonly worst: { readonly prompt_tokens: number; readonly completion_tokens: number };
  /** What this request is billed, unless the behavior bills something else. */
  readonly billed: { readonly prompt_tokens: number; readonly completion_tokens: number };
  readonly bill: (tokens: { readonly prompt_tokens: number; readonly completion_tokens: number }) => void;
  /** Tells the test that there will be no answer. */
  readonly hangs: () => void;
}

const answerJson = (usage: unknown, more: object = {}): string =>
  JSON.stringify({ choices: [{ message: { content: "Paris" }, finish_reason: "stop" }], usage, ...more });

const eventText = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;
const deltaEvent = (content: string): string => eventText({ choices: [{ delta: { content } }] });

/** Bills the request, and then ends the response in the way that `end` does. */
function billed(end: (exchange: Exchange) => void): (exchange: Exchange) => void {
  return (exchange) => {
    exchange.bill(exchange.billed);
    end(exchange);
  };
}

const answeringStatus = (code: number, headers: Record<string, string> = {}) =>
  billed(({ response }) => response.writeHead(code, headers).end("busy"));

/** Ends a stream as the function says, or answers honestly if no stream was asked for. */
function stream(end: (exchange: Exchange) => void): (exchange: Exchange) => void {
  return billed((exchange) => {
    if (!exchange.streams) return void exchange.response.end(answerJson(exchange.billed));
    exchange.response.writeHead(200, { "content-type": "text/event-stream" }).write(deltaEvent("Par") + deltaEvent("is"));
    end(exchange);
  });
}

/** Every way in which the endpoint answers and bills. With the statuses 401 and 429 it bills nothing. */
export const BEHAVIORS = {
  honest: billed(({ response, billed: usage }) => response.end(answerJson(usage))),
  "reports more than it bills": billed(({ response, worst }) => response.end(answerJson(worst))),
  "counts reasoning only in the total": billed(({ response, billed: usage }) =>
    response.end(answerJson({ ...usage, completion_tokens: 1, total_tokens: usage.prompt_tokens + usage.completion_tokens + 1 })),
  ),
  "reports nothing": billed(({ response }) => response.end(answerJson(undefined))),
  "reports zeros": billed(({ response }) => response.end(answerJson({ prompt_tokens: 0, completion_tokens: 0 }))),
  "reports texts": billed(({ response }) => response.end(answerJson({ prompt_tokens: "1", completion_tokens: "1" }))),
  "reports negative numbers": billed(({ response }) => response.end(answerJson({ prompt_tokens: -5, completion_tokens: -1e300 }))),
  "reports half": billed(({ response }) => response.end(answerJson({ prompt_tokens: 1 }))),
  "reports infinity": billed(({ response }) =>
    response.end(answerJson(null).replace('"usage":null', '"usage":{"prompt_tokens":1e999,"completion_tokens":1e999}')),
  ),
  "no text": billed(({ response, billed: usage }) => response.end(answerJson(usage, { choices: [{ message: { content: null } }] }))),
  "error with status 200": billed(({ response }) => response.end('{"error": {"code": "overloaded"}}')),
  "not JSON": billed(({ response }) => response.end("<html>")),
  "not UTF-8": billed(({ response }) => response.end(Buffer.from([0xff, 0xfe]))),
  "bad gzip": billed(({ response }) => response.writeHead(200, { "content-encoding": "gzip" }).end("abc")),
  "cut off": billed(({ response, billed: usage }) => {
    response.writeHead(200, { "content-length": "5000" }).write(answerJson(usage));
    response.destroy();
  }),
  reset: billed(({ response }) => response.socket?.resetAndDestroy()),
  "closed without an answer": billed(({ response }) => response.socket?.end()),
  "no answer": billed(({ hangs }) => hangs()),
  "no end": billed(({ response, hangs }) => {
    response.writeHead(200).write("{");
    hangs();
  }),
  "500": answeringStatus(500),
  "503": answeringStatus(503, { "retry-after": "0" }),
  "599": answeringStatus(599),
  "503 for long": answeringStatus(503, { "retry-after": "100000" }),
  "400": answeringStatus(400),
  "408": answeringStatus(408),
  "404": answeringStatus(404),
  "302": answeringStatus(302, { location: "/v1/chat/completions" }),
  "401": ({ response }) => response.writeHead(401).end("who?"),
  "429": ({ response }) => response.writeHead(429, { "retry-after": "1" }).end("slow down"),
  stream: stream(({ response, billed: usage }) => response.end(`${eventText({ choices: [], usage })}data: [DONE]\n\n`)),
  "stream without usage": stream(({ response }) => response.end("data: [DONE]\n\n")),
  "stream that ends early": stream(({ response }) => response.end()),
  "stream that is reset": stream(({ response }) => response.socket?.resetAndDestroy()),
  "stream with an error": stream(({ response }) => response.end(eventText({ error: { code: "overloaded" } }))),
  "stream of no JSON": stream(({ response }) => response.end("data: {\n\n")),
  "stream without end": stream(({ hangs }) => hangs()),
} as const satisfies Record<string, (exchange: Exchange) => void>;
export type Behavior = keyof typeof BEHAVIORS;
const isBehavior = (name: string): name is Behavior => Object.hasOwn(BEHAVIORS, name);
export const BEHAVIOR_NAMES: readonly Behavior[] = Object.keys(BEHAVIORS).filter(isBehavior);

interface BadEndpoint {
  readonly url: string;
  readonly books: readonly BookEntry[];
  readonly server: TestServer;
}

/** Returns how the endpoint behaves at the next request. Called once for each request. */
export type NextBehavior = () => { readonly behavior: (exchange: Exchange) => void; readonly bill: Bill };

/** Starts an endpoint. A request can cost one input token for each of its bytes, and 256 for the chat template. */
export async function badEndpoint(next: NextBehavior, hangs: () => void): Promise<BadEndpoint> {
  const books: BookEntry[] = [];
  const server = await startTestServer((_, response, text) => {
    const body: { model: string; max_tokens: number; stream?: boolean } = JSON.parse(text);
    const { behavior, bill } = next();
    // The fields that only choose the form of the answer cost no tokens.
    const bytes = Buffer.byteLength(text) - (body.stream === true ? ',"stream":true,"stream_options":{"include_usage":true}'.length : 0);
    const worst = { prompt_tokens: bytes + 256, completion_tokens: body.max_tokens };
    behavior({
      response,
      streams: body.stream === true,
      worst,
      billed: {
        prompt_tokens: Math.max(1, Math.floor(worst.prompt_tokens * bill.inputShare)),
        completion_tokens: Math.max(1, Math.floor(worst.completion_tokens * bill.outputShare)),
      },
      bill: ({ prompt_tokens, completion_tokens }) =>
        books.push({ model: body.model, inputTokens: prompt_tokens, outputTokens: completion_tokens }),
      hangs,
    });
  });
  return { url: `http://127.0.0.1:${server.port}/v1`, books, server };
}
