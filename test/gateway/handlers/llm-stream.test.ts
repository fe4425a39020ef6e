/** A streamed answer of `llm.call` equals the answer without a stream, and the observer gets its pieces. */
import fc from "fast-check";
import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { llmCallHandler } from "../../../gateway/handlers/llm-call.ts";
import { canonicalJson } from "../../../vm/json/json.ts";
import { valueToTypedJson } from "../../../vm/json/typed-json.ts";
import { parseType } from "../../../vm/value/type.ts";
import { scaledRuns, DEEP } from "../../cases.ts";
import { callHandler, contextOf, failureOf, policyOf, startTestServer, type TestServer } from "./support.ts";

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

type Respond = (response: ServerResponse, request: IncomingMessage, body: { stream?: boolean; stream_options?: unknown }) => void;

/** Calls an endpoint. Returns the answer or the failure, and the pieces that the observer received (none without an observer). */
async function call(respond: Respond, observes = true): Promise<{ readonly end: string; readonly pieces: readonly string[] }> {
  server = await startTestServer((request, response, text) => respond(response, request, JSON.parse(text)));
  const { run: handler } = llmCallHandler({
    url: `http://127.0.0.1:${server.port}`,
    key: undefined,
    model: "m",
    sleep: async () => undefined,
  });
  const pieces: string[] = [];
  const context = contextOf(policyOf({}), observes ? { onProgress: (piece) => void pieces.push(piece) } : {});
  let answer = "";
  const failure = await failureOf(
    callHandler("llm.call", handler, ["x"], context).then((value) => {
      answer = canonicalJson(valueToTypedJson(value, parseType("Json"), []));
      return value;
    }),
  );
  await server.close();
  return { end: answer === "" ? failure : answer, pieces };
}

const eventText = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;
const deltaEvent = (content: string, more: object = {}): string => eventText({ model: "m-1", choices: [{ delta: { content }, ...more }] });
const streamOf =
  (text: string | Buffer, headers: Record<string, string> = {}): Respond =>
  (response) =>
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", ...headers }).end(text);
const DONE = "data: [DONE]\n\n";

