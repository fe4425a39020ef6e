import { request } from "node:http";
import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { deliver } from "../../../telemetry/usage/delivery.ts";
import { MAX_EVENT_BYTES, type UsageEvent } from "../../../telemetry/usage/event.ts";
import { type Sink, startUsageSink } from "../../../telemetry/usage/sink.ts";
import { EVENT } from "./event.ts";

const TOKEN = "secret-1";
const open: Sink[] = [];
afterEach(async () => {
  for (const sink of open.splice(0)) await sink.close();
});

interface Started {
  readonly sink: Sink;
  readonly events: UsageEvent[];
  readonly refusals: string[];
}

async function start(token?: string, onEvent?: () => void): Promise<Started> {
  const events: UsageEvent[] = [];
  const refusals: string[] = [];
  const sink = await startUsageSink({
    host: "127.0.0.1",
    port: 0,
    token,
    onEvent: (event) => {
      onEvent?.();
      events.push(event);
    },
    onRefused: (status, problem) => refusals.push(`${status} ${problem}`),
  });
  open.push(sink);
  return { sink, events, refusals };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function send(url: string, body: string, headers: Readonly<Record<string, string>> = {}, method = "POST"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { "Content-Type": "application/json", ...headers }, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    sent.on("error", reject).end(body);
  });
}

test("an event is accepted, on any path", async () => {
  const { sink, events } = await start();
  expect(await send(sink.url, JSON.stringify(EVENT))).toEqual({ status: 204, body: "" });
  expect(await send(`${sink.url}v1/usage`, JSON.stringify({ ...EVENT, tenant: "acme" }))).toMatchObject({ status: 204 });
  expect(events).toEqual([EVENT, { ...EVENT, tenant: "acme" }]);
});

test.each([
  ["not JSON", "SENTINEL", {}, "POST", 400],
  ["no event", '{"SENTINEL":1}', {}, "POST", 400],
  ["text that controls a terminal", JSON.stringify({ ...EVENT, os: "\u001b[2JSENTINEL" }), {}, "POST", 400],
  ["not UTF-8 in a field", JSON.stringify({ ...EVENT, os: "\ufffd" }), {}, "POST", 400],
  ["another method", "", {}, "PUT", 405],
  ["a form, which any web page can send", JSON.stringify(EVENT), { "Content-Type": "text/plain" }, "POST", 415],
  ["too much", " ".repeat(MAX_EVENT_BYTES + 1), {}, "POST", 413],
])("%s is refused", async (_what, body, headers, method, status) => {
  const { sink, events, refusals } = await start();
  const answer = await send(sink.url, body, headers, method);
  expect(answer.status).toBe(status);
  expect(events).toEqual([]);
  expect(refusals).toEqual([expect.stringMatching(new RegExp(`^${status} [\\x20-\\x7e]+$`))]);
  expect(`${answer.body}${refusals.join("")}`).not.toContain("SENTINEL");
});

test.each([
  ["no token", {}],
  ["a wrong token", { Authorization: "Bearer secret-2" }],
  ["a part of the token", { Authorization: "Bearer secret-" }],
  ["another scheme", { Authorization: `Basic ${TOKEN}` }],
  ["the token alone", { Authorization: TOKEN }],
])("%s is answered with 401 before the body is read", async (_what, headers) => {
  const { sink, events, refusals } = await start(TOKEN);
  expect(await send(sink.url, "not JSON", headers)).toMatchObject({ status: 401 });
  expect(events).toEqual([]);
  expect(refusals).toEqual(["401 the bearer token is missing or wrong"]);
});

test("the sender's own request has the token and the right form", async () => {
  const { sink, events } = await start(TOKEN);
  const destination = { kind: "url", url: sink.url, timeoutMs: 60_000 } as const;
  expect(await deliver(EVENT, { ...destination, token: TOKEN })).toBeUndefined();
  expect(await deliver(EVENT, { ...destination, token: "other" })).toBe("the server answered 401");
  expect(events).toEqual([EVENT]);
});

test("an event that cannot be stored is answered with 500, and the sink goes on", async () => {
  let isFull = true;
  const { sink, events } = await start(undefined, () => {
    if (isFull) throw new Error("SENTINEL: no space");
  });
  const answer = await send(sink.url, JSON.stringify(EVENT));
  expect(answer).toEqual({ status: 500, body: '{"error":"the event could not be stored"}' });
  isFull = false;
  expect(await send(sink.url, JSON.stringify(EVENT))).toMatchObject({ status: 204 });
  expect(events).toEqual([EVENT]);
});

test("clients that send garbage, half a request or nothing disturb nobody, and closing does not wait for them", async () => {
  const { sink, events } = await start();
  const { port } = new URL(sink.url);
  const sockets = [
    "",
    "\u0000\u0001\r\n\r\n",
    "POST / HTTP/1.1\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
  ].map((text) => {
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(text);
    return socket;
  });
  expect(await send(sink.url, JSON.stringify(EVENT))).toMatchObject({ status: 204 });
  expect(events).toEqual([EVENT]);
  await sink.close();
  for (const socket of sockets) socket.destroy();
});

test("a port that is taken is an error that says so", async () => {
  const { sink } = await start();
  const port = Number(new URL(sink.url).port);
  const second = startUsageSink({ host: "127.0.0.1", port, token: undefined, onEvent: () => undefined, onRefused: () => undefined });
  await expect(second).rejects.toMatchObject({
    kind: "telemetry.sink_unavailable",
    message: `port ${port} on 127.0.0.1 is not available (EADDRINUSE)`,
  });
});
