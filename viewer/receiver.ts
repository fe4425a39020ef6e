/**
 * Receives traces over OTLP/HTTP on the loopback interface, for programs that need only the spans:
 *
 *   POST /v1/traces ──► otlp-http.ts (limits, gzip) ──► otlp.ts ──► otlp-protobuf.ts or otlp-json.ts ──► `onSpans`
 *
 * `onSpans` gets `DecodedSpan`s (span-data.ts), which `spanTree` (telemetry/span-tree.ts) can print. `boruna view` (server.ts) receives spans in the
 * same way, behind a token.
 */
import { startServer } from "../telemetry/http-server.ts";
import { answerOtlp } from "./otlp-http.ts";
import type { DecodedSpan } from "./span-data.ts";

interface ReceiverOptions {
  /** The port to listen on. Default: 0, which means any free port. */
  readonly port?: number;
  /** Called once for each valid request. If this function throws, the response has status 500. */
  readonly onSpans: (spans: readonly DecodedSpan[]) => void;
}

export interface Receiver {
  readonly port: number;
  /** The value for `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  /** Stops listening and closes open connections. */
  close(): Promise<void>;
}

const HOST = "127.0.0.1";

/** Starts listening. Throws `telemetry.receiver_unavailable` if the port is not available. */
export async function startReceiver({ port: wantedPort = 0, onSpans }: ReceiverOptions): Promise<Receiver> {
  const receive = (spans: readonly DecodedSpan[]): number => {
    onSpans(spans);
    return 0;
  };
  const { port, close } = await startServer((request, response) => void answerOtlp(request, response, receive), {
    host: HOST,
    port: wantedPort,
    unavailable: "telemetry.receiver_unavailable",
    hint: "Choose another port, or 0 for any free one.",
  });
  return { port, url: `http://${HOST}:${port}`, close };
}
