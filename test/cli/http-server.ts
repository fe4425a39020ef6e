/**
 * A Node program that is not Boruna's: an HTTP server under OpenTelemetry's own instrumentation. It answers one request, for which it makes a request
 * itself and runs a program, and then ends.
 */
import { createRequire } from "node:module";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { compile, execute, verifyModule } from "../../index.ts";

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "shop" }),
  spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter())],
});
provider.register();
const instrumentation = new HttpInstrumentation();
instrumentation.setTracerProvider(provider);
instrumentation.enable();

// The instrumentation replaces functions of the module when it is loaded with `require`.
const http: typeof import("node:http") = createRequire(import.meta.url)("node:http");

const PROGRAM = verifyModule(compile({ name: "price.ax", text: "fn main() -> Int !{time.now} { time.now() }\n" }).module);

function urlOf(server: Server, path: string): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}${path}`;
}

function read(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    http.get(url, (response) => response.resume().once("end", resolve)).once("error", reject);
  });
}

async function answer({ url }: IncomingMessage, response: ServerResponse): Promise<void> {
  if (url === "/checkout") {
    await read(urlOf(server, "/stock"));
    await execute(PROGRAM, { policy: "allow-all" });
  }
  response.end("ok");
}

const server = http.createServer((request, response) => void answer(request, response));
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
await read(urlOf(server, "/checkout"));
await provider.shutdown();
server.close();
