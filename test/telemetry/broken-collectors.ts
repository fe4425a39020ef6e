/** The ways in which a collector can be broken. None of them may change a run. */
import { createServer as createHttp2Server } from "node:http2";
import { answeringWith, type Behavior, listen, partialSuccess, refusingUrl, startCollector } from "./collector.ts";

interface Started {
  /** The value for `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  close(): unknown;
}

export interface BrokenCollector {
  readonly what: string;
  /** Whether spans and metrics count as delivered nevertheless. */
  readonly accepts: boolean;
  readonly start: () => Promise<Started>;
}

const collector = (what: string, accepts: boolean, behavior: Behavior): BrokenCollector => ({
  what,
  accepts,
  start: () => startCollector(behavior),
});
const loses = (what: string, behavior: Behavior): BrokenCollector => collector(what, false, behavior);
const accepts = (what: string, behavior: Behavior): BrokenCollector => collector(what, true, behavior);

async function startHttp2(): Promise<Started> {
  const server = createHttp2Server();
  return { url: `http://127.0.0.1:${await listen(server)}`, close: () => server.close() };
}

async function startWithoutTls(): Promise<Started> {
  const plain = await startCollector();
  return { url: plain.url.replace("http:", "https:"), close: () => plain.close() };
}

const PROTOBUF = { "content-type": "application/x-protobuf" };
const OK = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n";

/** Broken collectors of the protocol http/protobuf. */
export const BROKEN_COLLECTORS: readonly BrokenCollector[] = [
  { what: "refuses connections", accepts: false, start: async () => ({ url: await refusingUrl(), close: () => undefined }) },
  { what: "speaks HTTP/2 only", accepts: false, start: startHttp2 },
  { what: "does not speak TLS", accepts: false, start: startWithoutTls },
  loses("hangs", "hang"),
  loses("resets", "reset"),
  loses("ends each connection", { raw: "", ends: true }),
  loses("answers a byte a second", "drip"),
  loses("reads a byte a second", "slow-read"),
  loses("does not speak HTTP", { raw: "\u0000\u0001SENTINEL\r\n\r\n", ends: false }),
  loses("hangs in its answer", { raw: `${OK}Content-Length: 9\r\n\r\n`, ends: false }),
  loses("ends in its answer", { raw: `${OK}Content-Length: 9\r\n\r\n1`, ends: true }),
  loses("answers 500", "error"),
  loses("answers 503", "unavailable"),
  loses("answers 429 for a day", answeringWith(429, { headers: { "retry-after": "86400" } })),
  loses("answers 400", answeringWith(400, { body: "SENTINEL" })),
  loses("answers 401", answeringWith(401, { headers: { "www-authenticate": "Basic" } })),
  loses("answers 404", answeringWith(404)),
  loses("answers 413", answeringWith(413)),
  loses("redirects", answeringWith(308, { headers: { location: "/" } })),
  loses("rejects everything", answeringWith(200, { headers: PROTOBUF, body: partialSuccess("protobuf", 1_000_000) })),
  accepts("answers 204", answeringWith(204)),
  accepts("answers with a malformed body", answeringWith(200, { headers: PROTOBUF, body: Uint8Array.of(0x0a, 0x7f) })),
  accepts("answers with 4 MiB", answeringWith(200, { headers: PROTOBUF, body: new Uint8Array(2 ** 22) })),
];