describe("a stream", () => {
  test("is asked for only if there is an observer", async () => {
    const asked: unknown[] = [];
    const respond: Respond = (response, { headers }, { stream, stream_options }) => {
      asked.push([stream, stream_options, headers.accept]);
      response.end('{"choices": [{"message": {"content": "x"}}]}');
    };
    expect((await call(respond, false)).pieces).toEqual([]);
    expect((await call(respond)).pieces).toEqual(["x"]);
    expect(asked).toEqual([
      [undefined, undefined, "application/json"],
      [true, { include_usage: true }, "text/event-stream, application/json"],
    ]);
  });

  test("arrives while the endpoint still writes", async () => {
    const respond: Respond = (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(deltaEvent("Par"));
      goOn = () => response.end(deltaEvent("is", { finish_reason: "stop" }) + DONE);
    };
    let goOn = (): void => undefined;
    server = await startTestServer((request, response, body) => respond(response, request, JSON.parse(body)));
    const { run: handler } = llmCallHandler({ url: `http://127.0.0.1:${server.port}`, key: undefined, model: "m" });
    const pieces: string[] = [];
    const onProgress = (piece: string): void => {
      pieces.push(piece);
      // The endpoint writes the rest only after this piece has arrived.
      goOn();
    };
    await callHandler("llm.call", handler, ["x"], contextOf(policyOf({}), { onProgress }));
    expect(pieces).toEqual(["Par", "is"]);
  });

  const piece = fc.oneof(fc.string({ unit: "binary", maxLength: 8 }), fc.string({ unit: "grapheme", maxLength: 8 }));
  const streamed = fc.record({
    text: fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
    /** Where the text is cut, in UTF-16 code units: a cut may be inside a surrogate pair. */
    cuts: fc.array(fc.nat(40), { maxLength: 10 }),
    /** How many bytes the endpoint writes at once. */
    chunk: fc.integer({ min: 1, max: 60 }),
    lineEnd: fc.constantFrom("\n", "\r\n", "\r"),
    comments: fc.boolean(),
    space: fc.constantFrom("", " "),
    finishReason: fc.constantFrom("stop", "length", "content_filter", "odd", null),
    usage: fc.oneof(
      fc.constant(undefined),
      fc.record({ prompt_tokens: fc.nat(99), completion_tokens: fc.nat(99), total_tokens: fc.nat(300) }),
    ),
    model: fc.constantFrom("m-1", undefined),
    endsWithDone: fc.constantFrom(DONE, "data: [DONE]"),
    gzip: fc.boolean(),
  });

  test("gives the same answer as without, however it is cut, and its pieces make the text", async () => {
    await fc.assert(
      fc.asyncProperty(
        streamed,
        async ({ text, cuts, chunk, lineEnd, comments, space, finishReason, usage, model, endsWithDone, gzip }) => {
          const places = [0, ...cuts.filter((cut) => cut < text.length).toSorted((a, b) => a - b), text.length];
          const parts = places.slice(1).map((end, i) => text.slice(places[i], end));
          const events: unknown[] = [
            { model, choices: [{ index: 0, delta: { role: "assistant", content: "" } }] },
            ...parts.map((content) => ({ model, choices: [{ index: 0, delta: { content } }], usage: null })),
            { model, choices: [{ index: 0, delta: {}, finish_reason: finishReason }] },
            ...(usage === undefined ? [] : [{ model, choices: [], usage }]),
          ];
          const lines = events.map(
            (data) => `${comments ? ": keep-alive\n\nevent: message\nid: 7\n" : ""}data:${space}${JSON.stringify(data)}\n\n`,
          );
          const bytes = Buffer.from((lines.join("") + endsWithDone).replaceAll("\n", lineEnd));
          const sent = gzip ? gzipSync(bytes) : bytes;
          const stream = await call((response) => {
            response.writeHead(200, { "content-type": "text/event-stream", ...(gzip ? { "content-encoding": "gzip" } : {}) });
            for (let at = 0; at < sent.length; at += chunk) response.write(sent.subarray(at, at + chunk));
            response.end();
          });
          const whole = await call((response) => {
            response.end(JSON.stringify({ model, choices: [{ message: { content: text }, finish_reason: finishReason }], usage }));
          }, false);
          expect(stream.end).toBe(whole.end);
          expect(stream.pieces.join("")).toBe(text);
          expect(stream.pieces).not.toContain("");
        },
      ),
      { numRuns: scaledRuns(500) },
    );
  });

  test.each<[string, Respond, string]>([
    ["no JSON", streamOf("data: {\n\n"), "an event of the model endpoint's stream is not JSON"],
    ["no end", streamOf(deltaEvent("Par")), "the model endpoint's stream ended too early"],
    ["nothing", streamOf(""), "the model endpoint's stream ended too early"],
    [
      "no text",
      streamOf(eventText({ choices: [{ delta: {}, finish_reason: "stop" }] }) + DONE),
      "the model endpoint's answer holds no text",
    ],
    ["a refusal", streamOf(eventText({ choices: [{ delta: { refusal: "No." } }] }) + DONE), "the model refused to answer"],
    [
      "an error",
      streamOf(deltaEvent("Par") + eventText({ error: { message: "secret", type: "server_error" } })),
      "the model endpoint answered with an error (server_error)",
    ],
    ["bytes that are no text", streamOf(Buffer.from([0x64, 0xff, 0x0a])), "the response is not UTF-8 text"],
    ["a cut character", streamOf(Buffer.concat([Buffer.from(deltaEvent("x")), Buffer.from([0xc3])])), "the response is not UTF-8 text"],
    ["a line without end", streamOf(`data: ${"x".repeat(2_000_000)}`), "an event of the response is longer than 1048576 characters"],
    ["an event without end", streamOf("data: x\n".repeat(200_000)), "an event of the response is longer than 1048576 characters"],
    ["a text without end", streamOf(deltaEvent("x".repeat(1_000_000)).repeat(11)), "the model's answer is longer than 10485760 characters"],
    ["bad gzip", streamOf("x", { "content-encoding": "gzip" }), "the response does not decode as gzip"],
    [
      "odd chunks",
      (response) => response.socket?.end("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
      "the response is not HTTP as it should be",
    ],
    [
      "a reset",
      (response) => {
        response.writeHead(200, { "content-type": "text/event-stream" }).write(deltaEvent("Par"), () => response.socket?.resetAndDestroy());
      },
      "the connection was closed by the other side",
    ],
  ])("with %s fails the call", async (_, respond, message) => {
    expect((await call(respond)).end).toBe(`failed: ${message}`);
  });

  test("is read no further than its end, even if the connection stays open", async () => {
    const { end } = await call((response) => {
      response
        .writeHead(200, { "content-type": "text/event-stream" })
        .write(deltaEvent("Paris", { finish_reason: "stop" }) + DONE + "data: {\n\n");
    });
    expect(end).toContain('"text":"Paris"');
  });

  test("one byte at a time in one long line takes linear time", async () => {
    const length = DEEP ? 300_000 : 30_000;
    const bytes = Buffer.from(deltaEvent("x".repeat(length), { finish_reason: "stop" }) + DONE);
    const { pieces } = await call((response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const byte of bytes) response.write(Buffer.of(byte));
      response.end();
    });
    expect(pieces.map((text) => text.length)).toEqual([length]);
  });
});
